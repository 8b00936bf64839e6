"""What every real instrument shares: its link, its limits, and the settings it was given."""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drivers.session import Link
from labctl.data import Setting
from labctl.errors import DeviceError
from labctl.hal import Limits, LimitTable


def whole_counts(readings: ArrayLike, asked: str) -> NDArray[np.int64]:
    """Readings of a counter as counts, of the same shape.

    Args:
        readings: what was read.
        asked: role, place and command, with which a message begins.

    Raises:
        DeviceError: one is negative, no whole number, or stands for "not a number".
    """
    values = np.asarray(readings)
    bad = ~((values >= 0) & (values < 2.0**63) & (values == np.floor(values)))
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        raise DeviceError(
            f"{asked} is answered {values.ravel()[where]:g} (reading {where + 1} of {values.size}),"
            " which is no count; there is no valid reading."
        )
    return values.astype(np.int64)


class RealDevice:
    """One role played over a link. Subclasses say how to connect and what to do first.

    Attributes:
        ROLE: name of the role in messages.
        LIMITS: what the instrument accepts, from its data sheet; the rig file narrows it.
        SETTINGS: unit of every setting by property name, in the order they are told.
    """

    ROLE: ClassVar[str]
    LIMITS: ClassVar[Mapping[str, Limits]]
    SETTINGS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, link: Link[Any], limits: Mapping[str, Limits] | None = None) -> None:
        self.limits = LimitTable(limits if limits is not None else self.LIMITS)
        self._link = link
        self._identity = ""
        self._open = False
        self._setpoints: dict[str, float | bool] = {}

    @property
    def identity(self) -> str:
        """What the instrument said of itself when it was opened."""
        self._require_open()
        return self._identity

    def open(self) -> None:
        """Connect, check the model, bring the instrument into its state after `open`."""
        if self._open:
            return
        with self._link.opening(self.ROLE, self._connect) as handle:
            self._identity = self._identify(handle)
            self._prepare(handle)
        self._setpoints.clear()
        self._open = True

    def close(self) -> None:
        """Disconnect and leave everything as it stands."""
        if self._open:
            self._open = False
            self._link.close()

    def settings(self) -> Mapping[str, Setting]:
        """Every adjustable value: what was asked for, what the instrument reads back."""
        self._require_open()
        told: dict[str, Setting] = {}
        for name, unit in self.SETTINGS.items():
            value = getattr(self, name)
            told[name] = Setting(self._setpoints.get(name), value, unit)
        return told

    def _connect(self) -> Any:
        """Make the connection; the link calls it under its lock."""
        raise NotImplementedError

    def _identify(self, handle: Any) -> str:
        """Ask who answers; raises DeviceError for a wrong model."""
        raise NotImplementedError

    def _prepare(self, handle: Any) -> None:
        """Switch sources off, after connecting."""

    def _talk(self, command: str = "") -> Any:
        """`with self._talk() as handle:` one conversation that nobody interrupts.

        `command` is what messages call it, where no wire tells.
        """
        self._require_open()
        return self._link.talk(self.ROLE, command)

    def _import(self, module: str, *, extra: str) -> Any:
        """The maker's Python package.

        Raises:
            DeviceError: it is not installed; the message says how.
        """
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where} needs the package `{module}`, which cannot be "
                f"imported ({error}); install it with: pip install 'labctl[{extra}]'"
            ) from error

    def _require_open(self) -> None:
        if not self._open:
            raise DeviceError(f"{self.ROLE} at {self._link.where} is not open; open the rig first.")

    def _check_model(self, known: bool, answer: str, expected: str, question: str) -> str:
        """`answer` if it is that of a `known` model.

        Raises:
            DeviceError: another instrument answers at this address.
        """
        if not known:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: expected {expected}, but "
                f"`{question}` is answered {answer!r}; is the address another instrument's?"
            )
        return answer

    def _check_readback(self, name: str, value: Any, readback: Any, within: float) -> None:
        """Compare what was asked for with what reads back, both in the table's unit.

        Raises:
            DeviceError: they differ; the message names role, place, command and answer.
        """
        same = (
            value == readback
            if isinstance(value, bool | str)
            else isinstance(readback, float | int) and abs(readback - value) <= within
        )
        if not same:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: after `{self._link.last_command}` "
                f"`{name}` reads back {readback!r} instead of {value!r}; is it locked at its "
                "front panel, or limited there?"
            )

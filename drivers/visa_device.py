"""A role played by an instrument with a pymeasure command table."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pymeasure.instruments import Instrument

from drivers.real_device import RealDevice
from drivers.session import Session
from labctl.errors import DeviceError
from labctl.hal import Limits

COMMAND_PROTECTED = -203
"""SCPI's code for "not now": most instruments give it while their front panel is locked."""
MOST_ENTRIES = 32
"""Of an error queue that does not end."""


class VisaDevice(RealDevice):
    """A role over one VISA session.

    Every set goes out, the error queue is asked, and the value is read back.

    Args:
        resource: VISA resource name, or a shared `Session`.
        options: what `Session` takes, when `resource` is a name.

    Attributes:
        TABLE: the pymeasure class.
        MAKERS: spellings of the first field of `*IDN?`, small and capital letters alike.
        MODELS: what the second field must be, in full.
        FAMILY: what messages call many models; empty for their names.
    """

    TABLE: ClassVar[type[Instrument]]
    MAKERS: ClassVar[tuple[str, ...]]
    MODELS: ClassVar[tuple[str, ...]]
    FAMILY: ClassVar[str] = ""

    def __init__(
        self,
        resource: str | Session,
        *,
        limits: Mapping[str, Limits] | None = None,
        **options: Any,
    ) -> None:
        session = resource if isinstance(resource, Session) else Session(resource, **options)
        super().__init__(session, limits)
        self._session = session

    def _connect(self) -> Instrument:
        return self._session.connect_as(self.TABLE)

    def _identify(self, handle: Any) -> str:
        # IEEE 488.2, 10.14.3: maker, model, serial number, firmware, between commas.
        answer = handle.id
        maker, model, *_ = (*(field.strip() for field in answer.split(",")), "", "")
        known = maker.upper() in map(str.upper, self.MAKERS) and model in self.MODELS
        self._check_model(known, answer, self._expected, "*IDN?")
        handle.clear()  # what stands in the error queue is not ours
        return answer

    @property
    def _expected(self) -> str:
        return self.FAMILY or " or ".join(self.MODELS)

    def _set(self, instrument: Any, attribute: str, value: Any, *, within: float = 0.0) -> None:
        """Set an attribute of the table (or of one of its channels), ask for errors, read back.

        `within` is the largest difference that rounding by the instrument explains.
        """
        setattr(instrument, attribute, value)
        self._refuse_errors(instrument)
        command = self._link.last_command
        readback = getattr(instrument, attribute)
        self._link.last_command = command
        self._check_readback(attribute, value, readback, within)

    def _refuse_errors(self, instrument: Any) -> None:
        """Raise what stands in the error queue after a command.

        Raises:
            DeviceError: names role, resource, command and answer.
        """
        command = self._link.last_command
        entries = self._error_entries(instrument)
        self._link.last_command = command
        if entries:
            locked = any(code == COMMAND_PROTECTED for code, _ in entries)
            hint = " Unlock its front panel." if locked else ""
            told = "; ".join(f"{code},{text}" for code, text in entries)
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: `{command}` is answered by the error "
                f"{told}.{hint}"
            )

    def _error_entries(self, instrument: Any) -> list[tuple[int, str]]:
        """Everything in the error queue, oldest first; SYST:ERR? unless overridden."""
        root = getattr(instrument, "parent", instrument)
        entries: list[tuple[int, str]] = []
        while len(entries) < MOST_ENTRIES:
            code, *text = root.next_error
            if int(code) == 0:
                break
            entries.append((int(code), ",".join(str(part) for part in text)))
        return entries

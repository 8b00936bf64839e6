"""Connections to instruments: the one place with locks, time-outs and their translation."""

import contextlib
import math
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import pyvisa
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pyvisa.constants import StatusCode

from labctl.errors import DeviceError, LabError

BACKENDS = ("py", "ivi", "sim")
INFINITY = 9.9e37
"""SCPI's infinity; 9.91E37 is its "not a number" (SCPI-1999, volume 1, 7.2.1.4 and 7.2.1.5)."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
HINT = "(is it switched on and connected?)"

Handle = TypeVar("Handle")

_MANAGER_LOCK = threading.Lock()


class Link(Generic[Handle]):
    """One connection to one instrument, and its only lock.

    Several roles may share a link (a generator whose channels drive trap and AOM): name it in
    the rig's [shared] and hand it to both. It opens with the first role and closes with the
    last. Whatever goes wrong inside `talk` becomes a `DeviceError` that names role, place,
    command and answer; afterwards the connection is made anew, because a late answer must
    never be taken for the answer to the next question.

    Attributes:
        where: VISA resource name, port or host.
        last_command: what was sent last, for messages.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.last_command = ""
        self._lock = threading.RLock()
        self._handle: Handle | None = None
        self._users = 0
        self._doubtful = False
        self._role = ""
        self._refused: tuple[float, Exception | None] = (0.0, None)

    @contextlib.contextmanager
    def opening(self, role: str, connect: Callable[[], Handle]) -> Iterator[Handle]:
        """Connect if nobody has yet, and have the first words of a role; then it is open.

        Several roles are opened side by side. Who waits for another one's first words shares
        their outcome when no answer came, and does not wait for a time-out more.

        Raises:
            DeviceError: there is no answer, or anything goes wrong inside; it is closed again.
        """
        asked_s = time.monotonic()
        with self._lock:
            failed_s, failure = self._refused
            with self._translated(role):
                if failure is not None and failed_s > asked_s:
                    raise failure
                self._users += 1
                try:
                    if self._handle is None:
                        self._handle, self._connect = connect(), connect
                        self._doubtful = False
                    with self.talk(role) as handle:
                        yield handle
                except BaseException as error:
                    reason = error.__cause__ if isinstance(error, LabError) else error
                    if isinstance(reason, Exception):
                        self._refused = (time.monotonic(), reason)
                    self.close()
                    raise

    def close(self) -> None:
        """Give the connection up; the last user closes it."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._handle is not None:
                handle, self._handle = self._handle, None
                with contextlib.suppress(Exception):  # it may be what has just broken
                    self._disconnect(handle)

    @contextlib.contextmanager
    def talk(self, role: str, command: str = "") -> Iterator[Any]:
        """The instrument, for as long as nobody else may talk to it.

        `command` says in messages what is done, where no wire tells.

        Raises:
            DeviceError: it is not open, or anything goes wrong inside.
        """
        with self._lock, self._translated(role):
            if self._handle is None:
                raise DeviceError(f"{role} at {self.where} is not open; open the rig first.")
            if self._doubtful:
                self._handle = self._renew(self._handle, self._connect)
                self._doubtful = False
            self._role = role
            if command:
                self.last_command = command
            yield self._handle

    def check_number(self, value: float, *, infinity: bool = False) -> float:
        """`value` if it is a number; call it inside `talk`.

        Args:
            value: what was read.
            infinity: whether SCPI's +-9.9E37 has a meaning here.

        Raises:
            DeviceError: NaN, infinite, or what SCPI sends for these.
        """
        size = abs(value)
        if size < INFINITY or (infinity and size == INFINITY):
            return value
        meant = "infinity" if size == INFINITY or math.isinf(value) else "not a number"
        raise DeviceError(
            f"{self._role} at {self.where}: `{self.last_command}` is answered {value:g}, which "
            f"means {meant}; there is no valid reading."
        )

    @contextlib.contextmanager
    def _translated(self, role: str) -> Iterator[None]:
        try:
            yield
        except LabError:
            raise
        except Exception as error:
            self._doubtful = self._handle is not None
            after = f" after `{self.last_command}`" if self.last_command else ""
            raise DeviceError(f"{role} at {self.where}{after}: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        return " ".join(str(error).split()) or type(error).__name__

    def _renew(self, handle: Handle, connect: Callable[[], Handle]) -> Handle:
        with contextlib.suppress(Exception):  # it may be what has just broken
            self._disconnect(handle)
        return connect()

    def _disconnect(self, handle: Handle) -> None:
        """Close what `connect` opened."""
        close = getattr(handle, "close", None)
        if close is not None:
            close()


class Session(Link[Instrument]):
    """A VISA session that a pymeasure instrument talks through.

    Args:
        resource: VISA resource name, such as "TCPIP::192.168.0.7::INSTR" or "ASRL/dev/ttyUSB0".
        visa_library: "" for the vendor's VISA, or pyvisa-py where there is none; "py" for
            pyvisa-py in any case (what pyvisa calls "@py", but in a rig file "@" has another
            meaning); the path of a library; a library object.
        timeout_s: how long an answer may take.
        read_termination, write_termination: line ends, where VISA does not know them: a line feed
            on every "TCPIP::...::SOCKET".
        adapter: an adapter to use in place of VISA.
        options: anything else that pymeasure's VISAAdapter takes, such as `baud_rate`.
    """

    def __init__(
        self,
        resource: str,
        *,
        visa_library: Any = "",
        timeout_s: float = 3.0,
        adapter: Adapter | None = None,
        **options: Any,
    ) -> None:
        super().__init__(resource)
        if visa_library in BACKENDS:
            visa_library = f"@{visa_library}"
        self._settings = {"visa_library": visa_library, "timeout": round(1e3 * timeout_s)}
        self._settings |= options
        self._timeout_s = timeout_s
        self._adapter = adapter
        self._infinity = False

    def connect_as(
        self, table: type[Instrument], *, ends_lines: bool = False, **arguments: Any
    ) -> Instrument:
        """A pymeasure instrument on this session; `ends_lines` if the table knows its line ends.

        Raises whatever pyvisa raises; `open` translates it.
        """
        settings = {**arguments, **({} if self._adapter else self._settings)}
        if self._is_socket and not ends_lines:
            settings.setdefault("read_termination", "\n")
            settings.setdefault("write_termination", "\n")
        if self._adapter is None:
            with _MANAGER_LOCK:  # pyvisa makes it on first use, without a lock of its own
                pyvisa.ResourceManager(self._settings["visa_library"])
        with warnings.catch_warnings():
            # Upstream asks whether old classes speak SCPI; that is no news for a lab's log.
            warnings.simplefilter("ignore", FutureWarning)
            instrument = table(self._adapter or self.where, **settings)
        _send_at_once(instrument.adapter)
        instrument.adapter = _Witness(instrument.adapter, self)  # type: ignore[assignment]
        return instrument

    @contextlib.contextmanager
    def patience(self, timeout_s: float) -> Iterator[None]:
        """Allow answers to take longer for a moment; call it inside `talk`."""
        connection = getattr(getattr(self._handle, "adapter", None), "connection", None)
        before = getattr(connection, "timeout", None)
        if connection is not None:
            connection.timeout = round(1e3 * max(timeout_s, self._timeout_s))
        try:
            yield
        finally:
            if connection is not None:
                connection.timeout = before

    @contextlib.contextmanager
    def infinite_answers(self) -> Iterator[None]:
        """Take SCPI's 9.9E37 for an answer meanwhile, which an open output's load is."""
        self._infinity = True
        try:
            yield
        finally:
            self._infinity = False

    def check_answer(self, text: str) -> str:
        """`text`, if every number in it is one. Raises DeviceError as `check_number`."""
        if not self.last_command.startswith("*"):  # a serial number 5E400 is no reading
            for field in re.split("[,;]", text):
                if NUMBER.fullmatch(word := field.strip()):
                    self.check_number(float(word), infinity=self._infinity)
        return text

    @property
    def _is_socket(self) -> bool:
        return self.where.upper().endswith("::SOCKET")

    def _reason(self, error: Exception) -> str:
        if isinstance(error, pyvisa.VisaIOError):
            if error.error_code == StatusCode.error_timeout:
                return f"no answer within {self._timeout_s:g} s {HINT}"
            if error.error_code == StatusCode.error_resource_not_found:
                return f"there is no connection to it {HINT}"
            return f"{error.description.rstrip('.')} ({error.abbreviation})"
        if isinstance(error, ConnectionError) and error.strerror:  # tables raise it in words
            return f"the connection is broken: {error.strerror} {HINT}"
        return super()._reason(error)

    def _renew(self, handle: Instrument, connect: Callable[[], Instrument]) -> Instrument:
        # A socket loses late answers by being opened anew, and pyvisa-py's clear never returns from
        # one whose other end has gone.
        if not self._is_socket:
            with contextlib.suppress(Exception):  # not every interface knows a device clear
                handle.adapter.connection.clear()  # type: ignore[attr-defined]
        if self._adapter is not None:
            return handle
        return super()._renew(handle, connect)

    def _disconnect(self, handle: Instrument) -> None:
        handle.adapter.close()


def _send_at_once(adapter: Any) -> None:
    """Switch Nagle's algorithm off, as VISA prescribes.

    pyvisa-py leaves it on and refuses VI_ATTR_TCPIP_NODELAY: a command directly after another one
    then waits 40 ms for an acknowledgement.
    """
    with contextlib.suppress(Exception):  # any other interface and library
        connection = adapter.connection
        opened = connection.visalib.sessions[connection.session].interface
        if isinstance(opened, socket.socket):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Witness:
    """A pymeasure adapter that remembers what was said last; every answer in text passes here."""

    def __init__(self, adapter: Any, session: Session) -> None:
        self._adapter = adapter
        self._session = session

    def write(self, command: str, **options: Any) -> None:
        """Write a command and remember it."""
        self._session.last_command = command
        self._adapter.write(command, **options)

    def read(self, **options: Any) -> str:
        """An answer. Raises DeviceError where it stands for "not a number" or "infinity"."""
        return self._session.check_answer(self._adapter.read(**options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

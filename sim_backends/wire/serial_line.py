"""An instrument at the other end of a pseudo-terminal, for programs that open a serial port."""

import contextlib
import os
import select
import sys
import threading
from typing import Self

from labctl.errors import RigError
from sim_backends.wire.catalogue import WireInstrument
from sim_backends.wire.framing import framer_for
from sim_backends.wire.scpi_error import SilentError

RECEIVE_BYTES = 4096
WRITE_PATIENCE_S = 5.0


def serial_lines_exist() -> bool:
    """Whether this system has pseudo-terminals; Windows has none."""
    return sys.platform != "win32"


def _open_line() -> tuple[int, int, str]:
    """Descriptors of the near and the far end, and the far end's path."""
    if sys.platform == "win32":
        raise RigError("Windows has no pseudo-terminals; serve the instrument over TCP.")
    import pty
    import tty

    near, far = pty.openpty()
    tty.setraw(far)
    os.set_blocking(near, False)
    return near, far, os.ttyname(far)


class SerialLine:
    """A pseudo-terminal with an instrument on it; a context manager.

    Attributes:
        device: path of the port to open, such as /dev/pts/3.
    """

    def __init__(self, instrument: WireInstrument) -> None:
        self._instrument = instrument
        self.device = ""
        self._thread = threading.Thread(target=self._serve, name="wire-serial", daemon=True)

    def __enter__(self) -> Self:
        # Our own end of the far side stays open: the line must outlive its users.
        self._near, self._far, self.device = _open_line()
        self._wake_out, self._wake_in = os.pipe()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._wake_in, b"x")
        self._thread.join(2.0)
        for descriptor in (self._near, self._far, self._wake_out, self._wake_in):
            os.close(descriptor)

    def _serve(self) -> None:
        framer = framer_for(self._instrument)
        while True:
            readable, _, _ = select.select([self._near, self._wake_out], [], [])
            if self._wake_out in readable:
                return
            try:
                data = os.read(self._near, RECEIVE_BYTES)
            except OSError:  # nobody at the other end just now
                continue
            for message in framer.feed(data):
                with contextlib.suppress(SilentError):
                    self._write(self._instrument.handle(message) or b"")

    def _write(self, data: bytes) -> None:
        while data:
            _, writable, _ = select.select([], [self._near], [], WRITE_PATIENCE_S)
            if not writable:
                return  # nobody reads: a real line loses it as well
            data = data[os.write(self._near, data) :]

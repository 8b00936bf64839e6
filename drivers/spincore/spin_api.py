"""SpinCore's SpinAPI library, through either Python module called `spinapi`."""

import ctypes
from typing import Any

RUNNING = 1 << 2
"""Bit of the status word (SpinAPI reference, `pb_read_status`)."""


class SpinAPI:
    """The library's functions; every return code is checked.

    The package on PyPI raises what went wrong and answers the status as a dictionary. The module
    that SpinCore ships with its drivers hands return codes through, keeps the instructions in
    `Inst`, and leaves functions out, which its library (`spinapi`) has.

    Args:
        module: either of them.
    """

    PULSE_PROGRAM = 0
    CONTINUE, STOP, LOOP, END_LOOP = 0, 1, 2, 3

    def __init__(self, module: Any) -> None:
        self._module = module

    def call(self, name: str, *arguments: float) -> Any:
        """Call a function of the library.

        Raises:
            ConnectionError: it returned a negative code; the message is `pb_get_error`'s.
        """
        function = getattr(self._module, name, None)
        if function is None:
            function = getattr(self._module.spinapi, name)
            arguments = tuple(ctypes.c_double(a) if isinstance(a, float) else a for a in arguments)  # type: ignore[misc]
        try:
            answer = function(*arguments)
        except RuntimeError as error:
            raise ConnectionError(
                f"`{name}`: {_text(error.args[0] if error.args else '')}"
            ) from error
        if isinstance(answer, int) and answer < 0:
            told = _text(self._module.pb_get_error())
            raise ConnectionError(f"`{name}` returned {answer}: {told}")
        return answer

    def is_running(self) -> bool:
        """Whether a program plays."""
        status = self.call("pb_read_status")
        return bool(status["running"] if isinstance(status, dict) else status & RUNNING)

    def close(self) -> None:
        """Free the driver; what plays goes on."""
        self.call("pb_close")


def _text(said: Any) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)

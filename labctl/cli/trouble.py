"""What goes wrong in a run without ending it, in lines for the terminal."""

from labctl.core.device_watch import DeviceWatch, silence
from labctl.session import RunHandle


class Trouble:
    """Tells once that an instrument is silent, and that it answers again."""

    def __init__(self, handle: RunHandle) -> None:
        self._handle, self._marked = handle, 0
        self._watch = DeviceWatch(handle.rig)
        self._silent: dict[str, float] = {}
        self._told_waiting = False

    @property
    def waiting(self) -> str:
        """What keeps a simulated lab from measuring; "" if nothing does."""
        world = self._watch.rig.simulation
        return world.preparing if world is not None else ""

    def news(self, *, stopping: bool) -> list[str]:
        """What is new since the last call; call this a few times a second."""
        lines: list[str] = []
        silent = self._watch.look()
        for role, silent_s in silent.items():
            if role not in self._silent:
                lines.append(f"{silence(role, silent_s)}; {_what_helps(role, stopping)}")
        lines += [
            f"{role} answers again after {round(silent_s)} s"
            for role, silent_s in self._silent.items()
            if role not in silent
        ]
        if stopping and silent and not self._told_waiting and self._silent:
            self._told_waiting = True
            waits = ", ".join(silent)
            lines.append(f"the stop waits for {waits}; Ctrl-C once more ends the run at once")
        self._silent = silent
        for mark in self._handle.runner.marks[self._marked :]:
            self._marked += 1
            lines.append(
                f"the particle may be lost: {mark.reason}. Points {mark.first} to {mark.last} are "
                f"marked; `labctl resume {self._handle.path}` takes them again"
            )
        return lines


def _what_helps(role: str, stopping: bool) -> str:
    once_more = (
        f"makes every other device safe at once, leaves the {role} alone and closes the file"
    )
    if stopping:
        return f"Ctrl-C once more {once_more}"
    return f"Ctrl-C ends the run when it answers, a second one {once_more}"

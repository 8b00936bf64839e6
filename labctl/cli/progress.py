"""The progress bar of a run."""

from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from labctl.cli.console import progress_output


class _RateColumn(ProgressColumn):
    """Points per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.4g} points/s" if task.speed else "", style="dim")


class RunProgress:
    """Points done of all, rate and time to go, on stderr; silent where that is no terminal."""

    def __init__(self, title: str, total: int | None) -> None:
        console = progress_output()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA", style="dim"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._total = total
        self._title = title
        self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done: int, *, stopping: bool, waiting: str = "") -> None:
        """Draw the state of the run; `waiting` is what keeps it from measuring."""
        note = f": {waiting}" if waiting else ""
        if stopping:
            note = ": stopping after this point (once more: at once)"
        elif done == self._total:
            note = ": making the lab safe, analysing"
        self._bar.update(self._task, completed=done, description=self._title + note)

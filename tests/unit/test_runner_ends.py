"""The ways to end a run: after its sweep, at once, and in spite of a call that hangs."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from labctl.core import Runner
from labctl.data import Column, RunStatus
from labctl.errors import ParameterError

RIG: Any = SimpleNamespace(clock=SimpleNamespace(now_s=lambda: 0.0), microwave=SimpleNamespace())


class Sweeping:
    """`sweeps` sweeps of `points` points; `hook` is called before each with the rig."""

    name = "sweeping"
    columns = (Column("sweep", "", "Sweep", "int64"), Column("i", "", "Number", "int64"))

    def __init__(self, sweeps: int, points: int, hook: Callable[[int, Any], None]) -> None:
        self.sweeps, self.points, self.length = sweeps, points, sweeps * points
        self.measured = 0
        self._hook = hook

    def run(self, rig: Any, *, done: int = 0) -> Iterator[Mapping[str, int]]:
        for n in range(done, self.length):
            self._hook(n, rig)
            self.measured += 1
            yield {"sweep": n // self.points, "i": n}


class Single(Sweeping):
    """The same without a sweep column."""

    columns = (Column("i", "", "Number", "int64"),)

    def run(self, rig: Any, *, done: int = 0) -> Iterator[Mapping[str, int]]:
        return ({"i": point["i"]} for point in super().run(rig, done=done))


class Sink:
    def __init__(self) -> None:
        self.points: list[tuple[Any, ...]] = []

    def append(self, values: tuple[Any, ...]) -> None:
        self.points.append(values)


class Stage:
    """A runner whose sequence asks `act` at one point."""

    def __init__(
        self,
        cls: type[Sweeping] = Sweeping,
        *,
        sweeps: int = 5,
        points: int = 10,
        at: int = 0,
        act: Callable[["Stage", Any], None],
        earlier: list[tuple[Any, ...]] | None = None,
    ) -> None:
        self.sink = Sink()
        self.ends: list[tuple[RunStatus, str]] = []
        self.given_up: list[tuple[RunStatus, str]] = []
        self.sequence = cls(sweeps, points, lambda n, rig: act(self, rig) if n == at else None)
        self.runner = Runner(
            self.sequence,  # type: ignore[arg-type]
            RIG,
            self.sink,
            lambda status, reason: self.ends.append((status, reason)),
            give_up=self._give_up,
            earlier=earlier or [],
        )

    def _give_up(self, status: RunStatus, reason: str) -> bool:
        self.given_up.append((status, reason))
        return True

    def play(self) -> Runner:
        self.runner.start()
        assert self.runner.join(10)
        return self.runner


def ask(stage: Stage, rig: Any) -> None:
    stage.runner.stop_after_sweep("enough sweeps")


@pytest.mark.parametrize("at", [10, 15, 19])
def test_stop_after_sweep_completes_it_and_measures_no_more(at: int) -> None:
    stage = Stage(at=at, act=ask)
    runner = stage.play()
    assert (runner.status, runner.reason) == (RunStatus.ABORTED, "enough sweeps")
    assert [i for _, i, _ in stage.sink.points] == list(range(20))
    assert stage.sequence.measured == 20


def test_in_the_first_sweep_the_end_shows_in_the_next_point_which_is_left_out() -> None:
    stage = Stage(at=3, act=ask)
    assert stage.play().status is RunStatus.ABORTED
    assert len(stage.sink.points) == 10
    assert stage.sequence.measured == 11


def test_sweeps_of_one_point_end_after_it() -> None:
    stage = Stage(sweeps=20, points=1, at=6, act=ask)
    stage.play()
    assert len(stage.sink.points) == stage.sequence.measured == 7


def test_a_resumed_run_knows_the_sweeps_of_the_old_one() -> None:
    earlier = [(n // 10, n, 0.0) for n in range(14)]
    stage = Stage(at=16, act=ask, earlier=earlier)
    stage.play()
    assert [i for _, i, _ in stage.sink.points] == list(range(20))
    assert stage.sequence.measured == 6


def test_in_the_last_sweep_the_run_finishes_as_any_other() -> None:
    stage = Stage(at=45, act=ask)
    runner = stage.play()
    assert len(stage.sink.points) == 50
    assert runner.reason in ("", "enough sweeps")


def test_without_sweeps_it_is_refused() -> None:
    stage = Stage(Single, act=lambda stage, rig: None)
    assert not stage.runner.has_sweeps
    with pytest.raises(ParameterError, match="no sweeps"):
        stage.runner.stop_after_sweep()
    assert stage.play().status is RunStatus.FINISHED


def test_a_pause_outlives_the_request_to_stop_after_the_sweep() -> None:
    def pause_and_ask(stage: Stage, rig: Any) -> None:
        stage.runner.pause()
        stage.runner.stop_after_sweep()

    stage = Stage(at=12, act=pause_and_ask)
    stage.runner.start()
    assert not stage.runner.join(0.1)
    assert stage.runner.paused
    stage.runner.resume()
    assert stage.runner.join(10)
    assert len(stage.sink.points) == 20


def test_at_once_the_sequence_loses_its_instruments() -> None:
    reached: list[str] = []

    def cut(stage: Stage, rig: Any) -> None:
        rig.microwave.output = True
        stage.runner.stop("fire", at_once=True)
        rig.microwave.output = False
        reached.append("beyond")

    stage = Stage(at=4, act=cut)
    runner = stage.play()
    assert (runner.status, runner.reason, runner.error) == (RunStatus.ABORTED, "fire", None)
    assert stage.ends == [(RunStatus.ABORTED, "fire")]
    assert reached == []
    assert RIG.microwave.output is True
    assert len(stage.sink.points) == 4


def test_an_abandoned_run_is_over_while_its_call_hangs_and_concluded_when_it_returns() -> None:
    hanging, free = threading.Event(), threading.Event()

    def hang(stage: Stage, rig: Any) -> None:
        hanging.set()
        free.wait()

    stage = Stage(at=7, act=hang)
    stage.runner.start()
    assert hanging.wait(10)
    stage.runner.abandon("it hangs")
    assert stage.runner.join(0)
    assert stage.runner.alive
    assert (stage.runner.status, stage.runner.reason) == (RunStatus.ABORTED, "it hangs")
    assert stage.given_up == [(RunStatus.ABORTED, "it hangs")]
    assert stage.ends == []
    free.set()
    while stage.runner.alive:
        time.sleep(0.005)
    assert stage.ends == [(RunStatus.ABORTED, "it hangs")]
    assert stage.runner.status is RunStatus.ABORTED


def test_a_run_that_answers_is_not_abandoned_but_stopped() -> None:
    stage = Stage(sweeps=10_000, at=-1, act=ask)
    stage.runner.start()
    stage.runner.abandon("enough")
    assert stage.given_up == []
    assert stage.ends == [(RunStatus.ABORTED, "enough")]

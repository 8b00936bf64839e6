"""The acquisition loop by itself."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from labctl.core import Runner, describe
from labctl.data import Column, RunStatus
from labctl.errors import DeviceError

RIG: Any = SimpleNamespace(clock=SimpleNamespace(now_s=lambda: 0.0))


class Counting:
    """Yields 0, 1, 2 ...; tells whether its clean-up has run."""

    name = "counting"
    columns = (Column("i", "", "Number", "int64"),)

    def __init__(self, length: int = 10, point: Callable[[int], Mapping[str, Any]] | None = None):
        self.length = length
        self.cleaned = False
        self.thread: threading.Thread | None = None
        self._point = point or (lambda i: {"i": i})

    def run(self, rig: Any, *, done: int = 0) -> Iterator[Mapping[str, Any]]:
        self.thread = threading.current_thread()
        try:
            for i in range(self.length):
                yield self._point(i)
        finally:
            self.cleaned = True


class Sink:
    def __init__(self, full_after: int = 10**9) -> None:
        self.points: list[tuple[Any, ...]] = []
        self._full_after = full_after

    def append(self, values: tuple[Any, ...]) -> None:
        if len(self.points) == self._full_after:
            raise OSError("No space left on device")
        self.points.append(values)


def run(sequence: Any, sink: Sink, *, conclude: Any = None) -> tuple[Runner, list[tuple[Any, str]]]:
    ends: list[tuple[Any, str]] = []

    def remember(status: RunStatus, reason: str) -> None:
        assert sequence.cleaned, "the sequence cleans up before the lab is made safe"
        ends.append((status, reason))
        if conclude is not None:
            conclude()

    runner = Runner(sequence, RIG, sink, remember)
    runner.start()
    assert runner.join(10)
    return runner, ends


def test_every_point_reaches_the_sink_with_its_time() -> None:
    sequence, sink = Counting(), Sink()
    runner, ends = run(sequence, sink)
    assert sink.points == [(i, 0.0) for i in range(10)] == list(runner.live)
    assert ends == [(RunStatus.FINISHED, "")]
    assert (runner.status, runner.done, runner.total) == (RunStatus.FINISHED, 10, 10)
    assert sequence.thread is not threading.current_thread()


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({}, "missing i, extra nothing"),
        ({"i": 1, "j": 2}, "missing nothing, extra j"),
        ({"j": 1}, "missing i, extra j"),
    ],
)
def test_point_that_does_not_fit_ends_the_run(point: Mapping[str, Any], words: str) -> None:
    sink = Sink()
    runner, ends = run(Counting(point=lambda i: {"i": i} if i < 3 else point), sink)
    assert runner.status is RunStatus.FAILED
    assert words in runner.reason
    assert ends == [(RunStatus.FAILED, runner.reason)]
    assert len(sink.points) == 3


def test_error_of_the_sink_ends_the_run() -> None:
    runner, ends = run(Counting(), Sink(full_after=4))
    assert runner.status is RunStatus.FAILED
    assert runner.reason == "OSError: No space left on device"
    assert isinstance(runner.error, OSError)
    assert len(ends) == 1


def test_even_an_exit_in_a_driver_is_a_failure_that_is_concluded() -> None:
    def leave(i: int) -> Mapping[str, Any]:
        raise SystemExit(3)

    runner, ends = run(Counting(point=leave), Sink())
    assert runner.status is RunStatus.FAILED
    assert runner.reason == "SystemExit: 3"
    assert len(ends) == 1


def test_error_while_concluding_is_told_beside_the_first() -> None:
    def refuse() -> None:
        raise DeviceError("the microwave stays on")

    runner, _ = run(Counting(), Sink(full_after=2), conclude=refuse)
    assert runner.status is RunStatus.FAILED
    assert runner.reason == "OSError: No space left on device; the microwave stays on"
    assert isinstance(runner.error, OSError)


def _slow(i: int) -> Mapping[str, Any]:
    time.sleep(0.002)
    return {"i": i}


def test_stop_ends_after_the_current_point() -> None:
    sequence, sink = Counting(10_000, _slow), Sink()
    runner = Runner(sequence, RIG, sink, lambda *_: None)
    runner.start()
    while runner.done < 5:
        time.sleep(0.001)
    runner.stop("enough")
    assert runner.join(10)
    assert (runner.status, runner.reason) == (RunStatus.ABORTED, "enough")
    assert 5 <= len(sink.points) == runner.done < 10_000
    assert sequence.cleaned


def test_pause_holds_and_resume_goes_on() -> None:
    runner = Runner(Counting(200, _slow), RIG, sink := Sink(), lambda *_: None)
    runner.start()
    runner.pause()
    time.sleep(0.05)
    held = runner.done
    time.sleep(0.05)
    assert runner.paused
    assert runner.done == held <= 100
    runner.resume()
    assert runner.join(10)
    assert runner.status is RunStatus.FINISHED
    assert len(sink.points) == 200


def test_stop_wakes_a_paused_run() -> None:
    runner = Runner(Counting(10_000, _slow), RIG, Sink(), lambda *_: None)
    runner.start()
    runner.pause()
    time.sleep(0.02)
    runner.stop()
    assert runner.join(10)
    assert runner.status is RunStatus.ABORTED


def test_errors_are_described_in_one_line() -> None:
    assert describe(DeviceError("no\n answer")) == "no answer"
    assert describe(ValueError("bad")) == "ValueError: bad"
    assert describe(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert describe(DeviceError()) == "DeviceError"

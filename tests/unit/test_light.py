"""When a run takes its particle for lost, and which points it marks."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labctl.core import Runner
from labctl.core.light import Light
from labctl.data import Column, Mark, RunStatus
from labctl.hal import Pulse, PulseChannel

LEAST = {"angle": 4e3}
BRIGHT_HZ, DARK_HZ = 6e3, 500.0


class Bench:
    """A counter and a sequencer in front of a lamp that goes out at one point."""

    def __init__(self, goes_out_at: int) -> None:
        self.random = np.random.default_rng(8)
        self.point, self.goes_out_at = 0, goes_out_at
        self.counter = self.sequencer = self
        self.clock = SimpleNamespace(now_s=lambda: 0.0)

    @property
    def rate_hz(self) -> float:
        return DARK_HZ if self.point >= self.goes_out_at else BRIGHT_HZ

    def count(self, duration_s: float) -> Mapping[str, int]:
        return {"angle": int(self.random.poisson(self.rate_hz * duration_s)), "pl": 0}

    def stream(self, sample_rate_hz: float, n: int) -> Mapping[str, Any]:
        rates = np.full(n, BRIGHT_HZ)
        if self.point >= self.goes_out_at:
            rates[n // 2 :] = DARK_HZ
        return {"angle": self.random.poisson(rates / sample_rate_hz), "pl": np.zeros(n)}

    def load(self, program: Any, *, repeats: int = 1) -> None:
        self.gates, self.gate_s = repeats, program[-1].duration_s

    def read_gates(self) -> Mapping[str, Any]:
        return {"angle": self.random.poisson(self.rate_hz * self.gate_s, self.gates)}


class Counting:
    """Points of one kind of count each."""

    name = "counting"
    columns = (Column("i", "", "Number", "int64"),)

    def __init__(self, bench: Bench, how: str, length: int = 200) -> None:
        self.bench, self.how, self.length = bench, how, length

    def run(self, rig: Any, *, done: int = 0) -> Iterator[Mapping[str, Any]]:
        if self.how == "gates":
            rig.sequencer.load([Pulse.of(5e-3), Pulse.of(1e-3, PulseChannel.COUNT)], repeats=30)
        for i in range(self.length):
            self.bench.point = i
            if self.how == "count":
                rig.counter.count(2e-3)
            elif self.how == "stream":
                rig.counter.stream(1e3, 1000)
            else:
                rig.counter.read_gates()
            yield {"i": i}


class Sink(list[Any]):
    def __init__(self) -> None:
        self.marks: list[Mark] = []

    def mark(self, mark: Mark) -> None:
        self.marks.append(mark)


def play(sequence: Any, rig: Any, least: Mapping[str, float] = LEAST, **given: Any) -> Runner:
    sink: Any = Sink()
    runner = Runner(sequence, rig, sink, lambda *_: None, least_light=least, **given)
    runner.start()
    while not runner.join(0.01) and not runner.paused:
        pass
    assert sink.marks == runner.marks
    return runner


@pytest.mark.parametrize(("how", "window"), [("count", 6), ("stream", 1), ("gates", 2)])
def test_every_dark_point_is_marked_and_hardly_a_bright_one(how: str, window: int) -> None:
    runner = play(Counting(bench := Bench(120), how), bench)
    assert runner.status is RunStatus.ABORTED
    assert runner.reason.startswith("no light on angle")
    (mark,) = runner.marks
    assert mark.last == runner.done - 1
    assert 120 - 2 * window <= mark.first <= 120
    assert mark.last < 120 + 2 * window


def test_with_light_nothing_is_marked() -> None:
    runner = play(Counting(bench := Bench(10**9), "count", 20_000), bench)
    assert runner.status is RunStatus.FINISHED
    assert runner.marks == []


def test_where_somebody_is_there_the_run_waits_and_goes_on() -> None:
    runner = play(Counting(bench := Bench(50), "count", 120), bench, attended=True)
    assert runner.paused
    assert "no light" in runner.dark
    bench.goes_out_at = 10**9
    runner.resume()
    assert runner.join(10)
    assert runner.status is RunStatus.FINISHED
    assert len(runner.marks) == 1
    assert runner.dark == ""


def test_a_sequence_may_ask_for_no_light() -> None:
    assert play(Counting(bench := Bench(0), "count"), bench, {}).status is RunStatus.FINISHED


def test_a_dark_rate_within_the_error_is_no_loss() -> None:
    light = Light(LEAST, lambda: 0)
    for _ in range(100):
        light.saw(0.02, {"angle": 60.0})  # 80 is the least: 2.2 sigma
    assert light.lost == ""
    light.saw(0.02, {"angle": 30.0})
    assert light.lost

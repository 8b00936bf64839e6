"""Time and frequency axes are made from the rate that the counter kept, not from what was asked."""

from typing import Any

import numpy as np
import pytest

import labctl
from labctl.core.catalog import find_sequence
from labctl.errors import DeviceError
from labctl.hal import ANGLE, PL, CountTrace
from sim_backends.devices.counter import SimulatedPhotonCounter

KEPT = 1.003
"""How much faster this counter samples than it is asked to."""


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Any:
    def stream(counter: SimulatedPhotonCounter, sample_rate_hz: float, n: int) -> CountTrace:
        made = counter.world.stream(1 / (KEPT * sample_rate_hz), n)
        return CountTrace({ANGLE: made[0], PL: made[1]}, KEPT * sample_rate_hz)

    monkeypatch.setattr(SimulatedPhotonCounter, "stream", stream)
    with labctl.open_rig("sim", seed=3) as opened:
        yield opened


def first_point(name: str, rig: Any, **settings: Any) -> Any:
    sequence = find_sequence(name)
    return next(sequence(sequence.Parameters(**settings)).run(rig))


def test_a_spectrum_and_its_rates(rig: Any) -> None:
    point = first_point("psd", rig, segment_s=0.1, sample_rate_hz=44.1e3, store_counts=True)
    assert point["sample_rate_hz"] == KEPT * 44.1e3
    assert point["frequency_hz"][1] == pytest.approx(KEPT * 44.1e3 / 4410)
    assert point["angle_rate"] == pytest.approx(point["counts"].mean() * KEPT * 44.1e3)


@pytest.mark.parametrize(
    ("name", "settings", "axis", "step"),
    [
        ("lasing_scan", {"record_s": 1.0, "segment_s": 0.5}, "frequency_hz", KEPT * 4e3 / 2000),
        ("angle_jumps", {"record_s": 0.2, "sample_rate_hz": 7e3}, "time_s", 1 / (KEPT * 7e3)),
        ("ring_down", {"decay_s": 0.1, "repeats_per_point": 1}, "time_s", 1 / (KEPT * 10e3)),
        ("angle_calibration", {}, "noise_frequency_hz", None),
    ],
)
def test_every_axis(
    rig: Any, name: str, settings: dict[str, Any], axis: str, step: float | None
) -> None:
    point = first_point(name, rig, **settings)
    if step is None:
        p = find_sequence(name).Parameters()
        step = KEPT * p.noise_rate_hz / p.segment
    assert np.diff(point[axis]) == pytest.approx(step)
    assert point.get("sample_rate_hz", KEPT) in (KEPT, pytest.approx(KEPT * 4e3), KEPT * 7e3)


def test_sweeps_that_another_clock_orders_are_refused_when_they_slip(rig: Any) -> None:
    with pytest.raises(DeviceError, match=r"slips by 12 of 4000 samples"):
        first_point("hysteresis", rig)

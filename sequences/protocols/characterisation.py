"""A full characterisation night: lines, field, degeneracies, pi pulse, T1 at each, motion.

Each step decides what the next one does: the clearest line of the ODMR scan gets the pi pulse,
the calibrated field tells at which currents classes become degenerate, and T1 is measured there
and away from them, each time on the line as it stands at that current.
"""

from typing import Any, Self

import numpy as np
from pydantic import model_validator

from labctl.data import Run
from labctl.parameters import SequenceParameters, quantity

WIDEST_HZ = 60e6
"""A line is looked for within so much of where the field puts it."""
BRIGHT_W = 1e-3
"""Light of the ODMR scans."""


class Parameters(SequenceParameters):
    """What the night covers."""

    start_hz: float = quantity(
        2.6e9, unit="Hz", label="Search lines from", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.87e9, unit="Hz", label="Search lines to", limited_by="microwave.frequency_hz", gt=0
    )
    odmr_dbm: float = quantity(
        5.0, unit="dBm", label="Microwave power of the scans", limited_by="microwave.power_dbm"
    )
    low_a: float = quantity(
        0.0, unit="A", label="Lowest current", limited_by="electromagnet.current_a"
    )
    high_a: float = quantity(
        8.0, unit="A", label="Highest current", limited_by="electromagnet.current_a"
    )
    currents: int = quantity(5, unit="", label="Currents of the field calibration", ge=3, le=100)
    degeneracies: int = quantity(2, unit="", label="Degeneracies to visit at most", ge=0, le=20)
    effort: float = quantity(
        1.0, unit="", label="Averaging, in units of each measurement's own", gt=0, le=100
    )

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        if not (self.start_hz < self.stop_hz and self.low_a < self.high_a):
            raise ValueError("Parameters `start_hz` and `low_a` must be below `stop_hz`, `high_a`.")
        return self


def main(night: Any, parameters: Parameters) -> None:
    """Measure; every decision is noted in the record."""
    p = parameters

    def many(sweeps: int) -> int:
        return max(2, round(p.effort * sweeps))

    scan = night.run(
        "odmr", start_hz=p.start_hz, stop_hz=p.stop_hz, points=136, sweeps=many(30),
        current_a=p.low_a, laser_power_w=BRIGHT_W, power_dbm=p.odmr_dbm,
    )  # fmt: skip
    line_hz = clearest_line(scan)
    if line_hz is None:
        night.note("No line in the ODMR scan: the night ends here.")
        return
    night.note(f"Clearest line at {line_hz / 1e6:.2f} MHz; it gets the pi pulse.")

    rabi = night.run("rabi", frequency_hz=line_hz, current_a=p.low_a, sweeps=many(5))
    if rabi.fit is None or "pi_time_s" not in rabi.fit.values:
        night.note("No effect of microwave pulses: T1 is left out.")
        return
    pi_time_s = rabi.fit.values["pi_time_s"].value
    night.note(f"Pi pulse of {pi_time_s * 1e9:.0f} ns. {' '.join(rabi.fit.notes)}")

    calibration = night.run(
        "field_calibration", start_a=p.low_a, stop_a=p.high_a, currents=p.currents,
        sweeps=many(30), power_dbm=p.odmr_dbm, predict_from_a=p.low_a, predict_to_a=p.high_a,
    )  # fmt: skip
    away = (p.low_a, line_hz, "away from degeneracies")
    for current_a, expected_hz, what in [away, *crossings(calibration, p)]:
        here_hz = line_at(night, expected_hz, current_a, sweeps=many(20), odmr_dbm=p.odmr_dbm)
        night.note(f"T1 at {current_a:.3f} A, {what}, on the line at {here_hz / 1e6:.2f} MHz.")
        night.run(
            "t1", frequency_hz=here_hz, current_a=current_a, pi_time_s=pi_time_s, sweeps=many(10)
        )
    night.run("psd", current_a=p.low_a, averages=many(80))


def clearest_line(scan: Run) -> float | None:
    """Frequency of the line that is known best, or None."""
    table = scan.fit.tables.get("resonances") if scan.fit else None
    if table is None or not len(table.columns["frequency_hz"]):
        return None
    rows = table.columns
    return float(rows["frequency_hz"][int(np.argmin(rows["frequency_error_hz"]))])


def crossings(calibration: Run, p: Parameters) -> list[tuple[float, float, str]]:
    """(current, shared line, words) of the predicted degeneracies within the range of currents."""
    table = calibration.fit.tables.get("degeneracies") if calibration.fit else None
    if table is None:
        return []
    names = ("current_a", "transition_hz", "plane")
    found = zip(*(table.columns[name] for name in names), strict=True)
    inside = [
        (float(current_a), float(line_hz), f"where a {{{plane}}} plane is crossed")
        for current_a, line_hz, plane in found
        if p.low_a < current_a < p.high_a
    ]
    return inside[: p.degeneracies]


def line_at(night: Any, line_hz: float, current_a: float, *, sweeps: int, odmr_dbm: float) -> float:
    """Where the line is at this current: the one closest to where it was."""
    scan = night.run(
        "odmr", start_hz=line_hz - WIDEST_HZ, stop_hz=line_hz + WIDEST_HZ, points=61,
        sweeps=sweeps, current_a=current_a, laser_power_w=BRIGHT_W, power_dbm=odmr_dbm,
    )  # fmt: skip
    table = scan.fit.tables.get("resonances") if scan.fit else None
    if table is None or not len(table.columns["frequency_hz"]):
        night.note(f"No line near {line_hz / 1e6:.2f} MHz at {current_a:.3f} A; the old one stays.")
        return line_hz
    lines = table.columns["frequency_hz"]
    return float(lines[int(np.argmin(np.abs(lines - line_hz)))])

"""Damping and frequency of a libration against the microwave's detuning: spin cooling."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.spin_cooling import fit_cooling
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments
from labctl.parameters import quantity
from sequences.decay import MARGIN_S, DecayParameters, DecayRecorder


class CoolingScanParameters(DecayParameters):
    """Parameters of a cooling scan: -10 dBm around 2.623 GHz, 480 Hz, as in `000`, Fig. 2c.

    The pulses stand far on the red side, so that they push little: ten milliradians would sweep
    the line across the microwave within every period, and the damping would depend on them.
    """

    start_hz: float = quantity(
        2.6119e9, unit="Hz", label="First frequency", limited_by="microwave.frequency_hz", gt=0
    )
    stop_hz: float = quantity(
        2.6359e9, unit="Hz", label="Last frequency", limited_by="microwave.frequency_hz", gt=0
    )
    points: int = quantity(13, unit="", label="Frequencies", ge=1, le=10_000)
    excite_hz: float = quantity(
        2.613e9, unit="Hz", label="Microwave of the pulses",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    reference_hz: float | None = quantity(
        None, unit="Hz", label="Microwave of the reference (none: off)",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    references: int = quantity(3, unit="", label="References per pass", ge=1, le=1000)
    blocks: int = quantity(20, unit="", label="Passes over all frequencies", ge=1, le=1_000_000)
    repeats_per_point: int = quantity(25, unit="", label="Decays per point", ge=1, le=1_000_000)
    decay_s: float = quantity(
        0.1, unit="s", label="Decay recorded", limited_by="sequencer.pulse_duration_s", gt=0
    )
    settle_s: float = quantity(3e-3, unit="s", label="Spins settle, not fitted", ge=0)
    rest_s: float = quantity(0.05, unit="s", label="Rest without microwave", ge=0, le=1e3)
    temperature_k: float = quantity(300.0, unit="K", label="Temperature of the gas", gt=0)

    @model_validator(mode="after")
    def _start_below_stop(self) -> Self:
        if self.points > 1:
            self.require_below("start_hz", "stop_hz")
        return self


class CoolingScan:
    """Cooling scan: the decay of a libration under a microwave, against its frequency.

    Red of a spin resonance the delayed torque of the spins damps and softens the libration, blue
    of it it heats and stiffens (`000`, Fig. 2c). Every pass begins with references, without
    cooling; a point is the average of a block of decays at one frequency. The fit gives damping
    and frequency at each, and the temperature T gamma/gamma_eff.
    """

    name = "cooling_scan"
    title = "Spin cooling against microwave frequency"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = CoolingScanParameters

    def __init__(self, parameters: CoolingScanParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("block", "", "Pass", "int64"),
            Column("reference", "", "1 for the reference, 0 under the scanned microwave", "int64"),
            Column("microwave_hz", "Hz", "Microwave during the decay (0: off)"),
            *self.parameters.trace_columns,
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("trace", ("time_s",))

    @property
    def length(self) -> int:
        return self.parameters.blocks * (self.parameters.points + self.parameters.references)

    @property
    def duration_s(self) -> float:
        p = self.parameters
        once_s = p.excitation_s + p.decay_s + MARGIN_S + p.rest_s
        return self.length * p.repeats_per_point * once_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Pass over reference and frequencies again and again.

        Raises:
            DeviceError: the generator steps through no list of frequencies.
        """
        p = self.parameters
        p.apply(rig)
        rig.microwave.power_dbm = p.power_dbm
        recorder = DecayRecorder(rig, p, excite_hz=p.excite_hz, rest_s=p.rest_s)
        scan = np.linspace(p.start_hz, p.stop_hz, p.points)
        after_hz = [*[p.reference_hz] * p.references, *map(float, scan)]
        for number in range(done, self.length):
            block, index = divmod(number, len(after_hz))
            yield {
                "block": block,
                "reference": int(index < p.references),
                "microwave_hz": after_hz[index] or 0.0,
                **recorder.record(after_hz[index])._asdict(),
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Damping, spring and temperature at each frequency."""
        if not len(run):
            return None
        time_s = run["time_s"][0]
        kept = time_s >= run.parameters["settle_s"]
        return fit_cooling(
            run["microwave_hz"],
            run["reference"],
            time_s[kept],
            run["trace"][:, kept],
            temperature_k=run.parameters["temperature_k"],
        )

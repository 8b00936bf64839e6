"""Parametric excitation of a libration, and its decay."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from pydantic import model_validator

from labctl.analysis.ring_down import fit_ring_down
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.errors import DeviceError
from labctl.hal import ANGLE, PL, FrequencyList, Instruments, Pulse, PulseChannel
from labctl.parameters import quantity
from sequences.conditions import Conditions

MARGIN_S = 1e-3
"""The last pulse outlasts the record: idle lines would let the microwave through."""


class RingDownParameters(Conditions):
    """Parameters of a ring-down; five pulses, -10 dBm and 100 s as in `000`, Methods."""

    frequency_hz: float = quantity(
        2.72e9, unit="Hz", label="Microwave frequency", limited_by="microwave.frequency_hz", gt=0
    )
    power_dbm: float = quantity(
        -10.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    after_frequency_hz: float | None = quantity(
        None, unit="Hz", label="Microwave during the decay (none: off)",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    libration_hz: float = quantity(480.0, unit="Hz", label="Libration to excite", gt=0)
    pulses: int = quantity(5, unit="", label="Microwave pulses", ge=1, le=10_000)
    sample_rate_hz: float = quantity(
        10e3, unit="Hz", label="Sample rate", limited_by="counter.sample_rate_hz", gt=0
    )
    decay_s: float = quantity(
        0.15, unit="s", label="Decay recorded", limited_by="sequencer.pulse_duration_s", gt=0
    )
    settle_s: float = quantity(2e-3, unit="s", label="Spins settle, not fitted", ge=0)
    repeats_per_point: int = quantity(20, unit="", label="Decays per point", ge=1, le=1_000_000)
    averages: int | None = quantity(
        600, unit="", label="Decays in all (none: until stopped)", ge=0, le=10_000_000
    )

    @model_validator(mode="after")
    def _samples_fit(self) -> Self:
        kept = (self.decay_s - self.settle_s) * self.sample_rate_hz
        if not 64 <= kept <= 10_000_000:
            raise ValueError(
                f"The decay must hold 64 to 10 million samples after `settle_s`, but `decay_s`"
                f" and `sample_rate_hz` make {kept:.0f}"
            )
        if self.sample_rate_hz < 4 * self.libration_hz:
            raise ValueError(
                f"Parameter `sample_rate_hz` must be at least four times `libration_hz`, but"
                f" {self.sample_rate_hz:g} < 4 x {self.libration_hz:g}"
            )
        return self

    @property
    def excitation_s(self) -> float:
        """From the first pulse to the end of the last half period without microwave."""
        return self.pulses / self.libration_hz

    @property
    def samples(self) -> int:
        """Samples of one record."""
        return round((self.excitation_s + self.decay_s) * self.sample_rate_hz)


class RingDown:
    """Ring-down: microwave pulses at a libration's period excite it, then its decay is recorded.

    The trace is the mean APD1 rate over many repetitions, with time zero at the end of the last
    period of pulses. The fit gives frequency and damping of one or two modes (`000`, Eq. 3).
    """

    name = "ring_down"
    title = "Ring-down of a libration"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = RingDownParameters

    def __init__(self, parameters: RingDownParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        shape = (self.parameters.samples,)
        return (
            Column("time_s", "s", "Time after the excitation", shape=shape),
            Column("trace", "counts/s", "APD1 count rate (angle)", shape=shape),
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("trace", ("time_s",))

    @property
    def length(self) -> int | None:
        p = self.parameters
        return -(-p.averages // p.repeats_per_point) if p.averages else None

    @property
    def duration_s(self) -> float | None:
        p = self.parameters
        once_s = p.excitation_s + p.decay_s + MARGIN_S
        return None if self.length is None else self.length * p.repeats_per_point * once_s

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Repeat excitation and decay; the sequencer gates the microwave while photons stream.

        Raises:
            DeviceError: `after_frequency_hz` is given and the generator steps through no list.
        """
        p = self.parameters
        p.apply(rig)
        microwave = rig.microwave
        stepping = microwave if isinstance(microwave, FrequencyList) else None
        if p.after_frequency_hz is not None and stepping is None:
            raise DeviceError(
                "This microwave generator cannot step through frequencies by itself;"
                " leave out `after_frequency_hz`."
            )
        rig.sequencer.load(self._program())
        microwave.power_dbm = p.power_dbm
        microwave.frequency_hz = p.frequency_hz
        if p.after_frequency_hz is not None and stepping is not None:
            stepping.load_frequency_list([p.frequency_hz, p.after_frequency_hz], p.excitation_s)
        microwave.output = True
        time_s = (np.arange(p.samples) + 0.5) / p.sample_rate_hz - p.excitation_s
        while self.length is None or done < self.length:
            total = np.zeros(p.samples)
            pl = 0.0
            for _ in range(p.repeats_per_point):
                rig.sequencer.start()
                if p.after_frequency_hz is not None and stepping is not None:
                    stepping.start_frequency_list()
                counts = rig.counter.stream(p.sample_rate_hz, p.samples)
                rig.sequencer.wait()
                total += counts[ANGLE]
                pl += float(np.mean(counts[PL]))
            per_count = p.sample_rate_hz / p.repeats_per_point
            yield {"time_s": time_s, "trace": total * per_count, "pl_rate": pl * per_count}
            done += 1
        if p.after_frequency_hz is not None and stepping is not None:
            stepping.stop_frequency_list()
        microwave.output = False

    def _program(self) -> list[Pulse]:
        p = self.parameters
        light, drive = PulseChannel.LASER, PulseChannel.MICROWAVE
        half_s = 0.5 / p.libration_hz
        after = (light,) if p.after_frequency_hz is None else (light, drive)
        period = [Pulse.of(half_s, light, drive), Pulse.of(half_s, light)]
        return [*period * p.pulses, Pulse.of(p.decay_s + MARGIN_S, *after)]

    def analyze(self, run: Run) -> FitResult | None:
        """Modes in the decay, from `settle_s` after the excitation on."""
        if not len(run):
            return None
        time_s = run["time_s"][0]
        kept = time_s >= run.parameters["settle_s"]
        return fit_ring_down(time_s[kept], run["trace"][:, kept])

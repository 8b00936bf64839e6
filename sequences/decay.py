"""The averaged decay of a libration after microwave pulses, for ring-downs and cooling scans."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from labctl.data import Column
from labctl.errors import DeviceError, LimitError
from labctl.hal import ANGLE, PL, FrequencyList, Instruments, Pulse, PulseChannel
from labctl.parameters import quantity
from sequences.conditions import Conditions

MARGIN_S = 1e-3
"""The last pulse outlasts the record: idle lines would let the microwave through."""


class DecayParameters(Conditions):
    """Excitation by pulses at a libration's period, and the record; five pulses at -10 dBm."""

    power_dbm: float = quantity(
        -10.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
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
                f" {self.shown('sample_rate_hz')} < 4 x {self.shown('libration_hz')}"
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

    def time_s(self, sample_rate_hz: float) -> NDArray[np.float64]:
        """Middles of the samples, shape (samples,); zero is the end of the excitation.

        `sample_rate_hz` is the rate that the counter kept.
        """
        middles = np.arange(self.samples, dtype=np.float64) + 0.5
        return middles / sample_rate_hz - self.excitation_s

    @property
    def trace_columns(self) -> Sequence[Column]:
        """The columns of a `Decay`."""
        shape = (self.samples,)
        return (
            Column("time_s", "s", "Time after the excitation", shape=shape),
            Column("trace", "counts/s", "APD1 count rate (angle)", shape=shape),
            Column("pl_rate", "counts/s", "APD2 count rate (PL)"),
        )


class Decay(NamedTuple):
    """The mean over `repeats_per_point` decays."""

    time_s: NDArray[np.float64]
    trace: NDArray[np.float64]
    pl_rate: float


class DecayRecorder:
    """Excites and records again and again; the sequencer gates the microwave meanwhile.

    Args:
        rig: with the microwave's power set.
        p: what to record.
        excite_hz: microwave frequency of the pulses.
        rest_s: time without microwave before the next excitation.
    """

    def __init__(
        self, rig: Instruments, p: DecayParameters, *, excite_hz: float, rest_s: float = 0.0
    ) -> None:
        self._rig, self._p = rig, p
        self._excite_hz, self._rest_s = excite_hz, rest_s

    def record(self, after_hz: float | None) -> Decay:
        """Average `repeats_per_point` decays under a microwave of `after_hz`, None for off.

        Raises:
            DeviceError: `after_hz` is given and the generator steps through no list.
        """
        p, rig = self._p, self._rig
        stepping = self._prepare(after_hz)
        total = np.zeros(p.samples)
        pl = 0.0
        rate_hz = p.sample_rate_hz
        for _ in range(p.repeats_per_point):
            rig.sequencer.start()
            if stepping is not None:
                stepping.start_frequency_list()
            counts = rig.counter.stream(p.sample_rate_hz, p.samples)
            rate_hz = counts.sample_rate_hz
            rig.sequencer.wait()
            total += counts[ANGLE]
            pl += float(np.mean(counts[PL]))
        if stepping is not None:
            stepping.stop_frequency_list()
        per_count = rate_hz / p.repeats_per_point
        return Decay(p.time_s(rate_hz), total * per_count, pl * per_count)

    def _prepare(self, after_hz: float | None) -> FrequencyList | None:
        microwave = self._rig.microwave
        stepping = microwave if isinstance(microwave, FrequencyList) else None
        if after_hz is not None and stepping is None:
            raise DeviceError(
                "This microwave generator cannot step through frequencies by itself, so there can"
                " be no microwave during the decay."
            )
        self._rig.sequencer.load(self._program(driven=after_hz is not None))
        microwave.frequency_hz = self._excite_hz
        if after_hz is None or stepping is None:
            stepping = None
        else:
            stepping.load_frequency_list([self._excite_hz, after_hz], self._switch_s())
        if not microwave.output:
            microwave.output = True
        return stepping

    def _switch_s(self) -> float:
        """When the generator steps: within the dark half period after the last pulse.

        Raises:
            LimitError: no step of its clock falls into that.
        """
        grid = self._rig.microwave.limits["list_dwell_s"]
        dark_from_s = self._p.excitation_s - 0.5 / self._p.libration_hz
        switch_s = grid.nearest((dark_from_s + self._p.excitation_s) / 2)
        if not dark_from_s <= switch_s <= self._p.excitation_s:
            raise LimitError(
                f"The generator steps through a list every multiple of {grid.step:g} s, and none "
                f"falls between {dark_from_s:g} s and {self._p.excitation_s:g} s, where the pulses "
                "at `libration_hz` leave it dark."
            )
        return switch_s

    def _program(self, *, driven: bool) -> list[Pulse]:
        p = self._p
        light, drive = PulseChannel.LASER, PulseChannel.MICROWAVE
        half_s = 0.5 / p.libration_hz
        period = [Pulse.of(half_s, light, drive), Pulse.of(half_s, light)]
        decay = Pulse.of(p.decay_s + MARGIN_S, *((light, drive) if driven else (light,)))
        rest = [Pulse.of(self._rest_s, light)] if self._rest_s > 0 else []
        return [*period * p.pulses, decay, *rest]

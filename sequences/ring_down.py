"""Parametric excitation of a libration, and its decay."""

from collections.abc import Iterator, Sequence

from labctl.analysis.ring_down import fit_ring_down
from labctl.data import Column, FitResult, PlotHint, Point, Run, TableAnalysis
from labctl.hal import Instruments
from labctl.parameters import quantity
from sequences.decay import MARGIN_S, DecayParameters, DecayRecorder


class RingDownParameters(DecayParameters):
    """Parameters of a ring-down; five pulses, -10 dBm and 100 s as in `000`, Methods."""

    frequency_hz: float = quantity(
        2.72e9, unit="Hz", label="Microwave frequency", limited_by="microwave.frequency_hz", gt=0
    )
    after_frequency_hz: float | None = quantity(
        None, unit="Hz", label="Microwave in the decay (none: off)",
        limited_by="microwave.frequency_hz", gt=0,
    )  # fmt: skip
    averages: int | None = quantity(
        600, unit="", label="Decays in all (none: until stopped)", ge=0, le=10_000_000
    )


class RingDown:
    """Ring-down: microwave pulses at a libration's period excite it, then its decay is recorded.

    The trace is the mean APD1 rate over many repetitions, with time zero at the end of the last
    period of pulses. The fit gives frequency and damping of one or two modes (`000`, Eq. 3).
    """

    name = "ring_down"
    title = "Ring-down of a libration"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = RingDownParameters
    table = TableAnalysis(
        Column("time_s", "s", "Time"), lambda time_s, trace, _: fit_ring_down(time_s, trace[None])
    )

    def __init__(self, parameters: RingDownParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return self.parameters.trace_columns

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
        """Repeat excitation and decay.

        Raises:
            DeviceError: `after_frequency_hz` is given and the generator steps through no list.
        """
        p = self.parameters
        p.apply(rig)
        rig.microwave.power_dbm = p.power_dbm
        recorder = DecayRecorder(rig, p, excite_hz=p.frequency_hz)
        while self.length is None or done < self.length:
            yield recorder.record(p.after_frequency_hz)._asdict()
            done += 1
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Modes in the decay, from `settle_s` after the excitation on."""
        if not len(run):
            return None
        time_s = run["time_s"][0]
        kept = time_s >= run.parameters["settle_s"]
        return fit_ring_down(time_s[kept], run["trace"][:, kept])

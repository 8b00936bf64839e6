"""How fast light polarises the spins, and how fast a microwave undoes it."""

from collections.abc import Iterator, Sequence

from labctl.analysis.polarization import fit_polarization
from labctl.data import Column, FitResult, PlotHint, Point, Run
from labctl.hal import Instruments, Pulse
from labctl.parameters import quantity
from sequences.pulsed_readout import (
    DRIVE,
    LIGHT,
    Pulses,
    Spacing,
    TimeScan,
    count_in_turn,
    dark,
    lasts_s,
)


class PolarizationRatesParameters(TimeScan, Pulses):
    """Parameters of the two rates; 100 uW and -5 dBm as in `000`, Methods and Fig. 8."""

    start_s: float = quantity(
        20e-6, unit="s", label="Shortest pulse", limited_by="sequencer.pulse_duration_s", gt=0
    )
    stop_s: float = quantity(
        500e-6, unit="s", label="Longest pulse", limited_by="sequencer.pulse_duration_s", gt=0
    )
    points: int = quantity(12, unit="", label="Pulse lengths per sweep", ge=2, le=100_000)
    spacing: Spacing = quantity(Spacing.LINEAR, unit="", label="Pulse length spacing")
    sweeps: int = quantity(20, unit="", label="Sweeps", ge=1, le=1_000_000)
    repeats: int = quantity(
        500, unit="", label="Pairs of shots per point", limited_by="sequencer.repeats",
        ge=1, le=1_000_000,
    )  # fmt: skip
    laser_power_w: float | None = quantity(
        100e-6, unit="W", label="Laser power at the diamond", limited_by="laser.power_w", ge=0
    )
    power_dbm: float = quantity(
        -5.0, unit="dBm", label="Microwave power", limited_by="microwave.power_dbm"
    )
    read_s: float = quantity(
        150e-6, unit="s", label="Reading light", limited_by="sequencer.pulse_duration_s", gt=0
    )
    saturate_s: float = quantity(
        20e-6, unit="s", label="Microwave before the light",
        limited_by="sequencer.pulse_duration_s", gt=0,
    )  # fmt: skip
    saturate_dbm: float = quantity(
        10.0, unit="dBm", label="Power of that microwave", limited_by="microwave.power_dbm"
    )
    settle_s: float = quantity(
        1e-6, unit="s", label="Dark at least", limited_by="sequencer.pulse_duration_s", gt=0
    )

    def light_shots(self, pulse_s: float) -> list[list[Pulse]]:
        """Light of this length on spins without and with a microwave before (sequence 1).

        Every spin relaxes between polarising and reading, in light as in darkness, so with all
        shots equally long only the light's own rate is left in the difference.
        """
        waits = [*dark(self.settle_s + self.stop_s - pulse_s), Pulse.of(pulse_s, LIGHT)]
        shots = []
        for lines in ((), (DRIVE,)):
            start = [Pulse.of(self.settle_s), Pulse.of(self.saturate_s, *lines)]
            shots.append(self.shot(*start, *waits))
        return shots

    def microwave_shots(self, pulse_s: float) -> list[list[Pulse]]:
        """Polarised spins, and such after a microwave pulse of this length (sequence 2)."""
        whole_s = self.settle_s + self.stop_s
        driven = [*dark(whole_s - pulse_s), Pulse.of(pulse_s, DRIVE)]
        return [self.shot(Pulse.of(whole_s)), self.shot(*driven)]


class PolarizationRates:
    """Polarisation rates: by the laser into |0>, and by the microwave out of it (`000`, Fig. 8).

    Photoluminescence (APD2) is read after light, and after a microwave, of growing length; each
    program alternates with its reference. Exponential fits give both rates, the latter Omega^2 T2*.
    """

    name = "polarization_rates"
    title = "Polarisation rates of laser and microwave"
    roles = ("microwave", "laser", "counter", "sequencer")
    Parameters = PolarizationRatesParameters

    def __init__(self, parameters: PolarizationRatesParameters) -> None:
        self.parameters = parameters

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("sweep", "", "Sweep", "int64"),
            Column("pulse_s", "s", "Length of the pulse"),
            Column("light_difference_counts", "counts", "APD2, taken by the microwave", "int64"),
            Column("microwave_difference_counts", "counts", "APD2, taken by the pulse", "int64"),
            Column("light_reference_counts", "counts", "APD2 after light", "int64"),
            Column("light_counts", "counts", "APD2 after microwave and light", "int64"),
            Column("microwave_reference_counts", "counts", "APD2, polarised", "int64"),
            Column("microwave_counts", "counts", "APD2 after the microwave pulse", "int64"),
        )

    @property
    def plot(self) -> PlotHint:
        return PlotHint("light_difference_counts", ("pulse_s",))

    @property
    def length(self) -> int:
        return self.parameters.length

    @property
    def duration_s(self) -> float:
        p = self.parameters
        shots = [*p.light_shots(p.stop_s), *p.microwave_shots(p.stop_s)]
        return p.length * p.repeats * sum(lasts_s(shot) for shot in shots)

    def run(self, rig: Instruments, *, done: int = 0) -> Iterator[Point]:
        """Scan the length of both pulses; the sequencer gates light and microwave."""
        p = self.parameters
        p.tune(rig)
        for sweep, pulse_s in p.steps(done):
            rig.microwave.power_dbm = p.saturate_dbm
            light = count_in_turn(rig, p.light_shots(pulse_s), p.repeats)[:, 0].tolist()
            rig.microwave.power_dbm = p.power_dbm
            microwave = count_in_turn(rig, p.microwave_shots(pulse_s), p.repeats)[:, 0].tolist()
            yield {
                "sweep": sweep,
                "pulse_s": pulse_s,
                "light_difference_counts": light[0] - light[1],
                "microwave_difference_counts": microwave[0] - microwave[1],
                "light_reference_counts": light[0],
                "light_counts": light[1],
                "microwave_reference_counts": microwave[0],
                "microwave_counts": microwave[1],
            }
        rig.microwave.output = False

    def analyze(self, run: Run) -> FitResult | None:
        """Both rates."""
        return fit_polarization(
            run["pulse_s"],
            run["light_reference_counts"],
            run["light_counts"],
            run["microwave_reference_counts"],
            run["microwave_counts"],
        )

"""The simulated lab's cables: what stands between the instruments' connectors and the diamond."""

from typing import ClassVar

from labctl.hal import ANGLE, PL, Limits
from sim_backends.devices.counter import SimulatedPhotonCounter
from sim_backends.devices.electromagnet import SimulatedElectromagnet
from sim_backends.devices.gauge import SimulatedPressureGauge
from sim_backends.devices.laser import SimulatedLaserModulator
from sim_backends.devices.microwave import SimulatedMicrowaveSource
from sim_backends.devices.sequencer import SimulatedPulseSequencer
from sim_backends.devices.trap import SimulatedTrapDrive
from sim_backends.faults import DISCONNECTED, HANGS
from sim_backends.wire.count_windows import CountWindows
from sim_backends.wire.gate_counter import GateCounter
from sim_backends.wire.generator_channels import AOMChannel, GeneratorChannel, TrapChannel
from sim_backends.wire.scpi_error import SCPIError, SilentError
from sim_backends.wire.sweeper import Sweeper
from sim_backends.world import World

COIL_OHM = 0.5
COIL_RAMP_A_PER_S = 100.0
"""How fast coil and supply follow a new set point; a driver that must be slower ramps itself."""
SPARE_OUTPUTS = (2, 3, 4)


class Bench:
    """Every simulated device of a world, and the electronics between them and bench instruments.

    Attributes:
        generator: channels of the function generator: 1 drives the trap, 2 the AOM.
        supply: outputs of the current supply: the coil is on 1, nothing on the others.
        supply_of_160_w, supply_of_33_w: the same for supplies whose outputs have a rated power.
        gate_counter, gate_counter_2: two counters; the APDs reach both, crosswise: APD1 (angle) is
            at input 1 of the first and 2 of the second, APD2 (PL) at the others.
        counter_inputs, counter_inputs_2: their inputs, by number.
        sweeper, keysight_sweeper: tone and lists of the generators that have a list mode.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.microwave = BenchMicrowave(world)
        self.laser = SimulatedLaserModulator(world)
        self.counter = SimulatedPhotonCounter(world)
        self.trap = SimulatedTrapDrive(world)
        self.electromagnet = SimulatedElectromagnet(world, ramp_rate_a_per_s=COIL_RAMP_A_PER_S)
        self.sequencer = SimulatedPulseSequencer(world)
        self.gauge = SimulatedPressureGauge(world)
        for device in (
            self.microwave, self.laser, self.counter, self.trap, self.electromagnet,
            self.sequencer, self.gauge,
        ):  # fmt: skip
            device.open()
        self.generator: dict[int, GeneratorChannel] = {
            1: TrapChannel(world, self.trap),
            2: AOMChannel(world, self.laser),
        }
        self.master = MasterSwitch()
        coil = CoilOutput(self.master, self.electromagnet)
        spare = {n: SupplyOutput(self.master) for n in SPARE_OUTPUTS}
        self.supply: dict[int, SupplyOutput] = {1: coil, **spare}
        self.master.outputs = tuple(self.supply.values())
        self.supply_of_160_w = {n: RatedOutput(o, 160.0) for n, o in self.supply.items()}
        self.supply_of_33_w = {n: RatedOutput(o, 33.6) for n, o in self.supply.items()}
        windows = CountWindows(self.counter)
        self.gate_counter = GateCounter(windows, {1: ANGLE, 2: PL})
        self.gate_counter_2 = GateCounter(windows, {1: PL, 2: ANGLE})
        self.counter_inputs = self.gate_counter.lines
        self.counter_inputs_2 = self.gate_counter_2.lines
        self.sweeper = Sweeper(self.microwave, dwell_step_s=1e-4, dwell_s=15e-3, learns=True)
        self.keysight_sweeper = Sweeper(self.microwave)

    def check_cable(self, role: str) -> None:
        """Raise SilentError while an injected fault keeps the role's instrument from answering."""
        injected = self.world.injected
        if injected and (f"{role}: {HANGS}" in injected or f"{role}: {DISCONNECTED}" in injected):
            raise SilentError(role)

    def cable_is_off(self, role: str) -> bool:
        """Whether the role's instrument is disconnected."""
        return f"{role}: {DISCONNECTED}" in self.world.injected


class BenchMicrowave(SimulatedMicrowaveSource):
    """What every generator on the bench sets: their command tables say what they accept."""

    LIMITS: ClassVar = {
        **SimulatedMicrowaveSource.LIMITS,
        "frequency_hz": Limits(1e3, 70e9, "Hz"),
        "power_dbm": Limits(-200.0, 40.0, "dBm"),
    }


class MasterSwitch:
    """The switch behind all outputs of a supply."""

    def __init__(self) -> None:
        self.outputs: tuple[SupplyOutput, ...] = ()
        self._on = False

    @property
    def on(self) -> bool:
        """Whether outputs that are active carry current."""
        return self._on

    @on.setter
    def on(self, value: bool) -> None:
        self._on = value
        for output in self.outputs:
            output.apply()


class SupplyOutput:
    """One output of a supply, with nothing connected."""

    def __init__(self, master: MasterSwitch) -> None:
        self._master = master
        self._voltage_v = 0.0
        self._current_a = 0.0
        self._active = False

    @property
    def voltage_v(self) -> float:
        """Set point, which is the limit of a coil's voltage."""
        return self._voltage_v

    @voltage_v.setter
    def voltage_v(self, value: float) -> None:
        self._voltage_v = value
        self.apply()

    @property
    def current_a(self) -> float:
        """Set point."""
        return self._current_a

    @current_a.setter
    def current_a(self, value: float) -> None:
        self._current_a = value
        self.apply()

    @property
    def active(self) -> bool:
        """Whether it is on as soon as the master switch is."""
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        self._active = value
        self.apply()

    @property
    def enabled(self) -> bool:
        """Whether it is on."""
        return self._active and self._master.on

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._active = value
        if value and not self._master.on:
            self._master.on = True
        else:
            self.apply()

    @property
    def measured_v(self) -> float:
        """Voltage across the output."""
        return self._voltage_v if self.enabled else 0.0

    @property
    def measured_a(self) -> float:
        """Current through the output."""
        return 0.0

    def apply(self) -> None:
        """Let the load follow."""


class RatedOutput:
    """The set points of an output whose rated power is less than its voltage times its current."""

    def __init__(self, output: SupplyOutput, highest_w: float) -> None:
        self._output = output
        self._highest_w = highest_w

    @property
    def voltage_v(self) -> float:
        """Set point."""
        return self._output.voltage_v

    @voltage_v.setter
    def voltage_v(self, value: float) -> None:
        self._check(value * self._output.current_a)
        self._output.voltage_v = value

    @property
    def current_a(self) -> float:
        """Set point."""
        return self._output.current_a

    @current_a.setter
    def current_a(self, value: float) -> None:
        self._check(value * self._output.voltage_v)
        self._output.current_a = value

    def _check(self, power_w: float) -> None:
        if power_w > self._highest_w * (1 + 1e-9):
            raise SCPIError(-221, f"{power_w:g} W is above {self._highest_w:g} W")


class CoilOutput(SupplyOutput):
    """The output with the electromagnet, a resistance: current or voltage limits, as it comes."""

    def __init__(self, master: MasterSwitch, magnet: SimulatedElectromagnet) -> None:
        super().__init__(master)
        self._magnet = magnet

    @property
    def measured_v(self) -> float:
        return self._magnet.current_a * COIL_OHM

    @property
    def measured_a(self) -> float:
        return self._magnet.current_a

    def apply(self) -> None:
        """Let the coil's current follow; returns when it has arrived."""
        target_a = min(self._current_a, self._voltage_v / COIL_OHM) if self.enabled else 0.0
        if target_a != self._magnet.current_a:
            self._magnet.ramp_to(target_a)

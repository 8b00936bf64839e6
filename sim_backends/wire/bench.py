"""The simulated lab's cables: what stands between the instruments' connectors and the diamond."""

import math
from typing import ClassVar

from labctl.hal import Limits
from sim_backends.devices.counter import SimulatedPhotonCounter
from sim_backends.devices.electromagnet import SimulatedElectromagnet
from sim_backends.devices.gauge import SimulatedPressureGauge
from sim_backends.devices.laser import SimulatedLaserModulator
from sim_backends.devices.microwave import SimulatedMicrowaveSource
from sim_backends.devices.sequencer import SimulatedPulseSequencer
from sim_backends.devices.trap import SimulatedTrapDrive
from sim_backends.faults import DISCONNECTED, HANGS
from sim_backends.wire.gate_counter import GateCounter
from sim_backends.wire.scpi_error import SCPIError, SilentError
from sim_backends.wire.sweeper import Sweeper
from sim_backends.world import World

COIL_OHM = 0.5
COIL_RAMP_A_PER_S = 100.0
"""How fast coil and supply follow a new set point; a driver that must be slower ramps itself."""
AMPLIFIER_GAIN = 1000.0
"""Of the trap's high-voltage amplifier, V/V; its input has a high impedance."""
AOM_FULL_W = 1e-3
AOM_FULL_V = 1.0
"""The AOM's driver passes AOM_FULL_W sin^2(pi/2 V/AOM_FULL_V) for V at its 50 ohm input."""
SOURCE_OHM = 50.0
INFINITE_OHM = 9.9e37
SPARE_OUTPUTS = (2, 3, 4)


class Bench:
    """Every simulated device of a world, and the electronics between them and bench instruments.

    Attributes:
        generator: channels of the function generator: 1 drives the trap, 2 the AOM.
        supply: outputs of the current supply: the coil is on 1, nothing on the others.
        supply_of_160_w, supply_of_33_w: the same for supplies whose outputs have a rated power.
        gate_counter: the two inputs of the counter, 1 is APD1 (angle) and 2 APD2 (PL).
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
        self.generator = {1: TrapChannel(self.trap), 2: AOMChannel(self.laser)}
        self.master = MasterSwitch()
        coil = CoilOutput(self.master, self.electromagnet)
        spare = {n: SupplyOutput(self.master) for n in SPARE_OUTPUTS}
        self.supply: dict[int, SupplyOutput] = {1: coil, **spare}
        self.master.outputs = tuple(self.supply.values())
        self.supply_of_160_w = {n: RatedOutput(o, 160.0) for n, o in self.supply.items()}
        self.supply_of_33_w = {n: RatedOutput(o, 33.6) for n, o in self.supply.items()}
        self.gate_counter = GateCounter(self.counter)
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


class GeneratorChannel:
    """One output of a function generator: 50 ohm inside, and a load it is told of.

    Attributes:
        load_ohm: the load it believes in; what it shows is the voltage across that.
        input_ohm: what is really connected.
        shape: of the wave, in SCPI's words; nothing follows from it.
    """

    input_ohm = INFINITE_OHM

    def __init__(self) -> None:
        self.load_ohm = 50.0
        self.shape = "SIN"

    @property
    def _shown_per_real(self) -> float:
        return _divider(self.load_ohm) / _divider(self.input_ohm)


class TrapChannel(GeneratorChannel):
    """Drives the high-voltage amplifier of the Paul trap."""

    def __init__(self, trap: SimulatedTrapDrive) -> None:
        super().__init__()
        self.offset_v = 0.0
        self._trap = trap

    @property
    def amplitude_vpp(self) -> float:
        """Peak to peak, as shown; the trap's electrode sees half of the real one times the gain."""
        return 2 * self._trap.amplitude_v / AMPLIFIER_GAIN * self._shown_per_real

    @amplitude_vpp.setter
    def amplitude_vpp(self, value: float) -> None:
        self._trap.amplitude_v = AMPLIFIER_GAIN * value / self._shown_per_real / 2

    @property
    def frequency_hz(self) -> float:
        """Of the drive."""
        return self._trap.frequency_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._trap.frequency_hz = value

    @property
    def output(self) -> bool:
        """Whether the amplifier gets a signal."""
        return self._trap.output

    @output.setter
    def output(self, value: bool) -> None:
        self._trap.output = value


class AOMChannel(GeneratorChannel):
    """Sets the light's power by its mean voltage; its output switch is the light's shutter."""

    input_ohm = 50.0

    def __init__(self, laser: SimulatedLaserModulator) -> None:
        super().__init__()
        self.amplitude_vpp = 0.1
        self.frequency_hz = 1e3
        self._laser = laser

    @property
    def offset_v(self) -> float:
        """Mean voltage, as shown."""
        return volts_for_power(self._laser.power_w) * self._shown_per_real

    @offset_v.setter
    def offset_v(self, value: float) -> None:
        self._laser.power_w = power_at_volts(value / self._shown_per_real)

    @property
    def output(self) -> bool:
        """Whether the AOM's driver gets its level."""
        return self._laser.gate

    @output.setter
    def output(self, value: bool) -> None:
        self._laser.gate = value


def power_at_volts(volts: float) -> float:
    """Laser power at the diamond in W for `volts` at the AOM's driver; it clips at 0 and 1 V."""
    clipped = min(max(volts / AOM_FULL_V, 0.0), 1.0)
    return AOM_FULL_W * math.sin(math.pi / 2 * clipped) ** 2


def volts_for_power(power_w: float) -> float:
    """The inverse of `power_at_volts`."""
    return AOM_FULL_V * 2 / math.pi * math.asin(math.sqrt(min(power_w / AOM_FULL_W, 1.0)))


def _divider(load_ohm: float) -> float:
    return 1.0 if load_ohm >= INFINITE_OHM else load_ohm / (load_ohm + SOURCE_OHM)


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

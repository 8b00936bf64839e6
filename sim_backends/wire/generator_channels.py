"""The two outputs of the bench's function generator: one drives the trap, one the AOM.

Inside there are 50 ohm, attenuators and a relay. With autoranging the attenuators follow the
amplitude, and where a range ends "the output voltage will momentarily drop to 0 volts ... due to
output relay switching". That sentence and the ranges are those of Agilent's E1441A (SCPI reference,
p. 99); the guide of the 33500 has VOLTage:RANGe:AUTO for the same reason and names no voltages.
"""

import math

from sim_backends.devices.laser import SimulatedLaserModulator
from sim_backends.devices.trap import SimulatedTrapDrive
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.world import World

AMPLIFIER_GAIN, AMPLIFIER_V = 1000.0, 4000.0
"""Of the trap's high-voltage amplifier, V/V and peak; its input has a high impedance."""
AOM_FULL_W, AOM_FULL_V = 1e-3, 1.0
"""The AOM's driver passes AOM_FULL_W sin^2(pi/2 V/AOM_FULL_V) for V at its 50 ohm input."""
SOURCE_OHM, INFINITE_OHM = 50.0, 9.9e37
RANGES_VPP = (20.0, 10.04, 5.04, 2.52, 1.264, 0.634)
"""Highest peak-to-peak voltage of each at an open output: twice those into 50 ohm."""
LOWEST_VPP = 2e-3
DROP_S = 10e-3
"""How long a relay leaves the output at 0 V."""


def _divider(load_ohm: float) -> float:
    return 1.0 if load_ohm >= INFINITE_OHM else load_ohm / (load_ohm + SOURCE_OHM)


class GeneratorChannel:
    """One output: what it is told at the load it believes in, and what really comes out.

    Args:
        world: whose time a relay takes.
        amplitude_vpp: at an open output.

    Attributes:
        unit: of amplitudes in questions and commands without one: VPP, VRMS or DBM.
    """

    input_ohm = INFINITE_OHM
    """Of what is connected."""

    def __init__(self, world: World, *, amplitude_vpp: float, frequency_hz: float) -> None:
        self.load_ohm = 50.0
        self.unit = "VPP"
        self._world = world
        self._shape = "SIN"
        self._frequency_hz = frequency_hz
        self._open_vpp, self._open_offset_v = amplitude_vpp, 0.0
        self._autorange = True
        self._range_vpp = self._range_for(self._needed_vpp)

    # --- settings, as the instrument shows them ----------------------------------------------

    @property
    def shape(self) -> str:
        """Of the wave, in SCPI's words."""
        return self._shape

    @shape.setter
    def shape(self, value: str) -> None:
        self._shape = value
        self._change(self._open_vpp, self._open_offset_v)

    @property
    def frequency_hz(self) -> float:
        """Of the wave."""
        return self._frequency_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        self._frequency_hz = value
        self._drive()

    @property
    def amplitude_vpp(self) -> float:
        """Peak to peak, across the load that was told."""
        return self._open_vpp * _divider(self.load_ohm)

    @amplitude_vpp.setter
    def amplitude_vpp(self, value: float) -> None:
        self._change(value / _divider(self.load_ohm), self._open_offset_v)

    @property
    def offset_v(self) -> float:
        """Mean voltage, across the load that was told."""
        return self._open_offset_v * _divider(self.load_ohm)

    @offset_v.setter
    def offset_v(self, value: float) -> None:
        self._change(self._open_vpp, value / _divider(self.load_ohm))

    @property
    def highest_vpp(self) -> float:
        """Amplitude that it takes now: the instrument's, or the held range's."""
        top_vpp = RANGES_VPP[0] if self._autorange else self._range_vpp
        return (top_vpp - 2 * abs(self._open_offset_v)) * _divider(self.load_ohm)

    @property
    def lowest_vpp(self) -> float:
        """Smallest amplitude."""
        return LOWEST_VPP * _divider(self.load_ohm)

    @property
    def autorange(self) -> bool:
        """Whether the attenuators follow the amplitude."""
        return self._autorange

    @autorange.setter
    def autorange(self, value: bool) -> None:
        self._autorange = value
        self._change(self._open_vpp, self._open_offset_v)

    @property
    def output(self) -> bool:
        """Whether the connector carries anything."""
        raise NotImplementedError

    @output.setter
    def output(self, value: bool) -> None:
        raise NotImplementedError

    # --- what follows ------------------------------------------------------------------------

    @property
    def _needed_vpp(self) -> float:
        return (0.0 if self._shape == "DC" else self._open_vpp) + 2 * abs(self._open_offset_v)

    @staticmethod
    def _range_for(needed_vpp: float) -> float:
        return min(r for r in RANGES_VPP if r >= needed_vpp - 1e-9)

    def _change(self, open_vpp: float, open_offset_v: float) -> None:
        """Take levels at the open output, by way of a relay if that needs another range."""
        before = self._open_vpp, self._open_offset_v
        self._open_vpp, self._open_offset_v = open_vpp, open_offset_v
        top_vpp = RANGES_VPP[0] if self._autorange else self._range_vpp
        if self._needed_vpp > top_vpp + 1e-9:
            self._open_vpp, self._open_offset_v = before
            held = "" if self._autorange else "; the range is held"
            raise SCPIError(-222, f"amplitude and offset above {top_vpp:g} Vpp open{held}")
        wanted_vpp = self._range_for(self._needed_vpp) if self._autorange else self._range_vpp
        if wanted_vpp != self._range_vpp:
            self._range_vpp = wanted_vpp
            self._drop_out()
        self._drive()

    def _drop_out(self) -> None:
        if self.output:
            self._connect(False)
            self._world.sleep_s(DROP_S)
            self._connect(True)

    def _connect(self, on: bool) -> None:
        """Let the wave through to what is connected, or not."""
        raise NotImplementedError

    def _drive(self) -> None:
        """Let what is connected follow the settings."""
        raise NotImplementedError


class TrapChannel(GeneratorChannel):
    """Drives the high-voltage amplifier of the Paul trap.

    Outside what holds a particle (shape, frequency, amplitude) the trap is as good as off.
    """

    def __init__(self, world: World, trap: SimulatedTrapDrive) -> None:
        self._trap = trap
        self._on = trap.output
        super().__init__(
            world,
            amplitude_vpp=2 * trap.amplitude_v / AMPLIFIER_GAIN,
            frequency_hz=trap.frequency_hz,
        )

    @property
    def output(self) -> bool:
        return self._on

    @output.setter
    def output(self, value: bool) -> None:
        self._on = value
        self._drive()

    def _connect(self, on: bool) -> None:
        self._trap.output = on and self._holds

    @property
    def _electrode_v(self) -> float:
        return min(AMPLIFIER_GAIN * self._open_vpp / 2, AMPLIFIER_V)

    @property
    def _holds(self) -> bool:
        limits = self._trap.limits
        return (
            self._shape == "SIN"
            and self._electrode_v >= limits["amplitude_v"].minimum
            and limits["frequency_hz"].minimum <= self._frequency_hz
            and self._frequency_hz <= limits["frequency_hz"].maximum
        )

    def _drive(self) -> None:
        if self._holds:
            self._trap.amplitude_v = self._electrode_v
            self._trap.frequency_hz = self._frequency_hz
        self._connect(self._on)


class AOMChannel(GeneratorChannel):
    """Sets the light's power by its mean voltage; its output switch is the light's shutter."""

    input_ohm = 50.0

    def __init__(self, world: World, laser: SimulatedLaserModulator) -> None:
        self._laser = laser
        super().__init__(world, amplitude_vpp=0.2, frequency_hz=1e3)
        self._shape = "DC"
        self._open_offset_v = volts_for_power(laser.power_w) / _divider(self.input_ohm)
        self._range_vpp = self._range_for(self._needed_vpp)

    @property
    def output(self) -> bool:
        return self._laser.gate

    @output.setter
    def output(self, value: bool) -> None:
        self._laser.gate = value

    def _connect(self, on: bool) -> None:
        self._laser.gate = on

    def _drive(self) -> None:
        self._laser.power_w = power_at_volts(self._open_offset_v * _divider(self.input_ohm))


def power_at_volts(volts: float) -> float:
    """Laser power at the diamond in W for `volts` at the AOM's driver; it clips at 0 and 1 V."""
    clipped = min(max(volts / AOM_FULL_V, 0.0), 1.0)
    return AOM_FULL_W * math.sin(math.pi / 2 * clipped) ** 2


def volts_for_power(power_w: float) -> float:
    """The inverse of `power_at_volts`."""
    return AOM_FULL_V * 2 / math.pi * math.asin(math.sqrt(min(power_w / AOM_FULL_W, 1.0)))

"""Keysight (Agilent) 33500 and 33600 function generators: trap drive and AOM level.

Where the amplitude (or offset) crosses the end of a range, relays switch attenuators and the output
is at 0 V for a moment. VOLTage:RANGe:AUTO OFF keeps the attenuators as they are (33500 series
operating and service guide, VOLTage subsystem), so both roles choose a range while nothing depends
on the output and hold it from then on.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drivers.aom_calibration import AOMCalibration
from drivers.keysight.f33500_table import Keysight33500
from drivers.session import Session
from drivers.visa_device import VisaDevice
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import Limits

TWO_CHANNELS = ("33510B", "33512B", "33520B", "33522A", "33522B", "33612A", "33622A")
ONE_CHANNEL = ("33509B", "33511B", "33519B", "33521A", "33521B", "33611A", "33621A")
INFINITE_OHM = 1e9
"""These generators answer 9.9E+37 for a high-impedance load."""
LOWEST_VPP, HIGHEST_VPP = 10e-3, 10.0
HIGHEST_OFFSET_V = 4.995
VOLT_STEP = 1e-3


class Agilent33500Channel(VisaDevice):
    """What a role needs of one channel of the generator.

    Two roles on one instrument share its session: name it in the rig's [shared].

    Args:
        resource: VISA resource name, or a shared `Session`.
        channel: 1 or 2.
        load_ohm: what is connected to the channel; `inf` for a high impedance.
        limits: of the role.
        options: what `Session` takes.
    """

    TABLE = Keysight33500
    MAKERS = ("Agilent Technologies", "Keysight Technologies")
    MODELS = ONE_CHANNEL + TWO_CHANNELS
    FAMILY = "a 33500 or 33600 series generator (33522B ...)"

    def __init__(
        self,
        resource: str | Session,
        *,
        channel: int,
        load_ohm: float,
        limits: Mapping[str, Limits],
        **options: Any,
    ) -> None:
        if channel not in (1, 2):
            raise RigError(f"A 33500 has channels 1 and 2, not {channel}.")
        super().__init__(resource, limits=limits, **options)
        self._number = channel
        self._load_ohm = load_ohm

    def _identify(self, handle: Any) -> str:
        answer = super()._identify(handle)
        if self._number == 2 and answer.split(",")[1].strip() in ONE_CHANNEL:
            raise DeviceError(
                f"{self.ROLE} at {self._link.where}: {answer!r} has one channel, but the rig asks "
                "for channel 2."
            )
        return answer

    def _channel(self, handle: Any) -> Any:
        return handle.channels[self._number]

    def _tell_load(self, channel: Any) -> None:
        """Let the generator count in volts at this load; its output does not change by that."""
        with self._session.infinite_answers():
            told = float(channel.output_load)
        if math.isinf(self._load_ohm):
            if told < INFINITE_OHM:
                channel.output_load = "INF"
                self._refuse_errors(channel)
        elif abs(told - self._load_ohm) > 0.5:
            self._set(channel, "output_load", self._load_ohm, within=0.5)

    def _choose_range(self, channel: Any, attribute: str, highest: float) -> None:
        """Hold the range of `highest`; only while nothing depends on the output."""
        self._set(channel, "autorange", True)
        self._set(channel, attribute, highest, within=VOLT_STEP)
        self._set(channel, "autorange", False)


class Agilent33500Trap(Agilent33500Channel):
    """The Paul trap's drive: a sine from one channel into a high-voltage amplifier.

    Neither `open` nor `close` touches the output: dropping it would lose the particle. While it is
    on its range is held, and an amplitude that needs another range is refused. Switching it on
    chooses the range of the highest amplitude in the limits, so that all of them can be reached.

    Args:
        resource: VISA resource name, or a shared `Session`.
        gain: of the amplifier, V/V.
        highest_v: peak amplitude that amplifier and electrode stand, in V.
        highest_hz: highest frequency that the amplifier follows at that amplitude.
        channel: of the generator.
        load_ohm: input of the amplifier.
        options: what `Session` takes.
    """

    ROLE = "trap"
    SETTINGS: ClassVar[Mapping[str, str]] = {"amplitude_v": "V", "frequency_hz": "Hz", "output": ""}

    def __init__(
        self,
        resource: str | Session,
        *,
        gain: float,
        highest_v: float,
        highest_hz: float = 20e3,
        channel: int = 1,
        load_ohm: float = math.inf,
        **options: Any,
    ) -> None:
        if not gain > 0:
            raise RigError(f"The amplifier's gain must be above 0, not {gain:g}.")
        limits = {
            "amplitude_v": Limits(
                gain * LOWEST_VPP / 2, min(gain * HIGHEST_VPP / 2, highest_v), "V"
            ),
            "frequency_hz": Limits(1.0, highest_hz, "Hz"),
        }
        super().__init__(resource, channel=channel, load_ohm=load_ohm, limits=limits, **options)
        self._electrode_v_per_vpp = gain / 2

    def _prepare(self, handle: Any) -> None:
        channel = self._channel(handle)
        self._tell_load(channel)
        if channel.amplitude_unit != "VPP":
            self._set(channel, "amplitude_unit", "VPP")
        if channel.output:
            self._hold_range(channel)

    @property
    def amplitude_v(self) -> float:
        with self._talk() as handle:
            return float(self._channel(handle).amplitude) * self._electrode_v_per_vpp

    @amplitude_v.setter
    def amplitude_v(self, value: float) -> None:
        value = self.limits.check("amplitude_v", value)
        with self._talk() as handle:
            channel, vpp = self._channel(handle), value / self._electrode_v_per_vpp
            if channel.output:
                self._hold_range(channel)
                self._check_range(channel, value, vpp)
            elif not channel.autorange:
                self._set(channel, "autorange", True)
            self._set(channel, "amplitude", vpp, within=VOLT_STEP)
        self._setpoints["amplitude_v"] = value

    @property
    def frequency_hz(self) -> float:
        with self._talk() as handle:
            return float(self._channel(handle).frequency)

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        value = self.limits.check("frequency_hz", value)
        with self._talk() as handle:
            self._set(self._channel(handle), "frequency", value, within=1e-3)
        self._setpoints["frequency_hz"] = value

    @property
    def output(self) -> bool:
        with self._talk() as handle:
            return bool(self._channel(handle).output)

    @output.setter
    def output(self, value: bool) -> None:
        with self._talk() as handle:
            channel = self._channel(handle)
            if value and not channel.output:
                wanted_vpp = float(channel.amplitude)
                highest_vpp = self.limits["amplitude_v"].maximum / self._electrode_v_per_vpp
                self._choose_range(channel, "amplitude", highest_vpp)
                self._set(channel, "amplitude", wanted_vpp, within=VOLT_STEP)
            self._set(channel, "output", bool(value))
        self._setpoints["output"] = bool(value)

    def _hold_range(self, channel: Any) -> None:
        if channel.autorange:  # somebody at the front panel may switch it on at any time
            self._set(channel, "autorange", False)

    def _check_range(self, channel: Any, value_v: float, vpp: float) -> None:
        highest_vpp = float(channel.highest_amplitude)
        if vpp > highest_vpp + VOLT_STEP:
            raise LimitError(
                f"`amplitude_v` = {value_v:g} V needs another range of the generator, whose relays "
                "would drop the voltage and lose the particle; up to "
                f"{highest_vpp * self._electrode_v_per_vpp:g} V it holds. Switch the output off "
                "and on again without a particle to reach all of the limits."
            )


class Agilent33500AOM(Agilent33500Channel):
    """The AOM's level: a DC voltage from one channel; its output switch is the gate.

    The pulse sequencer's laser line gates the radio frequency behind it, further and faster.

    Args:
        resource: VISA resource name, or a shared `Session`.
        calibration: pairs (transmission, volts at the AOM driver), rising.
        full_power_w: power at the diamond at transmission 1, in W.
        channel: of the generator.
        load_ohm: input of the AOM's driver.
        options: what `Session` takes.
    """

    ROLE = "laser"
    SETTINGS: ClassVar[Mapping[str, str]] = {"power_w": "W", "gate": ""}

    def __init__(
        self,
        resource: str | Session,
        *,
        calibration: Sequence[Sequence[float]],
        full_power_w: float,
        channel: int = 2,
        load_ohm: float = 50.0,
        **options: Any,
    ) -> None:
        self._calibration = AOMCalibration(calibration, full_power_w)
        if max(abs(v) for v in self._calibration.volts) > HIGHEST_OFFSET_V:
            raise RigError(f"A 33500 gives at most {HIGHEST_OFFSET_V:g} V into 50 ohm.")
        limits = {"power_w": Limits(0.0, self._calibration.highest_power_w, "W")}
        super().__init__(resource, channel=channel, load_ohm=load_ohm, limits=limits, **options)

    def _prepare(self, handle: Any) -> None:
        channel = self._channel(handle)
        self._set(channel, "output", False)
        self._tell_load(channel)
        if channel.shape != "DC":
            channel.shape = "DC"
            self._refuse_errors(channel)
        self._choose_range(channel, "offset", max(self._calibration.volts, key=abs))
        self._set(channel, "offset", self._calibration.dark_v, within=VOLT_STEP)

    @property
    def power_w(self) -> float:
        with self._talk() as handle:
            return self._calibration.power_at(float(self._channel(handle).offset))

    @power_w.setter
    def power_w(self, value: float) -> None:
        value = self.limits.check("power_w", value)
        with self._talk() as handle:
            volts = self._calibration.volts_for(value)
            self._set(self._channel(handle), "offset", volts, within=VOLT_STEP)
        self._setpoints["power_w"] = value

    @property
    def gate(self) -> bool:
        with self._talk() as handle:
            return bool(self._channel(handle).output)

    @gate.setter
    def gate(self, value: bool) -> None:
        with self._talk() as handle:
            self._set(self._channel(handle), "output", bool(value))
        self._setpoints["gate"] = bool(value)

"""Keysight 33522B: channel 1 drives the trap's amplifier, channel 2 the AOM."""

import math
from collections.abc import Iterable

from sim_backends.wire.command_table import Call, Command, CommandTable, action, control, ignored
from sim_backends.wire.generator_channels import INFINITE_OHM, GeneratorChannel
from sim_backends.wire.parameters import Boolean, Choice, Number, Text
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.syntax import is_keyword, short_form, split_suffix

_SHOWN = "+.15E"
_SOURCE = "[SOURce<ch>:]"
_SHAPES = ("SINusoid", "SQUare", "TRIangle", "RAMP", "PULSe", "PRBS", "NOISe", "ARB", "DC")
_FREQUENCY = Number("HZ", 1e-6, 30e6, 1e3, format=_SHOWN)
_AMPLITUDE = Number("V", -9.9e37, 9.9e37, 0.1, aliases=("VPP", "VRMS", "DBM"), format=_SHOWN)
_VOLTAGE = Number("V", -10.0, 10.0, 0.0, format=_SHOWN)
_CYCLE = Number("PCT", 0.0, 100.0, 50.0, format=_SHOWN)
_SECONDS = Number("S", 1e-9, 1e6, 1e-3, format=_SHOWN)
_STATE = Boolean()
_UNITS = ("VPP", "VRMS", "DBM")


class _Load(Number):
    """A resistance, or INFinity."""

    def parse(self, text: str) -> float:
        return INFINITE_OHM if is_keyword(text, "INFinity") else super().parse(text)


def _channel(call: Call) -> GeneratorChannel:
    return call.instrument.bench.generator[call.channels[0]]


def _only(call: Call) -> str:
    if len(call.parameters) != 1:
        raise SCPIError(-108 if call.parameters else -109)
    return call.parameters[0]


def _vpp(value: float, unit: str, load_ohm: float) -> float:
    """Peak to peak in V of a sine in VPP, VRMS or DBM (at the load)."""
    if unit == "DBM":
        value, unit = math.sqrt(1e-3 * 10 ** (value / 10) * load_ohm), "VRMS"
    return 2 * math.sqrt(2) * value if unit == "VRMS" else value


def _in_unit(vpp: float, unit: str, load_ohm: float) -> float:
    if unit == "VPP":
        return vpp
    vrms = vpp / (2 * math.sqrt(2))
    return vrms if unit == "VRMS" else 10 * math.log10(vrms**2 / load_ohm / 1e-3)


def _amplitude(call: Call, text: str) -> float:
    """An amplitude in Vpp: a number in the channel's unit or its own, MIN, MAX or DEF."""
    channel = _channel(call)
    for word, value in (
        ("MINimum", channel.lowest_vpp), ("MAXimum", channel.highest_vpp), ("DEFault", 0.1),
    ):  # fmt: skip
        if is_keyword(text, word):
            return value
    found = split_suffix(text)
    value = _AMPLITUDE.parse(text)
    unit = found[1] if found is not None and found[1] in _UNITS else ""
    unit = unit or ("VPP" if found is not None and found[1] else channel.unit)
    value = _vpp(value, unit, channel.load_ohm)
    if not channel.lowest_vpp <= value <= channel.highest_vpp + 1e-9:
        raise SCPIError(-222, f"{text} not in {channel.lowest_vpp:g}..{channel.highest_vpp:g} Vpp")
    return value


def _set_amplitude(call: Call) -> None:
    _channel(call).amplitude_vpp = _amplitude(call, _only(call))


def _tell_amplitude(call: Call) -> str:
    channel = _channel(call)
    vpp = _amplitude(call, call.parameters[0]) if call.parameters else channel.amplitude_vpp
    return format(_in_unit(vpp, channel.unit, channel.load_ohm), _SHOWN)


def _set_unit(call: Call) -> None:
    channel, unit = _channel(call), Choice(_UNITS).parse(_only(call))
    if unit == "DBM" and channel.load_ohm >= INFINITE_OHM:
        raise SCPIError(-221, "dBm needs a finite load")
    channel.unit = unit


def _set_range(call: Call) -> None:
    """ON, OFF, or ONCE: choose the range now, then hold it."""
    word = Choice(("ON", "OFF", "ONCE", "1", "0")).parse(_only(call))
    channel = _channel(call)
    if word == "ONCE":
        channel.autorange = True
    channel.autorange = word in ("ON", "1")


def _low(call: Call) -> float:
    return _channel(call).offset_v - _channel(call).amplitude_vpp / 2


def _high(call: Call) -> float:
    return _channel(call).offset_v + _channel(call).amplitude_vpp / 2


def _set_ends(call: Call, low_v: float, high_v: float) -> None:
    if not low_v < high_v:
        raise SCPIError(-221, "the high level must be above the low level")
    channel = _channel(call)
    channel.amplitude_vpp, channel.offset_v = high_v - low_v, (high_v + low_v) / 2


def _set_high(call: Call) -> None:
    _set_ends(call, _low(call), _VOLTAGE.parse(_only(call)))


def _set_low(call: Call) -> None:
    _set_ends(call, _VOLTAGE.parse(_only(call)), _high(call))


def _apply(shape: str) -> Command:
    """APPLy:SHAPE [frequency[,amplitude[,offset]]]: all at once, and the output on."""

    def carry_out(call: Call) -> None:
        channel = _channel(call)
        if len(call.parameters) > 3:
            raise SCPIError(-108)
        frequency, amplitude, offset = [*call.parameters, "DEF", "DEF", "DEF"][:3]
        channel.autorange = True  # APPLy switches it on
        values = _FREQUENCY.parse(frequency), _amplitude(call, amplitude), _VOLTAGE.parse(offset)
        if shape != "DC":
            channel.frequency_hz, channel.amplitude_vpp, _ = values
        channel.shape, channel.offset_v = short_form(shape), values[2]
        channel.output = True

    return action(f"{_SOURCE}APPLy:{shape}", carry_out)


def _applied(call: Call) -> str:
    channel = _channel(call)
    values = channel.frequency_hz, channel.amplitude_vpp, channel.offset_v
    return f'"{channel.shape} {",".join(format(value, _SHOWN) for value in values)}"'


def _commands() -> Iterable[Command]:
    volts, function, burst = f"{_SOURCE}VOLTage", f"{_SOURCE}FUNCtion", f"{_SOURCE}BURSt"
    level = f"{volts}[:LEVel][:IMMediate]"
    return (
        control(f"{_SOURCE}FREQuency[:CW|:FIXed]", _FREQUENCY, "generator#.frequency_hz"),
        control(f"{_SOURCE}FREQuency:MODE", Choice(("CW", "LIST", "SWEep", "FIXed"))),
        action(f"{level}[:AMPLitude]", _set_amplitude, _tell_amplitude),
        control(f"{level}:OFFSet", _VOLTAGE, "generator#.offset_v"),
        action(f"{level}:HIGH", _set_high, lambda call: format(_high(call), _SHOWN)),
        action(f"{level}:LOW", _set_low, lambda call: format(_low(call), _SHOWN)),
        action(f"{volts}:UNIT", _set_unit, lambda call: _channel(call).unit),
        action(f"{volts}:RANGe:AUTO", _set_range, lambda call: str(int(_channel(call).autorange))),
        control(f"{volts}:LIMit:STATe", _STATE),
        control(f"{volts}:LIMit:HIGH", _VOLTAGE),
        control(f"{volts}:LIMit:LOW", _VOLTAGE),
        control(f"{function}[:SHAPe]", Choice(_SHAPES), "generator#.shape"),
        control(f"{function}:SQUare:DCYCle", _CYCLE),
        control(f"{function}:RAMP:SYMMetry", _CYCLE),
        control(f"{function}:PULSe:DCYCle", _CYCLE),
        control(f"{function}:PULSe:PERiod", _SECONDS),
        control(f"{function}:PULSe:WIDTh", _SECONDS),
        control(f"{function}:PULSe:HOLD", Choice(("WIDTh", "DCYCle"))),
        control(f"{function}:PULSe:TRANsition[:BOTH]", _SECONDS),
        control(f"{function}:ARBitrary", Text("EXP_RISE")),
        control(f"{function}:ARBitrary:SRATe", Number("", 1e-6, 250e6, 40e3, format=_SHOWN)),
        control(f"{function}:ARBitrary:ADVance", Choice(("SRATe", "TRIGger"))),
        control(f"{function}:ARBitrary:FILTer", Choice(("NORMal", "STEP", "OFF"))),
        control(f"{_SOURCE}PHASe[:ADJust]", Number("DEG", -360.0, 360.0, format=_SHOWN)),
        control(f"{burst}:STATe", _STATE),
        control(f"{burst}:MODE", Choice(("TRIGgered", "GATed"))),
        control(f"{burst}:NCYCles", Number("", 1, 1e8, 1, format=_SHOWN)),
        control(f"{burst}:INTernal:PERiod", _SECONDS),
        control(f"{burst}:PHASe", Number("DEG", -360.0, 360.0, format=_SHOWN)),
        control(f"{burst}:GATE:POLarity", Choice(("NORMal", "INVerted"))),
        control("OUTPut<ch>[:STATe]", _STATE, "generator#.output"),
        control("OUTPut<ch>:LOAD", _Load("OHM", 1.0, INFINITE_OHM, 50.0, format=_SHOWN),
                "generator#.load_ohm"),
        control("OUTPut<ch>:POLarity", Choice(("NORMal", "INVerted"))),
        control("OUTPut<ch>:SYNC[:STATe]", Boolean(True)),
        control("OUTPut<ch>:SYNC:SOURce", Choice(("CH1", "CH2"))),
        control("OUTPut<ch>:TRIGger[:STATe]", _STATE),
        control("TRIGger<ch>:SOURce", Choice(("IMMediate", "EXTernal", "TIMer", "BUS"))),
        control("TRIGger<ch>:SLOPe", Choice(("POSitive", "NEGative"))),
        control("TRIGger<ch>:COUNt", Number("", 1, 1e6, 1, format=_SHOWN)),
        control("TRIGger<ch>:DELay", Number("S", 0, 1e3, 0, format=_SHOWN)),
        control("TRIGger<ch>:TIMer", _SECONDS),
        control("DISPlay[:STATe]", Boolean(True)),
        control("DISPlay:TEXT", Text('""')),
        action(f"{_SOURCE}APPLy", lambda _: None, _applied),
        *(_apply(shape) for shape in _SHAPES if shape != "ARB"),
        *ignored("DISPlay:TEXT:CLEar", f"{_SOURCE}DATA:VOLatile:CLEar", "*TRG",
                 f"{_SOURCE}PHASe:SYNChronize", f"{_SOURCE}DATA:ARBitrary[:DAC]"),
    )  # fmt: skip


KEYSIGHT_33522B = CommandTable(
    dialect="33522b",
    role="trap",
    identity="Agilent Technologies,33522B,MY52801234,3.05-1.19-2.00-52-00",
    commands=tuple(_commands()),
    channels=(1, 2),
    options="0",
    reset="OUTP1 OFF;:OUTP2 OFF;"
    + "".join(
        f":SOUR{n}:VOLT:RANG:AUTO ON;:OUTP{n}:LOAD 50;:SOUR{n}:VOLT:UNIT VPP;OFFS 0;"
        f":SOUR{n}:FUNC SIN;"
        f":SOUR{n}:FREQ 1 KHZ;VOLT 0.1;"
        for n in (1, 2)
    ),
    no_error="+0",
)
"""*RST switches both outputs off, as on the real one: the particle is lost."""

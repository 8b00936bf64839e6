"""Current supplies of the electromagnet; the coil is on output 1, nothing on the others."""

from collections.abc import Iterable
from dataclasses import replace

from sim_backends.wire.command_table import (
    Call,
    Command,
    CommandTable,
    action,
    control,
    ignored,
    measurement,
)
from sim_backends.wire.parameters import Boolean, Choice, Number
from sim_backends.wire.scpi_error import SCPIError

_VOLTAGE_HEADER = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
_CURRENT_HEADER = "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"
_VOLTAGE_STEP = "[SOURce:]VOLTage[:LEVel][:IMMediate]:STEP[:INCRement]"
_CURRENT_STEP = "[SOURce:]CURRent[:LEVel][:IMMediate]:STEP[:INCRement]"


def _apply(voltage: Number, current: Number, owner: str) -> Command:
    def carry_out(call: Call) -> None:
        if not 1 <= len(call.parameters) <= 2:
            raise SCPIError(-108 if call.parameters else -109)
        output = getattr(call.instrument.bench, owner)[call.channels[0]]
        values = [k.parse(p) for k, p in zip((voltage, current), call.parameters, strict=False)]
        output.voltage_v = values[0]
        if len(values) == 2:
            output.current_a = values[1]

    def answer(call: Call) -> str:
        output = getattr(call.instrument.bench, owner)[call.channels[0]]
        return f"{voltage.show(output.voltage_v)}, {current.show(output.current_a)}"

    return action("APPLy", carry_out, answer)


def _outputs(voltage: Number, current: Number, owner: str = "supply") -> Iterable[Command]:
    return (
        control(_VOLTAGE_HEADER, voltage, f"{owner}#.voltage_v", step=_VOLTAGE_STEP),
        control(_VOLTAGE_STEP, replace(voltage, low=0.0, default=1.0)),
        control(_CURRENT_HEADER, current, f"{owner}#.current_a", step=_CURRENT_STEP),
        control(_CURRENT_STEP, replace(current, low=0.0, default=0.1)),
        measurement("MEASure[:SCALar]:VOLTage[:DC]", voltage, "supply#.measured_v"),
        measurement("MEASure[:SCALar]:CURRent[:DC]", current, "supply#.measured_a"),
        _apply(voltage, current, owner),
    )


def _hameg(
    dialect: str, identity: str, channels: tuple[int, ...], highest_a: float, owner: str
) -> CommandTable:
    """The command set that Hameg left to Rohde & Schwarz: one output is selected for everybody."""
    voltage = Number("V", 0.0, 32.05, 0.0, format=".3f")
    current = Number("A", 0.0, highest_a, 0.1, format=".4f")
    numbers = Number("", channels[0], channels[-1], 1, integer=True)
    names = Choice(tuple(f"{word}{n}" for word in ("OUTPut", "OUT") for n in channels))

    def select(call: Call) -> None:
        if len(call.parameters) != 1:
            raise SCPIError(-108 if call.parameters else -109)
        call.instrument.selected = int(names.parse(call.parameters[0])[-1])

    return CommandTable(
        dialect=dialect,
        role="electromagnet",
        identity=identity,
        commands=(
            control("INSTrument:NSELect", numbers, "instrument.selected"),
            action("INSTrument[:SELect]", select, lambda c: f"OUTP{c.instrument.selected}"),
            *_outputs(voltage, current, owner),
            control("[SOURce:]VOLTage:PROTection[:LEVel]", voltage),
            control("OUTPut:SELect", Boolean(), "supply#.active"),
            control("OUTPut[:STATe]", Boolean(), "supply#.enabled"),
            control("OUTPut:GENeral", Boolean(), "master.on"),
            control("FUSE[:STATe]", Boolean()),
            *ignored("SYSTem:INTerface"),
        ),
        channels=channels,
        reset="OUTP:GEN OFF;" + "".join(
            f":INST:NSEL {n};:VOLT 0;:CURR 0.1;:OUTP:SEL OFF;" for n in reversed(channels)
        ),
        selectable=True,
    )  # fmt: skip


HMP4040 = _hameg(
    "hmp4040",
    "ROHDE&SCHWARZ,HMP4040,101234,HW50020003/SW2.70",
    (1, 2, 3, 4),
    10.01,
    "supply_of_160_w",
)
NGE103 = _hameg(
    "nge103",
    "Rohde&Schwarz,NGE103B,5601.3800k03/101234,1.54",
    (1, 2, 3),
    3.01,
    "supply_of_33_w",
)

_E36312A_VOLTAGE = Number("V", 0.0, 25.75, 0.0, format="+.8E")
_E36312A_CURRENT = Number("A", 0.0, 5.15, 0.0, format="+.8E")
E36312A = CommandTable(
    dialect="e36312a",
    role="electromagnet",
    identity="Keysight Technologies,E36312A,MY57001234,1.0.4-1.0.3-1.00",
    commands=(
        control("INSTrument:NSELect", Number("", 1, 3, 1, integer=True), "instrument.selected"),
        *_outputs(_E36312A_VOLTAGE, _E36312A_CURRENT),
        control("OUTPut[:STATe]", Boolean(), "supply#.enabled"),
        control("[SOURce:]VOLTage:PROTection[:LEVel]", Number("V", 0.0, 27.5, 27.5)),
        control("[SOURce:]CURRent:PROTection:STATe", Boolean()),
        control("[SOURce:]VOLTage:SENSe[:SOURce]", Choice(("INTernal", "EXTernal"))),
    ),
    channels=(1, 2, 3),
    reset="OUTP OFF,(@1:3);:VOLT 0,(@1:3);:CURR 0,(@1:3)",
    selectable=True,
    channel_lists=True,
    no_error="+0",
)

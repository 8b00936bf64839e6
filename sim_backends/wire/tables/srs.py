"""Stanford Research Systems SG380 series: four-letter commands, a space is optional, CR LF back."""

from collections.abc import Iterable

from sim_backends.wire.command_table import (
    Call,
    Command,
    CommandTable,
    control,
    ignored,
    query,
)
from sim_backends.wire.parameters import Boolean, Number, PowerLevel
from sim_backends.wire.tables.srs_list import list_commands

LAST_ERROR_CODES = {-113: 110, -102: 110, -222: 11, -224: 11, -131: 118, -109: 112, -108: 111}
"""SCPI numbers as the codes of LERR? (illegal command, illegal value, suffix, parameters)."""


def _last_error(call: Call) -> str:
    number, _ = call.instrument.status.next_error()
    return str(LAST_ERROR_CODES.get(number, 10)) if number else "0"


def _option(call: Call) -> str:
    installed = call.parameters == ["3"]  # 1: rear clocks, 2: doubler, 3: IQ
    return "1" if installed else "0"


def _commands(highest_hz: float) -> Iterable[Command]:
    frequency = Number("HZ", 950e3, highest_hz, 10e6, format=".6f")
    power = PowerLevel("DBM", -110.0, 16.5, -30.0, format=".2f", suffixes=("RMS", "VPP"))
    return (
        control("FREQ", frequency, "microwave.frequency_hz"),
        control("AMPR", power, "microwave.power_dbm"),
        control("ENBR", Boolean(), "microwave.output"),
        control("AMPL", Number("DBM", -47.0, 13.0, 0.0, format=".2f")),
        control("ENBL", Boolean()),
        control("ENBH", Boolean()),
        control("PHAS", Number("DEG", -360.0, 360.0, format=".2f")),
        control("MODL", Boolean()),
        control("TYPE", Number(low=0, high=8, integer=True)),
        control("MFNC", Number(low=0, high=11, integer=True)),
        control("QFNC", Number(low=0, high=11, integer=True)),
        control("PFNC", Number(low=0, high=11, integer=True)),
        control("SFNC", Number(low=0, high=11, integer=True)),
        control("FDEV", Number("HZ", 0.0, 32e6, 1e3, format=".6f")),
        control("SDEV", Number("HZ", 0.0, 2e9, 1e6, format=".6f")),
        control("ADEP", Number("", 0.0, 100.0, 100.0, format=".1f")),
        control("RATE", Number("HZ", 1e-6, 500e3, 1e3, format=".6f")),
        control("SRAT", Number("HZ", 1e-6, 120.0, 100.0, format=".6f")),
        control("COUP", Boolean(True)),
        control("NOIS", Number(low=0, high=1, integer=True)),
        control("OFSL", Number("V", -1.5, 1.5, format=".3f")),
        control("DISP", Number(low=0, high=33, integer=True)),
        query("TIMB", lambda _: "1"),
        query("LERR", _last_error),
        query("OPTN", _option),
        query("INSR", lambda _: "0"),
        *list_commands(frequency, power),
        *ignored("REMT", "LCAL", "TBAS"),
    )  # fmt: skip


def _table(model: str, highest_hz: float) -> CommandTable:
    return CommandTable(
        dialect=model.lower(),
        role="microwave",
        identity=f"Stanford Research Systems,{model},s/n001013,ver1.21.26",
        commands=tuple(_commands(highest_hz)),
        reset="ENBR0;FREQ10E6;AMPR-30",
        compact=True,
        terminator=b"\r\n",
    )


SG384 = _table("SG384", 4.05e9)
SG386 = _table("SG386", 6.075e9)

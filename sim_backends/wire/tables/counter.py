"""Keysight 53220A as a totaliser, twice: the User's Guide and Programmer's Reference (53220-90001).

As on the real one CONFigure turns auto-level on, the gate's polarity is NEG after *RST, a level
that is set turns auto-level off, and a measurement that takes longer than SYSTem:TIMeout is
9.91E37.
"""

import math

from sim_backends.wire.command_table import Call, CommandTable, action, control, ignored, query
from sim_backends.wire.gate_counter import GateCounter
from sim_backends.wire.parameters import Boolean, Choice, Number
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.syntax import is_keyword

_SHOWN = "+.15E"
_GATE = Number("S", 100e-6, 1000.0, 0.1, format=_SHOWN)
_COUNT = Number("", 1, 1_000_000, 1, format=_SHOWN, integer=True)
_LEVEL = Number("V", -5.125, 5.125, 0.0, format=_SHOWN)
INFINITE = 9.9e37
"""SCPI's infinity."""
_FORMATS = ("ASCii", "REAL")


class _TimeOut(Number):
    """10 ms to 2000 s, or INFinity, which is answered as 9.9E37."""

    def parse(self, text: str) -> float:
        if is_keyword(text, "INFinity") or text.strip().upper() in ("9.9E37", "9.9E+37"):
            return math.inf
        return super().parse(text)

    def show(self, value: float) -> str:
        return super().show(INFINITE if math.isinf(value) else value)


def _counter(call: Call) -> GateCounter:
    bench = call.instrument.bench
    second = call.instrument.dialect == KEYSIGHT_53220A_2.dialect
    return bench.gate_counter_2 if second else bench.gate_counter


def _configure(call: Call) -> None:
    if len(call.parameters) > 1:
        raise SCPIError(-108)
    if len(call.channels) != 1:
        raise SCPIError(-222, "one channel at a time")
    _counter(call).configure(_GATE.parse((call.parameters or ["DEF"])[0]), call.channels[0])


def _configured(call: Call) -> str:
    counter = _counter(call)
    return f'"TOT:TIM {counter.gate_s:{_SHOWN}},(@{counter.number})"'


def _read(call: Call) -> str | bytes:
    _counter(call).initiate()
    return _counter(call).fetch()


def _measure(call: Call) -> str | bytes:
    _configure(call)
    return _read(call)


def _set_form(call: Call) -> None:
    kind, *length = call.parameters or [""]
    _counter(call).form = Choice(_FORMATS).parse(kind)
    if length and length != ["64"] and kind.upper().startswith("REAL"):
        raise SCPIError(-224, "REAL readings have 64 bits")


def _show_form(call: Call) -> str:
    return "REAL,64" if _counter(call).form == "REAL" else "ASC,15"


def _table(dialect: str, serial: str, counter: str, inputs: str) -> CommandTable:
    """The model behind `counter` of the bench, and its `inputs`."""
    return CommandTable(
        dialect=dialect,
        role="counter",
        identity=f"Agilent Technologies,53220A,{serial},02.05-1519.666-1.19-4.15-127-155-35",
        commands=(
            action("CONFigure:TOTalize[:TIMed]", _configure),
            query("CONFigure", _configured),
            query("MEASure:TOTalize[:TIMed]", _measure),
            control("[SENSe:]TOTalize:GATE:TIME", _GATE, f"{counter}.gate_s"),
            control("[SENSe:]TOTalize:GATE:SOURce", Choice(("TIME", "EXTernal")),
                    f"{counter}.source"),
            control("[SENSe:]TOTalize:GATE:POLarity", Choice(("NEGative", "POSitive")),
                    f"{counter}.polarity"),
            control("OUTPut[:STATe]", Boolean(), f"{counter}.gate_output"),
            control("SYSTem:TIMeout", _TimeOut("S", 10e-3, 2000.0, 1.0, format=_SHOWN),
                    f"{counter}.time_out_s"),
            control("[SENSe:]FUNCtion[:ON]", Choice(('"TOTalize"', '"TOT 1"', '"TOT 2"'))),
            control("SAMPle:COUNt", _COUNT, f"{counter}.gates"),
            control("TRIGger:COUNt", Number("", 1, 1, 1, format=_SHOWN)),
            control("TRIGger:SOURce", Choice(("IMMediate", "EXTernal", "BUS"))),
            control("TRIGger:DELay", Number("S", 0.0, 3600.0, 0.0, format=_SHOWN)),
            control("TRIGger:SLOPe", Choice(("POSitive", "NEGative"))),
            action("FORMat[:DATA]", _set_form, _show_form),
            control("FORMat:BORDer", Choice(("NORMal", "SWAPped")), f"{counter}.border"),
            control("INPut<ch>:COUPling", Choice(("AC", "DC"))),
            control("INPut<ch>:IMPedance", Number("OHM", 50.0, 1e6, 1e6, format=_SHOWN),
                    f"{inputs}#.impedance_ohm"),
            control("INPut<ch>:RANGe", Number("V", 5.0, 50.0, 5.0, format=_SHOWN)),
            control("INPut<ch>:LEVel[:ABSolute]", _LEVEL, f"{inputs}#.level_v"),
            control("INPut<ch>:LEVel:AUTO", Boolean(True), f"{inputs}#.auto_level"),
            control("INPut<ch>:SLOPe", Choice(("POSitive", "NEGative"))),
            control("INPut<ch>:NREJection", Boolean()),
            control("INPut<ch>:FILTer[:LPASs][:STATe]", Boolean()),
            action("INITiate[:IMMediate]", lambda call: _counter(call).initiate()),
            action("ABORt", lambda call: _counter(call).abort()),
            query("FETCh", lambda call: _counter(call).fetch()),
            query("READ", _read),
            *ignored("DISPlay[:STATe]", "*TRG"),
        ),
        channels=(1, 2),
        options="0",
        reset="ABOR;:INP1:LEV 0;IMP 1E6;:INP2:LEV 0;IMP 1E6;:CONF:TOT:TIM 0.1,(@1)"
        ";:TOT:GATE:POL NEG;:OUTP OFF;:FORM ASC;:FORM:BORD NORM",
        channel_lists=True,
        no_error="+0",
    )  # fmt: skip


KEYSIGHT_53220A = _table("53220a", "MY50001234", "gate_counter", "counter_inputs")
KEYSIGHT_53220A_2 = _table("53220a_2", "MY50005678", "gate_counter_2", "counter_inputs_2")
"""A second one, since each totalises on one input: its input 1 has APD2 (photoluminescence)."""

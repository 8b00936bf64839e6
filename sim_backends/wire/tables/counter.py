"""Keysight 53220A as a totaliser: APD1 (angle) on input 1, APD2 (photoluminescence) on input 2.

Unlike the real one it counts on both inputs at once, if both are named: (@1,2).
"""

from sim_backends.wire.command_table import Call, CommandTable, action, control, ignored, query
from sim_backends.wire.gate_counter import GateCounter
from sim_backends.wire.parameters import Boolean, Choice, Number
from sim_backends.wire.scpi_error import SCPIError

_SHOWN = "+.15E"
_GATE = Number("S", 100e-9, 1000.0, 0.1, format=_SHOWN)
_COUNT = Number("", 1, 100_000_000, 1, format=_SHOWN, integer=True)
_FORMATS = ("ASCii", "REAL")


def _counter(call: Call) -> GateCounter:
    return call.instrument.bench.gate_counter


def _configure(call: Call) -> None:
    if len(call.parameters) > 1:
        raise SCPIError(-108)
    _counter(call).configure(_GATE.parse((call.parameters or ["DEF"])[0]), call.channels)


def _configured(call: Call) -> str:
    counter = _counter(call)
    inputs = ",".join(map(str, counter.inputs))
    return f'"TOT:TIM {counter.gate_s:{_SHOWN}},(@{inputs})"'


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


KEYSIGHT_53220A = CommandTable(
    dialect="53220a",
    role="counter",
    identity="Agilent Technologies,53220A,MY50001234,02.05-1519.666-1.19-4.15-127-155-35",
    commands=(
        action("CONFigure:TOTalize[:TIMed]", _configure),
        query("CONFigure", _configured),
        query("MEASure:TOTalize[:TIMed]", _measure),
        control("[SENSe:]TOTalize:GATE:TIME", _GATE, "gate_counter.gate_s"),
        control("[SENSe:]TOTalize:GATE:SOURce", Choice(("TIME", "EXTernal")),
                "gate_counter.source"),
        control("[SENSe:]TOTalize:GATE:POLarity", Choice(("POSitive", "NEGative"))),
        control("[SENSe:]FUNCtion[:ON]", Choice(('"TOTalize"', '"TOT 1"', '"TOT 2"'))),
        control("SAMPle:COUNt", _COUNT, "gate_counter.gates"),
        control("TRIGger:COUNt", Number("", 1, 1, 1, format=_SHOWN)),
        control("TRIGger:SOURce", Choice(("IMMediate", "EXTernal", "BUS"))),
        control("TRIGger:DELay", Number("S", 0.0, 3600.0, 0.0, format=_SHOWN)),
        control("TRIGger:SLOPe", Choice(("POSitive", "NEGative"))),
        action("FORMat[:DATA]", _set_form, _show_form),
        control("FORMat:BORDer", Choice(("NORMal", "SWAPped")), "gate_counter.border"),
        control("INPut<ch>:COUPling", Choice(("AC", "DC"))),
        control("INPut<ch>:IMPedance", Number("OHM", 50.0, 1e6, 1e6, format=_SHOWN)),
        control("INPut<ch>:RANGe", Number("V", 5.0, 50.0, 5.0, format=_SHOWN)),
        control("INPut<ch>:LEVel[:ABSolute]", Number("V", -5.0, 5.0, 0.0, format=_SHOWN)),
        control("INPut<ch>:LEVel:AUTO", Boolean(True)),
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
    reset="ABOR;:CONF:TOT:TIM 0.1,(@1);:FORM ASC;:FORM:BORD NORM",
    channel_lists=True,
    no_error="+0",
)  # fmt: skip

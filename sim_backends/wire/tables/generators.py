"""SCPI microwave generators: Rohde & Schwarz SMB100A, SGS100A, Keysight N5183B, E8257D."""

from sim_backends.wire.command_table import (
    Call,
    Command,
    CommandTable,
    action,
    control,
    ignored,
    measurement,
    query,
)
from sim_backends.wire.conditions import sweeping
from sim_backends.wire.parameters import Boolean, Choice, Number, Numbers, PowerLevel, Text
from sim_backends.wire.scpi_error import SCPIError
from sim_backends.wire.sweeper import Sweeper

_POINTS = Number(integer=True)
_FREQUENCY_STEP = "[SOURce<ch>:]FREQuency[:CW|:FIXed]:STEP[:INCRement]"
_POWER_STEP = "[SOURce<ch>:]POWer[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]"
_LEVELS = ("DBUV", "V", "W")


def _start_list(call: Call) -> None:
    _sweeper(call).start()


def _sweeper(call: Call) -> Sweeper:
    bench = call.instrument.bench
    return bench.sweeper if call.instrument.table is SMB100A else bench.keysight_sweeper


def _trigger(call: Call) -> None:
    if _sweeper(call).mode != "LIST":
        raise SCPIError(-211)
    _start_list(call)


def _option_details(call: Call) -> str:
    """The installed options; the real one adds revisions to those that have one."""
    return f'"{call.instrument.table.options}"'


def _tone(
    highest_hz: float, low_dbm: float, high_dbm: float, shown: str, *, owner: str = "microwave"
) -> tuple[Command, ...]:
    """Commands of a single tone; `owner` is what on the bench has its frequency and power."""
    return (
        control("[SOURce<ch>:]FREQuency[:CW|:FIXed]",
                Number("HZ", 100e3, highest_hz, 1e9, format=shown), f"{owner}.frequency_hz",
                step=_FREQUENCY_STEP),
        control(_FREQUENCY_STEP, Number("HZ", 0.0, highest_hz, 100e6, format=shown)),
        control("[SOURce<ch>:]POWer[:LEVel][:IMMediate][:AMPLitude]",
                PowerLevel("DBM", low_dbm, high_dbm, -30.0, format=shown, suffixes=_LEVELS),
                f"{owner}.power_dbm", step=_POWER_STEP),
        control(_POWER_STEP, Number("DB", 0.0, 100.0, 1.0, format=shown)),
        control("OUTPut<ch>[:STATe]", Boolean(), "microwave.output"),
        control("[SOURce<ch>:]PHASe[:ADJust]", Number("DEG", -720.0, 720.0)),
        control("[SOURce<ch>:]FREQuency:OFFSet", Number("HZ", -1e11, 1e11)),
        control("[SOURce<ch>:]FREQuency:MULTiplier", Number("", 1.0, 1.0, 1.0)),
        control("[SOURce<ch>:]FREQuency:STARt", Number("HZ", 100e3, highest_hz, 1e8)),
        control("[SOURce<ch>:]FREQuency:STOP", Number("HZ", 100e3, highest_hz, 5e8)),
        control("[SOURce<ch>:]FREQuency:CENTer", Number("HZ", 100e3, highest_hz, 3e8)),
        control("[SOURce<ch>:]FREQuency:SPAN", Number("HZ", 0, highest_hz, 4e8)),
        control("[SOURce<ch>:]POWer[:LEVel][:IMMediate]:OFFSet", Number("DB", -100.0, 100.0)),
        control("[SOURce<ch>:]POWer:STARt", Number("DBM", low_dbm, high_dbm, -30.0)),
        control("[SOURce<ch>:]POWer:STOP", Number("DBM", low_dbm, high_dbm, -10.0)),
        control("[SOURce<ch>:]POWer:ALC[:STATe]", Choice(("AUTO", "ON", "OFF", "1", "0"))),
        control("[SOURce<ch>:]PULM:STATe", Boolean()),
        control("[SOURce<ch>:]PULM:SOURce", Choice(("EXTernal", "INTernal", "SCALar"))),
        control("[SOURce<ch>:]PULM:POLarity", Choice(("NORMal", "INVerted"))),
        control("[SOURce<ch>:]AM:STATe", Boolean()),
        control("[SOURce<ch>:]FM:STATe", Boolean()),
        control("[SOURce<ch>:]PM:STATe", Boolean()),
        control("[SOURce<ch>:]ROSCillator:SOURce", Choice(("INTernal", "EXTernal"))),
        control("[SOURce<ch>:]SWEep[:FREQuency]:DWELl", Number("S", 1e-3, 100.0, 2e-3)),
        control("[SOURce<ch>:]SWEep[:FREQuency]:POINts", Number("", 2, 65535, 101, integer=True)),
    )  # fmt: skip


def _list(
    owner: str, *, low_hz: float, high_hz: float, levels: Number, shown: str
) -> tuple[Command, ...]:
    """Commands of a list that `owner` on the bench plays."""
    frequency = Number("HZ", low_hz, high_hz, 1e9, format=shown)
    return (
        control("[SOURce<ch>:]LIST:FREQuency", Numbers(frequency), f"{owner}.frequencies_hz"),
        measurement("[SOURce<ch>:]LIST:FREQuency:POINts", _POINTS, f"{owner}.points"),
        control("[SOURce<ch>:]LIST:POWer", Numbers(levels), f"{owner}.powers_dbm"),
        measurement("[SOURce<ch>:]LIST:POWer:POINts", _POINTS, f"{owner}.levels"),
        control("[SOURce<ch>:]FREQuency:MODE", Choice(("CW", "FIXed", "SWEep", "LIST")),
                f"{owner}.mode"),
    )  # fmt: skip


_ROHDE_SCHWARZ_LIST = (
    *_list("sweeper", low_hz=300e3, high_hz=6e9, levels=Number("DBM", -145.0, 18.0), shown=""),
    control("[SOURce<ch>:]LIST:DWELl", Number("S", 0.7e-3, 100.0, 15e-3), "sweeper.dwell_s"),
    control("[SOURce<ch>:]LIST:MODE", Choice(("AUTO", "STEP")), "sweeper.cycle"),
    control("[SOURce<ch>:]LIST:SELect", Text("''"), "sweeper.selected"),
    control("[SOURce<ch>:]LIST:INDex", _POINTS, "sweeper.index"),
    control(
        "[SOURce<ch>:]LIST:TRIGger:SOURce",
        Choice(("AUTO", "IMMediate", "SINGle", "BUS", "EXTernal")),
        "sweeper.source",
    ),
    action("[SOURce<ch>:]LIST:TRIGger:EXECute", _start_list),
    action("[SOURce<ch>:]LIST:RESet", lambda call: _sweeper(call).rewind()),
    action("[SOURce<ch>:]LIST:LEARn", lambda call: _sweeper(call).learn()),
    *ignored("[SOURce<ch>:]LIST:DELete"),
)


def _keysight_list(highest_hz: float, levels: Number, shortest_s: float) -> tuple[Command, ...]:
    return (
        *_list("keysight_sweeper", low_hz=100e3, high_hz=highest_hz, levels=levels, shown="+.13E"),
        control(
            "[SOURce<ch>:]LIST:DWELl",
            Numbers(Number("S", shortest_s, 100.0, 10e-3, format="+.13E")),
            "keysight_sweeper.dwells_s",
        ),
        control("[SOURce<ch>:]LIST:TYPE", Choice(("LIST", "STEP"))),
        control("[SOURce<ch>:]LIST:DIRection", Choice(("UP", "DOWN"))),
        control("[SOURce<ch>:]LIST:RETRace", Boolean(True)),
        control("[SOURce<ch>:]LIST:TRIGger:SOURce", Choice(("IMMediate", "BUS", "EXTernal"))),
        control("TRIGger[:SEQuence]:SOURce", Choice(("IMMediate", "BUS", "EXTernal", "KEY"))),
        control("INITiate:CONTinuous[:ALL]", Boolean()),
        action("INITiate[:IMMediate][:ALL]", _start_list),
        action("[SOURce<ch>:]TSWeep", _start_list),
    )


_KEYSIGHT_MORE = (
    control("OUTPut<ch>:MODulation[:STATe]", Boolean(True)),
    control("[SOURce<ch>:]LFOutput:SOURce", Choice(("INTernal", "INT2", "FUNCtion", "FUNC2"))),
    control("[SOURce<ch>:]LFOutput:AMPLitude", Number("V", 0.0, 3.5, aliases=("VP",))),
    control("[SOURce<ch>:]LFOutput:STATe", Boolean()),
    control("[SOURce<ch>:]AM:DEPTh", Number("PCT", 0.0, 100.0, 0.1)),
    control("[SOURce<ch>:]AM:SOURce", Choice(("INTernal", "INT2", "EXTernal", "EXT2"))),
    control("[SOURce<ch>:]AM:INTernal:FREQuency", Number("HZ", 0.1, 1e6, 400.0)),
    control("[SOURce<ch>:]AM:INTernal:FUNCtion:SHAPe",
            Choice(("SINE", "TRIangle", "SQUare", "RAMP", "NOISe", "DUALsine", "SWEPtsine"))),
    control("[SOURce<ch>:]PULM:SOURce:INTernal",
            Choice(("FRUN", "SQUare", "TRIGgered", "DOUBlet", "GATEd"))),
    control("[SOURce<ch>:]PULM:INTernal:FREQuency", Number("HZ", 0.1, 10e6, 400.0)),
    control("[SOURce<ch>:]SWEep:GENeration", Choice(("STEPped", "ANALog"))),
    control("[SOURce<ch>:]SWEep:MODE", Choice(("AUTO", "MANual"))),
    control("UNIT:POWer", Choice(("DBM",))),
    *ignored("DISPlay:REMote", "DISPlay[:WINDow][:STATe]"),
)  # fmt: skip
_PULSE_MODULATOR = (
    control("[SOURce<ch>:]PULM:DELay", Number("S", 0.0, 100.0, 0.0)),
    control("[SOURce<ch>:]PULM:WIDTh", Number("S", 5e-9, 100.0, 2e-6)),
    control("[SOURce<ch>:]PULM:PERiod", Number("S", 20e-9, 100.0, 10e-6)),
    control("[SOURce<ch>:]PULM:MODE", Choice(("SINGle", "DOUBle"))),
    control("[SOURce<ch>:]PULM:DOUBle:DELay", Number("S", 10e-9, 100.0, 3e-6)),
    control("[SOURce<ch>:]PULM:DOUBle:WIDTh", Number("S", 5e-9, 100.0, 2e-6)),
    control("[SOURce<ch>:]PULM:TRIGger:MODE", Choice(("AUTO", "EXTernal", "EGATe"))),
    control("[SOURce<ch>:]PULM:TRIGger:EXTernal:GATE:POLarity", Choice(("NORMal", "INVerted"))),
    control("[SOURce<ch>:]PULM:TRIGger:EXTernal:IMPedance", Choice(("G50", "G10K"))),
    control("[SOURce<ch>:]PULM:TRIGger:EXTernal:SLOPe", Choice(("POSitive", "NEGative"))),
)
_RESET = "OUTP OFF;:FREQ 1 GHZ;:POW -30"
_LIST_RESET = f"FREQ:MODE CW;:{_RESET}"

SMB100A = CommandTable(
    dialect="smb100a",
    role="microwave",
    identity="Rohde&Schwarz,SMB100A,1406.6000k03/101234,3.1.19.15-3.20.390.24",
    commands=(
        *_tone(6e9, -145.0, 18.0, "", owner="sweeper"),
        *_ROHDE_SCHWARZ_LIST,
        control("[SOURce<ch>:]LFOutput[:STATe]", Boolean()),
        control("UNIT:POWer", Choice(("DBM",))),
    ),
    options="SMB-B106,SMB-B1",
    reset=_LIST_RESET,
    trigger=_trigger,
    operation=sweeping,
)
SGS100A = CommandTable(
    dialect="sgs100a",
    role="microwave",
    identity="Rohde&Schwarz,SGS100A,1416.0505k02/100123,3.1.19.1-3.01.134.25",
    commands=(
        *_tone(6e9, -20.0, 25.0, ""),
        control("[SOURce<ch>:]IQ:STATe", Boolean()),
        control("[SOURce<ch>:]IQ:IMPairment[:STATe]", Boolean()),
        control("[SOURce<ch>:]IQ:IMPairment:LEAKage:I", Number("PCT", -5.0, 5.0)),
        control("[SOURce<ch>:]IQ:IMPairment:LEAKage:Q", Number("PCT", -5.0, 5.0)),
        control("[SOURce<ch>:]IQ:IMPairment:QUADrature[:ANGLe]", Number("DEG", -8.0, 8.0)),
        control("[SOURce<ch>:]IQ:IMPairment:IQRatio[:MAGNitude]", Number("DB", -1.0, 1.0)),
        control("[SOURce<ch>:]OPMode", Choice(("NORMal", "BBBYpass"))),
        control("[SOURce<ch>:]ROSCillator:OUTPut:FREQuency",
                Choice(("10MHZ", "100MHZ", "1000MHZ"))),
        control("[SOURce<ch>:]ROSCillator:EXTernal:FREQuency",
                Choice(("10MHZ", "100MHZ", "1000MHZ"))),
        *_PULSE_MODULATOR,
        control("CONNector:TRIGger:OMODe", Choice(("SVALid", "SNVAlid", "PVOut", "PETRigger"))),
        control("[SOURce<ch>:]LOSCillator:SOURce", Choice(("INTernal", "EXTernal"))),
        control("CONNector:REFLo:OUTPut", Choice(("REF", "LO", "OFF"))),
    ),
    options="SGS-B106,SGS-K100",
    reset=_RESET,
)  # fmt: skip
N5183B = CommandTable(
    dialect="n5183b",
    role="microwave",
    identity="Agilent Technologies,N5183B,MY53271234,B.01.86",
    commands=(
        *_tone(20e9, -130.0, 30.0, "+.13E", owner="keysight_sweeper"),
        *_keysight_list(20e9, Number("DBM", -130.0, 30.0), 100e-6),
        *_KEYSIGHT_MORE,
    ),
    options="520,1EQ,UNW",
    reset=_LIST_RESET,
    trigger=_trigger,
    operation=sweeping,
    no_error="+0",
)
E8257D = CommandTable(
    dialect="e8257d",
    role="microwave",
    identity="Agilent Technologies,E8257D,MY51110123,C.06.28",
    commands=(
        *_tone(20e9, -135.0, 30.0, "+.13E", owner="keysight_sweeper"),
        *_keysight_list(20e9, Number("DBM", -135.0, 30.0), 1e-3),
        *_KEYSIGHT_MORE,
        query("DIAGnostic:CPU:INFOrmation:OPTions:DETail", _option_details),
    ),
    options="520,1E1,UNR",
    reset=_LIST_RESET,
    trigger=_trigger,
    operation=sweeping,
    no_error="+0",
)

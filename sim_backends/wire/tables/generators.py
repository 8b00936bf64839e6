"""SCPI microwave generators: Rohde & Schwarz SMB100A, SGS100A, Keysight N5183B, E8257D."""

from sim_backends.wire.command_table import (
    Call,
    Command,
    CommandTable,
    action,
    control,
    ignored,
    measurement,
)
from sim_backends.wire.conditions import sweeping
from sim_backends.wire.parameters import Boolean, Choice, Number, Numbers, PowerLevel, Text
from sim_backends.wire.scpi_error import SCPIError

_POINTS = Number(integer=True)
_FREQUENCY_STEP = "[SOURce<ch>:]FREQuency[:CW|:FIXed]:STEP[:INCRement]"
_POWER_STEP = "[SOURce<ch>:]POWer[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]"
_LEVELS = ("DBUV", "V", "W")


def _start_list(call: Call) -> None:
    call.instrument.bench.sweeper.start()


def _trigger(call: Call) -> None:
    if call.instrument.bench.sweeper.mode != "LIST":
        raise SCPIError(-211)
    _start_list(call)


def _tone(highest_hz: float, low_dbm: float, high_dbm: float, shown: str) -> tuple[Command, ...]:
    return (
        control("[SOURce<ch>:]FREQuency[:CW|:FIXed]",
                Number("HZ", 100e3, highest_hz, 1e9, format=shown), "microwave.frequency_hz",
                step=_FREQUENCY_STEP),
        control(_FREQUENCY_STEP, Number("HZ", 0.0, highest_hz, 100e6, format=shown)),
        control("[SOURce<ch>:]POWer[:LEVel][:IMMediate][:AMPLitude]",
                PowerLevel("DBM", low_dbm, high_dbm, -30.0, format=shown, suffixes=_LEVELS),
                "microwave.power_dbm", step=_POWER_STEP),
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


def _list(shown: str, lowest_s: float) -> tuple[Command, ...]:
    frequency = Number("HZ", 100e3, 40e9, 1e9, format=shown)
    return (
        control("[SOURce<ch>:]LIST:FREQuency", Numbers(frequency), "sweeper.frequencies_hz"),
        measurement("[SOURce<ch>:]LIST:FREQuency:POINts", _POINTS, "sweeper.points"),
        control("[SOURce<ch>:]LIST:DWELl", Number("S", lowest_s, 100.0, 10e-3), "sweeper.dwell_s"),
        control("[SOURce<ch>:]FREQuency:MODE", Choice(("CW", "FIXed", "SWEep", "LIST")),
                "sweeper.mode"),
    )  # fmt: skip


_ROHDE_SCHWARZ_LIST = (
    *_list("", 1e-6),
    control("[SOURce<ch>:]LIST:POWer", Numbers(Number("DBM", -145.0, 30.0))),
    control("[SOURce<ch>:]LIST:MODE", Choice(("AUTO", "STEP"))),
    control("[SOURce<ch>:]LIST:SELect", Text("'/var/user/list'")),
    measurement("[SOURce<ch>:]LIST:INDex", _POINTS, "sweeper.index"),
    control("[SOURce<ch>:]LIST:TRIGger:SOURce", Choice(("AUTO", "SINGle", "EXTernal"))),
    action("[SOURce<ch>:]LIST:TRIGger:EXECute", _start_list),
    action("[SOURce<ch>:]LIST:RESet", lambda call: call.instrument.bench.sweeper.rewind()),
    *ignored("[SOURce<ch>:]LIST:LEARn", "[SOURce<ch>:]LIST:DELete"),
)
_KEYSIGHT_LIST = (
    *_list("+.13E", 100e-6),
    control("[SOURce<ch>:]LIST:POWer", Numbers(Number("DBM", -145.0, 30.0))),
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

SMB100A = CommandTable(
    dialect="smb100a",
    role="microwave",
    identity="Rohde&Schwarz,SMB100A,1406.6000k03/101234,3.1.19.15-3.20.390.24",
    commands=(
        *_tone(6e9, -145.0, 18.0, ""),
        *_ROHDE_SCHWARZ_LIST,
        control("[SOURce<ch>:]LFOutput[:STATe]", Boolean()),
        control("UNIT:POWer", Choice(("DBM",))),
    ),
    options="SMB-B106,SMB-B1",
    reset=_RESET,
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
    commands=(*_tone(20e9, -130.0, 30.0, "+.13E"), *_KEYSIGHT_LIST, *_KEYSIGHT_MORE),
    options="520,1EQ,UNW",
    reset=_RESET,
    trigger=_trigger,
    operation=sweeping,
    no_error="+0",
)
E8257D = CommandTable(
    dialect="e8257d",
    role="microwave",
    identity="Agilent Technologies,E8257D,MY51110123,C.06.28",
    commands=(*_tone(20e9, -135.0, 30.0, "+.13E"), *_KEYSIGHT_LIST, *_KEYSIGHT_MORE),
    options="520,UNR",
    reset=_RESET,
    trigger=_trigger,
    operation=sweeping,
    no_error="+0",
)

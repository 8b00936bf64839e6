"""Status tree (SCPI 1999), common commands (IEEE 488.2) and what numbers may look like."""

import math

import pytest

from sim_backends.wire.catalogue import TABLES
from sim_backends.wire.scpi_error import SCPIError
from tests.wire.bench_instruments import Lab

SCPI = [table.dialect for table in TABLES if not table.compact]


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.mark.parametrize("dialect", SCPI)
@pytest.mark.parametrize("branch", ["OPERation", "QUES"])
def test_every_instrument_has_the_status_tree(lab: Lab, dialect: str, branch: str) -> None:
    head = f"STATus:{branch}"
    lab.tell(dialect, f"{head}:ENABle #H7FFF;PTRansition 5;NTR #Q17")
    assert lab.ask(dialect, f"{head}:ENAB?;PTR?;NTR?") == "32767;5;15"
    lab.tell(dialect, "*RST;*CLS")
    assert lab.ask(dialect, f"{head}:ENAB?") == "32767"  # SCPI 1999, volume 2, 20.1: not reset
    lab.tell(dialect, "STAT:PRES")
    assert lab.ask(dialect, f"{head}:ENAB?;PTR?;NTR?") == "0;32767;0"
    assert lab.ask(dialect, f"{head}?;:{head}:EVEN?;COND?") == "0;0;0"
    assert lab.error(dialect) == 0
    lab.tell(dialect, f"{head}:ENAB 32768")
    assert lab.error(dialect) == -222


@pytest.mark.parametrize("dialect", ["smb100a", "n5183b", "e8257d"])
def test_a_sweep_is_a_condition_and_its_ends_are_events(lab: Lab, dialect: str) -> None:
    start = {"n5183b": "INIT", "e8257d": "INIT"}.get(dialect, "LIST:TRIG:EXEC")
    lab.tell(dialect, "*CLS;STAT:PRES;OPER:ENAB 8;*SRE 128;:LIST:FREQ 2.8 GHZ,2.81 GHZ,2.82 GHZ")
    lab.tell(dialect, "*CLS;:STAT:OPER:NTR 8;:LIST:DWEL 10 MS;POW -9;TRIG:SOUR BUS;:FREQ:MODE LIST")
    lab.tell(dialect, start)
    assert lab.ask(dialect, "STAT:OPER:COND?;*STB?").startswith("8;")
    assert int(lab.ask(dialect, "*STB?")) & 0xC0 == 0xC0
    assert lab.ask(dialect, "STAT:OPER?;OPER?") == "8;0"
    assert int(lab.ask(dialect, "*STB?")) & 0xC0 == 0
    lab.world.sleep_s(50e-3)
    assert lab.ask(dialect, "STAT:OPER:COND?;EVEN?") == "0;8"


def test_a_trigger_starts_a_waiting_list_and_is_ignored_otherwise(lab: Lab) -> None:
    lab.tell("smb100a", "*TRG")
    assert lab.error("smb100a") == -211
    lab.tell("smb100a", "LIST:FREQ 2.8 GHZ,2.81 GHZ,2.82 GHZ;POW -9;TRIG:SOUR SING")
    lab.tell("smb100a", ":FREQ:MODE LIST;*TRG")
    assert (lab.error("smb100a"), lab.ask("smb100a", "STAT:OPER:COND?")) == (0, "8")
    lab.tell("hmp4040", "*TRG")
    assert lab.error("hmp4040") == -211


def test_an_earlier_answer_of_the_same_message_is_available(lab: Lab) -> None:
    assert lab.ask("smb100a", "*STB?;*STB?") == "0;16"
    lab.tell("smb100a", "*SRE 16")
    assert lab.ask("smb100a", "*OPC?;*STB?") == "1;80"


def test_the_classes_of_errors_have_their_event_bits(lab: Lab) -> None:
    instrument = lab.instruments["smb100a"]
    for number, bit in ((-113, 32), (-222, 16), (-350, 8), (-410, 4), (-440, 4)):
        lab.tell("smb100a", "*CLS")
        instrument.status.report(SCPIError(number))  # type: ignore[attr-defined]
        assert lab.ask("smb100a", "*ESR?") == str(bit)


def test_nothing_follows_an_indefinite_answer(lab: Lab) -> None:
    assert lab.ask("smb100a", "*IDN?;*OPC?").count(";") == 0
    assert lab.error("smb100a") == -440
    assert lab.ask("smb100a", "*OPC?;*IDN?").startswith("1;Rohde")
    assert lab.error("smb100a") == 0


@pytest.mark.parametrize("message", ["*IDN? 1", "*CLS 1", "*RST 0", "*OPC? 2", "*ESE? 3", "*TRG 1"])
def test_a_parameter_too_many_is_refused(lab: Lab, message: str) -> None:
    assert lab.tell("hmp4040", message) is None
    assert lab.error("hmp4040") == -108


def test_power_on_status_clear_is_a_flag(lab: Lab) -> None:
    assert lab.ask("33522b", "*PSC?;*PSC 0;*PSC?;*PSC -3;*PSC?") == "1;0;1"
    lab.tell("33522b", "*PSC")
    assert lab.error("33522b") == -109


@pytest.mark.parametrize("dialect", [t.dialect for t in TABLES])
def test_a_state_is_saved_and_recalled(lab: Lab, dialect: str) -> None:
    generator = "FREQ" in lab_headers(dialect)
    change = {
        "33522b": ("SOUR2:VOLT:OFFS {:g}", "SOUR2:VOLT:OFFS?", (0.25, 0.5)),
        "53220a": ("INP2:LEV {:g}", "INP2:LEV?", (0.25, 0.5)),
        "53220a_2": ("INP2:LEV {:g}", "INP2:LEV?", (0.25, 0.5)),
        "e36312a": ("CURR {:g},(@2)", "CURR? (@2)", (0.25, 0.5)),
    }.get(dialect, ("CURR {:g}", "CURR?", (0.25, 0.5)))
    if generator and dialect != "33522b":
        change = ("FREQ {:g}", "FREQ?", (2.7e9, 2.8e9))
    tell, ask, (first, second) = change
    lab.tell(dialect, f"{tell.format(first)};*SAV 3")
    lab.tell(dialect, tell.format(second))
    lab.tell(dialect, "*RST")
    lab.tell(dialect, "*RCL 3")
    assert float(lab.ask(dialect, ask)) == first
    for refused in ("*RCL 4", "*SAV -1", "*RCL 1000", "*SAV"):
        before = lab.instruments[dialect].status.error_count()  # type: ignore[attr-defined]
        lab.tell(dialect, refused)
        assert lab.instruments[dialect].status.error_count() == before + 1  # type: ignore[attr-defined]


def lab_headers(dialect: str) -> str:
    table = next(table for table in TABLES if table.dialect == dialect)
    return " ".join(command.header for command in table.commands)


@pytest.mark.parametrize(
    ("dialect", "message", "query", "value"),
    [
        ("smb100a", "FREQ:STEP 2 MHZ;:FREQ 2.8 GHZ;:FREQ UP", "FREQ?", 2.802e9),
        ("n5183b", "FREQ 2.8 GHZ;FREQ:STEP 1 KHZ;:FREQ down;FREQ DOWN", "FREQ?", 2.8e9 - 2e3),
        ("e8257d", "POW -20 DBM;POW:STEP 0.5 DB;:POW UP", "POW?", -19.5),
        ("hmp4040", "VOLT 3;VOLT:STEP 0.25;:VOLT DOWN", "VOLT?", 2.75),
        ("nge103", "CURR 1;CURR:STEP 10 MA;:CURR UP", "CURR?", 1.01),
        ("e36312a", "VOLT 1,(@1:2);VOLT:STEP 0.1;:VOLT UP,(@2)", "VOLT? (@2)", 1.1),
    ],
)
def test_up_and_down_are_steps(
    lab: Lab, dialect: str, message: str, query: str, value: float
) -> None:
    lab.tell(dialect, message)
    assert float(lab.ask(dialect, query)) == pytest.approx(value, rel=1e-9)
    assert lab.error(dialect) == 0


def test_a_step_out_of_the_range_is_refused(lab: Lab) -> None:
    lab.tell("hmp4040", "VOLT 32;VOLT:STEP 1;:VOLT UP")
    assert (lab.error("hmp4040"), lab.ask("hmp4040", "VOLT?")) == (-222, "32.000")
    lab.tell("53220a", "INP1:LEV UP")
    assert lab.error("53220a") == -104


@pytest.mark.parametrize(
    ("dialect", "message", "dbm"),
    [
        ("smb100a", "POW 1 MW", 0.0),
        ("smb100a", "POW 10 UW", -20.0),
        ("e8257d", "POW 0.1 V", 10 * math.log10(0.1**2 / 50 / 1e-3)),
        ("n5183b", "POW 100 MV", 10 * math.log10(0.1**2 / 50 / 1e-3)),
        ("sgs100a", "POW 107 DBUV", 107 - 106.9897),
        ("sg384", "AMPR 0.1 RMS", 10 * math.log10(0.1**2 / 50 / 1e-3)),
        ("sg386", "AMPR 1 VPP", 10 * math.log10(1 / 8 / 50 / 1e-3)),
    ],
)
def test_a_level_may_be_given_in_watts_and_volts(
    lab: Lab, dialect: str, message: str, dbm: float
) -> None:
    lab.tell(dialect, message)
    assert lab.world.controls.microwave_dbm == pytest.approx(dbm, abs=1e-3)


@pytest.mark.parametrize("text", ["0 W", "-1 V", "3 A", "5 DBW"])
def test_what_is_no_level_is_refused(lab: Lab, text: str) -> None:
    before = lab.world.controls.microwave_dbm
    lab.tell("smb100a", f"POW {text}")
    assert lab.error("smb100a") in (-222, -131)
    assert lab.world.controls.microwave_dbm == before


@pytest.mark.parametrize(
    ("text", "shown"), [("#H1F", "31"), ("#b101", "5"), ("#Q17", "15"), (" #hFf ", "255")]
)
def test_numbers_may_be_hexadecimal_octal_or_binary(lab: Lab, text: str, shown: str) -> None:
    assert lab.ask("hmp4040", f"*ESE {text};*ESE?") == shown


@pytest.mark.parametrize("text", ["#H", "#HG", "#Q8", "#B2", "#H1_0", "#HFF HZ", "#X1"])
def test_digits_of_another_base_are_refused(lab: Lab, text: str) -> None:
    lab.tell("hmp4040", f"*ESE {text}")
    assert lab.error("hmp4040") in (-121, -104)
    assert lab.ask("hmp4040", "*ESE?") == "0"


@pytest.mark.parametrize(
    "text", ["FREQ 5 µHz", "OUTP Ω\u00b1", 'DISP:TEXT? "x', "\u00e9\u00fc", "POW 1 °"]
)
def test_error_texts_are_ascii_without_quotes(lab: Lab, text: str) -> None:
    lab.instruments["smb100a"].handle(text.encode("latin-1", "replace"))
    lab.instruments["smb100a"].status.report(SCPIError(-200, text))  # type: ignore[attr-defined]
    answer = lab.ask("smb100a", "SYST:ERR:ALL?")
    assert answer.isascii()
    assert answer.isprintable()
    assert answer.count('"') == 2 * (answer.count(',"'))


def test_a_message_that_fills_both_buffers_is_deadlocked(lab: Lab) -> None:
    instrument = lab.instruments["smb100a"]
    flood = b";".join([b"FREQ?"] * 30_000) + b";*ESE 7"
    assert instrument.handle(flood, queued=True) is None  # type: ignore[call-arg]
    assert lab.ask("smb100a", "*ESE?") == "7"  # what is no query is still carried out
    assert lab.ask("smb100a", "SYST:ERR:ALL?").count("-430,") == 1
    short = b";".join([b"FREQ?"] * 10_000)
    answer = instrument.handle(short, queued=True)  # type: ignore[call-arg]
    assert answer is not None
    assert answer.count(b";") == 9_999

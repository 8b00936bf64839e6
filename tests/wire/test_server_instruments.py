"""Every dialect against the world it is a view of, and the status model of IEEE 488.2."""

import math
import struct

import pytest

from drivers.keysight.f33500 import Agilent33500Trap
from drivers.session import Session
from labctl.errors import LimitError
from sim_backends.devices.simulated_device import SimulatedDevice
from sim_backends.wire.bench import COIL_OHM
from sim_backends.wire.catalogue import TABLES, dialects, port_of
from sim_backends.wire.gauges import checksum, mantissa_exponent
from sim_backends.wire.generator_channels import AOM_FULL_W, power_at_volts, volts_for_power
from sim_backends.wire.in_process import open_world_library, resource_name
from sim_backends.wire.scpi_error import SilentError
from sim_backends.world import World
from tests.wire.bench_instruments import Lab

GENERATORS = ("smb100a", "sgs100a", "n5183b", "e8257d")


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.mark.parametrize("dialect", [t.dialect for t in TABLES])
def test_every_instrument_resets_and_answers_the_common_queries(lab: Lab, dialect: str) -> None:
    assert lab.ask(dialect, "*IDN?").count(",") >= 3
    assert lab.tell(dialect, "*RST;*CLS") is None
    assert lab.ask(dialect, "*OPC?;*TST?;*STB?;*ESR?;*SRE?;*ESE?") == "1;0;16;0;0;0"
    assert lab.tell(dialect, "*ESE 32;*SRE 255;*OPC;*WAI") is None
    assert lab.ask(dialect, "*ESE?;*SRE?;*ESR?") == "32;191;1"
    assert lab.tell(dialect, "NOSUCH 1") is None
    assert int(lab.ask(dialect, "*STB?")) & 0b1100100 == 0b1100100
    assert lab.ask(dialect, "*ESR?") == "32"


@pytest.mark.parametrize("dialect", [t.dialect for t in TABLES if not t.compact])
def test_every_readable_setting_can_be_asked_for(lab: Lab, dialect: str) -> None:
    table = next(t for t in TABLES if t.dialect == dialect)
    for command in table.commands:
        if command.readable and command.kind is not None:
            header = "".join(c for c in command.header.replace("<ch>", "") if c not in "[]")
            lab.ask(dialect, f"{header.split('|')[0]}?")
    assert lab.error(dialect) == 0


@pytest.mark.parametrize("dialect", GENERATORS)
def test_generators_set_the_tone(lab: Lab, dialect: str) -> None:
    lab.tell(dialect, ":FREQ 2.87 GHZ;:POW -12.5 dBm;:OUTP ON")
    controls = lab.world.controls
    assert (controls.microwave_hz, controls.microwave_dbm) == (2.87e9, -12.5)
    assert controls.microwave_on
    for header in ("FREQ", ":SOURce1:FREQuency:CW", "sour:freq:fix"):
        assert float(lab.ask(dialect, f"{header}?")) == pytest.approx(2.87e9)
    assert lab.ask(dialect, "OUTP?") == "1"
    lab.tell(dialect, "*RST")
    assert not controls.microwave_on


def test_a_compound_message_goes_on_from_the_last_path(lab: Lab) -> None:
    lab.tell("smb100a", "SOUR:FREQ 2.8e9;POW -20;FREQ:STAR 1e9;STOP 2e9")
    assert (
        lab.ask("smb100a", "SOUR:FREQ:STAR?;STOP?;:FREQ?")
        == "1000000000.0;2000000000.0;2800000000.0"
    )
    assert lab.ask("smb100a", "SOUR:POW?;*OPC?;POW?") == "-20.0;1;-20.0"
    assert lab.ask("smb100a", "SYST:ERR?;ERR:COUN?") == '0,"No error";0'


def test_a_command_error_ends_the_message_and_an_execution_error_does_not(lab: Lab) -> None:
    assert lab.ask("smb100a", "POW 99;:FREQ 2.5e9;:FREQ?") == "2500000000.0"
    assert lab.tell("smb100a", "NOSUCH;:FREQ 2.6e9") is None
    assert lab.ask("smb100a", "SYST:ERR:ALL?").count("-222") == 1
    assert float(lab.ask("smb100a", "FREQ?")) == 2.5e9


def test_the_error_queue_overflows_into_its_last_entry(lab: Lab) -> None:
    for _ in range(100):
        lab.tell("n5183b", "NOSUCH")
    codes = [lab.error("n5183b") for _ in range(31)]
    assert codes == [-113] * 29 + [-350, 0]
    assert lab.ask("n5183b", "SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("message", "code"),
    [("FREQ", -109), ("FREQ 1,2", -108), ("FREQ? 1,2", -108), ("*IDN", -113), ("OUTP X", -224),
     ("\x00\xff!", -102), ("FREQ 2 V", -131), ("FREQ abc", -104), ("SYST:ERR 1", -113)],
)  # fmt: skip
def test_what_cannot_be_read_has_its_error(lab: Lab, message: str, code: int) -> None:
    assert lab.tell("smb100a", message) is None
    assert lab.error("smb100a") == code


def test_srs_needs_no_space_and_answers_with_carriage_return(lab: Lab) -> None:
    lab.tell("sg384", "FREQ2.87GHZ;AMPR-15.00;ENBR1;")
    assert lab.world.controls.microwave_hz == 2.87e9
    answer = lab.instruments["sg384"].handle(b"FREQ?;AMPR?;ENBR?;LERR?")
    assert answer == b"2870000000.000000;-15.00;1;0\r\n"
    lab.tell("sg384", "SYST:ERR?")
    assert lab.ask("sg384", "LERR?;LERR?") == "110;0"


def test_srs_models_differ_in_their_range(lab: Lab) -> None:
    lab.tell("sg384", "FREQ 5 GHZ")
    lab.tell("sg386", "FREQ 5 GHZ")
    assert (lab.ask("sg384", "LERR?"), lab.ask("sg386", "LERR?")) == ("11", "0")


def test_all_generators_are_the_same_device(lab: Lab) -> None:
    lab.tell("sg384", "FREQ 2.81E9;AMPR -21")
    for dialect in GENERATORS[2:]:
        assert lab.ask(dialect, ":FREQ?") == "+2.8100000000000E+09"


def test_list_mode_steps_by_the_generator_s_clock(lab: Lab) -> None:
    lab.tell("smb100a", "LIST:SEL '/var/user/x';:LIST:FREQ 2.8 GHZ, 2.85e9, 2.9e9;:LIST:DWEL 10 ms")
    lab.tell("smb100a", "LIST:POW -9,-8,-7;MODE AUTO;TRIG:SOUR SING;:FREQ 2.6 GHZ;:POW -20")
    lab.tell("smb100a", ":FREQ:MODE LIST;:LIST:RES;TRIG:EXEC")
    assert lab.ask("smb100a", "LIST:FREQ:POIN?;:LIST:TRIG:SOUR?") == "3;SING"
    seen = []
    for _ in range(4):
        lab.world.sleep_s(5e-3)
        controls = lab.world.controls
        index = int(lab.ask("smb100a", "LIST:IND?"))
        seen.append((controls.microwave_hz, controls.microwave_dbm, index))
        lab.world.sleep_s(5e-3)
    assert seen == [(2.8e9, -9.0, 0), (2.85e9, -8.0, 1), (2.9e9, -7.0, 2), (2.9e9, -7.0, 2)]
    assert lab.ask("smb100a", "FREQ?;:POW?") == "2600000000.0;-20.0"
    lab.tell("smb100a", "FREQ:MODE CW")
    assert (lab.world.controls.microwave_hz, lab.world.controls.microwave_dbm) == (2.6e9, -20.0)
    assert lab.error("smb100a") == 0


def test_the_function_generator_drives_the_trap_through_its_load_setting(lab: Lab) -> None:
    # 2000 V at the electrode are 4 Vpp from an open output, which shows 2 Vpp if told of 50 ohm.
    assert float(lab.ask("33522b", "SOUR1:VOLT?")) == pytest.approx(2.0)
    assert float(lab.ask("33522b", "OUTP1:LOAD INF;:VOLT?")) == pytest.approx(4.0)
    lab.tell("33522b", "SOUR1:VOLT 5 VPP;FREQ 5 KHZ")
    assert (lab.world.controls.trap_v, lab.world.controls.trap_hz) == (2500.0, 5e3)
    assert lab.ask("33522b", "OUTP?") == "1"
    lab.tell("33522b", "SOUR1:VOLT 20.1")
    assert lab.error("33522b") == -222


def test_the_first_channel_shows_the_generator_not_the_electrode(lab: Lab) -> None:
    for setting, told, read in (
        ("FREQ", "1e-3", 1e-3), ("FREQ", "12.5 MHZ", 12.5e6), ("VOLT", "0.01", 0.01),
        ("VOLT", "10", 10.0), ("VOLT:OFFS", "-1.5", -1.5), ("VOLT", "2 VRMS", 4 * math.sqrt(2)),
        ("VOLT", "10 DBM", 2.0),
    ):  # fmt: skip
        lab.tell("33522b", f"*RST;SOUR1:{setting} {told}")
        assert float(lab.ask("33522b", f"SOUR1:{setting}?")) == pytest.approx(read), setting
    lab.tell("33522b", "SOUR1:VOLT 1;VOLT:UNIT DBM")
    assert float(lab.ask("33522b", "SOUR1:VOLT?")) == pytest.approx(10 * math.log10(2.5))
    assert lab.error("33522b") == 0
    lab.tell("33522b", "OUTP1:LOAD INF;:SOUR1:VOLT:UNIT DBM")
    assert lab.error("33522b") == -221


@pytest.mark.parametrize(("steps", "lost"), [((4.0, 5.0, 2.6), False), ((4.0, 5.2), True)])
def test_the_end_of_a_range_drops_the_output_and_the_particle(
    lab: Lab, steps: tuple[float, ...], lost: bool
) -> None:
    lab.tell("33522b", "OUTP1:LOAD INF")
    for vpp in steps:
        lab.tell("33522b", f"SOUR1:VOLT {vpp}")
    assert ("particle lost" in lab.world.injected) is lost
    assert lab.ask("33522b", "OUTP1?;:SOUR1:VOLT:RANG:AUTO?") == "1;1"


def test_a_held_range_keeps_the_output_and_refuses_what_is_above(lab: Lab) -> None:
    lab.tell("33522b", "OUTP1:LOAD INF;:SOUR1:VOLT:RANG:AUTO OFF;:SOUR1:VOLT 1")
    assert float(lab.ask("33522b", "SOUR1:VOLT? MAX")) == pytest.approx(5.04)
    lab.tell("33522b", "SOUR1:VOLT 5.1")
    assert lab.error("33522b") == -222
    lab.tell("33522b", "SOUR1:VOLT 4")
    assert "particle lost" not in lab.world.injected
    lab.tell("33522b", "SOUR1:VOLT 2;VOLT:RANG:AUTO ON")  # which switches the relays at once
    assert "particle lost" in lab.world.injected


def test_the_trap_s_driver_never_switches_a_range_under_a_particle(lab: Lab) -> None:
    library = open_world_library(lab.world)
    session = Session(resource_name("33522b"), visa_library=library)
    trap = Agilent33500Trap(session, gain=1000.0, highest_v=4000.0)
    trap.open()
    for volts in (2500.0, 700.0, 2300.0):
        trap.amplitude_v = volts
        lab.world.sleep_s(0.02)
        assert lab.world.controls.trap_v == pytest.approx(volts)
    with pytest.raises(LimitError, match="needs another range"):
        trap.amplitude_v = 2600.0
    assert "particle lost" not in lab.world.injected
    trap.output = False
    trap.output = True
    for volts in (3900.0, 600.0, 2600.0):
        trap.amplitude_v = volts
        lab.world.sleep_s(0.02)
        assert lab.world.controls.trap_v == pytest.approx(volts)
    assert "particle lost" not in lab.world.injected


def test_the_light_flickers_at_the_end_of_a_range(lab: Lab) -> None:
    lab.tell("33522b", "SOUR2:VOLT:OFFS 0.1;:OUTP2 ON")
    before_s = lab.world.now_s()
    lab.tell("33522b", "SOUR2:VOLT:OFFS 0.12")
    assert lab.world.now_s() == before_s
    lab.tell("33522b", "SOUR2:VOLT:OFFS 0.9")
    assert lab.world.now_s() - before_s == pytest.approx(0.01)


def test_the_function_generator_s_second_channel_sets_the_light(lab: Lab) -> None:
    lab.tell("33522b", "SOUR2:APPL:DC DEF,DEF,0.5")
    assert lab.world.controls.light_w == pytest.approx(AOM_FULL_W / 2)
    lab.tell("33522b", "OUTP2 OFF")
    assert lab.world.controls.light_w == 0
    assert float(lab.ask("33522b", "SOUR2:VOLT:OFFS?")) == pytest.approx(0.5)
    assert volts_for_power(power_at_volts(0.3)) == pytest.approx(0.3)


def test_a_supply_limits_by_current_or_by_voltage(lab: Lab) -> None:
    lab.tell("hmp4040", "INST OUT1;:VOLT 5;CURR 1.5")
    assert lab.world.controls.current_a == 0
    lab.tell("hmp4040", "OUTP:SEL ON;:OUTP:GEN ON")
    assert lab.world.controls.current_a == pytest.approx(1.5)
    assert lab.ask("hmp4040", "MEAS:CURR?;:MEAS:VOLT?") == f"1.5000;{1.5 * COIL_OHM:.3f}"
    lab.tell("nge103", "INST:NSEL 1;:VOLT 0.5")
    assert lab.world.controls.current_a == pytest.approx(0.5 / COIL_OHM)
    lab.tell("nge103", "INST:NSEL 2;:VOLT 3;:CURR 1;:OUTP ON")
    assert lab.ask("nge103", "MEAS:VOLT?;:MEAS:CURR?") == "3.000;0.0000"
    lab.tell("hmp4040", "OUTP:GEN OFF")
    assert lab.world.controls.current_a == 0


def test_channel_lists_set_and_ask_several_outputs(lab: Lab) -> None:
    lab.tell("e36312a", "VOLT 2,(@1:3);:CURR 0.8,(@1,3);:OUTP 1,(@1)")
    assert lab.world.controls.current_a == pytest.approx(0.8)
    answers = lab.ask("e36312a", "VOLT? (@3,1);:MEAS:CURR? (@1,2);:OUTP? (@1:2);:CURR? MAX,(@1)")
    assert (
        answers
        == "+2.00000000E+00,+2.00000000E+00;+8.00000000E-01,+0.00000000E+00;1,0;+5.15000000E+00"
    )
    lab.tell("e36312a", "VOLT 2,(@9)")
    assert lab.error("e36312a") == -222


def test_the_counter_returns_binned_counts_as_a_block() -> None:
    lab, twin = Lab(), World(seed=1)
    lab.tell("33522b", "SOUR2:APPL:DC DEF,DEF,0.5")
    twin.set(laser_w=power_at_volts(0.5), laser_gate=True)
    lab.tell("53220a", "CONF:TOT:TIM 1 MS,(@2);:SAMP:COUN 50;:FORM REAL,64")
    block = lab.instruments["53220a"].handle(b"READ?")
    assert block is not None
    assert block[:5] == b"#3400"
    counts = struct.unpack(">50d", block[5:-1])
    assert counts == tuple(twin.stream(1e-3, 50)[1])
    lab.tell("53220a", "FORM:BORD SWAP")
    swapped = lab.instruments["53220a"].handle(b"FETC?")
    assert swapped is not None
    assert struct.unpack("<50d", swapped[5:-1]) == counts
    ascii_counts = lab.ask("53220a", "FORM ASC;:FETC?").split(",")
    assert tuple(map(float, ascii_counts)) == counts


def test_the_counter_has_nothing_before_it_was_started(lab: Lab) -> None:
    assert lab.tell("53220a", "FETC?") is None
    assert lab.error("53220a") == -230


def test_gauges_tell_the_pressure() -> None:
    lab = Lab(pressure_pa=123.4)
    assert lab.instruments["mks937b"].handle(b"@253U!mBAR") == b"@253ACKmBAR;FF"
    assert lab.instruments["mks937b"].handle(b"@253PR1?") == b"@253ACK1.23E+0;FF"
    assert lab.instruments["mks937b"].handle(b"@253PR2?") == b"@253ACKNOGAUGE;FF"
    assert lab.instruments["mks937b"].handle(b"@253FOO?") == b"@253NAK160;FF"
    assert lab.instruments["mks937b"].handle(b"@001PR1?") is None
    asked = b"001M" + bytes([checksum(b"001M")])
    told = b"001M123420"
    assert lab.instruments["smartline"].handle(asked) == told + bytes([checksum(told)]) + b"\r"
    assert lab.instruments["smartline"].handle(b"001M!") is None


def test_the_relays_of_the_mks_close_at_their_set_points() -> None:
    lab = Lab(pressure_pa=133.322)  # 1 Torr

    def mks(command: str) -> str:
        answer = lab.instruments["mks937b"].handle(f"@253{command}".encode())
        assert answer is not None
        return answer.decode().removeprefix("@253").removesuffix(";FF")

    assert mks("SP1?") == "ACK1.00E+00"
    assert (mks("SP3!1.05"), mks("SH3?"), mks("SD3?")) == ("ACK1.05", "ACK1.16E+00", "ACKBELOW")
    assert mks("SS3?") == "ACKCLEAR"  # not enabled yet
    assert (mks("EN3!ENABLE"), mks("EN3?"), mks("SS3?")) == ("ACKENABLE", "ACKENABLE", "ACKSET")
    assert (mks("SD3!ABOVE"), mks("SH3?"), mks("SS3?")) == ("ACKABOVE", "ACK9.45E-01", "ACKSET")
    assert (mks("SH3!0.99"), mks("SS3?")) == ("ACK0.99", "ACKSET")  # still above the reset value
    assert (mks("EN12!SET"), mks("SS12?"), mks("SS11?")) == ("ACKSET", "ACKSET", "ACKCLEAR")
    for bad in ("SP3!-1", "SP3!x", "SH3!1.2", "SD3!LEFT", "EN3!ON"):
        assert mks(bad) == "NAK169", bad
    assert (mks("SP13?"), mks("SX3?"), mks("SS3!SET")) == ("NAK160", "NAK160", "NAK160")


@pytest.mark.parametrize(
    ("mbar", "shown"), [(1000.0, "100023"), (9.9999, "100021"), (1.5e-7, "150013"), (0.0, "000000")]
)
def test_smartline_pressures_have_four_digits(mbar: float, shown: str) -> None:
    assert mantissa_exponent(mbar) == shown


def test_a_fault_silences_an_instrument(lab: Lab) -> None:
    lab.world.inject("microwave: hangs")
    with pytest.raises(SilentError):
        lab.tell("smb100a", "*IDN?")
    assert lab.ask("hmp4040", "*IDN?")
    lab.world.clear("microwave: hangs")
    assert lab.ask("smb100a", "*IDN?")


def test_ports_follow_one_another() -> None:
    assert [port_of(name, 2000) - 2000 for name in dialects()] == list(range(len(dialects())))
    assert issubclass(type(Lab().bench.microwave), SimulatedDevice)


def test_srs_generators_load_the_next_state_of_a_list_with_every_trigger(lab: Lab) -> None:
    controls = lab.world.controls
    assert lab.ask("sg384", "LSTC? 2;LSTS?;LSTE?") == "1;2;0"
    lab.tell("sg384", "FREQ 2.5E9;AMPR -20;LSTP 0,2.8E9,N,N,N,-3,2;LSTP1,2.9E9")
    assert lab.ask("sg384", "LSTP? 0") == "2800000000.000000,N,N,N,-3.00,2" + 9 * ",N"
    lab.tell("sg384", "*TRG")
    assert controls.microwave_hz == 2.5e9  # not enabled
    lab.tell("sg384", "LSTE1;*TRG")
    assert (controls.microwave_hz, controls.microwave_dbm) == (2.8e9, -3.0)
    lab.tell("sg384", "*TRG")
    assert (controls.microwave_hz, controls.microwave_dbm) == (2.9e9, -3.0)
    assert lab.ask("sg384", "LSTI?;LSTI 1;LSTI?;LSTR;LSTI?;LERR?") == "0;1;0;0"


def test_srs_generators_refuse_what_does_not_fit_a_list(lab: Lab) -> None:
    for message in ("LSTE 1", "LSTR", "LSTI 0", "LSTP 0,1E9", "LSTC? 2;LSTP 2,1E9", "LSTP 0,1E12"):
        lab.tell("sg384", message)
        assert int(lab.ask("sg384", "LERR?")), message
    assert lab.ask("sg386", "LSTC? 1;LSTP 0,6E9;LERR?") == "1;0"
    lab.tell("sg384", "LSTD;*TRG;LSTR")
    assert int(lab.ask("sg384", "LERR?"))

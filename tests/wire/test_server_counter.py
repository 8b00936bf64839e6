"""The simulated 53220A is as strict as its manual, in what it is asked and in what it counts."""

import numpy as np
import pytest

from labctl.hal import Pulse, PulseChannel
from tests.wire.bench_instruments import Lab

LASER, COUNT = PulseChannel.LASER, PulseChannel.COUNT
NOT_A_NUMBER = 9.91e37


@pytest.fixture
def lab() -> Lab:
    made = Lab()
    made.bench.laser.power_w, made.bench.laser.gate = 100e-6, True
    made.tell("53220a", "*RST;:SYST:TIM INF;:INP1:IMP 50;:INP2:IMP 50")
    return made


def readings(lab: Lab, message: str, dialect: str = "53220a") -> list[float]:
    return [float(text) for text in lab.ask(dialect, message).split(",")]


def test_a_reset_leaves_the_gate_negative_and_auto_level_on(lab: Lab) -> None:
    asked = "TOT:GATE:POL?;:INP1:LEV:AUTO?;:INP2:LEV:AUTO?;:INP1:COUP?;:OUTP?"
    assert lab.ask("53220a", asked) == "NEG;1;1;AC;0"


def test_a_level_stops_auto_level_and_configuring_starts_it_again(lab: Lab) -> None:
    lab.tell("53220a", "INP1:LEV 0.5001")
    assert lab.ask("53220a", "INP1:LEV:AUTO?") == "0"
    assert readings(lab, "INP1:LEV?") == pytest.approx([0.5])
    lab.tell("53220a", "CONF:TOT:TIM 0.01,(@1)")
    assert lab.ask("53220a", "INP1:LEV:AUTO?;:TOT:GATE:POL?") == "1;NEG"
    assert readings(lab, "INP1:LEV?") == [1.25]  # half-way up a pulse
    assert readings(lab, "INP2:LEV?") == [NOT_A_NUMBER]  # not what is measured
    lab.tell("53220a", "TOT:GATE:POL POS;:CONF:TOT:TIM 0.01,(@1)")
    assert lab.ask("53220a", "TOT:GATE:POL?") == "POS"  # which configuring leaves alone


@pytest.mark.parametrize(
    "message",
    ["CONF:TOT:TIM 0.1,(@1,2)", "CONF:TOT:TIM 99 US,(@1)", "CONF:TOT:TIM 1001,(@1)",
     "TOT:GATE:TIME 10 US", "INP1:LEV 5.2", "SYST:TIM 5 MS", "SAMP:COUN 1000001"],
)  # fmt: skip
def test_what_the_manual_excludes_is_refused(lab: Lab, message: str) -> None:
    lab.tell("53220a", message)
    assert lab.error("53220a") == -222


def test_gates_come_in_steps_of_ten_microseconds(lab: Lab) -> None:
    lab.tell("53220a", "CONF:TOT:TIM 1.4286 MS,(@1)")
    assert readings(lab, "TOT:GATE:TIME?") == pytest.approx([1.43e-3])
    before_s = lab.world.now_s()
    readings(lab, "SAMP:COUN 100;:READ?")
    assert lab.world.now_s() - before_s == pytest.approx(0.143)


def test_what_takes_longer_than_the_time_out_is_not_a_number(lab: Lab) -> None:
    lab.tell("53220a", "SYST:TIM 0.05;:CONF:TOT:TIM 0.1,(@1)")
    assert readings(lab, "READ?") == [NOT_A_NUMBER]
    lab.tell("53220a", "*RST")
    assert readings(lab, "SYST:TIM?") == [0.05]  # it is not forgotten
    lab.tell("53220a", "SYST:TIM INF")
    assert readings(lab, "SYST:TIM?") == [9.9e37]


@pytest.mark.parametrize(("level", "seen"), [(0.5, True), (2.6, False), (-0.1, False)])
def test_a_level_beside_the_pulses_counts_nothing(lab: Lab, level: float, seen: bool) -> None:
    lab.tell("53220a", f"CONF:TOT:TIM 0.01,(@1);:INP1:LEV {level}")
    assert (readings(lab, "READ?")[0] > 1000) == seen


def test_auto_level_counts_noise_where_there_are_no_peaks(lab: Lab) -> None:
    line, nothing = lab.bench.counter_inputs[1], np.array([0, 3, 0])
    lab.tell("53220a", "CONF:TOT:TIM 0.1,(@1)")
    assert line.counted(nothing, 0.1).tolist() == [2000, 2000, 2000]  # below 50 Hz
    lab.tell("53220a", "INP1:LEV 0.5")
    assert line.counted(nothing, 0.1).tolist() == [0, 3, 0]


def gated(lab: Lab, polarity: str, program: list[Pulse], gates: int) -> list[float]:
    lab.tell("53220a", f"CONF:TOT:TIM 0.1,(@1);:INP1:LEV 0.5;:TOT:GATE:SOUR EXT;POL {polarity}")
    lab.tell("53220a", f":SAMP:COUN {gates};:INIT")
    lab.bench.sequencer.load(program)
    lab.bench.sequencer.start()
    return readings(lab, "FETC?")


def test_a_negative_gate_is_open_while_the_line_is_low(lab: Lab) -> None:
    read, dark = Pulse.of(2e-3, LASER, COUNT), Pulse.of(4e-3)
    light = Pulse.of(8e-3, LASER)
    program = [read, dark, read, light, read]
    positive = gated(lab, "POS", program, 3)
    assert np.array(positive) == pytest.approx(positive[0], rel=0.2)
    negative = gated(lab, "NEG", program, 2)
    assert negative[0] < 100  # the dark time
    assert negative[1] == pytest.approx(4 * positive[0], rel=0.2)  # the light in between


def test_a_gate_needs_its_connector_as_an_input(lab: Lab) -> None:
    lab.tell("53220a", "CONF:TOT:TIM 0.1,(@1);:OUTP ON;:TOT:GATE:SOUR EXT;:INIT")
    assert lab.error("53220a") == -221


def test_two_counters_that_wait_together_see_the_same_window(lab: Lab) -> None:
    lab.tell("53220a_2", "SYST:TIM INF;:INP1:IMP 50")
    for dialect in ("53220a", "53220a_2"):
        lab.tell(dialect, "CONF:TOT:TIM 0.05,(@1);:INP1:LEV 0.5;:INIT")
    before_s = lab.world.now_s()
    angle, pl = readings(lab, "FETC?")[0], readings(lab, "FETC?", "53220a_2")[0]
    assert lab.world.now_s() - before_s == pytest.approx(0.05)
    twin = Lab()
    twin.bench.laser.power_w, twin.bench.laser.gate = 100e-6, True
    assert [angle, pl] == list(twin.world.count(0.05))

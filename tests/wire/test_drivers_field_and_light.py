"""Electromagnet supplies, the trap's drive and the AOM: their conversations, literally."""

import math
import threading
from typing import Any

import pytest

from drivers.aom_calibration import AOMCalibration
from drivers.keysight.e36312a import E36312AElectromagnet
from drivers.keysight.f33500 import Agilent33500AOM, Agilent33500Trap
from drivers.rohde_schwarz.hmp4040 import HMP4040Electromagnet
from drivers.rohde_schwarz.nge103 import NGE103Electromagnet
from drivers.session import Session
from labctl.errors import DeviceError, LimitError, RigError
from tests.wire.conversation import PLACE, HandClock, Pair, conversation

FINE: Pair = ("SYST:ERR?", '0,"No error"')
NGE103_NAMED: list[Pair] = [
    ("*IDN?", "Rohde&Schwarz,NGE103B,5601.3800k03/101863,1.54"),
    ("*CLS", None),
]


def asks(query: str, answer: str, *, output: int = 1) -> Pair:
    return f"INST:NSEL {output};:{query};:INST:NSEL?", f"{answer};{output}"


def sets_output(command: str, query: str, answer: str, *, output: int = 1) -> list[Pair]:
    told = f"INST:NSEL {output};:{command};:INST:NSEL?"
    return [(told, str(output)), FINE, asks(query, answer, output=output)]


NGE103_IS_ON: list[Pair] = [asks("OUTP:SEL?", "1"), ("OUTP:GEN?", "1")]
CALIBRATION = [[0.0, 0.0], [0.25, 0.4], [0.5, 0.55], [1.0, 0.9]]


def sets(command: str, query: str, answer: str) -> list[Pair]:
    return [(command, None), FINE, (query, answer)]


def steps(*currents: str) -> list[Pair]:
    return [p for c in currents for p in sets_output(f"CURR {c}", "CURR?", c)]


def test_a_supply_that_is_off_is_brought_to_zero_and_switched_on() -> None:
    pairs: list[Pair] = [
        *NGE103_NAMED, asks("OUTP:SEL?", "0"),
        *sets_output("CURR 0.000", "CURR?", "0.0000"),
        *sets_output("VOLT 5.00", "VOLT?", "5.000"),
        *sets_output("OUTP:SEL 1", "OUTP:SEL?", "1"),
        *sets("OUTP:GEN 1", "OUTP:GEN?", "1"),
    ]  # fmt: skip
    with conversation(NGE103Electromagnet, pairs, voltage_v=5.0) as magnet:
        magnet.open()


def test_a_coil_that_carries_current_is_left_alone() -> None:
    pairs: list[Pair] = [*NGE103_NAMED, *NGE103_IS_ON, asks("MEAS:CURR?", "1.5003")]
    with conversation(NGE103Electromagnet, pairs, voltage_v=5.0) as magnet:
        magnet.open()
        assert magnet.current_a == 1.5003
        magnet.close()


def test_a_ramp_takes_its_time_in_steps_that_are_read_back() -> None:
    pairs: list[Pair] = [
        *NGE103_NAMED, *NGE103_IS_ON,
        asks("CURR?", "1.0000"),
        *steps("1.050", "1.100", "1.150", "1.200"),
        asks("MEAS:CURR?", "1.1500"),
        asks("MEAS:CURR?", "1.1990"),
    ]  # fmt: skip
    clock = HandClock()
    with conversation(
        NGE103Electromagnet, pairs, voltage_v=5.0, ramp_rate_a_per_s=1.0, clock=clock
    ) as magnet:
        magnet.open()
        magnet.ramp_to(1.2)
        assert clock.time_s == pytest.approx(0.25)  # 0.2 s of ramp, 0.05 s until it arrived


def test_the_hmp_speaks_the_same_dialect_without_rounding() -> None:
    pairs: list[Pair] = [
        ("*IDN?", "ROHDE&SCHWARZ,HMP4040,101234,2.41"), ("*CLS", None),
        asks("OUTP:SEL?", "1", output=3), ("OUTP:GEN?", "1"),
        asks("CURR?", "0.0000", output=3),
        *sets_output("CURR 0.020", "CURR?", "0.0200", output=3),
        asks("MEAS:CURR?", "0.0199", output=3),
    ]  # fmt: skip
    with conversation(
        HMP4040Electromagnet, pairs, voltage_v=12.0, output=3, clock=HandClock()
    ) as magnet:
        magnet.open()
        magnet.ramp_to(0.02)


def test_the_e36312a_has_its_channel_in_every_command() -> None:
    pairs: list[Pair] = [
        ("*IDN?", "Keysight Technologies,E36312A,MY59001234,2.1.3"), ("*CLS", None),
        ("OUTPut? (@2)", "0"),
        *sets("CURR 0, (@2)", "CURR? (@2)", "+0.00000000E+00"),
        *sets("VOLT 20, (@2)", "VOLT? (@2)", "+2.00000000E+01"),
        *sets("OUTPut 1, (@2)", "OUTPut? (@2)", "1"),
        ("CURR? (@2)", "+0.00000000E+00"),
        *sets("CURR 0.02, (@2)", "CURR? (@2)", "+2.00000000E-02"),
        ("MEAS:CURRent? (@2)", "+1.99800000E-02"),
        ("MEAS:CURRent? (@2)", "+1.99800000E-02"),
    ]  # fmt: skip
    with conversation(
        E36312AElectromagnet, pairs, voltage_v=20.0, output=2, clock=HandClock()
    ) as magnet:
        assert magnet.limits["current_a"].maximum == 1.0
        magnet.open()
        magnet.ramp_to(0.02)
        told = magnet.settings()["current_a"]
        assert (told.setpoint, told.readback) == (0.02, 0.01998)


def test_a_current_that_does_not_arrive_is_an_error_with_the_facts() -> None:
    patience: list[Pair] = [p for _ in range(62) for p in (asks("MEAS:CURR?", "0.0010"),)]
    pairs = [*NGE103_NAMED, *NGE103_IS_ON, asks("CURR?", "0"), *steps("0.020"), *patience]
    with conversation(NGE103Electromagnet, pairs, voltage_v=5.0, clock=HandClock()) as magnet:
        magnet.open()
        words = rf"electromagnet at {PLACE}: 0.001 A flow 3 s after the ramp to 0.02 A"
        with pytest.raises(DeviceError, match=words):
            magnet.ramp_to(0.02)


def test_a_supply_that_refuses_a_step_ends_the_ramp() -> None:
    pairs: list[Pair] = [
        *NGE103_NAMED, *NGE103_IS_ON, asks("CURR?", "0"),
        ("INST:NSEL 1;:CURR 0.020;:INST:NSEL?", "1"),
        ("SYST:ERR?", '-221,"Settings conflict"'), FINE,
    ]  # fmt: skip
    with conversation(NGE103Electromagnet, pairs, voltage_v=5.0, clock=HandClock()) as magnet:
        magnet.open()
        with pytest.raises(DeviceError, match=r"CURR 0.020;.*-221,.*Settings conflict"):
            magnet.ramp_to(0.02)


def test_a_later_ramp_takes_over_from_an_earlier_one() -> None:
    class Clock(HandClock):
        """In the middle of the first ramp somebody asks for zero."""

        def sleep_s(self, duration_s: float) -> None:
            super().sleep_s(duration_s)
            if threading.current_thread().name == "first" and self.time_s > 0.04:
                self.time_s = 0.0
                magnet.ramp_to(0.0)

    pairs: list[Pair] = [
        *NGE103_NAMED, *NGE103_IS_ON, asks("CURR?", "0"),
        asks("CURR?", "0"), *steps("0.000"), asks("MEAS:CURR?", "0.0000"),
    ]  # fmt: skip
    failures: list[str] = []
    with conversation(NGE103Electromagnet, pairs, voltage_v=5.0, clock=Clock()) as magnet:
        magnet.open()

        def ramp() -> None:
            try:
                magnet.ramp_to(1.0)
            except DeviceError as error:
                failures.append(str(error))

        first = threading.Thread(target=ramp, name="first")
        first.start()
        first.join(5)
    assert failures == ["Another ramp took over on the way to 1 A."]


def test_currents_and_rates_beyond_the_limits_are_refused() -> None:
    with conversation(NGE103Electromagnet, [*NGE103_NAMED, *NGE103_IS_ON], voltage_v=5.0) as magnet:
        magnet.open()
        magnet.ramp_rate_a_per_s = 2.0
        assert magnet.ramp_rate_a_per_s == 2.0
        for call in (
            lambda: magnet.ramp_to(3.1),
            lambda: magnet.ramp_to(math.nan),
            lambda: setattr(magnet, "ramp_rate_a_per_s", 0.0),
        ):
            with pytest.raises(LimitError):
                call()


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        (NGE103Electromagnet, {"voltage_v": 33.0}),
        (NGE103Electromagnet, {"voltage_v": 0.0}),
        (E36312AElectromagnet, {"voltage_v": 7.0, "output": 1}),
        (E36312AElectromagnet, {"voltage_v": 5.0, "output": 4}),
        (Agilent33500Trap, {"gain": 0.0, "highest_v": 3000.0}),
        (Agilent33500Trap, {"gain": 1000.0, "highest_v": 3000.0, "channel": 3}),
        (Agilent33500AOM, {"calibration": [[0.0, 0.0]], "full_power_w": 1e-3}),
        (Agilent33500AOM, {"calibration": [[0.0, 0.0], [1.0, 6.0]], "full_power_w": 1e-3}),
        (Agilent33500AOM, {"calibration": CALIBRATION, "full_power_w": 0.0}),
    ],
)
def test_wrong_arguments_are_refused_when_the_rig_is_built(
    role: type[Any], arguments: dict[str, Any]
) -> None:
    with pytest.raises(RigError):
        role(PLACE, **arguments)


# --- function generator ---------------------------------------------------------------------

GENERATOR: list[Pair] = [
    ("*IDN?", "Agilent Technologies,33522B,MY57801234,5.03"),
    ("*CLS", None),
]
TRAP_OFF: list[Pair] = [
    *GENERATOR, ("OUTP1:LOAD?", "+9.9E+37"), ("SOUR1:VOLT:UNIT?", "VPP"), ("OUTP1?", "0"),
]  # fmt: skip
HELD: Pair = ("SOUR1:VOLT:RANG:AUTO?", "0")
TRAP_READY: list[Pair] = [*TRAP_OFF[:-1], ("OUTP1?", "1"), HELD]


def ranges(state: int, channel: int = 1) -> list[Pair]:
    head = f"SOUR{channel}:VOLT:RANG:AUTO"
    return sets(f"{head} {state}", f"{head}?", str(state))


def test_opening_the_trap_touches_no_voltage() -> None:
    pairs: list[Pair] = [
        *GENERATOR,
        ("OUTP1:LOAD?", "+5.0E+01"), ("OUTP1:LOAD INF", None), FINE,
        ("SOUR1:VOLT:UNIT?", "VRMS"), *sets("SOUR1:VOLT:UNIT VPP", "SOUR1:VOLT:UNIT?", "VPP"),
        ("OUTP1?", "1"), ("SOUR1:VOLT:RANG:AUTO?", "1"), *ranges(0),
    ]  # fmt: skip
    with conversation(Agilent33500Trap, pairs, gain=1000.0, highest_v=3000.0) as trap:
        trap.open()
        trap.close()
    with conversation(Agilent33500Trap, TRAP_READY, gain=1000.0, highest_v=3000.0) as trap:
        trap.open()


def test_the_trap_counts_in_volts_at_the_electrode() -> None:
    pairs: list[Pair] = [
        *TRAP_OFF,
        ("OUTP1?", "0"), HELD, *ranges(1),
        *sets("SOUR1:VOLT 3.600000", "SOUR1:VOLT?", "+3.6000E+00"),
        *sets("SOUR1:FREQ 5000.000000", "SOUR1:FREQ?", "+5.0000E+03"),
        # The range of the highest amplitude is chosen before anything comes out.
        ("OUTP1?", "0"), ("SOUR1:VOLT?", "+3.6000E+00"), *ranges(1),
        *sets("SOUR1:VOLT 6.000000", "SOUR1:VOLT?", "+6.0000E+00"), *ranges(0),
        *sets("SOUR1:VOLT 3.600000", "SOUR1:VOLT?", "+3.6000E+00"),
        *sets("OUTP1 1", "OUTP1?", "1"),
        ("SOUR1:VOLT?", "+3.6000E+00"), ("SOUR1:FREQ?", "+5.0000E+03"), ("OUTP1?", "1"),
    ]  # fmt: skip
    with conversation(Agilent33500Trap, pairs, gain=1000.0, highest_v=3000.0) as trap:
        trap.open()
        trap.amplitude_v = 1800.0
        trap.frequency_hz = 5e3
        trap.output = True
        told = {name: item.readback for name, item in trap.settings().items()}
        assert told == {"amplitude_v": 1800.0, "frequency_hz": 5e3, "output": True}
        for bad in (3001.0, 4.0):
            with pytest.raises(LimitError, match="amplitude_v"):
                trap.amplitude_v = bad


def test_an_amplitude_of_another_range_is_refused_while_a_particle_is_held() -> None:
    pairs: list[Pair] = [
        *TRAP_READY,
        ("OUTP1?", "1"), HELD, ("SOUR1:VOLT? MAX", "+5.04E+00"),
        *sets("SOUR1:VOLT 5.000000", "SOUR1:VOLT?", "+5.0000E+00"),
        ("OUTP1?", "1"), ("SOUR1:VOLT:RANG:AUTO?", "1"), *ranges(0),
        ("SOUR1:VOLT? MAX", "+5.04E+00"),
    ]  # fmt: skip
    with conversation(Agilent33500Trap, pairs, gain=1000.0, highest_v=3000.0) as trap:
        trap.open()
        trap.amplitude_v = 2500.0
        with pytest.raises(LimitError, match=r"2600 V needs another range .* up to 2520 V it hold"):
            trap.amplitude_v = 2600.0


def test_the_amplifier_or_the_generator_limits_the_trap_whichever_is_lower() -> None:
    assert Agilent33500Trap(PLACE, gain=1000.0, highest_v=9e3).limits["amplitude_v"].maximum == 5e3
    assert Agilent33500Trap(PLACE, gain=1000.0, highest_v=3e3).limits["amplitude_v"].maximum == 3e3


AOM_READY: list[Pair] = [
    *GENERATOR,
    *sets("OUTP2 0", "OUTP2?", "0"),
    ("OUTP2:LOAD?", "+5.0E+01"),
    ("SOUR2:FUNC?", "SIN"), ("SOUR2:FUNC DC", None), FINE,
    *ranges(1, channel=2),
    *sets("SOUR2:VOLT:OFFS 0.900000", "SOUR2:VOLT:OFFS?", "+9.0E-01"),
    *ranges(0, channel=2),
    *sets("SOUR2:VOLT:OFFS 0.000000", "SOUR2:VOLT:OFFS?", "+0.0E+00"),
]  # fmt: skip


def test_the_aom_is_closed_after_open_and_set_by_its_calibration() -> None:
    pairs: list[Pair] = [
        *AOM_READY,
        *sets("SOUR2:VOLT:OFFS 0.550000", "SOUR2:VOLT:OFFS?", "+5.5E-01"),
        *sets("OUTP2 1", "OUTP2?", "1"),
        ("SOUR2:VOLT:OFFS?", "+5.5E-01"), ("OUTP2?", "1"),
    ]  # fmt: skip
    with conversation(Agilent33500AOM, pairs, calibration=CALIBRATION, full_power_w=1e-3) as aom:
        aom.open()
        aom.power_w = 0.5e-3
        aom.gate = True
        told = aom.settings()
        assert told["power_w"].readback == pytest.approx(0.5e-3, rel=1e-9)
        assert told["gate"].readback is True
        with pytest.raises(LimitError, match="power_w"):
            aom.power_w = 1.1e-3


def test_two_roles_share_one_session_which_closes_with_the_last() -> None:
    said: list[Pair] = [
        *TRAP_READY, *AOM_READY,
        ("OUTP1?", "1"), ("OUTP2?", "0"), ("OUTP2?", "0"),
    ]  # fmt: skip

    def both(session: Session, **_: Any) -> tuple[Agilent33500Trap, Agilent33500AOM]:
        trap = Agilent33500Trap(session, gain=1000.0, highest_v=3000.0)
        return trap, Agilent33500AOM(session, calibration=CALIBRATION, full_power_w=1e-3)

    with conversation(both, said) as (trap, aom):  # type: ignore[arg-type]
        trap.open()
        aom.open()
        assert (trap.output, aom.gate) == (True, False)
        trap.close()
        assert aom.gate is False
        aom.close()
        with pytest.raises(DeviceError, match=r"laser .* is not open"):
            _ = aom.gate


def test_the_calibration_passes_through_its_points_and_inverts() -> None:
    calibration = AOMCalibration(CALIBRATION, 2e-3)
    for transmission, volts in CALIBRATION:
        assert calibration.volts_for(2e-3 * transmission) == pytest.approx(volts, abs=1e-12)
        assert calibration.power_at(volts) == pytest.approx(2e-3 * transmission, abs=1e-15)
    for power_w in (1e-6, 1e-5, 3e-4, 1.7e-3):
        assert calibration.power_at(calibration.volts_for(power_w)) == pytest.approx(power_w)
    assert calibration.power_at(-1.0) == 0.0
    assert calibration.power_at(5.0) == 2e-3
    assert calibration.dark_v == 0.0


@pytest.mark.parametrize(
    "table",
    [
        [[0.0, 0.0], [0.5, 0.5], [0.4, 0.8]],
        [[0.0, 0.5], [0.5, 0.4]],
        [[0.1, 0.0], [0.5, 0.4]],
        [[0.0, 0.0], [1.2, 0.4]],
        [[0.0, 0.0, 1.0], [1.0, 0.4, 1.0]],
    ],
)
def test_a_calibration_that_does_not_rise_is_refused(table: list[list[float]]) -> None:
    with pytest.raises(RigError, match="calibration"):
        AOMCalibration(table, 1e-3)

"""Supplies whose outputs are selected, and others who select them; what an output may give."""

from typing import Any

import pytest

from drivers.rohde_schwarz.hmp4040 import HMP4040Electromagnet
from drivers.rohde_schwarz.nge103 import NGE103Electromagnet
from drivers.session import Session
from labctl.errors import DeviceError, RigError
from labctl.hal import Limits
from sim_backends.wire.in_process import open_world_library, resource_name
from sim_backends.world import World
from tests.wire.bench_instruments import Lab
from tests.wire.conversation import PLACE, Pair, conversation

MODELS = {"hmp4040": HMP4040Electromagnet, "nge103": NGE103Electromagnet}


class Intruder:
    """Another program at the same instrument: it selects output 2 behind every message."""

    def __init__(self, instrument: Any) -> None:
        self._handle = instrument.handle
        self.messages = 0

    def handle(self, message: bytes) -> bytes | None:
        answer = self._handle(message)
        self._handle(b"INST:NSEL 2")
        self.messages += 1
        return answer


@pytest.mark.parametrize("dialect", MODELS)
def test_a_ramp_reaches_its_output_whatever_others_select(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(seed=1)
    library = open_world_library(world)
    device = next(
        d for d in library.devices._internal.values()  # type: ignore[attr-defined]
        if d.name == dialect
    )  # fmt: skip
    instrument = device._instrument
    spare = instrument.bench.supply[2]
    intruder = Intruder(instrument)
    monkeypatch.setattr(instrument, "handle", intruder.handle)
    session = Session(resource_name(dialect), visa_library=library)
    magnet = MODELS[dialect](
        session, voltage_v=5.0, clock=world, ramp_rate_a_per_s=5.0, tolerance_a=1e-3
    )
    magnet.open()
    magnet.ramp_to(1.2)
    assert magnet.current_a == pytest.approx(1.2)
    assert world.controls.current_a == pytest.approx(1.2)
    assert (spare.current_a, spare.voltage_v, spare.active) == (0.0, 0.0, False)
    assert intruder.messages > 10
    magnet.close()


def test_a_selection_that_came_between_is_an_error() -> None:
    pairs: list[Pair] = [
        ("*IDN?", "ROHDE&SCHWARZ,HMP4040,101234,2.41"), ("*CLS", None),
        ("INST:NSEL 1;:OUTP:SEL?;:INST:NSEL?", "1;1"), ("OUTP:GEN?", "1"),
        ("INST:NSEL 1;:CURR?;:INST:NSEL?", "0.0000;1"),
        ("INST:NSEL 1;:CURR 0.020;:INST:NSEL?", "3"),
        ("INST:NSEL 1;:MEAS:CURR?;:INST:NSEL?", "0.5000;4"),
    ]  # fmt: skip
    with conversation(HMP4040Electromagnet, pairs, voltage_v=5.0) as magnet:
        magnet.open()
        words = rf"electromagnet at {PLACE} .*output 3 was selected instead of 1 .*CURR 0.020"
        with pytest.raises(DeviceError, match=words):
            magnet.ramp_to(0.02)
        with pytest.raises(DeviceError, match="output 4 was selected instead of 1"):
            _ = magnet.current_a


@pytest.mark.parametrize(
    ("role", "voltage_v", "highest_a"),
    [
        (NGE103Electromagnet, 6.0, 3.0),
        (NGE103Electromagnet, 11.2, 3.0),
        (NGE103Electromagnet, 12.0, 2.8),
        (NGE103Electromagnet, 32.0, 1.05),
        (HMP4040Electromagnet, 12.0, 10.0),
        (HMP4040Electromagnet, 20.0, 8.0),
        (HMP4040Electromagnet, 32.0, 5.0),
    ],
)
def test_the_limit_of_the_current_is_that_of_the_rated_power(
    role: type[Any], voltage_v: float, highest_a: float
) -> None:
    magnet = role(PLACE, voltage_v=voltage_v)
    assert magnet.limits["current_a"].maximum == highest_a
    with pytest.raises(RigError, match="exceed"):
        magnet.limits.narrow({"current_a": Limits(0.0, highest_a + 0.01, "A")})


@pytest.mark.parametrize(
    ("model", "output", "voltage_v", "limit_a", "words"),
    [
        ("HMP2030", 1, 12.0, None, r"output 1 of an HMP2030 gives 80 W, which is 5 A at 12 V"),
        (
            "HMP2030",
            1,
            20.0,
            4.5,
            r"80 W, which is 4 A at 20 V; .*current_a = \[\"0 A\", \"4 A\"\]",
        ),
        ("HMP2020", 2, 12.0, None, r"output 2 of an HMP2020 gives 80 W"),
        ("HMP2020", 3, 12.0, None, r"an HMP2020 has no output 3"),
        ("HMP2020", 1, 12.0, None, ""),
        ("HMP2030", 1, 12.0, 5.0, ""),
    ],
)
def test_the_model_that_answers_has_the_last_word(
    model: str, output: int, voltage_v: float, limit_a: float | None, words: str
) -> None:
    pairs: list[Pair] = [("*IDN?", f"ROHDE&SCHWARZ,{model},101234,2.41"), ("*CLS", None)]
    if not words:
        pairs += [(f"INST:NSEL {output};:OUTP:SEL?;:INST:NSEL?", f"1;{output}"), ("OUTP:GEN?", "1")]
    with conversation(HMP4040Electromagnet, pairs, voltage_v=voltage_v, output=output) as magnet:
        if limit_a is not None:
            magnet.limits.narrow({"current_a": Limits(0.0, limit_a, "A")})
        if words:
            with pytest.raises(DeviceError, match=words):
                magnet.open()
        else:
            magnet.open()


def test_outputs_that_no_model_has_are_refused() -> None:
    for output in (0, 5):
        with pytest.raises(RigError, match=f"output {output}"):
            HMP4040Electromagnet(PLACE, voltage_v=5.0, output=output)
    with pytest.raises(RigError, match="output 4"):
        NGE103Electromagnet(PLACE, voltage_v=5.0, output=4)


def test_the_simulated_supplies_refuse_more_than_their_rated_power() -> None:
    lab = Lab()
    lab.tell("nge103", "INST:NSEL 2;:VOLT 12;:CURR 2.8")
    assert lab.error("nge103") == 0
    for message in ("CURR 2.81", "VOLT 12.1", "APPL 32,3"):
        lab.tell("nge103", message)
        assert lab.error("nge103") == -221, message
    lab.tell("hmp4040", "INST:NSEL 3;:VOLT 32;:CURR 5;:CURR 5.1")
    assert lab.error("hmp4040") == -221

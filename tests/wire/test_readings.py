"""What SCPI sends where there is no number never becomes data or a setting, in any driver."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.mks.mks937b import MKS937BGauge
from drivers.session import Session
from drivers.windfreak.synth_hd import SynthHDMicrowave
from labctl.core import Rig
from labctl.errors import DeviceError
from tests.wire.conversation import PLACE, conversation
from tests.wire.test_drivers_contract import RIGS, exchanged
from tests.wire.vendor_packages import SynthHD

NO_NUMBERS = ("+9.91000000E+37", "9.9E37", "-9.9E+37", "NAN", "INF", "-inf", "+1.0E+400")
BEYOND = {"output": bool, "gate": bool}
"""Settings that are no numbers."""


class Spoiled:
    """An adapter whose every answer is the same text; what is written goes nowhere."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def write(self, command: str, **options: Any) -> None:
        del command, options

    def read(self, **options: Any) -> str:
        del options
        return self.answer


@contextlib.contextmanager
def every_answer(device: Any, answer: str) -> Iterator[None]:
    witness = device._session._handle.adapter
    kept, witness._adapter = witness._adapter, Spoiled(answer)
    try:
        yield
    finally:
        witness._adapter = kept


@pytest.fixture(params=[{}, *RIGS], ids=lambda rig: "-".join(rig.values()) or "sim_visa")
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = exchanged(request.param, tmp_path)
    for _, device in made:
        device.open()
    yield made
    for _, device in made:
        device.close()


def test_no_driver_takes_them_for_a_reading(rig: Rig) -> None:
    devices = dict(rig)
    asked = 0
    for role in ("trap", "electromagnet", "laser", "microwave"):
        device: Any = devices[role]
        readings = [name for name in device.SETTINGS if name not in BEYOND]
        for name in readings:
            if name == "ramp_rate_a_per_s":  # it is the driver's own
                continue
            for answer in NO_NUMBERS:
                with (
                    every_answer(device, answer),
                    pytest.raises(DeviceError, match=rf"{role} at .*`.+\?.*` is answered .*means"),
                ):
                    getattr(device, name)
                asked += 1
            assert getattr(device, name) is not None  # and the next reading is sound
    assert asked == 6 * len(NO_NUMBERS)


def test_no_ramp_starts_from_them(rig: Rig) -> None:
    magnet: Any = dict(rig)["electromagnet"]
    with every_answer(magnet, "9.91E37"), pytest.raises(DeviceError, match="means not a number"):
        magnet.ramp_to(1.0)


def test_identities_and_loads_may_look_like_them() -> None:
    session = Session(PLACE)
    session.last_command = "*IDN?"
    assert session.check_answer("Maker,SG384,5E400,9.91E37") == "Maker,SG384,5E400,9.91E37"
    session.last_command = "OUTP1:LOAD?"
    with session.infinite_answers():
        assert session.check_answer("+9.9E+37") == "+9.9E+37"
        with pytest.raises(DeviceError, match="means not a number"):
            session.check_answer("+9.91E+37")
    with pytest.raises(DeviceError, match="means infinity"):
        session.check_answer("+9.9E+37")


@pytest.mark.parametrize("pressure", ["9.91E+37", "9.9E37", "NAN", "INF"])
def test_no_gauge_takes_them_for_a_pressure(pressure: str) -> None:
    def mks(command: str, answer: str) -> list[Any]:
        return [(f"@253{command}", f"@253ACK{answer}"), (None, b"FF")]

    pairs = [*mks("MD?", "937B"), *mks("SN?", "1306101234"), *mks("U?", "TORR"),
             *mks("PR1?", pressure)]  # fmt: skip
    with conversation(MKS937BGauge, pairs) as gauge:
        gauge.open()
        with pytest.raises(DeviceError, match=r"`@253PR1\?` is answered"):
            _ = gauge.pressure_pa


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 9.91e37])
def test_a_synths_frequency_is_a_number(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    monkeypatch.setitem(sys.modules, "windfreak", SimpleNamespace(SynthHD=SynthHD))
    synth = SynthHDMicrowave("/dev/ttyACM0")
    synth.open()
    channel: Any = synth._link._handle[0]  # type: ignore[index]
    channel.frequency = channel.power = value
    for name in ("frequency_hz", "power_dbm"):
        with pytest.raises(DeviceError, match=r"microwave at /dev/ttyACM0: .* is answered"):
            getattr(synth, name)

"""Who answers at an address: every field of an identity is compared in full."""

from typing import Any

import pytest

from drivers.keysight.counter_53220a import Keysight53220ACounter
from drivers.keysight.e8257d import E8257DMicrowave
from drivers.keysight.e36312a import E36312AElectromagnet
from drivers.keysight.f33500 import Agilent33500AOM, Agilent33500Trap
from drivers.mks.mks937b import MKS937BGauge
from drivers.rohde_schwarz.hmp4040 import HMP4040Electromagnet
from drivers.rohde_schwarz.nge103 import NGE103Electromagnet
from drivers.rohde_schwarz.sgs100a import SGS100AMicrowave
from drivers.rohde_schwarz.smb100a import SMB100AMicrowave
from drivers.srs.sg384 import SG384Microwave
from drivers.thyracont.smartline import SmartlineGauge, SmartlineV1Gauge
from labctl.errors import DeviceError
from tests.wire.conversation import PLACE, conversation

TRAP = {"gain": 1000.0, "highest_v": 3000.0}
AOM = {"calibration": [[0.0, 0.0], [1.0, 0.9]], "full_power_w": 1e-3}
COIL = {"voltage_v": 5.0}

OTHERS: list[tuple[type[Any], dict[str, Any], str]] = [
    # A supply whose serial number holds the name of a generator, and so on.
    (Agilent33500Trap, TRAP, "Keysight Technologies,E36312A,MY33600123,1.0"),
    (Agilent33500Trap, TRAP, "Rohde&Schwarz,NGE103B,5601.3362k03,1.54"),
    (Agilent33500Trap, TRAP, "RIGOL TECHNOLOGIES,33522B,DG1,1.0"),
    (Agilent33500Trap, TRAP, "Agilent Technologies,33522BX,MY1,3.05"),
    (Agilent33500AOM, AOM, "Agilent Technologies,33220A,MY33521,2.0"),
    (Agilent33500AOM, AOM, "Keysight Technologies,33511B,MY1,5.03"),  # it has one channel
    (Keysight53220ACounter, {"inputs": {"pl": 1}}, "Agilent Technologies,34410A,53220A,1"),
    (E8257DMicrowave, {}, "Agilent Technologies,N9000A,N5181A,1"),
    (E36312AElectromagnet, COIL, "Keysight Technologies,E36312,MY1,1"),
    (HMP4040Electromagnet, COIL, "ROHDE&SCHWARZ,HMC8043,HMP4040,1"),
    (NGE103Electromagnet, COIL, "Rohde&Schwarz,NGE103B-COM3,1,1"),
    (SGS100AMicrowave, {}, "Rohde&Schwarz,SGU100A,SGS100A,1"),
    (SMB100AMicrowave, {}, "Rohde&Schwarz,SMB100B,1422.1000K02/1,5.0 like SMB100A"),
    (SG384Microwave, {}, "Stanford Research Systems,SG384Z,s/n1,1"),
    (SG384Microwave, {}, "SG384"),
    (MKS937BGauge, {}, "937A"),
    (SmartlineV1Gauge, {}, "XVSP840"),
    (SmartlineGauge, {}, "VDOWN"),
]


class Answers:
    """An instrument that gives one answer to whatever it is asked."""

    def __init__(self, answer: str) -> None:
        self.id = self.device_type = self.identity = answer
        self.answer = answer

    def ask(self, _: str) -> str:
        return self.answer

    def clear(self) -> None:
        """As SCPI's *CLS."""


@pytest.mark.parametrize(("role", "arguments", "answer"), OTHERS)
def test_an_instrument_that_only_resembles_the_model_is_refused(
    role: type[Any], arguments: dict[str, Any], answer: str
) -> None:
    device = role(PLACE, **arguments)
    with pytest.raises(DeviceError, match=f"{device.ROLE} at {PLACE}: .*{answer}"):
        device._identify(Answers(answer))


@pytest.mark.parametrize(
    ("role", "arguments", "answer"),
    [
        (Agilent33500Trap, TRAP, "Keysight Technologies,33511B,MY1,5.03"),
        (Agilent33500AOM, AOM, "Agilent Technologies, 33522A, MY1, 1.12"),
        (HMP4040Electromagnet, COIL, "HAMEG,HMP4040,1,HW50020001/SW2.30"),
        (NGE103Electromagnet, COIL, "Rohde&Schwarz,NGE102B,5601.3800k02/101863,1.54"),
        (SmartlineGauge, {}, "VSR53D"),
    ],
)
def test_relatives_of_a_model_are_known(
    role: type[Any], arguments: dict[str, Any], answer: str
) -> None:
    device = role(PLACE, **arguments)
    if role is SmartlineGauge:
        assert device._model(Answers(answer)) == answer
    else:
        assert device._identify(Answers(answer)).startswith(answer)


def test_a_wrong_instrument_is_told_nothing() -> None:
    """A supply at the trap's address must not get the generator's `OUTP1:LOAD INF`."""
    pairs = [("*IDN?", "Keysight Technologies,E36312A,MY33600123,1.0")]
    with (
        conversation(Agilent33500Trap, pairs, **TRAP) as trap,
        pytest.raises(DeviceError, match="33500 or 33600 series"),
    ):
        trap.open()

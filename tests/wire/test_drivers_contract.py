"""The contract suites on every driver whose instrument the simulated lab can pretend to be.

The rig `sim_visa` is under contract like every simulated rig; here its instruments are exchanged.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from labctl.core import Rig
from labctl.session import build
from sim_backends.wire.in_process import resource_name
from tests.contract.test_every_device import *  # noqa: F403
from tests.contract.test_readers import *  # noqa: F403
from tests.contract.test_sources import *  # noqa: F403

MICROWAVE = {
    "sg384": "drivers.srs.sg384:SG384Microwave",
    "sg386": "drivers.srs.sg384:SG384Microwave",
    "sgs100a": "drivers.rohde_schwarz.sgs100a:SGS100AMicrowave",
    "n5183b": "drivers.keysight.e8257d:E8257DMicrowave",
    "e8257d": "drivers.keysight.e8257d:E8257DMicrowave",
}
SUPPLIES = {
    "nge103": "drivers.rohde_schwarz.nge103:NGE103Electromagnet",
    "e36312a": "drivers.keysight.e36312a:E36312AElectromagnet",
}
GAUGES = {"mks937b": "drivers.mks.mks937b:MKS937BGauge"}
RIGS = [
    {"microwave": "sg384", "electromagnet": "nge103", "gauge": "mks937b"},
    {"microwave": "sg386", "electromagnet": "e36312a"},
    {"microwave": "sgs100a"},
    {"microwave": "n5183b"},
    {"microwave": "e8257d"},
]
CLASSES = MICROWAVE | SUPPLIES | GAUGES
MORE = {
    "nge103": "voltage_v = 5.0\ntolerance_a = 1e-3\nclock = '@world'\n",
    "e36312a": "voltage_v = 5.0\ntolerance_a = 1e-3\nclock = '@world'\n",
}
LIMITS = {
    "nge103": 'limits = { current_a = ["0 A", "3 A"] }\n',
    "e36312a": 'limits = { current_a = ["0 A", "5 A"] }\n',
}


def exchanged(dialects: Mapping[str, str], folder: Path) -> Rig:
    """The rig `sim_visa` with other instruments, dialect by role."""
    text = 'extends = "sim_visa"\n'
    for role, dialect in dialects.items():
        text += (
            f'[devices.{role}]\nclass = "{CLASSES[dialect]}"\n{LIMITS.get(dialect, "")}'
            f"[devices.{role}.arguments]\n"
            f'resource = "{resource_name(dialect)}"\nvisa_library = "@visa"\n'
            f"{MORE.get(dialect, '')}"
        )
    path = folder / "exchanged.toml"
    path.write_text(text, encoding="utf-8")
    return build(path)


@pytest.fixture(params=RIGS, ids=lambda rig: "-".join(rig.values()))
def closed_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return exchanged(request.param, tmp_path)


@pytest.fixture
def rig(closed_rig: Rig) -> Iterator[Rig]:
    for _, device in closed_rig:
        device.open()
    yield closed_rig
    for _, device in closed_rig:
        device.close()


def test_all_exchanged_instruments_answer(rig: Rig) -> None:
    for _, device in rig:
        assert device.identity

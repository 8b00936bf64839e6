"""The contract suites run on every implementation of a role that an installed rig can open.

A new driver joins by its wire fake's rig in `configs/`; no test here names an instrument.
"""

from collections.abc import Iterator

import pytest

from labctl.core import Rig, load_rig_file, rig_names
from labctl.session import build


def openable_rigs() -> list[str]:
    return [name for name in rig_names() if load_rig_file(name).simulation is not None]


@pytest.fixture(params=openable_rigs())
def closed_rig(request: pytest.FixtureRequest) -> Rig:
    return build(request.param)


@pytest.fixture
def rig(closed_rig: Rig) -> Iterator[Rig]:
    for _, device in closed_rig:
        device.open()
    yield closed_rig
    for _, device in closed_rig:
        device.close()

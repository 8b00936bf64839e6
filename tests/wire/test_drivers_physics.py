"""The same physics through the real drivers, in process and over TCP; and faults on the cable."""

from pathlib import Path

import numpy as np
import pytest

import labctl
from drivers.rohde_schwarz.smb100a import SMB100AMicrowave
from labctl.core import Rig
from labctl.errors import DeviceError
from labctl.session import build
from sim_backends.wire.catalogue import dialects
from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World
from tests.wire.served_rig import served_rig

SCAN = {"start_hz": 2.60e9, "stop_hz": 2.76e9, "sweeps": 20}


def mdmr(rig: str, out: Path) -> tuple[np.ndarray, np.ndarray]:
    with labctl.open_rig(rig, seed=11) as opened:
        run = labctl.run("mdmr", opened, out=out, **SCAN)
    assert run.fit is not None
    lines = run.fit.tables["resonances"].columns
    return np.asarray(lines["frequency_hz"]), np.asarray(lines["frequency_error_hz"])


def test_mdmr_through_the_real_drivers_finds_the_lines_of_the_plain_simulation(
    tmp_path: Path,
) -> None:
    plain_hz, error_hz = mdmr("sim", tmp_path / "sim")
    wire_hz, _ = mdmr("sim_visa", tmp_path / "sim_visa")
    assert len(plain_hz) == len(wire_hz) == 2
    # Same seed, same photons, but for the AOM's calibration: far closer than the errors.
    assert np.all(np.abs(wire_hz - plain_hz) < 0.2 * error_hz)


def with_short_patience(tmp_path: Path) -> Rig:
    text = 'extends = "sim_visa"\n'
    for role in ("microwave", "counter", "electromagnet", "gauge"):
        text += f"[devices.{role}.arguments]\ntimeout_s = 0.05\n"
    path = tmp_path / "impatient.toml"
    path.write_text(text + "[shared.generator.arguments]\ntimeout_s = 0.05\n", encoding="utf-8")
    return build(path)


@pytest.mark.parametrize("role", ["microwave", "gauge", "electromagnet", "laser", "trap"])
def test_an_instrument_that_comes_back_is_talked_to_again(tmp_path: Path, role: str) -> None:
    rig = with_short_patience(tmp_path)
    for _, device in rig:
        device.open()
    assert rig.simulation is not None
    before = rig.devices[role].settings()
    rig.simulation.inject(f"{role}: disconnected")
    with pytest.raises(DeviceError, match=rf"{role} at TCPIP.*no answer within 0.05 s"):
        rig.devices[role].settings()
    rig.simulation.clear(f"{role}: disconnected")
    assert rig.devices[role].settings() == before
    for _, device in rig:
        device.close()


def test_the_served_lab_answers_the_same_drivers(tmp_path: Path) -> None:
    pytest.importorskip("pyvisa_py")
    simulation = build("sim").simulation
    assert simulation is not None
    simulation.hold_to_wall_clock(5.0)
    with ServedLab(simulation, base_port=0) as lab:
        path = served_rig({d: lab.resource(d) for d in dialects()}, tmp_path)
        with labctl.open_rig(path) as rig:
            assert rig.trap.output is True
            assert rig.gauge.pressure_pa == pytest.approx(1e5, rel=1e-3)
            rig.laser.power_w, rig.laser.gate = 100e-6, True
            bright = rig.counter.count(0.05)
            rig.laser.gate = False
            dark = rig.counter.count(0.05)
            assert bright["pl"] > 100 * max(dark["pl"], 1)
            rig.microwave.frequency_hz = 2.87e9
            assert simulation.state() is not None
            assert rig.microwave.frequency_hz == 2.87e9
            rig.electromagnet.ramp_to(0.5)
            assert rig.electromagnet.current_a == pytest.approx(0.5, abs=1e-3)


@pytest.mark.timeout(60)  # it did hang
def test_a_server_that_is_gone_is_an_error_every_time() -> None:
    pytest.importorskip("pyvisa_py")
    with ServedLab(World(seed=1), base_port=0) as lab:
        where = lab.resource("smb100a")
        microwave = SMB100AMicrowave(where, visa_library="py", timeout_s=0.5)
        microwave.open()
    for _ in range(3):
        with pytest.raises(DeviceError, match=f"microwave at {where} after `.*connected"):
            microwave.frequency_hz = 2.8e9
    microwave.close()

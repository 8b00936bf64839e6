"""Released packages of others drive the served lab; our own counter sees what they did.

Each client runs as a program of its own, in the interpreter that LABCTL_CLIENTS_PYTHON (for qudi
LABCTL_CLIENTS_QUDI_PYTHON) names; there a missing package is a failure. Without the variable it
runs in this one, and packages that are not installed are skipped. `make clients` sets both.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from labctl.errors import DeviceError
from sim_backends.wire.catalogue import dialects
from sim_backends.wire.pulse_streamer import BINARY_PORT, RPC_PORT
from sim_backends.wire.served_lab import ServedLab
from sim_backends.world import World

pytestmark = pytest.mark.clients

PROGRAM = Path(__file__).with_name("foreign_clients.py")
SPEED = 5.0
DARK_HZ = 2.5e9
"""No resonance is near."""
GENERATORS = {
    "pymeasure_sg380": "sg384",
    "pymeasure_8257d": "e8257d",
    "qcodes_sgs100a": "sgs100a",
    "qcodes_sg384": "sg384",
    "qcodes_contrib_smb100a": "smb100a",
    "rsinstrument_smb100a": "smb100a",
    "qudi_srssg": "sg384",
    "windfreak_synth_hd": "synthhd",
    "vxi11_smb100a": "smb100a",
}
SUPPLIES = {"pymeasure_hmp4040": "hmp4040", "pymeasure_e36312a": "e36312a"}
LIGHT = {"pymeasure_33500": "33522b", "qcodes_33522b": "33522b", "pyvisa_vxi11_33522b": "33522b"}


class Counter:
    """Our own side: a socket to the served counter."""

    def __init__(self, lab: ServedLab) -> None:
        host, port = lab.resource("53220a").split("::")[1:3]
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._lines = self._socket.makefile("r")

    def pl_per_s(self, duration_s: float = 1.0) -> float:
        self._socket.sendall(f"CONF:TOT:TIM {duration_s},(@2);:READ?\n".encode())
        return float(self._lines.readline()) / duration_s

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def lab() -> Iterator[ServedLab]:
    # Full contrast: one of the eight lines shows within a second.
    world = World(seed=1, contrast=1.0, electromagnet_t_per_a=(-0.4e-3, 0.3e-3, 0.9e-3))
    world.hold_to_wall_clock(SPEED)
    with ServedLab(world, base_port=0) as served:
        served.bench.laser.power_w = 100e-6
        served.bench.laser.gate = True
        yield served


@pytest.fixture
def counter(lab: ServedLab) -> Iterator[Counter]:
    with contextlib.closing(Counter(lab)) as made:
        yield made


@cache
def installed(package: str, python: str) -> bool:
    return subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0


def run(client: str, resource: str, *numbers: float) -> float:
    """Let a foreign package work; returns what it read back."""
    package = {"rsinstrument": "RsInstrument"}.get(client.split("_")[0], client.split("_")[0])
    package = "qcodes_contrib_drivers" if "contrib" in client else package
    if package == "vxi11" and sys.version_info >= (3, 13):
        pytest.skip("python-vxi11 needs xdrlib, which Python has no more")
    named = os.environ.get(f"LABCTL_CLIENTS_{'QUDI_' if package == 'qudi' else ''}PYTHON")
    python = named or sys.executable
    if not installed(package, python):
        (pytest.fail if named else pytest.skip)(f"{package} is not installed for {python}")
    done = subprocess.run(
        [python, "-W", "ignore", PROGRAM, client, resource, *map(repr, numbers)],
        capture_output=True, text=True, timeout=120, cwd=PROGRAM.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return float(done.stdout.rpartition("answer:")[2])


def place(lab: ServedLab, client: str, dialect: str) -> str:
    """Where a client finds a model: its socket, its serial line, or a device of the port mapper."""
    if "vxi11" in client:
        return f"{lab.resource('port mapper', ':')}/inst{dialects().index(dialect)}"
    return lab.resource(dialect, "ASRL" if client.startswith("windfreak") else "SOCKET")


def line_hz(lab: ServedLab) -> float:
    """A resonance of the spins; only a test knows it beforehand."""
    return float(lab.bench.world.truth()["resonance_frequency_hz"][0][3])


@pytest.mark.parametrize("client", GENERATORS)
def test_a_generator_s_driver_finds_the_resonance(
    lab: ServedLab, counter: Counter, client: str
) -> None:
    if sys.platform == "win32" and client.startswith("windfreak"):
        pytest.skip("pseudo-terminals are POSIX")
    # pymeasure's SG380 knows neither power nor output; they stand from before.
    lab.bench.microwave.frequency_hz, lab.bench.microwave.power_dbm = DARK_HZ, 10.0
    lab.bench.microwave.output = "sg380" in client
    resonance_hz = round(line_hz(lab), -5)
    bright = counter.pl_per_s()
    resource = place(lab, client, GENERATORS[client])
    assert run(client, resource, resonance_hz) == resonance_hz
    dark = counter.pl_per_s()
    assert dark < 0.97 * bright
    assert run(client, resource, DARK_HZ) == DARK_HZ
    assert counter.pl_per_s() > 1.02 * dark


@pytest.mark.parametrize("client", SUPPLIES)
def test_a_supply_s_driver_moves_the_resonance_away(
    lab: ServedLab, counter: Counter, client: str
) -> None:
    lab.bench.microwave.frequency_hz, lab.bench.microwave.power_dbm = line_hz(lab), 10.0
    lab.bench.microwave.output = True
    dark = counter.pl_per_s()
    assert run(client, lab.resource(SUPPLIES[client]), 2.0) == pytest.approx(2.0)
    assert abs(line_hz(lab) - lab.bench.microwave.frequency_hz) > 20e6
    assert counter.pl_per_s() > 1.02 * dark


@pytest.mark.parametrize("client", LIGHT)
def test_a_function_generator_s_driver_sets_the_light(
    lab: ServedLab, counter: Counter, client: str
) -> None:
    before = counter.pl_per_s(0.3)
    assert run(client, place(lab, client, LIGHT[client]), 0.5) == pytest.approx(0.5)
    assert lab.bench.laser.power_w == pytest.approx(0.5e-3)
    assert counter.pl_per_s(0.3) == pytest.approx(before * 5, rel=0.15)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize("client", ["pymeasure_mks937b", "pymeasure_smartline"])
def test_a_gauge_s_driver_reads_the_pressure(lab: ServedLab, client: str) -> None:
    pressure_pa = lab.bench.world.apparatus.pressure_pa
    serial = lab.resource(client.removeprefix("pymeasure_"), "ASRL")
    assert run(client, serial) == pytest.approx(pressure_pa, rel=0.01)


def test_qudi_scans_a_list_on_the_pulses_of_a_trigger(lab: ServedLab, counter: Counter) -> None:
    resonance_hz = round(line_hz(lab), -5)
    scan_hz = [DARK_HZ, resonance_hz, DARK_HZ + 1e6]
    assert run("qudi_srssg_scan", lab.resource("sg384"), *scan_hz) == len(scan_hz)
    pl: list[float] = []
    _, host, port, _ = lab.resource("sg384").split("::")
    with socket.create_connection((host, int(port)), timeout=30) as trigger:
        for hertz in scan_hz:
            trigger.sendall(b"*TRG;*OPC?\n")
            assert trigger.recv(16) == b"1\r\n"
            assert lab.bench.microwave.frequency_hz == hertz
            pl.append(counter.pl_per_s())
    assert lab.bench.microwave.power_dbm == 10.0
    assert pl[1] < 0.97 * min(pl[0], pl[2])


def test_a_pulse_streamer_s_client_gates_the_light(counter: Counter, lab: ServedLab) -> None:
    bright = counter.pl_per_s(0.5)
    second = ServedLab(lab.bench.world, base_port=0, streamer_ports=(RPC_PORT, BINARY_PORT))
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(second)
        except DeviceError as error:  # its client knows only these ports
            pytest.skip(str(error))
        second.bench.laser.gate = True
        assert run("pulsestreamer", "127.0.0.1", 25.0) == 1
        assert counter.pl_per_s(1.0) == pytest.approx(bright / 4, rel=0.1)

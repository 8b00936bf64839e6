"""Queries per second of the served lab over pyvisa-py, against an echo server and pyvisa-sim.

    python -m benchmarks.wire [SECONDS]

Both servers run in processes of their own. The echo server answers every line with a fixed text
of the same length and does nothing else, so it is the most that any server can reach.
"""

import json
import multiprocessing
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pyvisa

from sim_backends.wire.in_process import open_world_resource_manager, resource_name
from sim_backends.world import World

ANSWER = b"2870000000.0\n"
QUERY = "SOUR:FREQ?"
ROUNDS = 7
SERVE = "from labctl.cli.app import execute; execute(['serve', '--json', '--base-port', '0'])"
ENDS = {"read_termination": "\n", "write_termination": "\n"}


def echo_server(port: Connection) -> None:
    """Answer every line of one client."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port.send(listener.getsockname()[1])
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            while client.recv(65536):
                client.sendall(ANSWER)


def rate(ask: Callable[[], object], seconds: float) -> float:
    """Calls per second."""
    end, n = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        for _ in range(100):
            ask()
        n += 100
    return n / (time.perf_counter() - end + seconds)


def main() -> None:
    """Measure in turns, so that both see the same load of the computer, and print medians."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    ours, theirs = multiprocessing.Pipe()
    echo = multiprocessing.Process(target=echo_server, args=(theirs,), daemon=True)
    echo.start()
    served = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert served.stdout is not None
    outlets = json.loads(served.stdout.readline())["outlets"]
    names = {
        "echo server": f"TCPIP::127.0.0.1::{ours.recv()}::SOCKET",
        "SMB100A, TCP socket": _resource(outlets, "smb100a", "SOCKET"),
        "SG384, TCP socket": _resource(outlets, "sg384", "SOCKET"),
        "SMB100A, HiSLIP": _resource(outlets, "smb100a", "hislip"),
    }
    manager = pyvisa.ResourceManager("@py")
    asks: dict[str, Callable[[], object]] = {}
    for name, resource in names.items():
        ends = {**ENDS, "read_termination": "\r\n"} if "SG384" in name else ENDS
        query = "FREQ?" if "SG384" in name else QUERY
        opened = manager.open_resource(resource, **ends)
        asks[name] = lambda opened=opened, query=query: opened.query(query)  # type: ignore[attr-defined]
    inside = open_world_resource_manager(World(seed=1))
    local = inside.open_resource(resource_name("smb100a"), **ENDS)
    asks["SMB100A, pyvisa-sim in process"] = lambda: local.query(QUERY)  # type: ignore[attr-defined]
    rates: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            rates[name].append(rate(ask, seconds))
    base = statistics.median(rates["echo server"])
    print(f"{'':32}{'queries/s':>12}{'us each':>10}{'of echo':>10}")
    for name, found in rates.items():
        median = statistics.median(found)
        print(f"{name:32}{median:12.0f}{1e6 / median:10.1f}{median / base:10.2f}")
    served.send_signal(signal.SIGINT)
    served.wait(20)
    echo.terminate()


def _resource(outlets: list[dict[str, str]], dialect: str, kind: str) -> str:
    return next(o["resource"] for o in outlets if o["dialect"] == dialect and kind in o["resource"])


if __name__ == "__main__":
    main()

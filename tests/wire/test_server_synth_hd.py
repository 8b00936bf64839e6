"""The SynthHD's letters: numbers without ends, questions with lines, two channels."""

import os
import sys

import pytest

from sim_backends.wire.framing import framer_for
from sim_backends.wire.served_lab import ServedLab
from sim_backends.wire.synth_hd import SynthHD
from sim_backends.world import World
from tests.wire.bench_instruments import Lab


class Synth:
    def __init__(self) -> None:
        self.lab = Lab()
        self.instrument = SynthHD(self.lab.bench)

    def tell(self, packet: bytes) -> bytes:
        """The answers to one packet."""
        framer = framer_for(self.instrument)
        return b"".join(self.instrument.handle(m) or b"" for m in framer.feed(packet))


def test_letters_follow_each_other_without_an_end() -> None:
    synth = Synth()
    answer = synth.tell(b"C0f2870.12345678W-10.250h1r1E1f?W?h?C?\n")
    assert answer == b"2870.12345680\n-10.250\n1\n0\n"
    controls = synth.lab.world.controls
    assert (controls.microwave_hz, controls.microwave_dbm) == (2870123456.8, -10.25)
    assert controls.microwave_on
    assert synth.tell(b"E0p") == b"0\n"
    assert not controls.microwave_on


def test_the_other_channel_goes_nowhere() -> None:
    synth = Synth()
    before = synth.lab.world.controls.microwave_hz
    assert synth.tell(b"C1f500.0W5.0h1r1E1f?W?") == b"500.00000000\n5.000\n"
    assert synth.lab.world.controls.microwave_hz == before
    assert not synth.lab.world.controls.microwave_on
    assert synth.tell(b"C0f?C1f?") == f"{before / 1e6:.8f}\n500.00000000\n".encode()


def test_what_cannot_be_levelled_is_told() -> None:
    synth = Synth()
    assert synth.tell(b"C0W30.0VW-20.0V") == b"0\n1\n"
    assert synth.tell(b"f25000.0V") == b"0\n"
    assert synth.lab.world.controls.microwave_dbm == -20.0


def test_it_says_who_it_is_and_ignores_what_it_does_not_know() -> None:
    synth = Synth()
    assert synth.tell(b"v0v1v2-+") == (
        b"Firmware Version 3.25\nHardware Version 2.06\nHDPRO\n1234\nSynthHD PRO\n"
    )
    assert synth.tell(b"C7Y5.0f..\xffC?") == b"0\n"
    assert synth.tell(b"@12a-3.5@12a?@13a?") == b"-3.500\n0.000\n"


def test_another_view_of_the_generator_switches_it_too() -> None:
    synth = Synth()
    synth.tell(b"C0h1r1E1")
    synth.lab.tell("smb100a", "OUTP OFF")
    assert synth.tell(b"h?r?E?") == b"0\n0\n0\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_it_is_served_on_a_serial_line() -> None:
    with ServedLab(World(seed=1), base_port=0) as lab:
        device = lab.resource("synthhd", "ASRL").removeprefix("ASRL").partition("::")[0]
        with open(device, "r+b", buffering=0) as line:  # noqa: PTH123 - a Path cannot do this
            line.write(b"C0f2800.0f?")
            assert os.read(line.fileno(), 64) == b"2800.00000000\n"
        assert lab.bench.world.controls.microwave_hz == 2.8e9

"""Hardware abstraction: one small Protocol per kind of instrument, its limits, no I/O."""

from labctl.hal.clock import Clock, WallClock
from labctl.hal.counter import ANGLE, PL, CountTrace, PhotonCounter
from labctl.hal.device import Device
from labctl.hal.electromagnet import Electromagnet
from labctl.hal.gauge import PressureGauge
from labctl.hal.instruments import ROLES, Instruments, Simulation
from labctl.hal.laser import LaserModulator
from labctl.hal.limits import Limits, LimitTable
from labctl.hal.microwave import FrequencyList, MicrowaveSource
from labctl.hal.safe_state import SafeState
from labctl.hal.sequencer import Pulse, PulseChannel, PulseSequencer, count_gates
from labctl.hal.trap import TrapDrive

__all__ = [
    "ANGLE",
    "PL",
    "ROLES",
    "Clock",
    "CountTrace",
    "Device",
    "Electromagnet",
    "FrequencyList",
    "Instruments",
    "LaserModulator",
    "LimitTable",
    "Limits",
    "MicrowaveSource",
    "PhotonCounter",
    "PressureGauge",
    "Pulse",
    "PulseChannel",
    "PulseSequencer",
    "SafeState",
    "Simulation",
    "TrapDrive",
    "WallClock",
    "count_gates",
]

"""What a measurement is, how a rig is opened, and the one loop that acquires."""

from labctl.core.catalog import find_sequence, sequence_names
from labctl.core.rig import Rig, build_rig
from labctl.core.rig_file import RigFile, load_rig_file, rig_names
from labctl.core.runner import ELAPSED, Runner, describe
from labctl.core.sequence import MeasurementSequence

__all__ = [
    "ELAPSED",
    "MeasurementSequence",
    "Rig",
    "RigFile",
    "Runner",
    "build_rig",
    "describe",
    "find_sequence",
    "load_rig_file",
    "rig_names",
    "sequence_names",
]

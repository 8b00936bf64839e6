"""The noiseless equations of an installed rig, for the truth that measurements must find."""

from typing import Any

from labctl.core import load_rig_file
from sim_backends.apparatus import Apparatus
from sim_backends.reproductions import exact_world


class ExactWorld(exact_world.ExactWorld):
    """`sim_backends.reproductions.exact_world` of a rig by its name."""

    @classmethod
    def of_rig(cls, name: str, power_dbm: float, **changes: Any) -> "ExactWorld":
        arguments = {**load_rig_file(name).shared["world"].arguments, **changes}
        arguments.pop("seed", None)
        return cls(Apparatus(**arguments), power_dbm)

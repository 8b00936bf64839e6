"""After the warm-up no measurement makes Numba compile or load anything more."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import labctl
from sim_backends import physics
from sim_backends.warm_up import compile_physics


def kernels() -> dict[str, list[Any]]:
    """Signatures so far of every compiled function, by module and name."""
    found: dict[str, list[Any]] = {}
    for module in pkgutil.iter_modules(physics.__path__, f"{physics.__name__}."):
        for name, item in vars(importlib.import_module(module.name)).items():
            if hasattr(item, "signatures"):
                found[f"{module.name}:{name}"] = list(item.signatures)
    return found


def test_nothing_is_left_to_compile(tmp_path: Path) -> None:
    compile_physics()
    before = kernels()
    assert sum(map(len, before.values())) > 10
    with labctl.open_rig("sim") as lab:
        labctl.run("mdmr", lab, points=5, sweeps=1, out=tmp_path)
        labctl.run("odmr", lab, points=5, sweeps=1, out=tmp_path)
        labctl.run("psd", lab, averages=1, out=tmp_path)
        labctl.run("rabi", lab, points=5, sweeps=1, out=tmp_path)
        lab.electromagnet.ramp_to(0.5)
    after = kernels()
    assert {name: after[name] for name in before} == before

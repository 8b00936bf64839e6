"""Instrument control for a levitated-diamond lab.

>>> import labctl
>>> with labctl.open_rig("sim") as rig:
...     run = labctl.run("mdmr", rig, start_hz="2.6 GHz", stop_hz="3.2 GHz")
"""

from typing import TYPE_CHECKING, Any

from labctl._version import __version__

if TYPE_CHECKING:
    from labctl.data import Run
    from labctl.session import open_rig, resume, run, start
    from labctl.storage import read_run as load

__all__ = ["Run", "__version__", "load", "open_rig", "resume", "run", "start"]

_HOMES = {
    "Run": ("labctl.data", "Run"),
    "load": ("labctl.storage", "read_run"),
    "open_rig": ("labctl.session", "open_rig"),
    "resume": ("labctl.session", "resume"),
    "run": ("labctl.session", "run"),
    "start": ("labctl.session", "start"),
}


def __getattr__(name: str) -> Any:
    """Load the scripting interface when first used, so that plug-ins import only what they need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'labctl' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)

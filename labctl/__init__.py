"""Instrument control for a levitated-diamond lab.

>>> import labctl
>>> with labctl.open_rig("sim") as rig:
...     run = labctl.run("mdmr", rig, start_hz="2.6 GHz", stop_hz="3.2 GHz")
"""

from labctl._version import __version__
from labctl.data import Run
from labctl.session import open_rig, run, start
from labctl.storage import read_run as load

__all__ = ["Run", "__version__", "load", "open_rig", "run", "start"]

"""Putting devices into their safe states when a run ends, however it ended."""

import logging
from collections.abc import Iterable, Mapping
from typing import cast

from labctl.hal import Device, Electromagnet, PulseSequencer, SafeState

ELECTROMAGNET = "electromagnet"
SEQUENCER = "sequencer"

logger = logging.getLogger(__name__)


def make_safe(
    devices: Iterable[tuple[str, Device]], safe_states: Mapping[str, SafeState]
) -> list[str]:
    """Apply each device's declared safe state, last opened first.

    A pulse program that still plays is stopped, whatever is declared: its lines gate the
    others' outputs. One failure does not stop the rest.

    Returns:
        One line per setting that could not be applied; empty when all are safe.
    """
    failures: list[str] = []
    for role, device in reversed(list(devices)):
        if role == SEQUENCER:
            try:
                cast(PulseSequencer, device).stop()
            except Exception as error:  # as below
                logger.exception("The pulse program could not be stopped")
                failures.append(f"{role} could not be stopped: {error}")
        for name, value in safe_states[role].settings.items():
            try:
                # Not isinstance(): before Python 3.12 that reads every property of the device,
                # and one that does not answer would keep its current.
                if role == ELECTROMAGNET and name == "current_a":
                    cast(Electromagnet, device).ramp_to(float(value))
                else:
                    setattr(device, name, value)
            except Exception as error:  # a driver may raise anything; the others must go on
                logger.exception("Safe state of %s.%s failed", role, name)
                failures.append(f"{role}.{name} could not be made safe: {error}")
    return failures

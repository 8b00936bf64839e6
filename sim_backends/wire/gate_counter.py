"""The simulated two-input totaliser: gates by its own clock, or by the pulse sequencer."""

import numpy as np
from numpy.typing import NDArray

from labctl.hal import ANGLE, PL
from sim_backends.devices.counter import SimulatedPhotonCounter
from sim_backends.wire.scpi_error import SCPIError

INPUTS = {1: ANGLE, 2: PL}


class GateCounter:
    """Counts events in adjacent gates on both inputs at once.

    Attributes:
        inputs: which inputs are read out, in this order.
        gate_s: length of a gate of its own clock.
        gates: how many gates make a measurement.
        source: TIME for its own clock, EXT for the sequencer's count line.
        form: ASC or REAL, the format of readings.
        border: of binary readings: NORM has the most significant byte first, SWAP last.
    """

    def __init__(self, counter: SimulatedPhotonCounter) -> None:
        self.inputs: tuple[int, ...] = (1,)
        self.gate_s = 0.1
        self.gates = 1
        self.source = "TIME"
        self.form = "ASC"
        self.border = "NORM"
        self._counter = counter
        self._initiated = False
        self._readings: NDArray[np.int64] | None = None

    def configure(self, gate_s: float, inputs: tuple[int, ...]) -> None:
        """Prepare for one gate of the own clock, as CONFigure does."""
        self.inputs, self.gate_s, self.gates, self.source = inputs, gate_s, 1, "TIME"
        self.abort()

    def initiate(self) -> None:
        """Wait for the gates: the sequencer's from now on, the own ones when they are fetched."""
        self._readings = None
        if self.source == "EXT":
            self._counter.arm_gates(self.gates)
        self._initiated = True

    def abort(self) -> None:
        """Forget a measurement."""
        self._initiated, self._readings = False, None

    def fetch(self) -> str | bytes:
        """The readings, after the last gate has closed; those of one gate stand side by side.

        Raises:
            SCPIError: -230, nothing was measured.
        """
        if self._initiated:
            self._initiated = False
            if self.source == "EXT":
                counts = self._counter.read_gates()
            elif self.gates == 1:
                counts = {k: np.array([v]) for k, v in self._counter.count(self.gate_s).items()}
            else:
                counts = self._counter.stream(1 / self.gate_s, self.gates)
            self._readings = np.stack([counts[INPUTS[n]] for n in self.inputs], axis=1).ravel()
        if self._readings is None:
            raise SCPIError(-230)
        return self._formatted(self._readings)

    def _formatted(self, readings: NDArray[np.int64]) -> str | bytes:
        if self.form == "ASC":
            return ",".join(f"{value:+.15E}" for value in readings.tolist())
        order = "<" if self.border == "SWAP" else ">"
        return block(readings.astype(f"{order}f8").tobytes())


def block(data: bytes) -> bytes:
    """An arbitrary block of definite length (IEEE 488.2, 8.7.9)."""
    length = str(len(data)).encode()
    return b"#" + str(len(length)).encode() + length + data

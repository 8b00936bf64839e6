"""The simulated totaliser: gates by its own clock, or by the pulse sequencer."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from labctl.errors import DeviceError
from sim_backends.wire.count_windows import CountWindows, Window
from sim_backends.wire.scpi_error import SCPIError

NOT_A_NUMBER = 9.91e37
PULSE_V = {50.0: 2.5, 1e6: 5.0}
"""Height of an APD's pulses by the input's impedance."""
LEVEL_STEP_V = 2.5e-3
GATE_STEP_S = 10e-6
SLOWEST_AUTO_HZ = 50.0
NOISE_HZ = 20e3
"""What auto-level counts where it finds no peaks: noise around the threshold."""


class InputLine:
    """One input, with an APD's pulses.

    Attributes:
        impedance_ohm: of the input.
        auto_level: whether the threshold lies half-way between the signal's peaks.
    """

    def __init__(self, counter: "GateCounter", number: int) -> None:
        self._counter, self._number = counter, number
        self._level_v = 0.0
        self.impedance_ohm = 1e6
        self.auto_level = True

    @property
    def level_v(self) -> float:
        """The threshold; while auto-level is on, only the measured input knows it."""
        if not self.auto_level:
            return self._level_v
        return self._height_v / 2 if self._counter.number == self._number else NOT_A_NUMBER

    @level_v.setter
    def level_v(self, value: float) -> None:
        self._level_v = round(value / LEVEL_STEP_V) * LEVEL_STEP_V
        self.auto_level = False

    @property
    def _height_v(self) -> float:
        return PULSE_V[min(PULSE_V, key=lambda ohm: abs(ohm - self.impedance_ohm))]

    def counted(self, photons: NDArray[np.int64], gate_s: float) -> NDArray[np.int64]:
        """What the comparator makes of the photons in gates of `gate_s`."""
        if self.auto_level:
            too_slow = photons.sum() < SLOWEST_AUTO_HZ * gate_s * len(photons)
            return np.full_like(photons, round(NOISE_HZ * gate_s)) if too_slow else photons
        return photons if 0 < self._level_v < self._height_v else np.zeros_like(photons)


class GateCounter:
    """Counts events in adjacent gates on one input at a time.

    Args:
        windows: where photons come from.
        apds: APD by input.

    Attributes:
        lines: the inputs by number.
        number: of the input that is counted.
        gates: how many gates make a measurement.
        source: TIME for its own clock, EXT for the sequencer's count line.
        polarity: POS: a gate is open while the count line is high; NEG: while it is low.
        gate_output: whether the Gate In/Out connector is an output.
        time_out_s: after which a measurement is given up; in non-volatile memory.
        form: ASC or REAL, the format of readings.
        border: of binary readings: NORM has the most significant byte first, SWAP last.
    """

    def __init__(self, windows: CountWindows, apds: Mapping[int, str]) -> None:
        self.lines = {number: InputLine(self, number) for number in apds}
        self.number = 1
        self.gates = 1
        self.source = "TIME"
        self.polarity = "NEG"
        self.gate_output = False
        self.time_out_s = 1.0
        self.form = "ASC"
        self.border = "NORM"
        self._gate_s = 0.1
        self._windows = windows
        self._apds = dict(apds)
        self._initiated = False
        self._readings: NDArray[np.float64] | None = None

    @property
    def gate_s(self) -> float:
        """Length of a gate of its own clock, in steps of 10 us."""
        return self._gate_s

    @gate_s.setter
    def gate_s(self, value: float) -> None:
        self._gate_s = round(value / GATE_STEP_S) * GATE_STEP_S

    def configure(self, gate_s: float, number: int) -> None:
        """Prepare for one gate of the own clock, as CONFigure does: auto-level on, too."""
        self.number, self.gate_s, self.gates, self.source = number, gate_s, 1, "TIME"
        for line in self.lines.values():
            line.auto_level = True
        self.abort()

    def initiate(self) -> None:
        """Wait for the gates: the sequencer's from now on, the own ones when they are fetched."""
        self.abort()
        external = self.source == "EXT"
        if external and self.gate_output:
            raise SCPIError(-221, "the Gate In/Out connector is an output")
        inverted = external and self.polarity == "NEG"
        self._windows.open(self, Window(self.gate_s, self.gates, external, inverted))
        self._initiated = True

    def abort(self) -> None:
        """Forget a measurement."""
        self._windows.forget(self)
        self._initiated, self._readings = False, None

    def fetch(self) -> str | bytes:
        """The readings, after the last gate has closed.

        Raises:
            SCPIError: -230, nothing was measured.
        """
        if self._initiated:
            self._initiated = False
            self._readings = self._measured()
        if self._readings is None:
            raise SCPIError(-230)
        return self._formatted(self._readings)

    def _measured(self) -> NDArray[np.float64]:
        nothing = np.full(self.gates, NOT_A_NUMBER)
        try:
            photons = self._windows.read(self)[self._apds[self.number]]
        except DeviceError:
            if math.isinf(self.time_out_s):
                raise
            return nothing
        if self.source == "TIME" and self.gate_s > self.time_out_s:
            return nothing
        return self.lines[self.number].counted(photons, self.gate_s).astype(np.float64)

    def _formatted(self, readings: NDArray[np.float64]) -> str | bytes:
        if self.form == "ASC":
            return ",".join(f"{value:+.15E}" for value in readings.tolist())
        order = "<" if self.border == "SWAP" else ">"
        return block(readings.astype(f"{order}f8").tobytes())


def block(data: bytes) -> bytes:
    """An arbitrary block of definite length (IEEE 488.2, 8.7.9)."""
    length = str(len(data)).encode()
    return b"#" + str(len(length)).encode() + length + data

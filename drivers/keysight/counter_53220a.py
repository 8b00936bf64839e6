"""Keysight (Agilent) 53220A and 53230A universal counters as photon counters."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.instruments import Channel, Instrument, SCPIMixin
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers.clock_ticks import exact_ticks, nearest_ticks
from drivers.gates import check_gates
from drivers.real_device import whole_counts
from drivers.session import INFINITY, Session
from drivers.visa_device import VisaDevice
from labctl.errors import DeviceError, LimitError, RigError
from labctl.hal import CountTrace, Limits

MAX_READINGS = 1_000_000
"""The instrument's memory."""
GATE_S = (100e-6, 1000.0)
GATE_STEP_S = 10e-6
"""Gate times of a 53220A (User's Guide, "Totalizing measurements"); a 53230A has finer ones."""
LEVEL_STEP_V = 2.5e-3
"""Of a threshold in the 5 V range."""


class InputChannel(Channel):
    """One of the two inputs."""

    coupling = Channel.control(
        "INP{ch}:COUP?",
        "INP{ch}:COUP %s",
        """Control the coupling ("AC" or "DC", strictly).""",
        validator=strict_discrete_set,
        values=["AC", "DC"],
        cast=str,
    )

    impedance = Channel.control(
        "INP{ch}:IMP?",
        "INP{ch}:IMP %d",
        """Control the input impedance in ohm (strictly 50 or 1000000).""",
        validator=strict_discrete_set,
        values=[50, 1_000_000],
    )

    level = Channel.control(
        "INP{ch}:LEV?",
        "INP{ch}:LEV %.4f",
        """Control the threshold in V (float strictly from -5 to 5).""",
        validator=strict_range,
        values=[-5, 5],
    )

    auto_level = Channel.control(
        "INP{ch}:LEV:AUTO?",
        "INP{ch}:LEV:AUTO %d",
        """Control whether the threshold follows the signal's peaks (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    slope = Channel.control(
        "INP{ch}:SLOP?",
        "INP{ch}:SLOP %s",
        """Control which edge is counted ("POS" or "NEG", strictly).""",
        validator=strict_discrete_set,
        values=["POS", "NEG"],
        cast=str,
    )


class Keysight53220A(SCPIMixin, Instrument):
    """Represents the 53220A and 53230A as totalisers."""

    inputs = Instrument.MultiChannelCreator(
        InputChannel,  # pyright: ignore[reportArgumentType]  as upstream's own classes
        [1, 2],  # pyright: ignore[reportArgumentType]  likewise
        prefix="input_",
    )

    def __init__(self, adapter, name="Keysight 53220A", **kwargs):
        super().__init__(adapter, name, **kwargs)

    def configure_totalize(self, gate_s: float, number: int) -> None:
        """Prepare one reading per trigger: events in a gate of `gate_s` on one input.

        It also turns auto-level on, and leaves the gate's polarity as it is.
        """
        gate_s = strict_range(gate_s, GATE_S)
        number = strict_discrete_set(number, [1, 2])
        self.write(f"CONF:TOT:TIM {gate_s:.9g},(@{number})")

    gate_time = Instrument.measurement(
        "TOT:GATE:TIME?",
        """Get the length of a gate of the own clock in s (float).""",
    )

    gate_output_enabled = Instrument.control(
        "OUTP?",
        "OUTP %d",
        """Control whether the Gate In/Out connector gives the gate out (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    time_out = Instrument.control(
        "SYST:TIM?",
        "SYST:TIM %s",
        """Control after which time in s a measurement is given up ("INF" for never).""",
    )

    gate_source = Instrument.control(
        "TOT:GATE:SOUR?",
        "TOT:GATE:SOUR %s",
        """Control what opens the gate: the clock ("TIME") or the Gate In connector ("EXT").""",
        validator=strict_discrete_set,
        values=["TIME", "EXT"],
        cast=str,
    )

    gate_polarity = Instrument.control(
        "TOT:GATE:POL?",
        "TOT:GATE:POL %s",
        """Control at which level Gate In opens the gate ("POS" or "NEG", strictly).""",
        validator=strict_discrete_set,
        values=["POS", "NEG"],
        cast=str,
    )

    samples = Instrument.control(
        "SAMP:COUN?",
        "SAMP:COUN %d",
        """Control the number of gates per trigger (int strictly from 1 to 1000000).""",
        validator=strict_range,
        values=[1, MAX_READINGS],
        cast=lambda text: int(float(text)),
    )

    data_format = Instrument.control(
        "FORM?",
        "FORM %s",
        """Control how readings are sent ("ASC,15" or "REAL,64", strictly).""",
        validator=strict_discrete_set,
        values=["ASC,15", "REAL,64"],
        cast=str,
        maxsplit=0,
    )

    byte_order = Instrument.control(
        "FORM:BORD?",
        "FORM:BORD %s",
        """Control the order of a reading's bytes: "NORM" is most significant first, or "SWAP".""",
        validator=strict_discrete_set,
        values=["NORM", "SWAP"],
        cast=str,
    )

    def initiate(self) -> None:
        """Start a measurement."""
        self.write("INIT")

    def abort(self) -> None:
        """End a measurement."""
        self.write("ABOR")

    def fetch_block(self) -> NDArray[np.float64]:
        """Readings of the measurement, when it is over, in format REAL,64 and byte order NORM.

        Raises ConnectionError if what comes is not a block of definite length (IEEE 488.2).
        """
        self.write("FETC?")
        start = self.read_bytes(2)
        if start[:1] != b"#" or not start[1:].isdigit():
            raise ConnectionError(f"answered {start!r}... instead of a block")
        size = int(self.read_bytes(int(start[1:])))
        data = self.read_bytes(size)
        self.read_bytes(1)  # the line feed behind it
        return np.frombuffer(data, dtype=">f8")


class Keysight53220ACounter(VisaDevice):
    """One APD on one of the counter's inputs; for two take a `Keysight53220APair`.

    Sources: Keysight 53220A/53230A User's Guide and Programmer's Reference (53220-90001). It
    totalises on one input at a time. `CONFigure` turns auto-level on, so the threshold is sent
    behind each; it leaves the gate's polarity, which is NEG after `*RST`, so that is sent as well.
    A measurement that takes longer than `SYSTem:TIMeout` (1 s from the factory, in non-volatile
    memory) is answered by 9.91E37: the time-out is switched off.

    Between the gates of a series it re-arms, for a time that the data sheet does not tell: bins
    much shorter than a millisecond lose counts, hence the limit of the sample rate. Gates come in
    steps of 10 us, and a stream tells the rate that these make.

    Args:
        resource: VISA resource name, or a shared `Session`.
        inputs: its input by the channel, `{ pl = 1 }`.
        threshold_v: of the inputs.
        impedance_ohm: of the inputs, 50 or 1000000.
        highest_rate_hz: of a stream.
        gates_within_s: how long a pulse program with count gates may take.
        options: what `Session` takes.
    """

    ROLE = "counter"
    TABLE = Keysight53220A
    MAKERS = ("Agilent Technologies", "Keysight Technologies")
    MODELS = ("53220A", "53230A")
    LIMITS: ClassVar = {}

    def __init__(
        self,
        resource: str | Session,
        *,
        inputs: Mapping[str, int],
        threshold_v: float = 0.5,
        impedance_ohm: int = 50,
        highest_rate_hz: float = 1e3,
        gates_within_s: float = 600.0,
        **options: Any,
    ) -> None:
        if len(inputs) != 1 or not set(inputs.values()) <= {1, 2}:
            raise RigError(
                "`inputs` must name one channel at input 1 or 2: a 53220A totalises on one at a"
                " time. For two APDs take a Keysight53220APair."
            )
        if not 1 / GATE_S[1] < highest_rate_hz <= 1 / GATE_S[0]:
            raise RigError(f"highest_rate_hz must be at most 10 kHz, not {highest_rate_hz:g} Hz.")
        limits = {
            "duration_s": Limits(*GATE_S, "s"),
            "sample_rate_hz": Limits(1 / GATE_S[1], highest_rate_hz, "Hz"),
        }
        super().__init__(resource, limits=limits, **options)
        ((self._channel, self._number),) = inputs.items()
        self._threshold_v, self._impedance_ohm = threshold_v, impedance_ohm
        self._gates_within_s = gates_within_s
        self._gates = 0
        self._series = (0.0, 0)
        self._gate_s = 0.0
        self._configured: tuple[float, int, str] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return (self._channel,)

    def _prepare(self, handle: Any) -> None:
        handle.abort()
        self._set(handle, "data_format", "REAL,64")
        self._set(handle, "byte_order", "NORM")
        self._set(handle, "gate_output_enabled", False)
        self._wait_for_ever(handle)
        channel = handle.inputs[self._number]
        self._set(channel, "coupling", "DC")
        self._set(channel, "impedance", self._impedance_ohm, within=0.5)
        self._set(channel, "slope", "POS")
        self._gates, self._configured = 0, None

    def _wait_for_ever(self, handle: Any) -> None:
        """Switch the instrument's own time-out off: the driver has one."""
        with self._session.infinite_answers():
            if float(handle.time_out) == INFINITY:
                return
            handle.time_out = "INF"
            self._refuse_errors(handle)
            self._check_readback("time_out", INFINITY, float(handle.time_out), 0.0)

    def count(self, duration_s: float) -> Mapping[str, int]:
        """Count for `duration_s` from now."""
        duration_s = self.limits.check("duration_s", duration_s)
        with self._talk():
            self.begin(exact_ticks(duration_s, GATE_STEP_S) * GATE_STEP_S, 1)
            readings = self.finish()
        return {channel: int(values[0]) for channel, values in readings.items()}

    def stream(self, sample_rate_hz: float, n: int) -> CountTrace:
        """Record `n` bins of the nearest gate time, in one block."""
        rate_hz = self.limits.check("sample_rate_hz", sample_rate_hz)
        if not 1 <= n <= MAX_READINGS:
            raise LimitError(f"A stream has 1 to {MAX_READINGS} bins, not {n}.")
        with self._talk():
            self.begin(nearest_ticks(1 / rate_hz, GATE_STEP_S) * GATE_STEP_S, n)
            return self.finish()

    def begin(self, bin_s: float, n: int) -> None:
        """Start a series of `n` bins, whole steps of the gate time, and return at once."""
        with self._talk() as counter:
            self._configure(counter, bin_s, n, "TIME")
            counter.initiate()
        self._series = bin_s, n

    def finish(self) -> CountTrace:
        """Wait for the series that was begun, and return its counts."""
        bin_s, n = self._series
        with self._talk() as counter:
            return CountTrace(self._fetch(counter, n, n * bin_s), 1 / self._gate_s)

    def arm_gates(self, gates: int) -> None:
        """Expect `gates` gates at Gate In."""
        if check_gates(gates) > MAX_READINGS:
            raise LimitError(f"At most {MAX_READINGS} gates can be armed, not {gates}.")
        with self._talk() as counter:
            counter.abort()
            self._configure(counter, 0.1, gates, "EXT")
            counter.initiate()
            self._refuse_errors(counter)
        self._gates = gates

    def read_gates(self) -> Mapping[str, NDArray[np.int64]]:
        """Wait for the armed gates and return their counts."""
        self._require_open()
        if not self._gates:
            raise DeviceError("No gates are armed; call arm_gates before starting the sequencer.")
        gates, self._gates = self._gates, 0
        try:
            with self._talk() as counter:
                return self._fetch(counter, gates, self._gates_within_s)
        except DeviceError as error:
            with self._talk() as counter:
                told = "; ".join(f"{code},{text}" for code, text in self._error_entries(counter))
                counter.abort()
            raise DeviceError(
                f"{error} Not all of {gates} gates came. {f'Its errors: {told}' if told else ''}"
            ) from error

    def _configure(self, counter: Any, gate_s: float, gates: int, source: str) -> None:
        """Prepare a series, unless it is the one of before; CONF would take its time."""
        wanted = (gate_s, gates, source)
        if wanted == self._configured:
            return
        self._configured = None
        counter.configure_totalize(gate_s, self._number)
        self._refuse_errors(counter)
        channel = counter.inputs[self._number]
        self._set(channel, "level", self._threshold_v, within=LEVEL_STEP_V)
        self._check_readback("auto_level", False, channel.auto_level, 0.0)
        self._set(counter, "gate_polarity", "POS")
        self._gate_s = float(counter.gate_time)
        self._check_readback("gate_time", gate_s, self._gate_s, 0.5 * GATE_STEP_S)
        if source != "TIME":
            self._set(counter, "gate_source", source)
        if gates != 1:
            self._set(counter, "samples", gates)
        self._configured = wanted

    def _fetch(self, counter: Any, n: int, wait_s: float) -> dict[str, NDArray[np.int64]]:
        with self._session.patience(1.2 * wait_s + 3.0):
            block = counter.fetch_block()
        told = f"{self.ROLE} at {self._link.where}: `FETC?`"
        if len(block) != n:
            self._configured = None
            raise DeviceError(f"{told} is answered by {len(block)} readings instead of {n}.")
        return {self._channel: whole_counts(block, told)}

"""Our own command tables: every property, as it goes over the wire, and nothing out of range."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments import Channel, Instrument
from pymeasure.test import expected_protocol

import drivers
from drivers.keysight.counter_53220a import InputChannel, Keysight53220A
from drivers.keysight.e8257d import E8257D
from drivers.keysight.f33500_table import Channel33500, Keysight33500
from drivers.pfeiffer.tpg366 import TPG366, SensorChannel
from drivers.rohde_schwarz.generator import RohdeSchwarzGenerator
from drivers.rohde_schwarz.nge103 import NGE103
from drivers.rohde_schwarz.sgs100a import SGS100A
from drivers.rohde_schwarz.smb100a import SMB100A
from drivers.rohde_schwarz.supply import RohdeSchwarzSupply, SupplyOutput
from drivers.srs.sg384 import SG384

CONTROLS: list[tuple[type[Instrument], str, Any, str, str, str]] = [
    # table, property, value, command, query, answer
    (SG384, "power", -12.5, "AMPR-12.50", "AMPR?", "-12.50"),
    (SG384, "output_enabled", True, "ENBR1", "ENBR?", "1"),
    (SG384, "output_enabled", False, "ENBR0", "ENBR?", "0"),
    (E8257D, "frequency", 2.870123456e9, ":FREQ 2870123456.000 Hz", ":FREQ?", "+2.870123456E+09"),
    (E8257D, "power", -3.25, ":POW -3.25 dBm", ":POW?", "-3.25"),
    (E8257D, "output_enabled", True, ":OUTP 1", ":OUTP?", "1"),
    (NGE103, "output_enabled", False, "OUTP:GEN 0", "OUTP:GEN?", "0"),
    (SMB100A, "frequency_mode", "LIST", ":SOUR:FREQ:MODE LIST", ":SOUR:FREQ:MODE?", "LIST"),
    (SMB100A, "list_dwell", 0.015, ":SOUR:LIST:DWEL 0.0150", ":SOUR:LIST:DWEL?", "0.015"),
    (SMB100A, "list_mode", "STEP", ":SOUR:LIST:MODE STEP", ":SOUR:LIST:MODE?", "STEP"),
    (
        SMB100A,
        "list_trigger_source",
        "SING",
        ":SOUR:LIST:TRIG:SOUR SING",
        ":SOUR:LIST:TRIG:SOUR?",
        "SING",
    ),
]
CONTROLS += [
    (Keysight53220A, "gate_source", "EXT", "TOT:GATE:SOUR EXT", "TOT:GATE:SOUR?", "EXT"),
    (Keysight53220A, "gate_polarity", "NEG", "TOT:GATE:POL NEG", "TOT:GATE:POL?", "NEG"),
    (Keysight53220A, "gate_output_enabled", False, "OUTP 0", "OUTP?", "0"),
    (Keysight53220A, "samples", 2000, "SAMP:COUN 2000", "SAMP:COUN?", "+2.00000000000000E+003"),
    (Keysight53220A, "data_format", "REAL,64", "FORM REAL,64", "FORM?", "REAL,64"),
    (Keysight53220A, "byte_order", "SWAP", "FORM:BORD SWAP", "FORM:BORD?", "SWAP"),
]
for generator in (SMB100A, SGS100A):
    CONTROLS += [
        (generator, "frequency", 2.87e9, ":SOUR:FREQ 2870000000.000", ":SOUR:FREQ?", "2870000000"),
        (generator, "power", -12.5, ":SOUR:POW -12.50", ":SOUR:POW?", "-12.5"),
        (generator, "output_enabled", True, ":OUTP 1", ":OUTP?", "1"),
        (
            generator,
            "pulse_modulation_enabled",
            True,
            ":SOUR:PULM:STAT 1",
            ":SOUR:PULM:STAT?",
            "1",
        ),
        (
            generator,
            "pulse_modulation_source",
            "EXT",
            ":SOUR:PULM:SOUR EXT",
            ":SOUR:PULM:SOUR?",
            "EXT",
        ),
    ]
MEASUREMENTS: list[tuple[type[Instrument], str, str, str, Any]] = [
    (SG384, "last_error", "LERR?", "11", 11),
    (Keysight53220A, "gate_time", "TOT:GATE:TIME?", "+1.43E-003", 1.43e-3),
    (Keysight53220A, "time_out", "SYST:TIM?", "+9.9E+037", 9.9e37),
    (SMB100A, "list_points", ":SOUR:LIST:FREQ:POIN?", "327", 327),
    (SMB100A, "list_levels", ":SOUR:LIST:POW:POIN?", "327", 327),
]
SETTINGS: list[tuple[type[Instrument], str, Any, str]] = [
    (SMB100A, "list_selected", "labctl", ":SOUR:LIST:SEL 'labctl'"),
    (SMB100A, "list_frequencies", [2.7e9, 2.75e9], ":SOUR:LIST:FREQ 2700000000, 2750000000"),
    (SMB100A, "list_powers", [-10.0, -10.5], ":SOUR:LIST:POW -10, -10.5"),
]
ACTIONS: list[tuple[type[Instrument], str, str]] = [
    (SMB100A, "list_reset", ":SOUR:LIST:RES"),
    (SMB100A, "list_learn", ":SOUR:LIST:LEAR"),
    (SMB100A, "list_execute", ":SOUR:LIST:TRIG:EXEC"),
    (Keysight53220A, "initiate", "INIT"),
    (Keysight53220A, "abort", "ABOR"),
]
CHANNEL_CONTROLS: list[tuple[str, Any, str, str, str]] = [
    ("coupling", "DC", "INP2:COUP DC", "INP2:COUP?", "DC"),
    ("impedance", 50, "INP2:IMP 50", "INP2:IMP?", "+5.0E+001"),
    ("level", 0.5, "INP2:LEV 0.5000", "INP2:LEV?", "+5.0E-001"),
    ("slope", "POS", "INP2:SLOP POS", "INP2:SLOP?", "POS"),
    ("auto_level", False, "INP2:LEV:AUTO 0", "INP2:LEV:AUTO?", "0"),
]
REFUSED: list[tuple[type[Instrument], str, Any]] = [
    (SG384, "power", 16.6),
    (SG384, "power", -110.1),
    (SG384, "output_enabled", "maybe"),
    (E8257D, "output_enabled", 2),
    (NGE103, "output_enabled", None),
    (SMB100A, "frequency", 41e9),
    (SMB100A, "frequency", 1e3),
    (SMB100A, "power", 31.0),
    (SMB100A, "frequency_mode", "FM"),
    (SMB100A, "list_dwell", 0.5e-3),
    (SMB100A, "list_mode", "AUT"),
    (SMB100A, "list_trigger_source", "BUS"),
    (SMB100A, "pulse_modulation_source", "EXT2"),
    (SGS100A, "frequency", 13e9),
    (SGS100A, "power", -121.0),
    (Keysight53220A, "gate_source", "GATE"),
    (Keysight53220A, "gate_polarity", "UP"),
    (Keysight53220A, "samples", 0),
    (Keysight53220A, "data_format", "REAL,32"),
    (Keysight53220A, "byte_order", "BIG"),
    (TPG366, "unit", "bar"),
]


@pytest.mark.parametrize(("table", "name", "value", "command", "query", "answer"), CONTROLS)
def test_control(
    table: type[Instrument], name: str, value: Any, command: str, query: str, answer: str
) -> None:
    with (
        pytest.warns(FutureWarning) if _asks_for_news(table) else nullcontext(),
        expected_protocol(table, [(command, None), (query, answer)]) as instrument,
    ):
        setattr(instrument, name, value)
        assert getattr(instrument, name) == value


@pytest.mark.parametrize(("table", "name", "query", "answer", "value"), MEASUREMENTS)
def test_measurement(
    table: type[Instrument], name: str, query: str, answer: str, value: Any
) -> None:
    with (
        pytest.warns(FutureWarning) if _asks_for_news(table) else nullcontext(),
        expected_protocol(table, [(query, answer)]) as instrument,
    ):
        assert getattr(instrument, name) == value


@pytest.mark.parametrize(("table", "name", "value", "command"), SETTINGS)
def test_setting(table: type[Instrument], name: str, value: Any, command: str) -> None:
    with expected_protocol(table, [(command, None)]) as instrument:
        setattr(instrument, name, value)


@pytest.mark.parametrize(("table", "name", "command"), ACTIONS)
def test_action(table: type[Instrument], name: str, command: str) -> None:
    with expected_protocol(table, [(command, None)]) as instrument:
        getattr(instrument, name)()


@pytest.mark.parametrize(("table", "name", "value"), REFUSED)
def test_values_out_of_range_are_refused_and_not_sent(
    table: type[Instrument], name: str, value: Any
) -> None:
    with (
        pytest.warns(FutureWarning) if _asks_for_news(table) else nullcontext(),
        expected_protocol(table, []) as instrument,
        pytest.raises(ValueError, match=r"range|set"),
    ):
        setattr(instrument, name, value)


@pytest.mark.parametrize(("name", "value", "command", "query", "answer"), CHANNEL_CONTROLS)
def test_control_of_a_counter_input(
    name: str, value: Any, command: str, query: str, answer: str
) -> None:
    with expected_protocol(Keysight53220A, [(command, None), (query, answer)]) as counter:
        setattr(counter.inputs[2], name, value)  # type: ignore[attr-defined]
        assert getattr(counter.inputs[2], name) == value  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value"), [("coupling", "GND"), ("impedance", 75), ("level", 5.1), ("slope", "UP")]
)
def test_counter_inputs_refuse_what_is_out_of_range(name: str, value: Any) -> None:
    with (
        expected_protocol(Keysight53220A, []) as counter,
        pytest.raises(ValueError, match=r"range|set"),
    ):
        setattr(counter.inputs[1], name, value)  # type: ignore[attr-defined]


def test_a_totalizer_is_configured_and_its_block_is_read() -> None:
    block = b"#216" + np.array([1.0, 70000.0]).astype(">f8").tobytes() + b"\n"
    pairs = [("CONF:TOT:TIM 0.05,(@2)", None), (b"FETC?", block), (b"FETC?", b"+1.0E+00\n")]
    with expected_protocol(Keysight53220A, pairs) as counter:
        counter.configure_totalize(0.05, 2)
        assert counter.fetch_block().tolist() == [1.0, 70000.0]
        with pytest.raises(ConnectionError, match="instead of a block"):
            counter.fetch_block()
        counter.adapter.read_bytes(-1)
        for gate_s, number in ((99e-6, 1), (0.1, 3)):
            with pytest.raises(ValueError, match=r"range|set"):
                counter.configure_totalize(gate_s, number)


ACK, ENQ, NAK = "\x06", "\x05", "\x15"


def test_the_tpg_acknowledges_and_answers_when_it_is_enquired() -> None:
    pairs = [
        ("AYT", ACK), (ENQ, "TPG 362,PTG28290,44990000,010100,010100"),
        ("UNI", ACK), (ENQ, "0"),
        ("UNI,2", ACK), (ENQ, "2"),
        ("PR2", ACK), (ENQ, "0,+1.2340E-02"),
        ("UNI", NAK),
    ]  # fmt: skip
    with expected_protocol(TPG366, pairs) as gauge:
        assert gauge.identity.startswith("TPG 362")  # type: ignore[attr-defined]
        assert gauge.unit == "mbar"
        gauge.unit = "Pa"  # type: ignore[assignment]
        assert gauge.sensors[2].reading == (0, 0.01234)  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError, match="not acknowledged"):
            _ = gauge.unit


def test_a_channel_of_the_33500_has_its_ranges() -> None:
    pairs = [
        ("SOUR2:VOLT:RANG:AUTO 0", None), ("SOUR2:VOLT:RANG:AUTO?", "0"),
        ("SOUR1:VOLT? MAX", "+2.00000000000000E+01"),
    ]  # fmt: skip
    with expected_protocol(Keysight33500, pairs) as generator:
        generator.channels[2].autorange = False  # type: ignore[attr-defined]
        assert generator.channels[2].autorange is False  # type: ignore[attr-defined]
        assert generator.channels[1].highest_amplitude == 20.0  # type: ignore[attr-defined]


SUPPLY_OUTPUTS: list[tuple[str, Any, str, str, str]] = [
    ("voltage", 6.5, "VOLT 6.50", "VOLT?", "6.500"),
    ("current", 1.234, "CURR 1.234", "CURR?", "1.234"),
    ("active", True, "OUTP:SEL 1", "OUTP:SEL?", "1"),
    ("measured_voltage", 0.503, "", "MEAS:VOLT?", "0.503"),
    ("measured_current", 1.0002, "", "MEAS:CURR?", "1.0002"),
]


@pytest.mark.parametrize("table", [RohdeSchwarzSupply, NGE103])
@pytest.mark.parametrize(("name", "value", "command", "query", "answer"), SUPPLY_OUTPUTS)
def test_every_message_to_an_output_selects_it_and_tells_what_is_selected(
    table: type[Instrument], name: str, value: Any, command: str, query: str, answer: str
) -> None:
    pairs = [(f"INST:NSEL 2;:{command};:INST:NSEL?", "2")] if command else []
    asked = f"INST:NSEL 2;:{query};:INST:NSEL?"
    with expected_protocol(table, [*pairs, (asked, f"{answer};2"), (asked, f"{answer};1")]) as it:
        if command:
            setattr(it.outputs[2], name, value)  # type: ignore[attr-defined]
        assert getattr(it.outputs[2], name) == value  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError, match="output 1 was selected instead of 2"):
            getattr(it.outputs[2], name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "value"), [("voltage", 32.1), ("current", 3.01), ("current", -1)])
def test_supply_outputs_refuse_what_is_out_of_range(name: str, value: float) -> None:
    with expected_protocol(NGE103, []) as supply, pytest.raises(ValueError, match="range"):
        setattr(supply.outputs[1], name, value)  # type: ignore[attr-defined]


def tables() -> list[type[Any]]:
    """Every pymeasure class that is defined in drivers."""
    found: set[type[Any]] = set()
    for module in pkgutil.walk_packages(drivers.__path__, "drivers."):
        for _, item in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(item, Instrument | Channel) and item.__module__.startswith("drivers."):
                found.add(item)
    return sorted(found, key=lambda item: item.__qualname__)


def properties(table: type[Any]) -> Iterator[tuple[str, property]]:
    for name, item in vars(table).items():
        if isinstance(item, property):
            yield name, item


@pytest.mark.parametrize("table", tables())
def test_docstrings_follow_the_grammar(table: type[Any]) -> None:
    """As in pymeasure's own tests: what a property does begins its docstring."""
    assert inspect.getdoc(table)
    for name, item in properties(table):
        allowed = {
            (True, True): "Control ",
            (True, False): "(Get|Measure) ",
            (False, True): "Set ",
        }[_readable(item), item.fset is not None and _writable(item)]
        assert re.match(allowed, (item.__doc__ or "").strip()), f"{table.__name__}.{name}"


@pytest.mark.parametrize("table", tables())
def test_every_property_is_tested_on_the_wire(table: type[Any]) -> None:
    tested = {(t, row[1]) for t, row in ((row[0], row) for row in (*CONTROLS, *MEASUREMENTS))}
    tested |= {(row[0], row[1]) for row in SETTINGS}
    tested |= {(InputChannel, row[0]) for row in CHANNEL_CONTROLS}
    tested |= {(Channel33500, "autorange"), (Channel33500, "highest_amplitude")}  # above
    tested |= {(SupplyOutput, row[0]) for row in SUPPLY_OUTPUTS}
    tested |= {(TPG366, "identity"), (TPG366, "unit"), (SensorChannel, "reading")}  # above
    for name, _ in properties(table):
        assert any(issubclass(t, table) and name == n for t, n in tested), f"{table}.{name}"


def test_there_are_tables() -> None:
    assert {SMB100A, SGS100A, RohdeSchwarzGenerator, NGE103, SG384, E8257D} <= set(tables())


def _writable(item: property) -> bool:
    return "set_command" not in _defaults(item.fset) or _defaults(item.fset)["set_command"]


def _readable(item: property) -> bool:
    return "get_command" not in _defaults(item.fget) or _defaults(item.fget)["get_command"]


def _defaults(function: Any) -> dict[str, Any]:
    signature = inspect.signature(function).parameters
    return {n: p.default is not None for n, p in signature.items() if n.endswith("_command")}


def _asks_for_news(table: type[Any]) -> bool:
    return table in (SG384, E8257D)

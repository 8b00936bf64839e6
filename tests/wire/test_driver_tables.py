"""Our own command tables: every property, as it goes over the wire, and nothing out of range."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from pymeasure.instruments import Channel, Instrument
from pymeasure.test import expected_protocol

import drivers
from drivers.keysight.e8257d import E8257D
from drivers.rohde_schwarz.generator import RohdeSchwarzGenerator
from drivers.rohde_schwarz.nge103 import NGE103
from drivers.rohde_schwarz.sgs100a import SGS100A
from drivers.rohde_schwarz.smb100a import SMB100A
from drivers.srs.sg384 import SG384

CONTROLS: list[tuple[type[Instrument], str, Any, str, str, str]] = [
    # table, property, value, command, query, answer
    (SG384, "power", -12.5, "AMPR-12.50", "AMPR?", "-12.50"),
    (SG384, "output_enabled", True, "ENBR1", "ENBR?", "1"),
    (SG384, "output_enabled", False, "ENBR0", "ENBR?", "0"),
    (E8257D, "frequency", 2.870123456e9, ":FREQ 2870123456.000 Hz", ":FREQ?", "+2.870123456E+09"),
    (E8257D, "power", -3.25, ":POW -3.25 dBm", ":POW?", "-3.25"),
    (E8257D, "output_enabled", True, ":OUTP 1", ":OUTP?", "1"),
    (NGE103, "selected_channel", 2, "INST:NSEL 2", "INST:NSEL?", "2"),
    (NGE103, "voltage", 6.5, "VOLT 6.50", "VOLT?", "6.500"),
    (NGE103, "current", 1.234, "CURR 1.234", "CURR?", "1.234"),
    (NGE103, "selected_channel_active", True, "OUTP:SEL 1", "OUTP:SEL?", "1"),
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
    (NGE103, "measured_voltage", "MEAS:VOLT?", "0.503", 0.503),
    (NGE103, "measured_current", "MEAS:CURR?", "1.0002", 1.0002),
    (SMB100A, "list_points", ":SOUR:LIST:FREQ:POIN?", "327", 327),
]
SETTINGS: list[tuple[type[Instrument], str, Any, str]] = [
    (SMB100A, "list_selected", "labctl", ":SOUR:LIST:SEL 'labctl'"),
    (SMB100A, "list_frequencies", [2.7e9, 2.75e9], ":SOUR:LIST:FREQ 2700000000, 2750000000"),
    (SMB100A, "list_powers", [-10.0, -10.5], ":SOUR:LIST:POW -10, -10.5"),
]
ACTIONS: list[tuple[type[Instrument], str, str]] = [
    (SMB100A, "list_reset", ":SOUR:LIST:RES"),
    (SMB100A, "list_execute", ":SOUR:LIST:TRIG:EXEC"),
]
REFUSED: list[tuple[type[Instrument], str, Any]] = [
    (SG384, "power", 16.6),
    (SG384, "power", -110.1),
    (SG384, "output_enabled", "maybe"),
    (E8257D, "output_enabled", 2),
    (NGE103, "selected_channel", 4),
    (NGE103, "voltage", 32.1),
    (NGE103, "current", 3.01),
    (NGE103, "current", -0.1),
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

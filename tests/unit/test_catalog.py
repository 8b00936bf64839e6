"""Finding sequences."""

import pytest

from labctl.core import find_sequence, sequence_names
from labctl.core.provenance import description_of, reference_of
from labctl.errors import CatalogError
from labctl.parameters import SequenceParameters, unit_of
from tests.system.toy_lab import SCAN, ToyScan

RATIOS = {"1/s": "_per_s", "A/s": "_a_per_s", "T/A": "tesla_per_ampere", "Hz/T": "_hz_per_t"}


def test_the_first_two_measurements_are_installed() -> None:
    assert {"mdmr", "odmr"} <= set(sequence_names())


@pytest.mark.parametrize("name", sequence_names())
def test_every_installed_sequence_is_complete(name: str) -> None:
    cls = find_sequence(name)
    assert cls.name == name
    assert cls.title
    assert description_of(cls)
    assert issubclass(cls.Parameters, SequenceParameters)
    for parameter, field in cls.Parameters.model_fields.items():
        assert field.title, f"{parameter} has no label"
        unit = unit_of(field)
        if unit:
            spelled = RATIOS.get(unit, f"_{unit.lower()}")
            assert parameter.endswith(spelled), f"{parameter} does not name its unit"
    measurement = cls(cls.Parameters())
    columns = [column.name for column in measurement.columns]
    assert measurement.plot.signal in columns
    assert set(measurement.plot.axes) <= set(columns)
    assert measurement.length is None or measurement.length > 0


def test_dotted_path() -> None:
    assert find_sequence(SCAN) is ToyScan
    assert reference_of(ToyScan) == SCAN
    assert reference_of(find_sequence("mdmr")) == "mdmr"


def test_description_is_the_first_paragraph() -> None:
    assert description_of(ToyScan).endswith("a lab made of memory.")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mdrm", "Did you mean `mdmr`"),
        ("", "known: "),
        ("nowhere:Scan", "Cannot load"),
        ("tests.system.toy_lab:Absent", "Cannot load"),
        ("tests.system.toy_lab:ToyTrap", "is no sequence: it lacks"),
    ],
)
def test_unknown_sequence(name: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        find_sequence(name)

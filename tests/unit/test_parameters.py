"""The declaration of a parameter, and what a user may write for it."""

import math
from enum import StrEnum
from typing import Any, Self

import pytest
from pydantic import ValidationError, model_validator

from labctl.errors import ParameterError
from labctl.parameters import SequenceParameters, device_limit_of, quantity, unit_of


class Way(StrEnum):
    UP = "up"
    DOWN = "down"


class Example(SequenceParameters):
    start_hz: float = quantity(unit="Hz", label="Start", limited_by="microwave.frequency_hz", gt=0)
    stop_hz: float = quantity(3e9, unit="Hz", label="Stop")
    points: int = quantity(5, unit="", label="Points", ge=2, le=100)
    current_a: float | None = quantity(None, unit="A", label="Current", le=8)
    way: Way = quantity(Way.UP, unit="", label="Way")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.start_hz >= self.stop_hz:
            raise ValueError("Argument `start_hz` must be below `stop_hz`.")
        return self


def test_text_with_units_and_numbers_mean_the_same() -> None:
    written = Example.from_user({"start_hz": "2.6 GHz", "points": "7", "current_a": "20 mA"})
    assert written == Example.from_user({"start_hz": 2.6e9, "points": 7, "current_a": 0.02})
    assert isinstance(written.points, int)


def test_none_means_left_as_it_is() -> None:
    assert Example.from_user({"start_hz": 1.0}).current_a is None
    assert Example.from_user({"start_hz": 1.0, "current_a": "none"}).current_a is None


def test_enum_is_read_by_its_value() -> None:
    assert Example.from_user({"start_hz": 1.0, "way": "down"}).way is Way.DOWN


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        Example(start_hz=1.0).points = 3  # type: ignore[misc]


def test_survives_a_file() -> None:
    model = Example(start_hz=2.6e9, way=Way.DOWN)
    assert Example.model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ["Parameter `start_hz` is missing."]),
        ({"start_hz": 1.0, "colour": 3}, ["Unknown parameter `colour`", "start_hz, stop_hz"]),
        ({"start_hz": math.nan}, ["`start_hz`"]),
        ({"start_hz": math.inf}, ["`start_hz`"]),
        ({"start_hz": "nan"}, ["`start_hz`: Cannot read 'nan'"]),
        ({"start_hz": "3 s"}, ["`start_hz`: ", "unknown unit 's'"]),
        ({"start_hz": -1e9}, ["Parameter `start_hz` must be above 0 Hz, but is -1 GHz."]),
        ({"start_hz": 4e9}, ["Argument `start_hz` must be below `stop_hz`."]),
        ({"start_hz": 1.0, "points": 1}, ["Parameter `points` must be at least 2, but is 1."]),
        ({"start_hz": 1.0, "points": "2.5"}, ["`points`"]),
        (
            {"start_hz": 1.0, "points": 10**9},
            ["`points` must be at most 100, but is 1000000000."],
        ),
        ({"start_hz": 1.0, "current_a": "9 A"}, ["`current_a`", "9 A"]),
        (
            {"start_hz": 1.0, "way": "sideways"},
            ["must be 'up' or 'down', but is 'sideways'"],
        ),
        ({"start_hz": "x", "points": 0}, ["`start_hz`", "`points`"]),
    ],
)
def test_what_is_wrong_is_told_in_one_line(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        Example.from_user(values)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_message_names_fields_as_the_form_does() -> None:
    for values, told in (
        ({"start_hz": 4e9}, "Start must be below Stop."),
        ({"start_hz": 1.0, "points": 1}, "Points must be at least 2, but is 1."),
        ({"start_hz": 1.0, "current_a": 9.0}, "Current must be at most 8 A, but is 9 A."),
        ({}, "Start is missing."),
    ):
        with pytest.raises(ParameterError) as caught:
            Example.from_user(values)
        assert Example.in_labels(str(caught.value)) == told
    assert Example.in_labels("`other` and `start_hz`") == "`other` and Start"


def test_an_order_is_told_with_units() -> None:
    with pytest.raises(ValueError, match=r"`start_hz` must be below `stop_hz`, but 3.5 GHz >= 3"):
        Example.model_construct(start_hz=3.5e9, stop_hz=3e9).require_below("start_hz", "stop_hz")


def test_parameters_of_another_version_are_refused_in_one_line() -> None:
    with pytest.raises(ParameterError, match="Unknown parameter `power_mw`; known are"):
        Example.from_file('{"start_hz": 1.0, "power_mw": 3}')
    with pytest.raises(ParameterError, match="`way` must be 'up' or 'down', but is 'both'"):
        Example.from_file('{"start_hz": 1.0, "way": "both"}')


def test_declaration_can_be_read_back() -> None:
    fields = Example.model_fields
    assert unit_of(fields["start_hz"]) == "Hz"
    assert device_limit_of(fields["start_hz"]) == ("microwave", "frequency_hz")
    assert device_limit_of(fields["stop_hz"]) is None
    assert fields["points"].title == "Points"

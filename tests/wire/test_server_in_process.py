"""The same instruments behind pyvisa-sim, without a network."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import pyvisa

from sim_backends.wire.catalogue import dialects
from sim_backends.wire.in_process import (
    WorldLibrary,
    open_world_library,
    open_world_resource_manager,
    resource_name,
)
from sim_backends.world import World

ENDS = {"read_termination": "\n", "write_termination": "\n"}


@pytest.fixture
def world() -> World:
    return World(seed=1)


@pytest.fixture
def manager(world: World) -> Iterator[pyvisa.ResourceManager]:
    with contextlib.closing(open_world_resource_manager(world)) as made:
        yield made


def open_one(manager: pyvisa.ResourceManager, dialect: str, **options: Any) -> Any:
    return manager.open_resource(resource_name(dialect), **{**ENDS, **options})


def test_every_model_is_listed(manager: pyvisa.ResourceManager) -> None:
    assert len(manager.list_resources("?*")) == len(dialects())


def test_set_and_get_reach_the_world(manager: pyvisa.ResourceManager, world: World) -> None:
    generator = open_one(manager, "smb100a")
    generator.write("FREQ 2.87 GHZ;:OUTP ON")
    assert (world.controls.microwave_hz, world.controls.microwave_on) == (2.87e9, True)
    assert generator.query("FREQ?;:POW?") == "2870000000.0;-30.0"
    assert open_one(manager, "sg384").query("FREQ?") == "2870000000.000000\r"


def test_blocks_come_in_one_piece(manager: pyvisa.ResourceManager) -> None:
    counter, twin = open_one(manager, "53220a"), World(seed=1)
    counter.write("CONF:TOT:TIM 1e-4,(@1);:SAMP:COUN 5000;:FORM REAL,64")
    counts = counter.query_binary_values(
        "READ?", datatype="d", is_big_endian=True, container=np.array
    )
    assert np.array_equal(counts, twin.stream(1e-4, 5000)[0])
    assert counter.query("SYST:ERR?") == '+0,"No error"'


def test_answers_wait_in_their_order_and_a_clear_drops_them(
    manager: pyvisa.ResourceManager,
) -> None:
    generator = open_one(manager, "n5183b")
    generator.write("*OPC?")
    generator.write("OUTP?")
    assert [generator.read(), generator.read()] == ["1", "0"]
    generator.write("*OPC?")
    generator.clear()
    assert generator.query("OUTP?") == "0"


def test_an_unplugged_instrument_times_out(manager: pyvisa.ResourceManager, world: World) -> None:
    generator = open_one(manager, "smb100a", timeout=50)
    world.inject("microwave: disconnected")
    with pytest.raises(pyvisa.VisaIOError, match="Timeout"):
        generator.query("*IDN?")
    world.clear("microwave: disconnected")
    assert "SMB100A" in generator.query("*IDN?")


def test_every_world_has_a_library_of_its_own() -> None:
    one, other = World(seed=1), World(seed=2)
    libraries = open_world_library(one), open_world_library(other)
    assert isinstance(libraries[0], WorldLibrary)
    generators = [open_one(pyvisa.ResourceManager(library), "smb100a") for library in libraries]
    generators[0].write("FREQ 2.5 GHZ")
    assert (one.controls.microwave_hz, other.controls.microwave_hz) == (2.5e9, 2.87e9)

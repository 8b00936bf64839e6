"""How a measurement is asked for on the command line, the same for `run` and `plan`."""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

import typer

from labctl.errors import ParameterError

SequenceArgument = Annotated[str, typer.Argument(help='Installed name, or "package.module:Class".')]
SettingsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="More of --set.")
]
RigOption = Annotated[str, typer.Option(help="Installed rig, or path of a .toml file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='A parameter: start_hz="2.6 GHz".'),
]


def parse_settings(*groups: Iterable[str] | None) -> dict[str, str]:
    """Split each "name=value".

    Raises:
        ParameterError: one has no "=", or a name comes twice.
    """
    values: dict[str, str] = {}
    for text in chain.from_iterable(group or () for group in groups):
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ParameterError(f"Cannot read {text!r}; write it like start_hz=2.87GHz.")
        if name in values:
            raise ParameterError(f"Parameter `{name}` is given twice.")
        values[name] = value
    return values

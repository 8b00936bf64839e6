"""Named sets of parameters."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from labctl.console.json_file import read_json, write_json
from labctl.core import find_sequence
from labctl.errors import OutputError, ParameterError

_SUFFIX = ".json"


class Presets:
    """Presets of every sequence in one folder, a file each.

    Names are free text; on disk what a file system does not like is escaped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def names(self, sequence: str) -> tuple[str, ...]:
        """Names of the presets of a sequence, sorted."""
        found = self._of(sequence).glob(f"*{_SUFFIX}")
        return tuple(sorted(unquote(path.name.removesuffix(_SUFFIX)) for path in found))

    def save(self, sequence: str, name: str, parameters: dict[str, Any]) -> None:
        """Keep parameters under a name, in place of an earlier preset.

        Raises:
            BadInputError: a parameter that the sequence does not take, no name, or a folder
                that cannot be written.
        """
        if not name.strip():
            raise ParameterError("A preset needs a name.")
        values = find_sequence(sequence).Parameters.from_user(parameters).model_dump(mode="json")
        write_json(self._path(sequence, name), {key: values[key] for key in parameters})

    def load(self, sequence: str, name: str) -> dict[str, Any]:
        """The parameters of a preset.

        Raises:
            ParameterError: there is none of that name, or its file is damaged (and kept aside).
        """
        found, warning = read_json(self._path(sequence, name), dict[str, Any])
        if found is None:
            raise ParameterError(warning or f"`{sequence}` has no preset called `{name}`.")
        return found

    def delete(self, sequence: str, name: str) -> None:
        """Forget a preset.

        Raises:
            ParameterError: there is none of that name.
            OutputError: its file cannot be removed.
        """
        try:
            self._path(sequence, name).unlink()
        except FileNotFoundError as error:
            raise ParameterError(f"`{sequence}` has no preset called `{name}`.") from error
        except OSError as error:
            raise OutputError(f"Cannot delete preset `{name}`: {error.strerror}.") from error

    def _of(self, sequence: str) -> Path:
        return self.folder / _escaped(sequence)

    def _path(self, sequence: str, name: str) -> Path:
        return self._of(sequence) / f"{_escaped(name)}{_SUFFIX}"


def _escaped(name: str) -> str:
    # A leading dot would hide the file, and "." and ".." are folders.
    return quote(name.strip(), safe=" ()+,=@").replace(".", "%2E")

"""Errors that labctl raises on purpose, sorted by whose fault they are.

Every message is one line that says what is wrong and what to do about it. The command line
prints it as it stands: `BadInputError` exits with 2, every other `LabError` with 1.
"""


class LabError(Exception):
    """Anything labctl reports on purpose."""


class BadInputError(LabError):
    """The request cannot be carried out as written; nothing was touched."""


class UnitError(BadInputError):
    """A quantity cannot be read in the unit that is expected."""


class ParameterError(BadInputError):
    """A sequence parameter is unknown, missing or outside its range."""


class LimitError(BadInputError):
    """A value is outside the limits that a device or the rig file sets."""


class RigError(BadInputError):
    """A rig file is missing, malformed, or names something that does not fit its role."""


class CatalogError(BadInputError):
    """No sequence of that name exists."""


class OutputError(BadInputError):
    """The place for the data cannot be written."""


class DeviceError(LabError):
    """An instrument did not do what it was told."""


class StorageError(LabError):
    """A data file cannot be written or read."""


class DataFileError(StorageError, BadInputError):
    """A data file that was given is none of ours, damaged, or not in the state it must be in."""


class SequenceError(LabError):
    """A sequence broke its own declaration, such as a point with a missing column."""


class RunFailedError(LabError):
    """A run ended in an error; the file holds everything up to it."""


class RunAbortedError(LabError):
    """A run was stopped before its end; the file holds everything up to the stop."""


def said_of(role: str, error: object) -> str:
    """What went wrong with the instrument of a role, which is named once."""
    text = str(error)
    return text if text.startswith((f"{role} ", f"{role}:")) else f"{role}: {text}"

"""Claiming room on the disk before HDF5 needs it.

A write that fails inside HDF5 leaves dirty pages behind that it can neither write nor forget:
the file cannot be closed, and the process crashes when it exits (HDF5 1.14 and 2.0). So room is
claimed from the file system first, where running out is an ordinary error, and HDF5 writes only
into what is already ours.
"""

import contextlib
import errno
import os
import shutil
import sys
from pathlib import Path

import h5py

from labctl.errors import OutputError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_BYTES = 48

_SMALL_STEP = 1 << 20
_LARGE_STEP = 64 << 20


class Reservation:
    """Room for one open HDF5 file to grow into."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._path = path
        self._claimed = 0
        self.descriptor = descriptor_of(file, path)

    def claim(self, size: int) -> None:
        """Make sure that the file can grow to `size` bytes.

        Raises:
            OSError: disk full, quota or file size limit reached; the file is unharmed.
        """
        if size <= self._claimed:
            return
        generous = size + min(max(size, _SMALL_STEP), _LARGE_STEP)
        try:
            self._allocate(generous)
        except OSError:
            self._allocate(size)

    def _allocate(self, size: int) -> None:
        if sys.platform == "win32" or self.descriptor is None:
            room = shutil.disk_usage(self._path.parent).free
            if size - self._path.stat().st_size > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif sys.platform == "linux":
            os.posix_fallocate(self.descriptor, 0, size)
        else:
            _append_zeros(self.descriptor, size)
        self._claimed = size


def create_empty(path: Path, size: int) -> None:
    """Create a new file where `size` bytes have room, with the system's own words if it cannot.

    Raises:
        OutputError: the file exists, its folder does not or cannot be written, or is full.
    """
    try:
        with path.open("xb") as raw:
            try:
                if sys.platform == "linux":
                    os.posix_fallocate(raw.fileno(), 0, size)
            except OSError:
                path.unlink()
                raise
    except FileExistsError as error:
        raise OutputError(f"{path} exists already; data files are never overwritten.") from error
    except (OSError, ValueError) as error:
        raise OutputError(f"Cannot write {path}: {one_line(error)}.") from error


def one_line(error: BaseException) -> str:
    """Why something failed, as part of a sentence."""
    text = getattr(error, "strerror", None) or str(error).strip("'\"") or type(error).__name__
    return str(text).splitlines()[0].rstrip(".,")


def descriptor_of(file: h5py.File, path: Path) -> int | None:
    """The file descriptor HDF5 writes to, or None where it has none that Python can use."""
    try:
        descriptor = file.id.get_vfd_handle()
        mine = os.fstat(descriptor)
        if os.path.samestat(mine, path.stat()):
            return descriptor
    except (OSError, NotImplementedError, OverflowError, TypeError):
        pass
    return None


def abandon(file: h5py.File, descriptor: int | None) -> None:
    """Let go of a file that HDF5 can no longer write, leaving on the disk what is there.

    What HDF5 still wants to write goes to the null device; without this it would crash the
    process when it exits.
    """
    if descriptor is not None:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(null, descriptor)
        finally:
            os.close(null)
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        file.close()


def trim(path: Path) -> None:
    """Give back the claimed room that a closed file does not use, and sync it to the disk."""
    with path.open("r+b") as raw:
        end = end_of_file(raw.read(SUPERBLOCK_BYTES))
        if SUPERBLOCK_BYTES < end < raw.seek(0, os.SEEK_END):
            raw.truncate(end)
        os.fsync(raw.fileno())


def end_of_file(superblock: bytes) -> int:
    """The size that an HDF5 file's first bytes claim for it; 0 if they are not LIBVER's kind."""
    # Versions 2 and 3 with addresses of 8 bytes hold the end-of-file address at byte 28.
    if superblock[:8] == SIGNATURE and superblock[8] in (2, 3) and superblock[9] == 8:
        return int.from_bytes(superblock[28:36], "little")
    return 0


if sys.platform != "win32":

    def _append_zeros(descriptor: int, size: int) -> None:
        position = os.fstat(descriptor).st_size
        zeros = bytes(1 << 16)
        while position < size:
            position += os.pwrite(descriptor, zeros[: size - position], position)

"""The only writer of data files: crash-proof from the first point on."""

import atexit
import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py

from labctl.data import Column, InstrumentRecord, Mark, PlotHint, RunInfo, RunStatus
from labctl.errors import OutputError, StorageError
from labctl.storage import layout
from labctl.storage.layout import dataset_at, group_at
from labctl.storage.space import Reservation, abandon, create_empty, one_line, trim
from labctl.storage.staging import PointBuffer, check_columns
from labctl.storage.tree import Truth, chunk_points, write_end, write_tree, write_truth_at_end
from labctl.storage.writing import Writing

logger = logging.getLogger(__name__)

_STAGED_BYTES = 32 << 20
_STAGED_POINTS = 1 << 14  # converted in one go, while no other thread runs Python
_CHUNK_CACHE_BYTES = 1 << 20  # per column; nothing that was written is read again
_FIRST_BYTES = 256 << 10  # room for the tree before the first point
_CLOSING_BYTES = 64 << 10  # room for what HDF5 writes when it closes the file
_SYNC_SHARE = 10  # fsync takes at most a tenth of the flusher's time, however slow the disk

# What h5py raises when HDF5 fails.
_HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError)


class RunWriter:
    """Writes one run into one new NeXus file.

    Points are staged in memory and written in blocks by a small thread, every
    `flush_interval_s` seconds at the latest, in HDF5's SWMR mode: another process can read the
    file while it grows, and a killed program loses no more than the last interval.

    Attributes:
        path: the file.

    Raises:
        OutputError: the file exists already or cannot be created.
        SequenceError: the columns or the plot hint contradict themselves.
    """

    def __init__(
        self,
        path: Path,
        info: RunInfo,
        columns: Sequence[Column],
        plot: PlotHint,
        instruments: Sequence[InstrumentRecord],
        *,
        flush_interval_s: float = 0.25,
    ) -> None:
        check_columns(columns, plot)
        self.path = Path(path)
        self._columns = tuple(columns)
        self._interval_s = flush_interval_s
        self._buffer = PointBuffer(columns)
        self._add = self._buffer.add
        self._high_water = min(
            _STAGED_POINTS, max(1, _STAGED_BYTES // max(1, self._buffer.point_bytes))
        )
        self._error: StorageError | None = None
        self._broken = False
        self._closed = False
        self._flushed = 0
        self._lock = threading.RLock()  # the HDF5 file
        self._count_lock = threading.Lock()  # staged and flushed points change hands together
        self._stop = threading.Event()
        create_empty(self.path, _FIRST_BYTES)
        self._create(info, plot, instruments)
        self._writing = Writing(self.path)
        self._writing.begin()
        self._thread = threading.Thread(
            target=self._flush_regularly, name=f"flush {self.path.name}", daemon=True
        )
        self._thread.start()
        atexit.register(self._close_at_exit)

    @property
    def flushed(self) -> int:
        """Number of points on the disk."""
        return self._flushed

    @property
    def appended(self) -> int:
        """Number of points taken, on the disk or still staged."""
        with self._count_lock:
            return self._flushed + len(self._buffer)

    def append(self, values: tuple[Any, ...]) -> None:
        """Take one point, its values in the order of the columns.

        Raises:
            SequenceError: a value does not fit its column; the point is not taken.
            StorageError: earlier points could not be written, or the file is closed.
        """
        if self._error is not None:
            raise self._error
        if self._add(values) >= self._high_water:
            self._flush()

    def mark(self, mark: Mark) -> None:
        """Write down that points are no good.

        Raises:
            StorageError: it cannot be written.
        """
        with self._lock:
            if self._broken and self._error is not None:
                raise self._error
            try:
                self._space.claim(self._file.id.get_filesize() + 2 * _CLOSING_BYTES)
                rows = len(self._marks)
                self._marks.resize(rows + 1, axis=0)
                self._marks[rows] = (mark.first, mark.last)
                self._mark_reasons.resize(rows + 1, axis=0)
                self._mark_reasons[rows] = layout.fixed_text(mark.reason, layout.MARK_BYTES)
                self._file.flush()
            except _HDF5_ERRORS as error:
                raise StorageError(
                    f"Cannot mark points in {self.path}: {one_line(error)}."
                ) from error

    def close(
        self,
        status: RunStatus,
        reason: str = "",
        end_time: str = "",
        instruments: Sequence[InstrumentRecord] = (),
        truth: Truth = MappingProxyType({}),
    ) -> None:
        """Write what is staged, how the run ended and the instruments as they stand; close.

        `truth` replaces the one the run began with, which was before the sequence set its field.

        Closing twice is fine. On a full disk the file keeps every point that fits and the
        status `failed` with the reason.

        Raises:
            StorageError: points were lost, or the file could not be closed cleanly.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self._close_at_exit)
        self._stop.set()
        self._thread.join()
        failure: StorageError | None = None
        try:
            self._flush()
        except StorageError as error:
            failure = error
            status = RunStatus.FAILED
            reason = f"{error} {reason}" if reason and reason != str(error) else str(error)
        with self._lock:
            try:
                if not self._broken:
                    self._finish(status, reason, end_time, instruments, truth)
            except _HDF5_ERRORS as error:
                failure = self._break(error)
            finally:
                self._error = StorageError(f"{self.path} is closed; no point can be added.")
                self._writing.end()
        if failure is not None:
            raise failure

    def _create(
        self, info: RunInfo, plot: PlotHint, instruments: Sequence[InstrumentRecord]
    ) -> None:
        file: h5py.File | None = None
        descriptor: int | None = None
        try:
            file = h5py.File(self.path, "w", libver=layout.LIBVER, rdcc_nbytes=_CHUNK_CACHE_BYTES)
            space = Reservation(file, self.path)
            descriptor = space.descriptor
            space.claim(_FIRST_BYTES)
            self._ends = write_tree(file, info, self._columns, plot, instruments)
            file.flush()  # also cuts the file to its contents, so the claim is made anew
            file.swmr_mode = True
            self._space = Reservation(file, self.path)
            self._space.claim(file.id.get_filesize() + self._growth(1) + _CLOSING_BYTES)
        except BaseException as error:
            if file is not None:
                abandon(file, descriptor)
            self.path.unlink(missing_ok=True)
            if isinstance(error, OSError | RuntimeError):
                raise OutputError(f"Cannot write {self.path}: {one_line(error)}.") from error
            raise
        self._file = file
        entry = group_at(file, layout.ENTRY)
        data, run = group_at(entry, layout.DATA), group_at(entry, layout.RUN)
        self._datasets = [dataset_at(data, column.name) for column in self._columns]
        self._end_time = dataset_at(entry, "end_time")
        self._marks = dataset_at(run, layout.MARKS)
        self._mark_reasons = dataset_at(run, layout.MARK_REASONS)
        self._status, self._reason = dataset_at(run, "status"), dataset_at(run, "reason")

    def _growth(self, points: int) -> int:
        """Upper bound in bytes of what `points` more points make the file grow."""
        size = 0
        for column in self._columns:
            rows = chunk_points(column)
            chunks = points // rows + 2
            index = 64 * math.isqrt((self._flushed + points) // rows + 1) + 16 * chunks
            size += chunks * rows * 8 * math.prod(column.shape) + index + 8192
        return size

    def _flush(self) -> None:
        """Write all staged points, or as many as the disk holds.

        Raises:
            StorageError: not all could be written; also kept for the next `append`.
        """
        with self._lock:
            if self._broken and self._error is not None:
                raise self._error
            try:
                # What comes in meanwhile waits for the next time: no chasing a fast sequence.
                end = self._flushed + len(self._buffer)
                while self._flushed < end:
                    self._write(self._claim(min(end - self._flushed, self._high_water)))
            except _HDF5_ERRORS as error:
                self._error = self._break(error)
                raise self._error from error
            except StorageError as error:
                self._error = error
                raise

    def _claim(self, points: int) -> int:
        """Claim room for that many points or fewer; returns how many."""
        while True:
            size = self._file.id.get_filesize() + self._growth(points) + _CLOSING_BYTES
            try:
                self._space.claim(size)
            except OSError as error:
                points //= 2
                if not points:
                    raise StorageError(
                        f"Cannot write {self.path} beyond {self._flushed} points: "
                        f"{one_line(error)}."
                    ) from error
            else:
                return points

    def _write(self, points: int) -> None:
        end = self._flushed + points
        # One column after the other: whenever the program dies, the shortest column counts the
        # points that are complete.
        for dataset, block in zip(self._datasets, self._buffer.peek(points).values(), strict=True):
            dataset.resize(end, axis=0)
            dataset[self._flushed : end] = block
            dataset.flush()
        with self._count_lock:
            self._flushed = end
            self._buffer.drop(points)

    def _break(self, error: BaseException) -> StorageError:
        """Give up on an HDF5 file that failed in spite of the claimed room."""
        self._broken = True
        abandon(self._file, self._space.descriptor)
        return StorageError(
            f"Writing {self.path} failed after {self._flushed} points ({one_line(error)}); "
            f"`labctl recover` gets them back."
        )

    def _flush_regularly(self) -> None:
        pause_s, next_sync_s = self._interval_s, 0.0
        while not self._stop.wait(pause_s):
            begin_s = time.monotonic()
            before = self._flushed
            try:
                self._flush()
                if self._flushed > before and begin_s >= next_sync_s:
                    next_sync_s = self._sync()
            except StorageError:
                return
            except Exception as error:  # noqa: BLE001  a run must not go on without its flusher
                self._error = StorageError(f"Writing {self.path} failed: {one_line(error)}.")
                return
            pause_s = max(0.01, self._interval_s - (time.monotonic() - begin_s))

    def _sync(self) -> float:
        """Push the file to the disk itself; returns when to do so next (monotonic time, s)."""
        if self._space.descriptor is None:
            return math.inf
        begin_s = time.monotonic()
        try:
            os.fsync(self._space.descriptor)
        except OSError as error:
            raise self._remember(error) from error
        end_s = time.monotonic()
        return end_s + _SYNC_SHARE * (end_s - begin_s)

    def _remember(self, error: OSError) -> StorageError:
        self._error = StorageError(f"Cannot write {self.path}: {one_line(error)}.")
        return self._error

    def _finish(
        self,
        status: RunStatus,
        reason: str,
        end_time: str,
        instruments: Sequence[InstrumentRecord],
        truth: Truth,
    ) -> None:
        write_truth_at_end(group_at(self._file, layout.ENTRY), truth)
        for record in instruments:
            for name, setting in record.settings.items():
                datasets = self._ends.get((record.role, name))
                if datasets is None:
                    logger.warning("%s.%s was not there at the start", record.role, name)
                    continue
                write_end(datasets[0], setting.setpoint)
                write_end(datasets[1], setting.readback)
        self._end_time[()] = layout.fixed_text(end_time, layout.TIME_BYTES)
        self._reason[()] = layout.fixed_text(reason, layout.REASON_BYTES)
        self._status[()] = layout.fixed_text(status, layout.STATUS_BYTES)
        self._file.close()
        with contextlib.suppress(OSError):  # the file is whole, whether or not it can be trimmed
            trim(self.path)

    def _close_at_exit(self) -> None:
        with contextlib.suppress(StorageError):
            self.close(RunStatus.FAILED, "The program ended without closing the run.")

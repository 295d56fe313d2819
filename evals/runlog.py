"""The log of a run: lines that are only ever appended, one a problem and repeat.

A line is written in one step as soon as its problem is scored, so that a kill loses at most the problems under way. A
torn last line is dropped. Where a problem has several lines (it was lost to failures and done again) the last one
counts.
"""

import contextlib
import errno
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self, overload

from evals.folder import HEADER, RESULTS, write_whole
from evals.header import RunHeader, read_header
from evals.lines import Context, Line, Shared, decode, encode, from_bytes, to_bytes
from evals.lock import hold
from evals.record import Record
from evals.summary import Key, Summary
from reasoning.errors import ConfigError, DataError, UsageError

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What a lock that another process has is called, here and on Windows; other errors say that nothing can be locked."""


class RunLog:
    """A run's header and lines, in a folder or in memory; what the lines come to is in `summary`.

    Made by `in_memory`, `load` (to read) and `opened` (to write).
    """

    def __init__(self, header: RunHeader, folder: Path | None, writer: BinaryIO | None) -> None:
        self.header, self.folder = header, folder
        self.summary = Summary()
        self.context = Context(header.task.kind, Shared(header.shared), header.seed)
        self._writer = writer
        self._offsets: dict[Key, int] = {}
        self._end = header.valid_from

    @classmethod
    def in_memory(cls, header: RunHeader) -> Self:
        """The log of a run that is not kept."""
        return cls(header, None, io.BytesIO())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The log in a folder, to be read.

        Raises:
            DataError: There is none, or it is damaged.
        """
        try:
            head = folder / HEADER
            log = cls(read_header(head.read_bytes(), str(head)), folder, None)
            log._survey()
        except OSError as error:
            raise DataError(f"{folder} is no run's folder: {error.filename}: {error.strerror}.") from error
        return log

    @classmethod
    def opened(cls, folder: Path, header: RunHeader) -> tuple[Self, RunHeader | None]:
        """Takes hold of a folder to write into it.

        Args:
            folder: Made where there is none.
            header: Of a new run, where the folder holds none.

        Returns:
            The log, and the header that the folder held. The log goes by that one until it is told otherwise.

        Raises:
            UsageError: Another process holds it.
            DataError: It cannot be made, or what it holds is damaged.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writer = (folder / RESULTS).open("ab", buffering=0)
        except OSError as error:
            raise DataError(
                f"The run's folder {folder} cannot be made: {error.strerror}; name another --out."
            ) from error
        try:
            _hold(writer, folder)
            head = folder / HEADER
            if not head.exists() and writer.seek(0, io.SEEK_END):
                raise DataError(f"{folder} has a {RESULTS} but no {HEADER}: restore it, or name another --out.")
            held = read_header(head.read_bytes(), str(head)) if head.exists() else None
            log = cls(held or header, folder, writer)
            log._survey()
            writer.truncate(log._end)
        except BaseException:
            writer.close()
            raise
        return log, held

    @classmethod
    @contextlib.contextmanager
    def made(cls, folder: Path, header: RunHeader) -> Iterator[Self]:
        """The log of a run that is made in one go, for the time of a `with` block; half of it is of no use, and goes.

        Raises:
            ConfigError: The folder holds a run already.
            UsageError: As for `opened`.
        """
        if (folder / HEADER).exists():
            raise ConfigError(f"{folder} holds a run already; give this one another --name or --out.")
        log, _ = cls.opened(folder, header)
        try:
            with contextlib.closing(log):
                log.keep()
                yield log
        except BaseException:
            with contextlib.suppress(OSError):  # where the folder holds what is not ours, it stays
                for file in (HEADER, RESULTS):
                    (folder / file).unlink(missing_ok=True)
                folder.rmdir()
            raise

    def keep(self, **changes: object) -> None:
        """Changes the header, and writes it down at once.

        Raises:
            DataError: It cannot be written.
        """
        self.header = self.header.model_copy(update={**changes, "shared": dict(self.context.shared.values)})
        self.context.shared.grew = False
        if self.folder is None:
            return
        try:
            write_whole(self.folder / HEADER, self.header.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise self._unwritable(error.strerror) from error

    def has(self, id: str, repeat: int) -> bool:
        """Whether a problem is done: it has a line, and was not lost to failures."""
        return self.summary.is_done((id, repeat))

    def append(self, record: Record) -> None:
        """Writes a record down and counts it.

        Raises:
            DataError: It cannot be written.
        """
        assert self._writer is not None
        line = encode(record, self.context)
        if self.context.shared.grew:
            self.keep()  # first, so that no line ever names what is not there
        data = to_bytes(line)
        self._writer.seek(0, io.SEEK_END)
        try:
            written = self._writer.write(data)
        except OSError as error:
            raise self._unwritable(error.strerror) from error
        if written != len(data):
            raise self._unwritable("no space left")
        self._count(line, self._end)
        self._end += len(data)

    def start_anew(self) -> int:
        """Counts the lines so far no more: every problem is to be done again. Returns where new lines start."""
        self.summary, self._offsets = Summary(), {}
        return self._end

    def close(self) -> None:
        """Ends writing and lets others write; the lines can still be read."""
        if self._writer is not None and self.folder is not None:
            self._writer.close()
            self._writer = None

    def lines(self) -> Iterator[Line]:
        """The lines that count, in the order in which they were written."""
        with self._reading() as file:
            for offset in sorted(self._offsets.values()):
                yield _line_at(file, offset)

    @property
    def records(self) -> "Records":
        """The records that count, in the order in which they were written; each is read when it is asked for."""
        return Records(self, sorted(self._offsets.values()))

    def find(self, id: str) -> "Records":
        """The records of one problem, by repeat."""
        offsets = {repeat: offset for (known, repeat), offset in self._offsets.items() if known == id}
        return Records(self, [offsets[repeat] for repeat in sorted(offsets)])

    @property
    def ids(self) -> Iterable[str]:
        """The problems that have a line."""
        return dict.fromkeys(id for id, _ in self._offsets)

    def _unwritable(self, why: str | None) -> DataError:
        return DataError(
            f"The log in {self.folder} could not be written: {why}. What is in it is kept; make room, and run again."
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        if self.folder is None:
            assert isinstance(self._writer, io.BytesIO)
            yield self._writer
        else:
            with (self.folder / RESULTS).open("rb") as file:
                yield file

    def _count(self, line: Line, offset: int) -> None:
        key = (line["id"], line.get("repeat", 0))
        if key in self._offsets:
            with self._reading() as file:
                self.summary.remove(_line_at(file, self._offsets[key]))
        self.summary.add(line)
        self._offsets[key] = offset

    def _survey(self) -> None:
        """Counts the lines from where they are valid; leaves `_end` behind the last whole one."""
        assert self.folder is not None
        with (self.folder / RESULTS).open("rb", buffering=1 << 20) as file:
            file.seek(self._end)
            for data in file:
                if not data.endswith(b"\n"):
                    break
                try:
                    self._count(from_bytes(data), self._end)
                except (ValueError, KeyError, TypeError, IndexError) as error:
                    raise DataError(
                        f"{self.folder / RESULTS}, at byte {self._end}: expected a line of a run log, {error!r}; "
                        "remove that line, and run again to do its problem anew."
                    ) from error
                self._end += len(data)


class Records(Sequence[Record]):
    """Records of a log; each is read from it when it is asked for."""

    def __init__(self, log: RunLog, offsets: Sequence[int]) -> None:
        self._log, self._offsets = log, offsets

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "Record | Records":
        if isinstance(index, slice):
            return Records(self._log, self._offsets[index])
        with self._log._reading() as file:
            return decode(_line_at(file, self._offsets[index]), self._log.context)

    def __iter__(self) -> Iterator[Record]:
        with self._log._reading() as file:
            for offset in self._offsets:
                yield decode(_line_at(file, offset), self._log.context)


def _line_at(file: BinaryIO, offset: int) -> Line:
    file.seek(offset)
    return from_bytes(file.readline())


def _hold(file: BinaryIO, folder: Path) -> None:
    try:
        hold(file)
    except OSError as error:
        if error.errno not in _HELD:
            raise DataError(
                f"{folder} cannot be held against other processes: {error.strerror}; name an --out on a local disk."
            ) from error
        raise UsageError(
            f"Another process is running into {folder}: wait for it, or give this run a name of its own (--name)."
        ) from error

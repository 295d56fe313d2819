"""Rows from where they lie: JSON Lines, JSON, CSV, parquet, a hub's data set, or any of these in a folder.

JSON Lines and CSV are read by readers of our own, so that an error names the line.
"""

import csv
import json
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from reasoning.answer.numeral import DIGITS
from reasoning.errors import DataError

Row = Mapping[str, object]
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


class Rows(Protocol):
    """Rows by index, each with the place it was read from."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def __getitem__(self, index: int, /) -> Row:
        """The row at an index."""
        ...

    def place(self, index: int) -> str:
        """Where a row stands, for error messages, e.g. `"items.jsonl, line 3"`."""
        ...


class JsonLines:
    """Rows of a JSON Lines file. Only the lines' offsets are kept; a line is read when its row is asked for.

    Raises:
        DataError: The file cannot be read, or, when it is asked for, a line is not a JSON object in UTF-8.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._lines: list[tuple[int, int]] = []
        offset = 0
        for number, line in enumerate(self._file, 1):
            if line.strip(b" \t\r\n\xef\xbb\xbf"):
                self._lines.append((offset, number))
            offset += len(line)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: int, /) -> Row:
        with self._lock:
            self._file.seek(self._lines[index][0])
            line = self._file.readline()
        try:
            row = json.loads(line.decode("utf-8-sig").rstrip("\r\n"), parse_int=_integer)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.place(index)}: not UTF-8 ({error.reason}); expected JSON Lines in UTF-8."
            ) from error
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.place(index)}, column {error.colno}: {error.msg}; expected one JSON object a line."
            ) from error
        return _object(row, self.place(index))

    def place(self, index: int) -> str:
        """File and line."""
        return f"{self._path}, line {self._lines[index][1]}"


class Listed:
    """Rows that are in memory, each with its place."""

    def __init__(self, rows: Sequence[Row], places: Sequence[str]) -> None:
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int, /) -> Row:
        return self._rows[index]

    def place(self, index: int) -> str:
        """As given."""
        return self._places[index]


class Arrow:
    """Rows of an Arrow table, or of a `datasets.Dataset`, which maps its file into memory."""

    def __init__(self, rows: Any, source: str) -> None:
        self._rows, self._source = rows, source

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int, /) -> Row:
        row = self._rows[index] if hasattr(self._rows, "features") else self._rows.slice(index, 1).to_pylist()[0]
        return _object(row, self.place(index))

    def place(self, index: int) -> str:
        """Source and row, from 1."""
        return f"{self._source}, row {index + 1}"


def read_file(path: Path, split: str = "test", name: str | None = None) -> Rows:
    """The rows of a file, by its suffix; of a folder, as `datasets` reads it.

    Args:
        path: A file ending in one of `SUFFIXES`, or a folder: a copy of a hub's data set, or what `save_to_disk` wrote.
        split: The split to take from a folder.
        name: The configuration to take from a folder.

    Raises:
        DataError: It is not there, or not readable; the message gives file, line and what was expected.
    """
    if path.is_dir():
        return _from_folder(path, split, name)
    if not path.exists():
        raise DataError(f"{path}: no such file; expected one of items, or a folder.")
    if path.suffix not in SUFFIXES:
        raise DataError(
            f"{path}: cannot tell the format; expected a folder, or a file ending in {', '.join(SUFFIXES)}."
        )
    try:
        match path.suffix:
            case ".jsonl" | ".ndjson":
                return JsonLines(path)
            case ".json":
                return _from_json(path)
            case ".csv" | ".tsv":
                return _from_csv(path)
            case _:
                return _from_parquet(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; expected a file of items.") from error


def _object(row: Any, place: str) -> Row:
    if not isinstance(row, Mapping):
        raise DataError(f'{place}: found {type(row).__name__}; expected a JSON object such as {{"question": …}}.')
    return row


def _integer(digits: str) -> int | str:
    """An integer; as it is written where it has more digits than the interpreter converts."""
    return int(digits) if len(digits) <= DIGITS else digits


def _from_json(path: Path) -> Rows:
    """A JSON array of objects; or JSON Lines under a `.json` name, as some data sets are published."""
    with path.open("rb") as file:
        first = file.read(256).lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    if first == b"{":
        return JsonLines(path)
    try:
        rows = json.loads(path.read_bytes().decode("utf-8-sig"), parse_int=_integer)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}); expected a JSON array in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: {error.msg}; expected a JSON array of objects.") from error
    if not isinstance(rows, list):
        raise DataError(f"{path}: found {type(rows).__name__}; expected a JSON array of objects, or one object a line.")
    places = [f"{path}, entry {number}" for number in range(1, len(rows) + 1)]
    return Listed([_object(row, place) for row, place in zip(rows, places, strict=True)], places)


def _from_csv(path: Path) -> Rows:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(_csv_rows(path, file))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}); expected CSV in UTF-8.") from error
    return Listed([row for row, _ in found], [f"{path}, line {line}" for _, line in found])


def _csv_rows(path: Path, file: TextIO) -> Iterator[tuple[Row, int]]:
    """Each row with the line it starts on."""
    reader = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    try:
        header = next(reader, None)
        if header is None or len(set(header)) < len(header):
            raise DataError(f"{path}, line 1: expected a header of distinct column names, found {header}.")
        start = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise DataError(
                    f"{path}, line {start}: {len(cells)} cells; expected {len(header)} ({', '.join(header)})."
                )
            if cells:
                yield dict(zip(header, cells, strict=True)), start
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; expected CSV.") from error


def _from_parquet(path: Path) -> Rows:
    import pyarrow
    import pyarrow.parquet

    try:
        return Arrow(pyarrow.parquet.read_table(path, memory_map=True), str(path))
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}; expected a parquet file.") from error


def _from_folder(path: Path, split: str, name: str | None) -> Rows:
    from evals.hub import load_folder

    return Arrow(load_folder(path, split, name), str(path))


def read_hub(path: str, name: str | None, split: str, revision: str | None) -> Rows:
    """The rows of a data set on the hub, or in the local cache of `datasets`.

    Raises:
        DataError: It cannot be had; without a network the message says how to name a local copy.
    """
    from evals.hub import load_hub

    return Arrow(load_hub(path, name, split, revision), f"{path}{f' ({name})' if name else ''} {split}")

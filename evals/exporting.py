"""Writes runs as tables, row by row: CSV or parquet, one row a problem or one a path."""

import contextlib
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from evals.record import Record
from evals.run import Run
from reasoning.errors import ConfigError

Format = Literal["csv", "parquet"]
Row = dict[str, Any]
_BATCH = 2000
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?\d{1,4000}+(?:[./]\d{1,4000}+)?")

_RUN: Mapping[str, type] = {
    "run": str,
    "task": str,
    "strategy": str,
    "backend": str,
    "name": str,
    "id": str,
    "repeat": int,
}
_ITEM: Mapping[str, type] = {
    "score": float, "answer": str, "gold": str, "group": str, "paths": int, "statuses": str, "stopped": str,
    "tied": int, "abstained": int, "prompt_tokens": int, "completion_tokens": int, "reasoning_tokens": int,
    "cost": float, "seconds": float, "error": str, "question": str, "text": str,
}  # fmt: skip
_PATH: Mapping[str, type] = {
    "index": int, "status": str, "answer": str, "key": str, "gold": str, "score": float, "rule": str, "reason": str,
    "member": int, "calls": int, "finish": str, "seed": int, "prompt_tokens": int, "completion_tokens": int,
    "reasoning_tokens": int, "cost": float, "seconds": float, "program": str, "program_status": str, "signals": str,
    "text": str, "reasoning": str,
}  # fmt: skip


class _Writer(Protocol):
    def write(self, rows: Sequence[Row]) -> None: ...


def export(runs: Sequence[Run], file: str | Path, format: Format | None = None, *, paths: bool = False) -> int:
    """Writes runs into one table; the file appears when it is whole.

    Args:
        runs: As loaded.
        file: Where to.
        format: "csv" or "parquet"; by the file's ending when None.
        paths: One row a path instead of one a problem. Columns of metadata stand in rows of problems only.

    Returns:
        The number of rows.

    Raises:
        ConfigError: The format cannot be told, or the file cannot be written.
    """
    place = Path(file)
    wanted = format or place.suffix.removeprefix(".")
    if wanted not in ("csv", "parquet"):
        raise ConfigError(f"A run is exported to csv or parquet, not {wanted!r}; say --to csv or --to parquet.")
    columns = {**_RUN, **(_PATH if paths else {**_ITEM, **_metadata(runs)})}
    part = place.with_name(f".{place.name}.part")
    count = 0
    try:
        with (_csv if wanted == "csv" else _parquet)(part, columns) as writer:
            for batch in _batches(_rows(runs, columns, paths)):
                writer.write(batch)
                count += len(batch)
        part.replace(place)
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror}; name another file with -o.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _rows(runs: Sequence[Run], columns: Mapping[str, type], paths: bool) -> Iterator[Row]:
    for run in runs:
        head = {
            "run": run.folder.name if run.folder else run.name, "task": run.task, "strategy": run.strategy,
            "backend": run.backend, "name": run.header.name,
        }  # fmt: skip
        for record in run.records:
            whose = {**head, "id": record.id, "repeat": record.repeat}
            for row in _path_rows(record) if paths else (_item_row(record),):
                yield {name: _plain(value, columns[name]) for name, value in (whose | row).items()}


def _item_row(record: Record) -> Row:
    result = record.result
    fields = {
        "score": record.score, "answer": record.answer, "gold": record.gold, "group": record.group,
        "paths": len(result.paths), "statuses": ",".join(path.status for path in result.paths),
        "stopped": result.stopped, "tied": len(result.tally.tied), "abstained": result.tally.abstained,
        "prompt_tokens": result.usage.prompt_tokens, "completion_tokens": result.usage.completion_tokens,
        "reasoning_tokens": result.usage.reasoning_tokens, "cost": result.cost, "seconds": result.seconds,
        "error": result.error, "question": result.problem.question,
        "text": result.paths[0].text if result.paths else None,
    }  # fmt: skip
    return fields | {_column(name): value for name, value in record.metadata.items()}


def _path_rows(record: Record) -> Iterator[Row]:
    kind = record.result.problem.kind
    for path, score in zip(record.result.paths, record.path_scores, strict=True):
        answer = None if path.answer is None else kind.text(path.answer)
        last = path.completions[-1] if path.completions else None
        yield {
            "index": path.index, "status": path.status, "answer": answer, "key": path.key,
            "gold": record.gold, "score": score, "rule": path.rule, "reason": path.reason, "member": path.member,
            "calls": len(path.completions) + len(path.asides), "finish": last.finish if last else None,
            "seed": last.seed if last else None, "prompt_tokens": path.usage.prompt_tokens,
            "completion_tokens": path.usage.completion_tokens, "reasoning_tokens": path.usage.reasoning_tokens,
            "cost": path.cost, "seconds": sum(c.latency_s for c in path.completions), "program": path.program,
            "program_status": path.outcome.status if path.outcome else None,
            "signals": json.dumps(path.signals) if path.signals else None, "text": path.text,
            "reasoning": path.reasoning,
        }  # fmt: skip


def _metadata(runs: Sequence[Run]) -> dict[str, type]:
    """The columns of metadata, each with the one type that all its values have; mixed ones are text."""
    types: dict[str, set[type]] = {}
    for run in runs:
        for line in run.lines():
            for name, value in line.get("meta", {}).items():
                known = types.setdefault(_column(name), set())
                if value is not None:
                    known.add(str if _is_long(value) else type(value))
    return {name: _common(known) for name, known in types.items()}


def _is_long(value: Any) -> bool:
    """Whether a value is an integer past the 64 bits of a column of numbers."""
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _common(known: set[type]) -> type:
    if known == {int, float}:
        return float
    return next(iter(known)) if len(known) == 1 and known <= {int, float, bool, str} else str


def _column(name: str) -> str:
    return f"meta_{name}" if name in _RUN or name in _ITEM else name


def _plain(value: Any, kind: type) -> Any:
    """A value as its column holds it; text without lone surrogates, which no file format takes."""
    if value is None or (kind is not str and isinstance(value, kind)):
        return value
    if kind is not str:
        return kind(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _harmless(value: Any) -> Any:
    """A value as no spreadsheet takes it for a formula; a number stays one, whatever its sign."""
    if not isinstance(value, str) or not value.startswith(_BEGINS_A_FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


@contextlib.contextmanager
def _csv(file: Path, columns: Mapping[str, type]) -> Iterator[_Writer]:
    class Writer:
        def write(self, rows: Sequence[Row]) -> None:
            lines.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)

    with file.open("w", encoding="utf-8", newline="") as opened:
        lines = csv.DictWriter(opened, list(columns))
        lines.writerow({name: _harmless(name) for name in columns})
        yield Writer()


@contextlib.contextmanager
def _parquet(file: Path, columns: Mapping[str, type]) -> Iterator[_Writer]:
    import pyarrow
    import pyarrow.parquet

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns.items()])

    class Writer:
        def write(self, rows: Sequence[Row]) -> None:
            parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema))

    with pyarrow.parquet.ParquetWriter(file, schema) as parquet:
        yield Writer()

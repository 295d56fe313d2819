"""What a person does with a store: look, prune, merge, export. `checking.verify` stands beside it."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel, ConfigDict

from reasoning.completion import Completion
from reasoning.errors import ConfigError, StoreError
from reasoning.request import Request
from reasoning.store import codec, place, schema
from reasoning.store.codec import DrawRow, Shared
from reasoning.store.rows import transaction
from reasoning.usage import Usage

_REQUESTS_A_STEP = 500  # written in one transaction, so that other processes get their turn


class ModelStats(BaseModel):
    """What a store holds of one model.

    Attributes:
        identity: The model's identity.
        requests: Distinct requests.
        draws: Draws of them.
        usage: The draws' intrinsic usage.
        cost: US dollars of the draws whose price was known.
        unpriced: Draws whose price was not known.
        served: The model names that the server reported.
    """

    model_config = ConfigDict(frozen=True)

    identity: dict[str, Any]
    requests: int
    draws: int
    usage: Usage
    cost: float
    unpriced: int
    served: tuple[str, ...]


class StoreStats(BaseModel):
    """What a store holds.

    Attributes:
        path: The file.
        bytes: Its size, with its write-ahead log.
        requests: Distinct requests.
        draws: Draws of them.
        oldest: When the first draw was stored.
        newest: When the last draw was stored.
        models: The same by model, the one with most draws first.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    bytes: int
    requests: int
    draws: int
    oldest: datetime | None
    newest: datetime | None
    models: tuple[ModelStats, ...]


class Pruned(BaseModel):
    """What was pruned, or would be.

    Attributes:
        draws: Draws removed.
        requests: Requests of which no draw is left.
        bytes: Bytes given back to the disk; 0 in a dry run, or while another process holds the store.
    """

    model_config = ConfigDict(frozen=True)

    draws: int
    requests: int
    bytes: int


class Merged(BaseModel):
    """What was merged.

    Attributes:
        draws: Draws added.
        present: Draws that were there already; the one that was there stays.
        requests: Requests added.
    """

    model_config = ConfigDict(frozen=True)

    draws: int
    present: int
    requests: int


@contextlib.contextmanager
def existing(path: str | Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """An existing store's real path and a connection to it.

    Raises:
        StoreError: There is none, or it cannot be used.
    """
    real = Path(path).expanduser().resolve()
    if not schema.check(real):
        raise StoreError(f"There is no store of draws at {real}. Name one with --store FILE or REASONING_STORE.")
    with contextlib.closing(schema.connect(real)) as connection, schema.translated(real):
        yield real, connection


def stats(path: str | Path) -> StoreStats:
    """Counts what a store holds.

    Raises:
        StoreError: There is no store, or it cannot be used.
    """
    with existing(path) as (real, connection):
        models = [_model_stats(connection, *row) for row in connection.execute("SELECT id, identity FROM model")]
        oldest, newest = connection.execute("SELECT min(created), max(created) FROM draw").fetchone()
        return StoreStats(
            path=real,
            bytes=_size(real),
            requests=sum(model.requests for model in models),
            draws=sum(model.draws for model in models),
            oldest=_when(oldest),
            newest=_when(newest),
            models=tuple(sorted(models, key=lambda model: -model.draws)),
        )


def prune(
    path: str | Path, *, older_than_s: float | None = None, model: str | None = None, dry_run: bool = False
) -> Pruned:
    """Removes draws that meet all the conditions given, and gives their space back.

    Args:
        path: The store.
        older_than_s: Draws stored longer ago than so many seconds.
        model: Draws of models whose identity, as JSON text, holds this.
        dry_run: Only counts.

    Raises:
        ConfigError: No condition is given.
        StoreError: There is no store, or it cannot be used.
    """
    if older_than_s is None and model is None:
        raise ConfigError("Say what to prune, by age or by model; to remove everything, delete the file.")
    before = int((time.time() - older_than_s) * 1000) if older_than_s is not None else 2**62
    with existing(path) as (real, connection):
        held = _size(real)
        connection.execute(_DOOMED, (before, model or ""))
        draws, requests = connection.execute(
            "SELECT coalesce(sum(draws), 0), coalesce(sum(draws = held), 0) FROM doomed"
        ).fetchone()
        if dry_run:
            return Pruned(draws=int(draws), requests=requests, bytes=0)
        ids = [row[0] for row in connection.execute("SELECT id FROM doomed")]
        removed = [_remove(connection, step, before) for step in _steps(ids)]
        with transaction(connection):
            for statement in _FORGET:
                connection.execute(statement)
        return Pruned(
            draws=sum(draws for draws, _ in removed),
            requests=sum(requests for _, requests in removed),
            bytes=_shrink(real, connection, held),
        )


def merge(into: str | Path, source: str | Path) -> Merged:
    """Adds another store's draws to a store, which is made if there is none; what is there already stays.

    Raises:
        StoreError: One of the two cannot be used.
    """
    target = Path(into).expanduser().resolve()
    with existing(source) as (other, theirs):
        if other == target:
            raise StoreError(f"The store {target} cannot be merged into itself.")
        sound = theirs.execute("PRAGMA quick_check(1)").fetchone()[0]
        if sound != "ok":  # found while merging, it would pass for damage of the target
            raise sqlite3.DatabaseError(sound)
        place.prepare(target)
        if not schema.check(target):
            schema.create(target)
        with existing(target) as (_, connection):
            connection.execute("ATTACH ? AS source", (str(other),))
            before = _counts(connection, "main")
            ids = [row[0] for row in connection.execute("SELECT id FROM source.request")]
            connection.execute("INSERT OR IGNORE INTO model (identity) SELECT identity FROM source.model")
            connection.execute(_MERGE_SERVED)
            for step in _steps(ids):
                with transaction(connection):
                    connection.execute(_MERGE_REQUESTS, (step[0], step[-1]))
                    connection.execute(_MERGE_DRAWS, (step[0], step[-1]))
            after, offered = _counts(connection, "main"), _counts(connection, "source")
            added = after[0] - before[0]
            return Merged(draws=added, present=offered[0] - added, requests=after[1] - before[1])


def export(path: str | Path, out: TextIO, *, model: str | None = None) -> int:
    """Writes a store's draws as JSON lines, each self-contained; returns how many.

    A line holds `key` (hex), `row`, `created` (UTC), `model` (its identity), `request` and `completion`.

    Args:
        path: The store.
        out: Where the lines go.
        model: Only models whose identity, as JSON text, holds this.

    Raises:
        StoreError: There is no store, it cannot be used, or a draw in it is damaged.
    """
    lines = 0
    with existing(path) as (real, connection):
        for key, identity, asked, completion, created in _stored_draws(real, connection, model):
            line = {
                "key": key.hex(),
                "row": completion.index,
                "created": datetime.fromtimestamp(created / 1000, UTC).isoformat(),
                "model": json.loads(identity),
                "request": json.loads(asked),
                "completion": completion.model_dump(exclude={"request"}, exclude_none=True),
            }
            out.write(json.dumps(line) + "\n")
            lines += 1
    return lines


def _stored_draws(
    path: Path, connection: sqlite3.Connection, model: str | None
) -> Iterator[tuple[bytes, str, str, Completion, int]]:
    """The draws of a store: key, identity, canonical request, completion, time stored (Unix milliseconds)."""
    requests = connection.execute(
        "SELECT request.id, key, identity, asked, rendered FROM request JOIN model ON model.id = request.model "
        "WHERE instr(identity, ?) > 0",
        (model or "",),
    )
    for number, key, identity, asked, rendered in requests:
        with schema.decoding(path):
            canonical = codec.stretch(asked)
            request = Request.model_validate_json(canonical)
            shown = None if rendered is None else codec.stretch(rendered)
        draws = connection.execute(
            f"SELECT name, fingerprint, {codec.COLUMNS} FROM draw JOIN served ON served.id = served "  # noqa: S608
            "WHERE request = ? ORDER BY row",
            (number,),
        )
        for name, fingerprint, *columns in draws:
            draw = DrawRow._make(columns)
            with schema.decoding(path):
                completion = codec.decode(draw, Shared(name or None, fingerprint or None, shown), request)
            yield key, identity, canonical, completion, draw.created


_DOOMED = """
CREATE TEMP TABLE doomed AS
SELECT request.id AS id, total(draw.created < ?) AS draws, count(*) AS held
FROM request JOIN model ON model.id = request.model JOIN draw ON draw.request = request.id
WHERE instr(model.identity, ?) > 0 GROUP BY request.id HAVING draws > 0
"""
_FORGET = (
    "DELETE FROM served WHERE model NOT IN (SELECT model FROM request)",
    "DELETE FROM model WHERE id NOT IN (SELECT model FROM request)",
)
_MERGE_SERVED = """
INSERT OR IGNORE INTO served (model, name, fingerprint)
SELECT mine.id, theirs.name, theirs.fingerprint FROM source.served AS theirs
JOIN source.model AS its ON its.id = theirs.model JOIN main.model AS mine ON mine.identity = its.identity
"""
_MERGE_REQUESTS = """
INSERT OR IGNORE INTO request (key, model, asked, rendered)
SELECT theirs.key, mine.id, theirs.asked, theirs.rendered FROM source.request AS theirs
JOIN source.model AS its ON its.id = theirs.model JOIN main.model AS mine ON mine.identity = its.identity
WHERE theirs.id BETWEEN ? AND ?
"""
_MERGE_DRAWS = f"""
INSERT OR IGNORE INTO draw (request, served, {codec.COLUMNS})
SELECT mine.id, served.id, {", ".join(f"draw.{column}" for column in DrawRow._fields)}
FROM source.draw AS draw JOIN source.request AS theirs ON theirs.id = draw.request
JOIN main.request AS mine ON mine.key = theirs.key
JOIN source.served AS by ON by.id = draw.served
JOIN main.served AS served
    ON served.model = mine.model AND served.name = by.name AND served.fingerprint = by.fingerprint
WHERE draw.request BETWEEN ? AND ?
"""  # noqa: S608


def _model_stats(connection: sqlite3.Connection, number: int, identity: str) -> ModelStats:
    counts = connection.execute(
        "SELECT count(*), total(prompt_tokens), total(completion_tokens), total(reasoning_tokens), "
        "total(cached_tokens), coalesce(max(estimated), 0), total(cost), count(*) - count(cost) "
        "FROM draw WHERE request IN (SELECT id FROM request WHERE model = ?)",
        (number,),
    ).fetchone()
    requests = connection.execute("SELECT count(*) FROM request WHERE model = ?", (number,)).fetchone()[0]
    served = connection.execute("SELECT DISTINCT name FROM served WHERE model = ? AND name <> ''", (number,))
    return ModelStats(
        identity=json.loads(identity),
        requests=requests,
        draws=counts[0],
        usage=Usage(
            prompt_tokens=int(counts[1]),
            completion_tokens=int(counts[2]),
            reasoning_tokens=int(counts[3]),
            cached_tokens=int(counts[4]),
            estimated=bool(counts[5]),
        ),
        cost=counts[6],
        unpriced=counts[7],
        served=tuple(sorted(row[0] for row in served)),
    )


def _remove(connection: sqlite3.Connection, ids: list[int], before: int) -> tuple[int, int]:
    marks = ", ".join("?" * len(ids))
    with transaction(connection):
        draws = connection.execute(
            f"DELETE FROM draw WHERE request IN ({marks}) AND created < ?",  # noqa: S608
            (*ids, before),
        ).rowcount
        requests = connection.execute(
            f"DELETE FROM request WHERE id IN ({marks}) "  # noqa: S608
            "AND NOT EXISTS (SELECT 1 FROM draw WHERE draw.request = request.id)",
            ids,
        ).rowcount
    return draws, requests


def _shrink(path: Path, connection: sqlite3.Connection, before: int) -> int:
    """Gives free pages back to the disk, unless another process holds the store; bytes freed of those held before."""
    connection.execute("PRAGMA busy_timeout = 1000")
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
    return max(before - _size(path), 0)


def _counts(connection: sqlite3.Connection, name: str) -> tuple[int, int]:
    draws = connection.execute(f"SELECT count(*) FROM {name}.draw").fetchone()[0]  # noqa: S608
    return draws, connection.execute(f"SELECT count(*) FROM {name}.request").fetchone()[0]  # noqa: S608


def _steps(ids: list[int]) -> Iterator[list[int]]:
    ids = sorted(ids)
    for start in range(0, len(ids), _REQUESTS_A_STEP):
        yield ids[start : start + _REQUESTS_A_STEP]


def _size(path: Path) -> int:
    log = Path(f"{path}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _when(created: int | None) -> datetime | None:
    return None if created is None else datetime.fromtimestamp(created / 1000, UTC)

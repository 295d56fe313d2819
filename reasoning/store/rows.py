"""Draws as rows of the tables: read, inserted, and in one transaction."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.store import codec
from reasoning.store.codec import DrawRow, Shared

_SELECT = f"SELECT served, {codec.COLUMNS} FROM draw WHERE request = ? AND created >= ? AND row "  # noqa: S608
_INSERT = (
    f"INSERT INTO draw (request, served, {codec.COLUMNS}) VALUES ({', '.join('?' * (2 + len(DrawRow._fields)))}) "  # noqa: S608
    "ON CONFLICT (request, row) DO UPDATE SET "
    f"served = excluded.served, {', '.join(f'{c} = excluded.{c}' for c in DrawRow._fields[1:])} "
    "WHERE draw.created < ?"
)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of what is written inside, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself has rolled back after some errors
            connection.execute("ROLLBACK")
        raise


def whole_name(name: str | None) -> str:
    """A name as SQLite takes it: a half of a character, which a server may send, as a question mark."""
    return (name or "").encode("utf-8", "replace").decode()


def read_draws(
    connection: sqlite3.Connection, key: bytes, request: Request, rows: Sequence[int], not_before: int
) -> dict[int, tuple[Completion, int]]:
    """The draws among some rows of a request that were not stored before a time, each with the time of its own."""
    found = connection.execute("SELECT id, rendered FROM request WHERE key = ?", (key,)).fetchone()
    if found is None:
        return {}
    rendered = codec.stretch(found[1]) if found[1] is not None else None
    shared: dict[int, Shared] = {}
    completions = {}
    for served, *columns in _select(connection, found[0], rows, not_before):
        if served not in shared:
            name, fingerprint = connection.execute(
                "SELECT name, fingerprint FROM served WHERE id = ?", (served,)
            ).fetchone()
            shared[served] = Shared(name or None, fingerprint or None, rendered)
        draw = DrawRow._make(columns)
        completions[draw.row] = codec.decode(draw, shared[served], request), draw.created
    return completions


def put_draw(connection: sqlite3.Connection, request: int, served: int, draw: DrawRow, not_before: int) -> bool:
    """Inserts a draw, or replaces one that was stored before a time; False where another stays there."""
    return connection.execute(_INSERT, (request, served, *draw, not_before)).rowcount > 0


def _select(
    connection: sqlite3.Connection, request: int, rows: Sequence[int], not_before: int
) -> list[tuple[Any, ...]]:
    first, last = min(rows), max(rows)
    if last - first < 2 * len(rows):  # mostly one stretch: one walk along the tree
        wanted = frozenset(rows)
        found = connection.execute(_SELECT + "BETWEEN ? AND ?", (request, not_before, first, last))
        return [draw for draw in found if draw[1] in wanted]
    return [draw for row in rows for draw in connection.execute(_SELECT + "= ?", (request, not_before, row)).fetchall()]


def row_id(connection: sqlite3.Connection, table: str, unique: dict[str, Any], rest: dict[str, Any]) -> int:
    """The id of the row with these unique columns, inserted if there is none; the names are our own, never input."""
    where = " AND ".join(f"{column} = ?" for column in unique)
    found = connection.execute(f"SELECT id FROM {table} WHERE {where}", tuple(unique.values())).fetchone()  # noqa: S608
    if found is not None:
        return int(found[0])
    columns = {**unique, **rest}
    marks = ", ".join("?" * len(columns))
    inserted = connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
        tuple(columns.values()),
    )
    assert inserted.lastrowid is not None
    return inserted.lastrowid

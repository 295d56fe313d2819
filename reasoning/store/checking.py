"""Whether a store is sound: its pages, its keys, and every draw in it."""

import hashlib
import sqlite3
import zlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from reasoning.completion import Completion
from reasoning.errors import ReasoningError
from reasoning.request import Request
from reasoning.store import codec
from reasoning.store.codec import DrawRow, Shared
from reasoning.store.upkeep import existing

_MOST_PROBLEMS = 100  # told in full; all are counted


class Verified(BaseModel):
    """What `verify` found.

    Attributes:
        path: The file.
        requests: Requests looked at.
        draws: Draws looked at.
        faults: How many things are wrong.
        problems: The first 100 of them, one sentence each.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    requests: int
    draws: int
    faults: int
    problems: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """True where nothing is wrong."""
        return not self.faults


def verify(path: str | Path) -> Verified:
    """Checks a store: SQLite's own integrity, that each key is its request's, that each draw can be read.

    Raises:
        StoreError: There is no store, or it cannot be opened at all.
    """
    with existing(path) as (real, connection):
        check = _Check(connection)
        check.pages()
        if not check.problems:  # on damaged pages the rest would only repeat it
            check.requests()
        return Verified(
            path=real,
            requests=check.request_count,
            draws=check.draw_count,
            faults=len(check.problems),
            problems=tuple(check.problems[:_MOST_PROBLEMS]),
        )


class _Check:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.problems: list[str] = []
        self.request_count = self.draw_count = 0

    def pages(self) -> None:
        """SQLite's integrity check, and references that lead nowhere."""
        try:
            found = [row[0] for row in self.connection.execute("PRAGMA integrity_check")]
            self.problems += [f"The file's pages: {line}." for line in found if line != "ok"]
            dangling = self.connection.execute("PRAGMA foreign_key_check").fetchall()
            self.problems += [f"A row of {table} refers to a missing {parent}." for table, _, parent, _ in dangling]
        except sqlite3.DatabaseError as error:
            self.problems.append(f"The file's pages: {error}.")

    def requests(self) -> None:
        """Each request against its key, and its draws."""
        rows = self.connection.execute(
            "SELECT request.id, key, identity, asked, rendered FROM request JOIN model ON model.id = request.model"
        )
        for number, key, identity, asked, rendered in rows:
            self.request_count += 1
            name = f"Request {key.hex()[:16]}"
            try:
                canonical = codec.stretch(asked)
                request = Request.model_validate_json(canonical)
                shown = None if rendered is None else codec.stretch(rendered)
            except (ValueError, zlib.error, ReasoningError) as error:
                self.problems.append(f"{name} cannot be read: {_short(error)}.")
                continue
            # the text as stored, not written anew: a request of an older version has fewer fields, by right
            if hashlib.sha256(f"{identity}\n{canonical}".encode()).digest() != key:
                self.problems.append(f"{name} is not the request that its key was made of.")
            self._draws(number, name, request, shown)

    def _draws(self, number: int, name: str, request: Request, rendered: str | None) -> None:
        rows = self.connection.execute(
            f"SELECT name, fingerprint, {codec.COLUMNS} FROM draw JOIN served ON served.id = served "  # noqa: S608
            "WHERE request = ?",
            (number,),
        )
        for model, fingerprint, *columns in rows:
            self.draw_count += 1
            draw = DrawRow._make(columns)
            try:
                completion = codec.decode(draw, Shared(model or None, fingerprint or None, rendered), request)
                Completion.model_validate({**dict(completion), "usage": completion.usage.model_dump()})
            except (ValueError, zlib.error, ValidationError) as error:
                self.problems.append(f"{name}, row {draw.row}, cannot be read: {_short(error)}.")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")

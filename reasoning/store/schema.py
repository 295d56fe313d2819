"""The store's tables, and how its file is opened: checked first, and left untouched when it is not ours."""

import contextlib
import os
import sqlite3
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from reasoning.errors import StoreError, StoreWriteError
from reasoning.store.place import ELSEWHERE

APPLICATION_ID = 0x52454153  # "REAS"
VERSION = 1
BUSY_S = 60.0
"""Seconds that a writer waits for another process's transaction."""

_TABLES = f"""
CREATE TABLE model (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE served (
    id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES model,
    name TEXT NOT NULL, fingerprint TEXT NOT NULL, UNIQUE (model, name, fingerprint)
);
CREATE TABLE request (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, model INTEGER NOT NULL REFERENCES model,
    asked BLOB NOT NULL, rendered BLOB
);
CREATE TABLE draw (
    request INTEGER NOT NULL REFERENCES request, row INTEGER NOT NULL, created INTEGER NOT NULL,
    served INTEGER NOT NULL REFERENCES served,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL, cost REAL, data BLOB NOT NULL,
    PRIMARY KEY (request, row)
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
# `asked` is the request's canonical JSON and `rendered` the prompt as the model saw it (its first draw's), both
# compressed; "" stands for an unknown name or fingerprint; `created` is in Unix milliseconds. Draws lie in the order of
# their key, so that all draws of a request are read from neighbouring pages.


def check(path: Path) -> bool:
    """True for a store's file, False for none yet (missing or empty).

    The file is looked at through SQLite, never opened by hand: closing it would drop all locks that other connections
    of this process hold on it (see `guard`). Opened as immutable, SQLite takes no locks, makes no files and mends
    nothing.

    Raises:
        StoreError: Not a store, or one of a newer version; the file is untouched.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be read: {error.strerror}. Name another file with --store."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        kind = "Is a directory" if stat.S_ISDIR(found.st_mode) else "not a plain file"
        raise StoreError(f"The store {path} cannot be read: {kind}. Name another file with --store.")
    if not found.st_size:
        return False
    written = _being_written(path)
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            version = _number(connection, "user_version")
            _demand_store(path, _number(connection, "application_id"))
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            raise _not_a_store(path) from error
        if code != sqlite3.SQLITE_CORRUPT:
            with translated(path):
                raise
        if written or _being_written(path):
            return True  # `connect` waits until it is whole, or mends what a kill has left
        raise StoreError(
            f"The store {path} is cut short or damaged ({error}); it was left untouched. Restore it from a copy, or "
            "name another file with --store."
        ) from error
    if version > VERSION:
        raise StoreError(
            f"The store {path} has format {version}, newer than this program's {VERSION}; it was left untouched. "
            "Upgrade reasoning-strategies, or name another file with --store."
        )
    return True


def _being_written(path: Path) -> bool:
    return any(Path(f"{path}{end}").exists() for end in ("-wal", "-journal"))


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _demand_store(path: Path, application: int) -> None:
    if application != APPLICATION_ID:
        raise _not_a_store(path)


def _not_a_store(path: Path) -> StoreError:
    return StoreError(
        f"The file {path} is not a store of draws, or its head is damaged; it was left untouched. Name another file "
        "with --store, or restore this one from a copy."
    )


def create(path: Path) -> None:
    """Makes an empty store, unless another process just made it.

    The tables are written with a rollback journal, so that the header of the main file always tells what it is; only
    then is the file switched to WAL. Only its owner may read it, and the files that SQLite puts beside it: prompts and
    answers are nobody else's business. Who shares a store widens its mode.
    """
    _make_private(path)
    with translated(path), contextlib.closing(_connection(path)) as connection:
        _patiently(connection, "BEGIN EXCLUSIVE")
        try:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                for statement in _TABLES.strip().split(";\n"):
                    connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself has rolled back after some errors
                connection.execute("ROLLBACK")
            raise


def _make_private(path: Path) -> None:
    """Makes an empty file for its owner alone, unless there is one."""
    try:
        _make_empty(path)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"The store {path} cannot be made: {error.strerror}. {ELSEWHERE}") from error


def _make_empty(path: Path) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError):  # a file system that makes files by opening them alone
            os.mknod(path, stat.S_IFREG | 0o600)  # without opening it: see `check`
            return
    path.touch(0o600, exist_ok=False)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing store, in WAL mode and in autocommit.

    Raises:
        StoreError: The file cannot be opened as a store.
    """
    with translated(path):
        connection = _connection(path)
        try:
            _patiently(connection, "SELECT count(*) FROM sqlite_master")  # damage shows before anything is written
            _demand_store(path, _number(connection, "application_id"))
            _patiently(connection, "PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # what is paid for outlives a power cut
        except BaseException:
            connection.close()
            raise
        return connection


def _connection(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA page_size = 8192")
    return connection


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Executes a statement that takes the whole file, for which SQLite's own busy timeout does not always wait."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute(statement).fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into this project's, each with its remedy.

    Raises:
        StoreWriteError: The disk is full or refuses to write, or another process held the file for too long; the
            transaction was rolled back as a whole.
        StoreError: The file cannot be opened, or is damaged.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}:
            raise StoreWriteError(
                f"The store {path} could not be written ({error}). Every draw stored before is kept; free some space "
                "or mend the disk, and run again to go on."
            ) from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StoreWriteError(
                f"The store {path} was held by another process for {BUSY_S:.0f} s. End that process, or name another "
                "file with --store."
            ) from error
        if code == sqlite3.SQLITE_CANTOPEN:
            raise StoreError(
                f"The store {path} cannot be opened ({error}). See that you may write it, its folder, and the files "
                "beside it, or name another file with --store."
            ) from error
        raise StoreError(
            f"The store {path} is damaged ({error}). See what is wrong with: reasoning store verify --store {path}; "
            "then restore it from a copy, or name another file with --store."
        ) from error


@contextlib.contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turns what cannot be decoded into an error that says how to find it.

    Raises:
        StoreError: A draw, or its request, is damaged.
    """
    try:
        yield
    except (ValueError, zlib.error) as error:
        raise StoreError(
            f"A draw in the store {path} is damaged ({error}). Find out which with: "
            f"reasoning store verify --store {path}"
        ) from error

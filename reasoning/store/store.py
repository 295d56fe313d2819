"""One store file, opened once in a process and shared by all who ask for it."""

import asyncio
import collections
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from reasoning.completion import Completion
from reasoning.errors import StoreError, StoreWriteError
from reasoning.request import Request
from reasoning.store import codec, guard, place, schema
from reasoning.store.claims import Claims
from reasoning.store.codec import DrawRow
from reasoning.store.rows import put_draw, read_draws, row_id, transaction, whole_name

_opened: dict[Path, "Store"] = {}
_opening = threading.Lock()


class Kept(NamedTuple):
    """What became of draws that were handed to the store.

    Attributes:
        completions: The draws as they stand in the store, in the order in which they were handed over.
        doubles: How many of them another process had committed first: bought twice, and the first one counts. A draw
            that is stored already, and is the same purchase, is none.
    """

    completions: list[Completion]
    doubles: int


@dataclass(frozen=True)
class _Put:
    """Draws of one request that wait for the writer."""

    key: bytes
    identity: str
    request: Request
    completions: Sequence[Completion]
    not_before: int
    kept: "Future[Kept]" = field(default_factory=Future)


class Store:
    """The draws in one file; safe to use from any thread of the process that opened it.

    Reads go straight to SQLite (some ten µs, and no writer blocks them). Writes are handed to one thread, which commits
    all that wait in one transaction: `write` is done when the draws are on the disk.

    Attributes:
        path: The file.
        claims: Who is buying which draw, across processes.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._process = os.getpid()
        self._users = 1
        self._reader, self._writer = schema.connect(path), schema.connect(path)
        guard.hold(path)
        self.claims = Claims(path)
        self._reading, self._writing, self._waking = threading.Lock(), threading.Lock(), threading.Lock()
        self._waiting: collections.deque[_Put] = collections.deque()
        self._awake = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reasoning-store")
        self._flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Any]]
        self._flights = weakref.WeakKeyDictionary()

    @classmethod
    def open(cls, path: str | Path, clock: Callable[[], float] = time.time) -> "Store":
        """The store in a file, which is made if there is none. Each `open` wants a `close`.

        Args:
            path: The file.
            clock: Gives Unix seconds; the time that draws are stored with.

        Raises:
            StoreError: The file is no store, newer than this program or damaged, cannot be written, or lies on a
                network file system. It is left untouched.
        """
        real = Path(os.path.realpath(os.path.expanduser(path)))
        with _opening:
            store = _opened.get(real)
            if store is not None:
                store._users += 1
                return store
            place.prepare(real)
            if not schema.check(real):
                schema.create(real)
            store = _opened[real] = cls(real, clock)
            return store

    def close(self) -> None:
        """Writes what waits and lets go of the file, when its last user closes."""
        with _opening:
            if self._process != os.getpid():
                return
            self._users -= 1
            if self._users:
                return
            # Nobody opens the file anew meanwhile: closing it drops all locks on it that this process holds.
            del _opened[self.path]
            self._thread.shutdown()
            guard.release(self.path)
            self._reader.close()
            self._writer.close()
            self.claims.close()

    def flights(self, loop: asyncio.AbstractEventLoop) -> dict[Any, Any]:
        """The draws that are being bought on a loop right now, shared by all who buy into this store."""
        return self._flights.setdefault(loop, {})

    def now_ms(self) -> int:
        """The time that a draw stored now gets, in Unix milliseconds."""
        return int(self._clock() * 1000)

    # Reading

    def read(self, key: bytes, request: Request, rows: Sequence[int], not_before: int = 0) -> dict[int, Completion]:
        """The stored draws among `rows` of a request, by row.

        Args:
            key: The request's key (`draws.draw_key`).
            request: The request itself, which the completions carry.
            rows: The rows wanted.
            not_before: Draws stored before this time (Unix milliseconds) do not count.

        Raises:
            StoreError: The file, or one of these rows, is damaged.
        """
        return {row: draw for row, (draw, _) in self.read_dated(key, request, rows, not_before).items()}

    def read_dated(
        self, key: bytes, request: Request, rows: Sequence[int], not_before: int = 0
    ) -> dict[int, tuple[Completion, int]]:
        """As `read`, each draw with the time at which it was stored (Unix milliseconds)."""
        with self._reading, self._translated():
            return read_draws(self._reader, key, request, rows, not_before)

    def served(self, identity: str, not_before: int = 0) -> set[tuple[str | None, str | None]]:
        """The (model name, fingerprint) pairs that the stored draws of a model identity were served by.

        Args:
            identity: The identity's canonical text.
            not_before: Draws stored before this time (Unix milliseconds) do not count.
        """
        with self._reading, self._translated():
            found = self._reader.execute(
                "SELECT name, fingerprint FROM served JOIN model ON model.id = served.model WHERE identity = ? "
                "AND (? = 0 OR EXISTS (SELECT 1 FROM draw WHERE draw.served = served.id AND created >= ?))",
                (identity, not_before, not_before),
            )
            return {(name or None, fingerprint or None) for name, fingerprint in found}

    # Writing

    def write(
        self, key: bytes, identity: str, request: Request, completions: Sequence[Completion], not_before: int = 0
    ) -> "Future[Kept]":
        """Stores draws of one request; what is committed first under a row stays there.

        Args:
            key: The request's key (`draws.draw_key`).
            identity: The model identity's canonical text (`draws.identity_text`).
            request: The request.
            completions: Its draws, none of them failed.
            not_before: A draw stored before this time (Unix milliseconds) is replaced.

        Returns:
            A future that is done when the draws are on the disk. It fails with `StoreWriteError` where the disk is
            full; then none of these draws is stored.
        """
        self._at_home()
        put = _Put(key, identity, request, completions, not_before)
        put.kept.set_running_or_notify_cancel()  # who stops waiting cancels no write, nor the writer that ends it
        with self._waking:
            self._waiting.append(put)
            if not self._awake:
                self._awake = True
                self._thread.submit(self._drain)
        return put.kept

    def _drain(self) -> None:
        while True:
            with self._waking:
                batch = list(self._waiting)
                self._waiting.clear()
                if not batch:
                    self._awake = False
                    return
            self._settle(batch)

    def _settle(self, batch: Sequence[_Put]) -> None:
        """Commits what waits, and says so to those who wait."""
        try:
            with self._translated():
                kept = self._commit(batch)
        except BaseException as error:  # noqa: BLE001 (it is handed to all who wait, none of it is swallowed)
            if len(batch) > 1 and not isinstance(error, StoreWriteError):
                for put in batch:  # one draw that cannot be written costs no other
                    self._settle([put])
                return
            for put in batch:
                put.kept.set_exception(error)
        else:
            for put, one in zip(batch, kept, strict=True):
                put.kept.set_result(one)

    def _commit(self, batch: Sequence[_Put]) -> list[Kept]:
        """Writes all that waits in one transaction: one wait for the disk, and all of it or nothing."""
        now = self.now_ms()
        rows = [[codec.encode(draw, max(now, put.not_before)) for draw in put.completions] for put in batch]
        with self._writing, transaction(self._writer):
            return [self._insert(put, draws) for put, draws in zip(batch, rows, strict=True)]

    def _insert(self, put: _Put, draws: Sequence[DrawRow]) -> Kept:
        connection = self._writer
        model = row_id(connection, "model", {"identity": put.identity}, {})
        rendered = next((c.rendered for c in put.completions if c.rendered is not None), None)
        asked = {"model": model, "asked": codec.squeeze(put.request.canonical)}
        if rendered is not None:
            asked["rendered"] = codec.squeeze(rendered)
        request = row_id(connection, "request", {"key": put.key}, asked)
        kept, doubles = list(put.completions), 0
        for at, (completion, draw) in enumerate(zip(put.completions, draws, strict=True)):
            by = {
                "model": model,
                "name": whole_name(completion.model),
                "fingerprint": whole_name(completion.fingerprint),
            }
            served = row_id(connection, "served", by, {})
            if not put_draw(connection, request, served, draw, put.not_before):
                kept[at] = read_draws(connection, put.key, put.request, [draw.row], 0)[draw.row][0]
                doubles += kept[at] != completion.model_copy(update={"cost": kept[at].cost})
        return Kept(kept, doubles)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        self._at_home()
        with schema.translated(self.path), schema.decoding(self.path):
            yield

    def _at_home(self) -> None:
        if os.getpid() != self._process:
            raise StoreError(
                f"The store {self.path} was opened before this process was forked. Open the backend in the child."
            )

    # SQLite keeps in a process's memory what it has locked. A child that kept that memory would take its parent's locks
    # for its own, and open the same store without any.

    def _rest(self) -> None:
        """Before a fork: waits until neither connection is in use, and keeps it so."""
        self._reading.acquire()
        self._writing.acquire()

    def _resume(self) -> None:
        """After a fork, in both processes."""
        self._writing.release()
        self._reading.release()

    def _drop(self) -> None:
        """After a fork, in the child: lets go of the parent's connections, which leaves the parent's locks alone."""
        self._resume()
        self._reader.close()
        self._writer.close()


def _before_fork() -> None:
    _opening.acquire()
    for store in _opened.values():
        store._rest()


def _after_fork_here() -> None:
    for store in _opened.values():
        store._resume()
    _opening.release()


def _after_fork_in_child() -> None:
    for store in _opened.values():
        store._drop()
    _opened.clear()
    _opening.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_here, after_in_child=_after_fork_in_child)

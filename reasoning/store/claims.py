"""Which draws this process is buying, for other processes to see.

A claim is a lock on one byte of a file beside the store, at an offset made of the draw's key and row. The system drops
a process's locks when it ends, however it ends: no claim outlives its owner, and nothing is ever cleaned up. Only those
who may write the store may open the file: a lock that a stranger could hold would keep a draw from ever being bought.
"""

import contextlib
import errno
import os
import stat
import sys
import threading
from pathlib import Path

from reasoning.errors import StoreError

_OFFSETS = 2**62

if sys.platform == "win32":  # claims hold within the process only, and the first committed draw wins

    def _lock(file: int, at: int) -> None:
        """Nothing to lock."""

    def _unlock(file: int, at: int) -> None:
        """Nothing to unlock."""

else:
    import fcntl

    def _lock(file: int, at: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)

    def _unlock(file: int, at: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, at)


class Claims:
    """The claims on one store's draws; safe to use from any thread.

    Args:
        path: The store's file.

    Raises:
        StoreError: The file of locks beside it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(f"{path}-flights")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if hasattr(os, "fchmod"):
                _let_in_writers(self._file, path)
        except OSError as error:
            raise self._refused("opened", error) from error
        self._owners: dict[int, object] = {}
        self._lock = threading.Lock()

    def take(self, key: bytes, row: int, owner: object) -> bool:
        """Claims a draw; False where another process, or another owner here, is buying it.

        Raises:
            StoreError: The file system refuses locks.
        """
        at = _offset(key, row)
        with self._lock:
            if at in self._owners:
                return self._owners[at] is owner
            if not self._locked(at):
                return False
            self._owners[at] = owner
            return True

    def release(self, key: bytes, row: int, owner: object) -> None:
        """Gives a claim up, if this owner holds it."""
        at = _offset(key, row)
        with self._lock:
            if at in self._owners and self._owners[at] is owner:
                del self._owners[at]
                _unlock(self._file, at)

    def close(self) -> None:
        """Gives all claims up; those that are released later are gone already."""
        with self._lock:
            self._owners.clear()
            os.close(self._file)

    def _locked(self, at: int) -> bool:
        try:
            _lock(self._file, at)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EAGAIN}:
                return False
            raise self._refused("locked", error) from error
        return True

    def _refused(self, done: str, error: OSError) -> StoreError:
        return StoreError(
            f"The file {self._path} cannot be {done} ({error.strerror}). See that you may write it, or put the store "
            "on a local disk with --store FILE or REASONING_STORE."
        )


def _let_in_writers(file: int, store: Path) -> None:
    """Lets exactly those open the file who may write the store, whatever it and the umask allowed before."""
    writers = store.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH) if store.exists() else 0
    wanted = stat.S_IRUSR | stat.S_IWUSR | writers | writers << 1  # who writes also reads
    found = os.fstat(file)
    if stat.S_IMODE(found.st_mode) != wanted and found.st_uid == os.geteuid():
        with contextlib.suppress(PermissionError):  # a file system that knows no modes
            os.fchmod(file, wanted)


def _offset(key: bytes, row: int) -> int:
    """Neighbouring rows are neighbouring bytes, so that the system keeps one lock for a chunk of them."""
    return (int.from_bytes(key[:7], "big") + row) % _OFFSETS

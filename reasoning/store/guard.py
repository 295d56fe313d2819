"""Keeps a store's write-ahead log in place while a process has the store open.

SQLite's locks are POSIX locks: a process loses all of those that it has on a file as soon as any part of it opens and
closes that file (a copy for a backup, an upload, a second SQLite library). Another process that closes the store then
takes itself for the last one and deletes the log, to which this process goes on writing: draws that are committed, and
gone when it ends.

So a second lock stands beside SQLite's, of the kind that belongs to an open file description and not to a process: a
shared one, placed on SQLite's own descriptors, over the bytes that have to be locked as a whole before a log may be
deleted, or the index of the log be made again.
"""

import contextlib
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_PLACES = (("", 0x40000002, 510), ("-shm", 128, 1))
"""What is locked: of the file SQLite's shared range, of the index the byte that says that somebody uses it (see
`SHARED_FIRST` and `UNIX_SHM_DMS` in SQLite's os.h and os_unix.c; both are part of its file format)."""

if sys.platform == "linux":
    import fcntl

    def _lock(descriptor: int, kind: int, start: int, length: int) -> None:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi", kind, os.SEEK_SET, start, length, 0))

    def hold(path: Path) -> None:
        """Locks what SQLite has open of a store in this process."""
        _for_all(path, fcntl.F_RDLCK)

    def release(path: Path) -> None:
        """Gives the locks up, so that SQLite can close the store as it likes."""
        _for_all(path, fcntl.F_UNLCK)

    def _for_all(path: Path, kind: int) -> None:
        for end, start, length in _PLACES:
            for descriptor in _descriptors(f"{path}{end}"):
                with contextlib.suppress(OSError):  # not readable, or a file system without such locks: SQLite's remain
                    _lock(descriptor, kind, start, length)

    def _descriptors(path: str) -> Iterator[int]:
        """This process's descriptors of a file, found without opening it."""
        try:
            wanted = os.stat(path)
            names = os.listdir("/proc/self/fd")
        except OSError:  # no such file, or no /proc
            return
        for name in names:
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.path.samestat(os.stat(f"/proc/self/fd/{name}"), wanted):
                    yield int(name)

else:

    def hold(path: Path) -> None:
        """Python knows no such locks here: SQLite's own have to do."""

    def release(path: Path) -> None:
        """Nothing to give up."""

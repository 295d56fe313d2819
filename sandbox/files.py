"""The files that a program may read: laid out in a folder of this process's own, each program's apart.

The folder lies among the temporary files, is removed when the program has ended, and its parent with this process. A
process that was killed leaves its own behind, and the next one that needs one removes it: a lock, which ends with its
holder, tells which are in use.
"""

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Final

from sandbox.errors import SandboxError

Files = Mapping[str, str | bytes] | str | os.PathLike[str]
"""Contents by name, or the path of a folder that is copied."""

MOST_BYTES: Final = 2**28
_PREFIX: Final = "sandbox-files-"
_LOCK: Final = ".lock"


class Cabinet:
    """Where this process lays out files for programs; made when first needed."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._lock: int | None = None
        self._root = ""

    @property
    def root(self) -> str:
        """The folder that holds all others."""
        with self._making:
            if not self._root:
                _remove_stale()
                self._root, self._lock = _make_root()
            return self._root

    def lay_out(self, files: Files) -> str:
        """Write the files into a folder of their own.

        Raises:
            SandboxError: They are no files that a program can be given.
        """
        folder = os.path.join(self.root, secrets.token_hex(16))
        try:
            os.mkdir(folder, 0o700)
            room = MOST_BYTES
            for name, content in _entries(files):
                room -= len(content)
                if room < 0:
                    raise SandboxError(f"The files for a program hold more than {MOST_BYTES:,} bytes: give it fewer.")
                place = os.path.join(folder, name)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "xb") as file:
                    file.write(content)
            for at, _, names in os.walk(folder):
                for name in names:
                    os.chmod(os.path.join(at, name), 0o444)
                os.chmod(at, 0o555)  # noqa: S103 (likewise)
        except OSError as error:
            self.clear(folder)
            raise SandboxError(f"The files for a program cannot be laid out in {folder}: {error.strerror}.") from error
        except BaseException:
            self.clear(folder)
            raise
        return folder

    def clear(self, folder: str) -> None:
        """Remove a folder with its files, unless all are gone, or another process's since a fork."""
        if self._root and folder.startswith(self._root):
            _remove(folder)

    @contextmanager
    def laid_out(self, files: Files | None) -> Iterator[str]:
        """A folder with these files for as long as the context lasts; ``""`` where there are none to be had."""
        if files is None:
            yield ""
            return
        folder = self.lay_out(files)
        try:
            yield folder
        finally:
            self.clear(folder)

    def end(self) -> None:
        """Remove everything."""
        root, self._root = self._root, ""
        if root:
            _remove(root)
        self.forget()

    def forget(self) -> None:
        """In a fork of this process: the folders are the parent's."""
        lock, self._lock, self._root = self._lock, None, ""
        if lock is not None:
            os.close(lock)


def _make_root() -> tuple[str, int]:
    """A folder and the descriptor of its lock, which is held."""
    while True:
        root = os.path.realpath(tempfile.mkdtemp(prefix=_PREFIX))
        place = os.path.join(root, _LOCK)
        lock = os.open(place, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(place):
                if os.geteuid() == 0:
                    os.chmod(root, 0o711)  # noqa: S103 (programs run as another user; no name below can be guessed)
                return root, lock
        os.close(lock)  # another process took it for one that is left behind, before it was locked


def _entries(files: Files) -> Iterator[tuple[str, bytes]]:
    if not isinstance(files, Mapping):
        yield from _copies(os.fspath(files))
        return
    for name, content in files.items():
        parts = PurePosixPath(name).parts if isinstance(name, str) else ()
        if not parts or "\0" in name or name.startswith("/") or name.endswith("/") or ".." in parts or parts == (".",):
            raise SandboxError(f"files names {name!r}, which is no relative path of a file.")
        if not isinstance(content, str | bytes):
            raise SandboxError(f"files holds {type(content).__name__} as {name!r}, but must hold text or bytes.")
        yield name, content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _copies(folder: str) -> Iterator[tuple[str, bytes]]:
    """The files of a folder and of those below it. Links are none: they may lead anywhere."""
    if not os.path.isdir(folder):
        raise SandboxError(f"files is {folder!r}, which is no folder; give a folder, or contents by name.")
    for at, folders, names in os.walk(folder):
        for name in (*folders, *names):
            place = os.path.join(at, name)
            mode = os.lstat(place).st_mode
            if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                raise SandboxError(f"The folder of files holds {place!r}, which is neither a file nor a folder.")
            if stat.S_ISREG(mode):
                if os.path.getsize(place) > MOST_BYTES:
                    raise SandboxError(f"The file {place!r} has more than {MOST_BYTES:,} bytes.")
                with open(place, "rb") as file:
                    yield os.path.relpath(place, folder), file.read()


def _remove(folder: str) -> None:
    for at, folders, _ in os.walk(folder):
        for name in (".", *folders):
            with suppress(OSError):
                os.chmod(os.path.join(at, name), 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_stale() -> None:
    """Remove what processes have left that were killed: its lock is free."""
    for entry in os.scandir(tempfile.gettempdir()):
        if not entry.name.startswith(_PREFIX) or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            continue
        try:
            lock = os.open(os.path.join(entry.path, _LOCK), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # just being made, or gone
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(entry.path)
        except BlockingIOError:
            continue  # in use
        finally:
            os.close(lock)

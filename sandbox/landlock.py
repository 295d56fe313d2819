"""What a program may open: Landlock rules, built once a server and put on each child.

Everything that the running kernel's Landlock can restrict is handled, so everything is denied but the paths named:
those may be read, the devices read and written. TCP, abstract sockets and signals out of the sandbox are denied where
the kernel knows them (ABI 4 and 6).

Source: Linux ``Documentation/userspace-api/landlock.rst``, ``include/uapi/linux/landlock.h``.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

LEAST_ABI: Final = 3
"""Linux 6.2: the first that restricts truncation."""

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH: Final = 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS: Final = {
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    5: (1 << 16) - 1,
}  # by the ABI they came in
_NET_RIGHTS: Final = 0b11  # bind and connect TCP, ABI 4
_SCOPES: Final = 0b11  # abstract sockets and signals, ABI 6

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def abi() -> int:
    """Version of Landlock in the running kernel, 0 where there is none (or it is turned off)."""
    try:
        return _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


class Ruleset:
    """A set of rules, held by a file descriptor until it is closed.

    Args:
        readable: Files and folders to be read, with all below them. Those that do not exist are left out.
        devices: Files to be read and written.

    Raises:
        OSError: The kernel has no Landlock, or refused a rule.
    """

    def __init__(self, readable: Iterable[str], devices: Iterable[str]) -> None:
        version = abi()
        rights = next((_FILE_RIGHTS[since] for since in sorted(_FILE_RIGHTS, reverse=True) if since <= version), 0)
        attributes = struct.pack("=QQQ", rights, _NET_RIGHTS, _SCOPES)[
            : 24 if version >= 6 else 16 if version >= 4 else 8
        ]
        self.fd = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
        for path in readable:
            self._add(path, _READ_FILE | _READ_DIR)
        for path in devices:
            self._add(path, _READ_FILE | _WRITE_FILE)

    def _add(self, path: str, rights: int) -> None:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                rights &= _READ_FILE | _WRITE_FILE
            _call(_ADD, self.fd, _PATH_BENEATH, struct.pack("=Qi", rights, fd), ctypes.c_uint32(0))
        finally:
            os.close(fd)

    def restrict(self) -> None:
        """Put the calling thread under these rules, for good. Needs no_new_privs.

        Raises:
            OSError: The kernel refused it.
        """
        _call(_RESTRICT, self.fd, ctypes.c_uint32(0))

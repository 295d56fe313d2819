"""Who the server and its programs are to the kernel: user, capabilities, resource limits."""

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from typing import Final

from sandbox.syscalls import NUMBERS

NOBODY: Final = 65534
FILES: Final = range(16, 64)
THREADS: Final = range(64, 1024)
"""Descriptors and threads of a program, by its memory limit: what the kernel holds for them is memory too, at most
about 280 kB behind a socket and 30 kB for a thread, and stays below a quarter of the limit."""
SIGNALS: Final = 64
"""Queued signals. They come out of a quota of the user's, who may need it."""

_SET_DUMPABLE, _SET_KEEPCAPS, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 4, 8, 24, 38, 47
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAP_SETUID: Final = 7

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *arguments: int) -> int:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return int(_libc.prctl(option, *padded))


def set_capabilities(mask: int, machine: str) -> None:
    """Make `mask` (a bit a capability) the effective and permitted set, and empty the inheritable one.

    Raises:
        OSError: The kernel refused it.
    """
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if _libc.syscall(NUMBERS[machine]["capset"], header, struct.pack("=6I", low, low, 0, high, high, 0)):
        code = ctypes.get_errno()
        raise OSError(code, f"capset: {os.strerror(code)}")


def forgo_privileges() -> None:
    """No program started from here on can gain a capability, by any means.

    Raises:
        OSError: The kernel refused no_new_privs.
    """
    _prctl(_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    for capability in range(64):
        if _prctl(_CAPBSET_DROP, capability):
            break  # past the last one, or not ours to drop: then there is none to lose
    if _prctl(_SET_NO_NEW_PRIVS, 1):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")


def become_nobody(files_of: int | None, machine: str) -> str:
    """Give up root for the user nobody, where that can be done.

    Args:
        files_of: The user as whom files are looked up, where Python itself lies in a folder that nobody may enter
            (``/root``, a home of mode 0700); else None. Landlock still says which files.
        machine: Architecture.

    Returns:
        Evidence: who this process is now.
    """
    if os.geteuid() != 0:
        _prctl(_SET_DUMPABLE, 1)
        return f"user {os.geteuid()}"
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        _prctl(_SET_KEEPCAPS, 1)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError as error:
        return f"user 0 without capabilities ({error.strerror})"
    evidence = f"user {NOBODY}"
    if files_of is not None:
        set_capabilities(1 << _CAP_SETUID, machine)
        _libc.setfsuid(files_of)
        if _libc.setfsuid(-1) == files_of:
            evidence += f", reading as user {files_of} because Python lies in a private folder"
    _prctl(_SET_KEEPCAPS, 0)
    _prctl(_SET_DUMPABLE, 1)  # so that /proc/self is its own again; its programs lose it
    return evidence


def private_owner(paths: Iterable[str]) -> int | None:
    """Owner of a folder on the way to one of the paths that strangers may not enter, or None."""
    for path in paths:
        place = os.path.realpath(path)
        while True:
            try:
                status = os.stat(place)
            except OSError:
                break
            if not status.st_mode & 0o001:
                return status.st_uid
            if place == "/":
                break
            place = os.path.dirname(place)
    return None


def limit_server() -> None:
    """The limits that programs share with the server. Not that of threads: it must fork when they have taken all."""
    for name, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, SIGNALS),
    ):
        lower(name, most)


def files(memory: int) -> int:
    """How many descriptors a program with so much memory may have."""
    return min(max(memory >> 21, FILES.start), FILES.stop)


def threads(memory: int) -> int:
    """How many threads a program with so much memory may have."""
    return min(max(memory >> 18, THREADS.start), THREADS.stop)


def lower(name: int, most: int) -> None:
    """Set a resource limit, both soft and hard, but never above what it is."""
    hard = resource.getrlimit(name)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(name, (most, most))


def count_tasks(uid: int) -> int:
    """Processes and threads that a user runs, as far as /proc shows them."""
    tasks = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}").st_uid == uid:
                    tasks += os.stat(f"/proc/{entry}/task").st_nlink - 2
            except OSError:
                continue  # it has ended meanwhile
    return tasks

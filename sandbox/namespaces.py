"""What the level `strict` puts around the other layers: namespaces, and a root that holds nothing but Python.

The server moves into namespaces of its own (user, mount, pid, network, IPC, host name, cgroup) and into a read-only
root that has Python, its packages and the shared libraries in it: no ``/proc``, no home, no ``/etc``. The server is
process 1 there, so the kernel kills all children with it. The children share its process namespace: as process 1 of one
each, they would be deaf to their own signals, and seccomp lets them reach no process but themselves anyway.

Sources: ``namespaces(7)``, ``user_namespaces(7)``, ``pivot_root(2)``, ``open_tree(2)``, ``mount_setattr(2)``.
"""

import ctypes
import os
import signal
import stat
import struct
from collections.abc import Iterable
from typing import Final

from sandbox.privileges import NOBODY
from sandbox.syscalls import NUMBERS

USER: Final = 0x10000000
MOUNTS: Final = 0x00020000
PID: Final = 0x20000000
_ALL: Final = USER | MOUNTS | PID | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
_CLONE: Final = 1 | os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") else 1  # OPEN_TREE_CLONE
_AT_FDCWD, _AT_RECURSIVE, _FROM_EMPTY = -100, 0x8000, 0x4
_READ_ONLY, _NO_SUID, _NO_DEV = 1, 2, 4
_PRIVATE, _RECURSIVE, _DETACH = 1 << 18, 1 << 14, 2
_PDEATHSIG: Final = 1
_STAGE: Final = "/tmp"  # noqa: S108 (the empty root is mounted over it, within this namespace, before it becomes /)

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _call(what: str, number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(number, *arguments), what)


def unshare(flags: int) -> None:
    """Move the calling process (its children, for `PID`) into new namespaces.

    Raises:
        OSError: The kernel refused it.
    """
    _checked(_libc.unshare(flags), "unshare")


def may_nest() -> bool:
    """Whether a child of this process can have a user namespace of its own; tried by one that does nothing else."""
    pid = os.fork()
    if not pid:
        try:
            unshare(USER)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def enter() -> None:
    """Move into namespaces of our own and go on in a fork of this process, as process 1 there.

    The process that called stays behind only to wait for it, and dies with it.

    Raises:
        OSError: The kernel refused a namespace.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        _unshare_as_root()
    else:
        unshare(_ALL)
        _map_own(uid, gid)
    pid = os.fork()
    if pid:
        for fd in (0, 1, 2):
            os.close(fd)
        os.closerange(3, 64)  # the control socket above all: the caller must see the server's end
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    end_with_parent()
    _checked(_libc.mount(None, b"/", None, _PRIVATE | _RECURSIVE, None), "mount /")


def cover_proc() -> None:
    """Put an empty folder over ``/proc``, for this process and its children alone.

    Landlock leaves open what ``/proc/self`` leads to: a program's own descriptors, to be opened again with other
    rights, and its namespaces.

    Raises:
        OSError: The kernel refused it.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        unshare(MOUNTS)
    else:
        unshare(USER | MOUNTS)
        _map_own(uid, gid)
    _checked(_libc.mount(None, b"/", None, _PRIVATE | _RECURSIVE, None), "mount /")
    _checked(_libc.mount(b"tmpfs", b"/proc", b"tmpfs", _READ_ONLY | _NO_SUID | _NO_DEV, b"mode=555,size=4k"), "mount")


def end_with_parent() -> None:
    """Be killed when the process that stayed behind dies. To be said again after every change of user."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _unshare_as_root() -> None:
    """Root maps nobody as well as itself, so that it can become nobody later: that takes a writer left outside."""
    ours, theirs = os.pipe()
    outer = os.getpid()
    pid = os.fork()
    if not pid:
        os.close(theirs)
        if os.read(ours, 1) != b"1":
            os._exit(1)
        try:
            for name in ("uid_map", "gid_map"):
                _write(name, f"0 0 1\n{NOBODY} {NOBODY} 1", outer)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    os.close(ours)
    try:
        unshare(_ALL)
        os.write(theirs, b"1")
    finally:
        os.close(theirs)
        _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise OSError(code, f"uid_map: {os.strerror(code)}")


def _map_own(uid: int, gid: int) -> None:
    _write("setgroups", "deny")
    _write("uid_map", f"{uid} {uid} 1")
    _write("gid_map", f"{gid} {gid} 1")


def _write(name: str, text: str, process: int | str = "self") -> None:
    with open(f"/proc/{process}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def build_root(readable: Iterable[str], devices: Iterable[str]) -> None:
    """Make a read-only root that holds these paths alone, at their own places, and move into it.

    Args:
        readable: Files and folders, with all below them.
        devices: Device files.

    Raises:
        OSError: The kernel refused a mount.
    """
    trees = [(path, _tree(path), _READ_ONLY | _NO_SUID | _NO_DEV) for path in _outermost(readable)]
    trees += [(path, _tree(path), _READ_ONLY | _NO_SUID) for path in devices if os.path.exists(path)]
    links = [link for path in readable for link in _links(path)]
    _checked(_libc.mount(b"tmpfs", _STAGE.encode(), b"tmpfs", _NO_SUID | _NO_DEV, b"mode=755,size=1m"), "mount tmpfs")
    for path, tree, attributes in trees:
        place = _STAGE + path
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            os.makedirs(place, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        _call("move_mount", _MOVE_MOUNT, tree, b"", _AT_FDCWD, place.encode(), _FROM_EMPTY)
        _restrict(place, attributes, _AT_RECURSIVE)
        os.close(tree)
    for path, target in links:
        os.makedirs(os.path.dirname(_STAGE + path), exist_ok=True)
        if not os.path.lexists(_STAGE + path):
            os.symlink(target, _STAGE + path)
    os.chdir(_STAGE)
    _call("pivot_root", NUMBERS[os.uname().machine]["pivot_root"], b".", b".")
    _checked(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _restrict("/", _READ_ONLY | _NO_SUID | _NO_DEV, 0)


def _tree(path: str) -> int:
    """A mount of the path that is attached nowhere yet: what is mounted over the path later does not hide it."""
    return _call("open_tree", _OPEN_TREE, _AT_FDCWD, path.encode(), _CLONE | _AT_RECURSIVE)


def _restrict(place: str, attributes: int, flags: int) -> None:
    settings = struct.pack("=QQQQ", attributes, 0, 0, 0)
    _call("mount_setattr", _MOUNT_SETATTR, _AT_FDCWD, place.encode(), flags, settings, ctypes.c_size_t(len(settings)))


def _outermost(paths: Iterable[str]) -> list[str]:
    """The real paths, without those that lie below another."""
    kept: list[str] = []
    for path in sorted({os.path.realpath(path) for path in paths}):
        if not kept or not path.startswith(kept[-1] + "/"):
            kept.append(path)
    return kept


def _links(path: str) -> list[tuple[str, str]]:
    """The symbolic links on the way along a path, each at its real place, with what it points to."""
    links: list[tuple[str, str]] = []
    real = "/"
    parts = [part for part in path.split("/") if part]
    while parts and len(links) < 40:  # as many as the kernel follows
        place = os.path.join(real, parts.pop(0))
        if os.path.islink(place):
            target = os.readlink(place)
            links.append((place, target))
            joined = os.path.normpath(os.path.join(real, target))
            real, parts = "/", [part for part in joined.split("/") if part] + parts
        else:
            real = place
    return links

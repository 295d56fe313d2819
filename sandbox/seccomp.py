"""The system-call filter of a program: an allow-list, assembled to classic BPF as a binary search tree.

What is not named here is answered with EPERM; what is newer than the tables with ENOSYS, so that libc falls back. A
call of a foreign architecture (i386, x32) kills the process. The filter is built once a server; `SELF`, the only thing
that differs from child to child, is patched in place.

Sources: Linux ``Documentation/userspace-api/seccomp_filter.rst`` and ``include/uapi/linux/{seccomp,filter,audit}.h``.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sandbox.syscalls import HIGHEST, NUMBERS

SELF: Final = -1
"""Stands for the process id of the child that loads the filter."""

AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_DENY: Final = 0x00050000 | errno.EPERM
_MISSING: Final = 0x00050000 | errno.ENOSYS

_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_FROM, _AND, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT: Final = 0x40000000
_FAR: Final = 255  # a conditional jump reaches this many instructions

Instruction = tuple[int, int, int, int]
"""One BPF instruction: code, jump if true, jump if false, constant."""


@dataclass(frozen=True, slots=True)
class Check:
    """One argument must, after the mask, be one of the values.

    The kernel takes these arguments as 32-bit integers, so only the low half is looked at; `whole` asks that the
    high half is zero too (pointers).
    """

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    whole: bool = False


_THREADS: Final = (0x3D0F00, 0x7D0F00)
"""The flags with which glibc and musl make a thread. It shares everything with the others, its descriptors too: with a
table for each thread, there would be no end to them, nor to the memory behind them."""

_NAMES: Final = (
    # files: which ones is Landlock's part
    "read readv pread64 preadv write writev close fstat newfstatat stat lstat statx lseek access "
    "faccessat faccessat2 readlink readlinkat getcwd open openat getdents getdents64 dup dup2 dup3 pipe umask "
    # waiting, in asyncio as well
    "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd "
    "eventfd2 shutdown getsockname getpeername "
    # memory: how much is RLIMIT_AS's part
    "mprotect munmap mremap brk "
    # signals within the process, timers, clocks
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm "
    "setitimer getitimer nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times "
    # itself
    "getrusage getrlimit sched_yield sched_get_priority_max sched_get_priority_min getcpu getpid getppid gettid "
    "getpgrp getuid geteuid getgid getegid getresuid getresgid getgroups uname sysinfo getrandom futex futex_waitv "
    "set_robust_list set_tid_address rseq restart_syscall exit exit_group wait4 waitid"
)
ALWAYS: Final = frozenset(_NAMES.split())
"""Allowed whatever their arguments."""

CHECKED: Final[dict[str, tuple[Check, ...]]] = {
    "clone": (Check(0, _THREADS),),
    "close_range": (Check(2, (0, 4)),),  # CLOEXEC; not UNSHARE, which gives a thread a table of its own
    "fcntl": (Check(1, (0, 1, 2, 3, 4, 1030, 1032)),),  # dup, flags, pipe size; not F_SETOWN, which sends signals
    "getsockopt": (Check(1, (1,)), Check(2, (3, 4, 7, 8, 30, 38, 39))),  # what a socket is; not its peer
    "ioctl": (Check(1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),),  # isatty, window size, FIO{NREAD,NBIO,…}
    "kill": (Check(0, (SELF,)),),
    "tgkill": (Check(0, (SELF,)),),
    # NORMAL … SEQUENTIAL, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, guard pages;
    # nothing that reads files ahead or puts them out of memory
    "madvise": (Check(2, (0, 1, 2, 4, 8, 10, 11, 14, 15, 16, 17, 102, 103)),),
    # MAP_PRIVATE, not MAP_HUGETLB: shared memory outlives its mapping while one page of it is mapped, and so RLIMIT_AS
    "mmap": (Check(3, (2,), 0xF | 0x40000),),
    "pipe2": (Check(1, (0,), 0xFFFFFFFF ^ 0o2004000),),  # CLOEXEC, NONBLOCK
    "prctl": (Check(0, (15, 16, 0x53564D41)),),  # PR_SET_NAME, PR_GET_NAME, PR_SET_VMA (glibc names its memory)
    "prlimit64": (Check(0, (0, SELF)),),  # its own; the hard limits hold
    "recvfrom": (Check(3, (0,), 1),),  # not MSG_OOB
    "sched_getaffinity": (Check(0, (0, SELF)),),
    "sched_getparam": (Check(0, (0, SELF)),),
    "sched_getscheduler": (Check(0, (0, SELF)),),
    "getpgid": (Check(0, (0, SELF)),),
    "getsid": (Check(0, (0, SELF)),),
    # AF_UNIX, SOCK_STREAM, with CLOEXEC and NONBLOCK: a datagram one could be sent anywhere
    "socketpair": (Check(0, (1,)), Check(1, (1,), 0xFFFFFFFF ^ 0o2004000)),
    "sendto": (Check(3, (0,), 1), Check(4, (0,), whole=True), Check(5, (0,))),  # send() to the peer: no OOB, no address
}

MISSING: Final = frozenset({"clone3", "membarrier", "openat2", "preadv2"})
"""Answered with ENOSYS, so that libc falls back on what it did before: `clone3` and `openat2` have their flags in
memory, where a filter cannot look; `preadv2` tells what is in the page cache; `membarrier` interrupts all
processors."""


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filters", ctypes.c_void_p))


class Filter:
    """The filter in the form that the kernel takes, with the places where the child's own id belongs.

    Args:
        machine: Architecture as `platform.machine()` names it; this machine's by default.

    Raises:
        OSError: There is no table for this architecture.
    """

    def __init__(self, machine: str | None = None) -> None:
        machine = machine or platform.machine()
        if machine not in NUMBERS:
            raise OSError(errno.ENOSYS, f"no system-call table for {machine}")
        self.instructions = assemble(machine)
        self._own = [place for place, (*_, constant) in enumerate(self.instructions) if constant == SELF]
        self._array = (_Filter * len(self.instructions))(
            *(_Filter(code, jt, jf, max(constant, 0)) for code, jt, jf, constant in self.instructions)
        )
        self._program = _Program(len(self.instructions), ctypes.addressof(self._array))
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._pointer = ctypes.byref(self._program)

    def load(self) -> None:
        """Put the calling process under the filter, for good. Needs no_new_privs.

        Raises:
            OSError: The kernel refused it.
        """
        pid = os.getpid()
        for place in self._own:
            self._array[place].k = pid
        if self._libc.prctl(22, 2, self._pointer, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")


def assemble(machine: str) -> list[Instruction]:
    """The whole filter for an architecture; a constant of `SELF` stands for the loader's process id."""
    numbers = NUMBERS[machine]
    leaves = {numbers[name]: [_answer(_ALLOW)] for name in ALWAYS if name in numbers}
    leaves |= {numbers[name]: _checks(checks) for name, checks in CHECKED.items()}
    leaves |= {numbers[name]: [_answer(_MISSING)] for name in MISSING}
    head = [(_LOAD, 0, 0, _ARCH), (_JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]), _answer(_KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        head += [(_JUMP_FROM, 0, 1, _X32_BIT), _answer(_KILL)]
    return head + _tree(_intervals(leaves))


def run(instructions: Iterable[Instruction], data: bytes, own: int) -> int:
    """What a filter answers to one call, worked out here rather than in the kernel: for tests.

    Args:
        instructions: The filter.
        data: A `struct seccomp_data`.
        own: What `SELF` stands for.
    """
    program, place, accumulator = list(instructions), 0, 0
    while True:
        code, jt, jf, constant = program[place]
        constant = own if constant == SELF else constant
        place += 1
        if code == _RETURN:
            return constant
        if code == _LOAD:
            accumulator = int.from_bytes(data[constant : constant + 4], "little")
        elif code == _AND:
            accumulator &= constant
        elif code == _JUMP:
            place += constant
        else:
            place += jt if (accumulator == constant if code == _JUMP_EQUAL else accumulator >= constant) else jf


def _answer(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _checks(checks: Iterable[Check]) -> list[Instruction]:
    """Allow when every check holds; each one falls through to the next, or denies."""
    code: list[Instruction] = []
    for check in checks:
        offset = _ARGUMENTS + 8 * check.argument
        if check.whole:
            code += [(_LOAD, 0, 0, offset + 4), (_JUMP_EQUAL, 1, 0, 0), _answer(_DENY)]
        code.append((_LOAD, 0, 0, offset))
        if check.mask != 0xFFFFFFFF:
            code.append((_AND, 0, 0, check.mask))
        count = len(check.values)
        code += [(_JUMP_EQUAL, count - place, 0, value) for place, value in enumerate(check.values)]
        code.append(_answer(_DENY))
    return [*code, _answer(_ALLOW)]


def _intervals(leaves: dict[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Each leaf with the first call number that it answers, neighbours of one answer merged."""
    merged: list[tuple[int, list[Instruction]]] = []
    for number in range(HIGHEST + 2):
        leaf = leaves.get(number, [_answer(_DENY if number <= HIGHEST else _MISSING)])
        if not merged or merged[-1][1] != leaf:
            merged.append((number, leaf))
    return merged


def _tree(intervals: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    if len(intervals) == 1:
        return intervals[0][1]
    middle = len(intervals) // 2
    low, high = _tree(intervals[:middle]), _tree(intervals[middle:])
    first = intervals[middle][0]
    if len(low) <= _FAR:
        return [(_JUMP_FROM, len(low), 0, first), *low, *high]
    return [(_JUMP_FROM, 0, 1, first), (_JUMP, 0, 0, len(low)), *low, *high]

"""The filter, instruction by instruction, for both architectures: what it answers to every call there is."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.seccomp import ALWAYS, AUDIT_ARCH, CHECKED, MISSING, SELF, assemble, run
from sandbox.syscalls import HIGHEST, NUMBERS

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
OWN = 4321
MACHINES = sorted(NUMBERS)


def answer(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter answers to a call, by number."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    arch = AUDIT_ARCH[machine] if arch is None else arch
    return run(assemble(machine), struct.pack("=IIQ6Q", number, arch, 0, *padded), OWN)


def call(machine: str, name: str, *arguments: int) -> int:
    """What the filter answers to a call, by name."""
    return answer(machine, NUMBERS[machine][name], *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_allowed_only_by_name(machine: str) -> None:
    numbers = NUMBERS[machine]
    always = {numbers[name] for name in ALWAYS if name in numbers}
    checked = {numbers[name] for name in CHECKED}
    missing = {numbers[name] for name in MISSING}
    for number in range(HIGHEST + 50):
        if number in checked:
            continue
        expected = ALLOW if number in always else ABSENT if number in missing or number > HIGHEST else DENY
        assert answer(machine, number) == expected, number


@pytest.mark.parametrize("machine", MACHINES)
def test_what_must_never_be_allowed_is_not(machine: str) -> None:
    names = (
        "execve execveat ptrace unshare setns mount memfd_create io_uring_setup bpf keyctl userfaultfd fchmod fchmodat "
        "fchownat utimensat setxattr tkill rt_sigqueueinfo pidfd_open pidfd_send_signal sendmsg recvmsg seccomp "
        "capset setuid setresuid setgroups setfsuid socket connect bind shmget perf_event_open process_vm_readv "
        "truncate ftruncate flock fadvise64 timer_create mkdirat unlinkat symlinkat linkat renameat2 open_by_handle_at "
        "pivot_root mount_setattr"
    )
    for name in names.split():
        assert call(machine, name) == DENY, name
    assert all(call("x86_64", name) == DENY for name in ("fork", "vfork", "chmod", "chown", "mkdir", "unlink"))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_foreign_architecture_is_killed(machine: str) -> None:
    for arch in {0x40000003, *AUDIT_ARCH.values()} - {AUDIT_ARCH[machine]}:
        assert answer(machine, NUMBERS[machine]["read"], arch=arch) == KILL


def test_x32_is_killed() -> None:
    assert answer("x86_64", 0x40000000) == KILL
    assert answer("x86_64", 0xFFFFFFFF) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x3D0F00,), ALLOW),  # as glibc makes a thread
        ("clone", (0x7D0F00,), ALLOW),  # as musl makes one
        ("clone", (0x3D0F00 & ~0x400,), DENY),  # a thread with a table of descriptors of its own
        ("clone", (0x3D0F00 | 0x1000,), DENY),  # CLONE_PIDFD
        ("clone", (0x01200011,), DENY),  # as glibc forks
        ("clone", (0x3D0F00 | 0x10000000,), DENY),  # a thread in a new user namespace
        ("clone", (17,), DENY),
        ("kill", (OWN, 9), ALLOW),
        ("kill", (OWN + 1, 9), DENY),
        ("kill", (0, 9), DENY),
        ("kill", (2**64 - 1, 9), DENY),
        ("kill", (2**64 - OWN, 9), DENY),
        ("tgkill", (OWN, OWN + 3, 6), ALLOW),
        ("tgkill", (OWN + 1, OWN + 1, 6), DENY),
        ("socketpair", (1, 1 | 0o2000000), ALLOW),
        ("socketpair", (1, 1 | 0o6000000), DENY),
        ("socketpair", (1, 2), DENY),  # datagrams can be sent to any socket
        ("socketpair", (2, 1), DENY),
        ("sendto", (3, 4096, 1, 0, 0, 0), ALLOW),
        ("sendto", (3, 4096, 1, 0x4040, 0, 0), ALLOW),  # MSG_NOSIGNAL, MSG_DONTWAIT
        ("sendto", (3, 4096, 1, 1, 0, 0), DENY),  # MSG_OOB
        ("sendto", (3, 4096, 1, 0, 4096, 16), DENY),
        ("sendto", (3, 4096, 1, 0, 1 << 32, 0), DENY),
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (OWN, 7), ALLOW),
        ("prlimit64", (1, 7), DENY),
        ("fcntl", (1, 3), ALLOW),
        ("fcntl", (1, 8), DENY),  # F_SETOWN
        ("ioctl", (1, 0x5401), ALLOW),
        ("ioctl", (1, 0x5412), DENY),  # TIOCSTI
        ("recvfrom", (3, 4096, 1, 0x42), ALLOW),  # MSG_PEEK, MSG_DONTWAIT
        ("recvfrom", (3, 4096, 1, 1), DENY),
        ("getsockopt", (3, 1, 3), ALLOW),  # SO_TYPE
        ("getsockopt", (3, 1, 17), DENY),  # SO_PEERCRED
        ("getsockopt", (3, 1, 77), DENY),  # SO_PEERPIDFD
        ("getsockopt", (3, 6, 3), DENY),
        ("pipe2", (4096, 0o2004000), ALLOW),
        ("pipe2", (4096, 0x80), DENY),  # O_NOTIFICATION_PIPE
        ("pipe2", (4096, 0o40000), DENY),  # O_DIRECT
        ("close_range", (3, 9, 4), ALLOW),
        ("close_range", (2**32 - 1, 2**32 - 1, 2), DENY),  # CLOSE_RANGE_UNSHARE
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (4096, 4096, 5, 0x812), ALLOW),  # as a library is loaded
        ("mmap", (0, 4096, 3, 0x21), DENY),  # MAP_SHARED
        ("mmap", (0, 4096, 3, 0x3), DENY),  # MAP_SHARED_VALIDATE
        ("mmap", (0, 4096, 3, 0x40022), DENY),  # MAP_HUGETLB
        ("madvise", (0, 4096, 4), ALLOW),
        ("madvise", (0, 4096, 21), DENY),  # MADV_PAGEOUT
        ("prctl", (15,), ALLOW),
        ("prctl", (1, 0), DENY),  # PR_SET_PDEATHSIG
        ("prctl", (4, 1), DENY),  # PR_SET_DUMPABLE
    ],
)
def test_arguments_are_looked_at(machine: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert call(machine, name, *arguments) == expected


@given(number=st.integers(0, 2**32 - 1), arguments=st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6))
def test_whatever_is_called_gets_one_of_four_answers(number: int, arguments: list[int]) -> None:
    for machine in MACHINES:
        assert answer(machine, number, *arguments) in (ALLOW, KILL, DENY, ABSENT)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_kernel_takes_every_instruction(machine: str) -> None:
    program = assemble(machine)
    assert len(program) <= 4096
    for place, (code, jt, jf, constant) in enumerate(program):
        assert 0 <= jt <= 255
        assert 0 <= jf <= 255
        assert -1 <= constant < 2**32
        reach = constant if code == 0x05 else max(jt, jf)
        assert place + reach < len(program)
    assert any(constant == SELF for *_, constant in program)

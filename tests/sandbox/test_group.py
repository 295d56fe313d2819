"""A control group around a server, where one can be had: made, bounding, and gone with the server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import Limits, Sandbox, group

MOUNTS = {
    "v1": (
        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
    ),
    "v2": "30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
    "docker": "35 31 0:32 /docker/12 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
}
OWN = {"v1": "4:memory:/jobs/7\n3:cpu,cpuacct:/\n0::/", "v2": "0::/user.slice/a.scope", "docker": "4:memory:/docker/12"}


def machine(monkeypatch: pytest.MonkeyPatch, kind: str, **files: str) -> None:
    """Have /proc and the groups read as on another machine."""
    known = {"/proc/self/cgroup": OWN[kind], "/proc/self/mountinfo": MOUNTS[kind], **files}

    def read(path: str) -> str:
        if path not in known:
            raise FileNotFoundError(path)
        return known[path]

    monkeypatch.setattr(group, "_read", read)


def test_under_v1_it_is_below_the_callers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "v1")
    assert group.place(5) == "/sys/fs/cgroup/memory/jobs/7/sandbox-5"


def test_under_v2_it_is_beside_the_callers_own_unless_that_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    above, own = "/sys/fs/cgroup/user.slice/cgroup.subtree_control", "/sys/fs/cgroup/user.slice/a.scope/memory.max"
    machine(monkeypatch, "v2", **{above: "cpu memory pids\n", own: "max\n"})
    assert group.place(5) == "/sys/fs/cgroup/user.slice/sandbox-5"
    machine(monkeypatch, "v2", **{above: "cpu memory pids\n", own: "1073741824\n"})
    assert group.place(5) is None
    machine(monkeypatch, "v2", **{above: "cpu pids\n", own: "max\n"})
    assert group.place(5) is None


def test_where_groups_are_hidden_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "docker")
    assert group.place(5) is None
    machine(monkeypatch, "v2")
    assert group.place(5) is None


@pytest.fixture
def above() -> Iterator[Path]:
    """The folder that a server's group is made in."""
    folder = group.place(os.getpid())
    try:
        os.mkdir(folder or "")
    except OSError as error:
        pytest.skip(f"no control group can be had: {error}")
    os.rmdir(folder or "")
    sandbox.shutdown()
    yield Path(folder or "").parent
    sandbox.shutdown()


def groups(above: Path) -> set[str]:
    return {str(path) for path in above.glob("sandbox-*")}


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_it_is_evidence_and_gone_with_the_server(above: Path, level: sandbox.Level) -> None:
    before = groups(above)
    box = Sandbox(level=level, preload=("numpy",), parallel=1)
    try:
        outcome = box.run("import numpy\nans = 1")
    except sandbox.LevelError as error:
        pytest.skip(str(error))
    (mine,) = groups(above) - before
    assert f"together bounded by {mine}" in str(outcome.isolation.layers["memory"])
    assert len(Path(mine, "cgroup.procs").read_text().split()) >= 2
    sandbox.shutdown()
    assert groups(above) - before == set()


def test_one_whose_caller_was_killed_is_removed_by_the_next(above: Path) -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    stale = above / f"sandbox-{pid}"
    stale.mkdir()
    Sandbox(preload=(), parallel=1).run("ans = 1")
    assert not stale.exists()


def test_what_nothing_else_counts_is_bounded_by_it(above: Path) -> None:
    program = """
import ctypes, mmap
kept = []
while True:
    shared = mmap.mmap(-1, 2**24)
    kept.append(shared)
    place = ctypes.addressof(ctypes.c_char.from_buffer(shared))
    ctypes.memset(place, 1, 2**24)
    ctypes.CDLL(None).munmap(ctypes.c_void_p(place + 4096), ctypes.c_size_t(2**24 - 4096))
    print(end="x", flush=True)
"""
    box = Sandbox(level="unsafe", preload=(), parallel=1, limits=Limits(wall_s=60, cpu_s=60, memory_bytes=2**26))
    pid = box._station.ready()[0].pid
    outcome = box.run(program)
    assert outcome.status == "memory_limit", outcome
    assert 0 < len(outcome.stdout) < 20
    os.kill(pid, signal.SIGCONT)  # the server has outlived it
    assert box.run("ans = 1").value == 1

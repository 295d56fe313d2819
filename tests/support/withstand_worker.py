"""Runs hostile programs in a process of its own and says, one line of JSON each, what became of them and of the world.

It is not the test's own process that a program might kill, and what a program leaves behind is reparented to it. It is
started with a plan on standard input: level, token, folder of canaries, names of the cases, and whether to live as
in default Docker.
"""

import ctypes
import hashlib
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from withstand_corpus import CASES, Case

import sandbox

HONEST = "honest = 6 * 7"
"""The second program of a session whose first is hostile."""

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock", "/")

NOBODY = 65534
DOCKER_CAPABILITIES = 0xA80425FB

_DROP_BOUNDING, _SUBREAPER = 24, 36
_NO_NEW_PRIVS, _SECCOMP, _FILTER = 38, 22, 2


def live_as_in_docker() -> None:
    """Take on what default Docker leaves a process: fewer capabilities, neither namespaces nor mounts, no clone3."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        for capability in range(64):
            if not DOCKER_CAPABILITIES >> capability & 1:
                libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
        header = struct.pack("=Ii", 0x20080522, 0)
        assert libc.capset(header, struct.pack("=6I", DOCKER_CAPABILITIES, DOCKER_CAPABILITIES, 0, 0, 0, 0)) == 0
    unshare, setns, mount, pivot, clone, clone3 = {
        "x86_64": (272, 308, 165, 155, 56, 435),
        "aarch64": (97, 268, 40, 41, 220, 435),
    }[platform.machine()]
    load, equal, any_bit, answer = 0x20, 0x15, 0x45, 0x06
    deny, absent, allow = 0x00050001, 0x00050026, 0x7FFF0000
    rules = [
        (load, 0, 0, 0),
        (equal, 7, 0, unshare),
        (equal, 6, 0, setns),
        (equal, 5, 0, mount),
        (equal, 4, 0, pivot),
        (equal, 4, 0, clone3),
        (equal, 0, 4, clone),
        (load, 0, 0, 16),
        (any_bit, 0, 2, 0x7E020000),
        (answer, 0, 0, deny),
        (answer, 0, 0, absent),
        (answer, 0, 0, allow),
    ]
    buffer = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    assert libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_SECCOMP, _FILTER, struct.pack("@HP", len(rules), ctypes.addressof(buffer)), 0, 0) == 0
    assert libc.unshare(0x10000000) == -1, "namespaces are still to be had"


def adopt_orphans() -> None:
    """From now on whatever loses its parent below this process becomes its child."""
    assert ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) == 0


def descendants(root: int) -> dict[int, str]:
    """All processes below one, with their states; reaps nothing."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry)] = (int(parent), state)
    found: dict[int, str] = {}
    frontier = {root}
    while frontier:
        frontier = {pid for pid, (parent, _) in parents.items() if parent in frontier}
        found |= {pid: parents[pid][1] for pid in frontier}
    return found


def settled(count: int, patience_s: float) -> str | None:
    """Wait until so many processes run below this one; else say what runs. An orphan counts until the end of time."""
    deadline = time.monotonic() + patience_s
    while True:
        found = descendants(os.getpid())
        if len(found) == count:
            return None
        if time.monotonic() > deadline:
            return f"{len(found)} processes instead of {count}: {found}"
        time.sleep(0.005)


class Canaries:
    """What no program may touch: files, listeners, a bystander."""

    def __init__(self, folder: Path, token: str, user: int | None) -> None:
        self.folder, self.token = folder, token
        self.sentinel = subprocess.Popen(["/bin/sleep", "3600"], user=user, start_new_session=True)
        self.inet = socket.create_server(("127.0.0.1", 0))
        self.port = self.inet.getsockname()[1]
        self.datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagram.bind(("127.0.0.1", self.port))
        self.local = [self._local(str(folder / "stream"), socket.SOCK_STREAM)]
        self.local.append(self._local("\0" + token, socket.SOCK_STREAM))
        self.local.append(self._local(str(folder / "datagram"), socket.SOCK_DGRAM))
        self.before = self.state()

    def _local(self, path: str, kind: int) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(path)
        if path.startswith("/"):
            os.chmod(path, 0o777)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        return listener

    def state(self) -> dict[str, Any]:
        """Everything about the files and the bystander."""
        seen: dict[str, Any] = {}
        for path in sorted([self.folder, *self.folder.rglob("*")]):
            about = path.lstat()
            text = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            times = [about.st_mtime_ns, about.st_ctime_ns]
            owner = [about.st_mode, about.st_uid, about.st_gid, about.st_nlink]
            seen[str(path)] = [*owner, *times, text, os.listxattr(path, follow_symlinks=False)]
        process = Path(f"/proc/{self.sentinel.pid}")
        seen["sentinel"] = [process.joinpath("limits").read_text(), os.sched_getaffinity(self.sentinel.pid)]
        seen["sentinel state"] = process.joinpath("stat").read_text().rpartition(")")[2].split()[0] in "SRD"
        seen["sentinel priority"] = os.getpriority(os.PRIO_PROCESS, self.sentinel.pid)
        for name in ("shm", "sem", "msg"):
            lines = Path(f"/proc/sysvipc/{name}").read_text().splitlines()[1:]
            seen[name] = [line for line in lines if str(NOBODY if os.geteuid() == 0 else os.geteuid()) in line.split()]
        return seen

    def harmed(self) -> list[str]:
        """What has changed."""
        try:
            now = self.state()
        except FileNotFoundError as error:
            return [f"gone: {error}"]
        names = [name for name in {*now, *self.before} if now.get(name) != self.before.get(name)]
        harm = [f"{name} changed: {self.before.get(name)} -> {now.get(name)}" for name in names]
        for listener in (self.inet, self.datagram, *self.local):
            listener.setblocking(False)
            try:
                listener.accept() if listener.type == socket.SOCK_STREAM else listener.recv(10)
            except BlockingIOError:
                continue
            harm.append(f"{listener.getsockname()!r} was reached")
        return harm + [f"{path} was left behind" for path in left_behind(self.token)]


def left_behind(token: str) -> list[str]:
    """Files outside the canaries' folder that a program made."""
    places = [place for place in PLACES if os.path.isdir(place)]
    return [os.path.join(place, name) for place in places for name in os.listdir(place) if token in name]


def fill(case: Case, canaries: Canaries) -> str:
    """The program's text, with the places filled in."""
    places = {"CANARY": canaries.folder, "TOKEN": canaries.token, "PORT": canaries.port}
    places |= {"SUPERVISOR": os.getpid(), "SENTINEL": canaries.sentinel.pid}
    program = case.program
    for name, value in places.items():
        program = program.replace(f"@{name}@", str(value))
    return program


@contextmanager
def bystanders(plan: dict[str, Any]) -> Iterator[Canaries]:
    """The canaries, for as long as programs run."""
    canaries = Canaries(Path(plan["canary"]), plan["token"], NOBODY if os.geteuid() == 0 else None)
    try:
        yield canaries
    finally:
        canaries.sentinel.kill()
        canaries.sentinel.wait()


def peak() -> int:
    """Most resident memory of this program, in bytes; getrusage would tell that of the process that forked it, too."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    if plan["docker"]:
        live_as_in_docker()
    adopt_orphans()
    cases = {case.name: case for case in CASES}
    with bystanders(plan) as canaries:
        box = sandbox.Sandbox(level=plan["level"], preload=("numpy", "sympy"), limits=sandbox.Limits(wall_s=60))
        try:
            box.warm().result()  # all servers, before anyone counts processes
            first = box.run("ans = 1", files={} if plan["session"] else None)
        except sandbox.LevelError as error:
            say(unavailable=str(error))
            return
        say(isolation=first.isolation.model_dump(mode="json"), status=first.status)
        time.sleep(0.2)
        patience_s = 0.2 if plan["level"] == "unsafe" else 10.0
        count = len(descendants(os.getpid()))
        descriptors = len(os.listdir("/proc/self/fd"))
        for name in plan["cases"]:
            say(begin=name)
            case = cases[name]
            started = time.monotonic()
            limits, then = sandbox.Limits(**case.limits), None
            if plan["session"]:
                with box.session(limits=limits, files={"note": "given"}) as session:
                    outcome = session.run(fill(case, canaries), returns=case.returns)
                    then = session.run(HONEST, returns="honest", limits=limits).model_dump_json()
            else:
                outcome = box.run(fill(case, canaries), returns=case.returns, limits=limits)
            seconds = time.monotonic() - started
            survivors = settled(count, patience_s)
            harm = [*([survivors] if survivors else []), *canaries.harmed()]
            say(name=name, outcome=outcome.model_dump_json(), then=then, harm=harm, seconds=seconds, peak=peak())
        harm = [] if len(os.listdir("/proc/self/fd")) == descriptors else ["descriptors leak in the supervisor"]
        sandbox.shutdown()
        survivors = settled(1, patience_s)
        say(end=True, harm=harm + ([survivors] if survivors else []))
        for pid in descendants(os.getpid()):  # of programs that ran uncontained
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

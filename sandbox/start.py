"""The start of a server: everything that is done once, before it serves."""

import contextlib
import json
import os
import platform
import resource
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from sandbox import landlock, memory, messages, namespaces, preload, privileges
from sandbox.child import NAME, close_others
from sandbox.group import Group, place
from sandbox.layers import NEEDS, LayerMissing
from sandbox.seccomp import Filter
from sandbox.zygote import Zygote

CONTROL: Final = 0
"""Descriptor of the control socket: the only thing that the caller hands down."""

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def _taken() -> tuple[int, int]:
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = file.read().split()
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()


def main() -> NoReturn:
    """Be a server: read the plan from the control socket, prepare, say so, serve."""
    control = socket.socket(fileno=os.dup(CONTROL))
    os.dup2(os.open(os.devnull, os.O_RDONLY), CONTROL)
    plan = json.loads(control.recv(1 << 16))
    try:
        zygote, evidence = prepare(plan, control)
    except preload.PreloadFailed as error:
        _refuse(control, "preload", str(error))
    except LayerMissing as error:
        _refuse(control, error.layer, error.reason)
    except BaseException:  # noqa: BLE001 (the caller must hear of it, whatever it is)
        _refuse(control, "start", traceback.format_exc())
    control.send(json.dumps({"evidence": evidence}).encode())
    try:
        zygote.serve()
    except BaseException:
        if os.getpid() != zygote.pid:
            os._exit(1)  # a child that failed before it could say why
        control.send(traceback.format_exc().encode()[-messages.ERROR_BYTES :])
        raise


def _refuse(control: socket.socket, what: str, reason: str) -> NoReturn:
    control.send(json.dumps({"failed": what, "reason": reason[-4000:]}).encode())
    os._exit(1)


@contextlib.contextmanager
def _layer(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LayerMissing(name, error.strerror or error) from error


def prepare(plan: dict[str, Any], control: socket.socket) -> tuple[Zygote, dict[str, str]]:
    """Everything that is done once: namespaces, imports, identity, rule sets."""
    machine, level, root = platform.machine(), plan["level"], os.geteuid() == 0
    caller = os.pidfd_open(os.getppid())
    if os.getppid() != plan["caller"]:
        os._exit(1)  # it is gone already
    evidence: dict[str, str] = {}
    scales, around = _scales(evidence), _group(evidence)
    tasks = privileges.count_tasks(privileges.NOBODY if root else os.geteuid())
    strict = "namespaces" in NEEDS[level]
    if strict:
        with _layer("namespaces"):
            namespaces.enter()
    evidence["memory"] += f"; {scales.expose()}" if scales is not None else ""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    sys.argv = [NAME]
    os.chdir("/")
    reseed = preload.load(plan["preload"], plan["search"])
    taken = _taken()
    contain: Callable[[str], int | None] = _uncontained
    fork = preload.fork_of(plan["preload"], reseed)
    if level != "unsafe":
        paths = preload.readable_paths()
        private = None if strict else privileges.private_owner([*paths, plan["files"] or "/"])
        if strict:
            with _layer("namespaces"):
                namespaces.build_root([*paths, plan["files"]] if plan["files"] else paths, DEVICES)
            evidence["namespaces"] = "user, mount, pid, net, ipc, uts, cgroup; private root"
        elif "landlock" in NEEDS[level]:
            evidence["proc"] = _cover_proc()
        privileges.limit_server()
        with _layer("seccomp"):
            privileges.forgo_privileges()
        evidence["identity"] = privileges.become_nobody(private, machine)
        privileges.set_capabilities(0, machine)
        if strict:
            namespaces.end_with_parent()
        preload.map_privately()
        contain = _containment(level, paths, machine, tasks + 2 * plan["spares"] * privileges.THREADS.stop, evidence)
    if scales is not None:
        scales.settle()
        fork = scales.offering(fork)
    if around is not None:
        around.settle(plan["spares"])
    spares = 0 if plan["files"] else plan["spares"]
    return Zygote(control, caller, spares, contain, fork, taken, scales, around), evidence


def _scales(evidence: dict[str, str]) -> memory.Scales | None:
    try:
        scales = memory.Scales()
    except (OSError, KeyError) as error:
        evidence["memory"] = f"address space alone is bounded, for there is no /proc ({error})"
        return None
    evidence["memory"] = "watched in /proc"
    return scales


def _group(evidence: dict[str, str]) -> Group | None:
    folder = place(os.getpid())
    with contextlib.suppress(OSError):
        if folder:
            around = Group(folder)
            evidence["memory"] += f"; all programs of this server together bounded by {folder}"
            return around
    return None


def _cover_proc() -> str:
    try:
        namespaces.cover_proc()
    except OSError as error:
        return f"a program can open what is its own in /proc ({error.strerror})"
    return "covered"


def _uncontained(folder: str) -> None:
    os.chdir(folder or "/")
    close_others()


def _containment(
    level: str, paths: list[str], machine: str, tasks: int, evidence: dict[str, str]
) -> Callable[[str], int]:
    """What each child puts on, built once."""
    rules: landlock.Ruleset | None = None
    if "landlock" in NEEDS[level]:
        version = landlock.abi()
        if version < landlock.LEAST_ABI:
            raise LayerMissing("landlock", f"the kernel has ABI {version}, at least {landlock.LEAST_ABI} is needed")
        with _layer("landlock"):
            rules = landlock.Ruleset(paths, DEVICES)
        evidence["landlock"] = f"ABI {version}"
    with _layer("seccomp"):
        calls = Filter(machine)
    evidence["seccomp"] = f"{len(calls.instructions)} instructions"

    apart = namespaces.may_nest()
    evidence["identity"] += ", each program in a user namespace of its own" if apart else ""

    def contain(folder: str) -> int:
        own = rules
        if folder:
            os.chdir(folder)
            own = rules and landlock.Ruleset([*paths, folder], DEVICES)
        if apart:
            namespaces.unshare(namespaces.USER)
            privileges.set_capabilities(0, machine)
        if own is not None:
            with _layer("landlock"):
                own.restrict()
        close_others()
        with _layer("seccomp"):
            calls.load()
        return 0 if apart else tasks

    return contain

"""Evidence that a level holds: a program that tries to get out, run through the real path when a server starts."""

import json
import os
import tempfile
from typing import Final

from sandbox.errors import LevelError, SandboxError
from sandbox.layers import LAYERS, NEEDS, REMEDIES, refusal
from sandbox.limits import Limits
from sandbox.outcome import Isolation, Status
from sandbox.program import Program
from sandbox.server import Server, ServerLost
from sandbox.supervise import supervise

_PROGRAM: Final = """
import errno, os, socket

def attempt(deed):
    try:
        deed()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "done"

def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)

CANARY, SERVER = __PLACES__
found = {
    "open a file": attempt(lambda: open(CANARY).close()),
    "write a file": attempt(lambda: open(CANARY + ".new", "w").close()),
    "list the root": attempt(lambda: os.listdir("/")),
    "read the server's environ": attempt(lambda: open(f"/proc/{SERVER}/environ").close()),
    "chmod a file": attempt(lambda: os.chmod(CANARY, 0o644)),
    "connect": attempt(lambda: socket.create_connection(("127.0.0.1", 9), 0.1).close()),
    "fork": attempt(fork),
    "signal the server": attempt(lambda: os.kill(SERVER, 0)),
    "see a file": attempt(lambda: os.stat(CANARY)),
    "see other processes": "only its server" if os.getppid() == 1 else "done",
}
"""

DEEDS: Final = {
    "seccomp": ("chmod a file", "connect", "fork", "signal the server"),
    "landlock": ("open a file", "write a file", "list the root", "read the server's environ"),
    "namespaces": ("see a file", "see other processes"),
}
"""What each layer must have stopped."""

_LIMITS: Final = Limits(wall_s=20, cpu_s=10, memory_bytes=2**28)


def examine(server: Server) -> Isolation:
    """Run the canary in a server's child and see that every layer of its level holds.

    Raises:
        LevelError: A layer let something through.
        SandboxError: The canary did not run.
    """
    level = server.profile.level
    found = _attempts(server)
    layers: dict[str, str | bool] = dict(server.evidence)
    for layer in NEEDS[level]:
        for deed in DEEDS[layer]:
            if found[deed] == "done":
                raise LevelError(
                    f"The level {level!r} does not hold here, for {layer} let a test program {deed}; {REMEDIES[layer]}."
                )
        layers[layer] = "; ".join([str(layers[layer]), *(f"{deed}: {found[deed]}" for deed in DEEDS[layer])])
    return Isolation(level=level, layers=layers)


def _attempts(server: Server) -> dict[str, str]:
    with tempfile.NamedTemporaryFile(prefix="canary-") as canary:
        os.fchmod(canary.fileno(), 0o644)
        program = _PROGRAM.replace("__PLACES__", json.dumps([canary.name, server.pid]))
        try:
            lease = server.lease()
            try:
                outcome = supervise(lease, Program(program, "found"), _LIMITS, Isolation(level=server.profile.level))
            finally:
                server.give_back(lease)
        except ServerLost as error:
            raise SandboxError(
                f"The sandbox's server was lost under its canary ({error}; {server.state()}); "
                "is the machine out of memory, or overloaded?"
            ) from error
    if os.path.exists(canary.name + ".new"):
        os.unlink(canary.name + ".new")
    if outcome.status is Status.SETUP_FAILED:
        layer, _, reason = (outcome.error or "").partition(": ")[2].partition(": ")
        if layer in LAYERS:
            raise LevelError(refusal(server.profile.level, layer, reason))
    if outcome.status is not Status.OK:
        raise SandboxError(f"The sandbox's canary did not run ({outcome.status}): {outcome.error}")
    found: dict[str, str] = outcome.value
    return found

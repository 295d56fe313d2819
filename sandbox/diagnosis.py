"""What this machine gives: every level tried for real, with the evidence, and the remedy for what is missing."""

import os
import platform
import sys

from pydantic import BaseModel, ConfigDict

from sandbox.canary import examine
from sandbox.errors import SandboxError
from sandbox.layers import LAYERS, NEEDS, REMEDIES
from sandbox.server import Profile, Server


class Layer(BaseModel):
    """One layer of containment.

    Attributes:
        name: ``seccomp``, ``landlock`` or ``namespaces``.
        active: Whether a test program was held by it.
        evidence: What the test program tried and what the kernel answered, or why the layer is missing.
        remedy: What to do where it is missing, else None.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    active: bool
    evidence: str
    remedy: str | None


class Diagnosis(BaseModel):
    """What the sandbox can do on this machine.

    Attributes:
        system: Kernel, its release and the architecture.
        python: The interpreter that programs run on.
        user: Effective user id of this process, None where there is no such thing.
        layers: Each layer by itself.
        levels: Each level, strongest first, with None where it can be had, else the reason why not.
    """

    model_config = ConfigDict(frozen=True)

    system: str
    python: str
    user: int | None
    layers: tuple[Layer, ...]
    levels: dict[str, str | None]

    @property
    def best(self) -> str | None:
        """The strongest level of containment to be had, None for none."""
        return next((name for name, problem in self.levels.items() if problem is None and NEEDS[name]), None)

    @property
    def ok(self) -> bool:
        """Whether the default level can be had."""
        return self.levels["standard"] is None

    def __str__(self) -> str:
        lines = [f"sandbox on {self.system}, Python {self.python}, user {self.user}"]
        for layer in self.layers:
            lines.append(f"  {'active ' if layer.active else 'MISSING'} {layer.name}: {layer.evidence}")
            if layer.remedy:
                lines.append(f"          remedy: {layer.remedy}")
        for name, problem in self.levels.items():
            lines.append(f"  level {name}: {'available' if problem is None else problem}")
        return "\n".join(lines)


def doctor() -> Diagnosis:
    """Try every level with a real server and a test program that wants out, one by one. Takes about a second."""
    evidence: dict[str, str] = {}
    levels: dict[str, str | None] = {}
    for level in NEEDS:
        levels[level], found = _try(level)
        evidence |= found  # the weaker the level, the less another layer covers up
    held = [layer for layer in LAYERS if any(layer in NEEDS[name] for name in NEEDS if levels[name] is None)]
    return Diagnosis(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_version()} ({sys.executable})",
        user=os.geteuid() if hasattr(os, "geteuid") else None,
        layers=tuple(
            Layer(
                name=name,
                active=name in held,
                evidence=evidence.get(name, "") if name in held else _why_not(name, levels),
                remedy=None if name in held else REMEDIES[name],
            )
            for name in LAYERS
        ),
        levels=levels,
    )


def _try(level: str) -> tuple[str | None, dict[str, str]]:
    """Why a level cannot be had, or None, with the evidence for its layers."""
    if sys.platform != "linux":
        return f"needs Linux, this is {sys.platform}: use Docker, or WSL2 on Windows", {}
    try:
        server = Server(Profile(level, (), (), 1))
    except SandboxError as error:
        return str(error), {}
    try:
        isolation = examine(server)
    except SandboxError as error:
        return str(error), {}
    finally:
        server.close()
    return None, {name: str(found) for name, found in isolation.layers.items()}


def _why_not(layer: str, levels: dict[str, str | None]) -> str:
    """The reason of the weakest level that needs the layer."""
    return next((levels[name] or "" for name in reversed(NEEDS) if layer in NEEDS[name]), "")

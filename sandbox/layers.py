"""The layers that contain a program, the levels that they make up, and what to do where one is missing."""

from typing import Final

LAYERS: Final = ("seccomp", "landlock", "namespaces")

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "strict": ("seccomp", "landlock", "namespaces"),
    "standard": ("seccomp", "landlock"),
    "minimal": ("seccomp",),
    "unsafe": (),
}
"""What each level stands on, strongest level first."""

REMEDIES: Final = {
    "seccomp": (
        "use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64, and a container whose own seccomp profile lets "
        "programs load filters (Docker's default does)"
    ),
    "landlock": (
        "use Linux 6.2 or newer with landlock among the kernel's security modules (boot with lsm=landlock,…), and a "
        "container that lets its calls through (Docker 20.10.10 or newer does), or ask for the level 'minimal' by name"
    ),
    "namespaces": (
        "let unprivileged users make user namespaces (sysctl user.max_user_namespaces above 0, "
        "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, --security-opt seccomp=unconfined in Docker), or "
        "use the level 'standard'"
    ),
}


def refusal(level: str, layer: str, reason: str) -> str:
    """One sentence: the level, what it lacks, the remedy."""
    return f"The level {level!r} cannot be had here, for want of {layer} ({reason}); {REMEDIES[layer]}."


class LayerMissing(Exception):  # noqa: N818 (it never leaves the server: the caller raises LevelError)
    """This machine does not give a layer.

    Args:
        layer: Its name.
        reason: What the kernel said.
    """

    def __init__(self, layer: str, reason: object) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer, self.reason = layer, str(reason)

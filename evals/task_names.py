"""The names of the project's own tasks, as data: listing them opens no file. Each is defined in `tasks/`."""

from evals.gym_names import GENERATORS
from reasoning import plugins

GROUP = "reasoning.tasks"
"""The entry-point group in which other packages add tasks."""

PREFIX = "reasoning-gym:"

TASKS: tuple[str, ...] = (
    "gsm8k",
    "gsm8k:train",
    "gsm8k-platinum",
    "gsm-plus",
    "gsm-plus:testmini",
    "gsm-hard",
    "gsm-symbolic",
    "gsm-symbolic:p1",
    "gsm-symbolic:p2",
    "svamp",
    "svamp:test",
    "asdiv",
    "multiarith",
    "multiarith:test",
    "aqua",
    "mgsm:bn",
    "mgsm:de",
    "mgsm:en",
    "mgsm:es",
    "mgsm:fr",
    "mgsm:ja",
    "mgsm:ru",
    "mgsm:sw",
    "mgsm:te",
    "mgsm:th",
    "mgsm:zh",
    "math-500",
)
"""`task` or `task:variant`."""


def task_names() -> list[str]:
    """The names of all tasks: the project's own, plug-ins', reasoning-gym's. Imports none of them."""
    return [*plugins.names(GROUP, dict.fromkeys(TASKS, "")), *(f"{PREFIX}{name}" for name in sorted(GENERATORS))]

"""The page but for its problems: HTML around the figures, and the policy that nothing but its own script runs."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evals import rendering
from evals.reporting import charts
from evals.reporting.figures import FIXED, Latency, Shown, TaskRuns, Votes
from evals.score import LOST
from strategies.path import STATUSES

_FILES = Path(__file__).parent / "page"
_SCRIPTS = ("elements.js", "data.js", "filter.js", "problem.js", "page.js")
_HERE = "<!-- the problems -->"

PROBLEM_KINDS = {"right": "s-right", "partly": "s-part", "wrong": "s-wrong", "no answer": "s-none", "lost": "s-lost"}
PATH_KINDS: dict[str, str] = {
    "right": "s-right",
    "partly": "s-part",
    "wrong": "s-wrong",
    **{str(status): "s-lost" if status in LOST else "s-none" for status in STATUSES if status != "ok"},
}


@dataclass(frozen=True)
class Page:
    """All of a report but its problems.

    Attributes:
        tasks: Its runs, by task.
        made: When.
        index: The block of data that the list of problems needs.
    """

    tasks: Sequence[TaskRuns]
    made: datetime
    index: str

    @property
    def shown(self) -> Iterator[Shown]:
        """All runs, in the order of the tasks."""
        return (run for task in self.tasks for run in task.runs)

    @property
    def any_lost(self) -> bool:
        """Whether a problem was lost to failures, so that bounds have something to say."""
        return any(shown.run.failures for shown in self.shown)

    @property
    def any_cost(self) -> bool:
        """Whether the price of a run is known."""
        return any(shown.run.cost is not None for shown in self.shown)

    @property
    def compared(self) -> list[TaskRuns]:
        """The tasks whose runs are compared, or cannot be."""
        return [task for task in self.tasks if any(task.compared)]

    @property
    def priced(self) -> list[tuple[TaskRuns, str]]:
        """The pictures of accuracy against what it took: each task's by "tokens", and by "cost" where one is known."""
        done = [task for task in self.tasks if any(shown.run.done for shown in task.runs)]
        return [(task, by) for task in done for by in ("tokens", "cost") if by == "tokens" or task.has_costs]

    @cached_property
    def voted(self) -> list[tuple[TaskRuns, "Votes"]]:
        """The curves of all runs that vote."""
        return [(task, votes) for task in self.tasks for votes in task.votes]

    def html(self) -> tuple[str, str]:
        """The page before and after the problems' data blocks."""
        style, script = _style(), _script()
        text = (
            _environment()
            .get_template("page.html")
            .render(
                page=self,
                title=_title(self.tasks),
                version=version("reasoning-strategies"),
                style=Markup(style),  # noqa: S704 (ours)
                script=Markup(script),  # noqa: S704 (ours)
                index=Markup(self.index),  # noqa: S704 (base64)
                policy=policy(style, script),
                here=Markup(_HERE),  # noqa: S704 (ours)
                charts=charts,
                show=rendering,
                latency=Latency.of,
                losses=_losses,
                sizes=_SIZES,
                fixed=FIXED,
                problem_kinds=PROBLEM_KINDS,
                path_kinds=PATH_KINDS,
            )
        )
        before, _, after = text.partition(_HERE)
        return before, after


def policy(style: str, script: str) -> str:
    """The page's content security policy: its own style and script, nothing else, and no network."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _style() -> str:
    return (_FILES / "page.css").read_text(encoding="utf-8")


def _script() -> str:
    parts = ((_FILES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = rendering.percent
    made.filters["count"] = rendering.count
    made.filters["money"] = rendering.money
    made.filters["duration"] = rendering.duration
    made.filters["signed"] = _signed
    made.filters["quoted"] = _quoted
    made.filters["fragment"] = lambda key: "#" + _quoted(key)
    return made


def _signed(share: float, digits: int = 1) -> str:
    """A difference in points."""
    return f"{100 * share:+.{digits}f}".replace("-", "−")


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _title(tasks: Sequence[TaskRuns]) -> str:
    """The tasks' names, a family's (`reasoning-gym:…`) said once."""
    names = list(dict.fromkeys(task.name for task in tasks))
    families = {name.partition(":")[0] for name in names if ":" in name}
    family = ""
    if len(names) > 1 and len(families) == 1 and all(":" in name for name in names):
        family = f"{families.pop()}: "
        names = [name.partition(":")[2] for name in names]
    told = names if len(names) < 5 else [*names[:3], f"{len(names) - 3} more tasks"]
    return family + (told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}")


def _losses(counts: Mapping[str, int], kinds: Mapping[str, str]) -> dict[str, int]:
    """Counts in the order of `kinds`."""
    return {name: counts[name] for name in kinds if counts.get(name)}


class _Sizes(dict[int, tuple[int, int]]):
    """The size of a picture among so many: one is wide, two or four stand in two columns, others in three."""

    def __missing__(self, count: int) -> tuple[int, int]:
        return (520, 340) if count in (2, 4) else (360, 300)


_SIZES = _Sizes({1: (760, 320)})

"""The page but for its problems: figures and charts in plain HTML, and what holds the page together."""

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
from evals.comparing import Against, compare
from evals.comparison import Pair
from evals.missed import CAUSES
from evals.pages import run_page
from evals.replays.curving import curves
from evals.replays.points import Curves
from evals.reporting import charts
from evals.reporting.charts import Dot, Line
from evals.reporting.gathering import Gathered, Items
from evals.reporting.scales import accuracy_range, bins, quantile
from evals.run import Run
from evals.score import LOST
from reasoning.errors import FAMILY
from strategies.path import STATUSES

_FILES = Path(__file__).parent / "page"
_SCRIPTS = ("elements.js", "data.js", "filter.js", "problem.js", "page.js")
_HERE = "<!-- the problems -->"
FIXED = "fixed"
"""The stopping rule that draws all samples, as curves call it."""
MOST_COMPARED = 6
"""Runs of one task that are all compared with each other; of more, each is compared with the first."""

PROBLEM_KINDS = {"right": "s-right", "partly": "s-part", "wrong": "s-wrong", "no answer": "s-none", "lost": "s-lost"}
PATH_KINDS: dict[str, str] = {
    "right": "s-right",
    "partly": "s-part",
    "wrong": "s-wrong",
    **{str(status): "s-lost" if status in LOST else "s-none" for status in STATUSES if status != "ok"},
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A run with what one pass over it gathered.

    Attributes:
        run: The run.
        label: What it is called within its task.
        key: What links call it.
        number: Its place in the report.
        told: Its figures.
    """

    run: Run
    label: str
    key: str
    number: int
    told: Gathered

    @property
    def ends(self) -> tuple[float, float]:
        """The accuracy's interval; the accuracy itself before the first result."""
        ends = self.run.interval
        return (ends.low, ends.high) if ends else (self.run.accuracy, self.run.accuracy)

    @property
    def tokens(self) -> float:
        """Tokens a problem."""
        return self.run.usage.total_tokens / max(1, self.run.done)

    @property
    def causes(self) -> list[tuple[str, int, float]]:
        """Why problems were missed, the most frequent cause first: cause, problems, the accuracy were those right."""
        planned = max(self.run.header.planned, self.run.done, 1)
        missing = planned - self.run.done
        told = []
        for cause in CAUSES:
            unknown = missing if cause == "lost" else 0
            count = self.told.causes[cause] + unknown
            if count:
                gained = self.told.worth.get(cause, 0.0) + unknown
                told.append((str(cause), count, self.run.accuracy + gained / planned))
        return sorted(told, key=lambda one: -one[1])

    def dot(self, x: float) -> Dot:
        """The run in a picture, at what it took."""
        return Dot(self.label, x, self.run.accuracy, *self.ends)

    @property
    def setup(self) -> str:
        """What is needed to do it again, as JSON."""
        return self.run.header.model_dump_json(indent=2, exclude={"shared"}, exclude_defaults=True)

    @property
    def account(self) -> str:
        """All its counts, as text."""
        return run_page(self.run)


@dataclass
class TaskRuns:
    """The runs of one task: of one name and fingerprint.

    Attributes:
        name: The task's.
        number: Its place in the report.
        items: Its problems.
        runs: In the order given.
    """

    name: str
    number: int
    items: Items
    runs: list[Shown]

    @property
    def ends(self) -> tuple[float, float]:
        """Of the accuracies' scale."""
        return accuracy_range([run.ends[0] for run in self.runs], [run.ends[1] for run in self.runs])

    @property
    def best(self) -> Shown:
        """The run of the highest accuracy."""
        return max(self.runs, key=lambda run: run.run.accuracy)

    @cached_property
    def compared(self) -> tuple[Sequence[Pair], str]:
        """The runs compared, or why they cannot be; neither where fewer than two have a result."""
        runs = [shown for shown in self.runs if shown.run.done]
        if len(runs) < 2:
            return (), ""
        against: Against = "all" if len(runs) <= MOST_COMPARED else "first"
        try:
            found = compare([one.run for one in runs], against=against, labels=[one.label for one in runs])
        except FAMILY as error:
            return (), str(error)
        return found.pairs, ""

    @property
    def pairs(self) -> Sequence[Pair]:
        """The runs compared."""
        return self.compared[0]

    @property
    def differences(self) -> tuple[float, float]:
        """The ends of the differences' scale, with 0 in it."""
        furthest = max((abs(end) for pair in self.pairs for end in pair.interval[:2]), default=0.0)
        return -max(furthest, 0.01), max(furthest, 0.01)

    def key_of(self, label: str) -> str:
        """What links call the run of a label."""
        return next(run.key for run in self.runs if run.label == label)

    @cached_property
    def votes(self) -> list["Votes"]:
        """The curves of the runs that vote over several samples."""
        return [Votes.of(shown) for shown in self.runs if shown.run.done and _votes(shown)]

    def tokens_chart(self, width: int, height: int) -> Markup:
        """Accuracy against tokens."""
        dots = [run.dot(run.tokens) for run in self.runs if run.run.done]
        return charts.scatter(dots, "tokens a problem", rendering.count, width, height)

    @property
    def has_costs(self) -> bool:
        """Whether the price of a run is known, and is not nothing."""
        return any(run.run.done and run.run.cost for run in self.runs)

    def cost_chart(self, width: int, height: int) -> Markup:
        """Accuracy against money, over the runs whose price is known."""
        known = [(run, run.run.cost) for run in self.runs if run.run.done]
        dots = [run.dot(cost / run.run.done * 1000) for run, cost in known if cost is not None]
        return charts.scatter(dots, "US dollars for 1,000 problems", rendering.money, width, height)


def _votes(shown: Shown) -> bool:
    return max(shown.told.rows.paths, default=0) > 1


@dataclass(frozen=True, slots=True)
class Votes:
    """What other numbers of samples would have given from a run's draws.

    Attributes:
        shown: The run.
        curves: None where its draws cannot tell.
        why_not: Why they cannot.
    """

    shown: Shown
    curves: Curves | None
    why_not: str = ""

    @classmethod
    def of(cls, shown: Shown) -> "Votes":
        """The curves of a run; a pool that would mislead says why instead."""
        try:
            return cls(shown, curves(shown.run))
        except FAMILY as error:
            return cls(shown, None, str(error))

    @property
    def lines(self) -> list[Line]:
        """By vote and stopping rule, by the draws they take; the best that draws all samples first."""
        assert self.curves is not None
        votes = {point.vote for point in self.curves.points}
        lines = []
        for vote, stop in dict.fromkeys((point.vote, point.stop) for point in self.curves.points):
            whole = (vote,) if stop == FIXED else (vote, stop) if len(votes) > 1 else (stop,)
            points = [
                Dot(f"{vote}, {stop}, {point.samples} samples", point.draws, point.accuracy, *point.interval[:2])
                for point in sorted(self.curves.of(vote, stop), key=lambda point: point.samples)
            ]
            lines.append((stop != FIXED, -points[-1].y, Line(", ".join(whole), points)))
        return [line for _, _, line in sorted(lines, key=lambda told: told[:2])]

    def chart(self, width: int, height: int) -> Markup:
        """The curves."""
        return charts.curves(self.lines, width, height) if self.curves and self.curves.points else Markup("")


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one run: of its problems and of its draws.

    Attributes:
        problem: Median, 95th percentile and greatest of a problem; None without one.
        draw: The same of a draw.
        tokens: Completion tokens a second of a draw, on average; None without draws that took time.
        picture: How the problems' seconds are spread.
    """

    problem: tuple[float, float, float] | None
    draw: tuple[float, float, float] | None
    tokens: float | None
    picture: Markup

    @classmethod
    def of(cls, told: Gathered) -> "Latency":
        """From what a pass gathered."""
        problems, draws = sorted(told.seconds), sorted(told.draw_seconds)
        spent = sum(draws)
        picture = Markup("")
        if problems and problems[-1] > 0:
            median, late = quantile(problems, 0.5), quantile(problems, 0.95)
            words = f"Half of the problems within {rendering.duration(median)}, 95 % within {rendering.duration(late)}"
            picture = charts.histogram(*bins(problems), {"p50": median, "p95": late}, words)
        return cls(_spread(problems), _spread(draws), told.draw_tokens / spent if spent else None, picture)


def _spread(ordered: Sequence[float]) -> tuple[float, float, float] | None:
    return (quantile(ordered, 0.5), quantile(ordered, 0.95), ordered[-1]) if ordered else None


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

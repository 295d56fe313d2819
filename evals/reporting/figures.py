"""What the page says of runs: each run, the runs of a task side by side, what their votes and their latency came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from evals import rendering
from evals.comparisons.comparing import Against, compare
from evals.comparisons.comparison import Pair
from evals.missed import CAUSES
from evals.pages import run_page
from evals.replays.curving import curves
from evals.replays.points import Curves
from evals.reporting import charts
from evals.reporting.charts import Dot, Line
from evals.reporting.gathering import Gathered, Items
from evals.reporting.scales import accuracy_range, bins
from evals.run import Run
from evals.statistics.quantiles import quantile
from reasoning.errors import FAMILY

FIXED = "fixed"
"""The stopping rule that draws all samples, as curves call it."""
MOST_COMPARED = 6
"""Runs of one task that are all compared with each other; of more, each is compared with the first."""


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

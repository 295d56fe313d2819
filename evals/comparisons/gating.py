"""Non-inferiority: whether a candidate is worse than a baseline by more than a margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evals.comparisons.comparing import read
from evals.comparisons.contrast import contrast, mean_difference, smoothed_variance
from evals.comparisons.matching import Matched
from evals.comparisons.verdict import about, points
from evals.run import Run
from evals.stats import Interval, items_needed
from reasoning.errors import ConfigError

GateOutcome = Literal["pass", "regression", "inconclusive"]
EXIT_CODES: dict[GateOutcome, int] = {"pass": 0, "regression": 3, "inconclusive": 4}
ERROR = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether a candidate may take a baseline's place.

    Attributes:
        baseline: What it is compared with.
        candidate: What is compared.
        margin: The loss that is put up with, as a share: 0.01 is a point.
        items: Items matched by id.
        difference: The candidate's accuracy less the baseline's.
        bounds: Two one-sided 95 % bounds of the difference, lost problems counted against the candidate in the lower
            one and for it in the upper one.
        needed: Items that would pass a candidate that is just as good in 80 % of the cases; None without a margin.
        outcome: "pass" where the lower bound is above −margin, "regression" where the upper one is below it.
        verdict: All this in a sentence.
        notes: What differs between the runs beyond what is compared, and what was left out.
    """

    baseline: str
    candidate: str
    margin: float
    items: int
    difference: float
    bounds: Interval
    needed: int | None
    outcome: GateOutcome
    verdict: str
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 pass, 3 a regression beyond the margin, 4 inconclusive."""
        return EXIT_CODES[self.outcome]

    def to_json(self) -> dict[str, Any]:
        """The gate as one JSON object."""
        told = {key: getattr(self, key) for key in self.__slots__}
        bounds = [self.bounds.low, self.bounds.high]
        return {**told, "bounds": bounds, "method": self.bounds.method, "notes": list(self.notes)}


def gate(
    baseline: Run | str | Path, candidate: Run | str | Path, margin: float, *, labels: Sequence[str] | None = None
) -> Gate:
    """Tests a candidate against a baseline.

    Each of the two ways to be wrong, to pass a candidate that is worse by the margin and to refuse one that is not,
    happens in at most 5 % of the cases; what the items do not settle is inconclusive.

    Args:
        baseline: A run, or its folder.
        candidate: Another run of the same task.
        margin: The loss that is put up with, in points: 1.0 is one item in a hundred.
        labels: What to call the two; else what tells them apart.

    Raises:
        ConfigError: The margin is negative or above 100; else as `evals.comparisons.comparing.compare`.
        DataError: A folder holds no run.
    """
    if not 0 <= margin <= 100:
        raise ConfigError(f"A margin is a number of points from 0 to 100, not {margin:g}.")
    m = Matched.of(*read([baseline, candidate], labels))
    share = margin / 100

    def bounds(differences: Sequence[float]) -> Interval:
        level = 1 - 2 * ERROR
        return contrast(differences, m.groups, binary=m.binary, looks=m.looks, confidence=level, cautious=True).interval

    worst, best = bounds(m.differences(lost_a=1.0)), bounds(m.differences(lost_b=1.0))
    ends = Interval(worst.low, best.high, worst.method)
    outcome: GateOutcome = "inconclusive"
    if not m.in_file_order:
        outcome = "pass" if ends.low > -share else "regression" if ends.high < -share else "inconclusive"
    seen, variance = mean_difference(m.differences()), smoothed_variance(m.differences(), m.groups)
    needed = items_needed(share, variance, 1 - 2 * ERROR) if share else None
    return Gate(
        baseline=m.a.label,
        candidate=m.b.label,
        margin=share,
        items=len(m.ids),
        difference=seen,
        bounds=ends,
        needed=needed,
        outcome=outcome,
        verdict=_sentence(m, seen, ends, share, outcome, needed),
        notes=m.notes(),
    )


def _sentence(m: Matched, seen: float, ends: Interval, margin: float, outcome: GateOutcome, needed: int | None) -> str:
    told = {
        "pass": f"{m.b.label} is not worse than {m.a.label} by {points(margin)} points or more",
        "regression": f"{m.b.label} is worse than {m.a.label} by more than {points(margin)} points",
        "inconclusive": f"cannot tell whether {m.b.label} is worse than {m.a.label} by {points(margin)} points",
    }[outcome]
    bounds = f"one-sided 95 % bounds {points(ends.low)} and {points(ends.high)}"
    more = ""
    if outcome == "inconclusive" and needed is not None and needed > len(m.ids):
        more = f"; one just as good needs about {about(needed)}"
    return f"{told}: the difference is {points(seen)} ({bounds}) over {len(m.ids):,} items{more}"

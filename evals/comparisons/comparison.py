"""What a comparison of runs comes to: figures only, made by `evals.comparisons.comparing`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from evals.stats import Interval
from reasoning.usage import Usage

Outcome = Literal["better", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Side:
    """One run of a comparison, over the items that the other one has too.

    Attributes:
        label: What tells it from the others.
        folder: Where it is kept; None in memory.
        accuracy: Over the matched items, each with the mean of its repeats; a lost one counts 0.
        lost: Problems lost, of all repeats, which say nothing of the model.
        problems: Matched items, over all repeats.
        usage: What their decided paths cost bought cold.
        cost: Money for `usage` in US dollars; None where a price is unknown.
        latency_p50: Seconds that half of the model calls took at most; None without a call that tells.
        latency_p95: The same for 95 % of them.
        tokens_per_second: Tokens written per second of the run's own time, over what it really bought; None where the
            backend does not tell, or everything came from a store.
    """

    label: str
    folder: str | None
    accuracy: float
    lost: int
    problems: int
    usage: Usage
    cost: float | None
    latency_p50: float | None
    latency_p95: float | None
    tokens_per_second: float | None

    @property
    def tokens(self) -> float:
        """Tokens a problem, read and written."""
        return self.usage.total_tokens / self.problems

    def to_json(self) -> dict[str, Any]:
        """The run as one JSON object."""
        told = {key: value for key, value in asdict(self).items() if key != "usage"}
        usage = {**self.usage.model_dump(), "total_tokens": self.usage.total_tokens}
        return {**told, "usage": usage, "tokens_per_problem": self.tokens}


@dataclass(frozen=True, slots=True)
class Flips:
    """Items whose score differs between two runs, by id.

    Attributes:
        gained: B scores higher than A.
        dropped: B scores lower than A.
    """

    gained: tuple[str, ...]
    dropped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.gained) + len(self.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two runs on the same items: B against A. Differences are B − A, as shares: 0.042 is 4.2 points.

    Attributes:
        a: The label of the run that is compared with.
        b: The label of the run that is compared.
        sides: Both runs over the matched items, A first.
        items: Items matched by id.
        unmatched: Items of A that B has not, and of B that A has not; they are in no figure.
        difference: The accuracy of B less that of A.
        interval: Of the difference; `method` says how it was made. Over several pairs all intervals hold at once
            (Bonferroni). Where `grown`, it holds however often one looked.
        p: Of no difference: exact McNemar for scores of 0 and 1 of independent items, sign flips else; always valid
            where `grown`. Not adjusted.
        p_adjusted: `p` after Holm, over all pairs of the comparison.
        confidence: Of the interval, over all pairs at once.
        pairs: How many pairs the comparison has, which interval and `p_adjusted` allow for.
        grown: Whether a run was extended after it could have been looked at, so that statistics for a fixed number
            of items do not hold and are not shown.
        clusters: Groups of items that count as independent; None where each item does.
        bounds: The difference if every lost problem had gone against B, and if every one had gone for it.
        flips: The items that differ.
        minimum_detectable: The least true difference that so many items show in 80 % of the cases, in a comparison of
            so many pairs.
        needed: Items that would show a true difference as large as the one seen in 80 % of the cases; None where
            none was seen.
        agreement: The share of matched problems that both answered alike, by the answers' canonical key; None where
            the answer kinds differ.
        outcome: "better" or "worse" is B's; "unclear" where no difference is shown.
        verdict: All this in a sentence.
        notes: What differs between the runs beyond what is compared, and what was left out.
    """

    a: str
    b: str
    sides: tuple[Side, Side]
    items: int
    unmatched: tuple[int, int]
    difference: float
    interval: Interval
    p: float
    p_adjusted: float
    confidence: float
    pairs: int
    grown: bool
    clusters: int | None
    bounds: tuple[float, float]
    flips: Flips
    minimum_detectable: float
    needed: int | None
    agreement: float | None
    outcome: Outcome
    verdict: str
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return self.verdict

    def to_json(self) -> dict[str, Any]:
        """The pair as one JSON object."""
        told = {key: getattr(self, key) for key in self.__slots__}
        told["sides"] = [side.to_json() for side in self.sides]
        told["interval"] = [self.interval.low, self.interval.high]
        told["method"] = self.interval.method
        told["flips"] = {"gained": list(self.flips.gained), "dropped": list(self.flips.dropped)}
        return {**told, "unmatched": list(self.unmatched), "bounds": list(self.bounds), "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs compared two by two.

    Attributes:
        task: What they all were asked.
        pairs: The pairs, in the order of the runs.
    """

    task: str
    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.pairs))

    def to_json(self) -> dict[str, Any]:
        """The comparison as one JSON object: what `reasoning compare --json` prints."""
        return {"task": self.task, "pairs": [pair.to_json() for pair in self.pairs]}

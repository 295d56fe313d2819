"""What the lines of a run come to: counted line by line, whether they were just written or are read again."""

from collections import Counter
from typing import NamedTuple

from evals.lines import Line
from evals.score import Headline, is_lost
from evals.stats import Interval, interval, wilson
from reasoning.usage import Usage

Key = tuple[str, int]
"""A problem's id and its repeat."""


class _Facts(NamedTuple):
    statuses: list[str]
    tokens: tuple[int, int, int, int]
    estimated: bool
    cost: float | None
    answered: bool
    cause: str | None


class Summary:
    """Counts over the lines of a run, in memory that does not grow with their texts.

    Attributes:
        scores: The score of each line that counts; None for a lost item (see `evals.score.is_lost`).
        groups: The group of each item that has one.
        paths: Paths by status.
        lost: Paths without an answer by status, and under "error" the items whose strategy broke.
        unanswered: Items that ended without an answer, for whatever reason.
        ties: Items whose vote was tied.
        abstentions: Paths without an answer among several of one item.
    """

    def __init__(self) -> None:
        self.scores: dict[Key, float | None] = {}
        self.groups: dict[str, str] = {}
        self.paths: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.unanswered = 0
        self.ties = 0
        self.abstentions = 0
        self.correct = 0.0
        self.failures = 0
        self._tokens = [0, 0, 0, 0]
        self._estimated = 0
        self._cost = 0.0
        self._unpriced = 0

    def __len__(self) -> int:
        return len(self.scores)

    def is_done(self, key: Key) -> bool:
        """Whether a problem has a line and is not lost."""
        return self.scores.get(key) is not None

    def add(self, line: Line) -> None:
        """Counts a line.

        Raises:
            KeyError, TypeError, ValueError, IndexError: It is no line of a run log.
        """
        facts = self._count(line, 1)
        score = None if facts.cause else float(line["score"])
        self.scores[line["id"], line.get("repeat", 0)] = score
        if "group" in line:
            self.groups[line["id"]] = line["group"]
        self.correct += score or 0.0

    def remove(self, line: Line) -> None:
        """Takes a line back that another one replaces."""
        self._count(line, -1)
        self.correct -= self.scores.pop((line["id"], line.get("repeat", 0))) or 0.0

    @property
    def usage(self) -> Usage:
        """What the decided paths cost bought cold."""
        prompt, completion, reasoned, cached = self._tokens
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            reasoning_tokens=reasoned,
            cached_tokens=cached,
            estimated=self._estimated > 0,
        )

    @property
    def cost(self) -> float | None:
        """Money for `usage` in US dollars; None where a price is unknown."""
        return None if self._unpriced or not self.scores else self._cost

    def headline(self, planned: int) -> Headline:
        """The score over all planned problems; what is lost or missing counts 0, and widens the bounds."""
        planned = max(planned, len(self.scores), 1)
        lost = planned - len(self.scores) + self.failures
        accuracy = self.correct / planned
        return Headline(planned, lost, accuracy, (accuracy, (self.correct + lost) / planned))

    def running(self) -> tuple[float, Interval] | None:
        """Accuracy and Wilson's interval over what is done so far; None at the start."""
        done = len(self.scores)
        return (self.correct / done, wilson(self.correct, done)) if done else None

    def interval(self, items: int, repeats: int) -> Interval | None:
        """The headline's interval: over items, each with the mean of its repeats; clustered where there are groups.

        Args:
            items: Planned; those without a line count 0, as they do in the headline.
            repeats: Of each item.
        """
        sums: dict[str, float] = {}
        for (id, _), score in self.scores.items():
            sums[id] = sums.get(id, 0.0) + (score or 0.0)
        if not sums:
            return None
        scores = [total / repeats for total in sums.values()] + [0.0] * (items - len(sums))
        groups = [self.groups.get(id) for id in sums] + [None] * (items - len(sums)) if self.groups else None
        return interval(scores, groups)

    def _count(self, line: Line, sign: int) -> _Facts:
        facts = _facts(line)
        for status in facts.statuses:
            self.paths[status] += sign
            if status != "ok":
                self.lost[status] += sign
        if len(facts.statuses) > 1:
            self.abstentions += sign * sum(status != "ok" for status in facts.statuses)
        if "error" in line:
            self.lost["error"] += sign
        self.unanswered += sign * (not facts.answered)
        self.failures += sign * (facts.cause is not None)
        self.ties += sign * ("tied" in line)
        for place, count in enumerate(facts.tokens):
            self._tokens[place] += sign * count
        self._estimated += sign * facts.estimated
        self._cost += sign * (facts.cost or 0.0)
        self._unpriced += sign * (facts.cost is None)
        return facts


def _facts(line: Line) -> _Facts:
    statuses, tokens, estimated, cost = [], [0, 0, 0, 0], False, 0.0
    priced = bool(line["p"])
    for path in line["p"]:
        statuses.append(path.get("st", "ok"))
        for draw in (*path["d"], *path.get("aside", ())):
            tokens[0] += draw[2]
            tokens[1] += draw[3]
            rest = draw[6] if len(draw) > 6 else {}
            tokens[2] += rest.get("reasoned", 0)
            tokens[3] += rest.get("cached", 0)
            estimated = estimated or "estimated" in rest
            if "cost" in rest:
                cost += rest["cost"]
            else:
                priced = False
    if "usage" in line:
        told = line["usage"]
        fields = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
        tokens, estimated = [told.get(field, 0) for field in fields], "estimated" in told
    answered = line["key"] is not None if "key" in line else any("a" in path for path in line["p"])
    cause = "lost" if is_lost(answered, statuses, line.get("error")) else None
    paid = line.get("cost", cost if priced else None)
    return _Facts(statuses, (tokens[0], tokens[1], tokens[2], tokens[3]), estimated, paid, answered, cause)

"""Votes on many orders of draws at once: the score of the winner of every prefix.

Arrays are (draws, orders), as in `evals.replays.rules`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.replays.pool import Pool
from strategies.confidence import Confidence
from strategies.judging import Judged, Scored
from strategies.path import Path
from strategies.voting import Majority, Vote
from strategies.weighting import Likelihood, TraceConfidence

Array = Any

PLURALITY, SUM, BEST = "plurality", "sum", "best"


@dataclass(frozen=True, slots=True)
class Weighing:
    """How a vote weighs a pool's draws, where that does not depend on which others are there.

    Attributes:
        how: "plurality"; "sum" of weights by class; the class of the "best" draw.
        weights: (rows, draws); None for a plurality.
    """

    how: str
    weights: Array | None = None


def weighing(vote: Vote, pool: Pool) -> Weighing | None:
    """How a vote weighs each draw by itself; None where that depends on the others, so that it must be asked."""
    import numpy as np

    if type(vote) is Majority:
        return Weighing(PLURALITY)
    signal, how = _signal(vote)
    if signal is None:
        return None
    voting = pool.classes >= 0
    told = np.array([[one.get(signal, np.nan) for one in _padded(row.signals, pool.draws)] for row in pool.rows])
    if np.isnan(told[voting]).any() or (how == SUM and (told[voting] < 0).any()):
        return None
    told = np.where(voting, told, 0.0)
    if isinstance(vote, Confidence):
        top = np.where(voting, told, -np.inf).max(axis=1, keepdims=True, initial=0.0)
        told = np.exp((told - top) / vote.temperature)
    return Weighing(how, told)


def _signal(vote: Vote) -> tuple[str | None, str]:
    if type(vote) is Likelihood or (type(vote) is TraceConfidence and vote.keep == 1):
        return vote.signal, SUM
    if type(vote) is Confidence:
        return "confidence", SUM
    if type(vote) is Judged or type(vote) is Scored:
        return ("judge" if isinstance(vote, Judged) else "scorer"), (SUM if vote.pick == "weighted" else BEST)
    return None, SUM


def _padded(signals: Sequence[Mapping[str, float]], draws: int) -> list[Mapping[str, float]]:
    return [*signals, *({} for _ in range(draws - len(signals)))]


def leading_two(classes: Array, most: int) -> tuple[Array, Array]:
    """The votes of the two largest classes of every prefix."""
    import numpy as np

    draws, orders = classes.shape
    first, second = np.zeros((draws, orders), np.int16), np.zeros((draws, orders), np.int16)
    counts = np.zeros(orders * (most + 1), np.int16)
    places: Array = np.arange(orders, dtype=np.intp) * (most + 1) + 1  # place 0 of each order is for draws that abstain
    v1, v2 = np.zeros(orders, np.int16), np.zeros(orders, np.int16)
    sharing = np.zeros(orders, np.int16)
    for at in range(draws):
        which = places + classes[at]
        votes = np.where(classes[at] >= 0, counts[which] + 1, 0).astype(np.int16)
        counts[which] = votes
        ahead, level = votes > v1, (votes == v1) & (votes > 0)
        # Whoever gets ahead had as many votes as the leader: it was the leader, alone or sharing the place.
        v2 = np.where(ahead, np.where(sharing > 1, v1, v2), np.where(level, v1, np.maximum(v2, votes)))
        sharing = np.where(ahead, 1, sharing + level)
        v1 = np.maximum(v1, votes)
        first[at], second[at] = v1, v2
    return first, second


def winners_worth(classes: Array, weights: Array | None, worth: Array, rank: Array | None = None) -> Array:
    """What the winner of every prefix is worth, by the sum of its draws' weights.

    Args:
        classes: (draws, orders).
        weights: (draws, orders); None weighs each draw 1.
        worth: What each class is worth: (orders, classes).
        rank: The order in which tied classes win: (orders, classes). Without it the mean of the tied is taken, as if
            one of them won at random.
    """
    import numpy as np

    draws, orders = classes.shape
    most = worth.shape[1]
    found = np.zeros((draws, orders))
    held = np.full(orders * (most + 1), -1.0)  # -1: not seen yet
    places = np.arange(orders, dtype=np.intp) * (most + 1) + 1
    top, sharing, total = np.full(orders, -1.0), np.zeros(orders), np.zeros(orders)
    leader_rank = np.zeros(orders, np.int32)
    each = np.arange(orders)
    for at in range(draws):
        which, votes = places + classes[at], classes[at] >= 0
        before = held[which]
        after = np.where(votes, np.maximum(before, 0.0) + (1.0 if weights is None else weights[at]), -1.0)
        held[which] = after
        mine = worth[each, classes[at]]
        ahead = after > top
        level = votes & (after == top) & (before != top)
        if rank is None:
            sharing = np.where(ahead, 1.0, sharing + level)
            total = np.where(ahead, mine, total + np.where(level, mine, 0.0))
            found[at] = total / np.maximum(sharing, 1.0)
        else:
            ranked = rank[each, classes[at]]
            takes = ahead | (level & (ranked < leader_rank))
            total = np.where(takes, mine, total)
            leader_rank = np.where(takes, ranked, leader_rank)
            found[at] = total
        top = np.maximum(top, after)
    return found


def best_worth(classes: Array, weights: Array, worth: Array) -> Array:
    """What the answer of the best draw of every prefix is worth; the first of equals is the best."""
    import numpy as np

    draws, orders = classes.shape
    found, top, held = np.zeros((draws, orders)), np.full(orders, -np.inf), np.zeros(orders)
    each = np.arange(orders)
    for at in range(draws):
        better = (classes[at] >= 0) & (weights[at] > top)
        top = np.where(better, weights[at], top)
        held = np.where(better, worth[each, classes[at]], held)
        found[at] = held
    return found


def asked_worth(
    vote: Vote, classes: Array, signals: Sequence[Sequence[Mapping[str, float]]], worth: Array, rank: Array | None
) -> Array:
    """What the winner of every prefix is worth by a vote that is asked itself, prefix by prefix.

    Args:
        vote: Which.
        classes: (draws, orders).
        signals: For each order those of its draws.
        worth: (orders, classes).
        rank: As for `winners_worth`.
    """
    import numpy as np

    draws, orders = classes.shape
    found = np.zeros((draws, orders))
    for column in range(orders):
        paths = [
            Path.model_construct(index=at, status="ok", key=str(which), answer=which, signals=dict(told))
            if which >= 0
            else Path.model_construct(index=at, status="no_answer", signals={})
            for at, (which, told) in enumerate(zip(classes[:, column], signals[column], strict=True))
        ]
        for count in range(1, draws + 1):
            sums: dict[int, float] = {}
            for path, weight in zip(paths[:count], vote.weights(paths[:count]), strict=True):
                if path.key is not None:
                    sums[int(path.key)] = sums.get(int(path.key), 0.0) + weight
            if not sums:
                continue
            top = max(sums.values())
            tied = [which for which, weight in sums.items() if weight == top]
            if rank is not None:
                tied = [min(tied, key=lambda which: rank[column, which])]
            found[count - 1, column] = sum(worth[column, which] for which in tied) / len(tied)
    return found


def adds_up_alike(vote: Vote) -> bool:
    """Whether a vote's weights are the signals themselves, so that sums of them are the live vote's to the last bit."""
    return not isinstance(vote, Confidence)

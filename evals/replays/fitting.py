"""`--fit-prior`: a prior for `Adaptive`, fitted to one part of a pool and judged on the other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.replays.estimating import Estimate, expected
from evals.replays.holdout import halves
from evals.replays.pool import Pool, pool_of
from evals.run import Run, load_run
from reasoning.errors import ConfigError
from strategies.policy import MOST_VOTES
from strategies.prior import Prior, Votes, fit
from strategies.stopping import Adaptive
from strategies.voting import Majority

Array = Any

LADDER = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
"""Confidences at which the published rule is tried, so that there is one that draws as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a fitted prior gives on items that it was not fitted to, against the published rule at equal draws.

    Attributes:
        confidence: Of both rules, before the published one is moved to equal draws.
        draws: Draws a problem with the prior.
        published_draws: Draws a problem of the published rule at that confidence.
        accuracy: With the prior.
        published_accuracy: Of the published rule at that confidence.
        difference: Accuracy with the prior less that of the published rule at as many draws, which is read off between
            the two confidences nearest to it.
        difference_interval: Its 95 % interval, low and high, paired and clustered.
        agreement: The same difference in how often the answer is that of the whole pool: what the prior is about.
        agreement_interval: Its interval.
    """

    confidence: float
    draws: float
    published_draws: float
    accuracy: float
    published_accuracy: float
    difference: float
    difference_interval: tuple[float, float]
    agreement: float
    agreement_interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prior, and what it gives on held-out items.

    Attributes:
        prior: Fitted to the other items.
        fitted_on: Items it was fitted to.
        told_on: Items that the gains are told on.
        gains: By confidence.
    """

    prior: Prior
    fitted_on: int
    told_on: int
    gains: tuple[Gain, ...]

    def to_json(self) -> dict[str, Any]:
        """What `reasoning replay --fit-prior FILE --json` prints of it."""
        from evals.replays.points import as_json

        gains = [{name: getattr(gain, name) for name in gain.__dataclass_fields__} for gain in self.gains]
        return {"fitted_on": self.fitted_on, "told_on": self.told_on, "gains": [as_json(gain) for gain in gains]}


def fit_prior(
    run: Run | str | Path,
    *,
    samples: int | None = None,
    holdout: float = 0.5,
    confidences: Sequence[float] = (0.9, 0.95),
    horizon: int | None = None,
    orders: int = 400,
    seed: int = 0,
) -> Fitted:
    """Fits `Adaptive`'s prior to a part of a run's pool, and judges it on the rest.

    Args:
        run: A run that votes over paths and drew as many of every problem, or its folder.
        samples: Draws a problem; None takes all.
        holdout: The share of items that it is judged on.
        confidences: Where the two rules are compared.
        horizon: Draws after which either rule stops in any case; None is half of the pool's. Nearer to the whole pool
            every rule agrees with it, whatever it does.
        orders: Random orders a problem.
        seed: Of those orders, and of which items are held out.

    Raises:
        MissingDrawsError: The number of draws depended on what they answered.
        ConfigError: There are too few items to fit to and to judge on.
    """
    run = run if isinstance(run, Run) else load_run(run)
    return fit_pool(pool_of(run, samples), run.name, holdout, confidences, orders, seed, horizon)


def fit_pool(
    pool: Pool,
    source: str,
    holdout: float,
    confidences: Sequence[float],
    orders: int,
    seed: int,
    horizon: int | None = None,
) -> Fitted:
    """`fit_prior` on a pool."""
    if pool.draws < 4:
        raise ConfigError(f"A prior is fitted to at least 4 draws a problem; this pool has {pool.draws}.")
    cap = min(pool.draws // 2 if horizon is None else horizon, pool.draws, MOST_VOTES)
    parts = halves(pool, holdout, seed)
    if parts is None:
        raise ConfigError("A prior needs two groups of items or more to be fitted to, and as many to be judged on.")
    fitting, telling = parts
    prior = fit((Votes.of(row.keys) for row in pool.part(fitting).rows), source=source)
    held = pool.part(telling)
    gains = tuple(_gain(held, prior, confidence, cap, orders, seed) for confidence in confidences)
    return Fitted(prior=prior, fitted_on=len(fitting), told_on=len(telling), gains=gains)


def _gain(pool: Pool, prior: Prior, confidence: float, cap: int, orders: int, seed: int) -> Gain:
    """The two rules on the very same random orders, both for at most `cap` draws."""
    ours = Adaptive(confidence=confidence, prior=prior, horizon=cap)
    ladder = [Adaptive(confidence=one) for one in sorted({*LADDER, confidence})]
    settings = [(Majority(), rule) for rule in (ours, *ladder)]
    told, *published = expected(pool, settings, orders, seed)
    agreed, *published_agreed = expected(_agreeing(pool), settings, orders, seed)
    at = next(n for n, rule in enumerate(ladder) if rule.confidence == confidence)
    drawn = _at(pool, told.draws, cap)
    below, share = _between([_at(pool, one.draws, cap) for one in published], drawn)

    def apart(mine: Estimate, theirs: Sequence[Estimate]) -> tuple[float, tuple[float, float]]:
        level = (1 - share) * theirs[below].score[:, cap - 1 : cap] + share * theirs[below + 1].score[:, cap - 1 : cap]
        values = mine.score[:, cap - 1 : cap] - level
        (ends,) = pool.intervals((values + 1) / 2)
        return float(pool.mean(values)[0]), (2 * ends.low - 1, 2 * ends.high - 1)

    difference, difference_interval = apart(told, published)
    agreement, agreement_interval = apart(agreed, published_agreed)
    return Gain(
        confidence=confidence,
        draws=drawn,
        published_draws=_at(pool, published[at].draws, cap),
        accuracy=_at(pool, told.score, cap),
        published_accuracy=_at(pool, published[at].score, cap),
        difference=difference,
        difference_interval=difference_interval,
        agreement=agreement,
        agreement_interval=agreement_interval,
    )


def _agreeing(pool: Pool) -> Pool:
    """The pool with the whole pool's plurality in place of the right answer; classes that tie for it share."""
    from dataclasses import replace

    rows = []
    for row in pool.rows:
        counts = Counter(key for key in row.keys if key is not None)
        top = max(counts.values(), default=0)
        tied = sum(count == top for count in counts.values())
        rows.append(replace(row, worth={key: (count == top) / tied for key, count in counts.items()}))
    return pool.of_rows(rows, pool.items)


def _at(pool: Pool, values: Array, cap: int) -> float:
    return float(pool.mean(values[:, cap - 1]))


def _between(draws: Sequence[float], wanted: float) -> tuple[int, float]:
    """Between which two rungs a number of draws lies, and how far up; the nearest rung where it lies beyond them."""
    for at in range(len(draws) - 1):
        if wanted <= draws[at + 1]:
            step = draws[at + 1] - draws[at]
            return at, min(1.0, max(0.0, (wanted - draws[at]) / step)) if step > 0 else 0.0
    return len(draws) - 2, 1.0

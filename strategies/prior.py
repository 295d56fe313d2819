"""What a tally is worth for a model and a task: a prior over answer distributions, fitted to a pool of draws.

`Adaptive` asks how sure it is that the leading answer is likelier than the runner-up. The published rule starts from a
flat prior: all shares q of the likelier of the two, from 1/2 to 1, are as probable, and votes for third answers say
nothing. Real models and tasks differ: where nearly every problem is either clear or hopeless a 3–1 tally says much,
where many are close it says little, and 3–1 among six other answers is not 3–1. `fit` learns from a pool how q and the
share of third answers vary between problems; `docs/adaptive-prior.md` derives it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path as File
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reasoning.errors import ConfigError, DataError

Array = Any

MAINS: Sequence[float] = (1.0, 0.95, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1)
"""The shares m of votes that go to a problem's two main answers; the others are all different."""
STEPS = 32
SHARES: Sequence[float] = tuple(0.5 + (at + 0.5) / (2 * STEPS) for at in range(STEPS))
"""The shares q of the likelier of the two main answers in their votes: midpoints of equal steps from 1/2 to 1."""
ATOMS: Sequence[tuple[float, float]] = tuple((main, share) for main in MAINS for share in SHARES)
"""The answer distributions that a prior tells apart, (m, q) each."""
PSEUDO_PROBLEMS = 2.0
"""Weight of the flat prior in a fit, in problems: no distribution is ruled out by a small pool."""
TRACE = 1e-12
"""Weight of what a prior rules out, so that votes which it cannot explain are read as if it had known nothing."""
NEVER = 1e-300
ROUNDS = 500
SETTLED = 1e-9


class Votes(NamedTuple):
    """What a prior sees of a tally: votes of the largest class, of the second largest, and of all others."""

    first: int
    second: int
    others: int

    @classmethod
    def of(cls, keys: Iterable[str | None]) -> Self:
        """The votes of paths by their classes; None is no vote."""
        counts = sorted(Counter(key for key in keys if key is not None).values(), reverse=True)
        first, second, *others = [*counts, 0, 0]
        return cls(first, second, sum(others))


class Prior(BaseModel):
    """A frozen prior over answer distributions.

    Attributes:
        weights: The probability of each of `ATOMS`; they add up to 1.
        problems: How many problems it was fitted to.
        source: What pool that was, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[float, ...] = Field(min_length=len(ATOMS), max_length=len(ATOMS))
    problems: int = Field(default=0, ge=0)
    source: str = ""

    @field_validator("weights")
    @classmethod
    def _probabilities(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
            raise ValueError("the weights of a prior must not be negative, and must add up to 1")
        return weights

    @classmethod
    def flat(cls) -> Self:
        """The published rule's prior: two answers, and any share as probable."""
        return cls(weights=tuple(1 / STEPS if main == 1 else 0.0 for main, _ in ATOMS))

    @classmethod
    def read(cls, value: Any) -> Any:
        """A prior from the path of a file that `save` wrote; anything else as it is.

        Raises:
            DataError: The file cannot be read as a prior.
        """
        if not isinstance(value, (str, File)):
            return value
        try:
            return cls.model_validate_json(File(value).read_bytes())
        except OSError as error:
            raise DataError(f"The prior {value} cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            raise DataError(f"{value} is no prior: {error.errors()[0]['msg']}. Fit one to a pool of draws.") from error

    def save(self, file: File | str) -> None:
        """Writes it down as JSON."""
        File(file).write_text(json.dumps(self.model_dump(mode="json")) + "\n", encoding="utf-8")

    def ahead(self, votes: Array) -> tuple[Array, Array]:
        """What a prior makes of each row of votes, which are as `log_likelihoods` takes them.

        Returns:
            P(the leader is the problem's likeliest answer), and the natural logarithm of the votes' likelihood.
        """
        import numpy as np

        mass = np.array(self.weights) + TRACE
        leads, whole = log_likelihoods(votes)
        top = whole.max(axis=1, keepdims=True)
        likelihood = np.exp(whole - top) @ mass
        return np.exp(leads - top) @ mass / likelihood, np.log(likelihood) + top[:, 0]


def log_likelihoods(votes: Array) -> tuple[Array, Array]:
    """How likely votes are under each of `ATOMS`, in natural logarithms.

    A vote goes to the likelier main answer with probability m·q, to the other with m·(1−q), else to an answer that no
    other vote is for. Which class is which main answer, if any, is not known: all ways are added up. The votes are of
    one order, labels aside, so that the ratio of two such likelihoods is the probability of a next vote.

    Args:
        votes: (rows, 3): first ≥ second ≥ 0 and the others, which are there only where a second is; one vote or more.

    Returns:
        (rows, atoms) each: votes *and* the leader is the likelier main answer; votes alone. Where classes tie, the
        leader is any one of them.
    """
    import numpy as np

    votes = np.asarray(votes, dtype=float)
    main, share = np.array(ATOMS).T
    likelier, other = np.log(main * share), np.log(main * (1 - share))
    neither = np.log(np.maximum(1 - main, NEVER))
    leads, trails = votes @ np.stack([likelier, other, neither]), votes @ np.stack([other, likelier, neither])

    # of classes of one vote any may be a main answer, or none: few states, but each a sum
    few = np.flatnonzero(votes[:, 1] <= 1)
    first, second, others = votes[few].T[:, :, None]
    ones = others + 1
    sum_of = np.logaddexp

    def led_by(leader: Array, pair: Array) -> Array:
        return np.where(second == 0, first * leader, sum_of(first * leader + ones * neither, np.log(ones) + pair))

    pair = leads[few]
    leads[few], trails[few] = led_by(likelier, pair), led_by(other, trails[few])
    whole = sum_of(leads, trails)
    alone = sum_of(likelier, other) + ones * neither
    each_one = sum_of((others + 2) * neither, np.log(others + 2) + sum_of(alone, np.log(ones) + pair))
    whole[few] = np.where(first > 1, whole[few], np.where(second == 1, each_one, 0.0))
    return leads, whole


def fit(tallies: Iterable[Votes], source: str = "") -> Prior:
    """Fits a prior to the votes of each problem of a pool.

    The nonparametric maximum-likelihood estimate of the mixing distribution (Kiefer and Wolfowitz 1956) on a grid, by
    EM, with a flat distribution of `PSEUDO_PROBLEMS` problems mixed in. The pool's size must not depend on its answers.

    Args:
        tallies: The votes of each problem, in any order.
        source: What pool it is.

    Raises:
        ConfigError: No problem has a vote.
    """
    import numpy as np

    counts = Counter(votes for votes in tallies if votes.first > 0)
    problems = sum(counts.values())
    if not problems:
        raise ConfigError("A prior is fitted to problems that have votes; this pool has none.")
    _, logs = log_likelihoods(np.array(list(counts)))
    likely, times = np.exp(logs - logs.max(axis=1, keepdims=True)), np.array(list(counts.values()), dtype=float)
    flat = np.full(len(ATOMS), 1 / len(ATOMS))
    weights = flat
    for _ in range(ROUNDS):
        mass = weights * likely
        grown = times @ (mass / mass.sum(axis=1, keepdims=True)) + PSEUDO_PROBLEMS * flat
        before, weights = weights, grown / grown.sum()
        if np.abs(weights - before).max() < SETTLED:
            break
    return Prior(weights=tuple(weights.tolist()), problems=problems, source=source)

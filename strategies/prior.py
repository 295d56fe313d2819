"""What a tally is worth for a model and a task: a prior fitted to a pool of draws.

`Adaptive` asks how sure it is that the leading answer is likelier than the runner-up. The published rule starts from a
flat prior: all shares q of the likelier of the two, from 1/2 to 1, are as probable. Real models and tasks differ: where
nearly every problem is either clear or hopeless a 3–1 tally says much, where many are close it says little. `fit`
learns the distribution of q from a pool; `docs/adaptive-prior.md` derives it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from math import exp, log
from pathlib import Path as File
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reasoning.errors import ConfigError, DataError

ATOMS = 64
SHARES: Sequence[float] = tuple(0.5 + (at + 0.5) / (2 * ATOMS) for at in range(ATOMS))
"""The shares q of the likelier of two answers that the prior tells apart: midpoints of equal steps from 1/2 to 1."""
PSEUDO_PROBLEMS = 2.0
"""Weight of the flat prior in a fit, in problems: no share is ruled out by a small pool."""
ROUNDS = 500
SETTLED = 1e-9


class Prior(BaseModel):
    """A frozen prior over the share of the likelier of two answers.

    Attributes:
        weights: The probability of each of `SHARES`; they add up to 1.
        problems: How many problems it was fitted to.
        source: What pool that was, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[float, ...] = Field(min_length=ATOMS, max_length=ATOMS)
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
        """The published rule's prior."""
        return cls(weights=(1 / ATOMS,) * ATOMS)

    @classmethod
    def read(cls, value: Any) -> Any:
        """A prior from the path of a file that `save` wrote; anything else as it is.

        Raises:
            DataError: The file cannot be read as a prior.
        """
        if not isinstance(value, (str, File)):
            return value
        try:
            return cls.model_validate_json(File(value).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"The prior {value} cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            raise DataError(f"{value} is no prior: {error.errors()[0]['msg']}. Fit one to a pool of draws.") from error

    def save(self, file: File | str) -> None:
        """Writes it down as JSON."""
        File(file).write_text(json.dumps(self.model_dump(mode="json")) + "\n", encoding="utf-8")

    def ahead(self, first: int, second: int) -> float:
        """P(the answer with `first` votes is likelier than the one with `second`), given those votes."""
        right = wrong = 0.0
        for weight, for_it, against in zip(self.weights, *_likelihoods(first, second), strict=True):
            right += weight * for_it
            wrong += weight * against
        return right / (right + wrong)

    def next_is_first(self, first: int, second: int) -> float:
        """P(the next of the two answers' votes is for the one with `first` votes), given those votes."""
        whole = upto = 0.0
        for weight, q, for_it, against in zip(self.weights, SHARES, *_likelihoods(first, second), strict=True):
            whole += weight * (for_it + against)
            upto += weight * (q * for_it + (1 - q) * against)
        return upto / whole


@cache
def _likelihoods(first: int, second: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """For each share q: q^first (1−q)^second, and the same with the answers swapped; scaled by a common factor."""
    logs = [(first * log(q) + second * log(1 - q), second * log(q) + first * log(1 - q)) for q in SHARES]
    top = max(max(pair) for pair in logs)
    return tuple(exp(one - top) for one, _ in logs), tuple(exp(other - top) for _, other in logs)


def fit(tallies: Iterable[tuple[int, int]], source: str = "") -> Prior:
    """Fits a prior to the votes of the two largest classes of each problem of a pool.

    The nonparametric maximum-likelihood estimate of the mixing distribution (Kiefer and Wolfowitz 1956) on a grid, by
    EM, with a flat distribution of `PSEUDO_PROBLEMS` problems mixed in. The pool's size must not depend on its answers.

    Args:
        tallies: (votes of the largest class, votes of the second largest) for each problem, in any order.
        source: What pool it is.

    Raises:
        ConfigError: No problem has a vote.
    """
    counts = Counter((max(pair), min(pair)) for pair in tallies if max(pair) > 0)
    problems = sum(counts.values())
    if not problems:
        raise ConfigError("A prior is fitted to problems that have votes; this pool has none.")
    likelihoods = {pair: [sum(both) for both in zip(*_likelihoods(*pair), strict=True)] for pair in counts}
    weights = [1 / ATOMS] * ATOMS
    for _ in range(ROUNDS):
        grown = [PSEUDO_PROBLEMS / ATOMS] * ATOMS
        for pair, times in counts.items():
            mass = [weight * likelihood for weight, likelihood in zip(weights, likelihoods[pair], strict=True)]
            share = times / sum(mass)
            for at, part in enumerate(mass):
                grown[at] += share * part
        total = problems + PSEUDO_PROBLEMS
        moved = max(abs(new / total - old) for new, old in zip(grown, weights, strict=True))
        weights = [new / total for new in grown]
        if moved < SETTLED:
            break
    whole = sum(weights)
    return Prior(weights=tuple(weight / whole for weight in weights), problems=problems, source=source)

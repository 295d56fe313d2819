"""Where to stop, given a prior: the best use of as many draws as the published rule would spend.

A threshold on P(leader is likelier) is not the best rule once problems differ: 0.9 on a close problem would take many
draws to improve, 0.9 on what may well be a clear one takes two, and where every vote is for another answer no number
of draws that one can pay would help. With a prior all can be weighed. The rule that maximises

    P(the leader at the stop is the likeliest answer) − λ · (votes)

follows by dynamic programming over the votes for the leader, for the runner-up and for all others, and λ, the worth of
a vote, is set so that on problems as the prior expects them the rule spends no more votes than the published one at
that confidence. So it is at least as accurate at equal draws wherever the prior holds. `docs/adaptive-prior.md` has the
derivation.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from strategies.prior import Prior, Votes

Array = Any

BISECTIONS = 40
MOST_VOTES = 100
"""The largest horizon: the states grow with its third power."""


class Policy:
    """For each state of the votes whether to stop, and the fewest votes after which it could.

    Attributes:
        horizon: Votes after which it stops in any case.
        fewest: Fewest further votes to a stop, by the votes so far; 0 at a stop.
        draws: Expected votes at the stop, on problems as the prior expects them.
        right: Expected share of problems whose leader at the stop is the likeliest answer, on such problems.
    """

    def __init__(self, horizon: int, fewest: dict[Votes, int], draws: float, right: float) -> None:
        self.horizon, self.fewest, self.draws, self.right = horizon, fewest, draws, right

    def at(self, votes: Votes) -> int:
        """Fewest further votes to a stop after these; 0 says stop."""
        return 0 if sum(votes) >= self.horizon else self.fewest[votes]


@lru_cache(maxsize=64)
def best_policy(prior: Prior, horizon: int, most_draws: float) -> Policy:
    """The policy with the highest expected accuracy among those that expect to spend at most `most_draws`."""
    model = _model(prior, horizon)
    low, high = 0.0, 1.0  # at λ = 1 no vote after the first is worth its price
    best = model.best_stops(high)
    for _ in range(BISECTIONS):
        worth = (low + high) / 2
        found = model.best_stops(worth)
        if model.expected(found)[0] <= most_draws:
            best, high = found, worth
        else:
            low = worth
    return model.policy(best)


@lru_cache(maxsize=64)
def told_by(prior: Prior, horizon: int, stop: Callable[[int, int], bool]) -> Policy:
    """What a rule on the two largest classes is expected to spend and to get right, on problems as the prior expects.

    Args:
        prior: What problems are expected.
        horizon: Votes after which it stops in any case.
        stop: Whether to stop at (first, second).
    """
    import numpy as np

    model = _model(prior, horizon)
    return model.policy(
        [np.array([stop(votes.first, votes.second) for votes in layer.states]) for layer in model.layers]
    )


class _Layer:
    """All states of as many votes, and where the next vote leads: `after[n]` with probability `chance[:, n]`."""

    def __init__(self, states: Sequence[Votes]) -> None:
        self.states = states
        self.ahead: Array = None
        self.after: Array = None
        self.chance: Array = None


class _Model:
    """The chain of votes that a prior expects, up to a horizon."""

    def __init__(self, prior: Prior, horizon: int) -> None:
        import numpy as np

        self.layers = [_Layer(_states(total)) for total in range(1, horizon + 1)]
        logs: Array = None
        following: _Layer | None = None
        for layer in reversed(self.layers):
            then = logs
            layer.ahead, logs = prior.ahead(np.array(layer.states))
            if following is not None:
                place = {votes: at for at, votes in enumerate(following.states)}
                layer.after = np.array([[place[votes] for votes in _after(state)] for state in layer.states])
                layer.chance = _chances(layer.states, np.exp(then[layer.after] - logs[:, None]))
            following = layer

    def best_stops(self, worth: float) -> list[Array]:
        """Backward induction: stop where the accuracy at hand is worth more than going on."""
        import numpy as np

        stops: list[Array] = []
        value: Array = None
        for layer in reversed(self.layers):
            if layer.after is None:
                stops.append(np.ones(len(layer.states), dtype=bool))
                value = layer.ahead
                continue
            going_on = (layer.chance * value[layer.after]).sum(axis=1) - worth
            stops.append(layer.ahead >= going_on)
            value = np.maximum(layer.ahead, going_on)
        return stops[::-1]

    def expected(self, stops: Sequence[Array]) -> tuple[float, float]:
        """Expected votes at the stop and accuracy, by a forward pass."""
        import numpy as np

        draws = right = 0.0
        reached = np.ones(1)
        for total, (layer, stop) in enumerate(zip(self.layers, stops, strict=True), 1):
            stop = stop if layer.after is not None else np.ones(len(stop), dtype=bool)
            draws += total * float(reached[stop].sum())
            right += float((reached * layer.ahead)[stop].sum())
            if layer.after is not None:
                onward = np.where(stop, 0.0, reached)[:, None] * layer.chance
                size = len(self.layers[total].states)
                reached = np.bincount(layer.after.ravel(), weights=onward.ravel(), minlength=size)
        return draws, right

    def policy(self, stops: Sequence[Array]) -> Policy:
        """The policy that stops there."""
        import numpy as np

        fewest: dict[Votes, int] = {}
        ahead: Array = None
        for layer, stop in zip(reversed(self.layers), reversed(stops), strict=True):
            wait: Array = np.zeros(len(stop), dtype=int)
            if layer.after is not None:
                wait = np.where(stop, 0, 1 + ahead[layer.after].min(axis=1))
            fewest.update(zip(layer.states, wait.tolist(), strict=True))
            ahead = wait
        fewest[Votes(0, 0, 0)] = 1 + fewest[Votes(1, 0, 0)]
        return Policy(len(self.layers), fewest, *self.expected(stops))


@lru_cache(maxsize=4)
def _model(prior: Prior, horizon: int) -> _Model:
    return _Model(prior, horizon)


def _states(total: int) -> list[Votes]:
    """All votes that add up so: first ≥ second, and others only where there is a second."""
    found = [Votes(total, 0, 0)]
    for second in range(1, total // 2 + 1):
        found += [Votes(total - second - others, second, others) for others in range(total - 2 * second + 1)]
    return found


def _after(votes: Votes) -> tuple[Votes, Votes, Votes]:
    """The votes after one more for the leader, one more for the runner-up, and one for an answer without votes.

    Where the runner-up has one vote, others may have one too, and any of them that gets another is the runner-up.
    """
    first, second, others = votes
    more = Votes(max(first, second + 1), min(first, second + 1), others)
    new = Votes(first, second, others + 1) if second else Votes(first, 1, 0)
    return Votes(first + 1, second, others), more if second else new, new


def _chances(states: Sequence[Votes], ratios: Array) -> Array:
    """The probabilities of the three that `_after` names, from how much likelier the votes after are.

    Args:
        states: The votes.
        ratios: (states, 3): the likelihood of the votes after, over that of the votes.
    """
    import numpy as np

    _, second, others = np.array(states).T
    # any class of one vote may become the runner-up; where there is no runner-up none gets a vote
    ways = np.where(second == 0, 0, np.where(second == 1, others + 1, 1))
    leader, runner_up = ratios[:, 0], ways * ratios[:, 1]
    return np.stack([leader, runner_up, np.clip(1 - leader - runner_up, 0, 1)], axis=1)

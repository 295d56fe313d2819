"""Where to stop, given a prior: the best use of as many draws as the published rule would spend.

A threshold on P(leader is likelier) is not the best rule once problems differ: 0.9 on a close problem would take many
draws to improve, 0.9 on what may well be a clear one takes two. With a prior both can be weighed. The rule that
maximises

    P(the leader at the stop is the likelier answer) − λ · (draws)

follows by dynamic programming over the votes (v1, v2) of the two largest classes, and λ, the worth of a draw, is set so
that on problems as the prior expects them the rule spends no more draws than the published one at that confidence. So
it is at least as accurate at equal draws wherever the prior holds. `docs/adaptive-prior.md` has the derivation.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from strategies.prior import Prior

Votes = tuple[int, int]
BISECTIONS = 40


class Policy:
    """For each pair of votes whether to stop, and the fewest draws after which it could.

    Attributes:
        horizon: Votes of the two largest classes after which it stops in any case.
        stops: Whether to stop at (v1, v2), v1 ≥ v2.
        fewest: Fewest further votes to a stop; 0 at a stop.
        draws: Expected votes at the stop, on problems as the prior expects them.
        right: Expected share of problems whose leader at the stop is the likelier answer, on such problems.
    """

    def __init__(self, horizon: int, stops: Mapping[Votes, bool], draws: float, right: float) -> None:
        self.horizon, self.stops, self.draws, self.right = horizon, stops, draws, right
        self.fewest: dict[Votes, int] = {}
        for votes in _backwards(horizon):
            self.fewest[votes] = 0 if stops[votes] else 1 + min(self.fewest[after] for after in _after(votes))

    def at(self, first: int, second: int) -> int:
        """Fewest further votes to a stop after these; 0 says stop."""
        return 0 if first + second >= self.horizon else self.fewest[first, second]


@lru_cache(maxsize=64)
def best_policy(prior: Prior, horizon: int, most_draws: float) -> Policy:
    """The policy with the highest expected accuracy among those that expect to spend at most `most_draws`."""
    model = _Model(prior, horizon)
    low, high = 0.0, 1.0  # at λ = 1 no draw after the first is worth its price
    best = model.policy(model.best_stops(high))
    for _ in range(BISECTIONS):
        worth = (low + high) / 2
        found = model.policy(model.best_stops(worth))
        if found.draws <= most_draws:
            best, high = found, worth
        else:
            low = worth
    return best


@lru_cache(maxsize=64)
def told_by(prior: Prior, horizon: int, stop: Callable[[int, int], bool]) -> Policy:
    """What a stopping rule on (v1, v2) is expected to spend and to get right, on problems as the prior expects them."""
    stops = {votes: sum(votes) >= horizon or (sum(votes) > 0 and stop(*votes)) for votes in _backwards(horizon)}
    return _Model(prior, horizon).policy(stops)


class _Model:
    def __init__(self, prior: Prior, horizon: int) -> None:
        self.horizon = horizon
        self.ahead = {votes: prior.ahead(*votes) for votes in _backwards(horizon)}
        self.first_next = {votes: prior.next_is_first(*votes) for votes in _backwards(horizon)}

    def best_stops(self, worth: float) -> dict[Votes, bool]:
        """Backward induction: stop where the accuracy at hand is worth more than going on."""
        stops: dict[Votes, bool] = {}
        value: dict[Votes, float] = {}
        for votes in _backwards(self.horizon):
            at_hand = self.ahead[votes]
            if sum(votes) == self.horizon:
                stops[votes], value[votes] = True, at_hand
                continue
            to_first, to_second = _after(votes)
            share = self.first_next[votes]
            going_on = share * value[to_first] + (1 - share) * value[to_second] - worth
            stops[votes] = sum(votes) > 0 and at_hand >= going_on
            value[votes] = at_hand if stops[votes] else going_on
        return stops

    def policy(self, stops: dict[Votes, bool]) -> Policy:
        """The policy with its expected draws and accuracy, by a forward pass."""
        reached: dict[Votes, float] = {(0, 0): 1.0}
        draws = right = 0.0
        for votes in sorted(stops, key=sum):
            chance = reached.get(votes, 0.0)
            if stops[votes]:
                draws += chance * sum(votes)
                right += chance * self.ahead[votes]
            else:
                to_first, to_second = _after(votes)
                share = self.first_next[votes]
                reached[to_first] = reached.get(to_first, 0.0) + chance * share
                reached[to_second] = reached.get(to_second, 0.0) + chance * (1 - share)
        return Policy(self.horizon, stops, draws, right)


def _backwards(horizon: int) -> list[Votes]:
    """All (v1, v2), v1 ≥ v2, from the most votes to none."""
    return [(total - second, second) for total in range(horizon, -1, -1) for second in range(total // 2 + 1)]


def _after(votes: Votes) -> tuple[Votes, Votes]:
    """The votes after one more for the first, and after one more for the second."""
    first, second = votes
    return (first + 1, second), (max(first, second + 1), min(first, second + 1))

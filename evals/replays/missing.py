"""Draws that a replay would need and that nobody has bought: how many, and what they would cost."""

from dataclasses import dataclass

from evals.rendering import count, money
from evals.run import Run
from reasoning.errors import UsageError


@dataclass(frozen=True, slots=True)
class DrawPrice:
    """What a draw of a run costs on average, bought cold.

    Attributes:
        tokens: Prompt and completion tokens.
        cost: US dollars; None where the price is unknown.
    """

    tokens: float
    cost: float | None

    @classmethod
    def of(cls, run: Run) -> "DrawPrice":
        """The mean over the paths of a run."""
        paths = max(1, sum(run.paths.values()))
        return cls(run.usage.total_tokens / paths, None if run.cost is None else run.cost / paths)

    def of_draws(self, draws: int) -> str:
        """So many draws in words: `about 12.3k tokens, $0.12`."""
        tokens = f"about {count(self.tokens * draws)} tokens"
        return tokens if self.cost is None else f"{tokens}, {money(self.cost * draws)}"


class MissingDrawsError(UsageError):
    """A replay needs draws that neither the run's log nor the store holds.

    Attributes:
        draws: How many are missing, at least: what follows on a missing draw is not known.
        tokens: What they would cost, at the mean of the run's draws.
        cost: The same in US dollars; None where the price is unknown.
    """

    def __init__(self, why: str, draws: int, price: DrawPrice, remedy: str) -> None:
        self.draws = draws
        self.tokens = price.tokens * draws
        self.cost = None if price.cost is None else price.cost * draws
        self._told = why, price, remedy
        drawn = "draw is" if draws == 1 else "draws are"
        super().__init__(f"{why}: {draws} {drawn} missing, {price.of_draws(draws)} by this run's prices. {remedy}")

    def with_draws(self, draws: int) -> "MissingDrawsError":
        """The same with another number of missing draws."""
        why, price, remedy = self._told
        return MissingDrawsError(why, draws, price, remedy)

"""What a run that is still to be made could show: the least difference to another that it would find."""

from evals import stats
from evals.stats import CONFIDENCE, POWER
from reasoning.errors import ConfigError


def minimum_detectable(
    n: int,
    accuracy: float,
    repeats: int = 1,
    discordance: float | None = None,
    *,
    within: float = 0.0,
    confidence: float = CONFIDENCE,
    power: float = POWER,
) -> float:
    """The smallest true difference of two runs of n items each that is found as often as `power` says.

    δ = (z_{α/2} + z_β) √(v/n) (Miller 2024, arXiv 2411.00640). Unpaired, v = 2 (p(1 − p) − σ² + σ²/K); paired, of two
    runs that differ on a share d of the items, v = d − 2σ² + 2σ²/K, which leaves out −δ² and so errs on the wide side.

    Args:
        n: Items.
        accuracy: p, expected of both runs.
        repeats: K, of each item.
        discordance: d, the share of the items on which two single runs would differ; None for runs on other items.
        within: σ², how much an item's score varies from repeat to repeat; at 0 repeats gain nothing.
        confidence: 1 − α, of a two-sided test.
        power: 1 − β.

    Raises:
        ConfigError: There are no items or repeats, or a share is not in [0, 1].
    """
    if n < 1 or repeats < 1:
        raise ConfigError(f"A difference takes one item and one repeat or more; got {n} and {repeats}.")
    for name, share in (("accuracy", accuracy), ("discordance", discordance or 0.0), ("within", within)):
        if not 0 <= share <= 1:
            raise ConfigError(f"{name} lies in [0, 1]; got {share}.")
    single = 2 * accuracy * (1 - accuracy) if discordance is None else discordance
    noise = min(2 * within, single)
    return stats.minimum_detectable(n, single - noise + noise / repeats, confidence, power)

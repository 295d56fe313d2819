"""Pools of draws with classes of one's choosing, and the votes and rules that are tried on them."""

import random
from collections.abc import Sequence

from evals.replays.pool import Draws, Pool
from strategies.confidence import Confidence
from strategies.judging import Judged
from strategies.stopping import Adaptive, Fixed, Stop, TokenLimit, Window
from strategies.voting import Majority, Vote
from strategies.weighting import Likelihood, TraceConfidence

RULES: Sequence[Stop] = (
    Fixed(samples=3),
    Adaptive(confidence=0.8),
    Adaptive(),
    Window(size=2),
    Window(size=3) | Adaptive(confidence=0.9),
    Adaptive(confidence=0.7) | Window(size=2),
    Window(size=2) & Fixed(samples=4),
    TokenLimit(tokens=25),
)
VOTES: Sequence[Vote] = (
    Majority(),
    Likelihood(),
    TraceConfidence(keep=0.5),
    Confidence(temperature=0.3),
    Judged(),
    Judged(pick="argmax"),
)
WORTH = {"1": 1.0, "2": 0.0, "3": 0.25, "4": 0.0}


def pool_of(*rows: Sequence[str | None], seed: int = 0) -> Pool:
    """A pool with these keys; every draw has its own tokens, cost and signals."""
    rng = random.Random(seed)
    made = []
    for at, keys in enumerate(rows):
        names = ("likelihood", "trace_confidence", "confidence", "judge")
        signals = [{name: rng.choice((0.0, 0.2, 0.5, 0.5, 1.0)) for name in names} for _ in keys]
        written = [rng.randrange(1, 20) for _ in keys]
        worth = {key: WORTH[key] for key in keys if key is not None}
        tokens = [count + 7 for count in written]
        made.append(Draws(f"q{at}", 0, None, keys, worth, written, tokens, [c / 1e6 for c in tokens], signals))
    return Pool(made, items=len(rows), repeats=1, seed=0, draws=len(rows[0]))

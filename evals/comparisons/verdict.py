"""What a comparison comes to, in a sentence that a person can act on. Pure functions."""

import math

from evals import rendering
from evals.comparisons.comparison import Pair
from evals.stats import Interval

_ABOUT_THE_SAME = 0.05


def verdict(pair: Pair) -> str:
    """The sentence.

    "B is better by 4.2 points (95 % CI 1.1 to 7.3), at 3.1 × the tokens", or "cannot tell: … needs about 2,400 items".
    """
    if pair.outcome == "unclear":
        return _unclear(pair)
    better, ends = (pair.b, pair.interval) if pair.outcome == "better" else (pair.a, _turned(pair.interval))
    size = f"{better} is better by {points(abs(pair.difference))} points ({_ends(pair, ends)})"
    return ", ".join([size, *_doubt(pair), *_price(pair)])


def points(share: float) -> str:
    """A difference in points: 0.042 is `4.2`; small ones with two digits that count."""
    scaled = 100 * share
    return f"{scaled:.2g}" if 0 < abs(scaled) < 0.095 else f"{scaled:.1f}"


def about(count: float) -> str:
    """A number in two digits that count: 2,387 is `2,400`."""
    if count < 100:
        return f"{math.ceil(count)}"
    size = 10 ** (len(str(math.ceil(count))) - 2)
    return f"{math.ceil(count / size) * size:,}"


def _unclear(pair: Pair) -> str:
    seen = f"{pair.b} − {pair.a} is {points(pair.difference)} points ({_ends(pair, pair.interval)})"
    if pair.p_adjusted <= 1 - pair.confidence:
        return f"cannot tell: {seen}, but items were added in the file's order, which may go with difficulty"
    if not pair.interval.low <= 0 <= pair.interval.high:
        seen += f", while the test gives p = {pair.p_adjusted:.2g}"
    if pair.needed is None:
        return f"cannot tell: {seen}; {pair.items:,} items show differences from {points(pair.minimum_detectable)} on"
    # A formula for many items may call a handful enough that the exact test has just not been content with.
    wanted = "more" if pair.needed <= pair.items else f"about {about(pair.needed)}"
    return f"cannot tell: {seen}; a difference of that size needs {wanted} items"


def _ends(pair: Pair, ends: Interval) -> str:
    kind = "simultaneous " if pair.pairs > 1 else ""
    looks = ", however often one looked" if pair.grown else ""
    return f"{kind}{100 * pair.confidence:g} % CI {points(ends.low)} to {points(ends.high)}{looks}"


def _turned(interval: Interval) -> Interval:
    return Interval(-interval.high, -interval.low, interval.method)


def _doubt(pair: Pair) -> list[str]:
    """What the figures leave open beside a verdict."""
    doubts = []
    if pair.interval.low <= 0 <= pair.interval.high:
        doubts.append(f"shown by the test (p = {pair.p_adjusted:.2g}) and not yet by the interval")
    if pair.bounds[0] * pair.bounds[1] <= 0:
        doubts.append("unless the lost problems decide otherwise")
    return doubts


def _price(pair: Pair) -> list[str]:
    a, b = (side.tokens for side in pair.sides)
    if not a or not b:
        return []
    ratio = b / a if pair.outcome == "better" else a / b
    if abs(ratio - 1) < _ABOUT_THE_SAME:
        return ["at about the same tokens"]
    return [f"at {rendering.ratio(ratio)} the tokens"]

"""From figures to places: scales, their ticks, and the front of what nothing beats. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps figures from `low` to `high` onto places from `start` to `end`.

    Attributes:
        low: The figure at `start`.
        high: The figure at `end`.
        start: In the picture's units.
        end: In the picture's units; less than `start` where figures grow upwards.
        log: Whether equal ratios take equal room.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a figure; one outside of the scale lies at its edge."""
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, max(value, self.low)))
        share = 0.5 if high == low else (min(at, high) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, about: int = 5) -> list[float]:
        """Round figures within the scale."""
        return log_ticks(self.low, self.high, about) if self.log else even_ticks(self.low, self.high, about)


def even_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten that lie within [low, high], about so many."""
    if high <= low:
        return [low]
    step = _round_step((high - low) / about)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    digits = max(0, -math.floor(math.log10(step)))
    return [round((first + number) * step, digits) for number in range(count)]


def log_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Figures 1, 2 and 5 times a power of ten within [low, high]; powers alone where those are enough."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leads in ((1,), (1, 3), (1, 2, 5)):
        found = [lead * 10.0**exponent for exponent in exponents for lead in leads]
        within = [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(within) >= min(about, 3):
            break
    return within if len(within) >= 2 else even_ticks(low, high, about)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(lead * power for lead in (1, 2, 5, 10) if lead * power >= step * (1 - 1e-9))


def accuracy_range(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float]:
    """The part of [0, 1] that holds all intervals, rounded outwards to tenths (to hundredths where they are narrow)."""
    low, high = min(lows), max(highs)
    step = 0.1 if high - low > 0.15 else 0.02
    low, high = max(0.0, math.floor(low / step + 1e-9) * step), min(1.0, math.ceil(high / step - 1e-9) * step)
    return (low, high) if high > low else (max(0.0, low - step), min(1.0, high + step))


def figure_range(values: Sequence[float]) -> tuple[float, float, bool]:
    """A range for positive figures with some air, and whether it wants a log scale: from a ratio of 6 on."""
    low, high = min(values), max(values)
    if low > 0 and high / low >= 6:
        return low / 1.35, high * 1.35, True
    return 0.0, (high or 1.0) * 1.12, False


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The points that no other beats: none is as cheap and better, or as good and cheaper (the Pareto front).

    Args:
        points: (what it costs, how good it is).

    Returns:
        Their numbers, from the cheapest to the dearest; of equal points, all.
    """
    order = sorted(range(len(points)), key=lambda number: (points[number][0], -points[number][1]))
    kept: list[int] = []
    for number in order:
        best = points[kept[-1]] if kept else None
        if best is None or points[number][1] > best[1] or points[number] == best:
            kept.append(number)
    return kept


def bins(ordered: Sequence[float], count: int = 24) -> tuple[float, float, list[int]]:
    """How many figures lie in each of `count` bins of equal ratio: where the bins start and end, and the counts.

    Figures below a thousandth of the greatest count as that thousandth.
    """
    high = ordered[-1] if ordered[-1] > 1e-300 else 1.0  # next to nothing has no ratio
    low = max(ordered[0], high / 1000)
    if high <= low * 1.0001:
        low, high = low / 1.1, high * 1.1
    counts = [0] * count
    width = math.log(high / low) / count
    for value in ordered:
        place = int(math.log(max(value, low) / low) / width)
        counts[min(place, count - 1)] += 1
    return low, high, counts

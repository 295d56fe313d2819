"""Curves as tables of text. Pure functions."""

from evals.rendering import accuracy, count, money, percent, table
from evals.replays.fitting import Fitted
from evals.replays.points import Cheapest, Curves, Point

SHOWN = (1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 64, 100)
"""Numbers of samples that a table shows where there are many; JSON has all of them."""

HEAD = ("vote", "stop", "samples", "accuracy % [95 %]", "± sampling", "in index order", "draws", "tokens", "cost")


def curves_page(curves: Curves) -> str:
    """The curves, a row a point, and the cheapest setting; figures are a problem's, on average."""
    numbers = sorted({point.samples for point in curves.points})
    shown = numbers if len(numbers) <= len(SHOWN) else [n for n in numbers if n in SHOWN or n == numbers[-1]]
    rows = [_row(point) for point in curves.points if point.samples in shown]
    parts = [table(HEAD, rows, (2, 4, 5, 6, 7, 8)), *(f"note: {note}" for note in curves.notes)]
    if curves.cheapest is not None:
        parts.append(cheapest_line(curves.cheapest))
    return "\n".join(parts)


def cheapest_line(cheapest: Cheapest) -> str:
    """The cheapest setting in one sentence."""
    low, high = cheapest.difference_interval
    priced = "" if cheapest.cost is None else f", {money(cheapest.cost)}"
    spent = f"{cheapest.draws:.1f} draws, {count(cheapest.tokens)} tokens{priced}"
    best, margin = cheapest.best, 100 * cheapest.within
    return (
        f"Cheapest within {margin:g} point{'' if margin == 1 else 's'} of the best, chosen on "
        f"{cheapest.chosen_on} items, told on {cheapest.reported_on} others: {_setting(cheapest)}: "
        f"{accuracy(cheapest.accuracy, cheapest.interval)} % at {spent} a problem; "
        f"{100 * cheapest.difference:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] to the best "
        f"({_setting(best)}: {percent(best.accuracy)} % at {best.draws:.1f} draws, {count(best.tokens)} tokens)."
    )


def fitted_page(fitted: Fitted) -> str:
    """What a fitted prior gives on held-out items."""
    lines = [f"Prior fitted on {fitted.fitted_on} items, told on {fitted.told_on} others:"]
    for gain in fitted.gains:
        low, high = gain.difference_interval
        alike, unlike = gain.agreement_interval
        lines.append(
            f"  confidence {gain.confidence:g}: {percent(gain.accuracy)} % at {gain.draws:.2f} draws (published "
            f"{percent(gain.published_accuracy)} % at {gain.published_draws:.2f}); at equal draws "
            f"{100 * gain.difference:+.2f} points [{100 * low:+.2f}, {100 * high:+.2f}], agreement with the whole pool "
            f"{100 * gain.agreement:+.2f} points [{100 * alike:+.2f}, {100 * unlike:+.2f}]"
        )
    return "\n".join(lines)


def _setting(told: Point | Cheapest) -> str:
    return f"{told.vote}, {told.stop}, {told.samples} samples"


def _row(point: Point) -> list[str]:
    return [
        point.vote,
        point.stop,
        str(point.samples),
        accuracy(point.accuracy, point.interval),
        "exact" if not point.error else f"{100 * point.error:.2f}",
        "" if point.actual is None else percent(point.actual.accuracy),
        f"{point.draws:.1f}",
        count(point.tokens),
        money(point.cost),
    ]

"""Comparisons as tables of text. Pure functions."""

from collections.abc import Iterable

from evals import rendering
from evals.comparisons.comparison import Comparison, Pair, Side
from evals.comparisons.verdict import points

_FEW = 12
_SIDES = ("run", "items", "accuracy %", "lost", "tokens/problem", "cost", "call p50", "call p95", "tokens/s")
_PAIRS = ("B", "against A", "items", "B − A, points", "p", "gained", "dropped", "agree %", "detectable")


def comparison_page(compared: Comparison) -> str:
    """The verdicts first, then the figures behind them, then what a reader must know of them."""
    pairs = compared.pairs
    parts = ["\n".join(pair.verdict for pair in pairs), pairs_table(pairs), sides_table(pairs)]
    if len(pairs) == 1:
        parts.append(_flips(pairs[0]))
    parts.append("\n".join(_remarks(pairs)))
    return "\n\n".join(part for part in parts if part)


def pairs_table(pairs: Iterable[Pair]) -> str:
    """One row a pair: the difference with its interval, p after Holm, the flips both ways, what could be detected."""
    return rendering.table(_PAIRS, [_pair_row(pair) for pair in pairs], (2, 4, 5, 6, 7, 8))


def sides_table(pairs: Iterable[Pair]) -> str:
    """One row a run over the items of its first pair: accuracy, losses, tokens, cost, latency, speed."""
    sides: dict[str, tuple[Side, int]] = {}
    for pair in pairs:
        for side in pair.sides:
            sides.setdefault(side.label, (side, pair.items))
    return rendering.table(_SIDES, [_side_row(side, items) for side, items in sides.values()], tuple(range(1, 9)))


def _pair_row(pair: Pair) -> list[str]:
    low, high = pair.interval.low, pair.interval.high
    return [
        pair.b,
        pair.a,
        f"{pair.items:,}",
        f"{points(pair.difference)} [{points(low)}, {points(high)}]",
        f"{pair.p_adjusted:.2g}" if pair.p_adjusted >= 0.0001 else "<0.0001",
        str(len(pair.flips.gained)),
        str(len(pair.flips.dropped)),
        rendering.NONE if pair.agreement is None else rendering.percent(pair.agreement),
        points(pair.minimum_detectable),
    ]


def _side_row(side: Side, items: int) -> list[str]:
    return [
        side.label,
        f"{items:,}",
        rendering.percent(side.accuracy),
        str(side.lost),
        rendering.count(side.tokens),
        rendering.money(side.cost),
        *(rendering.NONE if s is None else rendering.duration(s) for s in (side.latency_p50, side.latency_p95)),
        rendering.NONE if side.tokens_per_second is None else rendering.count(side.tokens_per_second),
    ]


def _flips(pair: Pair) -> str:
    told = [
        f"{what} ({len(ids)}): {', '.join(ids[:_FEW])}{' …' if len(ids) > _FEW else ''}"
        for what, ids in (("gained", pair.flips.gained), ("dropped", pair.flips.dropped))
        if ids
    ]
    return "\n".join(told)


def _remarks(pairs: tuple[Pair, ...]) -> list[str]:
    methods = ", ".join(dict.fromkeys(pair.interval.method for pair in pairs))
    told = [f"Intervals: {methods}; detectable: the least difference shown in 80 % of the cases."]
    if len(pairs) > 1:
        told[0] = told[0][:-1] + f"; over {len(pairs)} pairs, p after Holm, intervals hold all at once (Bonferroni)."
    for pair in pairs:
        clusters = [f"{pair.clusters} groups count as independent"] if pair.clusters is not None else []
        lost = sum(side.lost for side in pair.sides)
        low, high = (points(end) for end in pair.bounds)
        bounds = [f"{lost} problems are lost; the difference lies within {low} and {high}"] if lost else []
        told += [f"Note on {pair.b} against {pair.a}: {note}." for note in (*clusters, *bounds, *pair.notes)]
    return told

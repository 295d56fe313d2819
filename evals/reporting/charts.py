"""Charts as SVG. Pure functions: figures in, markup out; every text that goes in is escaped.

Colours are classes of the page's style sheet, so that one picture serves light, dark and paper. A chart is drawn for a
width: text keeps its size, and a telephone gets a picture of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evals import rendering
from evals.reporting.scales import Scale, accuracy_range, even_ticks, figure_range, front

CHARACTER = 6.4
"""Width of a character at the charts' size of 12 px, on the safe side."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A run in a picture of accuracy against what it took.

    Attributes:
        label: Its name.
        x: What it took, e.g. tokens a problem.
        y: Its accuracy.
        low: The lower end of the accuracy's interval.
        high: Its upper end.
    """

    label: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: accuracy with its interval, by draws a problem."""

    label: str
    points: Sequence[Dot]


def svg(width: float, height: float, label: str, parts: Sequence[Markup], kind: str = "chart") -> Markup:
    """A picture with a name for those who do not see it."""
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">').format(
        kind, width, height, width, height, label
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Markup:
    """A line of text."""
    return Markup('<text x="{:g}" y="{:g}" class="{}" text-anchor="{}">{}</text>').format(x, y, kind, anchor, words)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}" class="{}"/>').format(x1, y1, x2, y2, kind)


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Markup:
    """A filled rectangle."""
    told = Markup("<title>{}</title>").format(title) if title else Markup("")
    shape = Markup('<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" class="{}">{}</rect>')
    return shape.format(x, y, round(width, 2), round(height, 2), kind, told)


def path(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through points."""
    return Markup('<polyline points="{}" class="{}"/>').format(" ".join(f"{x:g},{y:g}" for x, y in points), kind)


def whisker(
    middle: float, low: float, high: float, ends: tuple[float, float], mark: float | None = None, width: float = 170
) -> Markup:
    """One row of a forest plot: an interval with its middle, on a scale that all rows share.

    Args:
        middle: The estimate.
        low: The interval's lower end.
        high: Its upper end.
        ends: Of the scale.
        mark: Where a thin line stands, e.g. at no difference.
        width: Of the picture.
    """
    scale, y = Scale(*ends, 6, width - 6), 9
    words = f"{rendering.percent(middle)}, 95 % interval {rendering.percent(low)} to {rendering.percent(high)}"
    parts = [line(6, y, width - 6, y, "rail")]
    if mark is not None:
        parts.append(line(scale(mark), 0, scale(mark), 18, "mark"))
    parts += [line(scale(low), y, scale(high), y, "whisker"), _disc(scale(middle), y, 4, "dot best", words)]
    return svg(width, 18, words, parts, "cell")


def stacked(shares: Mapping[str, int], kinds: Mapping[str, str], width: float = 250) -> Markup:
    """One bar of counts, side by side, in the order given.

    Args:
        shares: Counts by name.
        kinds: The class of each name.
        width: Of the picture.
    """
    total, at, parts = sum(shares.values()) or 1, 0.0, []
    for name, count in shares.items():
        if count:
            wide = count / total * width
            share = f"{count} {name} ({rendering.percent(count / total)} %)"
            parts.append(box(round(at, 2), 0, max(wide - 1, 0.75), 14, kinds[name], share))
            at += wide
    words = ", ".join(f"{count} {name}" for name, count in shares.items() if count) or "nothing"
    return svg(width, 14, words, parts, "cell")


def histogram(
    low: float, high: float, counts: Sequence[int], marks: Mapping[str, float], words: str, width: float = 220
) -> Markup:
    """Counts over bins of equal ratio, with marks such as the median."""
    height, most = 34, max(counts)
    wide = width / len(counts)
    bars = [
        box(round(place * wide, 2), height - count / most * height, max(wide - 1, 0.5), count / most * height, "bar")
        for place, count in enumerate(counts)
        if count
    ]
    scale = Scale(low, high, 0, width, log=True)
    lines = [line(scale(value), 0, scale(value), height, "mark") for value in marks.values()]
    return svg(width, height, words, [*bars, *lines], "cell")


def scatter(dots: Sequence[Dot], x_label: str, x_text: Callable[[float], str], width: float, height: float) -> Markup:
    """Accuracy against what it took, with intervals; the front of what nothing beats is drawn through."""
    best = front([(dot.x, dot.y) for dot in dots])
    low, high, log = figure_range([dot.x for dot in dots])
    frame = _Frame(width, height, Scale(low, high, 46, width - 14, log), _accuracies(dots, height))
    x, y = frame.x, frame.y
    parts = frame.parts(x_label, x_text)
    steps: list[tuple[float, float]] = []
    for number in best:
        if steps:
            steps.append((x(dots[number].x), steps[-1][1]))
        steps.append((x(dots[number].x), y(dots[number].y)))
    parts += [path(steps, "front")] if len(steps) > 1 else []
    taken = [(x(dot.x) - 5, y(dot.high), x(dot.x) + 5, y(dot.low)) for dot in dots]
    for number, dot in enumerate(dots):
        kind = " best" if number in best else ""
        parts.append(line(x(dot.x), y(dot.low), x(dot.x), y(dot.high), f"whisker{kind}"))
        words = f"{dot.label}: {_accuracy(dot)} at {x_text(dot.x)}"
        parts.append(_disc(x(dot.x), y(dot.y), 5, f"dot{kind}", words))
    for number in [*best, *(number for number in range(len(dots)) if number not in best)]:
        dot = dots[number]
        at = _free(x(dot.x), y(dot.y), dot.label, taken, width, frame.bottom)
        parts.append(text(*at, dot.label, "label best" if number in best else "label"))
    words = "; ".join(f"{dot.label}: {_accuracy(dot)} at {x_text(dot.x)}" for dot in dots)
    return svg(width, height, f"Accuracy against {x_label}. {words}", parts)


def curves(lines: Sequence[Line], width: float, height: float) -> Markup:
    """Accuracy by draws a problem; the first line stands out, with its interval, and the others are thin.

    Args:
        lines: One or more, each with one point or more.
        width: Of the picture.
        height: Of the picture.
    """
    dots = [dot for one in lines for dot in one.points]
    most = max(dot.x for dot in dots)
    right = 14 + CHARACTER * min(18, max(len(one.label) for one in lines))
    x = Scale(1, max(most, 2), 46, width - right, log=most > 12)
    frame = _Frame(width, height, x, _accuracies(lines[0].points, height, [dot.y for dot in dots]), right)
    y = frame.y
    wanted = [1, 2, 3, 5, 10, 20, 40, 80, 160, 320] if x.log else [t for t in even_ticks(1, most, 6) if t == int(t)]
    parts = frame.parts("draws a problem", lambda value: f"{value:g}", [tick for tick in wanted if tick <= most])
    first = lines[0].points
    band = [(x(dot.x), y(dot.high)) for dot in first] + [(x(dot.x), y(dot.low)) for dot in reversed(first)]
    parts.append(Markup('<polygon points="{}" class="band"/>').format(" ".join(f"{a:g},{b:g}" for a, b in band)))
    ends: list[float] = []
    for number, one in enumerate(lines):
        kind = "curve best" if number == 0 else f"curve dash{number % 4}"
        parts.append(path([(x(dot.x), y(dot.y)) for dot in one.points], kind))
        parts += [
            _disc(
                x(dot.x),
                y(dot.y),
                2.5,
                "dot best" if number == 0 else "dot",
                f"{dot.label}: {_accuracy(dot)} at {dot.x:.3g} draws",
            )
            for dot in one.points
        ]
        at = y(one.points[-1].y)
        while any(abs(at - other) < 13 for other in ends):
            at += 13
        ends.append(at)
        name = rendering.shortened(one.label, 18)
        parts.append(text(x(one.points[-1].x) + 8, at + 4, name, "label best" if number == 0 else "label"))
    words = "; ".join(f"{one.label}: {_accuracy(one.points[-1])} with {one.points[-1].x:.3g} draws" for one in lines)
    return svg(width, height, f"Accuracy by draws a problem. {words}", parts)


class _Frame:
    """Axes: light horizontal rules, figures beside them."""

    def __init__(self, width: float, height: float, x: Scale, y: Scale, right: float = 14) -> None:
        self.width, self.height, self.x, self.y, self.right = width, height, x, y, right
        self.bottom = height - 40

    def parts(self, label: str, written: Callable[[float], str], ticks: Sequence[float] | None = None) -> list[Markup]:
        """The axes' markup."""
        parts = []
        for tick in self.y.ticks(5):
            parts.append(line(46, self.y(tick), self.width - self.right, self.y(tick), "rule"))
            parts.append(text(38, self.y(tick) + 4, f"{100 * tick:g}", "tick", "end"))
        last = -100.0
        for tick in ticks if ticks is not None else self.x.ticks(5):
            if self.x(tick) - last >= 34:
                last = self.x(tick)
                parts.append(line(last, self.bottom, last, self.bottom + 4, "axis"))
                parts.append(text(last, self.bottom + 18, written(tick), "tick", "middle"))
        parts.append(line(46, self.bottom, self.width - self.right, self.bottom, "axis"))
        parts.append(text(46, 12, "accuracy, %", "tick"))
        parts.append(text(self.width - self.right, self.height - 4, label, "tick", "end"))
        return parts


def _accuracies(dots: Sequence[Dot], height: float, more: Sequence[float] = ()) -> Scale:
    low, high = accuracy_range([*(dot.low for dot in dots), *more], [*(dot.high for dot in dots), *more])
    return Scale(low, high, height - 40, 26)


def _accuracy(dot: Dot) -> str:
    return f"{rendering.percent(dot.y)} % [{rendering.percent(dot.low)}, {rendering.percent(dot.high)}]"


def _disc(x: float, y: float, radius: float, kind: str, title: str) -> Markup:
    shape = Markup('<circle cx="{:g}" cy="{:g}" r="{:g}" class="{}"><title>{}</title></circle>')
    return shape.format(x, y, radius, kind, title)


Place = tuple[float, float, float, float]


def _free(x: float, y: float, label: str, taken: list[Place], width: float, bottom: float) -> tuple[float, float]:
    """Where a point's label goes: around it, wherever it covers least of what is drawn. The place is then taken."""
    wide = len(label) * CHARACTER
    sides = (x + 10, x - 10 - wide)
    tried = [(left, base) for base in (y + 4, y - 8, y + 18, y - 22, y + 32, y - 36, y + 46) for left in sides]

    def covered(at: tuple[float, float]) -> float:
        left, base = at
        mine = (left, base - 10, left + wide, base + 3)
        over = sum(_overlap(mine, other) for other in taken)
        outside = (
            max(0.0, 46 - left) + max(0.0, left + wide - width) + max(0.0, base + 2 - bottom) + max(0.0, 22 - base)
        )
        return over + 30 * outside

    best = min(tried, key=covered)
    taken.append((best[0], best[1] - 10, best[0] + wide, best[1] + 3))
    return round(best[0], 1), round(best[1], 1)


def _overlap(a: Place, b: Place) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0

"""Numbers and tables as people read them. Pure functions."""

from collections.abc import Mapping, Sequence

from evals.stats import Interval
from reasoning.shown import safe

NONE = "–"
"""Stands for what is not known or does not apply."""


def percent(share: float) -> str:
    """A share in per cent: 0.875 is `87.5`."""
    return f"{100 * share:.1f}"


def accuracy(share: float, interval: Interval | None) -> str:
    """An accuracy in per cent with its interval: `87.5 [69.0, 95.7]`."""
    return (
        percent(share) if interval is None else f"{percent(share)} [{percent(interval.low)}, {percent(interval.high)}]"
    )


def count(number: float) -> str:
    """A count in at most five characters: `950`, `12.3k`, `4.1M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:  # what would be rounded to a thousand of the unit below
            scaled = number / size
            return f"{scaled:.0f}{unit}" if scaled >= 99.95 else f"{scaled:.1f}{unit}"
    return f"{number:.0f}"


def size(number: int | None) -> str:
    """Bytes: `512 MiB`, `1.4 GiB`; `–` where they are not known."""
    if number is None:
        return NONE
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 - 2**19 else f"{number / 2**20:.0f} MiB"


def duration(seconds: float) -> str:
    """A time: `0.42 s`, `12 s`, `3:05`, `2:03:05`."""
    if seconds < 9.95:
        return f"{seconds:.2g} s" if seconds < 0.95 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def money(dollars: float | None) -> str:
    """US dollars: `$0.0042`, `$1.25`; `–` where the price is unknown."""
    if dollars is None:
        return NONE
    return f"${dollars:.4f}" if 0 < dollars < 0.1 else f"${dollars:,.2f}"


def ratio(times: float) -> str:
    """How many times as much: `3.1 ×`, `12 ×`, `0.25 ×`."""
    return f"{times:.0f} ×" if times >= 9.95 else f"{times:.2g} ×"


def causes(lost: Mapping[str, int]) -> str:
    """Losses by cause, the most frequent first: `3 truncated, 1 program failed`; `–` where there are none."""
    told = sorted(
        ((cause, number) for cause, number in lost.items() if number), key=lambda found: (-found[1], found[0])
    )
    return ", ".join(f"{number} {cause.replace('_', ' ')}" for cause, number in told) or NONE


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A plain text table with aligned columns, fit for terminals, files and pipes.

    Args:
        head: The columns' names.
        rows: The cells.
        right: Columns, by number, that are aligned to the right.
    """
    lines = [list(map(safe, line)) for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join([text(head), "  ".join("─" * width for width in widths), *(text(row) for row in rows)])


def shortened(text: str, width: int) -> str:
    """A text on one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"

"""Numbers written out in English: "eighteen", "two hundred and five", "minus three", "one half"."""

import re
from fractions import Fraction
from typing import Final

_SMALL = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS: Final = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), 2)
}
_LARGE: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS: Final = {
    word: parts
    for parts, words in enumerate(
        ("half halves", "third thirds", "quarter quarters fourth fourths", "fifth fifths", "sixth sixths",
         "seventh sevenths", "eighth eighths", "ninth ninths", "tenth tenths"),
        2,
    )
    for word in words.split()
}  # fmt: skip

_WORD = "|".join((*_UNITS, "hundred", *_LARGE))
_WRITTEN = re.compile(  # `(?a:…)`: case aside, "ſ" and "ı" match "s" and "i" elsewhere, and are no such word
    rf"(?:(?a:minus|negative)\s)?(?a:{_WORD})(?:(?:[\s-]|\sand\s)(?a:{_WORD})){{0,24}}"
    rf"(?:[\s-](?a:{'|'.join(_PARTS)}))?"
    r"(?![\w'’-]|\s(?:of|more|less|another|other)\b)",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"[\s-]+")


def written(text: str, start: int, end: int) -> tuple[Fraction, int] | None:
    """The number whose words start at `start`, and where they end; None where there is none.

    What only begins like a number is none: "one of the eggs", "seven-fold".
    """
    match = _WRITTEN.match(text, start, end)
    if match is None:
        return None
    words = [word for word in _SPLIT.split(match[0].lower()) if word != "and"]
    negative = words[0] in ("minus", "negative")
    parts = _PARTS.get(words[-1], 1)
    value = _value(words[negative : len(words) - (parts > 1)])
    if value is None:
        return None
    return Fraction(-value if negative else value, parts), match.end()


def _value(words: list[str]) -> int | None:
    """The value of number words in order: "two hundred five thousand"; None where the order makes no number."""
    total, group, ceiling, smallest = 0, 0, 1000, 10**15
    for word in words:
        if word in _UNITS:
            value = _UNITS[word]
            if value >= ceiling:
                return None
            group, ceiling = group + value, 10 if value >= 20 else 0
        elif word == "hundred":
            if not 0 < group < 100:
                return None
            group, ceiling = group * 100, 100
        else:
            if group <= 0 or _LARGE[word] >= smallest:
                return None
            smallest = _LARGE[word]
            total, group, ceiling = total + group * smallest, 0, 1000
    return total + group

"""Numbers written out: "eighteen", "two hundred and five", "minus three", "two and a half", "one point five", 十八."""

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
_DIGITS: Final = {word: str(value) for word, value in _UNITS.items() if value < 10} | {"oh": "0"}

_WORD = "|".join((*_UNITS, "hundred", *_LARGE))
_PART = "|".join(_PARTS)
_DIGIT = "|".join(_DIGITS)
_EDGE = r"(?![\w'’])(?!-\w)"
# `(?a:…)`: case aside, "ſ" and "ı" match "s" and "i" elsewhere, and are no such word.
_SIGN = r"(?:(?P<sign>(?a:minus|negative))\s)?"
_WHOLE = rf"(?a:(?:a\s+)?(?:{_WORD})(?:(?:[\s-]|\sand\s)(?:{_WORD})){{0,24}})"
_PATTERN = re.compile(
    rf"""{_SIGN}(?:
      (?P<mixed>{_WHOLE})\s+and\s+(?:(?:a\s+)?(?P<mixed_one>(?a:half|third|quarter|fourth|fifth|eighth|tenth))
            |(?P<mixed_top>{_WHOLE})[\s-](?P<mixed_part>(?a:{_PART}))){_EDGE}
      | (?P<point>{_WHOLE})\s+point\s+(?P<decimals>(?a:{_DIGIT})(?:[\s-](?a:{_DIGIT})){{0,20}}){_EDGE}
      | (?:(?P<top>{_WHOLE})[\s-](?P<part>(?a:{_PART}))|(?a:an?\s)(?P<one_part>(?a:{_PART}))
            |(?P<half>(?a:half))(?=\s+an?\s)){_EDGE}
      | (?P<whole>{_WHOLE}(?!\s*-\s*(?a:{_PART}))){_EDGE}(?!\s(?:of|more|less|fewer|another|other)\b)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_START = re.compile(
    rf"(?<![\w-])(?a:minus|negative|half|an?\s+(?:hundred|thousand|million|billion|{_PART})|{_WORD})\b", re.IGNORECASE
)
_SPLIT = re.compile(r"[\s-]+")

_HAN_DIGITS: Final = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "兩": 2}
_HAN_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_HAN_LARGE: Final = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN = re.compile(f"[{''.join((*_HAN_DIGITS, *_HAN_UNITS, *_HAN_LARGE))}]{{1,24}}")


def written(text: str, start: int, end: int) -> tuple[Fraction, int] | None:
    """The number whose words start at `start`, and where they end; None where there is none.

    What only begins like a number is none: "one of the eggs", "seven-fold".
    """
    if (han := _HAN.match(text, start, end)) is not None:
        signs = _han(han[0])
        return None if signs is None else (Fraction(signs), han.end())
    match = _PATTERN.match(text, start, end)
    if match is None:
        return None
    value = _read(match)
    if value is None:
        return None
    return -value if match["sign"] else value, match.end()


def written_anywhere(text: str, start: int, end: int) -> tuple[Fraction, int, int] | None:
    """The last number in words in a stretch of text, with its span; a lone "one" is none, since it is a pronoun too."""
    found = None
    for match in _START.finditer(text, start, end):
        if found is not None and match.start() < found[2]:
            continue
        if not text[max(0, match.start() - 12) : match.start()].isascii():
            continue
        number = written(text, match.start(), end)
        if number is not None and text[match.start() : number[1]].lower() not in ("one", "zero"):
            found = number[0], match.start(), number[1]
    return found


def _read(match: re.Match[str]) -> Fraction | None:
    if mixed := match["mixed"]:
        whole = _words(mixed)
        top = _words(match["mixed_top"]) if match["mixed_top"] else 1
        parts = _PARTS[(match["mixed_part"] or match["mixed_one"]).lower()]
        return None if whole is None or top is None else whole + Fraction(top, parts)
    if point := match["point"]:
        whole = _words(point)
        decimals = "".join(_DIGITS[word] for word in _SPLIT.split(match["decimals"].lower()))
        return None if whole is None else Fraction(f"{whole}.{decimals}")
    if top_words := match["top"]:
        top = _words(top_words)
        return None if top is None else Fraction(top, _PARTS[match["part"].lower()])
    if part := match["one_part"] or match["half"]:
        return Fraction(1, _PARTS[part.lower()])
    whole = _words(match["whole"])
    return None if whole is None else Fraction(whole)


def _words(words: str) -> int | None:
    split = [word for word in _SPLIT.split(words.lower()) if word != "and"]
    if split[0] == "a":
        split[0] = "one"
    return _value(split)


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


def _han(signs: str) -> int | None:
    """The value of Chinese number signs: 十八, 七万, 一百零五."""
    total = group = digit = 0
    for sign in signs:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
        elif sign in _HAN_UNITS:
            group, digit = group + (digit or 1) * _HAN_UNITS[sign], 0
        else:
            if not (group or digit):
                return None
            total, group, digit = total + (group + digit) * _HAN_LARGE[sign], 0, 0
    return total + group + digit

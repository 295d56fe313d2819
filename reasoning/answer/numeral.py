r"""Numbers as people and models write them, read exactly.

A *numeral* is one number in a text: `1,000.50`, `−3`, `$5`, `3 1/2`, `½`, `1.5 × 10^3`, `1.2 million`, `\frac{1}{2}`,
`50%`. Times, ratios and dates are none: their digits are no one number.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple

DIGITS: Final = 4000
"""Digits that a numerator or denominator may have: fewer than the 4,300 that the interpreter converts at most."""
LIMIT: Final = 10**DIGITS
_WRITTEN: Final = DIGITS + 200  # digits of one number with decimals

# One character for one, so that positions in the text stay true.
_ZEROS = (
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x17E0, 0x1810, 0x1946, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
)  # fmt: skip
_PLAIN: Final = (
    {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
    | {zero + digit: ord("0") + digit for zero in _ZEROS for digit in range(10)}
    | {ord(dash): ord("-") for dash in "−–‐‑‒﹣"}
    | {ord(space): 0xA0 for space in "\u2007\u2008\u2009\u200a\u202f"}
    | {0x66A: ord("%"), 0x66B: ord("."), 0x66C: ord(","), ord("⁄"): ord("/"), ord("∕"): ord("/")}
)
_FOREIGN: Final = frozenset(map(chr, _PLAIN))
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


def plain(text: str) -> str:
    """The text with the digits and signs of every script as ASCII, character for character."""
    if text.isascii() or _FOREIGN.isdisjoint(_BEYOND_ASCII.findall(text) if len(text) < 10_000 else text):
        return text
    return text.translate(_PLAIN)


class Style(NamedTuple):
    """How digits are to be understood.

    Attributes:
        comma: Whether the decimal sign is a comma.
        percent: What a percent sign multiplies by: 1 where it is the unit of the answers, else 1/100.
    """

    comma: bool = False
    percent: Fraction = Fraction(1)


class Numeral(NamedTuple):
    """One number in a text.

    Attributes:
        value: Its value; None for digits that are no one number, such as `3:30` or `1/0`.
        start: Where it starts, sign and currency included.
        end: Where it ends (exclusive), percent sign and scale word included.
        bare: Whether it is nothing but digits.
    """

    value: Fraction | None
    start: int
    end: int
    bare: bool


_VULGAR: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9),
    "⅒": (1, 10),
}  # fmt: skip
VULGAR: Final = "".join(_VULGAR)
_SCALES: Final = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "bn": 10**9,
    "mn": 10**6, "thousands": 10**3, "millions": 10**6, "billions": 10**9, "trillions": 10**12, "millionen": 10**6,
    "milliarden": 10**9, "milliards": 10**9, "millones": 10**6, "milhões": 10**6, "milhoes": 10**6,
    "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "k": 10**3, "m": 10**6, "b": 10**9,
}  # fmt: skip
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

# Possessive quantifiers (`++`, `*+`) keep every pattern linear in the length of a run of digits. Words that are looked
# up match in ASCII (`(?ai:…)`): case aside, "ſ" and "ı" match "s" and "i" elsewhere.
_SEPARATOR = r"(?:,?\\[,;:!]|[.,'’_\xa0]|\{[,.]\}|(?:~|\\[ ])(?=\d\d\d(?!\d)))"
_CURRENCY = r"(?:\b(?:US|CA|AU|NZ|HK))?\\?[$€£¥₹₽₩₺₫₴₦]|\b(?:USD|EUR|GBP|INR|Rs\.?)"
_JUNK = (  # times and ratios, dates
    r"\d[\d.]*+(?::\d[\d.]*+|\s:\s\d[\d.]*+)++"
    r"|(?<!\d)\d{4}-\d\d?-\d\d?(?![-\d])|(?<!\d)\d\d?/\d\d?/\d{2,4}(?![/\d])"
)


def _exponent(name: str) -> str:
    ascii_digits = rf"(?:\^\s?|\*\*)(?:\{{\s?(?P<{name}_braced>[-+]?\d++)\s?\}}|\(?(?P<{name}_plain>[-+]?\d++)\)?)"
    return rf"(?:{ascii_digits}|(?P<{name}_raised>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]++))"


def _pattern() -> re.Pattern[str]:
    separator = rf"(?:{_SEPARATOR}|(?<!\d\d\d\d)[ ](?=\d\d\d(?!\d|-[A-Za-z])))"  # a plain space groups thousands only
    atom = rf"(?:\d++(?:{separator}\d++)*+|(?<![\w).])\.\d++)(?:[eE][-+]?\d++(?!\w))?+"
    joint = r"(?:\s|\sand\s|\\[\ ,;:])?"  # between the whole and the fraction of a mixed number
    space = r"(?:[\ \t\xa0]|\\[,;:\ ])?"
    return re.compile(
        rf"""
        (?=[-+\d.$€£¥₹₽₩₺₫₴₦{{\\{VULGAR}]|\b[NnMmUCAHEGIR])  # passes over most of a text at once
        (?:(?P<junk>{_JUNK})
        |
        (?P<sign>[-+]\s?|(?i:negative|minus)\s)?+ (?P<currency>(?:{_CURRENCY})\s?)?+ (?P<inner>-)?+
        (?:
          (?:(?P<whole_frac>\d++){joint})? \\(?:[dtcs]?frac|nicefrac)\s?
            (?:\{{\s?(?P<top>-?{atom})\s?\}}|(?P<top_digit>\d)) \s?
            (?:\{{\s?(?P<bottom>-?{atom})\s?\}}|(?P<bottom_digit>\d))
          | \{{?(?P<top_over>-?{atom})\}}?\s?\\over\s?\{{?(?P<bottom_over>-?{atom})\}}?
          | (?P<ahead>\d*)\.(?P<once>\d{{0,20}})
            (?:\\overline\s?\{{(?P<again>\d{{1,20}})\}}|\\dot\s?\{{(?P<dotted>\d)\}})
          | (?:(?P<whole_slash>\d++)(?:\s|\sand\s))? (?P<over>{atom})\s?/\s?(?P<under>{atom})
          | (?:(?P<whole_vulgar>\d++){joint})? (?P<vulgar>[{VULGAR}])
          | (?P<base>{atom}) (?:{space}(?:[×x*·]|\\times|\\cdot){space}10\s?{_exponent("ten")}
                            | \s?{_exponent("power")})?+
        )
        (?P<scale>\s?(?:\\text\{{\s?)?(?ai:hundred|thousands?|millions?|billions?|trillions?|bn|mn|millionen|milliarden|milliards|millones|milh(?:ões|oes))\b|[kKmMbB]\b|\s?[万萬億亿])?+
        (?P<percent>\s?\\?%|\s?(?:\\text\{{\s?)?(?i:percent|per\ cent)\b)?+)
        """,
        re.VERBOSE,
    )


_NUMERAL: Final = _pattern()


def numerals(text: str, start: int, end: int, style: Style) -> Iterator[Numeral]:
    """The numerals in `text[start:end]`, in order.

    Digits that belong to a name or an exponent (`x2`, `x_1`, `m^2`) are passed over.

    Args:
        text: Text as `plain` gives it.
        start: Where to start.
        end: Where to end (exclusive).
        style: How digits are to be understood.
    """
    for match in _NUMERAL.finditer(text, start, end):
        if (numeral := _read(match, text, style)) is not None:
            yield numeral


def numeral_at(text: str, start: int, style: Style) -> Numeral | None:
    """The numeral that starts exactly at `start`: see `numerals`."""
    end = start + 2 * _WRITTEN
    match = _NUMERAL.match(text, start, end)
    return None if match is None or match.end() == end else _read(match, text, style)


def _read(match: re.Match[str], text: str, style: Style) -> Numeral | None:
    start, end = match.span()
    before = text[start - 1] if start else " "
    if before.isspace() and (token := match[0]).isdecimal():  # the plainest numeral, and the most frequent
        return Numeral(Fraction(int(token)) if len(token) <= DIGITS else None, start, end, True)
    if match["junk"]:
        return Numeral(None, start, end, False)
    sign = match["sign"]
    if sign and not _is_sign(text, start, spaced=sign in ("- ", "+ ")):
        start, sign = match.end("sign"), None
    before = text[start - 1] if start else ""
    if before and not match["currency"]:
        if before in "^_{√" and (role := _role(text, start)):
            return Numeral(None, start, end, False) if role == "root" else None
        if before < "ɐ" and before.isalpha() and not match[0].startswith("\\"):
            return None
    value = _value(match, style)
    if value is not None:
        if scale := match["scale"]:
            factor = _scale(scale, bool(match["currency"]))
            if factor is None:  # the letter of a unit
                end = match.start("scale")
            value *= factor or 1
        if match["percent"] and end == match.end():
            value *= style.percent
        if bool(sign and sign[0] != "+") != bool(match["inner"]):
            value = -value
        if not (-LIMIT < value.numerator < LIMIT and value.denominator < LIMIT):
            value = None
    return Numeral(value, start, end, end - start == len(match["base"] or ""))


def _scale(word: str, money: bool) -> int | None:
    """The factor of a scale word; of a mere letter (`$5k`) only where a currency stands before."""
    letters = word.replace("\\text{", "").strip().lower()
    return _SCALES[letters] if money or len(letters) > 1 or letters > "z" else None


def _role(text: str, at: int) -> str | None:
    """Whether what starts here is under a root, or an index or exponent of what stands before."""
    prior = text[max(0, at - 7) : at]
    if prior.endswith(("√", "sqrt{")):
        return "root"
    if prior.endswith(("^", "^{")) or (prior.endswith(("_", "_{")) and prior.rstrip("{")[-2:-1].isalpha()):
        return "index"
    return None


def _is_sign(text: str, at: int, *, spaced: bool) -> bool:
    """Whether a `-` or `+` says the sign of what follows, rather than joining two things, or making a list."""
    left = at - 1
    while left >= 0 and text[left] in " \t\xa0" and at - left < 20:
        left -= 1
    before = text[left] if left >= 0 else ""
    if spaced:
        return before != "" and (before in "=≈<>({[:#" or text[max(0, left - 2) : left + 1] == " is")
    if not before:
        return True
    if before == "$":  # opens mathematics, or closes it
        return not text[left - 1 : left].isalnum()
    if left == at - 1 and before < "ɐ" and before.isalpha():
        return False
    return not (before.isdigit() or before in ")]}%")


def _value(match: re.Match[str], style: Style) -> Fraction | None:
    if base := match["base"]:
        return _powered(match, base, style)
    if repeated := match["again"] or match["dotted"]:
        return _repeating(match["ahead"], match["once"], repeated)
    if vulgar := match["vulgar"]:
        top, bottom, whole = Fraction(_VULGAR[vulgar][0]), Fraction(_VULGAR[vulgar][1]), match["whole_vulgar"]
    else:
        upper = _atom(match["over"] or match["top"] or match["top_digit"] or match["top_over"], style.comma)
        lower = _atom(match["under"] or match["bottom"] or match["bottom_digit"] or match["bottom_over"], style.comma)
        whole = match["whole_slash"] or match["whole_frac"]
        if upper is None or not lower:
            return None
        top, bottom = upper, lower
    if not whole:
        return top / bottom
    if len(whole) > DIGITS or not 0 <= top < bottom:
        return None
    return int(whole) + top / bottom


def _repeating(ahead: str, once: str, repeated: str) -> Fraction | None:
    r"""`0.1\overline{6}`: the decimals once, then those that repeat for ever."""
    if len(ahead) > DIGITS:
        return None
    value = Fraction(int(ahead or "0")) + Fraction(int(once or "0"), 10 ** len(once))
    return value + Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(once))


def _powered(match: re.Match[str], base: str, style: Style) -> Fraction | None:
    value = _atom(base, style.comma)
    if value is None or match.end("base") == match.end():
        return value
    if (ten := _written_exponent(match, "ten")) is not None:
        return value * Fraction(10) ** ten if abs(ten) <= DIGITS else None
    if (power := _written_exponent(match, "power")) is not None:
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        return value**power if abs(power) * bits <= 3 * DIGITS and (value or power > 0) else None
    return value


def _written_exponent(match: re.Match[str], name: str) -> int | None:
    written = match[f"{name}_braced"] or match[f"{name}_plain"]
    if written is None and (raised := match[f"{name}_raised"]):
        written = raised.translate(_RAISED)
    return None if written is None else _exponent_value(written)


def _exponent_value(digits: str) -> int:
    """The exponent, or, for one with many digits, another that is too large as well."""
    return int(digits) if len(digits) <= 8 else 10**8


_GROUPS = re.compile(rf"({_SEPARATOR}|\ )")


def _atom(token: str, comma: bool) -> Fraction | None:
    """The value of digits, separators and an exponent; None where they are no one number."""
    if token.isdigit():
        return Fraction(int(token)) if len(token) <= DIGITS else None
    if len(token) > 2 * _WRITTEN:
        return None
    if token[0] == "-":
        value = _atom(token[1:], comma)
        return None if value is None else -value
    mantissa, _, exponent = token.replace("E", "e").partition("e")
    split = _split(mantissa, comma)
    if split is None or len(split[0]) + len(split[1]) > _WRITTEN:
        return None
    whole, decimals = split
    shift = _exponent_value(exponent or "0") - len(decimals)
    if abs(shift) > DIGITS:
        return None
    digits = int(whole + decimals)
    return Fraction(digits * 10**shift) if shift >= 0 else Fraction(digits, 10**-shift)


def _split(mantissa: str, comma: bool) -> tuple[str, str] | None:
    """The digits before and after the decimal sign."""
    parts = _GROUPS.split(mantissa)
    groups, signs = parts[::2], [_sign(sign) for sign in parts[1::2]]
    if not signs:
        return mantissa, ""
    last, others = signs[-1], set(signs[:-1])
    if others:
        if len(others) == 1 and last not in others and last != " " and _grouped(groups[:-1]):
            return "".join(groups[:-1]), groups[-1]
        return ("".join(groups), "") if others == {last} and _grouped(groups) else None
    whole, rest = groups
    if last == ("," if comma else ".") or not whole:
        return whole, rest
    if _grouped(groups):
        return whole + rest, ""
    other_way = last == "." or (last == "," and (len(rest) < 3 or whole == "0"))
    return (whole, rest) if other_way else None


def _sign(separator: str) -> str:
    """One of `.`, `,` and a space, which stands for all that only groups."""
    bare = separator.strip("{}")
    return bare if bare in ".," else "," if separator.startswith(",") else " "


def _grouped(groups: list[str]) -> bool:
    """Whether groups of digits are thousands (or, in India, lakhs)."""
    first, last, middle = groups[0], groups[-1], {len(group) for group in groups[1:-1]}
    if not 1 <= len(first) <= 3 or first[0] == "0" or len(last) != 3:
        return False
    return middle <= {3} or (middle == {2} and len(first) <= 2)

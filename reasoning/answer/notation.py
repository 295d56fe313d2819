r"""Mathematics as people and models write it, in one notation: LaTeX without decoration, units and words.

`2√3 cm²`, `\boxed{2\sqrt{3}\text{ cm}^2}` and `2*sqrt(3)` are one expression. Nothing here computes.
"""

import re
from fractions import Fraction
from typing import Final

from reasoning.answer.numeral import plain

_SIGNS: Final = {
    "π": r"\pi ", "∞": r"\infty ", "×": r"\cdot ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "−": "-", "–": "-",
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "±": r"\pm ", "°": "", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ",
    "φ": r"\phi ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "∛": r"\sqrt[3]", "√": r"\sqrt",
    "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}",
    "ℝ": r"\mathbb{R}", "⟨": "(", "⟩": ")",
}  # fmt: skip
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_PLAIN_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ", "0123456789-+nx")
_PLAIN_LOWERED: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_GROUPED = re.compile(r"(?<=\d)(?:\\[,;:! ]|~|\{,\}|,\\!\s?|\{,\}\\!|,|(?<!\d\d\d\d) )(?=\d{3}(?!\d))")
_DECORATION = re.compile(
    r"\\(?:displaystyle|textstyle|left|right|limits|bigl?|bigr?|Bigl?|Bigr?|biggl?|biggr?|bf|rm|it|boldsymbol|bm"
    r"|therefore|hline|big)(?![A-Za-z])"
    r"|\\q?quad|(?<!\\)\\[!,;:> ]|\\\(|\\\)|\\\[|\\\]|(?<!\\)\$|\\color\{\w{1,20}\}|\\textcolor\{\w{1,20}\}"
)
_WRAPPED = re.compile(
    r"\\(?:boxed|fbox|mathbf|mathit|mathsf|mathnormal|overrightarrow|textbf|textit|emph"
    r"|underline)\s?\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
_BOXED = re.compile(r"\\boxed\s?\{((?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*)\}")
_ROMAN = re.compile(r"\\(?:mathrm|operatorname)\s?\{~?\s?([A-Za-z ./^0-9~]*)\}")
_WORDS = re.compile(r"\\(?:text|mbox|textrm|textnormal|hbox)\s?\{([^{}]*)\}")
_FRACTION_NAMES = re.compile(r"\\(?:dfrac|tfrac|cfrac|sfrac|nicefrac|frac)(?![A-Za-z])")
_OVER = re.compile(r"\{([^{}]*)\}\s?\\over\s?\{([^{}]*)\}|\{?(\d+)\s?\\over\s?(\d+)\}?")
_ROOT = re.compile(r"(?<![A-Za-z\\])(?:sqrt|root)\s?(?=[(\d])")
_ROOT_BRACKET = re.compile(r"\\sqrt\s?\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_ROOT_DIGITS = re.compile(r"\\sqrt\s?(\d+)")
_FUNCTIONS = re.compile(
    r"(?<![A-Za-z\\{])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp|pi|infty|theta"
    r"|alpha|beta)(?![A-Za-z])"
)
_INFINITY = re.compile(r"(?<![A-Za-z\\])(?:infinity|inf|oo)(?![A-Za-z])", re.IGNORECASE)
_MIXED = re.compile(
    r"(?<![\d.A-Za-z}^_/])(\d{1,9})\s?(?:\\frac\{(\d{1,9})\}\{(\d{1,9})\}|\\frac(\d)(\d))"
    r"|(?<![\d.A-Za-z}^_/])(\d{1,9})\s(\d{1,9})/(\d{1,9})(?![\d/])"
)
_REPEATING = re.compile(r"(\d{0,20})\.(\d{0,20})\\overline\s?\{(\d{1,20})\}")
_DECIMAL = re.compile(r"(?<![\d.])(\d{0,40})\.(\d{1,40})(?![\d.])")
_RATIO_OF_NUMBERS = re.compile(r"(?<![\d.A-Za-z_^}/{])(\d{1,30})\s?/\s?(\d{1,30})(?![\d./])")
_PERCENT = re.compile(
    r"(?<=[\d}\s])\s?(?:\\?%|(?<=[\d}\s])(?:pct\b\.?|percent(?:age)?(?:\s+points?)?\b))", re.IGNORECASE
)
_PERCENT_WORD = re.compile(r"\s*(?:\\?%|pct\.?|percent(?:age)?(?:\s+points?)?)\s*", re.IGNORECASE)
_MONEY = re.compile(r"\\\$|[€£]|\\pounds\b|\\euro\b")
_DEGREES = re.compile(r"\^\s?(?:\{\s?\\?circ\s?\}|\\circ|\\degree|\\prime)|\\degree(?:s)?(?![A-Za-z])")
_PARTED = re.compile(
    r"\s*[,;(]?\s*(?:or equivalently|equivalently|i\.e\.|that is|which is|where|for (?:all|some|any|every)|since"
    r"|because|approximately|as required|or approximately|about)\b.*$",
    re.DOTALL | re.IGNORECASE,
)
_APPROX = re.compile(r"\s*(?:≈|\\approx|\\simeq|\\doteq)\s*")
_NAMES = """
    sqrt cbrt root exp log ln sin cos tan cot sec csc asin acos atan arcsin arccos arctan sinh cosh tanh abs max min gcd
    lcm mod det pi inf infty Matrix Abs Eq Interval Union FiniteSet open Lopen Ropen factorial binomial floor ceiling
    Rational Integer Float Tuple alpha beta gamma delta epsilon theta sigma omega phi psi rho tau and or
"""
_KNOWN: Final = frozenset(_NAMES.split())
_PROSE_WORDS = "so is if of to at it we by be as an on he my"
_PROSE: Final = frozenset(_PROSE_WORDS.split()) | frozenset(_PROSE_WORDS.title().split())
_UNIT_NAMES = """
    m s g h l cm mm km kg mg ml mi ft in yd lb oz hr min sec mph kph unit units degree degrees dollar dollars cent cents
    percent inch inches foot feet mile miles meter meters metre metres hour hours minute minutes second seconds day days
    week weeks month months year years square sq cubic cu per people students ways apples radians rad liters litres
    gallons pounds points
"""
_UNITS: Final = frozenset(_UNIT_NAMES.split())
_UNIT_WORD = r"[A-Za-z][A-Za-z.]*"
_TAIL_UNIT = re.compile(
    rf"(?<![A-Za-z\\])(?P<gap>[\s~]*)(?<![A-Za-z\\])(?P<words>{_UNIT_WORD}(?:(?:\s+|\s?/\s?|\s?\\cdot\s?"
    rf"|-){_UNIT_WORD})*)\s*(?:\^\s?\{{?-?\d\}}?|\^\s?\{{?\d)?\s*$"
)
_VALUE_END = re.compile(r"(?:[\d)}\]!]|\\pi|\\infty|\\emptyset)\s*$")
_WORD = re.compile(r"[A-Za-z]{2,}")
_WORDY = re.compile(r"[^\W\d_][^=<>^{}\\$*/+|:;]*|\([^=<>^{}\\$*/+|:;]*\)[^=<>^{}\\$*/+|:;]*|\d[^=<>^{}\\$*/+|;]*")
_NO_WORDS: Final = frozenset(("nan", "inf", "oo", "null"))
_COMMAND = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+")
_EDGES: Final = " \t\r\n*_`\"“”'.,;:$~"


def tidy(text: str) -> str:
    """The text in one notation; what is no mathematics stays as it is."""
    text = text.replace('\\"', " ")
    if text.count("\\boxed") > 1:
        text = ", ".join(match[1] for match in _BOXED.finditer(text))
    if "≈" in text or "\\approx" in text or "\\simeq" in text or "\\doteq" in text:
        parts = [part for part in _APPROX.split(text) if part.strip(_EDGES)]
        if parts:
            name = len(parts) > 1 and re.fullmatch(r"[\s$]*[A-Za-z](?:_\{?\w\}?)?[\s$]*", parts[0])
            text = parts[1] if name else parts[0]
    text = _PARTED.sub("", text) if "\\text" not in text[:6] else text
    text = _RAISED.sub(lambda match: f"^{{{match[0].translate(_PLAIN_RAISED)}}}", text)
    text = _LOWERED.sub(lambda match: f"_{{{match[0].translate(_PLAIN_LOWERED)}}}", text)
    for sign, written in _SIGNS.items():
        text = text.replace(sign, written)
    text = plain(text)
    text = _GROUPED.sub(_ungrouped, text)
    text = _MONEY.sub("", text)
    text = _DECORATION.sub(" ", text).replace("~", " ").replace("\\varnothing", "\\emptyset")
    text = (
        text.replace("\\leq", "\\le")
        .replace("\\geq", "\\ge")
        .replace("\\lt", "<")
        .replace("\\gt", ">")
        .replace("\\le ", "\\le ")
    )
    for _ in range(4):
        unwrapped = _WRAPPED.sub(r" \1 ", text)
        if unwrapped == text:
            break
        text = unwrapped
    text = _DEGREES.sub("", text)
    text = _FRACTION_NAMES.sub(r"\\frac", text)
    text = re.sub(r"\\frac\s+", r"\\frac ", text).replace("\\frac {", "\\frac{")
    text = _OVER.sub(lambda m: f"\\frac{{{m[1] or m[3]}}}{{{m[2] or m[4]}}}", text)
    text = _ROOT.sub(r"\\sqrt ", text)
    text = _ROOT_BRACKET.sub(r"\\sqrt{\1}", text)
    text = _ROOT_DIGITS.sub(r"\\sqrt{\1}", text)
    text = _WORDS.sub(lambda match: " % " if _PERCENT_WORD.fullmatch(match[1]) else match[0], text)
    text = _PERCENT.sub(" % ", text)
    text = _words(text)
    text = _without_units(text.strip(_EDGES))
    text = _INFINITY.sub(r"\\infty ", text)
    text = _FUNCTIONS.sub(r"\\\1 ", text)
    text = _REPEATING.sub(lambda m: _repeating(m[1], m[2], m[3]), text)
    text = _DECIMAL.sub(lambda m: _fraction(Fraction(f"{m[1] or 0}.{m[2]}")), text)
    text = _MIXED.sub(_mixed, text)
    text = _RATIO_OF_NUMBERS.sub(r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\?%", r" \\cdot \\frac{1}{100}", text)
    return text.strip(_EDGES)


def words(text: str) -> str | None:
    r"""The words that an answer consists of ("Evelyn", `\text{(C)}`, "no solution"); None where it is mathematics."""
    inner = (
        _ROMAN.sub(r"\1", _WORDS.sub(r" \1 ", _WRAPPED.sub(r" \1 ", _DECORATION.sub(" ", text))))
        .replace("~", " ")
        .replace("\\ ", " ")
    )
    inner = " ".join(inner.strip(_EDGES + "!").split())
    if "\\" in inner or not inner or len(inner) > 80 or any(sign in inner for sign in "=<>^_{}$±√"):
        return None
    bare = inner.strip("()[]. ")
    if re.fullmatch(r"[A-Za-z]", bare):
        return bare  # a label, which is a variable's name too
    if re.fullmatch(r"\d{1,2}:\d\d\s?[ap]\.?m\.?", bare, re.IGNORECASE):
        return bare.casefold().replace(".", "")
    letters = _WORD.findall(inner)
    if not letters or all(word in _KNOWN for word in letters) or not _WORDY.fullmatch(inner):
        return None
    if not any(
        len(word) > 2 or word[0].isupper() or word.lower() in ("no", "up") for word in letters
    ) or not _NO_WORDS.isdisjoint(map(str.lower, letters)):
        return None
    if inner[0].isdigit() or inner[0] in "-+.(":
        first = re.match(r"\(?-?[\d.,/]+\)?\s?(.*)$", inner)
        if first and not (first[1] and re.match(r"(?:[ap]\.?m\.?$|/|:|st\b|nd\b|rd\b|th\b)", first[1], re.IGNORECASE)):
            return None
    if re.search(r"\d\s?[-+*/]\s?\d|\d[a-z]\b|\s[-+]\s\w+$", inner):
        return None
    return " ".join(inner.casefold().strip("()[]. ").split())


def mathematical(text: str) -> bool:
    """Whether a tidied text is mathematics rather than words, which would read as products of letters."""
    rest = _COMMAND.sub(" ", text)
    longer = [
        word
        for word in re.findall(r"[A-Za-z]{3,}", rest)
        if word not in _KNOWN and not (word.isupper() and len(word) < 6)
    ]
    prose = any(word in _PROSE for word in re.findall(r"[A-Za-z]{2}(?![A-Za-z])", rest))
    return not longer and not prose and any(character.isalnum() for character in text)


def _words(text: str) -> str:
    r"""Words within mathematics: `\text{ or }` joins, `\text{Area} =` is a name, the rest are units and fall away."""

    def read(match: re.Match[str]) -> str:
        inner = match[1].strip(" .,")
        if inner.lower() in ("or", "and", "if"):
            return f" {inner.lower()} "
        if re.match(r"\s*(?:\)\s*)?=", text[match.end() :]):
            return " X "
        if re.fullmatch(r"[-+$€£\d.,/% ]+", inner) and any(map(str.isdigit, inner)):
            return f" {inner} "
        number = re.match(r"(-?[\d.,/]+)\s?[A-Za-z]", inner)
        if number and match.start() == 0:
            return f" {inner} "
        return " "

    text = _WORDS.sub(read, text)
    return _ROMAN.sub(lambda match: " " if len(match[1].strip()) != 1 or match[1].strip() in _UNITS else match[1], text)


def _without_units(text: str) -> str:
    """The text without the units behind its value."""
    text = re.sub(r"(?<=[\d}\s)])\^\s?\{?\d\}?\s*$", "", text) if re.search(r"\s\^\s?\{?\d\}?\s*$", text) else text
    for _ in range(3):
        match = _TAIL_UNIT.search(text[-60:])
        if match is None:
            return text
        at = len(text) - len(text[-60:]) + match.start()
        head, found = text[:at].rstrip(), match["words"]
        if not head or not _VALUE_END.search(head):
            return text
        split = re.split(r"[^A-Za-z.]+", found)
        known = all(word.lower().strip(".") in _UNITS for word in split if word)
        long_words = all(len(word) > 2 or word in _UNITS for word in split if word) and not any(
            word in _KNOWN for word in split
        )
        if not (known or long_words) or (len(found) == 1 and not match["gap"] and found not in "m"):
            return text
        if len(found) == 1 and found in "msghl" and not match["gap"]:
            return text
        text = head
    return text


def _ungrouped(match: re.Match[str]) -> str:
    """Nothing for what groups thousands; the comma of `(12,102)`, which may be a point or an interval, stays."""
    text = match.string
    if match[0] == ",":
        before = re.search(r"[(\[]\s?-?\d+$", text[max(0, match.start() - 12) : match.start()])
        after = text[match.end() + 3 : match.end() + 5].lstrip()
        if before and after[:1] in (")", "]", ","):
            return ","
    return ""


def _fraction(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def _repeating(ahead: str, once: str, again: str) -> str:
    value = Fraction(int(ahead or "0")) + Fraction(int(once or "0"), 10 ** len(once))
    return _fraction(value + Fraction(int(again), (10 ** len(again) - 1) * 10 ** len(once)))


def _mixed(match: re.Match[str]) -> str:
    whole, top, bottom = (match[1] or match[6]), (match[2] or match[4] or match[7]), (match[3] or match[5] or match[8])
    if int(bottom) == 0 or int(top) >= int(bottom):
        return match[0]
    return _fraction(int(whole) + Fraction(int(top), int(bottom)))

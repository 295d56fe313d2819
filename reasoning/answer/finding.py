"""Which of the numerals in a text is its answer."""

import re
from typing import Final

from reasoning.answer.marker import Region, last_match
from reasoning.answer.numeral import VULGAR, Numeral, Style, numeral_at, numerals
from reasoning.answer.words import written

_WINDOW: Final = 240  # characters that are read at once
_WINDOWS: Final = (48, 480, 8000)  # the same for a search from the end back: more only for a number that needs them
_TRIES: Final = 32  # windows looked into, at most

_FILLER = re.compile(  # what may stand between a mark and the number that it marks
    r"(?:[\s*_`\"'(\[{$~≈=:<>]|\\[\[(,;]|\\(?:text|mathbf|textbf|mathrm|mathit|bf)\b"
    r"|approximately|approx\.|about|around|exactly|roughly|only|just|a total of|total|equal to|[A-Za-z]\w{0,12}\s?=)*+"
)
_UNIT = r"(?:\s*+(?:[A-Za-z]++|\\text\{[^{}]{0,24}\}))"
_NEXT = r"\s*+[(\[{]*+\\?[$€£]?\s?\\?[\d.]"  # the next operand begins
_OPERATION = re.compile(
    rf"(?P<unit>{_UNIT}{{0,2}}?)\s*+(?:(?:[+*/×÷x]|\\times|\\cdot|\\div|plus|minus|times|divided by){_NEXT}"
    rf"|(?P<dash>-){_NEXT}|(?P<of>of\b){_NEXT}|\\?(?:sqrt|frac|pi)\b|[√π]|\^|(?P<equals>=|≈|\\approx))"
)
_OPERATOR_BEFORE = re.compile(r"[\w)\]}]\s?(?:[-+*/^]|\*\*)\s?\(?$")
_OPERATOR_AFTER = re.compile(r"\s?[-+*^]\s?(?:[A-Za-z](?![A-Za-z])|[(\\])")
_EQUALS = re.compile(r"[=≈]|\\approx|\bequals\b")
_SENTENCE_END = re.compile(r"[.!?][*_)\"'”’]{0,4}\s+(?=[A-Z(*\\\"“])|[。！？]|\n\s*\n")
_LISTED = re.compile(rf"\s*(?:,|;|and\b|or\b)\s*(?:and\b|or\b)?\s*(?=[-+$\\]{{0,3}}(?:\d|frac)|[{VULGAR}])")
_TAIL = re.compile(r"[*_`$%)\\\]}]*+(?:\s++[^\W\d]++){0,4}+\s*+(?:\([^\n]*\))?[\s.!;…*_`$)\\\]}]*+")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_NUMBERING = re.compile(r"[.):]\*{0,2}\s+[^\s(]")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_NAMED = re.compile(
    r"(?i:step|question|problem|part|case|method|example|equation|figure|table|line|note|stage|#|no\.)\s?[#(*]*$"
)


def marked(text: str, region: Region, style: Style) -> Numeral | None:
    """The numeral that a mark points at.

    Returns:
        None where the mark says nothing about a number, so that another one should be looked at; a numeral without a
        value where what it marks is no one number, and the text thereby has no answer.
    """
    whole = region.rule in ("boxed", "answer tag")
    end = region.end if whole else _sentence_end(text, region.start, region.end)
    found = _first(text, region.start, end, style)
    if found is None:
        return _in_words(text, region.start, end)
    filler = _FILLER.match(text, region.start, found.start)
    direct = filler is not None and filler.end() == found.start
    if region.rule == "####" and not (direct and _ends_line(text, found, region.end)):
        return None
    if found.end == end and text[end : end + 1].isdigit():
        return found._replace(value=None)  # it goes on beyond reach
    operation = _OPERATION.match(text, found.end, end)
    if not region.firm and (operation or not direct) and _last_digit(text, end, len(text)) >= 0:
        return None  # "Answer:" introduced a derivation that goes on
    if not direct and (bold := _last_bold(text, region.start, end, style)):
        return bold
    if operation:
        return _result(text, found, operation, end, style)
    if whole and _LISTED.match(text, found.end, end):
        return found._replace(value=None)
    return found


def leading(text: str, style: Style) -> Numeral | None:
    """The number that a text consists of, or opens with as a sentence or line of its own."""
    start = len(text) - len(text.lstrip()) if text[:1].isspace() else 0
    filler = _FILLER.match(text, start, start + 40)
    assert filler is not None  # it may be empty
    found = numeral_at(text, filler.end(), style)
    if found is None or found.value is None:
        return None
    line_end = text.find("\n", found.end, found.end + _WINDOW)
    if _TAIL.fullmatch(text, found.end, line_end if line_end >= 0 else len(text)):
        return found
    if text.startswith(("...", "…", " ...", " …"), found.end):
        return found
    if text.startswith(". ", found.end):
        numbering = found.bare and (found.value == 1 or f"\n{found.value + 1}." in text)
        return None if numbering else found
    return None


def bold(text: str, style: Style) -> Numeral | None:
    """The last number that stands in bold in the last line that has digits."""
    at = _last_digit(text, 0, len(text))
    if at < 0:
        return None
    start = text.rfind("\n", max(0, at - 2 * _WINDOW), at) + 1
    end = text.find("\n", at, at + _WINDOW)
    return _last_bold(text, max(start, at - 2 * _WINDOW), end if end >= 0 else min(len(text), at + _WINDOW), style)


def last(text: str, style: Style) -> Numeral | None:
    """The last number, list numbering, ordinals, "step 3" and a closing aside in brackets passed over."""
    end = _before_aside(text)
    for _ in range(_TRIES):
        at = _last_digit(text, 0, end)
        if at < 0:
            return None
        start, near = _near(text, at, min(end, at + 40), style)
        for found in reversed(near):
            number = _last_of_list(text, found, style) if found.value is None else found
            if number.value is not None and not _passed_over(text, number):
                return number
        end = start
    return None


def only(text: str, style: Style) -> Numeral | None:
    """The one number that a text holds, or the result of the one equation that it is."""
    found = _first(text, 0, len(text), style)
    if found is None:
        start = len(text) - len(text.lstrip())
        return _in_words(text, start, len(text.rstrip()))
    second = next(numerals(text, found.end, len(text), style), None)
    operation = _OPERATION.match(text, found.end)
    if operation and (second is not None or not operation["equals"]):
        return _result(text, found, operation, len(text), style)
    if second is not None or _OPERATOR_BEFORE.search(text[max(0, found.start - 8) : found.start]):
        return None
    return None if _OPERATOR_AFTER.match(text, found.end) else found


def _first(text: str, start: int, end: int, style: Style) -> Numeral | None:
    for found in numerals(text, start, end, style):
        if not _is_numbering(text, found):
            return found
    return None


def _in_words(text: str, start: int, end: int) -> Numeral | None:
    filler = _FILLER.match(text, start, end)
    assert filler is not None  # it may be empty
    spelled = written(text, filler.end(), end)
    return None if spelled is None else Numeral(spelled[0], filler.end(), spelled[1], False)


def _result(text: str, found: Numeral, operation: re.Match[str], end: int, style: Style) -> Numeral:
    """What an equation that starts with a numeral comes to; without a value where nobody worked it out."""
    equals = last_match(_EQUALS, text, found.end, end)
    if equals is None:
        words = operation["of"] or (operation["dash"] and operation["unit"])  # "3 out of 5", "18 eggs - 9 a day"
        return found if words else found._replace(value=None)
    right = next(numerals(text, equals.end(), end, style), None)
    if right is not None and not _OPERATION.match(text, right.end, end):
        return right
    return found if operation["equals"] else found._replace(value=None)  # "18 = 3 * 6"


def _sentence_end(text: str, start: int, end: int) -> int:
    match = _SENTENCE_END.search(text, start, end)
    return match.start() if match else end


def _ends_line(text: str, found: Numeral, end: int) -> bool:
    return not _is_numbering(text, found) and _TAIL.fullmatch(text, found.end, end) is not None


def _last_bold(text: str, start: int, end: int, style: Style) -> Numeral | None:
    result = None
    for emphasis in _BOLD.finditer(text, start, end) if text.find("**", start, end) >= 0 else ():
        found = next(numerals(text, *emphasis.span(1), style), None)
        if found is None or found.value is None or _is_numbering(text, found):
            continue
        filler = _FILLER.fullmatch(text, emphasis.start(1), found.start)
        if filler and _TAIL.fullmatch(text, found.end, emphasis.end(1)) and not _NUMBERING.match(text, found.end):
            result = found
    return result


def _last_digit(text: str, start: int, end: int) -> int:
    """The position of the last digit, or -1."""
    at = max([text.rfind(digit, start, end) for digit in "0123456789"])
    return at if text.isascii() else max(at, *[text.rfind(part, start, end) for part in VULGAR])


def _near(text: str, at: int, end: int, style: Style) -> tuple[int, list[Numeral]]:
    """The numerals before `end`, from some way before a digit on, and where that is; none if they seem endless."""
    for window in _WINDOWS:
        start = max(0, at - window)
        line = text.rfind("\n", start, at) + 1
        start = line or start
        while not line and 0 < start < at and not text[start - 1].isspace():
            start += 1
        found = list(numerals(text, start, end, style))
        if line or start == 0 or (start < at and not (found and len(found) == 1 and found[0].start - start < 8)):
            return start, found
    return 0, []


def _before_aside(text: str) -> int:
    """Where a text ends, an aside in brackets at its end left out if there are digits before it in its line."""
    end = len(text)
    tail = text[-_WINDOW:].rstrip(" \n.*!")
    if not tail.endswith(")"):
        return end
    opening = tail.rfind("(")
    line = tail[tail.rfind("\n", 0, opening) + 1 : max(opening, 0)]
    if opening < 0 or "=" in tail[opening:] or not any(map(str.isdigit, line)):
        return end
    return end - min(end, _WINDOW) + opening


def _last_of_list(text: str, found: Numeral, style: Style) -> Numeral:
    """The last of numbers in a list without spaces (`1,2,3`), where that is what the numeral is."""
    comma = max(text.rfind(",", found.start, found.end), text.rfind(" ", found.start, found.end))
    pieces = list(numerals(text, comma + 1, found.end, style)) if comma > found.start else []
    return pieces[-1] if pieces and ":" not in text[found.start : found.end] else found


def _passed_over(text: str, found: Numeral) -> bool:
    return (
        _ORDINAL.match(text, found.end) is not None
        or _is_numbering(text, found)
        or (found.bare and _NAMED.search(text[max(0, found.start - 14) : found.start]) is not None)
    )


def _is_numbering(text: str, found: Numeral) -> bool:
    """Whether a numeral numbers an item of a list: `2. Then …`, `(3) …` at the start of a line."""
    if not found.bare or found.end - found.start > 2 or not _NUMBERING.match(text, found.end):
        return False
    near = max(0, found.start - 12)
    line = text.rfind("\n", near, found.start) + 1
    return (line > 0 or near == 0) and not text[line or near : found.start].strip(" \t*#>-(•")

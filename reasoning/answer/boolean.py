"""Answers that are yes or no."""

import re
from fractions import Fraction
from typing import Final, Literal

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.reply import reply_of, withdrawn_until
from reasoning.answer.segments import segments, sentence_end
from reasoning.answer.statements import statements
from sandbox.wire import Array, Symbolic

_VALUES: Final = {
    "yes": True, "true": True, "correct": True, "right": True,
    "no": False, "false": False, "incorrect": False, "untrue": False, "wrong": False,
}  # fmt: skip
_NEGATION = re.compile(
    r"\b(?:not|never|no longer|cannot be|can't be|isn['’]t|wasn['’]t|aren['’]t|hardly)\s+(?:be\s+)?(?:\w+ly\s+)?$",
    re.IGNORECASE,
)
_NEGATION_REACH: Final = 32  # characters before a word in which its negation stands
# "no" and "correct" before a noun answer nothing ("no apples", "the correct way").
_STANDS_ALONE = (
    r"(?=\s*(?:[.,;:!?)\]}*_`\"'”’<$—\n-]|$|\\|because\b|since\b|as\b|it\b|they\b|he\b|she\b|there\b|that\b"
    r"|to say\b|and no\b))"
)
# `(?a:…)`: case aside, "ſ" and "ı" match "s" and "i" elsewhere, and are no such word.
_WORD = re.compile(
    rf"\b(?:(?a:yes|true|false|untrue)|(?a:no|correct|incorrect|right|wrong){_STANDS_ALONE})\b(?!-|\s+or\b"
    rf"|\s*/\s*\w)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:[\s*_`\"'>(\[{$“=✅👉]|\\(?:text|boxed)\{|(?:so|therefore|thus|hence|well)\b,?\s)*+"
    r"(?P<word>(?a:yes|no|true|false))\b(?=\s*(?:[^\w\s]|\n|$))",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(
    r"\b(?:yes and no|neither|yes or no|true or false|both yes and no|it depends|unclear|unknown)\b", re.IGNORECASE
)
_ASIDE = re.compile(r"\([^()\n]{0,200}\)")


class Boolean(Kind):
    """Answers that are yes or no (true or false), held as `bool`."""

    kind: Literal["boolean"] = "boolean"

    def extract(self, text: str) -> Extraction | None:
        """The yes or no that a text states as its answer, else `leading` the text, else the `last word` of that sort.

        "Not true" is no, "not false" is yes; "no apples" is neither, and "yes and no" is no answer.
        """
        reply = reply_of(text)
        withdrawn = withdrawn_until(reply)
        for statement in statements(reply):
            if statement.at < withdrawn:
                break
            end = statement.end if statement.whole else sentence_end(reply, statement.start, statement.end)
            if _UNDECIDED.search(reply, statement.start, end):
                return None
            if (match := _first(reply, statement.start, end)) is not None:
                return _extraction(reply, match, statement.start, statement.rule)
        if withdrawn and (match := _WORD.search(reply, withdrawn)) is not None:
            return _extraction(reply, match, withdrawn, "correction")
        if (match := _OPENING.match(reply)) is not None and not _UNDECIDED.match(reply, match.start("word")):
            return Extraction(_VALUES[match["word"].lower()], match.span("word"), "leading")
        for part in reversed(segments(reply)):
            if part.label in ("heading", "note", "offer", "supposition"):
                continue
            if _UNDECIDED.search(reply, part.start, part.end):
                return None
            if (match := _last(reply, part.start, part.end)) is not None:
                return _extraction(reply, match, part.start, "last word")
        return None

    def parse(self, value: object) -> bool | None:
        """A boolean itself; 1 and 0; text that says yes or no."""
        value = only_item(value)
        if isinstance(value, Array):
            value = only_item(value.tolist()) if all(length == 1 for length in value.shape) else None
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float, Fraction)):
            return bool(value) if value in (0, 1) else None
        if not isinstance(value, (str, Symbolic)):
            return None
        text = str(value)
        if text.strip() in ("0", "1"):
            return text.strip() == "1"
        found = self.extract(text)
        return found.answer if found is not None and isinstance(found.answer, bool) else None

    def key(self, answer: Answer) -> str:
        """`"true"` or `"false"`."""
        if not isinstance(answer, bool):
            raise TypeError(f"a boolean's answer is a bool, not {type(answer).__name__}: use parse() first")
        return "true" if answer else "false"

    def text(self, answer: Answer) -> str:
        """`"true"` or `"false"`."""
        return self.key(answer)


def _first(text: str, start: int, end: int) -> re.Match[str] | None:
    """The first word of the sort in a stretch, those in brackets left out where another stands outside."""
    matches = list(_WORD.finditer(text, start, end))
    asides = [aside.span() for aside in _ASIDE.finditer(text, start, end)]
    outside = [match for match in matches if not any(left <= match.start() < right for left, right in asides)]
    return next(iter(outside or matches), None)


def _last(text: str, start: int, end: int) -> re.Match[str] | None:
    return next(reversed(list(_WORD.finditer(text, start, end))), None)


def _extraction(text: str, match: re.Match[str], left: int, rule: str) -> Extraction:
    left = max(left, match.start() - _NEGATION_REACH)
    negation = _NEGATION.search(text[left : match.start()])
    start = left + negation.start() if negation else match.start()
    return Extraction(_VALUES[match[0].lower()] != bool(negation), (start, match.end()), rule)

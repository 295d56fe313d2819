"""Answers that are yes or no."""

import re
from fractions import Fraction
from typing import Final, Literal

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.marker import last_match, regions
from sandbox.wire import Array, Symbolic

_VALUES: Final = {"yes": True, "true": True, "correct": True, "no": False, "false": False, "incorrect": False}
_NEGATION = re.compile(
    r"\b(?:not|never|cannot be|can't be|isn['’]t|wasn['’]t|aren['’]t|neither)\s+(?:\w+ly\s+)?$", re.IGNORECASE
)
_NEGATION_REACH: Final = 32  # characters before a word in which its negation stands
# "no" and "correct" before a noun answer nothing ("no apples", "the correct way").
_STANDS_ALONE = (
    r"(?=\s*(?:[.,;:!?)\]}*_`\"'”’<$—\n-]|$|\\|because\b|since\b|as\b|it\b|they\b|he\b|she\b|there\b|that\b))"
)
# `(?a:…)`: case aside, "ſ" and "ı" match "s" and "i" elsewhere, and are no such word.
_WORD = re.compile(rf"\b(?:(?a:yes|true|false)|(?a:no|correct|incorrect){_STANDS_ALONE})\b(?!-)", re.IGNORECASE)
_OPENING = re.compile(
    r"[\s*_`\"'>(\[{$“]*+(?:\\text\{)?(?P<word>(?a:yes|no|true|false))\b(?=\s*(?:[^\w\s]|\n|$))", re.IGNORECASE
)
_WINDOWS: Final = (300, 4000)  # characters at the end in which an unmarked answer is looked for


class Boolean(Kind):
    """Answers that are yes or no (true or false), held as `bool`."""

    kind: Literal["boolean"] = "boolean"

    def extract(self, text: str) -> Extraction | None:
        """The yes or no that a text marks as its answer, else `leading` the text, else its `last word` of that sort.

        "Not true" is no, "not false" is yes; "no apples" is neither.
        """
        for region in regions(text):
            if (match := _WORD.search(text, region.start, region.end)) is not None:
                return _extraction(text, match, region.start, region.rule)
        if (match := _OPENING.match(text)) is not None:
            return Extraction(_VALUES[match["word"].lower()], match.span("word"), "leading")
        for window in _WINDOWS:
            if (match := last_match(_WORD, text, max(0, len(text) - window))) is not None:
                return _extraction(text, match, 0, "last word")
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


def _extraction(text: str, match: re.Match[str], left: int, rule: str) -> Extraction:
    left = max(left, match.start() - _NEGATION_REACH)
    negation = _NEGATION.search(text[left : match.start()])
    start = left + negation.start() if negation else match.start()
    return Extraction(_VALUES[match[0].lower()] != bool(negation), (start, match.end()), rule)

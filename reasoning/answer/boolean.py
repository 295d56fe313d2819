"""Answers that are yes or no."""

import re
from fractions import Fraction
from typing import Final, Literal

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.marker import last_match, regions
from sandbox.wire import Array, Symbolic

_VALUES: Final = {"yes": True, "true": True, "correct": True, "no": False, "false": False, "incorrect": False}
_NEGATION = r"(?P<negation>\b(?:not|never|cannot be|can't be|isn['’]t|wasn['’]t|aren['’]t|neither)\s+(?:\w+ly\s+)?)?"
# "no" and "correct" before a noun answer nothing ("no apples", "the correct way").
_STANDS_ALONE = (
    r"(?=\s*(?:[.,;:!?)\]}*_`\"'”’<$—\n-]|$|\\|because\b|since\b|as\b|it\b|they\b|he\b|she\b|there\b|that\b))"
)
_WORD = re.compile(
    rf"{_NEGATION}(?<![\w-])(?P<word>yes|true|false|(?:no|correct|incorrect){_STANDS_ALONE})(?![\w-])", re.IGNORECASE
)
_OPENING = re.compile(
    r"[\s*_`\"'>(\[{$“]*+(?:\\text\{)?(?P<word>yes|no|true|false)\b(?=\s*(?:[^\w\s]|\n|$))", re.IGNORECASE
)
_LAST: Final = 4000  # characters at the end in which an unmarked answer is looked for


class Boolean(Kind):
    """Answers that are yes or no (true or false), held as `bool`."""

    kind: Literal["boolean"] = "boolean"

    def extract(self, text: str) -> Extraction | None:
        """The yes or no that a text marks as its answer, else `leading` the text, else its `last word` of that sort.

        "Not true" is no, "not false" is yes; "no apples" is neither.
        """
        for region in regions(text):
            if (match := _WORD.search(text, region.start, region.end)) is not None:
                return _extraction(match, region.rule)
        if (match := _OPENING.match(text)) is not None:
            return Extraction(_VALUES[match["word"].lower()], match.span("word"), "leading")
        last = last_match(_WORD, text, max(0, len(text) - _LAST))
        return None if last is None else _extraction(last, "last word")

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


def _extraction(match: re.Match[str], rule: str) -> Extraction:
    return Extraction(_VALUES[match["word"].lower()] != bool(match["negation"]), match.span(), rule)

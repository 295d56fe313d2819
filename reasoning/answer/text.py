"""Answers that are free text."""

import re
import unicodedata
from typing import Final, Literal

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.marker import Region, regions
from sandbox.wire import Array

_QUOTES = str.maketrans("‘’‚‛“”„«»−–‐‑", '\'\'\'\'"""""----')
_LONGEST: Final = 4000  # characters of an answer
_EDGES = ".,;:!?\"'`()[]{}*_~…"
_WRAPPERS = ' \t*_`"“”$'
_COMMAND = re.compile(r"\s*\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s?\{(?P<words>[^{}]*)\}\s*")
_TRIES: Final = 32  # lines that are looked at, from the last one back
_LEADING_POINT = re.compile(r"\.\d")
_SENTENCE_END = re.compile(r"(?<![A-Z])(?<!\b(?:St|Dr|Mr|Ms|Jr|Sr|No|vs|Mt))(?<!\bMrs)[.!?][*\"'”’)]*\s+(?=[A-Z\"“(])")


def normal(text: str, *, case: bool = False) -> str:
    """Text as it is compared: Unicode NFKC, one space between words, no punctuation around words, one case.

    Punctuation inside words stays (`3.5`, `1/2`), and so do signs that tell words apart (`-5`, `C++`, `50%`).
    """
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    if not case:
        text = unicodedata.normalize("NFKC", text.casefold())
    return " ".join(word for raw in text.split() if (word := _stripped(raw)))


def _stripped(word: str) -> str:
    inner = word.strip(_EDGES)
    at = word.find(inner)
    return f".{inner}" if inner and _LEADING_POINT.match(word, at - 1) and at else inner


def sentence_end(text: str, region: Region) -> int:
    """Where the first sentence of a region ends, its full stop left out; "St. Louis" is no end."""
    match = _SENTENCE_END.search(text, region.start, region.end)
    return match.start() if match else region.end


class Text(Kind):
    """Answers that are words, compared after normalisation: see `normal`.

    Attributes:
        case: Whether upper and lower case tell answers apart.
    """

    kind: Literal["text"] = "text"
    case: bool = False

    def extract(self, text: str) -> Extraction | None:
        """What a text marks as its answer, else its `last line`."""
        for region in regions(text):
            end = sentence_end(text, region) if region.rule == "answer is" else region.end
            if (found := self._found(text, region.start, end, region.rule)) is not None:
                return found
        end = len(text)
        for _ in range(_TRIES):
            start = text.rfind("\n", 0, end) + 1
            if (found := self._found(text, start, end, "last line")) is not None:
                return found
            end = start - 1
            if end <= 0:
                break
        return None

    def parse(self, value: object) -> str | None:
        """The text itself, or how a number or a formula is written; None for nothing but punctuation."""
        value = only_item(value)
        if value is None or isinstance(value, (Array, dict, list, tuple, set, frozenset)):
            return None
        try:
            text = str(value).strip()
        except ValueError:  # an integer with more digits than the interpreter writes out
            return None
        return text if len(text) <= _LONGEST and self._key(text) else None

    def key(self, answer: Answer) -> str:
        """The answer after normalisation."""
        return self._key(str(answer))

    def text(self, answer: Answer) -> str:
        """The answer as it was written."""
        return str(answer)

    def _key(self, text: str) -> str:
        return normal(text, case=self.case)

    def _found(self, text: str, start: int, end: int, rule: str) -> Extraction | None:
        if end - start > _LONGEST:
            return None
        if rule == "boxed" and (command := _COMMAND.fullmatch(text, start, end)) is not None:
            start, end = command.span("words")
        inner = text[start:end].strip().strip(_WRAPPERS)
        if inner.endswith(".") and not inner.endswith(".."):
            inner = inner[:-1].rstrip(_WRAPPERS)
        inner = inner.strip()
        if not self._key(inner):
            return None
        at = text.index(inner, start)
        return Extraction(inner, (at, at + len(inner)), rule)

"""Answers that are free text."""

import re
import unicodedata
from typing import Final, Literal

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.reply import reply_of
from reasoning.answer.segments import segments, sentence_end
from reasoning.answer.statements import statements
from sandbox.wire import Array

_QUOTES = str.maketrans("‘’‚‛“”„«»−–‐‑", '\'\'\'\'"""""----')
_LONGEST: Final = 4000  # characters of an answer
_EDGES = ".,;:!?\"'`()[]{}*_~…"
_WRAPPERS = ' \t*_`"“”$'
_COMMAND = re.compile(r"\s*\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s?\{(?P<words>[^{}]*)\}\s*")
_TRIES: Final = 32  # lines that are looked at, from the last one back
_LEADING_POINT = re.compile(r"\.\d")
_BECAUSE = re.compile(r"\s+(?:because|since|as (?:it|this|that|the|he|she|they)|which (?:is|was))", re.IGNORECASE)


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


class Text(Kind):
    """Answers that are words, compared after normalisation: see `normal`.

    Attributes:
        case: Whether upper and lower case tell answers apart.
    """

    kind: Literal["text"] = "text"
    case: bool = False

    def extract(self, text: str) -> Extraction | None:
        """What a text marks as its answer, else its `last line`."""
        reply = reply_of(text)
        for statement in statements(reply):
            start, end = statement.start, statement.end
            if not statement.whole:
                end = sentence_end(reply, start, end)
                reason = _BECAUSE.search(reply, start + 1, end)
                end = reason.start() if reason else end
            if (found := self._found(reply, start, end, statement.rule)) is not None:
                return found
        parts = segments(reply)
        lines = {part.line: (part.start, part.end) for part in parts if part.label not in ("note", "offer", "check")}
        for line in sorted(lines, reverse=True)[:_TRIES]:
            start = reply.rfind("\n", 0, lines[line][0]) + 1
            end = reply.find("\n", start)
            if (found := self._found(reply, start, end if end >= 0 else len(reply), "last line")) is not None:
                return found
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

r"""Where a text states its answer: `\boxed{…}`, `<answer>…</answer>`, `#### …`, `{"answer": …}`, "the answer is …".

Texts are searched from the end, in bounded steps, so that neither a long text nor a hostile one costs much.
"""

import operator
import re
import sys
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Final, Literal, NamedTuple

from reasoning.answer.locales import locale
from reasoning.answer.segments import SUPPOSED, breaks

REACH: Final = 600
"""Characters after a marker in which its answer must stand."""
_NEAR: Final = 200  # characters from a word for "answer" in which its verb must stand
_TRIES: Final = 24  # markers that are looked at, from the last one back

Rule = Literal["boxed", "answer tag", "####", "json", "answer is"]


class Statement(NamedTuple):
    """A stretch of text in which a stated answer stands.

    Attributes:
        start: Where it starts, wrappers such as `**`, quotes and `$` skipped.
        end: Where it ends at the latest (exclusive).
        rule: Which marker said so.
        firm: Whether an answer must follow such a marker. A mere "Answer:" may introduce a whole derivation.
        at: Where the marker itself starts.
    """

    start: int
    end: int
    rule: Rule
    firm: bool
    at: int

    @property
    def whole(self) -> bool:
        """Whether the marker says where the answer ends: all of it is the answer."""
        return self.rule in ("boxed", "answer tag", "json")


_GAP = (
    r"(?:\s+(?:to|for|in|of|on|at|rounded|here|then|therefore|thus|hence|must|should|would|will|can|could|now|so"
    r"|we)\b"
    r"[^\n:=.,;?!]{0,60}?|\s*[(\[][^()\[\]\n]{0,40}[)\]]|,\s+[\w ]{2,24}\s*,|\s+\#?\d{1,3})?"
)
_VERB = (
    r"(?:most\s+likely\s+|probably\s+)?(?:is|are|was|be|equals?|becomes|comes\s+(?:out\s+)?to|works\s+out\s+to|as|of"
    r"|seems\s+to\s+be)"
)
_QUOTES = r"[*_\"'‘’“”`}]{0,4}+"
_OPENING = re.compile(
    r"(?:[\s*_`\"'‘“>:👉✅]|\\[\[(]|\\(?:text|textbf|mathbf|mathrm)\{|\$\$|\$(?![\d.])|[→⇒]|(?-i:(?:is|are)\b))*"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_position = operator.itemgetter(1)
_NEGATED = re.compile(r"(?:not|never)\b|n['’]t\b", re.IGNORECASE)
_WITHDRAWN = re.compile(
    r"\b(?:previous|earlier|former|first thought|initial(?:ly)?|incorrect|wrong|mistaken?)\b", re.IGNORECASE
)
_TAKEN_BACK = re.compile(
    r"^[^.\n!?]{1,60}?(?:,? which (?:is|was) (?:wrong|incorrect|not right)|\b(?:is|was) (?:wrong|incorrect"
    r"|not right|a mistake)\b)",
    re.IGNORECASE,
)
_TAGS = ("answer", "final_answer", "finalanswer", "solution", "result", "final")
_CLOSING = re.compile(rf"<\s?/\s?(?:{'|'.join(_TAGS)})\s?>|\[\s?/\s?(?:{'|'.join(_TAGS)})\s?\]|[<\[]", re.IGNORECASE)
_KEYS = "answer|final_answer|finalanswer|final answer|result|solution|choice|prediction|value|option|label"
_KEYED = re.compile(r"\w+[\"']\s?:")
_JSON = re.compile(
    rf"[\"'](?:{_KEYS})[\"']\s?:\s?(?:\"(?P<double>(?:[^\"\\\n]|\\.){{0,400}})\"|'(?P<single>[^'\n]{{0,400}})'"
    r"|(?P<bare>[^,}\]\n]{1,100}))",
    re.IGNORECASE,
)
_LABELS = (  # what stands at the start of a line before the answer, without the word "answer"
    r"(?:final\s+)?(?:result|output|solution|value|conclusion)s?|final|ans|a\d{0,2}|total\s+answer"
    r"|(?:correct|selected|chosen|best|right|final)\s+(?:option|choice|label|letter)(?:\s*/\s*choice)?|correct"
    r"|verdict|true/false"
)
_LINE_LABEL = re.compile(
    rf"[ \t>#*_-]{{0,8}}(?:\d{{1,2}}[.)]\s{{1,3}})?(?:the\s+)?(?P<label>{_LABELS})\s?{_QUOTES}\s?[:=]{_QUOTES}"
    r"(?P<gap>[ \t]*\n?)",
    re.IGNORECASE,
)
_RIGHT_VALUE = re.compile(
    r"\b(?:right|correct|actual|true|final|required|exact)\s+(?:answer|value|number|result|amount|total|count"
    r"|option|choice|one|figure)"
    r"\s+(?:is|was|should\s+be|must\s+be)\b\s?:?",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"\s*(?:(?:and|so|therefore|thus|hence|then|finally|that means)\b,?\s*){1,3}(?:that\s+|we have\s+)?", re.IGNORECASE
)
_RIGHT_NEEDLES = ("ight ", "orrect ", "ctual ", "inal ", "equired ", "xact ", "rue ")
_REVERSED = re.compile(
    r"\b(?:is|are|as)\s+(?:the|our|my|your)\s+(?:(?:final|correct|right|required)\s+)?answer\b", re.IGNORECASE
)


@cache
def _answer_words(code: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """The needles that find words for "answer", and the pattern that must match where one of those words starts."""
    own = locale(code)
    words = ("answer", *own.answer)
    verbs = "|".join((_VERB, *(re.escape(verb) for verb in own.verbs)))
    needles = {form for word in words for form in (word, word.capitalize(), word.upper())}
    word = "|".join(re.escape(word) for word in words)
    after = r"(?![a-z])"
    verb = rf"(?<![a-z])(?P<verb>(?i:{verbs})){after}"
    choice = r"(?:\s+(?:choice|option|value|letter))?"
    said = rf"{_QUOTES}{choice}{_GAP}\s*+{_QUOTES}\s*+(?:{verb}|[:：=→⇒]|[–—-](?=\s))"
    beside = r"(?=\\?[$€£¥(\[{]|[\d①-⑨A-Z][^a-z]|[A-Z]$)" if code == "en" else r"(?=\S)"
    return tuple(sorted(needles)), re.compile(
        rf"(?<!/)(?<![\w])(?i:{word})s?(?:(?P<tag>\s*[>\]])|{said}|{_QUOTES}\s*\n|{_QUOTES},?\s*{beside}"
        rf"|,\s+(?=[\d$*]))"
        if code not in ("ja", "zh", "th")
        else rf"(?<!/)(?i:{word})s?(?:(?P<tag>\s*[>\]])|{said}|{_QUOTES}\s*\n|{_QUOTES}[,，]?\s*{beside})"
    )


def last_match(pattern: re.Pattern[str], text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
    """The last match of a pattern in `text[start:end]`."""
    found = deque(pattern.finditer(text, start, end), maxlen=1)
    return found[0] if found else None


def statements(text: str, code: str = "en") -> Iterator[Statement]:
    """The stretches in which a stated answer may stand, the last one first.

    Args:
        text: The text, as `reply_of` gives it.
        code: The locale whose words for "answer" are known besides the English ones.
    """
    words, pattern = _answer_words(code)
    found = {needle: at for needle in (*words, *_SIGNS) if (at := text.rfind(needle)) >= 0}
    lines = _lines(text)
    line = next(lines, None)
    for _ in range(_TRIES):
        needle, at = max(found.items(), key=_position) if found else ("", -1)
        if line is not None and line.at > at:
            yield line
            line = next(lines, None)
            continue
        if at < 0:
            return
        statement = _SIGNS[needle](text, at) if needle in _SIGNS else _said(text, at, pattern)
        if statement is not None and not _supposed(text, statement):
            yield statement
        if (at := text.rfind(needle, 0, at)) >= 0:
            found[needle] = at
        else:
            del found[needle]


def _supposed(text: str, statement: Statement) -> bool:
    """Whether a statement stands in a supposition ("If she ate 4, the answer would be 16.") or is taken back."""
    if statement.whole or statement.rule == "####":
        return False
    left = max(0, statement.at - 300)
    start = left
    for _, right in breaks(text, left, statement.at):
        start = right
    if SUPPOSED.match(text, start, statement.start):
        return True
    if _WITHDRAWN.search(text, start, statement.at):
        return True
    return _TAKEN_BACK.search(text, statement.start, min(statement.end, statement.start + 160)) is not None


_TAIL: Final = 6000  # characters at the end in which labels at line starts are looked for


def _lines(text: str) -> Iterator[Statement]:
    """Statements by a label at the start of a line, by "the right value is", and by JSON, the last first."""
    bottom = max(0, len(text) - _TAIL)
    found = []
    line = bottom
    while line >= 0:
        if (match := _LINE_LABEL.match(text, line)) is not None:
            start = _opening(text, match.end(), match.end() + 40)
            found.append(Statement(start, _line_end(text, start), "answer is", False, match.start("label")))
        line = text.find("\n", line) + 1 or -1
    for match in _RIGHT_VALUE.finditer(text, bottom) if any(map(text.__contains__, _RIGHT_NEEDLES)) else ():
        start = _opening(text, match.end(), match.end() + 40)
        if not _NEGATED.match(text, start):
            found.append(Statement(start, _line_end(text, start), "answer is", True, match.start()))
    for match in _JSON.finditer(text, bottom) if "{" in text else ():
        start, end = match.span(match.lastgroup or 0)
        found.append(Statement(start, end, "json", True, match.start()))
    for match in _REVERSED.finditer(text, bottom) if "answer" in text else ():
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 80, _sentence_start(text, match.start()))
        if (lead := _LEAD_IN.match(text, start, match.start())) is not None:
            start = lead.end()
        found.append(Statement(start, match.start(), "answer is", True, match.start()))
    return iter(sorted(found, key=operator.attrgetter("at"), reverse=True))


def _sentence_start(text: str, at: int) -> int:
    return text.rfind(". ", max(0, at - 200), at) + 2 if text.rfind(". ", max(0, at - 200), at) >= 0 else 0


def _boxed(text: str, at: int) -> Statement | None:
    start = text.find("{", at, at + 14)
    if start < 0 or text[at:start].strip("\\abcdefmorx "):
        start = at + len("\\boxed")
        while text[start : start + 1] == " ":
            start += 1
        return Statement(start, _line_end(text, start), "boxed", True, at)
    depth = 0
    for brace in _BRACE.finditer(text, start, start + REACH):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return Statement(start + 1, brace.start(), "boxed", True, at)
    return Statement(start + 1, _line_end(text, start), "boxed", True, at)


def _hashes(text: str, at: int) -> Statement | None:
    start = at + len("####")
    end = _line_end(text, start)
    return Statement(_opening(text, start, end), end, "####", False, at)


def _said(text: str, at: int, pattern: re.Pattern[str]) -> Statement | None:
    match = pattern.match(text, at, at + _NEAR)
    if match is None or _KEYED.match(text, at):
        return None
    start = _opening(text, match.end(), match.end() + 40)
    if match["tag"]:
        closing = _CLOSING.search(text, start, start + REACH)
        end = closing.start() if closing else min(len(text), start + REACH)
        return Statement(start, end, "answer tag", True, at)
    if start >= len(text):
        return None
    firm = bool(match["verb"]) and "\n" not in text[match.end() : start]
    return Statement(start, _line_end(text, start), "answer is", firm, at)


def _opening(text: str, start: int, end: int) -> int:
    """Where the answer itself starts, after white space and wrappers."""
    match = _OPENING.match(text, start, end)
    assert match is not None  # it may be empty
    return match.end()


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + REACH)
    return end if end >= 0 else min(len(text), start + REACH)


def _tagged(text: str, at: int) -> Statement | None:
    closing = text.find(">" if text[at] == "<" else "]", at, at + 20)
    if closing < 0:
        return None
    start = _opening(text, closing + 1, closing + 41)
    end = _CLOSING.search(text, start, start + REACH)
    return Statement(start, end.start() if end else min(len(text), start + REACH), "answer tag", True, at)


_SIGNS: Final = {
    "\\boxed": _boxed, "\\fbox": _boxed, "\\framebox": _boxed, "####": _hashes,
    "<solution>": _tagged, "<result>": _tagged, "<final>": _tagged, "<final_answer>": _tagged,
}  # fmt: skip

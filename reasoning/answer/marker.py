r"""Where a text says that its answer follows: `\boxed{…}`, `<answer>…</answer>`, "the answer is …", `#### …`.

Texts are searched from the end, in bounded steps, so that neither a long text nor a hostile one costs much.
"""

import operator
import re
import sys
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from reasoning.answer.locales import locale

REACH: Final = 600
"""Characters after a marker in which its answer must stand."""
_NEAR: Final = 200  # characters from a word for "answer" in which its verb must stand
_TRIES: Final = 24  # markers that are looked at, from the last one back

_GAP = (
    r"(?:\s+(?:to|for|in|of|here|then|therefore|thus|hence|must|should|would|will|can|could|now|so|we)\b"
    r"[^\n:=.,;?!]{0,60}?|\s*\([^()\n]{0,40}\)|,\s+\w{2,12}\s*,)?"
)
_VERB = r"is|are|was|be|equals?|becomes|comes\s+(?:out\s+)?to|as|of"
_QUOTES = r"[*_\"'`}]{0,4}+"
_OPENING = re.compile(r"(?:[\s*_`\"'>:]|\\[\[(]|\\(?:text|textbf|mathbf|mathrm)\{|\$\$|\$(?![\d.]))*")
_WORD = re.compile(r"\w")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_position = operator.itemgetter(1)
_NEGATED = re.compile(r"(?i:not|n't|never)\b")


class Region(NamedTuple):
    """A stretch of text in which a marked answer stands.

    Attributes:
        start: Where it starts, wrappers such as `**`, quotes and `$` skipped.
        end: Where it ends at the latest (exclusive).
        rule: Which marker said so.
        firm: Whether an answer must follow such a marker. A mere "Answer:" may introduce a whole derivation.
    """

    start: int
    end: int
    rule: str
    firm: bool


@cache
def _answer_words(code: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """The needles that find words for "answer", and the pattern that must match where one of those words starts."""
    words = ("answer", *locale(code).answer)
    verbs = "|".join((_VERB, *(re.escape(verb) for verb in locale(code).verbs)))
    needles = {form for word in words for form in (word, word.capitalize(), word.upper())}
    word = "|".join(re.escape(word) for word in words)
    verb = rf"(?<![a-z])(?P<verb>(?i:{verbs}))(?![a-z])"
    said = rf"{_QUOTES}{_GAP}\s*+{_QUOTES}\s*+(?:{verb}|[:=→⇒]|[–—-](?=\s))"
    return tuple(sorted(needles)), re.compile(
        rf"(?<!/)(?i:{word})s?(?:(?P<tag>\s*>)|{said}|{_QUOTES}\s*\n|{_QUOTES},?\s*(?=\\?[$€£]))"
    )


def last_match(pattern: re.Pattern[str], text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
    """The last match of a pattern in `text[start:end]`."""
    found = deque(pattern.finditer(text, start, end), maxlen=1)
    return found[0] if found else None


def regions(text: str, code: str = "en") -> Iterator[Region]:
    """The stretches in which a marked answer may stand, the last one first.

    Args:
        text: The text.
        code: The locale whose words for "answer" are known besides the English ones.
    """
    words, pattern = _answer_words(code)
    bottom = _after_thoughts(text)
    found = {needle: at for needle in (*words, *_SIGNS) if (at := text.rfind(needle, bottom)) >= 0}
    for _ in range(_TRIES):
        if not found:
            return
        needle, at = max(found.items(), key=_position)
        region = _SIGNS[needle](text, at) if needle in _SIGNS else _said(text, at, pattern)
        if region is not None:
            yield region
        if (at := text.rfind(needle, bottom, at)) >= 0:
            found[needle] = at
        else:
            del found[needle]


def _after_thoughts(text: str) -> int:
    """Where the reply starts after thoughts written inline; 0 where nothing stands there."""
    at = text.rfind("</think>") + len("</think>")
    return at if at >= len("</think>") and _WORD.search(text, at) else 0


def _boxed(text: str, at: int) -> Region | None:
    start = at + len("\\boxed")
    while text[start : start + 1] == " ":
        start += 1
    if text[start : start + 1] != "{":
        return Region(start, _line_end(text, start), "boxed", True)
    depth = 0
    for brace in _BRACE.finditer(text, start, start + REACH):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return Region(start + 1, brace.start(), "boxed", True)
    return Region(start + 1, _line_end(text, start), "boxed", True)


def _hashes(text: str, at: int) -> Region | None:
    start = at + len("####")
    end = _line_end(text, start)
    return Region(_opening(text, start, end), end, "####", False)


def _said(text: str, at: int, pattern: re.Pattern[str]) -> Region | None:
    match = pattern.match(text, at, at + _NEAR)
    if match is None:
        return None
    start = _opening(text, match.end(), match.end() + 40)
    if match["tag"]:
        closing = text.find("<", start, start + REACH)
        return Region(start, closing if closing >= 0 else min(len(text), start + REACH), "answer tag", True)
    if start >= len(text) or _NEGATED.match(text, start):
        return None
    firm = bool(match["verb"]) and "\n" not in text[match.end() : start]
    return Region(start, _line_end(text, start), "answer is", firm)


def _opening(text: str, start: int, end: int) -> int:
    """Where the answer itself starts, after white space and wrappers."""
    match = _OPENING.match(text, start, end)
    assert match is not None  # it may be empty
    return match.end()


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + REACH)
    return end if end >= 0 else min(len(text), start + REACH)


_SIGNS: Final = {"\\boxed": _boxed, "####": _hashes}

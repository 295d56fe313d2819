"""The sentences of a reply, and what each is for: a conclusion, a check of it, a note, an offer, a supposition."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Label = Literal["text", "heading", "item", "row", "check", "note", "offer", "supposition", "aside"]

_BREAK = re.compile(r"[.!?…。！？\n]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:St|Dr|Mr|Ms|Jr|Sr|No|vs|Mt|eq|ca|cf|Rs|Mrs|Fig|etc|i\.e|e\.g|approx|dp)|[A-Z]|\n\d{1,2}"
    r"|\n[*#>-]{1,3} \d{1,2}|^1)$"
)
_AFTER = re.compile(r"\.{0,2}[*_)\"'”’$\]]{0,4}\s+(?=[A-ZÀ-ÞА-Я(*\\\"“‘$\d✅👉<\[-])")
_HEADING = re.compile(
    r"\s*(?:#{1,6}\s+(?P<hashes>[^\n]{0,80})|\*\*(?P<bold>[^*\n\d]{1,60}?):?\*\*:?\s*$"
    r"|(?P<bare>[A-Z][a-z ]{2,30}):\s*$)"
)
_ITEM = re.compile(r"\s*(?:[-•·]|\*(?!\*)|\d{1,2}[.)]|\(\d{1,2}\)|step \d{1,2}\b)\s", re.IGNORECASE)
_CHECK = re.compile(
    r"[\s*_#>\d.()-]{0,12}(?:check(?:ing|ed)?|verif(?:y|ying|ication)|proof|to (?:verify|check|confirm)"
    r"|(?:let me |let['’]s |we can |i['’]ll )(?:\w+ )?(?:verify|check|confirm|double[- ]?check)"
    r"|double[- ]?check(?:ing)?|sanity check"
    r"|probe|kontrolle|vérification|comprobación|验证|检验|検算)\b",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"[\s*_#>(\[-]{0,8}(?:note|notes|n\.?b\.?|remark|disclaimer|assum(?:ption|ptions|ing|es?)|this (?:assumes"
    r"|is because|counts)"
    r"|confidence|explanation|reason(?:ing)?|rationale|source|hint|p\.s|(?:time|tokens?) (?:taken|used)|not used"
    r"|unused|warning"
    r"|rounded|exact(?:ly)? value|for (?:reference|comparison|context)|by comparison|fun fact|in other words"
    r"|alternatively"
    r"|(?:other|remaining) (?:options|choices))\b",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:let me know|would you like|do you want|if you(?:'d| would|['’]re| are)? (?:like|want|need|have"
    r"|interested)|feel free|hope (?:this|that) helps"
    r"|happy to|shall i|can i help|should you|want me to|i can also)\b",
    re.IGNORECASE,
)
SUPPOSED = re.compile(
    r"[\s*_(]{0,6}(?:(?:but |and |now |even )?(?:if|should|suppose|supposing|in case|unless"
    r"|without)\b[^.\n]{0,200}?\b(?:would|instead)\b"
    r"|otherwise\b|(?:had|were)\b[^.\n?]{0,200}?\b(?:would|could)\b)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s*[*_]?\([^\n]{0,400}\)[.*_]?\s*$")
_DONE = re.compile(r"(?:✓|✔️?|☑)\s*$")


class Segment(NamedTuple):
    """A sentence, or what stands for one (a line, a row of a table).

    Attributes:
        start: Where it starts.
        end: Where it ends (exclusive), its full stop left out.
        label: What it is for.
        line: The number of its line, from 0.
    """

    start: int
    end: int
    label: Label
    line: int


LONGEST: Final = 6000
"""Characters at the end of a reply that are looked at when nothing is stated."""


def segments(text: str, start: int = 0, end: int | None = None) -> list[Segment]:
    """The segments of a stretch of text that hold a word or digit, in order."""
    end = len(text) if end is None else end
    start = max(start, end - LONGEST)
    found: list[Segment] = []
    under: Label | None = None
    line = 0
    for left, right, breaks in _pieces(text, start, end):
        piece = text[left:right]
        if piece.strip():
            label = _label(piece)
            if label == "heading":
                under = _section(piece)
            elif under is not None and label in ("text", "item", "row"):
                label = under
            found.append(Segment(left, right, label, line))
        line += breaks
    return found


def breaks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where sentences end in `text[start:end]`, their full stop left out, and where the next ones start."""
    at = start
    while (match := _BREAK.search(text, at, end)) is not None:
        left, sign = match.start(), match[0]
        at = left + 1
        if sign in "\n。！？":
            yield (left + (sign in "！？"), at)
            continue
        after = _AFTER.match(text, at, end)
        if after is None or (sign == "." and _ABBREVIATION.search(text[max(start, left - 8) : left])):
            continue
        at = after.end()
        yield (left + (sign != "."), at)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    left = start
    for right, after in breaks(text, start, end):
        yield left, right, text.count("\n", right, after)
        left = after
    yield left, end, 0


def _section(heading: str) -> Label | None:
    if _CHECK.match(heading):
        return "check"
    return "note" if _NOTE.match(heading) else None


def _label(piece: str) -> Label:
    if _CHECK.match(piece) or _DONE.search(piece):
        return "heading" if _HEADING.match(piece) and not _DONE.search(piece) else "check"
    if _HEADING.match(piece):
        return "heading"
    if _NOTE.match(piece):
        return "note"
    if _ASIDE.match(piece):
        return "aside"
    if _OFFER.search(piece) or piece.rstrip(' *_"”').endswith("?"):
        return "offer"
    if SUPPOSED.match(piece):
        return "supposition"
    if piece.lstrip().startswith("|"):
        return "row"
    return "item" if _ITEM.match(piece) else "text"


def sentence_end(text: str, start: int, end: int) -> int:
    """Where the first sentence from `start` on ends, its full stop left out; "St. Louis" and "3.5" are no end."""
    return next((left for left, _ in breaks(text, start, end)), end)

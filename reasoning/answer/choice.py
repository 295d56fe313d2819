"""Answers that are one of given options."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from pydantic import field_validator, model_validator

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.marker import Region, last_match, regions
from reasoning.answer.text import normal, sentence_end
from sandbox.wire import Array

_LAST = 4000  # characters at the end in which an unmarked label is looked for
_FILLER = (
    r"(?:[\s*_`\"'>(\[{$“:]|\\(?:text|textbf|mathbf|mathrm|mathsf)\b\{?|(?:the\s+)?(?:option|choice|answer|letter)\b)*+"
)
_CLOSED = r"(?=\s*(?:[.,;:!?)\]}*_`\"'”’<$—\n]|-\s|$|\\))"  # nothing that a mere word would stand before
_REASON = r"(?=\s+(?:because|since|as|for|with|which|but|due|is|and|or|[-–—])(?!\w))"
_DISMISSED = r"[)\]}*_]*\s+(?i:is|isn['’]t)\s+(?:\w+ly\s+)?(?i:not|incorrect|wrong|false)\b"  # "(A) is wrong; (B) …"
_OPTION = r"(?i:option|choice)\s+(?:(?i:is|must\s+be)\b\s*:?\s*)?"
_SETTLED = (
    r"(?i:\bit(?:['’]s|\s+is|\s+must\s+be)|\b(?:therefore|thus|hence|so)\b,?"
    r"|\b(?:choose|pick|select|go\s+with)\b)\s*:?\s+"
)
_ANOTHER = r"\s*(?:,|/|\bor\b|\band\b|&)\s*(?:\b(?:or|and)\b\s*)?[*(\[\"']*"


class Choice(Kind):
    """Answers that are one of given options, held as the option's label.

    Attributes:
        labels: The labels, in the order of the options.
        options: What the options say, if known: an answer that gives an option's words is then its label.
    """

    kind: Literal["choice"] = "choice"
    labels: tuple[str, ...] = ("A", "B", "C", "D", "E")
    options: tuple[str, ...] = ()

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        plain = [label.strip() for label in labels]
        if not labels or not all(plain) or len({label.casefold() for label in plain}) < len(plain):
            raise ValueError("labels must be distinct, case aside, and none of them empty")
        return tuple(plain)

    @model_validator(mode="after")
    def _paired(self) -> "Choice":
        if len(self.options) > len(self.labels):
            raise ValueError(f"{len(self.options)} options need as many labels, not {len(self.labels)}")
        return self

    def extract(self, text: str) -> Extraction | None:
        """The label that a text gives as its answer.

        Marked answers count first, the last one first. Without a mark: a label that the text consists of or opens with
        (`leading`), the last "option B" or "so B." (`option`), the last `(B)` or `**B**` (`bracketed`), or the one
        option whose words the last line has (`option text`). Two labels at once ("A or B") are no answer, and "A robe"
        is no label.
        """
        for region in regions(text):
            if (match := self._patterns["marked"].match(text, region.start, region.end)) is not None:
                ambiguous = self._patterns["another"].match(text, match.end(), region.end)
                return None if ambiguous else self._extraction(match, region.rule)
            if (found := self._within(text, region)) is not None:
                return found
        match = self._patterns["leading"].match(text)
        if match is not None and not self._patterns["listed"].search(text, match.end()):  # else it repeats the options
            return self._extraction(match, "leading")
        start = max(0, len(text) - _LAST)
        for rule in ("option", "bracketed"):
            if (match := last_match(self._patterns[rule], text, start)) is not None:
                return self._extraction(match, rule)
        line = text.rstrip()
        return self._by_option(text, max(start, line.rfind("\n") + 1), len(line), "option text")

    def parse(self, value: object) -> str | None:
        """A label, however bracketed, or an option's words."""
        value = only_item(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or isinstance(value, (bool, Array, dict, list, tuple, set, frozenset)):
            return None
        try:
            text = str(value).strip()
        except ValueError:  # an integer with more digits than the interpreter writes out
            return None
        if (label := self._label(text)) is not None:
            return label
        if len(text) <= _LAST and (label := self._by_words.get(normal(text))) is not None:
            return label
        found = self.extract(text)
        return None if found is None else str(found.answer)

    def key(self, answer: Answer) -> str:
        """The label."""
        if not isinstance(answer, str):
            raise TypeError(f"a choice's answer is its label, not {type(answer).__name__}: use parse() first")
        return self._labels.get(answer.casefold(), answer)

    def text(self, answer: Answer) -> str:
        """The label."""
        return self.key(answer)

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {label.casefold(): label for label in self.labels}

    @cached_property
    def _by_words(self) -> dict[str, str]:
        return {
            words: label for label, option in zip(self.labels, self.options, strict=False) if (words := normal(option))
        }

    @cached_property
    def _option_patterns(self) -> dict[str, re.Pattern[str]]:
        return {
            label: re.compile(
                r"(?<![\w.-])" + r"\W+".join(map(re.escape, words.split())) + r"(?!\w|[.,]\d)", re.IGNORECASE
            )
            for words, label in self._by_words.items()
        }

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {name: re.compile(pattern) for name, pattern in _written(self.labels)}

    def _extraction(self, match: re.Match[str], rule: str) -> Extraction:
        group = match.lastgroup
        assert group is not None  # every pattern captures a label
        label = self._label(match[group])
        assert label is not None
        return Extraction(label, match.span(group), rule)

    def _label(self, written: str) -> str | None:
        """The label that is written so, in whichever case: "ı" and "İ" are an "i" to a pattern, not to `casefold`."""
        if (label := self._labels.get(written.casefold())) is not None:
            return label
        same = (label for label in self.labels if re.fullmatch(re.escape(label), written, re.IGNORECASE))
        return next(same, None)

    def _within(self, text: str, region: Region) -> Extraction | None:
        """The one label, or the one option's words, in the sentence that was marked."""
        end = sentence_end(text, region) if region.rule == "answer is" else region.end
        matches = list(self._patterns["within"].finditer(text, region.start, end))
        if matches and len({match[match.lastgroup or 0] for match in matches}) == 1:
            return self._extraction(matches[0], region.rule)
        return self._by_option(text, region.start, end, region.rule)

    def _by_option(self, text: str, start: int, end: int, rule: str) -> Extraction | None:
        """The one option whose words stand in a stretch of text; of options within one another the longest."""
        found = [
            (match.span(), label)
            for label, pattern in self._option_patterns.items()
            if (match := pattern.search(text, start, end)) is not None
        ]
        outer = [
            (span, label)
            for span, label in found
            if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other, _ in found)
        ]
        return Extraction(outer[0][1], outer[0][0], rule) if len(outer) == 1 else None


def _written(labels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The patterns of all the ways in which labels are written, by rule."""
    ordered = sorted(labels, key=len, reverse=True)
    anyhow = "|".join(map(re.escape, ordered))
    # A label that is a word of its own ("A", "I"), or a letter in the other case, needs punctuation after it.
    sure = "|".join(re.escape(label) for label in ordered if label not in ("A", "I", "a", "i")) or "(?!)"
    edge = r"(?![\w'’])"
    first = rf"(?<![\w'’])(?:(?P<sure>{sure}){edge}|(?P<closed>(?i:{anyhow})){edge}(?:{_CLOSED}|{_REASON}))"
    yield "marked", rf"{_FILLER}{first}"
    yield "another", rf"[)\]*\"']*{_ANOTHER}(?:{anyhow}){edge}"
    yield "leading", rf"{_FILLER}(?<![\w'’])(?P<label>{anyhow}){edge}{_CLOSED}(?!\s*,|{_DISMISSED})"
    yield "listed", rf"\n[^\S\n]*+[(*]*+(?:{anyhow})[).:]"
    chosen = rf"[(*\"'\[]*(?:(?P<sure>{sure}){edge}|(?P<closed>(?i:{anyhow})){edge}(?:{_CLOSED}|{_REASON}))"
    settled = rf"[(*\"'\[]*(?P<settled>{anyhow}){edge}{_CLOSED}(?![)\]*\"']*{_ANOTHER}(?:{anyhow}){edge})"
    yield "option", rf"(?:{_OPTION}{chosen}|{_SETTLED}{settled})(?!{_DISMISSED})"
    yield "bracketed", rf"\((?P<round>{anyhow})\)|\*\*\s*\(?(?P<bold>{anyhow}){edge}(?=\)?[.):]|\*\*)"
    yield "within", rf"\((?P<round>{anyhow})\)|(?<![\w'’])(?P<sure>{sure}){edge}{_CLOSED}"

"""Answers that are one of given options."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Literal

from pydantic import field_validator, model_validator

from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.finding import Role, candidates
from reasoning.answer.numeral import Style, numerals
from reasoning.answer.reply import reply_of, withdrawn_until
from reasoning.answer.segments import Segment, segments, sentence_end
from reasoning.answer.statements import REACH, Statement, statements
from reasoning.answer.text import normal
from sandbox.wire import Array

_PARTS = 60  # sentences at the end in which an unstated label is looked for
_LAST = 4000  # characters of a value that is read as an answer
_WRAP = r"[\s*_`\"'‘’“”>(\[{<$:]"
_FILLER = (
    rf"(?:{_WRAP}|\\[\[(]|\\(?:text|textbf|mathbf|mathrm|mathsf|boxed)\b\{{?"
    r"|(?:the\s+)?(?:option|choice|answer|letter|opción|réponse|antwort)\b|✅|👉)*+"
)
_CLOSED = r"(?=\s*(?:[.,;:!?)\]}*_`\"'”’<>$—\n✅❌✓✗]|-\s|–\s|$|\\))"  # nothing that a mere word would stand before
_REASON = (
    r"(?=\s+(?:because|since|as|for|with|which|but|due|is|and|or|over|satisf\w+|fits?|works?|match\w*|[-–—]|\d|\()"
    r"(?!\w))"
)
_ANOTHER = r"\s*(?:,|/|\bor\b|\band\b|&)\s*(?:\b(?:or|and)\b\s*)?[*(\[\"']*"
_FOR = re.compile(
    r"(?:\bonly|\bleaving|\bleaves?|\bleft with(?: option| choice)?|\bmatch(?:es|ing)?|\bcorresponds? to"
    r"|\bequals? option|\bchoose|\bpick|\bselect"
    r"|\bgo with|\banswer(?: is)?|\bso|\btherefore|\bthus|\bhence|\bit(?:['’]s| is| must be| should be)|\bmust be"
    r"|\bbut|✅|👉|=)"
    r"[\s,:]*(?:it is |it['’]s )?(?:the )?(?:option|choice|letter|answer)?[\s*_(\[\"'“‘,:]*$",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"(?:\bnot|\brul(?:es?|ed|ing) out|\bover|\bthan|\bunlike|\binstead of|\brather than|\beliminat\w+"
    r"|\bexclud\w+|\bdiscard\w*|\breject\w*"
    r"|\bbetween|\bneither|\bnor|n['’]t|\bcross(?:ed)? out|\bexcept|\bcannot be|\bdismiss\w*|❌)"
    r"(?:\s+(?:be|option|choice|answer|the|either|both))*[\s*_(\[\"'“‘:]*$",
    re.IGNORECASE,
)
_RIGHT = re.compile(
    r"[\s*_)\]\"'”’:]*[^.\n;]{0,24}?(?:\bis|\bseems?|\blooks?|\bmust be|\bwould be|\bremains|:"
    r"|[-–—])?\s*[*_]*(?:the\s+)?(?:only\s+)?(?:one\s+)?"
    r"(?:correct|right|best|true|answer|valid|✅|✓|✔)|[\s*_)\]]*(?:satisf|fits|works|holds|✅|✓)",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"[\s*_)\]\"'”’:]*[^.\n;]{0,24}?(?:\b(?:is|are|was|be)\s+(?:\w+ly\s+)?(?:not\b|incorrect|wrong|false|too\b"
    r"|ruled|eliminated|out\b)|isn['’]t|aren['’]t"
    r"|\bfails?\b|\bfailed\b|doesn['’]t|does not|incorrect|\bwrong\b|❌|✗|✘|\bignores?\b|\blooks? tempting"
    r"|\btoo (?:small|large|low|high|big)|cannot\b|can['’]t\b)",
    re.IGNORECASE,
)
_DISMISSED = r"[)\]}*_]*\s+(?i:is|isn['’]t)\s+(?:\w+ly\s+)?(?i:not|incorrect|wrong|false)\b"  # "(A) is wrong; (B) …"
_NEGATED = re.compile(r"(?:not|never)\b|n['’]t\b", re.IGNORECASE)


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

        Stated answers count first, the last one first. Without one: a label that the text consists of or opens with
        (`leading`), the one label that a sentence speaks for (`verdict`: "(C) is correct", "so B", "leaving D"), the
        last sentence first, or the one option whose words the last line has (`option text`). Two labels at once
        ("A or B") are no answer, and "A robe" is no label.
        """
        reply = reply_of(text)
        withdrawn = withdrawn_until(reply)
        for statement in statements(reply):
            if statement.at < withdrawn:
                break
            if (found := self._stated(reply, statement)) is not None:
                return found if found.answer else None
        if withdrawn and (found := self._verdict(reply, withdrawn, len(reply))) is not None:
            return found
        match = self._patterns["leading"].match(reply)
        if match is not None and not self._patterns["listed"].search(reply, match.end()):  # else it repeats the options
            return self._extraction(match, "leading")
        parts = segments(reply)
        parts = [part for part in parts if part.label not in ("heading", "note", "offer", "supposition", "check")]
        parts = parts[-_PARTS:]
        for part in reversed(parts):
            if (found := self._verdict(reply, part.start, part.end)) is not None:
                return found
        mentioned = {self._label(match[match.lastgroup or 0]): match for match in self._mentions(reply, parts)}
        if len(mentioned) == 1:  # the only label that is named at all
            return self._extraction(next(iter(mentioned.values())), "only label")
        for part in reversed(parts[-3:]):
            if (found := self._by_option(reply, part.start, part.end, "option text")) is not None:
                return found
        return None

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

    def _stated(self, text: str, statement: Statement) -> Extraction | None:
        """What a statement gives: a label, or an extraction without one where it gives two."""
        start, rule = statement.start, statement.rule
        end = statement.end if statement.whole else sentence_end(text, start, statement.end)
        if self.options and statement.whole is False and (found := self._by_value(text, start, end, rule)):
            return found
        if not _NEGATED.match(text, start):
            if (match := self._patterns["marked"].match(text, start, statement.end)) is not None:
                other = self._patterns["another"].match(text, match.end(), statement.end)
                found = self._extraction(match, rule)
                if other is None:
                    return found
                late = self._verdict(text, other.end(), end, stated=True)
                return late or Extraction("", found.span, rule)
            if self.options and (found := self._by_value(text, start, end, rule)):
                return found
        if (found := self._verdict(text, start, end, stated=True)) is not None:
            return Extraction(found.answer, found.span, rule)
        return self._by_option(text, start, end, rule)

    def _mentions(self, text: str, parts: Sequence[Segment]) -> Iterator[re.Match[str]]:
        for part in parts:
            yield from self._patterns["mention"].finditer(text, part.start, part.end)

    def _verdict(self, text: str, start: int, end: int, *, stated: bool = False) -> Extraction | None:
        """The one label that a sentence speaks for."""
        found: dict[str, tuple[int, re.Match[str]]] = {}
        for match in self._patterns["mention"].finditer(text, start, end):
            group = match.lastgroup
            assert group is not None  # every alternative captures a label
            label = self._label(match[group])
            if label is None:
                continue
            before, left = text[max(start, match.start(group) - 40) : match.start(group)], match.end(group)
            weight = 0 if group == "bare" else 1
            if _AGAINST.search(before) or (_WRONG.match(text, left, end) and not _RIGHT.match(text, left, left + 3)):
                weight = -2
            elif _FOR.search(before) or _RIGHT.match(text, left, end):
                weight += 2
            if label not in found or weight >= found[label][0]:
                found[label] = weight, match
        spoken = [(weight, label) for label, (weight, _) in found.items() if weight >= 0]
        if not spoken:
            return None
        best = max(spoken)[0]
        labels = [label for weight, label in spoken if weight == best]
        if len(labels) > 1 or (best == 0 and len(found) > 1):
            return None
        if best < 2 and not stated:
            return None
        match = found[labels[0]][1]
        if self._patterns["another"].match(text, match.end(), end):
            return None
        return self._extraction(match, "verdict")

    def _by_value(self, text: str, start: int, end: int, rule: str) -> Extraction | None:
        """The option whose value is the number that a stretch gives, where the options are numbers."""
        if not self._values:
            return None
        numbers = [one for one in candidates(text, max(start, end - REACH), end, Style()) if one.role > Role.OPERAND]
        if not numbers or self._patterns["mention"].search(text, start, end):
            return None
        best = max(numbers, key=lambda one: (one.rank, one.numeral.start)).numeral
        percent = "%" in text[best.start : best.end] or "percent" in text[best.start : best.end]
        label = (
            None
            if best.value is None
            else self._values.get((best.value, percent), self._values.get((best.value, False)))
        )
        return None if label is None else Extraction(label, (best.start, best.end), rule)

    def _by_option(self, text: str, start: int, end: int, rule: str) -> Extraction | None:
        """The one option whose words stand in a stretch of text; of options within one another the longest."""
        if (found_value := self._by_value(text, start, end, rule)) is not None:
            return found_value
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

    @cached_property
    def _values(self) -> dict[tuple[Fraction, bool], str]:
        """The labels of options that are numbers, by value and by whether they are percentages."""
        values: dict[tuple[Fraction, bool], str] = {}
        for label, option in zip(self.labels, self.options, strict=False):
            found = next(numerals(option, 0, len(option), Style()), None)
            if found is not None and found.value is not None and not re.search(r"\d", option[found.end :]):
                values.setdefault((found.value, "%" in option or "percent" in option), label)
        return values


def _written(labels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The patterns of all the ways in which labels are written, by rule."""
    ordered = sorted(labels, key=len, reverse=True)
    anyhow = "|".join(map(re.escape, ordered))
    # A label that is a word of its own ("A", "I"), or a letter in the other case, needs punctuation after it.
    sure = "|".join(re.escape(label) for label in ordered if label not in ("A", "I", "a", "i")) or "(?!)"
    edge = r"(?![\w+#-]|['’]\w)"
    first = rf"(?<!\w)(?<!\w['’])(?:(?P<sure>{sure}){edge}|(?P<closed>(?i:{anyhow})){edge}(?:{_CLOSED}|{_REASON}))"
    yield "marked", rf"{_FILLER}{first}"
    yield "another", rf"[)\]*\"']*{_ANOTHER}(?:{anyhow}){edge}"
    yield (
        "leading",
        rf"{_FILLER}(?<![\w'’])(?P<label>(?i:{anyhow})){edge}(?:{_CLOSED}|(?=\s(?:because|is)\b))(?!\s*,"
        rf"|{_DISMISSED})",
    )
    yield "listed", rf"\n[^\S\n]*+[(*]*+(?:{anyhow})[).:]"
    bare = rf"(?<![\w'’.-])(?:(?P<sure>{sure}){edge}(?!\.\w)|(?P<closed>(?:{anyhow})){edge}(?:{_CLOSED}|{_REASON}))"
    yield (
        "mention",
        (
            rf"\((?P<round>(?i:{anyhow}))\)|\*\*\s*\(?(?P<bold>(?i:{anyhow})){edge}(?=\)?[.):]|\s?\*\*)"
            rf"|(?i:\b(?:option|choice|opción)\s+[*(\"'\[]*)(?P<named>(?i:{anyhow})){edge}"
            rf"|{bare.replace('?P<sure>', '?P<bare>').replace('?P<closed>', '?P<lone>')}"
        ),
    )

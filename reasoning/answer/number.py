"""Answers that are numbers, read exactly."""

import contextlib
import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema, field_validator

from reasoning.answer import finding
from reasoning.answer.abstract import Answer, Extraction, Kind, only_item
from reasoning.answer.locales import locale
from reasoning.answer.numeral import DIGITS, LIMIT, Numeral, Style, numerals, plain
from reasoning.answer.reply import all_thought, reply_of, withdrawn_until
from reasoning.answer.statements import statements
from sandbox.wire import Array, Symbolic

_DECIMALS: Final = 30  # numbers with more decimals than these are shown as a fraction
_LONGEST: Final = 3 * DIGITS  # characters of a text that is one number, units included
_SPACED_SIGN = re.compile(r"^\s*-\s+(?=[\d$.])")


def _exact(value: object) -> Fraction:
    """A field's value as an exact fraction: the decimal that was written, not the nearest binary one."""
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, (str, float, Decimal)):
        with contextlib.suppress(ZeroDivisionError):  # "1/0"
            return Fraction(str(value))
    raise ValueError("must be a number, such as 1e-6 or '1/3'")


Exact = Annotated[
    Fraction,
    PlainValidator(_exact),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["string", "number"]}),
]


class Number(Kind):
    """Answers that are numbers, held as exact `fractions.Fraction`.

    Attributes:
        quantum: Answers are classed by their nearest multiple of this, ties to even; 0 classes them exactly. The
            default makes one class of 0.3 and a program's 0.1 + 0.2.
        unit: The unit that answers stand in. `"%"` (the default): a percent sign says only that, and 50% is 50, as
            GSM8K's golds mean it. Any other: 50% is 1/2. Units and currencies beside a number are passed over, never
            converted.
        locale: Language code. It says whether `1.000` is a thousand (`de`, `fr`, `es`, …) and which words announce an
            answer, for multilingual sets such as MGSM.
    """

    kind: Literal["number"] = "number"
    quantum: Exact = Fraction(1, 10**6)
    unit: str | None = "%"
    locale: str = "en"

    @field_validator("quantum")
    @classmethod
    def _sensible(cls, quantum: Fraction) -> Fraction:
        if quantum < 0 or max(quantum.numerator, quantum.denominator) > 10**100:
            raise ValueError("quantum must be 0, or between 1e-100 and 1e100")
        return quantum

    @field_validator("locale")
    @classmethod
    def _known(cls, code: str) -> str:
        locale(code)
        return code

    @cached_property
    def _style(self) -> Style:
        return Style(locale(self.locale).comma, Fraction(1) if self.unit == "%" else Fraction(1, 100))

    def extract(self, text: str) -> Extraction | None:
        """The number that a text gives as its answer.

        What is marked as the answer counts, the last mark first (rules `boxed`, `answer tag`, `answer is`, `####`).
        Without a mark: a number that the text consists of or opens with (`leading`), a number in bold in the last line
        that has one (`bold`), or the `last number`, list numbering and a closing aside in brackets aside.
        """
        text = reply_of(plain(text))
        withdrawn = withdrawn_until(text)
        corrected = False
        for statement in statements(text, self.locale):
            if statement.at < withdrawn and not corrected:
                corrected = True
                if (late := finding.after(text, withdrawn, self._style)) is not None:
                    return _extraction(late.numeral, late.rule)
            if finding.unknown(text, statement.at - 60 if statement.at > 60 else 0, statement.start):
                return None
            if (found := finding.stated(text, statement, self._style)) is not None:
                return _extraction(found, statement.rule)
        concluded = finding.concluded(text, self._style)
        if concluded is None or all_thought(text):
            return None
        return _extraction(concluded.numeral, concluded.rule)

    def parse(self, value: object) -> Fraction | None:
        """The number that a value stands for: see `Kind.parse`. A boolean, nan and infinity stand for none."""
        value = only_item(value)
        if isinstance(value, Array):
            value = only_item(value.tolist()) if math.prod(value.shape) == 1 else None
        if isinstance(value, complex) and value.imag == 0:
            value = value.real
        if isinstance(value, Symbolic):
            return _whole(value.text.strip())
        if isinstance(value, str):
            return Fraction(value) if value.isdecimal() and len(value) <= DIGITS else self._in_text(plain(value))
        return _number(value)

    def _in_text(self, text: str) -> Fraction | None:
        for statement in statements(text, self.locale):
            if (found := finding.stated(text, statement, self._style)) is not None:
                return found.value
        text = _SPACED_SIGN.sub("-", text)
        found = finding.only(text, self._style) if len(text) <= _LONGEST else None
        return None if found is None else found.value

    def key(self, answer: Answer) -> str:
        """The answer, rounded to the quantum, in plain decimals where it has few of them."""
        number = _fraction(answer)
        top, bottom, quantum = number.numerator, number.denominator, self.quantum
        if quantum and (bottom != 1 or quantum.numerator != 1):
            steps, rest = divmod(top * quantum.denominator, bottom * quantum.numerator)
            twice = 2 * rest - bottom * quantum.numerator
            if twice > 0 or (twice == 0 and steps % 2):
                steps += 1
            top, bottom = steps * quantum.numerator, quantum.denominator
            common = math.gcd(top, bottom)
            top, bottom = top // common, bottom // common
        return str(top) if bottom == 1 else _decimal(top, bottom)

    def text(self, answer: Answer) -> str:
        """The number exactly: decimals with a point where they end, else a fraction such as `1/3`."""
        number = _fraction(answer)
        if number.denominator == 1:
            return str(number.numerator)
        shown = _decimal(number.numerator, number.denominator)
        # Where a point may group thousands, 1.234 is kept from being read as such.
        return f"{shown}0" if self._style.comma and shown[-4:-3] == "." else shown


def _extraction(found: Numeral, rule: str) -> Extraction | None:
    return None if found.value is None else Extraction(found.value, (found.start, found.end), rule)


def _fraction(answer: Answer) -> Fraction:
    if isinstance(answer, Fraction):
        return answer
    raise TypeError(f"a number's answer is a Fraction, not {type(answer).__name__}: use parse() first")


def _number(value: object) -> Fraction | None:
    """A Python number as an exact fraction: of a float, the decimal that it is shown as."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > DIGITS or len(value.as_tuple().digits) > DIGITS:
            return None
        value = Fraction(value)
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        return None
    return Fraction(value) if abs(value.numerator) < LIMIT and value.denominator < LIMIT else None


def _whole(text: str) -> Fraction | None:
    """The number that a text consists of, and nothing else."""
    found = next(numerals(text, 0, len(text), Style()), None)
    return found.value if found and (found.start, found.end) == (0, len(text)) else None


def _decimal(top: int, bottom: int) -> str:
    """A fraction in lowest terms as decimals if they end soon, else as `top/bottom`."""
    if 10**_DECIMALS % bottom:
        return f"{top}/{bottom}"
    digits = str(abs(top) * (10**_DECIMALS // bottom)).rjust(_DECIMALS + 1, "0")
    return f"{'-' if top < 0 else ''}{digits[:-_DECIMALS]}.{digits[-_DECIMALS:].rstrip('0')}"

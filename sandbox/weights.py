"""How heavy a value may be: the same scales for encoder and decoder, so what is written can be read."""

import math
import re
from dataclasses import dataclass
from typing import Final

from sandbox.values import AXES, ITEMS

# Bounds that follow from the decoder's 50 ms, and bind the encoder alike.
GCD_WORK: Final = 4_000_000_000  # fractions are reduced, in quadratic time: sum of numerator bits × denominator bits
KEYS: Final = 4_096  # hashes of numbers can be chosen so that a table of n keys takes n² steps; those of text cannot
SAME_HASH: Final = 8  # keys of one hash are compared one by one
WEIGHTS: Final = {"complex": 2, "decimal": 2, "fraction": 3, "array": 5}  # of the leaves that take longer than others
MARKS: Final = 5  # brackets and commas that one value takes at most; it takes no more pieces of text than that

_DECIMAL: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?(?:E([+-][0-9]{1,9}))?|Infinity|s?NaN[0-9]*)")


class WireError(ValueError):
    """A value that cannot be sent, or bytes that are no value; the message is a sentence without its full stop."""


class TooLargeError(WireError):
    """A value that could be sent were it smaller: too many bytes, parts or digits."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What one value may weigh. Under the defaults no payload costs the decoder 50 ms of CPU.

    Attributes:
        bytes: Length of the payload.
        depth: Nesting; a bare number has depth 1.
        nodes: Values in all, each item and key counted; those that take longer to read count for several.
        digits: Decimal digits of one number written out in full (so the exponent of a `Decimal` counts too).
    """

    bytes: int = 1 << 20
    depth: int = 64
    nodes: int = 10_000
    digits: int = 20_000


class Weights:
    """What one value has weighed so far: the same scales for both directions, so what is written can be read."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.bits = int(caps.digits * math.log2(10)) + 1
        self.nodes = self.keys = self.work = 0

    def node(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise TooLargeError(f"the value has more than {self.caps.nodes} parts")
        if depth > self.caps.depth:
            raise WireError(f"the value is nested deeper than {self.caps.depth}")

    def integer(self, value: int) -> int:
        if value.bit_length() > self.bits:
            raise TooLargeError(f"the value holds a number of more than {self.caps.digits} digits")
        return value

    def fraction(self, numerator: int, denominator: int) -> None:
        self.work += self.integer(numerator).bit_length() * self.integer(denominator).bit_length()
        if self.work > GCD_WORK:
            raise TooLargeError("the value holds fractions too long to be reduced")

    def decimal(self, text: str) -> str:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise WireError("the value holds a malformed decimal")
        if len(text) + abs(int(match[1] or 0)) > self.caps.digits + 16:  # 16: sign, point, exponent
            raise TooLargeError(f"the value holds a number of more than {self.caps.digits} digits")
        return text

    def key(self, kind: type) -> None:
        self.keys += kind is not str and kind is not bytes
        if self.keys > KEYS:
            raise TooLargeError(f"the value has more than {KEYS} set members and dictionary keys that are not text")

    def array(self, dtype: str, shape: tuple[int, ...], size: int) -> None:
        if dtype not in ITEMS or len(shape) > AXES or min(shape, default=0) < 0:
            raise WireError("the value holds an array of unknown items or axes")
        if math.prod(shape) * ITEMS[dtype][1] != size:
            raise WireError("the value holds an array whose axes and size do not agree")
        self.nodes += len(shape)
        if math.prod(max(length, 1) for length in shape) > self.caps.bytes:  # (10**9, 0) is empty, its lists are not
            raise TooLargeError("the value holds an array with too long an axis")

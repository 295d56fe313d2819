"""Reads what a program answered in the caller, which it must not harm: see `sandbox.wire` for the form."""

import binascii
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, islice
from typing import Any

from sandbox.values import Array, Symbolic
from sandbox.weights import MARKS, SAME_HASH, WEIGHTS, Caps, Weights, WireError


def check_structure(payload: bytes, caps: Caps) -> None:
    """Bound what `json.loads` will build, in time and memory, by looking only at what stands outside of text."""
    if b'\\"' in payload or b"\\\\" in payload or payload.count(b'"') > 2 * MARKS * caps.nodes:
        raise WireError("the payload holds text that is not escaped as it should be, or too many pieces of it")
    outside = b"".join(payload.split(b'"')[::2])
    if outside.translate(None, b"[],truefalsn"):
        raise WireError("the payload holds something other than lists, text, booleans and null")
    if outside.count(b",") + outside.count(b"[") > MARKS * caps.nodes or outside.count(b"]") != outside.count(b"["):
        raise WireError(f"the payload has more than {caps.nodes} parts, or its brackets do not match")
    steps = map({ord("["): 1, ord("]"): -1}.__getitem__, outside.translate(None, b",truefalsn"))
    if max(accumulate(steps), default=0) > caps.depth:
        raise WireError(f"the payload is nested deeper than {caps.depth}")


class Decoder(Weights):
    """Reads lists and text that JSON gave. What a constructor raises on malformed parts, `untag` makes a WireError."""

    def __init__(self, caps: Caps) -> None:
        super().__init__(caps)
        self.leaves: dict[str, Callable[..., object]] = {
            "int": self.integer_of,
            "float": _float_of,
            "complex": lambda real, imaginary: complex(_float_of(real), _float_of(imaginary)),
            "decimal": lambda number: Decimal(self.decimal(number)),
            "fraction": self.fraction_of,
            "str": lambda data: _bytes_of(data).decode("utf-8", "surrogatepass"),
            "bytes": _bytes_of,
            "symbolic": _symbolic_of,
            "array": self.array_of,
        }

    def read(self, tree: object, depth: int) -> Any:
        self.node(depth)
        if tree is None or isinstance(tree, (str, bool)):
            return tree
        if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            raise WireError("the payload holds something without a tag")
        leaf = self.leaves.get(tree[0])
        if leaf is not None:
            self.nodes += WEIGHTS.get(tree[0], 1) - 1
            return leaf(*tree[1:])
        return self.container(tree[0], [self.read(part, depth + 1) for part in islice(tree, 1, None)])

    def integer_of(self, digits: str) -> int:
        value = int(digits, 16)
        if f"{value:x}" != digits:
            raise WireError("the payload holds a malformed integer")
        return self.integer(value)

    def fraction_of(self, numerator: str, denominator: str) -> Fraction:
        over, under = self.integer_of(numerator), self.integer_of(denominator)
        self.fraction(over, under)
        return Fraction(over, under)

    def array_of(self, dtype: str, data: str, *lengths: str) -> Array:
        shape, items = tuple(map(self.integer_of, lengths)), _bytes_of(data)
        self.array(dtype, shape, len(items))
        if dtype == "|b1" and items.strip(b"\0\1"):
            raise WireError("the payload holds a malformed boolean")
        return Array(dtype, shape, items)

    def container(self, name: str, items: list[Any]) -> Any:
        if name == "list":
            return items
        if name == "tuple":
            return tuple(items)
        if name not in ("set", "frozenset", "dict"):
            raise WireError("the payload holds an unknown tag")
        if name == "dict" and len(items) % 2:
            raise WireError("the payload holds a key without a value")
        keys = items[::2] if name == "dict" else items
        self.hashes(keys)
        table = dict(zip(keys, items[1::2], strict=True)) if name == "dict" else frozenset(keys)
        if len(table) != len(keys):
            raise WireError("the payload holds a key or a member twice")
        return set(table) if name == "set" else table

    def hashes(self, keys: list[Any]) -> None:
        """Refuse keys chosen to collide, before a table of them takes its time."""
        seen: dict[int, int] = {}
        for key in keys:
            self.key(type(key))
            value = hash(key)
            seen[value] = seen.get(value, 0) + 1
            if seen[value] > (SAME_HASH if _compares_fast(key) else 1):
                raise WireError("the payload holds keys whose hashes collide")


def _compares_fast(key: object) -> bool:
    """Whether comparing the key with others of its hash takes linear time: nested frozen sets may take exponential."""
    if isinstance(key, tuple):
        return all(map(_compares_fast, key))
    return not isinstance(key, frozenset)


def _float_of(text: str) -> float:
    value = float.fromhex(text)
    if value.hex() != text:
        raise WireError("the payload holds a malformed float")
    return value


def _bytes_of(data: str) -> bytes:
    return binascii.a2b_base64(data, strict_mode=True)


def _symbolic_of(srepr: str, text: str) -> Symbolic:
    if not isinstance(srepr, str) or not isinstance(text, str):
        raise WireError("the payload holds a malformed symbolic value")
    return Symbolic(srepr, text)

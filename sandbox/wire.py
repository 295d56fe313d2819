r"""How a program's answer reaches the caller: as tagged JSON, exact, bounded, never pickled, never evaluated.

`None`, booleans and text stand for themselves; every other value is a list whose first entry is its tag:

    ["int", "-2a"]  ["float", "0x1.8p+1"]  ["complex", real, imaginary]  ["decimal", "1.10"]  ["fraction", "1", "3"]
    ["str", base64 of UTF-8 with lone surrogates]  ["bytes", base64]  ["symbolic", srepr, text]
    ["list", …]  ["tuple", …]  ["set", …]  ["frozenset", …]  ["dict", key, value, key, value, …]
    ["array", dtype, base64 of the C-ordered little-endian items, length of axis 0, …]

Integers are hexadecimal because reading decimal digits takes quadratic time. Inside text, quotes and backslashes are
written as ``\u0022`` and ``\u005c``: every quote in a payload delimits text, so the number and the depth of its lists
are counted before anything is parsed. The encoder runs beside the program and asks its values nothing that their base
types can answer. The decoder runs in the caller and trusts nothing: whatever the bytes, it returns a value within its
caps or raises `WireError`.

Only the standard library is used, and little of it: the sandbox's server imports this file under ``python -I``.
"""

import binascii
import json
import math
import numbers
import operator
import re
import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, islice
from json.encoder import encode_basestring_ascii as _quote  # bound here: a program that patches `json` changes nothing
from typing import Any, Final

HEADER: Final = struct.Struct("!I")
"""Length in bytes of the payload that follows."""


class WireError(ValueError):
    """A value that cannot be sent, or bytes that are no value; the message is a sentence without its full stop."""


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


@dataclass(frozen=True, slots=True)
class Symbolic:
    """A SymPy object as text: the caller needs no SymPy and runs nothing that a program wrote.

    Attributes:
        srepr: SymPy's exact form. It is code: read it back only inside a sandbox.
        text: SymPy's short form, e.g. ``sqrt(2)/2``.
    """

    srepr: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Array:
    """A NumPy array of numbers or booleans, readable with and without NumPy.

    Attributes:
        dtype: NumPy's name of the item type, little-endian: ``"<f8"``, ``"|b1"``, …
        shape: Length of each axis.
        data: The items in C order.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def tolist(self) -> Any:
        """Nested lists of Python numbers, one bare number for an array without axes: as NumPy's own `tolist`."""
        code, size = _ITEMS[self.dtype]
        flat: list[Any] = [item[0] for item in struct.iter_unpack(f"<{code}", self.data)] if size else []
        if self.dtype in _COMPLEX:
            flat = [complex(real, imaginary) for real, imaginary in zip(flat[::2], flat[1::2], strict=True)]
        count = math.prod(self.shape)
        for axis in range(len(self.shape) - 1, 0, -1):
            length, rows = self.shape[axis], math.prod(self.shape[:axis])
            flat = [flat[row * length : (row + 1) * length] for row in range(rows)]
        return flat if self.shape else flat[count - 1]

    def numpy(self) -> Any:
        """The array itself, a writable copy. Needs NumPy."""
        import numpy

        return numpy.frombuffer(self.data, dtype=self.dtype).reshape(self.shape).copy()


_ITEMS: Final = {  # NumPy's item types that are numbers: the code of `struct` (of one half, for complex), bytes an item
    "|b1": ("?", 1), "|i1": ("b", 1), "<i2": ("h", 2), "<i4": ("i", 4), "<i8": ("q", 8),
    "|u1": ("B", 1), "<u2": ("H", 2), "<u4": ("I", 4), "<u8": ("Q", 8),
    "<f2": ("e", 2), "<f4": ("f", 4), "<f8": ("d", 8), "<c8": ("f", 8), "<c16": ("d", 16),
}  # fmt: skip
_COMPLEX: Final = frozenset({"<c8", "<c16"})
_AXES: Final = 64  # as many as NumPy allows

# Bounds that follow from the decoder's 50 ms, and bind the encoder alike.
_GCD_WORK: Final = 4_000_000_000  # fractions are reduced, in quadratic time: sum of numerator bits × denominator bits
_KEYS: Final = 4_096  # hashes of numbers can be chosen so that a table of n keys takes n² steps; those of text cannot
_SAME_HASH: Final = 8  # keys of one hash are compared one by one
_WEIGHTS: Final = {"complex": 2, "decimal": 2, "fraction": 3, "array": 5}  # of the leaves that take longer than others
_MARKS: Final = 5  # brackets and commas that one value takes at most; it takes no more pieces of text than that

_DECIMAL: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?(?:E([+-][0-9]{1,9}))?|Infinity|s?NaN[0-9]*)")


def frame(payload: bytes) -> bytes:
    """The payload behind its length, as it goes over the pipe."""
    return HEADER.pack(len(payload)) + payload


def encode(value: object, caps: Caps) -> bytes:
    """Write a value as tagged JSON (ASCII).

    SymPy's and NumPy's plain numbers become Python's (`Integer` an int, `Rational` a Fraction, a `Float` of double
    precision a float, `oo` infinity, ``numpy.longdouble`` the nearest float), their other objects `Symbolic` and
    `Array`; an array of anything but numbers becomes lists. Neither package is imported.

    Raises:
        WireError: The value is of a type that cannot be sent, contains itself, or weighs more than the caps allow.
    """
    encoder = _Encoder(caps)
    try:
        encoder.write(value, 1)
    except WireError:
        raise
    except RecursionError:
        raise WireError("the value is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 (a program's own class may raise anything when asked for its number)
        raise WireError(f"the value could not be read: {type(error).__name__}") from None
    return "".join(encoder.pieces).encode("ascii")


def decode(payload: bytes, caps: Caps) -> Any:
    """Read a value back. Any bytes at all are safe to pass.

    Raises:
        WireError: The payload is not what `encode` writes under these caps.
    """
    if len(payload) > caps.bytes:
        raise WireError(f"the payload has more than {caps.bytes} bytes")
    _check_structure(payload, caps)
    try:
        tree = json.loads(payload.decode("ascii"))
    except (ValueError, RecursionError):
        raise WireError("the payload is not tagged JSON") from None
    return untag(tree, caps)


def tag(value: object, caps: Caps) -> Any:
    """The tagged form as lists and text, for those who write JSON themselves; `untag` reads it.

    Raises:
        WireError: As `encode`.
    """
    return json.loads(encode(value, caps))


def untag(tree: object, caps: Caps) -> Any:
    """Read a value from JSON that is already parsed into lists and text.

    Raises:
        WireError: The tree is not what `tag` gives under these caps.
    """
    try:
        return _Decoder(caps).read(tree, 1)
    except WireError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError, struct.error) as error:
        raise WireError(f"the payload holds a malformed value: {type(error).__name__}") from None


def _check_structure(payload: bytes, caps: Caps) -> None:
    """Bound what `json.loads` will build, in time and memory, by looking only at what stands outside of text."""
    if b'\\"' in payload or b"\\\\" in payload or payload.count(b'"') > 2 * _MARKS * caps.nodes:
        raise WireError("the payload holds text that is not escaped as it should be, or too many pieces of it")
    outside = b"".join(payload.split(b'"')[::2])
    if outside.translate(None, b"[],truefalsn"):
        raise WireError("the payload holds something other than lists, text, booleans and null")
    if outside.count(b",") + outside.count(b"[") > _MARKS * caps.nodes or outside.count(b"]") != outside.count(b"["):
        raise WireError(f"the payload has more than {caps.nodes} parts, or its brackets do not match")
    steps = map({ord("["): 1, ord("]"): -1}.__getitem__, outside.translate(None, b",truefalsn"))
    if max(accumulate(steps), default=0) > caps.depth:
        raise WireError(f"the payload is nested deeper than {caps.depth}")


class _Weights:
    """What one value has weighed so far: the same scales for both directions, so what is written can be read."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.bits = int(caps.digits * math.log2(10)) + 1
        self.nodes = self.keys = self.work = 0

    def node(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise WireError(f"the value has more than {self.caps.nodes} parts")
        if depth > self.caps.depth:
            raise WireError(f"the value is nested deeper than {self.caps.depth}")

    def integer(self, value: int) -> int:
        if value.bit_length() > self.bits:
            raise WireError(f"the value holds a number of more than {self.caps.digits} digits")
        return value

    def fraction(self, numerator: int, denominator: int) -> None:
        self.work += self.integer(numerator).bit_length() * self.integer(denominator).bit_length()
        if self.work > _GCD_WORK:
            raise WireError("the value holds fractions too long to be reduced")

    def decimal(self, text: str) -> str:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise WireError("the value holds a malformed decimal")
        if len(text) + abs(int(match[1] or 0)) > self.caps.digits + 16:  # 16: sign, point, exponent
            raise WireError(f"the value holds a number of more than {self.caps.digits} digits")
        return text

    def key(self, kind: type) -> None:
        self.keys += kind is not str and kind is not bytes
        if self.keys > _KEYS:
            raise WireError(f"the value has more than {_KEYS} set members and dictionary keys that are not text")

    def array(self, dtype: str, shape: tuple[int, ...], size: int) -> None:
        if dtype not in _ITEMS or len(shape) > _AXES or min(shape, default=0) < 0:
            raise WireError("the value holds an array of unknown items or axes")
        if math.prod(shape) * _ITEMS[dtype][1] != size:
            raise WireError("the value holds an array whose axes and size do not agree")
        self.nodes += len(shape)
        if math.prod(max(length, 1) for length in shape) > self.caps.bytes:  # (10**9, 0) is empty, its lists are not
            raise WireError("the value holds an array with too long an axis")


class _Encoder(_Weights):
    """Writes pieces of JSON."""

    def __init__(self, caps: Caps) -> None:
        super().__init__(caps)
        self.pieces: list[str] = []
        self.size = 0
        self.around: set[int] = set()  # identities of the containers around the value at hand

    def write(self, value: object, depth: int) -> None:
        self.node(depth)
        if value is None:
            self.put("null")
        elif type(value) is bool:
            self.put("true" if value else "false")
        elif issubclass(type(value), str):
            self.text(str.__str__(value))  # `issubclass(type())`, here and below: `__class__` can lie
        else:
            self.number(value, type(value), depth)

    def put(self, piece: str) -> None:
        self.size += len(piece)
        if self.size > self.caps.bytes:
            raise WireError(f"the value takes more than {self.caps.bytes} bytes")
        self.pieces.append(piece)

    def text(self, value: str) -> None:
        try:
            self.room(len(value.encode()))
        except UnicodeEncodeError:
            self.leaf("str", _base64(value.encode("utf-8", "surrogatepass")))
        else:
            self.put(_json_text(value))

    def room(self, size: int) -> None:
        if size > self.caps.bytes:
            raise WireError(f"the value takes more than {self.caps.bytes} bytes")

    def leaf(self, name: str, *parts: str) -> None:
        self.nodes += _WEIGHTS.get(name, 1) - 1
        self.put(f'["{name}","' + '","'.join(parts) + '"]')

    def number(self, value: Any, kind: type, depth: int) -> None:
        if issubclass(kind, int):
            self.leaf("int", f"{self.integer(int.__index__(value)):x}")
        elif issubclass(kind, float):
            self.leaf("float", float.hex(value))
        elif issubclass(kind, complex):
            real, imaginary = complex.__dict__["real"], complex.__dict__["imag"]
            self.leaf("complex", real.__get__(value).hex(), imaginary.__get__(value).hex())
        elif issubclass(kind, Decimal):
            self.leaf("decimal", self.decimal(Decimal.__str__(value).replace("e", "E")))
        elif issubclass(kind, Fraction):
            self.ratio(value)
        else:
            self.container(value, kind, depth)

    def ratio(self, value: numbers.Rational) -> None:
        numerator, denominator = operator.index(value.numerator), operator.index(value.denominator)
        self.fraction(numerator, denominator)
        self.leaf("fraction", f"{numerator:x}", f"{denominator:x}")

    def container(self, value: Any, kind: type, depth: int) -> None:
        for container in (list, tuple, set, frozenset):
            if issubclass(kind, container):
                self.items(value, container.__name__, container.__iter__(value), depth)
                return
        if issubclass(kind, dict):
            self.items(value, "dict", (part for pair in dict.items(value) for part in pair), depth)
        elif issubclass(kind, (bytes, bytearray)):
            self.room(memoryview(value).nbytes)
            self.leaf("bytes", _base64(value))
        elif kind is Symbolic:
            self.symbolic(value.srepr, value.text)
        elif kind is Array:
            self.array(value.dtype, value.shape, len(value.data))
            self.leaf("array", value.dtype, _base64(value.data), *(f"{length:x}" for length in value.shape))
        else:
            self.foreign(value, kind, depth)

    def items(self, value: object, name: str, items: Iterable[object], depth: int) -> None:
        if id(value) in self.around:
            raise WireError("the value contains itself")
        self.around.add(id(value))
        self.put(f'["{name}"')
        for place, item in enumerate(items):
            if name == "set" or name == "frozenset" or (name == "dict" and place % 2 == 0):
                self.key(type(item))
            self.put(",")
            self.write(item, depth + 1)
        self.put("]")
        self.around.remove(id(value))

    def symbolic(self, srepr: str, text: str) -> None:
        self.put('["symbolic",')
        self.put(_json_text(srepr))
        self.put(",")
        self.put(_json_text(text))
        self.put("]")

    def foreign(self, value: Any, kind: type, depth: int) -> None:
        """Objects of NumPy, SymPy and other makers of numbers; the first two are looked for, never imported."""
        numpy, sympy = sys.modules.get("numpy"), sys.modules.get("sympy")
        if numpy is not None and issubclass(kind, numpy.generic):
            self.again(_plain_scalar(value, kind), depth)
        elif numpy is not None and issubclass(kind, numpy.ndarray):
            self.ndarray(value, numpy, depth)
        elif sympy is not None and issubclass(kind, (sympy.Basic, sympy.MatrixBase)):
            plain = _plain_symbolic(value, kind, sympy)
            if plain is None:
                self.symbolic(sympy.srepr(value), str(value))
            else:
                self.again(plain, depth)
        elif issubclass(kind, numbers.Integral):
            self.again(operator.index(value), depth)
        elif issubclass(kind, numbers.Rational):
            self.ratio(value)
        elif issubclass(kind, numbers.Real):
            self.again(float(value), depth)
        elif issubclass(kind, numbers.Complex):
            self.again(complex(value), depth)
        else:
            raise WireError(f"a value of type {type.__dict__['__name__'].__get__(kind)!r} cannot be returned")

    def again(self, plain: object, depth: int) -> None:
        """Write the plain value in place of the one that was counted."""
        if type(plain) not in _PLAIN:
            raise WireError(f"a value of type {type(plain).__name__!r} cannot be returned")
        self.nodes -= 1
        self.write(plain, depth)

    def ndarray(self, value: Any, numpy: Any, depth: int) -> None:
        little = value.dtype.newbyteorder("<").str
        if value.dtype.kind in "fc" and little not in _ITEMS:  # long doubles
            little = "<f8" if value.dtype.kind == "f" else "<c16"
        if little not in _ITEMS:  # objects, text
            self.room(value.size)
            self.again(value.tolist(), depth)
            return
        self.room(value.size * _ITEMS[little][1])
        shape = tuple(value.shape)
        self.array(little, shape, value.size * _ITEMS[little][1])
        data = numpy.ndarray.tobytes(numpy.asarray(value, dtype=little))
        self.leaf("array", little, _base64(data), *(f"{length:x}" for length in shape))


_PLAIN: Final = frozenset({type(None), bool, int, float, complex, str, bytes, list, tuple, Fraction})


def _plain_scalar(value: Any, kind: type) -> object:
    item = value.item()
    if type(item) is not kind:
        return item
    return float(value) if issubclass(kind, numbers.Real) else complex(value)  # long doubles have no Python twin


def _plain_symbolic(value: Any, kind: type, sympy: Any) -> object:
    """The Python number that a SymPy object is exactly, or None."""
    if issubclass(kind, sympy.Integer):
        return int(value.p)
    if issubclass(kind, sympy.Rational):
        return Fraction(int(value.p), int(value.q))
    if issubclass(kind, sympy.Float):
        return float(value) if value._prec == 53 else None
    constants = (
        (sympy.oo, math.inf),
        (-sympy.oo, -math.inf),
        (sympy.nan, math.nan),
        (sympy.true, True),
        (sympy.false, False),
    )
    return next((plain for constant, plain in constants if value is constant), None)


def _base64(data: bytes | bytearray) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _json_text(value: str) -> str:
    return _quote(value).replace("\\\\", "\\u005c").replace('\\"', "\\u0022")


class _Decoder(_Weights):
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
            self.nodes += _WEIGHTS.get(tree[0], 1) - 1
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
            if seen[value] > (_SAME_HASH if _compares_fast(key) else 1):
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

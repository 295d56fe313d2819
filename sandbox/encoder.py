"""Writes a program's answer beside the program: see `sandbox.wire` for the form."""

import binascii
import math
import numbers
import operator
import sys
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from json.encoder import encode_basestring_ascii as _quote  # bound here: a program that patches `json` changes nothing
from typing import Any, Final

from sandbox.values import ITEMS, Array, Symbolic
from sandbox.weights import WEIGHTS, Caps, TooLargeError, Weights, WireError


class Encoder(Weights):
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
            raise TooLargeError(f"the value takes more than {self.caps.bytes} bytes")
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
            raise TooLargeError(f"the value takes more than {self.caps.bytes} bytes")

    def leaf(self, name: str, *parts: str) -> None:
        self.nodes += WEIGHTS.get(name, 1) - 1
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
        if value.dtype.kind in "fc" and little not in ITEMS:  # long doubles
            little = "<f8" if value.dtype.kind == "f" else "<c16"
        if little not in ITEMS:  # objects, text
            self.room(value.size)
            self.nodes -= 1  # the lists, or the one object of an array without axes, take the array's place
            self.write(value.tolist(), depth)
            return
        self.room(value.size * ITEMS[little][1])
        shape = tuple(value.shape)
        self.array(little, shape, value.size * ITEMS[little][1])
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

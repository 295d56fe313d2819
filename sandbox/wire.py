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

import json
import struct
from typing import Any, Final

from sandbox.decoder import Decoder, check_structure
from sandbox.encoder import Encoder
from sandbox.values import Array, Symbolic
from sandbox.weights import Caps, TooLargeError, WireError

__all__ = [
    "HEADER", "Array", "Caps", "Symbolic", "TooLargeError", "WireError", "decode", "encode", "frame", "tag", "untag",
]  # fmt: skip

HEADER: Final = struct.Struct("!I")
"""Length in bytes of the payload that follows."""


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
    encoder = Encoder(caps)
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
    check_structure(payload, caps)
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
        return Decoder(caps).read(tree, 1)
    except WireError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError, struct.error) as error:
        raise WireError(f"the payload holds a malformed value: {type(error).__name__}") from None

"""What a program may answer with that Python itself has no type for: symbolic expressions and arrays of numbers."""

import math
import struct
from dataclasses import dataclass
from typing import Any, Final

ITEMS: Final = {
    "|b1": ("?", 1), "|i1": ("b", 1), "<i2": ("h", 2), "<i4": ("i", 4), "<i8": ("q", 8),
    "|u1": ("B", 1), "<u2": ("H", 2), "<u4": ("I", 4), "<u8": ("Q", 8),
    "<f2": ("e", 2), "<f4": ("f", 4), "<f8": ("d", 8), "<c8": ("f", 8), "<c16": ("d", 16),
}  # fmt: skip
"""NumPy's item types that are numbers: the code of `struct` (of one half, for complex) and the bytes an item."""

COMPLEX: Final = frozenset({"<c8", "<c16"})
AXES: Final = 64
"""As many axes as NumPy allows."""


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
        code, _ = ITEMS[self.dtype]
        flat: list[Any] = [item[0] for item in struct.iter_unpack(f"<{code}", self.data)]
        if self.dtype in COMPLEX:
            flat = [complex(real, imaginary) for real, imaginary in zip(flat[::2], flat[1::2], strict=True)]
        for axis in range(len(self.shape) - 1, 0, -1):
            length, rows = self.shape[axis], math.prod(self.shape[:axis])
            flat = [flat[row * length : (row + 1) * length] for row in range(rows)]
        return flat if self.shape else flat[0]

    def numpy(self) -> Any:
        """The array itself, a writable copy. Needs NumPy."""
        import numpy

        return numpy.frombuffer(self.data, dtype=self.dtype).reshape(self.shape).copy()

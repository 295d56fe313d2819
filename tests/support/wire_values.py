"""Values of every type that the wire carries, and what makes two of them the same."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from sandbox.wire import Caps, decode, encode

CAPS = Caps()


def same(a: Any, b: Any) -> bool:
    """Equality that tells types, signed zeros and the order of a dictionary apart, and takes nan for nan."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a.hex() == b.hex()
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, Decimal):
        return a.as_tuple() == b.as_tuple()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (set, frozenset)):
        return a == b and Counter(map(type, a)) == Counter(map(type, b))
    return bool(a == b)


def back(value: object, caps: Caps = CAPS) -> Any:
    return decode(encode(value, caps), caps)


texts = st.text(st.characters(exclude_categories=())) | st.text('",:[]{}\\\ud800\udc00\x00\x1b\n', max_size=20)
numbers = (
    st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.decimals(places=3)
    | st.sampled_from([Decimal("NaN"), Decimal("-Infinity"), Decimal("sNaN12"), Decimal("-0E-7"), Decimal("1E+30")])
    | st.fractions()
)
scalars = st.none() | st.booleans() | numbers | texts | st.binary()
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.binary() | st.fractions() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(st.integers(), max_size=3),
    max_leaves=4,
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(keys, inner, max_size=5)
        | st.sets(keys, max_size=5)
        | st.frozensets(keys, max_size=5)
    ),
    max_leaves=20,
)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value

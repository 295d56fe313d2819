"""The wire: what a program may answer comes back exactly, and no bytes at all hurt the one who reads them."""

import base64
import json
import math
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal, localcontext
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import wire
from sandbox.wire import HEADER, Array, Caps, Symbolic, TooLargeError, WireError, decode, encode, frame, tag, untag

CAPS = Caps()
TIGHT = Caps(bytes=4096, depth=8, nodes=200, digits=100)
CPU_S = 0.05


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


@given(values)
def test_every_value_comes_back_exactly(value: object) -> None:
    assert same(back(value), value)


@given(values)
def test_the_tagged_form_is_json_and_reads_back(value: object) -> None:
    assert same(untag(json.loads(json.dumps(tag(value, CAPS))), CAPS), value)


def test_an_integer_of_6000_digits_comes_back() -> None:
    assert back(10**6000 - 7) == 10**6000 - 7


AWKWARD = ["\ud800", "\udc00\ud800", "\ud800" + "\udc00", "\U00010000", "a\x00b", "\x1b[31m", '\\"', "\\\\"]


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_text_that_is_awkward_comes_back(text: str) -> None:
    assert back(text) == text
    assert back({text: [text]}) == {text: [text]}


class Colour(IntEnum):
    RED = 7


class Shouting(str):
    def __str__(self) -> str:
        raise RuntimeError("called")

    __repr__ = __str__


class Liar(int):
    def __index__(self) -> int:
        return 99

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 7),
        (Liar(5), 5),
        (Shouting("ab"), "ab"),
        (Point(1, 2), (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, {1: [2]}), {1: [2]}),
        (OrderedDict([("b", 1), ("a", 2)]), {"b": 1, "a": 2}),
        (bytearray(b"ab"), b"ab"),
    ],
)
def test_a_subclass_comes_back_as_its_base_type(value: object, plain: object) -> None:
    assert same(back(value), plain)


def test_other_makers_of_numbers_are_read_as_what_they_say_they_are() -> None:
    mpmath = pytest.importorskip("mpmath")
    assert same(back(mpmath.mpf("0.5")), 0.5)
    assert same(back(mpmath.mpc(1, -2)), complex(1, -2))


def test_the_decimal_context_changes_nothing() -> None:
    with localcontext() as context:
        context.capitals, context.prec = 0, 2
        assert same(back(Decimal("1.2345E+40")), Decimal("1.2345E+40"))


def test_a_program_that_patches_json_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", lambda *_: "lie")
        patch.setattr(json.encoder, "encode_basestring_ascii", lambda _: "lie")
        payload = encode(["a"], CAPS)
    assert decode(payload, CAPS) == ["a"]


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        raise RuntimeError("called")


class ClassLiar:
    @property
    def __class__(self) -> Any:
        return int


def cyclic() -> list[Any]:
    value: list[Any] = [1]
    value.append({"again": value})
    return value


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_that_would_do_were_it_smaller_is_told_from_one_that_never_does() -> None:
    for large in ([0] * 10_001, "x" * (1 << 20), 10**20_010, {*range(5000)}, [Fraction(10**19_000, 7**20_000)] * 9):
        with pytest.raises(TooLargeError):
            encode(large, CAPS)
    for never in (object(), cyclic(), deep(100)):
        with pytest.raises(WireError) as caught:
            encode(never, CAPS)
        assert type(caught.value) is WireError


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (cyclic(), "contains itself"),
        (deep(10_000), "deeper than 64"),
        ([0] * 10_001, "more than 10000 parts"),
        ("x" * (1 << 20), "more than 1048576 bytes"),
        (b"x" * (1 << 20), "more than 1048576 bytes"),
        (10**20_010, "more than 20000 digits"),
        (Decimal("1E+999999"), "more than 20000 digits"),
        (Decimal("1E-999999"), "more than 20000 digits"),
        ([Fraction(10**19_000, 7**20_000)] * 9, "too long to be reduced"),
        (set(range(5000)), "set members"),
        (AlwaysEqual(), "type 'AlwaysEqual' cannot be returned"),
        (ClassLiar(), "type 'ClassLiar' cannot be returned"),
        ({"f": test_the_decimal_context_changes_nothing}, "type 'function'"),
        (object, "type 'type'"),
        ((i for i in "ab"), "type 'generator'"),
        (range(3), "type 'range'"),
    ],
    ids=lambda given: given if isinstance(given, str) and len(given) < 50 else type(given).__name__,
)
def test_a_value_that_cannot_be_sent_is_refused_in_one_sentence(value: object, said: str) -> None:
    with pytest.raises(WireError, match=said) as caught:
        encode(value, CAPS)
    assert "\n" not in str(caught.value)


def test_whatever_a_number_of_its_own_raises_is_a_wire_error() -> None:
    class Raising(Fraction):
        @property
        def numerator(self) -> int:
            raise OSError("no")

    with pytest.raises(WireError, match="OSError"):
        encode(Raising(1, 2), CAPS)


def test_twice_the_same_object_is_no_cycle() -> None:
    shared = [1]
    assert back([shared, shared]) == [[1], [1]]


def test_a_frame_is_the_payload_behind_its_length() -> None:
    assert HEADER.unpack(frame(b"abc")[: HEADER.size]) == (3,)
    assert frame(b"abc")[HEADER.size :] == b"abc"


class TestNumpy:
    @pytest.fixture
    def np(self) -> Any:
        return pytest.importorskip("numpy")

    def test_scalars_become_python_numbers(self, np: Any) -> None:
        given = [np.float64(0.1), np.float32(0.5), np.int64(-3), np.uint64(2**64 - 1), np.bool_(True), np.complex64(1j)]
        assert same(back(given), [0.1, 0.5, -3, 2**64 - 1, True, 1j])
        assert same(back([np.longdouble("0.1"), np.clongdouble(1j), np.str_("a")]), [0.1, 1j, "a"])

    @pytest.mark.parametrize(
        "dtype", ["?", "i1", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">i4", ">f8"]
    )
    @pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 2, 1, 2)])
    def test_arrays_come_back_with_and_without_numpy(self, np: Any, dtype: str, shape: tuple[int, ...]) -> None:
        array = (np.arange(math.prod(shape)) % 2).astype(dtype).reshape(shape)
        got = back(array)
        assert isinstance(got, Array)
        assert got.tolist() == array.tolist()
        assert got.numpy().dtype == array.dtype.newbyteorder("<")
        assert np.array_equal(got.numpy(), array)
        assert back(got) == got

    def test_views_come_back_as_they_read(self, np: Any) -> None:
        array = np.arange(12.0).reshape(3, 4)
        for view in (array.T, array[::-1, ::2], np.broadcast_to(array[0], (2, 4))):
            assert np.array_equal(back(view).numpy(), view)

    def test_arrays_of_anything_else_become_lists(self, np: Any) -> None:
        assert back(np.array([Fraction(1, 3), "a", None], dtype=object)) == [Fraction(1, 3), "a", None]
        assert back(np.array([["ab", "c"]])) == [["ab", "c"]]

    def test_an_array_larger_than_the_cap_is_refused_before_it_is_copied(self, np: Any) -> None:
        with pytest.raises(WireError, match="more than 1048576 bytes"):
            encode(np.broadcast_to(1.0, (10**12,)), CAPS)
        with pytest.raises(WireError, match="too long an axis"):
            encode(np.zeros((10**9, 0)), CAPS)


class TestSympy:
    @pytest.fixture
    def sp(self) -> Any:
        return pytest.importorskip("sympy")

    def test_what_is_a_python_number_becomes_one(self, sp: Any) -> None:
        given = [
            sp.Integer(3),
            sp.Rational(1, 3),
            sp.Float(0.1),
            sp.pi.evalf(),
            sp.oo,
            -sp.oo,
            sp.nan,
            sp.true,
            sp.false,
        ]
        plain = [3, Fraction(1, 3), 0.1, math.pi, math.inf, -math.inf, math.nan, True, False]
        assert same(back(given), plain)
        assert back(sp.Integer(10) ** 6000) == 10**6000

    def test_anything_else_is_text_in_both_forms(self, sp: Any) -> None:
        x = sp.Symbol("x")
        for value in (
            sp.sqrt(2) / 2,
            x**2 + 1,
            sp.Matrix([[1, x]]),
            sp.FiniteSet(1, x),
            sp.Float("0.1", 30),
            sp.zoo,
            sp.I,
        ):
            got = back(value)
            assert got == Symbolic(sp.srepr(value), str(value))
            assert str(got) == str(value)
            assert back(got) == got

    def test_what_solve_returns_comes_back(self, sp: Any) -> None:
        x, y = sp.symbols("x y")
        assert back(sp.solve([x + y - 3, x - y - 1], [x, y])) == {
            Symbolic("Symbol('x')", "x"): 2,
            Symbolic("Symbol('y')", "y"): 1,
        }
        assert back(sp.solve(x**2 - 4, x)) == [-2, 2]


def test_neither_numpy_nor_sympy_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("numpy", "sympy")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(WireError):
        encode(object(), CAPS)
    assert "numpy" not in sys.modules
    assert "sympy" not in sys.modules


def weigh(payload: bytes, caps: Caps) -> tuple[Any, float, int]:
    """Decode, and give the value (or the WireError), the CPU seconds and the most bytes allocated on the way."""
    started = time.thread_time()
    try:
        value = decode(payload, caps)
    except WireError as error:
        value = error
    cpu_s = time.thread_time() - started
    tracemalloc.start()
    with suppress(WireError):
        decode(payload, caps)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return value, cpu_s, peak


def allowance(caps: Caps) -> int:
    """Bytes: a few copies of the payload (text may take four bytes a character), and an object or two for each part."""
    return 12 * caps.bytes + 2000 * caps.nodes + 100_000


@given(st.binary(max_size=200) | st.text('[]",\\u0truefalsn{}:.-e19 intfloasedc', max_size=200).map(str.encode))
def test_arbitrary_bytes_raise_nothing_else(payload: bytes) -> None:
    value, cpu_s, peak = weigh(payload, TIGHT)
    assert cpu_s < CPU_S
    assert peak < allowance(TIGHT)
    assert isinstance(value, WireError) or same(decode(encode(value, TIGHT), TIGHT), value)


@given(values, st.data())
def test_mutated_payloads_raise_nothing_else(value: object, data: st.DataObject) -> None:
    payload = bytearray(encode(value, CAPS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 6))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"[", b"]", b",", b"-", b"dict", b"set", b"\\", b"null"])
        )
    got, cpu_s, peak = weigh(bytes(payload), CAPS)
    assert cpu_s < CPU_S
    assert peak < allowance(CAPS)
    assert isinstance(got, WireError) or same(back(got), got)


names = [
    "int",
    "float",
    "complex",
    "decimal",
    "fraction",
    "str",
    "bytes",
    "symbolic",
    "array",
    "list",
    "tuple",
    "set",
    "dict",
]
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["1", "-0", "<f8", "nan", "1E+9", "YQ=="]) | texts,
    lambda inner: (
        st.builds(lambda name, parts: [name, *parts], st.sampled_from([*names, "frozenset", "?"]), st.lists(inner))
        | st.lists(inner)
    ),
    max_leaves=12,
)


@given(trees)
@settings(max_examples=300)
def test_trees_with_wrong_parts_raise_nothing_else(tree: object) -> None:
    try:
        value = untag(tree, CAPS)
    except WireError:
        return
    assert same(back(value), value)


def leaves(leaf: str, size: int = CAPS.bytes) -> bytes:
    """As many copies of one leaf as fit."""
    count = min((size - 8) // (len(leaf) + 1), CAPS.nodes - 1)
    return ('["list",' + ",".join([leaf] * count) + "]").encode()


def colliding() -> Iterator[bytes]:
    prime = sys.hash_info.modulus
    for count in (100, 4000, 9000):
        yield ('["set",' + ",".join(f'["int","{step * prime:x}"]' for step in range(1, count)) + "]").encode()
        yield ('["set",' + ",".join(f'["int","{step << 44:x}"]' for step in range(1, count)) + "]").encode()
        yield (
            '["dict",' + ",".join(f'["float","{float(step << 50).hex()}"],null' for step in range(1, count)) + "]"
        ).encode()


def nested_sets(levels: int) -> bytes:
    """Frozen sets of one hash that differ at the bottom alone: -1 and -2 have the same hash."""
    one, two = '["frozenset",["int","-1"]]', '["frozenset",["int","-2"]]'
    for level in range(levels):
        one, two = f'["frozenset",{one},["int","{level:x}"]]', f'["frozenset",{two},["int","{level:x}"]]'
        one, two = f'["frozenset",{one},{two}]', f'["frozenset",{two},["frozenset",{one}]]'
    return f'["set",{one},{two}]'.encode()


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "pickle": pickle.dumps([1, 2]),
    "depth bomb": b"[" * CAPS.bytes,
    "deep list": b'["list",' * 50_000 + b"null" + b"]" * 50_000,
    "closing brackets": b"]" * CAPS.bytes,
    "brackets hidden in text": b'["]",' * 9_000 + b"null" + b"]" * 9_000,
    "objects": b'{"a":' * 100_000,
    "commas": b"[" + b"," * (CAPS.bytes - 2) + b"]",
    "empty lists": b"[" + b"[]," * 300_000 + b"[]]",
    "nulls": b'["list"' + b",null" * 200_000 + b"]",
    "empty texts": b'["list"' + b',""' * 300_000 + b"]",
    "quotes": b'"' * CAPS.bytes,
    "escaped quotes": b'"' + b'\\"' * 500_000 + b'"',
    "escapes": b'"' + b"\\u1234" * 170_000 + b'"',
    "bad escape": b'"' + b"\\u12" * 200_000 + b'"',
    "open text": b'"' + b"a" * (CAPS.bytes - 1),
    "letters": b"n" * CAPS.bytes,
    "spaces": b" " * CAPS.bytes,
    "bare digits": b"1" * CAPS.bytes,
    "bare exponent": b"1e" + b"9" * 1000,
    "NaN": b"NaN",
    "decimal digits": b'["decimal","' + b"1" * 1_000_000 + b'"]',
    "decimal exponent": b'["decimal","1E+999999999"]',
    "many decimals": leaves('["decimal","' + "9" * 20_000 + '"]'),
    "small decimals": leaves('["decimal","1.1"]'),
    "hexadecimal digits": b'["int","' + b"f" * 1_000_000 + b'"]',
    "long integers": leaves('["int","' + "f" * 16_000 + '"]'),
    "integers": leaves('["int","-2a"]'),
    "underscores": b'["int","1_0"]',
    "not canonical": b'["int","0x1"]',
    "complex numbers": leaves('["complex","0x1.5555555555555p-2","0x1.5555555555555p-2"]'),
    "floats": leaves('["float","0x1.5555555555555p-2"]'),
    "long float": b'["float","0x1.' + b"0" * 1_000_000 + b'"]',
    "overflowing float": b'["float","0x1p999999"]',
    "fractions": leaves('["fraction","1555","7777"]'),
    "long fractions": leaves('["fraction","1' + "5" * 16_000 + '","1' + "3" * 16_000 + '"]'),
    "zero denominator": b'["fraction","1","0"]',
    "arrays": leaves('["array","<f8","AAAAAAAAAAA=","1"]'),
    "huge axis": b'["array","<f8","","0","' + b"f" * 1000 + b'"]',
    "negative axes": b'["array","|b1","AA==","-1","-1"]',
    "many axes": b'["array","|b1","AA=="' + b',"1"' * 10_000 + b"]",
    "axes that lie": b'["array","<f8","AAAA","3b9aca00"]',
    "unknown items": b'["array","|O","AAAAAAAAAAA=","1"]',
    "odd boolean": b'["array","|b1","Ag==","1"]',
    "bad base64": b'["bytes","@@@@"]',
    "long base64": b'["bytes","' + base64.b64encode(b"x" * 700_000) + b'"]',
    "duplicated keys": b'["dict",["int","1"],null,["float","0x1.0000000000000p+0"],null]',
    "duplicated members": b'["set","a","a"]',
    "unhashable": b'["set",["list"]]',
    "signalling nan": b'["set",["decimal","sNaN"]]',
    "key without value": b'["dict","a"]',
    "nested sets": nested_sets(12),
    "unknown tag": b'["eval","1"]',
    "symbolic of lists": b'["symbolic",["list"],["list"]]',
    "two values": b"null null",
    "null bytes": b"\0" * CAPS.bytes,
    "latin": b'"\xff"',
    "beyond the cap": b'"' + b"a" * CAPS.bytes + b'"',
    **{f"colliding hashes {number}": payload for number, payload in enumerate(colliding())},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_cost_next_to_nothing(name: str) -> None:
    value, cpu_s, peak = weigh(HOSTILE[name], CAPS)
    if cpu_s >= CPU_S:  # a busy machine may slow one attempt down, never three
        cpu_s = min(weigh(HOSTILE[name], CAPS)[1] for _ in range(3))
    assert cpu_s < CPU_S
    assert peak < allowance(CAPS)
    assert isinstance(value, WireError) or same(back(value), value)


def test_decoding_is_safe_near_the_end_of_the_stack() -> None:
    payload = encode(deep(60), CAPS)

    def at_the_end() -> object:
        try:
            return at_the_end()
        except RecursionError:
            try:
                return decode(payload, CAPS)
            except WireError as error:
                return error

    assert isinstance(at_the_end(), (WireError, list))


def test_a_raised_recursion_limit_does_not_open_the_c_stack() -> None:
    outcome: list[object] = []

    def attempt() -> None:
        for payload in (HOSTILE["depth bomb"], HOSTILE["deep list"], HOSTILE["brackets hidden in text"]):
            try:
                decode(payload, CAPS)
            except WireError as error:
                outcome.append(error)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**8)
    try:
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
    assert len(outcome) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: list(range(9_999)),
        lambda: [Fraction(1, 3)] * 3_000,
        lambda: [Decimal("1.5")] * 4_900,
        lambda: dict.fromkeys(range(4_000), "x"),
        lambda: {str(number): number for number in range(4_900)},
        lambda: "é" * 170_000,
        lambda: {(x, y) for x in range(-20, 20) for y in range(-20, 20)},
        lambda: [[[float(number)]] for number in range(3_000)],
        lambda: deep(63),
        lambda: [Array("|b1", (1,) * 60, b"\1")] * 100,
    ],
)
def test_what_the_encoder_lets_through_the_decoder_takes(make: Callable[[], Any]) -> None:
    value = make()
    assert same(back(value), value)


def test_the_server_s_side_needs_the_standard_library_alone() -> None:
    program = """
import sys, types
package = types.ModuleType("sandbox")
package.__path__ = [sys.argv[1]]
sys.modules["sandbox"] = package
before = set(sys.modules)
import sandbox.wire
strangers = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names - {"sandbox"}
sys.exit(", ".join(sorted(strangers)) or 0)
"""
    folder = Path(wire.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

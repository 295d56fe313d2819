"""The wire: what a program may answer comes back exactly, and what it may not is refused in one sentence."""

import json
import math
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from decimal import Decimal, localcontext
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from wire_values import CAPS, back, deep, same, values

from sandbox import wire
from sandbox.wire import HEADER, Array, Symbolic, TooLargeError, WireError, decode, encode, frame, tag, untag


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
        assert same(back(np.array(Decimal("1.10"))), Decimal("1.10"))

    def test_an_array_that_holds_itself_is_refused(self, np: Any) -> None:
        array = np.empty((), dtype=object)
        array[()] = array
        with pytest.raises(WireError, match="nested too deeply|contains itself"):
            encode(array, CAPS)

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

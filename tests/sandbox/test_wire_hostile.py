"""The wire: no bytes at all hurt the one who reads them."""

import base64
import pickle
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_values import CAPS, back, deep, same, texts, values

from sandbox.wire import Caps, WireError, decode, encode, untag

TIGHT = Caps(bytes=4096, depth=8, nodes=200, digits=100)
CPU_S = 0.05


def weigh(payload: bytes, caps: Caps) -> tuple[Any, float, int]:
    """Decode, and give the value (or the WireError), the CPU seconds and the most bytes allocated on the way."""
    for _ in range(4):  # a busy machine may slow one attempt down, never all
        started = time.thread_time()
        try:
            value = decode(payload, caps)
        except WireError as error:
            value = error
        cpu_s = time.thread_time() - started
        if cpu_s < CPU_S:
            break
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

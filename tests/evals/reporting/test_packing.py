"""Data on their way into the page and out of it."""

import io
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from evals.reporting import packing
from evals.reporting.packing import Chunks, block, deflated, document, inflated


@given(st.binary())
def test_what_is_packed_can_be_unpacked(data: bytes) -> None:
    assert inflated(deflated(data)) == data


@given(st.binary())
def test_a_block_holds_nothing_that_could_be_markup(data: bytes) -> None:
    inner = re.fullmatch(
        r'<script type="application/x-deflate" id="name">([A-Za-z0-9+/=]*)</script>\n', block("name", data)
    )
    assert inner is not None


def test_values_are_where_the_chunks_say() -> None:
    out = io.StringIO()
    chunks = Chunks(out, "run-0")
    values = [{"id": number, "text": "</script>\ud800\x00\u2028" + "x" * 60_000} for number in range(12)]
    places = [chunks.add(value) for value in values]
    chunks.flush()
    packed = re.findall(r'id="run-0-(\d+)">([^<]*)<', out.getvalue())
    assert [int(number) for number, _ in packed] == list(range(chunks.written))
    lines = [inflated(text).decode("utf-8").split("\n") for _, text in packed]
    assert [json.loads(lines[chunk][line]) for chunk, line in places] == values
    assert len(packed) > 1
    assert all(len(inflated(text)) <= packing.CHUNK_BYTES for _, text in packed)


def test_a_value_larger_than_a_chunk_has_one_to_itself() -> None:
    out = io.StringIO()
    chunks = Chunks(out, "c")
    assert [chunks.add({"t": text}) for text in ("a", "b" * 2 * packing.CHUNK_BYTES, "c")] == [(0, 0), (1, 0), (2, 0)]


def test_lone_surrogates_survive_and_infinity_does_not_pass() -> None:
    assert json.loads(document({"a": "\ud800"})) == {"a": "\ud800"}

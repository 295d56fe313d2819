"""Rows keep runs apart, keys keep requests apart, and chunks hold what a server's own seed + i would give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reasoning
from reasoning.draws import SEED_MODULUS, consecutive_runs, draw_key, draw_seed, identity_text, row
from reasoning.errors import ConfigError
from reasoning.message import user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling

IDENTITY = identity_text({"engine": "test", "model": "a"})


def test_rows_of_two_seeds_are_disjoint() -> None:
    assert row(0, 65535) + 1 == row(1, 0)


@pytest.mark.parametrize(
    ("seed", "index", "words"),
    [(-1, 0, "0 to 32767"), (0, -1, "0 to 65535"), (0, 65536, "0 to 65535"), (32768, 0, "0 to 32767")],
)
def test_rows_out_of_range_are_refused(seed: int, index: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        row(seed, index)


def test_no_two_run_seeds_send_the_same_seed() -> None:
    key = draw_key(IDENTITY, Request(prompt="a"))
    ends = [(seed, index) for seed in (0, 1, 2, 16384, 32766, 32767) for index in (0, 1, 65534, 65535)]
    assert len({draw_seed(key, row(seed, index)) for seed, index in ends}) == len(ends)
    assert draw_seed(key, row(32767, 65535)) == (draw_seed(key, row(0, 0)) - 1) % SEED_MODULUS


@pytest.mark.parametrize("seed", [-1, 32768, 2**47])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_every_door_refuses_a_seed_that_no_run_can_have(seed: int, temperature: float) -> None:
    strategy = reasoning.Direct(sampling=Sampling(temperature=temperature, max_tokens=5))
    words = f"A run's seed is a whole number from 0 to 32767; got {seed}"
    with reasoning.open_backend("scripted/constant") as backend:
        with pytest.raises(ConfigError, match=words):
            strategy.solve("1 + 1?", backend, seed=seed)
        with pytest.raises(ConfigError, match=words):
            strategy.solve_many(["1 + 1?"], backend, seed=seed)
        assert strategy.solve("1 + 1?", backend, seed=32767).answer == 18


def test_key_tells_models_requests_and_sampling_apart() -> None:
    hot, cold = Sampling(temperature=0.7, max_tokens=8), Sampling(temperature=0.0, max_tokens=8)
    keys = {
        draw_key(IDENTITY, Request(prompt="a", sampling=hot)),
        draw_key(IDENTITY, Request(prompt="a", sampling=cold)),
        draw_key(IDENTITY, Request(prompt="b", sampling=hot)),
        draw_key(IDENTITY, Request(messages=(user("a"),), sampling=hot)),
        draw_key(identity_text({"engine": "test", "model": "b"}), Request(prompt="a", sampling=hot)),
    }
    assert len(keys) == 5


def test_key_does_not_depend_on_the_order_of_an_identity() -> None:
    assert identity_text({"a": 1, "b": 2}) == identity_text({"b": 2, "a": 1})


def test_seeds_of_two_prompts_are_far_apart() -> None:
    seeds = [draw_seed(draw_key(IDENTITY, Request(prompt=f"question {n}")), 0) for n in range(50)]
    assert len(set(seeds)) == 50
    assert max(seeds) - min(seeds) > SEED_MODULUS / 4


@given(
    start=st.integers(0, SEED_MODULUS - 1),
    rows=st.lists(st.integers(0, 200), unique=True, max_size=40).map(sorted),
    most=st.integers(1, 9),
)
def test_chunks_keep_order_and_their_seeds_are_consecutive(start: int, rows: list[int], most: int) -> None:
    key = start.to_bytes(8, "big")
    chunks = consecutive_runs(key, rows, most)
    assert [r for chunk in chunks for r in chunk] == rows
    for chunk in chunks:
        assert 1 <= len(chunk) <= most
        first = draw_seed(key, chunk[0])
        assert [draw_seed(key, r) for r in chunk] == [first + i for i in range(len(chunk))]


def test_a_chunk_ends_where_the_seed_wraps() -> None:
    key = (SEED_MODULUS - 2).to_bytes(8, "big")
    assert consecutive_runs(key, range(4), 64) == [[0, 1], [2, 3]]


def test_a_changed_copy_of_a_request_has_draws_of_its_own() -> None:
    asked = Request(prompt="1 + 1 =")
    assert asked.canonical
    changed = asked.model_copy(update={"prompt": "1 + 2 ="})
    assert changed.canonical == Request(prompt="1 + 2 =").canonical != asked.canonical


def test_a_prompt_with_a_lone_surrogate_has_a_size() -> None:
    assert Request(prompt="a\ud800").prompt_bytes == 4
    assert Request(messages=(user("é"), user("\ud800"))).prompt_bytes == 2 + 3 + 2 * 16
    assert Problem.of("\ud800").id != Problem.of("\ud801").id

"""What is known of a model, and that nothing else is claimed."""

from pathlib import Path

import pytest
import tiny_gguf

import reasoning
from reasoning.backends.facts import ModelFacts
from reasoning.backends.llama_cpp.embedded import embedded_model
from reasoning.backends.llama_cpp.gguf import read_header
from reasoning.backends.memory import PeakMemory
from reasoning.backends.opened import OpenedBackend

ATTENTION = 16 * 32 + 16 * 16 + 16


def test_all_of_a_dense_models_weights_take_part_in_a_token(tmp_path: Path) -> None:
    header = read_header(tiny_gguf.dense(tmp_path / "dense.gguf"))
    assert header.parameters == header.active_parameters == ATTENTION + 16 * 64
    assert (header.context_tokens, header.matrix_types) == (512, ("Q8_0",))


@pytest.mark.parametrize(("experts", "used"), [(4, 2), (8, 1), (4, 4)])
def test_of_a_mixture_only_the_experts_that_are_used_do(tmp_path: Path, experts: int, used: int) -> None:
    header = read_header(tiny_gguf.mixture(tmp_path / "moe.gguf", experts, used))
    router = 16 * 4
    assert header.parameters == ATTENTION + router + experts * 16 * 64
    assert header.active_parameters == ATTENTION + router + used * 16 * 64


def test_the_embedded_models_weights_are_counted() -> None:
    header = read_header(embedded_model())
    assert header.parameters == header.active_parameters
    assert 134_000_000 < header.parameters < 136_000_000, "it is named for its 135 million"


@pytest.mark.model
def test_a_local_model_tells_all(local_backend: OpenedBackend) -> None:
    facts, header = local_backend.facts, read_header(embedded_model())
    assert facts.weights == "open"
    assert (facts.parameters, facts.active_parameters) == (header.parameters, header.active_parameters)
    assert facts.precision == "Q4_1 + Q8_0"
    assert facts.context_tokens == local_backend.capabilities.context_tokens
    assert facts.peak_memory_bytes is None or facts.peak_memory_bytes > 20_000_000


@pytest.mark.parametrize(
    ("base_url", "weights"),
    [
        ("https://api.openai.com/v1", "closed"),
        ("https://me.openai.azure.com/v1", "closed"),
        ("http://box:8000/v1", "unknown"),
    ],
)
def test_a_server_tells_nothing_and_nothing_is_guessed(base_url: str, weights: str) -> None:
    with reasoning.open_backend("openai/llama-70b-awq", base_url=base_url, api_key="sk-none") as backend:
        assert backend.facts == ModelFacts(weights=weights)
    with reasoning.open_backend("openai/m", base_url=base_url, api_key="sk-none", context_tokens=8192) as backend:
        assert backend.facts.context_tokens == 8192


def test_a_script_has_no_facts() -> None:
    with reasoning.open_backend("scripted/constant") as backend:
        assert backend.facts == ModelFacts()


def test_the_peak_of_memory_is_what_was_taken_since_and_stays_when_it_is_given_back() -> None:
    memory = PeakMemory()
    block = bytearray(64 << 20)
    if memory.bytes is None:
        pytest.skip("this system does not let a process start its peak anew")
    assert memory.bytes >= 60 << 20
    del block
    assert memory.bytes >= 60 << 20
    again = PeakMemory()
    assert again.bytes is None or again.bytes < 32 << 20

"""Prices come from a person or from genai-prices; what is unknown is None, never 0."""

import sys
from pathlib import Path

import pytest

from reasoning.errors import ConfigError, DataError
from reasoning.pricing import Rates, demand_price, load_prices, price_of
from reasoning.usage import Usage

USAGE = Usage(prompt_tokens=1000, completion_tokens=500, reasoning_tokens=400, cached_tokens=600)
AT_OPENAI = {"engine": "openai", "endpoint": "https://api.openai.com/v1", "model": "gpt-4o-mini"}


@pytest.fixture(autouse=True)
def _no_prices_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REASONING_PRICES", raising=False)


def test_cached_tokens_are_cheaper_and_reasoning_tokens_are_output() -> None:
    rates = Rates(input=2.0, output=10.0, cached=0.5)
    assert rates.cost(USAGE) == pytest.approx((400 * 2.0 + 600 * 0.5 + 500 * 10.0) / 1e6)
    assert Rates(input=2.0, output=10.0).cost(USAGE) == pytest.approx((1000 * 2.0 + 500 * 10.0) / 1e6)


def test_a_persons_prices_go_first_the_exact_spec_before_patterns() -> None:
    prices = {
        "openai/*": {"input": 9, "output": 9},
        "openai/gpt-4o-*": {"input": 8, "output": 8},
        "openai/gpt-4o-mini": {"input": 1, "output": 2, "cached": 0.5},
    }
    assert price_of("openai/gpt-4o-mini", AT_OPENAI, prices) == Rates(input=1, output=2, cached=0.5)
    assert price_of("openai/gpt-4o-maxi", AT_OPENAI, prices) == Rates(input=9, output=9)


@pytest.mark.parametrize("text", ["local: {input: 0.1, output: 0.2}", '{"local": {"input": 0.1, "output": 0.2}}'])
def test_prices_are_read_from_yaml_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path / "prices"
    path.write_text(text)
    assert load_prices(path) == {"local": Rates(input=0.1, output=0.2)}
    monkeypatch.setenv("REASONING_PRICES", str(path))
    assert price_of("local", {"engine": "llama.cpp"}) == Rates(input=0.1, output=0.2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {input: -1, output: 2}", "a → input"),
        ("a: {input: 1}", "a → output"),
        ("a: {input: 1, output: 1, per: token}", "a → per"),
        ("just words", "the file as a whole"),
        ("a: [", "cannot be read"),
        ("a: {input: .inf, output: 1}", "a → input"),
    ],
)
def test_a_wrong_price_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        load_prices(path)


def test_a_missing_file_of_prices_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"prices\.yaml cannot be read"):
        price_of("local", {}, tmp_path / "prices.yaml")


def test_genai_prices_knows_openais_models() -> None:
    price = price_of("openai/gpt-4o-mini", AT_OPENAI)
    assert price is not None
    assert price.cost(Usage(prompt_tokens=10**6)) == pytest.approx(0.15)
    assert price.cost(Usage(prompt_tokens=10**6, cached_tokens=10**6)) == pytest.approx(0.075)
    assert price.cost(Usage(completion_tokens=10**6)) == pytest.approx(0.6)


def test_genai_prices_knows_tiers() -> None:
    identity = {"endpoint": "https://generativelanguage.googleapis.com/v1beta/openai", "model": "gemini-2.5-pro"}
    price = price_of("openai/gemini-2.5-pro", identity)
    assert price is not None
    short, long = price.cost(Usage(prompt_tokens=100_000)), price.cost(Usage(prompt_tokens=1_000_000))
    assert long > 15 * short > 0


def test_a_fee_for_each_request_counts_where_tokens_were_billed() -> None:
    price = price_of("openai/sonar", {"endpoint": "https://api.perplexity.ai", "model": "sonar"})
    assert price is not None
    few, many = price.cost(Usage(prompt_tokens=1)), price.cost(Usage(prompt_tokens=10**6 + 1))
    assert few > 0.001
    assert many - few == pytest.approx(1.0)
    assert price.cost(Usage()) == 0


@pytest.mark.parametrize(
    "identity",
    [
        {**AT_OPENAI, "endpoint": "http://127.0.0.1:8000/v1"},
        {**AT_OPENAI, "model": "gpt-of-my-own"},
        {"engine": "llama.cpp", "model": "gpt-4o-mini"},
    ],
    ids=["another endpoint", "another model", "an engine of ours"],
)
def test_an_unknown_price_is_none(identity: dict[str, str]) -> None:
    assert price_of("openai/gpt-4o-mini", identity) is None


def test_without_genai_prices_a_price_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert price_of("openai/gpt-4o-mini", AT_OPENAI) is None


def test_a_limit_in_dollars_demands_a_price() -> None:
    with pytest.raises(ConfigError, match=r"price of local is not known.*prices=\{'local'"):
        demand_price(None, "local")

"""Each server of `profiles.yaml` answers four strategies by default, whatever it refuses and however it counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_client import FaultServer

import reasoning
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.strategy import Strategy

PROFILES = yaml.safe_load(Path(__file__).with_name("profiles.yaml").read_text(encoding="utf-8"))
STRATEGIES: dict[str, Strategy] = {
    "direct": Direct(),
    "chain of thought": ChainOfThought(),
    "program of thought": ProgramOfThought(),
    "vote of four": SelfConsistency(samples=4),
}
TEXT = "```python\nans = 2 + 3\n```\nThe answer is 5."  # an answer, and a program for who asks for one
THOUGHTS = 900


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile["name"])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_server_answers_each_strategy(server: FaultServer, profile: dict[str, Any], name: str) -> None:
    behaviour = {key: value for key, value in profile.items() if key not in ("name", "model", "thinks", "refuses")}
    if "thinks" in profile:
        behaviour |= {"reasoning_words": THOUGHTS, "reasoning_field": profile["thinks"]}
    faults = [{"kind": "reply", "status": 400, **refusal} for refusal in profile.get("refuses", [])]
    server.configure(text=TEXT, faults=faults, **behaviour)
    with reasoning.open_backend(f"openai/{profile['model']}", base_url=server.base_url) as backend:
        result = STRATEGIES[name].solve("What is 2 + 3?", backend)
    assert result.answer == 5
    assert [path.answer for path in result.paths] == [5] * (4 if name == "vote of four" else 1)
    completions = [completion for path in result.paths for completion in path.completions]
    for completion in completions:
        assert "Hmm." not in completion.text
        if profile.get("thinks", "hidden") != "hidden":
            assert completion.reasoning
    stats = server.stats()
    counted = sum(completion.usage.completion_tokens for completion in completions)
    assert counted == stats["written"] or any(completion.usage.estimated for completion in completions)
    assert stats["requests"] - stats["statuses"]["200"] <= 8

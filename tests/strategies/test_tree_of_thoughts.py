"""A real breadth-first search over a game whose moves and verdicts are computed finds what a greedy walk misses."""

import re

import pytest
from solving import scripted

from reasoning.answer import kind
from reasoning.completion import Completion, Failure
from reasoning.errors import ConfigError
from reasoning.problem import Problem
from reasoning.request import Request
from strategies.result import Result
from strategies.strategy import Strategy
from strategies.tree_of_thoughts import TreeOfThoughts, proposed_steps, verdict_worth

GAME = Problem(id="g", question="Start at 1. A step is `double` or `add 3`. Reach 11.", kind=kind("number"))


def reached(steps: list[str]) -> int:
    value = 1
    for step in steps:
        value = value * 2 if step == "double" else value + 3
    return value


def player(request: Request, index: int) -> str:
    """Proposes both moves; calls 11 sure, more than 11 impossible, else likely; states the value it stands at."""
    asked = request.prompt or request.messages[-1].content
    steps = re.findall(r"^\d+\. (double|add 3)$", asked, re.MULTILINE)
    if "Propose" in asked:
        return "1. add 3\n2. double"
    value = reached(steps)
    if "one word" in asked:
        return "Sure." if value == 11 else "impossible" if value > 11 else "likely"
    return f"The answer is {value}."


def test_the_search_finds_the_way() -> None:
    # 1 → 2 → 4 → 8 → 11 is the one way of four steps that ends on 11 (1 → 4 → 8 → 11 takes three)
    result = TreeOfThoughts(depth=3, breadth=3).solve(GAME, scripted(player))
    assert result.answer == 11
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_breadth_one_is_a_greedy_walk_and_misses_it() -> None:
    assert TreeOfThoughts(depth=3, breadth=1).solve(GAME, scripted(player)).answer != 11


def test_calls_are_counted_and_verdicts_draw_their_own_indices() -> None:
    backend = scripted(player)
    strategy = TreeOfThoughts(depth=2, breadth=2, evaluations=3, sampling={"temperature": 0.5})  # type: ignore[arg-type]
    result = strategy.solve(GAME, backend)
    verdicts = [indices for request, indices in backend.calls if "one word" in str(request)]
    assert set(verdicts) == {(0, 1, 2)}
    # propose: 1 + 2 states; judge: 2 + 4 states three times; conclude: 1
    assert len(result.paths[0].completions) == 3 + 3 * 6 + 1
    assert result.usage.completion_tokens == sum(c.usage.completion_tokens for c in result.paths[0].completions)


def test_a_judge_may_give_the_verdicts() -> None:
    judge = scripted(player)
    TreeOfThoughts(depth=1).solve(GAME, scripted(player), backends={"judge": judge})
    assert {"one word" in str(request) for request, _ in judge.calls} == {True}


def test_system_and_template_are_in_every_request_and_shots_are_refused() -> None:
    backend = scripted(player)
    TreeOfThoughts(depth=1, style="chat", system="Play well.", template="Game: {question}").solve(GAME, backend)
    assert len(backend.calls) == 1 + 2 + 1
    for request, _ in backend.calls:
        assert [message.role for message in request.messages] == ["system", "user"]
        assert request.messages[0].content == "Play well."
        assert request.messages[1].content.startswith("Problem: Game: Start at 1.")
    assert TreeOfThoughts().with_shots("arithmetic").shots is None
    with pytest.raises(ConfigError, match="no place for exemplars"):
        Strategy.of_config({"tree-of-thoughts": {"shots": "arithmetic"}})


def test_a_model_that_proposes_nothing_still_answers() -> None:
    backend = scripted(lambda request, index: "The answer is 5" if "final answer" in str(request) else "")
    result = TreeOfThoughts().solve(GAME, backend)
    assert result.answer == 5
    assert len(backend.calls) == 2


def test_a_proposal_that_could_not_be_had_fails_the_path_rather_than_narrow_its_search() -> None:
    def script(request: Request, index: int) -> str | Completion:
        if "Propose" in str(request) and "1. double" in str(request):
            return Completion.failed(request, index, Failure(kind="timeout", message="too slow", retryable=True))
        return player(request, index)

    (path,) = TreeOfThoughts(depth=2, breadth=2).solve(GAME, scripted(script)).paths
    assert (path.status, path.reason) == ("failed", "timeout: too slow")
    assert len(path.completions) == 1 + 2 + 2  # all that was drawn is paid for


def test_a_judge_that_reasons_has_room_to() -> None:
    judge = scripted(player, thinks=True)
    TreeOfThoughts(depth=1).solve(GAME, scripted(player), backends={"judge": judge})
    assert {request.sampling.max_tokens for request, _ in judge.calls} == {16384}


def test_steps_and_verdicts_are_read_as_people_write_them() -> None:
    assert proposed_steps("1. add 3\n\n- double\n* add 3\nhalve", 3) == ["add 3", "double", "halve"]
    assert [verdict_worth(text) for text in ("**Sure**.", "likely", "It is impossible.", "who knows")] == [
        20,
        1,
        0.001,
        0,
    ]

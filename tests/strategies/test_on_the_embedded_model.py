"""Each strategy end to end on the real embedded model."""

import random

import pytest

from reasoning.backends.opened import OpenedBackend
from reasoning.problem import Problem
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought
from strategies.result import Result
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.strategy import Strategy

pytestmark = pytest.mark.model


def products(count: int) -> list[tuple[Problem, int]]:
    """Products of two numbers of two and three digits, as problems with their answers."""
    rng = random.Random(5)
    pairs = [(rng.randrange(20, 99), rng.randrange(200, 999)) for _ in range(count)]
    ask = "Solve the following multiplication: {} * {}. Give only the result as your final answer."
    return [(Problem(id=f"{a}x{b}", question=ask.format(a, b)), a * b) for a, b in pairs]


def right(strategy: Strategy, backend: OpenedBackend, count: int) -> int:
    """How many products a strategy gets right."""
    problems = products(count)
    results = strategy.solve_many([problem for problem, _ in problems], backend)
    return sum(result.answer == gold for result, (_, gold) in zip(results, problems, strict=True))


def test_programs_are_far_ahead_of_direct_answers_on_products(local_backend: OpenedBackend) -> None:
    direct = right(Direct(shots="arithmetic", most_shots=4), local_backend, 12)
    programs = right(ProgramOfThought(shots="arithmetic", most_shots=4), local_backend, 12)
    assert programs >= 9
    assert programs > direct + 4


def test_a_greedy_strategy_answers_the_same_twice(local_backend: OpenedBackend) -> None:
    strategy = ChainOfThought(shots="arithmetic", most_shots=4)
    problem, _ = products(1)[0]
    one, two = (strategy.solve(problem, local_backend) for _ in range(2))
    assert one.paths[0].text == two.paths[0].text != ""


def test_zero_shot_reasons_in_two_stages(local_backend: OpenedBackend) -> None:
    result = ChainOfThought(sampling={"max_tokens": 96}).solve(  # type: ignore[arg-type]
        "Tom has 3 apples and buys 4 more. How many apples has he?", local_backend
    )
    (path,) = result.paths
    assert path.status in {"ok", "no_answer", "truncated"}
    assert len(path.completions) == (1 if path.status == "truncated" else 2)
    assert path.usage.completion_tokens > 0


def test_a_vote_draws_different_paths_and_survives_json(local_backend: OpenedBackend) -> None:
    strategy = SelfConsistency(of=ProgramOfThought(shots="arithmetic", most_shots=4), samples=6, stop=Adaptive())
    problem, gold = products(1)[0]
    result = strategy.solve(problem, local_backend)
    assert result.answer == gold
    assert 4 <= len(result.paths) <= 6
    assert Result.model_validate_json(result.model_dump_json()) == result
    again = strategy.solve(problem, local_backend)
    assert [path.text for path in again.paths] == [path.text for path in result.paths]
    other = strategy.solve(problem, local_backend, seed=1)
    seeds = {c.seed for answer in (result, other) for path in answer.paths for c in path.completions}
    assert len(seeds) == len(result.paths) + len(other.paths)

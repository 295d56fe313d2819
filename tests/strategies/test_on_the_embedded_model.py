"""Each strategy end to end on the real embedded model.

What a sampled model says differs from one CPU to the next: the laws are asserted and not the texts, but for products,
which the model turns into programs without fail.
"""

import random
from collections.abc import Iterator

import pytest

import reasoning
from reasoning.backends.opened import OpenedBackend
from reasoning.completion import Completion
from reasoning.problem import Problem
from reasoning.sampling import Sampling
from reasoning.usage import NO_USAGE
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.path import STATUSES
from strategies.result import Result
from strategies.strategy import STRATEGIES, Strategy

pytestmark = pytest.mark.model

SHORT = {"sampling": {"max_tokens": 32}}
WORDS = {"shots": "arithmetic", "most_shots": 2, **SHORT}
PROGRAM = {"program-of-thought": {"shots": "arithmetic", "most_shots": 4, **SHORT}}
CONFIGURED: dict[str, dict[str, object]] = {
    "direct": {"shots": "arithmetic", "most_shots": 2, "sampling": {"max_tokens": 16}},
    "chain-of-thought": SHORT,
    "program-of-thought": {**PROGRAM["program-of-thought"], "repairs": 1, "fallback": {"direct": WORDS}},
    "plan-and-solve": SHORT,
    "least-to-most": {**SHORT, "most_questions": 1},
    "self-refine": {"of": PROGRAM, "rounds": 1},
    "budget-forcing": {"waits": 1, "budget": 32},
    "tree-of-thoughts": {"depth": 1, "breadth": 1, "proposals": 2, **SHORT},
    "self-consistency": {"of": {"chain-of-thought": WORDS}, "samples": 4, "stop": "adaptive"},
    "ensemble": {"members": [{"chain-of-thought": WORDS}, PROGRAM], "samples": 4},
    "best-of-n": {"of": {"direct": WORDS}, "samples": 2, "vote": {"judged": {"pick": "argmax", "max_tokens": 24}}},
    "universal-self-consistency": {"of": {"direct": WORDS}, "samples": 3, "max_tokens": 16},
}


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenedBackend]:
    """The embedded model, with a store for this module's draws."""
    with reasoning.open_backend("local", store=tmp_path_factory.mktemp("draws") / "draws.db") as opened:
        yield opened


def products(count: int) -> list[tuple[Problem, int]]:
    """Products of two numbers of two and three digits, as problems with their answers."""
    rng = random.Random(5)
    pairs = [(rng.randrange(20, 99), rng.randrange(200, 999)) for _ in range(count)]
    ask = "Solve the following multiplication: {} * {}. Give only the result as your final answer."
    return [(Problem(id=f"{a}x{b}", question=ask.format(a, b)), a * b) for a, b in pairs]


def draws(result: Result) -> list[Completion]:
    return [c for path in result.paths for c in (*path.completions, *path.asides)]


def to_the_letter(result: Result) -> dict[str, object]:
    """All that a result says, but for how long it took, and its programs."""
    took = {"outcome": {"wall_s", "cpu_s", "max_rss_bytes"}}
    return result.model_dump(exclude={"seconds": True, "paths": {"__all__": took}})


def test_every_strategy_is_tried_here() -> None:
    assert set(CONFIGURED) == set(STRATEGIES)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURED)
def test_the_laws_hold_and_doing_it_again_buys_nothing(name: str, backend: OpenedBackend) -> None:
    strategy = Strategy.of_config({name: CONFIGURED[name]})
    ((problem, _),) = products(1)
    result = strategy.solve(problem, backend)

    assert 1 <= len(result.paths) <= strategy.width
    assert [path.index for path in result.paths] == list(range(len(result.paths)))
    assert result.stopped
    assert result.order_safe
    assert result.error is None
    for path in result.paths:
        assert path.status in STATUSES
        assert path.status not in {"failed", "abandoned"}
        assert (path.key is not None) == (path.status == "ok")
        assert path.completions
        assert path.outcome is None or path.program
    assert all(c.usage.prompt_tokens > 0 and c.usage.completion_tokens > 0 for c in draws(result))
    assert result.usage == sum((c.usage for c in draws(result)), NO_USAGE)
    assert sum(found.votes for found in result.tally.classes) + result.tally.abstained == len(result.paths)
    assert (result.key is None) == (not result.tally.classes)
    assert Result.model_validate_json(result.model_dump_json()) == result

    mark = backend.ledger.mark()
    again = strategy.solve(problem, backend)
    assert to_the_letter(again) == to_the_letter(result)
    assert backend.ledger.paid(since=mark).calls == 0


def test_a_vote_draws_different_rows_and_another_seed_draws_others(backend: OpenedBackend) -> None:
    strategy = Strategy.of_config({"self-consistency": CONFIGURED["self-consistency"]})
    ((problem, _),) = products(1)
    one, other = (strategy.solve(problem, backend, seed=seed) for seed in (0, 1))
    assert len({c.seed for result in (one, other) for c in draws(result)}) == len(one.paths) + len(other.paths)


def right(strategy: Strategy, backend: OpenedBackend) -> int:
    """How many of four products a strategy gets right."""
    problems = products(4)
    results = strategy.solve_many([problem for problem, _ in problems], backend)
    return sum(result.answer == gold for result, (_, gold) in zip(results, problems, strict=True))


def test_programs_are_right_where_direct_answers_are_not(backend: OpenedBackend) -> None:
    programs = right(Strategy.of_config(PROGRAM), backend)
    assert programs >= 3
    assert programs > right(Direct(shots="arithmetic", most_shots=4, sampling=Sampling(max_tokens=16)), backend)


def test_a_vote_over_programs_that_really_ran_is_right(backend: OpenedBackend) -> None:
    assert right(Strategy.of_config({"self-consistency": {"of": PROGRAM, "samples": 3}}), backend) >= 3


def test_zero_shot_reasons_in_two_stages(backend: OpenedBackend) -> None:
    result = ChainOfThought(sampling=Sampling(max_tokens=64)).solve(
        "Tom has 3 apples and buys 4 more. How many apples has he?", backend
    )
    (path,) = result.paths
    assert path.status in {"ok", "no_answer", "truncated"}
    assert len(path.completions) == (1 if path.status == "truncated" else 2)

"""Configuration, results, and many problems at once."""

import asyncio
from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from solving import PROBLEM, scripted

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError, ConfigError, SpendLimitError, UnknownNameError
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.path import Path
from strategies.program_of_thought import ProgramOfThought
from strategies.result import Result
from strategies.scope import draw
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.strategy import PathStrategy, Strategy


class Echo(PathStrategy):
    """A strategy of one's own."""

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        request = Request(prompt=problem.question, sampling=Sampling(temperature=0.7, max_tokens=8))
        return Path.read(problem, index, (await draw(backend, request, index),))


@pytest.mark.parametrize(
    "strategy",
    [
        Direct(),
        ChainOfThought(shots="word-problems", most_shots=4),
        ProgramOfThought(returns="solution()"),
        SelfConsistency(of=ProgramOfThought(), samples=7, stop=Adaptive(confidence=0.9)),
    ],
)
def test_a_strategy_survives_its_configuration(strategy: Strategy) -> None:
    assert Strategy.of_config(strategy.config) == strategy


def test_unknown_strategies_and_fields_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'chain-of-thought'"):
        Strategy.of_config("chain-of-thougt")
    with pytest.raises(UnknownNameError, match="Did you mean 'samples'"):
        Strategy.of_config({"self-consistency": {"of": "direct", "sample": 4}})
    with pytest.raises(UnknownNameError, match="Unknown exemplar set 'arithmetics'. Did you mean 'arithmetic'"):
        Strategy.of_config({"direct": {"shots": "arithmetics"}})
    with pytest.raises(ConfigError, match=r"self-consistency: samples: .*greater than or equal to 1"):
        Strategy.of_config({"self-consistency": {"of": "direct", "samples": 0}})
    with pytest.raises(ConfigError, match="question"):
        Strategy.of_config({"direct": {"template": "no place for it"}})
    for fields in ("direct", ["of"], 5):
        with pytest.raises(ConfigError, match=r"self-consistency.*\{field: value\}.*got"):
            Strategy.of_config({"self-consistency": fields})


def test_a_strategy_is_frozen_and_hashable_by_its_configuration() -> None:
    assert hash(Direct()) == hash(Direct())
    with pytest.raises(ValueError, match="frozen"):
        Direct().style = "chat"  # type: ignore[misc]


def test_a_plain_question_is_a_problem_with_a_number() -> None:
    result = Direct().solve("How many?", scripted(lambda request, index: "$18.00"))
    assert result.answer == 18
    assert str(result) == "18"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("number", "The answer is 7/2"), ("boolean", "The answer is yes"), ("choice", "The answer is (B)")],
)
def test_a_result_survives_a_json_round_trip(kind: str, text: str) -> None:
    problem = Problem(id="x", question="q", kind=kind)  # type: ignore[arg-type]
    strategy = SelfConsistency(of=Direct(), samples=3)
    result = strategy.solve(problem, scripted(lambda request, index: text if index else "no idea"))
    back = Result.model_validate_json(result.model_dump_json())
    assert back == result
    assert type(back.answer) is type(result.answer)
    assert back.answer is not None


def test_many_problems_come_back_in_their_order() -> None:
    backend = scripted(lambda request, index: request.prompt or "")
    questions = [f"The answer is {n}" for n in range(50)]
    results = Echo().solve_many(questions, backend)
    assert [result.answer for result in results] == list(range(50))


def test_look_ahead_is_bounded() -> None:
    taken = 0

    def questions() -> Iterator[str]:
        nonlocal taken
        for n in range(40):
            taken += 1
            yield f"The answer is {n}"

    async def first() -> int:
        stream = Echo().asolve_stream(questions(), scripted(lambda request, index: request.prompt or ""), look_ahead=5)
        await anext(stream)
        await stream.aclose()
        return taken

    assert asyncio.run(first()) <= 10


@pytest.mark.parametrize("ahead", [0, -1])
def test_looking_no_problem_ahead_is_refused(ahead: int) -> None:
    with pytest.raises(ConfigError, match="look_ahead"):
        Echo().solve_many(["The answer is 1"], scripted(lambda request, index: ""), look_ahead=ahead)


def test_what_to_do_with_errors_is_one_of_two() -> None:
    with pytest.raises(ConfigError, match="errors is 'raise' or 'record'; got 'ignore'"):
        Echo().solve_many(["The answer is 1"], scripted(lambda request, index: ""), errors="ignore")


def test_a_spend_limit_ends_a_run_after_what_could_be_finished() -> None:
    def script(request: Request, index: int) -> str:
        if request.prompt == "The answer is 3":
            raise SpendLimitError("spent")
        return request.prompt or ""

    async def run() -> tuple[list[Fraction], bool]:
        answers = []
        try:
            async for result in Echo().asolve_stream(
                [f"The answer is {n}" for n in range(20)], scripted(script), look_ahead=4
            ):
                answers.append(result.answer)
        except SpendLimitError:
            return answers, True
        return answers, False

    answers, stopped = asyncio.run(run())
    assert stopped
    assert {0, 1, 2} <= set(answers)
    assert len(answers) < 12


def test_a_refused_key_stops_a_run_at_once() -> None:
    def script(request: Request, index: int) -> str:
        raise AuthenticationError("wrong key")

    with pytest.raises(AuthenticationError, match="wrong key"):
        Echo().solve_many(["a", "b"], scripted(script))


class Broken(PathStrategy):
    """A strategy with a fault of its own."""

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        raise ZeroDivisionError("oops")


def test_a_strategy_that_breaks_is_raised_or_put_on_the_record() -> None:
    backend = scripted(lambda request, index: "")
    with pytest.raises(ZeroDivisionError):
        Broken().solve_many(["a"], backend)
    (result,) = Broken().solve_many(["a"], backend, errors="record")
    assert result.error == "ZeroDivisionError: oops"
    assert result.answer is None


def test_cancelling_leaves_no_task_behind() -> None:
    class Hanging:
        spec, identity, capabilities = "hanging", {}, scripted(lambda r, i: "").capabilities
        under_way = 0

        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            self.under_way += 1
            try:
                await asyncio.sleep(60)
            finally:
                self.under_way -= 1
            return []

        async def aclose(self) -> None:
            pass

    backend = Hanging()

    async def run() -> int:
        task = asyncio.create_task(SelfConsistency(of=Direct(), samples=5).asolve_many(["a", "b"], backend))
        while backend.under_way < 10:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return backend.under_way

    assert asyncio.run(run()) == 0


def test_a_deadline_must_be_above_zero() -> None:
    with pytest.raises(ConfigError, match="deadline"):
        Direct().solve(PROBLEM, scripted(lambda request, index: ""), deadline=0)

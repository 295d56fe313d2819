"""Programs run in the sandbox; one that fails is a path without an answer."""

from fractions import Fraction

import pytest
from solving import PROBLEM, scripted

from reasoning.completion import Completion
from reasoning.errors import ConfigError
from sandbox.limits import Limits
from sandbox.sandbox import Sandbox
from strategies.program_of_thought import ProgramOfThought
from strategies.result import Result
from strategies.self_consistency import SelfConsistency
from strategies.strategy import Strategy


@pytest.mark.parametrize(
    ("text", "status", "answer"),
    [
        ("ans = 6 * 7", "ok", Fraction(42)),
        ("ans = 0.1 + 0.2", "ok", Fraction(3, 10)),
        ("from fractions import Fraction\nans = Fraction(1, 3)", "ok", Fraction(1, 3)),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nans = sum([f(n) for n in range(4)])", "ok", Fraction(10)),
        ("ans = '1,000 dollars'", "ok", Fraction(1000)),
        ("x = 3", "program_failed", None),
        ("ans = 1 / 0", "program_failed", None),
        ("ans = (", "program_failed", None),
        ("while True: pass", "program_failed", None),
        ("ans = 'no number'", "no_answer", None),
        ("ans = float('nan')", "no_answer", None),
        ("ans = True", "no_answer", None),
        ("", "no_answer", None),
    ],
)
def test_what_becomes_of_a_program(text: str, status: str, answer: Fraction | None) -> None:
    strategy = ProgramOfThought(limits=Limits(wall_s=1, cpu_s=1))
    (path,) = strategy.solve(PROBLEM, scripted(lambda request, index: text)).paths
    assert path.status == status, path.reason
    if answer is None:
        assert path.answer is None
        assert path.reason
    else:
        assert PROBLEM.kind.equal(path.answer, answer)
        assert path.rule == "program"


def test_solution_is_called() -> None:
    backend = scripted(lambda request, index: "def solution():\n    return 5")
    assert ProgramOfThought(returns="solution()").solve(PROBLEM, backend).answer == 5


def test_a_truncated_program_is_not_run() -> None:
    backend = scripted(lambda request, index: Completion(index=0, text="ans = 5", finish="length"))
    (path,) = ProgramOfThought().solve(PROBLEM, backend).paths
    assert path.status == "truncated"
    assert path.outcome is None


def test_programs_vote_and_failures_abstain() -> None:
    programs = ["ans = 10", "ans = 1 / 0", "ans = 20 / 2", "ans = 11", "ans = undefined"]
    strategy = SelfConsistency(of=ProgramOfThought(), samples=5)
    result = strategy.solve(PROBLEM, scripted(lambda request, index: programs[index]))
    assert result.answer == 10
    assert (result.tally.classes[0].votes, result.tally.abstained) == (2, 2)
    assert result.paths[1].outcome is not None
    assert "ZeroDivisionError" in (result.paths[1].outcome.error or "")
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_one_program_sees_nothing_of_another() -> None:
    programs = ["def solution():\n    return 7", "x = 1"]
    strategy = SelfConsistency(of=ProgramOfThought(returns="solution()"), samples=2)
    result = strategy.solve(PROBLEM, scripted(lambda request, index: programs[index]))
    assert [path.status for path in result.paths] == ["ok", "program_failed"]


def test_a_limit_out_of_range_says_which() -> None:
    with pytest.raises(ConfigError, match="wall_s"):
        Strategy.of_config({"program-of-thought": {"limits": {"wall_s": -1}}})


def test_programs_find_the_packages_loaded_that_are_installed_unless_said_otherwise() -> None:
    assert ProgramOfThought().box.preload == Sandbox().preload
    assert ProgramOfThought(preload=()).box.preload == ()
    assert ProgramOfThought(symbolic=True).box.preload == ("sympy",)
    assert ProgramOfThought(symbolic=True, preload=("numpy",)).box.preload == ("numpy", "sympy")
    assert ProgramOfThought(symbolic=True, preload=("sympy", "numpy")).box.preload == ("sympy", "numpy")

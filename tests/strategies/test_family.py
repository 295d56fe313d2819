"""The rest of the family, each against scripted replies with faults."""

import asyncio
from collections.abc import Sequence
from pathlib import Path as File

import pytest
from solving import PROBLEM, scripted

from reasoning.backends.opening import open_backend
from reasoning.completion import Completion, Failure
from reasoning.errors import ConfigError
from reasoning.request import Request
from reasoning.sampling import Sampling
from sandbox.limits import Limits
from strategies.budget_forcing import BudgetForcing
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.ensemble import Ensemble
from strategies.events import Event, ItemEvent, StopEvent, TallyEvent
from strategies.least_to_most import LeastToMost, smaller_questions
from strategies.plan_and_solve import PlanAndSolve
from strategies.program_of_thought import ProgramOfThought
from strategies.result import Result
from strategies.self_consistency import SelfConsistency
from strategies.self_refine import SelfRefine
from strategies.stopping import Adaptive, Decision
from strategies.strategy import STRATEGIES, PathStrategy, Strategy
from strategies.universal_self_consistency import UniversalSelfConsistency

PATHS: list[PathStrategy] = [
    Direct(),
    ChainOfThought(),
    ChainOfThought(shots="word-problems", draft=True),
    PlanAndSolve(),
    LeastToMost(),
    BudgetForcing(),
    ProgramOfThought(limits=Limits(wall_s=2, cpu_s=2)),
    SelfRefine(of=Direct()),
]
GONE = Failure(kind="timeout", message="too slow", retryable=True)


def told(request: Request) -> str:
    return request.prompt if request.prompt is not None else request.messages[-1].content


@pytest.mark.parametrize("strategy", PATHS, ids=lambda strategy: strategy.name())
@pytest.mark.parametrize("style", ["text", "chat"])
def test_a_good_answer_is_read(strategy: PathStrategy, style: str) -> None:
    program = isinstance(strategy, ProgramOfThought)
    backend = scripted(lambda request, index: "ans = 7" if program else "The answer is 7", style=style, prefill=True)
    result = strategy.solve(PROBLEM, backend)
    assert result.answer == 7
    assert Result.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("strategy", PATHS, ids=lambda strategy: strategy.name())
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Completion(index=0, finish="failed", failure=GONE), "failed"),
        (Completion(index=0, text="I cannot", finish="refusal"), "refused"),
        (Completion(index=0, text="", finish="content_filter"), "filtered"),
    ],
)
def test_a_broken_draw_breaks_the_path_and_says_how(strategy: PathStrategy, reply: Completion, status: str) -> None:
    (path,) = strategy.solve(PROBLEM, scripted(lambda request, index: reply)).paths
    assert path.status == status
    assert path.answer is None
    assert path.reason


@pytest.mark.parametrize("strategy", PATHS, ids=lambda strategy: strategy.name())
def test_any_vote_is_taken_over_any_path_strategy(strategy: PathStrategy) -> None:
    program = isinstance(strategy, ProgramOfThought)
    backend = scripted(lambda request, index: "ans = 7" if program else "The answer is 7")
    result = SelfConsistency(of=strategy, samples=5, stop=Adaptive()).solve(PROBLEM, backend)
    assert result.answer == 7
    assert len(result.paths) == 4


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_known_by_its_name(name: str) -> None:
    strategy = Strategy.of_config(name)
    assert strategy.name() == name
    assert Strategy.of_config(strategy.config) == strategy


@pytest.mark.parametrize("name", ["self-consistency", "best-of-n", "universal-self-consistency", "ensemble"])
def test_what_is_voted_over_by_default_is_drawn_at_random_and_takes_a_tasks_exemplars(name: str) -> None:
    fields = Strategy.of_config(name).with_shots("arithmetic").config[name]
    for member in fields.get("members") or [fields["of"]]:
        (inner,) = member.values()
        assert inner["sampling"]["temperature"] == 0.7
        assert inner["shots"] == "arithmetic"


def test_chain_of_draft_shows_drafts_and_asks_for_them() -> None:
    backend = scripted(lambda request, index: "", style="chat")
    request = ChainOfThought(shots="arithmetic", most_shots=1, draft=True).ask(PROBLEM, backend)
    assert "five words" in request.messages[0].content
    assert request.messages[2].content == "34 * 217 = 7378. The answer is 7378."


def test_a_native_reasoning_model_is_not_asked_twice_to_think() -> None:
    backend = scripted(lambda request, index: "The answer is 3", reasoning=True, thinks=True, style="chat", text=False)
    result = ChainOfThought().solve(PROBLEM, backend)
    assert result.answer == 3
    assert len(backend.calls) == 1
    assert "step by step" not in told(backend.calls[0][0])
    assert "reasons by itself" in result.degradations[0]


def test_plan_and_solve_plans_first() -> None:
    backend = scripted(lambda request, index: "So 4." if "Therefore" in told(request) else "Plan: count.")
    result = PlanAndSolve(plus=False).solve(PROBLEM, backend)
    assert result.answer == 4
    assert "devise a plan" in told(backend.calls[0][0])
    assert "relevant variables" not in told(backend.calls[0][0])


def test_smaller_questions_are_lines_that_ask() -> None:
    text = " How many a day?\n2. How many a week?\nnot one\n- How many a day?\n* How many a day?"
    assert smaller_questions(text, 6) == ["How many a day?", "How many a week?"]
    assert smaller_questions(text, 1) == ["How many a day?"]


def test_least_to_most_answers_the_smaller_questions_first() -> None:
    def script(request: Request, index: int) -> str:
        asked = told(request)
        if "smaller questions have" in asked:
            return "1. How many a day?\n2. How many a week?"
        if "Now answer this only: How many a day?" in asked:
            return "Two."
        if "Now answer this only: How many a week?" in asked:
            assert "A: Two." in asked
            return "Fourteen."
        assert "A: Fourteen." in asked
        return "The answer is 14."

    result = LeastToMost().solve(PROBLEM, scripted(script))
    assert result.answer == 14
    assert len(result.paths[0].completions) == 4


def test_budget_forcing_says_wait_and_stops_at_the_budget() -> None:
    def script(request: Request, index: int) -> Completion:
        asked = told(request)
        if asked.endswith("is"):
            return Completion(index=0, text=" 9.", usage={"completion_tokens": 2})  # type: ignore[arg-type]
        assert request.sampling.max_tokens == (60 if asked.endswith("Wait,") else 100)
        return Completion(index=0, text=" hmm.", usage={"completion_tokens": 40})  # type: ignore[arg-type]

    result = BudgetForcing(waits=5, budget=100).solve(PROBLEM, scripted(_growing(script), style="text"))
    assert result.answer == 9
    thoughts = result.paths[0].completions[:-1]
    assert len(thoughts) == 3
    last = thoughts[-1].request
    assert last is not None
    assert last.prompt is not None
    assert last.prompt.endswith("Let's think step by step. hmm.\nWait, hmm.\nWait,")
    assert last.sampling.max_tokens == 20


def _growing(script: object) -> object:
    """The same script without its check once the budget has shrunk twice."""

    def run(request: Request, index: int) -> Completion:
        if told(request).count("Wait,") == 2 and not told(request).endswith("is"):
            return Completion(index=0, text=" hmm.", usage={"completion_tokens": 20})  # type: ignore[arg-type]
        return script(request, index)  # type: ignore[operator]

    return run


def test_without_prefill_no_budget_is_forced_and_it_is_said() -> None:
    backend = scripted(lambda request, index: "The answer is 2", style="chat", text=False, prefill=False)
    result = BudgetForcing().solve(PROBLEM, backend)
    assert result.answer == 2
    assert "no budget was forced" in result.degradations[0]


def test_a_failed_program_goes_back_with_its_error() -> None:
    def script(request: Request, index: int) -> str:
        asked = told(request)
        if "failed" in asked:
            assert "ZeroDivisionError" in asked
            return "ans = 8"
        return "ans = 8 / 0"

    for style in ("text", "chat"):
        result = ProgramOfThought(repairs=2).solve(PROBLEM, scripted(script, style=style))
        assert result.answer == 8
        assert len(result.paths[0].completions) == 2


def test_repairs_end() -> None:
    result = ProgramOfThought(repairs=2).solve(PROBLEM, scripted(lambda request, index: "ans = nope"))
    assert result.answer is None
    assert len(result.paths[0].completions) == 3
    assert "NameError" in (result.paths[0].reason or "")


def test_the_declared_fallback_takes_over_and_is_paid_for() -> None:
    strategy = ProgramOfThought(fallback=Direct(), shots="arithmetic")
    backend = scripted(lambda request, index: "ans = nope" if "# Python" in told(request) else "6", style="text")
    result = strategy.solve(PROBLEM, backend)
    assert result.answer == 6
    assert len(result.paths[0].completions) == 2
    assert result.usage.completion_tokens == 4


def test_a_symbolic_program_finds_sympy_at_hand() -> None:
    program = "from sympy import symbols, solve\nx = symbols('x')\nans = solve(3*x - 36, x)[0]"
    backend = scripted(lambda request, index: program, style="chat")
    assert ProgramOfThought(symbolic=True).solve(PROBLEM, backend).answer == 12
    asked = str(backend.calls[0][0])
    assert "solve them with sympy" in asked
    assert "from sympy import Eq, solve, symbols" in asked


def test_symbolic_programs_keep_their_exemplars_and_take_others_where_told() -> None:
    symbolic = Strategy.of_config({"program-of-thought": {"symbolic": True}})
    assert symbolic == symbolic.with_shots("word-problems")
    assert symbolic.config["program-of-thought"]["shots"] == "symbolic"
    assert ProgramOfThought(symbolic=True, shots="arithmetic").shots == "arithmetic"
    assert ProgramOfThought(symbolic=True, shots=None).shots is None


def test_refining_text_says_what_research_says() -> None:
    replies = iter(["The answer is 3", "On reflection the answer is 4", "KEEP"])
    result = SelfRefine(of=Direct(), rounds=3).solve(PROBLEM, scripted(lambda request, index: next(replies)))
    assert result.answer == 4
    assert "lowered accuracy" in result.degradations[0]


def test_refining_a_program_shows_what_its_run_gave() -> None:
    def script(request: Request, index: int) -> str:
        asked = told(request)
        if "gave 5" in asked:
            return "ans = 6"
        return "KEEP" if "gave 6" in asked else "ans = 5"

    result = SelfRefine(of=ProgramOfThought()).solve(PROBLEM, scripted(script))
    assert result.answer == 6
    assert result.degradations == ()


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("KEEP", 5),
        ("**Keep**: it is right.", 5),
        ("```python\nKEEP\n```", 5),
        ("keepers = 6\nans = keepers", 6),
        ("keep = 6\nans = keep", 6),
    ],
)
def test_a_word_is_told_from_a_program_that_begins_like_it(reply: str, answer: int) -> None:
    backend = scripted(lambda request, index: reply if "Check" in told(request) else "ans = 5", style="text")
    assert SelfRefine(of=ProgramOfThought(), rounds=1).solve(PROBLEM, backend).answer == answer


def test_an_answer_of_the_fallback_is_refined_as_text() -> None:
    def script(request: Request, index: int) -> str:
        if "Check this answer" in told(request):
            return "The answer is 7"
        return "ans = nope" if told(request).endswith("# Python\n") else "The answer is 6"

    strategy = SelfRefine(of=ProgramOfThought(fallback=Direct()), rounds=1)
    assert strategy.solve(PROBLEM, scripted(script, style="text")).answer == 7


@pytest.mark.parametrize("program", ["ans = 10**5000", "ans = list(range(5000))"])
def test_a_value_too_long_to_show_is_shown_in_short(program: str) -> None:
    backend = scripted(lambda request, index: "ans = 6" if "ran and gave" in told(request) else program)
    result = SelfRefine(of=ProgramOfThought(), rounds=1).solve(PROBLEM, backend)
    assert result.answer == 6
    assert len(told(backend.calls[-1][0])) < 1500


def test_an_ensemble_votes_over_its_members_own_draws() -> None:
    def script(request: Request, index: int) -> str:
        return f"ans = {[5, 6][index]}" if "Python" in str(request) else f"The answer is {[5, 5][index]}"

    ensemble = Ensemble(members=(ChainOfThought(shots="arithmetic"), ProgramOfThought()), samples=4)
    backend = scripted(script, style="text")
    result = ensemble.solve(PROBLEM, backend)
    assert result.answer == 5
    assert [(path.index, path.member) for path in result.paths] == [(0, 0), (1, 1), (2, 0), (3, 1)]
    assert sorted(indices for _, indices in backend.calls) == [(0,), (0,), (1,), (1,)]


def test_identical_members_are_refused() -> None:
    with pytest.raises(ConfigError, match="two members are the same"):
        Strategy.of_config({"ensemble": {"members": ["direct", {"direct": {"sampling": {"temperature": 0.7}}}]}})
    Ensemble(members=(Direct(), Direct(sampling=Sampling(temperature=0.5))))


def test_the_model_picks_the_most_consistent() -> None:
    def script(request: Request, index: int) -> str:
        if "generated the following" in told(request):
            assert "Response 3: The answer is 2" in told(request)
            return "The most consistent response is Response 2, because …"
        return f"The answer is {[1, 9, 2][index]}"

    seen: list[Event] = []
    result = UniversalSelfConsistency(of=Direct(), samples=3).solve(PROBLEM, scripted(script), on_event=seen.append)
    assert result.answer == 9
    assert result.stopped == "the model picked"
    assert TallyEvent("p", result.tally, 3) in seen
    assert seen[-2:] == [StopEvent("p", Decision(reason=result.stopped, key=result.key), 3), ItemEvent("p", result)]


def test_a_pick_that_cannot_be_read_leaves_the_plurality() -> None:
    def script(request: Request, index: int) -> str:
        return "Response 17!" if "generated the following" in told(request) else f"The answer is {[1, 2, 2][index]}"

    result = UniversalSelfConsistency(of=Direct(), samples=3).solve(PROBLEM, scripted(script))
    assert result.answer == 2
    assert "plurality" in result.degradations[0]


def test_a_pick_that_is_not_there_by_the_deadline_leaves_the_plurality() -> None:
    inner = scripted(lambda request, index: f"The answer is {[1, 2, 2][index]}")

    class SlowToPick:
        spec, identity, capabilities = inner.spec, inner.identity, inner.capabilities

        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            if "generated the following" in told(request):
                await asyncio.sleep(30)
            return await inner.complete(request, indices)

        async def aclose(self) -> None:
            pass

    result = UniversalSelfConsistency(of=Direct(), samples=3).solve(PROBLEM, SlowToPick(), deadline=1.5)
    assert (result.answer, result.stopped, result.order_safe) == (2, "deadline", False)
    assert result.seconds < 15


def test_one_class_of_answers_needs_no_pick() -> None:
    backend = scripted(lambda request, index: "The answer is 1")
    assert UniversalSelfConsistency(of=Direct(), samples=3).solve(PROBLEM, backend).answer == 1
    assert all("generated" not in told(request) for request, _ in backend.calls)


@pytest.mark.parametrize("strategy", [ProgramOfThought(repairs=1), SelfRefine(of=Direct(), rounds=1)])
def test_a_second_try_is_a_draw_of_its_own_in_the_store(strategy: PathStrategy, tmp_path: File) -> None:
    """The script says by the request's own seed and prompt which try it is; a store must not sell the first again."""
    with open_backend("scripted/echo", store=tmp_path / "draws.db") as backend:
        (path,) = strategy.solve(PROBLEM, backend).paths
        first, second = (*path.completions, *path.asides)[:2]
        assert first.text != second.text
        assert first.seed != second.seed
        assert second.request is not None
        assert (second.request.prompt or second.request.messages[-1].content) == second.text


def test_zero_shot_in_a_chat_is_one_call_where_the_reply_states_its_answer() -> None:
    backend = scripted(lambda request, index: "Half of 6 is 3. The answer is 3.", style="chat", text=False)
    result = ChainOfThought().solve(PROBLEM, backend)
    assert result.answer == 3
    [(request, _)] = backend.calls
    assert "state the answer in a last sentence" in request.messages[0].content
    assert request.messages[-1].content.endswith("\n\nLet's think step by step.")


def test_zero_shot_in_a_chat_asks_for_the_answer_that_a_reply_does_not_state() -> None:
    replies = {0: "First 6 is halved, then there are 3 left of 4 pieces", 1: " 3."}
    backend = scripted(lambda request, index: replies[len(backend.calls) - 1], style="chat", text=False)
    result = ChainOfThought().solve(PROBLEM, backend)
    assert (result.answer, len(backend.calls)) == (3, 2)
    assert backend.calls[1][0].messages[-1].content == "Therefore, the answer (arabic numerals) is"


@pytest.mark.parametrize(("stages", "calls"), [("one", 1), ("two", 2)])
def test_the_calls_of_a_zero_shot_chain_may_be_chosen(stages: str, calls: int) -> None:
    backend = scripted(lambda request, index: "there are 3 left", style="chat", text=False)
    ChainOfThought(stages=stages).solve(PROBLEM, backend)
    assert len(backend.calls) == calls


def test_plain_text_thinks_in_two_stages() -> None:
    backend = scripted(lambda request, index: " The answer is 3.", style="text")
    ChainOfThought().solve(PROBLEM, backend)
    assert len(backend.calls) == 2

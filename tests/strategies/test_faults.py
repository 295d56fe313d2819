"""Every strategy against every fault of a model: it says what happened, counts its cost, and makes up no vote."""

from collections.abc import Callable, Sequence

import pytest
from solving import PROBLEM, scripted

from reasoning.completion import Completion, Failure
from reasoning.request import Request
from reasoning.usage import NO_USAGE
from sandbox.limits import Limits
from strategies.events import DrawEvent, Event
from strategies.path import Path, Status
from strategies.result import Result
from strategies.strategy import STRATEGIES, Strategy

BRIEF = Limits(wall_s=1, cpu_s=1).model_dump()
PROGRAM = {"program-of-thought": {"limits": BRIEF}}
FAMILY: dict[str, Strategy] = {
    name: Strategy.of_config({name: fields})
    for name, fields in {
        **{name: {} for name in STRATEGIES},
        "program-of-thought": {"limits": BRIEF},
        "self-refine": {"of": PROGRAM, "rounds": 1},
        "self-consistency": {"samples": 4},
        "best-of-n": {"samples": 4},
        "universal-self-consistency": {"samples": 4},
        "ensemble": {"members": ["chain-of-thought", PROGRAM], "samples": 4},
        "tree-of-thoughts": {"depth": 1, "breadth": 2, "proposals": 2},
    }.items()
}
PROGRAMS = ("program-of-thought", "self-refine")
GONE = Failure(kind="server_error", message="boom", retryable=True)

Fault = Callable[[Request, int], str | Completion]


def said(text: str, finish: str) -> Fault:
    return lambda request, index: Completion(index=0, text=text, finish=finish)  # type: ignore[arg-type]


FAULTS: dict[str, tuple[Fault, set[Status], set[Status]]] = {
    "no answer": (lambda request, index: "I would rather not say", {"no_answer"}, {"program_failed"}),
    "nothing at all": (lambda request, index: "", {"no_answer"}, {"no_answer"}),
    "truncated": (said("ans = 7\nThe answer is 7", "length"), {"truncated"}, {"truncated"}),
    "refused": (said("I cannot help. 7", "refusal"), {"refused"}, {"refused"}),
    "filtered": (said("", "content_filter"), {"filtered"}, {"filtered"}),
    "failed": (lambda request, index: Completion.failed(request, 0, GONE), {"failed"}, {"failed"}),
    "broken code": (lambda request, index: "```python\nans = price / zero\n```", {"no_answer"}, {"program_failed"}),
    "endless code": (lambda request, index: "while True: pass", {"no_answer"}, {"program_failed"}),
}
"""What the model does; how a path of words ends, and how one of programs does."""


def adds_up(result: Result) -> bool:
    """Whether the result's usage is that of all its paths' draws, and every path is either a vote or says why not."""
    draws = [c for path in result.paths for c in (*path.completions, *path.asides)]
    votes = sum(found.votes for found in result.tally.classes)
    return (
        result.usage == sum((c.usage for c in draws), NO_USAGE)
        and votes + result.tally.abstained == len(result.paths)
        and all((path.status == "ok") == (path.key is not None) for path in result.paths)
        and all(path.status == "ok" or path.reason for path in result.paths)
        and Result.model_validate_json(result.model_dump_json()) == result
    )


def expected(name: str, path: Path, words: set[Status], programs: set[Status]) -> set[Status]:
    written = name in PROGRAMS or (name == "ensemble" and path.member == 1)
    return programs if written else words


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("style", ["text", "chat"])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_model_at_fault_gives_no_answer_and_the_result_says_why(name: str, style: str, fault: str) -> None:
    script, words, programs = FAULTS[fault]
    result = FAMILY[name].solve(PROBLEM, scripted(script, style=style, prefill=True))
    assert result.answer is None
    assert result.stopped
    assert result.error is None
    for path in result.paths:
        assert path.status in expected(name, path, words, programs), path.reason
        assert path.answer is None
    assert adds_up(result)


def sound(request: Request, index: int) -> str:
    """Answers 7 in the form that is asked for, whichever it is."""
    asked = request.prompt if request.prompt is not None else str([m.content for m in request.messages])
    if "Python" in asked:
        return "KEEP" if "gave 7" in asked else "ans = 7"
    return "Score: 9. The answer is 7"


VOTING = [name for name, strategy in FAMILY.items() if strategy.width > 1]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", VOTING)
def test_a_vote_goes_on_without_the_paths_at_fault(name: str, fault: str) -> None:
    broken, words, programs = FAULTS[fault]

    def script(request: Request, index: int) -> str | Completion:
        return broken(request, index) if index == 0 and not request.sampling.greedy else sound(request, index)

    result = FAMILY[name].solve(PROBLEM, scripted(script, style="text"))
    assert result.answer == 7
    statuses = [path.status for path in result.paths]
    faulty = 2 if name == "ensemble" else 1
    greedy_conclusion = fault in {"no answer", "nothing at all", "broken code", "endless code"}
    for path in result.paths[:faulty]:
        mended = greedy_conclusion and not (name == "ensemble" and path.member == 1)
        assert path.status in ({"ok"} if mended else expected(name, path, words, programs))
    assert statuses[faulty:] == ["ok"] * (len(statuses) - faulty)
    assert adds_up(result)


NONSENSE: Sequence[str | Completion] = (
    "",
    "Wonderful!",
    "Score: 99",
    "Score: -3",
    "Response 0",
    "Response 12345678901234567890",
    Completion(index=0, finish="failed", failure=GONE),
    Completion(index=0, text="Score", finish="length"),
)


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
@pytest.mark.parametrize("name", ["best-of-n", "universal-self-consistency", "tree-of-thoughts"])
def test_a_judge_that_talks_nonsense_leaves_an_answer_of_some_path_and_is_paid_for(
    name: str, nonsense: str | Completion
) -> None:
    """Picks, grades and verdicts that cannot be read: the paths' own answers stand."""

    def script(request: Request, index: int) -> str | Completion:
        asked = request.prompt or request.messages[-1].content
        judged = any(words in asked for words in ("You grade a solution", "generated the following", "one word"))
        return nonsense if judged else f"The answer is {[3, 4, 4, 4][index]}"

    over = {} if name == "tree-of-thoughts" else {"of": "direct", "samples": 4}
    result = Strategy.of_config({name: over}).solve(PROBLEM, scripted(script, style="text", chat=False))
    assert result.answer == (4 if name == "universal-self-consistency" else 3)  # the plurality; else the first
    assert adds_up(result)
    assert result.degradations


def test_a_judges_draws_are_told_with_their_role_and_counted() -> None:
    seen: list[Event] = []
    judge = scripted(lambda request, index: "Score: 5")
    backend = scripted(lambda request, index: f"The answer is {index}", style="chat")
    result = FAMILY["best-of-n"].solve(PROBLEM, backend, backends={"judge": judge}, on_event=seen.append)
    roles = [event.role for event in seen if isinstance(event, DrawEvent)]
    assert roles.count("judge") == 4 == sum(len(path.asides) for path in result.paths)
    assert len(judge.calls) == 4
    assert adds_up(result)


@pytest.mark.parametrize("name", FAMILY)
def test_half_a_character_in_a_reply_breaks_neither_the_next_request_nor_the_result(name: str) -> None:
    asked: list[str] = []

    def script(request: Request, index: int) -> str:
        asked.append(request.model_dump_json())
        return f"ans = 7 # \ud83d\nThe answer is 7 \ud83d, drawn as {index}."

    result = FAMILY[name].solve(PROBLEM, scripted(script))
    assert "\ufffd" in result.model_dump_json()
    assert asked

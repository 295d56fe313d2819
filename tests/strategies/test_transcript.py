"""Who judges a path is shown its reasoning, whatever the number of calls it took."""

from collections.abc import Callable

import pytest
from solving import scripted

from reasoning.completion import Completion
from reasoning.problem import Problem
from reasoning.request import Request
from strategies.best_of_n import BestOfN
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.judging import Judged
from strategies.least_to_most import LeastToMost
from strategies.path import Path
from strategies.self_consistency import SelfConsistency
from strategies.self_refine import SelfRefine
from strategies.transcript import MOST_THOUGHTS, transcript
from strategies.universal_self_consistency import UniversalSelfConsistency

PROBLEM = Problem(id="half", question="What is half of 34?")
THOUGHT = "Half of 34 is 17, since 17 and 17 are 34, so there it is"


def asked_text(request: Request) -> str:
    return request.prompt or "\n".join(message.content for message in request.messages)


def two_stages(judged: Callable[[str], str]) -> Callable[[Request, int], str]:
    """A model that thinks in a first call and concludes in a second; what it says as a judge is given."""

    def reply(request: Request, index: int) -> str:
        text = asked_text(request)
        if "grade a solution" in text or "following responses" in text:
            return judged(text)
        if "Therefore, the answer" in text:
            return " 18." if "(1)" in text else " 17."
        return f"{THOUGHT} ({index})"

    return reply


@pytest.mark.parametrize("style", ["chat", "text"])
def test_a_judge_sees_the_thought_and_not_only_the_conclusion(style: str) -> None:
    seen: list[str] = []
    backend = scripted(two_stages(lambda text: seen.append(text) or "Score: 8"), style=style)
    BestOfN(of=ChainOfThought(stages="two"), samples=2).solve(PROBLEM, backend)
    assert len(seen) == 2
    for index, text in enumerate(seen):
        assert f"{THOUGHT} ({index})" in text
        assert "Therefore, the answer (arabic numerals) is" in text
        assert text.count(PROBLEM.question) == 1


@pytest.mark.parametrize("style", ["chat", "text"])
def test_the_model_that_picks_sees_the_thoughts_of_all_responses(style: str) -> None:
    seen: list[str] = []
    pick = two_stages(lambda text: seen.append(text) or "The most consistent response is Response 2")
    result = UniversalSelfConsistency(of=ChainOfThought(stages="two"), samples=2).solve(
        PROBLEM, scripted(pick, style=style)
    )
    assert result.answer == 18
    [text] = seen
    assert f"Response 1: {THOUGHT} (0)" in text
    assert f"Response 2: {THOUGHT} (1)" in text


def test_a_thinking_models_own_thoughts_are_shown_to_a_judge() -> None:
    seen: list[str] = []

    def reply(request: Request, index: int) -> Completion | str:
        if "grade a solution" in asked_text(request):
            seen.append(asked_text(request))
            return "Score: 8"
        return Completion(index=index, text="The answer is 17.", reasoning=f"{'Hm. ' * 9000}It is half.")

    backend = scripted(reply, thinks=True, reasoning=True, style="chat", text=False)
    SelfConsistency(of=ChainOfThought(), samples=1, vote=Judged()).solve(PROBLEM, backend)
    [text] = seen
    assert "It is half.\n\nThe answer is 17." in text
    assert MOST_THOUGHTS < len(text) < MOST_THOUGHTS + 1000


def test_smaller_questions_and_their_answers_are_part_of_the_path() -> None:
    def reply(request: Request, index: int) -> str:
        text = asked_text(request)
        if "Which smaller questions" in text:
            return "What is 30 halved?"
        return "It is 15." if "answer this only" in text else "The answer is 17."

    backend = scripted(reply, style="chat", text=False)
    path = LeastToMost().solve(PROBLEM, backend).paths[0]
    shown = transcript(PROBLEM, path)
    assert "Q: What is 30 halved?\nA: It is 15." in shown
    assert shown.endswith("The answer is 17.")


def test_one_call_is_shown_as_it_is() -> None:
    path = Path.read(PROBLEM, 0, (Completion(index=0, text=" The answer is 17.\n"),))
    assert transcript(PROBLEM, path) == "The answer is 17."
    assert transcript(PROBLEM, Path.without_answer(0, "abandoned", "late")) == ""


def test_plain_text_is_shown_as_it_was_written() -> None:
    backend = scripted(two_stages(lambda text: ""), style="text")
    path = ChainOfThought().solve(PROBLEM, backend).paths[0]
    assert transcript(PROBLEM, path) == f"{THOUGHT} (0)\nTherefore, the answer (arabic numerals) is 17."


def test_a_second_look_has_the_room_of_the_first_and_not_of_the_conclusion() -> None:
    backend = scripted(two_stages(lambda text: ""), style="text")
    SelfRefine(of=ChainOfThought(), rounds=1).solve(PROBLEM, backend)
    first, conclusion, look = (request for request, _ in backend.calls)
    assert conclusion.sampling.max_tokens == 64
    assert look.sampling == first.sampling
    assert THOUGHT in (look.prompt or "")


def test_a_direct_answer_is_judged_by_its_text() -> None:
    seen: list[str] = []
    backend = scripted(two_stages(lambda text: seen.append(text) or "Score: 8"), style="chat")
    SelfConsistency(of=Direct(), samples=1, vote=Judged()).solve(PROBLEM, backend)
    assert f"Solution:\n{THOUGHT} (0)\n\nAnswer: " in seen[0]

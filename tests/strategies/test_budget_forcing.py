"""Budgets are forced inside the thoughts of a model that thinks, and it is said where they cannot be."""

from typing import Any

from solving import scripted

from reasoning.backends.opening import open_backend
from reasoning.completion import Completion
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.usage import Usage
from strategies.budget_forcing import BudgetForcing

PROBLEM = Problem(id="half", question="What is half of 34?")
ABLE: dict[str, Any] = {"style": "chat", "text": False, "prefill": True, "reasoning": True}


def said(request: Request, index: int, text: str, reasoning: str | None = None, tokens: int = 10) -> Completion:
    return Completion(index=index, text=text, reasoning=reasoning, usage=Usage(completion_tokens=tokens))


def thinker(request: Request, index: int) -> Completion:
    """Thinks of 16, then of 17 when it is told to wait; and answers by its last thought."""
    prefill = request.prefill
    assert prefill is not None
    if "</think>" in prefill:
        return said(request, index, " 17." if "17" in prefill else " 16.", tokens=3)
    return said(request, index, "", " no, 17 and 17 are 34" if prefill.endswith("Wait,") else "Is it 16?")


def test_a_wait_is_put_inside_the_thoughts_and_the_answer_behind_them() -> None:
    backend = scripted(thinker, thinks=True, prefill_thoughts=True, **ABLE)
    result = BudgetForcing(waits=1).solve(PROBLEM, backend)
    assert (result.answer, result.degradations) == (17, ())
    prefills = [request.prefill for request, _ in backend.calls]
    assert prefills == [
        "<think>\n",
        "<think>\nIs it 16?\nWait,",
        "<think>\nIs it 16?\nWait, no, 17 and 17 are 34\n</think>\n\nFinal answer:",
    ]
    assert [request.sampling.max_tokens for request, _ in backend.calls] == [1024, 1014, 64]
    assert all("</think>" in request.sampling.stop for request, _ in backend.calls[:-1])
    assert "step by step" in backend.calls[0][0].messages[0].content


def test_without_waits_the_first_thought_stands() -> None:
    backend = scripted(thinker, thinks=True, prefill_thoughts=True, **ABLE)
    assert BudgetForcing(waits=0).solve(PROBLEM, backend).answer == 16


def test_at_the_end_of_the_budget_the_answer_is_asked_for() -> None:
    def reply(request: Request, index: int) -> Completion:
        if "</think>" in (request.prefill or ""):
            return said(request, index, " 16.")
        cut = said(request, index, "", "Is it 16, or is it", tokens=request.sampling.max_tokens or 0)
        return cut.model_copy(update={"finish": "length"})

    backend = scripted(reply, thinks=True, prefill_thoughts=True, **ABLE)
    result = BudgetForcing(waits=3, budget=20).solve(PROBLEM, backend)
    assert result.answer == 16
    assert [request.sampling.max_tokens for request, _ in backend.calls] == [20, 64]


def test_where_thoughts_cannot_be_gone_on_from_the_budget_is_the_servers_and_it_is_said() -> None:
    backend = scripted(lambda r, i: said(r, i, "The answer is 17.", "Hm."), thinks=True, **ABLE)
    result = BudgetForcing(budget=300).solve(PROBLEM, backend)
    assert result.answer == 17
    [(request, _)] = backend.calls
    assert request.sampling.thinking_tokens == 300
    assert "no waits were forced" in result.degradations[0]


def test_a_model_that_turns_out_to_think_is_not_told_to_wait_behind_its_answer() -> None:
    backend = scripted(lambda r, i: said(r, i, "The answer is 17.", "Hm."), thinks=None, **ABLE)
    result = BudgetForcing(waits=4).solve(PROBLEM, backend)
    assert (result.answer, len(backend.calls)) == (17, 1)
    assert "no waits were forced" in result.degradations[0]


def test_the_embedded_model_goes_on_inside_its_thoughts() -> None:
    with open_backend("local", thinks=True) as backend:
        assert backend.capabilities.prefill_thoughts
        strategy = BudgetForcing(waits=1, budget=48, style="chat")
        [path] = strategy.solve(PROBLEM, backend).paths
    *thoughts, answer = path.completions
    assert [(one.text, one.reasoning is not None) for one in thoughts] == [("", True)] * len(thoughts)
    for one in (*thoughts, answer):
        assert one.rendered is not None
        assert one.request is not None
        assert one.rendered.endswith(f"<|im_start|>assistant\n{one.request.prefill}")
    assert sum(one.usage.completion_tokens for one in thoughts) <= 48
    assert answer.reasoning is None

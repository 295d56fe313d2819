"""What is asked of the model, in both forms."""

import pytest
from solving import PROBLEM, scripted

from reasoning.errors import ConfigError
from reasoning.message import assistant, system, user
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought, program_in
from strategies.scope import Scope

TEXT = scripted(lambda request, index: "", style="text")
CHAT = scripted(lambda request, index: "", style="chat")


def test_few_shot_text_ends_where_the_model_goes_on() -> None:
    request = ChainOfThought(shots="arithmetic", most_shots=1).ask(PROBLEM, TEXT)
    assert request.prompt is not None
    assert request.prompt.startswith("Q: Solve the following multiplication: 34 * 217.")
    assert request.prompt.endswith("The answer is 7378.\n\nQ: How many?\nA:")
    assert request.sampling.stop == ("\nQ:",)
    assert request.sampling.greedy


def test_few_shot_chat_is_turns() -> None:
    request = Direct(shots="arithmetic", most_shots=1, system="Be brief.").ask(PROBLEM, CHAT)
    question = "Solve the following multiplication: 34 * 217. Give only the result as your final answer."
    assert request.messages == (system("Be brief."), user(question), assistant("7378"), user("How many?"))
    assert request.sampling.stop == ()


def test_programs_follow_a_comment() -> None:
    request = ProgramOfThought(shots="arithmetic", most_shots=1).ask(PROBLEM, TEXT)
    assert request.prompt is not None
    assert request.prompt.endswith("\n# Python\nans = 34 * 217\n\nQ: How many?\n# Python\n")


def test_the_template_puts_the_question_and_leaves_its_braces_alone() -> None:
    request = Direct(template="{question} Answer in dollars.").ask(
        PROBLEM.model_copy(update={"question": "What is {x}?"}), TEXT
    )
    assert request.prompt == "Q: What is {x}? Answer in dollars.\nA:"


def test_an_empty_system_message_is_none() -> None:
    assert Direct(system="").ask(PROBLEM, CHAT).messages == (user("How many?"),)


def test_a_style_that_the_backend_has_not_is_refused() -> None:
    chat_only = scripted(lambda request, index: "", text=False)
    with pytest.raises(ConfigError, match="takes no text requests"):
        Direct(style="text").ask(PROBLEM, chat_only)


def test_a_strategy_that_is_gone_lends_its_request_to_no_other() -> None:
    scope = Scope(TEXT, PROBLEM.id)
    for number in range(50):
        asked = Direct(template=f"{number}: {{question}}").ask(PROBLEM, scope)
        assert asked.prompt == f"Q: {number}: How many?\nA:"


def test_a_reasoning_model_gets_room_to_think() -> None:
    thinker = scripted(lambda request, index: "", reasoning=True, thinks=True)
    assert Direct().ask(PROBLEM, thinker).sampling.max_tokens == 16384


def test_zero_shot_thinks_first_and_concludes_greedily() -> None:
    asked: list[Request] = []

    def script(request: Request, index: int) -> str:
        asked.append(request)
        return " 18. And so on: 3" if len(asked) == 2 else " 9 boxes of 2."

    result = ChainOfThought().solve(PROBLEM, scripted(script, style="text"))
    assert asked[0].prompt == "Q: How many?\nA: Let's think step by step."
    assert asked[1].prompt == f"{asked[0].prompt} 9 boxes of 2.\nTherefore, the answer (arabic numerals) is"
    assert result.answer == 18
    (path,) = result.paths
    assert path.span is not None
    assert path.text[slice(*path.span)].strip(" .") == "18"
    assert len(path.completions) == 2


def test_zero_shot_chat_concludes_in_a_second_turn() -> None:
    asked: list[Request] = []

    def script(request: Request, index: int) -> str:
        asked.append(request)
        return "18" if len(asked) == 2 else "Nine boxes of two."

    assert ChainOfThought().solve(PROBLEM, scripted(script)).answer == 18
    assert [message.role for message in asked[1].messages] == ["system", "user", "assistant", "user"]
    assert asked[1].messages[1].content.endswith("Let's think step by step.")


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("ans = 2", "ans = 2"),
        ("Sure!\n```python\nans = 2\n```\nThat is it.", "ans = 2"),
        ("```\nx = 1\n```\nBetter:\n```py\nans = 2\n```", "ans = 2"),
        ("```python\nans = 2", "ans = 2"),
        ("```python3\nans = 2\n```\nThat is it.", "ans = 2"),
        ("```python\nans = 2\n```\nIt prints:\n```\n2\n```", "ans = 2"),
        ("```\nx = 1\n```\nBetter:\n```\nans = 2\n```", "ans = 2"),
        ("```python\n```", ""),
        ("\n\n  ", ""),
        ("def solution():\n    return 2\n", "def solution():\n    return 2"),
    ],
)
def test_the_program_in_a_text(text: str, program: str) -> None:
    assert program_in(text) == program

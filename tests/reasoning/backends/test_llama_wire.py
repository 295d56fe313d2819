"""What llama.cpp's events say, read: the texts of tokens whose own were held back for a stop string."""

from typing import Any

import pytest

from reasoning.backends.llama_cpp.wire import Drawn, completion, entry_texts
from reasoning.message import assistant, user
from reasoning.request import Request
from reasoning.thoughts import Tags


def entry(id: int, let_out: str, *alternatives: tuple[int, str]) -> dict[str, Any]:
    return {"id": id, "token": let_out, "top_logprobs": [{"id": other, "token": text} for other, text in alternatives]}


@pytest.mark.parametrize(
    ("entries", "texts"),
    [
        ([entry(1, " and", (1, " and")), entry(2, " you", (2, " you"))], [" and", " you"]),
        ([entry(1, "", (1, " you")), entry(2, " you mix", (2, " mix"))], [" you", " mix"]),
        ([entry(1, "", (1, " you")), entry(2, " you mix", (9, " a"))], [" you", " mix"]),
        ([entry(1, "", (9, " a")), entry(2, " you mix", (2, " mix"))], [" you", " mix"]),
        ([entry(1, "", (1, " you")), entry(2, " yo", (2, " add"))], [" you", " add"]),
        ([entry(1, "", (9, " a")), entry(2, " you mix", (9, " a"))], [" you mix", ""]),
        ([entry(1, " é", (1, "\ufffd"))], [" é"]),
        ([entry(1, " so", (1, " so")), entry(2, "", (2, " you"))], [" so", " you"]),
    ],
    ids=[
        "let out at once",
        "held back, then let out with the next",
        "the next is none of the likeliest",
        "the held one is none of the likeliest",
        "cut in the middle by the stop string",
        "neither is known: the text is, in all",
        "the last part of a character",
        "held back to the end",
    ],
)
def test_a_tokens_text_is_its_own(entries: list[dict[str, Any]], texts: list[str]) -> None:
    assert entry_texts(entries) == texts


def drawn(*texts: str) -> Drawn:
    """A sample of one token an event, and an end token."""
    found = Drawn()
    for place, text in enumerate(texts, 1):
        end = {"stop_type": "eos", "tokens_evaluated": 9, "tokens_predicted": place + 1, "timings": {"cache_n": 0}}
        found.add({"content": text, "stop": place == len(texts), **end}, 0.1)
    return found


@pytest.mark.parametrize(
    ("rendered", "texts", "reasoning", "answer", "thought"),
    [
        ("<|user|>", ("<think>", "2 +", " 3", "</think>", "\n\n", "5"), "2 + 3", "5", 4),
        ("<|user|><think>\n", ("2 +", " 3"), "2 + 3", "", 2),
        ("<|user|><think>\n", ("2 +", " 3", "</think>", "5"), "2 + 3", "5", 3),
        ("<|user|>", ("It", " is", " 5"), None, "It is 5", 0),
    ],
)
def test_a_chats_thoughts_and_their_tokens_are_told_apart(
    rendered: str, texts: tuple[str, ...], reasoning: str | None, answer: str, thought: int
) -> None:
    shared = {"rendered": rendered}
    chat = Request(messages=(user("Add."),))
    found = completion(chat, 0, 1, True, drawn(*texts), None, shared, Tags())
    assert (found.reasoning, found.text, found.usage.reasoning_tokens) == (reasoning, answer, thought)
    assert found.usage.completion_tokens == len(texts) + 1
    for request, tags in ((chat, None), (Request(prompt="Add."), Tags())):
        plain = completion(request, 0, 1, True, drawn(*texts), None, {"rendered": None}, tags)
        assert (plain.reasoning, plain.text, plain.usage.reasoning_tokens) == (None, "".join(texts), 0)


def test_an_answer_goes_on_in_the_thoughts_that_its_prefill_left_open() -> None:
    request = Request(messages=(user("Add."), assistant("<think>2 +")))
    found = completion(request, 0, 1, True, drawn(" 3", "</think>", "5"), None, {"rendered": "<think>2 +"}, Tags())
    assert (found.reasoning, found.text) == ("3", "5")

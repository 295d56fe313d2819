"""What llama.cpp's events say, read: the texts of tokens whose own were held back for a stop string."""

from typing import Any

import pytest

from reasoning.backends.llama_cpp.wire import entry_texts


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

"""The transformers backend and chats: templates, prefills, reasoning text, and what cannot be put to a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_transformers import ask, draw, opened, run

from reasoning import Request, Sampling
from reasoning.backends.transformers import Transformers
from reasoning.message import assistant, user

pytestmark = pytest.mark.transformers


@pytest.fixture(scope="module")
def folder() -> Path:
    from model_folder import tiny_folder

    return tiny_folder("dense")


@pytest.fixture(scope="module")
def backend(folder: Path) -> Iterator[Transformers]:
    found = opened(folder)
    yield found
    run(found.aclose())


def test_a_chat_is_rendered_by_the_template_and_a_prefill_is_gone_on_from(backend: Transformers) -> None:
    few = Sampling(temperature=0.0, max_tokens=3)
    plain = draw(backend, Request(messages=(user("Say hi."),), sampling=few))[0]
    assert plain.rendered == "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"
    begun = draw(backend, Request(messages=(user("Count."), assistant("1, 2,")), sampling=few))[0]
    assert begun.rendered is not None
    assert begun.rendered.endswith("<|im_start|>assistant\n1, 2,")
    as_text = draw(backend, ask(plain.rendered, temperature=0.0, max_tokens=3))[0]
    assert (as_text.text, as_text.rendered) == (plain.text, None)


def test_a_model_without_a_template_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    from model_folder import without_template

    backend = opened(without_template(folder, tmp_path / "bare"))
    can = backend.capabilities
    assert (can.chat, can.style, can.prefill) == (False, "text", False)
    failure = draw(backend, Request(messages=(user("Say hi."),)))[0].failure
    run(backend.aclose())
    assert failure is not None
    assert failure.kind == "unsupported"
    assert "style=text" in failure.message
    assert "chat_template" in failure.message


def test_a_template_and_its_arguments_can_be_given(folder: Path) -> None:
    template = "{% if not calm %}!{% endif %}{{ messages[0].content }}|"
    backend = opened(folder, chat_template=template, template_args={"calm": False})
    calm = opened(folder, chat_template=template, template_args={"calm": True})
    request = Request(messages=(user("Say hi."),), sampling=Sampling(temperature=0.0, max_tokens=1))
    assert draw(backend, request)[0].rendered == "!Say hi.|"
    assert draw(calm, request)[0].rendered == "Say hi.|"
    assert backend.identity != calm.identity
    refusing = opened(folder, chat_template="{{ raise_exception('no such role') }}")
    failure = draw(refusing, request)[0].failure
    assert failure is not None
    assert "no such role" in failure.message
    for one in (backend, calm, refusing):
        run(one.aclose())


def test_reasoning_that_the_template_opens_is_no_answer(folder: Path) -> None:
    backend = opened(folder, chat_template="{{ messages[0].content }}\n<think>\n")
    assert backend.capabilities.reasoning
    request = Request(messages=(user("Say hi."),), sampling=Sampling(temperature=1.0, max_tokens=20))
    completions = draw(backend, request, range(4))
    run(backend.aclose())
    for completion in completions:
        assert (completion.text, bool(completion.reasoning)) == ("", True)
        ended = completion.finish == "stop"  # by an end token, which is no thought
        assert completion.usage.reasoning_tokens == completion.usage.completion_tokens - ended


def test_open_thoughts_are_gone_on_from_whatever_the_template_does_with_them(folder: Path) -> None:
    """Templates leave the thoughts of a last turn out, or close them: they are put behind where the model begins."""
    few = Sampling(temperature=0.0, max_tokens=2)
    messages = (user("Say hi."), assistant("<think>\nHm.\nWait,"))
    for opening in ("", "<think>\n"):
        backend = opened(folder, chat_template="{{ messages[0].content }}|" + opening)
        assert backend.capabilities.thinks is bool(opening)
        assert backend.capabilities.prefill_thoughts
        [completion] = draw(backend, Request(messages=messages, sampling=few))
        run(backend.aclose())
        assert completion.rendered == "Say hi.|<think>\nHm.\nWait,"
        assert (completion.text, completion.reasoning is not None) == ("", True)


def test_a_reasoning_effort_that_is_not_passed_on_is_on_record(backend: Transformers) -> None:
    assert "reasoning effort" in draw(backend, ask(max_tokens=1, effort="low"))[0].degradations[0]
    assert "reasoning effort" in run(backend.explain(ask(effort="low"))).notes[0]
    assert draw(backend, ask(max_tokens=1))[0].degradations == ()


def test_prompts_that_have_no_tokens_fail_alone(backend: Transformers) -> None:
    for prompt in ("", "a\ud83d"):
        failure = draw(backend, ask(prompt))[0].failure
        assert failure is not None
        assert (failure.kind, failure.retryable) == ("unsupported", False)

"""The three APIs: how a request is put to each, and how its answer is read."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any, Literal, Protocol

from reasoning.backends.openai.answer import UNREAD_LOGPROBS, Answer, Broken, MalformedError, Sample
from reasoning.backends.openai.fields import (
    CALLED_A_TOOL,
    NO_REASON,
    THOUGHTS_ALONE,
    Content,
    content_of,
    finish_of,
    is_error,
    logprobs_of,
    number,
    text_of,
    thoughts_of,
    usage_of,
    words_of,
)
from reasoning.backends.openai.form import Form
from reasoning.completion import Finish
from reasoning.request import Request
from reasoning.thoughts import Tags

Json = Mapping[str, Any]
Prefill = Literal["no", "trailing", "vllm"]


class Shape(Protocol):
    """One API of the three."""

    path: str

    def fill(self, form: Form, request: Request, n: int, seed: int | None) -> None:
        """Puts a request into a form."""
        ...

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """Reads the samples of an answer, in order.

        Raises:
            MalformedError: The answer is not of this API's form.
        """
        ...


def read(shape: Shape, body: Json, request: Request, tags: Tags | None, limit: int | None) -> Answer:
    """Reads an answer.

    Args:
        shape: The API that it came by.
        body: It.
        request: What was asked.
        tags: By which a chat's thoughts are known; None where they stay in the text.
        limit: The most tokens to write, as they were sent.

    Raises:
        MalformedError: It is not of the API's form, or holds no sample.
    """
    found = shape.samples(body, request)
    usage, notes = usage_of(body.get("usage"))
    if len(found) == 1 and NO_REASON in found[0].degradations and usage and usage.completion_tokens >= (limit or inf):
        found = [replace(found[0], finish="length")]
    samples = tuple(
        replace(sample, degradations=(*sample.degradations, *notes)).finished(request, tags) for sample in found
    )
    # llama.cpp counts the tokens of one sample only; it is known by its timings.
    trusted = len(samples) == 1 or "timings" not in body
    return Answer(samples, usage, trusted, text_of(body.get("model")), text_of(body.get("system_fingerprint")))


class Chat:
    """Chat Completions."""

    path = "/chat/completions"

    def __init__(self, prefill: Prefill = "no") -> None:
        self._prefill = prefill

    def fill(self, form: Form, request: Request, n: int, seed: int | None) -> None:
        """See `Shape.fill`."""
        sampling = request.sampling
        form.body["messages"] = _messages(form, request)
        if request.prefill is not None:
            self._go_on(form)
        form.put_sampling(sampling)
        form.put_stop(sampling)
        form.put_limit()
        form.put("n", n if n > 1 else None)
        form.put("seed", seed, instead="the draw is unseeded")
        form.put("reasoning_effort", sampling.effort)
        form.put_thinking_budget(sampling)
        if sampling.logprobs is not None:
            form.put("logprobs", True, taken=not form.manners.reasoning)
            if "logprobs" in form.body:
                form.put("top_logprobs", sampling.logprobs or None)

    def _go_on(self, form: Form) -> None:
        if self._prefill == "vllm":
            form.body |= {"continue_final_message": True, "add_generation_prompt": False}
        elif self._prefill == "no":
            form.degradations.append("The model does not go on from an assistant message: it stands as a past turn.")

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """See `Shape.samples`."""
        return _of_choices(body, request.sampling.logprobs)


class Text:
    """Completions: plain text."""

    path = "/completions"

    def fill(self, form: Form, request: Request, n: int, seed: int | None) -> None:
        """See `Shape.fill`."""
        sampling = request.sampling
        form.body["prompt"] = request.prompt
        if request.prompt is None:
            form.body["prompt"] = "\n\n".join(message.content for message in request.messages)
            form.degradations.append("The model takes no chat: the messages were sent as one text.")
        form.put_sampling(sampling)
        form.put_stop(sampling)
        form.put("max_tokens", form.limit)
        form.put("n", n if n > 1 else None)
        form.put("seed", seed, instead="the draw is unseeded")
        form.put("reasoning_effort", sampling.effort, taken=False)
        form.put("thinking_tokens", sampling.thinking_tokens, taken=False)
        if sampling.logprobs is not None:
            most = min(sampling.logprobs, 5) if form.manners.openai else sampling.logprobs
            if most < sampling.logprobs:
                form.degradations.append(f"Only {most} alternatives a token are given for plain text.")
            form.put("logprobs", max(most, 1))  # llama.cpp takes 0 for none at all

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """See `Shape.samples`."""
        return _of_choices(body, request.sampling.logprobs)


class Responses:
    """OpenAI's Responses API: one sample a request, no seed, no stop strings."""

    path = "/responses"

    def __init__(self, summary: str | None = None) -> None:
        self._summary = summary

    def fill(self, form: Form, request: Request, n: int, seed: int | None) -> None:
        """See `Shape.fill`."""
        sampling = request.sampling
        form.body |= {"input": _messages(form, request), "store": False}
        if request.prefill is not None:
            form.degradations.append("The model does not go on from an assistant message: it stands as a past turn.")
        form.put_sampling(sampling)
        form.put_stop(sampling, taken=False)
        form.put_output_limit()
        form.put("seed", seed, taken=False, instead="the draw is unseeded")
        refused = form.manners.refused
        wanted = {"effort": sampling.effort, "summary": self._summary}
        reasoning = {name: value for name, value in wanted.items() if value and f"reasoning.{name}" not in refused}
        form.put("reasoning", reasoning or None)
        form.put("thinking_tokens", sampling.thinking_tokens, taken=False)
        form.degradations += [
            f"reasoning.{name} is not taken: not sent." for name in wanted.keys() - reasoning if wanted[name]
        ]
        if sampling.logprobs is not None:
            form.put("include", ["message.output_text.logprobs"], taken=not form.manners.reasoning)
            if "include" in form.body:
                form.put("top_logprobs", sampling.logprobs or None)

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """See `Shape.samples`."""
        output = body.get("output")
        items = [item for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []
        said = [item.get("content") for item in items if item.get("type") == "message"]
        parts = [part for content in said for part in (content if isinstance(content, list) else [content])]
        thoughts = [words_of(item) for item in items if item.get("type") == "reasoning"]
        status = body.get("status")
        finish, notes = finish_of(body.get("incomplete_details") or status)
        if status in ("queued", "in_progress") or finish == "failed":
            return [_broken(f"broke the reply off (status {status!r})", body.get("error"))]
        try:
            content = content_of(parts or None)
        except ValueError as error:
            raise MalformedError(str(error)) from error
        entries = [entry for part in parts if isinstance(part, Mapping) for entry in part.get("logprobs") or ()]
        reasoning = text_of("\n\n".join(filter(None, thoughts))) or content.thoughts
        return [_sample(content, finish, notes, reasoning, entries, request.sampling.logprobs)]


def _messages(form: Form, request: Request) -> list[dict[str, str]]:
    if request.prompt is not None:
        form.degradations.append("The model takes no plain text prompt: it was sent as a user message.")
        return [{"role": "user", "content": request.prompt}]
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if "system message" not in form.manners.refused or not any(one["role"] == "system" for one in messages):
        return messages
    form.degradations.append(
        "A system message is not taken by this model or server: it heads the user's first message."
    )
    system = [one["content"] for one in messages if one["role"] == "system"]
    others = [one for one in messages if one["role"] != "system"]
    first = next((one for one in others if one["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(system)}, *others]
    first["content"] = "\n\n".join([*system, first["content"]])
    return others


def _of_choices(body: Json, most: int | None) -> list[Sample]:
    """The samples in a list of choices, a chat's or plain text's: servers answer one API in the other's shape."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedError("it holds no choices")
    places = [number(choice.get("index")) if isinstance(choice, Mapping) else None for choice in choices]
    if None not in places:
        choices = [choices[at] for at in sorted(range(len(choices)), key=lambda at: places[at] or 0)]
    return [_of_choice(choice, most) for choice in choices]


def _of_choice(choice: object, most: int | None) -> Sample:
    if not isinstance(choice, Mapping):
        return _broken("sent a choice that is no object")
    message: Json = next((choice[name] for name in ("message", "delta") if isinstance(choice.get(name), Mapping)), {})
    finish, notes = finish_of(choice.get("finish_reason"))
    if is_error(choice.get("error")) or finish == "failed":
        return _broken(f"broke the reply off (finish reason {choice.get('finish_reason')!r})", choice.get("error"))
    try:
        content = content_of(message["content"] if message.get("content") is not None else choice.get("text"))
    except ValueError as error:
        return _broken(f"sent an answer that cannot be read: {error}")
    reasoning = thoughts_of(message) or content.thoughts
    return _sample(
        replace(content, refusal=text_of(message.get("refusal")) or content.refusal),
        finish,
        (*notes, *((CALLED_A_TOOL,) if message.get("tool_calls") or message.get("function_call") else ())),
        reasoning,
        choice.get("logprobs"),
        most,
    )


def _sample(
    content: Content, finish: Finish, notes: tuple[str, ...], reasoning: str | None, logprobs: object, most: int | None
) -> Sample:
    """A sample that its server finished; broken where it holds nothing at all and no reason for that."""
    text = content.refusal or content.text
    if text is None and finish == "stop" and reasoning is None and CALLED_A_TOOL not in notes:
        return _broken("sent an answer that cannot be read: it holds no text")
    alone = (THOUGHTS_ALONE,) if text is None and finish == "stop" and reasoning is not None else ()
    notes = (*notes, *content.notes, *alone)
    try:
        found = logprobs_of(logprobs, most or 0)
    except ValueError as error:
        found = None
        notes = (*notes, f"{UNREAD_LOGPROBS} {error}.") if most is not None else notes
    return Sample(text or "", "refusal" if content.refusal else finish, reasoning, found, notes)


def _broken(words: str, error: object = None) -> Sample:
    return Sample("", "failed", broken=Broken(words, error if is_error(error) else None))

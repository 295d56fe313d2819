"""The three APIs: how a request is put to each, and how its answer is read."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from reasoning.backends.openai.answer import (
    Answer,
    MalformedError,
    Sample,
    finish_of,
    logprobs_of,
    text_of,
    usage_of,
)
from reasoning.backends.openai.form import Form
from reasoning.completion import Finish, Logprobs
from reasoning.request import Request

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


def read(shape: Shape, body: Json, request: Request, *, think_tags: bool) -> Answer:
    """Reads an answer.

    Raises:
        MalformedError: It is not of the API's form, or holds no sample.
    """
    try:
        found = shape.samples(body, request)
        samples = tuple(sample.finished(request, think_tags=think_tags) for sample in found)
        usage = usage_of(body.get("usage"))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MalformedError(f"{type(error).__name__}: {error}") from error
    if not samples:
        raise MalformedError("it holds no choices")
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
        form.put_limit(sampling)
        form.put("n", n if n > 1 else None)
        form.put("seed", seed, instead="the draw is unseeded")
        form.put("reasoning_effort", sampling.effort)
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
        return [self._sample(choice, request.sampling.logprobs or 0) for choice in _choices(body)]

    @staticmethod
    def _sample(choice: Json, most: int) -> Sample:
        message = choice["message"]
        refusal = text_of(message.get("refusal"))
        text, thoughts = _content(message.get("content"))
        reasoning = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning")) or text_of(thoughts)
        logprobs = (choice.get("logprobs") or {}).get("content")
        return Sample(
            text=refusal or text,
            finish="refusal" if refusal else _finish(choice),
            reasoning=reasoning,
            logprobs=logprobs_of(logprobs, most),
        )


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
        form.put("max_tokens", sampling.max_tokens)
        form.put("n", n if n > 1 else None)
        form.put("seed", seed, instead="the draw is unseeded")
        form.put("reasoning_effort", sampling.effort, taken=False)
        if sampling.logprobs is not None:
            most = min(sampling.logprobs, 5) if form.manners.openai else sampling.logprobs
            if most < sampling.logprobs:
                form.degradations.append(f"Only {most} alternatives a token are given for plain text.")
            form.put("logprobs", max(most, 1))  # llama.cpp takes 0 for none at all

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """See `Shape.samples`."""
        most = request.sampling.logprobs or 0
        return [
            Sample(text_of(choice["text"]) or "", _finish(choice), logprobs=_text_logprobs(choice, most))
            for choice in _choices(body)
        ]


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
        form.put_output_limit(sampling)
        form.put("seed", seed, taken=False, instead="the draw is unseeded")
        refused = form.manners.refused
        wanted = {"effort": sampling.effort, "summary": self._summary}
        reasoning = {name: value for name, value in wanted.items() if value and f"reasoning.{name}" not in refused}
        form.put("reasoning", reasoning or None)
        form.degradations += [
            f"reasoning.{name} is not taken: not sent." for name in wanted.keys() - reasoning if wanted[name]
        ]
        if sampling.logprobs is not None:
            form.put("include", ["message.output_text.logprobs"], taken=not form.manners.reasoning)
            if "include" in form.body:
                form.put("top_logprobs", sampling.logprobs or None)

    def samples(self, body: Json, request: Request) -> list[Sample]:
        """See `Shape.samples`."""
        parts: list[Json] = []
        thoughts: list[str] = []
        for item in body["output"]:
            if item["type"] == "message":
                parts += item["content"]
            elif item["type"] == "reasoning":
                thoughts += [part["text"] for part in item.get("summary") or item.get("content") or []]
        if not parts and body.get("status") not in ("completed", "incomplete"):
            raise MalformedError(f"the response's status is {body.get('status')!r}")
        refusal = "".join(part["refusal"] for part in parts if part["type"] == "refusal")
        entries = [entry for part in parts for entry in part.get("logprobs") or []]
        sample = Sample(
            text=refusal or "".join(part["text"] for part in parts if part["type"] == "output_text"),
            finish="refusal" if refusal else finish_of((body.get("incomplete_details") or {}).get("reason")),
            reasoning="\n\n".join(thoughts) or None,
            logprobs=logprobs_of(entries, request.sampling.logprobs or 0),
        )
        return [sample]


def _messages(form: Form, request: Request) -> list[dict[str, str]]:
    if request.prompt is not None:
        form.degradations.append("The model takes no plain text prompt: it was sent as a user message.")
        return [{"role": "user", "content": request.prompt}]
    return [{"role": message.role, "content": message.content} for message in request.messages]


def _content(content: object) -> tuple[str, str]:
    """The text and the reasoning of a message's content: a text, or a list of parts (Mistral's `ContentChunk`).

    Raises:
        ValueError: It is neither, or a part is of a kind that is no text.
    """
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise ValueError(f"the content {content!r} is no text")
    text, thoughts = "", ""
    for part in content:
        match part["type"]:
            case "text":
                text += part["text"]
            case "thinking":
                thoughts += _content(part["thinking"])[0]
            case "reference":  # the number of a source, not words
                continue
            case kind:
                raise ValueError(f"a part of kind {kind!r} is no text")
    return text, thoughts


def _choices(body: Json) -> list[Json]:
    choices: list[Json] = body["choices"]
    return sorted(choices, key=lambda choice: choice.get("index") or 0)


def _finish(choice: Json) -> Finish:
    reason = choice.get("finish_reason")
    if reason in ("error", "abort"):
        raise MalformedError(f"the server gave the sample up ({reason})")
    return finish_of(reason)


def _text_logprobs(choice: Json, most: int) -> Logprobs | None:
    """Both forms: parallel lists (OpenAI, vLLM), or those of a chat (llama.cpp)."""
    found = choice.get("logprobs")
    if not isinstance(found, dict):
        return None
    if "content" in found:
        return logprobs_of(found["content"], most)
    tops = found.get("top_logprobs") or [{}] * len(found["tokens"])
    top = tuple(tuple(sorted((t or {}).items(), key=lambda pair: -pair[1])[:most]) for t in tops)
    return Logprobs(
        tokens=tuple(found["tokens"]),
        values=tuple(float(value) for value in found["token_logprobs"]),
        top=top if any(top) else (),
    )

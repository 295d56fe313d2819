"""An answer of a server in one form, whichever API it came by."""

from dataclasses import dataclass, replace
from typing import Any

from reasoning.backends.llama_cpp.wire import entry_texts
from reasoning.backends.thoughts import split_thoughts
from reasoning.completion import Completion, Finish, Logprobs
from reasoning.request import Request
from reasoning.usage import Usage


class MalformedError(Exception):
    """The answer is not of the API's form; never leaves this package."""


@dataclass(frozen=True)
class Sample:
    """One of the texts in an answer."""

    text: str
    finish: Finish
    reasoning: str | None = None
    logprobs: Logprobs | None = None
    degradations: tuple[str, ...] = ()

    def finished(self, request: Request, *, think_tags: bool) -> "Sample":
        """With reasoning text and prefill apart, cut at the stop strings, and what did not come on the record."""
        sample = self._without_thoughts() if think_tags and request.messages else self
        if request.prefill:  # llama.cpp says it back, vLLM does not
            sample = replace(sample, text=sample.text.removeprefix(request.prefill))
        sample = sample._cut(request.sampling.stop)._only_the_texts_tokens()
        if request.sampling.logprobs is None or sample.logprobs is not None or not sample.text:
            return sample
        return replace(sample, degradations=(*sample.degradations, "No log-probabilities came back."))

    def _without_thoughts(self) -> "Sample":
        """The sample with `<think>…</think>` taken off the start of its text."""
        if self.reasoning is not None:
            return self
        reasoning, text = split_thoughts(self.text)
        return self if text == self.text else replace(self, reasoning=reasoning, text=text)

    def _cut(self, stop: tuple[str, ...]) -> "Sample":
        ends = [at for at in (self.text.find(mark) for mark in stop if mark) if at >= 0]
        if not ends:
            return self
        text = self.text[: min(ends)]
        return replace(self, text=text, finish="stop", logprobs=_cut_logprobs(self.logprobs, self.text, len(text)))

    def _only_the_texts_tokens(self) -> "Sample":
        """Without the tokens behind the text, which some servers count in: of a stop string, or an end token's."""
        if self.logprobs is None:
            return self
        said = "".join(self.logprobs.tokens)
        if self.text != said and self.text.startswith(said):  # llama.cpp drops the tokens that a stop string cuts
            note = f"The last {len(self.text) - len(said)} characters came without log-probabilities."
            return replace(self, degradations=(*self.degradations, note))
        if self.text not in said:
            return self  # parts of characters, told as something else
        return replace(self, logprobs=_cut_logprobs(self.logprobs, self.text, len(self.text)))


def _cut_logprobs(logprobs: Logprobs | None, whole: str, length: int) -> Logprobs | None:
    """The tokens that begin within the first `length` characters of a text; reasoning may have come before it."""
    if logprobs is None:
        return None
    at = -max("".join(logprobs.tokens).find(whole), 0)
    kept = 0
    for token in logprobs.tokens:
        if at >= length:
            break
        at += len(token)
        kept += 1
    return Logprobs(tokens=logprobs.tokens[:kept], values=logprobs.values[:kept], top=logprobs.top[:kept])


@dataclass(frozen=True)
class Answer:
    """What a server answered to one request.

    Attributes:
        samples: The texts, in order.
        usage: Tokens of the whole request; None where the server gave none.
        trusted: False where the completion tokens are known not to be those of all samples.
        model: The model's name as the server has it.
        fingerprint: Its system fingerprint.
    """

    samples: tuple[Sample, ...]
    usage: Usage | None
    trusted: bool
    model: str | None
    fingerprint: str | None

    def completion(self, place: int, index: int, request: Request, **more: Any) -> Completion:
        """The sample at a place as the draw of an index."""
        sample = self.samples[place]
        degradations = (*more.pop("degradations"), *sample.degradations)
        return Completion(
            index=index,
            text=sample.text,
            reasoning=sample.reasoning,
            finish=sample.finish,
            logprobs=sample.logprobs,
            model=self.model,
            fingerprint=self.fingerprint,
            degradations=degradations,
            request=request,
            **more,
        )


def text_of(value: object) -> str | None:
    """A text field: None where there is none, or an empty one."""
    return value if isinstance(value, str) and value else None


def finish_of(reason: object) -> Finish:
    """A finish reason in the words of `Completion.finish`."""
    if reason in ("length", "max_tokens", "max_output_tokens"):
        return "length"
    return "content_filter" if reason == "content_filter" else "stop"


def logprobs_of(entries: object, most: int) -> Logprobs | None:
    """Log-probabilities from a list of `{token, logprob, top_logprobs}`, with at most so many alternatives."""
    if not isinstance(entries, list) or not entries:
        return None
    top = tuple(
        tuple((str(one["token"]), float(one["logprob"])) for one in (entry.get("top_logprobs") or [])[:most])
        for entry in entries
    )
    held_back = all("id" in entry for entry in entries)  # llama.cpp tells ids
    return Logprobs(
        tokens=tuple(entry_texts(entries) if held_back else (str(entry["token"]) for entry in entries)),
        values=tuple(float(entry["logprob"]) for entry in entries),
        top=top if any(top) else (),
    )


def usage_of(usage: object) -> Usage | None:
    """Usage in the words of any of the three APIs; None where there is none."""
    if not isinstance(usage, dict):
        return None
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    if not isinstance(read, int) or not isinstance(written, int):
        return None
    read_details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    written_details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        reasoning_tokens=min(written_details.get("reasoning_tokens") or 0, written),
        cached_tokens=min(read_details.get("cached_tokens") or 0, read),
    )

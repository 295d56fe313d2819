"""An answer of a server in one form, whichever API it came by."""

from dataclasses import dataclass, replace
from typing import Any

from reasoning.completion import Completion, Finish, Logprobs
from reasoning.request import Request
from reasoning.thoughts import Tags
from reasoning.usage import Usage

UNREAD_LOGPROBS = "The log-probabilities could not be read:"


class MalformedError(Exception):
    """The answer is not of the API's form; never leaves this package."""


@dataclass(frozen=True)
class Broken:
    """Why a sample is no good text: it fails alone, whatever else the answer holds.

    Attributes:
        words: What is wrong, as the end of a sentence that begins with the server's address.
        error: The server's own error where it gave one within the answer.
    """

    words: str
    error: object = None


@dataclass(frozen=True)
class Sample:
    """One of the texts in an answer; with `broken`, none."""

    text: str
    finish: Finish
    reasoning: str | None = None
    logprobs: Logprobs | None = None
    degradations: tuple[str, ...] = ()
    broken: Broken | None = None

    def finished(self, request: Request, tags: Tags | None) -> "Sample":
        """With reasoning text and prefill apart, cut at the stop strings, and what did not come on the record."""
        if self.broken:
            return self
        sample = self
        if request.prefill:  # llama.cpp says it back, vLLM does not
            sample = replace(sample, text=sample.text.removeprefix(request.prefill))
        if tags is not None and request.messages:
            sample = sample._without_thoughts(tags, opened=tags.opened_by(None, request.prefill))
        sample = sample._cut(request.sampling.stop)._only_the_texts_tokens()
        if request.sampling.logprobs is None or sample.logprobs is not None or not sample.text:
            return sample
        if any(note.startswith(UNREAD_LOGPROBS) for note in sample.degradations):
            return sample
        return replace(sample, degradations=(*sample.degradations, "No log-probabilities came back."))

    def _without_thoughts(self, tags: Tags, *, opened: bool) -> "Sample":
        """The sample with what its tags mark as thoughts moved out of its text."""
        found = tags.split(self.text, opened=opened and self.reasoning is None)
        if not found.spans:
            return self
        apart, marked = self.reasoning, found.reasoning
        both = f"{apart}\n\n{marked}" if apart and marked and marked not in apart else apart or marked
        return replace(self, reasoning=both, text=found.answer)

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

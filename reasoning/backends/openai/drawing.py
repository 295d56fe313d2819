"""From an answer's samples, or the lack of an answer, to draws."""

from dataclasses import dataclass

from reasoning.backends.openai import faults
from reasoning.backends.openai.answer import Answer, Broken
from reasoning.backends.openai.faults import Scrubber, Trouble
from reasoning.backends.openai.tokens import usages
from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage


@dataclass(frozen=True)
class Drawing:
    """The draws that one request to a server asked for.

    Attributes:
        request: What was asked.
        indices: The draw indices, in the order of the samples.
        seed: The first draw's seed; the others follow it. None where they are unseeded.
        notes: What could not be asked as wanted.
        latency_s: Seconds to the answer.
        limit: The most tokens that were asked for.
    """

    request: Request
    indices: list[int]
    seed: int | None
    notes: tuple[str, ...]
    latency_s: float
    limit: int | None

    def completions(self, answer: Answer) -> tuple[dict[int, Completion], dict[int, tuple[Broken, Usage]]]:
        """The good samples as draws, and why the others are broken, with what they were billed; by index."""
        completions: dict[int, Completion] = {}
        broken: dict[int, tuple[Broken, Usage]] = {}
        sent = self.request.sampling.model_copy(update={"max_tokens": self.limit})
        used = usages(answer, self.request.model_copy(update={"sampling": sent}))
        for place, index in enumerate(self.indices):
            usage, billed = used[place]
            why = answer.samples[place].broken
            if why is not None:
                broken[index] = why, billed or usage
                continue
            completions[index] = answer.completion(
                place,
                index,
                self.request,
                usage=usage,
                billed=billed,
                seed=self.seed + place if self.seed is not None else None,
                degradations=(*self.notes, *_beyond_the_budget(self.request, usage)),
                latency_s=self.latency_s,
            )
        return completions, broken


def _beyond_the_budget(request: Request, usage: Usage) -> tuple[str, ...]:
    """What goes on the record where the server takes a budget of thought and does not keep to it."""
    budget = request.sampling.thinking_tokens
    if budget is None or usage.reasoning_tokens <= budget * 1.1 + 32:
        return ()
    return (f"thinking_tokens={budget} was not kept to: {usage.reasoning_tokens} tokens of thought came.",)


def of_broken(why: Broken, where: str, sent: str, scrub: Scrubber) -> Trouble:
    """What a broken sample means.

    Args:
        why: Why it is broken.
        where: The endpoint.
        sent: What was sent where, e.g. `"POST /chat/completions"`.
        scrub: Takes credentials out.
    """
    if why.error is None:
        return Trouble("malformed", f"{where} {scrub(why.words, 200)}.")
    return faults.of_status(where, 200, {}, {"error": why.error}, scrub, sent)


def without_answer(
    trouble: Trouble, request: Request, index: int, latency_s: float, usage: Usage = NO_USAGE
) -> Completion:
    """The draw that a filter refused, or that failed."""
    if trouble.verdict == "content_filter":
        note = (trouble.message,)
        return Completion(
            index=index, finish="content_filter", usage=usage, latency_s=latency_s, degradations=note, request=request
        )
    return Completion.failed(request, index, trouble.failure.model_copy(update={"usage": usage}), latency_s)


def shows_thoughts(completion: Completion) -> bool:
    """Whether a reply shows that its model thinks: by its thoughts, their count, or a limit that left no answer."""
    cut_before_the_answer = completion.finish == "length" and not completion.text.strip()
    return completion.reasoning is not None or completion.usage.reasoning_tokens > 0 or cut_before_the_answer


def once_more(cut: Completion, drawn: Completion) -> Completion:
    """A draw that was cut in its thoughts and drawn again: it cost both, alone too, for nobody knew before."""
    billed = None if cut.billed is drawn.billed is None else (drawn.billed or drawn.usage) + (cut.billed or cut.usage)
    both = {"usage": drawn.usage + cut.usage, "billed": billed}
    if drawn.failure is not None:
        failure = drawn.failure.model_copy(update={"usage": drawn.failure.usage + cut.usage})
        return drawn.model_copy(update={**both, "failure": failure})
    note = (
        f"The model thinks, and its thoughts used up the {cut.usage.completion_tokens} tokens that it was given: drawn "
        "again with room for them. The option thinks=true spares the first try."
    )
    return drawn.model_copy(update={**both, "degradations": (*drawn.degradations, note)})

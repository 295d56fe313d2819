"""Between a draw on the engine's thread and the completion that a caller waits for."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reasoning.backends.billing import billed_in_call
from reasoning.backends.transformers.prompts import Prompt
from reasoning.backends.transformers.rows import Entry, Row
from reasoning.backends.transformers.texts import Texts, cut
from reasoning.completion import Completion, Failure, Logprobs
from reasoning.request import Request
from reasoning.thoughts import Tags
from reasoning.usage import Usage


class Waiting:
    """A row's end, awaited on the loop that this is made on."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        self._latency_s: asyncio.Future[float] = self._loop.create_future()

    def tell(self, _row: Row) -> None:
        """Says, from any thread, that the row has ended."""
        latency_s = time.perf_counter() - self._started
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._set, latency_s)

    async def latency_s(self) -> float:
        """Waits for the end; seconds until then."""
        return await self._latency_s

    def _set(self, latency_s: float) -> None:
        if not self._latency_s.done():
            self._latency_s.set_result(latency_s)


@dataclass(frozen=True)
class Reader:
    """Reads completions out of rows.

    Attributes:
        texts: Reads tokens.
        ends: The token ids that end a text.
        tags: By which a chat's thoughts are known; None where they stay in the text.
        remedy: What to say of a context that is too small.
        shared: Fields that all completions have in common.
    """

    texts: Texts
    ends: frozenset[int]
    tags: Tags | None
    remedy: str
    shared: Mapping[str, Any]

    def completion(
        self, row: Row, request: Request, prompt: Prompt, index: int, *, first: bool, latency_s: float
    ) -> Completion:
        """The completion of a row that has ended.

        Args:
            row: It.
            request: What was asked.
            prompt: What the model read.
            index: The draw index.
            first: True for the sample of the call that is billed the prompt.
            latency_s: Seconds that it took.
        """
        usage = Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.tokens))
        if failure := self._failure(row, usage):
            return Completion.failed(request, index, failure, latency_s)
        said = row.tokens[:-1] if row.tokens[-1] in self.ends else row.tokens
        raw = cut(self.texts.text(said), row.stop)
        reasoning, text, thought = None, raw, 0
        if self.tags is not None and request.messages:
            found = self.tags.split(raw, opened=self.tags.opened_by(prompt.rendered, request.prefill))
            reasoning, text = found.reasoning, found.answer
            thought = sum(self._tokens_to(end, said) - self._tokens_to(start, said) for start, end in found.spans)
        usage = usage.model_copy(update={"reasoning_tokens": thought})
        return Completion(
            index=index,
            text=text,
            reasoning=reasoning,
            finish="stop" if row.end == "stop" else "length",
            logprobs=self._logprobs(said, row.entries, raw) if request.sampling.logprobs is not None else None,
            usage=usage,
            billed=billed_in_call(usage, first=first),
            latency_s=latency_s,
            seed=row.seed if request.sampling.seeded else None,
            rendered=prompt.rendered,
            degradations=row.notices,
            request=request,
            **self.shared,
        )

    def _failure(self, row: Row, usage: Usage) -> Failure | None:
        if row.failure is not None:
            return row.failure.model_copy(update={"usage": usage if row.tokens else row.failure.usage})
        if row.end != "context":
            return None
        message = (
            f"the context of {row.room} tokens ended after {usage.prompt_tokens} prompt and "
            f"{usage.completion_tokens} completion tokens{self.remedy}"
        )
        return Failure(kind="context_overflow", message=message, retryable=False, usage=usage)

    def _tokens_to(self, place: int, said: list[int]) -> int:
        """How many of these tokens it takes to write so many characters."""
        low, high = 0, len(said)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(self.texts.text(said[:middle])) >= place else (middle + 1, high)
        return low

    def _logprobs(self, said: list[int], entries: list[Entry], text: str) -> Logprobs:
        """Those of the tokens that the text begins in; a stop string's are cut with it."""
        tokens: list[str] = []
        left = len(text)
        for part in self.texts.parts(said):
            if left <= 0:
                break
            tokens.append(part)
            left -= len(part)
        kept = entries[: len(tokens)]
        top = tuple(tuple((self.texts.piece(token), value) for token, value in others) for _, others in kept)
        return Logprobs(tokens=tuple(tokens), values=tuple(value for value, _ in kept), top=top if any(top) else ())

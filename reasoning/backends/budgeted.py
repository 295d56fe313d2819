"""The spending layer: counts what is paid, and holds it within a limit."""

import asyncio
import collections
from collections.abc import Sequence

from reasoning.backends.backend import Backend, Scores
from reasoning.backends.landing import counting_requests, landed
from reasoning.backends.layer import Layer
from reasoning.budget import Amount, Budget, Ledger
from reasoning.completion import Completion
from reasoning.errors import ConfigError
from reasoning.pricing import Price, demand_price
from reasoning.request import Request
from reasoning.usage import Usage

TEMPLATE_TOKENS = 128
"""Tokens that a chat template may put around the messages of its own accord (a default system prompt, a date)."""
_SEEN = 1000  # completions that the 99th percentile is taken of
_LEAST_SEEN = 100
_BILL_UNKNOWN = frozenset({"timeout", "connection", "malformed", "cancelled"})


class _Requests:
    """Counts the requests of one call; the first one is reserved with the call."""

    def __init__(self, ledger: Ledger, budget: Budget | None) -> None:
        self._ledger, self._budget = ledger, budget
        self._ledger.count(calls=1)
        self._first = True

    def __call__(self) -> None:
        if self._first:
            self._first = False
            return
        if self._budget is not None:
            self._budget.one_more_call()
        self._ledger.count(calls=1)


class Budgeted(Layer):
    """Counts every call in a ledger, prices every draw, and asks a budget before it spends.

    Args:
        inner: What spends: a driver.
        ledger: Counts what is paid.
        budget: The limit, possibly shared with other backends; None for none.
        price: The model's price; None where it is unknown.

    Raises:
        ConfigError: The budget limits dollars, and the price is unknown.
    """

    def __init__(
        self, inner: Backend, ledger: Ledger, budget: Budget | None = None, price: Price | None = None
    ) -> None:
        if budget is not None and budget.limit.usd is not None:
            demand_price(price, inner.spec)
        super().__init__(inner)
        self.ledger, self.budget, self.price = ledger, budget, price
        self._seen: collections.deque[int] = collections.deque(maxlen=_SEEN)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            SpendLimitError: Not all of these draws fit into what is left, even with all in flight settled; those that
                did have landed.
            ConfigError: There is a limit in tokens or money, and the request does not limit its tokens.
        """
        if self.budget is None:
            return (await self._bought(request, indices, Amount()))[0]
        completions: list[Completion] = []
        while len(completions) < len(indices):
            rest = indices[len(completions) :]
            worst = self._worst(request)
            reservation = await self.budget.reserve(worst, len(rest))
            billed = reservation.amount  # unless the call tells better: a cancelled one may be billed in full
            try:
                got, billed = await self._bought(request, rest[: reservation.draws], worst)
            except Exception:
                billed = Amount(calls=reservation.amount.calls)  # refused as a whole: nothing is billed
                raise
            finally:
                self.budget.settle(reservation, billed)
            completions += got
            if len(completions) < len(indices):
                landed(got)  # the rest may not fit, be refused or be cancelled
        return completions

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`; a call like any other, of whose tokens nothing is known."""
        if self.budget is not None:
            self.budget.one_more_call()
        self.ledger.count(calls=1)
        return await super().score(request, texts)

    async def _bought(self, request: Request, indices: Sequence[int], worst: Amount) -> tuple[list[Completion], Amount]:
        """The draws, and what they may have cost."""
        requests = _Requests(self.ledger, self.budget)
        try:
            with counting_requests(requests):
                completions = await self.inner.complete(request, indices)
        except asyncio.CancelledError:
            self.ledger.count(cancelled=len(indices), unsure_tokens=len(indices) * _worst_tokens(request))
            raise
        total = Amount(calls=1)
        priced = []
        for completion in completions:
            priced.append(self._priced(completion))
            total = total.plus(self._settled(request, completion, worst))
        return priced, total

    def _settled(self, request: Request, completion: Completion, worst: Amount) -> Amount:
        """Enters a draw in the ledger; what it may have cost."""
        failure = completion.failure
        billed = completion.billed or completion.usage
        usd = self.price.cost(billed) if self.price is not None else None
        self.ledger.bill(billed, usd)
        if failure is None:
            self.ledger.count(draws=1)
            self._seen.append(completion.usage.completion_tokens)
        else:
            self.ledger.count(failed=1)
            if failure.kind in _BILL_UNKNOWN and not billed.total_tokens:
                self.ledger.count(unsure_tokens=_worst_tokens(request))
                return Amount(worst.tokens, worst.usd)
        return Amount(billed.total_tokens, usd or 0.0)

    def _priced(self, completion: Completion) -> Completion:
        if self.price is None or completion.failure is not None:
            return completion
        return completion.model_copy(update={"cost": self.price.cost(completion.usage)})

    def _worst(self, request: Request) -> Amount:
        """What one draw may cost at most, or at the 99th percentile where that is what is reserved."""
        assert self.budget is not None
        limit, most = self.budget.limit, request.sampling.max_tokens
        if most is None:
            if limit.tokens is None and limit.usd is None:
                return Amount(calls=1)
            raise ConfigError(
                "A spend limit needs to know the most tokens of a draw: set sampling.max_tokens, or limit calls only."
            )
        if limit.reserve == "p99" and len(self._seen) >= _LEAST_SEEN:
            most = min(most, sorted(self._seen)[len(self._seen) * 99 // 100])
        prompt = _prompt_bound(request)
        usd = self.price.cost(Usage(prompt_tokens=prompt, completion_tokens=most)) if self.price is not None else 0.0
        return Amount(prompt + most, usd, 1)


def _prompt_bound(request: Request) -> int:
    """At least as many tokens as the prompt has: its bytes, and what a template may add."""
    return request.prompt_bytes + TEMPLATE_TOKENS


def _worst_tokens(request: Request) -> int:
    return _prompt_bound(request) + (request.sampling.max_tokens or 0)

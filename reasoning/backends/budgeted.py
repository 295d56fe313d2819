"""The spending layer: counts what is paid, and holds it within a limit."""

import collections
from collections.abc import Sequence

from reasoning.backends import scoring
from reasoning.backends.backend import Backend, Scores
from reasoning.backends.billing import spent
from reasoning.backends.landing import billing, counting_requests, idle, landed, resume
from reasoning.backends.layer import Layer
from reasoning.budget import Amount, Budget, Ledger
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError, ConfigError, RunStopped, SpendLimitError, UsageError
from reasoning.pricing import Price, demand_price
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage

TEMPLATE_TOKENS = 128
"""Tokens that a chat template may put around the messages of its own accord (a default system prompt, a date)."""
UNPROVEN = 8
"""How many times the worst case is set aside until a reply has shown how the server counts."""
_SEEN = 1000  # completions that the 99th percentile is taken of
_LEAST_SEEN = 100
_BILL_UNKNOWN = frozenset({"timeout", "connection", "malformed", "cancelled"})


class _Call:
    """One call of the driver: the requests it makes, and what each of its draws costs, whenever that comes to light.

    Attributes:
        spent: What the call may have cost so far.
    """

    def __init__(self, layer: "Budgeted", request: Request, draws: int, worst: Amount) -> None:
        self._layer, self._request, self._draws, self._worst = layer, request, draws, worst
        self._landed: dict[tuple[int, bool], Completion] = {}
        self._requests = 0
        self.spent = Amount(calls=1)
        layer.ledger.count(calls=1)

    def requesting(self) -> None:
        """Counts a request; the first one is reserved with the call."""
        self._requests += 1
        if self._requests == 1:
            return
        if self._layer.budget is not None:
            self._layer.budget.one_more_call()
        self._layer.ledger.count(calls=1)

    def landed(self, completions: Sequence[Completion]) -> list[Completion]:
        """Bills each draw once, at the moment at which it is handed over first; gives them back priced."""
        return [self._billed(completion) for completion in completions]

    def ended(self, error: BaseException) -> None:
        """Settles the draws that an error kept from landing: in full, unless it is known that they were refused."""
        landed = sum(good for _, good in self._landed)
        rest = self._draws - len({index for index, _ in self._landed})
        if isinstance(error, SpendLimitError):  # those that were sent have landed (see the driver's fan-out)
            return
        refused = self._requests <= 1 or (isinstance(error, AuthenticationError) and not landed)
        if refused and isinstance(error, RunStopped | UsageError):
            return
        unsure = rest * _worst_tokens(self._request)
        kind = "failed" if isinstance(error, Exception) else "cancelled"
        self._layer.ledger.count(**{kind: rest, "unsure_tokens": unsure})
        self.spent = self.spent.plus(Amount(self._worst.tokens * rest, self._worst.usd * rest))

    def _billed(self, completion: Completion) -> Completion:
        key = (completion.index, completion.failure is None)
        if key not in self._landed:
            self.spent = self.spent.plus(self._layer.settled(self._request, completion, self._worst))
            self._landed[key] = self._layer.priced(completion)
        return self._landed[key]


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
        self._prompt_beyond = self._written_beyond = 0

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            SpendLimitError: Not all of these draws fit into what is left, even with all in flight settled; those that
                did have landed.
            ConfigError: There is a limit in tokens or money, and the request does not limit its tokens.
        """
        if self.budget is None:
            return await self._bought(_Call(self, request, len(indices), Amount()), request, indices)
        completions: list[Completion] = []
        while len(completions) < len(indices):
            rest = indices[len(completions) :]
            reservation = await self.budget.reserve(
                lambda: self._worst(request), len(rest), margin=self._margin, waiting=idle
            )
            worst = self._worst(request)
            call: _Call | None = None
            try:
                await resume()
                call = _Call(self, request, reservation.draws, worst)
                got = await self._bought(call, request, rest[: reservation.draws])
            finally:
                self.budget.settle(reservation, call.spent if call is not None else Amount())
            completions += got
            if len(completions) < len(indices):
                landed(got)  # the rest may not fit, be refused or be cancelled
        return completions

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`; each text is a draw whose tokens are all of its prompt."""
        bound = sum(_prompt_bound(scoring.as_request(request, text)) for text in texts)
        worst = Amount(bound, self._usd(Usage(prompt_tokens=bound)), 1)
        reservation = await self.budget.reserve(worst, 1) if self.budget is not None else None
        self.ledger.count(calls=1)
        spent = worst  # unless it is known better
        try:
            scores = await super().score(request, texts)
            usage = sum((one.usage for one in scores), NO_USAGE)
            self.ledger.bill(usage, self.price.cost(usage) if self.price is not None else None)
            self.ledger.count(draws=len(texts), unsure_tokens=0 if usage.total_tokens else bound)
            if usage.total_tokens:
                spent = Amount(usage.total_tokens, self._usd(usage), 1)
            return scores
        except (RunStopped, UsageError):
            spent = Amount(calls=1)  # refused as a whole
            raise
        except BaseException as error:
            kind = "failed" if isinstance(error, Exception) else "cancelled"
            self.ledger.count(**{kind: len(texts), "unsure_tokens": bound})
            raise
        finally:
            if self.budget is not None and reservation is not None:
                self.budget.settle(reservation, spent)

    async def _bought(self, call: _Call, request: Request, indices: Sequence[int]) -> list[Completion]:
        try:
            with counting_requests(call.requesting), billing(call.landed):
                completions = await self.inner.complete(request, indices)
        except BaseException as error:
            call.ended(error)
            raise
        return call.landed(completions)

    def settled(self, request: Request, completion: Completion, worst: Amount) -> Amount:
        """Enters a draw in the ledger; what it may have cost."""
        failure = completion.failure
        billed = spent(completion, request)
        usd = self.price.cost(billed) if self.price is not None else None
        self.ledger.bill(billed, usd)
        if failure is None:
            self.ledger.count(draws=1)
            self._seen.append(billed.completion_tokens)
            self._learn(request, billed)
        else:
            self.ledger.count(failed=1)
            if failure.kind in _BILL_UNKNOWN and not billed.total_tokens:
                self.ledger.count(unsure_tokens=_worst_tokens(request))
                return Amount(worst.tokens, worst.usd)
        return Amount(billed.total_tokens, usd or 0.0)

    def priced(self, completion: Completion) -> Completion:
        """A draw with its price, where that is known."""
        if self.price is None or completion.failure is not None:
            return completion
        return completion.model_copy(update={"cost": self.price.cost(completion.usage)})

    def _learn(self, request: Request, billed: Usage) -> None:
        """Notes how far the server goes beyond the worst case: some add a prompt, or think on top of `max_tokens`."""
        self._prompt_beyond = max(self._prompt_beyond, billed.prompt_tokens - _prompt_bound(request))
        most = _most_written(request)
        if most is not None:
            self._written_beyond = max(self._written_beyond, billed.completion_tokens - most)

    def _margin(self) -> int:
        return 1 if self._seen else UNPROVEN

    def _worst(self, request: Request) -> Amount:
        """What one draw may cost at most, or at the 99th percentile where that is what is reserved."""
        assert self.budget is not None
        limit, most = self.budget.limit, _most_written(request)
        if most is None:
            if limit.tokens is None and limit.usd is None:
                return Amount(calls=1)
            raise ConfigError(
                "A spend limit needs to know the most tokens of a draw: set sampling.max_tokens, or limit calls only."
            )
        most += self._written_beyond
        if limit.reserve == "p99" and len(self._seen) >= _LEAST_SEEN:
            most = min(most, sorted(self._seen)[len(self._seen) * 99 // 100])
        prompt = _prompt_bound(request) + self._prompt_beyond
        return Amount(prompt + most, self._usd(Usage(prompt_tokens=prompt, completion_tokens=most)), 1)

    def _usd(self, usage: Usage) -> float:
        return self.price.cost(usage) if self.price is not None else 0.0


def _prompt_bound(request: Request) -> int:
    """At least as many tokens as are read for one draw: a prompt's bytes, and what a template may add, in each try."""
    return (request.prompt_bytes + TEMPLATE_TOKENS) * _tries(request)


def _worst_tokens(request: Request) -> int:
    return _prompt_bound(request) + (_most_written(request) or 0)


def _tries(request: Request) -> int:
    """How often one draw may be asked for: once more with room, where thoughts used up a limit of the answer's."""
    return 2 if request.sampling.limit == "answer" else 1


def _most_written(request: Request) -> int | None:
    """Most tokens that are written for one draw, in all its tries; None where nothing limits them."""
    sampling = request.sampling
    if sampling.most_tokens is None or sampling.limit == "total":
        return sampling.most_tokens
    return sampling.most_tokens + (sampling.max_tokens or 0)

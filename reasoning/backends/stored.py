"""The store layer: a draw is bought once, kept, and shared by all who ask for it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from reasoning.backends import scoring
from reasoning.backends.backend import Backend, Scores
from reasoning.backends.flights import Ask, Flight, Flights, Purchase
from reasoning.backends.landing import landing
from reasoning.backends.layer import Layer
from reasoning.backends.precedence import Beginning
from reasoning.backends.recalled import Recalls
from reasoning.backends.watch import Watch
from reasoning.budget import Ledger
from reasoning.completion import Completion
from reasoning.draws import consecutive_runs, draw_key, identity_text
from reasoning.errors import BackendError, StoreWriteError
from reasoning.pricing import Price
from reasoning.request import Request
from reasoning.store import Kept, Store

_KEYS_A_TURN = 64  # keys looked up before the loop gets its turn again: some ms


class Stored(Layer):
    """Draws from the store, and buys what is not there.

    Calls for one request that arrive in the same loop turn become one call of `inner` (split by the most samples it
    takes, so that seeds are consecutive). A draw that is being bought already is waited for, not bought again. Each
    chunk is committed as it lands, and only then returned. Failed draws are not stored, so that a later run can buy
    them. Without a store all this holds but the keeping.

    Args:
        inner: Where draws are bought.
        store: Where they are kept; closed with this layer.
        not_before: Draws stored before this time (Unix milliseconds, see `not_before`) do not count.
        ledger: Where double purchases are counted.
        price: Prices what was stored without a cost.

    Attributes:
        store: The store, or None.
        recalls: Counts what comes from the store.
        notices: Likely faults of the server, one sentence each (see `Watch`).
    """

    def __init__(
        self,
        inner: Backend,
        store: Store | None = None,
        *,
        not_before: int = 0,
        ledger: Ledger | None = None,
        price: Price | None = None,
    ) -> None:
        super().__init__(inner)
        self.store = store
        self._ledger, self._price = ledger, price
        self._identity = identity_text(inner.identity)
        self._score_identity = identity_text({**inner.identity, "verb": "score"})
        self._not_before = not_before
        self.recalls = Recalls()
        self._watch = Watch(inner.spec, store.served(self._identity, not_before) if store else set())
        self._turn: dict[bytes, list[Ask]] = {}
        self._own_flights: Flights = {}
        self._scoring: dict[bytes, asyncio.Future[Scores]] = {}
        self._buying: set[asyncio.Task[None]] = set()
        self._keeping: set[asyncio.Future[Kept]] = set()
        self._broken: StoreWriteError | None = None
        self._closed = False

    @property
    def notices(self) -> tuple[str, ...]:
        """Likely faults of the server that were noticed so far, and what the driver has to say."""
        return (*super().notices, *self._watch.notices)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            StoreWriteError: A draw could not be stored; nothing more is bought.
            StoreError: A stored draw is damaged.
        """
        if not indices:
            return []
        if self._closed:
            raise self._closed_error()
        loop = asyncio.get_running_loop()
        ask = Ask(draw_key(self._identity, request), request, indices, loop)
        if not self._turn:
            loop.call_soon(self._end_turn)
        self._turn.setdefault(ask.key, []).append(ask)
        try:
            await ask.done
        finally:
            ask.leave()
        return [ask.found[index] for index in indices]

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`; a score is bought once, shared and stored like a draw, under its text."""
        asked = {text: scoring.as_request(request, text) for text in texts}
        keys = {text: draw_key(self._score_identity, one) for text, one in asked.items()}
        found: dict[str, Scores] = {}
        while missing := [text for text in asked if text not in found]:
            for text in missing if self.store is not None else ():
                for draw in self._recalled(keys[text], asked[text], [0]).values():
                    found[text] = scoring.as_scores(draw)
            flying = {text: self._scoring[keys[text]] for text in missing if keys[text] in self._scoring}
            mine = {text: keys[text] for text in missing if text not in found and text not in flying}
            if mine:
                found |= await self._bought_scores(request, mine)
            for text, flight in flying.items():
                await asyncio.wait([flight])
                if not flight.cancelled():  # else it failed for who bought it: it is bought here
                    found[text] = flight.result()
        return [found[text] for text in texts]

    async def _bought_scores(self, request: Request, keys: Mapping[str, bytes]) -> dict[str, Scores]:
        flights: dict[str, asyncio.Future[Scores]] = {text: asyncio.get_running_loop().create_future() for text in keys}
        self._scoring.update({keys[text]: flight for text, flight in flights.items()})
        try:
            scores = dict(zip(keys, await super().score(request, list(keys)), strict=True))
            if self.store is not None:
                scores = await self._kept_scores(request, keys, scores)
            for text, flight in flights.items():
                flight.set_result(scores[text])
            return scores
        finally:
            for text, flight in flights.items():
                flight.cancel()
                del self._scoring[keys[text]]

    async def _kept_scores(
        self, request: Request, keys: Mapping[str, bytes], scores: Mapping[str, Scores]
    ) -> dict[str, Scores]:
        """The scores as they stand in the store once all are on the disk, whoever stops waiting meanwhile."""
        assert self.store is not None
        puts = {}
        for text, one in scores.items():
            asked = scoring.as_request(request, text)
            draw = scoring.as_completion(asked, one)
            puts[text] = self.store.write(keys[text], self._score_identity, asked, [draw], self._not_before)
        kept = await asyncio.gather(*map(asyncio.wrap_future, puts.values()))
        return {text: scoring.as_scores(one.completions[0]) for text, one in zip(puts, kept, strict=True)}

    async def aclose(self) -> None:
        """Stops buying, waits until what has landed is stored, and closes `inner` and the store."""
        if self._closed:
            return
        self._closed = True
        for task in self._buying:
            task.cancel()
        await asyncio.gather(*self._buying, *self._keeping, return_exceptions=True)
        await self.inner.aclose()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)

    # One loop turn's asks: look up, join what is in flight, buy the rest

    def _end_turn(self) -> None:
        for key in list(self._turn)[:_KEYS_A_TURN]:
            asks = [ask for ask in self._turn.pop(key) if not ask.done.done()]
            if not asks:
                continue
            try:
                self._answer(key, asks)
            except Exception as error:  # noqa: BLE001 (every one who asked gets it)
                for ask in asks:
                    ask.fail(error)
        if self._turn:
            asyncio.get_running_loop().call_soon(self._end_turn)

    def _answer(self, key: bytes, asks: Sequence[Ask]) -> None:
        if self._closed:
            raise self._closed_error()
        request, flights = asks[0].request, self._flights()
        rows = sorted({row for ask in asks for row in ask.rows if (key, row) not in flights})
        found = self._look_up(key, request, rows)
        missing = [row for row in rows if row not in found]
        if missing and self._broken is not None:
            raise self._broken
        claims, began = self.store.claims if self.store is not None else None, min(ask.precedence for ask in asks)
        for chunk in consecutive_runs(key, missing, self.capabilities.max_samples):
            self._buy(Purchase(key, request, chunk, flights, claims, began))
        for ask in asks:
            for row in set(ask.rows):
                if row in found:
                    ask.get(found[row])
                else:
                    ask.wait_for(flights[key, row])

    def _look_up(self, key: bytes, request: Request, rows: Sequence[int]) -> dict[int, Completion]:
        if self.store is None or not rows:
            return {}
        found = self._recalled(key, request, rows)
        return {row: self._priced(completion) for row, completion in found.items()} if self._price else found

    def _recalled(self, key: bytes, request: Request, rows: Sequence[int]) -> dict[int, Completion]:
        """The stored draws among some, counted as such."""
        assert self.store is not None
        dated = self.store.read_dated(key, request, rows, self._not_before)
        found = {row: draw for row, (draw, _) in dated.items()}
        self.recalls.add(created for _, created in dated.values())
        self._watch.recalled(found.values())
        return found

    def _flights(self) -> Flights:
        """Shared by all layers over one store and loop; without a store, this layer's own."""
        if self.store is None:
            return self._own_flights
        return self.store.flights(asyncio.get_running_loop())

    # Buying and keeping

    def _buy(self, purchase: Purchase) -> None:
        task = purchase.task = asyncio.get_running_loop().create_task(self._bought(purchase))
        self._buying.add(task)
        task.add_done_callback(partial(self._ended, purchase))

    async def _bought(self, purchase: Purchase) -> None:
        rows = list(purchase.waiting)
        with Beginning(purchase.precedence), landing(partial(self._keep, purchase)):
            completions = await self.inner.complete(purchase.request, rows)
        got = [completion.index for completion in completions]
        if got != rows:
            raise BackendError(f"The backend {self.spec} was asked for the draws {rows} and returned {got}.")
        self._keep(purchase, completions)

    def _ended(self, purchase: Purchase, task: asyncio.Task[None]) -> None:
        self._buying.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            purchase.fail(self._closed_error() if self._closed else error)

    def _closed_error(self) -> BackendError:
        return BackendError(f"The backend {self.spec} is closed. Open it anew.")

    def _keep(self, purchase: Purchase, completions: Sequence[Completion]) -> None:
        """Stores what has landed; whoever waits for it gets it once it is on the disk."""
        new = [self._priced(completion) for completion in completions if completion.index in purchase.waiting]
        flights = {completion.index: purchase.waiting.pop(completion.index) for completion in new}
        good = [completion for completion in new if completion.failure is None]
        self._watch.bought(purchase.key, purchase.request, good)
        if self.store is None:
            purchase.land(flights, new)
            return
        purchase.land(flights, [completion for completion in new if completion.failure is not None])
        if good:
            put = self.store.write(purchase.key, self._identity, purchase.request, good, self._not_before)
            keeping = asyncio.wrap_future(put)
            self._keeping.add(keeping)
            keeping.add_done_callback(partial(self._kept, purchase, {c.index: flights[c.index] for c in good}))

    def _kept(self, purchase: Purchase, flights: dict[int, Flight], keeping: asyncio.Future[Kept]) -> None:
        self._keeping.discard(keeping)
        error = None if keeping.cancelled() else keeping.exception()
        if keeping.cancelled() or error is not None:
            if isinstance(error, StoreWriteError):
                self._broken = error
            purchase.crash(flights, error or asyncio.CancelledError())
            return
        kept = keeping.result()
        if self._ledger is not None:
            self._ledger.count(doubles=kept.doubles)
        purchase.land(flights, [self._priced(completion) for completion in kept.completions])

    def _priced(self, completion: Completion) -> Completion:
        if self._price is None or completion.cost is not None or completion.failure is not None:
            return completion
        return completion.model_copy(update={"cost": self._price.cost(completion.usage)})


def not_before(store: Store | None, *, fresh: bool = False, max_age: float | None = None) -> int:
    """The time (Unix milliseconds) before which stored draws do not count.

    Args:
        store: Whose clock counts.
        fresh: Nothing that is stored by now counts: buy it anew.
        max_age: What is older than so many seconds does not count.
    """
    if store is None:
        return 0
    if fresh:
        return store.now_ms() + 1
    return 0 if max_age is None else store.now_ms() - int(max_age * 1000)

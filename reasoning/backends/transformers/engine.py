"""The thread that decodes: it takes new draws into the running batch as they come, and out as they end.

Between two steps, waiting draws join while there is room: the oldest first, and with it those nearest to it in length,
so that little is padded. A crowd of joins costs less than many joins, so that while a batch runs, some room is waited
for. When memory runs out, the batch is let go of, and its draws go on from where they were in batches of half the size.
"""

import gc
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from reasoning.backends.transformers.batch import Batch
from reasoning.backends.transformers.picking import Picks
from reasoning.backends.transformers.rows import Row
from reasoning.backends.transformers.texts import Texts
from reasoning.completion import Failure

log = logging.getLogger("reasoning.backends.transformers")

_TOGETHER_S = 0.003
"""What comes within so many seconds of the first draw is read together with it."""
_JOIN_SHARE = 4
"""While a batch runs, a join waits for this part of its places to be free, unless all who wait fit."""
_READ_TOKENS = {"cpu": 4096}
_READ_TOKENS_GPU = 16384
"""Prompt tokens, padding included, that are read at once."""
_WINDOW = 4


@dataclass(frozen=True)
class Limits:
    """How much is decoded at once.

    Attributes:
        rows: Most draws.
        tokens: Most tokens of keys and values: draws × the longest of them.
    """

    rows: int
    tokens: int


class Engine:
    """Decodes on a thread of its own.

    Args:
        model: A causal language model of transformers.
        texts: Reads its tokens.
        ends: The token ids that end a text.
        limits: How much is decoded at once.
        exact: See `Batch`.
    """

    def __init__(self, model: Any, texts: Texts, ends: frozenset[int], limits: Limits, *, exact: bool) -> None:
        self._texts, self._ends, self._limits = texts, ends, limits
        self._most_rows = limits.rows
        self._read_tokens = _READ_TOKENS.get(model.device.type, _READ_TOKENS_GPU)
        self.batch = Batch(model, exact=exact)
        self._waiting: list[Row] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="reasoning-transformers", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """True from the call of `close` on."""
        return self._closed

    def add(self, rows: Sequence[Row]) -> None:
        """Takes draws; each is told when it ends."""
        with self._changed:
            if not self._closed:
                self._waiting.extend(rows)
                self._waiting.sort(key=lambda row: row.precedence)  # stable: among equals by arrival
                self._changed.notify()
                return
        for row in rows:
            row.close("failed", _CLOSED)

    def close(self) -> None:
        """Ends all draws, which fail as cancelled, and the thread; blocks for as long as a step takes."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _serve(self) -> None:
        with torch.inference_mode():
            while self._wait():
                out_of_memory = False
                try:
                    self._turn()
                except Exception as error:
                    out_of_memory = _out_of_memory(error)
                    if not out_of_memory:
                        log.exception("transformers failed while it decoded")
                        self._fail(self.batch.drop(), f"transformers failed: {type(error).__name__}: {error}")
                if out_of_memory:  # out here, where the error's traceback holds no tensors any more
                    self._halve()
            self._fail([*self.batch.drop(), *self._waiting], None)
            self._waiting = []
            self.batch.free()

    def _wait(self) -> bool:
        """Waits for something to do; False when it is over."""
        with self._changed:
            if not self._waiting and not self.batch.rows and not self._closed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                self._changed.wait_for(lambda: self._closed, timeout=_TOGETHER_S)
            return not self._closed

    def _turn(self) -> None:
        batch = self.batch
        batch.leave([row for row in batch.rows if row.cancelled])
        joining = self._joining()
        if joining:
            try:
                picks = batch.join(joining)
            except BaseException:
                strangers = [row for row in joining if row not in batch.rows]
                batch.rows.extend(strangers)
                raise
            self._advance(joining, picks)
        elif batch.rows:
            self._advance(list(batch.rows), batch.step())

    def _joining(self) -> list[Row]:
        """Takes those who join now from those who wait."""
        with self._changed:
            self._waiting = [row for row in self._waiting if not row.cancelled]
            free = self._most_rows - len(self.batch.rows)
            if not self._waiting or free <= 0:
                return []
            if self.batch.rows and free < min(len(self._waiting), self._most_rows // _JOIN_SHARE):
                return []
            chosen = self._chosen(free)
            taken = set(map(id, chosen))
            self._waiting = [row for row in self._waiting if id(row) not in taken]
            return chosen

    def _chosen(self, free: int) -> list[Row]:
        oldest = self._waiting[0]
        window = sorted(self._waiting[: _WINDOW * free], key=lambda row: abs(row.length - oldest.length))
        reserve = max((row.reserve for row in self.batch.rows), default=0)
        chosen: list[Row] = []
        prompts: set[tuple[int, ...]] = set()
        longest = 0
        for row in window[:free]:
            reserve, longest = max(reserve, row.reserve), max(longest, row.length)
            rows = len(self.batch.rows) + len(chosen) + 1
            reading = len(prompts | {row.ids}) * longest
            if rows > 1 and (rows * reserve > self._limits.tokens or (chosen and reading > self._read_tokens)):
                break
            chosen.append(row)
            prompts.add(row.ids)
        return chosen

    def _advance(self, rows: Sequence[Row], picks: Picks) -> None:
        """Takes each row's next token, and lets those go that end with it."""
        gone: list[Row] = []
        for row, token, finite in zip(rows, picks.tokens, picks.finite, strict=True):
            if not finite:
                row.end, row.failure = "failed", _NOT_FINITE
            else:
                row.tokens.append(token)
                if token in self._ends or (row.stop and self._texts.ends_in_stop(row.tokens, row.stop)):
                    row.end = "stop"
                else:
                    row.end = row.full
            if row.end is not None:
                gone.append(row)
        self.batch.leave(gone)
        for row in gone:
            self._close(row)

    def _close(self, row: Row) -> None:
        try:
            row.entries = self.batch.entries(row)
        except Exception as error:
            log.exception("transformers failed to give log-probabilities")
            row.end = "failed"
            row.failure = Failure(kind="server_error", message=f"no log-probabilities: {error}", retryable=False)
        row.close(row.end or "failed", row.failure)

    def _halve(self) -> None:
        rows = self.batch.drop()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(rows) <= 1:
            self._fail(rows, _TOO_LARGE.format(tokens=max((row.length for row in rows), default=0)))
            return
        self._most_rows = max(1, len(rows) // 2)
        notice = f"Memory ran out at {len(rows)} draws at once: {self._most_rows} at once from then on."
        log.warning("%s Give max_batch=%d or a smaller batch_tokens.", notice, self._most_rows)
        for row in rows:
            row.notices = (*row.notices, notice)
            row.end = None
        with self._changed:
            self._waiting[:0] = rows

    def _fail(self, rows: Sequence[Row], message: str | None) -> None:
        failure = _CLOSED if message is None else Failure(kind="server_error", message=message, retryable=False)
        for row in rows:
            row.close("failed", failure)


_CLOSED = Failure(kind="cancelled", message="the backend was closed", retryable=False)
_NOT_FINITE = Failure(
    kind="server_error",
    message="the model's logits are not numbers; give dtype=float32 or dtype=bfloat16",
    retryable=False,
)
_TOO_LARGE = (
    "memory ran out at a single draw of {tokens} tokens; give a smaller context_tokens, a smaller dtype or quantization"
)


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)

"""Keys and values of a running batch: rows join it and leave it, and a step writes them in place.

Rows are aligned to the right, as transformers has it for left-padded prompts: all write their next token into the same
column, and what stands left of a shorter row's first token is masked. Room is set aside ahead, so that a step copies
nothing (transformers' own growing cache copies all of it at every step), and a row that leaves is overwritten by the
last one.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_AHEAD = 128
"""Columns that are set aside beyond those in use."""


class RowCache:
    """The cache of a batch.

    Attributes:
        rows: Rows in it.
        start: The first column in use.
        end: The column that the next token goes to.
        cache: What the model is given.
    """

    def __init__(self) -> None:
        self.rows = self.start = self.end = 0
        self.layers: list[_Layer] = []
        self.cache: Any = None

    def __len__(self) -> int:
        return self.end - self.start

    def join(self, prompts: Any, sources: Sequence[int]) -> None:
        """Adds rows.

        Args:
            prompts: The cache of a left-padded batch of prompts.
            sources: For each new row the prompt of that batch that it goes on from.
        """
        new = prompts.get_seq_length()
        if not self.layers:
            self.layers = [_Layer(self) for _ in prompts.layers]
            self.cache = Cache(layers=self.layers)
        taken = torch.tensor(sources)
        rows, most = self.rows + len(sources), max(len(self), new)
        grows = any(not layer.fits(rows, most, self.end) for layer in self.layers)
        end = most if grows else self.end
        for layer, theirs in zip(self.layers, prompts.layers, strict=True):
            if grows:
                layer.make_room(rows, most + _AHEAD, end, like=theirs)
            layer.put(self.rows, end, theirs, taken)
        if grows:
            self.start, self.end = end - len(self), end
        self.start = min(self.start, end - new)
        self.rows = rows

    def leave(self, places: Sequence[int], longest: int) -> None:
        """Takes rows out; the last row moves into each gap, from the last gap on.

        Args:
            places: Their places, descending.
            longest: Tokens of the longest row that stays.
        """
        for place in places:
            self.rows -= 1
            if place != self.rows:
                for layer in self.layers:
                    layer.move(self.rows, place)
        if not self.rows:
            self.__init__()  # type: ignore[misc]
        else:
            self.start = self.end - longest

    def ready(self) -> Any:
        """The cache with room for one more column."""
        if any(not layer.fits(self.rows, len(self) + 1, self.end + 1) for layer in self.layers):
            most = len(self)
            for layer in self.layers:
                layer.make_room(self.rows, most + _AHEAD, most, like=layer)
            self.start, self.end = 0, most
        return self.cache

    def wrote(self) -> None:
        """Takes the column that the model has just written as one in use."""
        self.end += 1


class _Layer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values: rows × heads × columns × size."""

    def __init__(self, whole: RowCache) -> None:
        super().__init__()
        self.is_initialized = False
        self._whole = whole

    def update(self, key_states: Any, value_states: Any, *_args: Any, **_kwargs: Any) -> tuple[Any, Any]:
        """Writes the new column, and gives all that are in use."""
        rows, start, end = self._whole.rows, self._whole.start, self._whole.end
        until = end + key_states.shape[-2]
        self.keys[:rows, :, end:until] = key_states
        self.values[:rows, :, end:until] = value_states
        return self.keys[:rows, :, start:until], self.values[:rows, :, start:until]

    def get_seq_length(self, *_args: Any) -> int:
        return len(self._whole)

    def fits(self, rows: int, columns: int, end: int) -> bool:
        """Whether so many rows fit, and so many columns that end there."""
        if not self.is_initialized:
            return False
        return bool(rows <= self.keys.shape[0] and columns <= end <= self.keys.shape[2])

    def make_room(self, rows: int, columns: int, end: int, like: Any) -> None:
        """Moves what is in use to larger tensors, where it ends at column `end`."""
        whole = self._whole
        for name in ("keys", "values"):
            pattern = getattr(like, name)
            larger = pattern.new_zeros((rows, pattern.shape[1], columns, pattern.shape[3]))
            if self.is_initialized:
                used = getattr(self, name)[: whole.rows, :, whole.start : whole.end]
                larger[: whole.rows, :, end - len(whole) : end] = used
            setattr(self, name, larger)
        self.dtype, self.device, self.is_initialized = self.keys.dtype, self.keys.device, True

    def put(self, first: int, end: int, theirs: Any, taken: Any) -> None:
        """Writes prompts' columns into the rows from `first` on, ending at column `end`."""
        taken = taken.to(theirs.keys.device)
        for name in ("keys", "values"):
            source = getattr(theirs, name)
            getattr(self, name)[first : first + len(taken), :, end - source.shape[2] : end] = source[taken]

    def move(self, source: int, target: int) -> None:
        """Copies one row over another."""
        start, end = self._whole.start, self._whole.end
        for tensor in (self.keys, self.values):
            tensor[target, :, start:end] = tensor[source, :, start:end]

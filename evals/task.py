"""A named list of items with an answer kind."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, overload

from evals.item import Item
from evals.where import Where
from reasoning.answer import AnswerKind
from reasoning.errors import ConfigError, DataError, UnknownNameError

Order = Literal["seeded", "source"]


class _Survey(NamedTuple):
    ids: dict[str, int]
    metadata: tuple[str, ...]
    fingerprint: str


class Selection(Sequence[Item]):
    """Some items of a task in some order, built when they are asked for: a large task is never in memory whole."""

    def __init__(self, items: Sequence[Item], indices: Sequence[int], ids: Sequence[str]) -> None:
        self._items, self._indices, self._ids = items, indices, ids

    @property
    def ids(self) -> Iterator[str]:
        """Their ids, for which no item is built."""
        return (self._ids[index] for index in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Selection": ...
    def __getitem__(self, index: int | slice) -> "Item | Selection":
        if isinstance(index, slice):
            return Selection(self._items, self._indices[index], self._ids)
        return self._items[self._indices[index]]

    def __iter__(self) -> Iterator[Item]:
        return (self._items[index] for index in self._indices)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A named list of items with an answer kind. The items are loaded when they are first asked for.

    Attributes:
        name: As in `load_task(name)`; part of a run's folder.
        kind: How answers are read, compared and classed.
        load: Gives the items; called once. Its sequence may build items on demand, and may have a method
            `place(index)` that says where an item stands, for error messages.
        shots: The exemplar set that suits the task, or None.
        source: What the items were read from, in words.
        description: One line for lists.
    """

    name: str
    kind: AnswerKind
    load: Callable[[], Sequence[Item]]
    shots: str | None = None
    source: str = ""
    description: str = ""

    @classmethod
    def of(cls, name: str, items: Sequence[Item], *, shots: str | None = None, description: str = "") -> "Task":
        """A task of items made in Python.

        Raises:
            ConfigError: There are none, or their kinds differ.
        """
        if not items:
            raise ConfigError(f"Task {name!r} has no items.")
        kind = items[0].problem.kind
        if other := next((item for item in items if item.problem.kind != kind), None):
            raise ConfigError(f"Task {name!r} mixes answer kinds: {items[0].id!r} has {kind!r}, {other.id!r} another.")
        return cls(
            name=name,
            kind=kind,
            load=lambda: items,
            shots=shots,
            source="items made in Python",
            description=description,
        )

    def __len__(self) -> int:
        return len(self._loaded)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._loaded)

    def __getitem__(self, id: str) -> Item:
        """The item of an id."""
        ids = self._surveyed.ids
        if id not in ids:
            raise UnknownNameError(f"item of {self.name}", id, ids)
        return self._loaded[ids[id]]

    def items(
        self, limit: int | None = None, order: Order = "seeded", where: str | None = None, seed: int = 0
    ) -> Selection:
        """The items of a run.

        Args:
            limit: The first so many; all when None. In one order, the first 100 are among the first 200.
            order: "seeded" sorts by a hash of seed and id, so that an item's place depends on no other item and not on
                the file; "source" is the file's order.
            where: A condition on metadata, e.g. `"level >= 4 and subject == 'Algebra'"`.
            seed: Of the seeded order.

        Raises:
            ConfigError: An argument is out of range, or no item meets the condition.
            DataError: The source cannot be read; a gold cannot be parsed; an id appears twice.
        """
        if limit is not None and limit < 1:
            raise ConfigError(f"limit must be 1 or more, not {limit}.")
        if order not in ("seeded", "source"):
            raise ConfigError(f"order must be 'seeded' or 'source', not {order!r}.")
        ids = tuple(self._surveyed.ids)
        indices = list(range(len(ids)))
        if where is not None:
            condition = Where.parse(where, self.metadata)
            indices = [i for i in indices if condition.holds(self._loaded[i].metadata, self._loaded[i].id)]
            if not indices:
                raise ConfigError(f"No item of {self.name} meets {where!r}.")
        if order == "seeded":
            places = [
                hashlib.blake2b(f"{seed}\0{id}".encode(errors="surrogatepass"), digest_size=8).digest() for id in ids
            ]
            indices.sort(key=lambda i: places[i])
        return Selection(self._loaded, indices[:limit], ids)

    @property
    def fingerprint(self) -> str:
        """A hash over all items: ids, questions, golds (or what verifies them), groups and kind, in any order."""
        return self._surveyed.fingerprint

    @property
    def metadata(self) -> tuple[str, ...]:
        """The columns that items can be sliced by."""
        return self._surveyed.metadata

    @cached_property
    def _loaded(self) -> Sequence[Item]:
        items = self.load()
        if not items:
            raise DataError(f"Task {self.name!r} has no items in {self.source or 'its source'}.")
        return items

    @cached_property
    def _surveyed(self) -> "_Survey":
        """One pass over the items, which also finds every gold that cannot be read."""
        ids: dict[str, int] = {}
        columns: dict[str, None] = {}
        digests = []
        for index, item in enumerate(self._loaded):
            if item.id in ids:
                raise DataError(
                    f"{self._place(index)}: the id {item.id!r} stands already at {self._place(ids[item.id])}; "
                    "ids must differ."
                )
            ids[item.id] = index
            columns.update(dict.fromkeys(item.metadata))
            digests.append(_digest(item))
        whole = hashlib.sha256(self.kind.model_dump_json().encode())
        for digest in sorted(digests):
            whole.update(digest)
        return _Survey(ids, tuple(columns), whole.hexdigest()[:32])

    def _place(self, index: int) -> str:
        place: Callable[[int], str] | None = getattr(self._loaded, "place", None)
        return place(index) if place else f"{self.source or self.name}, item {index + 1}"


def _digest(item: Item) -> bytes:
    parts = (item.id, item.problem.question, _right(item), item.group or "")
    return hashlib.blake2b("\0".join(parts).encode(errors="surrogatepass"), digest_size=16).digest()


def _right(item: Item) -> str:
    """What is right, in characters."""
    if item.gold is not None:
        return item.problem.kind.text(item.gold)
    name = getattr(item.verify, "__qualname__", type(item.verify).__name__)
    return str(getattr(item.verify, "identity", name))

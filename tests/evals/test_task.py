"""Order, selection and fingerprint of a task."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import pytest

from evals.item import Item
from evals.task import Task
from reasoning.answer import kind
from reasoning.errors import ConfigError, DataError, UnknownNameError
from reasoning.problem import Problem


def items(n: int) -> list[Item]:
    return [Item.of(str(i), f"What is {i} + 1?", i + 1, metadata={"level": i % 5}) for i in range(n)]


def ids(found: Sequence[Item]) -> list[str]:
    return [item.id for item in found]


def test_a_limit_takes_the_first_of_one_order() -> None:
    task = Task.of("sums", items(500))
    assert ids(task.items(200))[:100] == ids(task.items(100))
    assert sorted(ids(task.items())) == sorted(ids(list(task)))
    assert ids(task.items()) != ids(list(task))
    assert ids(task.items(3, order="source")) == ["0", "1", "2"]
    assert ids(task.items(5, seed=1)) != ids(task.items(5, seed=2))
    assert len(task.items(10_000)) == 500


def test_an_items_place_depends_on_no_other_item() -> None:
    """So a run over a part is a part of the run over the whole, and a file put in another order is the same task."""
    few, many = Task.of("few", items(50)), Task.of("many", items(500))
    assert [id for id in ids(many.items()) if int(id) < 50] == ids(few.items())
    hard = ids(many.items(where="level >= 4"))
    assert hard == [id for id in ids(many.items()) if int(id) % 5 == 4]
    backwards = Task.of("many", items(500)[::-1])
    assert ids(backwards.items(20)) == ids(many.items(20))
    assert backwards.fingerprint == many.fingerprint


def test_any_id_has_a_place() -> None:
    assert ids(Task.of("odd", [Item.of("\ud800", "?", "2")]).items()) == ["\ud800"]


def test_the_fingerprint_is_over_what_is_asked_and_what_is_right() -> None:
    def fingerprint(*, id: str = "1", question: str = "?", gold: str = "2", group: str | None = None, **of: Any) -> str:
        return Task.of("t", [Item.of(id, question, gold, kind("number", **of), group=group)]).fingerprint

    prints = [
        fingerprint(),
        fingerprint(id="2"),
        fingerprint(question="!"),
        fingerprint(gold="3"),
        fingerprint(group="g"),
        fingerprint(quantum="0.01"),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(gold="2.0") == fingerprint(gold="2")


def test_the_fingerprint_depends_on_what_a_verifier_says_it_verifies() -> None:
    class Verifier:
        def __init__(self, identity: str) -> None:
            self.identity = identity

        def __call__(self, answer: object) -> float:
            return 1.0

    def fingerprint(identity: str) -> str:
        problem = Problem(id="1", question="?", kind=kind("text"))
        return Task.of("t", [Item(problem=problem, verify=Verifier(identity))]).fingerprint

    assert fingerprint("makes 24") != fingerprint("makes 25")


def test_items_are_loaded_once_and_late() -> None:
    loads = []

    def load() -> list[Item]:
        loads.append(1)
        return items(3)

    task = Task(name="t", kind=kind("number"), load=load)
    assert not loads
    assert len(task) == 3
    assert len(task.items()) == 3
    assert task.fingerprint
    assert task["2"].problem.question == "What is 2 + 1?"
    assert loads == [1]


def test_a_large_task_is_never_in_memory_whole() -> None:
    class Built(Sequence[Item]):
        built = 0

        def __len__(self) -> int:
            return 10_000

        @overload
        def __getitem__(self, index: int) -> Item: ...
        @overload
        def __getitem__(self, index: slice) -> list[Item]: ...
        def __getitem__(self, index: int | slice) -> Item | list[Item]:
            assert isinstance(index, int)
            Built.built += 1
            return Item.of(str(index), "?", index)

        def __iter__(self) -> Iterator[Item]:
            return (Item.of(str(index), "?", index) for index in range(len(self)))

    chosen = Task(name="t", kind=kind("number"), load=Built).items(1000)
    assert Built.built == 0
    assert len(ids(chosen[10:20])) == 10
    assert Built.built == 10


def test_slices() -> None:
    task = Task.of("sums", items(20))
    assert task.metadata == ("level",)
    with pytest.raises(UnknownNameError, match="Did you mean 'level'"):
        task.items(where="levl == 1")
    with pytest.raises(ConfigError, match="No item of sums meets 'level > 4'"):
        task.items(where="level > 4")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(ConfigError, match="limit must be 1 or more"):
        Task.of("sums", items(2)).items(limit)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ConfigError, match="'seeded' or 'source'"):
        Task.of("sums", items(2)).items(order="random")  # type: ignore[arg-type]


def test_a_task_is_of_one_kind_and_not_empty() -> None:
    with pytest.raises(ConfigError, match="mixes answer kinds"):
        Task.of("t", [Item.of("1", "?", "2"), Item.of("2", "?", "B", "choice")])
    with pytest.raises(ConfigError, match="has no items"):
        Task.of("t", [])


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="item 3: the id '1' stands already at items made in Python, item 2"):
        Task.of("t", [*items(2), Item.of("1", "?", "9")]).items()


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean '12'"):
        Task.of("t", items(13))["122"]

"""A person can look into a store, thin it out, join two, take the draws out, and check it."""

import io
import json
import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reasoning.completion import Completion
from reasoning.draws import draw_key, identity_text
from reasoning.errors import ConfigError, StoreError
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store, checking, upkeep
from reasoning.usage import Usage

SAMPLING = Sampling(temperature=0.7, max_tokens=50)


def request(name: str) -> Request:
    return Request(prompt=name, sampling=SAMPLING)


def identity(model: str) -> str:
    return identity_text({"engine": "test", "model": model})


def draw(name: str, index: int, model: str = "a", text: str = "") -> Completion:
    return Completion(
        index=index,
        text=text or f"{name} {index} of {model}",
        usage=Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=2),
        cost=0.5 if model == "a" else None,
        model=f"{model}-2026",
        rendered=f"<s>{name}",
        request=request(name),
    )


def fill(path: Path, names: str, samples: int, model: str = "a", at: float = 1000.0, text: str = "") -> None:
    store = Store.open(path, clock=lambda: at)
    for name in names:
        draws = [draw(name, n, model, text) for n in range(samples)]
        store.write(draw_key(identity(model), request(name)), identity(model), request(name), draws).result(10)
    store.close()


def texts(path: Path) -> set[tuple[str, str, int, str]]:
    out = io.StringIO()
    upkeep.export(path, out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    return {
        (line["model"]["model"], line["request"]["prompt"], line["row"], line["completion"]["text"]) for line in lines
    }


def test_stats_count_requests_draws_tokens_and_money(tmp_path: Path) -> None:
    path = tmp_path / "s"
    fill(path, "xy", 3)
    fill(path, "z", 2, model="b", at=2000.0)
    stats = upkeep.stats(path)
    assert (stats.requests, stats.draws) == (3, 8)
    assert (stats.oldest, stats.newest) == (datetime.fromtimestamp(1000, UTC), datetime.fromtimestamp(2000, UTC))
    assert stats.bytes == path.stat().st_size
    a, b = stats.models
    assert (a.identity["model"], a.requests, a.draws, a.cost, a.unpriced) == ("a", 2, 6, 3.0, 0)
    assert (b.identity["model"], b.requests, b.draws, b.cost, b.unpriced) == ("b", 1, 2, 0.0, 2)
    assert a.usage == Usage(prompt_tokens=60, completion_tokens=30, cached_tokens=12)
    assert a.served == ("a-2026",)


def test_an_empty_store_has_stats(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    stats = upkeep.stats(tmp_path / "s")
    assert (stats.draws, stats.oldest, stats.models) == (0, None, ())


@pytest.mark.parametrize("verb", [upkeep.stats, checking.verify], ids=["stats", "verify"])
def test_a_missing_store_is_said_so_and_not_made(tmp_path: Path, verb: object) -> None:
    with pytest.raises(StoreError, match="no store of draws at"):
        verb(tmp_path / "s")  # type: ignore[operator]
    assert not (tmp_path / "s").exists()


def test_a_folder_cannot_be_looked_into(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: Is a directory.*--store"):
        upkeep.stats(tmp_path)


def test_prune_by_age(tmp_path: Path) -> None:
    path = tmp_path / "s"
    fill(path, "x", 40, text=random.Random(0).randbytes(1000).hex())
    recent = datetime.now(UTC).timestamp() - 10
    store = Store.open(path, clock=lambda: recent)
    key = draw_key(identity("a"), request("x"))
    store.write(key, identity("a"), request("x"), [draw("x", 99)]).result(10)
    store.close()
    fill(path, "y", 40, text=random.Random(1).randbytes(1000).hex())
    planned = upkeep.prune(path, older_than_s=3600, dry_run=True)
    assert (planned.draws, planned.requests, planned.bytes) == (80, 1, 0)
    held = path.stat().st_size
    pruned = upkeep.prune(path, older_than_s=3600)
    assert (pruned.draws, pruned.requests) == (80, 1)
    assert pruned.bytes == held - path.stat().st_size > 0
    assert texts(path) == {("a", "x", 99, "x 99 of a")}
    assert checking.verify(path).clean


def test_prune_by_model(tmp_path: Path) -> None:
    path = tmp_path / "s"
    fill(path, "x", 2)
    fill(path, "x", 2, model="b")
    assert upkeep.prune(path, model='"model":"b"').draws == 2
    assert {model for model, *_ in texts(path)} == {"a"}
    assert [model.identity["model"] for model in upkeep.stats(path).models] == ["a"]


def test_prune_wants_a_condition(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="what to prune"):
        upkeep.prune(tmp_path / "s")


def test_merge_adds_what_is_missing_and_keeps_what_is_there(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    fill(theirs, "q", 1, model="c")  # so that ids differ between the two files
    fill(theirs, "xy", 3, text="theirs")
    fill(theirs, "z", 1, model="b")
    fill(ours, "x", 2, text="ours")
    merged = upkeep.merge(ours, theirs)
    assert (merged.draws, merged.present, merged.requests) == (6, 2, 3)
    assert texts(ours) == {
        ("c", "q", 0, "q 0 of c"),
        ("a", "x", 0, "ours"),
        ("a", "x", 1, "ours"),
        ("a", "x", 2, "theirs"),
        *(("a", "y", n, "theirs") for n in range(3)),
        ("b", "z", 0, "z 0 of b"),
    }
    assert checking.verify(ours).clean
    assert upkeep.merge(ours, theirs).draws == 0


def test_merge_makes_the_target(tmp_path: Path) -> None:
    fill(tmp_path / "theirs", "x", 3)
    assert upkeep.merge(tmp_path / "new", tmp_path / "theirs").draws == 3
    assert texts(tmp_path / "new") == texts(tmp_path / "theirs")


def test_merge_refuses_itself_and_strangers(tmp_path: Path) -> None:
    fill(tmp_path / "s", "x", 1)
    with pytest.raises(StoreError, match="into itself"):
        upkeep.merge(tmp_path / "s", tmp_path / "s")
    (tmp_path / "t").write_text("hello " * 50)
    with pytest.raises(StoreError, match="not a store"):
        upkeep.merge(tmp_path / "s", tmp_path / "t")


def damage_a_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 8192 // 2 * 8192
    data[middle : middle + 4096] = b"\xaa" * 4096
    path.write_bytes(data)


def test_a_damaged_source_is_named_and_the_target_stays_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path / "ours", "x", 1)
    fill(tmp_path / "theirs", "abcdefgh", 40, text="".join(chr(65 + n % 57) for n in range(3000)))
    damage_a_page(tmp_path / "theirs")
    with pytest.raises(StoreError, match=r"The store \S*/theirs is damaged"):
        upkeep.merge(tmp_path / "ours", tmp_path / "theirs")
    assert len(texts(tmp_path / "ours")) == 1


def test_an_exported_line_stands_alone(tmp_path: Path) -> None:
    fill(tmp_path / "s", "x", 1)
    fill(tmp_path / "s", "x", 1, model="b")
    out = io.StringIO()
    assert upkeep.export(tmp_path / "s", out, model='"model":"a"') == 1
    line = json.loads(out.getvalue())
    assert line["key"] == draw_key(identity("a"), request("x")).hex()
    assert line["created"] == "1970-01-01T00:16:40+00:00"
    assert Request.model_validate(line["request"]) == request("x")
    assert Completion.model_validate({**line["completion"], "request": request("x")}) == draw("x", 0)


@pytest.mark.parametrize("damage", ["UPDATE draw SET data = X'00' WHERE row = 1", "UPDATE request SET asked = X'00'"])
def test_an_export_stops_at_damage_and_says_how_to_find_it(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s"
    fill(path, "x", 2)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="is damaged .*store verify"):
        upkeep.export(path, io.StringIO())


def test_verify_finds_nothing_wrong_with_a_sound_store(tmp_path: Path) -> None:
    fill(tmp_path / "s", "xy", 3)
    found = checking.verify(tmp_path / "s")
    assert (found.clean, found.requests, found.draws, found.problems) == (True, 2, 6, ())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE draw SET data = X'00' WHERE row = 1", "row 1, cannot be read"),
        ("UPDATE draw SET data = (SELECT asked FROM request)", "row 0, cannot be read"),
        ("UPDATE draw SET prompt_tokens = -1", "greater than or equal to 0"),
        ("UPDATE request SET key = zeroblob(32)", "not the request that its key"),
        ("UPDATE request SET asked = X'00'", "cannot be read"),
        ("DELETE FROM model", "refers to a missing model"),
        ("DELETE FROM request", "refers to a missing request"),
    ],
)
def test_verify_finds_damage(tmp_path: Path, damage: str, words: str) -> None:
    path = tmp_path / "s"
    fill(path, "x", 2)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    found = checking.verify(path)
    assert not found.clean
    assert words in " ".join(found.problems)


def test_verify_finds_damaged_pages(tmp_path: Path) -> None:
    path = tmp_path / "s"
    fill(path, "abcdefgh", 40, text="".join(chr(65 + n % 57) for n in range(3000)))
    damage_a_page(path)
    assert not checking.verify(path).clean

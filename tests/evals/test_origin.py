"""A run says whether a store stood behind it, how many of its draws came from there and how old they are."""

from pathlib import Path
from typing import Any

import pytest
from adding import sums

import evals
from evals.pages import run_page
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.opening import open_backend
from reasoning.completion import Completion
from reasoning.store import upkeep
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency

VOTE = SelfConsistency(of=Direct(), samples=3)


@pytest.fixture(autouse=True)
def no_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REASONING_STORE", raising=False)


def opened(store: Path | str | None, **options: Any) -> OpenedBackend:
    return open_backend("scripted/constant", store=store, **options)


def run(out: Path, store: Path | str | None, strategy: Any = VOTE, *, name: str | None = None, **options: Any) -> Any:
    with opened(store, **options) as backend:
        return evals.evaluate(sums(4), strategy, backend, out=out, name=name)


def aged(store: Path, days: int) -> None:
    """Makes all stored draws older."""
    with upkeep.existing(store) as (_, connection):
        connection.execute("UPDATE draw SET created = created - ?", (days * 86_400_000,))


def test_a_run_without_a_store_says_so(tmp_path: Path) -> None:
    found = run(tmp_path, None)
    assert found.store is None
    assert found.to_json()["store"] is None
    assert "none: draws are not kept" in run_page(found)


def test_a_run_that_bought_all_its_draws_says_so(tmp_path: Path) -> None:
    found = run(tmp_path, tmp_path / "s")
    assert (found.store.path, found.store.draws, found.store.oldest) == (str(tmp_path / "s"), 0, None)
    assert found.paid.draws == 12
    assert "no draw came from it" in run_page(found)


def test_draws_from_the_store_are_counted_and_dated(tmp_path: Path) -> None:
    run(tmp_path, tmp_path / "s", SelfConsistency(of=Direct(), samples=2))
    aged(tmp_path / "s", 3)
    found = run(tmp_path, tmp_path / "s", name="again")
    assert (found.store.draws, found.paid.draws) == (8, 4)
    assert found.store.oldest <= found.store.newest < found.header.started
    told = evals.load_run(tmp_path / "sums--self-consistency--scripted-constant--again").to_json()["store"]
    assert told == found.store.model_dump()
    assert f"8 draws came from it, bought {found.store.oldest[:10]}" in run_page(found)


def test_draws_of_a_run_that_ended_just_now_are_from_the_store(tmp_path: Path) -> None:
    run(tmp_path, tmp_path / "s")
    assert run(tmp_path, tmp_path / "s", name="again").store.draws == 12


def test_what_a_run_bought_itself_is_no_draw_from_the_store_when_it_resumes(tmp_path: Path) -> None:
    def stops(limit: int | None) -> Any:
        options = {} if limit is None else {"spend_limit": {"calls": limit}}
        return run(tmp_path, tmp_path / "s", **options)

    assert stops(2).status == "spend limit"
    whole = stops(None)
    assert (whole.status, whole.store.draws, whole.paid.draws) == ("complete", 0, 12)


def test_the_environment_names_the_store_of_whoever_names_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REASONING_STORE", str(tmp_path / "s"))
    with open_backend("scripted/constant") as backend:
        assert backend.store_path == tmp_path / "s"
        VOTE.solve("1 + 1?", backend)
        assert backend.paid.draws == 3
    with open_backend("scripted/constant") as backend:
        VOTE.solve("1 + 1?", backend)
        assert backend.paid.draws == 0
    by_spec = evals.evaluate(sums(4), VOTE, "scripted/constant", out=None)
    assert by_spec.store is not None
    assert by_spec.store.path == str(tmp_path / "s")
    for none in ("none", "None"):
        with open_backend("scripted/constant", store=none) as backend:
            assert backend.store_path is None
    monkeypatch.setenv("REASONING_STORE", "none")
    with open_backend("scripted/constant") as backend:
        assert backend.store_path is None


def test_fresh_on_a_finished_run_buys_everything_again_and_resumes_as_such(tmp_path: Path) -> None:
    first = run(tmp_path, tmp_path / "s")
    again = run(tmp_path, tmp_path / "s")
    assert again.paid == first.paid
    stopped = run(tmp_path, tmp_path / "s", fresh=True, spend_limit={"calls": 2})
    assert (stopped.status, stopped.done) == ("spend limit", 2)
    fresh = run(tmp_path, tmp_path / "s", fresh=True)
    assert (fresh.status, fresh.done, fresh.store.draws) == ("complete", 4, 0)
    assert fresh.paid.draws == first.paid.draws * 2
    assert upkeep.stats(tmp_path / "s").draws == 12


def test_replies_of_another_model_than_the_stored_ones_are_flagged(tmp_path: Path) -> None:
    def served(model: str, samples: int, **options: Any) -> Any:
        def script(request: Any, index: int) -> Completion:
            return Completion(index=index, text="The answer is 18.", model=model)

        monkeypatch.setattr("reasoning.backends.scripted._script", lambda name, given: script)
        return run(
            tmp_path,
            tmp_path / "s",
            SelfConsistency(of=Direct(), samples=samples),
            name=f"{model}-{samples}",
            **options,
        )

    with pytest.MonkeyPatch.context() as monkeypatch:
        assert served("m-1", 2).header.backend.notices == ()
        (notice,) = served("m-2", 4).header.backend.notices
        assert "now served by the model 'm-2', its stored draws came from m-1" in notice
        mixed = served("m-2", 3)  # buys nothing
        assert mixed.paid.draws == 0
        (notice,) = mixed.header.backend.notices
        assert "stored draws" in notice
        assert "more than one model (m-1, m-2)" in notice
        assert served("m-3", 3, fresh=True).header.backend.notices == ()

"""`reasoning replay`, as a person meets it."""

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from solving import scripted

import evals
from evals.cli.main import main
from evals.cli.replay import numbers
from evals.item import Item
from evals.task import Task
from reasoning.backends.opening import open_backend
from reasoning.errors import ConfigError
from strategies.direct import Direct
from strategies.prior import Prior
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Stop

Told = tuple[int, str, str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Told]:
    """`reasoning replay …`: exit code, standard output, standard error."""
    monkeypatch.setenv("REASONING_STORE", str(tmp_path / "draws.sqlite"))

    def call(*arguments: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["reasoning", "replay", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    return call


def folder(place: Path, stop: Stop | None = None, items: int = 12) -> str:
    task = Task.of("asked", [Item.of(f"q{n}", f"Question {n}?", "1") for n in range(items)])

    def reply(request: Any, index: int) -> str:
        return f"The answer is {random.Random(f'{request.canonical} {index}').choice((1, 1, 1, 2, 3))}."

    strategy = SelfConsistency(of=Direct(), samples=8, stop=stop)
    run = evals.evaluate(task, strategy, scripted(reply), out=place)
    return str(run.folder)


def test_one_json_document_with_curves_and_the_cheapest_setting(command: Callable[..., Told], tmp_path: Path) -> None:
    code, out, _ = command(folder(tmp_path), "--stop", "fixed", "--stop", "window=2", "--samples", "1..4,8", "--json")
    assert code == 0
    told = json.loads(out)
    assert len(told["curves"]) == 10
    point = {"vote", "stop", "samples", "draws", "accuracy", "interval", "tokens", "cost"}
    assert all(point <= set(one) for one in told["curves"])
    assert point <= set(told["cheapest"])
    assert {(one["stop"], one["samples"]) for one in told["curves"]} == {
        (stop, n) for stop in ("fixed", "window=2") for n in (1, 2, 3, 4, 8)
    }


def test_a_table_for_people(command: Callable[..., Told], tmp_path: Path) -> None:
    code, out, _ = command(folder(tmp_path))
    assert code == 0
    assert "adaptive=0.95" in out
    assert "Cheapest within 1 point of the best, chosen on 6 items, told on 6 others" in out


def test_a_strategy_is_replayed(command: Callable[..., Told], tmp_path: Path) -> None:
    where = folder(tmp_path)
    given = "{self-consistency: {samples: 5, stop: adaptive}}"
    code, out, _ = command(where, "--strategy", given, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["curves"] == []
    live = evals.replay(where, [SelfConsistency(of=Direct(), samples=5, stop=Adaptive())])[0]
    assert told["strategies"][0]["accuracy"] == live.accuracy
    code, out, _ = command(where, "--strategy", given)
    assert "self-consistency" in out


def test_a_prior_is_fitted_and_saved(command: Callable[..., Told], tmp_path: Path) -> None:
    file = tmp_path / "prior.json"
    code, out, err = command(folder(tmp_path), "--fit-prior", str(file), "--json")
    assert code == 0
    assert json.loads(out)["prior"]["told_on"] == 6
    assert Prior.read(str(file)).problems == 6
    assert f"prior: {file}" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samples", "9"], "12 draws are missing"),
        (["--samples", "a"], "1..40"),
        (["--stop", "sometimes"], "Unknown stopping rule 'sometimes'"),
        (["--vote", "majorty"], "Did you mean 'majority'"),
        (["--holdout", "2"], "between 0 and 1"),
        (["--samples", "5..1", "--fit-prior", "prior.json"], "1..40"),
        (["--fit-prior", "nowhere/prior.json"], "nowhere/prior.json cannot be written: No such file or directory"),
        (["--strategy", "direct"], "other prompts, sampling or limits"),
        (["--store", "nowhere.sqlite", "--samples", "9"], "There is no store nowhere.sqlite"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    command: Callable[..., Told], tmp_path: Path, arguments: Sequence[str], words: str
) -> None:
    code, out, err = command(folder(tmp_path), *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_the_usual_store_fills_up_a_run_that_stopped_early(command: Callable[..., Told], tmp_path: Path) -> None:
    task = Task.of("asked", [Item.of(f"q{n}", f"Question {n}?", "1") for n in range(6)])
    weights = {"The answer is 1.": 2.0, "The answer is 2.": 1.0}
    with open_backend("scripted/weighted", store=tmp_path / "draws.sqlite", weights=weights) as backend:
        short = evals.evaluate(task, SelfConsistency(of=Direct(), samples=6, stop=Adaptive()), backend, out=tmp_path)
        code, _, err = command(str(short.folder))
        assert (code, "depended on what they answered" in err) == (2, True)
        evals.evaluate(task, SelfConsistency(of=Direct(), samples=6), backend, out=None)
    assert command(str(short.folder))[0] == 0
    assert command(str(short.folder), "--store", "none")[0] == 2


def test_a_run_that_stopped_early_is_refused(command: Callable[..., Told], tmp_path: Path) -> None:
    code, _, err = command(folder(tmp_path, Adaptive()))
    assert code == 2
    assert "depended on what they answered" in err


def test_samples_are_ranges_and_numbers() -> None:
    assert numbers("1..3,8") == [1, 2, 3, 8]
    for wrong in ("", "1...3", "x", "5..1", "1..3,8..7"):
        with pytest.raises(ConfigError, match="--samples takes numbers"):
            numbers(wrong)

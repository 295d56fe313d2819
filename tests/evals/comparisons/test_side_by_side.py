"""Runs over several backends, side by side, and what a run records of the backend that it asked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from solving import scripted
from typer.testing import CliRunner

import evals
from evals.cli.run import app
from evals.comparisons.side_by_side import side_by_side
from evals.header import read_header
from evals.item import Item
from evals.pages import backends_tables, run_page
from evals.run import Run, load_run
from evals.task import Task
from reasoning import Completion, Request, Usage
from reasoning.backends.facts import ModelFacts
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.scripted import Script, Scripted
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct

MIXTURE = ModelFacts(
    parameters=46_700_000_000,
    active_parameters=12_900_000_000,
    context_tokens=32768,
    precision="Q4_K + Q6_K",
    weights="open",
    peak_memory_bytes=27 << 30,
)


class Known(Scripted):
    """A script with a fact sheet and a complaint about its server."""

    facts = MIXTURE
    notices = ("known/m gave the same text for distinct seeds.",)


def sums(count: int = 8) -> Task:
    return Task.of("sums", [Item.of(f"sum-{i}", f"What is {i} + 2?", str(i + 2)) for i in range(count)])


def asked(request: Request) -> int:
    return int(
        re.findall(r"What is (\d+) \+ 2\?", request.messages[-1].content if request.messages else request.prompt or "")[
            -1
        ]
    )


def right(request: Request, index: int) -> Completion:
    """Right, slower from item to item, two tokens each."""
    number = asked(request)
    usage = Usage(prompt_tokens=10, completion_tokens=2)
    return Completion(index=index, text=f"The answer is {number + 2}.", usage=usage, latency_s=(number + 1) / 10)


def silent_on_odd(request: Request, index: int) -> str:
    return "I do not know." if asked(request) % 2 else f"The answer is {asked(request) + 2}."


def run(
    script: Script, name: str, strategy: Any = None, kind: type[Scripted] = Scripted, out: Path | None = None
) -> Run:
    backend = kind(script, scripted(script).options, name)
    return evals.evaluate(sums(), strategy or Direct(), backend, out=out)


def test_agreement_latency_and_what_is_known_stand_beside_the_accuracy() -> None:
    ((first, other),) = side_by_side([run(right, "all", kind=Known), run(silent_on_odd, "even")])
    assert (first.run.accuracy, other.run.accuracy) == (1.0, 0.5)
    assert (first.agreement, other.agreement) == (None, 0.5)
    assert first.side is not None
    assert (first.side.latency_p50, first.side.latency_p95) == (0.4, 0.8)
    assert (first.facts, other.facts) == (MIXTURE, ModelFacts())
    table = backends_tables([first, other])
    for cell in (
        "100.0 [",
        "50.0",
        "0.4 s",
        "0.8 s",
        "46.7G",
        "12.9G",
        "32768",
        "Q4_K + Q6_K",
        "27.0 GiB",
        "open",
        "unknown",
    ):
        assert cell in table, cell


def test_two_that_say_nothing_do_not_agree() -> None:
    ((_, other),) = side_by_side([run(silent_on_odd, "a"), run(silent_on_odd, "b")])
    assert other.agreement == 0.5


def test_only_runs_of_one_task_and_strategy_stand_side_by_side() -> None:
    runs = [
        run(right, "a"),
        run(right, "a", ChainOfThought()),
        run(right, "b"),
        run(right, "c", Direct(system="Be brief.")),
    ]
    assert [[one.run.backend for one in group] for group in side_by_side(runs)] == [["scripted/a", "scripted/b"]]
    assert side_by_side([runs[0], runs[0]]) == []


def test_the_log_keeps_facts_and_notices_and_older_logs_are_read_without(tmp_path: Path) -> None:
    backend = Known(right, scripted(right).options, "m")
    made = evals.evaluate(sums(), Direct(), backend, out=tmp_path, limit=4)
    assert made.folder is not None
    kept = load_run(made.folder).header.backend
    assert (kept.facts, kept.notices) == (MIXTURE, Known.notices)
    assert Known.notices[0] in run_page(made)
    told = json.loads((made.folder / "run.json").read_text())
    del told["backend"]["facts"], told["backend"]["notices"]
    older = read_header(json.dumps(told), "run.json").backend
    assert (older.facts, older.notices) == (None, ())


def test_what_was_noticed_before_stays_when_a_run_is_gone_on_with(tmp_path: Path) -> None:
    options = scripted(right).options
    evals.evaluate(sums(), Direct(), Known(right, options, "m"), out=tmp_path, limit=4)
    grown = evals.evaluate(sums(), Direct(), Scripted(right, options, "m"), out=tmp_path, limit=8)
    assert grown.done == 8
    assert grown.header.backend.notices == Known.notices


def test_the_layers_pass_facts_on() -> None:
    assert OpenedBackend(Known(right)).facts == MIXTURE


def test_a_run_over_several_backends_shows_them_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.jsonl").write_text('{"q": "3 * 6?", "a": 18}\n{"q": "3 * 7?", "a": 21}\n')
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\n")
    done = CliRunner().invoke(
        app,
        ["mine.yaml", "-b", "scripted/constant", "-b", "scripted/echo", "-s", "direct", "--store", "none", "--json"],
    )
    assert done.exit_code == 0, done.stderr
    (group,) = json.loads(done.stdout)["backends"]
    assert (group["task"], group["strategy"]) == ("mine", "direct")
    assert [row["backend"] for row in group["rows"]] == ["scripted/constant", "scripted/echo"]
    assert group["rows"][1]["agreement"] == 0.0
    assert group["rows"][0]["facts"]["weights"] == "unknown"
    assert "agrees: with scripted/constant" in done.stderr

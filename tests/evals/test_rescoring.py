"""Scoring again: what changes is exactly what the extractor or the labels change, and the old run stays as it is."""

import json
from pathlib import Path

import pytest
from solving import scripted

import evals
from evals.item import Item
from evals.labels import Labels
from evals.rescoring import rescore
from evals.run import Run, load_run
from evals.task import Task
from reasoning.answer import kind
from reasoning.backends.scripted import Script
from reasoning.completion import Completion, Failure, Logprobs
from reasoning.draws import ROWS_PER_SEED
from reasoning.errors import ConfigError
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.ensemble import Ensemble
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.strategy import Strategy
from strategies.universal_self_consistency import UniversalSelfConsistency
from strategies.weighting import Likelihood


def ran(out: Path, strategy: Strategy, script: Script, gold: str = "18", count: int = 3) -> Run:
    items = [Item.of(f"i-{n}", f"How many, in case {n}?", gold) for n in range(count)]
    return evals.evaluate(Task.of("made", items), strategy, scripted(script), out=out)


def mixed(request: object, index: int) -> str:
    return ("The answer is 18.", "So 7.", "no idea", "The answer is 1.8e1.", "It is 7")[index % 5]


STRATEGIES: list[Strategy] = [
    Direct(),
    ChainOfThought(),
    ChainOfThought(shots=None, style="text"),
    ChainOfThought(shots=None, style="chat"),
    SelfConsistency(of=Direct(), samples=5),
    SelfConsistency(of=Direct(), samples=20, stop=Adaptive()),
    Ensemble(members=[Direct(), ChainOfThought()], samples=6),
    UniversalSelfConsistency(of=Direct(), samples=4),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name())
def test_reading_again_in_the_same_way_changes_nothing(strategy: Strategy, tmp_path: Path) -> None:
    run = ran(tmp_path, strategy, mixed)
    found = rescore(run)
    assert found.changes == ()
    assert (found.before, found.unweighed, found.short) == (found.after, 0, 0)


def test_a_programs_value_is_read_again(tmp_path: Path) -> None:
    run = ran(tmp_path, ProgramOfThought(shots=None), lambda r, i: "```python\nans = 17.6\n```", count=1)
    assert rescore(run).changes == ()
    (change,) = rescore(run, kind("number", quantum=1)).changes
    assert (change.answer, change.score) == (("17.6", "17.6"), (0.0, 1.0))


def test_a_quantum_changes_the_vote_and_the_changes_are_named(tmp_path: Path) -> None:
    texts = ("The answer is 18.2.", "The answer is 17.9.", "The answer is 7.", "The answer is 7.")
    run = ran(tmp_path, SelfConsistency(of=Direct(), samples=4), lambda r, i: texts[i] if i < 3 else "It is 18.1.")
    found = rescore(run, kind("number", quantum=1))
    assert found.after[0] == 1.0
    assert {change.id for change in found.changes} == {
        record.id for record in run.records if record.score == 0 or record.result.key != "18.2"
    }
    assert all(change.score[1] == 1.0 for change in found.changes)


def climbing(request: object, index: int) -> str:
    return f"The answer is {18 + index / 10}."


def test_a_stopping_rule_stops_where_the_answers_as_read_now_say(tmp_path: Path) -> None:
    strategy = SelfConsistency(of=Direct(), samples=9, stop=Adaptive())
    run = ran(tmp_path, strategy, climbing)
    assert len(run["i-0"].result.paths) == 9
    sooner = rescore(run, kind("number", quantum=100), out=tmp_path / "again")
    assert sooner.folder is not None
    assert len(load_run(sooner.folder)["i-0"].result.paths) == 4


def test_a_stopping_rule_that_would_have_drawn_on_is_said_so(tmp_path: Path) -> None:
    items = [Item.of(f"i-{n}", f"How many, in case {n}?", "18", kind("number", quantum=100)) for n in range(3)]
    strategy = SelfConsistency(of=Direct(), samples=9, stop=Adaptive())
    run = evals.evaluate(Task.of("made", items), strategy, scripted(climbing), out=tmp_path)
    assert len(run["i-0"].result.paths) == 4
    found = rescore(run, kind("number"))
    assert (found.short, rescore(run).short) == (3, 0)


def test_labels_change_golds_and_leave_problems_out(tmp_path: Path) -> None:
    run = ran(tmp_path, Direct(), lambda r, i: "The answer is 7.")
    found = rescore(run, labels=Labels("mine", {"i-0": "7", "i-1": None}))
    assert (found.items, found.before[0], found.after[0]) == ((3, 2), 0.0, 0.5)
    assert {(change.id, change.gold, change.score) for change in found.changes} == {
        ("i-0", ("18", "7"), (0.0, 1.0)),
        ("i-1", ("18", None), (0.0, None)),
    }


def test_the_rescored_run_has_a_folder_of_its_own_and_the_old_one_is_untouched(tmp_path: Path) -> None:
    run = ran(tmp_path, Direct(), lambda r, i: "The answer is 17.6.")
    assert run.folder is not None
    before = {file.name: file.read_bytes() for file in run.folder.iterdir()}
    found = rescore(run, kind("number", quantum=1), name="rounded")
    assert found.folder == tmp_path / "made--direct--scripted-script--rounded"
    loaded = load_run(found.folder)
    assert (loaded.accuracy, loaded.status, loaded.items, loaded.done) == (1.0, "complete", 3, 3)
    assert loaded.paid is not None
    assert loaded.paid.calls == 0
    assert loaded.header.tags["rescored_from"] == run.folder.name
    assert {file.name: file.read_bytes() for file in run.folder.iterdir()} == before
    with pytest.raises(ConfigError, match="holds a run already"):
        rescore(run, kind("number", quantum=1), name="rounded")
    assert rescore(run, kind("number", quantum=1)).folder is None


def test_the_repeats_of_a_rescored_problem_are_in_their_order_though_one_was_done_again(tmp_path: Path) -> None:
    task = Task.of("made", [Item.of("i", "How many?", "18")])
    lost = Failure(kind="connection", message="reset by peer", retryable=True)

    def once_lost(request: object, row: int) -> str | Completion:
        return "18" if row >= ROWS_PER_SEED else Completion(index=0, finish="failed", failure=lost)

    sampled = Direct(sampling={"temperature": 0.7})
    for script in (once_lost, lambda request, row: "18"):
        run = evals.evaluate(task, sampled, scripted(script), out=tmp_path, repeats=2)
    found = rescore(run, name="again")
    assert found.folder is not None
    assert [record.repeat for record in load_run(found.folder).repeats_of("i")] == [0, 1]


def test_a_path_that_was_never_weighed_does_not_vote_and_is_counted(tmp_path: Path) -> None:
    def script(request: object, index: int) -> Completion:
        text = "The answer is yes." if index else "The answer is 18."
        return Completion(index=0, text=text, logprobs=Logprobs(tokens=("a",), values=(-0.5,)))

    strategy = SelfConsistency(of=Direct(), samples=3, vote=Likelihood())
    items = [Item.of("i", "How many?", "18")]
    backend = scripted(script, logprobs=5)
    run = evals.evaluate(Task.of("made", items), strategy, backend, out=tmp_path)
    assert run["i"].result.tally.abstained == 2
    found = rescore(run, kind("text"))
    assert found.unweighed == 2
    assert json.dumps(found.to_json())


def test_a_verifiers_problems_are_scored_by_the_task_itself(tmp_path: Path) -> None:
    pytest.importorskip("reasoning_gym")
    backend = scripted(lambda request, index: "The answer is 1 + 1.")
    run = evals.evaluate("reasoning-gym:countdown", Direct(), backend, limit=2, out=tmp_path)
    assert rescore(run).changes == ()


def test_a_gold_that_is_none_of_the_kind_stops_it_and_no_folder_is_left(tmp_path: Path) -> None:
    run = ran(tmp_path, Direct(), mixed)
    with pytest.raises(ConfigError, match="'18' of item"):
        rescore(run, kind("boolean"), name="boolean")
    assert [folder.name for folder in tmp_path.iterdir()] == ["made--direct--scripted-script"]


def test_a_run_and_its_rescored_twin_can_be_compared(tmp_path: Path) -> None:
    run = ran(tmp_path, Direct(), lambda r, i: "The answer is 17.6.")
    found = rescore(run, kind("number", quantum=1), name="rounded")
    assert found.folder is not None
    (pair,) = evals.compare([run, load_run(found.folder)]).pairs
    assert (pair.items, pair.difference) == (3, 1.0)

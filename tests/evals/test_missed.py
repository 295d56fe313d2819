"""Why problems were missed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from solving import scripted

import evals
from evals.item import Item
from evals.labels import read_labels
from evals.missed import Cause, classed, misses
from evals.run import Run
from evals.task import Task
from reasoning.answer import kind
from reasoning.completion import Completion, Failure
from reasoning.errors import DataError
from reasoning.request import Request
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.strategy import Strategy

Reply = str | Completion


def solved(strategy: Strategy, *replies: Reply, question: str = "How many?", gold: str = "18") -> Run:
    """A run on one problem whose draw i gets reply i."""
    script: Callable[[Request, int], Reply] = lambda request, index: replies[index % len(replies)]  # noqa: E731
    return evals.evaluate(Task.of("one", [Item.of("i", question, gold)]), strategy, scripted(script), out=None)


def cause(run: Run) -> Cause:
    return classed(run["i"])[0]


def cut(text: str) -> Completion:
    return Completion(index=0, text=text, finish="length")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("So it is 18. The answer is 2.", "extraction"),
        ("The answer is unclear.", "wrong reasoning"),
        ("The answer is 7.", "wrong reasoning"),
        (cut("The answer is 18 because"), "truncation"),
        (Completion(index=0, text="I cannot help.", finish="refusal"), "refusal"),
        (Completion(index=0, text="", finish="content_filter"), "refusal"),
        (
            Completion(
                index=0, finish="failed", failure=Failure(kind="connection", message="reset", retryable=True)
            ),
            "lost",
        ),
    ],
    ids=["gold in the text", "no answer", "wrong", "cut", "refused", "filtered", "failed"],
)  # fmt: skip
def test_a_single_path_is_classed_by_how_it_ended(reply: Reply, expected: Cause) -> None:
    assert cause(solved(Direct(), reply)) == expected


def test_a_gold_that_stands_in_the_question_is_no_sign_of_bad_extraction() -> None:
    run = solved(Direct(), "Of the 18 eggs she eats 2. The answer is 16.", question="She has 18 eggs.")
    assert cause(run) == "wrong reasoning"


def test_a_plainer_extractor_that_finds_the_gold_is_said_so() -> None:
    run = solved(Direct(), "The answer is 2.\n\n**18**", question="She has 18 eggs.")
    assert classed(run["i"]) == ("extraction", "another extractor finds the gold")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("ans = 1 / 0", "program failure"),
        ("print(18)\nans = 'eggs'", "extraction"),
        ("ans = 7", "wrong reasoning"),
    ],
)
def test_a_program_is_classed_by_what_its_run_gave(program: str, expected: Cause) -> None:
    assert cause(solved(ProgramOfThought(shots=None), f"```python\n{program}\n```")) == expected


def test_a_tie_that_the_right_class_lost_is_a_tie_and_a_plain_defeat_is_not() -> None:
    two = SelfConsistency(of=Direct(), samples=2)
    runs = [solved(two, "The answer is 18.", "The answer is 7.", gold=gold) for gold in ("18", "7")]
    (lost,) = [run for run in runs if run.accuracy == 0]
    assert cause(lost) == "tie"
    three = SelfConsistency(of=Direct(), samples=3)
    assert cause(solved(three, "The answer is 7.", "The answer is 7.", "The answer is 18.")) == "wrong reasoning"


def test_a_vote_is_classed_by_what_most_of_its_wrong_paths_suffered() -> None:
    vote = SelfConsistency(of=Direct(), samples=3)
    assert cause(solved(vote, cut("and"), cut("so"), "The answer is 7.")) == "truncation"


def numbers(count: int) -> Run:
    """Problems whose gold is their number; every answer is 1."""
    items = [Item.of(f"n-{n}", f"What is  number {n}?", str(n)) for n in range(count)]
    return evals.evaluate(Task.of("numbers", items), Direct(shots=None), scripted(lambda r, i: "It is 1."), out=None)


def test_what_the_score_would_be_without_each_cause() -> None:
    found = misses(numbers(4))
    assert (found.planned, found.accuracy, found.count("wrong reasoning")) == (4, 0.25, 3)
    assert found.corrected("wrong reasoning") == 1.0
    assert found.corrected("tie") == 0.25
    assert sum(found.count(cause["cause"]) for cause in found.to_json()["causes"]) == 3


def test_labels_by_id_relabel_and_leave_out(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "n-2", "gold": 1}\n{"id": "n-3", "gold": null}\n')
    found = misses(numbers(4), read_labels(str(file)))
    assert {miss.id for miss in found.of("doubtful label")} == {"n-2", "n-3"}
    assert found.corrected("doubtful label") == pytest.approx(2 / 3)  # n-1 and n-2 of n-0, n-1, n-2


def test_a_line_of_labels_ends_at_its_newline_alone(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "n\u2028-2", "gold": 1}\n', encoding="utf-8")
    assert read_labels(str(file)).by_id == {"n\u2028-2": 1}


def test_a_copy_of_platinum_goes_by_the_question_and_what_it_lacks_was_removed(tmp_path: Path) -> None:
    file = tmp_path / "platinum.jsonl"
    file.write_text(
        "".join(
            f'{{"question": "What is number {n}?", "answer": "Thus\\n#### {gold}"}}\n' for n, gold in ((0, 1), (1, 1))
        )
    )
    labels = read_labels(str(file))
    run = numbers(3)
    verdicts = {record.id: labels.of(record, kind("number"))[0] for record in run.records}
    assert verdicts == {"n-0": "relabelled", "n-1": "same", "n-2": "removed"}
    assert misses(run, labels).corrected("doubtful label") == 1.0


def test_labels_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "n-2", "gold": 1}\n{"gold": 3}\n')
    with pytest.raises(DataError, match=r"labels\.jsonl, line 2"):
        read_labels(str(file))
    with pytest.raises(DataError, match="nowhere"):
        read_labels("nowhere.jsonl")
    file.write_bytes('{"id": "n-2", "gold": "é"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"labels\.jsonl, line 1: .* in UTF-8"):
        read_labels(str(file))
    file.write_text('{"id": "n-2", "gold": "many"}\n')
    with pytest.raises(DataError, match="'many' of item 'n-2'"):
        misses(numbers(4), read_labels(str(file)))

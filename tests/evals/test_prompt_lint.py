"""The lint over exemplar sets: what gives an item away is told, what merely has the task's form is not."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from evals.cli.doctor import app
from evals.loading import load_task
from evals.prompt_lint import overlap_faults, overlaps, program_faults
from strategies.exemplars import exemplar_set, set_names

ITEM = (
    "Farid plants 14 rows of tomatoes with 9 plants each. A storm breaks 23 of the plants and 4 more wither. "
    "How many are left in the evening?"
)
OTHERS = [(f"o{n}", f"Box {n} of the harbour master weighs {n + 3} stone. What do two boxes weigh?") for n in range(40)]

Changed = Callable[[str], str]


def told(question: str) -> str | None:
    """What the lint says of a question where `ITEM` is among the items scored."""
    return next((found.told for found in overlaps([question], [*OTHERS, ("x", ITEM)])), None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text, "is that of item"),
        (lambda text: f"  {text.upper()} ", "is that of item"),
        (lambda text: text.replace("plants 14", "plants fourteen").replace("23", "twenty"), "shares “"),
        (lambda text: re.sub(r"\d+", lambda number: str(int(number[0]) + 5), text), "but for numbers, 100%"),
        (lambda text: re.sub(r"\d+", "50", text).replace("Farid", "Ines"), "but for numbers, 9"),
        (lambda text: "Tell me: " + text.split(". ")[0] + ". How many does that make?", "shares “"),
    ],
)
def test_an_item_is_told_in_other_words_and_numbers(change: Changed, words: str) -> None:
    assert words in str(told(change(ITEM)))


@pytest.mark.parametrize(
    "question",
    [
        "A farmer has 14 rows of 9 plants. How many plants is that?",
        "Farid has 23 marbles and loses 9. How many marbles are still in his pocket?",
    ],
)
def test_the_same_subject_or_numbers_are_no_overlap(question: str) -> None:
    assert told(question) is None


def test_the_form_that_a_tasks_items_share_gives_none_away_but_the_same_question_does() -> None:
    form = "Solve the following multiplication: {} * {}. Give only the result as your final answer and nothing else."
    items = [(f"{a}", form.format(a, a + 2)) for a in range(20, 60)]
    assert list(overlaps([form.format(34, 217)], items)) == []
    (found,) = overlaps([form.format(34, 36)], items)
    assert found.item == "34"


def test_each_test_question_of_gsm8k_is_told_with_other_numbers_and_none_of_our_exemplars_is(gsm8k: Path) -> None:
    task = load_task("gsm8k", gsm8k / "test.jsonl")
    items = [(item.id, item.problem.question) for item in task]
    other = [re.sub(r"\d+", lambda number: str(int(number[0]) + 7), question) for _, question in items[:200]]
    assert len(list(overlaps(other, items))) == 200
    assert overlap_faults(set_names(), task) == []


@pytest.mark.parametrize("name", ["products", "chain_sum", "basic_arithmetic", "gsm_symbolic", "leg_counting"])
def test_none_of_our_exemplars_gives_a_generated_item_away(name: str) -> None:
    assert overlap_faults(set_names(), load_task(f"reasoning-gym:{name}")) == []


@pytest.mark.parametrize("name", set_names())
def test_every_program_of_ours_runs_to_its_answer(name: str) -> None:
    assert program_faults(name) == []


def written(folder: Path, *exemplars: dict[str, str]) -> str:
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({"name": "own", "exemplars": [{"reasoning": "", **one} for one in exemplars]}))
    return str(file)


def test_programs_that_do_not_run_to_their_answer_are_told_by_number(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        {"question": "a", "program": "ans = 2 + 2", "answer": "4"},
        {"question": "b", "program": "ans = price * 2", "answer": "4"},
        {"question": "c", "program": "ans = 5", "answer": "4"},
        {"question": "d", "program": "from math import *\nans = floor(4.5)", "answer": "4"},
        {"question": "e", "program": "ans = 4", "answer": "several"},
        {"question": "f", "program": "", "answer": "4"},
    )
    found = {fault.exemplar: fault.told for fault in program_faults(own)}
    assert list(found) == [2, 3, 4, 5]
    assert "NameError: name 'price'" in found[2]
    assert "gives 5" in found[3]
    assert "import *" in found[4]  # as a function's body, the form of returns="solution()"
    assert "is no number" in found[5]


def test_the_doctor_ends_with_1_where_there_is_a_fault_and_says_it_in_json(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(json.dumps({"question": ITEM, "answer": "99"}) + "\n")
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: question\ngold: answer\n")
    own = written(tmp_path, {"question": ITEM, "program": "ans = 14 * 9 - 23 - 4", "answer": "99"})
    mine = str(tmp_path / "mine.yaml")
    shown = CliRunner().invoke(app, ["--prompts", mine, "--shots", own])
    assert shown.exit_code == 1
    assert "exemplar 1: its question is that of item 0 of mine" in shown.stdout
    found = json.loads(CliRunner().invoke(app, ["--prompts", mine, "--shots", own, "--json"]).stdout)
    assert [(fault["what"], fault["task"], fault["item"]) for fault in found["faults"]] == [("overlap", "mine", "0")]
    assert CliRunner().invoke(app, ["--prompts", mine, "--shots", "arithmetic"]).exit_code == 0


def test_no_exemplar_of_ours_shares_eight_words_in_a_row_with_a_gsm8k_test_question(gsm8k: Path) -> None:
    """Stricter than the lint, which has to be fair to anyone's sets."""

    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[at : at + 8]) for at in range(len(words) - 7)}

    lines = (gsm8k / "test.jsonl").read_text().splitlines()
    tested = {run for line in lines for run in runs(json.loads(line)["question"])}
    for name in set_names():
        for exemplar in exemplar_set(name).exemplars:
            assert not runs(exemplar.question) & tested, exemplar.question

"""The project's own tasks, plug-ins' and generated ones."""

import json
import re
import subprocess
import sys
import time
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from yaml_tasks import file

from evals.definition import read_definition
from evals.gym import gym_task
from evals.item import Item
from evals.loading import FOLDER, load_task
from evals.task import Task
from evals.task_names import TASKS, task_names
from reasoning import plugins
from reasoning.answer import kind
from reasoning.errors import ConfigError, DataError, UnknownNameError, UsageError

ROWS: dict[str, tuple[dict[str, Any], str, str, object]] = {
    # A row in each task's published layout (figures of our own): the question, the gold's text, the group.
    "gsm8k": ({"question": "Two and 2?", "answer": "2+2=<<2+2=4>>4\n#### 1,004"}, "Two and 2?", "1004", None),
    "gsm8k-platinum": (
        {"question": "Two?", "answer": "It is.\n#### -2", "cleaning_status": "verified"}, "Two?", "-2", None,
    ),
    "gsm-plus": (
        {"question": "A half?", "solution": "…", "answer": "1/2", "perturbation_type": "reversing operation",
         "seed_question": "A whole?", "seed_answer": "1"}, "A half?", "1/2", "A whole?",
    ),
    "gsm-hard": ({"input": "Big?", "code": "…", "target": 9099577.916666666}, "Big?", "9099577.917", None),
    "gsm-symbolic": (
        {"id": 7, "instance": 3, "question": "Some?", "answer": "…\n#### 12", "original_id": 1}, "Some?", "12", "7",
    ),
    "svamp": (
        {"ID": "chal-9", "Body": "Dan has 3 pens", "Question": "How many?", "Equation": "3", "Answer": "3.0",
         "Type": "Addition"}, "Dan has 3 pens. How many?", "3", None,
    ),
    "asdiv": (
        {"body": "Two red, 7 green.", "question": "How many?", "solution_type": "Addition", "answer": "9 (apples)",
         "formula": "2+7=9"}, "Two red, 7 green. How many?", "9", None,
    ),
    "multiarith": ({"question": " How many?  ", "final_ans": "145"}, "How many?", "145", None),
    "aqua": (
        {"question": "Profit?", "options": ["A)125", "B)150"], "rationale": "…", "correct": "B"},
        "Profit?\nAnswer choices: (A) 125 (B) 150", "B", None,
    ),
    "mgsm:de": (
        {"question": "Frage: Wie viele?", "answer": None, "answer_number": 70000, "equation_solution": None},
        "Frage: Wie viele?", "70000", None,
    ),
    "math-500": (
        {"problem": "Halve 1.", "solution": "…", "answer": "\\frac{1}{2}", "subject": "Prealgebra", "level": 1,
         "unique_id": "test/prealgebra/1.json"}, "Halve 1.", "\\frac{1}{2}", None,
    ),
}  # fmt: skip


def test_names_are_the_definitions() -> None:
    """`task_names` opens no file, so its data must be what the files say."""
    found = set()
    for path in FOLDER.glob("*.yaml"):
        definition = read_definition(path)
        assert definition.name == path.stem
        assert definition.description
        found |= {f"{definition.name}:{variant}" for variant in definition.variants}
        found |= {definition.name} - ({"mgsm"})  # which is one of its languages
    assert found == set(TASKS)
    assert len(TASKS) == len(set(TASKS))


def test_listing_is_fast_and_loads_nothing_heavy() -> None:
    heavy = {"datasets", "yaml", "jinja2", "reasoning_gym", "scipy", "numpy", "pyarrow", "sympy"}
    code = (
        "import sys, time; from evals.task_names import task_names; start = time.process_time(); task_names(); "
        f"print(time.process_time() - start, *{heavy} & set(sys.modules))"
    )
    seconds, *loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert loaded == []
    assert float(seconds) < 0.1


@pytest.mark.parametrize("name", ROWS)
def test_each_task_reads_its_published_layout(name: str, tmp_path: Path) -> None:
    row, question, gold, group = ROWS[name]
    task = load_task(name, file(tmp_path, [row]))
    (item,) = task.items()
    assert item.problem.question == question
    assert item.problem.kind == task.kind
    read = task.kind.parse(gold)
    assert read is not None
    assert item.gold is not None
    assert task.kind.equal(item.gold, read)
    assert item.group == group


@pytest.mark.parametrize("name", TASKS)
def test_every_named_task_loads_without_touching_its_data(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert "/" in task.source


def test_the_hubs_ids_splits_and_revisions() -> None:
    """Where each task's rows are, in one place to check against the hub's pages."""
    assert {name: load_task(name).source for name in TASKS if not name.startswith("mgsm:")} == {
        "gsm8k": "openai/gsm8k main test",
        "gsm8k:train": "openai/gsm8k main train",
        "gsm8k-platinum": "madrylab/gsm8k-platinum main test",
        "gsm-plus": "qintongli/GSM-Plus test",
        "gsm-plus:testmini": "qintongli/GSM-Plus testmini",
        "gsm-hard": "reasoning-machines/gsm-hard train",
        "gsm-symbolic": "apple/GSM-Symbolic main test 93b5b3758d9d9841ffe81d6cd2ae2b030685b078",
        "gsm-symbolic:p1": "apple/GSM-Symbolic p1 test 93b5b3758d9d9841ffe81d6cd2ae2b030685b078",
        "gsm-symbolic:p2": "apple/GSM-Symbolic p2 test 93b5b3758d9d9841ffe81d6cd2ae2b030685b078",
        "svamp": "ChilleD/SVAMP train+test",
        "svamp:test": "ChilleD/SVAMP test",
        "asdiv": "EleutherAI/asdiv validation",
        "multiarith": "ChilleD/MultiArith train+test",
        "multiarith:test": "ChilleD/MultiArith test",
        "aqua": "deepmind/aqua_rat raw test",
        "math-500": "HuggingFaceH4/MATH-500 test",
    }
    assert load_task("mgsm:de").source == "juletxara/mgsm de test"
    assert load_task("mgsm:de").kind == kind("number", locale="de")
    assert load_task("gsm8k", revision="abc").source == "openai/gsm8k main test abc"


def test_what_has_no_single_number_is_left_out(tmp_path: Path) -> None:
    plus = ROWS["gsm-plus"][0]
    task = load_task(
        "gsm-plus", file(tmp_path, [plus, {**plus, "perturbation_type": "critical thinking", "answer": "None"}])
    )
    assert len(task) == 1
    asdiv = ROWS["asdiv"][0]
    answers = ["9 (apples)", "Mrs. Hilt", "3:30", "3 (boys);5 (girls)", "1/2 (pie)", "2.5", "6th", "1,200 (m)"]
    task = load_task("asdiv", file(tmp_path, [{**asdiv, "answer": answer} for answer in answers]))
    assert [(item.id, item.gold) for item in task.items(order="source")] == [
        ("0", 9), ("4", Fraction(1, 2)), ("5", Fraction(5, 2)), ("7", 1200),
    ]  # fmt: skip


def test_gsm8k_whole(gsm8k: Path) -> None:
    task = load_task("gsm8k", gsm8k / "test.jsonl")
    golds = [item.gold for item in task.items(order="source")]
    assert len(golds) == 1319
    assert golds[:3] == [18, 3, 70000]
    assert all(isinstance(gold, Fraction) and gold.denominator == 1 for gold in golds)
    assert sum(gold < 0 for gold in golds if isinstance(gold, Fraction)) == 2
    raw = [json.loads(line)["answer"].split("####")[1] for line in (gsm8k / "test.jsonl").read_text().splitlines()]
    assert sum("," in text for text in raw) == 14
    assert [int(text.replace(",", "")) for text in raw] == golds
    assert len(load_task("gsm8k", gsm8k / "train.jsonl")) == 7473
    hard = task.items(where="steps >= 5")
    assert 0 < len(hard) < 700
    assert {item.metadata["steps"] for item in hard} <= set(range(5, 20))


def test_gsm8k_is_the_same_task_from_every_layout(gsm8k: Path, tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_json(str(gsm8k / "test.jsonl"), cache_dir=str(tmp_path / "cache"))
    rows.to_parquet(str(tmp_path / "test.parquet"))
    rows.to_csv(str(tmp_path / "test.csv"), index=False)
    rows.save_to_disk(str(tmp_path / "disk"))
    (tmp_path / "test.json").write_text(json.dumps([dict(row) for row in rows]))
    files = [gsm8k / "test.jsonl", *(tmp_path / name for name in ("test.parquet", "test.csv", "disk", "test.json"))]
    assert len({load_task("gsm8k", path).fingerprint for path in files}) == 1


def test_reading_gsm8k_is_quick(gsm8k: Path) -> None:
    """A bound ten times what it takes, so that a quadratic slip shows and a busy machine does not."""
    load_task("gsm8k", gsm8k / "test.jsonl").items(10)
    start = time.process_time()
    load_task("gsm8k", gsm8k / "test.jsonl").items(10)
    assert time.process_time() - start < 2


def test_unknown_names_and_options_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'gsm8k'"):
        load_task("gsm8")
    with pytest.raises(UnknownNameError, match="Did you mean 'mgsm:"):
        load_task("mgsm")
    with pytest.raises(UnknownNameError, match="Did you mean 'split'"):
        load_task("gsm8k", splt="train")
    with pytest.raises(UnknownNameError, match="option of gsm-symbolic 'name'"):
        load_task("gsm-symbolic", name="p1")
    with pytest.raises(ConfigError, match="write split into the source's hub, or leave out source"):
        load_task("gsm8k", source={"jsonl": "items.jsonl"}, split="train")
    with pytest.raises(ConfigError, match="gold_pattern: not a regular expression"):
        load_task("gsm8k", gold_pattern="(")
    assert load_task("gsm-hard", quantum="0.1").kind == kind("number", quantum="0.1")


def test_a_missing_copy_says_what_it_is_a_copy_of() -> None:
    with pytest.raises(
        DataError, match=r"nope\.jsonl: no such file; --data takes a local copy of openai/gsm8k main test"
    ):
        load_task("gsm8k", "nope.jsonl")


def test_other_data_names_its_columns(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"line 1: 'question'\. Did you mean 'Question'\? Known: ID, Body"):
        load_task("gsm8k", file(tmp_path, [ROWS["svamp"][0]])).items()
    with pytest.raises(DataError, match=r"line 1: the template .* 'Body' is undefined; columns: question, answer"):
        load_task("svamp", file(tmp_path, [ROWS["gsm8k"][0] | {"ID": 1}]), question="{{ Body }}").items()


def test_a_gold_that_cannot_be_read_stops_with_the_id(tmp_path: Path) -> None:
    rows = [ROWS["gsm8k"][0], {"question": "Why?", "answer": "Because.\n#### none"}]
    with pytest.raises(DataError, match=r"line 2: the gold 'none' of item '1' is not a number"):
        load_task("gsm8k", file(tmp_path, rows)).items()
    with pytest.raises(DataError, match=r"line 1: the gold of item '0' does not match .*'Because\.'"):
        load_task("gsm8k", file(tmp_path, [{"question": "Why?", "answer": "Because."}])).items()


def _entry(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint(name="plugged", value=value, group="reasoning.tasks")
    monkeypatch.setattr(plugins, "_plugins", lambda group: {"plugged": point})


PLUGGED = Task.of("plugged", [Item.of("1", "What is 1 + 1?", 2)])


def plugged(size: int = 1, data: Path | None = None) -> Task:
    return Task.of("plugged", [Item.of(str(i), "What is 1 + 1?", 2) for i in range(size)])


def no_task() -> list[Item]:
    return list(PLUGGED)


def test_a_plug_ins_task(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "plugged_tasks", module)
    _entry(monkeypatch, "plugged_tasks:PLUGGED")
    assert "plugged" in task_names()
    assert load_task("plugged") is PLUGGED
    with pytest.raises(UsageError, match="takes no options; leave out size"):
        load_task("plugged", size=2)
    _entry(monkeypatch, "plugged_tasks:plugged")
    assert len(load_task("plugged", size=3)) == 3
    _entry(monkeypatch, "plugged_tasks:no_task")
    with pytest.raises(ConfigError, match=r"gave list; expected an evals\.Task"):
        load_task("plugged")
    _entry(monkeypatch, "no_such_module:task")
    with pytest.raises(ConfigError, match="'plugged' .* does not load: ModuleNotFoundError"):
        load_task("plugged")


def test_a_generated_task_reads_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="reads no file"):
        load_task("reasoning-gym:products", file(tmp_path, []))
    assert load_task("reasoning-gym:products", size=3).name == gym_task("products").name


def test_every_name_can_be_a_folder() -> None:
    assert all(re.fullmatch(r"[\w.:-]+", name) for name in task_names())

"""Suites: read with file and line, checked whole before anything runs, one folder a run."""

import asyncio
import json
from pathlib import Path

import pytest

from evals.matrix import Matrix, matrix, run_matrix
from evals.overrides import overridden, pairs
from evals.settings import Settings
from evals.suite import read_suite, suite_file, suite_names
from evals.suite_schema import suite_schema
from reasoning.errors import ConfigError, DataError, UnknownNameError, UsageError
from strategies.strategy import Strategy

ROOT = Path(__file__).parents[2]

TASK = "name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\nmetadata: {level: level}\n"
SUITE = """\
defaults: {limit: 2, tags: {who: me}}
tasks:
  - mine.yaml
  - mine.yaml: {quantum: 0.01}
    name: rounded
    limit: 1
strategies:
  - direct
  - self-consistency: {of: {chain-of-thought: {most_shots: 2}}, samples: 3}
    name: three
    repeats: 2
backends:
  - scripted/constant
  - scripted/constant: {text: The answer is 21.}
    name: other
roles: {judge: scripted/echo}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "items.jsonl").write_text(
        '{"q": "3 * 6?", "a": 18, "level": 1}\n{"q": "3 * 7?", "a": 21, "level": 2}\n'
    )
    (tmp_path / "mine.yaml").write_text(TASK)
    return tmp_path


def planned(folder: Path, text: str, flags: Settings | None = None) -> Matrix:
    file = folder / "suite.yaml"
    file.write_text(text)
    return matrix(read_suite(file), flags)


def test_a_suite_is_every_task_with_every_strategy_on_every_backend(folder: Path) -> None:
    whole = planned(folder, SUITE)
    names = [cell.folder.name for cell in whole.cells]
    assert names == [
        "mine--direct--scripted-constant",
        "mine--self-consistency--scripted-constant--three",
        "mine--direct--scripted-constant--rounded",
        "mine--self-consistency--scripted-constant--rounded-three",
        "mine--direct--scripted-constant--other",
        "mine--self-consistency--scripted-constant--three-other",
        "mine--direct--scripted-constant--rounded-other",
        "mine--self-consistency--scripted-constant--rounded-three-other",
    ]
    assert [cell.settings.limit for cell in whole.cells] == [2, 2, 1, 1] * 2
    assert [cell.settings.repeats for cell in whole.cells] == [None, 2] * 4


def test_a_suite_runs_and_goes_on_where_it_ended(folder: Path) -> None:
    whole = planned(folder, SUITE)
    runs = asyncio.run(run_matrix(whole, out=folder / "runs"))
    assert [run.done for run in runs] == [2, 4, 1, 2, 2, 4, 1, 2]
    assert runs[0].header.tags == {"who": "me"}
    assert runs[0].header.backends["judge"].spec == "scripted/echo"
    assert {run.accuracy for run in runs[:2]} == {0.5}
    before = {file: file.read_bytes() for file in (folder / "runs").glob("*/results.jsonl")}
    again = asyncio.run(run_matrix(planned(folder, SUITE), out=folder / "runs"))
    assert [run.accuracy for run in again] == [run.accuracy for run in runs]
    assert {file: file.read_bytes() for file in before} == before


def test_flags_go_before_entries_and_entries_before_defaults(folder: Path) -> None:
    whole = planned(folder, SUITE, Settings(limit=7, seed=3, name="flag", tags={"who": "you"}))
    assert {(c.settings.limit, c.settings.seed, c.settings.tags["who"]) for c in whole.cells} == {(7, 3, "you")}
    assert whole.cells[0].folder.name.endswith("--flag")


def test_a_suite_extends_others_key_by_key(folder: Path) -> None:
    (folder / "base.yaml").write_text(SUITE)
    whole = planned(
        folder, "extends: base.yaml\ndefaults: {limit: 1}\nstrategies: [direct]\nbackends: [scripted/echo]\n"
    )
    assert [cell.strategy.name() for cell in whole.cells] == ["direct", "direct"]
    assert [cell.settings.limit for cell in whole.cells] == [1, 1]
    assert whole.suite.defaults.tags == {"who": "me"}


def test_a_suite_that_extends_itself_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="extends itself"):
        planned(folder, "extends: suite.yaml\n")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("tasks:", "taks:", r"suite\.yaml, line 2: 'taks'. Did you mean 'tasks'"),
        ("limit: 2,", "limt: 2,", r"suite\.yaml, line 1: 'limt'. Did you mean 'limit'"),
        ("limit: 2,", "limit: none,", r"suite\.yaml, line 1: limit cannot be 'none'"),
        ("    limit: 1", "    limt: 1", r"suite\.yaml, line 6 .*'limt'. Did you mean 'limit'"),
        ("  - direct", "  - dirct", r"suite\.yaml, line 8: .*'dirct'. Did you mean 'direct'"),
        ("samples: 3", "sampels: 3", r"suite\.yaml, line 9: .*'sampels'. Did you mean 'samples'"),
        ("most_shots: 2", "most_shots: 0", r"suite\.yaml, line 9: "),
        ("{text:", "{txt:", r"suite\.yaml, line 14: .*'txt'. Did you mean 'text'"),
        ("- scripted/constant\n", "- scriptd/constant\n", r"line 13: .*'scriptd'. Did you mean 'scripted'"),
        ("{quantum: 0.01}", "{data: x.jsonl}", r"suite\.yaml, line 4: data stands beside the task's name"),
        ("limit: 2,", "limit: 2024-13-45,", r"suite\.yaml: a value cannot be read: month .*; put it in quotes"),
        ("quantum", "qantum", r"suite\.yaml, line 4: .*'qantum'. Did you mean 'quantum'"),
        ("    name: three\n", "    where: levl == 1\n", r"'levl'. Did you mean 'level'"),
        ("    name: other\n", "", "would share the folder mine--direct--scripted-constant"),
        ("roles: {judge: scripted/echo}", "roles: {judge: 3}", r"line 16: expected a name"),
        ("limit: 2,", "limit: 2, limit: 3,", r"suite\.yaml, line 1: 'limit' stands here twice"),
        ("limit: 2,", "limit: [2,", r"suite\.yaml, line \d+: this is no YAML"),
        ("    repeats: 2", "    repeats: 0", r"suite\.yaml, line 11: repeats"),
        ("  - direct\n", "  - direct: {}\n    repeats: 2\n", r"suite\.yaml, line 8: .*greedily"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line_before_anything_runs(
    before: str, after: str, message: str, folder: Path
) -> None:
    text = SUITE.replace(before, after, 1)
    assert text != SUITE
    with pytest.raises(UsageError, match=message):
        planned(folder, text)


def test_a_gold_that_cannot_be_read_is_found_before_any_call(folder: Path) -> None:
    (folder / "items.jsonl").write_text('{"q": "3 * 6?", "a": "many", "level": 1}\n')
    with pytest.raises(DataError, match="many"):
        planned(folder, SUITE)


def test_the_packaged_suites_are_sound() -> None:
    assert "demo" in suite_names()
    for name in suite_names():
        file = suite_file(name)
        assert file is not None
        assert matrix(read_suite(file)).cells


def test_a_tasks_yaml_is_no_suite_and_a_missing_file_is_named(folder: Path) -> None:
    assert suite_file(str(folder / "mine.yaml")) is None
    assert suite_file("gsm8k") is None
    with pytest.raises(DataError, match=r"nowhere\.yaml"):
        suite_file("nowhere.yaml")


def test_a_tasks_yaml_with_a_bare_template_is_named_before_it_is_told_from_a_suite(folder: Path) -> None:
    (folder / "mine.yaml").write_text(TASK.replace("question: q", "question: {{ q }}"))
    with pytest.raises(DataError, match=r"mine\.yaml, line 3: a key is a mapping here; .* in quotes"):
        suite_file(str(folder / "mine.yaml"))


def test_a_folder_that_is_named_like_a_task_is_not_taken_for_it(folder: Path) -> None:
    (folder / "gsm8k").mkdir()
    (folder / "suite.yaml").write_text(SUITE.replace("  - mine.yaml\n", "  - gsm8k: {}\n    data: gsm8k\n", 1))
    first, second = read_suite(folder / "suite.yaml").tasks
    assert (first.name, first.data, second.name) == ("gsm8k", str(folder / "gsm8k"), str(folder / "mine.yaml"))


def test_the_published_schema_is_the_one_of_this_code() -> None:
    published = json.loads((ROOT / "docs" / "suite-schema.json").read_text())
    assert published == suite_schema(), "run: python -m evals.suite_schema > docs/suite-schema.json"


@pytest.mark.parametrize(
    ("name", "fields", "changes", "expected"),
    [
        ("direct", {}, {"sampling.temperature": 0.5}, {"sampling": {"temperature": 0.5}}),
        (
            "self-consistency",
            {"of": "direct"},
            {"of.sampling.temperature": 0.5, "samples": 3},
            {"of": {"direct": {"sampling": {"temperature": 0.5}}}, "samples": 3},
        ),
        (
            "self-consistency",
            {"of": {"direct": {"sampling": {"top_p": 0.9}}}},
            {"of.sampling.temperature": 0.5},
            {"of": {"direct": {"sampling": {"top_p": 0.9, "temperature": 0.5}}}},
        ),
        ("self-consistency", {"of": "direct"}, {"of": "chain-of-thought"}, {"of": "chain-of-thought"}),
        (
            "self-consistency",
            {},
            {"of.sampling.temperature": 0.5},
            {"of": {"chain-of-thought": {"sampling": {"temperature": 0.5}}}},
        ),
    ],
)
def test_dotted_fields_reach_into_strategies(name: str, fields: dict, changes: dict, expected: dict) -> None:  # type: ignore[type-arg]
    changed = overridden(name, fields, changes)
    assert changed == expected
    assert Strategy.of_config({name: changed})


def test_pairs_are_read_as_yaml() -> None:
    assert pairs(["a=1", "b=x=y", "c=", "d=[1, 2]", "e=true"], "-S") == {
        "a": 1, "b": "x=y", "c": "", "d": [1, 2], "e": True,
    }  # fmt: skip
    dates = {"a": "2024-10-21", "b": "2024-13-45", "c": {"version": "2024-10-21", "n": 1}}
    assert pairs(["a=2024-10-21", "b=2024-13-45", "c={version: 2024-10-21, n: 1}"], "-B") == dates
    with pytest.raises(ConfigError, match="key=value"):
        pairs(["a"], "-S")
    with pytest.raises(UnknownNameError, match="tempo"):
        overridden("direct", {}, {"tempo": 1})

"""A person's own task, in YAML."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from yaml_tasks import file, own

from evals.loading import load_task
from reasoning.errors import ConfigError, DataError, UnknownNameError, UsageError

OWN = """
name: my-task
source: {jsonl: items.jsonl}
question: "{{ body }} {{ ask }}"
gold: answer
gold_pattern: 'is (.+)\\.'
kind: number
quantum: 0.01
id: key
group: book
shots: word-problems
metadata: {level: level, length: "{{ body | length }}"}
"""
OWN_ROWS = [
    {"key": "a", "body": "Two.", "ask": "How many?", "answer": "It is 2.004.", "book": "one", "level": 3},
    {"key": "b", "body": "Three.", "ask": "How many?", "answer": "It is 3.", "book": "one", "level": 5},
]


def test_a_persons_own_task(tmp_path: Path) -> None:
    file(tmp_path, OWN_ROWS, "items.jsonl")
    task = load_task(own(tmp_path, OWN))
    first, second = task.items(order="source")
    assert (task.name, task.shots, task.metadata) == ("my-task", "word-problems", ("level", "length"))
    assert (first.id, first.problem.question, first.group) == ("a", "Two. How many?", "one")
    assert first.gold is not None
    assert task.kind.equal(first.gold, Fraction(2))
    assert second.metadata == {"level": 5, "length": 6}
    assert [item.id for item in task.items(where="length > 4 and level >= 4")] == ["b"]


@pytest.mark.parametrize("source", ["csv", "json", "parquet", "folder"])
def test_a_persons_own_task_from_other_sources(source: str, tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_list(OWN_ROWS)
    match source:
        case "csv":
            rows.to_csv(str(tmp_path / "items.csv"), index=False)
        case "json":
            (tmp_path / "items.json").write_text(json.dumps(OWN_ROWS))
        case "parquet":
            rows.to_parquet(str(tmp_path / "items.parquet"))
        case _:
            (tmp_path / "items").mkdir()
            file(tmp_path / "items", OWN_ROWS, "test.jsonl")
    where = "{hub: {path: %s}}" % (tmp_path / "items") if source == "folder" else f"{{{source}: items.{source}}}"
    task = load_task(own(tmp_path, OWN.replace("{jsonl: items.jsonl}", where)))
    assert [item.id for item in task.items(where="level >= 4")] == ["b"]


def test_a_copy_may_stand_in_for_a_persons_source(tmp_path: Path) -> None:
    copy = file(tmp_path, OWN_ROWS[:1], "copy.jsonl")
    assert len(load_task(own(tmp_path, OWN), copy)) == 1


def test_an_id_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    file(tmp_path, [OWN_ROWS[0], OWN_ROWS[1], OWN_ROWS[0]], "items.jsonl")
    with pytest.raises(DataError, match=r"items\.jsonl, line 3: the id 'a' stands already at .*items\.jsonl, line 1;"):
        load_task(own(tmp_path, OWN)).items()


def test_an_empty_question_or_file_is_refused(tmp_path: Path) -> None:
    file(tmp_path, [OWN_ROWS[0] | {"body": " ", "ask": ""}], "items.jsonl")
    with pytest.raises(DataError, match="line 1: the question is empty"):
        load_task(own(tmp_path, OWN)).items()
    file(tmp_path, [], "items.jsonl")
    with pytest.raises(DataError, match=r"Task 'my-task' has no items in .*items\.jsonl"):
        load_task(own(tmp_path, OWN)).items()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("gold: answer\n", ""), DataError, r"my-task\.yaml, line 2: the field 'gold' is missing"),
        (("gold_pattern", "gold_patern"), UnknownNameError, r"line 6: 'gold_patern'\. Did you mean 'gold_pattern'\?"),
        (("jsonl:", "jsnl:"), UnknownNameError, r"line 3: 'jsnl'\. Did you mean 'jsonl'\?"),
        (
            ("{jsonl: items.jsonl}", "{hub: {path: a/b, splt: test}}"),
            UnknownNameError,
            r"'splt'\. Did you mean 'split'\?",
        ),
        (
            ("{jsonl: items.jsonl}", "{jsonl: a.jsonl, csv: b.csv}"),
            DataError,
            "line 3: source: expected one of jsonl, json",
        ),
        (("{jsonl: items.jsonl}", "{}"), DataError, "line 3: source: expected one of jsonl, json"),
        (("{jsonl: items.jsonl}", "{jsonl: }"), DataError, "line 3: source: expected one of jsonl, json"),
        (("{jsonl: items.jsonl}", "[unclosed"), DataError, r"my-task\.yaml, line \d+: this is no YAML: "),
        (("kind: number", "kind: number\nkind: text"), DataError, "line 8: 'kind' stands here twice"),
        (
            ('"{{ body }} {{ ask }}"', "{{ body }}"),
            DataError,
            "line 4: a key is a mapping here; write a template.* quotes",
        ),
        (("name: my-task", "name: my\0task"), DataError, r"my-task\.yaml is no YAML: .*special characters"),
        (("kind: number", "kind: numbr"), DataError, r"line 7: Unknown .*'numbr'\. Did you mean 'number'\?"),
        (("'is (.+)\\.'", "'is (.+'"), DataError, "line 6: gold_pattern: not a regular expression"),
        (("name: my-task", "name: my task/1"), DataError, "line 2: name: String should match pattern"),
        (("shots: word-problems", "shots: [a]"), DataError, "line 11: shots: Input should be a valid string"),
    ],
)
def test_a_half_written_task_is_named_by_line(
    change: tuple[str, str], error: type[UsageError], words: str, tmp_path: Path
) -> None:
    assert change[0] in OWN
    with pytest.raises(error, match=words):
        load_task(own(tmp_path, OWN.replace(*change)))


def test_yaml_that_is_no_mapping_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: expected a mapping"):
        load_task(own(tmp_path, "- name\n"))
    with pytest.raises(DataError, match="line 1: expected a mapping"):
        load_task(own(tmp_path, ""))
    with pytest.raises(DataError, match="No such file"):
        load_task(tmp_path / "nope.yaml")
    file(tmp_path, OWN_ROWS, "items.jsonl")
    half = load_task(own(tmp_path, OWN.replace("{{ ask }}", "{{ ask ")))
    with pytest.raises(ConfigError, match="does not parse"):
        half.items()


def test_a_templates_text_is_a_number_only_where_nothing_is_lost_by_it(tmp_path: Path) -> None:
    file(tmp_path, [{**OWN_ROWS[0], "key": key} for key in ("007", "7", "-0", "0")], "items.jsonl")
    made = list(load_task(own(tmp_path, OWN), id="{{ key }}", metadata={"key": "{{ key }}"}))
    assert [item.id for item in made] == ["007", "7", "-0", "0"]
    assert [item.metadata["key"] for item in made] == ["007", 7, "-0", 0]


def test_a_template_that_fails_names_its_row_and_why(tmp_path: Path) -> None:
    file(tmp_path, OWN_ROWS, "items.jsonl")
    with pytest.raises(DataError, match=r"line 1: the template .* fails: ZeroDivisionError: division by zero"):
        load_task(own(tmp_path, OWN), gold="{{ 1 / (level - 3) }}").items()


def test_a_gold_pattern_whose_group_takes_no_part_gives_no_gold(tmp_path: Path) -> None:
    file(tmp_path, OWN_ROWS, "items.jsonl")
    with pytest.raises(DataError, match=r"line 1: the gold '' of item 'a' is not a number"):
        load_task(own(tmp_path, OWN), gold_pattern=r"was (\d+)|is").items()


def test_a_template_can_reach_no_further_than_its_row(tmp_path: Path) -> None:
    file(tmp_path, OWN_ROWS, "items.jsonl")
    with pytest.raises(DataError, match="unsafe"):
        load_task(own(tmp_path, OWN.replace("{{ ask }}", "{{ ask.__class__.__mro__ }}"))).items()

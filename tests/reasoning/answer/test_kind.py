"""Kinds are values: hashable, in JSON, fields of other models, made by name."""

import copy
import json
from fractions import Fraction
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from reasoning.answer import KINDS, AnswerKind, Boolean, Choice, Expression, Number, Text, kind
from reasoning.errors import ConfigError, UnknownNameError

ALL = [
    Number(),
    Number(quantum=Fraction(1, 3), unit=None, locale="de"),
    Choice(labels=("1", "2"), options=("x", "y")),
    Boolean(),
    Text(case=True),
    Expression(seconds=2),
]


class Task(BaseModel):
    kind: AnswerKind = Number()


@pytest.mark.parametrize("value", ALL)
def test_json_round_trip(value: AnswerKind) -> None:
    task = Task(kind=value)
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate(task.model_dump()) == task
    assert type(Task.model_validate(json.loads(task.model_dump_json())).kind) is type(value)


@pytest.mark.parametrize("value", ALL)
def test_kinds_are_values(value: AnswerKind) -> None:
    value.extract("The answer is 2.") if value.kind != "expression" else None  # caches change no identity
    same = type(value).model_validate(value.model_dump())
    assert same == value
    assert hash(same) == hash(value)
    assert copy.deepcopy(value) == value
    with pytest.raises(ValidationError, match="frozen"):
        value.kind = "number"  # type: ignore[misc, assignment]


@pytest.mark.parametrize("name", list(KINDS))
def test_a_plain_name_is_accepted(name: str) -> None:
    assert Task.model_validate({"kind": name}).kind == kind(name)
    assert kind(name).kind == name


def test_fields_of_a_kind() -> None:
    task = Task.model_validate({"kind": {"kind": "number", "quantum": "1e-2", "unit": None}})
    assert task.kind == kind("number", quantum=0.01, unit=None)
    assert isinstance(task.kind, Number)
    assert task.kind.quantum == Fraction(1, 100)


def test_the_json_schema_can_be_made() -> None:
    assert "number" in json.dumps(Task.model_json_schema())


def test_unknown_kind() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'number'"):
        kind("numbr")
    with pytest.raises(UnknownNameError, match="Did you mean 'number'"):
        Task.model_validate({"kind": "numbr"})
    with pytest.raises(UnknownNameError, match="Known: number, choice"):
        Task.model_validate({"kind": {"kind": "xyz"}})


def test_unknown_field() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'quantum'"):
        kind("number", quantun=1)


@pytest.mark.parametrize(
    "fields", [{"quantum": "1e-200"}, {"quantum": -1}, {"quantum": "x"}, {"quantum": True}, {"quantum": "1/0"}]
)
def test_values_out_of_range(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="quantum"):
        kind("number", **fields)


def test_unknown_locale() -> None:
    with pytest.raises(UnknownNameError, match="locale 'deu'"):
        kind("number", locale="deu")

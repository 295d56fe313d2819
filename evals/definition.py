"""A task as a few lines of YAML: the project's own, and a person's."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evals.located import Located, read_yaml
from evals.sources import Rows, read_file, read_hub
from reasoning.answer import AnswerKind, kind
from reasoning.errors import DataError, ReasoningError, UnknownNameError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hub(_Part):
    """A data set on the hub.

    Attributes:
        path: Its id, e.g. `openai/gsm8k`.
        name: Its configuration.
        split: The split to take.
        revision: A commit, tag or branch; the newest when None.
    """

    path: str
    name: str | None = None
    split: str = "test"
    revision: str | None = None


class Source(_Part):
    """Where the rows are: one of a local file (or, under any of these names, a folder) and a hub's data set."""

    jsonl: Path | None = None
    json_: Path | None = Field(None, alias="json")
    csv: Path | None = None
    parquet: Path | None = None
    hub: Hub | None = None

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if len(self.model_fields_set) != 1 or (self.file is None and self.hub is None):
            raise ValueError("expected one of jsonl, json, csv, parquet, hub")
        return self

    @property
    def file(self) -> Path | None:
        """The local file, if it is one."""
        return self.jsonl or self.json_ or self.csv or self.parquet

    def read(self, data: Path | None = None) -> Rows:
        """The rows: of a local copy where one is given, else of the source."""
        if data is not None:
            split, name = (self.hub.split, self.hub.name) if self.hub else ("test", None)
            return read_file(data, split, name)
        if self.hub is not None:
            return read_hub(self.hub.path, self.hub.name, self.hub.split, self.hub.revision)
        assert self.file is not None
        return read_file(self.file)

    def __str__(self) -> str:
        if self.hub is None:
            return str(self.file)
        return " ".join(part for part in (self.hub.path, self.hub.name, self.hub.split, self.hub.revision) if part)


class Definition(_Part):
    """A task's definition. `question`, `gold`, `id`, `group` and each of `metadata` is a column or a jinja2 template.

    Attributes:
        name: The task's name.
        description: One line for lists.
        source: Where the rows are.
        question: The question.
        gold: The right answer.
        gold_pattern: A regular expression that finds the answer in the gold's text: its first group, or all of it.
        kind: The answer kind: a name, or a mapping of its own fields, e.g. `{kind: choice, labels: [A, B]}`.
        quantum: The rounding by which numbers are classed.
        unit: What unit words and `%` mean in numbers.
        locale: How numbers are written, e.g. `de`.
        shots: The exemplar set that suits the task.
        id: The item's id; the row's number from 0 unless given.
        group: Items of one group are not independent.
        metadata: Columns to slice by, or a mapping of slice names to columns or templates.
        keep: Columns with the regular expression that a row must match there to be an item; other rows are left out.
        variants: Named changes to the definition, e.g. one for each language: `name:variant` is a task.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    description: str = ""
    source: Source
    question: str
    gold: str
    gold_pattern: str | None = None
    kind: str | dict[str, Any] = "number"
    quantum: str | int | float | None = None
    unit: str | None = None
    locale: str | None = None
    shots: str | None = None
    id: str | None = None
    group: str | None = None
    metadata: dict[str, str] = {}
    keep: dict[str, str] = {}
    variants: dict[str, dict[str, Any]] = {}

    @field_validator("metadata", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {name: name for name in value} if isinstance(value, list) else value

    @field_validator("gold_pattern")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            _compiled(value)
        return value

    @field_validator("keep")
    @classmethod
    def _patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value.values():
            _compiled(pattern)
        return value

    @property
    def answer_kind(self) -> AnswerKind:
        """The answer kind with its options.

        Raises:
            ReasoningError: No such kind, or an option that it does not have.
        """
        fields = dict(self.kind) if isinstance(self.kind, dict) else {"kind": self.kind}
        fields |= {key: getattr(self, key) for key in ("quantum", "unit", "locale") if getattr(self, key) is not None}
        return kind(fields.pop("kind", ""), **fields)

    def variant(self, name: str) -> "Definition":
        """The definition with a variant's changes; a change to a mapping adds to it.

        Raises:
            UnknownNameError: No such variant.
        """
        if name not in self.variants:
            raise UnknownNameError(f"variant of {self.name}", name, self.variants)
        fields = self.model_dump(mode="python", by_alias=True, exclude_unset=True, exclude={"variants"})
        return Definition.model_validate(_merged(fields, self.variants[name]))


def read_definition(path: Path) -> Definition:
    """A definition from a YAML file. Paths in it are relative to the file.

    Raises:
        DataError: It is not there, not YAML or not a definition; the message gives file, line and what was expected.
        UnknownNameError: It has a field that there is not.
    """
    document = read_yaml(path)
    fields = document.value
    if not isinstance(fields, dict):
        raise DataError(f"{path}, line 1: expected a mapping with name, source, question and gold.")
    try:
        definition = Definition.model_validate(fields)
        definition.answer_kind  # noqa: B018 (a wrong kind shows here, with its line)
    except ValidationError as error:
        raise _explained(error, document) from error
    except ReasoningError as error:
        raise DataError(f"{document.at('kind')}: {error}") from error
    file = definition.source.file
    if file is None or file.is_absolute():
        return definition
    (field,) = definition.source.model_dump(by_alias=True, exclude_unset=True)
    return definition.model_copy(update={"source": Source.model_validate({field: path.parent / file})})


def _explained(error: ValidationError, document: Located) -> DataError | UnknownNameError:
    found = error.errors()[0]
    place = tuple(str(part) for part in found["loc"])
    where, field = document.at(*place), ".".join(place)
    if found["type"] == "extra_forbidden":
        models: dict[tuple[str, ...], type[_Part]] = {("source",): Source, ("source", "hub"): Hub}
        model = models.get(place[:-1], Definition)
        known = [info.alias or name for name, info in model.model_fields.items()]
        return UnknownNameError(f"field in {where}:", place[-1], known)
    if found["type"] == "missing":
        similar = difflib.get_close_matches(place[-1], [str(key) for *_, key in filter(None, document.lines)], n=1)
        hint = f" (found {similar[0]!r})" if similar and similar[0] != place[-1] else ""
        return DataError(f"{where}: the field {field!r} is missing{hint}.")
    return DataError(f"{where}: {field}: {found['msg'].removeprefix('Value error, ')}.")


def _merged(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(fields[key], value) if isinstance(value, dict) and isinstance(fields.get(key), dict) else value
        for key, value in changes.items()
    }
    return {**fields, **both}


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error} in {pattern!r}") from error

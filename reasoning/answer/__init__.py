"""Answers: how they are read out of a text, compared, classed and shown.

kind = reasoning.answer.kind("number")
kind.extract("So she makes $18 every day.").answer  # Fraction(18, 1)
kind.key(kind.parse("$18.00"))  # '18'
"""

from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, ValidationError

from reasoning.answer.abstract import Answer, Evidence, Extraction, Formula, Kind, evidence_of
from reasoning.answer.boolean import Boolean
from reasoning.answer.choice import Choice
from reasoning.answer.expression import Expression
from reasoning.answer.number import Number
from reasoning.answer.text import Text
from reasoning.errors import ConfigError, UnknownNameError

__all__ = [
    "KINDS",
    "Answer",
    "AnswerKind",
    "Boolean",
    "Choice",
    "Evidence",
    "Expression",
    "Extraction",
    "Formula",
    "Kind",
    "Number",
    "Text",
    "evidence_of",
    "kind",
]

KINDS: Final[dict[str, type[Number] | type[Choice] | type[Boolean] | type[Text] | type[Expression]]] = {
    "number": Number,
    "choice": Choice,
    "boolean": Boolean,
    "text": Text,
    "expression": Expression,
}
"""Every kind of answer by its name."""


def _named(value: object) -> object:
    """A plain name as the kind's fields; an unknown name as the error that lists the known ones."""
    fields = {"kind": value} if isinstance(value, str) else value
    name = fields.get("kind") if isinstance(fields, dict) else None
    if isinstance(name, str) and name not in KINDS:
        raise UnknownNameError("answer kind", name, KINDS)
    return fields


AnswerKind: TypeAlias = Annotated[
    Annotated[Number | Choice | Boolean | Text | Expression, Field(discriminator="kind")], BeforeValidator(_named)
]
"""A kind of answer as a field of a pydantic model: a kind, its fields as a mapping with `kind`, or its plain name."""


def kind(name: str, **fields: Any) -> AnswerKind:
    """A kind of answer by its name, with its fields.

    Args:
        name: `"number"`, `"choice"`, `"boolean"`, `"text"` or `"expression"`.
        fields: The kind's own fields: see its class.

    Raises:
        UnknownNameError: No such kind, or no such field.
        ConfigError: A field has a value that it cannot have.
    """
    if name not in KINDS:
        raise UnknownNameError("answer kind", name, KINDS)
    cls = KINDS[name]
    for field in fields:
        if field not in cls.model_fields or field == "kind":
            raise UnknownNameError(
                f"field of the answer kind {name!r}", field, sorted(set(cls.model_fields) - {"kind"})
            )
    try:
        return cls(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "fields"
        raise ConfigError(f"The answer kind {name!r} cannot be made: {where}: {first['msg']}.") from None

"""Exemplar sets: solved problems that stand before the question.

One set serves every strategy: an exemplar's answer is for `Direct`, its reasoning for `ChainOfThought`, its program for
`ProgramOfThought`. The sets of this project are its own and lie in `prompts/`, one YAML file each; a person's own set
is named by its path; other packages add theirs by the entry-point group `reasoning.exemplars`.
"""

from functools import cache
from pathlib import Path as File

from pydantic import BaseModel, ConfigDict, ValidationError

from reasoning import plugins, yaml_text
from reasoning.answer import AnswerKind, Number
from reasoning.errors import DataError, UnknownNameError

FOLDER = File(__file__).parent / "prompts"
GROUP = "reasoning.exemplars"
"""An entry point of this group is an `ExemplarSet`, or the path of a YAML file that holds one."""


class Exemplar(BaseModel):
    """A solved problem.

    Attributes:
        question: Its text.
        reasoning: The way to the answer, without the answer's sentence.
        program: A Python program that leaves the answer in `ans`.
        answer: The answer as it is to be written.
        draft: The reasoning in steps of five words at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    reasoning: str
    program: str
    answer: str
    draft: str = ""


class ExemplarSet(BaseModel):
    """A named set of exemplars with one kind of answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: AnswerKind = Number()
    language: str = "en"
    exemplars: tuple[Exemplar, ...]


def set_names() -> list[str]:
    """The names of all sets: this project's, then plug-ins'."""
    return plugins.names(GROUP, _files())


@cache
def exemplar_set(name: str) -> ExemplarSet:
    """The set of a name, or of a person's own YAML file.

    Raises:
        UnknownNameError: No such set.
        DataError: The file cannot be read as one; the message says where, and what was expected.
    """
    if name.endswith((".yaml", ".yml")):
        return _read(name, File(name))
    if name in (files := _files()):
        return _read(name, File(files[name]))
    if name not in set_names():
        raise UnknownNameError("exemplar set", name, set_names())
    found = plugins.load(GROUP, {}, name, "exemplar set")
    return found if isinstance(found, ExemplarSet) else _read(name, File(str(found)))


def _files() -> dict[str, str]:
    return {file.stem: str(file) for file in sorted(FOLDER.glob("*.yaml"))}


def _read(name: str, file: File) -> ExemplarSet:
    import yaml  # here, because it costs start-up time that a zero-shot strategy need not pay

    try:
        return ExemplarSet.model_validate(yaml_text.load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"The exemplar set {name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"The exemplar set {name} is no text in UTF-8: {error.reason} at byte {error.start}."
        ) from error
    except yaml.YAMLError as error:
        raise DataError(f"The exemplar set {name} is no YAML: {' '.join(str(error).split())}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"The exemplar set {name} is not as expected at {where or 'its top'}: {first['msg']}."
        ) from error

"""Tasks from reasoning-gym: generated, seeded, any number of items, nothing to download."""

import base64
import dataclasses
import logging
import os
import pickle
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from evals.arithmetic import is_formula, makes
from evals.gym_names import GENERATORS, HASH_DEPENDENT
from evals.item import Item, Verify, parsed_gold
from evals.task import Task
from evals.task_names import PREFIX
from reasoning.answer import Answer, AnswerKind, kind
from reasoning.errors import ConfigError, MissingPackageError, UnknownNameError
from reasoning.problem import Problem
from reasoning.worker import Allowance, Overrun, Worker

logger = logging.getLogger(__name__)

SIZE = 200
"""How many items a task has unless `size` says otherwise."""

_FULL_MARKS = 1 - 1e-9
_MINUTE = frozenset({"power_function"})
"""The generators whose answers may be smaller than any quantum."""

_SHOTS = {
    **dict.fromkeys(("basic_arithmetic", "chain_sum", "products"), "arithmetic"),
    **dict.fromkeys(("gsm_symbolic", "leg_counting"), "word-problems"),
}
_FORMULAS = frozenset({"intermediate_integration", "polynomial_multiplication", "simple_integration"})
"""The generators whose scorers hand a text to sympy, which evaluates it: only a formula gets there."""
_NOT_FINITE = re.compile(r"(?<![A-Za-z])(?:nan|inf(?:inity)?)[ij]?(?![A-Za-z])", re.IGNORECASE)
"""What reads as a number and is none: no difference from it is more than a scorer's tolerance."""
_SECONDS = 10.0
"""What scoring one text may take; the first one of a generator has its word lists read, too."""


@cache
def worker() -> Worker:
    """The process in which scorers run."""
    return Worker(Path(__file__).with_name("gym_scorer.py"), lambda package: _not_installed(package, "Scoring"))


@dataclasses.dataclass(frozen=True, slots=True)
class Solves:
    """Verifies an answer to countdown or the game of 24."""

    target: int
    numbers: tuple[int, ...]

    @property
    def identity(self) -> str:
        """What it verifies."""
        return f"makes {self.target} of {sorted(self.numbers)}"

    def __call__(self, answer: Answer) -> float:
        return float(makes(str(answer), self.target, self.numbers))


@dataclasses.dataclass(frozen=True)
class Generator:
    """What makes a dataset of reasoning-gym."""

    name: str
    size: int
    seed: int
    config: Mapping[str, Any]

    @cached_property
    def packed(self) -> str:
        """The generator as the scoring worker takes it."""
        return _packed((self.name, self.size, self.seed, dict(self.config)))


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """Verifies an answer with its generator's own scorer.

    Those scorers give fractions as training rewards (0.01 for any answer at all, 0.05 for a well-formed one): below
    full marks an answer is wrong, unless `partial`.
    """

    generator: Generator
    entry: Mapping[str, Any]
    kind: AnswerKind
    partial: bool

    @property
    def identity(self) -> str:
        """What it verifies, beside the question: not the entry's own answer, which is but one of many."""
        return f"{self.generator.name}{' with partial credit' if self.partial else ''}"

    def __call__(self, answer: Answer) -> float:
        text = _decimal(answer) if isinstance(answer, Fraction) else self.kind.text(answer)
        if self.generator.name in _FORMULAS and not is_formula(text):
            return 0.0
        if _NOT_FINITE.search(text) and text.strip() != self.entry["answer"]:
            return 0.0
        request = {"made": self.generator.packed, "entry": _packed(self.entry), "text": text}
        try:
            score = worker().ask(request, Allowance(_SECONDS))
        except Overrun as error:
            logger.warning("an answer took too long to score (%s): %.80r", error, text)
            return 0.0
        if score is None or not 0 <= score <= 1:  # the scorer raised, on a text that is no answer, or gave `nan`
            return 0.0
        return float(score if self.partial else score >= _FULL_MARKS)


def gym_task(name: str, /, size: int = SIZE, seed: int = 0, partial: bool = False, **config: Any) -> Task:
    """A task of a reasoning-gym generator.

    Args:
        name: The generator, e.g. `"products"`.
        size: How many items. A larger task begins with the items of a smaller one.
        seed: Of the generator, which gives item i of seed s from s + i: seeds closer than `size` share items.
        partial: Whether a scorer's fractions count; else an answer is right or wrong.
        **config: The generator's own options, e.g. `min_terms=2`.

    Raises:
        UnknownNameError: No such generator, or it has no such option.
        ConfigError: An option is out of its range.
        MissingPackageError: reasoning-gym is not installed; raised when the items are first asked for.
    """
    if name not in GENERATORS:
        raise UnknownNameError("reasoning-gym generator", name, GENERATORS)
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f"size must be 1 or more, not {size!r}.")
    if not isinstance(seed, int):
        raise ConfigError(f"seed must be a whole number, not {seed!r}.")
    answers, has_gold = GENERATORS[name]
    generator = Generator(name, size, seed, config)
    answer_kind = kind(answers, quantum=0) if name in _MINUTE else kind(answers)

    def load() -> Sequence[Item]:
        dataset = _dataset(name, size, seed, config)
        with _seeded(seed):
            return [_item(generator, dataset, i, answer_kind, has_gold, partial) for i in range(size)]

    return Task(
        name=f"{PREFIX}{name}",
        kind=answer_kind,
        load=load,
        shots=_SHOTS.get(name),
        source=f"reasoning-gym, {size} items of seed {seed}",
    )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the global generator for a moment: `list_functions` draws from it."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def _dataset(name: str, size: int, seed: int, config: Mapping[str, Any]) -> Any:
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ModuleNotFoundError as error:
        raise _not_installed("reasoning_gym", f"The task {PREFIX}{name}") from error
    if name not in DATASETS:
        raise ConfigError(f"The installed reasoning-gym has no generator {name!r}: pip install -U reasoning-gym")
    if name in HASH_DEPENDENT and os.environ.get("PYTHONHASHSEED", "random") == "random":
        raise ConfigError(
            f"{PREFIX}{name} makes other items in each process unless PYTHONHASHSEED is set, so that no run of it "
            "could be resumed or compared; set PYTHONHASHSEED=0."
        )
    known = [field.name for field in dataclasses.fields(DATASETS[name][1]) if field.name not in ("seed", "size")]
    for option in config:
        if option not in known:
            raise UnknownNameError(f"option of {PREFIX}{name}", option, [*known, "size", "seed", "partial"])
    try:
        return create_dataset(name, size=size, seed=seed, **config)
    except (AssertionError, ValueError, TypeError) as error:
        raise ConfigError(f"{PREFIX}{name} does not take these options: {error}.") from error


def _item(generator: Generator, dataset: Any, index: int, answers: AnswerKind, has_gold: bool, partial: bool) -> Item:
    entry = dataset[index]
    problem = Problem(id=str(index), question=entry["question"].strip(), kind=answers)
    metadata = {column: value for column, value in entry["metadata"].items() if _is_slice(column, value)}
    if has_gold:
        return Item(
            problem=problem, gold=parsed_gold(problem, entry["answer"], f"{PREFIX}{generator.name}"), metadata=metadata
        )
    return Item(problem=problem, verify=_verifier(generator, entry, answers, partial), metadata=metadata)


def _decimal(number: Fraction) -> str:
    """A number as scorers read it: exact where its decimals end soon, else the nearest float."""
    text = kind("number").text(number)
    try:
        return repr(float(number)) if "/" in text else text
    except OverflowError:  # past every float
        return text


def _is_slice(column: str, value: object) -> bool:
    """Whether items can be sliced by a column: a number or a short name, and not the answer."""
    if column.startswith(("source_", "answer", "solution")):
        return False
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 40)


def _verifier(generator: Generator, entry: Mapping[str, Any], answers: AnswerKind, partial: bool) -> Verify:
    facts = entry["metadata"]
    if generator.name == "countdown":
        return Solves(facts["target"], tuple(facts["numbers"]))
    if generator.name == "puzzle24":
        return Solves(24, tuple(facts["numbers"]))
    return Scored(generator, entry, answers, partial)


def _packed(value: object) -> str:
    return base64.b64encode(pickle.dumps(value)).decode()


def _not_installed(package: str, needed_by: str) -> MissingPackageError:
    return MissingPackageError(package, "pip install reasoning-gym", needed_by)

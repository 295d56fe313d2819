"""Items from rows, as a definition says."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

from evals.definition import Definition
from evals.item import Item, parsed_gold
from evals.patterns import Pattern
from evals.sources import Row, Rows
from reasoning.answer import Answer
from reasoning.errors import ConfigError, DataError, UnknownNameError
from reasoning.problem import Problem

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

Field = Callable[[Row, str], object]
"""Takes a row and its place; gives a value."""

_LONGEST_GROUP = 64
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
"""A template's text that is taken for a number; `007` is a name, and another one than `7`."""


class ItemsOf(Sequence[Item]):
    """The items of a definition's rows; an item is built when it is asked for.

    Raises:
        UnknownNameError: A row lacks a column.
        DataError: A question is empty, or a gold cannot be read.
    """

    def __init__(self, definition: Definition, rows: Rows) -> None:
        self._rows, self._kind = rows, definition.answer_kind
        self._question, self._gold = field(definition.question), field(definition.gold)
        self._gold_pattern = Pattern(definition.gold_pattern, "gold_pattern") if definition.gold_pattern else None
        self._id = field(definition.id) if definition.id else None
        self._group = field(definition.group) if definition.group else None
        self._metadata = {name: field(text) for name, text in definition.metadata.items()}
        self._golds: dict[int, Answer] = {}  # read once: canonicalising a formula takes milliseconds
        self._indices = self._kept(definition) if definition.keep else range(len(rows))

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> "Item | list[Item]":
        if isinstance(index, slice):
            return [self._item(i) for i in self._indices[index]]
        return self._item(self._indices[index])

    def __iter__(self) -> Iterator[Item]:
        return map(self._item, self._indices)

    def place(self, index: int) -> str:
        """Where an item stands."""
        return self._rows.place(self._indices[index])

    def _kept(self, definition: Definition) -> list[int]:
        tests = [(field(text), Pattern(pattern, "keep")) for text, pattern in definition.keep.items()]
        return [index for index in range(len(self._rows)) if self._is_kept(index, tests)]

    def _is_kept(self, index: int, tests: "Sequence[tuple[Field, Pattern]]") -> bool:
        row, place = self._rows[index], self._rows.place(index)
        return all(pattern.last(str(get(row, place)), place) is not None for get, pattern in tests)

    def _item(self, index: int) -> Item:
        row, place = self._rows[index], self._rows.place(index)
        question = str(self._question(row, place)).strip()
        if not question:
            raise DataError(f"{place}: the question is empty; expected a text.")
        id = str(index) if self._id is None else str(self._id(row, place))
        problem = Problem(id=id, question=question, kind=self._kind)
        if index not in self._golds:
            self._golds[index] = parsed_gold(problem, self._gold_of(row, place, id), place)
        return Item(
            problem=problem,
            gold=self._golds[index],
            metadata={name: get(row, place) for name, get in self._metadata.items()},
            group=None if self._group is None else _short(str(self._group(row, place))),
        )

    def _gold_of(self, row: Row, place: str, id: str) -> object:
        gold = self._gold(row, place)
        if self._gold_pattern is None:
            return gold.strip() if isinstance(gold, str) else gold
        found = self._gold_pattern.last(str(gold), place)
        if found is None:
            raise DataError(
                f"{place}: the gold of item {id!r} does not match {self._gold_pattern.text!r}: {str(gold)[-80:]!r}."
            )
        return found.strip()


def field(text: str) -> Field:
    """What takes a value from a row: the column of that name, or a jinja2 template over all columns.

    Raises:
        ConfigError: The template does not parse.
    """
    if "{{" in text or "{%" in text:
        return _template(text)

    def column(row: Row, place: str) -> object:
        if text not in row:
            raise UnknownNameError(f"column in {place}:", text, [str(name) for name in row])
        return row[text]

    return column


def _template(text: str) -> Field:
    import jinja2

    try:
        template = _environment().from_string(text)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(f"The template {text!r} does not parse: {error.message}.") from error

    def rendered(row: Row, place: str) -> object:
        try:
            value = template.render(row)
        except jinja2.UndefinedError as error:
            raise DataError(f"{place}: the template {text!r}: {error.message}; columns: {', '.join(row)}.") from error
        except (
            Exception
        ) as error:  # a template is a small program: it may divide by zero, or look for what is not there
            raise DataError(f"{place}: the template {text!r} fails: {type(error).__name__}: {error}.") from error
        return int(value) if _INTEGER.fullmatch(value) else value

    return rendered


def _environment() -> "SandboxedEnvironment":
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


def _short(group: str) -> str:
    """A group's name, or a hash of it where it is a whole question."""
    if len(group) <= _LONGEST_GROUP:
        return group
    return hashlib.blake2b(group.encode(errors="surrogatepass"), digest_size=8).hexdigest()

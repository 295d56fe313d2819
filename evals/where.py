"""Conditions on metadata, as in `--where "level >= 4 and subject in ['Algebra', 'Geometry']"`.

The text is parsed by Python's grammar and walked over a list of allowed nodes; nothing is evaluated.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reasoning.errors import ConfigError, UnknownNameError

_COMPARE: Mapping[type[ast.cmpop], Callable[[object, object], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,  # type: ignore[dict-item]  # operands are of one type by then
    ast.LtE: operator.le,  # type: ignore[dict-item]
    ast.Gt: operator.gt,  # type: ignore[dict-item]
    ast.GtE: operator.ge,  # type: ignore[dict-item]
}
_TRUTHS = {"true": True, "false": False}
_GRAMMAR = "comparisons (== != < <= > >= in, not in) of columns with numbers or quoted text, joined by and, or, not"


@dataclass(frozen=True)
class Where:
    """A parsed condition: made by `parse`, asked by `holds`."""

    text: str
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str, columns: Iterable[str]) -> "Where":
        """Reads a condition.

        Args:
            text: E.g. `"level >= 4"`.
            columns: The columns there are.

        Raises:
            ConfigError: The text is no condition.
            UnknownNameError: It names a column that there is not.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            hint = " Equality is written ==." if "=" in text.replace("==", "") else ""
            raise ConfigError(f"Cannot read the condition {text!r}: it takes {_GRAMMAR}.{hint}") from error
        where = cls(text, tree)
        where._check(tree, tuple(columns))
        return where

    def holds(self, metadata: Mapping[str, object], id: str = "") -> bool:
        """Whether an item's metadata meets the condition. A value that is missing meets no comparison.

        Raises:
            ConfigError: A value cannot be compared with what the condition names.
        """
        return self._holds(self._tree, metadata, id)

    def _check(self, node: ast.expr, columns: tuple[str, ...]) -> None:
        match node:
            case ast.BoolOp(values=parts):
                for part in parts:
                    self._check(part, columns)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                self._check(inner, columns)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                for side in (left, *rights):
                    if isinstance(side, ast.Name):
                        if side.id not in columns:
                            raise UnknownNameError("metadata column", side.id, columns)
                    else:
                        self._literal(side)
                for op, right in zip(ops, rights, strict=True):
                    listed = isinstance(right, ast.List | ast.Tuple)
                    if listed != isinstance(op, ast.In | ast.NotIn) or isinstance(op, ast.Is | ast.IsNot):
                        raise ConfigError(f"Cannot read the condition {self.text!r}: it takes {_GRAMMAR}.")
            case ast.Name():
                self._check(ast.Compare(left=node, ops=[], comparators=[]), columns)
            case _:
                raise ConfigError(f"Cannot read the condition {self.text!r}: it takes {_GRAMMAR}.")

    def _literal(self, node: ast.expr) -> object:
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"Cannot read the condition {self.text!r}: it takes {_GRAMMAR}.") from error

    def _holds(self, node: ast.expr, metadata: Mapping[str, object], id: str) -> bool:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(self._holds(part, metadata, id) for part in parts)
            case ast.BoolOp(values=parts):
                return any(self._holds(part, metadata, id) for part in parts)
            case ast.UnaryOp(operand=inner):
                return not self._holds(inner, metadata, id)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                sides = [metadata.get(s.id) if isinstance(s, ast.Name) else self._literal(s) for s in (left, *rights)]
                return all(self._meets(sides[i], op, sides[i + 1], id) for i, op in enumerate(ops))
            case ast.Name(id=column):
                return _true(metadata.get(column))
        raise AssertionError(f"unchecked node {ast.dump(node)}")

    def _meets(self, left: object, op: ast.cmpop, right: object, id: str) -> bool:
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(right, list | tuple)
            if left is None:
                return False
            found = any(self._meets(left, ast.Eq(), one, id) for one in right)
            return found == isinstance(op, ast.In)
        if left is None or right is None:
            return False
        left, right = _alike(left, right)
        try:
            return _COMPARE[type(op)](left, right)
        except TypeError as error:
            raise ConfigError(
                f"The condition {self.text!r} compares {left!r} with {right!r} in item {id!r}."
            ) from error


def _alike(left: object, right: object) -> tuple[object, object]:
    """Reads a text beside a number, or True or False, as one where it is one: the cells of a CSV file are texts."""
    if isinstance(left, str) and isinstance(right, int | float):
        return _value(left, right), right
    if isinstance(right, str) and isinstance(left, int | float):
        return left, _value(right, left)
    return left, right


def _value(text: str, beside: float) -> object:
    if isinstance(beside, bool) and text.strip().lower() in _TRUTHS:
        return _TRUTHS[text.strip().lower()]
    try:
        return float(text)
    except ValueError:
        return text


def _true(value: object) -> bool:
    """Whether a column that stands alone is true: a CSV file's `False` and `0` are not."""
    return bool(_value(value, True) if isinstance(value, str) else value)

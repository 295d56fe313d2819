"""Reads arithmetic that a model wrote, without evaluating it: Python's grammar, walked over a list of allowed nodes.

Scorers of reasoning-gym hand a model's answer to sympy's `parse_expr`, which evaluates it: text from a model is a
program from a stranger. Nothing from a model gets there unless it passes here.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

LONGEST = 1000
"""Longer texts, in characters, are not read."""

_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
_FUNCTIONS = frozenset(re.findall(r"\w+", "sin cos tan sec csc cot asin acos atan sinh cosh tanh exp log ln sqrt Abs"))
_LARGEST_POWER = 64
_LARGEST_EXPONENT = 1e9
_DEEPEST = 60


def makes(text: str, target: int, numbers: Sequence[int]) -> bool:
    """Whether an expression of `+ - * /` and parentheses uses each of the numbers exactly once and makes the target.

    The rule of countdown and of the game of 24. Exact, in fractions.
    """
    tree = _tree(text.translate(_SIGNS))
    if tree is None:
        return False
    used: list[int] = []
    try:
        return _value(tree, used) == target and Counter(used) == Counter(numbers)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False


def is_formula(text: str) -> bool:
    """Whether a text is a formula of numbers, short names, known functions and small powers, and so safe for sympy.

    Sympy works powers of numbers out, nested ones too, and `exp(9*log(2))` as one: a few characters that make a number
    of a billion digits would hold the process up for good.
    """
    tree = _tree(text)
    if tree is None or not _depth_allowed(tree) or not all(_is_formula_node(node) for node in ast.walk(tree)):
        return False
    try:
        return _degree(tree) <= _LARGEST_POWER
    except ValueError:
        return False


def _tree(text: str) -> ast.expr | None:
    if len(text) > LONGEST:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _depth_allowed(tree: ast.AST, left: int = _DEEPEST) -> bool:
    return left > 0 and all(_depth_allowed(child, left - 1) for child in ast.iter_child_nodes(tree))


def _value(node: ast.expr, used: list[int]) -> Fraction:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            used.append(number)
            return Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, used)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left, used), _value(right, used)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
    raise ValueError("not an expression of integers and + - * /")


def _is_formula_node(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float() as number):
            return abs(number) < 10**30
        case ast.Name(id=name):
            return name in _FUNCTIONS or re.fullmatch(r"[A-Za-z]{1,2}", name) is not None
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return name in _FUNCTIONS
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return True
    return isinstance(node, ast.operator | ast.unaryop | ast.expr_context)


def _power(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The base and the exponent of a power; `exp` is one of its argument, which may hold a logarithm."""
    match node:
        case ast.BinOp(left=ast.Name(id="E"), op=ast.Pow(), right=power):
            return power, power
        case ast.BinOp(left=base, op=ast.Pow(), right=power):
            return base, power
        case ast.Call(func=ast.Name(id="exp"), args=[power]):
            return power, power
    return None


def _degree(node: ast.AST) -> float:
    """How many times as many digits as its numbers a formula's value may have: powers within powers multiply.

    Raises:
        ValueError: Too many to tell.
    """
    if (found := _power(node)) is not None:
        base, power = found
        return _degree(base) * max(1.0, _size(power)[0])
    return max((_degree(child) for child in ast.iter_child_nodes(node)), default=1.0)


def _size(node: ast.expr) -> tuple[float, float]:
    """Bounds on numerator and denominator of an exponent's value; a name, which may cancel, counts as 1.

    Raises:
        ValueError: They are past all use.
    """
    top, bottom = 1.0, 1.0
    if (found := _power(node)) is not None:
        base, power = found
        most, times = max(_size(base)), max(1.0, _size(power)[0])
        top = bottom = most**times if most <= _LARGEST_POWER and times <= _LARGEST_POWER else math.inf
    else:
        match node:
            case ast.Constant(value=int() | float() as number) if number:
                top, bottom = max(1.0, abs(number)), max(1.0, 1 / abs(number))
            case ast.UnaryOp(operand=inner) | ast.Call(args=[inner]):
                top, bottom = _size(inner)
            case ast.BinOp(left=left, op=op, right=right):
                (a, b), (c, d) = _size(left), _size(right)
                match op:
                    case ast.Mult():
                        top, bottom = a * c, b * d
                    case ast.Div():
                        top, bottom = a * d, b * c
                    case _:
                        top, bottom = a * d + c * b, b * d
    if max(top, bottom) > _LARGEST_EXPONENT:
        raise ValueError("a number past all use")
    return top, bottom

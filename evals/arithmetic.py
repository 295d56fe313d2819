"""Reads arithmetic that a model wrote, without evaluating it: Python's grammar, walked over a list of allowed nodes.

Scorers of reasoning-gym hand a model's answer to `eval` or to sympy's `parse_expr`, which evaluates it: text from a
model is a program from a stranger. Nothing from a model reaches either unless it passes here.
"""

import ast
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

LONGEST = 1000
"""Longer texts, in characters, are not read."""

_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
_FUNCTIONS = frozenset(re.findall(r"\w+", "sin cos tan sec csc cot asin acos atan sinh cosh tanh exp log ln sqrt Abs"))
_LARGEST_POWER = 64
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
    except (ValueError, ZeroDivisionError):
        return False


def is_formula(text: str) -> bool:
    """Whether a text is a formula of numbers, short names, known functions and small powers, and so safe for sympy."""
    tree = _tree(text)
    return tree is not None and _depth_allowed(tree) and all(_is_formula_node(node) for node in ast.walk(tree))


def is_list(text: str) -> bool:
    """Whether a text can call nothing when it is evaluated: words, integers, quotes, commas and square brackets."""
    return len(text) <= LONGEST and re.fullmatch(r"[\w\s,'\"\[\]-]*", text) is not None


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
        case ast.BinOp(op=ast.Pow(), right=power):
            return _is_small(power)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return True
    return isinstance(node, ast.operator | ast.unaryop | ast.expr_context)


def _is_small(power: ast.expr) -> bool:
    """Whether a power holds numbers up to `_LARGEST_POWER` and no power of its own."""
    for node in ast.walk(power):
        if isinstance(node, ast.Pow):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value > _LARGEST_POWER:
            return False
    return True

"""What the formula worker runs: canonical keys of mathematical expressions.

Run by `reasoning.worker`, in a process of its own, because what it calls may hang or take all memory. It imports
nothing of this project, and evaluates no text as code.

A key is exact where there is a normal form (rationals, and rational functions with rational coefficients). Other
expressions are told apart by their values: at two fixed points for every variable, to 12 digits, computed with 30.
Equal functions have equal values there, and different ones have not, but by accident of the order of 1e-12. The points
are positive, where roots and logarithms are real: `sqrt(a*b)` is `sqrt(a)*sqrt(b)`. Only an absolute value is looked at
on the negative side too, where it makes its difference.
"""

import ast
import hashlib
import re
from typing import Any, Final

import sympy
from math_verify import LatexExtractionConfig, parse
from sympy.core.relational import Relational

_NAMES = """
    sqrt cbrt root exp log sin cos tan cot sec csc asin acos atan acot asec acsc sinh cosh tanh asinh acosh atanh Abs
    factorial binomial floor ceiling gcd lcm Min Max re im conjugate arg sign gamma Integer Rational Float
    Eq Ne Lt Le Gt Ge Interval Union FiniteSet Matrix Tuple And Or Not
"""
_FUNCTIONS: Final = {name: getattr(sympy, name) for name in _NAMES.split()} | {
    "ln": sympy.log, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min, "ImmutableDenseMatrix": sympy.Matrix,
}  # fmt: skip
_CONSTANTS: Final = {
    "pi": sympy.pi, "E": sympy.E, "e": sympy.E, "I": sympy.I, "i": sympy.I, "oo": sympy.oo, "inf": sympy.oo,
    "zoo": sympy.zoo, "nan": sympy.nan, "Reals": sympy.S.Reals, "EmptySet": sympy.S.EmptySet,
    "True": sympy.true, "False": sympy.false,
}  # fmt: skip
_LETTERS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi omega
"""
_GREEK: Final = frozenset(_LETTERS.split())
_VARIABLE = re.compile(r"[A-Za-z](?:_?\d+)?")
_BINARY: Final[dict[type[ast.operator], Any]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b, ast.Mod: lambda a, b: a % b,
}  # fmt: skip
_COMPARED: Final[dict[type[ast.cmpop], Any]] = {
    ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge, ast.NotEq: sympy.Ne, ast.Eq: sympy.Eq,
}  # fmt: skip


class NotPlainError(ValueError):
    """The text is no expression in plain notation."""


def plain(text: str) -> Any:
    """The expression that plain notation (`2*x**2 + sqrt(3)/3`) stands for, built node by node.

    Raises:
        NotPlainError: The text is something else.
    """
    text = text.strip()
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPlainError(text) from error
    if isinstance(tree, ast.List):  # LaTeX's brackets are an interval
        raise NotPlainError(text)
    if isinstance(tree, ast.Tuple) and not text.startswith("("):
        return sympy.FiniteSet(*(_built(item) for item in tree.elts))
    return _built(tree)


def _built(node: ast.AST) -> Any:
    match node:
        case ast.Constant(value=bool()):
            return sympy.true if node.value else sympy.false
        case ast.Constant(value=int()):
            return sympy.Integer(node.value)
        case ast.Constant(value=float()):
            return sympy.Rational(repr(node.value))
        case ast.Constant(value=str()):
            return sympy.Rational(node.value)  # Float('0.5', precision=53)
        case ast.Name(id=name):
            return _variable(name)
        case ast.UnaryOp(op=ast.USub()):
            return -_built(node.operand)
        case ast.UnaryOp(op=ast.UAdd()):
            return _built(node.operand)
        case ast.BinOp() if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](_built(node.left), _built(node.right))
        case ast.Compare(ops=[op], comparators=[right]) if type(op) in _COMPARED:
            return _COMPARED[type(op)](_built(node.left), _built(right))
        case ast.Set():
            return sympy.FiniteSet(*(_built(item) for item in node.elts))
        case ast.List():
            return [_built(item) for item in node.elts]
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_built(item) for item in node.args))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="Interval"), attr="open" | "Lopen" | "Ropen" as form)):
            return getattr(sympy.Interval, form)(*(_built(item) for item in node.args))
    raise NotPlainError(ast.dump(node)[:80])


def _variable(name: str) -> Any:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in _GREEK or _VARIABLE.fullmatch(name):
        return sympy.Symbol(name, real=True)
    raise NotPlainError(name)


def latex(text: str) -> Any:
    """The expression that LaTeX, or what people write in its place, stands for; None where it stands for none."""
    found = parse(
        f"${text}$",
        extraction_config=[LatexExtractionConfig()],
        fallback_mode="no_fallback",
        parsing_timeout=None,
    )
    return found[0] if found else None


def key(text: str) -> str | None:
    """The canonical key of the expression that a text stands for; None where it stands for none."""
    try:
        expression = plain(text)
    except (NotPlainError, TypeError, ValueError, AttributeError):  # `10^{10}` is no power of a set
        expression = latex(text)
    if expression is None or isinstance(expression, str) or _undefined(expression):
        return None
    written = _key(expression)
    return written if len(written) <= 2000 else "sha256:" + hashlib.sha256(written.encode()).hexdigest()


def _undefined(expression: Any) -> bool:
    """Whether a part of an expression is `nan`."""
    if isinstance(expression, (list, tuple)):
        return any(map(_undefined, expression))
    return bool(expression.has(sympy.nan)) if hasattr(expression, "has") else False


def _key(value: Any) -> str:
    if isinstance(value, (list, tuple, sympy.Tuple)):
        return f"({', '.join(map(_key, value))})"
    if isinstance(value, sympy.MatrixBase):
        return f"matrix {value.rows}x{value.cols} ({', '.join(map(_key, value))})"
    if isinstance(value, sympy.Equality):
        return _equation(value)
    if isinstance(value, Relational):
        return _relation(value)
    if isinstance(value, sympy.Interval):
        left, right = "(" if value.left_open else "[", ")" if value.right_open else "]"
        return f"{left}{_key(value.start)}, {_key(value.end)}{right}"
    if isinstance(value, sympy.FiniteSet) or type(value).__name__ == "FiniteSet":
        items = sorted({_key(item) for item in value.args})
        return items[0] if len(items) == 1 else f"{{{', '.join(items)}}}"
    if isinstance(value, (sympy.Union, sympy.Intersection, sympy.And, sympy.Or)):
        return f"{type(value).__name__}({', '.join(sorted(map(_key, value.args)))})"
    return _expression(value) if isinstance(value, sympy.Expr) else str(value)


def _equation(value: Any) -> str:
    """`x = 5` is 5, as `y = 2x` is 2x; both sides of any other equation on one side, up to a factor."""
    if value.lhs.is_Symbol and not value.rhs.has(value.lhs):
        return _key(value.rhs)
    if not isinstance(value.lhs, sympy.Expr) or not isinstance(value.rhs, sympy.Expr):
        return f"Eq({_key(value.lhs)}, {_key(value.rhs)})"
    return f"{_up_to_factor(value.lhs - value.rhs, signed=False)} = 0"


def _relation(value: Any) -> str:
    value = value if isinstance(value, (sympy.Lt, sympy.Le, sympy.Ne)) else value.reversed  # > as <
    signed = not isinstance(value, sympy.Ne)
    return f"{_up_to_factor(value.lhs - value.rhs, signed=signed)} {value.rel_op} 0"


def _up_to_factor(expression: Any, *, signed: bool) -> str:
    """The key of what an expression is when its leading coefficient is 1 (or, signed, also -1)."""
    top, _ = sympy.fraction(sympy.cancel(sympy.together(expression)))
    symbols = sorted(top.free_symbols, key=str)
    if not symbols or not top.is_polynomial(*symbols) or (signed and not expression.is_polynomial(*symbols)):
        return _expression(expression)
    leading = sympy.Poly(top, *symbols).LC()
    divisor = sympy.Abs(leading) if signed else leading
    return _expression(sympy.expand((expression if signed else top) / divisor))


def _expression(value: Any) -> str:
    value = value.doit()
    value = value.subs({s: sympy.I if s.name == "i" else sympy.Symbol(s.name, real=True) for s in value.free_symbols})
    symbols = sorted(value.free_symbols, key=str)
    if value.is_Rational:
        return str(value)
    if symbols and value.is_rational_function(*symbols) and not value.atoms(sympy.Float):
        normal = sympy.cancel(sympy.together(value))
        if all(
            number.is_Rational
            for number in normal.atoms(sympy.Number, sympy.NumberSymbol, sympy.Pow, sympy.Function)
            if not number.free_symbols
        ) and not normal.has(sympy.I):
            return str(sympy.expand(sympy.fraction(normal)[0]) / sympy.expand(sympy.fraction(normal)[1]))
    return _fingerprint(value, symbols)


def _fingerprint(value: Any, symbols: list[Any]) -> str:
    values = [_rounded(value.subs(_point(symbols, number))) for number in range(2 if symbols else 1)]
    if symbols and value.has(sympy.Abs):
        values += _negative_side(value, symbols)
    if None in values:
        return str(sympy.simplify(value))
    names = ",".join(map(str, symbols))
    if len(set(values)) == 1:
        return str(values[0])  # a constant, whatever letters it is written with
    return f"f({names}): {'; '.join(map(str, values))}"


def _negative_side(value: Any, symbols: list[Any]) -> list[str | None]:
    """The values with all variables negative, and with each alone; none where all are as without absolute values."""
    point, bare = _point(symbols, 2), value.replace(sympy.Abs, lambda inner: inner)
    points = [point | {symbol: -point[symbol] for symbol in chosen} for chosen in (symbols, *([s] for s in symbols))]
    values, plain_values = ([_rounded(one.subs(at)) for at in points] for one in (value, bare))
    return [] if values == plain_values else values


def _point(symbols: list[Any], number: int) -> dict[Any, Any]:
    """A positive rational value for every variable, always the same."""
    point = {}
    for symbol in symbols:
        digest = hashlib.sha256(f"{number}:{symbol}".encode()).digest()
        point[symbol] = sympy.Rational(int.from_bytes(digest[:4], "big") + 1, 2**31)
    return point


def _rounded(value: Any) -> str | None:
    """A value to 12 digits, an integer as such; None where there is none."""
    number = sympy.N(value, 30)
    if number is sympy.nan:
        raise ValueError(f"{value} is no number at all: it equals nothing, itself included")
    if number in (sympy.oo, -sympy.oo, sympy.zoo):
        return str(number)
    real, imaginary = number.as_real_imag()
    if not (real.is_Float or real.is_Integer) or not (imaginary.is_Float or imaginary.is_Integer or imaginary.is_zero):
        return None
    parts = [_decimal(part, max(abs(real), abs(imaginary))) for part in (real, imaginary)]
    return parts[0] if parts[1] == "0" else f"{parts[0]} + {parts[1]}*I"


def _decimal(part: Any, size: Any) -> str:
    whole = sympy.Integer(round(part))
    if abs(part - whole) <= size * sympy.Float("1e-22"):
        return str(whole)
    return str(sympy.Float(part, 12))


def answer(request: list[str]) -> tuple[int, str] | None:
    """What the worker replies: which of some texts is the first that is an expression, and its key."""
    keys = ((at, _key_or_none(text)) for at, text in enumerate(request))
    return next(((at, found) for at, found in keys if found is not None), None)


def _key_or_none(text: str) -> str | None:
    try:
        return key(text)
    except MemoryError:  # the whole request has had its share
        raise
    except (Exception, RecursionError):  # noqa: BLE001 (SymPy and its parsers raise anything on hostile text)
        return None

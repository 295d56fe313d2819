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
import itertools
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
    if re.search(r"\d_\d", text):  # a numeral of another base, to people
        raise NotPlainError(text)
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


def key(written: str, tidied: str) -> str | None:
    """The canonical key of the expression that a text stands for; None where it stands for none.

    Args:
        written: The text as it was written, which may be plain notation.
        tidied: The same as `reasoning.answer.notation.tidy` gives it.
    """
    for text in dict.fromkeys((written, tidied)):
        try:
            expression = plain(text)
            found = None if _undefined(expression) else _key(expression)
        except (NotPlainError, TypeError, AttributeError):  # `10^{10}` is no power of a set
            continue
        return _shortened(found)
    return _shortened(_structured(tidied))


def _shortened(found: str | None) -> str | None:
    if found is None or len(found) <= 2000:
        return found
    return "sha256:" + hashlib.sha256(found.encode()).hexdigest()


_NUMERAL = re.compile(r"\(?([0-9A-Z]+)\)?_\{?(\d{1,2})\}?")
_RATIO = re.compile(r"\d+(?:\s?:\s?\d+)+")
_NAME = (
    r"(?:\\?[A-Za-z]+|\|[A-Z]{1,3}\||[A-Z]{2,3}|\\(?:angle|triangle|overline|widehat|vec|hat)\s*\{?[A-Z]{1,3}\}?"
    r"|m\s*\\angle\s*[A-Z]{1,3})"
    r"(?:\s?_\s?(?:\{[^{}]*\}|\w))?(?:\s?'{1,2})?(?:\s?\^\{?-1\}?)?(?:\s?\(([^()]*)\))?"
)
_ASSIGNED = re.compile(rf"\s*({_NAME})\s*$")
_RELATION = re.compile(r"\\le(?![a-z])|\\ge(?![a-z])|<=|>=|<|>")
_REVERSED = {"\\le": "\\ge", "\\ge": "\\le", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _structured(text: str) -> str | None:
    """The key of a tidied text, by its outermost structure: a list, a set, an interval, an equation, an expression."""
    text = text.strip(" .,;:")
    if not text:
        return None
    if (base := _NUMERAL.fullmatch(text.replace(" ", ""))) is not None:
        return _numeral(base[1], int(base[2]))
    if _RATIO.fullmatch(text):
        return ":".join(part.strip() for part in text.split(":"))
    if re.fullmatch(r"\\mathbb\s?\{?R\}?|\\R", text):
        return "(-oo, oo)"
    if re.fullmatch(r"\\emptyset|\\\{\s*\\\}", text):
        return "{}"
    if (members := _parts(text, r"\\in(?![a-z])")) and len(members) == 2:
        return _structured(members[1])
    if "\\cup" in text:
        keys = [_structured(part) for part in _parts(text, r"\\cup(?![a-z])")]
        return None if None in keys else f"Union({', '.join(sorted(map(str, keys)))})"
    if (alternatives := _parts(text, r"(?<![a-z])or(?![a-z])")) and len(alternatives) > 1:
        keys = [_structured(part) for part in alternatives]
        if None in keys:
            return None
        intervals = all(re.fullmatch(r"[(\[].*[)\]]", str(one)) for one in keys) and any(
            "oo" in str(one) or "[" in str(one) for one in keys
        )
        return f"Union({', '.join(sorted(map(str, keys)))})" if intervals else _set(map(str, keys))
    groups = [part for part in _parts(text, ";") if part.strip()]
    if len(groups) > 1 and all("," in part for part in groups):
        keys = [_structured(part) for part in groups]
        return None if None in keys else _set(map(str, keys))
    listed = [part for part in _parts(text, r",(?!\d{3}(?!\d))|(?<![a-z])and(?![a-z])|;") if part.strip()]
    if len(listed) > 1:
        return _list(listed)
    if text.startswith("\\{") and text.endswith("\\}"):
        inner = [part for part in _parts(text[2:-2], ",") if part.strip()]
        keys = [_structured(part) for part in inner]
        return None if None in keys else _set(map(str, keys), single=True)
    if (bracketed := _bracketed(text)) is not None:
        return bracketed
    if len(sides := _parts(text, r"(?<![<>!\\])=(?!=)")) > 1:
        return _equality(sides)
    if _RELATION.search(text) and (bounded := _bounded(text)) is not None:
        return bounded
    if "\\pm" in text or "\\mp" in text:
        both = [
            _structured(text.replace("\\pm", sign).replace("\\mp", other)) for sign, other in (("+", "-"), ("-", "+"))
        ]
        return None if None in both else _set(map(str, both))
    return _leaf(text)


def _leaf(text: str) -> str | None:
    try:
        return _key(plain(text))
    except (NotPlainError, TypeError, AttributeError):
        expression = latex(text)
    if expression is None or isinstance(expression, str) or _undefined(expression):
        return None
    return _key(expression)


def _numeral(digits: str, base: int) -> str | None:
    """A numeral of another base than ten stays one: 52 in base 8 is written so, and is neither 52 nor 528."""
    try:
        value = int(digits, base)
    except ValueError:
        return None
    return str(value) if base == 10 else f"{digits.lstrip('0') or '0'}_{base}"


def _parts(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside of all brackets."""
    parts, depth, start = [], 0, 0
    pattern = re.compile(rf"(?P<open>\\?\{{|[(\[]|\\begin\{{)|(?P<close>\\?\}}|[)\]])|(?P<sep>{separator})")
    for match in pattern.finditer(text):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
        elif depth == 0 and "\\begin" not in text[: match.start()]:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _set(keys: Any, *, single: bool = False) -> str:
    items: set[str] = set()
    for one in keys:
        items |= set(one[1:-1].split(", ")) if one.startswith("{") and one.endswith("}") else {one}
    ordered = sorted(items)
    return (
        ordered[0]
        if len(ordered) == 1 and not single
        else f"{{{', '.join(ordered)}}}"
        if len(ordered) > 1
        else ordered[0]
    )


def _list(parts: list[str]) -> str | None:
    """Several values: those of several variables are a tuple in the variables' order, others a set."""
    values: list[str] = []
    names: list[str] = []
    for part in parts:
        sides = _parts(part, r"(?<![<>!\\])=(?!=)")
        name = _ASSIGNED.fullmatch(sides[0]) if len(sides) == 2 else None
        found = _structured(sides[1] if name else part)
        if found is None:
            return None
        values.append(found)
        if name:
            names.append(re.sub(r"_.*", "", name[1].strip()))
    if len(names) == len(values) > 1 and _neighbours(names):
        return f"({', '.join(value for _, value in sorted(zip(names, values, strict=True)))})"
    return _set(values)


def _neighbours(names: list[str]) -> bool:
    """Whether names are letters that follow one another, as the coordinates of a point do: x, y or a, b, c."""
    letters = sorted(names)
    return all(len(name) == 1 for name in names) and all(
        ord(after) - ord(before) == 1 for before, after in itertools.pairwise(letters)
    )


def _bracketed(text: str) -> str | None:
    """The key of an interval, a point, or what stands in needless brackets."""
    if text[0] not in "([" or text[-1] not in ")]":
        return None
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and at < len(text) - 1:
            return None
    inner = _parts(text[1:-1], "[,;]")
    if len(inner) == 1:
        return _structured(text[1:-1]) if text[0] == "(" and text[-1] == ")" else None
    keys = [_structured(part) for part in inner]
    return None if None in keys else f"{text[0]}{', '.join(map(str, keys))}{text[-1]}"


def _equality(sides: list[str]) -> str | None:
    """`f(2) = 5`, `AB = 5`, `5 = x` and `2^{10} = 1024` are their value; `x^2 + y^2 = 25` is an equation."""
    left, right = sides[0].strip(), sides[-1].strip()
    if ":" in left or re.fullmatch(r"\\frac\{\s*[A-Z]{1,4}\s*\}\{\s*[A-Z]{1,4}\s*\}|[A-Z]{1,4}\s*/\s*[A-Z]{1,4}", left):
        return _structured(right)
    if _ASSIGNED.fullmatch(left) or re.match(
        r"\s*(?:P|E|\\Pr|\\lim|\\max|\\min|\\sum|\\int|\\gcd|\\binom|\\det)(?![A-Za-z])", left
    ):
        return _structured(right)
    if _ASSIGNED.fullmatch(right) and not re.fullmatch(r"[xyz]", left):
        return _structured(left)
    if (names := re.fullmatch(r"\(\s*[a-z](?:\s*,\s*[a-z])*\s*\)", left)) is not None:
        assert names is not None
        return _structured(right)
    value = _structured(right)
    if value is not None and _constant(value):
        other = _leaf(left)
        if other is not None and _constant(other):
            return value  # an equation between numbers is what it comes to
        if re.fullmatch(
            r"[a-z](?:\s*[-+]\s*[a-z])+|[a-z]{1,3}|[A-Z]+(?:\s*[-+]\s*[A-Z]+)*", left.replace("\\cdot", "")
        ):
            return value  # a + b = 5, where it was asked for the sum
    expression = latex("=".join((left, right)))
    if expression is None or isinstance(expression, str) or _undefined(expression):
        return None
    return _key(expression)


def _constant(found: str) -> bool:
    return re.fullmatch(r"-?[\d./]+(?:e-?\d+)?", found) is not None


def _bounded(text: str) -> str | None:
    """The interval that an inequality in one variable stands for; None for other relations."""
    signs = [match[0] for match in _RELATION.finditer(text)]
    sides = [part.strip() for part in _RELATION.split(text)]
    variable = re.compile(r"[a-z]|\\(?:theta|alpha|beta)")
    if len(sides) == 2:
        if variable.fullmatch(sides[1]) and not variable.fullmatch(sides[0]):
            sides, signs = sides[::-1], [_REVERSED[signs[0]]]
        if not variable.fullmatch(sides[0]):
            return None
        bound = _structured(sides[1])
        if bound is None or bound.startswith(("f(", "(", "{")) or re.search(r"[a-z]", bound.replace("oo", "")):
            return None
        closed = signs[0] in ("\\le", "\\ge", "<=", ">=")
        if signs[0] in ("<", "\\le", "<="):
            return f"(-oo, {bound}{']' if closed else ')'}"
        return f"{'[' if closed else '('}{bound}, oo)"
    if len(sides) == 3 and variable.fullmatch(sides[1]):
        low, high = _structured(sides[0]), _structured(sides[2])
        if low is None or high is None:
            return None
        if signs[0] in (">", "\\ge", ">="):
            low, high, signs = high, low, [_REVERSED[sign] for sign in signs[::-1]]
        left = "(" if signs[0] == "<" else "["
        right = ")" if signs[1] == "<" else "]"
        return f"{left}{low}, {high}{right}"
    return None


def _undefined(expression: Any) -> bool:
    """Whether a part of an expression is `nan`."""
    if isinstance(expression, (list, tuple)):
        return any(map(_undefined, expression))
    return bool(expression.has(sympy.nan)) if hasattr(expression, "has") else False


def _key(value: Any) -> str:
    if isinstance(value, (list, tuple, sympy.Tuple)):
        return f"({', '.join(map(_key, value))})"
    if getattr(value, "is_Matrix", False) and not isinstance(value, sympy.MatrixBase):
        value = value.doit()
    if isinstance(value, sympy.MatrixBase):
        return f"matrix {value.rows}x{value.cols} ({', '.join(map(_key, value))})"
    if isinstance(value, sympy.Equality):
        return _equation(value)
    if isinstance(value, (Relational, sympy.And)) and (interval := _interval(value)) is not None:
        return _key(interval)
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
    if (solved := _line(value)) is not None:
        return _key(solved)
    if not isinstance(value.lhs, sympy.Expr) or not isinstance(value.rhs, sympy.Expr):
        return f"Eq({_key(value.lhs)}, {_key(value.rhs)})"
    return f"{_up_to_factor(value.lhs - value.rhs, signed=False)} = 0"


def _line(value: Any) -> Any:
    """What y is on a line through the plane: `2x - y + 3 = 0` is `y = 2x + 3`; None for any other equation."""
    names = {str(symbol): symbol for symbol in value.free_symbols}
    if set(names) != {"x", "y"} or not isinstance(value.lhs, sympy.Expr) or not isinstance(value.rhs, sympy.Expr):
        return None
    difference = value.lhs - value.rhs
    if not difference.is_polynomial(*names.values()):
        return None
    poly = sympy.Poly(difference, names["x"], names["y"])
    if poly.total_degree() != 1 or not poly.coeff_monomial(names["y"]):
        return None
    return sympy.expand(names["y"] - difference / poly.coeff_monomial(names["y"]))


def _interval(value: Any) -> Any:
    """The interval that inequalities in one variable amount to; None for all others."""
    symbols = list(value.free_symbols)
    relations = value.args if isinstance(value, sympy.And) else (value,)
    for one in relations:
        if not isinstance(one, Relational) or isinstance(one, (sympy.Ne, sympy.Eq)):
            return None
        difference = one.lhs - one.rhs
        if len(symbols) != 1 or not difference.is_polynomial(*symbols) or sympy.degree(difference, symbols[0]) != 1:
            return None
    found = value.as_set()
    return found if isinstance(found, sympy.Interval) else None


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


def answer(request: list[tuple[str, str]]) -> tuple[int, str] | None:
    """What the worker replies: which of some texts is the first that is an expression, and its key."""
    keys = ((at, _key_or_none(written, tidied)) for at, (written, tidied) in enumerate(request))
    return next(((at, found) for at, found in keys if found is not None), None)


def _key_or_none(written: str, tidied: str) -> str | None:
    try:
        return key(written, tidied)
    except MemoryError:  # the whole request has had its share
        raise
    except (Exception, RecursionError):  # noqa: BLE001 (SymPy and its parsers raise anything on hostile text)
        return None

"""Expressions over statistics of layers: what they compute, and how they are written and read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np

from workbench.errors import InvalidInput, UnknownName
from workbench.proxies.symbolic.statistics import NAMES, Array

Kind = Literal["layers", "number"]
Path = tuple[int, ...]
_LONGEST = 2000  # characters of a text that is read


class Infix(NamedTuple):
    """An operation written between its parts, or before its only one; the higher rank binds first."""

    sign: str
    rank: int


# Of each value, wherever it stands. A layer without a value has none afterwards, and where there is no value of an
# operation the layer has none either: it is left out of reductions, as a layer without gradient is in ZiCo's code.
UNARY: Mapping[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "log": lambda x: np.where(x == 0, np.nan, np.log(np.abs(x))),
    "neg": np.negative,
    "sign": np.sign,
    "sqrt": lambda x: np.sqrt(np.abs(x)),
    "square": np.square,
}
BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": lambda x, y: np.where(y == 0, np.nan, x / y),
}
INFIX: Mapping[str, Infix] = {
    "add": Infix("+", 1),
    "sub": Infix("-", 1),
    "mul": Infix("*", 2),
    "div": Infix("/", 2),
    "neg": Infix("-", 3),
}
_ATOM = 4
_STATISTICS = frozenset(NAMES)


def _first(x: Array) -> Array:
    there = ~np.isnan(x)
    found: Array = x[np.arange(len(x)), there.argmax(axis=1)]
    return found


def _spread(x: Array) -> Array:
    n = np.count_nonzero(~np.isnan(x), axis=1)
    apart = x - (np.nansum(x, axis=1) / n)[:, None]
    found: Array = np.sqrt(np.nansum(apart**2, axis=1) / n)
    return found


# Of (n, layers) with at least one value in each row; layers without one are looked past.
REDUCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "sum": lambda x: np.nansum(x, axis=1),
    "mean": lambda x: np.nansum(x, axis=1) / np.count_nonzero(~np.isnan(x), axis=1),
    "std": _spread,
    "max": lambda x: np.fmax.reduce(x, axis=1),
    "min": lambda x: np.fmin.reduce(x, axis=1),
    "first": _first,
    "last": lambda x: _first(x[:, ::-1]),
}
OPERATIONS = (*UNARY, *BINARY, *REDUCTIONS)
_AST_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A tree: an operation of its parts, a statistic of layers, or (head "") the constant `value`, 0 or more.

    It is of a kind: numbers by layer, or one number for the network, which is what a reduction makes. Parts of both
    kinds meet layer by layer. Made by `parse`; `str` is its text.
    """

    head: str
    parts: tuple[Expression, ...] = ()
    value: float = 0.0

    @property
    def kind(self) -> Kind:
        """Whether it is numbers by layer or one for the network."""
        if self.head in _STATISTICS:
            return "layers"
        if self.head in REDUCTIONS or not self.head:
            return "number"
        return "layers" if any(part.kind == "layers" for part in self.parts) else "number"

    @property
    def size(self) -> int:
        """How many operations, statistics and constants it is made of."""
        return 1 + sum(part.size for part in self.parts)

    @property
    def reads(self) -> frozenset[str]:
        """The names of the statistics in it."""
        return frozenset(node.head for _, node in self.walk() if node.head in _STATISTICS)

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Expression]]:
        """Every node with its path: the places of parts to take from the root."""
        yield path, self
        for place, part in enumerate(self.parts):
            yield from part.walk((*path, place))

    def replaced(self, path: Path, new: Expression) -> Expression:
        """The tree with `new` at a path."""
        if not path:
            return new
        place, *rest = path
        parts = list(self.parts)
        parts[place] = parts[place].replaced(tuple(rest), new)
        return Expression(self.head, tuple(parts), self.value)

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """Of statistics (n, layers) by name: (n,), or (n, layers) for an expression by layer.

        NaN is where no layer has a value; infinity, which nothing takes away again, is where a number grew too large
        or a statistic is broken.
        """
        with np.errstate(all="ignore"):
            return self._found(values, len(next(iter(values.values()))))

    def _found(self, values: Mapping[str, Array], n: int) -> Array:
        if self.head in _STATISTICS:
            return values[self.head]
        if not self.head:
            return np.full(n, self.value)
        parts = [part._found(values, n) for part in self.parts]
        if self.head in REDUCTIONS:
            return _reduced(self.head, parts[0])
        if self.head in UNARY:
            found = UNARY[self.head](parts[0])
            return np.where(np.isinf(parts[0]), np.inf, found)
        x, y = _aligned(*parts)
        return np.where(np.isinf(x) | np.isinf(y), np.inf, BINARY[self.head](x, y))

    def __str__(self) -> str:
        return self._text()[0]

    def _text(self) -> tuple[str, int]:
        """The text, and how tightly it binds."""
        if not self.head:
            return repr(self.value).removesuffix(".0"), _ATOM
        if self.head in _STATISTICS:
            return self.head, _ATOM
        texts = [part._text() for part in self.parts]
        if self.head not in INFIX:
            return f"{self.head}({texts[0][0]})", _ATOM
        sign, rank = INFIX[self.head]
        if self.head in UNARY:
            return sign + _bound(texts[0], rank), rank
        # A right part of the same rank is another tree without its parentheses.
        return f"{_bound(texts[0], rank)} {sign} {_bound(texts[1], rank + 1)}", rank


def constant(value: float) -> Expression:
    """A number as it stands."""
    return Expression("", (), float(value))


def parse(text: str) -> Expression:
    """The expression for the whole network that a text says, such as "sum(saliency.l1)", which is snip.

    Statistics of layers (`NAMES`), numbers, + - * / and parentheses, the functions abs, log (of the absolute value),
    sign, sqrt (of the absolute value) and square, and the reductions of numbers by layer to one: sum, mean, std, max,
    min, first and last. Raises `InvalidInput` for what cannot be read and for what is no single number, `UnknownName`
    for a statistic or function there is not.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise InvalidInput(f"An expression is a text of at most {_LONGEST} characters; got {str(text)[:80]!r}.")
    try:
        expression = _read(ast.parse(text.strip(), mode="eval").body, text)
        kind = expression.kind
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise _unreadable(text, "that is no arithmetic") from error
    if kind == "layers":
        raise InvalidInput(
            f"{text!r} gives a number for each layer, and a score is one for the network: "
            f"reduce it by one of {', '.join(REDUCTIONS)}."
        )
    return expression


def _read(node: ast.expr, text: str) -> Expression:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not isfinite(float(value)):
                raise _unreadable(text, f"{value} is not finite")
            return constant(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Expression("neg", (_read(operand, text),))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _AST_BINARY:
            return Expression(_AST_BINARY[type(op)], (_read(left, text), _read(right, text)))
        case ast.Name() | ast.Attribute():
            name = ast.unparse(node)
            if name not in NAMES:
                raise UnknownName.of("statistic of a layer", name, NAMES)
            return Expression(name)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return _called(name, _read(argument, text), text)
    raise _unreadable(text, f"{ast.unparse(node)!r} is not part of the language")


def _called(name: str, part: Expression, text: str) -> Expression:
    functions = [known for known in (*UNARY, *REDUCTIONS) if known not in INFIX]
    if name not in functions:
        raise UnknownName.of("function of an expression", name, functions)
    if name in REDUCTIONS and part.kind == "number":
        raise InvalidInput(f"In {text!r}, {name} reduces numbers by layer, and {part} is already one number.")
    return Expression(name, (part,))


def _unreadable(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:200]!r} cannot be read: {why}. Allowed are statistics of layers such as gradient.l2, numbers, "
        f"+ - * / and the functions {', '.join(name for name in (*UNARY, *REDUCTIONS) if name not in INFIX)}."
    )


def _bound(text: tuple[str, int], rank: int) -> str:
    return text[0] if text[1] >= rank else f"({text[0]})"


def _aligned(x: Array, y: Array) -> tuple[Array, Array]:
    """Numbers for the network beside numbers by layer stand for every layer."""
    if x.ndim == y.ndim:
        return x, y
    return (x[:, None], y) if x.ndim < y.ndim else (x, y[:, None])


def _reduced(name: str, x: Array) -> Array:
    found = np.full(len(x), np.nan)
    some = ~np.isnan(x).all(axis=1) if x.shape[1] else np.zeros(len(x), bool)
    found[some] = REDUCTIONS[name](x[some])
    found[np.isinf(x).any(axis=1)] = np.inf
    return found

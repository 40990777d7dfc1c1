"""Places in a source file where one small mistake can be made, as replacements that leave all other text as it is.

Docstrings, annotations, imports, decorators, messages of errors and warnings, and formatted text are left alone, and
so is what cannot change a number: tolerances written as powers of ten, the order of commuting arguments, units.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

KINDS = ("operator", "sign", "constant", "comparison", "logic", "index", "einsum", "argument", "term", "function")

ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS: dict[type[ast.cmpop], tuple[str, str, str]] = {
    # As written, shifted by one, negated.
    ast.Lt: ("<", "<=", ">="),
    ast.LtE: ("<=", "<", ">"),
    ast.Gt: (">", ">=", "<="),
    ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!=", "!="),
    ast.NotEq: ("!=", "==", "=="),
    ast.Is: ("is", "is not", "is not"),
    ast.IsNot: ("is not", "is", "is"),
    ast.In: ("in", "not in", "not in"),
    ast.NotIn: ("not in", "in", "in"),
}
PARTNERS = {
    "any": "all",
    "argmin": "argmax",
    "floor": "ceil",
    "min": "max",
    "minimum": "maximum",
    "real": "imag",
    "sin": "cos",
    "triu": "tril",
}
PARTNERS |= {value: key for key, value in PARTNERS.items()}
PARTNERS |= {"zeros": "ones", "zeros_like": "ones_like", "cumsum": "cumprod"}
COMMUTING = {"minimum", "maximum", "hypot", "min", "max", "logaddexp", "add", "multiply", "gcd", "array_equal"}
COMMUTING |= {"allclose", "broadcast_shapes", "isinstance", "issubclass", "getattr", "hasattr", "field"}
SILENT_CALLS = {"warn", "info", "debug", "warning", "error", "exception", "log", "format", "join", "match", "sub"}
SILENT_CALLS |= {"compile", "Literal", "TypeVar", "cast"}
SILENT_KEYWORDS = {"stacklevel", "decimals", "optimize", "casting", "order", "label", "units", "dtype", "name"}
SILENT_KEYWORDS |= {"strict"}
TYPES = {"Mapping", "Sequence", "Callable", "Literal", "Union", "tuple", "dict", "list", "NDArray", "Annotated"}
EINSUM = re.compile(r"(\.\.\.)?[a-zA-Z]+(\.\.\.)?(,(\.\.\.)?[a-zA-Z]*)*->(\.\.\.)?[a-zA-Z]*")
TINY = re.compile(r"\d*\.?\d*e[+-]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Mutation:
    """``text[start:stop]`` of ``path`` replaced by ``new``, inside the function ``owner`` ("" for the module)."""

    path: str
    kind: str
    start: int
    stop: int
    new: str
    line: int
    owner: str

    def apply(self, text: str) -> str:
        """The whole file with the mistake in it."""
        return text[: self.start] + self.new + text[self.stop :]

    def shown(self, text: str) -> tuple[str, str]:
        """The lines it touches before and after, without their indentation."""
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.stop)
        last = len(text) if last < 0 else last
        after = text[first : self.start] + self.new + text[self.stop : last]
        return " ".join(text[first:last].split()), " ".join(after.split())


def mutations(path: str, text: str) -> list[Mutation]:
    """Every mutation of one file, in the order of the text."""
    found = _Finder(path, text)
    found.visit(ast.parse(text))
    unique = {(m.start, m.stop, m.new): m for m in found.mutations}
    return sorted(unique.values(), key=lambda m: (m.start, m.stop, m.new))


def changes(mutation: Mutation, text: str) -> bool:
    """Whether the syntax tree differs and can be compiled."""
    try:
        changed = ast.parse(mutation.apply(text))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(text))


def draw(sources: Mapping[str, str], count: int, seed: int) -> list[Mutation]:
    """``count`` mutations of ``sources`` (path → text), every kind as often as the others, each place once."""
    rng = random.Random(seed)
    pools: dict[str, list[Mutation]] = {kind: [] for kind in KINDS}
    for path in sorted(sources):
        for mutation in mutations(path, sources[path]):
            pools[mutation.kind].append(mutation)
    for pool in pools.values():
        rng.shuffle(pool)
    drawn: list[Mutation] = []
    places: set[tuple[str, int]] = set()
    while len(drawn) < count and any(pools.values()):
        for pool in pools.values():
            while pool:
                mutation = pool.pop()
                if (mutation.path, mutation.start) not in places and changes(mutation, sources[mutation.path]):
                    places.add((mutation.path, mutation.start))
                    drawn.append(mutation)
                    break
    return drawn[:count]


class _Finder(ast.NodeVisitor):
    """Walks through what is computed and leaves out what is said."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.mutations: list[Mutation] = []
        self._owner: list[str] = []
        # Offsets of lines in characters; the tree counts bytes.
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1]
        return self._starts[line - 1] + len(text.encode()[:column].decode())

    def _span(self, node: ast.AST) -> tuple[int, int]:
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        end_line, end_column = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self._offset(line, column), self._offset(end_line, end_column)

    def _source(self, node: ast.AST) -> str:
        start, stop = self._span(node)
        return self.text[start:stop]

    def _add(self, kind: str, start: int, stop: int, new: str) -> None:
        line = self.text.count("\n", 0, start) + 1
        self.mutations.append(Mutation(self.path, kind, start, stop, new, line, ".".join(self._owner)))

    def _replace(self, kind: str, node: ast.AST, new: str) -> None:
        self._add(kind, *self._span(node), new)

    def _between(self, kind: str, left: ast.AST, right: ast.AST, old: str, new: str) -> None:
        """Replace the operator ``old`` between two operands, comments and brackets aside."""
        start, stop = self._span(left)[1], self._span(right)[0]
        between = self.text[start:stop]
        if "#" not in between and between.count(old) == 1:
            at = start + between.index(old)
            self._add(kind, at, at + len(old), new)

    def _swap(self, kind: str, first: ast.AST, second: ast.AST) -> None:
        (a, b), (c, d) = self._span(first), self._span(second)
        one, two = self.text[a:b], self.text[c:d]
        if one != two:
            self._add(kind, a, d, two + self.text[b:c] + one)

    # What is left alone.

    def _scope(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self._owner.append(node.name)
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if isinstance(node, ast.FunctionDef):
            for default in [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
                self.visit(default)
        for statement in body:
            self.visit(statement)
        self._owner.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and not self._says(node.annotation):
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        kind = node.value.value if isinstance(node.value, ast.Subscript) else None
        named = isinstance(target, ast.Name) and target.id == "__all__"
        alias = not self._owner and isinstance(kind, ast.Name) and kind.id in TYPES
        if not named and not alias:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        pass

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        pass

    def visit_Raise(self, node: ast.Raise) -> None:
        pass

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    @staticmethod
    def _says(annotation: ast.AST) -> bool:
        """Whether an annotated name is a type itself."""
        return isinstance(annotation, ast.Name) and annotation.id == "TypeAlias"

    # Mistakes.

    def visit_BinOp(self, node: ast.BinOp) -> None:
        kind = type(node.op)
        texts = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
        said = any(isinstance(x, texts) or _text(x) for x in (node.left, node.right))
        if kind is ast.BitOr and isinstance(node.right, ast.Constant) and node.right.value is None:
            return
        if kind in ARITHMETIC and not said:
            self._between("operator", node.left, node.right, SYMBOLS[kind], ARITHMETIC[kind])
            if kind in (ast.Add, ast.Sub):
                self._replace("term", node, self._bracketed(node.left))
                if kind is ast.Add:
                    self._replace("term", node, self._bracketed(node.right))
            elif kind is ast.Mult and not isinstance(node.left, ast.BinOp | ast.UnaryOp):
                start, _ = self._span(node.left)
                self._add("sign", start, start, "-")
        elif kind is ast.MatMult:
            self._swap("argument", node.left, node.right)
        self.generic_visit(node)
        if kind is ast.Pow and isinstance(node.right, ast.Constant) and node.right.value == 2:
            self._without_sign(node.left)

    def _without_sign(self, node: ast.AST) -> None:
        """Forget the sign of a product that is squared or whose magnitude is taken."""
        if isinstance(node, ast.UnaryOp) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)):
            start, _ = self._span(node)
            self.mutations = [m for m in self.mutations if m.kind != "sign" or m.start != start]

    def _bracketed(self, node: ast.AST) -> str:
        source = self._source(node)
        return f"({source})" if isinstance(node, ast.BinOp | ast.IfExp | ast.UnaryOp) else source

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        kind = type(node.op)
        if kind in ARITHMETIC and not _text(node.value) and not isinstance(node.value, ast.List | ast.ListComp):
            self._between("operator", node.target, node.value, SYMBOLS[kind] + "=", ARITHMETIC[kind] + "=")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            if not isinstance(node.operand, ast.Constant) or node.operand.value != 0:
                self._replace("sign", node, self._bracketed(node.operand))
        elif isinstance(node.op, ast.Not | ast.Invert):
            self._replace("logic", node, self._bracketed(node.operand))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            self._between("logic", left, right, old, new)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            old, shifted, negated = COMPARISONS[type(op)]
            # Numbers that are not counted never meet a limit exactly.
            self._between("comparison", left, right, old, shifted if _counts(left) or _counts(right) else negated)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value, source = node.value, self._source(node)
        if isinstance(value, bool):
            self._replace("constant", node, str(not value))
        elif isinstance(value, int):
            self._replace("constant", node, str({0: 1, 1: 0}.get(value, value + 1)))
        elif isinstance(value, float):
            if not TINY.fullmatch(source) and value != float("inf"):
                self._replace("constant", node, {0.0: "1.0", 1.0: "2.0"}.get(value, repr(2 * value)))
        elif isinstance(value, str) and EINSUM.fullmatch(value) and len(source) == len(value) + 2:
            self._einsum(node, value)

    def _einsum(self, node: ast.Constant, subscripts: str) -> None:
        """Two neighbouring letters exchanged, in one operand or in the result."""
        start, _ = self._span(node)
        for i, (a, b) in enumerate(pairwise(subscripts)):
            if a.isalpha() and b.isalpha() and a != b:
                self._add("einsum", start + 1 + i, start + 3 + i, b + a)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        index = node.slice
        if isinstance(index, ast.Tuple) and isinstance(node.ctx, ast.Load | ast.Store):
            for first, second in pairwise(index.elts):
                self._swap("index", first, second)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in ("real", "imag"):
            _, stop = self._span(node)
            self._add("function", stop - len(node.attr), stop, PARTNERS[node.attr])
        elif node.attr == "T":
            self._replace("function", node, self._source(node.value))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SILENT_CALLS or name.endswith(("Error", "Warning")):
            return
        if name in PARTNERS and name not in ("real", "imag"):
            _, stop = self._span(node.func)
            self._add("function", stop - len(name), stop, PARTNERS[name])
        if name in ("conj", "conjugate") and isinstance(node.func, ast.Attribute) and not node.args:
            self._replace("function", node, self._source(node.func.value))
        if name not in COMMUTING and not any(isinstance(a, ast.Starred) for a in node.args):
            for first, second in pairwise(node.args):
                if not (_text(first) or _text(second) or _dtype(first) or _dtype(second)):
                    self._swap("argument", first, second)
        self.visit(node.func)
        if name in ("reshape", "astype"):  # whose mistakes cannot stay unseen
            return
        for argument in node.args[1:] if name in ("round", "getattr") else node.args:
            if not (name == "round" and isinstance(argument, ast.Constant)):
                self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg not in SILENT_KEYWORDS:
                self.visit(keyword.value)
        if name in ("abs", "norm") and node.args:
            self._without_sign(node.args[0])


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _dtype(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("int64", "float64", "complex128", "bool_", "uint8")


def _counts(node: ast.AST) -> bool:
    """Whether an operand is plainly a whole number."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and not isinstance(node.value, bool)
    if isinstance(node, ast.Attribute):
        return node.attr in ("size", "ndim", "bins", "replicas", "dimension", "done", "total")
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("len", "int", "round")

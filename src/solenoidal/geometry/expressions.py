"""The vocabulary in which band quantities are written: matrices in the eigenbasis and real numbers for each band.

A ``Matrix`` is made of symbols (the velocity, the operators of the model, ``ONE``) with +, −, factors, ``@``, the
adjoint ``X.H``, the weight ``X.over_gap(p)`` = X_nm/(ε_n − ε_m)^p and the masks ``X.inside`` and ``X.outside`` of the
degenerate groups. A ``Band`` is a real number for each band n, made of matrices by

    re_diagonal(X)      Re X_nn
    re_pairs(X, Y)      Re Σ_m X_nm Y_mn, and im_pairs its imaginary part
    group_trace(X, Y)   the same over the bands m of the group of n: summed over the group, Re tr[X_D Y_D]

and of other ones with +, −, real factors and ``energy(X)`` = ε_n X_n. Only its sum over a degenerate group has a
meaning. Nothing is computed here: ``evaluate`` turns expressions into instructions. Equal subexpressions are one
object, and the product Y X of Hermitian factors is known as (X Y)†.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from solenoidal.errors import ResponseError
from solenoidal.models.operator import Law, Operator

INSIDE, OUTSIDE = "inside", "outside"
Key = TypeVar("Key")


@dataclass(frozen=True, eq=False)
class Atom:
    """One matrix: ``kind`` "identity", "input" (name, leg), "product" (x, y), "weighted" (x, power, mask) or "sum"
    ((x, adjoint, factor), …); ``sign`` +1 Hermitian, −1 anti-Hermitian, 0 neither; ``order`` of its making."""

    kind: str
    arguments: tuple[object, ...]
    sign: int
    order: int


def weighted(x: Atom) -> tuple[Atom, int, str]:
    """Inner matrix, power of the inverse gap and mask of a "weighted" atom."""
    inner, power, mask = x.arguments
    if not (isinstance(inner, Atom) and isinstance(power, int) and isinstance(mask, str)):
        raise TypeError(f"an atom of kind {x.kind!r} carries no weight")
    return inner, power, mask


def parts(x: Atom) -> list[tuple[Atom, bool, complex]]:
    """Summands of a "sum" atom: matrix, whether its adjoint is meant, factor."""
    return [argument for argument in x.arguments if isinstance(argument, tuple)]


_KNOWN: dict[tuple[object, ...], Atom] = {}


def atom(kind: str, arguments: tuple[object, ...], sign: int) -> Atom:
    """The one atom of this kind and these arguments."""
    key = (kind, arguments)
    if key not in _KNOWN:
        _KNOWN[key] = Atom(kind, arguments, sign, len(_KNOWN))
    return _KNOWN[key]


IDENTITY = atom("identity", (), 1)


class Matrix:
    """A sum of factor × atom or its adjoint: ``terms`` maps (atom, whether the adjoint is meant) to the factor."""

    def __init__(self, terms: dict[tuple[Atom, bool], complex]) -> None:
        self.terms = {key: factor for key, factor in terms.items() if factor}

    def __add__(self, other: Matrix) -> Matrix:
        return Matrix(_sum(self.terms, other.terms))

    def __sub__(self, other: Matrix) -> Matrix:
        return self + (-1) * other

    def __rmul__(self, factor: complex) -> Matrix:
        return Matrix({key: factor * value for key, value in self.terms.items()})

    def __neg__(self) -> Matrix:
        return (-1) * self

    def __matmul__(self, other: Matrix) -> Matrix:
        if not self.terms or not other.terms:
            return Matrix({})
        (c, x), (d, y) = _single(self), _single(other)
        if x is IDENTITY or y is IDENTITY:
            return (c * d) * Matrix({(y if x is IDENTITY else x, False): 1})
        if x.sign and y.sign and _rank(x) > _rank(y):
            # x y = ± (y x)†
            return Matrix({(atom("product", (y, x), 0), True): c * d * x.sign * y.sign})
        return Matrix({(atom("product", (x, y), 0), False): c * d})

    @property
    def H(self) -> Matrix:
        """X†."""
        terms: dict[tuple[Atom, bool], complex] = {}
        for (x, dagger), factor in self.terms.items():
            key = (x, False) if x.sign else (x, not dagger)
            terms[key] = terms.get(key, 0) + complex(factor).conjugate() * (x.sign or 1)
        return Matrix(terms)

    def over_gap(self, power: int = 1) -> Matrix:
        """X_nm/(ε_n − ε_m)^power between different groups and zero inside a group."""
        return self._weighted(power, OUTSIDE)

    @property
    def inside(self) -> Matrix:
        """The elements inside the degenerate groups."""
        return self._weighted(0, INSIDE)

    @property
    def outside(self) -> Matrix:
        """The elements between different groups."""
        return self._weighted(0, OUTSIDE)

    def _weighted(self, power: int, mask: str) -> Matrix:
        terms: dict[tuple[Atom, bool], complex] = {}
        for (x, dagger), factor in self.terms.items():
            found = _weigh(x, power, mask)
            if found is not None:
                # The weight of X†_nm is that of X_mn, with the gap reversed.
                terms[found, dagger] = terms.get((found, dagger), 0) + factor * (-1 if dagger and power % 2 else 1)
        return Matrix(terms)


def _weigh(x: Atom, power: int, mask: str) -> Atom | None:
    """The atom weighted; None where nothing is left."""
    if x is IDENTITY:
        return x if mask == INSIDE else None
    if x.kind == "weighted":
        inner, before, earlier = weighted(x)
        if mask != earlier:
            return None
        x, power = inner, power + before
    return atom("weighted", (x, power, mask), x.sign * (-1 if power % 2 else 1))


def _rank(x: Atom) -> tuple[bool, int]:
    """Matrices inside groups stand to the left, where their products are cheap."""
    return not (x.kind == "weighted" and x.arguments[2] == INSIDE), x.order


def _single(matrix: Matrix) -> tuple[complex, Atom]:
    """As factor × one atom, which is what a product needs in memory."""
    if len(matrix.terms) == 1:
        (((x, dagger), factor),) = matrix.terms.items()
        if not dagger:
            return factor, x
    sign = next((s for s in (1, -1) if not (matrix - s * matrix.H).terms), 0)
    parts = sorted(((x, dagger, factor) for (x, dagger), factor in matrix.terms.items()), key=lambda p: p[0].order)
    return 1, atom("sum", tuple(parts), sign)


def _sum(x: dict[Key, complex], y: dict[Key, complex]) -> dict[Key, complex]:
    terms = dict(x)
    for key, factor in y.items():
        terms[key] = terms.get(key, 0) + factor
    return terms


@dataclass(frozen=True)
class Pair:
    """Σ_m X_nm Y_mn of atoms or their adjoints, X_nn if there is no Y; multiplied by ε_n if ``energy``."""

    x: Atom
    x_adjoint: bool
    y: Atom | None
    y_adjoint: bool
    energy: bool = False


class Band:
    """A real number for each band: ``terms`` maps ``Pair`` to a factor c and means Σ Re(c × pair)."""

    def __init__(self, terms: dict[Pair, complex]) -> None:
        self.terms = {key: factor for key, factor in terms.items() if factor}

    def __add__(self, other: Band) -> Band:
        return Band(_sum(self.terms, other.terms))

    def __sub__(self, other: Band) -> Band:
        return self + (-1) * other

    def __rmul__(self, factor: float) -> Band:
        return Band({key: factor * value for key, value in self.terms.items()})

    def __neg__(self) -> Band:
        return (-1) * self


def symbol(name: str, leg: int = 0) -> Matrix:
    """The Hermitian matrix ``leg`` of the input ``name``."""
    return Matrix({(atom("input", (name, leg), 1), False): 1})


ONE = Matrix({(IDENTITY, False): 1})
"""The identity."""


def re_pairs(X: Matrix, Y: Matrix) -> Band:
    """Re Σ_m X_nm Y_mn."""
    return _pairs(X, Y, 1)


def im_pairs(X: Matrix, Y: Matrix) -> Band:
    """Im Σ_m X_nm Y_mn."""
    return _pairs(X, Y, -1j)


def _pairs(X: Matrix, Y: Matrix, factor: complex) -> Band:
    total = Band({})
    for (x, dx), c in X.terms.items():
        for (y, dy), d in Y.terms.items():
            if x is IDENTITY or y is IDENTITY:
                alone = Matrix({(y, dy) if x is IDENTITY else (x, dx): 1})
                total = total + _diagonal(alone, factor * c * d)
            else:
                total = total + Band({Pair(x, dx, y, dy): factor * c * d})
    return total


def re_diagonal(X: Matrix) -> Band:
    """Re X_nn; the diagonal of a product is a sum over pairs, and the product itself is never formed."""
    return _diagonal(X, 1)


def group_trace(X: Matrix, Y: Matrix) -> Band:
    """Re Σ_m X_nm Y_mn over the bands m of the group of n; summed over the group it is Re tr[X_D Y_D]."""
    return re_pairs(X.inside, Y)


def energy(X: Band) -> Band:
    """ε_n X_n with the mean energy of the group of band n, at which it is occupied."""
    if any(pair.energy for pair in X.terms):
        raise ResponseError(
            "a band quantity can be multiplied by its energy once; write a formula without energy(energy(…))"
        )
    return Band({Pair(p.x, p.x_adjoint, p.y, p.y_adjoint, True): c for p, c in X.terms.items()})


def _diagonal(X: Matrix, factor: complex) -> Band:
    total = Band({})
    for (x, dagger), c in X.terms.items():
        c = factor * c
        if x.kind == "product":
            # Re(c (X Y)†_nn) = Re(c* (X Y)_nn).
            left, right = (Matrix({(part, False): 1}) for part in x.arguments if isinstance(part, Atom))
            total = total + _pairs(left, right, complex(c).conjugate() if dagger else c)
        elif x.kind == "weighted" and x.arguments[2] == OUTSIDE:
            continue
        else:
            total = total + Band({Pair(x, dagger, None, False): c})
    return total


@dataclass(frozen=True)
class OperatorSymbols:
    """The matrices s[q] of an operator; q is a tuple of one index for each leg. ``law``: its legs and its sign under
    time reversal."""

    name: str
    law: Law

    def __getitem__(self, q: tuple[int, ...]) -> Matrix:
        return symbol(self.name, self.leg(q))

    def leg(self, q: tuple[int, ...]) -> int:
        """Number of the matrix with the indices q."""
        legs, _ = self.law
        if len(q) != len(legs):
            raise ResponseError(f"operator {self.name!r} has {len(legs)} legs, and {len(q)} indices were given")
        leg = 0
        for index in q:
            leg = 3 * leg + index
        return leg


def operator_symbols(operator: Operator) -> OperatorSymbols:
    """The matrices of an operator of a model, for formulas."""
    return OperatorSymbols(operator.name, operator.law)

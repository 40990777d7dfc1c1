"""From expressions to a short list of matrix instructions, shared by all that is asked for; no engine is known here.

1. Every pair sum gets the normal form Re|Im Σ_m w_nm X_nm conj(B_nm); what X† gives is a column sum of the same
   numbers, so that X, X + X† and X − X† are served by one sweep. Weights and masks are pulled out of factors that no
   product needs in memory.
2. Sums with the same X and weight go together, three B at a time, right after X is formed.
3. Matrices whose elements are read only where one of two bands is wanted, or only inside groups, are formed only there.
4. Each matrix gives its buffer back after its last use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import ResponseError
from solenoidal.geometry.expressions import IDENTITY, INSIDE, Atom, Band, Pair, atom, parts, weighted


class Op(IntEnum):
    """What an instruction does; the columns of its row after (op, out) are named behind it."""

    INPUT = 0  # number of the symbol: out = U† x U
    SCALE = 1  # x, weight, adjoint, fresh: out (+)= factor · (x or x†) ∘ weight
    PRODUCT = 2  # x, y, region: out = x y
    GROUP = 3  # x, y, region: out = x_D y with x_D the part of x inside the groups
    SUMS = 4  # x, weight, part, count, b0, b1, b2, t0, t1, t2: row sums t and column sums t + 1
    TRACE = 5  # x, part, t: t = Re|Im x_nn


class Mask(IntEnum):
    """Elements of a matrix that a weight leaves; a weight by a power of the gap vanishes inside groups by itself."""

    ALL = 0
    INSIDE = 1
    OUTSIDE = 2


class Region(IntEnum):
    """Elements of a product that are read: those with a wanted band as row or column, all, or those inside groups."""

    BORDER = 0
    FULL = 1
    WITHIN = 2


WIDE = 12
"""Columns of the program: op, out and up to ten more."""

ONES = 0
"""The sum that holds 1 for every band."""

READS = {
    Op.INPUT: (),
    Op.SCALE: (2,),
    Op.PRODUCT: (2, 3),
    Op.GROUP: (2, 3),
    Op.SUMS: (2, 6, 7, 8),
    Op.TRACE: (2,),
}
"""Columns that name a matrix."""

Weight = tuple[int, Mask]
"""Power of 1/ω, and mask."""

PLAIN: Weight = (0, Mask.ALL)
SumKey = tuple[Atom, Weight, Atom | None, int]
"""x, weight, b (None for the diagonal of x) and part: 0 real, 1 imaginary."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Instructions for any engine.

    ``program`` (instructions, WIDE) and ``factors`` (instructions,); ``symbols`` (name, leg) of the inputs; ``weights``
    by their numbers, of which 0 is none; ``buffers`` and ``sums`` numbers of matrices and of sums held at a time.
    Output o is Σ ``coefficient`` · sum ``term``, times the energy of the band where ``energy`` is 1, over the entries
    up to ``ends[o]``.
    """

    program: IntArray
    factors: ComplexArray
    symbols: tuple[tuple[str, int], ...]
    weights: tuple[Weight, ...]
    buffers: int
    sums: int
    ends: IntArray
    term: IntArray
    coefficient: RealArray
    energy: IntArray

    @property
    def outputs(self) -> int:
        """Number of band quantities."""
        return len(self.ends)

    @property
    def products(self) -> int:
        """Number of full matrix products, those that rotate inputs apart: what the work grows with."""
        return int(np.sum(self.program[:, 0] == Op.PRODUCT))


def compile_plan(outputs: Sequence[Band]) -> Plan:
    """The plan whose outputs are ``outputs``, in their order."""
    held = _held(outputs)
    sums: dict[SumKey, int] = {}
    ends, term, coefficient, energy = [], [], [], []
    for band in outputs:
        found: dict[tuple[int, int], float] = {}
        for pair, factor in band.terms.items():
            for number, value in _sums_of(pair, factor, held, sums):
                key = (number, int(pair.energy))
                found[key] = found.get(key, 0.0) + value
        kept = [(number, flag, value) for (number, flag), value in sorted(found.items()) if value]
        term += [number for number, _, _ in kept]
        energy += [flag for _, flag, _ in kept]
        coefficient += [value for _, _, value in kept]
        ends.append(len(term))
    writer = _Writer(held, sums)
    writer.write()
    program, buffers = _with_buffers(np.array(writer.rows, dtype=np.int64).reshape(-1, WIDE))
    return Plan(
        program,
        np.array(writer.factors, dtype=np.complex128),
        tuple(writer.symbols),
        tuple(writer.weights),
        buffers,
        writer.spare + 2,
        np.array(ends, dtype=np.int64),
        np.array(term, dtype=np.int64),
        np.array(coefficient, dtype=np.float64),
        np.array(energy, dtype=np.int64),
    )


def _parts(atom: Atom) -> list[Atom]:
    """Matrices an atom is made of."""
    found: list[Atom] = []
    for argument in atom.arguments:
        if isinstance(argument, Atom):
            found.append(argument)
        elif isinstance(argument, tuple):
            found += [x for x in argument if isinstance(x, Atom)]
    return found


def _factor_inside(x: Atom, held: set[Atom]) -> Atom | None:
    """What stands inside groups in x, if a product can take it from there without a matrix of its own."""
    if x.kind == "weighted" and x.arguments[1:] == (0, INSIDE) and x not in held:
        return _parts(x)[0]
    return None


def _held(outputs: Iterable[Band]) -> set[Atom]:
    """Matrices that must stand in memory: factors of products, parts of sums, general matrices whose adjoint is met."""
    held: set[Atom] = set()
    seen: set[Atom] = set()

    def visit(atom: Atom) -> None:
        if atom in seen:
            return
        seen.add(atom)
        for position, part in enumerate(_parts(atom)):
            inside = _factor_inside(part, set()) if atom.kind == "product" and position == 0 else None
            if atom.kind in ("product", "sum"):
                held.add(part if inside is None else inside)
            visit(part)

    for band in outputs:
        for pair in band.terms:
            visit(pair.x)
            if pair.y is not None:
                visit(pair.y)
                if not pair.x.sign and not pair.y.sign and pair.x_adjoint == pair.y_adjoint:
                    held.add(pair.y)
    return held


def _sums_of(pair: Pair, factor: complex, held: set[Atom], sums: dict[SumKey, int]) -> list[tuple[int, float]]:
    """Numbers and coefficients of the sums that make up Re(factor × pair); new ones are added to ``sums``."""
    if pair.x is IDENTITY:
        return [(ONES, complex(factor).real)]
    if pair.y is None:
        x, c = pair.x, complex(factor)
        while x.kind == "weighted" and x not in held:
            x = _parts(x)[0]  # a diagonal element lies inside its group
        c = c.conjugate() if pair.x_adjoint else c
        found: tuple[Atom, Weight, Atom | None] = (x, PLAIN, None)
        column = 0
    else:
        found, column, c = _normal(pair, pair.y, complex(factor), held)
    # Every key takes two numbers, for row and column sums; the first two belong to ``ONES``.
    return [
        (sums.setdefault((*found, part), 2 * len(sums) + 2) + column, value)
        for part, value in ((0, c.real), (1, -c.imag))
        if value
    ]


def _normal(pair: Pair, right: Atom, c: complex, held: set[Atom]) -> tuple[tuple[Atom, Weight, Atom], int, complex]:
    """Re(c Σ X_nm Y_mn) as Re(c' Σ_m z_nm) with z = w∘x∘conj(b), or the same sum over a column: ((x, w, b), whether it
    is a column, c')."""
    (x, dx, px, mx), (y, dy, py, my) = (_stripped(z, held) for z in ((pair.x, pair.x_adjoint), (right, pair.y_adjoint)))
    # w_mn = (−1)^p w_nm: once for an adjoint on the left, once for a right factor that is none.
    c *= (-1 if px % 2 and dx else 1) * (-1 if py % 2 and not dy else 1)
    power = px + py
    if power < 0:
        raise ResponseError("a matrix times the gap is known only where a division by the gap follows, as in Eq. (2)")
    if Mask.INSIDE in (mx, my) and (Mask.OUTSIDE in (mx, my) or px or py):
        c = 0
    weight = (power, Mask.ALL if power else max(mx, my))
    odd = -1 if power % 2 else 1
    if x.sign and dx:
        c, dx = c * x.sign, False
    if y.sign and dy:
        c, dy = c * y.sign, False
    if y.sign:
        if dx:  # conj(x_mn) y_mn
            return (x, weight, y), 1, c.conjugate() * odd
        c *= y.sign  # y_mn = ± conj(y_nm)
        return ((y, weight, x), 0, c.conjugate()) if x.sign and x.order > y.order else ((x, weight, y), 0, c)
    if x.sign:
        return ((y, weight, x), 0, c.conjugate()) if dy else ((y, weight, x), 1, c * x.sign * odd)
    if dx == dy:
        y, dy = atom("sum", ((y, True, 1),), 0), not dy
    return ((x, weight, y), 1, c.conjugate() * odd) if dx else ((x, weight, y), 0, c)


def _stripped(factor: tuple[Atom, bool], held: set[Atom]) -> tuple[Atom, bool, int, Mask]:
    """The matrix without weights that need not stand in memory, whether its adjoint is meant, and these weights."""
    z, adjoint = factor
    power, mask = 0, Mask.ALL
    while z.kind == "weighted" and z not in held:
        z, p, found = weighted(z)
        mask, power = Mask.INSIDE if found == INSIDE else Mask.OUTSIDE, power + p
    return z, adjoint, power, mask


class _Writer:
    """Writes instructions so that every matrix stands before it is read and sums follow the matrix they are over."""

    def __init__(self, held: set[Atom], sums: dict[SumKey, int]) -> None:
        self.rows: list[list[int]] = []
        self.factors: list[complex] = []
        self.symbols: list[tuple[str, int]] = []
        self.weights: list[Weight] = [PLAIN]
        self.spare = 2 * len(sums) + 2
        self._held = held
        self._places: dict[Atom, int] = {}
        self._groups: dict[Atom, dict[tuple[Weight, int], list[tuple[Atom | None, int]]]] = {}
        self._region: dict[Atom, Region] = {}
        for (x, weight, b, part), number in sums.items():
            self._groups.setdefault(x, {}).setdefault((weight, part), []).append((b, number))
            within = weight[1] == Mask.INSIDE or b is None
            for z in (x, b):
                if z is not None:
                    narrow = within and self._region.get(z, Region.WITHIN) == Region.WITHIN
                    self._region[z] = Region.WITHIN if narrow else Region.BORDER

    def write(self) -> None:
        """All sums, those over products of one left factor together: what only they need can go early."""
        for x in sorted(self._groups, key=lambda z: [p.order for p in _parts(z)] or [z.order]):
            place = self._place(x)
            for (weight, part), members in self._groups[x].items():
                paired = [(b, number) for b, number in members if b is not None]
                for b, number in members:
                    if b is None:
                        self._emit(Op.TRACE, -1, place, part, number)
                for start in range(0, len(paired), 3):
                    some = paired[start : start + 3]
                    # Places that fill the instruction up repeat the last matrix and go to a spare sum.
                    bs = [self._place(b) for b, _ in some] + [self._place(some[-1][0])] * (3 - len(some))
                    ts = [number for _, number in some] + [self.spare] * (3 - len(some))
                    self._emit(Op.SUMS, -1, place, self._weight(weight), part, len(some), *bs, *ts)

    def _emit(self, *row: int, factor: complex = 1) -> None:
        self.rows.append([*row, *[0] * (WIDE - len(row))])
        self.factors.append(factor)

    def _weight(self, weight: Weight) -> int:
        if weight not in self.weights:
            self.weights.append(weight)
        return self.weights.index(weight)

    def _place(self, x: Atom) -> int:
        """Number of the matrix, formed by instructions written here if it does not stand yet."""
        if x not in self._places:
            write = {"input": self._input, "product": self._product, "weighted": self._weighted, "sum": self._sum}[
                x.kind
            ]
            write(x)
            self._places[x] = len(self._places)
        return self._places[x]

    def _input(self, x: Atom) -> None:
        name, leg = x.arguments
        self.symbols.append((str(name), int(str(leg))))
        self._emit(Op.INPUT, len(self._places), len(self.symbols) - 1)

    def _product(self, x: Atom) -> None:
        left, right = _parts(x)
        inside = _factor_inside(left, self._held)
        if inside is not None:
            p, q = self._place(inside), self._place(right)
        else:
            p, q = self._place(left), self._place(right)
        region = Region.FULL if x in self._held else self._region.get(x, Region.FULL)
        self._emit(Op.PRODUCT if inside is None else Op.GROUP, len(self._places), p, q, region)

    def _weighted(self, x: Atom) -> None:
        inner, power, mask = weighted(x)
        p = self._place(inner)
        met = Mask.INSIDE if mask == INSIDE else Mask.OUTSIDE
        self._emit(Op.SCALE, len(self._places), p, self._weight((power, Mask.ALL if power else met)), 0, 1)

    def _sum(self, x: Atom) -> None:
        places = [self._place(part) for part in _parts(x)]
        for turn, ((_, adjoint, factor), place) in enumerate(zip(parts(x), places, strict=True)):
            self._emit(Op.SCALE, len(self._places), place, 0, int(adjoint), int(turn == 0), factor=factor)


def _with_buffers(program: IntArray) -> tuple[IntArray, int]:
    """Matrix numbers replaced by buffers; one is free again after the last instruction that reads its matrix."""
    last: dict[int, int] = {}
    for at, row in enumerate(program):
        for column in (1, *READS[Op(row[0])]):
            last[int(row[column])] = at
    where: dict[int, int] = {}
    free: list[int] = []
    count, out = 0, program.copy()
    for at, row in enumerate(program):
        columns = READS[Op(row[0])]
        if row[1] >= 0 and int(row[1]) not in where:
            if not free:
                free.append(count)
                count += 1
            where[int(row[1])] = free.pop()
        for column in (1, *columns):
            if row[column] >= 0:
                out[at, column] = where[int(row[column])]
        free += [where[m] for m in {int(row[column]) for column in columns} if last[m] == at]
    return out, count

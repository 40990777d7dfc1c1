"""Matrices of a lane group: filling them from arrays [k, …], products, Hermitian conjugation (see ``registers``).

All live in one flat workspace and are named by the offset of their first element. The size n is even: matrices of odd
size are bordered by zeros, so that products can take two rows and two columns at a time.
"""

from __future__ import annotations

from solenoidal.compiled import compiled
from solenoidal.lanes.registers import FAST, WIDTH, join, load, store, zero

CELL = 2 * WIDTH
"""Floats of one element: real parts, then imaginary parts."""


@compiled
def clear(work, x, floats):  # type: ignore[no-untyped-def]
    """Set ``floats`` numbers from ``x`` on to zero."""
    for i in range(x, x + floats):
        work[i] = 0.0


@compiled
def everywhere(x):  # type: ignore[no-untyped-def]
    """The number x in every lane."""
    x = float(x)
    return join(x, x, x, x)


@compiled
def fill_vectors(vectors, points, work, x, n):  # type: ignore[no-untyped-def]
    """Eigenvectors U [k, orbital, band] of the k points ``points`` (WIDTH,) into x, and U† into the matrix after it."""
    bands = vectors.shape[1]
    adjoint = x + CELL * n * n
    k0, k1, k2, k3 = points
    for a in range(bands):
        for b in range(bands):
            p, q, r, s = vectors[k0, a, b], vectors[k1, a, b], vectors[k2, a, b], vectors[k3, a, b]
            re, im = join(p.real, q.real, r.real, s.real), join(p.imag, q.imag, r.imag, s.imag)
            _put(work, x + CELL * (a * n + b), re, im)
            _put(work, adjoint + CELL * (b * n + a), re, zero() - im)


@compiled
def fill_full(matrices, points, work, x, n):  # type: ignore[no-untyped-def]
    """Matrices [k, a, b] into x."""
    bands = matrices.shape[1]
    k0, k1, k2, k3 = points
    for a in range(bands):
        for b in range(bands):
            p, q, r, s = matrices[k0, a, b], matrices[k1, a, b], matrices[k2, a, b], matrices[k3, a, b]
            re, im = join(p.real, q.real, r.real, s.real), join(p.imag, q.imag, r.imag, s.imag)
            _put(work, x + CELL * (a * n + b), re, im)


@compiled
def fill_hermitian(columns, first, points, work, x, bands, n):  # type: ignore[no-untyped-def]
    """Hermitian matrices from their upper triangles, row after row in ``columns`` [k, first + …], into x.

    One row of ``columns`` serves all k points where it is the only one.
    """
    k0, k1, k2, k3 = points
    if columns.shape[0] == 1:
        k0, k1, k2, k3 = 0, 0, 0, 0
    column = first
    for a in range(bands):
        for b in range(a, bands):
            p, q, r, s = columns[k0, column], columns[k1, column], columns[k2, column], columns[k3, column]
            column += 1
            re, im = join(p.real, q.real, r.real, s.real), join(p.imag, q.imag, r.imag, s.imag)
            _put(work, x + CELL * (a * n + b), re, im)
            _put(work, x + CELL * (b * n + a), re, zero() - im)
        store(work, x + CELL * (a * n + a) + WIDTH, zero())


@compiled
def _put(work, at, re, im):  # type: ignore[no-untyped-def]
    store(work, at, re)
    store(work, at + WIDTH, im)


@compiled
def multiply(work, x, y, out, n, top):  # type: ignore[no-untyped-def]
    """out = x y without the elements whose row and column both lie at or beyond ``top``."""
    for b in range(0, n, 2):
        for a in range(0, n if b < top else top, 2):
            _two_by_two(work, x, y, out, a, b, n)


@compiled
def rotate(work, x, vectors, spare, out, n):  # type: ignore[no-untyped-def]
    """out = U† x U for a Hermitian x; ``vectors`` holds U and U† after it, ``spare`` one matrix of scratch."""
    adjoint = vectors + CELL * n * n
    for b in range(0, n, 2):
        for a in range(0, n, 2):
            _two_by_two(work, x, vectors, spare, a, b, n)
        for a in range(0, b + 2, 2):
            _two_by_two(work, adjoint, spare, out, a, b, n)
    mirror(work, out, n)


@compiled(fastmath=FAST)
def _two_by_two(work, x, y, out, a, b, n):  # type: ignore[no-untyped-def]
    """Elements of out = x y in the rows a, a + 1 and the columns b, b + 1."""
    row = CELL * n
    r00, i00, r01, i01 = zero(), zero(), zero(), zero()
    r10, i10, r11, i11 = zero(), zero(), zero(), zero()
    p, q = x + a * row, y + b * CELL
    for _ in range(n):
        ur, ui = load(work, p), load(work, p + WIDTH)
        wr, wi = load(work, p + row), load(work, p + row + WIDTH)
        yr, yi = load(work, q), load(work, q + WIDTH)
        zr, zi = load(work, q + CELL), load(work, q + CELL + WIDTH)
        r00, i00 = r00 + ur * yr - ui * yi, i00 + ur * yi + ui * yr
        r01, i01 = r01 + ur * zr - ui * zi, i01 + ur * zi + ui * zr
        r10, i10 = r10 + wr * yr - wi * yi, i10 + wr * yi + wi * yr
        r11, i11 = r11 + wr * zr - wi * zi, i11 + wr * zi + wi * zr
        p += CELL
        q += row
    at = out + a * row + b * CELL
    _put(work, at, r00, i00)
    _put(work, at + CELL, r01, i01)
    _put(work, at + row, r10, i10)
    _put(work, at + row + CELL, r11, i11)


@compiled(fastmath=FAST)
def mirror(work, x, n):  # type: ignore[no-untyped-def]
    """Fill the lower triangle of a Hermitian matrix from the upper one."""
    for a in range(n):
        for b in range(a):
            source, target = x + CELL * (b * n + a), x + CELL * (a * n + b)
            store(work, target, load(work, source))
            store(work, target + WIDTH, zero() - load(work, source + WIDTH))


@compiled(fastmath=FAST)
def add_commutator(work, product, x, n):  # type: ignore[no-untyped-def]
    """x + i (h r − r h) for Hermitian h and r, from their ``product`` h r; the upper triangle, then mirrored."""
    for a in range(n):
        for b in range(a, n):
            p, q = product + CELL * (a * n + b), product + CELL * (b * n + a)
            at = x + CELL * (a * n + b)
            store(work, at, load(work, at) - load(work, p + WIDTH) - load(work, q + WIDTH))
            store(work, at + WIDTH, load(work, at + WIDTH) + load(work, p) - load(work, q))
    mirror(work, x, n)

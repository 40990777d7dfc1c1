"""Matrices of a lane group: filling them from arrays [k, …], products, Hermitian conjugation (see ``registers``).

All live in one flat workspace and are named by the offset of their first element. The size n is even: matrices of odd
size are bordered by zeros, so that products can take two rows and two columns at a time.
"""

from __future__ import annotations

from solenoidal.lanes.compiled import compiled
from solenoidal.lanes.registers import WIDTH, load, store, zero

CELL = 2 * WIDTH
"""Floats of one element: real parts, then imaginary parts."""


@compiled.inlined
def clear(work, x, floats):  # type: ignore[no-untyped-def]
    """Set ``floats`` numbers from ``x`` on to zero."""
    for i in range(x, x + floats):
        work[i] = 0.0


@compiled.inlined
def fill_vectors(vectors, points, work, x, n):  # type: ignore[no-untyped-def]
    """Eigenvectors U [k, orbital, band] of the k points ``points`` (WIDTH,) into x, and U† into the matrix after it."""
    fill_full(vectors, points, work, x, n)
    adjoint = x + CELL * n * n
    for a in range(n):
        for b in range(n):
            p, q = x + CELL * (a * n + b), adjoint + CELL * (b * n + a)
            put(work, q, load(work, p), zero() - load(work, p + WIDTH))


@compiled
def fill_full(matrices, points, work, x, n):  # type: ignore[no-untyped-def]
    """Matrices [k, a, b] into x."""
    bands = matrices.shape[1]
    for a in range(bands):
        p = x + CELL * a * n
        for b in range(bands):
            for lane in range(WIDTH):
                z = matrices[points[lane], a, b]
                work[p + lane], work[p + WIDTH + lane] = z.real, z.imag
            p += CELL


@compiled
def fill_hermitian(columns, first, points, work, x, bands, n):  # type: ignore[no-untyped-def]
    """Hermitian matrices from their upper triangles, row after row in ``columns`` [k, first + …], into x.

    One row of ``columns`` serves all k points where it is the only one.
    """
    constant = columns.shape[0] == 1
    column = first
    for a in range(bands):
        p = x + CELL * (a * n + a)
        for _ in range(a, bands):
            for lane in range(WIDTH):
                z = columns[0 if constant else points[lane], column]
                work[p + lane], work[p + WIDTH + lane] = z.real, z.imag
            column += 1
            p += CELL
    for a in range(bands):
        store(work, x + CELL * (a * n + a) + WIDTH, zero())
    mirror(work, x, n)


@compiled.inlined
def put(work, at, re, im):  # type: ignore[no-untyped-def]
    """Write one element."""
    store(work, at, re)
    store(work, at + WIDTH, im)


@compiled.fast
def mirror(work, x, n):  # type: ignore[no-untyped-def]
    """Fill the lower triangle of a Hermitian matrix from the upper one."""
    for a in range(n):
        for b in range(a):
            source, target = x + CELL * (b * n + a), x + CELL * (a * n + b)
            store(work, target, load(work, source))
            store(work, target + WIDTH, zero() - load(work, source + WIDTH))


@compiled.inlined
def add_commutator(work, product, x, n):  # type: ignore[no-untyped-def]
    """x + i (h r − r h) for Hermitian h and r, from their ``product`` h r; the upper triangle, then mirrored."""
    for a in range(n):
        for b in range(a, n):
            p, q = product + CELL * (a * n + b), product + CELL * (b * n + a)
            at = x + CELL * (a * n + b)
            store(work, at, load(work, at) - load(work, p + WIDTH) - load(work, q + WIDTH))
            store(work, at + WIDTH, load(work, at + WIDTH) + load(work, p) - load(work, q))
    mirror(work, x, n)

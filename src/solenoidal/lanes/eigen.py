"""Eigenvalues and eigenvectors of many small Hermitian matrices, WIDTH of them at a time in lanes.

LAPACK spends most of its time on a matrix of 2 to 60 orbitals outside the arithmetic. Here the lanes go through its
classical path side by side: reflections to a real tridiagonal matrix, QL iterations with implicit shifts (J. H.
Wilkinson and C. Reinsch, Linear Algebra, contributions II/3 and II/4, 1971), reflections back. Lanes that are done wait
for the others behind rotations by nothing, so that a result does not depend on its neighbours.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, RealArray
from solenoidal.lanes.compiled import compiled
from solenoidal.lanes.matrices import CELL, fill_full
from solenoidal.lanes.registers import (
    WIDTH,
    any_positive,
    choose,
    everywhere,
    load,
    magnitude,
    square_root,
    store,
    workspace,
    zero,
)

ITERATIONS = 40
"""QL iterations for one eigenvalue; two are usual."""

EPSILON = float(np.finfo(np.float64).eps)


def diagonalise(matrices: ComplexArray) -> tuple[RealArray, ComplexArray, BoolArray]:
    """Eigenvalues (nk, n), ascending, eigenvectors in columns (nk, n, n), and whether they can be trusted (nk,).

    ``matrices`` (nk, n, n) are Hermitian, their upper triangle is used. Elements below 1e-150 count as zero. What is
    found is not to be trusted where the iteration does not settle or squares overflow.
    """
    nk, n = matrices.shape[:2]
    energies, vectors = np.empty((nk, n)), np.empty((nk, n, n), dtype=np.complex128)
    settled = np.ones(nk, dtype=np.bool_)
    room = 2 * CELL * n * n + WIDTH * n * n + 2 * CELL * n + 2 * WIDTH * n
    _diagonalise(matrices, energies, vectors, settled, workspace(room))
    settled &= np.isfinite(energies).all(axis=1)
    return energies, vectors, settled


@compiled.fast
def _diagonalise(matrices, energies, vectors, settled, work):  # type: ignore[no-untyped-def]
    nk, n = energies.shape
    A, U = 0, CELL * n * n
    Z = 2 * CELL * n * n
    tau = Z + WIDTH * n * n
    w = tau + CELL * n
    d = tau + 2 * CELL * n
    e = d + WIDTH * n
    points = np.zeros(WIDTH, np.int64)
    order = np.zeros(n, np.int64)
    for start in range(0, nk, WIDTH):
        for lane in range(WIDTH):
            points[lane] = min(start + lane, nk - 1)
        fill_full(matrices, points, work, A, n)
        _tridiagonalise(work, A, w, tau, d, e, n)
        left = _iterate(work, Z, d, e, n)
        _turn_back(work, A, U, Z, tau, n)
        for lane in range(min(WIDTH, nk - start)):
            k = start + lane
            settled[k] = not work[left + lane] > 0.0
            _sort(work, d + lane, order, n)
            for a in range(n):
                energies[k, a] = work[d + WIDTH * order[a] + lane]
                column = U + CELL * n * order[a] + lane
                for r in range(n):
                    vectors[k, r, a] = complex(work[column + CELL * r], work[column + CELL * r + WIDTH])


@compiled.inlined
def _sort(work, d, order, n):  # type: ignore[no-untyped-def]
    """Numbers of the eigenvalues of one lane, the lowest first."""
    for a in range(n):
        b = a
        while b > 0 and work[d + WIDTH * order[b - 1]] > work[d + WIDTH * a]:
            order[b] = order[b - 1]
            b -= 1
        order[b] = a


@compiled.inlined
def _tridiagonalise(work, A, w, tau, d, e, n):  # type: ignore[no-untyped-def]
    """T = Q† A Q with diagonal d and real off-diagonal e; Q = H_0 H_1 …, H_k = 1 − τ v v†, v_{k+1} = 1, whose v takes
    the place of row k of the upper triangle."""
    one, half = everywhere(1.0), everywhere(0.5)
    for k in range(n - 1):
        row = A + CELL * k * n
        store(work, d + WIDTH * k, load(work, row + CELL * k))
        ar, ai = load(work, row + CELL * (k + 1)), zero() - load(work, row + CELL * (k + 1) + WIDTH)
        square = ar * ar + ai * ai
        for j in range(k + 2, n):
            xr, xi = load(work, row + CELL * j), load(work, row + CELL * j + WIDTH)
            square = square + xr * xr + xi * xi
        norm = square_root(square)
        beta = choose(ar, zero(), norm, zero() - norm)
        store(work, e + WIDTH * k, beta)
        # A column that vanishes is left alone: τ = 0.
        safe = choose(zero(), norm, beta, one)
        tr, ti = (beta - ar) / safe, zero() - ai / safe
        store(work, tau + CELL * k, tr)
        store(work, tau + CELL * k + WIDTH, ti)
        br = ar - beta
        length = br * br + ai * ai
        length = choose(zero(), length, length, one)
        ir, ii = br / length, zero() - ai / length
        store(work, row + CELL * (k + 1), one)
        store(work, row + CELL * (k + 1) + WIDTH, zero())
        for j in range(k + 2, n):
            xr, xi = load(work, row + CELL * j), zero() - load(work, row + CELL * j + WIDTH)
            store(work, row + CELL * j, xr * ir - xi * ii)
            store(work, row + CELL * j + WIDTH, xr * ii + xi * ir)
        for j in range(k + 1, n):
            store(work, w + CELL * j, zero())
            store(work, w + CELL * j + WIDTH, zero())
        _hermitian_product(work, A, row, w, k + 1, n)
        dr, di = zero(), zero()
        for j in range(k + 1, n):
            pr, pi = load(work, w + CELL * j), load(work, w + CELL * j + WIDTH)
            pr, pi = tr * pr - ti * pi, tr * pi + ti * pr
            store(work, w + CELL * j, pr)
            store(work, w + CELL * j + WIDTH, pi)
            xr, xi = load(work, row + CELL * j), load(work, row + CELL * j + WIDTH)
            dr, di = dr + pr * xr + pi * xi, di + pr * xi - pi * xr
        gr, gi = zero() - half * (tr * dr - ti * di), zero() - half * (tr * di + ti * dr)
        for j in range(k + 1, n):
            xr, xi = load(work, row + CELL * j), load(work, row + CELL * j + WIDTH)
            store(work, w + CELL * j, load(work, w + CELL * j) + gr * xr - gi * xi)
            store(work, w + CELL * j + WIDTH, load(work, w + CELL * j + WIDTH) + gr * xi + gi * xr)
        _subtract(work, A, row, w, k + 1, n)
    store(work, d + WIDTH * (n - 1), load(work, A + CELL * (n * n - 1)))
    store(work, e + WIDTH * (n - 1), zero())


@compiled.inlined
def _hermitian_product(work, A, x, out, first, n):  # type: ignore[no-untyped-def]
    """out += A x for rows and columns from ``first`` on, from the upper triangle of A."""
    for i in range(first, n):
        row = A + CELL * i * n
        ur, ui = load(work, x + CELL * i), load(work, x + CELL * i + WIDTH)
        diagonal = load(work, row + CELL * i)
        sr, si = diagonal * ur, diagonal * ui
        for j in range(i + 1, n):
            p, q = x + CELL * j, out + CELL * j
            hr, hi = load(work, row + CELL * j), load(work, row + CELL * j + WIDTH)
            xr, xi = load(work, p), load(work, p + WIDTH)
            sr, si = sr + hr * xr - hi * xi, si + hr * xi + hi * xr
            store(work, q, load(work, q) + hr * ur + hi * ui)
            store(work, q + WIDTH, load(work, q + WIDTH) + hr * ui - hi * ur)
        at = out + CELL * i
        store(work, at, load(work, at) + sr)
        store(work, at + WIDTH, load(work, at + WIDTH) + si)


@compiled.inlined
def _subtract(work, A, x, y, first, n):  # type: ignore[no-untyped-def]
    """A −= x y† + y x† for rows and columns from ``first`` on, the upper triangle."""
    for i in range(first, n):
        row = A + CELL * i * n
        ur, ui = load(work, x + CELL * i), load(work, x + CELL * i + WIDTH)
        vr, vi = load(work, y + CELL * i), load(work, y + CELL * i + WIDTH)
        for j in range(i, n):
            xr, xi = load(work, x + CELL * j), load(work, x + CELL * j + WIDTH)
            yr, yi = load(work, y + CELL * j), load(work, y + CELL * j + WIDTH)
            at = row + CELL * j
            store(work, at, load(work, at) - ur * yr - ui * yi - vr * xr - vi * xi)
            store(work, at + WIDTH, load(work, at + WIDTH) - ui * yr + ur * yi - vi * xr + vr * xi)


@compiled.inlined
def _iterate(work, Z, d, e, n):  # type: ignore[no-untyped-def]
    """Eigenvalues into d, eigenvectors of the tridiagonal matrix into the rows of Z; returns where the lanes that did
    not settle are marked."""
    one, nothing = everywhere(1.0), zero()
    for i in range(n * n):
        store(work, Z + WIDTH * i, nothing)
    norm = nothing
    for i in range(n):
        store(work, Z + WIDTH * (i * n + i), one)
        size = magnitude(load(work, d + WIDTH * i)) + magnitude(load(work, e + WIDTH * i))
        norm = choose(norm, size, size, norm)
    small = everywhere(EPSILON)
    floor = everywhere(0.1) * small * norm
    failed = nothing
    for low in range(n - 1):
        going = nothing
        for _ in range(ITERATIONS):
            # The block that hangs together with ``low`` ends where e vanishes to rounding: row ``end`` of each lane.
            end, last = everywhere(low), load(work, d + WIDTH * low)
            unbroken = one
            for m in range(low, n - 1):
                at = e + WIDTH * m
                size = magnitude(load(work, at))
                here, there = load(work, d + WIDTH * m), load(work, d + WIDTH * (m + 1))
                limit = small * (magnitude(here) + magnitude(there))
                limit = choose(limit, floor, floor, limit)
                couples = choose(limit, size, one, nothing)
                store(work, at, choose(nothing, couples, load(work, at), nothing))
                unbroken = unbroken * couples
                end = choose(nothing, unbroken, everywhere(m + 1), end)
                last = choose(nothing, unbroken, there, last)
            going = choose(everywhere(low), end, one, nothing)
            if not any_positive(going):
                break
            _sweep(work, Z, d, e, low, end, last, going, n)
        failed = failed + going
    store(work, e, failed)
    return e


@compiled.inlined
def _sweep(work, Z, d, e, low, end, last, going, n):  # type: ignore[no-untyped-def]
    """One QL iteration with implicit shift from row ``end`` of each lane, where d is ``last``, up to row ``low``, in
    the lanes that are ``going``."""
    one, two, nothing = everywhere(1.0), everywhere(2.0), zero()
    at = e + WIDTH * low
    off = choose(nothing, going, load(work, at), one)
    first = load(work, d + WIDTH * low)
    g = (load(work, d + WIDTH * (low + 1)) - first) / (two * off)
    r = square_root(g * g + one)
    g = last - first + off / (g + choose(g, nothing, nothing - r, r))
    s, c, p = one, one, nothing
    for i in range(n - 2, low - 1, -1):
        run = choose(everywhere(i), end, going, nothing)
        if not any_positive(run):
            continue
        inside = choose(everywhere(i + 1), end, run, nothing)
        coupling = load(work, e + WIDTH * i)
        f, b = s * coupling, c * coupling
        r = square_root(f * f + g * g)
        store(work, e + WIDTH * (i + 1), choose(nothing, inside, r, load(work, e + WIDTH * (i + 1))))
        safe = choose(nothing, r, r, one)
        fresh_s, fresh_c = choose(nothing, r, f / safe, nothing), choose(nothing, r, g / safe, one)
        upper, lower = load(work, d + WIDTH * i), load(work, d + WIDTH * (i + 1))
        h = lower - p
        t = (upper - h) * fresh_s + two * fresh_c * b
        fresh_p = fresh_s * t
        store(work, d + WIDTH * (i + 1), choose(nothing, run, h + fresh_p, lower))
        s, c = choose(nothing, run, fresh_s, s), choose(nothing, run, fresh_c, c)
        p, g = choose(nothing, run, fresh_p, p), choose(nothing, run, fresh_c * t - b, g)
        turn_s, turn_c = choose(nothing, run, s, nothing), choose(nothing, run, c, one)
        x, y = Z + WIDTH * i * n, Z + WIDTH * (i + 1) * n
        for _ in range(n):
            u, v = load(work, x), load(work, y)
            store(work, y, turn_s * u + turn_c * v)
            store(work, x, turn_c * u - turn_s * v)
            x += WIDTH
            y += WIDTH
    store(work, d + WIDTH * low, choose(nothing, going, load(work, d + WIDTH * low) - p, load(work, d + WIDTH * low)))
    store(work, at, choose(nothing, going, g, load(work, at)))


@compiled.inlined
def _turn_back(work, A, U, Z, tau, n):  # type: ignore[no-untyped-def]
    """Eigenvectors Q z of the matrix itself into the rows of U, from the rows of Z."""
    for i in range(n * n):
        store(work, U + CELL * i, load(work, Z + WIDTH * i))
        store(work, U + CELL * i + WIDTH, zero())
    for k in range(n - 2, -1, -1):
        tr, ti = load(work, tau + CELL * k), load(work, tau + CELL * k + WIDTH)
        row = A + CELL * k * n
        for a in range(n):
            vector = U + CELL * a * n
            sr, si = zero(), zero()
            for r in range(k + 1, n):
                vr, vi = load(work, row + CELL * r), load(work, row + CELL * r + WIDTH)
                ur, ui = load(work, vector + CELL * r), load(work, vector + CELL * r + WIDTH)
                sr, si = sr + vr * ur + vi * ui, si + vr * ui - vi * ur
            sr, si = tr * sr - ti * si, tr * si + ti * sr
            for r in range(k + 1, n):
                vr, vi = load(work, row + CELL * r), load(work, row + CELL * r + WIDTH)
                at = vector + CELL * r
                store(work, at, load(work, at) - vr * sr + vi * si)
                store(work, at + WIDTH, load(work, at + WIDTH) - vr * si - vi * sr)

"""Every transport quantity of a block in one compiled pass, WIDTH k points at a time in the registers of ``lanes``.

The formulas are those of ``geometry.transport``, ``geometry.curvature`` and ``geometry.multipoles``, rewritten with
v_nm/ω_nm = i A_nm so that three families of matrix products (A s, v s, A v) give everything. With {x, y} = x y + y x
and v_D the velocity inside the degenerate groups,

    conventional    −Re Σ_m {v^i, s}_nm A^l_mn/ω_nm
    finite-q sea    Im ({A^i, s} A^l)_nn + Re Σ_m ({v_D^i, s}_nm A^l_mn − {A^i, v^l}_nm s_mn)/ω_nm
    interband spin  −Im (A^l s A^i)_nn

The summands of the first two change sign when n and m are exchanged, so each pair of bands is visited once. Matrices
that leave nothing to components that symmetry forbids are not formed, nor elements between two bands that nobody asks
for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.bloch.interpolation import DERIVATIVE, POSITION
from solenoidal.bloch.states import BlochStates
from solenoidal.compiled import compiled
from solenoidal.lanes.matrices import (
    CELL,
    add_commutator,
    clear,
    everywhere,
    fill_full,
    fill_hermitian,
    fill_vectors,
    multiply,
    rotate,
)
from solenoidal.lanes.registers import FAST, WIDTH, join, load, store, workspace, zero


class TransportQuantities(NamedTuple):
    """Band quantities of ``SpinConductivity``: vectors (k, n, 3, legs) and tensors (k, n, l, i, legs)."""

    berry_spin: RealArray
    interband_spin: RealArray
    velocity_dipole: RealArray
    conventional: RealArray
    finite_q: RealArray


def transport_quantities(states: BlochStates, name: str, components: BoolArray | None = None) -> TransportQuantities:
    """All of ``TransportQuantities`` for operator ``name``; agrees with the separate functions to rounding.

    Bands above ``states.highest`` are left zero, and so are the components (l, i, legs) of the last two tensors, and
    what the curl of their first two axes leaves of the interband spin, that ``components`` excludes.
    """
    states.require(name)
    orbital = states.orbital
    operator, first, legs = orbital.packed(name)
    nk, n = states.energies.shape
    wanted = np.ones((3, 3, legs), dtype=np.bool_) if components is None else components.reshape(3, 3, legs)
    vectors = np.zeros((2, nk, n, 3, legs))
    tensors = np.zeros((3, nk, n, 3, 3, legs))
    even = n + n % 2
    work = workspace(CELL * even * even * (SPARE + 6 + legs) + WIDTH * even * even * 2 + WIDTH * n * 9 * (legs + 2) * 5)
    _transport_block(
        states.vectors,
        orbital.hamiltonian,
        orbital.columns,
        orbital.places[DERIVATIVE][0],
        orbital.places.get(POSITION, (-1, 3))[0],
        operator,
        first,
        states.energies,
        states.labels,
        states.degeneracy.minimum_gap,
        states.active,
        wanted,
        work,
        vectors,
        tensors,
    )
    return TransportQuantities(vectors[0], vectors[1], tensors[0], tensors[1], tensors[2])


SPARE = 6
"""Matrices of the workspace that hold U, U†, H and three intermediate ones."""


@compiled
def _transport_block(  # type: ignore[no-untyped-def]
    unitary, hamiltonian, columns, derivative, position, operator, first, energies, labels, minimum, active, wanted,
    work, vectors, tensors,
):  # fmt: skip
    """Loop over groups of WIDTH k points; only the first ``active`` bands of each are wanted, all bands are
    partners."""
    nk, bands = energies.shape
    legs = wanted.shape[2]
    n = bands + bands % 2
    matrix = CELL * n * n
    eigen, spare = 0 * matrix, 3 * matrix
    v, s, A = SPARE * matrix, (SPARE + 3) * matrix, (SPARE + 3 + legs) * matrix
    gap = (SPARE + 6 + legs) * matrix
    same = gap + WIDTH * n * n
    sums = same + WIDTH * n * n
    clear(work, 0, sums)
    points = np.zeros(WIDTH, np.int64)
    lowest, highest = np.zeros(n, np.int64), np.zeros(n, np.int64)
    size = bands * 9 * _padded(legs) * WIDTH
    for start in range(0, nk, WIDTH):
        for lane in range(WIDTH):
            points[lane] = min(start + lane, nk - 1)
        count = min(WIDTH, nk - start)
        top = active[start]
        for lane in range(1, count):
            top = max(top, active[points[lane]])
        if top == 0:
            continue
        fill_vectors(unitary, points, work, eigen, n)
        _velocities(work, hamiltonian, columns, derivative, position, points, eigen, spare, v, bands, n)
        for q in range(legs):
            fill_hermitian(operator, first + q * (bands * (bands + 1) // 2), points, work, spare, bands, n)
            rotate(work, spare, eigen, spare + matrix, s + q * matrix, n)
        _gaps(work, energies, labels, minimum, points, gap, same, lowest, highest, n)
        for i in range(3):
            _connection(work, v + i * matrix, gap, A + i * matrix, n)
        clear(work, sums, 5 * size)
        _tensors(work, spare, v, s, A, gap, same, sums, lowest, highest, wanted, bands, top, n)
        _curvature_trace(work, A, s, same, sums + 4 * size, lowest, highest, legs, bands, top, n)
        _deliver(work, sums, size, points, count, active, wanted, vectors, tensors)


@compiled
def _velocities(work, hamiltonian, columns, derivative, position, points, eigen, spare, v, bands, n):  # type: ignore[no-untyped-def]
    """∂H + i[H, Ā] in the eigenbasis, from the columns ``derivative`` and ``position`` on; no Ā if that is negative."""
    matrix, triangle = CELL * n * n, bands * (bands + 1) // 2
    x, y = spare, spare + matrix
    if position >= 0:
        fill_full(hamiltonian, points, work, spare - matrix, n)
    for i in range(3):
        if position >= 0:
            fill_hermitian(columns, position + i * triangle, points, work, x, bands, n)
            multiply(work, spare - matrix, x, y, n, n)
        fill_hermitian(columns, derivative + i * triangle, points, work, x, bands, n)
        if position >= 0:
            add_commutator(work, y, x, n)
        rotate(work, x, eigen, y, v + i * matrix, n)


@compiled
def _gaps(work, energies, labels, minimum, points, gap, same, lowest, highest, n):  # type: ignore[no-untyped-def]
    """1/(ε_n − ε_m) between groups, 1 inside a group, and the bands each group may reach in any lane."""
    bands = energies.shape[1]
    k0, k1, k2, k3 = points
    for a in range(bands):
        lowest[a], highest[a] = a, a
    for a in range(bands):
        for b in range(a, bands):
            p, together_p = _pair(energies, labels, minimum, k0, a, b)
            q, together_q = _pair(energies, labels, minimum, k1, a, b)
            r, together_r = _pair(energies, labels, minimum, k2, a, b)
            s, together_s = _pair(energies, labels, minimum, k3, a, b)
            inverse, inside = join(p, q, r, s), join(together_p, together_q, together_r, together_s)
            store(work, gap + WIDTH * (a * n + b), inverse)
            store(work, gap + WIDTH * (b * n + a), zero() - inverse)
            store(work, same + WIDTH * (a * n + b), inside)
            store(work, same + WIDTH * (b * n + a), inside)
            if together_p + together_q + together_r + together_s > 0.0:
                highest[a] = max(highest[a], b)
                lowest[b] = min(lowest[b], a)


@compiled
def _pair(energies, labels, minimum, k, a, b):  # type: ignore[no-untyped-def]
    difference = energies[k, a] - energies[k, b]
    if labels[k, a] == labels[k, b]:
        return 0.0, 1.0
    return (0.0 if abs(difference) < minimum else 1.0 / difference), 0.0


@compiled(fastmath=FAST)
def _connection(work, v, gap, A, n):  # type: ignore[no-untyped-def]
    """A = −i v/ω."""
    for x in range(n * n):
        g = load(work, gap + WIDTH * x)
        at = CELL * x
        store(work, A + at, g * load(work, v + at + WIDTH))
        store(work, A + at + WIDTH, zero() - g * load(work, v + at))


@compiled
def _tensors(work, spare, v, s, A, gap, same, sums, lowest, highest, wanted, bands, top, n):  # type: ignore[no-untyped-def]
    """Sums [quantity, n, l, i, q]: v d, conventional, finite-q, Im (A^i s A^l)."""
    legs = wanted.shape[2]
    matrix, stride = CELL * n * n, 9 * _padded(legs) * WIDTH
    x, y = spare, spare + matrix
    for i in range(3):
        for q in range(legs):
            if wanted[0, i, q] or wanted[1, i, q] or wanted[2, i, q]:
                at = sums + (i * _padded(legs) + q) * WIDTH
                multiply(work, A + i * matrix, s + q * matrix, x, n, top)
                _dipole_sums(work, x, v, A, same, at, stride, lowest, highest, bands, top, n)
                multiply(work, v + i * matrix, s + q * matrix, x, n, top)
                _group_product(work, v + i * matrix, s + q * matrix, same, y, lowest, highest, bands, top, n)
                _velocity_sums(work, x, y, A, gap, at, stride, bands, top, n)
        for f in range(3):
            if np.any(wanted[f, i]):
                multiply(work, A + i * matrix, v + f * matrix, x, n, top)
                for q in range(0, legs, 3):
                    at = sums + ((f * 3 + i) * _padded(legs) + q) * WIDTH
                    _lever_sums(work, x, s + q * matrix, min(legs - q, 3), gap, at, stride, bands, top, n)


@compiled
def _padded(legs):  # type: ignore[no-untyped-def]
    """Places for legs in the sums: they are served three at a time."""
    return (legs + 2) // 3 * 3


@compiled(fastmath=FAST)
def _accumulate(work, at, value):  # type: ignore[no-untyped-def]
    store(work, at, load(work, at) + value)


@compiled(fastmath=FAST)
def _dipole_sums(work, x, v, A, same, out, stride, lowest, highest, bands, top, n):  # type: ignore[no-untyped-def]
    """From x = A^i s, for the three l: Im Σ_m {A^i, s}_nm A^l_mn, Im (A^i s A^l)_nn, and v^l d of each group.

    The last is a trace, ½ Σ_b Re v_ab (x + x†)_ba over the partners b of a, with 2 d = {A, s}.
    """
    matrix, quantity, step = CELL * n * n, bands * stride, stride // 3
    half = everywhere(0.5)
    for a in range(top):
        turned0, turned1, turned2 = zero(), zero(), zero()
        inter0, inter1, inter2 = zero(), zero(), zero()
        for b in range(bands):
            p, t = CELL * (a * n + b), CELL * (b * n + a)
            xr, xi = load(work, x + p), load(work, x + p + WIDTH)
            re, im = xr + load(work, x + t), xi - load(work, x + t + WIDTH)
            p += A
            yr, yi = load(work, p), load(work, p + WIDTH)
            turned0, inter0 = turned0 + im * yr - re * yi, inter0 + xi * yr - xr * yi
            p += matrix
            yr, yi = load(work, p), load(work, p + WIDTH)
            turned1, inter1 = turned1 + im * yr - re * yi, inter1 + xi * yr - xr * yi
            p += matrix
            yr, yi = load(work, p), load(work, p + WIDTH)
            turned2, inter2 = turned2 + im * yr - re * yi, inter2 + xi * yr - xr * yi
        at = out + a * stride
        _accumulate(work, at + 2 * quantity, turned0)
        _accumulate(work, at + 2 * quantity + step, turned1)
        _accumulate(work, at + 2 * quantity + 2 * step, turned2)
        store(work, at + 3 * quantity, inter0)
        store(work, at + 3 * quantity + step, inter1)
        store(work, at + 3 * quantity + 2 * step, inter2)
        for f in range(3):
            total = zero()
            for b in range(lowest[a], highest[a] + 1):
                p, t = CELL * (a * n + b), CELL * (b * n + a)
                re = load(work, x + p) + load(work, x + t)
                im = load(work, x + p + WIDTH) - load(work, x + t + WIDTH)
                p += v + f * matrix
                inside = half * load(work, same + WIDTH * (a * n + b))
                total = total + inside * (re * load(work, p) + im * load(work, p + WIDTH))
            store(work, at + f * step, total)


@compiled(fastmath=FAST)
def _velocity_sums(work, x, y, A, gap, out, stride, bands, top, n):  # type: ignore[no-untyped-def]
    """From x = v^i s and y = v_D^i s, for the three l: −Re Σ_m (x + x†)_nm A^l_mn/ω_nm and the same of y, with +."""
    matrix, quantity, step = CELL * n * n, bands * stride, stride // 3
    for a in range(top):
        whole0, whole1, whole2 = zero(), zero(), zero()
        drift0, drift1, drift2 = zero(), zero(), zero()
        for b in range(bands):
            p, t = CELL * (a * n + b), CELL * (b * n + a)
            inverse = load(work, gap + WIDTH * (a * n + b))
            re = (load(work, x + p) + load(work, x + t)) * inverse
            im = (load(work, x + p + WIDTH) - load(work, x + t + WIDTH)) * inverse
            ur = (load(work, y + p) + load(work, y + t)) * inverse
            ui = (load(work, y + p + WIDTH) - load(work, y + t + WIDTH)) * inverse
            p += A
            zr, zi = load(work, p), load(work, p + WIDTH)
            whole0, drift0 = whole0 - re * zr - im * zi, drift0 + ur * zr + ui * zi
            p += matrix
            zr, zi = load(work, p), load(work, p + WIDTH)
            whole1, drift1 = whole1 - re * zr - im * zi, drift1 + ur * zr + ui * zi
            p += matrix
            zr, zi = load(work, p), load(work, p + WIDTH)
            whole2, drift2 = whole2 - re * zr - im * zi, drift2 + ur * zr + ui * zi
        at = out + a * stride + quantity
        store(work, at, whole0)
        store(work, at + step, whole1)
        store(work, at + 2 * step, whole2)
        at += quantity
        _accumulate(work, at, drift0)
        _accumulate(work, at + step, drift1)
        _accumulate(work, at + 2 * step, drift2)


@compiled(fastmath=FAST)
def _lever_sums(work, x, s, legs, gap, out, stride, bands, top, n):  # type: ignore[no-untyped-def]
    """From x = A^i v^l, for up to three legs: −Re Σ_m (x + x†)_nm s_mn/ω_nm."""
    matrix, quantity = CELL * n * n, bands * stride
    first, second = min(1, legs - 1) * matrix, min(2, legs - 1) * matrix
    for a in range(top):
        lever0, lever1, lever2 = zero(), zero(), zero()
        for b in range(bands):
            p, t = CELL * (a * n + b), CELL * (b * n + a)
            inverse = load(work, gap + WIDTH * (a * n + b))
            re = (load(work, x + p) + load(work, x + t)) * inverse
            im = (load(work, x + p + WIDTH) - load(work, x + t + WIDTH)) * inverse
            p += s
            lever0 = lever0 - re * load(work, p) - im * load(work, p + WIDTH)
            lever1 = lever1 - re * load(work, p + first) - im * load(work, p + first + WIDTH)
            lever2 = lever2 - re * load(work, p + second) - im * load(work, p + second + WIDTH)
        at = out + a * stride + 2 * quantity
        _accumulate(work, at, lever0)
        _accumulate(work, at + WIDTH, lever1)
        _accumulate(work, at + 2 * WIDTH, lever2)


@compiled(fastmath=FAST)
def _group_product(work, x, y, same, out, lowest, highest, bands, top, n):  # type: ignore[no-untyped-def]
    """out = x_D y with x_D the part of x inside the degenerate groups."""
    for a in range(bands):
        columns = bands if a < top else top
        for c in range(lowest[a], highest[a] + 1):
            p = x + CELL * (a * n + c)
            inside = load(work, same + WIDTH * (a * n + c))
            xr, xi = inside * load(work, p), inside * load(work, p + WIDTH)
            fresh = c == lowest[a]
            t, at = y + CELL * c * n, out + CELL * a * n
            for _ in range(columns):
                yr, yi = load(work, t), load(work, t + WIDTH)
                re, im = xr * yr - xi * yi, xr * yi + xi * yr
                if not fresh:
                    re, im = re + load(work, at), im + load(work, at + WIDTH)
                store(work, at, re)
                store(work, at + WIDTH, im)
                t += CELL
                at += CELL


@compiled(fastmath=FAST)
def _curvature_trace(work, A, s, same, out, lowest, highest, legs, bands, top, n):  # type: ignore[no-untyped-def]
    """Ω s of each group as a trace: −2 Im tr[s A^l A^i] antisymmetrised over (l, i), the terms of row a of s."""
    matrix = CELL * n * n
    for a in range(top):
        for b in range(lowest[a], highest[a] + 1):
            inside = load(work, same + WIDTH * (a * n + b))
            for j in range(3):
                x, y = A + (j + 1) % 3 * matrix, A + (j + 2) % 3 * matrix
                re, im = zero(), zero()
                for m in range(bands):
                    p, t = CELL * (b * n + m), CELL * (a * n + m)
                    ur, ui = load(work, x + p), load(work, x + p + WIDTH)
                    yr, yi = load(work, y + t), load(work, y + t + WIDTH)
                    wr, wi = load(work, y + p), load(work, y + p + WIDTH)
                    zr, zi = load(work, x + t), load(work, x + t + WIDTH)
                    re = re + ur * yr + ui * yi - wr * zr - wi * zi
                    im = im + ui * yr - ur * yi - wi * zr + wr * zi
                re, im = inside * re, inside * im
                for q in range(legs):
                    at = s + q * matrix + CELL * (a * n + b)
                    value = load(work, at) * im + load(work, at + WIDTH) * re
                    target = out + ((a * 3 + j) * legs + q) * WIDTH
                    store(work, target, load(work, target) - value)


@compiled
def _deliver(work, sums, size, points, count, active, wanted, vectors, tensors):  # type: ignore[no-untyped-def]
    """From lanes to arrays [k, n, …]; the interband spin is ½ ε_jli Im (A^i s A^l)."""
    legs, places = wanted.shape[2], _padded(wanted.shape[2])
    for lane in range(count):
        k = points[lane]
        for a in range(active[k]):
            row = sums + a * 9 * places * WIDTH + lane
            for f in range(3):
                for i in range(3):
                    for q in range(legs):
                        if wanted[f, i, q]:
                            at = row + ((f * 3 + i) * places + q) * WIDTH
                            for t in range(3):
                                tensors[t, k, a, f, i, q] = work[at + t * size]
            for j in range(3):
                x, y = (j + 1) % 3, (j + 2) % 3
                for q in range(legs):
                    vectors[0, k, a, j, q] = work[sums + 4 * size + ((a * 3 + j) * legs + q) * WIDTH + lane]
                    if wanted[x, y, q]:
                        vectors[1, k, a, j, q] += 0.5 * work[row + 3 * size + ((x * 3 + y) * places + q) * WIDTH]
                    if wanted[y, x, q]:
                        vectors[1, k, a, j, q] -= 0.5 * work[row + 3 * size + ((y * 3 + x) * places + q) * WIDTH]

"""Every transport quantity of a block in one compiled pass, arranged so that one k point's work stays in the cache.

The formulas are those of ``geometry.transport``, ``geometry.curvature`` and ``geometry.multipoles``, rewritten with
v_nm/ω_nm = i A_nm so that three families of matrix products (A s, v s, A v) give everything. With {x, y} = x y + y x
and v_D the velocity inside the degenerate groups,

    conventional    −Re Σ_m {v^i, s}_nm A^l_mn/ω_nm
    finite-q sea    Im ({A^i, s} A^l)_nn + Re Σ_m ({v_D^i, s}_nm A^l_mn − {A^i, v^l}_nm s_mn)/ω_nm
    interband spin  −Im (A^l s A^i)_nn

Re Σ_m x_nm y_mn of Hermitian x and y is the dot product of row n of both, real and imaginary parts side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.states import BlochStates

RealArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


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
    spin = np.ascontiguousarray(states.operator(name))
    nk, n, legs, _ = spin.shape
    wanted = np.ones((3, 3, legs), dtype=np.bool_) if components is None else components.reshape(3, 3, legs)
    vectors = np.zeros((2, nk, n, 3, legs))
    tensors = np.zeros((3, nk, n, 3, 3, legs))
    velocity = np.ascontiguousarray(states.velocity)
    spans = np.array([_span(row) for row in np.asarray(wanted.any(axis=0))])
    fields = np.array([_span(row) for row in np.asarray(wanted.any(axis=2)).T])
    _transport_block(
        velocity, spin, states.inverse_gap, states.labels, states.active, wanted, spans, fields, vectors, tensors
    )
    return TransportQuantities(vectors[0], vectors[1], tensors[0], tensors[1], tensors[2])


def _span(wanted: BoolArray) -> tuple[int, int]:
    """First and number of cyclically consecutive indices that cover the ``wanted`` ones."""
    n = len(wanted)
    covers = [(first, count) for count in range(n + 1) for first in range(n)]
    return next((f, c) for f, c in covers if wanted[(f + np.arange(c)) % n].sum() == wanted.sum())


_FAST = {"reassoc", "contract", "nsz", "arcp"}


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _transport_block(velocity, spin, inverse_gap, labels, active, wanted, spans, fields, vectors, tensors):  # type: ignore[no-untyped-def]
    """Loop over k points; only the first ``active`` bands of each are wanted, all bands serve as partners."""
    nk, n, legs = spin.shape[0], spin.shape[1], spin.shape[2]
    turned = np.zeros((n, 3, n), np.complex128)
    weighted = np.zeros((n, 3, n), np.complex128)
    spin_weighted = np.zeros((n, legs, n), np.complex128)
    left = np.zeros((3, 2, n, n), np.complex128)
    spin_right = np.zeros((3, n * legs * n), np.complex128)
    velocity_right = np.zeros((3, n * 3 * n), np.complex128)
    products = np.zeros(2 * n * max(legs, 3) * n, np.complex128)
    hermitian = np.zeros((n, n), np.complex128)
    drift = np.zeros((n, n), np.complex128)
    interband = np.zeros((n, 3, 3, legs))
    first = np.zeros(n, np.int64)
    last = np.zeros(n, np.int64)
    # The same numbers as pairs of real ones.
    turned_pairs, weighted_pairs = turned.view(np.float64), weighted.view(np.float64)
    spin_pairs = spin_weighted.view(np.float64)
    rows = hermitian.view(np.float64)
    for k in range(nk):
        inverse, v, s, top = inverse_gap[k], velocity[k], spin[k], active[k]
        _groups(labels[k], first, last)
        _weigh(v, s, inverse, turned, weighted, spin_weighted, left)
        conventional, finite_q = tensors[1, k], tensors[2, k]
        for i in range(3):
            start, count = spans[i]
            if count:
                right = spin_right[i, : n * count * n].reshape(n, count * n)
                _gather(s, start, count, i, right)
                out = products[: 2 * n * count * n].reshape(2 * n, count * n)
                np.dot(left[i].reshape(2 * n, n), right, out)
                pairs = out.view(np.float64)
                for p in range(count):
                    q = (start + p) % legs
                    _add_adjoint(out[:n], p, top, hermitian)
                    _dot(rows, turned_pairs, top, i, q, wanted, 1.0, finite_q)
                    _interband(pairs, turned_pairs, p, top, i, q, wanted, interband)
                    _dipole_trace(hermitian, v, first, last, top, i, q, wanted, tensors[0, k])
                    _add_adjoint(out[n:], p, top, hermitian)
                    _dot(rows, weighted_pairs, top, i, q, wanted, -1.0, conventional)
                    _drift(s, v, first, last, i, q, drift)
                    _add_adjoint(drift, 0, top, hermitian)
                    _dot(rows, weighted_pairs, top, i, q, wanted, 1.0, finite_q)
            start, count = fields[i]
            if count:
                right = velocity_right[i, : n * count * n].reshape(n, count * n)
                _gather(v, start, count, i, right)
                out = products[: n * count * n].reshape(n, count * n)
                np.dot(left[i, 0], right, out)
                for p in range(count):
                    _add_adjoint(out, p, top, hermitian)
                    _lever(rows, spin_pairs, top, i, (start + p) % 3, wanted, finite_q)
        _interband_vectors(interband, top, vectors[1, k])
        _curvature_trace(left, s, first, last, top, vectors[0, k])


@numba.njit(nogil=True, cache=True)
def _groups(label, first, last):  # type: ignore[no-untyped-def]
    """First and last band of the degenerate group of each band."""
    n = label.shape[0]
    for a in range(n):
        first[a] = first[a - 1] if a > 0 and label[a - 1] == label[a] else a
    for a in range(n - 1, -1, -1):
        last[a] = last[a + 1] if a + 1 < n and label[a + 1] == label[a] else a


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _weigh(v, s, inverse, turned, weighted, spin_weighted, left):  # type: ignore[no-untyped-def]
    """A, i A, A/ω and s/ω; the left factors of the products are A and v."""
    n, legs = s.shape[0], s.shape[1]
    for a in range(n):
        for i in range(3):
            for m in range(n):
                x, w = v[a, i, m], inverse[a, m]
                turned[a, i, m] = x * w
                weighted[a, i, m] = complex(x.imag * (w * w), -x.real * (w * w))
                left[i, 0, a, m] = complex(x.imag * w, -x.real * w)
                left[i, 1, a, m] = x
        for q in range(legs):
            for m in range(n):
                spin_weighted[a, q, m] = s[a, q, m] * inverse[a, m]


@numba.njit(nogil=True, cache=True)
def _gather(matrices, start, count, i, out):  # type: ignore[no-untyped-def]
    """Cyclically consecutive legs of ``matrices`` [row, leg, column], side by side."""
    n, legs = matrices.shape[0], matrices.shape[1]
    for b in range(n):
        for p in range(count):
            for m in range(n):
                out[b, p * n + m] = matrices[b, (start + p) % legs, m]


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _add_adjoint(product, p, top, out):  # type: ignore[no-untyped-def]
    """x y + (x y)† of the leg ``p`` of ``product``, the first ``top`` rows."""
    n = out.shape[0]
    for a in range(top):
        for m in range(n):
            out[a, m] = product[a, p * n + m] + np.conj(product[m, p * n + a])


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _dot(rows, partner, top, i, q, wanted, sign, out):  # type: ignore[no-untyped-def]
    """Add ``sign`` Σ of row a of ``rows`` times row (a, l) of ``partner`` to ``out`` [a, l, i, q]."""
    for f in range(3):
        if wanted[f, i, q]:
            for a in range(top):
                t = 0.0
                for x in range(rows.shape[1]):
                    t += rows[a, x] * partner[a, f, x]
                out[a, f, i, q] += sign * t


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _interband(pairs, turned, p, top, i, q, wanted, out):  # type: ignore[no-untyped-def]
    """Im (A^i s A^l)_aa into ``out`` [a, l, i, q]."""
    width = turned.shape[2]
    for f in range(3):
        if wanted[f, i, q]:
            for a in range(top):
                t = 0.0
                for x in range(width):
                    t += pairs[a, p * width + x] * turned[a, f, x]
                out[a, f, i, q] = t


@numba.njit(nogil=True, cache=True)
def _interband_vectors(interband, top, out):  # type: ignore[no-untyped-def]
    """½ ε_jli Im (A^i s A^l)_aa."""
    for a in range(top):
        for j in range(3):
            x, y = (j + 1) % 3, (j + 2) % 3
            for q in range(out.shape[2]):
                out[a, j, q] = 0.5 * (interband[a, x, y, q] - interband[a, y, x, q])


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _lever(rows, spin_weighted, top, i, f, wanted, out):  # type: ignore[no-untyped-def]
    """Subtract Re Σ_m {A^i, v^l}_am s_ma/ω_am."""
    for q in range(out.shape[3]):
        if wanted[f, i, q]:
            for a in range(top):
                t = 0.0
                for x in range(rows.shape[1]):
                    t += rows[a, x] * spin_weighted[a, q, x]
                out[a, f, i, q] -= t


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _drift(s, v, first, last, i, q, out):  # type: ignore[no-untyped-def]
    """Rows of v_D^i s^q, v_D the velocity inside the degenerate groups."""
    n = s.shape[0]
    for a in range(n):
        speed = v[a, i, a].real
        for m in range(n):
            out[a, m] = speed * s[a, q, m]
        for b in range(first[a], last[a] + 1):
            if b != a:
                x, y = v[a, i, b].real, v[a, i, b].imag
                for m in range(n):
                    z = s[b, q, m]
                    out[a, m] += complex(x * z.real - y * z.imag, x * z.imag + y * z.real)


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _dipole_trace(hermitian, v, first, last, top, i, q, wanted, out):  # type: ignore[no-untyped-def]
    """v d of each group as a trace: sum over the partners b of a of v_ab d_ba, with 2d = {A, s}."""
    for f in range(3):
        if wanted[f, i, q]:
            for a in range(top):
                t = 0.0
                for b in range(first[a], last[a] + 1):
                    x, y = v[a, f, b], hermitian[a, b]
                    t += x.real * y.real + x.imag * y.imag
                out[a, f, i, q] = 0.5 * t


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _curvature_trace(left, s, first, last, top, out):  # type: ignore[no-untyped-def]
    """Ω s of each group as a trace: −2 Im tr[s A^l A^i] antisymmetrised over (l, i), the terms of row a of s."""
    n = s.shape[0]
    for a in range(top):
        for b in range(first[a], last[a] + 1):
            for j in range(3):
                x, y = (j + 1) % 3, (j + 2) % 3
                real = 0.0
                imaginary = 0.0
                for m in range(n):
                    xb, ya, yb, xa = left[x, 0, b, m], left[y, 0, a, m], left[y, 0, b, m], left[x, 0, a, m]
                    real += xb.real * ya.real + xb.imag * ya.imag - yb.real * xa.real - yb.imag * xa.imag
                    imaginary += xb.imag * ya.real - xb.real * ya.imag - yb.imag * xa.real + yb.real * xa.imag
                for q in range(s.shape[1]):
                    z = s[a, q, b]
                    out[a, j, q] -= z.real * imaginary + z.imag * real

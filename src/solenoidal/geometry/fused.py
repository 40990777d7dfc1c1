"""Every transport quantity of a block in one compiled pass, arranged so that one k point's work stays in the cache.

The formulas are those of ``geometry.transport``, ``geometry.curvature`` and ``geometry.multipoles``, rewritten with
v_nm/ω_nm = i A_nm so that three families of matrix products (A s, v s, A v) and one set of row sums give everything:

    conventional    −2 Re Σ_m A^l_nm J^{ia}_mn/ω_nm
    finite-q sea    Im (A^i s A^l + s A^i A^l)_nn + Re Σ_m {v_D^i, s}_nm A^l_mn/ω_nm − Re Σ_m s_nm {A^i, v^l}_mn/ω_nm
    interband spin  −Im (A^l s A^i)_nn
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.states import BlochStates

RealArray = NDArray[np.float64]


class TransportQuantities(NamedTuple):
    """Band quantities of ``SpinConductivity``: vectors (k, n, 3, legs) and tensors (k, n, l, i, legs)."""

    berry_spin: RealArray
    interband_spin: RealArray
    velocity_dipole: RealArray
    conventional: RealArray
    finite_q: RealArray


def transport_quantities(states: BlochStates, name: str) -> TransportQuantities:
    """All of ``TransportQuantities`` for operator ``name``; agrees with the separate functions to rounding.

    Bands above ``states.highest`` are left zero.
    """
    spin = np.ascontiguousarray(states.operator(name))
    nk, n, legs, _ = spin.shape
    vectors = np.empty((2, nk, n, 3, legs))
    tensors = np.empty((3, nk, n, 3, 3, legs))
    velocity = np.ascontiguousarray(states.velocity)
    active = states.active
    vectors[:, np.arange(n) >= active[:, None]] = 0
    tensors[:, np.arange(n) >= active[:, None]] = 0
    _transport_block(velocity, spin, states.inverse_gap, states.labels, active, vectors, tensors)
    return TransportQuantities(vectors[0], vectors[1], tensors[0], tensors[1], tensors[2])


_FAST = {"reassoc", "contract", "nsz", "arcp"}


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _transport_block(velocity, spin, inverse_gap, labels, active, vectors, tensors):  # type: ignore[no-untyped-def]
    """Loop over k points; only the first ``active`` bands of each are wanted, all bands serve as partners."""
    nk, n, legs = spin.shape[0], spin.shape[1], spin.shape[2]
    wide = (n + 3) // 4 * 4
    left = np.zeros((2, n, 3, 2, wide))
    spin_split = np.zeros((n, 2, legs, wide))
    spin_right = np.zeros((2, wide, 2, legs, wide))
    velocity_right = np.zeros((2, wide, 2, 3, wide))
    spin_products = np.empty((2, n, 3, 2, legs, wide))
    velocity_products = np.empty((n, 3, 2, 3, wide))
    flipped_spin = np.zeros((2, 3, 2, legs, n, wide))
    flipped_velocity = np.zeros((3, 2, 3, n, wide))
    weights = np.zeros(wide)
    weighted = np.zeros((3, 2, wide))
    interband = np.zeros((3, 3, legs))
    speed = np.empty((3, n))
    turned = np.empty((2, n))
    for k in range(nk):
        inverse, label, v, s, top = inverse_gap[k], labels[k], velocity[k], spin[k], active[k]
        _split(v, s, inverse, left, spin_split, spin_right, velocity_right)
        rows = left.reshape(6 * n, 2 * wide)
        np.dot(rows, spin_right.reshape(2 * wide, 2 * legs * wide), spin_products.reshape(6 * n, 2 * legs * wide))
        np.dot(rows[: 3 * n], velocity_right.reshape(2 * wide, 6 * wide), velocity_products.reshape(3 * n, 6 * wide))
        for i in range(3):
            for c in range(2):
                for q in range(legs):
                    _flip(spin_products[0, :, i, c, q], top, flipped_spin[0, i, c, q])
                    _flip(spin_products[1, :, i, c, q], top, flipped_spin[1, i, c, q])
                for f in range(3):
                    _flip(velocity_products[:, i, c, f], top, flipped_velocity[i, c, f])
        partners, partner_velocity = _group_partners(label, v)
        for i in range(3):
            for m in range(n):
                speed[i, m] = v[m, i, m].real
        first = 0
        for a in range(top):
            while label[first] != label[a]:
                first += 1
            last = a
            while last + 1 < n and label[last + 1] == label[a]:
                last += 1
            weights[:n] = inverse[a]
            connection = left[0, a]
            for f in range(3):
                for m in range(wide):
                    weighted[f, 0, m] = weights[m] * connection[f, 0, m]
                    weighted[f, 1, m] = weights[m] * connection[f, 1, m]
            conventional, finite_q = tensors[1, k, a], tensors[2, k, a]
            _conventional(spin_products[1, a], flipped_spin[1, :, :, :, a], weighted, conventional)
            _triple(spin_products[0, a], flipped_spin[0, :, :, :, a], connection, interband, finite_q)
            _lever(velocity_products[a], flipped_velocity[:, :, :, a], spin_split[a], weights, finite_q)
            _drift(a, first, last, v, s, spin_split, weighted, speed, partners, partner_velocity, turned, finite_q)
            for j in range(3):
                x, y = (j + 1) % 3, (j + 2) % 3
                for q in range(legs):
                    # ½ ε_jli Im (A^i s A^l)_nn
                    vectors[1, k, a, j, q] = 0.5 * (interband[x, y, q] - interband[y, x, q])
            _group_traces(a, first, last, left[0], v, s, spin_products[0], vectors[0, k, a], tensors[0, k, a])


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _split(v, s, inverse, left, spin_split, spin_right, velocity_right):  # type: ignore[no-untyped-def]
    """Real and imaginary parts side by side, so that complex products become real ones; left[0] is A, left[1] is v."""
    n, legs = s.shape[0], s.shape[1]
    for a in range(n):
        for i in range(3):
            for m in range(n):
                x, y, w = v[a, i, m].real, v[a, i, m].imag, inverse[a, m]
                left[0, a, i, 0, m] = y * w
                left[0, a, i, 1, m] = -x * w
                left[1, a, i, 0, m] = x
                left[1, a, i, 1, m] = y
                velocity_right[0, a, 0, i, m] = x
                velocity_right[0, a, 1, i, m] = y
                velocity_right[1, a, 0, i, m] = -y
                velocity_right[1, a, 1, i, m] = x
        for q in range(legs):
            for m in range(n):
                x, y = s[a, q, m].real, s[a, q, m].imag
                spin_split[a, 0, q, m] = x
                spin_split[a, 1, q, m] = y
                spin_right[0, a, 0, q, m] = x
                spin_right[0, a, 1, q, m] = y
                spin_right[1, a, 0, q, m] = -y
                spin_right[1, a, 1, q, m] = x


@numba.njit(nogil=True, cache=True)
def _flip(matrix, top, out):  # type: ignore[no-untyped-def]
    """Transpose of the first ``top`` columns."""
    for m in range(matrix.shape[0]):
        for a in range(top):
            out[a, m] = matrix[m, a]


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _conventional(row, column, weighted, out):  # type: ignore[no-untyped-def]
    """−2 Re Σ_m A^l_am J^{iq}_ma/ω_am with 2J = v s + (v s)†."""
    for i in range(3):
        for q in range(out.shape[2]):
            xr, xi, yr, yi = row[i, 0, q], row[i, 1, q], column[i, 0, q], column[i, 1, q]
            t0 = 0.0
            t1 = 0.0
            t2 = 0.0
            for m in range(weighted.shape[2]):
                re = xr[m] + yr[m]
                im = xi[m] - yi[m]
                t0 += re * weighted[0, 0, m] + im * weighted[0, 1, m]
                t1 += re * weighted[1, 0, m] + im * weighted[1, 1, m]
                t2 += re * weighted[2, 0, m] + im * weighted[2, 1, m]
            out[0, i, q] = -t0
            out[1, i, q] = -t1
            out[2, i, q] = -t2


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _triple(row, column, connection, interband, out):  # type: ignore[no-untyped-def]
    """Im (A^i s A^l)_aa into ``interband`` [f, i, q], and Im (A^i s A^l + s A^i A^l)_aa into ``out``."""
    for i in range(3):
        for q in range(out.shape[2]):
            xr, xi, yr, yi = row[i, 0, q], row[i, 1, q], column[i, 0, q], column[i, 1, q]
            t0 = 0.0
            t1 = 0.0
            t2 = 0.0
            u0 = 0.0
            u1 = 0.0
            u2 = 0.0
            for m in range(connection.shape[2]):
                t0 += xi[m] * connection[0, 0, m] - xr[m] * connection[0, 1, m]
                t1 += xi[m] * connection[1, 0, m] - xr[m] * connection[1, 1, m]
                t2 += xi[m] * connection[2, 0, m] - xr[m] * connection[2, 1, m]
                u0 += yi[m] * connection[0, 0, m] + yr[m] * connection[0, 1, m]
                u1 += yi[m] * connection[1, 0, m] + yr[m] * connection[1, 1, m]
                u2 += yi[m] * connection[2, 0, m] + yr[m] * connection[2, 1, m]
            interband[0, i, q] = t0
            interband[1, i, q] = t1
            interband[2, i, q] = t2
            out[0, i, q] = t0 - u0
            out[1, i, q] = t1 - u1
            out[2, i, q] = t2 - u2


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _lever(row, column, s, weights, out):  # type: ignore[no-untyped-def]
    """Subtract Re Σ_m s_am {A^i, v^l}_ma/ω_am."""
    for i in range(3):
        for f in range(3):
            xr, xi, yr, yi = row[i, 0, f], row[i, 1, f], column[i, 0, f], column[i, 1, f]
            for q in range(out.shape[2]):
                sr, si = s[0, q], s[1, q]
                t = 0.0
                for m in range(weights.shape[0]):
                    t += weights[m] * ((xr[m] + yr[m]) * sr[m] + (xi[m] - yi[m]) * si[m])
                out[f, i, q] -= t


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _drift(a, first, last, v, s, spin_split, weighted, speed, partners, partner_velocity, turned, out):  # type: ignore[no-untyped-def]
    """Add Re Σ_m {v_D^i, s}_am A^l_ma/ω_am, v_D the velocity inside the degenerate groups."""
    n, legs = s.shape[0], s.shape[1]
    for q in range(legs):
        sr, si = spin_split[a, 0, q], spin_split[a, 1, q]
        for f in range(3):
            wr, wi = weighted[f, 0], weighted[f, 1]
            t = 0.0
            t0 = 0.0
            t1 = 0.0
            t2 = 0.0
            for m in range(n):
                e = sr[m] * wr[m] + si[m] * wi[m]
                t += e
                t0 += e * speed[0, m]
                t1 += e * speed[1, m]
                t2 += e * speed[2, m]
            out[f, 0, q] += t0 + t * speed[0, a]
            out[f, 1, q] += t1 + t * speed[1, a]
            out[f, 2, q] += t2 + t * speed[2, a]
            for b in range(first, last + 1):
                if b != a:
                    br, bi = spin_split[b, 0, q], spin_split[b, 1, q]
                    real = 0.0
                    imaginary = 0.0
                    for m in range(n):
                        real += br[m] * wr[m] + bi[m] * wi[m]
                        imaginary += bi[m] * wr[m] - br[m] * wi[m]
                    for i in range(3):
                        out[f, i, q] += v[a, i, b].real * real - v[a, i, b].imag * imaginary
    for turn in range(partners.shape[0]):
        partner, pr, pi = partners[turn], partner_velocity[turn, 0], partner_velocity[turn, 1]
        for q in range(legs):
            for m in range(n):
                turned[0, m] = spin_split[a, 0, q, partner[m]]
                turned[1, m] = spin_split[a, 1, q, partner[m]]
            for f in range(3):
                wr, wi = weighted[f, 0], weighted[f, 1]
                t0 = 0.0
                t1 = 0.0
                t2 = 0.0
                for m in range(n):
                    x = turned[0, m] * wr[m] + turned[1, m] * wi[m]
                    y = turned[1, m] * wr[m] - turned[0, m] * wi[m]
                    t0 += x * pr[0, m] - y * pi[0, m]
                    t1 += x * pr[1, m] - y * pi[1, m]
                    t2 += x * pr[2, m] - y * pi[2, m]
                out[f, 0, q] += t0
                out[f, 1, q] += t1
                out[f, 2, q] += t2


@numba.njit(nogil=True, cache=True)
def _group_partners(label, v):  # type: ignore[no-untyped-def]
    """Each band's partners in its group, one cyclic turn after the other, and the velocity to them (zero if none)."""
    n = label.shape[0]
    size = np.zeros(n, np.int64)
    start = np.zeros(n, np.int64)
    a = 0
    while a < n:
        stop = a + 1
        while stop < n and label[stop] == label[a]:
            stop += 1
        size[a:stop] = stop - a
        start[a:stop] = a
        a = stop
    turns = size.max() - 1
    partners = np.zeros((turns, n), np.int64)
    velocity = np.zeros((turns, 2, 3, n))
    for turn in range(turns):
        for m in range(n):
            partners[turn, m] = m
            if turn + 1 < size[m]:
                b = start[m] + (m - start[m] + turn + 1) % size[m]
                partners[turn, m] = b
                for i in range(3):
                    velocity[turn, 0, i, m] = v[b, i, m].real
                    velocity[turn, 1, i, m] = v[b, i, m].imag
    return partners, velocity


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _group_traces(a, first, last, connection, v, s, products, curvature, dipole):  # type: ignore[no-untyped-def]
    """Ω s and v d of the group as traces: sums over the partners b of a of C_ba s_ab and v_ab d_ba."""
    legs = s.shape[1]
    curvature[:] = 0.0
    dipole[:] = 0.0
    for b in range(first, last + 1):
        for j in range(3):
            x, y = (j + 1) % 3, (j + 2) % 3
            real, imaginary = _overlap(connection[b, x], connection[a, y])
            other_real, other_imaginary = _overlap(connection[b, y], connection[a, x])
            for q in range(legs):
                # −2 Im tr[s A^l A^i] antisymmetrised over the pair (l, i).
                z = s[a, q, b]
                curvature[j, q] -= z.real * (imaginary - other_imaginary) + z.imag * (real - other_real)
        for i in range(3):
            for q in range(legs):
                dr = 0.5 * (products[b, i, 0, q, a] + products[a, i, 0, q, b])
                di = 0.5 * (products[b, i, 1, q, a] - products[a, i, 1, q, b])
                for f in range(3):
                    dipole[f, i, q] += v[a, f, b].real * dr - v[a, f, b].imag * di


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _overlap(x, y):  # type: ignore[no-untyped-def]
    """Σ_m x_m conj(y_m) from separate real and imaginary parts."""
    real = 0.0
    imaginary = 0.0
    xr, xi, yr, yi = x[0], x[1], y[0], y[1]
    for m in range(xr.shape[0]):
        real += xr[m] * yr[m] + xi[m] * yi[m]
        imaginary += xi[m] * yr[m] - xr[m] * yi[m]
    return real, imaginary

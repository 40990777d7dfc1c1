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
    """All of ``TransportQuantities`` for operator ``name``; agrees with the separate functions to rounding."""
    spin = np.ascontiguousarray(states.operator(name))
    nk, n, legs, _ = spin.shape
    vectors = np.empty((2, nk, n, 3, legs))
    tensors = np.empty((3, nk, n, 3, 3, legs))
    velocity = np.ascontiguousarray(states.velocity)
    _transport_block(velocity, spin, states.inverse_gap, states.labels, vectors, tensors)
    return TransportQuantities(vectors[0], vectors[1], tensors[0], tensors[1], tensors[2])


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "arcp"})  # type: ignore[untyped-decorator]
def _transport_block(velocity, spin, inverse_gap, labels, vectors, tensors):  # type: ignore[no-untyped-def]
    nk, n, legs = spin.shape[0], spin.shape[1], spin.shape[2]
    pairs = 3 * legs
    connection = np.empty((n, 3, n), np.complex128)
    connection_spin = np.empty((3 * n, legs * n), np.complex128)
    velocity_spin = np.empty((3 * n, legs * n), np.complex128)
    connection_velocity = np.empty((3 * n, 3 * n), np.complex128)
    rows = np.empty((3 * pairs, n), np.complex128)
    sums = np.empty((3 * pairs, 3))
    for k in range(nk):
        inverse, label = inverse_gap[k], labels[k]
        for a in range(n):
            for i in range(3):
                for b in range(n):
                    v = velocity[k, a, i, b]
                    connection[a, i, b] = complex(v.imag * inverse[a, b], -v.real * inverse[a, b])
        spin_columns = spin[k].reshape(n, legs * n)
        connection_rows = connection.reshape(3 * n, n)
        velocity_rows = velocity[k].reshape(3 * n, n)
        np.dot(connection_rows, spin_columns, connection_spin)
        np.dot(velocity_rows, spin_columns, velocity_spin)
        np.dot(connection_rows, velocity[k].reshape(n, 3 * n), connection_velocity)
        as_ = connection_spin.reshape(n, 3, legs, n)
        vs = velocity_spin.reshape(n, 3, legs, n)
        av = connection_velocity.reshape(n, 3, 3, n)
        first = 0
        for a in range(n):
            while label[first] != label[a]:
                first += 1
            last = a
            while last + 1 < n and label[last + 1] == label[a]:
                last += 1
            _fill_rows(a, first, last, inverse, label, velocity[k], spin[k], as_, vs, rows)
            _row_sums(rows, connection[a], sums)
            for l in range(3):
                for i in range(3):
                    for s in range(legs):
                        p = i * legs + s
                        tensors[1, k, a, l, i, s] = sums[p, l]
                        tensors[2, k, a, l, i, s] = sums[pairs + p, l] + sums[2 * pairs + p, l]
            for s in range(legs):
                for j in range(3):
                    x, y = (j + 1) % 3, (j + 2) % 3
                    # interband_spin: ½ ε_jli of Im (A^i s A^l), whose sums stand in the second group of rows.
                    vectors[1, k, a, j, s] = 0.5 * (sums[pairs + y * legs + s, x] - sums[pairs + x * legs + s, y])
            _finite_q_lever(a, inverse, av, spin[k], tensors[2, k, a])
            _group_traces(a, first, last, connection, velocity[k], spin[k], as_, vectors[0, k, a], tensors[0, k, a])


@numba.njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator]
def _fill_rows(a, first, last, inverse, label, v, s, as_, vs, rows):  # type: ignore[no-untyped-def]
    """Rows that are summed against conj(A^l_am): −2J/ω, −i A s, and −i (A s)† + {v_D, s}/ω."""
    n, legs = s.shape[0], s.shape[1]
    pairs = 3 * legs
    for i in range(3):
        for q in range(legs):
            p = i * legs + q
            for m in range(n):
                w = inverse[a, m]
                rows[p, m] = -w * (vs[a, i, q, m] + np.conj(vs[m, i, q, a]))
                x = as_[a, i, q, m]
                rows[pairs + p, m] = complex(x.imag, -x.real)
                y = np.conj(as_[m, i, q, a])
                drift = v[a, i, a] * s[a, q, m] + s[a, q, m] * v[m, i, m]
                rows[2 * pairs + p, m] = complex(y.imag, -y.real) + w * drift
            for b in range(first, last + 1):
                if b != a:
                    for m in range(n):
                        rows[2 * pairs + p, m] += inverse[a, m] * v[a, i, b] * s[b, q, m]
            for m in range(n):
                b = m - 1
                while b >= 0 and label[b] == label[m]:
                    rows[2 * pairs + p, m] += inverse[a, m] * s[a, q, b] * v[b, i, m]
                    b -= 1
                b = m + 1
                while b < n and label[b] == label[m]:
                    rows[2 * pairs + p, m] += inverse[a, m] * s[a, q, b] * v[b, i, m]
                    b += 1


@numba.njit(nogil=True, cache=True, inline="always", fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def _row_sums(rows, right, sums):  # type: ignore[no-untyped-def]
    """Re Σ_m X^p_m conj(A^l_m)."""
    x = rows.view(np.float64)
    y = right.view(np.float64)
    for p in range(x.shape[0]):
        t0 = 0.0
        t1 = 0.0
        t2 = 0.0
        for m in range(x.shape[1]):
            t0 += x[p, m] * y[0, m]
            t1 += x[p, m] * y[1, m]
            t2 += x[p, m] * y[2, m]
        sums[p, 0] = t0
        sums[p, 1] = t1
        sums[p, 2] = t2


@numba.njit(nogil=True, cache=True, inline="always", fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def _finite_q_lever(a, inverse, av, s, out):  # type: ignore[no-untyped-def]
    """Subtract Re Σ_m s_am {A^i, v^l}_ma/ω_am from the finite-q quantity."""
    n, legs = s.shape[0], s.shape[1]
    row = np.empty(n, np.complex128)
    for i in range(3):
        for l in range(3):
            for m in range(n):
                row[m] = inverse[a, m] * (av[a, i, l, m] + np.conj(av[m, i, l, a]))
            for q in range(legs):
                total = 0.0
                for m in range(n):
                    total += row[m].real * s[a, q, m].real + row[m].imag * s[a, q, m].imag
                out[l, i, q] -= total


@numba.njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator]
def _group_traces(a, first, last, connection, v, s, as_, curvature, dipole):  # type: ignore[no-untyped-def]
    """Ω s and v d of the group as traces: sums over the partners b of a of C_ba s_ab and v_ab d_ba."""
    n, legs = s.shape[0], s.shape[1]
    curvature[:] = 0.0
    dipole[:] = 0.0
    for b in range(first, last + 1):
        for j in range(3):
            x, y = (j + 1) % 3, (j + 2) % 3
            forward = 0j
            backward = 0j
            for m in range(n):
                forward += connection[b, x, m] * np.conj(connection[a, y, m])
                backward += connection[b, y, m] * np.conj(connection[a, x, m])
            for q in range(legs):
                # −2 Im tr[s A^l A^i] antisymmetrised over the pair (l, i).
                curvature[j, q] -= (s[a, q, b] * (forward - backward)).imag
        for i in range(3):
            for q in range(legs):
                d = 0.5 * (as_[b, i, q, a] + np.conj(as_[a, i, q, b]))
                for l in range(3):
                    dipole[l, i, q] += (v[a, l, b] * d).real

"""General definitions by differences in k: eighth-order stencils, parallel transport, projectors.

Nothing here uses a closed form: quantities are differentiated as their definitions say, on states transported so that
⟨u_n(k₀)|u_n(k)⟩ is real and positive, or on projectors, which have no gauge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from support.reference import XYZ, Bands, ComplexArray, RealArray, Reference

# f' ≈ Σ_j c_j [f(x + jh) − f(x − jh)]/h, error h⁸ f⁽⁹⁾/630.
STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
STEP = 4e-3


def slope(f: Callable[[float], NDArray], h: float = STEP) -> NDArray:
    """f'(0) of an array-valued function."""
    return np.asarray(sum(c * (f(j * h) - f(-j * h)) for j, c in STENCIL) / h)


def gradient(f: Callable[[RealArray], NDArray], k: RealArray, h: float = STEP) -> NDArray:
    """∂f/∂k_i at Cartesian k, axis i first."""
    return np.array([slope(lambda x, i=i: f(k + x * np.eye(3)[i]), h) for i in XYZ])


def transported(reference: Reference, start: Bands, k: RealArray) -> Bands:
    """Bands at k, each in the phase that makes its overlap with ``start`` real and positive."""
    there = reference.at(k)
    overlap = np.diagonal(start.u.conj().T @ there.u)
    phase = overlap / np.abs(overlap)
    turn = phase[:, None] * phase.conj()[None, :]
    return Bands(there.energies, there.labels, there.u * phase.conj(), there.v * turn, there.s * turn)


def interband_torque_dipole(reference: Reference, k: RealArray) -> ComplexArray:
    """d^{iτ}_mn for m ≠ n as the paper's note [22] gives it, (i, a, m, n); bands must not be degenerate.

    In the transported gauge the intraband connections vanish at k itself: r̄_nn is removed as ∂_i of a phase.
    """
    here = reference.at(k)
    turn = gradient(lambda p: transported(reference, here, p).torque, k)
    r = np.einsum("xn,ixy,yn->in", here.u.conj(), reference.position(k), here.u).real
    turn = turn + 1j * (r[:, None, None, :] - r[:, None, :, None]) * here.torque
    A, tau = here.connection, here.torque
    d = np.zeros((3, 3, here.n, here.n), dtype=complex)
    for i in XYZ:
        for a in XYZ:
            general = 0.5j * turn[i, a] + 0.5 * (A[i] @ tau[a] + tau[a] @ A[i])
            for n in range(here.n):
                for m in here.outside(n):
                    drift = 1j * tau[a, m, n] * here.v[i, n, n].real / here.omega(n, m)
                    d[i, a, m, n] = general[m, n] - drift
    return d


def susceptibility(reference: Reference, k: RealArray) -> RealArray:
    """χ^{ilτ}_n of Eq. (8), (n, i, l, a)."""
    here = reference.at(k)
    d = interband_torque_dipole(reference, k)

    def metric(p: RealArray) -> RealArray:
        there = reference.at(p)
        return there.mixed_metric(there.torque)

    chi = -np.einsum("inla->nila", gradient(metric, k))
    for n in range(here.n):
        for m in here.outside(n):
            chi[n] += 2 * np.einsum("l,ia->ila", here.v[:, n, m], d[:, :, m, n]).imag / here.omega(n, m) ** 2
    return chi


def projector(hamiltonian: ComplexArray, start: int, stop: int) -> ComplexArray:
    """Projector on the eigenstates start … stop − 1 in order of energy."""
    u = np.linalg.eigh(hamiltonian)[1][:, start:stop]
    return np.asarray(u @ u.conj().T)


def projectors(reference: Reference, k: RealArray, start: int, stop: int) -> tuple[ComplexArray, ComplexArray]:
    """P of the states start … stop − 1 and D P = ∂P − i[r̄, P] (3, n, n), ∂P by differences."""

    def at(p: RealArray) -> ComplexArray:
        return projector(reference.hamiltonian(p), start, stop)

    return at(k), reference.covariant(gradient(at, k), at(k), k)


def groups(bands: Bands) -> list[tuple[int, int]]:
    """First band and one past the last of every degenerate group."""
    edges = np.flatnonzero(np.diff(bands.labels)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), bands.n], strict=True))


def field_geometry(reference: Reference, k: RealArray, theta: ComplexArray, start: int, stop: int) -> ComplexArray:
    """Quantum geometric tensor Tr[P ∂_iP ∂_hP] between k_i and the field h conjugate to θ^a, (3, a).

    G is its real part and Ω minus twice its imaginary part; H + hθ is diagonalised at finite h.
    """
    P, dP = projectors(reference, k, start, stop)
    H = reference.hamiltonian(k)
    out = np.zeros((3, len(theta)), dtype=complex)
    for a, operator in enumerate(theta):
        dh = slope(lambda h, o=operator: projector(H + h * o, start, stop), 1.5e-3)
        out[:, a] = [np.trace(P @ dP[i] @ dh) for i in XYZ]
    return out

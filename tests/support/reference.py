"""Second, slow route to everything the tests compare: textbook sums at one k, written out state by state.

It reads only the hoppings, positions and operators of a model and shares no code with the package. Orbital centres
enter through the phases e^{ik·(R + r_b − r_a)}, so eigenvectors are cell-periodic functions and, where orbitals are not
joined by the position matrix, ∂H is the whole velocity operator; the package keeps centres out of the phases and adds a
commutator instead. The rest r̄ of the position matrix turns every derivative into D X = ∂X − i[r̄, X].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import LatticeOperator, Operator

XYZ = range(3)


@dataclass(frozen=True)
class Reference:
    """Cell-periodic Hamiltonian, spin s (3, n, n) and position beside the centres (3, n, n) at Cartesian k."""

    bonds: RealArray
    hoppings: ComplexArray
    spins: ComplexArray
    remainders: ComplexArray
    reciprocal: RealArray
    dimension: int

    @staticmethod
    def of(model: TightBinding, operator: str = "spin") -> Reference:
        """Of a lattice model; whatever reaches other cells must do so where the hoppings do."""
        R = model.hamiltonian.R
        home = ~R.any(axis=1)
        spins, remainders = (_spread(x, R) for x in (model.operators[operator], model.position))
        centres = np.einsum("iaa->ai", remainders[home][0]).real
        remainders[home] -= np.einsum("ai,ab->iab", centres, np.eye(len(centres)))
        cells = R @ model.lattice
        bonds = cells[:, None, None, :] + centres[None, None, :, :] - centres[None, :, None, :]
        return Reference(bonds, model.hamiltonian.matrices, spins, remainders, model.reciprocal, model.dimension)

    @property
    def bands(self) -> int:
        return int(self.hoppings.shape[-1])

    def hamiltonian(self, k: RealArray) -> ComplexArray:
        """H(k) (n, n)."""
        return self._sum(self.hoppings[:, None], k)[0]

    def spin(self, k: RealArray) -> ComplexArray:
        """s(k) (3, n, n)."""
        return self._sum(self.spins, k)

    def position(self, k: RealArray) -> ComplexArray:
        """r̄(k) (3, n, n), zero for diagonal position matrices."""
        return self._sum(self.remainders, k)

    def covariant(self, slope: ComplexArray, X: ComplexArray, k: RealArray) -> ComplexArray:
        """D_i X = ∂_i X − i[r̄_i, X] from ``slope`` ∂X, axis i first."""
        r = self.position(k).reshape(3, *(1,) * (X.ndim - 2), *X.shape[-2:])
        return np.asarray(slope - 1j * (r @ X - X @ r))

    def gradient(self, k: RealArray) -> ComplexArray:
        """The velocity D H (3, n, n)."""
        return self.covariant(self._slope(self.hoppings[:, None], k)[:, 0], self.hamiltonian(k), k)

    def spin_derivative(self, k: RealArray) -> ComplexArray:
        """K_i = D_i s (3, 3, n, n), axis i first: zero where the spin commutes with positions."""
        return self.covariant(self._slope(self.spins, k), self.spin(k), k)

    def curvature(self, k: RealArray) -> ComplexArray:
        """F_il = ∂_i r̄_l − ∂_l r̄_i − i[r̄_i, r̄_l] (3, 3, n, n): zero where positions commute."""
        r, slope = self.position(k), self._slope(self.remainders, k)
        product = np.einsum("iab,lbc->ilac", r, r)
        return np.asarray(slope - slope.swapaxes(0, 1) - 1j * (product - product.swapaxes(0, 1)))

    def _sum(self, matrices: ComplexArray, k: RealArray) -> ComplexArray:
        return np.asarray(np.einsum("rab,rlab->lab", np.exp(1j * self.bonds @ k), matrices))

    def _slope(self, matrices: ComplexArray, k: RealArray) -> ComplexArray:
        return np.asarray(np.einsum("rabi,rab,rlab->ilab", 1j * self.bonds, np.exp(1j * self.bonds @ k), matrices))

    def at(self, k: RealArray, tolerance: float = 1e-9) -> Bands:
        """Eigenstates and matrix elements at Cartesian k; bands closer than ``tolerance`` form a group."""
        energies, u = np.linalg.eigh(self.hamiltonian(k))
        labels = np.concatenate([[0], np.cumsum(np.diff(energies) > tolerance)])
        rotate = u.conj().T
        return Bands(energies, labels, u, rotate @ self.gradient(k) @ u, rotate @ self.spin(k) @ u)

    def fields(self, k: RealArray) -> tuple[ComplexArray, ComplexArray]:
        """F (3, 3, n, n) and K (3, 3, n, n), derivative first, between the eigenstates at Cartesian k."""
        u = self.at(k).u
        return u.conj().T @ self.curvature(k) @ u, u.conj().T @ self.spin_derivative(k) @ u

    def separated(self, count: int, seed: int, gap: float = 0.08) -> tuple[RealArray, RealArray]:
        """``count`` random points, fractional and Cartesian, where different groups are ``gap`` apart."""
        rng = np.random.default_rng(seed)
        found: list[RealArray] = []
        for _ in range(500 * count):
            k = np.zeros(3)
            k[: self.dimension] = rng.uniform(-0.5, 0.5, self.dimension)
            steps = np.diff(np.linalg.eigvalsh(self.hamiltonian(k @ self.reciprocal)))
            if np.all((steps < 1e-9) | (steps > gap)):
                found.append(k)
            if len(found) == count:
                return np.array(found), np.array(found) @ self.reciprocal
        raise AssertionError("no points where the bands are apart")


def _spread(operator: LatticeOperator | Operator, R: NDArray[np.int64]) -> ComplexArray:
    """Matrices (R, legs, n, n) on the vectors ``R``."""
    index = {tuple(vector): i for i, vector in enumerate(R.tolist())}
    n = operator.matrices.shape[-1]
    flat = operator.matrices.reshape(len(operator.R), -1, n, n)
    out = np.zeros((len(R), *flat.shape[1:]), dtype=complex)
    out[[index[tuple(vector)] for vector in operator.R.tolist()]] = flat
    return out


@dataclass(frozen=True)
class Bands:
    """One k point: ``energies`` and group ``labels`` (n,), ``u`` (orbital, n), ``v`` and ``s`` (3, n, n)."""

    energies: RealArray
    labels: NDArray[np.int64]
    u: ComplexArray
    v: ComplexArray
    s: ComplexArray

    @property
    def n(self) -> int:
        return len(self.energies)

    def inside(self, n: int) -> list[int]:
        """Bands of the group of band n."""
        return [m for m in range(self.n) if self.labels[m] == self.labels[n]]

    def outside(self, n: int) -> list[int]:
        """Bands of other groups."""
        return [m for m in range(self.n) if self.labels[m] != self.labels[n]]

    def omega(self, n: int, m: int) -> float:
        """ω_nm = ε_n − ε_m."""
        return float(self.energies[n] - self.energies[m])

    @property
    def connection(self) -> ComplexArray:
        """A^i_nm = −i v^i_nm/ω_nm (3, n, n), zero inside groups."""
        A = np.zeros_like(self.v)
        for n in range(self.n):
            for m in self.outside(n):
                A[:, n, m] = -1j * self.v[:, n, m] / self.omega(n, m)
        return A

    @property
    def current(self) -> ComplexArray:
        """J^{ia} = ½(v^i s^a + s^a v^i), (3, 3, n, n)."""
        return np.array([[(self.v[i] @ self.s[a] + self.s[a] @ self.v[i]) / 2 for a in XYZ] for i in XYZ])

    @property
    def torque(self) -> ComplexArray:
        """τ^a = −i[s^a, H], (3, n, n)."""
        H = np.diag(self.energies)
        return np.array([-1j * (s @ H - H @ s) for s in self.s])

    def group_sum(self, values: RealArray) -> RealArray:
        """Values (n, …) summed over each group, (groups, …)."""
        return np.array([values[self.labels == g].sum(axis=0) for g in np.unique(self.labels)])

    def mixed(self, theta: ComplexArray, power: int) -> ComplexArray:
        """Σ_m v^i_nm θ^a_mn/ω_nm^power over m outside the group of n; (n, 3, a)."""
        out = np.zeros((self.n, 3, len(theta)), dtype=complex)
        for n in range(self.n):
            for m in self.outside(n):
                out[n] += np.outer(self.v[:, n, m], theta[:, m, n]) / self.omega(n, m) ** power
        return out

    def mixed_curvature(self, theta: ComplexArray) -> RealArray:
        """Ω^{iθ}_n of Eq. (2)."""
        return np.asarray(-2 * self.mixed(theta, 2).imag)

    def mixed_metric(self, theta: ComplexArray) -> RealArray:
        """G^{iθ}_n of Eq. (2)."""
        return np.asarray(self.mixed(theta, 2).real)

    def dipole(self, theta: ComplexArray) -> RealArray:
        """d^{iθ}_n of Eq. (3)."""
        return np.asarray(self.mixed(theta, 1).imag)

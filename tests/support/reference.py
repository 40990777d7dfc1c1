"""Second, slow route to everything the tests compare: textbook sums at one k, written out state by state.

It reads only the hoppings, orbital centres and operators of a model and shares no code with the package. Orbital
positions enter through the phases e^{ik·(R + r_b − r_a)}, so eigenvectors are cell-periodic functions and ∂H is the
whole velocity operator; the package keeps positions out of the phases and adds a commutator instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.models.hamiltonian import TightBinding

XYZ = range(3)


@dataclass(frozen=True)
class Reference:
    """Cell-periodic Hamiltonian at Cartesian k and the constant operator s (3, n, n)."""

    bonds: RealArray
    hoppings: ComplexArray
    spin: ComplexArray
    reciprocal: RealArray
    dimension: int

    @staticmethod
    def of(model: TightBinding, operator: str = "spin") -> Reference:
        """Of a model whose position matrix is diagonal and whose operator is local to the sites."""
        home = model.position.matrices[0]
        centres = np.einsum("iaa->ai", home).real
        assert len(model.position.R) == 1
        np.testing.assert_array_equal(home, np.einsum("ai,ab->iab", centres, np.eye(len(centres))))
        cells = model.hamiltonian.R @ model.lattice
        bonds = cells[:, None, None, :] + centres[None, None, :, :] - centres[None, :, None, :]
        spin = model.operators[operator].matrices
        assert len(spin) == 1
        return Reference(bonds, model.hamiltonian.matrices, spin[0], model.reciprocal, model.dimension)

    @property
    def bands(self) -> int:
        return int(self.hoppings.shape[-1])

    def hamiltonian(self, k: RealArray) -> ComplexArray:
        """H(k) (n, n)."""
        return np.asarray((np.exp(1j * self.bonds @ k) * self.hoppings).sum(axis=0))

    def gradient(self, k: RealArray) -> ComplexArray:
        """∂H/∂k (3, n, n)."""
        amplitude = np.exp(1j * self.bonds @ k) * self.hoppings
        return np.asarray(1j * np.einsum("rabi,rab->iab", self.bonds, amplitude))

    def at(self, k: RealArray, tolerance: float = 1e-9) -> Bands:
        """Eigenstates and matrix elements at Cartesian k; bands closer than ``tolerance`` form a group."""
        energies, u = np.linalg.eigh(self.hamiltonian(k))
        labels = np.concatenate([[0], np.cumsum(np.diff(energies) > tolerance)])
        rotate = u.conj().T
        return Bands(energies, labels, u, rotate @ self.gradient(k) @ u, rotate @ self.spin @ u)

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

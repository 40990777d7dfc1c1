"""Products of spin, Hamiltonian and position at k points, and the laws that bind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.hamiltonian import TightBinding, orbital_centres
from solenoidal.models.operator import LatticeOperator, Operator

REPORT_POINTS = 256
"""Largest number of k points that a report looks at."""


@dataclass(frozen=True, eq=False)
class SpinProducts:
    """Matrices of the orbital basis at nk points: H (nk, n, n), ∂_iH and Ā_i (nk, 3, n, n), S_j (nk, 3, n, n), ∂_iS_j
    (nk, 3, 3, n, n), and over all states SR_ij, SHR_ij (nk, 3, 3, n, n), SH_j (nk, 3, n, n); position i before spin j;
    ``centres`` (n, 3) of the orbitals.

    Units are eV, Å and ħ.
    """

    hamiltonian: ComplexArray
    hamiltonian_derivative: ComplexArray
    position: ComplexArray
    spin: ComplexArray
    spin_derivative: ComplexArray
    spin_position: ComplexArray
    spin_hamiltonian_position: ComplexArray
    spin_hamiltonian: ComplexArray
    centres: RealArray

    def velocity(self) -> ComplexArray:
        """v_i = ∂_iH − i[Ā_i, H] (nk, 3, n, n) in eV Å: the velocity inside the model."""
        H, A = self.hamiltonian[:, None], self.position
        return np.asarray(self.hamiltonian_derivative - 1j * (A @ H - H @ A))

    def outside(self) -> ComplexArray:
        """Y_ij = P s_j (1−P) r_i P = SR_ij − S_j Ā_i (nk, 3, 3, n, n): what the spin dipole gains over all states."""
        return self.spin_position - self.spin[:, None] @ self.position[:, :, None]

    def covariant_derivative(self) -> ComplexArray:
        """K_ij = ∂_iS_j − i[Ā_i, S_j] (nk, 3, 3, n, n), from the matrices of the model alone."""
        A, S = self.position[:, :, None], self.spin[:, None]
        return np.asarray(self.spin_derivative - 1j * (A @ S - S @ A))

    def covariant_derivative_outside(self) -> ComplexArray:
        """The same K_ij = i(Y†_ij − Y_ij), by way of the states outside the model, since r and s commute."""
        Y = self.outside()
        return np.asarray(1j * (_adjoint(Y) - Y))

    def conventional_current(self) -> ComplexArray:
        """½{v_i, s_j} over all states (nk, 3, 3, n, n) in eV Å ħ, Hermitian, in the orbital basis.

        J_i = ½{∂_iH, S} + (i/2)[H SR†_i − SHR†_i + SHR_i − SR_i H], positions and ∂_iH taken from the centre of each
        orbital: Ryoo et al., PRB 99, 235113 (2019). It is exact where H takes no state out of P, and then the choice
        of positions does not matter.
        """
        H, S, X = self.hamiltonian[:, None, None], self.spin[:, None], self._by_the_hamiltonian()[:, None]
        product = self.hamiltonian_derivative[:, :, None]
        product = S @ product + 1j * (self.spin_hamiltonian_position - self.spin_position @ H)
        # What the centres add to both terms leaves X r, zero where X is.
        product = product - 1j * X * self.centres.T[:, None, None, :]
        return np.asarray(0.5 * (product + _adjoint(product)))

    def _by_the_hamiltonian(self) -> ComplexArray:
        """X_j = P s_j (1−P) H P = SH_j − S_j H (nk, 3, n, n): what H takes out of P, zero for frozen states."""
        return np.asarray(self.spin_hamiltonian - self.spin @ self.hamiltonian[:, None])

    def conventional_current_of_states(
        self, energies: RealArray, vectors: ComplexArray, *, degeneracy: float = 1e-4
    ) -> ComplexArray:
        """½{v_i, s_j} between the eigenvectors (nk, n, n), columns of ``vectors`` (nk, 3, 3, n, n), Hermitian.

        Qiao et al., PRB 98, 214402 (2018): the Hermitian part of S v_i + i(Z_i − Y_i E) + iX A_i. Y_i = SR_i − S Ā_i,
        Z_i = SHR_i − SH Ā_i leave P by the position; X = SH − S H leaves it by the Hamiltonian and vanishes for frozen
        states; A_i is the interband connection, zero between states closer than ``degeneracy`` (eV). It is exact where
        the column is a frozen state, whose change with k mixes in what H takes out of P. Between the points of the
        first-principles mesh X is not quite zero for frozen states either, and A_i is large where bands are close.
        """
        gap = energies[:, None, :] - energies[:, :, None]
        H, A, velocity = self.hamiltonian[:, None], self.position, self.velocity()
        X = self._by_the_hamiltonian()
        Z = self.spin_hamiltonian_position - self.spin_hamiltonian[:, None] @ A[:, :, None]
        product = self.spin[:, None] @ velocity[:, :, None] + 1j * (Z - self.outside() @ H[:, None])
        dagger = _adjoint(vectors)
        far = np.abs(gap) > degeneracy
        # A_nm = i v_nm / (E_m − E_n)
        between = 1j * (dagger[:, None] @ velocity @ vectors[:, None]) * (far / np.where(far, gap, 1.0))[:, None]
        rotated = dagger[:, None, None] @ product @ vectors[:, None, None]
        rotated = rotated + 1j * (dagger[:, None] @ X @ vectors[:, None])[:, None] @ between[:, :, None]
        return np.asarray(0.5 * (rotated + _adjoint(rotated)))


def spin_products(model: TightBinding, kpoints: RealArray) -> SpinProducts:
    """The products of ``model.all_states`` with H, Ā and S of the model at fractional ``kpoints`` (nk, 3).

    Raises ``ModelError`` for a model that holds its own states only.
    """
    found = model.all_states
    if found is None:
        raise ModelError(
            "the model holds no matrix elements over all states; read it with matrix_elements='all-states' from .chk, "
            ".eig, .spn and .mmn"
        )
    spin = model.require_operator("spin")
    return SpinProducts(
        model.hamiltonian.at(kpoints),
        _derivative_at(model.hamiltonian, kpoints, model.lattice),
        model.position.at(kpoints),
        spin.at(kpoints),
        _derivative_at(spin, kpoints, model.lattice),
        found.spin_position.at(kpoints),
        found.spin_hamiltonian_position.at(kpoints),
        found.spin_hamiltonian.at(kpoints),
        orbital_centres(model),
    )


def covariance_error(products: SpinProducts) -> float:
    """‖K − i(Y† − Y)‖ / ‖K‖: the finite difference of the files against the interpolation of S.

    It vanishes with the spacing of the first-principles mesh, and is of order one where Wannier functions are too wide
    for it.
    """
    inside, outside = products.covariant_derivative(), products.covariant_derivative_outside()
    return float(np.linalg.norm(inside - outside) / max(float(np.linalg.norm(inside)), 1e-300))


@dataclass(frozen=True)
class ProductsReport:
    """How well the products over all states fit one another and the model.

    ``bands`` summed over; ``commutation`` relative size of [e^{−ib·r}, s] between them; ``on_mesh`` and ``between``
    ‖K − i(Y† − Y)‖ / ‖K‖ on the points of the first-principles mesh and half way between them; ``inside`` root mean
    square of the eigenvalues of K in Å ħ, ``outside`` the same of Y − Y†.
    """

    bands: int
    commutation: float
    on_mesh: float
    between: float
    inside: float
    outside: float

    def lines(self) -> tuple[str, ...]:
        """The report as short lines of text, one finding each."""
        return (
            f"all states: spin and overlaps of {self.bands} bands commute to {self.commutation:.2g} of s "
            "(0 for a complete set, about 1 for files of different runs)",
            f"all states: K = i(Y† - Y) to {self.on_mesh:.2g} of K on the first-principles mesh, "
            f"{self.between:.2g} between its points (0 on a fine mesh, about 1 where it does not resolve the spin)",
            f"all states: K is {self.inside:.2g} Å ħ by interpolation of s, {self.outside:.2g} Å ħ by way of the "
            "states outside the model",
        )


def products_report(model: TightBinding) -> ProductsReport:
    """Two tests of the files against each other; raises ``ModelError`` for a model that holds its own states only."""
    mesh = np.array(model.first_principles_mesh or (4, 4, 4))
    points = np.stack(np.meshgrid(*(np.arange(m) / m for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)
    here = spin_products(model, points[:REPORT_POINTS])
    half = np.where(np.arange(3) < model.dimension, 0.5 / mesh, 0.0)
    between = spin_products(model, points[:REPORT_POINTS] + half)
    about = model.all_states
    inside, outside = (
        float(np.linalg.norm(X) / np.sqrt(X.size / X.shape[-1]))
        for X in (here.covariant_derivative(), here.covariant_derivative_outside())
    )
    return ProductsReport(
        0 if about is None else about.bands,
        0.0 if about is None else about.commutation_error,
        covariance_error(here),
        covariance_error(between),
        inside,
        outside,
    )


def _adjoint(matrices: ComplexArray) -> ComplexArray:
    return np.conj(matrices.swapaxes(-1, -2))


def _derivative_at(operator: LatticeOperator | Operator, k: RealArray, lattice: RealArray) -> ComplexArray:
    """∂_i Σ_R e^{ik·R} X_R, (nk, 3, *legs, n, n)."""
    phases = np.exp(2j * np.pi * (k @ operator.R.T))
    along = 1j * phases[:, None, :] * (operator.R @ lattice).T[None]
    return np.asarray(np.tensordot(along, operator.matrices, axes=1))

"""Scatterers as data: species with a density, a Hermitian matrix and form factors.

W acts on the amplitudes of a Bloch state on the orbitals of the cells it touches, φ_p(k) C_a(k) with φ_p = e^{ik·R_p}
on a lattice and φ_p = kx^p1 ky^p2 kz^p3 in a continuum model. With H(k) = Σ_R e^{ik·R} H_R the eigenvector
coefficient C_a is the amplitude on the orbital in the home cell, so no orbital position enters; for vectors u_a of a
Hamiltonian whose phases contain the orbital positions r_a it is C_a = e^{ik·r_a} u_a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.problems import ScattererError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding

Vector3 = tuple[float, float, float]
FormFactor = tuple[int, int, int]

HOME: tuple[FormFactor, ...] = ((0, 0, 0),)
HERMITICITY_TOLERANCE = 1e-10
SITE_DISTANCE = 1e-3
"""Orbitals closer than this (Å) belong to one site."""


@dataclass(frozen=True, eq=False)
class Scatterer:
    """One species of uncorrelated scatterers, ⟨k|W|k'⟩ = Σ_pq φ*_p(k) W_pq φ_q(k').

    ``matrix`` (P n, P n) Hermitian, blocks of n orbitals for each of the P form factors: in eV on a lattice and eV Å^d
    in a continuum. ``concentration``: scatterers per cell (lattice models); ``density``: per Å^d (continuum models).
    ``form_factors``: P lattice vectors R_p, or P triples of powers of kx, ky, kz; the default means the home cell, or
    a contact potential.

    Raises ``ScattererError`` for a matrix that is not Hermitian (the transition matrix of strong scatterers is a
    different equation), shapes that disagree, repeated form factors, or a density that is not positive.
    """

    matrix: ComplexArray
    concentration: float | None = None
    density: float | None = None
    form_factors: tuple[FormFactor, ...] = HOME
    name: str = "scatterer"

    def __post_init__(self) -> None:
        W = np.array(self.matrix, dtype=np.complex128)
        if W.ndim != 2 or W.shape[0] != W.shape[1] or not np.isfinite(W).all():
            raise ScattererError(f"{self.name}: matrix has shape {W.shape}; expected one finite square matrix")
        largest = float(np.max(np.abs(W)))
        if largest == 0:
            raise ScattererError(f"{self.name}: the matrix is zero; leave the scatterer out or give it a strength")
        error = float(np.max(np.abs(W - W.conj().T)))
        if error > HERMITICITY_TOLERANCE * largest:
            raise ScattererError(
                f"{self.name}: matrix is not Hermitian (max |W - W†| = {error:.3g}); give the impurity potential "
                "itself, not a transition matrix"
            )
        given = [x for x in (self.concentration, self.density) if x is not None]
        if len(given) != 1 or not (given[0] > 0 and np.isfinite(given[0])):
            raise ScattererError(
                f"{self.name}: concentration is {self.concentration!r} and density is {self.density!r}; give exactly "
                "one, positive: concentration per cell for a lattice model, density per Å^d for a continuum model"
            )
        factors = tuple((int(p[0]), int(p[1]), int(p[2])) for p in self.form_factors)
        if not factors or len(set(factors)) != len(factors) or len(W) % len(factors):
            raise ScattererError(
                f"{self.name}: {len(factors)} form factors {factors} for a matrix of size {len(W)}; give distinct "
                "triples whose number divides the size"
            )
        W.setflags(write=False)
        object.__setattr__(self, "matrix", W)
        object.__setattr__(self, "form_factors", factors)

    def scaled(self, factor: float) -> Scatterer:
        """The same species with its concentration or density multiplied by ``factor``."""
        concentration = None if self.concentration is None else factor * self.concentration
        density = None if self.density is None else factor * self.density
        return replace(self, concentration=concentration, density=density)

    def density_for(self, model: Model) -> float:
        """Scatterers per Å^d × (volume scale)², so that 2π Σ n W X W is a rate times a density of states.

        A matrix in eV on one cell counts as eV × V_cell in a continuum, hence n = c/V_cell × V_cell² = c V_cell.
        Raises ``ScattererError`` when the species does not fit ``model``.
        """
        n = model.n_orbitals
        if len(self.matrix) != n * len(self.form_factors):
            raise ScattererError(
                f"{self.name}: matrix of size {len(self.matrix)} with {len(self.form_factors)} form factors, but the "
                f"model has {n} orbitals; expected size {n * len(self.form_factors)}"
            )
        if isinstance(model, ContinuumModel):
            if self.density is None:
                raise ScattererError(f"{self.name}: a continuum model has no cells; give density= in 1/Å^d")
            if min(min(p) for p in self.form_factors) < 0:
                raise ScattererError(f"{self.name}: powers of k are negative; write 0 or more")
            return self.density
        if self.concentration is None:
            raise ScattererError(f"{self.name}: a lattice model needs concentration= per cell, not density=")
        if any(R[i] for R in self.form_factors for i in range(model.dimension, 3)):
            raise ScattererError(f"{self.name}: form factor in a cell along a direction that is not periodic")
        return self.concentration * model.cell_measure


def form_factor_values(model: Model, factors: Sequence[FormFactor], fractional: RealArray) -> ComplexArray:
    """φ_p(k) at fractional k (nk, 3), (nk, P)."""
    powers = np.array(factors, dtype=np.float64)
    if isinstance(model, ContinuumModel):
        k = model.cartesian(fractional)
        return np.asarray(np.prod(k[:, None, :] ** powers, axis=-1), dtype=np.complex128)
    return np.asarray(np.exp(2j * np.pi * fractional @ powers.T))


def sites(model: TightBinding) -> tuple[tuple[int, ...], ...]:
    """Orbitals (spin counted) that share a centre, one tuple for each site in the order of the orbitals."""
    home = np.flatnonzero(~model.position.R.any(axis=1))
    centres = np.zeros((model.n_orbitals, 3))
    if len(home):
        centres = np.einsum("iaa->ai", model.position.matrices[home[0]]).real
    found: list[list[int]] = []
    for orbital, centre in enumerate(centres):
        for site in found:
            if np.linalg.norm(centres[site[0]] - centre) < SITE_DISTANCE:
                site.append(orbital)
                break
        else:
            found.append([orbital])
    return tuple(tuple(site) for site in found)


def impurity(
    model: Model,
    *,
    strength: float = 0.0,
    moment: Vector3 = (0.0, 0.0, 0.0),
    orbitals: Sequence[int] | None = None,
    concentration: float | None = None,
    density: float | None = None,
    name: str = "impurity",
) -> Scatterer:
    """Potential and magnetic impurity W = V + m·σ on ``orbitals`` (all by default), σ being twice the spin operator.

    ``strength`` V and ``moment`` m in eV (lattice) or eV Å^d (continuum). A scatterer on all orbitals shifts the whole
    cell coherently; for independent atoms use ``site_impurities``. Raises ``ScattererError`` for orbitals the model
    lacks or a moment in a model whose spin is not local.
    """
    n = model.n_orbitals
    chosen = range(n) if orbitals is None else [int(a) for a in orbitals]
    if not len(chosen) or min(chosen) < 0 or max(chosen) >= n:
        raise ScattererError(f"{name}: orbitals {list(chosen)} of a model with orbitals 0 to {n - 1}; correct the list")
    W = strength * np.eye(n, dtype=np.complex128)
    if any(moment):
        W += 2 * np.einsum("i,iab->ab", np.asarray(moment, dtype=np.float64), _local_spin(model, name))
    inside = np.zeros(n, dtype=np.bool_)
    inside[list(chosen)] = True
    return Scatterer(W * np.outer(inside, inside), concentration, density, name=name)


def site_impurities(
    model: TightBinding,
    *,
    concentration: float,
    strength: float = 0.0,
    moment: Vector3 = (0.0, 0.0, 0.0),
    on: Sequence[int] | None = None,
) -> tuple[Scatterer, ...]:
    """Independent impurities W = V + m·σ on each site, one species of ``concentration`` per cell for every site.

    ``on``: numbers of the sites (all by default), in the order of ``sites``. Raises ``ScattererError`` for a site the
    model lacks.
    """
    groups = sites(model)
    wanted = range(len(groups)) if on is None else [int(s) for s in on]
    if not len(wanted) or min(wanted) < 0 or max(wanted) >= len(groups):
        raise ScattererError(f"sites {list(wanted)} of a model with sites 0 to {len(groups) - 1}; correct the list")
    return tuple(
        impurity(
            model,
            strength=strength,
            moment=moment,
            orbitals=groups[s],
            concentration=concentration,
            name=f"site {s}",
        )
        for s in wanted
    )


def bond_impurity(
    model: TightBinding, row: int, column: int, R: FormFactor, amplitude: ArrayLike, *, concentration: float
) -> Scatterer:
    """Change of one hopping: ⟨0, row site|W|R, column site⟩ = ``amplitude`` (scalar, or a matrix between the orbitals
    of the two sites) in eV, with its Hermitian conjugate."""
    groups = sites(model)
    if not (0 <= row < len(groups) and 0 <= column < len(groups)):
        raise ScattererError(f"sites {row} and {column} of a model with sites 0 to {len(groups) - 1}; correct them")
    a, b = groups[row], groups[column]
    block = np.asarray(amplitude, dtype=np.complex128)
    if block.ndim == 0:
        if len(a) != len(b):
            raise ScattererError(f"sites {row} and {column} have {len(a)} and {len(b)} orbitals; give a matrix")
        block = block * np.eye(len(a))
    if block.shape != (len(a), len(b)):
        raise ScattererError(f"amplitude has shape {block.shape}; expected {(len(a), len(b))}")
    cells = HOME if tuple(R) == HOME[0] else (HOME[0], (int(R[0]), int(R[1]), int(R[2])))
    n = model.n_orbitals
    W = np.zeros((n * len(cells),) * 2, dtype=np.complex128)
    offset = n * (len(cells) - 1)
    W[np.ix_(a, [offset + x for x in b])] += block
    W[np.ix_([offset + x for x in b], a)] += block.conj().T
    return Scatterer(W, concentration, form_factors=cells, name=f"bond {row}-{column}")


def spin_orbit_impurity(model: ContinuumModel, *, strength: float, coupling: float, density: float) -> Scatterer:
    """Two-dimensional contact impurity with spin-orbit scattering, W = V [1 + i η σz (k × k')_z].

    ``strength`` V in eV Å², ``coupling`` η in Å². The antisymmetric part acts on the extended spinor (u, kx u, ky u).
    """
    n = model.n_orbitals
    W = np.zeros((3, n, 3, n), dtype=np.complex128)
    sigma_z = 2 * _local_spin(model, "spin-orbit impurity")[2]
    W[0, :, 0, :] = strength * np.eye(n)
    W[1, :, 2, :] = 1j * coupling * strength * sigma_z
    W[2, :, 1, :] = -1j * coupling * strength * sigma_z
    factors = ((0, 0, 0), (1, 0, 0), (0, 1, 0))
    return Scatterer(W.reshape(3 * n, 3 * n), density=density, form_factors=factors, name="spin-orbit impurity")


def mixture(first: Sequence[Scatterer], second: Sequence[Scatterer], x: float) -> tuple[Scatterer, ...]:
    """(1 − x) of the ``first`` scatterers and x of the ``second``, 0 ≤ x ≤ 1: a scan for deviations from Matthiessen's
    rule. Raises ``ScattererError`` for x outside that range."""
    if not 0 <= x <= 1:
        raise ScattererError(f"x is {x}; expected a fraction between 0 and 1")
    return tuple(s.scaled(1 - x) for s in first if x < 1) + tuple(s.scaled(x) for s in second if x > 0)


def _local_spin(model: Model, name: str) -> ComplexArray:
    spin = model.require_operator("spin")
    if not spin.local:
        raise ScattererError(f"{name}: the spin operator reaches beyond the home cell; give the matrix W itself")
    return spin.home

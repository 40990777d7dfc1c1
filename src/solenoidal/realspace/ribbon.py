"""Ribbons and tori: many cells of a lattice model in a row, with profiles that vary from cell to cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.interpolation import LatticeInterpolator
from solenoidal.errors import ConfigError, ModelError
from solenoidal.models.hamiltonian import TightBinding, orbital_centres, relative_position

Profile = Callable[[RealArray], RealArray] | RealArray
"""A function of the coordinate along the row, in cells, or one value for each cell."""


@dataclass(frozen=True)
class Coupling:
    """Term factor · λ(x) W of the Hamiltonian in eV: W a named operator of the model, or the identity if None.

    ``leg`` chooses the component of a vector operator. W must act inside one place of one cell, so that it commutes
    with position and adds nothing to the velocity.
    """

    profile: Profile
    operator: str | None = None
    factor: float = 1.0
    leg: int = 0

    def matrix(self, model: TightBinding) -> ComplexArray:
        """W (n, n); raises ``ModelError`` for an operator that reaches to another place, and for a model whose position
        matrix joins orbitals.
        """
        _require_places(model)
        if self.operator is None:
            return np.eye(model.n_orbitals, dtype=np.complex128)
        operator = model.require_operator(self.operator)
        n = model.n_orbitals
        flat = operator.matrices.reshape(len(operator.R), -1, n, n)
        if not 0 <= self.leg < flat.shape[1]:
            raise ConfigError(f"operator {self.operator!r} has {flat.shape[1]} components; leg {self.leg} is not one")
        W = np.zeros((n, n), dtype=np.complex128)
        centres = orbital_centres(model)
        apart = np.abs(centres[:, None] - centres[None, :]).max(axis=2) > 1e-8
        for R, matrix in zip(operator.R, flat[:, self.leg], strict=True):
            if np.any(np.abs(matrix) > 1e-12) and (R.any() or np.any(np.abs(matrix[apart]) > 1e-12)):
                raise ModelError(
                    f"operator {self.operator!r} joins different places, so a profile coupled to it would change the "
                    "velocity; couple the profile to an operator local to every site"
                )
            if not R.any():
                W += matrix
        return W

    def values(self, x: RealArray) -> RealArray:
        """factor · λ at coordinates ``x`` (cells, orbitals)."""
        if callable(self.profile):
            return self.factor * np.asarray(self.profile(x), dtype=np.float64)
        given = np.asarray(self.profile, dtype=np.float64)
        if given.shape != (len(x),):
            raise ConfigError(f"profile has shape {given.shape}; write one value for each of the {len(x)} cells")
        return self.factor * np.broadcast_to(given[:, None], x.shape)


def _require_places(model: TightBinding) -> None:
    """Raise ``ModelError`` for orbitals that are joined by the position matrix and so have no place of their own."""
    remainder = relative_position(model.position, orbital_centres(model))
    found = float(np.abs(remainder.matrices).max())
    if found > 1e-9:
        raise ModelError(
            f"the position matrix joins orbitals (by up to {found:.3g} Å), so that a profile λ(x) has no value at an "
            "orbital and changes the velocity besides: a row of cells cannot represent it; use local_densities, which "
            "counts the curvature of the space, or a model with a diagonal position matrix"
        )


def zeeman_profile(profile: Profile) -> Coupling:
    """Energy U(x) · 1 added to every state: a potential for electrons, a Zeeman energy for a superconductor (S_z)."""
    return Coupling(profile)


def mu_profile(profile: Profile, *, operator: str = "charge") -> Coupling:
    """Chemical potential μ(x) coupled to the charge, −μ(x) τ_z in a superconductor: an electrostatic profile."""
    return Coupling(profile, operator, -1.0)


class RowMatrices(NamedTuple):
    """Dense matrices of the row at one k: ``hamiltonian`` (N, N), ``velocity`` (3, N, N), ``operator`` (legs, N, N)."""

    hamiltonian: ComplexArray
    velocity: ComplexArray
    operator: ComplexArray


@dataclass(frozen=True)
class Ribbon:
    """``cells`` cells of ``model`` in a row along lattice vector ``axis``, periodic in the other directions.

    With ``periodic`` the row closes to a torus, otherwise it ends in hard walls. ``couplings`` vary along the row.
    Raises ``ConfigError`` for an axis that is not periodic in the model and a torus shorter than the hoppings.
    """

    model: TightBinding
    cells: int
    couplings: tuple[Coupling, ...] = ()
    axis: int = 0
    periodic: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.axis < self.model.dimension:
            raise ConfigError(f"axis is {self.axis}; the model is periodic along 0 to {self.model.dimension - 1}")
        least = 2 * self.reach + 1 if self.periodic else self.reach + 1
        if self.cells < least:
            raise ConfigError(f"{self.cells} cells are fewer than the hoppings need; write at least {least}")

    @property
    def reach(self) -> int:
        """Farthest cell along the axis that H, the velocity or an operator reaches."""
        parts = [int(np.abs(o.R[:, self.axis]).max()) for o in (self.model.hamiltonian, self.model.position)]
        others = [int(np.abs(o.R[:, self.axis]).max()) for o in self.model.operators.values()]
        return max([parts[0] + parts[1], *others])

    @property
    def normal(self) -> RealArray:
        """∇x of the coordinate counted in cells, b_axis/2π in 1/Å; its length is one over the spacing of the layers."""
        return np.asarray(self.model.reciprocal[self.axis] / (2 * np.pi))

    @property
    def spacing(self) -> float:
        """Distance of neighbouring layers in Å."""
        return float(1 / np.linalg.norm(self.normal))

    @property
    def offsets(self) -> RealArray:
        """Coordinate of each orbital inside its cell, in cells along the axis."""
        return np.asarray(orbital_centres(self.model) @ self.normal)

    def layers(self, source: LatticeInterpolator, k: RealArray, operator: str) -> tuple[ComplexArray, ...]:
        """H, v and the operator between layers at distance d = −reach … reach: (2·reach + 1, n, legs, n) each.

        The Fourier sum over the axis is inverted on as many points as there are distances, which is exact.
        """
        d = np.arange(-self.reach, self.reach + 1)
        points = np.tile(k, (len(d), 1))
        points[:, self.axis] = d / len(d)
        orbital = source.at(points)
        turn = np.exp(-2j * np.pi * np.outer(d, d) / len(d)) / len(d)
        n = self.model.n_orbitals
        if operator not in orbital.operators:
            self.model.require_operator(operator)
        s = orbital.operators[operator]
        s = np.broadcast_to(s, (len(d), *s.shape[1:]))
        arrays = (orbital.hamiltonian.reshape(len(d), n, 1, n), orbital.velocity, s)
        return tuple(np.tensordot(turn, x, axes=(1, 0)) for x in arrays)

    def matrices(self, source: LatticeInterpolator, k: RealArray, operator: str, twist: float = 0.0) -> RowMatrices:
        """Dense matrices at fractional ``k`` (3,), its axis component unused; ``twist`` of 1 is 2π around the torus."""
        H, v, s = (self._assemble(x, twist) for x in self.layers(source, k, operator))
        hamiltonian = H[0]
        n = self.model.n_orbitals
        x = np.arange(self.cells)[:, None] + self.offsets[None, :]
        for coupling in self.couplings:
            W, values = coupling.matrix(self.model), coupling.values(x)
            for cell in range(self.cells):
                span = slice(cell * n, (cell + 1) * n)
                hamiltonian[span, span] += 0.5 * (values[cell][:, None] + values[cell][None, :]) * W
        return RowMatrices(hamiltonian, v, s)

    def _assemble(self, layers: ComplexArray, twist: float) -> ComplexArray:
        """(legs, N, N) from layers (distances, n, legs, n)."""
        n, legs = layers.shape[1], layers.shape[2]
        out = np.zeros((legs, self.cells, n, self.cells, n), dtype=np.complex128)
        home = np.arange(self.cells)
        for d, block in zip(range(-self.reach, self.reach + 1), layers, strict=True):
            phase = np.exp(2j * np.pi * twist * d / self.cells)
            other = home + d
            inside = np.ones(self.cells, dtype=bool) if self.periodic else (other >= 0) & (other < self.cells)
            # Advanced indices come first: (cells inside, legs, n, n).
            out[:, home[inside], :, other[inside] % self.cells, :] += phase * block.transpose(1, 0, 2)[None]
        return out.reshape(legs, self.cells * n, self.cells * n)

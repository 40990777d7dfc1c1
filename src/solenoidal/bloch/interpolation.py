"""Orbital-basis matrices of a model at given k: Hamiltonian, velocity with the position term, named operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.fourier import LatticeFourier
from solenoidal.errors import ModelError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

ComplexArray = NDArray[np.complex128]
RealArray = NDArray[np.float64]


@dataclass(frozen=True)
class OrbitalMatrices:
    """Matrices at nk points in the orbital (Wannier) basis, stored [k, row, leg, column].

    ``hamiltonian`` (nk, n, n) in eV; ``velocity`` (nk, n, 3, n) in eV Å, equal to ∂H + i[H, Ā], so that rotating it
    to the eigenbasis gives v_nm = (∂H)_nm + i ω_nm Ā_nm; ``operators`` name → (nk, n, legs, n), where an operator
    that does not depend on k has nk = 1.
    """

    hamiltonian: ComplexArray
    velocity: ComplexArray
    operators: Mapping[str, ComplexArray]

    def part(self, start: int, stop: int) -> OrbitalMatrices:
        """The points ``start`` to ``stop`` − 1, as views."""
        operators = {name: op if len(op) == 1 else op[start:stop] for name, op in self.operators.items()}
        return OrbitalMatrices(self.hamiltonian[start:stop], self.velocity[start:stop], operators)


class Interpolator(Protocol):
    """What Bloch states are built from: orbital-basis matrices at any fractional k (nk, 3)."""

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at ``k``."""
        ...


Model = TightBinding | ContinuumModel


@lru_cache(maxsize=2)
def interpolator(model: Model) -> Interpolator:
    """The interpolator of ``model``; the last two are kept, since models never change."""
    if isinstance(model, ContinuumModel):
        return ContinuumInterpolator(model)
    return LatticeInterpolator.build(model)


@dataclass(frozen=True)
class ContinuumInterpolator:
    """Evaluates a continuum model; the position matrix of its basis functions is zero."""

    model: ContinuumModel

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at fractional ``k`` (nk, 3) of the model's momentum box."""
        cartesian = self.model.cartesian(k)
        hamiltonian = np.asarray(self.model.hamiltonian(cartesian), dtype=np.complex128)
        if self.model.derivative is None:
            raise ModelError("the continuum model has no derivative; build it with derivative=...")
        velocity = _row_leg_column(np.asarray(self.model.derivative(cartesian), dtype=np.complex128))
        operators = {name: _row_leg_column(op[None]) for name, op in self.model.operators.items()}
        return OrbitalMatrices(hamiltonian, velocity, operators)


@dataclass(frozen=True)
class LatticeInterpolator:
    """Fourier interpolation of a lattice model.

    The part of the position matrix that is diagonal in the home cell is folded into the coefficients of ∂H, since
    i[H, r] is then a factor (r_b − r_a) of each hopping; only the remainder needs a commutator at each k.
    """

    fourier: LatticeFourier
    size: int
    has_position: bool
    k_dependent: tuple[tuple[str, int], ...]
    constant: Mapping[str, ComplexArray]

    @staticmethod
    def build(model: TightBinding) -> LatticeInterpolator:
        """Collect every k-dependent matrix of ``model`` as columns of one Fourier sum."""
        n = model.n_orbitals
        centres, remainder = _split_position(model.position)
        cartesian = model.hamiltonian.R @ model.lattice
        bond = cartesian[:, :, None, None] + (centres[:, None, :] - centres[:, :, None])[None]
        derivative = LatticeOperator(model.hamiltonian.R, 1j * bond * model.hamiltonian.matrices[:, None])
        parts = [model.hamiltonian, derivative]
        has_position = bool(np.max(np.abs(remainder.matrices)) > 0)
        if has_position:
            parts.append(remainder)
        k_dependent, constant = [], {}
        for name, operator in model.operators.items():
            if len(operator.R) == 1 and not operator.R.any():
                constant[name] = _row_leg_column(operator.matrices)
            else:
                k_dependent.append((name, int(np.prod(operator.legs, dtype=int))))
                parts.append(operator)
        R, coefficients = _stack_columns(parts)
        return LatticeInterpolator(LatticeFourier.build(R, coefficients), n, has_position, tuple(k_dependent), constant)

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at fractional ``k`` (nk, 3)."""
        n, nk = self.size, len(k)
        columns = self.fourier.at(k)
        hamiltonian = np.ascontiguousarray(columns[:, : n * n]).reshape(nk, n, n)
        used = n * n
        velocity = columns[:, used : used + 3 * n * n].reshape(nk, n, 3, n)
        used += 3 * n * n
        if self.has_position:
            position = columns[:, used : used + 3 * n * n].reshape(nk, n, 3 * n)
            product = (hamiltonian @ position).reshape(nk, n, 3, n)
            product *= 1j
            velocity += product
            velocity += product.conj().transpose(0, 3, 2, 1)
            used += 3 * n * n
        operators = dict(self.constant)
        for name, legs in self.k_dependent:
            operators[name] = columns[:, used : used + legs * n * n].reshape(nk, n, legs, n)
            used += legs * n * n
        return OrbitalMatrices(hamiltonian, velocity, operators)


def _row_leg_column(matrices: ComplexArray) -> ComplexArray:
    """(nk, *legs, n, n) → (nk, n, legs, n), legs flattened (one for a scalar operator)."""
    n = matrices.shape[-1]
    flat = matrices.reshape(len(matrices), -1, n, n)
    return np.ascontiguousarray(flat.transpose(0, 2, 1, 3))


def _split_position(position: LatticeOperator) -> tuple[RealArray, LatticeOperator]:
    """Orbital centres (3, n) and the position matrix without them."""
    matrices = position.matrices.copy()
    n = position.size
    centres = np.zeros((3, n))
    for home in np.flatnonzero(~position.R.any(axis=1)):
        diagonal = np.einsum("iaa->ia", matrices[home])
        centres = diagonal.real.copy()
        diagonal -= centres
    return centres, LatticeOperator(position.R, matrices)


def _stack_columns(parts: list[LatticeOperator]) -> tuple[NDArray[np.int64], ComplexArray]:
    """Union of the lattice vectors and the flattened [row, leg, column] coefficients of all parts side by side."""
    R = np.unique(np.concatenate([part.R for part in parts]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    blocks = []
    for part in parts:
        flat = _row_leg_column(part.matrices).reshape(len(part.R), -1)
        block = np.zeros((len(R), flat.shape[1]), dtype=np.complex128)
        block[[index[tuple(r)] for r in part.R.tolist()]] = flat
        blocks.append(block)
    return R, np.concatenate(blocks, axis=1)

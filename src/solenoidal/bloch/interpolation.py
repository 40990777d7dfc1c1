"""Orbital-basis matrices of a model at given k: Hamiltonian, velocity with the position term, named operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.fourier import LatticeFourier
from solenoidal.bloch.packing import pack_hermitian, unpack_hermitian, unpack_velocity
from solenoidal.errors import ModelError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

ComplexArray = NDArray[np.complex128]
RealArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OrbitalMatrices:
    """Matrices at nk points in the orbital (Wannier) basis, the Hermitian ones packed as upper triangles.

    ``hamiltonian`` (nk, n, n) in eV; ``derivative`` (nk, 3 n (n + 1)/2) the packed ∂H in eV Å, with the factors of the
    orbital centres; ``position`` the packed rest of the position matrix in Å, if there is one; ``packed`` operators
    name → (nk, legs n (n + 1)/2), where an operator that does not depend on k has nk = 1. Unpacked on demand and stored
    [k, row, leg, column]: ``velocity``, ∂H + i[H, Ā], so that rotating it to the eigenbasis gives
    v_nm = (∂H)_nm + i ω_nm Ā_nm, and ``operators``.
    """

    hamiltonian: ComplexArray
    derivative: ComplexArray
    position: ComplexArray | None
    packed: Mapping[str, ComplexArray]

    @staticmethod
    def pack(
        hamiltonian: ComplexArray, velocity: ComplexArray, operators: Mapping[str, ComplexArray]
    ) -> OrbitalMatrices:
        """From Hermitian matrices stored [k, row, leg, column]: the whole ``velocity``, ``operators`` by name."""
        packed = {name: pack_hermitian(operator.swapaxes(1, 2)) for name, operator in operators.items()}
        return OrbitalMatrices(hamiltonian, pack_hermitian(velocity.swapaxes(1, 2)), None, packed)

    @cached_property
    def velocity(self) -> ComplexArray:
        """∂H + i[H, Ā] in eV Å, (nk, n, 3, n)."""
        nk, n = self.hamiltonian.shape[:2]
        if self.position is None:
            return unpack_hermitian(self.derivative, n)
        position = unpack_hermitian(self.position, n)
        product = self.hamiltonian @ position.reshape(nk, n, 3 * n)
        return unpack_velocity(self.derivative, product.reshape(position.shape))

    @cached_property
    def operators(self) -> Mapping[str, ComplexArray]:
        """Every operator by name, (nk or 1, n, legs, n)."""
        return {name: unpack_hermitian(columns, self.hamiltonian.shape[1]) for name, columns in self.packed.items()}

    def subset(self, index: NDArray[np.int64]) -> OrbitalMatrices:
        """The matrices at the chosen k points."""
        position = None if self.position is None else self.position[index]
        packed = {name: op if len(op) == 1 else op[index] for name, op in self.packed.items()}
        return OrbitalMatrices(self.hamiltonian[index], self.derivative[index], position, packed)


class Interpolator(Protocol):
    """What Bloch states are built from: orbital-basis matrices at any fractional k (nk, 3)."""

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at ``k``."""
        ...

    def parts(self, k: RealArray, size: int) -> Iterator[OrbitalMatrices]:
        """Matrices at consecutive parts of ``k`` with at most ``size`` points; what can be shared is computed once."""
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
        derivative = np.asarray(self.model.derivative(cartesian), dtype=np.complex128)
        operators = {name: _with_legs(op[None]).swapaxes(1, 2) for name, op in self.model.operators.items()}
        return OrbitalMatrices.pack(hamiltonian, derivative.swapaxes(1, 2), operators)

    def parts(self, k: RealArray, size: int) -> Iterator[OrbitalMatrices]:
        """Matrices at consecutive parts of ``k`` with at most ``size`` points."""
        for start in range(0, len(k), size):
            yield self.at(k[start : start + size])


@dataclass(frozen=True)
class LatticeInterpolator:
    """Fourier interpolation of a lattice model.

    The part of the position matrix that is diagonal in the home cell is folded into the coefficients of ∂H, since
    i[H, r] is then a factor (r_b − r_a) of each hopping; only the remainder needs a commutator at each k. Every matrix
    is Hermitian, so that only its upper triangle is summed.
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
                constant[name] = pack_hermitian(_with_legs(operator.matrices))
            else:
                k_dependent.append((name, int(np.prod(operator.legs, dtype=int))))
                parts.append(operator)
        R, coefficients = _stack_columns(parts)
        return LatticeInterpolator(LatticeFourier.build(R, coefficients), n, has_position, tuple(k_dependent), constant)

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at fractional ``k`` (nk, 3)."""
        return self._unpack(self.fourier.at(k))

    def parts(self, k: RealArray, size: int) -> Iterator[OrbitalMatrices]:
        """Matrices at consecutive parts of ``k`` with at most ``size`` points; the Fourier sums are done together."""
        for columns in self.fourier.parts(k, size):
            yield self._unpack(columns)

    def _unpack(self, columns: ComplexArray) -> OrbitalMatrices:
        n = self.size
        triangle = n * (n + 1) // 2
        hamiltonian = unpack_hermitian(columns[:, :triangle], n)[:, :, 0]
        derivative = columns[:, triangle : 4 * triangle]
        used = 4 * triangle
        position = None
        if self.has_position:
            position = columns[:, used : used + 3 * triangle]
            used += 3 * triangle
        packed = dict(self.constant)
        for name, legs in self.k_dependent:
            packed[name] = columns[:, used : used + legs * triangle]
            used += legs * triangle
        return OrbitalMatrices(hamiltonian, derivative, position, packed)


def hamiltonian_function(model: Model) -> Callable[[RealArray], ComplexArray]:
    """H at fractional k (nk, 3) → (nk, n, n) in eV, without velocities or operators; can be sent to other processes."""
    if isinstance(model, ContinuumModel):
        return partial(_continuum_hamiltonian, model)
    return partial(_lattice_hamiltonian, LatticeFourier.build(*_stack_columns([model.hamiltonian])), model.n_orbitals)


def _continuum_hamiltonian(model: ContinuumModel, k: RealArray) -> ComplexArray:
    return np.asarray(model.hamiltonian(model.cartesian(k)), dtype=np.complex128)


def _lattice_hamiltonian(fourier: LatticeFourier, n: int, k: RealArray) -> ComplexArray:
    return unpack_hermitian(fourier.at(k), n)[:, :, 0]


def _with_legs(matrices: ComplexArray) -> ComplexArray:
    """(nk, *legs, n, n) → (nk, legs, n, n), one leg for a scalar operator."""
    return matrices.reshape(len(matrices), -1, *matrices.shape[-2:])


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
    """Union of the lattice vectors and the packed coefficients of all parts side by side."""
    R = np.unique(np.concatenate([sign * part.R for part in parts for sign in (1, -1)]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    blocks = []
    for part in parts:
        n = part.size
        matrices = np.zeros((len(R), int(np.prod(part.legs, dtype=int)), n, n), dtype=np.complex128)
        matrices[[index[tuple(r)] for r in part.R.tolist()]] = part.matrices.reshape(len(part.R), -1, n, n)
        # R is sorted and closed under inversion: the reversed list is −R.
        blocks.append(pack_hermitian((matrices + matrices[::-1].conj().swapaxes(-1, -2)) / 2))
    return R, np.concatenate(blocks, axis=1)

"""Orbital-basis matrices of a model at given k: Hamiltonian, velocity with the position term, named operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.fourier import LatticeFourier
from solenoidal.bloch.packing import add_commutator, pack_hermitian, unpack_hermitian
from solenoidal.bloch.space import space_fields
from solenoidal.errors import ModelError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, orbital_centres, relative_position
from solenoidal.models.operator import Operator


class Packed(NamedTuple):
    """Hermitian matrices as upper triangles: ``legs`` of them from column ``first`` of ``columns`` (nk or 1, …) on."""

    columns: ComplexArray
    first: int
    legs: int


# Names an operator of a model cannot have.
HAMILTONIAN, DERIVATIVE, POSITION = "\0hamiltonian", "\0derivative", "\0position"


@dataclass(frozen=True, eq=False)
class OrbitalMatrices:
    """Matrices at nk points in the orbital (Wannier) basis, the Hermitian ones packed as upper triangles.

    ``hamiltonian`` (nk, n, n) in eV; ``columns`` (nk, …) holds whatever depends on k side by side, where ``places``
    gives the first column and the legs by name: "derivative", ∂H in eV Å with the factors of the orbital centres,
    "position", the rest of the position matrix in Å, if there is one, and operators by their names, in ``constant``
    (1, …) where they do not depend on k. Unpacked on demand and stored [k, row, leg, column]: ``velocity``,
    ∂H + i[H, Ā], so that rotating it to the eigenbasis gives v_nm = (∂H)_nm + i ω_nm Ā_nm, and ``operators``.
    """

    hamiltonian: ComplexArray
    columns: ComplexArray
    places: Mapping[str, tuple[int, int]]
    constant: Mapping[str, ComplexArray]

    @staticmethod
    def pack(
        hamiltonian: ComplexArray, velocity: ComplexArray, operators: Mapping[str, ComplexArray]
    ) -> OrbitalMatrices:
        """From Hermitian matrices stored [k, row, leg, column]: the whole ``velocity``, ``operators`` by name."""
        packed = {name: pack_hermitian(operator.swapaxes(1, 2)) for name, operator in operators.items()}
        parts = [pack_hermitian(velocity.swapaxes(1, 2))]
        places, used = {DERIVATIVE: (0, 3)}, parts[0].shape[1]
        for name, operator in operators.items():
            if len(operator) > 1 or len(hamiltonian) == 1:
                parts.append(packed.pop(name))
                places[name] = (used, operator.shape[2])
                used += parts[-1].shape[1]
        return OrbitalMatrices(hamiltonian, np.concatenate(parts, axis=1), places, packed)

    @property
    def names(self) -> tuple[str, ...]:
        """Operators there are."""
        return tuple(name for name in (*self.places, *self.constant) if not name.startswith("\0"))

    def packed(self, name: str) -> Packed:
        """Where ``name`` is found."""
        if name in self.constant:
            n = self.hamiltonian.shape[1]
            return Packed(self.constant[name], 0, self.constant[name].shape[1] // (n * (n + 1) // 2))
        return Packed(self.columns, *self.places[name])

    @cached_property
    def velocity(self) -> ComplexArray:
        """∂H + i[H, Ā] in eV Å, (nk, n, 3, n)."""
        nk, n = self.hamiltonian.shape[:2]
        derivative = self.matrices(DERIVATIVE)
        if POSITION not in self.places:
            return derivative
        position = self.matrices(POSITION)
        product = self.hamiltonian @ position.reshape(nk, n, 3 * n)
        return add_commutator(derivative, product.reshape(position.shape))

    @cached_property
    def operators(self) -> Mapping[str, ComplexArray]:
        """Every operator by name, (nk or 1, n, legs, n)."""
        return {name: self.matrices(name) for name in self.names}

    def matrices(self, name: str) -> ComplexArray:
        """The matrices called ``name``, (nk or 1, n, legs, n)."""
        columns, first, legs = self.packed(name)
        n = self.hamiltonian.shape[1]
        return unpack_hermitian(columns[:, first : first + legs * (n * (n + 1) // 2)], n)

    def subset(self, index: NDArray[np.int64]) -> OrbitalMatrices:
        """The matrices at the chosen k points."""
        return OrbitalMatrices(self.hamiltonian[index], self.columns[index], self.places, self.constant)


class Interpolator(Protocol):
    """What Bloch states are built from: orbital-basis matrices at any fractional k (nk, 3)."""

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at ``k``."""
        ...

    def parts(self, k: RealArray, size: int) -> Iterator[OrbitalMatrices]:
        """Matrices at consecutive parts of ``k`` with at most ``size`` points; what can be shared is computed once."""
        ...


Model = TightBinding | ContinuumModel


@lru_cache(maxsize=4)
def interpolator(model: Model, *, space: bool = True) -> Interpolator:
    """The interpolator of ``model``; the last four are kept, since models never change.

    Without ``space`` the fields of ``bloch.space`` are left out, which only formulas that name them need.
    """
    if isinstance(model, ContinuumModel):
        return ContinuumInterpolator(model)
    return LatticeInterpolator.build(model, space=space)


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
        operators = {name: _with_legs(op.home[None]).swapaxes(1, 2) for name, op in self.model.operators.items()}
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
    places: Mapping[str, tuple[int, int]]
    constant: Mapping[str, ComplexArray]

    @staticmethod
    def build(model: TightBinding, *, space: bool = True) -> LatticeInterpolator:
        """Collect every k-dependent matrix of ``model`` as columns of one Fourier sum."""
        n = model.n_orbitals
        centres = orbital_centres(model)
        remainder = relative_position(model.position, centres)
        cartesian = model.hamiltonian.R @ model.lattice
        bond = cartesian[:, :, None, None] + (centres.T[:, None, :] - centres.T[:, :, None])[None]
        derivative = LatticeOperator(model.hamiltonian.R, 1j * bond * model.hamiltonian.matrices[:, None])
        parts: dict[str, LatticeOperator | Operator] = {HAMILTONIAN: model.hamiltonian, DERIVATIVE: derivative}
        if np.max(np.abs(remainder.matrices)) > 0:
            parts[POSITION] = remainder
        constant = {}
        named: dict[str, LatticeOperator | Operator] = {**model.operators, **(space_fields(model) if space else {})}
        for name, operator in named.items():
            if len(operator.R) == 1 and not operator.R.any():
                constant[name] = pack_hermitian(_with_legs(operator.matrices))
            else:
                parts[name] = operator
        R, coefficients = _stack_columns(list(parts.values()))
        places, used = {}, 0
        for name, part in parts.items():
            legs = int(np.prod(part.leg_shape, dtype=int))
            places[name] = (used, legs)
            used += legs * (n * (n + 1) // 2)
        return LatticeInterpolator(LatticeFourier.build(R, coefficients), n, places, constant)

    def at(self, k: RealArray) -> OrbitalMatrices:
        """Matrices at fractional ``k`` (nk, 3)."""
        return self._unpack(self.fourier.at(k))

    def parts(self, k: RealArray, size: int) -> Iterator[OrbitalMatrices]:
        """Matrices at consecutive parts of ``k`` with at most ``size`` points; the Fourier sums are done together."""
        for columns in self.fourier.parts(k, size):
            yield self._unpack(columns)

    def _unpack(self, columns: ComplexArray) -> OrbitalMatrices:
        n = self.size
        hamiltonian = unpack_hermitian(columns[:, : n * (n + 1) // 2], n)[:, :, 0]
        places = {name: place for name, place in self.places.items() if name != HAMILTONIAN}
        return OrbitalMatrices(hamiltonian, columns, places, self.constant)


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


def _stack_columns(parts: Sequence[LatticeOperator | Operator]) -> tuple[NDArray[np.int64], ComplexArray]:
    """Union of the lattice vectors and the packed coefficients of all parts side by side."""
    R = np.unique(np.concatenate([sign * part.R for part in parts for sign in (1, -1)]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    blocks = []
    for part in parts:
        n = part.size
        matrices = np.zeros((len(R), int(np.prod(part.leg_shape, dtype=int)), n, n), dtype=np.complex128)
        matrices[[index[tuple(r)] for r in part.R.tolist()]] = part.matrices.reshape(len(part.R), -1, n, n)
        # R is sorted and closed under inversion: the reversed list is −R.
        blocks.append(pack_hermitian((matrices + matrices[::-1].conj().swapaxes(-1, -2)) / 2))
    return R, np.concatenate(blocks, axis=1)

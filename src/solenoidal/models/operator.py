"""Matrices on Bravais vectors, and operators: such matrices together with the law by which they turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import ModelError

Leg = Literal["polar", "axial", "unknown"]
"""How a tensor index turns under a rotation: as a vector or as a pseudovector. "unknown" belongs to an operator that
does not state its law; nothing but the identity can act on it."""

Law = tuple[tuple[Leg, ...], int]
"""Kinds of the tensor legs and the sign under time reversal, 0 where it is not known."""

LETTERS = "abcdefgh"
"""Letters of an operator's legs in einsum notation; a response may use all others."""


@dataclass(frozen=True, eq=False)
class LatticeOperator:
    """Matrix-valued function on the lattice, X(k) = Σ_R e^{ik·R} X_R, such as the Hamiltonian and the position.

    ``R`` (nR, 3) integer lattice vectors; ``matrices`` (nR, *legs, n, n) with element [a, b] = ⟨0a|X|Rb⟩.
    Raises ``ModelError`` when shapes disagree, a vector repeats, or a value is not finite.
    """

    R: IntArray
    matrices: ComplexArray

    def __post_init__(self) -> None:
        R, matrices = _checked(self.R, self.matrices)
        object.__setattr__(self, "R", R)
        object.__setattr__(self, "matrices", matrices)

    @property
    def leg_shape(self) -> tuple[int, ...]:
        """Shape of the tensor legs, () for a scalar such as the Hamiltonian and (3,) for a vector."""
        return self.matrices.shape[1:-2]

    @property
    def size(self) -> int:
        """Number of orbitals n."""
        return int(self.matrices.shape[-1])

    def at(self, k: RealArray) -> ComplexArray:
        """Σ_R e^{ik·R} X_R at a few fractional k points (nk, 3), (nk, *legs, n, n); many take an interpolator."""
        return _at(self.R, self.matrices, k)

    def hermiticity_error(self) -> float:
        """Largest |X_R − X_{−R}†|, zero for a Hermitian operator (a missing −R counts as zero matrix)."""
        return _hermiticity_error(self.R, self.matrices)

    def with_matrices(self, R: IntArray, matrices: ComplexArray) -> LatticeOperator:
        """Other matrices (nR, *legs, n, n) on other vectors."""
        return LatticeOperator(R, matrices)

    @staticmethod
    def constant(matrix: ArrayLike) -> LatticeOperator:
        """A matrix local to the home cell; ``matrix`` (*legs, n, n)."""
        return LatticeOperator(*_home(matrix))


@dataclass(frozen=True, eq=False)
class Operator:
    """A Hermitian operator of a model: its matrices on the lattice and the law by which it turns.

    ``R`` (nR, 3) integer lattice vectors; ``matrices`` (nR, *(3,)*rank, n, n) with element [a, b] = ⟨0a|X|Rb⟩.
    ``legs`` names each tensor index "polar" or "axial": () for a scalar, ("axial",) for a spin, ("polar", "polar") for
    a quadrupole. ``time_reversal`` is +1 (even: charge, position) or −1 (odd: spin, velocity). Both None: the law is
    not stated, and every run that uses the operator takes the full zone. ``unit`` is a label, for example "ħ", "1" or
    "Å"; ``name`` the one it has in a model, which gives it.

    Raises ``ModelError`` for shapes that disagree with the legs, an unknown leg or sign, or half of a law.
    """

    R: IntArray
    matrices: ComplexArray
    legs: tuple[Leg, ...] | None
    time_reversal: int | None
    unit: str = "1"
    name: str = ""

    def __post_init__(self) -> None:
        R, matrices = _checked(self.R, self.matrices)
        object.__setattr__(self, "R", R)
        object.__setattr__(self, "matrices", matrices)
        if self.legs is not None:
            object.__setattr__(self, "legs", tuple(self.legs))
        self._check_law()
        self._check_shape()

    def _check_law(self) -> None:
        if (self.legs is None) != (self.time_reversal is None):
            raise ModelError(
                f"{self._called} has legs {self.legs} and time_reversal {self.time_reversal}; state both, or None for "
                "both where the law is not known"
            )
        for leg in self.legs or ():
            if leg not in ("polar", "axial"):
                raise ModelError(
                    f"{self._called} has a leg {leg!r}; expected 'polar' or 'axial' for each index, for example "
                    'legs=("axial",), and legs=() for a scalar'
                )
        if self.time_reversal not in (1, -1, None) or isinstance(self.time_reversal, bool):
            raise ModelError(
                f"{self._called} has time_reversal {self.time_reversal!r}; expected +1 (even, like charge and "
                "position) or -1 (odd, like spin and velocity)"
            )

    def _check_shape(self) -> None:
        n = self.size
        shape = self.matrices.shape[1:]
        if self.legs is not None and self.leg_shape != (3,) * len(self.legs):
            wanted = (*(3,) * len(self.legs), n, n)
            raise ModelError(
                f"{self._called} has matrices of shape {shape} and legs {self.legs}; expected {wanted}, three "
                "components for each leg"
            )
        if self.leg_shape != (3,) * self.rank:
            raise ModelError(
                f"{self._called} has matrices of shape {shape}; expected three Cartesian components for each tensor "
                f"index, for example ({n}, {n}), (3, {n}, {n}) or (3, 3, {n}, {n})"
            )
        if self.rank > len(LETTERS):
            raise ModelError(f"{self._called} has {self.rank} tensor indices; at most {len(LETTERS)} can be used")

    @property
    def _called(self) -> str:
        return f"operator {self.name!r}" if self.name else "the operator"

    @staticmethod
    def constant(
        matrix: ArrayLike,
        legs: Sequence[Leg] | None,
        time_reversal: int | None,
        unit: str = "1",
        name: str = "",
    ) -> Operator:
        """An operator local to the home cell; ``matrix`` (*(3,)*rank, n, n), the law as in ``Operator``."""
        return Operator(*_home(matrix), None if legs is None else tuple(legs), time_reversal, unit, name)

    @property
    def leg_shape(self) -> tuple[int, ...]:
        """Shape of the tensor legs, (3,)*rank."""
        return self.matrices.shape[1:-2]

    @property
    def rank(self) -> int:
        """Number of tensor legs."""
        return self.matrices.ndim - 3

    @property
    def size(self) -> int:
        """Number of orbitals n."""
        return int(self.matrices.shape[-1])

    @property
    def stated(self) -> bool:
        """Whether the law is known."""
        return self.legs is not None

    @property
    def law(self) -> Law:
        """Legs and sign under time reversal for the terms of a response; legs "unknown" and 0 if it is not stated."""
        if self.legs is None or self.time_reversal is None:
            unknown: Leg = "unknown"
            return (unknown,) * self.rank, 0
        return self.legs, self.time_reversal

    @property
    def dims(self) -> tuple[str, ...]:
        """Axis names of the legs in results: none for a scalar, "spin" for a vector, "spin_1", "spin_2", … beyond."""
        return operator_dims(self.rank)

    @property
    def letters(self) -> str:
        """The legs in einsum notation."""
        return LETTERS[: self.rank]

    @property
    def local(self) -> bool:
        """Whether the operator joins no two cells, so that its matrix does not depend on k."""
        return not self.R.any()

    @property
    def home(self) -> ComplexArray:
        """The matrix of the home cell, (*(3,)*rank, n, n); zero if there is none."""
        at = np.flatnonzero(~self.R.any(axis=1))
        return self.matrices[at[0]] if len(at) else np.zeros_like(self.matrices[0])

    def at(self, k: RealArray) -> ComplexArray:
        """Σ_R e^{ik·R} X_R at a few fractional k points (nk, 3), (nk, *legs, n, n); many take an interpolator."""
        return _at(self.R, self.matrices, k)

    def hermiticity_error(self) -> float:
        """Largest |X_R − X_{−R}†|, zero for a Hermitian operator (a missing −R counts as zero matrix)."""
        return _hermiticity_error(self.R, self.matrices)

    def with_matrices(self, R: IntArray, matrices: ComplexArray) -> Operator:
        """Other matrices (nR, *(3,)*rank, n, n) on other vectors, with the same law."""
        return replace(self, R=R, matrices=matrices)


Matrices = TypeVar("Matrices", LatticeOperator, Operator)
"""Matrices on the lattice, with or without a law."""


def spin_operator(matrices: ArrayLike | LatticeOperator, *, name: str = "spin") -> Operator:
    """A spin, or another angular momentum in units of ħ: an axial vector that time reversal reverses.

    ``matrices`` (3, n, n), local to the home cell, or a ``LatticeOperator`` with one leg of three.
    """
    given = matrices if isinstance(matrices, LatticeOperator) else LatticeOperator.constant(matrices)
    return Operator(given.R, given.matrices, ("axial",), -1, "ħ", name)


def operator_dims(rank: int) -> tuple[str, ...]:
    """Axis names of the legs of an operator of this rank in results."""
    return ("spin",) if rank == 1 else tuple(f"spin_{i + 1}" for i in range(rank))


def named_operators(operators: Mapping[str, Operator]) -> Mapping[str, Operator]:
    """The operators of a model, read-only, each with the name it has there; raises ``ModelError`` for anything else."""
    found = {}
    for name, operator in operators.items():
        if not isinstance(operator, Operator):
            raise ModelError(
                f"operator {name!r} is given as {type(operator).__name__}, which does not say how it turns; write "
                "spin_operator(matrices) for a spin, or Operator.constant(matrix, legs=..., time_reversal=..., "
                'unit=...): legs=() for a scalar, ("polar",) or ("axial",) for a vector, time_reversal +1 or -1'
            )
        found[name] = operator if operator.name == name else replace(operator, name=name)
    return MappingProxyType(found)


def _checked(R: IntArray, matrices: ComplexArray) -> tuple[IntArray, ComplexArray]:
    R = np.ascontiguousarray(R, dtype=np.int64)
    matrices = np.ascontiguousarray(matrices, dtype=np.complex128)
    if R.ndim != 2 or R.shape[1] != 3:
        raise ModelError(f"lattice vectors R have shape {R.shape}; expected (number of vectors, 3) integers")
    if matrices.ndim < 3 or len(matrices) != len(R) or matrices.shape[-1] != matrices.shape[-2]:
        raise ModelError(
            f"matrices have shape {matrices.shape}; expected ({len(R)}, *legs, n, n), one square matrix for each R"
        )
    if len(np.unique(R, axis=0)) != len(R):
        raise ModelError("lattice vectors R contain a repeated vector; sum its matrices into one entry")
    if not np.isfinite(matrices).all():
        bad = np.argwhere(~np.isfinite(matrices))[0]
        raise ModelError(f"matrices contain a value that is not finite at index {tuple(bad)}, R = {R[bad[0]]}")
    return R, matrices


def _home(matrix: ArrayLike) -> tuple[IntArray, ComplexArray]:
    return np.zeros((1, 3), dtype=np.int64), np.asarray(matrix, dtype=np.complex128)[None]


def _hermiticity_error(R: IntArray, matrices: ComplexArray) -> float:
    return float(np.max(np.abs(matrices - adjoints(R, matrices)), initial=0.0))


def adjoints(R: IntArray, matrices: ComplexArray) -> ComplexArray:
    """X_{−R}† for each of the vectors ``R``, zero where −R is not among them."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    partner = np.array([index.get(tuple(-x for x in r), -1) for r in R.tolist()], dtype=np.int64)
    found = np.conj(matrices[partner].swapaxes(-1, -2))
    found[partner < 0] = 0.0
    return np.asarray(found, dtype=np.complex128)


def _at(R: IntArray, matrices: ComplexArray, k: RealArray) -> ComplexArray:
    return np.asarray(np.tensordot(np.exp(2j * np.pi * (k @ R.T)), matrices, axes=1), dtype=np.complex128)

"""Continuum (k·p) models: H(k) with its exact derivative on a box around k = 0.

A Hamiltonian is any object that gives H (nk, n, n) in eV when called with Cartesian k (nk, 3) in 1/Å. A
``PolynomialHamiltonian`` knows its exact derivative; a Python function needs a second function for ∂H.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.facts import checked_degeneracy, facts_as_text
from solenoidal.models.operator import Operator, named_operators

MatrixFunction = Callable[[RealArray], ComplexArray]

BOUNDARY_POINTS = {2: 513, 3: 65}
"""Points on each edge (2D) or on each side of a face (3D) of the box; odd, so that the axes are hit."""

INSIDE = 0.98
"""Size of the smaller box that tells whether a band rises or falls towards the boundary."""


@dataclass(frozen=True, eq=False)
class PolynomialHamiltonian:
    """Polynomial in k with Hermitian matrix coefficients, H(k) = Σ_p kx^p1 ky^p2 kz^p3 H_p.

    ``terms`` maps powers (p1, p2, p3) to matrices (n, n) in eV Å^(p1+p2+p3). Derivatives are exact. Raises
    ``ModelError`` for negative or fractional powers, matrices of different size, or coefficients not Hermitian.
    """

    terms: Mapping[tuple[int, int, int], ArrayLike]
    powers: NDArray[np.int64] = field(init=False, repr=False)
    matrices: ComplexArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.terms:
            raise ModelError("the polynomial has no terms; give at least one, for example {(0, 0, 0): matrix}")
        stored: dict[tuple[int, int, int], ComplexArray] = {}
        for power, value in self.terms.items():
            matrix = np.array(value, dtype=np.complex128)
            if len(power) != 3 or any(int(p) != p or p < 0 for p in power):
                raise ModelError(f"powers {power!r}; expected three integers (px, py, pz), none negative")
            if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
                raise ModelError(f"coefficient of powers {power} has shape {matrix.shape}; expected a square matrix")
            if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.conj().T, rtol=1e-12, atol=1e-12):
                raise ModelError(
                    f"coefficient of powers {power} is not Hermitian; k is real, so every coefficient has to equal its "
                    "conjugate transpose"
                )
            matrix.setflags(write=False)
            stored[(int(power[0]), int(power[1]), int(power[2]))] = matrix
        if len({m.shape for m in stored.values()}) != 1:
            shapes = sorted({m.shape for m in stored.values()})
            raise ModelError(f"coefficients have different shapes {shapes}; make them equal")
        object.__setattr__(self, "terms", MappingProxyType(stored))
        object.__setattr__(self, "powers", np.array(list(stored), dtype=np.int64))
        object.__setattr__(self, "matrices", np.array(list(stored.values())))

    def __reduce__(self) -> tuple[type[PolynomialHamiltonian], tuple[dict[tuple[int, int, int], ArrayLike]]]:
        # A mapping proxy cannot be pickled; rebuilding from the terms lets models travel to other processes.
        return PolynomialHamiltonian, (dict(self.terms),)

    def __call__(self, k: RealArray) -> ComplexArray:
        """H at Cartesian k (nk, 3) in 1/Å, shape (nk, n, n)."""
        return self._combine(np.prod(k[:, None, :] ** self.powers, axis=-1))

    def derivative(self, k: RealArray) -> ComplexArray:
        """∂H/∂k_i at Cartesian k (nk, 3), shape (nk, 3, n, n) in eV Å."""
        legs = []
        for axis in range(3):
            lowered = self.powers.copy()
            lowered[:, axis] = np.maximum(lowered[:, axis] - 1, 0)
            legs.append(self._combine(self.powers[:, axis] * np.prod(k[:, None, :] ** lowered, axis=-1)))
        return np.stack(legs, axis=1)

    def _combine(self, weights: RealArray) -> ComplexArray:
        n = self.matrices.shape[-1]
        flat = weights.astype(np.complex128) @ self.matrices.reshape(len(self.matrices), n * n)
        return flat.reshape(len(weights), n, n)


@dataclass(frozen=True, eq=False)
class ContinuumModel:
    """k·p model on the box |k_i| ≤ cutoff_i, with the attributes of ``TightBinding`` the integrator needs.

    ``hamiltonian``: a ``PolynomialHamiltonian``, or a function of Cartesian k (nk, 3) → (nk, n, n) in eV
    together with ``derivative``: k (nk, 3) → (nk, 3, n, n) in eV Å. ``dimension`` 2 or 3. ``cutoff`` in 1/Å:
    half the box edge, one number or one for each direction. ``operators``: named Hermitian operators that do not depend
    on k, with their laws, for example ``{"spin": spin_operator(matrices)}``.

    Fractional coordinates have period one and are folded into [−1/2, 1/2) by ``cartesian``; 0 is k = 0. Bands
    are not periodic on the box, so results hold for chemical potentials inside ``valid_range`` and are refused
    elsewhere.

    ``spin_degeneracy`` is 2 if every band stands for both spins.

    Raises ``ModelError`` for a Python function without its derivative, a derivative that disagrees with
    differences of H, matrices not Hermitian, or shapes that disagree.
    """

    hamiltonian: MatrixFunction
    dimension: int
    cutoff: float | tuple[float, ...]
    operators: Mapping[str, Operator] = field(default_factory=dict)
    derivative: MatrixFunction | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    spin_degeneracy: int = 1

    nambu: ClassVar[None] = None
    nambu_weight: ClassVar[None] = None
    first_principles_mesh: ClassVar[None] = None

    def __post_init__(self) -> None:
        if self.dimension not in (2, 3):
            raise ModelError(f"dimension is {self.dimension!r}; expected 2 or 3")
        edges = np.ravel(np.asarray(self.cutoff, dtype=np.float64))
        if edges.size not in (1, self.dimension) or not np.all((edges > 0) & np.isfinite(edges)):
            raise ModelError(
                f"cutoff is {self.cutoff!r}; expected a positive number in 1/Å or {self.dimension} of them"
            )
        object.__setattr__(self, "cutoff", tuple(np.broadcast_to(edges, (self.dimension,)).tolist()))
        if self.derivative is None:
            if not isinstance(self.hamiltonian, PolynomialHamiltonian):
                raise ModelError(
                    "the Hamiltonian is a Python function and no derivative is given; the velocity has to be exact, so "
                    "pass derivative=function of k (nk, 3) returning (nk, 3, n, n), or use a PolynomialHamiltonian"
                )
            object.__setattr__(self, "derivative", self.hamiltonian.derivative)
        self._check_functions()
        operators = named_operators(self.operators)
        for operator in operators.values():
            self._check_operator(operator)
        object.__setattr__(self, "operators", operators)
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        spins = checked_degeneracy(self.spin_degeneracy, spinful="spin" in operators, nambu=False)
        object.__setattr__(self, "spin_degeneracy", spins)

    def __reduce__(self) -> tuple[Any, ...]:
        derivative = None if isinstance(self.hamiltonian, PolynomialHamiltonian) else self.derivative
        operators, provenance = dict(self.operators), dict(self.provenance)
        return ContinuumModel, (
            self.hamiltonian,
            self.dimension,
            self.cutoff,
            operators,
            derivative,
            provenance,
            self.spin_degeneracy,
        )

    def _check_functions(self) -> None:
        d = self.dimension
        k = self.cartesian(np.random.default_rng(0).uniform(-0.4, 0.4, (5, 3)))
        if isinstance(self.hamiltonian, PolynomialHamiltonian) and np.any(self.hamiltonian.powers[:, d:]):
            raise ModelError(f"the polynomial has powers of kz but dimension is {d}; remove them or use dimension=3")
        H = np.asarray(self.hamiltonian(k))
        if H.ndim != 3 or len(H) != len(k) or H.shape[1] != H.shape[2]:
            raise ModelError(f"hamiltonian returned shape {H.shape} for k of shape (5, 3); expected (5, n, n)")
        scale = max(1.0, float(np.max(np.abs(H))))
        if not np.isfinite(H).all() or np.max(np.abs(H - H.conj().swapaxes(1, 2))) > 1e-9 * scale:
            raise ModelError("hamiltonian is not Hermitian or not finite inside the box; correct the function")
        dH = np.asarray(self._derivative(k))
        if dH.shape != (len(k), 3, *H.shape[1:]):
            raise ModelError(
                f"derivative returned shape {dH.shape} for k of shape (5, 3); expected {(len(k), 3, *H.shape[1:])}"
            )
        step = 1e-5 * float(np.max(self.cutoff))
        for axis in range(d):
            shift = np.zeros(3)
            shift[axis] = step
            slope = (np.asarray(self.hamiltonian(k + shift)) - np.asarray(self.hamiltonian(k - shift))) / (2 * step)
            error = float(np.max(np.abs(slope - dH[:, axis])))
            if error > 1e-5 * max(float(np.max(np.abs(slope))), float(np.max(np.abs(dH))), scale / np.max(self.cutoff)):
                raise ModelError(
                    f"derivative along {'xyz'[axis]} differs from the difference quotient of hamiltonian by "
                    f"{error:.3g} eV Å; correct the function (order of axes, sign, factor of two)"
                )
        if np.any(np.abs(dH[:, d:]) > 1e-12):
            raise ModelError("derivative along z is not zero in a two-dimensional model; return zeros there")

    def _check_operator(self, operator: Operator) -> None:
        n, name = self.n_orbitals, operator.name
        if operator.size != n:
            raise ModelError(f"operator {name!r} has {operator.size} orbitals, the hamiltonian {n}; make them equal")
        if not operator.local:
            raise ModelError(
                f"operator {name!r} reaches to other cells, which a continuum model has not; use Operator.constant(...)"
            )
        if operator.hermiticity_error() > 1e-10:
            raise ModelError(f"operator {name!r} is not Hermitian; give matrices equal to their conjugate transpose")

    def _derivative(self, k: RealArray) -> ComplexArray:
        function = self.derivative
        if function is None:
            raise ModelError("the model has no derivative; build it anew with derivative=...")
        return function(k)

    @cached_property
    def n_orbitals(self) -> int:
        """Number of bands n."""
        return int(np.asarray(self.hamiltonian(np.zeros((1, 3)))).shape[-1])

    @property
    def band_weight(self) -> float:
        """What every sum over bands is multiplied by: the number of spins that a band stands for."""
        return float(self.spin_degeneracy)

    @property
    def facts(self) -> dict[str, Any]:
        """Everything known of the model beside its functions, as text for logs and reports."""
        return facts_as_text(None, self.spin_degeneracy, None, self.provenance)

    @property
    def structure(self) -> None:
        """A continuum model has no crystal, so no space-group symmetry is searched."""
        return None

    @property
    def reciprocal(self) -> RealArray:
        """Edges of the box as rows (3, 3) in 1/Å; in two dimensions the third row is the unit vector z."""
        edges = np.ones(3)
        edges[: self.dimension] = 2 * np.asarray(self.cutoff)
        return np.diag(edges)

    @property
    def lattice(self) -> RealArray:
        """Rows a_i (3, 3) in Å with a_i·b_j = 2π δ_ij, dual to the box."""
        return np.ascontiguousarray(2 * np.pi * np.linalg.inv(self.reciprocal).T)

    @property
    def cell_measure(self) -> float:
        """(2π)^d divided by the volume of the box, so that mean(box)/cell_measure = ∫d^dk/(2π)^d (Å^d)."""
        return float(np.prod(np.pi / np.asarray(self.cutoff)))

    def cartesian(self, k: RealArray) -> RealArray:
        """Cartesian k (nk, 3) in 1/Å from fractional k (nk, 3), folded into [−1/2, 1/2) first."""
        folded = np.asarray(k, dtype=np.float64) - np.floor(np.asarray(k, dtype=np.float64) + 0.5)
        folded[:, self.dimension :] = 0.0
        return np.asarray(folded @ self.reciprocal)

    def evaluate(self, k: RealArray) -> tuple[ComplexArray, ComplexArray]:
        """H (nk, n, n) in eV and ∂H (nk, 3, n, n) in eV Å at fractional ``k`` (nk, 3)."""
        cartesian = self.cartesian(k)
        H, dH = np.asarray(self.hamiltonian(cartesian)), np.asarray(self._derivative(cartesian))
        return H.astype(np.complex128, copy=False), dH.astype(np.complex128, copy=False)

    def _boundary(self, scale: float) -> RealArray:
        """Band energies on the boundary of the box shrunk by ``scale``, (points, n) in eV, from a fine sampling."""
        d, points = self.dimension, np.linspace(-1.0, 1.0, BOUNDARY_POINTS[self.dimension])
        free = np.stack(np.meshgrid(*[points] * (d - 1), indexing="ij"), axis=-1).reshape(-1, d - 1)
        sides = []
        for axis in range(d):
            for side in (-1.0, 1.0):
                k = np.zeros((len(free), 3))
                k[:, :d] = np.insert(free, axis, side, axis=1) * scale * np.asarray(self.cutoff)
                sides.append(np.linalg.eigvalsh(np.asarray(self.hamiltonian(k))))
        return np.concatenate(sides)

    @cached_property
    def boundary_energies(self) -> RealArray:
        """Lowest and highest energy of every band on the boundary of the box, (n, 2) in eV, from a fine sampling."""
        energies = self._boundary(1.0)
        return np.stack([energies.min(axis=0), energies.max(axis=0)], axis=-1)

    @cached_property
    def valid_range(self) -> tuple[float, float]:
        """Chemical potentials (low, high) in eV between which the box holds the whole Fermi surface.

        Bands that rise outwards have to be empty on the boundary: ``high`` is their lowest energy there. Bands that
        fall outwards, like the filled sea of a Dirac model, have to be occupied there: ``low`` is their highest energy.
        """
        rising = self._boundary(1.0).mean(axis=0) >= self._boundary(INSIDE).mean(axis=0)
        lowest, highest = self.boundary_energies.T
        low, high = np.max(highest[~rising], initial=-np.inf), np.min(lowest[rising], initial=np.inf)
        return float(low), float(high)

    @property
    def valid_below(self) -> float:
        """Upper end of ``valid_range`` (eV): below it no occupied state of a band with a bottom is cut off."""
        return self.valid_range[1]

    def require_operator(self, name: str) -> Operator:
        """The named operator; raises ``ModelError`` naming the operators the model has."""
        if name not in self.operators:
            have = ", ".join(sorted(self.operators)) or "none"
            raise ModelError(f"the model has no operator {name!r} (it has: {have}); pass it in operators={{...}}")
        return self.operators[name]

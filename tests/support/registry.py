"""What the laws are tested on: random models of every kind, and every response of the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import random_model
from solenoidal.responses.charge import AnomalousHallConductivity, DensityOfStates, SpinMoment
from solenoidal.responses.maps import BandGeometry
from solenoidal.responses.response import Response
from solenoidal.responses.superconductor import ThermalHall
from solenoidal.responses.transport import SpinConductivity
from support.reference import RealArray, Reference

GROUPED = 1e-6


@dataclass(frozen=True)
class Case:
    """A random model by its size, dimension and seed."""

    bands: int
    dimension: int
    seed: int
    degenerate: bool = False
    nonlocal_matrices: bool = False

    def __str__(self) -> str:
        kind = f"{'-pairs' if self.degenerate else ''}{'-nonlocal' if self.nonlocal_matrices else ''}"
        return f"{self.dimension}D-{self.bands}{kind}"

    def model(self) -> TightBinding:
        return random_model(
            self.bands,
            self.dimension,
            self.seed,
            degenerate=self.degenerate,
            nonlocal_matrices=self.nonlocal_matrices,
        )


LOCAL = [
    Case(3, 1, 2),
    Case(4, 1, 1),
    Case(2, 2, 3),
    Case(3, 2, 4),
    Case(4, 2, 5),
    Case(2, 3, 6),
    Case(3, 3, 7),
    Case(4, 3, 8),
]
NONLOCAL = [
    Case(3, 1, 2, nonlocal_matrices=True),
    Case(2, 2, 3, nonlocal_matrices=True),
    Case(3, 2, 4, nonlocal_matrices=True),
    Case(3, 3, 7, nonlocal_matrices=True),
    Case(4, 3, 8, nonlocal_matrices=True),
]
"""Positions that do not commute, and operators that do not commute with them: as in models read from Wannier90."""

SEPARATE = LOCAL + NONLOCAL
PAIRED = [
    Case(4, 1, 9, True),
    Case(4, 2, 10, True),
    Case(6, 2, 11, True),
    Case(4, 3, 12, True),
    Case(4, 2, 10, True, nonlocal_matrices=True),
    Case(6, 3, 12, True, nonlocal_matrices=True),
]
CASES = SEPARATE + PAIRED

RESPONSES: dict[str, Response] = {
    "spin conductivity": SpinConductivity(charge=1.0),
    "spin conductivity with projector": SpinConductivity(charge=1.0, occupied_bands=2),
    "anomalous Hall": AnomalousHallConductivity(),
    "density of states": DensityOfStates(),
    "spin moment": SpinMoment(),
    "thermal Hall": ThermalHall(),
    "band geometry": BandGeometry(),
}


def states_at(model: Model, k: RealArray, tolerance: float = GROUPED, minimum_gap: float = 0.0) -> BlochStates:
    """The package's states at fractional k with equal weights of sum 1."""
    degeneracy = Degeneracy(tolerance, minimum_gap=minimum_gap)
    return BlochStates.solve(interpolator(model), k, np.full(len(k), 1 / len(k)), degeneracy)


def points(case: Case, count: int = 3, gap: float = 0.12) -> tuple[Reference, RealArray, RealArray]:
    """The reference of a case and random points (fractional, Cartesian) where its groups are ``gap`` apart."""
    reference = Reference.of(case.model())
    return (reference, *reference.separated(count, case.seed, gap))


def group_sums(labels: NDArray[np.int64], values: RealArray) -> list[RealArray]:
    """Values (nk, n, …) summed over the groups of each k point."""
    return [np.array([values[k][labels[k] == g].sum(axis=0) for g in np.unique(labels[k])]) for k in range(len(labels))]


def curl(vector: RealArray) -> RealArray:
    """Antisymmetric tensor T^{li} = ε_lij V_j from V (…, 3, a): (…, 3, 3, a)."""
    epsilon = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[i, j, k], epsilon[i, k, j] = 1.0, -1.0
    return np.asarray(np.einsum("lij,...ja->...lia", epsilon, vector))

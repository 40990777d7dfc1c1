"""Integrals as plain sums over all states of a full mesh: no energy grid, no symmetry, no blocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.responses.response import Part, Response
from support.reference import RealArray
from support.registry import states_at
from support.values import values as values_of

BOLTZMANN = 1.380649e-23 / 1.602176634e-19

EPSILON = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_i, _j, _k], EPSILON[_i, _k, _j] = 1.0, -1.0


def mesh(*divisions: int, shift: float = 0.0) -> RealArray:
    """All points of a mesh, (nk, 3), one division along the directions not given."""
    sizes = (*divisions, 1, 1)[:3]
    moved = [shift if n > 1 else 0.0 for n in sizes]
    return np.array(
        list(itertools.product(*((np.arange(n) + s) / n for n, s in zip(sizes, moved, strict=True)))), dtype=float
    )


def fermi(x: NDArray) -> NDArray:
    """1/(eˣ + 1)."""
    return np.asarray(np.exp(-np.logaddexp(0, x)))


def _heat_above(x: float) -> float:
    """(3/π²) ∫_x^∞ y² f(1 − f) dy by quadrature."""

    def integrand(y: float) -> float:
        return y * y * float(fermi(np.array(y)) * fermi(np.array(-y)))

    return 3 / np.pi**2 * quad(integrand, x, max(x, 0.0) + 60, points=[0.0] if x < 0 else None, epsabs=1e-16)[0]


def thermal(name: str, energy: RealArray, mu: float, kT: float) -> RealArray:
    """Kernels written from their definitions, at kT > 0 (eV); per kelvin where the paper divides by T."""
    x = (energy - mu) / kT
    f = fermi(x)
    kernels: dict[str, Callable[[], RealArray]] = {
        "fermi": lambda: f,
        "minus_fermi_derivative": lambda: f * (1 - f) / kT,
        "grand_potential": lambda: -kT * np.log1p(np.exp(-x)),
        "entropy": lambda: BOLTZMANN * (x * f + np.log1p(np.exp(-x))),
        "minus_entropy_derivative": lambda: BOLTZMANN * x * f * (1 - f) / kT,
        "heat": lambda: np.vectorize(_heat_above)(x),
    }
    return np.asarray(kernels[name]())


def cold(name: str, energy: RealArray, mu: float) -> RealArray:
    """Kernels at zero temperature that are functions."""
    below = energy < mu
    return np.where(below, {"fermi": 1.0, "heat": 1.0, "grand_potential": energy - mu}[name], 0.0)


def assemble(parts: tuple[Part, ...], values: Mapping[str, RealArray], kernel: Callable[[str], RealArray]) -> RealArray:
    """Σ factor Σ_kn weight κ X, with the legs arranged as the part says."""
    total: RealArray | None = None
    for part in parts:
        tensor = part.factor * np.einsum("kn,kn...->...", kernel(part.kernel.name), values[part.term])
        if part.subscripts is not None:
            tensor = np.einsum(part.subscripts, *((EPSILON, tensor) if "," in part.subscripts else (tensor,)))
        total = tensor if total is None else total + tensor
    assert total is not None
    return total


def tensors(model: Model, response: Response, states: BlochStates) -> dict[str, RealArray]:
    """The terms of ``response`` with their legs as separate axes, (nk, n, 3, …)."""
    legs = {name: len(term.legs) for name, term in response.terms(model).items()}
    found = values_of(response, states, model=model)
    return {name: value.reshape(*value.shape[:2], *(3,) * legs[name]) for name, value in found.items()}


@dataclass(frozen=True)
class DirectSums:
    """Band quantities of one response at all points, summed for any kernel."""

    model: Model
    response: Response
    states: BlochStates
    values: Mapping[str, RealArray]

    @staticmethod
    def of(model: Model, response: Response, states: BlochStates) -> DirectSums:
        return DirectSums(model, response, states, tensors(model, response, states))

    def at(self, name: str, mu: float, kT: float, only: Collection[str] = ()) -> dict[str, RealArray]:
        """Outputs of quantity ``name``, all or ``only`` some: mean over k, over the cell unless it is per cell."""
        wanted = self.response.quantities(self.model)[name]
        energies, weights = self.states.occupation_energies, self.states.weights[:, None]

        def kernel(kind: str) -> RealArray:
            return weights * (thermal(kind, energies, mu, kT) if kT > 0 else cold(kind, energies, mu))

        measure = 1.0 if wanted.per_cell else self.model.cell_measure
        chosen = {output: parts for output, parts in wanted.outputs.items() if not only or output in only}
        return {output: assemble(parts, self.values, kernel) / measure for output, parts in chosen.items()}


def sums(
    model: Model, response: Response, name: str, k: RealArray, mu: float, kT: float, tolerance: float = 1e-6
) -> dict[str, RealArray]:
    """Every output of a quantity at fractional ``k``."""
    return DirectSums.of(model, response, states_at(model, k, tolerance)).at(name, mu, kT)


def of_states(
    model: Model, response: Response, name: str, states: BlochStates, mu: float, kT: float
) -> dict[str, RealArray]:
    """The same for states at hand."""
    return DirectSums.of(model, response, states).at(name, mu, kT)

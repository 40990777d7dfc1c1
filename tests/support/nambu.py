"""Superconductors in the tests: totals by the driver in dimensionless numbers, and Chern numbers of the lower bands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.responses.magnetization import Magnetization
from solenoidal.responses.response import Response
from solenoidal.responses.superconductor import SpinQuantumHall, ThermalHall
from solenoidal.units import BOLTZMANN
from support.direct import mesh


@dataclass(frozen=True)
class Totals:
    """A run at μ = 0 and one temperature: every number in units of e t/ħ, π²k_B²/3h or ħ/8π, z component."""

    result: sol.Result
    kelvin: float

    def __call__(self, output: str) -> float:
        """``M``, ``M0``, ``kappa``, … or the name of an output of the magnetization."""
        quantity, name, index = {
            "M": ("magnetization", "magnetization", 2),
            "M_sym": ("symmetrised_magnetization", "symmetrised", 2),
            "M_inf": ("symmetrised_magnetization", "infinite_temperature", 2),
            "S": ("filled_curvature", "filled_curvature", 2),
            "kappa": ("thermal_hall", "thermal_hall", 1),
            "sigma_s": ("spin_quantum_hall", "spin_quantum_hall", 1),
        }.get(output, ("magnetization", output, 2))
        value = self.result.quantity(quantity, 0.0, self.kelvin)[name].values.reshape(-1)[index]
        # The Hall-like constant S is published per 2π.
        return float(value) / (2 * np.pi if output == "S" else 1.0)


def totals(model: TightBinding, divisions: int, kT: float) -> Totals:
    """Magnetization of charge (carriers counted positive), thermal and spin Hall numbers on a full unshifted mesh."""
    responses: list[Response] = [
        Magnetization("charge", 1.0),
        ThermalHall(),
    ]
    if "spin_z" in model.operators:
        responses.append(SpinQuantumHall())
    kelvin = kT / BOLTZMANN
    result = sol.solve(
        model,
        responses,
        sol.Numerics(
            mesh=(divisions, divisions, 1),
            energies=sol.FixedPoints((0.0,), (kelvin,)),
            symmetry=None,
            kramers=False,
            audit=False,
            degeneracy_tol=1e-7,
        ),
    )
    return Totals(result, kelvin)


def chern_number(model: TightBinding, divisions: int, bands: int | None = None) -> float:
    """Chern number of the lowest ``bands`` (half of all by default), from link variables on a mesh; an integer."""
    n = model.n_orbitals // 2 if bands is None else bands
    k = mesh(divisions, divisions)
    _, vectors = np.linalg.eigh(interpolator(model).at(k).hamiltonian)
    u = vectors[:, :, :n].reshape(divisions, divisions, -1, n)

    def link(axis: int) -> np.ndarray:
        return np.linalg.det(u.conj().swapaxes(-1, -2) @ np.roll(u, -1, axis=axis))

    x, y = link(0), link(1)
    flux = np.angle(x * np.roll(y, -1, axis=0) / (np.roll(x, -1, axis=1) * y))
    # Links are exp(−i∫A) for A = i⟨u|∂u⟩.
    return float(-flux.sum() / (2 * np.pi))


def replaced(
    model: TightBinding, hamiltonian: LatticeOperator, position: LatticeOperator | None = None
) -> TightBinding:
    """The same Nambu model with another Hamiltonian or position."""
    return replace(model, hamiltonian=hamiltonian, position=model.position if position is None else position)

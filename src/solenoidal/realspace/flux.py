"""Lattice models in a uniform magnetic field (Hofstadter): what ∂s/∂B and −∂Ω/∂B really are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import gcd

import numpy as np
import xarray as xr

from solenoidal.arrays import ComplexArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError, ModelError
from solenoidal.geometry.expressions import ONE, Band, re_diagonal, symbol
from solenoidal.geometry.formulas import expectation
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import solve
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, orbital_centres
from solenoidal.models.operator import Operator
from solenoidal.responses.response import Part, Quantity, Term
from solenoidal.sampling.points import FixedPoints
from solenoidal.units import operator_unit, unit

Cells = dict[tuple[int, int, int], ComplexArray]


def with_flux(model: TightBinding, p: int, q: int) -> TightBinding:
    """The model in a field of p/q flux quanta per cell along z, on a magnetic cell of q cells along the first vector.

    Carriers of charge e gain the phase e∫A·dl along the straight line between orbitals (Peierls), with eB·area =
    2π p/q and A = B u (a1 × a2)_z b2/2π, u the coordinate along a1 in cells. The result is an ordinary model: any
    response can be evaluated on it. Raises ``ModelError`` unless the model is two-dimensional in the xy plane, its
    position matrix is diagonal and its operators are local; ``ConfigError`` unless p and q ≥ 1 share no factor.
    """
    if q < 1 or gcd(p, q) != 1:
        raise ConfigError(f"flux is {p}/{q}; write integers without a common factor, the second positive")
    _check(model)
    area = model.lattice[0, 0] * model.lattice[1, 1] - model.lattice[0, 1] * model.lattice[1, 0]
    phi = p / q * np.sign(area)
    n = model.n_orbitals
    offset = orbital_centres(model) @ np.linalg.inv(model.lattice)
    u, v = offset[:, 0], offset[:, 1]
    cells: Cells = {}
    for R, matrix in zip(model.hamiltonian.R.tolist(), model.hamiltonian.matrices, strict=True):
        step = R[1] + v[None, :] - v[:, None]
        for m in range(q):
            far = m + R[0]
            middle = (m + u[:, None] + far + u[None, :]) / 2
            # The second term keeps the gauge periodic where orbitals sit off the lattice points.
            phase = -middle * step + far * v[None, :] - m * v[:, None]
            block = cells.setdefault((far // q, R[1], 0), np.zeros((q, n, q, n), dtype=np.complex128))
            block[m, :, far % q, :] += matrix * np.exp(2j * np.pi * phi * phase)
    ordered = sorted(cells)
    hamiltonian = LatticeOperator(np.array(ordered), np.array([cells[R].reshape(q * n, q * n) for R in ordered]))
    lattice = model.lattice.copy()
    lattice[0] *= q
    centres = (np.arange(q)[:, None, None] * model.lattice[0] + orbital_centres(model)).reshape(q * n, 3)
    position = LatticeOperator.constant(np.einsum("ai,ab->iab", centres, np.eye(q * n)))
    operators = {name: _repeated(operator, q) for name, operator in model.operators.items()}
    provenance = {**model.provenance, "flux_quanta_per_cell": f"{p}/{q}"}
    return replace(
        model,
        lattice=lattice,
        hamiltonian=hamiltonian,
        position=position,
        operators=operators,
        structure=None,
        provenance=provenance,
        # Of the small cell.
        first_principles_mesh=None,
    )


def _check(model: TightBinding) -> None:
    if model.dimension != 2 or np.any(np.abs(model.lattice[:2, 2]) > 1e-12):
        raise ModelError("a magnetic flux needs a two-dimensional model whose lattice vectors lie in the xy plane")
    diagonal = np.einsum("iaa->ia", model.position.matrices[~model.position.R.any(axis=1)].sum(axis=0))
    if np.abs(model.position.matrices).sum() - np.abs(diagonal).sum() > 1e-9:
        raise ModelError(
            "a magnetic flux by Peierls phases needs a diagonal position matrix; in this model it joins orbitals, and "
            "no phase of a hopping can follow their paths; use a model whose position matrix has a diagonal alone"
        )
    centres = orbital_centres(model)
    apart = np.abs(centres[:, None] - centres[None, :]).max(axis=2) > 1e-8
    for name, operator in model.operators.items():
        size = np.abs(operator.matrices).reshape(len(operator.R), -1, *operator.matrices.shape[-2:]).max(axis=1)
        if np.any(size[operator.R.any(axis=1)] > 1e-12) or np.any(size[:, apart] > 1e-12):
            raise ModelError(
                f"operator {name!r} joins orbitals at different places; a magnetic flux needs operators local to their "
                "sites, because others would need Peierls phases of their own"
            )


def _repeated(operator: Operator, q: int) -> Operator:
    n = operator.size
    flat = operator.home.reshape(-1, n, n)
    matrix = np.array([np.kron(np.eye(q), leg) for leg in flat]).reshape(*operator.leg_shape, q * n, q * n)
    return operator.with_matrices(np.zeros((1, 3), dtype=np.int64), matrix[None])


def _leg(operator: str, leg: int) -> Band:
    return expectation(symbol(operator, leg))


class _GrandPotential:
    """Response ∫ g and ∫ f s of one operator, with the legs flattened into separate scalars."""

    name = "grand_potential"

    def __init__(self, operator: str, legs: int) -> None:
        self.operator, self.legs = operator, legs
        self.operators = (operator,)

    def terms(self, model: Model) -> dict[str, Term]:
        found = {"states": Term((), 1, lambda: re_diagonal(ONE))}
        for a in range(self.legs):
            found[f"operator {a}"] = Term((), 1, partial(_leg, self.operator, a))
        return found

    def quantities(self, model: Model) -> dict[str, Quantity]:
        outputs = {f"operator {a}": (Part(f"operator {a}", "fermi"),) for a in range(self.legs)}
        return {"sums": Quantity({"omega": (Part("states", "grand_potential"),), **outputs}, (), "internal")}


def flux_response(
    model: TightBinding,
    operator: str = "spin",
    *,
    flux: int,
    mesh: tuple[int, int],
    mu: float,
    temperature: float,
    charge: float = -1.0,
) -> xr.Dataset:
    """∂s/∂B and the orbital magnetization −∂Ω/∂B of a model by exact diagonalisation at flux ±1/``flux`` per cell.

    ``density_slope``: ∂s/∂B in |e|/2π, to be compared with the Hall part σ_xy of the spin conductivity, Eq. (17): in an
    insulator the finite-q conductivity equals it, while −e∫Ω_n s_n leaves out the change of s_n itself.
    ``magnetization``: −∂Ω/∂B in A, the modern theory's orbital magnetization. Both are central differences, with an
    error of second order in 1/flux, at fixed μ (eV) and T (K): in an insulator keep μ inside the gap.

    ``mesh`` divides the zone of the magnetic cell (q cells along the first vector, so few points are needed along it).
    Raises as ``with_flux``, and ``ConfigError`` for flux below 2.
    """
    if flux < 2:
        raise ConfigError(f"flux is 1/{flux}; write the denominator, at least 2")
    chosen = model.require_operator(operator)
    legs = int(np.prod(chosen.leg_shape, dtype=int))
    fixed = FixedPoints((mu,), (temperature,))
    found = []
    for sign in (1, -1):
        field = with_flux(model, sign, flux)
        run = solve(
            field,
            [_GrandPotential(operator, legs)],
            Numerics(mesh=(*mesh, 1), energies=fixed, symmetry=None, kramers=False, audit=False),
        )
        data = run.quantity("sums", [mu], [temperature])
        found.append(np.array([data[name].values[0, 0] for name in data.data_vars]))
    # eB = ±2π/(flux · area), so ∂/∂B = e · area · flux/2π ∂/∂(±1).
    slope = charge * (found[0] - found[1]) / 2 * flux * model.cell_measure / (2 * np.pi)
    density = operator_unit("spin_conductivity", chosen.unit).of(2)
    conductance = unit("orbital_magnetization", 2)
    values = (slope[1:] * density.factor).reshape(chosen.leg_shape)
    return xr.Dataset(
        {
            "density_slope": (chosen.dims, values, {"units": density.label}),
            "magnetization": ((), -slope[0] * conductance.factor, {"units": conductance.label}),
        },
        coords={leg: ["x", "y", "z"] for leg in chosen.dims},
        attrs={"flux_quanta_per_cell": f"1/{flux}", "mu_eV": mu, "temperature_K": temperature},
    )

"""What the exact gradient expansion predicts for the profiles of a ribbon, to first order in the gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.interpolation import LatticeInterpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ConfigError
from solenoidal.evaluate.reference import matrix_elements
from solenoidal.geometry.expressions import Matrix, OperatorSymbols, operator_symbols
from solenoidal.geometry.formulas import conventional_current, torque
from solenoidal.geometry.gradient import gradient_response
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.realspace.profiles import UNITS
from solenoidal.realspace.ribbon import Coupling, Ribbon
from solenoidal.realspace.tables import ChebyshevTable, chebyshev_nodes
from solenoidal.responses.kernels import FERMI
from solenoidal.units import BOLTZMANN

WORKSPACE = 2_000_000
"""Divided differences kept at a time: their number grows as the cube of the bands."""
NAMES = ("density", "conventional_current", "source")
STEP = 1e-3
"""Step, in cells, of the fourth-order difference that gives the slope of a profile defined by a function."""


def gradient_profiles(
    ribbon: Ribbon,
    operator: str = "spin",
    *,
    mesh: tuple[int, int, int],
    temperature: float,
    mu: float = 0.0,
    shift: float = 0.5,
    nodes: int = 24,
) -> xr.Dataset:
    """Density, conventional current and source of ``operator`` along a ribbon from bulk quantities alone.

    θ(x) = ∫ tr[θ f(H₀ + λW)] + C^{lθ}(λ) ∂_lλ with the divided differences of ``geometry.gradient``, evaluated at the
    local λ(x): exact to first order in the gradient for any coupling and any degeneracy. Compare it with
    ``ribbon_profiles`` (``smooth=True`` on a torus). For a coupling to the identity it is Eq. (4), and the first term
    of Eq. (6) in the source.

    ``mesh`` of the bulk zone with ``shift`` in steps; ``nodes`` Chebyshev points in λ. Returns dims (cell[, current],
    spin), variables as ``ribbon_profiles`` and each with ``_uniform``, its part without gradients; the attribute
    ``table_truncation`` tells whether ``nodes`` suffice. Raises ``ConfigError`` unless the ribbon has one
    coupling, given as a function.
    """
    if len(ribbon.couplings) != 1 or not callable(ribbon.couplings[0].profile):
        raise ConfigError("the gradient expansion needs a ribbon with one coupling whose profile is a function of x")
    coupling = ribbon.couplings[0]
    x = np.arange(ribbon.cells, dtype=np.float64)
    values = coupling.values(x)
    slope = _slope(coupling.values, x)
    first = chebyshev_nodes(float(values.min()), float(values.max()), nodes)
    measure = ribbon.model.cell_measure
    columns: dict[str, list[RealArray]] = {}
    for level in first:
        for name, value in _bulk(ribbon.model, coupling, float(level), operator, mesh, temperature, mu, shift).items():
            columns.setdefault(name, []).append(value[None] / measure)
    table = ChebyshevTable(first, np.zeros(1), {name: np.array(rows) for name, rows in columns.items()})
    found = table.at(values, np.zeros_like(values))
    data: dict[str, Any] = {}
    chosen = ribbon.model.require_operator(operator)
    legs = chosen.dims
    for name in NAMES:
        moved = slope[:, None] * np.einsum("l,xlp->xp", ribbon.normal, found[f"{name} response"])
        uniform = found[name].reshape(len(x), -1)
        flow = ("current",) if name == "conventional_current" else ()
        dims = ("cell", *flow, *legs)
        shape = (len(x), *(3,) * (len(dims) - 1))
        data[name] = (dims, (uniform + moved).reshape(shape), {"units": UNITS})
        data[f"{name}_uniform"] = (dims, uniform.reshape(shape), {"units": UNITS})
    coords: dict[str, Any] = {"x": ("cell", x * ribbon.spacing, {"units": "Å"}), "current": ["x", "y", "z"]}
    coords.update({leg: ["x", "y", "z"] for leg in legs})
    return xr.Dataset(data, coords=coords, attrs={"table_truncation": table.truncation(), "operator_unit": chosen.unit})


def gradient_coefficient(
    model: TightBinding,
    coupling: Coupling,
    operator: str = "spin",
    *,
    level: float = 0.0,
    mesh: tuple[int, int, int],
    temperature: float,
    mu: float = 0.0,
    shift: float = 0.5,
) -> RealArray:
    """C(J_i; ∂_l λ) of the conventional current at λ = ``level``, axes (l, i, *legs), per Å^dimension.

    Times the factor of the coupling: with ``mu_profile`` it multiplies ∂_l μ. Integrated over λ it is the current that
    flows along an edge where λ changes slowly. Temperatures may be zero in a gap.
    """
    found = _bulk(model, coupling, coupling.factor * level, operator, mesh, temperature, mu, shift)
    C = coupling.factor * found["conventional_current response"] / model.cell_measure
    return np.asarray(C.reshape(3, 3, *(3,) * model.require_operator(operator).rank))


def _slope(values: Callable[[RealArray], RealArray], x: RealArray) -> RealArray:
    near, far = values(x + STEP) - values(x - STEP), values(x + 2 * STEP) - values(x - 2 * STEP)
    return np.asarray((8 * near - far) / (12 * STEP))


def _bulk(
    model: TightBinding,
    coupling: Coupling,
    level: float,
    operator: str,
    mesh: tuple[int, int, int],
    temperature: float,
    mu: float,
    shift: float,
) -> dict[str, RealArray]:
    """Mean over the zone of the uniform densities and of C for H₀ + ``level`` W."""
    W = coupling.matrix(model)
    shifted = replace(model, hamiltonian=_with_local(model.hamiltonian, level * W), all_states=None)
    source = LatticeInterpolator.build(shifted)
    used = [shift if n > 1 else 0.0 for n in mesh]
    k = np.array(list(itertools.product(*((np.arange(n) + s) / n for n, s in zip(mesh, used, strict=True)))))
    theta = _densities(operator_symbols(model.require_operator(operator)))
    totals: dict[str, RealArray] = {}
    chunk = max(1, WORKSPACE // model.n_orbitals**3)
    for start in range(0, len(k), chunk):
        part = k[start : start + chunk]
        states = BlochStates.solve(source, part, np.full(len(part), 1 / len(k)), Degeneracy(1e-9))
        dagger = states.vectors.conj().transpose(0, 2, 1)
        rotated = dagger @ W @ states.vectors
        f = FERMI(states.energies, mu, temperature)
        for name, expressions in theta.items():
            matrices = np.stack([matrix_elements(x, states) for x in expressions], axis=2)
            uniform = np.einsum("kn,knpn->p", f, matrices).real / len(k)
            C = gradient_response(states, rotated, matrices, mu=mu, kT=BOLTZMANN * temperature).sum(axis=0) / len(k)
            totals[name] = totals.get(name, 0.0) + uniform
            totals[f"{name} response"] = totals.get(f"{name} response", 0.0) + C
    return totals


def _densities(operator: OperatorSymbols) -> dict[str, list[Matrix]]:
    """The matrices whose local densities are wanted, operator legs fastest."""
    legs, _ = operator.law
    s = [operator[q] for q in itertools.product(range(3), repeat=len(legs))]
    return {
        "density": s,
        "conventional_current": [conventional_current(i, x) for i in range(3) for x in s],
        "source": [torque(x) for x in s],
    }


def _with_local(operator: LatticeOperator, matrix: ComplexArray) -> LatticeOperator:
    """X plus a matrix in the home cell."""
    home = ~operator.R.any(axis=1)
    if home.any():
        matrices = operator.matrices.copy()
        matrices[home] += matrix
        return LatticeOperator(operator.R, matrices)
    R = np.concatenate([operator.R, np.zeros((1, 3), dtype=np.int64)])
    return LatticeOperator(R, np.concatenate([operator.matrices, matrix[None]]))

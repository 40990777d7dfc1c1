"""``solenoidal check``: what a model is, which symmetry it has, and how well the theory's identities hold on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.bloch.symmetry import find_symmetry
from solenoidal.cli.build import read_model
from solenoidal.cli.console import out
from solenoidal.geometry.connection import interband_connection
from solenoidal.geometry.curvature import berry_curvature, mixed_metric
from solenoidal.geometry.multipoles import dipole, torque, torque_dipole
from solenoidal.geometry.products import diagonal, real_pair_sum
from solenoidal.models.hamiltonian import TightBinding

RealArray = NDArray[np.float64]

IDENTITY_LIMIT = 1e-7
DIFFERENCE_LIMIT = 1e-4
STEP = 1e-4
"""Distance of the finite differences in k, 1/Å."""


def check_model(path: Path, samples: int, seed: int) -> bool:
    """Print tables of what was found; True when every check passed."""
    model = read_model(path)
    search = find_symmetry(model)
    out.print(_facts(model))
    out.print(search.report, markup=False)
    rows = list(_checks(model, search.kramers_pairs, samples, seed))
    table = Table(title="checks", title_justify="left")
    table.add_column("quantity")
    table.add_column("found", justify="right")
    table.add_column("allowed", justify="right")
    table.add_column("")
    for name, found, allowed in rows:
        verdict = "[green]passed[/]" if found <= allowed else "[bold red]FAILED[/]"
        table.add_row(name, f"{found:.2e}", f"{allowed:.0e}", verdict)
    out.print(table)
    return all(found <= allowed for _, found, allowed in rows)


def _facts(model: Model) -> Table:
    table = Table(title="model", title_justify="left", show_header=False)
    table.add_column()
    table.add_column()
    table.add_row("bands", str(model.n_orbitals))
    table.add_row("periodic directions", str(model.dimension))
    table.add_row("operators", ", ".join(model.operators) or "none")
    if isinstance(model, TightBinding):
        table.add_row("lattice vectors R", str(len(model.hamiltonian.R)))
    for key, value in model.provenance.items():
        if isinstance(value, dict):
            for name, entry in value.items():
                table.add_row(f"{key}: {name}", str(entry))
        else:
            table.add_row(str(key).replace("_", " "), str(value))
    return table


def _checks(model: Model, pairs: bool, samples: int, seed: int) -> Iterator[tuple[str, float, float]]:
    """Name, value found and value allowed of every check."""
    if isinstance(model, TightBinding):
        named = {"H(R)": model.hamiltonian, "r(R)": model.position}
        named |= {f"{name}(R)": operator for name, operator in model.operators.items()}
        for name, operator in named.items():
            yield f"Hermiticity of {name}, max |X(R) − X(−R)†|", operator.hermiticity_error(), IDENTITY_LIMIT
    k = np.zeros((samples, 3))
    k[:, : model.dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, model.dimension))
    source = interpolator(model)
    states = BlochStates.solve(source, k, np.full(samples, 1 / samples), Degeneracy(kramers=pairs))
    yield "sum of Ω over all bands / max |Ω|", *_cancelling(berry_curvature(states))
    yield "v from ∂E/∂k, relative", _velocity_error(model, source, states), DIFFERENCE_LIMIT
    for name in model.operators:
        yield from _operator_identities(states, name)


def _cancelling(values: RealArray) -> tuple[float, float]:
    scale = max(float(np.abs(values).max()), 1e-12)
    return float(np.abs(values.sum(axis=1)).max()) / scale, IDENTITY_LIMIT


def _velocity_error(model: Model, source: Interpolator, states: BlochStates) -> float:
    """Group velocities against central differences of the energies of whole groups."""
    velocity = diagonal(states.velocity)
    scale = max(float(np.abs(velocity).max()), 1e-12)
    share = states.same_group / states.same_group.sum(axis=2, keepdims=True)
    worst = 0.0
    for axis in range(3):
        shift = STEP * np.eye(3)[axis] @ np.asarray(model.lattice).T / (2 * np.pi)
        if np.any(np.abs(shift[model.dimension :]) > 1e-12):
            continue
        plus, minus = (
            BlochStates.solve(source, states.k + sign * shift, states.weights, Degeneracy()).energies
            for sign in (1, -1)
        )
        slope = np.einsum("knm,km->kn", share, (plus - minus) / (2 * STEP))
        mean = np.einsum("knm,km->kn", share, velocity[..., axis])
        worst = max(worst, float(np.abs(slope - mean).max()) / scale)
    return worst


def _operator_identities(states: BlochStates, name: str) -> Iterator[tuple[str, float, float]]:
    """G^{iτ} = d^{is} and d^{iτ} = v s − J^{is} of Eq. (10), each against the definitions (2), (3) with θ = τ."""
    source = torque(states, name)
    metric = mixed_metric(states, source)
    yield (
        f"Eq. (10): metric of the {name} torque = dipole",
        _relative(_traces(states, metric), _traces(states, dipole(states, name))),
        IDENTITY_LIMIT,
    )
    moment = real_pair_sum(interband_connection(states), source)
    closed = torque_dipole(states, name).reshape(moment.shape)
    yield (
        f"Eq. (10): dipole of the {name} torque = v s − J",
        _relative(_traces(states, moment), _traces(states, closed)),
        IDENTITY_LIMIT,
    )


def _traces(states: BlochStates, values: RealArray) -> RealArray:
    """Sums over degenerate groups, given to each member."""
    return np.asarray(np.einsum("knm,km...->kn...", states.same_group.astype(np.float64), values))


def _relative(left: RealArray, right: RealArray) -> float:
    scale = max(float(np.abs(right).max()), 1e-12)
    return float(np.abs(left - right).max()) / scale

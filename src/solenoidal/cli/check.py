"""``solenoidal check``: what a model is, which symmetry it has, and how well the theory's identities hold on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.table import Table

from solenoidal.accuracy import Law, check_laws
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.cli.console import out
from solenoidal.evaluate import Engine, band_values, default_engine, matrix_elements
from solenoidal.geometry import formulas
from solenoidal.geometry.expressions import Matrix, operator_symbols, re_diagonal
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import LatticeOperator, Operator
from solenoidal.models.products import products_report
from solenoidal.realspace import Ribbon, ribbon_profiles, zeeman_profile
from solenoidal.symmetry.search import find_symmetry
from solenoidal.workflow.build import read_model

IDENTITY_LIMIT = 1e-7
DIFFERENCE_LIMIT = 1e-4
VANISHING = 1e-6
"""Scale below which a quantity (eV, Å, ħ) counts as zero, so that rounding is not compared with rounding."""

EXACT_DEGENERACY = 1e-10
"""Bands closer than this (eV) are mixed when the invariance under a change of basis is tested."""

REFEREE_ORBITALS = 12
"""Largest number of orbitals for which a strip is diagonalised as a referee."""

STEP = 1e-4
"""Distance of the finite differences in k, 1/Å."""


def check_model(path: Path, samples: int, seed: int) -> bool:
    """Print tables of what was found; True when every check passed."""
    model = read_model(path)
    search = find_symmetry(model, operators=[name for name in ("spin",) if name in model.operators])
    out.print(_facts(model))
    out.print(search.report, markup=False)
    laws = list(_checks(model, search.kramers_pairs, samples, seed))
    for name in model.operators:
        group = search.group if name in search.operators else None
        found = check_laws(model, name, samples=samples, seed=seed, kramers=search.kramers_pairs, group=group)
        laws += [replace(law, name=f"{law.name}  ({name})") for law in found]
    out.print(_verdicts(laws))
    for law in laws:
        if law.note:
            out.print(f"{law.name}: {law.note}", markup=False, highlight=False)
    if isinstance(model, TightBinding) and model.all_states is not None:
        for line in products_report(model).lines():
            out.print(line, markup=False, highlight=False)
    return all(law.verdict != "FAILED" for law in laws)


def _verdicts(laws: Sequence[Law]) -> Table:
    """One line for each law; a column without F and K where the space of the model is curved."""
    curved = any(law.without is not None for law in laws)
    table = Table(title="checks", title_justify="left")
    table.add_column("quantity", overflow="fold")
    for heading in (*(("without F, K", "with") if curved else ("found",)), "allowed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", overflow="fold")
    table.add_column("", no_wrap=True)
    colours = {"passed": "green", "FAILED": "bold red"}
    for law in laws:
        numbers = [law.with_terms, law.allowed]
        shown = [f"{numbers[0]:.2e}", f"{numbers[1]:.0e}"]
        if curved:
            shown.insert(0, "" if law.without is None else f"{law.without:.2e}")
        colour = colours.get(law.verdict, "yellow")
        table.add_row(escape(law.name), *shown, escape(law.unit), f"[{colour}]{law.verdict}[/]")
    return table


def _facts(model: Model) -> Table:
    table = Table(title="model", title_justify="left", show_header=False)
    table.add_column()
    table.add_column()
    table.add_row("bands", str(model.n_orbitals))
    table.add_row("periodic directions", str(model.dimension))
    table.add_row("operators", ", ".join(model.operators) or "none")
    if isinstance(model, TightBinding):
        table.add_row("lattice vectors R", str(len(model.hamiltonian.R)))
    for key, value in model.facts.items():
        if isinstance(value, dict):
            for name, entry in value.items():
                table.add_row(f"{key}: {name}", str(entry))
        else:
            table.add_row(str(key).replace("_", " "), str(value))
    return table


def _checks(model: Model, pairs: bool, samples: int, seed: int) -> Iterator[Law]:
    """What must hold for any matrices: Hermiticity, algebra of the bands, and programs against one another."""
    if isinstance(model, TightBinding):
        named: list[tuple[str, LatticeOperator | Operator, str]] = [
            ("H(R)", model.hamiltonian, "eV"),
            ("r(R)", model.position, "Å"),
            *((f"{name}(R)", operator, operator.unit) for name, operator in model.operators.items()),
        ]
        for name, matrices, unit in named:
            label = f"Hermiticity of {name}, max |X(R) − X(−R)†|"
            yield Law(label, None, matrices.hermiticity_error(), IDENTITY_LIMIT, unit)
    k = np.zeros((samples, 3))
    k[:, : model.dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, model.dimension))
    source = interpolator(model)
    states = BlochStates.solve(source, k, np.full(samples, 1 / samples), Degeneracy(kramers=pairs))
    yield _relative_law(
        "sum of i[A, A] over all bands",
        _cancelling(band_values([formulas.berry_curvature(j) for j in range(3)], states)),
    )
    yield _relative_law("v from ∂E/∂k", _velocity_error(model, source, states), DIFFERENCE_LIMIT)
    for name, operator in model.operators.items():
        symbols = operator_symbols(operator)
        s = [symbols[q] for q in itertools.product(range(3), repeat=operator.rank)]
        yield from _operator_identities(states, name, s)
        yield from _covariance(states, name, s, seed)
    if isinstance(model, TightBinding) and _fits_a_strip(model):
        for name, operator in model.operators.items():
            if operator.local:
                yield _bond_identity(model, name)


def _fits_a_strip(model: TightBinding) -> bool:
    """Whether a strip is small enough, and its orbitals have places, so that a profile can be laid over them."""
    small = model.n_orbitals <= REFEREE_ORBITALS and model.dimension <= 2
    return small and not Space.of(model).curved()


def _relative_law(name: str, found: float, allowed: float = IDENTITY_LIMIT) -> Law:
    return Law(name, None, found, allowed, "relative")


def _cancelling(values: RealArray) -> float:
    scale = max(float(np.abs(values).max()), VANISHING)
    return float(np.abs(values.sum(axis=1)).max()) / scale


def _velocity_error(model: Model, source: Interpolator, states: BlochStates) -> float:
    """Group velocities against central differences of the energies of whole groups."""
    velocity = band_values([re_diagonal(v) for v in formulas.v], states)
    scale = max(float(np.abs(velocity).max()), VANISHING)
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


def _operator_identities(states: BlochStates, name: str, s: Sequence[Matrix]) -> Iterator[Law]:
    """G^{iτ} = d^{is} and d^{iτ} = v s − J^{is} of Eq. (10), each against the definitions (2), (3) with θ = τ."""
    pairs = [(i, x) for i in range(3) for x in s]
    torques = [matrix_elements(formulas.torque(x), states) for x in s]
    velocities = [matrix_elements(v, states) for v in formulas.v]
    # The elements one by one: what is compared with them comes from the formulas.
    inverse = states.inverse_gap
    metric = [np.einsum("knm,kmn->kn", v * inverse**2, t).real for v in velocities for t in torques]
    moment = [np.einsum("knm,kmn->kn", -1j * v * inverse, t).real for v in velocities for t in torques]
    for label, definition, formula in (
        (f"metric of the {name} torque = dipole", metric, formulas.dipole),
        (f"dipole of the {name} torque = v s − J", moment, formulas.torque_dipole),
    ):
        closed = _traces(states, band_values([formula(i, x) for i, x in pairs], states))
        yield _relative_law(f"Eq. (10): {label}", _relative(_traces(states, np.stack(definition, axis=2)), closed))


def _covariance(states: BlochStates, name: str, s: Sequence[Matrix], seed: int) -> Iterator[Law]:
    """Every transport quantity under a random rotation inside the degenerate groups, and by the other engine."""
    vectors = (formulas.berry_spin, formulas.interband_spin)
    tensors = (formulas.velocity_dipole, formulas.conventional, formulas.finite_q)
    referee: Engine = "reference"
    for label, others, engine in (
        ("random phases and rotations in groups", _rotated(states, seed), default_engine()),
        (f"engines {default_engine()} and {referee}", states, referee),
    ):
        worst = 0.0
        for asked in (
            *([f(j, x) for j in range(3) for x in s] for f in vectors),
            *([f(l, i, x) for l in range(3) for i in range(3) for x in s] for f in tensors),
        ):
            found = _traces(states, band_values(asked, states))
            worst = max(worst, _relative(_traces(states, band_values(asked, others, engine)), found))
        yield _relative_law(f"transport quantities of {name}: {label}", worst)


def _rotated(states: BlochStates, seed: int) -> BlochStates:
    """The same states with random phases, and random unitary mixing inside exactly degenerate groups."""
    random = np.random.default_rng(seed)
    nk, n = states.energies.shape
    mixing = random.normal(size=(nk, n, n)) + 1j * random.normal(size=(nk, n, n))
    close = np.abs(states.energies[:, :, None] - states.energies[:, None, :]) < EXACT_DEGENERACY
    unitary = np.linalg.qr(np.where(close, mixing, 0))[0]
    return BlochStates(
        states.k, states.weights, states.energies, states.vectors @ unitary, states.orbital, states.degeneracy
    )


def _bond_identity(model: TightBinding, name: str) -> Law:
    """Exact strip: what crosses one bond less what crosses the last equals the source between them."""
    strip = Ribbon(model, cells=12, couplings=(zeeman_profile(lambda x: 0.1 * np.cos(0.3 * x)),))
    profiles = ribbon_profiles(strip, name, mesh=(8,) * (model.dimension - 1), temperature=1000.0)
    bond = np.asarray(profiles["bond_current"].values)
    source = np.asarray(profiles["source"].values)
    spacing = float(np.diff(profiles["x"].values).mean())
    difference = np.diff(np.concatenate([np.zeros_like(bond[:1]), bond]), axis=0)
    scale = max(float(np.abs(bond).max()) / spacing, VANISHING)
    worst = float(np.abs(difference / spacing - source).max()) / scale
    return _relative_law(f"strip of 12 cells: bond currents of {name} against its source", worst)


def _traces(states: BlochStates, values: RealArray) -> RealArray:
    """Sums over degenerate groups, given to each member."""
    return np.asarray(np.einsum("knm,km...->kn...", states.same_group.astype(np.float64), values))


def _relative(left: RealArray, right: RealArray) -> float:
    scale = max(float(np.abs(right).max()), VANISHING)
    return float(np.abs(left - right).max()) / scale

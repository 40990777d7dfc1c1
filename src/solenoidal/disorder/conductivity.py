"""From shells and scatterers to labelled conductivities at any chemical potential and temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.disorder.averaging import averaged
from solenoidal.disorder.boltzmann import HBAR_FS, Method, RelaxationTime, Solver
from solenoidal.disorder.dataset import RESISTIVITY, add_mesh_difference, build_dataset
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.quality import warn_about, warn_about_pockets
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.solved_shells import ShellProblem, SolvedShells, checkpoint_of, solve_shells
from solenoidal.disorder.symmetry import TOLERANCE, symmetry_for_average
from solenoidal.disorder.thermal import ThermalResponse, thermal_energies, thermal_response
from solenoidal.errors import ConfigError
from solenoidal.integrate.checkpoint import claimed
from solenoidal.integrate.solve import Progress
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.symmetry.search import SymmetryGroup


def extrinsic_conductivity(
    shells: EnergyShells,
    scatterers: Sequence[Scatterer],
    *,
    mu: ArrayLike,
    temperature: ArrayLike = 0.0,
    method: Method = "born",
    response: ExtrinsicSpinConductivity | None = None,
    mean_field: bool = False,
    solver: Solver = "auto",
    symmetry: Literal["auto"] | SymmetryGroup | None = None,
    tolerance: float = TOLERANCE,
    compare: EnergyShells | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> xr.Dataset:
    """Disorder-driven spin and charge conductivities, Eq. (19), with their thermal partners and diagnostics.

    Scattering is elastic, so σ(μ, T) = ∫dε (−f') σ(ε) and α(μ, T) = (1/e) ∫dε (−f')(ε − μ)/T σ(ε) exactly.

    Main arguments: ``shells`` of the model; ``scatterers`` (empty for a ``RelaxationTime``); chemical potentials ``mu``
    (eV) and ``temperature`` (K), each a number or a sequence; ``method``, ``mean_field`` and ``solver`` as in
    ``solve_boltzmann``.

    ``symmetry`` "auto" averages every tensor over the operations that host and impurities share, those that change
    rates by less than ``tolerance`` (loosen it for Wannier models), or over a group given. ``compare``: shells of the
    same model on a coarser mesh. With either, ``conserved_error``, ``conventional_error`` and
    ``charge_conductivity_error`` (mu, temperature) hold the quadrature error: the largest element that the average
    removed, or by which the two meshes differ. The first alone is a lower bound.

    ``checkpoint`` names a file that keeps finished shells, written every 15 seconds; with ``resume`` the work goes on
    from it and ends with the same numbers. ``progress`` is called after each shell.

    Variables with dims (mu, temperature, current, field, spin): ``conserved``, ``conventional``, ``torque_dipole``, and
    each with ``_nernst`` (α of J = σE − α∇T); ``spin_hall_angle`` and ``spin_hall_angle_conventional``, θ^{il} = (2e/ħ)
    Σ_m σ^{im} ρ^{ml}, which depend neither on the sign of e nor on the overall strength of the disorder. With dims (mu,
    temperature, current, field): ``charge_conductivity``, ``charge_nernst``, ``resistivity``. With dims (mu,
    temperature): the fields of ``ShellDiagnostics``, the worst over the shells that matter, and ``fermi_surface``,
    false where no band lies within thermal reach and every conductivity is exactly zero.

    Warns by the names in ``solenoidal.disorder.problems``; raises ``UnscatteredStatesError``, ``NoSteadyStateError``,
    ``ConfigError`` for values that are not finite, a negative temperature, missing scatterers, or a checkpoint that
    exists or is in use, and ``InputFileError`` for one that is damaged or belongs to another input. Only the order 1/n
    of the density n of impurities is included: no side jump, no skew scattering, no intrinsic part.
    """
    chosen = ExtrinsicSpinConductivity() if response is None else response
    _check_operator(shells, chosen)
    mus, temperatures = _axis("mu", mu), _temperatures(temperature)
    if not scatterers and not isinstance(method, RelaxationTime):
        raise ConfigError(f"method {method!r} needs scatterers; give at least one, or use RelaxationTime(tau=...)")
    law = chosen.law(shells.model)
    kernel = CollisionKernel.build(shells.model, scatterers) if scatterers else None
    problem = ShellProblem(scatterers, kernel, chosen, method, mean_field, solver, 3 ** (len(law[0]) - 2))
    shared = symmetry_for_average(shells.model, scatterers, symmetry, chosen.operators, tolerance)
    group = shared.group
    meshes = [shells] if compare is None else [shells, compare]
    points = [(m, t) for m in mus.tolist() for t in temperatures.tolist()]
    energies = list(dict.fromkeys(energy for m, t in points for energy in thermal_energies(m, t).tolist()))
    path = None if checkpoint is None else Path(checkpoint)
    with claimed(path):
        store = None if path is None else checkpoint_of(path, meshes, problem, mus, temperatures, group)
        solved = solve_shells(meshes, energies, problem, store, resume=resume, progress=progress)

    def entries(mesh: int) -> list[list[ThermalResponse]]:
        at = solved.at(mesh)
        found = [averaged(thermal_response(at, m, t, problem.legs), law, group) for m, t in points]
        return [found[i : i + len(temperatures)] for i in range(0, len(found), len(temperatures))]

    fine = entries(0)
    data = build_dataset(fine, mus, temperatures, chosen, shells.model)
    data.attrs.update(_facts(shells, problem, group, solved))
    if compare is not None:
        coarse = build_dataset(entries(1), mus, temperatures, chosen, shells.model)
        data = add_mesh_difference(data, coarse).assign_attrs(compared_mesh=" ".join(map(str, compare.divisions)))
    found = [entry.diagnostics for row in fine for entry in row if entry.diagnostics is not None]
    warn_about_pockets(solved.hidden_pockets(0))
    warn_about(found, rates_known=kernel is not None and not isinstance(method, RelaxationTime))
    return data


def _facts(shells: EnergyShells, problem: ShellProblem, group: SymmetryGroup, solved: SolvedShells) -> dict[str, Any]:
    """What was computed and how, in the types NetCDF attributes can hold."""
    method = problem.method
    return {
        "method": method if isinstance(method, str) else f"relaxation time {method.tau:g} fs",
        "scatterers": "; ".join(_describe(s) for s in problem.scatterers),
        "mesh": " ".join(map(str, shells.divisions)),
        "rule": shells.rule,
        "order": shells.order,
        "carrier_charge": problem.response.charge,
        "mean_field": str(problem.mean_field),
        "symmetry_operations": group.size,
        "hidden_pockets": sum(solved.hidden_pockets(0).values()),
        "shells_solved": solved.count(0),
    }


def tau_from_resistivity(
    shells: EnergyShells, resistivity: float, *, mu: float, temperature: float = 0.0, axis: str = "x"
) -> RelaxationTime:
    """The constant lifetime for which ρ^{axis axis} equals ``resistivity`` (μΩ cm in three dimensions, Ω in two).

    A measured resistivity fixes τ; it does not fix the kind of disorder, and the spin Hall angle is independent of τ.
    Raises ``ConfigError`` for a value that is not positive, an axis other than x, y, z or no Fermi surface.
    """
    if not (resistivity > 0 and np.isfinite(resistivity)):
        raise ConfigError(f"resistivity is {resistivity!r}; write a positive number of {_resistivity_unit(shells)}")
    if axis not in ("x", "y", "z")[: shells.model.dimension]:
        raise ConfigError(f"axis is {axis!r}; write one of the periodic directions")
    data = extrinsic_conductivity(shells, (), mu=mu, temperature=temperature, method=RelaxationTime(HBAR_FS))
    found = float(data["resistivity"].sel(current=axis, field=axis).squeeze())
    if not np.isfinite(found):
        raise ConfigError(f"there is no Fermi surface at mu = {mu:g} eV, so no lifetime gives a finite resistivity")
    return RelaxationTime(HBAR_FS * found / resistivity)


def _resistivity_unit(shells: EnergyShells) -> str:
    return RESISTIVITY[shells.model.dimension].label


def _temperatures(temperature: ArrayLike) -> RealArray:
    temperatures = _axis("temperature", temperature)
    if np.any(temperatures < 0):
        raise ConfigError(f"temperature is {temperatures.min():g} K; write 0 or more")
    return temperatures


def _check_operator(shells: EnergyShells, response: ExtrinsicSpinConductivity) -> None:
    if response.operator not in shells.operators:
        raise ConfigError(
            f"the shells were built for operators {', '.join(shells.operators)}; give operators=[{response.operator!r}]"
        )


def _axis(name: str, values: ArrayLike) -> RealArray:
    axis = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all():
        raise ConfigError(f"{name} is {values!r}; expected a finite number or a sequence of finite numbers")
    return axis


def _describe(s: Scatterer) -> str:
    amount = f"{s.concentration:g} per cell" if s.concentration is not None else f"{s.density:g} per Å^d"
    return f"{s.name} ({amount})"

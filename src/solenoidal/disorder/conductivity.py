"""From shells and scatterers to labelled conductivities at any chemical potential and temperature."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.disorder.averaging import averaged, group_of
from solenoidal.disorder.boltzmann import HBAR_FS, Method, RelaxationTime, Solver, solve_boltzmann
from solenoidal.disorder.dataset import RESISTIVITY, add_mesh_difference, build_dataset
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import ExtrinsicWarning
from solenoidal.disorder.quality import warn_about, warn_about_pockets
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.shells.shells import EnergyShells, NoFermiSurfaceError
from solenoidal.disorder.symmetry import TOLERANCE
from solenoidal.disorder.thermal import ShellResponse, thermal_response
from solenoidal.errors import ConfigError
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

    Variables with dims (mu, temperature, current, field, spin): ``conserved``, ``conventional``, ``torque_dipole``, and
    each with ``_nernst`` (α of J = σE − α∇T); ``spin_hall_angle`` and ``spin_hall_angle_conventional``, θ^{il} = (2e/ħ)
    Σ_m σ^{im} ρ^{ml}, which depend neither on the sign of e nor on the overall strength of the disorder. With dims (mu,
    temperature, current, field): ``charge_conductivity``, ``charge_nernst``, ``resistivity``. With dims (mu,
    temperature): the fields of ``ShellDiagnostics``, the worst over the shells that matter, and ``fermi_surface``,
    false where no band lies within thermal reach and every conductivity is exactly zero.

    Warns by the names in ``solenoidal.disorder.problems``; raises ``UnscatteredStatesError``, ``NoSteadyStateError``,
    and ``ConfigError`` for values that are not finite, a negative temperature or missing scatterers. Only the order 1/n
    of the density n of impurities is included: no side jump, no skew scattering, no intrinsic part.
    """
    chosen = ExtrinsicSpinConductivity() if response is None else response
    _check_operator(shells, chosen)
    mus, temperatures = _axis("mu", mu), _temperatures(temperature)
    if not scatterers and not isinstance(method, RelaxationTime):
        raise ConfigError(f"method {method!r} needs scatterers; give at least one, or use RelaxationTime(tau=...)")
    kernel = CollisionKernel.build(shells.model, scatterers) if scatterers else None
    solved: dict[float, ShellResponse | None] = {}
    hidden: dict[float, int] = {}

    def at(energy: float) -> ShellResponse | None:
        if energy not in solved:
            solved[energy] = None
            try:
                shell = shells.at(energy)
            except NoFermiSurfaceError as empty:
                hidden[energy] = empty.hidden_pockets
                return None
            hidden[energy] = shell.hidden_pockets
            solution = solve_boltzmann(shell, kernel, method=method, mean_field=mean_field, solver=solver)
            solved[energy] = ShellResponse.of(solution, chosen)
        return solved[energy]

    law = chosen.law(shells.model)
    legs = 3 ** (len(law[0]) - 2)
    group = group_of(shells.model, scatterers, symmetry, chosen.operators, tolerance)
    entries = [
        [averaged(thermal_response(at, m, t, legs), law, group) for t in temperatures.tolist()] for m in mus.tolist()
    ]
    data = build_dataset(entries, mus, temperatures, chosen, shells.model)
    data.attrs.update(
        method=method if isinstance(method, str) else f"relaxation time {method.tau:g} fs",
        scatterers="; ".join(_describe(s) for s in scatterers),
        mesh=" ".join(map(str, shells.divisions)),
        rule=shells.rule,
        order=shells.order,
        carrier_charge=chosen.charge,
        mean_field=str(mean_field),
        symmetry_operations=group.size,
        hidden_pockets=sum(hidden.values()),
        shells_solved=sum(s is not None for s in solved.values()),
    )
    found = [entry.diagnostics for row in entries for entry in row if entry.diagnostics is not None]
    if compare is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExtrinsicWarning)
            coarse = extrinsic_conductivity(
                compare,
                scatterers,
                mu=mus,
                temperature=temperatures,
                method=method,
                response=response,
                mean_field=mean_field,
                solver=solver,
                symmetry=group,
            )
        data = add_mesh_difference(data, coarse).assign_attrs(compared_mesh=" ".join(map(str, compare.divisions)))
    warn_about_pockets(hidden)
    warn_about(found, rates_known=kernel is not None and not isinstance(method, RelaxationTime))
    return data


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

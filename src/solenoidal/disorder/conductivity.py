"""From shells and scatterers to labelled conductivities at any chemical potential and temperature."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from solenoidal.disorder.boltzmann import HBAR_FS, Method, RelaxationTime, ShellDiagnostics, Solver, solve_boltzmann
from solenoidal.disorder.dataset import RESISTIVITY, build_dataset
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import (
    ExtrinsicWarning,
    FallbackWarning,
    PolarisedBlockWarning,
    QuadratureWarning,
    QuasiDegenerateWarning,
    SlowModeWarning,
)
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.thermal import ShellResponse, thermal_response
from solenoidal.errors import ConfigError
from solenoidal.integrate.shells import EnergyShells, NoFermiSurfaceError
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity

RealArray = NDArray[np.float64]

FALLBACK_SHARE = 1e-3
QUASI_DEGENERATE_SHARE = 1e-3
QUADRATURE_OVERLAP = 1e-3
SLOW_RATE = 1e-6
POLARISATION = 1e-8


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
) -> xr.Dataset:
    """Disorder-driven spin and charge conductivities, Eq. (19), with their thermal partners and diagnostics.

    Scattering is elastic, so σ(μ, T) = ∫dε (−f') σ(ε) and α(μ, T) = (1/e) ∫dε (−f')(ε − μ)/T σ(ε) exactly.

    Main arguments: ``shells`` of the model; ``scatterers`` (empty for a ``RelaxationTime``); chemical potentials ``mu``
    (eV) and ``temperature`` (K), each a number or a sequence; ``method``, ``mean_field`` and ``solver`` as in
    ``solve_boltzmann``.

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
    if chosen.operator not in shells.operators:
        raise ConfigError(
            f"the shells were built for operators {', '.join(shells.operators)}; give operators=[{chosen.operator!r}]"
        )
    mus, temperatures = _axis("mu", mu), _axis("temperature", temperature)
    if np.any(temperatures < 0):
        raise ConfigError(f"temperature is {temperatures.min():g} K; write 0 or more")
    if not scatterers and not isinstance(method, RelaxationTime):
        raise ConfigError(f"method {method!r} needs scatterers; give at least one, or use RelaxationTime(tau=...)")
    kernel = CollisionKernel.build(shells.model, scatterers) if scatterers else None
    solved: dict[float, ShellResponse | None] = {}

    def at(energy: float) -> ShellResponse | None:
        if energy not in solved:
            solved[energy] = None
            try:
                shell = shells.at(energy)
            except NoFermiSurfaceError:
                return None
            solution = solve_boltzmann(shell, kernel, method=method, mean_field=mean_field, solver=solver)
            solved[energy] = ShellResponse.of(solution, chosen)
        return solved[energy]

    legs = 1 if chosen.operator_leg is None else 3
    entries = [[thermal_response(at, m, t, legs) for t in temperatures.tolist()] for m in mus.tolist()]
    data = build_dataset(entries, mus, temperatures, chosen, shells.model.dimension)
    data.attrs.update(
        method=method if isinstance(method, str) else f"relaxation time {method.tau:g} fs",
        scatterers="; ".join(_describe(s) for s in scatterers),
        mesh=" ".join(map(str, shells.divisions)),
        rule=shells.rule,
        order=shells.order,
        carrier_charge=chosen.charge,
        mean_field=str(mean_field),
        shells_solved=sum(s is not None for s in solved.values()),
    )
    _warn([entry.diagnostics for row in entries for entry in row if entry.diagnostics is not None])
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


def _axis(name: str, values: ArrayLike) -> RealArray:
    axis = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all():
        raise ConfigError(f"{name} is {values!r}; expected a finite number or a sequence of finite numbers")
    return axis


def _describe(s: Scatterer) -> str:
    amount = f"{s.concentration:g} per cell" if s.concentration is not None else f"{s.density:g} per Å^d"
    return f"{s.name} ({amount})"


def _warn(found: list[ShellDiagnostics]) -> None:
    """One warning of each kind, with the worst case."""

    def report(
        figure: Callable[[ShellDiagnostics], float], limit: float, kind: type[ExtrinsicWarning], text: str
    ) -> None:
        worst = max((figure(d) for d in found), default=0.0)
        if worst > limit:
            warnings.warn(text.format(worst), kind, stacklevel=4)

    report(
        lambda d: d.fallback,
        FALLBACK_SHARE,
        FallbackWarning,
        "{:.2%} of the shell was followed by the linear rule only (van Hove points, touching sheets or pockets smaller "
        "than a mesh cell): refine the mesh and compare",
    )
    report(
        lambda d: d.quasi_degenerate,
        QUASI_DEGENERATE_SHARE,
        QuasiDegenerateWarning,
        "{:.1%} of the shell has another band within three scattering rates: coherence between bands, which the "
        "Boltzmann equation lacks, matters there; lower the concentration or the strength",
    )
    report(
        lambda d: d.overlap,
        QUADRATURE_OVERLAP,
        QuadratureWarning,
        "the field seems to drive a conserved quantity (overlap {:.2g}): the mesh is too coarse, or the scatterers "
        "hardly damp some current",
    )
    report(
        lambda d: 1 / d.slowest if d.slowest > 0 else 0.0,
        1 / SLOW_RATE,
        SlowModeWarning,
        "the slowest current relaxes {:.2g} times slower than states scatter: quadrature errors are magnified by that "
        "factor; compare two meshes",
    )
    report(
        lambda d: d.polarised,
        POLARISATION,
        PolarisedBlockWarning,
        "the mean field of the impurities splits degenerate bands by up to {:.2g} scattering rates, which is left out; "
        "compare with mean_field=True",
    )

"""The linearised Boltzmann equation on one energy shell: mean free path vectors λ.

    Γ_k λ_k − Σ_k' w_k' P_kk' λ_k' = v_k,  P_kk' = 2π Σ_a n_a |⟨u_k|W_a|u_k'⟩|²,  Γ_k = Σ_k' w_k' P_kk'

with Σ_k w_k λ_k = 0, and the same for every other conserved quantity. The equation leaves these sums free, and the
conserved spin current depends on them; the solution without them is the one reached from equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.disorder.born import BornSolution, born
from solenoidal.disorder.iterative import born_iterative
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import UnscatteredStatesError
from solenoidal.disorder.pseudo_points import PseudoPoints, pseudo_points
from solenoidal.disorder.shells.shells import EnergyShell
from solenoidal.errors import ConfigError
from solenoidal.units import ELEMENTARY_CHARGE, HBAR

HBAR_FS = HBAR / ELEMENTARY_CHARGE * 1e15
"""ħ in eV fs."""

UNSCATTERED = 1e-12
"""Rates below this fraction of the largest count as no scattering."""

DENSE_RANK = 1500
"""Largest number of coordinates for which the collision operator is diagonalised."""

RESOLVED_GAP = 3.0
"""Gaps below this many scattering rates are outside the Boltzmann equation."""

Solver = Literal["auto", "dense", "iterative"]


@dataclass(frozen=True)
class RelaxationTime:
    """λ = τ v with one lifetime ``tau`` in fs; raises ``ConfigError`` unless it is positive."""

    tau: float

    def __post_init__(self) -> None:
        if not (self.tau > 0 and np.isfinite(self.tau)):
            raise ConfigError(f"tau is {self.tau!r} fs; write a positive number")

    @property
    def inverse_rate(self) -> float:
        """τ/ħ in 1/eV."""
        return self.tau / HBAR_FS

    @property
    def broadening(self) -> float:
        """Half width Γ = ħ/2τ (eV) of Green functions that describe the same lifetime."""
        return HBAR_FS / (2 * self.tau)


Method = Literal["born", "mrta", "gamma"] | RelaxationTime
"""``born``: the whole equation; ``gamma``: λ = v/Γ, no in-scattering; ``mrta``: λ = τ_tr v with 1/τ_tr = Σ w P (1 −
v̂·v̂'); ``RelaxationTime``: λ = τ v. Only ``born`` is exact in the weak-scattering limit."""


@dataclass(frozen=True)
class ShellDiagnostics:
    """Quality of the solution on one shell.

    ``residual``: |Cλ − v|/|v| without conserved parts; ``drive_imbalance``: |Σ w v|/Σ w |v|, zero on a fine mesh;
    ``overlap``: conserved part of the drive relative to it; ``null_modes``: conserved quantities;
    ``slowest``: smallest relaxation rate kept, in units of the scattering rate; ``gap_over_rate``: smallest gap/Γ;
    ``quasi_degenerate``: share of the shell with gap < 3Γ; ``fallback``: share on points of the linear rule;
    ``polarised``: mean-field splitting of degenerate bands in units of Γ that was left out.
    """

    points: int
    density_of_states: float
    mean_rate: float
    residual: float
    drive_imbalance: float
    overlap: float
    null_modes: int
    slowest: float
    gap_over_rate: float
    quasi_degenerate: float
    fallback: float
    polarised: float


@dataclass(frozen=True, eq=False)
class MeanFreePath:
    """Solution on one shell: ``values`` (J, 3) in Å of the unknowns ``points``; ``spectrum`` (modes,) of the relaxation
    matrix D (0 conserved, 1 decays with the scattering rate), empty where it was not computed."""

    points: PseudoPoints
    values: RealArray
    diagnostics: ShellDiagnostics
    spectrum: RealArray = field(default_factory=lambda: np.zeros(0))

    def moment(self, observable: RealArray) -> RealArray:
        """Σ w θ^{i…} λ^l of an observable (J, 3, *legs), shape (3 flow i, 3 field l, *legs)."""
        weighted = self.points.weights[:, None] * self.values
        return np.asarray(np.einsum("ji...,jl->il...", observable, weighted, optimize=True))


def solve_boltzmann(
    shell: EnergyShell,
    kernel: CollisionKernel | None,
    *,
    method: Method = "born",
    mean_field: bool = False,
    solver: Solver = "auto",
) -> MeanFreePath:
    """λ on ``shell`` for the scatterers in ``kernel`` by ``method``.

    ``mean_field`` lets the average impurity potential precess the distribution inside degenerate groups. ``solver``
    "dense" diagonalises the low-rank collision matrix, "iterative" needs neither it nor its rank, "auto" chooses by
    size. Raises ``UnscatteredStatesError`` where some state does not scatter, ``NoSteadyStateError`` where the field
    drives a conserved quantity, and ``ConfigError`` for a method that does not apply.
    """
    if isinstance(method, RelaxationTime):
        points = pseudo_points(shell, None)
        rate = 1 / method.inverse_rate
        values = points.source / rate
        return MeanFreePath(points, values, _diagnostics(points, None, np.full(len(points), rate), None))
    if kernel is None:
        raise ConfigError(f"method {method!r} needs scatterers; give at least one, or use RelaxationTime(tau=...)")
    points = pseudo_points(shell, kernel, mean_field=mean_field)
    _check_rates(points)
    if method == "gamma":
        values = points.source / points.rates[:, None]
        return MeanFreePath(points, values, _diagnostics(points, kernel, points.rates, None))
    if method == "mrta":
        return _momentum_relaxation(points, kernel)
    if method != "born":
        raise ConfigError(f"method is {method!r}; write 'born', 'mrta', 'gamma' or RelaxationTime(tau=...)")
    if solver == "iterative" or (solver == "auto" and kernel.rank_bound > DENSE_RANK):
        solution = born_iterative(points, kernel)
    else:
        solution = born(points, kernel)
    diagnostics = _diagnostics(points, None if mean_field else kernel, points.rates, solution)
    return MeanFreePath(points, solution.values, diagnostics, solution.spectrum)


def _check_rates(points: PseudoPoints) -> None:
    largest = float(points.rates.max())
    weak = points.rates <= UNSCATTERED * max(largest, 1e-300)
    if np.any(weak):
        share = points.weights[weak & (points.unit != 0)].sum() / points.weights[points.unit != 0].sum()
        raise UnscatteredStatesError(
            f"{share:.1%} of the states at {points.shell.energy:g} eV are not scattered (rate below {UNSCATTERED:g} of "
            "the largest): the impurities do not touch their orbitals; add scatterers that do"
        )


def _momentum_relaxation(points: PseudoPoints, kernel: CollisionKernel) -> MeanFreePath:
    if any(b.block.size > 1 for b in points.blocks):
        raise ConfigError("method 'mrta' has no meaning for degenerate bands; use 'born' or 'gamma'")
    speed = np.linalg.norm(points.source, axis=1)
    direction = points.source / np.where(speed > 0, speed, 1.0)[:, None]
    scattered = kernel.apply(points.density_matrix(points.weights[:, None] * direction))
    rates = points.rates - np.einsum("ji,ji->j", direction, points.expectation(scattered))
    return MeanFreePath(points, points.source / rates[:, None], _diagnostics(points, kernel, rates, None))


def _diagnostics(
    points: PseudoPoints, kernel: CollisionKernel | None, rates: RealArray, solution: BornSolution | None
) -> ShellDiagnostics:
    shell = points.shell
    physical = points.unit != 0
    w = points.weights[physical]
    largest_rate = np.zeros(len(shell))
    np.maximum.at(largest_rate, points.point, rates)
    ratio = shell.gap / largest_rate
    counted = shell.weights * shell.group_size
    drive = np.linalg.norm((points.weights * points.unit) @ points.source)
    speed = w @ np.linalg.norm(points.source[physical], axis=1)
    return ShellDiagnostics(
        points=len(shell),
        density_of_states=shell.density_of_states,
        mean_rate=float(w @ rates[physical] / w.sum()),
        residual=0.0 if solution is None else solution.residual,
        drive_imbalance=float(drive / max(speed, 1e-300)),
        overlap=0.0 if solution is None else solution.overlap,
        null_modes=0 if solution is None else solution.null_modes,
        slowest=np.nan if solution is None else solution.slowest,
        gap_over_rate=float(ratio.min()),
        quasi_degenerate=float(counted[ratio < RESOLVED_GAP].sum() / counted.sum()),
        fallback=shell.fallback_fraction,
        polarised=0.0 if kernel is None else _polarisation(points, kernel),
    )


def _polarisation(points: PseudoPoints, kernel: CollisionKernel) -> float:
    """Largest traceless part of Π δH Π in a degenerate group, in units of its mean rate."""
    if all(b.block.size == 1 for b in points.blocks):
        return 0.0
    shift = kernel.mean_field()
    worst = 0.0
    for b in points.blocks:
        g = b.block.size
        if g > 1:
            h = b.extended.conj().transpose(0, 2, 1) @ (shift @ b.extended)
            h = h - np.einsum("maa->m", h)[:, None, None] / g * np.eye(g)
            rate = points.rates[b.start : b.start + b.count].reshape(-1, g * g)[:, :g].mean(axis=1)
            worst = max(worst, float(np.max(np.linalg.norm(h, axis=(1, 2)) / rate)))
    return worst

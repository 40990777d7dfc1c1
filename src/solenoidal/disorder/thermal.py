"""Sums over shells of different energy with the thermal kernels −f' and −f'(ε − μ)/T."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.disorder.boltzmann import MeanFreePath, ShellDiagnostics
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.responses.kernels import MINUS_ENTROPY_DERIVATIVE, MINUS_FERMI_DERIVATIVE
from solenoidal.units import BOLTZMANN

STEPS_PER_KT = 2
"""Energies per k_BT; the trapezoidal sum of −f' is then exact to 6e-11 wherever the grid lies."""

REACH = 24
"""Energies kept on either side of μ, in k_BT."""

RELEVANT = 1e-4
"""Thermal weight, relative to the largest, above which a shell counts in the diagnostics."""

SMALLEST_IS_WORST = ("slowest", "gap_over_rate", "points")


@dataclass(frozen=True, eq=False)
class ShellResponse:
    """Moments Σ w θ λ of one shell, without factors of e: spin flows (3, 3, legs) and charge (3, 3)."""

    conserved: RealArray
    conventional: RealArray
    charge: RealArray
    diagnostics: ShellDiagnostics

    @staticmethod
    def of(solution: MeanFreePath, response: ExtrinsicSpinConductivity) -> ShellResponse:
        """Moments of every flow with the mean free path of one shell."""
        points = solution.points
        return ShellResponse(
            solution.moment(points.project(response.conserved_flow)),
            solution.moment(points.project(response.conventional_flow)),
            solution.moment(points.project(response.charge_flow)),
            solution.diagnostics,
        )


@dataclass(frozen=True, eq=False)
class ThermalResponse:
    """Averages with −f' (conductivities) and with −f'(ε − μ)/T in eV/K (``*_moment``) at one μ and T.

    Arrays are zero and ``diagnostics`` is None where no band lies within reach. ``removed``: largest element that an
    average over symmetry took from each array, empty without one.
    """

    conserved: RealArray
    conventional: RealArray
    charge: RealArray
    conserved_moment: RealArray
    conventional_moment: RealArray
    charge_moment: RealArray
    diagnostics: ShellDiagnostics | None
    removed: Mapping[str, float] = field(default_factory=dict)


def thermal_energies(mu: float, temperature: float) -> RealArray:
    """Energies (eV) of the shells that count at ``mu`` (eV) and ``temperature`` (K).

    They are multiples of k_BT/2, so that neighbouring μ share their shells.
    """
    if temperature == 0:
        return np.array([mu])
    kt = BOLTZMANN * temperature
    step = kt / STEPS_PER_KT
    first, last = np.ceil((mu - REACH * kt) / step), np.floor((mu + REACH * kt) / step)
    return np.asarray(step * np.arange(first, last + 1))


def thermal_response(
    at: Callable[[float], ShellResponse | None], mu: float, temperature: float, legs: int
) -> ThermalResponse:
    """Sum over shells around ``mu`` (eV) at ``temperature`` (K); ``at(energy)`` is None in a gap."""
    energies = thermal_energies(mu, temperature)
    weights, slopes = np.ones(1), np.zeros(1)
    if temperature > 0:
        step = BOLTZMANN * temperature / STEPS_PER_KT
        weights = step * MINUS_FERMI_DERIVATIVE(energies, mu, temperature)
        slopes = step * MINUS_ENTROPY_DERIVATIVE(energies, mu, temperature)
    sums = [np.zeros((3, 3, legs)), np.zeros((3, 3, legs)), np.zeros((3, 3))]
    moments = [np.zeros_like(s) for s in sums]
    seen: list[ShellDiagnostics] = []
    for energy, weight, slope in zip(energies.tolist(), weights, slopes, strict=True):
        shell = at(energy)
        if shell is None:
            continue
        for total, moment, part in zip(sums, moments, (shell.conserved, shell.conventional, shell.charge), strict=True):
            total += weight * part
            moment += slope * part
        if weight > RELEVANT * weights.max():
            seen.append(shell.diagnostics)
    worst = _worst(seen) if seen else None
    return ThermalResponse(sums[0], sums[1], sums[2], moments[0], moments[1], moments[2], worst)


def _worst(found: list[ShellDiagnostics]) -> ShellDiagnostics:
    """The worst of each figure over the shells that matter; averages of the density of states and the rate."""
    values: dict[str, float] = {}
    for f in fields(ShellDiagnostics):
        column = np.array([getattr(d, f.name) for d in found], dtype=np.float64)
        if f.name in ("density_of_states", "mean_rate"):
            values[f.name] = float(column.mean())
        elif f.name in SMALLEST_IS_WORST:
            values[f.name] = float(column.min())
        else:
            values[f.name] = float(column.max())
    return diagnostics_of(list(values.values()))


def diagnostics_of(values: Sequence[float]) -> ShellDiagnostics:
    """Diagnostics from the numbers of all fields in their order."""
    found: dict[str, Any] = dict(zip((f.name for f in fields(ShellDiagnostics)), values, strict=True))
    return ShellDiagnostics(**{**found, "points": int(found["points"]), "null_modes": int(found["null_modes"])})

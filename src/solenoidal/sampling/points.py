"""Exact kernel sums at chosen chemical potentials and temperatures, without an energy grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError, ResultError
from solenoidal.responses.kernels import ALL, THERMAL_KERNELS, Kernel
from solenoidal.sampling.energy_grid import SparseDensity

KEPT = (*THERMAL_KERNELS, ALL)
"""Kernels whose sums are kept, in the order of the rows."""


@dataclass(frozen=True)
class FixedPoints:
    """Sums Σ κ(ε; μ, T) X to rounding for every kernel at every pair of ``mu`` (eV) and ``temperature`` (K).

    Use it instead of an ``EnergyGrid`` where a model's value is wanted to more digits than a grid keeps; nothing else
    can be asked of the result afterwards. At T = 0 states exactly at μ count half, and Fermi-surface kernels, which
    would be sums of δ functions, are refused by the result. Raises ``ConfigError`` for empty lists or negative
    temperatures.
    """

    mu: tuple[float, ...]
    temperature: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mu", tuple(float(x) for x in self.mu))
        object.__setattr__(self, "temperature", tuple(float(x) for x in self.temperature))
        if not self.mu or not self.temperature or min(self.temperature) < 0:
            raise ConfigError(
                f"fixed points need at least one mu (eV) and one temperature (K, not negative); "
                f"found mu = {self.mu}, temperature = {self.temperature}"
            )

    moments = 1
    """Sums kept in each row."""

    @property
    def rows(self) -> int:
        """One row for each kernel, μ and T."""
        return len(KEPT) * len(self.mu) * len(self.temperature)

    @property
    def top(self) -> float:
        """No energy is left out."""
        return float("inf")

    def collect(self, energies: RealArray, weights: RealArray, values: RealArray) -> SparseDensity:
        """Σ w κ(ε) X for every row."""
        flat = values.reshape(energies.size, -1)
        rows = []
        for kernel in THERMAL_KERNELS:
            for mu in self.mu:
                for temperature in self.temperature:
                    rows.append((weights[:, None] * kernel(energies, mu, temperature)).ravel())
        everything = np.broadcast_to(weights[:, None], energies.shape).ravel()
        rows += [everything] * (len(self.mu) * len(self.temperature))
        moments = (np.stack(rows) @ flat)[:, None, :]
        return SparseDensity(np.arange(self.rows), moments)

    def kernel_weights(self, kernel: Kernel, mus: RealArray, temperatures: RealArray) -> RealArray:
        """One for the row of each kernel, μ and T; raises ``ResultError`` for a surface kernel at T = 0."""
        if kernel.delta and np.any(temperatures == 0):
            raise ResultError(
                "a Fermi-surface term at zero temperature has no exact sum on a mesh; use an EnergyGrid, which "
                "averages over a bin, or a temperature above zero"
            )
        out = np.zeros((len(mus), len(temperatures), self.rows, 1))
        shape = (len(KEPT), len(self.mu), len(self.temperature))
        for i, mu in enumerate(mus):
            for j, temperature in enumerate(temperatures):
                where = (KEPT.index(kernel), self.mu.index(float(mu)), self.temperature.index(float(temperature)))
                out[i, j, np.ravel_multi_index(where, shape), 0] = 1.0
        return out

    def check(self, mus: RealArray, temperatures: RealArray, highest: float) -> None:
        """Raise ``ResultError`` for a μ or T the run was not made for."""
        other_mu = sorted(set(mus.tolist()) - set(self.mu))
        other_temperature = sorted(set(temperatures.tolist()) - set(self.temperature))
        if other_mu or other_temperature:
            raise ResultError(
                f"this run holds mu = {self.mu} eV and temperature = {self.temperature} K only, not {other_mu} and "
                f"{other_temperature}; run again with them, or with an EnergyGrid to be free afterwards"
            )

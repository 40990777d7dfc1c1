"""Zero temperature at chosen chemical potentials by the linear tetrahedron rule, without an energy grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError, ResultError
from solenoidal.responses.kernels import ALL, FERMI, GRAND_POTENTIAL, MINUS_FERMI_DERIVATIVE, Kernel
from solenoidal.sampling.energy_grid import SparseDensity

KERNELS = (FERMI, MINUS_FERMI_DERIVATIVE, GRAND_POTENTIAL)
"""θ(μ − ε), δ(ε − μ) and min(ε − μ, 0): the kernels that a simplex weights, in the order of the rows, and of
which every kernel is made at T = 0."""

Rule = Literal["linear", "blochl", "fitted"]
"""How corner values follow from the mesh: as they are; with the curvature correction of f; from a fitted parabola."""


@dataclass(frozen=True)
class TetrahedronPoints:
    """Integrals at T = 0 of linearly interpolated bands and band quantities at every ``mu`` (eV).

    The cells of a uniform mesh are cut into tetrahedra (triangles in two dimensions, segments in one), inside which
    ε_n and X_n count as linear functions of k: Blöchl, Jepsen and Andersen, Phys. Rev. B 49, 16223 (1994). Sea and
    Fermi-surface kernels are integrated exactly then, and the error of smooth bands falls as the square of the mesh
    step. ``rule`` "blochl" adds their curvature correction to the weights of f, which repairs the interpolation of X_n
    but not that of ε_n, and so helps at a given number of electrons rather than at a given μ. "fitted" takes the
    linear function nearest to a parabola through the corners and the points beyond them, for ε_n and X_n alike.

    Use it instead of an ``EnergyGrid`` where a metal is wanted at T = 0; nothing else can be asked of the result
    afterwards. ``reference`` (eV), usually the Fermi energy, is the zero of axes in figures and reports, by default the
    first μ. Standard errors of shifted meshes leave out the error of the interpolation, which all of them share:
    compare two meshes. Raises ``ConfigError`` for an empty list, values that are not finite, or an unknown rule.
    """

    mu: tuple[float, ...]
    rule: Rule = "fitted"
    reference: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mu", tuple(float(x) for x in self.mu))
        if not self.mu or not np.isfinite(self.mu).all():
            raise ConfigError(f"tetrahedron points need at least one finite mu (eV); found mu = {self.mu}")
        if self.rule not in get_args(Rule):
            raise ConfigError(f"tetrahedron rule is {self.rule!r}; write one of {', '.join(get_args(Rule))}")

    moments = 1
    """Sums kept in each row."""

    temperature = (0.0,)
    """Temperatures (K) the result answers for."""

    @property
    def rows(self) -> int:
        """One row for each kernel and μ, and one that counts every state."""
        return len(KERNELS) * len(self.mu) + 1

    @property
    def top(self) -> float:
        """No energy is left out."""
        return float("inf")

    def collect(self, energies: RealArray, weights: RealArray, values: RealArray) -> SparseDensity:
        """Σ w X for every row, from the weights (nk, n, rows) of the states; their energies are in the weights."""
        flat = weights.reshape(energies.size, self.rows)
        moments = (flat.T @ values.reshape(energies.size, -1))[:, None, :]
        return SparseDensity(np.arange(self.rows), moments)

    def kernel_weights(self, kernel: Kernel, mus: RealArray, temperatures: RealArray) -> RealArray:
        """Its step, δ function and ramp at T = 0 for the rows of each μ; none for the entropy and its derivative."""
        out = np.zeros((len(mus), len(temperatures), self.rows, 1))
        if kernel == ALL:
            out[:, :, -1] = 1.0
            return out
        for i, mu in enumerate(mus):
            for row, share in enumerate((kernel.step, kernel.delta, kernel.ramp)):
                out[i, :, row * len(self.mu) + self.mu.index(float(mu))] = share
        return out

    def check(self, mus: RealArray, temperatures: RealArray, highest: float) -> None:
        """Raise ``ResultError`` for a μ the run was not made for or a temperature above zero."""
        if np.any(temperatures != 0):
            raise ResultError(
                f"this run holds zero temperature only, by the tetrahedron rule, not {temperatures.tolist()} K; write "
                "temperature=0, or run again with an EnergyGrid"
            )
        other = sorted(set(mus.tolist()) - set(self.mu))
        if other:
            raise ResultError(
                f"this run holds mu = {self.mu} eV only, not {other}; run again with them, or with an EnergyGrid to be "
                "free afterwards"
            )

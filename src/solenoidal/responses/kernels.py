"""Thermal kernels κ(ε; μ, T): every response is ∫dε κ(ε) ρ_X(ε)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ResponseError, nearest
from solenoidal.units import BOLTZMANN

Slope = tuple[str, float]
"""A derivative of a kernel: the name of another kernel and the factor before it."""


@dataclass(frozen=True, repr=False)
class Kernel:
    """A function κ(ε − μ, T) by which states are weighted; there are the kernels of ``KERNELS`` and no others.

    ``warm`` (ε − μ in eV, T in K) gives its values at T > 0. At T = 0 it is step · θ(μ − ε) + ramp · min(ε − μ, 0) +
    delta · δ(ε − μ), of which step and ramp are at any T its values far below μ; far above μ it vanishes. ``per_mu``
    and ``per_temperature`` are its derivatives where they are kernels too; ``in_thermal_force`` names the kernel that
    takes its place when −∂T drives instead of the force eE − ∇μ.
    """

    name: str
    warm: Callable[[RealArray, float], RealArray] = field(compare=False)
    step: float = 0.0
    ramp: float = 0.0
    delta: float = 0.0
    per_mu: Slope | None = None
    per_temperature: Slope | None = None
    in_thermal_force: str | None = None

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return find_kernel, (self.name,)

    @property
    def is_surface(self) -> bool:
        """Whether it vanishes far below the chemical potential as it does far above: a Fermi-surface kernel."""
        return self.step == 0 and self.ramp == 0

    def at_zero(self, energy: RealArray, mu: float) -> RealArray:
        """Values at T = 0, where f = ½ at ε = μ; a δ function is returned as zero."""
        x = energy - mu
        if self == ALL:
            return np.ones_like(x)
        if self.ramp:
            return np.asarray(self.ramp * np.minimum(x, 0.0))
        return np.asarray(self.step * np.heaviside(-x, 0.5))

    def __call__(self, energy: RealArray, mu: float, temperature: float) -> RealArray:
        """Values at ``energy`` (eV) for ``mu`` (eV) and ``temperature`` (K), by ``at_zero`` if that is zero.

        Units: 1 for "fermi", "heat" and "all", 1/eV, eV, eV/K and 1/K for "minus_fermi_derivative",
        "grand_potential", "entropy" and "minus_entropy_derivative".
        """
        return self.warm(energy - mu, temperature) if temperature > 0 else self.at_zero(energy, mu)


def logistic(x: RealArray) -> RealArray:
    """1/(1 + e^{−x}) without overflow, to rounding also far down."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1 + small))


def _fermi(energy: RealArray, temperature: float) -> RealArray:
    """f = 1/(e^x + 1), x = (ε − μ)/k_BT; ``energy`` is counted from μ here and below."""
    return logistic(-energy / (BOLTZMANN * temperature))


def _minus_fermi_derivative(energy: RealArray, temperature: float) -> RealArray:
    """−∂f/∂ε."""
    kt = BOLTZMANN * temperature
    x = energy / kt
    return np.asarray(logistic(-x) * logistic(x) / kt)


def _grand_potential(energy: RealArray, temperature: float) -> RealArray:
    """g = −k_BT ln(1 + e^{−x})."""
    kt = BOLTZMANN * temperature
    return np.asarray(-kt * np.logaddexp(0, -energy / kt))


def _entropy(energy: RealArray, temperature: float) -> RealArray:
    """e = [(ε − μ) f − g]/T, the entropy of a state."""
    # Even in x, so evaluate at |x| where nothing cancels: x f(x) + ln(1 + e^{−x}).
    a = np.abs(energy / (BOLTZMANN * temperature))
    return np.asarray(BOLTZMANN * (a * logistic(-a) + np.log1p(np.exp(-a))))


def _minus_entropy_derivative(energy: RealArray, temperature: float) -> RealArray:
    """−∂e/∂ε = −(ε − μ)/T ∂f/∂ε."""
    return np.asarray(energy / temperature * _minus_fermi_derivative(energy, temperature))


def _heat(energy: RealArray, temperature: float) -> RealArray:
    """(3/π²) ∫_x^∞ y² f(y) f(−y) dy, the weight of a state in thermal transport: 1 far below μ, 0 far above."""
    # x² f + 2x ln(1 + e^{−x}) − 2 Li₂(−e^{−x}) for x ≥ 0, where nothing cancels; spence(z) = Li₂(1 − z).
    from scipy.special import spence  # here, since it takes a tenth of the program's start

    x = energy / (BOLTZMANN * temperature)
    a = np.abs(x)
    e = np.exp(-a)
    tail = a * a * logistic(-a) + 2 * a * np.log1p(e) - 2 * spence(1 + e)
    tail *= 3 / np.pi**2
    return np.asarray(np.where(x >= 0, tail, 1 - tail))


def _all(energy: RealArray, temperature: float) -> RealArray:
    """Every state counts 1 whatever μ and T, which needs every band of the model."""
    return np.ones_like(energy)


FERMI = Kernel(
    "fermi",
    _fermi,
    step=1.0,
    per_mu=("minus_fermi_derivative", 1.0),
    per_temperature=("minus_entropy_derivative", 1.0),
    in_thermal_force="entropy",
)
MINUS_FERMI_DERIVATIVE = Kernel(
    "minus_fermi_derivative", _minus_fermi_derivative, delta=1.0, in_thermal_force="minus_entropy_derivative"
)
GRAND_POTENTIAL = Kernel(
    "grand_potential", _grand_potential, ramp=1.0, per_mu=("fermi", -1.0), per_temperature=("entropy", -1.0)
)
ENTROPY = Kernel("entropy", _entropy, per_mu=("minus_entropy_derivative", 1.0))
MINUS_ENTROPY_DERIVATIVE = Kernel("minus_entropy_derivative", _minus_entropy_derivative)
HEAT = Kernel("heat", _heat, step=1.0)
ALL = Kernel("all", _all, step=1.0)

THERMAL_KERNELS = (FERMI, MINUS_FERMI_DERIVATIVE, GRAND_POTENTIAL, ENTROPY, MINUS_ENTROPY_DERIVATIVE, HEAT)
"""The kernels that vanish far above the chemical potential, in the order in which fixed points keep their sums."""

KERNELS = {kernel.name: kernel for kernel in (*THERMAL_KERNELS, ALL)}
"""Every kernel by its name."""


def find_kernel(name: str) -> Kernel:
    """The kernel called ``name``; raises ``ResponseError`` with the nearest name if there is none."""
    if name not in KERNELS:
        raise ResponseError(f"kernel {name!r} is not known; {nearest(name, KERNELS)}")
    return KERNELS[name]

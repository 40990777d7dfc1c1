"""Thermal kernels κ(ε; μ, T): every response is ∫dε κ(ε) ρ_X(ε)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.units import BOLTZMANN

Kernel = Literal["fermi", "minus_fermi_derivative", "grand_potential", "entropy", "minus_entropy_derivative", "heat"]
"""f; −∂f/∂ε; g = −k_BT ln(1 + e^{−(ε−μ)/k_BT}); e = [(ε−μ)f − g]/T; −∂e/∂ε;
(3/π²) ∫ y² (−∂f/∂y) dy from (ε−μ)/k_BT on, the weight of a state in the flow of heat."""

PartKernel = Kernel | Literal["all"]
"""A thermal kernel, or "all": every state counts 1 whatever μ and T, which needs every band of the model."""

SURFACE_KERNELS: frozenset[str] = frozenset({"minus_fermi_derivative", "minus_entropy_derivative", "entropy"})
"""Kernels that vanish far below and far above the chemical potential."""


def kernel_at_zero(name: Kernel, energy: RealArray, mu: float) -> RealArray:
    """Kernel ``name`` at zero temperature; f = ½ at ε = μ. Derivative kernels, δ functions, are returned as zero."""
    x = energy - mu
    if name in ("fermi", "heat"):
        return np.asarray(np.heaviside(-x, 0.5))
    if name == "grand_potential":
        return np.minimum(x, 0.0)
    return np.zeros_like(x)


def kernel(name: Kernel, energy: RealArray, mu: float, temperature: float) -> RealArray:
    """Kernel ``name`` at ``energy`` (eV) for ``mu`` (eV) and ``temperature`` > 0 (K).

    Units: 1, 1/eV, eV, eV/K, 1/K and 1 in the order of ``Kernel``; ħ = 1, k_B from CODATA.
    """
    kt = BOLTZMANN * temperature
    x = (energy - mu) / kt
    if name == "fermi":
        return logistic(-x)
    if name == "heat":
        return _heat(x)
    if name == "grand_potential":
        return -kt * np.logaddexp(0, -x)
    derivative = logistic(-x) * logistic(x) / kt
    if name == "minus_fermi_derivative":
        return np.asarray(derivative)
    if name == "entropy":
        # Even in x, so evaluate at |x| where nothing cancels: x f(x) + ln(1 + e^{−x}).
        a = np.abs(x)
        return BOLTZMANN * (a * logistic(-a) + np.log1p(np.exp(-a)))
    return np.asarray((energy - mu) / temperature * derivative)


def logistic(x: RealArray) -> RealArray:
    """1/(1 + e^{−x}) without overflow, to rounding also far down."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1 + small))


def _heat(x: RealArray) -> RealArray:
    """(3/π²) ∫_x^∞ y² f(y) f(−y) dy, the weight of a state in thermal transport: 1 far below μ, 0 far above."""
    # x² f + 2x ln(1 + e^{−x}) − 2 Li₂(−e^{−x}) for x ≥ 0, where nothing cancels; spence(z) = Li₂(1 − z).
    a = np.abs(x)
    from scipy.special import spence  # here, since it takes a tenth of the program's start

    e = np.exp(-a)
    tail = a * a * logistic(-a) + 2 * a * np.log1p(e) - 2 * spence(1 + e)
    tail *= 3 / np.pi**2
    return np.asarray(np.where(x >= 0, tail, 1 - tail))

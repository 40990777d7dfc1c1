"""Temperature dependence of the superconducting gap, for models whose Δ is given and not solved for."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.errors import ModelError
from solenoidal.units import BOLTZMANN

BCS_RATIO = float(np.pi * np.exp(-np.euler_gamma))
"""Δ(0)/k_BT_c = π e^{−γ} = 1.764 in weak coupling."""


def gap(
    temperature: ArrayLike,
    *,
    critical_temperature: float,
    zero_temperature_gap: float | None = None,
    method: Literal["interpolation", "bcs"] = "interpolation",
) -> RealArray:
    """Gap Δ(T) in eV at ``temperature`` (K), zero from ``critical_temperature`` (K) on.

    "interpolation": Δ(0) tanh[1.74 √(T_c/T − 1)]; "bcs": the weak-coupling gap equation of an isotropic gap,
    ln(Δ(0)/Δ) = 2 ∫dξ f(E)/E over ξ > 0, E = √(ξ² + Δ²). ``zero_temperature_gap`` Δ(0) in eV, by default 1.764
    k_BT_c; the shape of the curve is that of T/T_c. Raises ``ModelError`` for a T_c that is not positive or a
    negative temperature.
    Source: J. Bardeen, L. N. Cooper and J. R. Schrieffer, Phys. Rev. 108, 1175 (1957).
    """
    T = np.asarray(temperature, dtype=np.float64)
    if not critical_temperature > 0 or np.any(T < 0) or not np.isfinite(T).all():
        raise ModelError(
            f"critical temperature {critical_temperature!r} K and temperatures {T.tolist()} K; expected a positive "
            "number and numbers that are not negative"
        )
    largest = BCS_RATIO * BOLTZMANN * critical_temperature if zero_temperature_gap is None else zero_temperature_gap
    reduced = T / critical_temperature
    if method == "bcs":
        shape = np.vectorize(_bcs_shape, otypes=[np.float64])(reduced)
    elif method == "interpolation":
        inside = np.clip(reduced, 1e-12, 1.0)
        shape = np.tanh(1.74 * np.sqrt(1 / inside - 1))
    else:
        raise ModelError(f'method is {method!r}; expected "interpolation" or "bcs"')
    return np.asarray(largest * shape)


def _bcs_shape(reduced: float) -> float:
    """Δ(T)/Δ(0) of the weak-coupling gap equation at T/T_c."""
    if reduced >= 1.0:
        return 0.0
    if reduced < 0.05:
        return 1.0  # 1 − Δ(T)/Δ(0) < 1e-14

    # Here, since both take a quarter of the program's start.
    from scipy.integrate import trapezoid
    from scipy.optimize import brentq

    def equation(delta: float) -> float:
        # ∫ dξ f(E)/E from 0 to ∞ through the substitution ξ = Δ sinh x, on which the trapezoidal rule converges fast.
        x = np.linspace(0.0, 12.0 + np.log(max(1.0, 1.0 / delta)), 4000)
        energy = delta * np.cosh(x) * BCS_RATIO / reduced
        integrand = np.exp(-energy) / (1 + np.exp(-energy))
        return float(np.log(delta) + 2 * trapezoid(integrand, x))

    return float(brentq(equation, 1e-8, 1.0 - 1e-16, xtol=1e-13))

"""Exact first-order response of a local density to a slowly varying Hamiltonian, by divided differences of f.

For H(k, r) = H₀(k) + λ(r) W the density of θ is θ(r) = ∫ tr[θ f(H₀ + λW)] + C^{lθ} ∂_lλ + O(∂²), with

    C^{lθ} = (i/2) ∫ Σ_nmp f[ε_n, ε_m, ε_p] (W_nm v^l_mp − v^l_nm W_mp) θ_pn

and f[·,·,·] the second divided difference of the Fermi function. Nothing is singular where bands touch or cross.
Source: first term of the Moyal expansion of f(H). For W = 1 it reproduces the gradient terms of Eqs. (4) and (6).
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.states import BlochStates

CLOSE = 0.005
"""Spread of three energies, in k_BT, below which the Taylor series replaces the difference quotient; there both have
relative errors below 1e-12."""


def first_difference(x: RealArray, y: RealArray, kT: float) -> RealArray:
    """[f(x) − f(y)]/(x − y) of the Fermi function of energies measured from μ, f′ where they coincide; ``kT`` ≥ 0.

    At kT > 0 as −sinh δ/δ · 1/(4kT cosh(x/2kT) cosh(y/2kT)), δ = (x − y)/2kT, in which nothing cancels. At zero
    temperature equal energies give 0.
    """
    if kT == 0:
        gap = np.where(x == y, np.inf, x - y)
        return np.asarray((np.heaviside(-x, 0.5) - np.heaviside(-y, 0.5)) / gap)
    a, b = np.abs(x) / kT, np.abs(y) / kT
    delta = np.abs(x - y) / (2 * kT)
    # sinh δ/(4 cosh cosh) = e^{δ − (a + b)/2} (1 − e^{−2δ})/(2 (1 + e^{−a})(1 + e^{−b})), never a positive exponent.
    decay = np.exp(delta - (a + b) / 2) / ((1 + np.exp(-a)) * (1 + np.exp(-b)))
    ratio = np.where(delta > 0, -np.expm1(-2 * delta) / np.where(delta > 0, 2 * delta, 1.0), 1.0)
    return np.asarray(-decay * ratio / kT)


def second_difference(x: RealArray, y: RealArray, z: RealArray, kT: float) -> RealArray:
    """Second divided difference f[x, y, z] of the Fermi function, symmetric in its arguments, at any degeneracy.

    Energies are measured from μ and broadcast together. Within ``CLOSE`` kT of one another the Taylor series about
    their mean is used, otherwise the quotient of first differences over the widest pair.
    """
    low = np.minimum(np.minimum(x, y), z)
    high = np.maximum(np.maximum(x, y), z)
    middle = x + y + z - low - high
    spread = high - low
    close = spread <= CLOSE * kT
    quotient = first_difference(high, middle, kT) - first_difference(middle, low, kT)
    quotient = quotient / np.where(close, 1.0, spread)
    if kT == 0:
        return np.where(close, 0.0, quotient)
    if np.any(close):
        quotient[close] = _taylor(low[close], middle[close], high[close], kT)
    return quotient


def _taylor(x: RealArray, y: RealArray, z: RealArray, kT: float) -> RealArray:
    """Σ_j f^{(j+2)}(m)/(j+2)! h_j, h_j the complete homogeneous polynomials of the distances from the mean m."""
    from scipy.special import expit  # here, since it takes a tenth of the program's start

    m = (x + y + z) / 3
    t = np.stack([x - m, y - m, z - m]) / kT
    p2, p3 = (t**2).sum(axis=0), (t**3).sum(axis=0)
    f = expit(-m / kT)
    q = f * expit(m / kT)
    # Derivatives in units of kT: f' = −q, f'' = q(1 − 2f), …
    second = q * (1 - 2 * f)
    fourth = q * (1 - 2 * f) * (1 - 12 * q)
    fifth = -q * (1 - 30 * q + 120 * q * q)
    return np.asarray((second / 2 + fourth / 24 * (p2 / 2) + fifth / 120 * (p3 / 3)) / kT**2)


def gradient_response(
    states: BlochStates, coupling: ComplexArray, theta: ComplexArray, *, mu: float, kT: float
) -> RealArray:
    """C^{lθ} at each k point of the block, without weights: (k, 3, legs).

    ``coupling`` W (k or 1, n, n) and ``theta`` (k, n, legs, m), both Hermitian in the eigenbasis of ``states``;
    ``mu`` and ``kT`` in eV. Units: those of θ times Å.
    """
    energies = states.energies - mu
    weight = second_difference(energies[:, :, None, None], energies[:, None, :, None], energies[:, None, None, :], kT)
    v = states.velocity
    W = np.broadcast_to(coupling, (len(energies), *coupling.shape[1:]))
    ahead = np.einsum("knmp,knm,kmlp->knlp", weight, W, v, optimize=True)
    behind = np.einsum("knmp,knlm,kmp->knlp", weight, v, W, optimize=True)
    return np.asarray(-0.5 * np.einsum("knlp,kpan->kla", ahead - behind, theta, optimize=True).imag)

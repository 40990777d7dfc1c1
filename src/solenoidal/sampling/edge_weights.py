"""Kernels on the energy grid: weights of the two bin moments, for zero and finite temperature."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.responses.kernels import Kernel, PartKernel, kernel


def edge_weights(name: PartKernel, edges: RealArray, h: float, mu: float, temperature: float) -> RealArray:
    """Weights w of ∫dε κ ρ ≈ Σ w · moments for bins of width ``h`` between ``edges``: (bins + 1, 2), row 0 below.

    At T > 0 the kernel is interpolated linearly between bin edges, error ≤ h² max|κ″|/8. At T = 0 the sum up to a bin
    edge is exact; between edges the density inside a bin counts as uniform, and −∂f/∂ε is the mean density over one
    bin on either side of μ. The kernel "all" counts every state kept by the grid, those below the window included.
    """
    if name == "all":
        return np.tile([1.0, 0.0], (len(edges), 1))
    return _thermal(name, edges, mu, temperature) if temperature > 0 else _zero_temperature(name, edges, h, mu)


def _thermal(name: Kernel, edges: RealArray, mu: float, temperature: float) -> RealArray:
    values = kernel(name, edges, mu, temperature)
    weights = np.empty((len(edges), 2))
    weights[1:, 0] = values[:-1]
    weights[1:, 1] = np.diff(values)
    weights[0] = _below(name, edges[0], mu)
    return weights


def _zero_temperature(name: Kernel, edges: RealArray, h: float, mu: float) -> RealArray:
    weights = np.zeros((len(edges), 2))
    weights[0] = _below(name, edges[0], mu)
    if name in ("fermi", "heat"):
        weights[1:, 0] = _filled(edges, h, mu)
    elif name == "minus_fermi_derivative":
        weights[1:, 0] = (_filled(edges, h, mu + h) - _filled(edges, h, mu - h)) / (2 * h)
    elif name == "grand_potential":
        filled = _filled(edges, h, mu)
        full = filled == 1.0
        weights[1:, 0] = np.where(full, edges[:-1] - mu, -h * filled**2 / 2)
        weights[1:, 1] = np.where(full, h, 0.0)
    return weights


def _below(name: Kernel, lowest: float, mu: float) -> RealArray:
    """Weights of states below the window, whose second moment is Σ X (ε − lowest edge)."""
    if name in ("fermi", "heat"):
        return np.array([1.0, 0.0])
    if name == "grand_potential":
        return np.array([lowest - mu, 1.0])
    return np.zeros(2)


def _filled(edges: RealArray, h: float, mu: float) -> RealArray:
    """Fraction of each bin below μ; positions within 1e-9 of an edge count as on it."""
    fraction = (mu - edges[:-1]) / h
    nearest = np.rint(fraction)
    fraction = np.where(np.abs(fraction - nearest) < 1e-9, nearest, fraction)
    return np.asarray(np.clip(fraction, 0.0, 1.0))

"""Kernels on the energy grid: weights of the two bin moments, for zero and finite temperature."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.responses.kernels import ALL, Kernel


def edge_weights(kernel: Kernel, edges: RealArray, h: float, mu: float, temperature: float) -> RealArray:
    """Weights w of ∫dε κ ρ ≈ Σ w · moments for bins of width ``h`` between ``edges``: (bins + 1, 2), row 0 below.

    At T > 0 the kernel is interpolated linearly between bin edges, error ≤ h² max|κ″|/8. At T = 0 the sum up to a bin
    edge is exact; between edges the density inside a bin counts as uniform, and −∂f/∂ε is the mean density over one
    bin on either side of μ. The kernel "all" counts every state kept by the grid, those below the window included.
    """
    if kernel == ALL:
        return np.tile([1.0, 0.0], (len(edges), 1))
    weights = np.zeros((len(edges), 2))
    # Below the window the second moment is Σ X (ε − lowest edge).
    weights[0] = kernel.step + kernel.ramp * (edges[0] - mu), kernel.ramp
    if temperature > 0:
        values = kernel(edges, mu, temperature)
        weights[1:, 0] = values[:-1]
        weights[1:, 1] = np.diff(values)
    else:
        weights[1:] = _zero_temperature(kernel, edges, h, mu)
    return weights


def _zero_temperature(kernel: Kernel, edges: RealArray, h: float, mu: float) -> RealArray:
    """Weights (bins, 2) of the bins at T = 0."""
    filled = _filled(edges, h, mu)
    full = filled == 1.0
    weights = np.zeros((len(filled), 2))
    weights[:, 0] = kernel.step * filled
    weights[:, 0] += kernel.ramp * np.where(full, edges[:-1] - mu, -h * filled**2 / 2)
    weights[:, 1] = kernel.ramp * np.where(full, h, 0.0)
    if kernel.delta:
        weights[:, 0] += kernel.delta * (_filled(edges, h, mu + h) - _filled(edges, h, mu - h)) / (2 * h)
    return weights


def _filled(edges: RealArray, h: float, mu: float) -> RealArray:
    """Fraction of each bin below μ; positions within 1e-9 of an edge count as on it."""
    fraction = (mu - edges[:-1]) / h
    nearest = np.rint(fraction)
    fraction = np.where(np.abs(fraction - nearest) < 1e-9, nearest, fraction)
    return np.asarray(np.clip(fraction, 0.0, 1.0))

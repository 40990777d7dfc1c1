"""Functions of (μ, T) tabulated on Chebyshev nodes and read off at any profile, and derivatives on the grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError


def chebyshev_nodes(low: float, high: float, count: int) -> RealArray:
    """``count`` Chebyshev points of the first kind on [low, high]; one point if the interval is empty."""
    if high - low <= 1e-12 * max(1.0, abs(low)):
        return np.array([(low + high) / 2])
    angle = np.pi * (np.arange(count) + 0.5) / count
    return (low + high) / 2 - (high - low) / 2 * np.cos(angle)


def interpolation_matrix(nodes: RealArray, points: RealArray) -> RealArray:
    """Matrix B with f(points) = B f(nodes) for the polynomial through Chebyshev ``nodes``; (points, nodes)."""
    count = len(nodes)
    if count == 1:
        return np.ones((len(points), 1))
    weights = np.sin(np.pi * (np.arange(count) + 0.5) / count) * (-1.0) ** np.arange(count)
    distance = points[:, None] - nodes[None, :]
    exact = distance == 0
    ratio = weights / np.where(exact, 1.0, distance)
    ratio[exact.any(axis=1)] = 0.0
    ratio[exact] = 1.0
    return np.asarray(ratio / ratio.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class ChebyshevTable:
    """Values (first nodes, second nodes, *shape) of named functions of two variables."""

    first: RealArray
    second: RealArray
    values: Mapping[str, RealArray]

    def at(self, x: RealArray, y: RealArray) -> dict[str, RealArray]:
        """Every function at points (x, y), arrays of equal shape; results (*shape of x, *shape of the function)."""
        left = interpolation_matrix(self.first, x.ravel())
        right = interpolation_matrix(self.second, y.ravel())
        found = {}
        for name, array in self.values.items():
            mixed = np.einsum("ps,fs...->fp...", right, array, optimize=True)
            read = np.einsum("pf,fp...->p...", left, mixed, optimize=True)
            found[name] = np.asarray(read.reshape(*x.shape, *array.shape[2:]))
        return found

    def truncation(self) -> float:
        """Largest of the last two Chebyshev coefficients of any function relative to its largest value.

        Functions that are rounding errors next to the others are left out.
        """
        worst = 0.0
        floor = 1e-10 * max((float(np.abs(array).max()) for array in self.values.values()), default=0.0)
        for axis, nodes in ((0, self.first), (1, self.second)):
            count = len(nodes)
            if count < 4:
                continue
            angle = np.pi * (np.arange(count) + 0.5) / count
            last = np.cos(np.outer([count - 2, count - 1], angle)) * 2 / count
            for array in self.values.values():
                scale = float(np.abs(array).max())
                if scale > floor:
                    tail = np.tensordot(last, array, axes=(1, axis))
                    worst = max(worst, float(np.abs(tail).max()) / scale)
        return worst


def derivative(values: RealArray, coordinate: RealArray, axis: int, periodic: bool) -> RealArray:
    """∂values/∂coordinate along ``axis`` of a uniform grid.

    ``periodic`` profiles (the period is one step more than the last point minus the first) by Fourier series,
    others by a spline of fifth order. Raises ``ConfigError`` for a grid that is not uniform or has under 8 points.
    """
    count = len(coordinate)
    step = (coordinate[-1] - coordinate[0]) / max(count - 1, 1)
    if count < 8 or step <= 0 or not np.allclose(np.diff(coordinate), step, rtol=1e-8):
        raise ConfigError(
            f"coordinates of the profile are not a uniform ascending grid of at least 8 points (found {count} points); "
            "use numpy.linspace or numpy.arange"
        )
    moved = np.moveaxis(values, axis, 0)
    if periodic:
        q = 2j * np.pi * np.fft.rfftfreq(count, step)
        if count % 2 == 0:
            q[-1] = 0
        spectrum = np.fft.rfft(moved, axis=0) * q.reshape(-1, *(1,) * (moved.ndim - 1))
        slope = np.fft.irfft(spectrum, n=count, axis=0)
    else:
        slope = make_interp_spline(coordinate, moved, k=5, axis=0).derivative()(coordinate)
    return np.asarray(np.moveaxis(slope, 0, axis))

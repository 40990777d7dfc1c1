"""Energy grid and spectral densities ρ_X(ε) = ∫[dk] Σ_n X_n δ(ε − ε_n).

Every bin of the grid keeps two moments of what falls into it, Σ X and Σ X t with t ∈ [0, 1) the position inside the
bin. The first alone gives sums up to a bin edge exactly (zero temperature); both together give the integral of the
piecewise linear interpolant of any kernel, so the error of a smooth kernel is at most h² max|κ″|/8 per unit of ρ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.errors import ConfigError

RealArray = NDArray[np.float64]


@dataclass(frozen=True)
class EnergyGrid:
    """Uniform energy grid (eV) with one edge exactly at ``reference``.

    The window is widened to whole bins: edges are reference + j·step covering [minimum, maximum]. States below the
    window are counted as fully occupied, states above as empty. Raises ``ConfigError`` for an empty window or a step
    that is not positive.
    """

    minimum: float
    maximum: float
    step: float
    reference: float

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ConfigError(f"energy step is {self.step}; write a positive number of eV, for example 0.002")
        if not self.minimum < self.maximum:
            raise ConfigError(
                f"energy window is [{self.minimum}, {self.maximum}]; write the lower energy first, both in eV"
            )

    @property
    def first(self) -> int:
        """Index of the lowest edge relative to ``reference``."""
        return int(np.floor((self.minimum - self.reference) / self.step + 1e-9))

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(np.ceil((self.maximum - self.reference) / self.step - 1e-9)) - self.first

    @property
    def edges(self) -> RealArray:
        """Bin edges, (bins + 1,)."""
        return np.asarray(self.reference + self.step * (self.first + np.arange(self.bins + 1)), dtype=np.float64)


@dataclass(frozen=True)
class SparseDensity:
    """Contribution of one k block: rows of bins that received anything.

    ``rows`` (r,) bin numbers with 0 for everything below the window and bin j stored as j + 1; ``moments``
    (r, 2, columns) the sums Σ w X and Σ w X t (below the window t = ε − lowest edge, eV).
    """

    rows: NDArray[np.int64]
    moments: RealArray


def bin_states(grid: EnergyGrid, energies: RealArray, weights: RealArray, values: RealArray) -> SparseDensity:
    """Sort ``values`` (nk, n, columns) of states at ``energies`` (nk, n) into the bins of ``grid``."""
    low = grid.reference + grid.step * grid.first
    position = ((energies - grid.reference) / grid.step - grid.first).ravel()
    inside = np.flatnonzero(position < grid.bins)
    position = position[inside]
    bins = np.floor(position).astype(np.int64)
    fraction = position - bins
    below = bins < 0
    fraction[below] = energies.ravel()[inside][below] - low
    bins[below] = -1
    order = np.argsort(bins, kind="stable")
    rows, starts = np.unique(bins[order], return_index=True)
    chosen = inside[order]
    n = energies.shape[1]
    weighted = values.reshape(energies.size, -1)[chosen] * weights[chosen // n, None]
    if not len(rows):
        return SparseDensity(rows, np.zeros((0, 2, values.shape[-1])))
    moments = np.empty((len(rows), 2, weighted.shape[1]))
    np.add.reduceat(weighted, starts, axis=0, out=moments[:, 0])
    weighted *= fraction[order, None]
    np.add.reduceat(weighted, starts, axis=0, out=moments[:, 1])
    return SparseDensity(rows + 1, moments)


class SpectralDensity:
    """Running sum of block contributions: ``moments`` (bins + 1, 2, columns), row 0 for states below the window."""

    def __init__(self, grid: EnergyGrid, columns: int) -> None:
        self.moments: RealArray = np.zeros((grid.bins + 1, 2, columns))

    def add(self, part: SparseDensity) -> None:
        """Add one block."""
        self.moments[part.rows] += part.moments

"""Energy grid and spectral densities ρ_X(ε) = ∫[dk] Σ_n X_n δ(ε − ε_n).

A sampling of the energy axis decides what a run keeps of each state: an ``EnergyGrid`` keeps densities, from which any
μ and T follow later; ``FixedPoints`` (``results.points``) keeps the exact sums for a list of μ and T and nothing else.

Every bin of the grid keeps two moments of what falls into it, Σ X and Σ X t with t ∈ [0, 1) the position inside the
bin. The first alone gives sums up to a bin edge exactly (zero temperature); both together give the integral of the
piecewise linear interpolant of any kernel, so the error of a smooth kernel is at most h² max|κ″|/8 per unit of ρ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import IntArray, RealArray
from solenoidal.compiled import available, compiled
from solenoidal.errors import ConfigError, ResultError
from solenoidal.responses.kernels import Kernel
from solenoidal.sampling.edge_weights import edge_weights
from solenoidal.units import BOLTZMANN

WINDOW_MARGIN = 20.0
"""Distance between μ and the ends of the energy window, in k_BT, below which a result is refused."""


@dataclass(frozen=True)
class SparseDensity:
    """Contribution of one k block: rows of bins that received anything.

    ``rows`` (r,) row numbers, for a grid 0 for everything below the window and j + 1 for bin j; ``moments``
    (r, moments, columns) the sums Σ w X and, for a grid, Σ w X t (below the window t = ε − lowest edge, eV).
    """

    rows: NDArray[np.int64]
    moments: RealArray


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

    moments = 2
    """Sums kept in each row: Σ X and Σ X t."""

    @property
    def rows(self) -> int:
        """Rows of a density: one below the window and one for each bin."""
        return self.bins + 1

    @property
    def top(self) -> float:
        """Energy above which states count as empty (eV)."""
        return float(self.edges[-1])

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

    def collect(self, energies: RealArray, weights: RealArray, values: RealArray) -> SparseDensity:
        """Sort ``values`` (nk, n, columns) of states at ``energies`` (nk, n) into the bins; ``weights`` (nk,)."""
        low = self.reference + self.step * self.first
        bins, fraction = _positions(energies, self.reference, self.step, self.first, self.bins, low)
        received = np.zeros(self.rows + 1, dtype=np.bool_)
        received[bins + 1] = True
        rows = np.flatnonzero(received[: self.rows])
        place = np.cumsum(received) - 1
        moments = np.zeros((len(rows), 2, values.shape[-1]))
        sort_in = _sort_in if available else _sort_in_by_numpy
        sort_in(values, weights, place[bins + 1], fraction, moments)
        return SparseDensity(rows, moments)

    def kernel_weights(self, kernel: Kernel, mus: RealArray, temperatures: RealArray) -> RealArray:
        """Weights w of ∫dε κ ρ ≈ Σ w · moments, (mu, temperature, rows, 2); see ``results.thermal``."""
        out = np.zeros((len(mus), len(temperatures), self.rows, 2))
        for i, mu in enumerate(mus):
            for j, temperature in enumerate(temperatures):
                out[i, j] = edge_weights(kernel, self.edges, self.step, float(mu), float(temperature))
        return out

    def check(self, mus: RealArray, temperatures: RealArray, highest: float) -> None:
        """Raise ``ResultError`` when a μ lies closer than 20 k_BT to an end of the window that cuts off states."""
        margin = max(WINDOW_MARGIN * BOLTZMANN * float(temperatures.max(initial=0.0)), self.step) * (1 - 1e-9)
        low = self.edges[0] + margin
        high = np.inf if highest < self.top else self.top - margin
        if np.any(mus < low) or np.any(mus > high) or not np.isfinite(mus).all():
            raise ResultError(
                f"mu spans [{mus.min():.4f}, {mus.max():.4f}] eV, but at {temperatures.max():g} K this run covers "
                f"[{low:.4f}, {high:.4f}] eV (energy window less {WINDOW_MARGIN:g} k_BT); ask inside it, or run again "
                "with a wider energy window"
            )


class EnergySampling(Protocol):
    """What a run keeps of each state, and how a kernel is later read from it."""

    @property
    def rows(self) -> int:
        """Number of rows of a density."""
        ...

    @property
    def moments(self) -> int:
        """Number of sums kept in each row."""
        ...

    @property
    def top(self) -> float:
        """Energy (eV) above which states contribute nothing."""
        ...

    def collect(self, energies: RealArray, weights: RealArray, values: RealArray) -> SparseDensity:
        """What one block adds to the rows; ``weights`` (nk,) of its points, or (nk, n, rows) of its states."""
        ...

    def kernel_weights(self, kernel: Kernel, mus: RealArray, temperatures: RealArray) -> RealArray:
        """Weights of the rows for a kernel, (mu, temperature, rows, moments)."""
        ...

    def check(self, mus: RealArray, temperatures: RealArray, highest: float) -> None:
        """Raise ``ResultError`` for values this sampling cannot answer."""
        ...


def add_rows(moments: RealArray, part: SparseDensity) -> None:
    """Add one block's contribution to running sums ``moments`` (rows, moments, columns), in place."""
    moments[part.rows] += part.moments


@compiled
def _positions(energies, reference, step, first, bins, low):  # type: ignore[no-untyped-def]
    """Bin of each state, −1 below the window and ``bins`` above it, and the second moment's factor."""
    nk, n = energies.shape
    out = np.empty((nk, n), np.int64)
    fraction = np.empty((nk, n))
    for k in range(nk):
        for a in range(n):
            position = (energies[k, a] - reference) / step - first
            if position < 0:
                out[k, a], fraction[k, a] = -1, energies[k, a] - low
            elif position < bins:
                out[k, a] = int(position)
                fraction[k, a] = position - out[k, a]
            else:
                out[k, a], fraction[k, a] = bins, 0.0
    return out, fraction


@compiled
def _sort_in(values, weights, place, fraction, moments):  # type: ignore[no-untyped-def]
    """Add w X and w X t of every state to its row; states above the window have none."""
    nk, n, columns = values.shape
    rows = moments.shape[0]
    for k in range(nk):
        for a in range(n):
            row = place[k, a]
            if row < rows:
                w, t = weights[k], fraction[k, a]
                for c in range(columns):
                    x = w * values[k, a, c]
                    moments[row, 0, c] += x
                    moments[row, 1, c] += x * t


def _sort_in_by_numpy(
    values: RealArray, weights: RealArray, place: IntArray, fraction: RealArray, moments: RealArray
) -> None:
    """The same where loops are not compiled."""
    inside = place < len(moments)
    weighted = (weights[:, None, None] * values)[inside]
    np.add.at(moments[:, 0], place[inside], weighted)
    np.add.at(moments[:, 1], place[inside], weighted * fraction[inside][:, None])

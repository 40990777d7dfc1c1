"""Degenerate groups of bands: compiled loops over what would be large temporary arrays."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

RealArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def group_means(energies: RealArray, labels: IntArray) -> RealArray:
    """Mean energy of the group of each band, (nk, n); ``labels`` (nk, n) are non-decreasing along the bands."""
    out = np.empty_like(energies)
    _means(energies, labels, out)
    return out


def inverse_gaps(energies: RealArray, labels: IntArray, minimum: float) -> RealArray:
    """1/(ε_n − ε_m), (nk, n, m); zero inside a group and between groups closer than ``minimum`` (eV)."""
    out = np.empty((*energies.shape, energies.shape[1]))
    _inverse(energies, labels, minimum, out)
    return out


@numba.njit(nogil=True, cache=True)
def _means(energies, labels, out):  # type: ignore[no-untyped-def]
    nk, n = energies.shape
    for k in range(nk):
        start = 0
        while start < n:
            stop = start
            total = 0.0
            while stop < n and labels[k, stop] == labels[k, start]:
                total += energies[k, stop]
                stop += 1
            out[k, start:stop] = total / (stop - start)
            start = stop


@numba.njit(nogil=True, cache=True)
def _inverse(energies, labels, minimum, out):  # type: ignore[no-untyped-def]
    nk, n = energies.shape
    for k in range(nk):
        for a in range(n):
            out[k, a, a] = 0.0
            for b in range(a + 1, n):
                gap = energies[k, a] - energies[k, b]
                value = 0.0 if labels[k, a] == labels[k, b] or abs(gap) < minimum else 1.0 / gap
                out[k, a, b] = value
                out[k, b, a] = -value

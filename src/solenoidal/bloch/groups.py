"""Degenerate groups of bands: compiled loops over what would be large temporary arrays."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.compiled import available, compiled


def group_labels(energies: RealArray, tolerance: float, kramers: bool) -> IntArray:
    """Number of the group of each band, (nk, n), non-decreasing; neighbours closer than ``tolerance`` (eV) share one.

    With ``kramers`` the bands (0, 1), (2, 3), … share one whatever their distance.
    """
    out = np.empty(energies.shape, dtype=np.int64)
    _labels(energies, tolerance, kramers, out)
    return out


def bands_up_to(energies: RealArray, labels: IntArray, highest: float) -> IntArray:
    """Number of bands, from the lowest, in groups with a band at or below ``highest`` (eV); (nk,)."""
    out = np.empty(len(energies), dtype=np.int64)
    _up_to(energies, labels, highest, out)
    return out


def group_means(energies: RealArray, labels: IntArray) -> RealArray:
    """Mean energy of the group of each band, (nk, n); ``labels`` (nk, n) are non-decreasing along the bands."""
    out = np.empty_like(energies)
    _means(energies, labels, out)
    return out


def inverse_gaps(energies: RealArray, labels: IntArray, minimum: float) -> RealArray:
    """1/(ε_n − ε_m), (nk, n, m); zero inside a group and between groups closer than ``minimum`` (eV)."""
    out = np.zeros((*energies.shape, energies.shape[1]))
    if available:
        _inverse(energies, labels, minimum, out)
    else:
        gaps = energies[:, :, None] - energies[:, None, :]
        apart = labels[:, :, None] != labels[:, None, :]
        np.divide(1.0, gaps, out=out, where=apart & (np.abs(gaps) >= minimum))
    return out


@compiled
def _labels(energies, tolerance, kramers, out):  # type: ignore[no-untyped-def]
    nk, n = energies.shape
    for k in range(nk):
        out[k, 0] = 0
        for a in range(1, n):
            partner = kramers and a % 2 == 1
            split = not partner and energies[k, a] - energies[k, a - 1] >= tolerance
            out[k, a] = out[k, a - 1] + (1 if split else 0)


@compiled
def _up_to(energies, labels, highest, out):  # type: ignore[no-untyped-def]
    nk, n = energies.shape
    for k in range(nk):
        count = 0
        while count < n and energies[k, count] <= highest:
            count += 1
        while 0 < count < n and labels[k, count] == labels[k, count - 1]:
            count += 1
        out[k] = count


@compiled
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


@compiled
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

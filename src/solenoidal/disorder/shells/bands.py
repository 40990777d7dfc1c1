"""Band energies as scalar fields on k space, and root searches along straight lines for energy shells.

Bands that coincide over the whole mesh form a group, whose mean energy is one smooth field; searches need eigenvalues
only, so states are computed once, at the final points.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.bloch.eigen import eigh

ROOT_TOLERANCE = 1e-13
"""Accepted |ε − energy| in units of the bandwidth."""

CHUNK = 512
MAXIMUM_STEPS = 60
PROJECTION_STEPS = 14


@dataclass(frozen=True, eq=False)
class BandFields:
    """Mean energies of band groups as functions of Cartesian k.

    ``starts`` (groups + 1,) first band of each group and the number of bands; ``inverse`` (3, 3) turns Cartesian
    (1/Å) into fractional k; ``scale`` is the bandwidth (eV) that sets the tolerance of roots.
    """

    hamiltonian: Callable[[RealArray], ComplexArray]
    starts: IntArray
    inverse: RealArray
    scale: float
    pool: Executor | None = field(default=None, repr=False)

    def fractional(self, k: RealArray) -> RealArray:
        """Fractional coordinates of Cartesian ``k`` (nk, 3)."""
        return np.asarray(k @ self.inverse)

    def energies(self, k: RealArray) -> RealArray:
        """Mean energy of every group at fractional ``k``, (nk, groups) in eV."""
        values = self._eigenvalues(k)
        sizes = np.diff(self.starts)
        if np.all(sizes == 1):
            return values
        return np.asarray(np.add.reduceat(values, self.starts[:-1], axis=1) / sizes)

    def at(self, k: RealArray, group: IntArray) -> RealArray:
        """Energy of group ``group[j]`` at Cartesian ``k[j]``, (nk,)."""
        values = self.energies(self.fractional(k))
        return np.asarray(values[np.arange(len(k)), group])

    def _eigenvalues(self, k: RealArray) -> RealArray:
        parts = [k[i : i + CHUNK] for i in range(0, len(k), CHUNK)]
        run = map if self.pool is None or len(parts) == 1 else self.pool.map
        found = list(run(lambda part: eigh(self.hamiltonian(part))[0], parts))
        return np.concatenate(found) if found else np.zeros((0, int(self.starts[-1])))

    def crossings(
        self, first: RealArray, last: RealArray, group: IntArray, values: tuple[RealArray, RealArray], energy: float
    ) -> RealArray:
        """Points (m, 3) where the group's energy equals ``energy`` between ``first`` and ``last`` (m, 3).

        ``values`` are ε − energy at both ends, of opposite sign. Illinois method: the bracket never opens.
        """
        t0, t1 = np.zeros(len(group)), np.ones(len(group))
        f0, f1 = values[0].copy(), values[1].copy()
        side = np.zeros(len(group), dtype=np.int64)
        t = np.empty(len(group))
        active = np.arange(len(group))
        tolerance = ROOT_TOLERANCE * self.scale
        for _ in range(MAXIMUM_STEPS):
            a = active
            t[a] = (t0[a] * f1[a] - t1[a] * f0[a]) / (f1[a] - f0[a])
            f = self.at(first[a] + t[a, None] * (last[a] - first[a]), group[a]) - energy
            upper = (f > 0) == (f1[a] > 0)
            hi, lo = a[upper], a[~upper]
            t1[hi], f1[hi] = t[hi], f[upper]
            f0[hi] *= np.where(side[hi] == 1, 0.5, 1.0)
            t0[lo], f0[lo] = t[lo], f[~upper]
            f1[lo] *= np.where(side[lo] == -1, 0.5, 1.0)
            side[hi], side[lo] = 1, -1
            active = a[(np.abs(f) > tolerance) & (t1[a] - t0[a] > 1e-15)]
            if not len(active):
                break
        return np.asarray(first + t[:, None] * (last - first))

    def project(
        self,
        base: RealArray,
        direction: RealArray,
        group: IntArray,
        energy: float,
        *,
        guess: RealArray,
        slope: RealArray,
        reach: RealArray,
    ) -> tuple[RealArray, BoolArray]:
        """Displacement η with ε(base + η direction) = energy by the secant method, and whether it was found.

        ``guess`` and ``slope`` (m,) start it, ``reach`` (m,) is the largest displacement believed.
        """
        eta = guess.copy()
        gradient = slope.copy()
        found = np.zeros(len(group), dtype=np.bool_)
        active = np.flatnonzero((gradient != 0) & (np.abs(eta) <= reach))
        previous = np.full(len(group), np.nan)
        step = np.zeros(len(group))
        tolerance = ROOT_TOLERANCE * self.scale
        for _ in range(PROJECTION_STEPS):
            a = active
            f = self.at(base[a] + eta[a, None] * direction[a], group[a]) - energy
            # A secant over a step that is mostly rounding would spoil the slope.
            useful = np.isfinite(previous[a]) & (np.abs(f - previous[a]) > 1e3 * tolerance) & (step[a] != 0)
            gradient[a[useful]] = (f[useful] - previous[a[useful]]) / step[a[useful]]
            previous[a] = f
            found[a] = np.abs(f) <= tolerance
            step[a] = np.where(gradient[a] != 0, -f / np.where(gradient[a] != 0, gradient[a], 1.0), np.inf)
            keep = ~found[a] & (np.abs(eta[a] + step[a]) <= reach[a])
            active = a[keep]
            eta[active] += step[active]
            if not len(active):
                break
        return eta, found

"""Which mesh comes next: ask for it, tell how it went, cell by cell.

Every finished set of shifted meshes says what each star of cells adds to the variance of the published numbers. The
next mesh gives a cell the density of points that makes the sum of these variances smallest for its cost, if that
promises to be much cheaper than a uniform mesh, and is uniform otherwise. The allocation is fixed before the next set
is drawn and sets are never mixed, so every set is an unbiased estimate.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solenoidal.accuracy.cells import CellTally, averaged_over_group, star_numbers
from solenoidal.arrays import IntArray, RealArray
from solenoidal.integrate.meshes import RefinedMesh, SymmetricMeshes
from solenoidal.symmetry.search import SymmetryGroup

FIRST_POINTS = 4000
"""Points of the first set, all meshes together."""

GROWTH = (1.25, 2.5)
"""Smallest and largest factor between the divisions of one set and the next; for a refined mesh, of the mesh with as
many points."""

SHRINK = 0.8
"""Smallest such factor where a uniform mesh is followed by a refined one, which may need fewer points."""

LATER_POINTS = 6.0
"""Largest factor between the points of later sets: one that misses by a fluctuation of its spread must not be followed
by a set a hundred times as dear."""

DECAY = (1.5, 5.0)
"""Range in which the power of the error against the divisions is believed."""

POWER = 3.0
"""The power assumed for uniform meshes; one measured between sets whose divisions differ by e weighs as much."""

REFINED_POWER = 1.5
"""The power assumed for refined meshes: what they are made for is not resolved yet and falls not much faster than
noise."""

OPERATIONS = 4
"""Operations on k points from which sets of symmetric meshes, reduced, are considered instead of shifted ones."""

SURPRISE = 5.0
"""Error over tolerance of a symmetric set, which was meant to meet it, from which the cells that hold it are looked
for."""

FLOOR = 0.2
"""Lowest density of points in a cell, relative to the mean: cells that hid their spike keep a share of the points."""

GAIN = 3.0
"""How many times fewer points a refined mesh has to promise to be taken: less has proved to be noise."""

KEPT_GAIN = 1.5
"""How many times fewer points a refined mesh has to promise after a refined set."""

CELLS = {1: 4096, 2: 128, 3: 24}
"""Largest number of cells along a direction; finer meshes have several points in every cell."""

LADDER = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64], dtype=np.int64)
"""Subdivisions of a cell: few different ones, so that neighbours often share theirs and join to one uniform mesh."""

MATTERS = 0.25
"""Outputs and points (μ, T) whose variance is above this share of the largest decide about the allocation."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A mesh to be evaluated: ``subdivisions`` (M1, M2, M3) of the cells in ``dimension`` directions."""

    subdivisions: IntArray
    dimension: int
    symmetric: bool = False

    @staticmethod
    def reduced(divisions: int, dimension: int) -> Plan:
        """Meshes of ``divisions`` and a little more that symmetry maps onto themselves."""
        return Plan(np.full(_shape(1, dimension), divisions, dtype=np.int64), dimension, symmetric=True)

    @staticmethod
    def uniform(divisions: int, dimension: int) -> Plan:
        """At least ``divisions`` along each direction, in no more than the largest number of cells."""
        p = -(-divisions // CELLS[dimension])
        cells = -(-divisions // p)
        return Plan(np.full(_shape(cells, dimension), p, dtype=np.int64), dimension)

    @staticmethod
    def decode(text: dict[str, Any], dimension: int) -> Plan:
        """The plan written by ``encode``."""
        raw = zlib.decompress(base64.b64decode(text["subdivisions"]))
        subdivisions = np.frombuffer(raw, dtype="<u2").astype(np.int64).reshape(_shape(text["cells"], dimension))
        return Plan(subdivisions, dimension, text["symmetric"])

    def encode(self) -> dict[str, Any]:
        """The plan as numbers and text that JSON can hold."""
        raw = zlib.compress(self.subdivisions.astype("<u2").tobytes())
        text = base64.b64encode(raw).decode("ascii")
        return {"cells": self.cells, "subdivisions": text, "symmetric": self.symmetric}

    @property
    def cells(self) -> int:
        """Cells along each periodic direction."""
        return int(self.subdivisions.shape[0])

    @property
    def refined(self) -> bool:
        """Whether cells differ."""
        return bool(np.ptp(self.subdivisions) > 0)

    @property
    def kind(self) -> str:
        """ "symmetric", "refined" or "uniform": errors of sets of one kind fall alike."""
        return "symmetric" if self.symmetric else "refined" if self.refined else "uniform"

    @property
    def mesh(self) -> tuple[int, int, int] | RefinedMesh | SymmetricMeshes:
        """What ``solve`` takes: divisions where all cells are equal, a ``RefinedMesh`` or ``SymmetricMeshes``
        otherwise."""
        if self.symmetric:
            return SymmetricMeshes(int(self.subdivisions.max()), self.dimension)
        mesh = RefinedMesh(self.subdivisions, self.dimension)
        return mesh if self.refined else mesh.divisions

    @property
    def size(self) -> int:
        """Points of one mesh, not reduced."""
        return RefinedMesh(self.subdivisions, self.dimension).size

    @property
    def divisions(self) -> float:
        """Divisions of the uniform mesh with as many points."""
        return float(self.size ** (1 / self.dimension))

    @property
    def densities(self) -> RealArray:
        """Points along a direction of the zone at the density of each cell, (cells,)."""
        return (self.cells * self.subdivisions.ravel()).astype(np.float64)

    def stars(self, group: SymmetryGroup) -> IntArray:
        """Number of the star of each cell."""
        return star_numbers(self.subdivisions.shape, group)


@dataclass
class Refinement:
    """Bookkeeping of a run with a stated accuracy: ``ask`` for a plan, ``tell`` how it went, until it is good enough.

    ``history`` describes the sets that are over, in numbers and text that JSON can hold; a run is resumed from it.
    """

    dimension: int
    replicas: int
    group: SymmetryGroup
    history: list[dict[str, Any]] = field(default_factory=list)

    def ask(self) -> Plan:
        """The next mesh."""
        if self.history:
            return Plan.decode(self.history[-1]["next"], self.dimension)
        divisions = max(2, round((FIRST_POINTS / self.replicas) ** (1 / self.dimension)))
        return Plan.uniform(divisions, self.dimension)

    def cost(self, plan: Plan) -> float:
        """About how many points a set of ``plan`` evaluates."""
        return self.replicas * plan.size / (self.operations if plan.symmetric else 1)

    @property
    def operations(self) -> int:
        """Operations that act differently on k points."""
        return len(np.unique(self.group.k_rotations, axis=0))

    def tell(self, plan: Plan, shortfall: float, points: int, tally: CellTally | None, allowed: RealArray) -> None:
        """Record that ``plan``, at ``points`` evaluated, left the error at ``shortfall`` × tolerance; ``allowed``
        (points,) is the tolerance at each point of the target of the ``tally``, which symmetric sets do not have."""
        stars, cancellation = (np.zeros(0), 1.0) if tally is None else star_variances(tally, allowed)
        mesh = RefinedMesh(plan.subdivisions, self.dimension)
        entry: dict[str, Any] = {
            "divisions": round(plan.divisions),
            "points": points,
            "kind": plan.kind,
            "size": plan.size,
            "error_over_tolerance": shortfall,
            "cells": plan.cells,
            "smallest_subdivision": int(plan.subdivisions.min()),
            "largest_subdivision": int(plan.subdivisions.max()),
            "refined_share": mesh.refined_share,
            "cancellation": cancellation,
        }
        self.history.append(entry)
        if tally is not None:
            following = self._following(plan, stars, tally.rule.stars)
        else:
            following = self._reduced() if shortfall < SURPRISE else self._located(points)
        entry["next"] = following.encode()

    def report(self) -> list[dict[str, Any]]:
        """The history for readers, without the plans."""
        hidden = ("next", "worst", "size")
        return [{name: value for name, value in row.items() if name not in hidden} for row in self.history]

    def _following(self, plan: Plan, star_variance: RealArray, stars: IntArray) -> Plan:
        """The refined mesh that should meet the tolerance, or the uniform one where that promises nearly as much."""
        d = self.dimension
        uniform = self._uniform_divisions()
        low, high = self._bounds(plan.divisions)
        reduced = self._reduced()
        cheap = self.operations >= OPERATIONS and self.cost(reduced) < self.replicas * np.clip(uniform, low, high) ** d
        if star_variance.any():
            variance = self._smoothed(plan, star_variance, stars)
            # Both are compared under one law for the fall of the error, that of uniform meshes.
            _, promised = self._best(plan, variance, 2 * self._power("uniform"))
            if promised**d * (KEPT_GAIN if plan.refined else GAIN) <= uniform**d:
                shape, wanted = self._best(plan, variance, 2 * self._power("refined"))
                low = low if plan.refined else SHRINK * plan.divisions
                return self._discrete(plan, float(np.clip(wanted, low, high)) * shape)
        return reduced if cheap else Plan.uniform(int(np.ceil(np.clip(uniform, low, high))), d)

    def _reduced(self) -> Plan:
        """The symmetric set that should meet the tolerance.

        A mesh that is its own image has the error of a shifted one of as many divisions before that is averaged over
        its images, which behave like independent ones.
        """
        last = self.history[-1]
        if last["kind"] == "symmetric":
            wanted = self._needed("symmetric", last["error_over_tolerance"], last["divisions"])
            low, high = self._bounds(last["divisions"])
        else:
            several = float(np.sqrt(self.operations))
            shifted = [row for row in self.history if row["kind"] != "symmetric"]
            errors = [(several * row["error_over_tolerance"], row["divisions"]) for row in shifted]
            wanted = max(self._needed("symmetric", *error) for error in errors)
            low = float(last["divisions"])
            high = GROWTH[1] * low * self.operations ** (1 / self.dimension)
        return Plan.reduced(int(np.ceil(np.clip(wanted, low, high))), self.dimension)

    def _located(self, points: int) -> Plan:
        """A shifted set as dear as ``points``, to see which cells hold an error that a symmetric set has shown."""
        largest = max(row["divisions"] for row in self.history if row["kind"] == "uniform")
        wanted = max(GROWTH[0] * largest, (points / self.replicas) ** (1 / self.dimension))
        return Plan.uniform(int(np.ceil(wanted)), self.dimension)

    def _bounds(self, divisions: float) -> tuple[float, float]:
        """Smallest and largest divisions of the next set of the same kind."""
        low, high = (x * divisions for x in GROWTH)
        return low, min(high, LATER_POINTS ** (1 / self.dimension) * divisions) if len(self.history) > 1 else high

    def _best(self, plan: Plan, variance: RealArray, fall: float) -> tuple[RealArray, float]:
        """Relative density of every cell, and the divisions at which it should meet the tolerance."""
        last = self.history[-1]
        shape = best_shape(variance, plan.densities, fall, self.dimension)
        # Errors of the stars may cancel on a uniform mesh, which refinement ends; what adds up goes on doing so.
        cancellation = last["cancellation"] if plan.refined else max(1.0, last["cancellation"])
        squared = last["error_over_tolerance"] ** 2 * cancellation / last["cancellation"]
        ratio = squared * float(np.sum(variance * (plan.densities / shape) ** fall))
        return shape, float((1.1**2 * ratio) ** (1 / fall))

    def _uniform_divisions(self) -> float:
        """Divisions of a uniform mesh that should meet the tolerance; it is no better than a refined one as large."""
        shifted = [row for row in self.history if row["kind"] != "symmetric"]
        since = max(i for i, row in enumerate(shifted) if row["kind"] == "uniform")
        return max(self._needed("uniform", row["error_over_tolerance"], row["divisions"]) for row in shifted[since:])

    def _needed(self, kind: str, error: float, divisions: float) -> float:
        """Divisions that should meet the tolerance if ``divisions`` leave ``error`` times it."""
        return float(divisions * (1.1 * error) ** (1 / self._power(kind)))

    def _power(self, kind: str) -> float:
        """Fall of the error with the divisions: what is assumed and what the sets of one kind showed."""
        rows = [row for row in self.history if row["kind"] == kind]
        assumed = REFINED_POWER if kind == "refined" else POWER
        if len(rows) < 2 or rows[-1]["size"] <= rows[0]["size"]:
            return assumed
        fall = np.log(rows[0]["error_over_tolerance"] / max(rows[-1]["error_over_tolerance"], 1e-12))
        steps = np.log(rows[-1]["size"] / rows[0]["size"]) / self.dimension
        return float(np.clip((assumed + fall) / (1 + steps), *DECAY))

    def _smoothed(self, plan: Plan, star_variance: RealArray, stars: IntArray) -> RealArray:
        """Share of each cell in the variance, shared with its neighbours and with its images, (cells,) of sum 1."""
        members = np.bincount(stars)
        density = plan.densities**self.dimension
        spread = averaged_over_group(
            (star_variance / members)[stars] * density, plan.subdivisions.shape, stars, self.group
        )
        spread = spread.reshape(plan.subdivisions.shape)
        for axis in range(self.dimension):
            spread = (np.roll(spread, 1, axis) + 2 * spread + np.roll(spread, -1, axis)) / 4
        variance = spread.ravel() / density
        return np.asarray(variance / variance.sum())

    def _discrete(self, plan: Plan, density: RealArray) -> Plan:
        """Subdivisions on the ladder that come closest to ``density`` (cells of ``plan``,)."""
        d = self.dimension
        coarsest = max(float(density.min()), float(plan.cells))
        several = int(np.ceil(coarsest / CELLS[d] - 1e-9))
        cells = max(plan.cells, round(coarsest / several))
        shape = _shape(cells, d)
        centre = (np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1) + 0.5) / np.array(shape)
        index = np.floor(centre * np.array(plan.subdivisions.shape)).astype(np.int64)
        wanted = density[np.ravel_multi_index(tuple(index.T), plan.subdivisions.shape)] / cells
        nearest = np.abs(np.log(wanted[:, None] / LADDER)).argmin(axis=1)
        chosen = np.maximum(LADDER[nearest], several)
        stars = star_numbers(shape, self.group)
        highest = np.zeros(int(stars.max()) + 1, dtype=np.int64)
        np.maximum.at(highest, stars, chosen)
        return Plan(highest[stars].reshape(shape), d)


def star_variances(tally: CellTally, allowed: RealArray) -> tuple[RealArray, float]:
    """Variance over the shifted meshes of what each star adds, (stars,), in units of the tolerance squared, and the
    variance of the whole divided by their sum: below one where the errors of the stars cancel.

    Only the outputs and points (μ, T) that are worst off count.
    """
    target = tally.rule.target
    sums = tally.sums.reshape(*tally.sums.shape[:2], len(target.points), -1) / allowed[:, None]
    first = np.concatenate([[0], np.cumsum(target.outputs)[:-1]])
    whole = np.add.reduceat(sums.sum(axis=1).var(axis=0, ddof=1), first, axis=1)
    parts = np.add.reduceat(sums.var(axis=0, ddof=1), first, axis=2)
    matters = whole >= MATTERS * whole.max()
    stars = parts[:, matters].sum(axis=1)
    total = float(stars.sum())
    return stars, float(whole[matters].sum()) / total if total > 0 else 1.0


def best_shape(variance: RealArray, density: RealArray, fall: float, dimension: int) -> RealArray:
    """Relative densities h (cells,), mean of h^dimension 1, that make Σ variance (density / h)^fall smallest.

    Without a floor h ∝ (variance · density^fall)^{1/(fall + dimension)}; no cell falls below ``FLOOR`` of the mean.
    """
    ideal = (variance * density**fall) ** (dimension / (fall + dimension))
    ordered = np.sort(ideal)[::-1]
    # Points left for the cells above the floor when it holds the others, and the smallest of them then.
    free = len(ideal) * (1 - FLOOR) + FLOOR * np.arange(1, len(ideal) + 1)
    smallest = ordered * free / np.cumsum(ordered)
    above = max(1, int(np.count_nonzero(smallest > FLOOR)))
    scale = free[above - 1] / ordered[:above].sum()
    return np.asarray(np.maximum(scale * ideal, FLOOR) ** (1 / dimension))


def _shape(cells: int, dimension: int) -> tuple[int, int, int]:
    return cells, cells if dimension > 1 else 1, cells if dimension > 2 else 1


def worst_points(ratios: RealArray, count: int) -> Sequence[tuple[int, int]]:
    """Indices (μ, T) of the ``count`` largest ``ratios`` (mu, temperature)."""
    order = np.argsort(ratios.ravel())[::-1][:count]
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(np.sort(order), ratios.shape), strict=True)]

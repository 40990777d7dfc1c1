"""Which candidate operations hold, on whatever evidence: the largest group of those within the limits, and a report.

Every search of the package ends here. What differs is the evidence: energies and traces of a model, spin rotations that
fit, scattering rates of impurities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.symmetry.crystal import lattice_operations
from solenoidal.symmetry.group import SymmetryGroup, describe, multiplication_table


class Operations(Protocol):
    """Operations on space, with or without time reversal, of which no two are equal."""

    @property
    def rotations(self) -> RealArray:
        """Cartesian, orthogonal, (c, 3, 3)."""
        ...

    @property
    def time_reversal(self) -> BoolArray:
        """Antiunitary operations, (c,)."""
        ...


@dataclass(frozen=True, eq=False)
class Selection:
    """The verdict on candidates: ``violations`` of each quantity by each of them (c,) and their ``limits``.

    ``allowed`` marks those that may be chosen at all, ``within`` those within all limits, and ``accepted`` the largest
    group found among these; ``names`` describe the candidates.
    """

    names: tuple[str, ...]
    violations: Mapping[str, RealArray]
    limits: Mapping[str, float]
    allowed: BoolArray
    within: BoolArray
    accepted: BoolArray

    def worst(self, candidate: int) -> tuple[str, float]:
        """The quantity that ``candidate`` violates most, measured by the limits, and by how much."""
        name = max(self.violations, key=lambda key: float(self.violations[key][candidate] / self.limits[key]))
        return name, float(self.violations[name][candidate])

    @property
    def score(self) -> RealArray:
        """Largest ratio of a violation to its limit, for each candidate (c,)."""
        return scores(self.violations, self.limits)

    def evidence_lines(self, accepted: BoolArray) -> list[str]:
        """Text for the user: how well the ``accepted`` operations hold, what failed mildest, what was dropped."""
        lines = [
            "largest violation by these (limit): "
            + ", ".join(
                f"{name} {np.max(value[accepted]):.1e} ({self.limits[name]:.0e})"
                for name, value in self.violations.items()
            )
        ]
        refused = np.flatnonzero(~self.within & self.allowed)
        if len(refused):
            best = int(refused[int(np.argmin(self.score[refused]))])
            name, violation = self.worst(best)
            lines.append(f"mildest violation by another: {self.names[best]}, {name} {violation:.1e}")
        dropped = [self.names[g] for g in np.flatnonzero(self.within & ~self.accepted)]
        if dropped:
            listed = ", ".join(dropped)
            lines.append(f"within the limits, but dropped because they generate operations that are not: {listed}")
        return lines


def lattice_candidates(model: Model) -> SymmetryGroup:
    """Point operations of the lattice that keep its periodic directions, each with and without time reversal."""
    lattice = np.ascontiguousarray(2 * np.pi * np.linalg.inv(model.reciprocal).T)
    R = lattice_operations(lattice, model.dimension)
    flags = np.repeat([False, True], len(R))
    return SymmetryGroup.from_rotations(np.concatenate([R, R]), flags, lattice=lattice, dimension=model.dimension)


def select(
    candidates: Operations,
    violations: Mapping[str, RealArray],
    limits: Mapping[str, float],
    allowed: BoolArray | None = None,
) -> Selection:
    """Judge ``candidates`` by their ``violations``, name → (c,); only those ``allowed`` (c,) can be chosen.

    What is accepted always forms a group: if the operations within the limits do not, the worst are dropped.
    """
    if allowed is None:
        allowed = np.ones(len(candidates.time_reversal), dtype=np.bool_)
    score = scores(violations, limits)
    within = allowed & (score < 1)
    names = [describe(R, bool(T)) for R, T in zip(candidates.rotations, candidates.time_reversal, strict=True)]
    accepted = closed_subset(candidates, score, within)
    return Selection(tuple(names), dict(violations), dict(limits), allowed, within, accepted)


def scores(violations: Mapping[str, RealArray], limits: Mapping[str, float]) -> RealArray:
    """Largest ratio of a violation to its limit, for each candidate (c,)."""
    return np.asarray(np.max([value / limits[name] for name, value in violations.items()], axis=0))


def closed_subset(candidates: Operations, violation: RealArray, within: BoolArray) -> BoolArray:
    """Grow a subgroup from the identity by the best operations, refusing those that generate one out of
    tolerance."""
    table = multiplication_table(candidates.rotations, candidates.time_reversal)
    members = np.zeros(len(candidates.time_reversal), dtype=np.bool_)
    members[identity_of(candidates)] = True
    for g in np.argsort(violation):
        if not within[g] or members[g]:
            continue
        trial = members.copy()
        trial[g] = True
        size = 0
        while size < np.sum(trial):
            size = int(np.sum(trial))
            trial[table[np.ix_(trial, trial)].ravel()] = True
        if np.all(within[trial]):
            members = trial
    return members


def identity_of(candidates: Operations) -> int:
    """Index of the operation that does nothing: g·h = g only for it."""
    table = multiplication_table(candidates.rotations, candidates.time_reversal)
    return int(np.flatnonzero(table[0] == 0)[0])

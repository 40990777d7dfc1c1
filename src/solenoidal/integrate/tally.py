"""What the driver knows of a tally: sums over parts of the zone, kept beside the densities for the choice of meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from solenoidal.arrays import IntArray, RealArray
from solenoidal.integrate.meshes import KBlock


@dataclass(frozen=True)
class PartSums:
    """Sums of one block over the parts of the zone it touches: ``rows`` (s,) their numbers, ``sums`` (s, targets)."""

    rows: IntArray
    sums: RealArray


class TallyRule(Protocol):
    """How a block is sorted into parts of the zone; travels to the workers."""

    def __call__(self, block: KBlock, energies: RealArray, values: RealArray) -> PartSums:
        """Sums of the terms ``values`` (nk, n, columns) of states at ``energies`` (nk, n)."""
        ...


class Tally(Protocol):
    """Sums over the parts of the zone; the driver leaves them in ``sums`` (replicas, parts, targets)."""

    sums: RealArray

    @property
    def rule(self) -> TallyRule:
        """What the workers do with each block."""
        ...

    def empty(self, replicas: int) -> RealArray:
        """Zeros of the shape of ``sums``."""
        ...

"""Local densities of nonuniform systems: from band geometry, and by exact diagonalisation of ribbons and tori."""

from __future__ import annotations

from solenoidal.realspace.local import local_densities

__all__ = ["local_densities"]

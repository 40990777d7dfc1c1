"""The samplings of the energy axis a run can be asked for."""

from __future__ import annotations

from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.sampling.points import FixedPoints
from solenoidal.sampling.tetrahedra import TetrahedronPoints

Sampling = EnergyGrid | FixedPoints | TetrahedronPoints

SAMPLINGS: dict[str, type[Sampling]] = {kind.__name__: kind for kind in (EnergyGrid, FixedPoints, TetrahedronPoints)}

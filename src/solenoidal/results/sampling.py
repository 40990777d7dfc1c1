"""The samplings of the energy axis a run can be asked for."""

from __future__ import annotations

from solenoidal.results.points import FixedPoints
from solenoidal.results.spectral import EnergyGrid
from solenoidal.results.tetrahedra import TetrahedronPoints

Sampling = EnergyGrid | FixedPoints | TetrahedronPoints

SAMPLINGS: dict[str, type[Sampling]] = {kind.__name__: kind for kind in (EnergyGrid, FixedPoints, TetrahedronPoints)}

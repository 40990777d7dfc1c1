"""What a run keeps of each state: energy bins, fixed points, weights of tetrahedra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.sampling.energy_grid import EnergyGrid as EnergyGrid
    from solenoidal.sampling.energy_grid import EnergySampling as EnergySampling
    from solenoidal.sampling.energy_grid import SparseDensity as SparseDensity
    from solenoidal.sampling.points import FixedPoints as FixedPoints
    from solenoidal.sampling.simplices import simplex_weights as simplex_weights
    from solenoidal.sampling.tetrahedra import TetrahedronPoints as TetrahedronPoints
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.sampling.energy_grid": ["EnergyGrid", "EnergySampling", "SparseDensity"],
            "solenoidal.sampling.points": ["FixedPoints"],
            "solenoidal.sampling.simplices": ["simplex_weights"],
            "solenoidal.sampling.tetrahedra": ["TetrahedronPoints"],
        },
    )

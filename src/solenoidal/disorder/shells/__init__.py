"""Surfaces of constant energy of a band structure, and the states on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.disorder.shells.bands import BandFields as BandFields
    from solenoidal.disorder.shells.meshes import SimplexMesh as SimplexMesh
    from solenoidal.disorder.shells.shells import EnergyShell as EnergyShell
    from solenoidal.disorder.shells.shells import EnergyShells as EnergyShells
    from solenoidal.disorder.shells.shells import NoFermiSurfaceError as NoFermiSurfaceError
    from solenoidal.disorder.shells.states import StateBlock as StateBlock
    from solenoidal.disorder.shells.states import StateSource as StateSource
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.disorder.shells.bands": ["BandFields"],
            "solenoidal.disorder.shells.meshes": ["SimplexMesh"],
            "solenoidal.disorder.shells.shells": ["EnergyShell", "EnergyShells", "NoFermiSurfaceError"],
            "solenoidal.disorder.shells.states": ["StateBlock", "StateSource"],
        },
    )

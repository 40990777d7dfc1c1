"""Bloch states on blocks of k points: Fourier sums, diagonalisation, degenerate groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.bloch.eigen import eigh as eigh
    from solenoidal.bloch.fourier import LatticeFourier as LatticeFourier
    from solenoidal.bloch.interpolation import Interpolator as Interpolator
    from solenoidal.bloch.interpolation import Model as Model
    from solenoidal.bloch.interpolation import OrbitalMatrices as OrbitalMatrices
    from solenoidal.bloch.interpolation import hamiltonian_function as hamiltonian_function
    from solenoidal.bloch.interpolation import interpolator as interpolator
    from solenoidal.bloch.states import BlochStates as BlochStates
    from solenoidal.bloch.states import Degeneracy as Degeneracy
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.bloch.eigen": ["eigh"],
            "solenoidal.bloch.fourier": ["LatticeFourier"],
            "solenoidal.bloch.interpolation": [
                "Interpolator",
                "Model",
                "OrbitalMatrices",
                "hamiltonian_function",
                "interpolator",
            ],
            "solenoidal.bloch.states": ["BlochStates", "Degeneracy"],
        },
    )

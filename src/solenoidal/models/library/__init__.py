"""Named models of the literature, each with its source, and a random model for tests."""

from __future__ import annotations

from solenoidal.models.library.magnets import altermagnet_d_wave, kagome_antiferromagnet, pt_antiferromagnet
from solenoidal.models.library.random_models import random_model
from solenoidal.models.library.rashba import (
    cubic_rashba_continuum,
    k3_model,
    magnetised_rashba,
    magnetised_rashba_continuum,
    rashba_continuum,
    rashba_dresselhaus,
    rashba_square,
)
from solenoidal.models.library.semiconductors import luttinger
from solenoidal.models.library.superconductors import (
    bhz_chiral_d,
    bhz_orbital_s_wave,
    chern_insulator_chiral_d,
    chern_insulator_s_wave,
    chiral_d_honeycomb,
    chiral_d_kagome,
    chiral_d_square,
    chiral_d_triangular,
    chiral_p_square,
    haldane_s_wave,
    spin_dependent_square,
    strontium_ruthenate_chiral_p,
    two_orbitals_without_symmetry,
    valley_polarised_honeycomb,
)
from solenoidal.models.library.topological import (
    bhz,
    haldane,
    kane_mele,
    massive_dirac,
    massive_dirac_continuum,
    qwz,
    weyl,
)

__all__ = [
    "altermagnet_d_wave",
    "bhz",
    "bhz_chiral_d",
    "bhz_orbital_s_wave",
    "chern_insulator_chiral_d",
    "chern_insulator_s_wave",
    "chiral_d_honeycomb",
    "chiral_d_kagome",
    "chiral_d_square",
    "chiral_d_triangular",
    "chiral_p_square",
    "cubic_rashba_continuum",
    "haldane",
    "haldane_s_wave",
    "k3_model",
    "kagome_antiferromagnet",
    "kane_mele",
    "luttinger",
    "magnetised_rashba",
    "magnetised_rashba_continuum",
    "massive_dirac",
    "massive_dirac_continuum",
    "pt_antiferromagnet",
    "qwz",
    "random_model",
    "rashba_continuum",
    "rashba_dresselhaus",
    "rashba_square",
    "spin_dependent_square",
    "strontium_ruthenate_chiral_p",
    "two_orbitals_without_symmetry",
    "valley_polarised_honeycomb",
    "weyl",
]

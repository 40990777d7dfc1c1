"""Named models of the literature, each with its source, and a random model for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    __all__: list[str]

    from solenoidal.models.library.magnets import altermagnet_d_wave as altermagnet_d_wave
    from solenoidal.models.library.magnets import kagome_antiferromagnet as kagome_antiferromagnet
    from solenoidal.models.library.magnets import pt_antiferromagnet as pt_antiferromagnet
    from solenoidal.models.library.random_models import random_model as random_model
    from solenoidal.models.library.rashba import cubic_rashba_continuum as cubic_rashba_continuum
    from solenoidal.models.library.rashba import k3_model as k3_model
    from solenoidal.models.library.rashba import magnetised_rashba as magnetised_rashba
    from solenoidal.models.library.rashba import magnetised_rashba_continuum as magnetised_rashba_continuum
    from solenoidal.models.library.rashba import rashba_continuum as rashba_continuum
    from solenoidal.models.library.rashba import rashba_dresselhaus as rashba_dresselhaus
    from solenoidal.models.library.rashba import rashba_square as rashba_square
    from solenoidal.models.library.semiconductors import luttinger as luttinger
    from solenoidal.models.library.superconductors import bhz_chiral_d as bhz_chiral_d
    from solenoidal.models.library.superconductors import bhz_orbital_s_wave as bhz_orbital_s_wave
    from solenoidal.models.library.superconductors import chern_insulator_chiral_d as chern_insulator_chiral_d
    from solenoidal.models.library.superconductors import chern_insulator_s_wave as chern_insulator_s_wave
    from solenoidal.models.library.superconductors import chiral_d_honeycomb as chiral_d_honeycomb
    from solenoidal.models.library.superconductors import chiral_d_kagome as chiral_d_kagome
    from solenoidal.models.library.superconductors import chiral_d_square as chiral_d_square
    from solenoidal.models.library.superconductors import chiral_d_triangular as chiral_d_triangular
    from solenoidal.models.library.superconductors import chiral_p_square as chiral_p_square
    from solenoidal.models.library.superconductors import haldane_s_wave as haldane_s_wave
    from solenoidal.models.library.superconductors import spin_dependent_square as spin_dependent_square
    from solenoidal.models.library.superconductors import strontium_ruthenate_chiral_p as strontium_ruthenate_chiral_p
    from solenoidal.models.library.superconductors import two_orbitals_without_symmetry as two_orbitals_without_symmetry
    from solenoidal.models.library.superconductors import valley_polarised_honeycomb as valley_polarised_honeycomb
    from solenoidal.models.library.topological import bhz as bhz
    from solenoidal.models.library.topological import haldane as haldane
    from solenoidal.models.library.topological import kane_mele as kane_mele
    from solenoidal.models.library.topological import massive_dirac as massive_dirac
    from solenoidal.models.library.topological import massive_dirac_continuum as massive_dirac_continuum
    from solenoidal.models.library.topological import qwz as qwz
    from solenoidal.models.library.topological import weyl as weyl
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.models.library.magnets": ["altermagnet_d_wave", "kagome_antiferromagnet", "pt_antiferromagnet"],
            "solenoidal.models.library.random_models": ["random_model"],
            "solenoidal.models.library.rashba": [
                "cubic_rashba_continuum",
                "k3_model",
                "magnetised_rashba",
                "magnetised_rashba_continuum",
                "rashba_continuum",
                "rashba_dresselhaus",
                "rashba_square",
            ],
            "solenoidal.models.library.semiconductors": ["luttinger"],
            "solenoidal.models.library.superconductors": [
                "bhz_chiral_d",
                "bhz_orbital_s_wave",
                "chern_insulator_chiral_d",
                "chern_insulator_s_wave",
                "chiral_d_honeycomb",
                "chiral_d_kagome",
                "chiral_d_square",
                "chiral_d_triangular",
                "chiral_p_square",
                "haldane_s_wave",
                "spin_dependent_square",
                "strontium_ruthenate_chiral_p",
                "two_orbitals_without_symmetry",
                "valley_polarised_honeycomb",
            ],
            "solenoidal.models.library.topological": [
                "bhz",
                "haldane",
                "kane_mele",
                "massive_dirac",
                "massive_dirac_continuum",
                "qwz",
                "weyl",
            ],
        },
    )

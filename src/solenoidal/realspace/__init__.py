"""Local densities of nonuniform systems: from band geometry, and by exact diagonalisation of ribbons and tori."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.realspace.chemical import magnetization_slopes as magnetization_slopes
    from solenoidal.realspace.expansion import gradient_coefficient as gradient_coefficient
    from solenoidal.realspace.expansion import gradient_profiles as gradient_profiles
    from solenoidal.realspace.flux import flux_response as flux_response
    from solenoidal.realspace.flux import with_flux as with_flux
    from solenoidal.realspace.local import local_densities as local_densities
    from solenoidal.realspace.profiles import ribbon_bands as ribbon_bands
    from solenoidal.realspace.profiles import ribbon_profiles as ribbon_profiles
    from solenoidal.realspace.ribbon import Coupling as Coupling
    from solenoidal.realspace.ribbon import Ribbon as Ribbon
    from solenoidal.realspace.ribbon import mu_profile as mu_profile
    from solenoidal.realspace.ribbon import zeeman_profile as zeeman_profile
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.realspace.chemical": ["magnetization_slopes"],
            "solenoidal.realspace.expansion": ["gradient_coefficient", "gradient_profiles"],
            "solenoidal.realspace.flux": ["flux_response", "with_flux"],
            "solenoidal.realspace.local": ["local_densities"],
            "solenoidal.realspace.profiles": ["ribbon_bands", "ribbon_profiles"],
            "solenoidal.realspace.ribbon": ["Coupling", "Ribbon", "mu_profile", "zeeman_profile"],
        },
    )

"""Local densities of nonuniform systems: from band geometry, and by exact diagonalisation of ribbons and tori."""

from __future__ import annotations

from solenoidal.realspace.chemical import magnetization_slopes
from solenoidal.realspace.expansion import gradient_coefficient, gradient_profiles
from solenoidal.realspace.flux import flux_response, with_flux
from solenoidal.realspace.local import local_densities
from solenoidal.realspace.profiles import ribbon_bands, ribbon_profiles
from solenoidal.realspace.ribbon import Coupling, Ribbon, mu_profile, zeeman_profile

__all__ = [
    "Coupling",
    "Ribbon",
    "flux_response",
    "gradient_coefficient",
    "gradient_profiles",
    "local_densities",
    "magnetization_slopes",
    "mu_profile",
    "ribbon_bands",
    "ribbon_profiles",
    "with_flux",
    "zeeman_profile",
]

"""Impurities: extrinsic spin conductivity from the Boltzmann equation on energy shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.disorder.boltzmann import MeanFreePath as MeanFreePath
    from solenoidal.disorder.boltzmann import RelaxationTime as RelaxationTime
    from solenoidal.disorder.boltzmann import ShellDiagnostics as ShellDiagnostics
    from solenoidal.disorder.boltzmann import solve_boltzmann as solve_boltzmann
    from solenoidal.disorder.conductivity import extrinsic_conductivity as extrinsic_conductivity
    from solenoidal.disorder.conductivity import tau_from_resistivity as tau_from_resistivity
    from solenoidal.disorder.dataset import as_bulk as as_bulk
    from solenoidal.disorder.dataset import split_symmetry as split_symmetry
    from solenoidal.disorder.kernel import CollisionKernel as CollisionKernel
    from solenoidal.disorder.problems import ConvergenceError as ConvergenceError
    from solenoidal.disorder.problems import ExtrinsicWarning as ExtrinsicWarning
    from solenoidal.disorder.problems import FallbackWarning as FallbackWarning
    from solenoidal.disorder.problems import HiddenPocketWarning as HiddenPocketWarning
    from solenoidal.disorder.problems import NoSteadyStateError as NoSteadyStateError
    from solenoidal.disorder.problems import PolarisedBlockWarning as PolarisedBlockWarning
    from solenoidal.disorder.problems import QuadratureWarning as QuadratureWarning
    from solenoidal.disorder.problems import QuasiDegenerateWarning as QuasiDegenerateWarning
    from solenoidal.disorder.problems import ScattererError as ScattererError
    from solenoidal.disorder.problems import SlowModeWarning as SlowModeWarning
    from solenoidal.disorder.problems import UnscatteredStatesError as UnscatteredStatesError
    from solenoidal.disorder.scans import scan_disorder as scan_disorder
    from solenoidal.disorder.scans import scan_models as scan_models
    from solenoidal.disorder.scatterers import Scatterer as Scatterer
    from solenoidal.disorder.scatterers import bond_impurity as bond_impurity
    from solenoidal.disorder.scatterers import impurity as impurity
    from solenoidal.disorder.scatterers import mixture as mixture
    from solenoidal.disorder.scatterers import site_impurities as site_impurities
    from solenoidal.disorder.scatterers import spin_orbit_impurity as spin_orbit_impurity
    from solenoidal.disorder.shell_map import shell_map as shell_map
    from solenoidal.disorder.symmetry import respected_by_scattering as respected_by_scattering
    from solenoidal.disorder.symmetry import shared_group as shared_group
    from solenoidal.disorder.symmetry import shared_symmetry as shared_symmetry
    from solenoidal.disorder.symmetry_report import SymmetryReport as SymmetryReport
    from solenoidal.disorder.symmetry_report import symmetry_report as symmetry_report
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.disorder.boltzmann": ["MeanFreePath", "RelaxationTime", "ShellDiagnostics", "solve_boltzmann"],
            "solenoidal.disorder.conductivity": ["extrinsic_conductivity", "tau_from_resistivity"],
            "solenoidal.disorder.dataset": ["as_bulk", "split_symmetry"],
            "solenoidal.disorder.kernel": ["CollisionKernel"],
            "solenoidal.disorder.problems": [
                "ConvergenceError",
                "ExtrinsicWarning",
                "FallbackWarning",
                "HiddenPocketWarning",
                "NoSteadyStateError",
                "PolarisedBlockWarning",
                "QuadratureWarning",
                "QuasiDegenerateWarning",
                "ScattererError",
                "SlowModeWarning",
                "UnscatteredStatesError",
            ],
            "solenoidal.disorder.scans": ["scan_disorder", "scan_models"],
            "solenoidal.disorder.scatterers": [
                "Scatterer",
                "bond_impurity",
                "impurity",
                "mixture",
                "site_impurities",
                "spin_orbit_impurity",
            ],
            "solenoidal.disorder.shell_map": ["shell_map"],
            "solenoidal.disorder.symmetry": ["respected_by_scattering", "shared_group", "shared_symmetry"],
            "solenoidal.disorder.symmetry_report": ["SymmetryReport", "symmetry_report"],
        },
    )

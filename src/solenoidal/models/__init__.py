"""Hamiltonians with their operators: lattice and continuum models, superconductors, a builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.models.all_states import AllStates as AllStates
    from solenoidal.models.bdg import bdg as bdg
    from solenoidal.models.bdg import particle_hole_violation as particle_hole_violation
    from solenoidal.models.bdg import shift_chemical_potential as shift_chemical_potential
    from solenoidal.models.bdg import split_spin as split_spin
    from solenoidal.models.builder import TightBindingBuilder as TightBindingBuilder
    from solenoidal.models.continuum import ContinuumModel as ContinuumModel
    from solenoidal.models.continuum import PolynomialHamiltonian as PolynomialHamiltonian
    from solenoidal.models.gap import gap as gap
    from solenoidal.models.hamiltonian import Structure as Structure
    from solenoidal.models.hamiltonian import TightBinding as TightBinding
    from solenoidal.models.operator import LatticeOperator as LatticeOperator
    from solenoidal.models.operator import Leg as Leg
    from solenoidal.models.operator import Operator as Operator
    from solenoidal.models.operator import spin_operator as spin_operator
    from solenoidal.models.pairing import PairingBuilder as PairingBuilder
    from solenoidal.models.pairing import add_pairings as add_pairings
    from solenoidal.models.pairing import bond_pairing as bond_pairing
    from solenoidal.models.pairing import onsite_pairing as onsite_pairing
    from solenoidal.models.pairing import pairing_from_function as pairing_from_function
    from solenoidal.models.pairing import parity_violation as parity_violation
    from solenoidal.models.pairing import spin_pairing as spin_pairing
    from solenoidal.models.products import SpinProducts as SpinProducts
    from solenoidal.models.products import covariance_error as covariance_error
    from solenoidal.models.products import products_report as products_report
    from solenoidal.models.products import spin_products as spin_products
    from solenoidal.models.time_reversal import time_reversal_matrix as time_reversal_matrix
    from solenoidal.models.time_reversal import time_reversed_pairing as time_reversed_pairing
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.models.all_states": ["AllStates"],
            "solenoidal.models.bdg": [
                "bdg",
                "particle_hole_violation",
                "shift_chemical_potential",
                "split_spin",
            ],
            "solenoidal.models.builder": ["TightBindingBuilder"],
            "solenoidal.models.continuum": ["ContinuumModel", "PolynomialHamiltonian"],
            "solenoidal.models.gap": ["gap"],
            "solenoidal.models.hamiltonian": ["Structure", "TightBinding"],
            "solenoidal.models.operator": ["LatticeOperator", "Leg", "Operator", "spin_operator"],
            "solenoidal.models.pairing": [
                "PairingBuilder",
                "add_pairings",
                "bond_pairing",
                "onsite_pairing",
                "pairing_from_function",
                "parity_violation",
                "spin_pairing",
            ],
            "solenoidal.models.products": ["SpinProducts", "covariance_error", "products_report", "spin_products"],
            "solenoidal.models.time_reversal": ["time_reversal_matrix", "time_reversed_pairing"],
        },
    )

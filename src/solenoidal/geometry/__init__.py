"""Band geometry of Bloch states: the vocabulary of formulas, the formulas, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.geometry.expressions import ONE as ONE
    from solenoidal.geometry.expressions import Band as Band
    from solenoidal.geometry.expressions import Matrix as Matrix
    from solenoidal.geometry.expressions import OperatorSymbols as OperatorSymbols
    from solenoidal.geometry.expressions import energy as energy
    from solenoidal.geometry.expressions import group_trace as group_trace
    from solenoidal.geometry.expressions import im_pairs as im_pairs
    from solenoidal.geometry.expressions import operator_symbols as operator_symbols
    from solenoidal.geometry.expressions import re_diagonal as re_diagonal
    from solenoidal.geometry.expressions import re_pairs as re_pairs
    from solenoidal.geometry.expressions import symbol as symbol
    from solenoidal.geometry.formulas import A as A
    from solenoidal.geometry.formulas import anticommutator as anticommutator
    from solenoidal.geometry.formulas import axial as axial
    from solenoidal.geometry.formulas import berry_curvature as berry_curvature
    from solenoidal.geometry.formulas import berry_spin as berry_spin
    from solenoidal.geometry.formulas import circulation as circulation
    from solenoidal.geometry.formulas import conventional as conventional
    from solenoidal.geometry.formulas import conventional_current as conventional_current
    from solenoidal.geometry.formulas import current as current
    from solenoidal.geometry.formulas import current_curvature as current_curvature
    from solenoidal.geometry.formulas import current_dipole as current_dipole
    from solenoidal.geometry.formulas import curvature as curvature
    from solenoidal.geometry.formulas import dipole as dipole
    from solenoidal.geometry.formulas import expectation as expectation
    from solenoidal.geometry.formulas import finite_q as finite_q
    from solenoidal.geometry.formulas import interband_spin as interband_spin
    from solenoidal.geometry.formulas import mean_curvature as mean_curvature
    from solenoidal.geometry.formulas import mixed_curvature as mixed_curvature
    from solenoidal.geometry.formulas import mixed_metric as mixed_metric
    from solenoidal.geometry.formulas import moving_dipole as moving_dipole
    from solenoidal.geometry.formulas import orbital_moment as orbital_moment
    from solenoidal.geometry.formulas import quantum_metric as quantum_metric
    from solenoidal.geometry.formulas import torque as torque
    from solenoidal.geometry.formulas import torque_dipole as torque_dipole
    from solenoidal.geometry.formulas import torque_quadrupole as torque_quadrupole
    from solenoidal.geometry.formulas import v as v
    from solenoidal.geometry.formulas import velocity_dipole as velocity_dipole
    from solenoidal.geometry.gradient import first_difference as first_difference
    from solenoidal.geometry.gradient import gradient_response as gradient_response
    from solenoidal.geometry.gradient import second_difference as second_difference
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.geometry.expressions": [
                "ONE",
                "Band",
                "Matrix",
                "OperatorSymbols",
                "energy",
                "group_trace",
                "im_pairs",
                "operator_symbols",
                "re_diagonal",
                "re_pairs",
                "symbol",
            ],
            "solenoidal.geometry.formulas": [
                "A",
                "anticommutator",
                "axial",
                "berry_curvature",
                "berry_spin",
                "circulation",
                "conventional",
                "conventional_current",
                "current",
                "current_curvature",
                "current_dipole",
                "curvature",
                "dipole",
                "expectation",
                "finite_q",
                "interband_spin",
                "mean_curvature",
                "mixed_curvature",
                "mixed_metric",
                "moving_dipole",
                "orbital_moment",
                "quantum_metric",
                "torque",
                "torque_dipole",
                "torque_quadrupole",
                "v",
                "velocity_dipole",
            ],
            "solenoidal.geometry.gradient": ["first_difference", "gradient_response", "second_difference"],
        },
    )

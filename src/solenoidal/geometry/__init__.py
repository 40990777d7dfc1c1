"""Band geometry of Bloch states: connections, curvatures, multipoles and currents of every band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.geometry.connection import connection_times_operator as connection_times_operator
    from solenoidal.geometry.connection import conventional_current as conventional_current
    from solenoidal.geometry.connection import dipole_matrix as dipole_matrix
    from solenoidal.geometry.connection import interband_connection as interband_connection
    from solenoidal.geometry.curvature import antisymmetric_triple as antisymmetric_triple
    from solenoidal.geometry.curvature import axial_vector as axial_vector
    from solenoidal.geometry.curvature import berry_curvature as berry_curvature
    from solenoidal.geometry.curvature import curvature_times_operator as curvature_times_operator
    from solenoidal.geometry.curvature import mixed_curvature as mixed_curvature
    from solenoidal.geometry.curvature import mixed_metric as mixed_metric
    from solenoidal.geometry.curvature import quantum_metric as quantum_metric
    from solenoidal.geometry.fused import TransportQuantities as TransportQuantities
    from solenoidal.geometry.fused import transport_quantities as transport_quantities
    from solenoidal.geometry.gradient import first_difference as first_difference
    from solenoidal.geometry.gradient import gradient_response as gradient_response
    from solenoidal.geometry.gradient import second_difference as second_difference
    from solenoidal.geometry.magnetic import MagneticQuantities as MagneticQuantities
    from solenoidal.geometry.magnetic import magnetic_quantities as magnetic_quantities
    from solenoidal.geometry.magnetic import torque_quadrupole as torque_quadrupole
    from solenoidal.geometry.multipoles import dipole as dipole
    from solenoidal.geometry.multipoles import orbital_moment as orbital_moment
    from solenoidal.geometry.multipoles import torque as torque
    from solenoidal.geometry.multipoles import torque_dipole as torque_dipole
    from solenoidal.geometry.multipoles import velocity_times_dipole as velocity_times_dipole
    from solenoidal.geometry.transport import current_curvature as current_curvature
    from solenoidal.geometry.transport import finite_q_sea as finite_q_sea
    from solenoidal.geometry.transport import interband_spin_curvature as interband_spin_curvature
    from solenoidal.geometry.transport import projector_curvature as projector_curvature
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.geometry.connection": [
                "connection_times_operator",
                "conventional_current",
                "dipole_matrix",
                "interband_connection",
            ],
            "solenoidal.geometry.curvature": [
                "antisymmetric_triple",
                "axial_vector",
                "berry_curvature",
                "curvature_times_operator",
                "mixed_curvature",
                "mixed_metric",
                "quantum_metric",
            ],
            "solenoidal.geometry.fused": ["TransportQuantities", "transport_quantities"],
            "solenoidal.geometry.gradient": ["first_difference", "gradient_response", "second_difference"],
            "solenoidal.geometry.magnetic": ["MagneticQuantities", "magnetic_quantities", "torque_quadrupole"],
            "solenoidal.geometry.multipoles": [
                "dipole",
                "orbital_moment",
                "torque",
                "torque_dipole",
                "velocity_times_dipole",
            ],
            "solenoidal.geometry.transport": [
                "current_curvature",
                "finite_q_sea",
                "interband_spin_curvature",
                "projector_curvature",
            ],
        },
    )

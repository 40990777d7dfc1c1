"""Quantised transport of bogolons: thermal Hall conductivity and spin quantum Hall conductivity of superconductors.

Both are Berry curvature responses of a conserved quantity (energy, S_z), so no dipole or torque enters. The charge
current is not conserved by the quasiparticles; its circuits are in ``solenoidal.responses.magnetization``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.formulas import berry_curvature, space_curvature
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.guards import require_conserved_spin
from solenoidal.responses.magnetization import bogolon_magnetization
from solenoidal.responses.response import Part, Quantity, Response, Term

_CURL = "lij,j->il"


def _curvature(model: Model) -> Term:
    """Ω_n, a time-odd axial vector, with the transitions that leave the model's space."""
    space = Space.of(model)
    return Term(("axial",), -1, lambda j: berry_curvature(j) + space_curvature(j, space))


@dataclass(frozen=True)
class ThermalHall:
    """Thermal Hall conductivity over temperature, κ_xy/T = −(w/T²) ∫ Σ_n Ω_n ∫_{ε_n}^∞ dE E² (−f′), J^Q = −κ ∂T.

    Quantity ``thermal_hall``, axes (current, gradient): in two dimensions in units of π²k_B²/3h, where it tends to −w C
    for T → 0, C the Chern number of the negative bands and w the ``band_weight`` of the model, ½ in a redundant Nambu
    basis. Valid for superconductors, with the chemical potential inside H and μ = 0 asked, and for electrons at any μ.
    Source: T. Qin, Q. Niu and J. Shi, Phys. Rev. Lett. 107, 236601 (2011); H. Sumiyoshi and S. Fujimoto, J. Phys. Soc.
    Jpn. 82, 023602 (2013).
    """

    name: str = "thermal_hall"

    @property
    def operators(self) -> tuple[str, ...]:
        """None."""
        return ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Berry curvature, a time-odd axial vector."""
        return {"berry_curvature": _curvature(model)}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """κ_il/T = −ε_ilj ∫ Ω_j × the heat kernel, (3/π²) ∫ y² (−f′) dy."""
        part = Part("berry_curvature", "heat", 1.0, _CURL)
        return {"thermal_hall": Quantity({"thermal_hall": (part,)}, ("current", "gradient"), "thermal_hall")}


@dataclass(frozen=True)
class SpinQuantumHall:
    """Spin quantum Hall conductivity σ^s_xy = −(w/4) ∫ Σ_n f_n Ω_n: j^s_x = σ^s_xy ∂_y b for the Zeeman term −b S_z.

    Quantity ``spin_quantum_hall``, axes (current, gradient): in two dimensions in units of ħ/8π, where it tends to −w C
    for T → 0. The model must conserve S_z and carry operator ``"spin_z"``, as the Nambu bases "sz" and "symmetrised"
    do; it is not defined for spinless fermions. Source: T. Senthil, J. B. Marston and M. P. A. Fisher, Phys. Rev. B
    60, 4245 (1999).
    """

    name: str = "spin_quantum_hall"

    @property
    def operators(self) -> tuple[str, ...]:
        """None."""
        return ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Berry curvature, a time-odd axial vector; raises ``ModelError`` when the model has no conserved S_z."""
        require_conserved_spin(model, self.name)
        return {"berry_curvature": _curvature(model)}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """σ^s_il = −¼ ε_ilj ∫ f Ω_j."""
        part = Part("berry_curvature", "fermi", 1.0, _CURL)
        return {
            "spin_quantum_hall": Quantity({"spin_quantum_hall": (part,)}, ("current", "gradient"), "spin_quantum_hall")
        }


def superconductor_responses(model: TightBinding, *, charge: float = -1.0) -> tuple[Response, ...]:
    """Orbital magnetization, thermal Hall and, if S_z is conserved, spin quantum Hall response of a Nambu ``model``.

    Ask the results at μ = 0. Raises ``ModelError`` for a model that ``bdg``
    has not made.
    """
    model.require_nambu()
    responses: tuple[Response, ...] = (bogolon_magnetization(charge=charge), ThermalHall())
    return (*responses, SpinQuantumHall()) if "spin_z" in model.operators else responses

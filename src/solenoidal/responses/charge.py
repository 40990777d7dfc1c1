"""Charge and density responses: anomalous Hall conductivity, density of states, operator expectation values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import ONE, operator_symbols, re_diagonal
from solenoidal.geometry.formulas import berry_curvature, expectation, space_curvature
from solenoidal.geometry.space import Space
from solenoidal.responses.guards import NOT_CONSERVED, require_electrons
from solenoidal.responses.response import Part, Quantity, Term
from solenoidal.responses.truncation import with_truncation
from solenoidal.units import operator_unit

_CURL = "lij,j->il"


@dataclass(frozen=True)
class AnomalousHallConductivity:
    """Intrinsic anomalous Hall conductivity σ^{il} = e² ∫ f Ω^{li} and Nernst coefficient α^{il} = e ∫ e_n Ω^{li}.

    Source: Xiao, Chang and Niu, Rev. Mod. Phys. 82, 1959 (2010); it is Eq. (15) for s → e. ``charge`` in units of |e|.
    ``components`` are the elements wanted, such as ``("xy",)``, all by default. Where positions join orbitals the
    outputs contain the transitions that leave the model's space; ``…_inside`` leaves them out, ``…_truncation`` is the
    difference.
    """

    charge: float = -1.0
    components: tuple[str, ...] | None = None
    name: str = "anomalous_hall"

    @property
    def operators(self) -> tuple[str, ...]:
        """None."""
        return ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Berry curvature, a time-odd axial vector; raises ``ModelError`` for a superconductor."""
        require_electrons(model, self.name, NOT_CONSERVED)
        terms = {"berry_curvature": Term(("axial",), -1, berry_curvature)}
        space = Space.of(model)
        if space.curved():
            terms["space_curvature"] = Term(("axial",), -1, lambda j: space_curvature(j, space))
        return terms

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """Charge current per field and per temperature gradient (J = σE − α∇T)."""
        c, curved = self.charge, Space.of(model).curved()

        def quantity(name: str, kernel: str, factor: float, unit: str) -> Quantity:
            gained = {name: (Part("space_curvature", kernel, factor, _CURL),)} if curved else {}
            outputs = with_truncation({name: (Part("berry_curvature", kernel, factor, _CURL),)}, gained)
            return Quantity(outputs, ("current", "field"), unit, components=self.components)

        return {
            "anomalous_hall": quantity("anomalous_hall", "fermi", c * c, "conductivity"),
            "anomalous_nernst": quantity("anomalous_nernst", "entropy", c, "nernst"),
        }


@dataclass(frozen=True)
class DensityOfStates:
    """Density of states and number of carriers below μ, per cell.

    In a superconductor the states are quasiparticles and ``carriers`` counts them, not electrons.
    """

    name: str = "density_of_states"

    @property
    def operators(self) -> tuple[str, ...]:
        """None."""
        return ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        """One state for each band."""
        return {"states": Term((), 1, lambda: re_diagonal(ONE))}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """∫(−f′) and ∫f; at zero temperature the density of states is the energy grid's histogram."""
        density = Part("states", "minus_fermi_derivative")
        filled = Part("states", "fermi")
        return {
            "density_of_states": Quantity({"density_of_states": (density,)}, (), "states_per_cell", per_cell=True),
            "carriers": Quantity({"carriers": (filled,)}, (), "electrons_per_cell", per_cell=True),
        }


@dataclass(frozen=True)
class SpinMoment:
    """Equilibrium expectation value ∫ f s of an operator, per cell (spin: half the moment in μ_B for g = 2, in ħ).

    In a redundant Nambu basis s is traceless and has no further constant.
    """

    operator: str = "spin"
    name: str = "spin_moment"

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator."""
        return (self.operator,)

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Diagonal matrix elements of the operator."""
        s = operator_symbols(model.require_operator(self.operator))
        return {"expectation": Term(*s.law, lambda *q: expectation(s[q]))}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """∫ f s."""
        operator = model.require_operator(self.operator)
        return {
            "spin_moment": Quantity(
                {"spin_moment": (Part("expectation", "fermi"),)},
                operator.dims,
                operator_unit("hbar_per_cell", operator.unit),
                per_cell=True,
            )
        }

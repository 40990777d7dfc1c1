"""A response that breaks its contract is refused before the first block, and every response of the package keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ResponseError
from solenoidal.geometry.formulas import berry_curvature as formula
from solenoidal.integrate.worker import BlockWorker
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import (
    altermagnet_d_wave,
    bhz,
    chiral_p_square,
    haldane,
    kagome_antiferromagnet,
    kane_mele,
    luttinger,
    pt_antiferromagnet,
    random_model,
    rashba_square,
)
from solenoidal.responses.density import LocalDensity
from solenoidal.responses.response import Part, Quantity, Response, Term
from solenoidal.responses.trial import generators_of
from solenoidal.symmetry.group import multiplication_table
from solenoidal.units import Unit
from support.direct import RealArray
from support.registry import RESPONSES
from support.separate.curvature import berry_curvature
from support.separate.products import diagonal

SPINFUL = {
    "random": lambda: random_model(4, 2, 5),
    "random, nonlocal": lambda: random_model(4, 2, 5, nonlocal_matrices=True),
    "random pairs": lambda: random_model(4, 3, 12, degenerate=True),
    "rashba": lambda: rashba_square(alpha=0.5),
    "kane_mele": lambda: kane_mele(lambda_so=0.1),
    "bhz": lambda: bhz(B=1.0, mass=0.5),
    "altermagnet": lambda: altermagnet_d_wave(t2=0.3, delta=0.2, J=0.5),
    "PT antiferromagnet": lambda: pt_antiferromagnet(t_prime=0.2, spin_orbit=0.2, J=0.4),
    "kagome antiferromagnet": lambda: kagome_antiferromagnet(J=0.7),
    "luttinger": lambda: luttinger(gamma1=7.0, gamma2=2.0),
}
EVERY = {**RESPONSES, "local density": LocalDensity(), "magnetization": sol.Magnetization()}
EVERY["orbital magnetization"] = sol.orbital_magnetization()

Terms = Mapping[str, Term]


def law(legs: tuple[Any, ...], time_reversal: int) -> Term:
    """A term whose values are put in later."""
    return Term(legs, time_reversal, values=np.zeros_like)


CURVATURE = law(("axial",), -1)
HALL = Part("curvature", "fermi", 1.0, "lij,j->il")


def quantity(*parts: Part, dims: tuple[str, ...] = ("current", "field"), unit: Any = "conductivity") -> Quantity:
    return Quantity({"hall": parts or (HALL,)}, dims, unit)


@dataclass(frozen=True)
class Hall:
    """Anomalous Hall conductivity whose members a test replaces one at a time."""

    name: str = "hall"
    declared: Terms = field(default_factory=lambda: {"curvature": CURVATURE})
    values: Callable[[BlochStates], Any] = lambda states: {"curvature": berry_curvature(states)}
    published: Callable[[], Mapping[str, Quantity]] = lambda: {"hall": quantity()}
    operators: tuple[str, ...] = ()

    def terms(self, model: Model) -> Terms:
        return {name: replace(term, values=partial(self.value, name)) for name, term in self.declared.items()}

    def value(self, name: str, states: BlochStates) -> Any:
        return self.values(states)[name]

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        return self.published()


def curvature(change: Callable[[RealArray], Any]) -> Callable[[BlochStates], Any]:
    return lambda states: {"curvature": change(berry_curvature(states))}


def one_band(states: BlochStates) -> dict[str, RealArray]:
    """Square of a diagonal element, which is not that of the group's matrix."""
    return {"curvature": diagonal(states.velocity) ** 2}


def spin(states: BlochStates) -> dict[str, RealArray]:
    return {"curvature": diagonal(states.operator("spin"))}


def helicity(states: BlochStates) -> dict[str, RealArray]:
    """v·s, a polar times an axial vector."""
    return {"curvature": np.einsum("knim,kmin->kn", states.velocity, states.operator("spin")).real}


def phase(states: BlochStates) -> dict[str, RealArray]:
    """A component of the eigenvectors."""
    return {"curvature": states.vectors[:, 0, :, None].real * np.ones(3)}


def neighbours(states: BlochStates) -> dict[str, RealArray]:
    """What a mean over the block brings in."""
    found = berry_curvature(states)
    return {"curvature": found - found.mean(axis=0)}


def valley(states: BlochStates) -> dict[str, RealArray]:
    p, q = 2 * np.pi * states.k[:, :2].T
    sign = np.sign(np.sin(p) - np.sin(q) - np.sin(p - q))
    return {"curvature": sign[:, None] * berry_curvature(states)[:, :, 2]}


def weight_of_the_first_orbital(states: BlochStates) -> dict[str, RealArray]:
    return {"curvature": np.abs(states.vectors[:, 0]) ** 2}


def scalar(parts: tuple[Part, ...] = (Part("curvature", "fermi"),)) -> Callable[[], Mapping[str, Quantity]]:
    return lambda: {"hall": quantity(*parts, dims=())}


WRONG: dict[str, tuple[Hall, str]] = {
    "misspelt kernel": (
        Hall(published=lambda: {"hall": quantity(Part("curvature", "fermy", 1.0, "lij,j->il"))}),
        "response 'hall': part of term 'curvature': kernel 'fermy' is not known; write 'fermi'",
    ),
    "unknown unit": (
        Hall(published=lambda: {"hall": quantity(unit="S/cm")}),
        "response 'hall': unit 'S/cm' is not known; write",
    ),
    "unit of another dimension": (
        Hall(published=lambda: {"hall": quantity(unit=Unit("mine", three=("S/cm", 1.0)))}),
        "response 'hall', quantity 'hall': unit 'mine' is not defined for dimension 2",
    ),
    "complex values": (
        Hall(values=curvature(lambda x: x + 0.5j)),
        "response 'hall', term 'curvature' is complex, imaginary parts up to 0.5; .*write .real",
    ),
    "wrong shape": (
        Hall(values=curvature(lambda x: x[..., 2])),
        r"response 'hall', term 'curvature' has shape \(2, 4\) .* expected \(nk, n, 3\) = \(2, 4, 3\)",
    ),
    "bands first": (
        Hall(values=curvature(lambda x: x.swapaxes(0, 1))),
        r"term 'curvature' has shape \(4, 2, 3\) for 2 k points and 4 bands",
    ),
    "no array": (Hall(values=lambda states: {"curvature": [1.0]}), "term 'curvature' is list; return an array"),
    "not finite": (
        Hall(values=curvature(lambda x: x + np.nan)),
        r"response 'hall', term 'curvature' is not finite at k = \[",
    ),
    "one number not finite": (
        Hall(values=curvature(lambda x: np.where(np.arange(x.size).reshape(x.shape) == x.size // len(x), np.inf, x))),
        r"response 'hall', term 'curvature' is not finite at k = \[",
    ),
    "part without term": (
        Hall(published=lambda: {"hall": quantity(Part("curvatur", "fermi", 1.0, "lij,j->il"))}),
        "response 'hall', quantity 'hall', output 'hall': there is no term 'curvatur'; write 'curvature'",
    ),
    "unused term": (
        Hall(declared={"curvature": CURVATURE, "moment": CURVATURE}),
        "response 'hall': no quantity uses term 'moment'",
    ),
    "operators as one text": (Hall(operators="spin"), "operators are 'spin'; write a tuple"),  # type: ignore[arg-type]
    "operator that is not declared": (
        Hall(declared={"curvature": law(("axial",), -1)}, values=spin),
        r"response 'hall' uses an operator that it does not declare, .*no operator 'spin'",
    ),
    "no terms": (Hall(declared={}, published=dict), "response 'hall' declares no terms"),
    "empty name": (Hall(name=""), "the name of a response of type Hall is ''"),
    "name that files cannot hold": (Hall(name="spin/hall"), "the name 'spin/hall' holds '/'"),
    "too few legs for the axes": (
        Hall(published=lambda: {"hall": quantity(Part("curvature", "fermi"))}),
        r"term 'curvature' has 1 legs \('axial',\), but the quantity has 2 axes",
    ),
    "too many letters": (
        Hall(published=lambda: {"hall": quantity(Part("curvature", "fermi", 1.0, "il->il"))}),
        "has 1 legs .* subscripts 'il->il' take 2",
    ),
    "unknown leg": (Hall(declared={"curvature": law(("vector",), -1)}), "has a leg 'vector'"),  # type: ignore[arg-type]
    "sign that is none": (Hall(declared={"curvature": law(("axial",), 0)}), "has time_reversal 0; write"),
    "wrong leg": (
        Hall(declared={"curvature": law(("polar",), -1)}),
        r"response 'hall', term 'curvature' does not turn as declared, legs \('polar',\) and time_reversal -1: "
        "under .* write the other kind, polar or axial",
    ),
    "wrong sign under time reversal": (
        Hall(declared={"curvature": law(("axial",), 1)}),
        r"term 'curvature' does not turn as declared, .*time_reversal \+1: .* write time_reversal=-1",
    ),
    "no tensor": (
        Hall(values=curvature(lambda x: x[..., [1, 2, 0]])),
        "does not turn as declared, .*it is no tensor of these legs",
    ),
    "pseudoscalar": (
        Hall(declared={"curvature": law((), 1)}, values=helicity, published=scalar(), operators=("spin",)),
        "does not turn as declared, .* it changes sign under improper operations",
    ),
    "a valley is no scalar": (
        Hall(declared={"curvature": law((), 1)}, values=valley, published=scalar()),
        r"does not turn as declared, legs \(\) and time_reversal \+1",
    ),
    "an orbital of one sublattice is no scalar": (
        Hall(declared={"curvature": law((), 1)}, values=weight_of_the_first_orbital, published=scalar()),
        r"term 'curvature' does not turn as declared, .*it is no tensor of these legs",
    ),
    "depends on phases": (Hall(values=phase), "term 'curvature' depends on the choice of eigenvectors"),
    "depends on the states inside a group": (
        Hall(values=one_band),
        "term 'curvature' depends on the choice of eigenvectors: its sum over a degenerate group changes by",
    ),
    "depends on its block": (Hall(values=neighbours), "term 'curvature' at one k point depends on the other points"),
}


@pytest.mark.parametrize("unit", [1.0, 1e15])
def test_the_unit_of_a_term_does_not_decide_whether_it_keeps_its_contract(unit: float) -> None:
    """Rounding is judged beside the values of the term."""
    sol.check_response(Hall(values=curvature(lambda x: unit * x)), kane_mele(lambda_so=0.1, lambda_r=0.05))


@pytest.mark.parametrize("mistake", WRONG)
def test_a_broken_contract_is_an_error_before_the_first_block(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    response, message = WRONG[mistake]

    def computed(*_: object) -> None:
        pytest.fail("a block was computed")

    monkeypatch.setattr(BlockWorker, "__call__", computed)
    with pytest.raises(ResponseError, match=message):
        sol.check_response(response, kane_mele(lambda_so=0.1, lambda_r=0.05))
    points = sol.FixedPoints((0.0,), (100.0,))
    with pytest.raises(ResponseError, match=message):
        sol.solve(
            kane_mele(lambda_so=0.1, lambda_r=0.05),
            [sol.DensityOfStates(), response],
            sol.Numerics(mesh=(4, 4, 1), energies=points),
        )


@pytest.mark.parametrize("mistake", ["misspelt kernel", "complex values", "wrong leg"])
def test_a_run_with_a_stated_accuracy_refuses_the_same(mistake: str) -> None:
    response, message = WRONG[mistake]
    wanted = sol.Accuracy(quantity="hall", outputs=("hall",), mu=(0.0,), temperature=(100.0,), relative=0.1)
    points = sol.FixedPoints((0.0,), (100.0,))
    with pytest.raises(ResponseError, match=message):
        sol.converge(
            kane_mele(lambda_so=0.1, lambda_r=0.05), [response], sol.Numerics(accuracy=wanted, energies=points)
        )


def test_a_formula_that_takes_other_indices_than_its_legs_is_named() -> None:
    wrong = Declared(sol.AnomalousHallConductivity(), {"berry_curvature": Term(("axial", "axial"), -1, formula)})
    with pytest.raises(ResponseError, match=r"cannot be called with 2 indices|has 2 legs"):
        sol.check_response(wrong, bhz(B=1.0, mass=0.5))
    alone = Declared(sol.BandGeometry(), {"berry_curvature": Term((), -1, formula)})
    with pytest.raises(ResponseError, match=r"'band_geometry', term 'berry_curvature': .*called with 0 indices"):
        sol.check_response(alone, bhz(B=1.0, mass=0.5))


def test_the_response_that_the_mistakes_are_made_in_is_right() -> None:
    sol.check_response(Hall(), kane_mele(lambda_so=0.1, lambda_r=0.05))


@pytest.mark.parametrize("model", SPINFUL)
@pytest.mark.parametrize("name", EVERY)
def test_every_response_of_the_package_keeps_its_contract(name: str, model: str) -> None:
    sol.check_response(EVERY[name], SPINFUL[model]())


@pytest.mark.parametrize("model", [haldane(t2=0.1), chiral_p_square()], ids=["haldane", "chiral p wave"])
def test_responses_of_charge_keep_their_contract_on_models_without_spin(model: TightBinding) -> None:
    for response in (sol.bogolon_magnetization(), sol.ThermalHall(), sol.Magnetization(None)):
        sol.check_response(response, model)


@dataclass(frozen=True)
class Declared:
    """A response with one term declared otherwise."""

    response: Response
    changed: Mapping[str, Term]

    @property
    def name(self) -> str:
        return self.response.name

    @property
    def operators(self) -> tuple[str, ...]:
        return self.response.operators

    def terms(self, model: Model) -> Terms:
        return {**self.response.terms(model), **self.changed}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        return self.response.quantities(model)


@pytest.mark.parametrize("name", EVERY)
def test_every_term_declared_with_another_leg_or_sign_is_refused(name: str) -> None:
    """The model has inversion and time reversal, so that all four laws differ."""
    response, model = EVERY[name], bhz(B=1.0, mass=0.5)
    opposite: dict[str, Any] = {"polar": "axial", "axial": "polar"}
    for term, law in response.terms(model).items():
        if response.name == "orbital_magnetization" and term == "moving_dipole":
            continue  # zero for the identity
        wrong = [replace(law, time_reversal=-law.time_reversal)]
        wrong += [replace(law, legs=(opposite[law.legs[0]], *law.legs[1:]))] if law.legs else []
        for other in wrong:
            with pytest.raises(ResponseError, match=f"term '{term}' does not turn as declared"):
                sol.check_response(Declared(response, {term: other}), model)


def test_without_symmetry_nothing_has_to_turn() -> None:
    response = WRONG["a valley is no scalar"][0]
    sol.check_response(response, kane_mele(lambda_so=0.1), symmetry=None)


@pytest.mark.parametrize("model", [bhz(B=1.0, mass=0.5), luttinger(gamma1=7.0, gamma2=2.0)], ids=["bhz", "luttinger"])
def test_a_few_operations_generate_the_group(model: TightBinding) -> None:
    group = sol.find_symmetry(model).group
    table = multiplication_table(group.rotations, group.time_reversal)
    members = {int(np.flatnonzero(table[0] == 0)[0]), *generators_of(group).tolist()}
    assert len(members) <= 6 < group.size
    while len(members) < len(bigger := members | {int(table[a, b]) for a in members for b in members}):
        members = bigger
    assert len(members) == group.size


def test_the_check_costs_a_few_points() -> None:
    counted = []

    def count(states: BlochStates) -> dict[str, RealArray]:
        counted.append(len(states.k))
        return {"curvature": berry_curvature(states)}

    sol.check_response(Hall(values=count), luttinger(gamma1=7.0, gamma2=2.0))
    assert sum(counted) <= 30


@pytest.mark.parametrize("occupied", [1, 2, 3])
def test_what_needs_filled_bands_may_depend_on_the_gauge_where_they_end_inside_a_group(occupied: int) -> None:
    sol.check_response(sol.SpinConductivity(occupied_bands=occupied), random_model(4, 2, 5))


def test_what_is_no_response_lacks_its_members() -> None:
    with pytest.raises(ResponseError, match="type object lacks name, operators, terms, quantities"):
        sol.check_response(object(), kane_mele(lambda_so=0.1))  # type: ignore[arg-type]


@dataclass
class Corrected:
    """Filled states, and a correction of 1e-5 that varies so fast with energy that noise of the model is seen in it."""

    name: str = "corrected"
    operators: tuple[str, ...] = ()
    together: bool = True

    def terms(self, model: Model) -> Terms:
        return {
            "states": Term((), 1, values=lambda states: np.ones_like(states.energies)),
            "correction": Term((), 1, values=lambda states: 1e-5 * np.sin(1e6 * states.energies)),
        }

    def quantities(self, model: Model) -> dict[str, Quantity]:
        parts = Part("states", "fermi"), Part("correction", "fermi")
        outputs = {"total": parts} if self.together else {"states": parts[:1], "correction": parts[1:]}
        return {"filling": Quantity(outputs, (), "electrons_per_cell")}


def test_a_correction_is_measured_by_what_it_corrects_where_the_model_is_noisy() -> None:
    model = haldane(t2=0.1)
    group = sol.find_symmetry(model).group
    matrices = model.hamiltonian.matrices.copy()
    home = int(np.flatnonzero(~np.any(model.hamiltonian.R, axis=1))[0])
    assert abs(matrices[home, 0, 1]) > 0.1
    # One of the three bonds of a site, which the threefold axis joins.
    matrices[home, [0, 1], [1, 0]] += 1e-8
    disturbed = replace(model, hamiltonian=model.hamiltonian.with_matrices(model.hamiltonian.R, matrices))
    for together in (True, False):
        sol.check_response(Corrected(together=together), model, symmetry=group)
    sol.check_response(Corrected(), disturbed, symmetry=group)
    with pytest.raises(ResponseError, match="term 'correction' does not turn as declared"):
        sol.check_response(Corrected(together=False), disturbed, symmetry=group)

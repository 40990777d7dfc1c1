"""What has no meaning in a superconductor is refused, and every band counts as often as the model says."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.accuracy.cells import Target
from solenoidal.errors import ConfigError, ModelError, SolenoidalError
from solenoidal.models.bdg import bdg
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import haldane, random_model, weyl
from solenoidal.models.library.superconductors import (
    chiral_d_triangular,
    chiral_p_square,
    two_orbitals_without_symmetry,
)
from solenoidal.models.pairing import onsite_pairing
from solenoidal.realspace.flux import with_flux
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.responses.response import Response
from solenoidal.units import BOLTZMANN
from solenoidal.workflow.build import build_numerics, build_responses
from solenoidal.workflow.input_file import RunInput, parse_input
from support.nambu import chern_number

COLD = 0.01 / BOLTZMANN


def hall(model: TightBinding, response: Response, divisions: int = 60) -> float:
    """The xy element at μ = 0."""
    numerics = sol.Numerics(
        mesh=(divisions, divisions, 1),
        energies=sol.FixedPoints((0.0,), (COLD,)),
        symmetry=None,
        kramers=False,
        audit=False,
    )
    run = sol.solve(model, [response], numerics)
    return float(run.quantity(response.name, 0.0, COLD)[response.name].values[0, 0, 0, 1])


@pytest.mark.parametrize("basis", ["sz", "symmetrised"])
def test_heat_is_carried_once_by_every_excitation_whatever_the_basis(basis: Any) -> None:
    """κ_xy/T = −w C with C = 2 and w = 1 of one block, or C = 4 and w = ½ of both."""
    model = chiral_d_triangular(basis=basis)
    assert hall(model, sol.ThermalHall()) == pytest.approx(hall(model, sol.SpinQuantumHall()), abs=1e-4)
    assert abs(hall(model, sol.ThermalHall())) == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(("basis", "chern"), [("sz", 1), ("symmetrised", 2)])
def test_heat_of_one_chiral_fermion_is_minus_one_quantum_where_a_redundant_basis_has_chern_number_two(
    basis: Any, chern: int
) -> None:
    model = chiral_p_square(basis=basis)
    assert chern_number(model, 30) == pytest.approx(chern, abs=1e-9)
    assert hall(model, sol.ThermalHall()) == pytest.approx(-1.0, abs=1e-3)


def sums(model: TightBinding) -> dict[str, float]:
    """What every response publishes at μ = 0 and 0.2 eV, by output: its largest number with its sign."""
    kelvin = 0.2 / BOLTZMANN
    responses: list[Response] = [
        sol.DensityOfStates(),
        sol.ThermalHall(),
        sol.SpinQuantumHall(),
        sol.SpinMoment("charge"),
        sol.bogolon_magnetization(),
    ]
    numerics = sol.Numerics(mesh=(18, 18, 1), energies=sol.FixedPoints((0.0,), (kelvin,)), symmetry=None, audit=False)
    run = sol.solve(model, responses, numerics)
    chosen = {
        "density_of_states": "density_of_states",
        "thermal_hall": "thermal_hall",
        "spin_quantum_hall": "spin_quantum_hall",
        "spin_moment": "spin_moment",
        "symmetrised_magnetization": "symmetrised",
        "filled_curvature": "filled_curvature",
    }
    found = {}
    for quantity, output in chosen.items():
        values = run.quantity(quantity, 0.0, kelvin)[output].values.ravel()
        found[quantity] = float(values[np.argmax(np.abs(values))])
    return found


def test_the_redundant_basis_of_a_singlet_gives_the_numbers_of_one_block_in_every_response() -> None:
    """Both blocks hold the same excitations, so twice the bands with half the weight are the same sums."""
    one, both = (sums(two_orbitals_without_symmetry(basis=basis)) for basis in ("sz", "symmetrised"))
    for name in one:
        assert abs(one[name]) > 1e-9
        assert both[name] == pytest.approx(one[name], rel=1e-9), name


@pytest.mark.parametrize("name", ["charge", "spin"])
def test_bands_that_stand_for_both_spins_count_twice(name: str) -> None:
    model = haldane(t2=0.1, mass=0.3)
    double = replace(model, spin_degeneracy=2)
    responses: dict[str, tuple[Response, str, str]] = {
        "charge": (sol.AnomalousHallConductivity(), "anomalous_hall", "anomalous_hall"),
        "spin": (sol.SpinConductivity("sublattice"), "conductivity", "finite_q"),
    }
    response, quantity, output = responses[name]
    numerics = sol.Numerics(mesh=(12, 12, 1), energies=sol.FixedPoints((0.8,), (900.0,)), audit=False)
    once, twice = (
        sol.solve(m, [response], numerics).quantity(quantity, 0.8, 900.0)[output].values for m in (model, double)
    )
    assert np.abs(once).max() > 1e-6
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-12)


def test_the_accuracy_asked_for_is_that_of_the_weighted_numbers() -> None:
    """An absolute tolerance is met by the published tensor, which counts every band twice here."""
    accuracy = sol.Accuracy((0.8,), (900.0,), absolute=1e-3, quantity="anomalous_hall", outputs=("anomalous_hall",))
    numerics = sol.Numerics(accuracy=accuracy, energies=sol.FixedPoints((0.8,), (900.0,)), threads=1)
    model = haldane(t2=0.1, mass=0.3)
    once, twice = (
        sol.converge(replace(model, spin_degeneracy=spins), [sol.AnomalousHallConductivity()], numerics)
        for spins in (1, 2)
    )
    rows = [run.attrs["convergence"]["history"][0] for run in (once, twice)]
    assert rows[1]["error_over_tolerance"] == pytest.approx(2 * rows[0]["error_over_tolerance"], rel=1e-9)


REFUSED: dict[str, tuple[Response, str]] = {
    "anomalous Hall": (sol.AnomalousHallConductivity(), "anomalous_hall: .* do not conserve charge; .*thermal_hall"),
    "spin conductivity": (sol.SpinConductivity("charge"), "charge_conductivity: an electric field does not drive"),
    "orbital magnetization": (sol.orbital_magnetization(), "orbital_magnetization: .* write bogolon_magnetization"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_electrons_have_and_quasiparticles_have_not_is_refused(name: str) -> None:
    response, message = REFUSED[name]
    numerics = sol.Numerics(mesh=(4, 4, 1), energies=sol.FixedPoints((0.0,), (300.0,)))
    with pytest.raises(ModelError, match=message):
        sol.solve(chiral_d_triangular(), [response], numerics)
    with pytest.raises(ModelError, match=message):
        sol.check_response(response, chiral_d_triangular())


def test_spin_of_a_normal_state_has_no_quantised_hall_effect() -> None:
    with pytest.raises(ModelError, match="spin_quantum_hall: needs a superconductor that conserves S_z"):
        sol.check_response(sol.SpinQuantumHall(), random_model(4, 2, 1))


def test_disorder_of_a_superconductor_is_refused() -> None:
    with pytest.raises(ModelError, match="extrinsic_spin_conductivity: an electric field does not drive"):
        ExtrinsicSpinConductivity("charge").law(chiral_d_triangular())


def test_the_zero_of_energy_of_a_superconductor_is_its_chemical_potential() -> None:
    grid = sol.EnergyGrid(-4.0, 4.0, 0.1, reference=0.5)
    with pytest.raises(
        ConfigError, match=r"energies: reference is 0.5; .* its chemical potential, so write reference = 0"
    ):
        sol.solve(chiral_d_triangular(), [sol.DensityOfStates()], sol.Numerics(mesh=(4, 4, 1), energies=grid))


def test_what_toml_refuses_python_refuses_in_the_same_words(tmp_path: Path) -> None:
    text = """
[model]
library = "chiral_d_triangular"
[run]
mesh = [4, 4, 1]
[energies]
fermi = 0.0
window = [-4.0, 4.0]
[[response]]
kind = "{kind}"
[output]
temperatures = [100]
"""
    model = chiral_d_triangular()
    kinds = {"anomalous_hall": sol.AnomalousHallConductivity(), "spin_conductivity": sol.SpinConductivity()}
    for kind, response in kinds.items():
        with pytest.raises(SolenoidalError) as python:
            sol.check_response(response, model)
        with pytest.raises(ConfigError) as toml:
            build_responses(parse_input(text.format(kind=kind), tmp_path / "run.toml"), model)
        assert str(toml.value) == f"[[response]] {python.value}"


def test_a_model_file_keeps_the_facts(tmp_path: Path) -> None:
    model = replace(chiral_d_triangular(basis="symmetrised"), first_principles_mesh=(6, 6, 1))
    found = sol.load_model(sol.save_model(model, tmp_path / "super.npz"))
    assert found.nambu == model.nambu
    assert (found.nambu_weight, found.band_weight, found.first_principles_mesh) == (0.5, 0.5, (6, 6, 1))
    double = sol.load_model(sol.save_model(replace(haldane(t2=0.1), spin_degeneracy=2), tmp_path / "double.npz"))
    assert (double.spin_degeneracy, double.nambu_weight, double.band_weight) == (2, None, 2.0)


def test_a_model_file_of_version_2_told_the_facts_in_its_provenance(tmp_path: Path) -> None:
    model = chiral_d_triangular(basis="symmetrised")
    with np.load(sol.save_model(model, tmp_path / "new.npz")) as content:
        arrays = {name: content[name] for name in content.files}
    header = json.loads(str(arrays["header"]))
    for name in ("nambu", "spin_degeneracy", "first_principles_mesh"):
        del header[name]
    header["version"] = 2
    header["provenance"] |= {"basis": "symmetrised", "nambu_weight": 0.5, "mesh": [6, 6, 1]}
    header["provenance"] |= {"chemical_potential_eV": model.nambu.chemical_potential, "pairing_parity": "singlet"}
    arrays["header"] = np.array(json.dumps(header))
    np.savez(tmp_path / "old.npz", **arrays)
    found = sol.load_model(tmp_path / "old.npz")
    assert (found.nambu, found.first_principles_mesh) == (model.nambu, (6, 6, 1))
    assert dict(found.provenance) == dict(model.provenance)


def test_a_result_keeps_the_facts(tmp_path: Path) -> None:
    numerics = sol.Numerics(mesh=(4, 4, 1), energies=sol.FixedPoints((0.0,), (300.0,)), audit=False)
    run = sol.solve(chiral_d_triangular(basis="symmetrised"), [sol.ThermalHall()], numerics)
    assert (run.nambu_weight, run.valid_range) == (0.5, (-np.inf, np.inf))
    again = sol.Result.load(run.save(tmp_path / "run.nc"))
    assert (again.nambu_weight, again.valid_range) == (0.5, (-np.inf, np.inf))


def test_models_travel_to_other_processes_with_their_facts() -> None:
    model = replace(chiral_d_triangular(), first_principles_mesh=(6, 6, 1))
    found = pickle.loads(pickle.dumps(model))
    assert (found.nambu, found.first_principles_mesh) == (model.nambu, (6, 6, 1))
    assert pickle.loads(pickle.dumps(replace(haldane(t2=0.1), spin_degeneracy=2))).spin_degeneracy == 2
    assert pickle.loads(pickle.dumps(replace(weyl(cutoff=0.5), operators={}, spin_degeneracy=2))).spin_degeneracy == 2


FACTS: dict[str, tuple[dict[str, Any], str]] = {
    "three spins": ({"spin_degeneracy": 3}, "spin_degeneracy is 3; write 2 if every band stands for both spins"),
    "spin counted twice": ({"spin_degeneracy": 2}, 'spin_degeneracy is 2 and the model has an operator "spin"'),
    "a mesh of two numbers": (
        {"first_principles_mesh": (4, 4)},
        r"first_principles_mesh is \(4, 4\); expected the three",
    ),
    "a mesh of floats": ({"first_principles_mesh": (4.0, 4.0, 1.0)}, "first_principles_mesh is .*; expected the three"),
}


@pytest.mark.parametrize("mistake", FACTS)
def test_facts_that_contradict_the_model_are_refused(mistake: str) -> None:
    changes, message = FACTS[mistake]
    with pytest.raises(ModelError, match=message):
        replace(random_model(4, 2, 1), **changes)


def test_a_superconductor_counts_its_spins_by_its_basis() -> None:
    with pytest.raises(ModelError, match="is a superconductor, whose basis counts its spins"):
        replace(chiral_d_triangular(), spin_degeneracy=2)
    normal = replace(haldane(t2=0.1), spin_degeneracy=2)
    assert bdg(normal, onsite_pairing(normal, 0.1), mu=0.0, normal_down="equal").spin_degeneracy == 1
    with pytest.raises(ModelError, match='stand for both spins, which basis = "spinless" does not add'):
        bdg(normal, onsite_pairing(normal, 0.1), mu=0.0, basis="spinless")
    with pytest.raises(ModelError, match="superconductor already"):
        bdg(chiral_d_triangular(), onsite_pairing(chiral_d_triangular(), 0.1), mu=0.0)


def test_the_numbers_by_which_meshes_are_refined_are_those_that_are_published() -> None:
    model, points = haldane(t2=0.1, mass=0.3), sol.FixedPoints((0.8,), (900.0,))
    once, twice = (
        Target.build(
            replace(model, spin_degeneracy=spins),
            [sol.AnomalousHallConductivity()],
            sol.SymmetryGroup.identity(),
            points,
            "anomalous_hall",
            ("anomalous_hall",),
            [(0.8, 900.0)],
        )
        for spins in (1, 2)
    )
    assert np.abs(once.maps).max() > 0
    np.testing.assert_allclose(np.abs(twice.maps), 2 * np.abs(once.maps), rtol=1e-12)


def test_the_mesh_of_a_wannier_model_is_that_of_its_superconductor_and_not_of_a_larger_cell() -> None:
    normal = replace(haldane(t2=0.1), first_principles_mesh=(6, 6, 1))
    assert bdg(normal, onsite_pairing(normal, 0.1), mu=0.0, normal_down="equal").first_principles_mesh == (6, 6, 1)
    flux = with_flux(replace(normal, spin_degeneracy=2), 1, 3)
    assert (flux.first_principles_mesh, flux.spin_degeneracy) == (None, 2)


def test_an_input_file_with_an_accuracy_takes_sets_of_eight_meshes_unless_it_says_otherwise() -> None:
    accuracy = sol.Accuracy((0.0,), (300.0,), relative=0.01)
    points = sol.FixedPoints((0.0,), (300.0,))
    assert build_numerics(RunInput(accuracy=0.01), points, accuracy).replicas == 8
    assert build_numerics(RunInput(accuracy=0.01, replicas=5), points, accuracy).replicas == 5
    on_mesh = build_numerics(RunInput(mesh=(4, 4, 1), symmetry=False, block_size=64), points)
    assert (on_mesh.replicas, on_mesh.symmetry, on_mesh.block_size) == (1, None, 64)
    with pytest.raises(ConfigError, match=r"\[run\] mesh is missing"):
        build_numerics(RunInput(accuracy=0.01), points)

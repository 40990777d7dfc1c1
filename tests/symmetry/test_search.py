"""The symmetry search finds exactly the operations a model has, whatever its axes, basis or interpolation noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import solenoidal as sol
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ModelError, SymmetryError
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.bdg import bdg
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, Structure, TightBinding
from solenoidal.models.library.rashba import cubic_rashba_continuum, magnetised_rashba, rashba_square
from solenoidal.models.library.topological import haldane, kane_mele
from solenoidal.models.operator import spin_operator
from solenoidal.models.pairing import onsite_pairing
from solenoidal.symmetry.group import SymmetryGroup, describe, multiplication_table
from solenoidal.symmetry.search import SymmetrySearch, find_symmetry
from solenoidal.symmetry.selection import closed_subset

PLATINUM = Path(__file__).parents[2] / "examples" / "platinum" / "data" / "Pt"
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
LEVI_CIVITA = np.zeros((3, 3, 3))
for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[i, j, k], LEVI_CIVITA[i, k, j] = 1.0, -1.0
LATTICES = {
    "simple cubic": 3.0 * np.eye(3),
    "face-centred": 2.0 * np.array([[-1.0, 0, 1], [0, 1, 1], [-1, 1, 0]]),
    "body-centred": 1.5 * np.array([[1.0, 1, 1], [-1, 1, 1], [-1, -1, 1]]),
}


def p_metal(
    lattice: NDArray[np.float64],
    *,
    exchange: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: NDArray[np.float64] | None = None,
    mesh: tuple[int, int, int] | None = None,
) -> TightBinding:
    """p orbitals with spin-orbit coupling, first-neighbour σ and π hoppings, an exchange field; turned by ``axes``."""
    Q = np.eye(3) if axes is None else axes
    grid = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(grid @ lattice, axis=1)
    R = grid[(length > 0) & (length < 1.01 * np.min(length[length > 0]))]
    bonds = R @ lattice @ Q.T
    unit = bonds / np.linalg.norm(bonds, axis=1, keepdims=True)
    dyad = unit[:, :, None] * unit[:, None, :]
    hops = 1.3 * dyad - 0.4 * (np.eye(3) - dyad)
    onsite = 0.6 * sum(np.kron(-1j * LEVI_CIVITA[x], SIGMA[x] / 2) for x in range(3))
    onsite = onsite + np.kron(np.eye(3), np.einsum("x,xab->ab", Q @ np.array(exchange), SIGMA))
    H = np.concatenate([onsite[None], [np.kron(t, np.eye(2)) for t in hops]])
    spin = spin_operator([np.kron(np.eye(3), s / 2) for s in SIGMA])
    a = lattice @ Q.T
    return TightBinding(
        a,
        3,
        LatticeOperator(np.concatenate([np.zeros((1, 3), dtype=int), R]), H),
        LatticeOperator.constant(np.zeros((3, 6, 6))),
        {"spin": spin},
        Structure(a, np.zeros((1, 3)), ("X",)),
        first_principles_mesh=mesh,
    )


def interpolated(model: TightBinding, mesh: int, noise: float) -> TightBinding:
    """The model with hoppings that cancel on the mesh and break every symmetry between its points."""
    rng = np.random.default_rng(3)
    n = model.n_orbitals
    extra: dict[tuple[int, ...], NDArray[np.complex128]] = {}
    for R, X in zip(model.hamiltonian.R.tolist(), model.hamiltonian.matrices, strict=True):
        extra[tuple(R)] = X.copy()
    for R in ((1, 0, 0), (0, 2, 1), (1, -1, 1)):
        X = noise * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        for shift, sign in (((0, 0, 0), 1), ((-mesh, 0, 0), -1)):
            T = tuple(int(x) for x in np.add(R, shift))
            minus = tuple(-x for x in T)
            extra[T] = extra.get(T, np.zeros((n, n))) + sign * X
            extra[minus] = extra.get(minus, np.zeros((n, n))) + sign * X.conj().T
    H = LatticeOperator(np.array(list(extra)), np.array(list(extra.values())))
    return TightBinding(
        model.lattice,
        3,
        H,
        model.position,
        model.operators,
        model.structure,
        first_principles_mesh=(mesh, mesh, mesh),
    )


def with_all_operators(model: Model, **options: Any) -> SymmetrySearch:
    """The symmetry of the model and of everything attached to it."""
    return find_symmetry(model, operators=tuple(model.operators), **options)


def names(group: SymmetryGroup) -> set[str]:
    return {describe(R, bool(T)) for R, T in zip(group.rotations, group.time_reversal, strict=True)}


@pytest.mark.parametrize("lattice", LATTICES)
def test_a_nonmagnetic_cubic_metal_has_all_96_operations_and_kramers_pairs(lattice: str) -> None:
    search = with_all_operators(p_metal(LATTICES[lattice]))
    assert search.group.size == 96
    assert search.group.has_inversion_times_time_reversal
    assert search.kramers_pairs
    assert search.rejected == ()


@pytest.mark.parametrize("lattice", LATTICES)
def test_magnetisation_along_z_keeps_sixteen_of_96_operations(lattice: str) -> None:
    search = with_all_operators(p_metal(LATTICES[lattice], exchange=(0, 0, 0.3)))
    assert search.candidates.size == 96
    expected = {"1", "-1", "2[0,0,1]", "m[0,0,1]", "4[0,0,1]", "4[0,0,-1]", "-4[0,0,1]", "-4[0,0,-1]"}
    for axis in ("[1,0,0]", "[0,1,0]", "[1,1,0]", "[1,-1,0]"):
        expected |= {f"2{axis}'", f"m{axis}'"}
    assert names(search.group) == expected
    assert not search.group.has_inversion_times_time_reversal
    assert not search.kramers_pairs
    assert len(search.rejected) == 80
    assert min(violation for _, _, violation in search.rejected) > 0.01


def test_magnetisation_along_the_body_diagonal_keeps_twelve_operations() -> None:
    group = with_all_operators(p_metal(LATTICES["simple cubic"], exchange=(0.2, 0.2, 0.2))).group
    assert group.size == 12
    assert {"3[1,1,1]", "-3[1,1,1]", "2[1,-1,0]'", "m[1,-1,0]'"} <= names(group)


@pytest.mark.parametrize("field", [1e-3, 0.3])
def test_a_weak_field_in_a_general_direction_leaves_only_inversion(field: float) -> None:
    model = p_metal(LATTICES["simple cubic"], exchange=(0.5 * field, 0.3 * field, field))
    assert names(with_all_operators(model).group) == {"1", "-1"}


def test_turning_the_crystal_turns_the_group() -> None:
    Q, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
    Q *= np.sign(np.linalg.det(Q))
    straight = with_all_operators(p_metal(LATTICES["body-centred"], exchange=(0, 0, 0.3))).group
    turned = with_all_operators(p_metal(LATTICES["body-centred"], exchange=(0, 0, 0.3), axes=Q)).group
    assert turned.size == straight.size == 16
    expected = Q @ straight.rotations @ Q.T
    overlap = turned.rotations.reshape(-1, 9) @ expected.reshape(-1, 9).T
    assert np.min(np.max(overlap, axis=1)) > 3 - 1e-9


def test_a_change_of_orbital_basis_leaves_every_violation_unchanged() -> None:
    model = p_metal(LATTICES["simple cubic"], exchange=(0, 0, 0.3))
    rng = np.random.default_rng(2)
    U, _ = np.linalg.qr(rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6)))

    def turn(X: Any) -> Any:
        return X.with_matrices(X.R, U.conj().T @ X.matrices @ U)

    other = TightBinding(
        model.lattice, 3, turn(model.hamiltonian), model.position, {"spin": turn(model.operators["spin"])}
    )
    before, after = with_all_operators(model), with_all_operators(other)
    assert max(float(np.max(x)) for x in before.violations.values()) > 0.1
    for name, value in before.violations.items():
        np.testing.assert_allclose(after.violations[name], value, atol=1e-9)


def test_interpolation_noise_between_mesh_points_hides_no_symmetry() -> None:
    lattice = LATTICES["simple cubic"]
    for exchange, size in (((0.0, 0.0, 0.0), 96), ((0.0, 0.0, 0.3), 16)):
        noisy = interpolated(p_metal(lattice, exchange=exchange), 5, 0.005)
        search = with_all_operators(noisy)
        assert np.max(search.violations["energies"][search.accepted]) > 1e-3
        assert search.group.size == size
        blind = TightBinding(noisy.lattice, 3, noisy.hamiltonian, noisy.position, noisy.operators, noisy.structure, {})
        alone = with_all_operators(blind)
        assert alone.group.size == 1
        assert "whole zone" in alone.report


@pytest.fixture(scope="module")
def platinum() -> TightBinding:
    return read_wannier90(PLATINUM)


def test_platinum_from_first_principles_keeps_all_operations_and_pairs(platinum: TightBinding) -> None:
    search = with_all_operators(platinum)
    assert search.group.size == 96
    assert search.kramers_pairs
    assert np.max(search.violations["spin on the mesh"]) < 1e-4 < np.max(search.violations["energies"])


def test_a_platinum_model_in_a_field_loses_time_reversal(platinum: TightBinding) -> None:
    model = platinum
    spin = model.operators["spin"]
    R = np.unique(np.concatenate([model.hamiltonian.R, spin.R]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    H = np.zeros((len(R), model.n_orbitals, model.n_orbitals), dtype=np.complex128)
    H[[index[tuple(r)] for r in model.hamiltonian.R.tolist()]] += model.hamiltonian.matrices
    H[[index[tuple(r)] for r in spin.R.tolist()]] += 0.1 * spin.matrices[:, 2]
    magnet = replace(model, hamiltonian=LatticeOperator(R, H))
    search = with_all_operators(magnet)
    assert search.group.size == 16
    assert not search.kramers_pairs


def test_rashba_has_the_wallpaper_group_4mm_and_time_reversal_but_no_pairs() -> None:
    search = with_all_operators(rashba_square(alpha=0.5))
    assert search.group.size == 16
    assert np.all(search.group.rotations[:, 2, 2] > 0)
    fixes_k = np.all(search.group.k_rotations == np.eye(3), axis=(1, 2)) & search.group.time_reversal
    assert np.any(fixes_k)
    assert not search.group.has_inversion_times_time_reversal
    assert not search.kramers_pairs


def test_out_of_plane_mass_makes_the_rashba_mirrors_antiunitary() -> None:
    group = with_all_operators(rashba_square(alpha=0.5, mass=0.5)).group
    rotations = {"1", "2[0,0,1]", "4[0,0,1]", "4[0,0,-1]"}
    assert names(group) == rotations | {"m[1,0,0]'", "m[0,1,0]'", "m[1,1,0]'", "m[1,-1,0]'"}


def test_in_plane_magnetisation_keeps_the_mirror_it_is_normal_to() -> None:
    group = with_all_operators(magnetised_rashba(alpha=0.5, magnetisation=(0.1, 0.0, 0.0))).group
    assert names(group) == {"1", "m[1,0,0]", "2[0,0,1]'", "m[0,1,0]'"}


def test_haldane_flux_is_seen_without_a_spin_operator() -> None:
    search = with_all_operators(replace(haldane(t2=0.1), operators={}))
    assert {"-1", "6[0,0,1]", "m[1,0,0]'"} <= names(search.group)
    assert not search.group.time_reversal[np.all(search.group.k_rotations == -np.eye(3), axis=(1, 2))].any()
    assert "no spin operator" in search.report


def test_an_operation_that_changes_a_scalar_operator_is_refused() -> None:
    bare = with_all_operators(replace(haldane(t2=0.1), operators={}))
    search = with_all_operators(haldane(t2=0.1))  # has the sublattice polarisation, which inversion reverses
    assert "-1" in names(bare.group)
    assert "-1" not in names(search.group)
    assert "3[0,0,1]" in names(search.group)


def test_electrons_and_holes_are_not_exchanged_by_a_symmetry() -> None:
    builder = TightBindingBuilder([[1, 0], [0, 1]], [[0.0, 0.0]])
    builder.set_hop(-1.0, 0, 0, (1, 0)).set_hop(1.0, 0, 0, (0, 1))
    normal = builder.build()
    model = bdg(normal, onsite_pairing(normal, 0.3), mu=0.0, normal_down="equal")
    assert "4[0,0,1]" not in names(with_all_operators(model).group)
    charge = sol.SpinMoment(operator="charge")
    energies = sol.EnergyGrid(-8.0, 8.0, 0.01, 0.0)
    reduced, full = (
        sol.solve(model, [charge], sol.Numerics(mesh=(24, 24, 1), energies=energies, symmetry=s)).spin_moment(
            0.0, 300.0
        )
        for s in ("auto", None)
    )
    assert abs(float((reduced - full)["spin_moment"].squeeze())) < 1e-10


def test_spinless_bands_with_inversion_and_time_reversal_are_not_paired() -> None:
    search = with_all_operators(replace(haldane(t2=0.0), operators={}))
    assert search.group.has_inversion_times_time_reversal
    assert search.pair_splitting > 0.1
    assert not search.kramers_pairs


@pytest.mark.parametrize(("lambda_v", "paired"), [(0.0, True), (0.2, False)])
def test_kane_mele_bands_are_paired_until_the_sublattices_differ(lambda_v: float, paired: bool) -> None:
    search = with_all_operators(kane_mele(lambda_so=0.06, lambda_v=lambda_v))
    assert search.kramers_pairs is paired
    assert "1'" in names(search.group)


def test_a_polar_chain_keeps_the_mirrors_through_its_axis() -> None:
    builder = TightBindingBuilder([[2.0]], [[0.0], [0.3]])
    builder.set_onsite([0.2, -0.5]).set_hop(1.0, 0, 1, (0,)).set_hop(0.4, 1, 0, (1,)).set_hop(0.2j, 0, 0, (1,))
    group = with_all_operators(builder.build()).group
    assert np.allclose(group.rotations[~group.time_reversal, 0, 0], 1.0)
    assert not group.time_reversal[group.rotations[:, 0, 0] > 0].any()
    assert np.all(group.k_rotations[:, 1:, 1:] == np.eye(2))


def test_continuum_models_are_searched_on_their_box() -> None:
    search = with_all_operators(cubic_rashba_continuum(alpha=0.1, mass=0.3))
    assert "4[0,0,1]" in names(search.group)
    assert "1'" not in names(search.group)


def test_a_set_that_is_not_closed_is_cut_to_a_group_of_its_best_members() -> None:
    candidates = with_all_operators(rashba_square(alpha=0.5)).candidates
    label = [describe(R, bool(T)) for R, T in zip(candidates.rotations, candidates.time_reversal, strict=True)]
    violation = np.full(candidates.size, 1.0)
    for name, value in (("1", 0.0), ("2[0,0,1]", 1e-3), ("m[1,0,0]", 2e-3), ("4[0,0,1]", 3e-3), ("m[0,1,0]", 4e-3)):
        violation[label.index(name)] = value
    kept = closed_subset(candidates, violation, violation < 0.1)
    assert {label[g] for g in np.flatnonzero(kept)} == {"1", "2[0,0,1]", "m[1,0,0]", "m[0,1,0]"}


def test_every_product_of_two_operations_is_in_the_group() -> None:
    group = with_all_operators(p_metal(LATTICES["face-centred"], exchange=(0, 0, 0.3))).group
    table = multiplication_table(group.rotations, group.time_reversal)
    for row in table:
        assert sorted(row) == list(range(group.size))
    g, h = 5, 11
    product = group.rotations[g] @ group.rotations[h]
    np.testing.assert_allclose(group.rotations[table[g, h]], product, atol=1e-12)
    np.testing.assert_array_equal(group.k_rotations[table[g, h]], group.k_rotations[g] @ group.k_rotations[h])


def test_fractional_and_cartesian_actions_agree() -> None:
    model = p_metal(LATTICES["body-centred"], exchange=(0, 0, 0.3))
    group = with_all_operators(model).group
    k = np.array([0.13, -0.29, 0.41])
    for R, M, T in zip(group.rotations, group.k_rotations, group.time_reversal, strict=True):
        cartesian = (-1 if T else 1) * R @ (k @ model.reciprocal)
        np.testing.assert_allclose((M @ k) @ model.reciprocal, cartesian, atol=1e-10)


def test_a_set_without_its_products_is_refused() -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    with pytest.raises(SymmetryError, match="not a group"):
        SymmetryGroup.from_rotations([np.eye(3), quarter], [False, False], lattice=np.eye(3), dimension=3)


def test_a_rotation_the_lattice_does_not_have_is_refused() -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    powers = [np.linalg.matrix_power(quarter, p) for p in range(4)]
    with pytest.raises(SymmetryError, match="4\\[0,0,1\\] does not map"):
        SymmetryGroup.from_rotations(powers, [False] * 4, lattice=np.diag([1.0, 2.0, 3.0]), dimension=3)


@pytest.mark.parametrize(("tolerance", "samples", "message"), [(-1.0, 3, "tolerance"), (None, 0, "samples")])
def test_bad_search_settings_are_refused(tolerance: float | None, samples: int, message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        with_all_operators(rashba_square(alpha=0.5), tolerance=tolerance, samples=samples)


def test_a_mesh_that_is_not_three_divisions_is_refused() -> None:
    with pytest.raises(ModelError, match="first_principles_mesh is 4; expected the three divisions"):
        p_metal(LATTICES["simple cubic"], mesh=4)  # type: ignore[arg-type]


def test_the_spin_is_a_witness_in_wannier_models_alone() -> None:
    """With inversion the energies of a magnet on the mesh are those of a nonmagnet; the spin tells them apart."""
    magnet = p_metal(LATTICES["simple cubic"], exchange=(0, 0, 0.3))
    wannier = replace(magnet, first_principles_mesh=(4, 4, 4))
    assert not any("spin" in name for name in find_symmetry(magnet).violations)
    found = find_symmetry(wannier)
    assert found.violations["spin on the mesh"][found.candidates.time_reversal].max() > 0.1
    assert found.operators == ()
    assert not found.kramers_pairs
    assert names(found.group) == names(find_symmetry(wannier, operators=("spin",)).group)
    silent = replace(wannier, operators={"spin": replace(magnet.operators["spin"], legs=None, time_reversal=None)})
    assert not any("spin" in name for name in find_symmetry(silent).violations)


def test_an_operator_may_be_called_like_a_quantity_of_the_search() -> None:
    model = rashba_square(alpha=0.5)
    named = replace(model, operators={"energies": model.operators["spin"], "velocity": model.operators["spin"]})
    search = find_symmetry(named, operators=("energies", "velocity"))
    assert search.group.size == find_symmetry(model, operators=("spin",)).group.size
    assert {"operator energies", "operator velocity", "energies", "velocity"} <= set(search.violations)


def test_a_name_in_place_of_a_tuple_of_operators_is_refused() -> None:
    with pytest.raises(SymmetryError, match=r"operators is 'spin'; write a tuple of names, for example \('spin',\)"):
        find_symmetry(rashba_square(alpha=0.5), operators="spin")

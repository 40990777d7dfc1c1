"""Symmetrised models have the symmetry of the crystal to rounding, and lose nothing but what breaks it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import solenoidal as sol
from solenoidal.bloch.interpolation import hamiltonian_function
from solenoidal.errors import SymmetryError
from solenoidal.models import library
from solenoidal.models.all_states import AllStates
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, Structure, TightBinding, orbital_centres
from solenoidal.models.operator import Operator, spin_operator
from solenoidal.models.products import spin_products
from solenoidal.symmetry.fingerprint import Fingerprint, generic_points, label
from solenoidal.symmetry.representation import exact_representation, fit
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.symmetry.sites import Sites
from solenoidal.symmetry.symmetrise import symmetrise

ROOT = Path(__file__).parents[2]
PLATINUM = ROOT / "benchmarks" / "data" / "platinum_6x6x6.npz"
SMALL_PLATINUM = ROOT / "examples" / "platinum" / "data" / "Pt"

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
LEVI_CIVITA = np.zeros((3, 3, 3))
for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[i, j, k], LEVI_CIVITA[i, k, j] = 1.0, -1.0

Matrices = NDArray[np.complex128]


def slater_koster(d: NDArray[np.float64]) -> Matrices:
    """Hopping between s, x, y, z of two sites along ``d``, spins kept."""
    n = d / np.linalg.norm(d)
    hop = np.zeros((4, 4))
    hop[0, 0], hop[0, 1:], hop[1:, 0] = -1.1, 0.9 * n, -0.9 * n
    hop[1:, 1:] = 1.4 * np.outer(n, n) - 0.5 * (np.eye(3) - np.outer(n, n))
    return np.kron(hop, np.eye(2))


def crystal(lattice: NDArray[np.float64], sites: NDArray[np.float64], reach: float) -> TightBinding:
    """s and p orbitals with spin-orbit coupling on fractional ``sites`` of one species, neighbours within ``reach``."""
    n = 8 * len(sites)
    onsite = np.zeros((8, 8), dtype=complex)
    onsite[:2, :2] = -3.0 * np.eye(2)
    onsite[2:, 2:] = 0.6 * sum(np.kron(-1j * LEVI_CIVITA[x], SIGMA[x] / 2) for x in range(3))
    R = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    H = np.zeros((len(R), n, n), dtype=complex)
    for r, a, b in itertools.product(range(len(R)), range(len(sites)), range(len(sites))):
        d = (R[r] + sites[b] - sites[a]) @ lattice
        block = H[r, 8 * a : 8 * a + 8, 8 * b : 8 * b + 8]
        if np.linalg.norm(d) < 1e-9:
            block += onsite
        elif np.linalg.norm(d) < reach:
            block += slater_koster(d)
    dipole = np.zeros((3, 4, 4))
    for x in range(3):
        dipole[x, 0, 1 + x] = dipole[x, 1 + x, 0] = 0.3
    local = np.kron(np.eye(len(sites)), np.kron(dipole, np.eye(2)))
    centres = np.einsum("ax,ab->xab", np.repeat(sites @ lattice, 8, axis=0), np.eye(n))
    spin = spin_operator([np.kron(np.eye(n // 2), s / 2) for s in SIGMA])
    structure = Structure(lattice, sites, ("X",) * len(sites))
    return TightBinding(
        lattice, 3, LatticeOperator(R, H), LatticeOperator.constant(local + centres), {"spin": spin}, structure
    )


def diamond() -> TightBinding:
    """Two sites that only nonsymmorphic operations exchange, the origin at neither and at no centre of symmetry."""
    lattice = 2.0 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    sites = np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]]) + np.array([0.11, 0.23, 0.37])
    return crystal(lattice, sites, 1.8)


def cubic() -> TightBinding:
    return crystal(3.0 * np.eye(3), np.zeros((1, 3)), 3.1)


def doubled_rashba() -> TightBinding:
    """A Rashba square lattice in a cell of two sites: half a lattice vector is a symmetry."""
    builder = TightBindingBuilder([[2.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.5, 0.0]], spin=True)
    for a, b, R in ((0, 1, (0, 0)), (1, 0, (1, 0))):
        builder.set_hop([-1.0, 0, -0.3j, 0], a, b, R)
    for a in (0, 1):
        builder.set_hop([-1.0, 0.3j, 0, 0], a, a, (0, 1))
    return builder.build(species=["X", "X"])


def antiferromagnet() -> TightBinding:
    """A doubled cell in which half a lattice vector is a symmetry only with time reversal."""
    builder = TightBindingBuilder([[2.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.5, 0.0]], spin=True)
    for a, b, R in ((0, 1, (0, 0)), (1, 0, (1, 0))):
        builder.set_hop([-1.0, 0, -0.3j, 0], a, b, R)
    for a, moment in ((0, 0.7), (1, -0.7)):
        builder.set_hop([-1.0, 0.3j, 0, 0], a, a, (0, 1))
        builder.set_onsite([0, 0, 0, moment], a)
    return builder.build(species=["X", "X"])


def buckled_honeycomb() -> TightBinding:
    """Two sites at different heights above a plane, first and second neighbours, spin-orbit coupling between these."""
    lattice = np.array([[1.0, 0.0, 0.0], [0.5, 0.75**0.5, 0.0], [0.2, 0.1, 5.0]])
    sites = np.array([[0.5, 0.75**0.5 / 3, 0.3], [1.0, 2 * 0.75**0.5 / 3, -0.1]])
    builder = TightBindingBuilder(lattice, sites @ np.linalg.inv(lattice), spin=True, dimension=2)
    for R in ((0, 0), (-1, 0), (0, -1)):
        builder.set_hop(-1.0, 0, 1, R)
    for R in ((1, 0), (-1, 1), (0, -1)):
        builder.set_hop([0.1, 0, 0, 0.2j], 0, 0, R).set_hop([0.1, 0, 0, -0.2j], 1, 1, R)
    return builder.build(species=["X", "X"])


REVERSIBLE: dict[str, Callable[[], TightBinding]] = {
    "cubic": cubic,
    "diamond": diamond,
    "Kane-Mele": lambda: library.kane_mele(lambda_so=0.1, lambda_r=0.05),
    "buckled honeycomb": buckled_honeycomb,
    "doubled cell": doubled_rashba,
}
"""Models with time reversal and spin as the fastest index."""

MODELS = REVERSIBLE | {
    "antiferromagnet": antiferromagnet,
    "kagome": lambda: library.kagome_antiferromagnet(J=1.3, spin_orbit=0.2),
    "Haldane": lambda: library.haldane(t2=0.1, phi=1.2, mass=0.0),
    "altermagnet": lambda: library.altermagnet_d_wave(J=0.8, t2=0.3, delta=0.4),
}


def paired(R: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Vectors closed under inversion and the index of each partner."""
    closed = np.unique(np.concatenate([R, -R]), axis=0)
    return closed, [int(np.flatnonzero(np.all(closed == -r, axis=1))[0]) for r in closed]


def noisy(model: TightBinding, size: float, seed: int = 0) -> TightBinding:
    """H, r and the operators with Hermitian noise that is odd under time reversal where they are even and vice versa,
    so that nothing of it is left in the average over a group with time reversal."""
    rng = np.random.default_rng(seed)
    n = model.n_orbitals
    theta = np.kron(np.eye(n // 2), 1j * SIGMA[1])

    def with_noise(operator: Any, parity: int) -> Any:
        R, partner = paired(model.hamiltonian.R)
        shape = (len(R), *operator.leg_shape, n, n)
        noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        noise = noise + noise[partner].conj().swapaxes(-1, -2)
        noise = noise - parity * theta @ noise.conj() @ theta.conj().T
        index = {tuple(r): i for i, r in enumerate(R.tolist())}
        noise *= size
        for r, X in zip(operator.R.tolist(), operator.matrices, strict=True):
            noise[index[tuple(r)]] += X
        return operator.with_matrices(R, noise)

    operators = {name: with_noise(X, X.time_reversal) for name, X in model.operators.items()}
    return replace(
        model,
        hamiltonian=with_noise(model.hamiltonian, 1),
        position=with_noise(model.position, 1),
        operators=operators,
    )


def disguised(model: TightBinding, seed: int = 0) -> TightBinding:
    """The same model in orbitals mixed at random within each site, then put in home cells drawn at random."""
    rng = np.random.default_rng(seed)
    sites = Sites.of(model)
    n = model.n_orbitals
    U = np.zeros((n, n), dtype=complex)
    for s in range(sites.count):
        own = sites.members(s)
        raw = rng.normal(size=(len(own), len(own), 2)) @ [1, 1j]
        U[np.ix_(own, own)] = np.linalg.qr(raw)[0]
    cells = np.zeros((n, 3), dtype=np.int64)
    cells[:, : model.dimension] = rng.integers(-1, 2, (n, model.dimension))

    def hidden(operator: Any) -> Any:
        moved: dict[tuple[int, ...], Matrices] = {}
        for r, X in zip(operator.R, U @ operator.matrices @ U.conj().T, strict=True):
            for a, b in itertools.product(range(n), range(n)):
                # Orbital a now is the one of cell c_a: <0a|X|Rb> is at R − c_b + c_a.
                key = tuple((r - cells[b] + cells[a]).tolist())
                moved.setdefault(key, np.zeros_like(X))[..., a, b] += X[..., a, b]
        ordered = sorted(moved)
        return operator.with_matrices(np.array(ordered), np.array([moved[key] for key in ordered]))

    position = hidden(model.position)
    matrices = position.matrices.copy()
    home = np.flatnonzero(~position.R.any(axis=1))[0]
    matrices[home] += np.einsum("ax,ab->xab", cells @ model.lattice, np.eye(n))
    return replace(
        model,
        hamiltonian=hidden(model.hamiltonian),
        position=LatticeOperator(position.R, matrices),
        operators={name: hidden(X) for name, X in model.operators.items()},
    )


def energies(model: TightBinding, samples: int = 12) -> NDArray[np.float64]:
    k = generic_points(model.dimension, samples, 5)
    return np.asarray(np.linalg.eigvalsh(hamiltonian_function(model)(k)))


def violations(model: TightBinding, group: SymmetryGroup) -> dict[str, float]:
    """Largest violation by any operation of energies and traces at random k, each in its natural scale."""
    print_ = Fingerprint.build(model, generic_points(model.dimension, 3, 11), tuple(model.operators), velocity=True)
    found = print_.violations(group.rotations, group.k_rotations, group.time_reversal)
    return {label(factors): float(np.max(values)) for factors, values in found.items()}


def traces(model: TightBinding) -> list[NDArray[np.complex128]]:
    """Traces of velocities and spins between energy windows, which do not see the gauge of the orbitals."""
    k = generic_points(model.dimension, 3, 7)
    found = Fingerprint.build(model, k, tuple(model.operators), velocity=True)
    return [value for _, value in sorted(found.traces(k)[1].items())]


@pytest.mark.parametrize("name", REVERSIBLE)
def test_a_hidden_symmetry_comes_back_exactly(name: str) -> None:
    clean = REVERSIBLE[name]()
    group = find_symmetry(clean, operators=tuple(clean.operators)).group
    assert group.size >= 8
    model = disguised(noisy(clean, 2e-4))
    before = violations(model, group)
    assert min(before.values()) > 1e-6
    after = symmetrise(model, symmetry=group)
    assert max(violations(after, group).values()) < 1e-11
    record = after.provenance["symmetrised"]
    assert record["operations"] == group.size * (2 if name == "doubled cell" else 1)
    assert 1e-4 < record["violation"]["hamiltonian"] < 0.02


@pytest.mark.parametrize("name", REVERSIBLE)
def test_noise_without_a_symmetric_part_is_removed_to_second_order(name: str) -> None:
    clean = REVERSIBLE[name]()
    group = find_symmetry(clean, operators=tuple(clean.operators)).group
    exact = energies(clean)
    errors = []
    for size in (2e-4, 5e-5):
        model = disguised(noisy(clean, size))
        assert np.max(np.abs(energies(model) - exact)) > size
        errors.append(float(np.max(np.abs(energies(symmetrise(model, symmetry=group)) - exact))))
    assert errors[0] < 1e-4
    assert errors[1] < errors[0] / 8


@pytest.mark.parametrize("name", MODELS)
def test_a_symmetric_model_is_left_as_it_is(name: str) -> None:
    model = disguised(MODELS[name]())
    after = symmetrise(model)
    assert after.provenance["symmetrised"]["operations"] > 1
    assert max(after.provenance["symmetrised"]["violation"].values()) < 1e-12
    before = {"hamiltonian": model.hamiltonian, "position": model.position, **model.operators}
    now = {"hamiltonian": after.hamiltonian, "position": after.position, **after.operators}
    for key, operator in before.items():
        known = {tuple(r): X for r, X in zip(now[key].R.tolist(), now[key].matrices, strict=True)}
        for r, X in zip(operator.R.tolist(), operator.matrices, strict=True):
            np.testing.assert_allclose(known.pop(tuple(r), 0 * X), X, atol=1e-12)
        assert all(np.max(np.abs(X)) < 1e-12 for X in known.values())


def test_symmetrising_twice_is_symmetrising_once() -> None:
    once = symmetrise(noisy(cubic(), 2e-4), symmetry=find_symmetry(cubic(), operators=("spin",)).group)
    twice = symmetrise(once, symmetry=find_symmetry(cubic(), operators=("spin",)).group)
    assert twice.provenance["symmetrised"]["change"] < 1e-12
    np.testing.assert_array_equal(once.hamiltonian.R, twice.hamiltonian.R)
    np.testing.assert_allclose(once.hamiltonian.matrices, twice.hamiltonian.matrices, atol=1e-12)
    np.testing.assert_allclose(once.position.matrices, twice.position.matrices, atol=1e-12)


@pytest.mark.parametrize("name", ["cubic", "diamond"])
def test_the_gauge_of_the_orbitals_does_not_matter(name: str) -> None:
    model = noisy(REVERSIBLE[name](), 2e-4)
    group = find_symmetry(REVERSIBLE[name](), operators=("spin",)).group
    plain, hidden = symmetrise(model, symmetry=group), symmetrise(disguised(model), symmetry=group)
    assert np.max(np.abs(energies(plain) - energies(model))) > 1e-4
    np.testing.assert_allclose(energies(hidden), energies(plain), atol=1e-10)
    assert max(float(np.max(np.abs(value))) for value in traces(plain)) > 0.1
    for one, other in zip(traces(hidden), traces(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_centres_of_a_site_keep_their_mean_and_sites_off_the_symmetric_positions_move_there() -> None:
    clean = diamond()
    assert clean.structure is not None
    displaced = clean.structure.positions + np.array([[2e-4, 0, -1e-4], [0, 1e-4, 0]])
    model = replace(
        noisy(clean, 1e-4), structure=replace(clean.structure, positions=displaced), first_principles_mesh=(5, 5, 5)
    )
    after = symmetrise(model, symmetry=find_symmetry(clean, operators=tuple(clean.operators)).group)
    centres = orbital_centres(after)
    bond = centres[8:].mean(axis=0) - centres[:8].mean(axis=0)
    np.testing.assert_allclose(bond, np.full(3, 0.25) @ clean.lattice, atol=1e-12)
    np.testing.assert_allclose(centres.mean(axis=0), (displaced @ clean.lattice).mean(axis=0), atol=1e-12)
    assert after.structure is not None
    np.testing.assert_allclose(
        (after.structure.positions[1] - after.structure.positions[0]) @ clean.lattice, bond, atol=1e-12
    )


def test_everything_else_of_the_model_is_kept(tmp_path: Path) -> None:
    model = replace(noisy(cubic(), 2e-4), first_principles_mesh=(5, 5, 5))
    after = symmetrise(model, symmetry=find_symmetry(cubic(), operators=("spin",)).group)
    assert after.first_principles_mesh == model.first_principles_mesh == (5, 5, 5)
    assert after.structure is not None
    assert model.structure is not None
    assert after.structure.species == model.structure.species
    loaded = sol.load_model(sol.save_model(after, tmp_path / "model.npz"))
    assert loaded.provenance["symmetrised"] == after.provenance["symmetrised"]


def test_a_smaller_group_keeps_what_only_the_larger_one_forbids() -> None:
    clean = cubic()
    group = find_symmetry(clean, operators=tuple(clean.operators)).group
    unitary = group.subgroup(~group.time_reversal)
    model = noisy(clean, 2e-4)
    after = symmetrise(model, symmetry=unitary)
    assert max(violations(after, unitary).values()) < 1e-11
    assert max(violations(after, group).values()) > 1e-8


def test_the_full_zone_gives_what_the_reduced_zone_does() -> None:
    clean = cubic()
    group = find_symmetry(clean, operators=tuple(clean.operators)).group
    model = noisy(clean, 4e-4)

    def hall(model: TightBinding, symmetry: SymmetryGroup | None) -> float:
        result = sol.solve(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(
                mesh=(6, 6, 6),
                energies=sol.FixedPoints((0.1,), (3000.0,)),
                symmetry=symmetry,
                kramers=True,
                audit=False,
                threads=1,
            ),
        )
        sigma = result.conductivity(mu=0.1, temperature=3000)["conventional"]
        return float(sigma.sel(current="x", field="y", spin="z").squeeze())

    assert abs(hall(model, group) / hall(model, None) - 1) > 1e-5
    after = symmetrise(model, symmetry=group)
    assert hall(after, group) == pytest.approx(hall(after, None), rel=1e-10)


def test_orbitals_that_do_not_turn_into_one_another_are_refused() -> None:
    clean = cubic()
    with pytest.raises(SymmetryError, match=r"changes the hoppings by \d+ % of their norm, allowed are 2 %"):
        symmetrise(noisy(clean, 0.01), symmetry=find_symmetry(clean, operators=tuple(clean.operators)).group)
    looser = symmetrise(
        noisy(clean, 1e-3), symmetry=find_symmetry(clean, operators=tuple(clean.operators)).group, tolerance=0.2
    )
    assert looser.provenance["symmetrised"]["violation"]["hamiltonian"] > 0.01


def test_the_small_platinum_data_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"by 1\d % of their norm, allowed are 2 %.*leave symmetrise off"):
        symmetrise(sol.read_wannier90(SMALL_PLATINUM))


def test_parts_that_do_not_couple_are_refused() -> None:
    builder = TightBindingBuilder([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]])
    for orbital, t in ((0, 1.0), (1, 0.5)):
        builder.set_hop(t, orbital, orbital, (1, 0)).set_hop(t, orbital, orbital, (0, 1))
    with pytest.raises(SymmetryError, match=r"more than one way, because parts of the model do not couple"):
        symmetrise(builder.build())


def test_operations_that_take_no_site_to_another_are_refused() -> None:
    group = find_symmetry(library.rashba_square(t=1.0, alpha=0.3), operators=("spin",)).group
    builder = TightBindingBuilder([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.3, 0.1]], spin=True)
    with pytest.raises(SymmetryError, match=r"does not take the 2 sites of the orbitals to sites of the same kind"):
        symmetrise(builder.set_hop(1.0, 0, 1, (0, 0)).build(), symmetry=group)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (library.rashba_continuum(alpha=0.5, mass=1.0), "a continuum model has no hoppings"),
        (library.chiral_d_square(), "symmetrise its normal state"),
        (
            replace(cubic(), operators={"quadrupole": Operator.constant(np.zeros((3, 3, 8, 8)), None, None)}),
            "operator 'quadrupole' does not state how it turns",
        ),
    ],
)
def test_models_whose_behaviour_is_not_known_are_refused(model: TightBinding, message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        symmetrise(model)


def test_a_group_that_is_none_and_a_tolerance_that_is_not_positive_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"symmetry is 'none'; expected \"auto\" or a SymmetryGroup"):
        symmetrise(cubic(), symmetry="none")  # type: ignore[arg-type]
    with pytest.raises(SymmetryError, match="expected a positive number"):
        symmetrise(cubic(), tolerance=0.0)


def test_too_many_orbitals_on_one_site_are_refused() -> None:
    block = np.arange(80)
    with pytest.raises(SymmetryError, match=r"6400 unknowns .* at most 6000"):
        fit([], [(block, block)], 80)


def test_a_representation_is_found_from_matrices_near_it() -> None:
    # Rotations by 90° about z and time reversal on a spin 1/2: signs and phases are free.
    turn = np.diag(np.exp(-1j * np.pi / 4 * np.array([1, -1])))
    flip = 1j * SIGMA[1]
    elements = [(r, t) for t in (False, True) for r in range(4)]
    exact = np.array([np.linalg.matrix_power(turn, r) @ (flip if t else np.eye(2)) for r, t in elements])
    table = np.array([[elements.index(((r + q) % 4, t != u)) for q, u in elements] for r, t in elements])
    rng = np.random.default_rng(0)
    near = exact + 0.02 * (rng.normal(size=exact.shape) + 1j * rng.normal(size=exact.shape))
    near = np.array([u @ v for u, _, v in map(np.linalg.svd, near)])
    antiunitary = np.array([t for _, t in elements])
    D = exact_representation(near, antiunitary, table)
    assert np.max(np.abs(D - near)) > 1e-3
    for g, h in itertools.product(range(8), range(8)):
        product = D[g] @ (D[h].conj() if antiunitary[g] else D[h])
        assert abs(np.trace(D[table[g, h]].conj().T @ product)) == pytest.approx(2.0, abs=1e-13)
    with pytest.raises(SymmetryError, match="do not multiply like the 8 operations"):
        exact_representation(exact[rng.permutation(8)], antiunitary, table)


@pytest.fixture(scope="module")
def platinum() -> tuple[TightBinding, TightBinding]:
    model = sol.load_model(PLATINUM)
    return model, symmetrise(model)


@pytest.mark.slow
def test_platinum_has_the_group_of_the_crystal_and_kramers_pairs_to_rounding(
    platinum: tuple[TightBinding, TightBinding],
) -> None:
    model, after = platinum
    group = find_symmetry(model, operators=tuple(model.operators)).group
    assert group.size == 96
    split = energies(model)[:, 1::2] - energies(model)[:, ::2]
    assert np.max(split) > 1e-3
    assert np.max(energies(after)[:, 1::2] - energies(after)[:, ::2]) < 1e-10
    assert max(violations(after, group).values()) < 1e-12
    k = generic_points(3, 2, 3)
    images = np.einsum("gij,kj->kgi", group.k_rotations, k).reshape(-1, 3)
    for values in np.linalg.eigvalsh(hamiltonian_function(after)(images)).reshape(2, 96, -1):
        assert np.max(np.abs(values - values[0])) < 1e-10
    assert len(after.hamiltonian.R) == len(model.hamiltonian.R)


@pytest.mark.slow
def test_platinum_keeps_its_energies_on_the_first_principles_mesh(platinum: tuple[TightBinding, TightBinding]) -> None:
    model, after = platinum
    k = np.stack(np.unravel_index(np.arange(216), (6, 6, 6)), axis=1) / 6
    change = np.linalg.eigvalsh(hamiltonian_function(after)(k)) - np.linalg.eigvalsh(hamiltonian_function(model)(k))
    assert np.max(np.abs(energies(after) - energies(model))) > 1e-3
    assert np.max(np.abs(change)) < 1e-5


@pytest.mark.slow
def test_platinum_spin_hall_conductivity_of_the_reduced_zone_is_that_of_the_full_one(
    platinum: tuple[TightBinding, TightBinding],
) -> None:
    def hall(model: TightBinding, reduced: bool) -> float:
        result = sol.solve(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(
                mesh=(8, 8, 8),
                energies=sol.FixedPoints((17.8539,), (300.0,)),
                symmetry="auto" if reduced else None,
                audit=False,
            ),
        )
        sigma = result.conductivity(mu=17.8539, temperature=300)["conventional"]
        return float(sigma.sel(current="x", field="y", spin="z").squeeze())

    model, after = platinum
    assert abs(hall(model, True) / hall(model, False) - 1) > 1e-4
    assert hall(after, True) == pytest.approx(hall(after, False), rel=1e-10)


def with_products(model: TightBinding) -> TightBinding:
    """``model`` with the products of its own matrices: those of a run without states outside the model."""

    def product(left: Matrices, right: Matrices) -> Matrices:
        """Σ_R' X(R') Y(R − R') on ``R``."""
        total = np.zeros(np.broadcast_shapes(left.shape, right.shape), dtype=complex)
        for i, j in itertools.product(*(np.flatnonzero(X.reshape(len(R), -1).any(axis=1)) for X in (left, right))):
            total[at[tuple(R[i] + R[j])]] += left[i] @ right[j]
        return total

    reach = 1 + np.abs(model.hamiltonian.R).max()
    R = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    at = {tuple(r): i for i, r in enumerate(R)}
    spread = []
    for operator in (model.hamiltonian, model.position, model.operators["spin"]):
        matrices = np.zeros((len(R), *operator.matrices.shape[1:]), dtype=complex)
        matrices[[at[tuple(r)] for r in operator.R]] = operator.matrices
        spread.append(matrices)
    H, A, S = spread
    SH = product(S, H[:, None])
    parts = product(S[:, None], A[:, :, None]), product(SH[:, None], A[:, :, None]), SH
    products = AllStates(*(LatticeOperator(R, X) for X in parts), 0, 0.0, {})
    return replace(model, all_states=products)


def test_products_over_all_states_turn_by_their_laws() -> None:
    model = with_products(diamond())
    symmetric = symmetrise(model)
    violation = symmetric.provenance["symmetrised"]["violation"]
    products = {name: value for name, value in violation.items() if name.startswith("all_states.")}
    assert len(products) == 3
    assert max(products.values()) < 1e-10
    k = np.random.default_rng(2).random((3, 3))
    given, found = spin_products(model, k), spin_products(symmetric, k)
    for name in ("spin_position", "spin_hamiltonian_position", "spin_hamiltonian"):
        before, after = getattr(given, name), getattr(found, name)
        assert np.abs(before).max() > 0.1
        np.testing.assert_allclose(after, before, atol=1e-11)


def test_noise_in_products_over_all_states_is_averaged() -> None:
    model = with_products(diamond())
    exact = model.all_states
    assert exact is not None
    noise = 1e-2 * np.random.default_rng(4).normal(size=exact.spin_position.matrices.shape)
    SR = LatticeOperator(exact.spin_position.R, exact.spin_position.matrices + noise)
    found = symmetrise(replace(model, all_states=replace(exact, spin_position=SR))).all_states
    assert found is not None
    k = np.random.default_rng(3).random((4, 3))
    phases = [np.exp(2j * np.pi * k @ X.R.T) for X in (found.spin_position, exact.spin_position, SR)]
    after, before, noisy = (
        np.tensordot(p, X.matrices, axes=1)
        for p, X in zip(phases, (found.spin_position, exact.spin_position, SR), strict=True)
    )
    # 96 operations leave a tenth of it.
    assert np.linalg.norm(after - before) < 0.3 * np.linalg.norm(noisy - before)

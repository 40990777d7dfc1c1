"""Nambu models: what bdg builds from a normal model and a pair potential, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from solenoidal.accuracy import check_laws
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ModelError
from solenoidal.evaluate import band_values
from solenoidal.geometry import formulas
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.space import Space
from solenoidal.models import library
from solenoidal.models.bdg import bdg, particle_hole_violation, split_spin
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.gap import BCS_RATIO, gap
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator, spin_operator
from solenoidal.models.pairing import (
    ANGULAR_FORMS,
    PairingBuilder,
    add_pairings,
    bond_pairing,
    onsite_pairing,
    pairing,
    pairing_from_function,
    spin_pairing,
)
from solenoidal.models.time_reversal import time_reversal_matrix, time_reversed_pairing
from solenoidal.responses.magnetization import Magnetization
from solenoidal.units import BOLTZMANN
from support.nambu import totals
from support.separate.multipoles import dipole
from support.values import values as values_of

Array = NDArray[np.complex128]
K = np.array([[0.13, -0.37, 0.0], [0.41, 0.22, 0.0], [-0.05, 0.31, 0.0]])
MOMENT = Magnetization("charge")


def matrix(model: TightBinding | LatticeOperator, k: NDArray[np.float64] = K) -> Array:
    """X(k) = Σ e^{ik·R} X_R of the Hamiltonian or of one operator."""
    operator = model.hamiltonian if isinstance(model, TightBinding) else model
    return np.einsum("kr,r...->k...", np.exp(2j * np.pi * k @ operator.R.T), operator.matrices)


def random_metal(orbitals: int, seed: int) -> TightBinding:
    """Complex hoppings on an oblique lattice, orbitals apart, and a position matrix with elements between cells."""
    rng = np.random.default_rng(seed)
    R = np.array([[i, j, 0] for i in (-1, 0, 1) for j in (-1, 0, 1)])

    def hermitian(scale: float, legs: tuple[int, ...]) -> Array:
        raw = rng.normal(size=(9, *legs, orbitals, orbitals)) + 1j * rng.normal(size=(9, *legs, orbitals, orbitals))
        return scale * (raw + raw[::-1].conj().swapaxes(-1, -2))

    lattice = np.array([[1.1, 0.1, 0], [-0.3, 0.9, 0], [0, 0, 3.0]])
    position = hermitian(0.02, (3,))
    centres = rng.uniform(0, 1, (orbitals, 3))
    position[4] += np.einsum("ai,ab->iab", centres, np.eye(orbitals))
    hamiltonian = hermitian(0.2, ())
    hamiltonian[4] += np.diag(np.linspace(-1, 1, orbitals))
    return TightBinding(lattice, 2, LatticeOperator(R, hamiltonian), LatticeOperator(R, position))


def random_pairing(orbitals: int, seed: int, sign: float) -> LatticeOperator:
    """Singlet (+1) or triplet (−1) pairing on nine cells."""
    rng = np.random.default_rng(seed)
    R = np.array([[i, j, 0] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    raw = 0.2 * (rng.normal(size=(9, orbitals, orbitals)) + 1j * rng.normal(size=(9, orbitals, orbitals)))
    return LatticeOperator(R, raw + sign * raw[::-1].swapaxes(-1, -2))


def random_superconductor(basis: str, seed: int = 5) -> TightBinding:
    if basis in ("sz", "symmetrised"):
        up = random_metal(2, seed)
        down = random_metal(2, seed + 1)
        down = TightBinding(down.lattice, 2, down.hamiltonian, up.position)
        return bdg(up, random_pairing(2, seed, 1.0), mu=0.3, basis=basis, normal_down=down)  # type: ignore[arg-type]
    return bdg(random_metal(2, seed), random_pairing(2, seed, -1.0), mu=0.3, basis=basis)  # type: ignore[arg-type]


def test_the_hamiltonian_is_made_of_electrons_pairs_and_holes() -> None:
    """[[h↑(k) − μ, Δ(k)], [Δ(k)†, −(h↓(−k) − μ)ᵀ]]."""
    up, down, delta = random_metal(3, 1), random_metal(3, 2), random_pairing(3, 3, 1.0)
    down = TightBinding(down.lattice, 2, down.hamiltonian, up.position)
    model = bdg(up, delta, mu=0.3, normal_down=down)
    H, one = matrix(model), 0.3 * np.eye(3)
    np.testing.assert_allclose(H[:, :3, :3], matrix(up) - one, atol=1e-14)
    np.testing.assert_allclose(H[:, :3, 3:], matrix(delta), atol=1e-14)
    np.testing.assert_allclose(H[:, 3:, 3:], -(matrix(down, -K) - one).swapaxes(1, 2), atol=1e-14)
    np.testing.assert_array_equal(model.operators["charge"].matrices[0], np.diag([1, 1, 1, -1, -1, -1]))
    assert model.nambu.pairing_parity == "singlet"
    assert model.nambu_weight == 1.0


@pytest.mark.parametrize("basis", ["symmetrised", "general", "spinless"])
def test_redundant_bases_are_particle_hole_symmetric(basis: str) -> None:
    """C H(−k)* C = −H(k): the bands at k are minus those at −k."""
    model = random_superconductor(basis)
    assert particle_hole_violation(model) < 1e-14
    assert model.nambu_weight == 0.5
    energies = np.linalg.eigvalsh(matrix(model))
    opposite = np.linalg.eigvalsh(matrix(model, -K))
    np.testing.assert_allclose(energies, -opposite[:, ::-1], atol=1e-12)
    broken = model.hamiltonian.matrices.copy()
    broken[len(broken) // 2, 0, 0] += 0.1
    other = TightBinding(
        model.lattice, 2, LatticeOperator(model.hamiltonian.R, broken), model.position, nambu=model.nambu
    )
    assert particle_hole_violation(other) > 0.09


def test_the_charge_current_is_that_of_the_normal_electrons_and_holes() -> None:
    """½{V, τz} = −∂H/∂A: the pairing drops out, whatever its range and the position matrix."""
    paired = random_superconductor("sz")
    up = random_metal(2, 5)
    down = random_metal(2, 6)
    down = TightBinding(down.lattice, 2, down.hamiltonian, up.position)
    bare = bdg(up, onsite_pairing(up, 0.0), mu=0.3, normal_down=down)
    tau = np.diag([1.0, 1, -1, -1])
    currents = []
    for model in (paired, bare):
        V = interpolator(model).at(K).velocity.transpose(0, 2, 1, 3)
        currents.append(0.5 * (V @ tau + tau @ V))
    np.testing.assert_allclose(currents[0], currents[1], atol=1e-13)
    electron = interpolator(up).at(K).velocity.transpose(0, 2, 1, 3)
    hole = interpolator(down).at(-K).velocity.transpose(0, 2, 3, 1)
    assert np.abs(electron[..., 0, 1]).max() > 0.1
    np.testing.assert_allclose(currents[0][..., :2, :2], electron, atol=1e-13)
    np.testing.assert_allclose(currents[0][..., 2:, 2:], -hole, atol=1e-13)


def product(a: LatticeOperator, b: LatticeOperator) -> LatticeOperator:
    """Operator product (AB)(k) = A(k)B(k)."""
    total: dict[tuple[int, ...], Array] = {}
    for R, X in zip(a.R, a.matrices, strict=True):
        for S, Y in zip(b.R, b.matrices, strict=True):
            key = tuple((R + S).tolist())
            total[key] = total.get(key, 0) + X @ Y
    return LatticeOperator(np.array(list(total)), np.array(list(total.values())))


def adjoint(a: LatticeOperator) -> LatticeOperator:
    return LatticeOperator(-a.R, a.matrices.conj().swapaxes(-1, -2))


def rewannierised(model: TightBinding, W: LatticeOperator) -> TightBinding:
    """H → W†HW and r → W†rW + iW†∂W for Wannier functions mixed among cells by a unitary W(k)."""
    H = product(product(adjoint(W), model.hamiltonian), W)
    parts = []
    for i in range(3):
        r = LatticeOperator(model.position.R, model.position.matrices[:, i])
        slope = LatticeOperator(W.R, -(W.R @ model.lattice)[:, i, None, None] * W.matrices)
        parts.append(add_pairings(product(product(adjoint(W), r), W), product(adjoint(W), slope)))
    R = parts[0].R
    order = [{tuple(v): j for j, v in enumerate(p.R.tolist())} for p in parts]
    stack = np.array([[p.matrices[o[tuple(v)]] for p, o in zip(parts, order, strict=True)] for v in R.tolist()])
    return TightBinding(model.lattice, 2, H, LatticeOperator(R, stack))


def test_no_bogolon_quantity_depends_on_the_choice_of_wannier_functions() -> None:
    """The hole block carries the conjugate position matrix: charge dipole, Ω s and m do not see a k-dependent gauge."""
    metal, delta = random_metal(2, 5), random_pairing(2, 5, -1.0)
    c, s = np.cos(0.7), np.sin(0.7) * np.exp(0.9j)
    # W(k) = [[c, s e^{ik·a1}], [−s* e^{−ik·a1}, c]]
    W = LatticeOperator(
        np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0]]),
        np.array([[[c, 0], [0, c]], [[0, s], [0, 0]], [[0, 0], [-np.conj(s), 0]]]),
    )
    other = rewannierised(metal, W)
    turned = product(product(adjoint(W), delta), LatticeOperator(W.R, W.matrices.conj()))  # W(k)† Δ(k) W(−k)*
    models = [bdg(metal, delta, mu=0.2, basis="spinless"), bdg(other, turned, mu=0.2, basis="spinless")]
    assert np.abs(models[0].hamiltonian.matrices).max() > 0.1
    values = []
    for model in models:
        states = BlochStates.solve(interpolator(model), K, np.ones(len(K)), Degeneracy(1e-8))
        values.append({"energy": states.energies, "dipole": dipole(states, "charge"), **values_of(MOMENT, states)})
    for name, expected in values[0].items():
        assert np.abs(expected).max() > 1e-3, name
        np.testing.assert_allclose(values[1][name], expected, atol=1e-10, err_msg=name)


def test_the_general_spin_basis_agrees_with_the_basis_of_conserved_spin() -> None:
    """A singlet on two spin-degenerate orbitals: same M, M0 and κ from both constructions, without double counting."""
    metal = random_metal(2, 8)
    delta = random_pairing(2, 9, 1.0)
    spinful = TightBinding(
        metal.lattice,
        2,
        LatticeOperator(metal.hamiltonian.R, np.kron(metal.hamiltonian.matrices, np.eye(2))),
        LatticeOperator(metal.position.R, np.kron(metal.position.matrices, np.eye(2))),
        {"spin": spin_operator(np.array([np.kron(np.eye(2), s / 2) for s in PAULI[1:]]))},
    )
    one = totals(bdg(metal, delta, mu=0.3, basis="symmetrised", normal_down="equal"), 12, 0.4)
    model = bdg(spinful, spin_pairing(delta, "singlet"), mu=0.3, basis="general")
    two = totals(model, 12, 0.4)
    for output in ("M", "M0", "moving_dipole", "kappa"):
        assert abs(one(output)) > 1e-4
        assert two(output) == pytest.approx(one(output), abs=1e-12)
    spin = model.operators["spin"].matrices[0]
    np.testing.assert_allclose(spin[:, 4:, 4:], -spin[:, :4, :4].conj(), atol=1e-15)
    swapped = [0, 2, 1, 3]  # a↑ b↑ a↓ b↓
    by_spin = spin_pairing(delta, [0.1, 0.2j, 0.3], order="spin-major").matrices[:, swapped][:, :, swapped]
    np.testing.assert_array_equal(by_spin, spin_pairing(delta, [0.1, 0.2j, 0.3]).matrices)
    # S_z is conserved by a singlet, and the split halves are the two equal spins.
    halves = split_spin(spinful)
    for half in halves:
        np.testing.assert_allclose(half.hamiltonian.matrices, metal.hamiltonian.matrices, atol=1e-15)
    from_split = totals(bdg(spinful, delta, mu=0.3), 12, 0.4)
    assert from_split("kappa") == pytest.approx(one("kappa"), abs=1e-12)


def test_a_triplet_with_d_along_z_is_the_triplet_of_conserved_spin() -> None:
    metal = library_metal()
    delta = bond_pairing(metal, 0.25, "p+ip")
    spinful = (
        TightBindingBuilder(np.eye(2), [[0.0, 0.0]], spin=True).set_hop(-1, 0, 0, (1, 0)).set_hop(-1, 0, 0, (0, 1))
    )
    general = bdg(spinful.build(), spin_pairing(delta, [0, 0, 1]), mu=-1.0, basis="general")
    conserved = bdg(metal, delta, mu=-1.0, basis="symmetrised")
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix(general)), np.linalg.eigvalsh(matrix(conserved)), atol=1e-13)
    assert totals(general, 20, 0.1)("kappa") == pytest.approx(totals(conserved, 20, 0.1)("kappa"), abs=1e-12)


def library_metal() -> TightBinding:
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]])
    return builder.set_hop(-1, 0, 0, (1, 0)).set_hop(-1, 0, 0, (0, 1)).build()


FORMS: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.complex128]]] = {
    "s": lambda x, y: 2 * np.cos(x) + 2 * np.cos(y) + 0j,
    "dx2-y2": lambda x, y: 2 * np.cos(x) - 2 * np.cos(y) + 0j,
    "px": lambda x, y: 2 * np.sin(x) + 0j,
    "py": lambda x, y: 2 * np.sin(y) + 0j,
    "p+ip": lambda x, y: 2 * np.sin(x) + 2j * np.sin(y),
    "p-ip": lambda x, y: 2 * np.sin(x) - 2j * np.sin(y),
}


@pytest.mark.parametrize("form", FORMS)
def test_pairing_by_the_angle_of_a_bond_is_the_textbook_function_of_k(form: str) -> None:
    metal = library_metal()
    x, y = 2 * np.pi * K[:, 0], 2 * np.pi * K[:, 1]
    found = matrix(bond_pairing(metal, 1.0, form))[:, 0, 0]
    np.testing.assert_allclose(found, FORMS[form](x, y), atol=1e-14)
    by_function = bond_pairing(metal, 1.0, ANGULAR_FORMS[form])
    np.testing.assert_array_equal(by_function.matrices, bond_pairing(metal, 1.0, form).matrices)


def test_second_neighbours_pair_as_d_xy() -> None:
    found = matrix(bond_pairing(library_metal(), 1.0, "dxy", shell=2))[:, 0, 0]
    expected = -4 * np.sin(2 * np.pi * K[:, 0]) * np.sin(2 * np.pi * K[:, 1])
    np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize("maker", [library.chiral_d_honeycomb, library.chiral_d_kagome, library.chiral_d_triangular])
def test_rotation_by_a_third_turn_gives_chiral_pairing_a_phase_only(maker: Callable[[], TightBinding]) -> None:
    model = maker()
    third = np.array([[0, -1, 0], [1, -1, 0], [0, 0, 1]])  # fractional k ↦ C3 k for a1, a2 at 60°
    energies = np.linalg.eigvalsh(matrix(model))
    for k in (K @ third.T, K @ third.T @ third.T):
        np.testing.assert_allclose(np.linalg.eigvalsh(matrix(model, k)), energies, atol=1e-12)
    elsewhere = np.linalg.eigvalsh(matrix(model, K[:, [1, 0, 2]] * [-1, 1, 1]))
    assert np.abs(elsewhere - energies).max() > 0.1


def test_a_builder_adds_the_partner_of_each_bond() -> None:
    metal = random_metal(2, 3)
    delta = PairingBuilder(metal, parity="singlet").set(0.1 + 0.2j, 0, 1, (1, 0)).set(0.3, 0, 0, (0, 0)).build()
    by_hand = pairing(
        metal,
        {(1, 0): [[0, 0.1 + 0.2j], [0, 0]], (-1, 0): [[0, 0], [0.1 + 0.2j, 0]], (0, 0): [[0.3, 0], [0, 0]]},
    )
    np.testing.assert_allclose(matrix(delta), matrix(by_hand), atol=1e-15)
    odd = PairingBuilder(metal, parity="triplet").set(0.1, 0, 1, (1, 0)).build()
    np.testing.assert_allclose(matrix(odd), -matrix(odd, -K).swapaxes(1, 2), atol=1e-15)


def test_a_smooth_function_of_k_becomes_its_hoppings() -> None:
    metal, expected = library_metal(), None

    def function(k: NDArray[np.float64]) -> Array:
        x, y = 2 * np.pi * k[:, 0], 2 * np.pi * k[:, 1]
        return ((np.cos(x) - np.cos(y)) / (3 + np.cos(x) + np.cos(y)))[:, None, None].astype(complex)

    delta = pairing_from_function(metal, function, divisions=(48, 48, 1))
    expected = function(K)
    np.testing.assert_allclose(matrix(delta), expected, atol=1e-8)
    assert bdg(metal, delta, mu=-1.0).nambu.pairing_parity == "singlet"
    with pytest.raises(ModelError, match="has not decayed"):
        pairing_from_function(metal, lambda k: np.sign(k[:, 0] - 0.3)[:, None, None], divisions=(48, 1, 1))


SUPERCONDUCTORS = [n for n in library.__all__ if getattr(library, n).__module__.endswith(".superconductors")]


@pytest.mark.parametrize("name", SUPERCONDUCTORS)
def test_named_superconductors_are_hermitian_paired_and_carry_charge_weight_and_source(name: str) -> None:
    model = getattr(library, name)()
    H, n = matrix(model), model.n_orbitals // 2
    np.testing.assert_allclose(H, H.conj().swapaxes(1, 2), atol=1e-14)
    assert np.abs(H[:, :n, n:]).max() > 0.01
    np.testing.assert_array_equal(model.operators["charge"].matrices[0], np.diag(np.repeat([1, -1], n)))
    assert model.nambu_weight == (0.5 if model.nambu.basis == "spinless" else 1.0)
    assert "Source:" in (getattr(library, name).__doc__ or "")
    centres = np.einsum("iaa->ai", model.position.matrices[0].real)
    np.testing.assert_array_equal(centres[:n], centres[n:])


def scrambled_kane_mele() -> TightBinding:
    """Kane–Mele with Rashba coupling in a random basis of the four spinors of each cell, with one site."""
    model = library.kane_mele(lambda_so=0.1, lambda_r=0.2, lambda_v=0.3)
    rng = np.random.default_rng(3)
    W = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0]
    parts = {name: W.conj().T @ op.matrices @ W for name, op in model.operators.items()}
    return TightBinding(
        model.lattice,
        2,
        LatticeOperator(model.hamiltonian.R, W.conj().T @ model.hamiltonian.matrices @ W),
        LatticeOperator(model.position.R, W.conj().T @ model.position.matrices @ W),
        {
            name: model.operators[name].with_matrices(model.operators[name].R, matrices)
            for name, matrices in parts.items()
        },
    )


def test_time_reversed_partners_are_found_in_any_basis_and_gap_every_kramers_pair() -> None:
    """E = ±√(ξ² + Δ²) at every k, spin-orbit coupling and scrambled spinors notwithstanding."""
    metal = scrambled_kane_mele()
    U = time_reversal_matrix(metal)
    np.testing.assert_allclose(U.T, -U, atol=1e-10)
    model = bdg(metal, time_reversed_pairing(metal, 0.2), mu=0.4, basis="general")
    xi = np.linalg.eigvalsh(matrix(metal)) - 0.4
    expected = np.sort(np.sqrt(xi**2 + 0.2**2), axis=1)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix(model))[:, 4:], expected, atol=1e-10)
    assert abs(totals(model, 12, 0.2)("kappa")) < 1e-10


def test_partners_are_refused_where_time_reversal_is_broken_or_not_unique() -> None:
    magnet = library.magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    with pytest.raises(ModelError, match=r"not a symmetry of the model within 0\.01 eV"):
        time_reversal_matrix(magnet)
    apart = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], spin=True)
    apart.set_hop(-1, 0, 0, (1, 0)).set_hop(-0.5, 1, 1, (0, 1))
    with pytest.raises(ModelError, match="more than one matrix"):
        time_reversal_matrix(apart.build())


def test_spin_orbit_coupling_of_the_ruthenate_splits_its_orbitals_as_l_dot_s() -> None:
    """At Γ of equal on-site energies λ L·S on t2g has eigenvalues λ (once) and −λ/2 (twice) in each spin block."""
    coupled, free = (library.strontium_ruthenate_chiral_p(spin_orbit=x).hamiltonian for x in (0.3, 0.0))
    home = np.flatnonzero(~coupled.R.any(axis=1))[0]
    block = (coupled.matrices[home] - free.matrices[home])[:3, :3]
    np.testing.assert_allclose(np.linalg.eigvalsh(block), [-0.15, -0.15, 0.3], atol=1e-14)


def test_only_one_valley_of_the_polarised_honeycomb_is_partly_filled() -> None:
    """k is counted from K: valence band tops −mass ± splitting/2 at K and −K."""
    model = library.valley_polarised_honeycomb(mass=0.4, valley_splitting=0.6, mu=-0.3, delta=1e-9)
    valleys = np.array([[0.0, 0, 0], [-2 / 3, 2 / 3, 0]])
    tops = np.linalg.eigvalsh(matrix(model, valleys)[:, :2, :2])[:, 0] - 0.3
    np.testing.assert_allclose(tops, [-0.1, -0.7], atol=1e-9)


def test_the_gap_closes_as_in_the_theory_of_bardeen_cooper_and_schrieffer() -> None:
    """Δ(0) = 1.764 k_BT_c; Δ(T_c/2) = 0.9569 Δ(0); Δ → 1.736 Δ(0) √(1 − T/T_c)."""
    bcs = gap([0.0, 5.0, 9.999, 10.0, 20.0], critical_temperature=10.0, method="bcs")
    assert pytest.approx(1.7638769, rel=1e-7) == BCS_RATIO
    assert bcs[0] == pytest.approx(BCS_RATIO * BOLTZMANN * 10, rel=1e-12)
    assert bcs[1] / bcs[0] == pytest.approx(0.9569, abs=1e-4)
    assert bcs[2] / bcs[0] == pytest.approx(1.7366 * np.sqrt(1e-4), rel=1e-3)
    np.testing.assert_array_equal(bcs[3:], 0.0)
    simple = gap([0.0, 5.0, 10.0], critical_temperature=10.0, zero_temperature_gap=0.002)
    np.testing.assert_allclose(simple, [0.002, 0.002 * np.tanh(1.74), 0.0], atol=1e-15)
    with pytest.raises(ModelError, match="expected a positive"):
        gap(1.0, critical_temperature=0.0)
    with pytest.raises(ModelError, match="method is 'linear'"):
        gap(1.0, critical_temperature=1.0, method="linear")  # type: ignore[arg-type]


def test_complex_hoppings_do_not_say_what_the_other_spin_does() -> None:
    metal = random_metal(2, 1)
    with pytest.raises(ModelError, match='normal_down="time-reversed"'):
        bdg(metal, onsite_pairing(metal, 0.1), mu=0.0)
    equal = bdg(metal, onsite_pairing(metal, 0.1), mu=0.0, normal_down="equal")
    reversed_ = bdg(metal, onsite_pairing(metal, 0.1), mu=0.0, normal_down="time-reversed")
    # A time-reversed hole is minus the electron at the same k.
    np.testing.assert_allclose(matrix(reversed_)[:, 2:, 2:], -matrix(metal), atol=1e-14)
    assert np.abs(matrix(equal)[:, 2:, 2:] + matrix(metal)).max() > 0.1


def test_pairing_of_the_wrong_parity_is_refused_with_the_bond() -> None:
    metal = library_metal()
    lone = pairing(metal, {(1, 0): [[0.2]]})
    with pytest.raises(ModelError, match=r"neither singlet .* nor triplet"):
        bdg(metal, lone, mu=0.0)
    assert bdg(metal, lone, mu=0.0, parity="mixed").nambu.pairing_parity == "mixed"
    with pytest.raises(ModelError, match=r"not triplet: .* violated by 0\.4"):
        bdg(metal, bond_pairing(metal, 0.2, "s"), mu=0.0, parity="triplet")
    with pytest.raises(ModelError, match="Fermi statistics"):
        bdg(metal, bond_pairing(metal, 0.2, "s"), mu=0.0, basis="spinless")


def test_inputs_that_contradict_one_another_are_refused_with_a_remedy() -> None:
    metal, spinful = library_metal(), library.kane_mele(lambda_so=0.1, lambda_r=0.05)
    s = onsite_pairing(metal, 0.1)
    shifted = TightBinding(metal.lattice, 2, metal.hamiltonian, LatticeOperator.constant(np.full((3, 1, 1), 0.2)))
    for match, call in (
        ("basis is 'nambu'", lambda: bdg(metal, s, mu=0.0, basis="nambu")),  # type: ignore[arg-type]
        ("a hole must lie where its electron does", lambda: bdg(metal, s, mu=0.0, normal_down=shifted)),
        ("mixes the spins", lambda: bdg(spinful, s, mu=0.0)),
        ('use basis "general"', lambda: bdg(spinful, s, mu=0.0, basis="spinless")),
        ("has no place in basis", lambda: bdg(metal, s, mu=0.0, basis="spinless", normal_down="equal")),
        ("pairing joins 1 orbitals", lambda: bdg(library.haldane(t2=0.1), s, mu=0.0, normal_down="equal")),
        ("is set already", lambda: PairingBuilder(metal, parity="singlet").set(1, 0, 0, (1, 0)).set(1, 0, 0, (-1, 0))),
        ("cannot pair with itself", lambda: PairingBuilder(metal, parity="triplet").set(1, 0, 0, (0, 0))),
        ("angular form 'g'", lambda: bond_pairing(metal, 0.1, "g")),
        ("shell is 0", lambda: bond_pairing(metal, 0.1, "s", shell=0)),
        ("several orbitals share a position", lambda: bond_pairing(library.bhz(B=1, mass=1), 0.1, "s")),
    ):
        with pytest.raises(ModelError, match=match):
            call()


def test_nambu_operators_state_the_laws_they_had_and_those_of_charge_and_spin() -> None:
    """S_z is the z component of an axial vector: a mirror that holds z reverses it, one that reverses z keeps it."""
    one = library.chiral_d_square()
    assert one.operators["charge"].law == ((), 1)
    assert one.operators["charge"].unit == "e"
    spin = bdg(random_metal(2, 3), random_pairing(2, 3, 1.0), mu=0.3, basis="symmetrised", normal_down="equal")
    spin_z = spin.operators["spin_z"]
    assert spin_z.law == (("axial",), -1)
    assert not spin_z.home[:2].any()
    np.testing.assert_array_equal(np.abs(np.diagonal(spin_z.home[2])), 0.5)
    moment = bdg(
        TightBinding(
            np.eye(3),
            2,
            LatticeOperator.constant(np.kron(np.eye(2), np.diag([0.1, 0.2]))),
            LatticeOperator.constant(np.zeros((3, 4, 4))),
            {"dipole": Operator.constant(np.zeros((3, 4, 4)), ("polar",), 1, "Å")},
        ),
        {(0, 0, 0): np.zeros((4, 4))},
        mu=0.0,
        basis="general",
    )
    assert (moment.operators["dipole"].law, moment.operators["dipole"].unit) == ((("polar",), 1), "Å")


def test_two_spins_whose_operators_turn_differently_are_refused() -> None:
    metal = random_metal(2, 3)
    up, down = (replace(metal, operators={"q": Operator.constant(np.eye(2), (), sign)}) for sign in (1, -1))
    with pytest.raises(ModelError, match=r"operator 'q' has legs \(\) and time_reversal 1 in the model of spin up"):
        bdg(up, random_pairing(2, 3, 1.0), mu=0.3, normal_down=down)


def nonlocal_superconductor() -> TightBinding:
    """Spinless electrons whose position and operator join orbitals, odd pairing between their two orbitals."""
    metal = library.random_model(2, 2, 3, nonlocal_matrices=True)
    spin = metal.operators["spin"]
    normal = replace(metal, operators={"valley": Operator(spin.R, spin.matrices, ("axial",), -1, "1")})
    delta = pairing(normal, {(0, 0, 0): np.array([[0, 0.3], [-0.3, 0]])})
    return bdg(normal, delta, mu=0.1, basis="spinless")


def test_laws_hold_in_a_superconductor_whose_positions_do_not_commute() -> None:
    """Ω^{iτ} = ∂s, the curl of d, J^s = 0 in equilibrium and both forms of Eq. (13); none does without F and K."""
    model = nonlocal_superconductor()
    laws = check_laws(model, "valley")
    assert [law.name for law in laws if law.verdict != "passed"] == []
    for part in ("∂_i s", "∂_a d_b", "equilibrium", "K-form"):
        law = next(law for law in laws if part in law.name)
        assert law.with_terms < 1e-8, part
        assert law.without is not None
        assert law.without > 1e-2, part
    assert all(law.verdict == "passed" for law in check_laws(model, "charge"))


def test_holes_have_the_complex_conjugate_position_matrix() -> None:
    """With the one of the electrons the particle-hole partner of a state would lie somewhere else."""
    model = nonlocal_superconductor()
    r, n = model.position.matrices, model.n_orbitals // 2
    assert np.abs(r[..., :n, :n].imag).max() > 1e-2
    np.testing.assert_array_equal(r[..., n:, n:], r[..., :n, :n].conj())
    assert not r[..., :n, n:].any()
    k = np.array([[0.13, -0.37, 0.0], [0.41, 0.22, 0.0]])

    def slopes(at: NDArray[np.float64]) -> NDArray[np.float64]:
        states = BlochStates.solve(interpolator(model), at, np.ones(2), Degeneracy(1e-9))
        s = operator_symbols(model.operators["valley"])
        curl = [formulas.space_curvature(j, Space.of(model)) + formulas.berry_curvature(j) for j in range(3)]
        return band_values([*curl, formulas.torque_curvature(0, s, (2,), Space.of(model))], states)

    # A hole at k is an electron at −k: equal s with the other sign at the other k, and Ω of the other sign.
    electron, hole = slopes(k), slopes(-k)[:, ::-1]
    assert np.abs(electron).max() > 1e-2
    np.testing.assert_allclose(hole[..., :3], -electron[..., :3], atol=1e-10)
    np.testing.assert_allclose(hole[..., 3], electron[..., 3], atol=1e-10)

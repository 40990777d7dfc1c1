"""Bogolons: reference numbers of M, κ_xy and σ^s, closed forms, and the laws they obey.

Numbers are in units of e t/ħ (charges counted positive), π²k_B²/3h and ħ/8π with t = 1 eV and
a lattice constant of 1 Å.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ModelError
from solenoidal.models import library
from solenoidal.models.bdg import bdg
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.pairing import onsite_pairing, pairing_from_function
from solenoidal.responses.magnetization import Magnetization
from solenoidal.responses.maps import BandGeometry
from solenoidal.responses.superconductor import SpinQuantumHall, ThermalHall, superconductor_responses
from solenoidal.units import BOLTZMANN, THERMAL_QUANTUM, unit
from support.direct import mesh, tensors
from support.nambu import chern_number, replaced, totals
from support.registry import states_at
from support.separate.curvature import berry_curvature

Model = Callable[[], TightBinding]

INTERBAND = {"orbital_s": 0.1, "orbital_d": 0.2, "orbital_xy": -0.35}


def square() -> TightBinding:
    return library.chiral_d_square()


def square_next_neighbours() -> TightBinding:
    return library.chiral_d_square(t_prime=0.3, mu=-0.7, delta=0.4, delta_xy=0.25)


def triangular() -> TightBinding:
    return library.chiral_d_triangular()


def chiral_p() -> TightBinding:
    return library.chiral_p_square()


def chiral_p_triplet() -> TightBinding:
    return library.chiral_p_square(basis="sz")


def interband() -> TightBinding:
    return library.bhz_chiral_d(**INTERBAND)


@dataclass(frozen=True)
class Row:
    """A reference number: converged on ``mesh`` to ``digits`` decimals, and to ``quick`` on ``quick_mesh``."""

    model: Model
    output: str
    kT: float
    value: float
    mesh: int
    digits: int
    quick_mesh: int
    quick: float

    def __str__(self) -> str:
        return f"{self.model.__name__}-{self.output}-{self.kT}"


ROWS = [
    Row(square, "moving_dipole", 0.0, 2.114734903801e-2, 360, 14, 90, 5e-11),
    Row(square_next_neighbours, "moving_dipole", 0.1, 7.288847097129e-3, 360, 13, 120, 2e-8),
    Row(triangular, "moving_dipole", 0.1, -2.640313103729e-2, 360, 13, 90, 1e-7),
    Row(chiral_p_triplet, "moving_dipole", 0.1, 1.719792390796e-2, 360, 13, 60, 1e-8),
    Row(library.spin_dependent_square, "M", 0.3, 7.919472001e-4, 700, 12, 120, 5e-7),
    Row(interband, "M", 0.0, -3.793994598452e-3, 200, 13, 60, 5e-10),
    Row(interband, "M", 0.5, 1.027354204720e-3, 200, 13, 60, 5e-10),
    Row(interband, "S", 0.5, -1.779892759800e-2, 200, 13, 60, 5e-10),
    Row(library.bhz_orbital_s_wave, "M", 0.5, -6.8291420608e-3, 400, 11, 60, 5e-6),
    Row(library.bhz_orbital_s_wave, "M", 0.05, -6.8291420608e-3, 400, 11, 60, 5e-6),
    Row(library.chern_insulator_s_wave, "M", 0.0, 2.848107038539e-2, 200, 13, 60, 1e-9),
    Row(library.chern_insulator_s_wave, "M", 0.5, -2.361090129798e-2, 200, 13, 60, 1e-9),
    Row(library.chern_insulator_s_wave, "M0", 0.1, 2.900183539790e-2, 200, 13, 60, 1e-11),
    Row(library.chern_insulator_chiral_d, "M", 0.1, 2.670954932931e-2, 200, 13, 60, 1e-13),
    Row(library.haldane_s_wave, "M", 0.1, 1.15172491383e-1, 120, 11, 60, 1e-10),
    Row(square, "kappa", 0.05, 1.998171192795, 400, 12, 60, 5e-6),
    Row(square, "kappa", 0.2, 1.243643828072, 400, 12, 60, 1e-9),
    Row(square, "sigma_s", 0.1, 1.991022448854, 400, 12, 60, 5e-6),
    Row(square_next_neighbours, "kappa", 0.1, 1.439783206739, 400, 12, 120, 2e-9),
    Row(triangular, "kappa", 0.2, -1.453885712888, 400, 12, 60, 5e-8),
    Row(chiral_p, "kappa", 0.1, -0.4557599532538, 400, 12, 60, 5e-8),
    Row(library.bhz_chiral_d, "kappa", 0.1, 1.569912745513, 200, 12, 60, 1e-12),
    Row(square, "kappa", 0.01, 2.0, 200, 12, 60, 1e-5),
    Row(triangular, "kappa", 0.01, -2.0, 200, 12, 90, 1e-4),
    Row(chiral_p, "kappa", 0.01, -0.5, 200, 12, 60, 1e-6),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_coarse_mesh_comes_near_every_reference_number(row: Row) -> None:
    assert totals(row.model(), row.quick_mesh, row.kT)(row.output) == pytest.approx(row.value, rel=0, abs=row.quick)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_reference_numbers_hold_to_the_last_digit(row: Row) -> None:
    found = totals(row.model(), row.mesh, row.kT)(row.output)
    assert found == pytest.approx(row.value, rel=0, abs=0.6 * 10.0**-row.digits)


TWO_BY_TWO = [square, square_next_neighbours, triangular, chiral_p]


@pytest.mark.parametrize("kT", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("model", TWO_BY_TWO)
def test_a_two_by_two_superconductor_with_inversion_has_no_magnetization_on_any_mesh(model: Model, kT: float) -> None:
    found = totals(model(), 8, kT)
    assert abs(found("moving_dipole")) > 1e-4
    assert abs(found("M")) < 1e-16
    assert abs(found("local_circulation")) < 1e-16


@pytest.mark.parametrize("kT", [0.0, 0.1, 0.5])
def test_pairing_inside_bands_of_a_time_reversal_invariant_metal_gives_none_at_any_temperature(kT: float) -> None:
    found = totals(library.bhz_chiral_d(), 40, kT)
    assert abs(found("berry")) > 0.1
    assert abs(found("local_circulation")) > 0.1
    assert abs(found("M")) < 1e-14


@pytest.mark.parametrize("model", [library.bhz_orbital_s_wave, library.spin_dependent_square, interband])
def test_the_symmetrised_basis_gives_the_mean_of_the_two_spin_bases(model: Callable[..., TightBinding]) -> None:
    """M_A − M_B = 2 M_inf: the redundant basis removes M_inf by itself."""
    arguments = INTERBAND if model is interband else {}
    maker = library.bhz_chiral_d if model is interband else model
    one = totals(maker(**arguments), 24, 0.2)
    both = totals(maker(**arguments, basis="symmetrised"), 24, 0.2)
    assert abs(one("M_inf")) > 1e-4
    assert both("M_inf") == pytest.approx(0, abs=1e-15)
    assert both("M") == pytest.approx(one("M_sym"), abs=1e-14)
    assert both("kappa") == pytest.approx(one("kappa"), abs=1e-12)
    assert both("sigma_s") == pytest.approx(one("sigma_s"), abs=1e-12)


def test_a_time_reversal_invariant_superconductor_has_no_symmetrised_magnetization() -> None:
    found = totals(library.bhz_orbital_s_wave(), 30, 0.1)
    assert abs(found("M")) > 5e-3
    assert abs(found("M_sym")) < 1e-15


def test_at_high_temperature_the_curvature_of_filled_bands_takes_over() -> None:
    """M → M_inf − T ln 2 S: Eq. (13) does not forget completely filled bands."""
    found = totals(library.chern_insulator_s_wave(), 40, 5.0)
    assert found("S") == pytest.approx(2.654e-2, abs=1e-5)
    assert found("M") == pytest.approx(-0.0915, abs=1e-4)
    assert found("M") == pytest.approx(found("M_inf") - 5 * np.log(2) * found("S"), rel=0.01)


def test_conjugate_hoppings_reverse_the_magnetization_and_both_hall_effects() -> None:
    model = library.two_orbitals_without_symmetry()
    mirror = replaced(model, LatticeOperator(model.hamiltonian.R, model.hamiltonian.matrices.conj()))
    found, reversed_ = totals(model, 20, 0.3), totals(mirror, 20, 0.3)
    for output in ("M", "M0", "S", "M_inf", "kappa", "sigma_s"):
        assert abs(found(output)) > 1e-3
        assert reversed_(output) == pytest.approx(-found(output), abs=1e-13)


def test_neither_the_phase_of_the_pairing_nor_the_origin_matters() -> None:
    model = library.two_orbitals_without_symmetry()
    turn = np.exp(0.4j * np.repeat([1, -1], 2))
    turned = LatticeOperator(model.hamiltonian.R, turn[:, None] * model.hamiltonian.matrices * turn.conj()[None, :])
    shift = np.einsum("i,ab->iab", [0.31, -0.12, 0.0], np.eye(4))
    moved = LatticeOperator(model.position.R, model.position.matrices + shift)
    found = totals(model, 20, 0.3)
    for other in (replaced(model, turned), replaced(model, model.hamiltonian, moved)):
        for output in ("M", "moving_dipole", "berry", "M0"):
            assert totals(other, 20, 0.3)(output) == pytest.approx(found(output), abs=1e-13)


def test_orbital_positions_inside_the_cell_matter_where_no_symmetry_forbids_it() -> None:
    model = library.two_orbitals_without_symmetry()
    place = np.einsum("i,ab->iab", [0.3, 0.2, 0.0], np.diag([0.0, 1, 0, 1]))
    moved = replaced(model, model.hamiltonian, LatticeOperator.constant(place))
    assert totals(model, 120, 0.3)("M") == pytest.approx(-0.03152, abs=1e-5)
    assert totals(moved, 120, 0.3)("M") == pytest.approx(-0.02720, abs=5e-5)


@pytest.mark.parametrize(("side", "digits"), [(60, 1e-9), pytest.param(240, 6e-12, marks=pytest.mark.slow)])
def test_a_vanishing_gap_leaves_the_normal_state(side: int, digits: float) -> None:
    """Two equal Chern insulators: 2 M of one of them, M0 and M alike."""
    normal = library.chern_insulator_s_wave(delta=1e-7)
    insulator = library.qwz(mass=-1.0)
    kelvin = 0.1 / BOLTZMANN
    single = sol.solve(
        insulator,
        [Magnetization(None, 1.0)],
        sol.Numerics(mesh=(side, side, 1), energies=sol.FixedPoints((1.6,), (kelvin,)), symmetry=None, kramers=False),
    )
    expected = 2 * float(single.quantity("magnetization", 1.6, kelvin)["magnetization"].values[0, 0, 2])
    assert expected == pytest.approx(3.952718511e-2, rel=0, abs=digits)
    found = totals(normal, side, 0.1)
    assert found("M") == pytest.approx(expected, rel=0, abs=digits)
    assert found("M0") == pytest.approx(expected, rel=0, abs=digits)


@pytest.mark.parametrize("chirality", [1, -1])
def test_a_valley_polarised_metal_keeps_its_magnetization_when_the_gap_closes(chirality: int) -> None:
    small = totals(library.valley_polarised_honeycomb(delta=1e-6, chirality=chirality), 40, 0.05)
    paired = totals(library.valley_polarised_honeycomb(chirality=chirality), 40, 0.05)
    assert abs(small("M")) > 1e-3
    assert abs(paired("M") - small("M")) > 1e-4


def intraband_projected(mass: float, mu: float, delta: float) -> TightBinding:
    """Δ(k) = D Σ_η P_η(k) P_η(−k)ᵀ: pairing within each band of a Chern insulator."""
    normal = library.chern_insulator_s_wave(mass=mass, mu=0.0, delta=0.0)
    up = TightBinding(
        normal.lattice,
        2,
        LatticeOperator(normal.hamiltonian.R, normal.hamiltonian.matrices[:, :2, :2]),
        LatticeOperator.constant(np.zeros((3, 2, 2))),
    )

    def pair(k: np.ndarray) -> np.ndarray:
        x, y = 2 * np.pi * k[:, 0], 2 * np.pi * k[:, 1]
        n = np.stack([np.sin(x), np.sin(y), mass + np.cos(x) + np.cos(y)], axis=1)
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        opposite = n * np.array([-1, -1, 1])
        total = np.zeros((len(k), 2, 2), dtype=complex)
        for sign in (1, -1):
            p = (np.eye(2) + sign * np.einsum("ki,iab->kab", n, PAULI[1:])) / 2
            q = (np.eye(2) + sign * np.einsum("ki,iab->kab", opposite, PAULI[1:])) / 2
            total += delta * p @ q.swapaxes(1, 2)
        return total

    return bdg(up, pairing_from_function(up, pair, divisions=(64, 64, 1)), mu=mu, normal_down="equal")


def intraband_closed_form(mass: float, mu: float, delta: float, kT: float, divisions: int) -> float:
    """e Σ_η ∫ {m_η ρ (f₊ − f₋) + ½(1 + ρ²)(g₊ + g₋) Ω_η} with the normal bands' moment m and curvature Ω."""
    k = mesh(divisions, divisions) * 2 * np.pi
    x, y = k[:, 0], k[:, 1]
    sx, sy, cx, cy = np.sin(x), np.sin(y), np.cos(x), np.cos(y)
    nz = mass + cx + cy
    e = np.sqrt(sx**2 + sy**2 + nz**2)
    vector = np.stack([sx, sy, nz], axis=-1)
    along_x, along_y = np.stack([cx, 0 * x, -sx], axis=-1), np.stack([0 * x, cy, -sy], axis=-1)
    curvature = -np.einsum("ki,ki->k", vector, np.cross(along_x, along_y)) / (2 * e**3)  # of the upper band
    # D_η(k) = ⟨u(k)|D P(k)P(−k)ᵀ|u*(−k)⟩ = D ⟨u(k)|u*(−k)⟩ and |⟨u(k)|u*(−k)⟩|² = tr P(k)P(−k)ᵀ.
    overlap = 0.5 * (1 + (sx * -sx - sy * -sy + nz * nz) / e**2)
    total = 0.0
    for sign in (1, -1):
        xi, omega = sign * e - mu, sign * curvature
        moment = -e * curvature  # alike for both bands
        energy = np.sqrt(xi**2 + delta**2 * overlap)
        rho = xi / energy
        upper, lower = 1 / (np.exp(energy / kT) + 1), 1 / (np.exp(-energy / kT) + 1)
        g = -kT * (np.logaddexp(0, -energy / kT) + np.logaddexp(0, energy / kT))
        total += np.mean(moment * rho * (upper - lower) + 0.5 * (1 + rho**2) * g * omega)
    return float(total)


def test_intraband_pairing_of_a_chern_metal_follows_its_closed_form() -> None:
    expected = intraband_closed_form(-1.0, 1.6, 0.3, 0.1, 120)
    assert expected == pytest.approx(1.91223004920e-2, abs=1e-12)
    found = totals(intraband_projected(-1.0, 1.6, 0.3), 120, 0.1)
    assert found("M") == pytest.approx(expected, abs=1e-11)


POINT = np.array([[0.3 / (2 * np.pi), -1.1 / (2 * np.pi), 0.0]])


def at_point(model: TightBinding) -> tuple[BlochStates, dict[str, np.ndarray], dict[str, np.ndarray]]:
    states = states_at(model, POINT)
    geometry = tensors(model, BandGeometry("charge"), states)
    moment = tensors(model, Magnetization("charge"), states)
    return states, {k: v[0] for k, v in geometry.items()}, {k: v[0] for k, v in moment.items()}


def test_bogolons_of_the_square_lattice_have_the_reference_geometry() -> None:
    states, geometry, moment = at_point(square_next_neighbours())
    np.testing.assert_allclose(states.energies[0], [-2.646312498809, 2.646312498809], atol=1e-12)
    np.testing.assert_allclose(geometry["dipole"][:, :2], [[0.003605715243, 0.001195638368]] * 2, atol=1e-12)
    np.testing.assert_allclose(geometry["berry_curvature"][:, 2], [-0.009842602791, 0.009842602791], atol=1e-12)
    np.testing.assert_allclose(moment["moving_dipole"][:, 2], [-0.005439273656, 0.005439273656], atol=1e-12)
    np.testing.assert_allclose(moment["circulation"], 0, atol=1e-15)


def test_bogolons_of_two_orbitals_have_the_reference_geometry() -> None:
    states, geometry, _ = at_point(library.two_orbitals_without_symmetry())
    for found, expected in (
        (states.energies[0], [-2.092263738359, -0.303321066336, 0.440779315582, 1.988736302219]),
        (geometry["spin"], [0.877455864426, 0.030098850673, -0.018189937080, -0.889364778018]),
        (geometry["dipole"][:, 0], [-0.031977696363, -0.200330068485, -0.000502368791, 0.055364855469]),
        (geometry["dipole"][:, 1], [0.046787221117, -0.223607225629, -0.392033428404, -0.059030884050]),
        (geometry["berry_curvature"][:, 2], [0.284106374586, -0.149649676312, 0.011041332866, -0.145498031140]),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def closed_forms(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """d and Ω of both bands of ``square``, −(e/2) Im(Δ*∂Δ)/E² and −(σ/2) ∂ρ × ∂θ, by hand from ξ and Δ."""
    x, y = 2 * np.pi * k[:, 0], 2 * np.pi * k[:, 1]
    xi = -2 * (np.cos(x) + np.cos(y)) + 1.0
    slope = np.stack([2 * np.sin(x), 2 * np.sin(y)], axis=1)
    pair = 0.5 * (np.cos(x) - np.cos(y)) + 0.5j * np.sin(x) * np.sin(y)
    gradient = 0.5 * np.stack([-np.sin(x) + 1j * np.cos(x) * np.sin(y), np.sin(y) + 1j * np.sin(x) * np.cos(y)], axis=1)
    energy = np.sqrt(xi**2 + np.abs(pair) ** 2)
    winding = (pair.conj()[:, None] * gradient).imag
    dipole = -0.5 * winding / energy[:, None] ** 2
    magnitude = (pair.conj()[:, None] * gradient).real
    # ∂ρ = (|Δ|² ∂ξ − ξ Re Δ*∂Δ)/E³ and ∂θ = Im Δ*∂Δ/|Δ|².
    weight = np.abs(pair) ** 2
    rho = (weight[:, None] * slope - xi[:, None] * magnitude) / energy[:, None] ** 3
    theta = winding / weight[:, None]
    cross = rho[:, 0] * theta[:, 1] - rho[:, 1] * theta[:, 0]
    return dipole, np.stack([0.5 * cross, -0.5 * cross], axis=1)


def test_dipole_and_curvature_of_two_bands_follow_the_phase_of_the_pairing() -> None:
    """Eq. (22), d = (e/2)(ρ² − 1) ∂θ for both bands alike, and Ω_σ = −(σ/2) ∂ρ × ∂θ."""
    k = np.zeros((50, 3))
    k[:, :2] = np.random.default_rng(4).uniform(0, 1, (50, 2))
    values = tensors(square(), BandGeometry("charge"), states_at(square(), k))
    dipole, curvature = closed_forms(k)
    assert np.abs(dipole).max() > 0.01
    for band in (0, 1):
        np.testing.assert_allclose(values["dipole"][:, band, :2], dipole, atol=1e-13)
    np.testing.assert_allclose(values["berry_curvature"][..., 2], curvature, atol=1e-13)


LIBRARY: dict[str, Model] = {
    "chiral d, square": square,
    "chiral d, triangular": triangular,
    "chiral d, honeycomb": library.chiral_d_honeycomb,
    "chiral d, kagome": library.chiral_d_kagome,
    "chiral p": chiral_p,
    "Chern insulator, d": library.chern_insulator_chiral_d,
    "BHZ, d": library.bhz_chiral_d,
    "BHZ, interband": interband,
}
CHERN = {
    "chiral d, square": -2,
    "chiral d, triangular": 2,
    "chiral d, honeycomb": -2,
    "chiral d, kagome": 2,
    "chiral p": 1,
    "Chern insulator, d": -2,
    "BHZ, d": -2,
    "BHZ, interband": -2,
}


@pytest.mark.parametrize("name", LIBRARY)
def test_heat_and_spin_are_quantised_by_the_chern_number_at_zero_temperature(name: str) -> None:
    """κ_xy/T → −w C π²k_B²/3h and σ^s_xy → −w C ħ/8π; the Chern number by link variables."""
    model = LIBRARY[name]()
    assert chern_number(model, 40) == pytest.approx(CHERN[name], abs=1e-9)
    found = totals(model, 150, 0.0)
    weight = model.nambu_weight
    assert found("kappa") == pytest.approx(-weight * CHERN[name], abs=1e-4)
    if "spin_z" in model.operators:
        assert found("sigma_s") == pytest.approx(-weight * CHERN[name], abs=1e-4)


def test_states_on_one_side_of_a_gap_conduct_heat_by_the_sommerfeld_expansion() -> None:
    """κ/T is the average of σ̃(E) over a thermal window: (1/T) ∫ dE E² (−f′) σ̃(E), from a run on an energy grid."""
    model = square()
    kT = 0.1
    grid = sol.EnergyGrid(-6.0, 6.0, 0.002, 0.0)
    run = sol.solve(
        model, [ThermalHall(), SpinQuantumHall()], sol.Numerics(mesh=(60, 60, 1), energies=grid, symmetry=None)
    )
    energies = np.arange(-2.0, 2.0, 0.01)
    steps = run.quantity("spin_quantum_hall", energies, 0.0)["spin_quantum_hall"].values[:, 0, 0, 1]
    x = energies / kT
    weight = (3 / np.pi**2) * x**2 / (4 * np.cosh(x / 2) ** 2) * 0.01 / kT
    found = run.quantity("thermal_hall", 0.0, kT / BOLTZMANN)["thermal_hall"].values[0, 0, 0, 1]
    assert found == pytest.approx(float(np.sum(weight * steps)), abs=2e-3)
    assert found == pytest.approx(totals(model, 60, kT)("kappa"), abs=1e-4)


def test_heat_and_spin_hall_conductivities_have_the_ratio_of_wiedemann_and_franz() -> None:
    """κ_xy/T = (4π²/3)(k_B/ħ)² σ^s_xy for T → 0, in SI units."""
    heat, spin = unit("thermal_hall", 2), unit("spin_quantum_hall", 2)
    assert pytest.approx(9.464311516e-13, rel=1e-9) == THERMAL_QUANTUM
    assert (heat.label, spin.label) == ("π²k_B²/(3h)", "ħ/(8π)")
    hbar, boltzmann = 1.054571817e-34, 1.380649e-23
    found = totals(square(), 60, 0.01)
    kappa, sigma = found("kappa") * THERMAL_QUANTUM, found("sigma_s") * hbar / (8 * np.pi)
    assert hbar / (8 * np.pi) == pytest.approx(4.196007941e-36, rel=1e-9)
    assert kappa == pytest.approx(4 * np.pi**2 / 3 * (boltzmann / hbar) ** 2 * sigma, rel=1e-4)


@pytest.mark.parametrize("maker", [library.two_orbitals_without_symmetry, library.strontium_ruthenate_chiral_p])
def test_curvature_sums_to_zero_over_the_bands_and_the_curl_of_the_dipole_closes_the_k_form(maker: Model) -> None:
    """Σ_n Ω_n = 0 and ∂_x d_y − ∂_y d_x = 2(K − Ω s), by central differences."""
    model = maker()
    k = np.zeros((6, 3))
    k[:, :2] = np.random.default_rng(11).uniform(0, 1, (6, 2))
    h = 1e-5

    def dipole(dx: float, dy: float) -> np.ndarray:
        moved = k + np.array([dx, dy, 0]) / (2 * np.pi)
        return tensors(model, BandGeometry("charge"), states_at(model, moved))["dipole"]

    curl = (dipole(h, 0) - dipole(-h, 0))[..., 1] - (dipole(0, h) - dipole(0, -h))[..., 0]
    states = states_at(model, k)
    moment = tensors(model, Magnetization("charge"), states)
    curvature = berry_curvature(states)
    assert np.abs(curvature[..., 2]).max() > 0.1
    np.testing.assert_allclose(curvature.sum(axis=1), 0, atol=1e-9 * np.abs(curvature).max())
    expected = 2 * (moment["mean_curvature"] - moment["berry"])[..., 2]
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(curl / (2 * h), expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_spin_hall_is_refused_where_spin_is_not_conserved() -> None:
    with pytest.raises(ModelError, match="spin_quantum_hall: needs a superconductor that conserves S_z"):
        totals_with_spin(chiral_p())


def totals_with_spin(model: TightBinding) -> sol.Result:
    return sol.solve(
        model,
        [SpinQuantumHall()],
        sol.Numerics(mesh=(4, 4, 1), energies=sol.FixedPoints((0.0,), (10.0,)), symmetry=None),
    )


def test_the_responses_of_a_model_carry_the_weight_of_its_basis() -> None:
    names = {r.name: r for r in superconductor_responses(chiral_p())}
    assert set(names) == {"bogolon_magnetization", "thermal_hall"}
    assert superconductor_responses(square())[2] == SpinQuantumHall()
    with pytest.raises(ModelError, match="not a Bogoliubov"):
        superconductor_responses(library.qwz(mass=1.0))


def test_the_symmetry_group_halves_the_work_and_not_the_result() -> None:
    model = triangular()
    kelvin = 0.2 / BOLTZMANN
    runs = [
        sol.solve(
            model,
            superconductor_responses(model),
            sol.Numerics(mesh=(36, 36, 1), energies=sol.FixedPoints((0.0,), (kelvin,)), symmetry=choice),
        )
        for choice in ("auto", None)
    ]
    assert runs[0].attrs["k_points_evaluated"] < runs[1].attrs["k_points_evaluated"] / 4
    for quantity, output in (("thermal_hall", "thermal_hall"), ("magnetization", "moving_dipole")):
        reduced, full = (run.quantity(quantity, 0.0, kelvin)[output].values for run in runs)
        assert np.abs(full).max() > 1e-9
        np.testing.assert_allclose(reduced, full, rtol=1e-9, atol=1e-9 * np.abs(full).max())


def test_the_number_of_electrons_goes_over_into_that_of_the_normal_metal() -> None:
    """n = Σ f⟨τz⟩ + N for Sz-Nambu: the constant of normal ordering."""
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]])
    builder.set_hop(-1.0, 0, 0, (1, 0)).set_hop(-0.7, 0, 0, (0, 1))
    metal = builder.build()
    model = bdg(metal, onsite_pairing(metal, 1e-8), mu=-0.6)
    kelvin = 0.2 / BOLTZMANN
    k = mesh(24, 24)
    x = 2 * np.pi * k
    energy = -2 * np.cos(x[:, 0]) - 1.4 * np.cos(x[:, 1]) + 0.6
    expected = 2 * np.mean(1 / (np.exp(energy / 0.2) + 1))
    moment = sol.solve(
        model,
        [library_moment()],
        sol.Numerics(mesh=(24, 24, 1), energies=sol.FixedPoints((0.0,), (kelvin,)), symmetry=None),
    )
    assert float(moment.spin_moment(0.0, kelvin)["spin_moment"].values[0, 0]) + 1 == pytest.approx(expected, abs=1e-9)


def test_a_redundant_basis_counts_every_electron_once() -> None:
    """n = w Σ f⟨τz⟩ + N/2 with w = ½: each of the N orbitals of a spinless metal is there as electron and as hole."""
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], spin=False)
    builder.set_onsite(0.4, 1).set_hop(-1.0, 0, 0, (1, 0)).set_hop(-0.7, 1, 1, (0, 1)).set_hop(0.3, 0, 1, (0, 0))
    metal = builder.build()
    model = bdg(metal, {(0, 0, 0): [[0, 1e-9], [-1e-9, 0]]}, mu=-0.6, basis="spinless")
    kelvin = 0.2 / BOLTZMANN
    runs = [
        sol.solve(
            m, [response], sol.Numerics(mesh=(24, 24, 1), energies=sol.FixedPoints((mu,), (kelvin,)), symmetry=None)
        )
        for m, response, mu in (
            (metal, sol.DensityOfStates(), -0.6),
            (model, sol.SpinMoment("charge"), 0.0),
        )
    ]
    electrons = float(runs[0].carriers(-0.6, kelvin)["carriers"].values[0, 0])
    moment = float(runs[1].spin_moment(0.0, kelvin)["spin_moment"].values[0, 0])
    assert abs(moment) > 0.05
    assert moment + 1 == pytest.approx(electrons, abs=1e-8)


def library_moment() -> sol.SpinMoment:
    return sol.SpinMoment("charge")

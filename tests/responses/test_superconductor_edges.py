"""Currents of bogolons where the potential varies slowly: Zeeman against electrostatic profiles, and kinetic edges.

A profile U(r)·1 in the S_z-Nambu basis is a Zeeman field; an electrostatic profile μ(r) couples through −τz. Numbers in
units of e t/ħ with t = 1 eV and a lattice constant of 1 Å.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.geometry.gradient import gradient_response
from solenoidal.models import library
from solenoidal.models.hamiltonian import TightBinding
from support.direct import mesh
from support.nambu import totals
from support.separate.connection import conventional_current

Real = NDArray[np.float64]


def response(model: TightBinding, divisions: int, kT: float, profile: str, current: str) -> Real:
    """C^{l i}: current i of charge or of number per gradient ∂_l of a Zeeman field or of the chemical potential."""
    source, total = interpolator(model), np.zeros((3, 3))
    points = mesh(divisions, divisions, shift=0.5)
    for k in np.array_split(points, max(1, len(points) // 2000)):
        states = BlochStates.solve(source, k, np.ones(len(k)), Degeneracy(1e-9))
        charge = states.operator("charge")[:, :, 0]
        coupling = np.eye(model.n_orbitals)[None].astype(complex) if profile == "zeeman" else -charge
        theta = conventional_current(states, "charge") if current == "charge" else states.velocity
        total += gradient_response(states, coupling, theta, mu=0.0, kT=kT).sum(axis=0)
    return total / len(points) / model.cell_measure


@dataclass(frozen=True)
class Row:
    """A reference number of one element C^{l i}."""

    model: Callable[[], TightBinding]
    profile: str
    current: str
    element: tuple[int, int]
    mesh: int
    value: float
    digits: int

    def __str__(self) -> str:
        return f"{self.model.__name__}-{self.profile}-{self.current}-{self.element}"


G4 = library.two_orbitals_without_symmetry
ROWS = [
    Row(library.spin_dependent_square, "zeeman", "charge", (0, 1), 90, 2.24451446e-4, 11),
    Row(G4, "zeeman", "charge", (0, 1), 90, 7.032053032747e-3, 14),
    Row(G4, "zeeman", "charge", (0, 0), 90, -3.080783131978e-3, 14),
    Row(G4, "electrostatic", "charge", (1, 0), 90, 5.819385841030e-2, 14),
    Row(library.bhz_chiral_d, "electrostatic", "number", (0, 1), 90, -0.1066045355355, 12),
    Row(library.chiral_d_square, "electrostatic", "charge", (0, 1), 120, 6.9409104636e-2, 11),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_currents_in_a_slowly_varying_potential_are_the_reference_numbers(row: Row) -> None:
    found = response(row.model(), row.mesh, 0.3, row.profile, row.current)[row.element]
    assert found == pytest.approx(row.value, rel=0, abs=1.5 * 10.0**-row.digits)


def test_an_electrostatic_profile_drives_a_current_where_the_magnetization_vanishes() -> None:
    """M = 0 at every μ for a 2×2 superconductor, yet J⁰_y ∝ ∂_xμ; for a Zeeman profile there is none."""
    model = library.chiral_d_square()
    assert abs(totals(model, 20, 0.3)("M")) < 1e-16
    assert abs(response(model, 40, 0.3, "zeeman", "charge")[0, 1]) < 1e-16
    assert response(model, 40, 0.3, "electrostatic", "charge")[0, 1] > 0.05


def square_lattice(k: Real, chiral_p: bool) -> tuple[Real, NDArray[np.complex128], NDArray[np.complex128]]:
    """ξ + μ, Δ and ∂_xΔ of the chiral p (δ = 0.5) or chiral d (δ = δ_xy = 0.5) wave."""
    x, y = 2 * np.pi * k[:, 0], 2 * np.pi * k[:, 1]
    band = -2 * (np.cos(x) + np.cos(y))
    if chiral_p:
        return band, 0.5 * (np.sin(x) + 1j * np.sin(y)), 0.5 * np.cos(x) + 0j
    pair = 0.5 * (np.cos(x) - np.cos(y)) + 0.5j * np.sin(x) * np.sin(y)
    return band, pair, -0.5 * np.sin(x) + 0.5j * np.cos(x) * np.sin(y)


def kinetic(divisions: int, mu: float, chiral_p: bool) -> float:
    """M_kin = −(e/2) ∫ ∂_yξ ∂_xθ (1 − ρ) at zero temperature, whose −∂_x is the electrostatic edge current."""
    k = mesh(divisions, divisions, shift=0.5)
    band, pair, slope = square_lattice(k, chiral_p)
    xi = band - mu
    weight = np.abs(pair) ** 2
    energy = np.sqrt(xi**2 + weight)
    # ∂θ (1 − ρ) = Im(Δ*∂Δ)/(E (E + ξ)), regular where Δ vanishes outside the Fermi line.
    ratio = np.where(xi > 0, 1 / (energy * (energy + np.abs(xi))), (energy + np.abs(xi)) / (energy * weight))
    return float(-0.5 * np.mean(2 * np.sin(2 * np.pi * k[:, 1]) * (pair.conj() * slope).imag * ratio))


def closed_form(divisions: int, mu: float, kT: float, chiral_p: bool) -> float:
    """J⁰_y/∂_xμ = (e/2) ∫ ∂_yξ ∂_xθ |Δ|²/E³ [tanh(E/2T) − (E/2T) sech²(E/2T)]."""
    k = mesh(divisions, divisions, shift=0.5)
    band, pair, slope = square_lattice(k, chiral_p)
    energy = np.sqrt((band - mu) ** 2 + np.abs(pair) ** 2)
    x = energy / (2 * kT)
    thermal = np.tanh(x) - x * (1 - np.tanh(x) ** 2)
    weight = 2 * np.sin(2 * np.pi * k[:, 1]) * (pair.conj() * slope).imag / energy**3
    return float(0.5 * np.mean(weight * thermal))


@pytest.mark.parametrize(("chiral_p", "mu"), [(True, -1.0), (False, -2.0)])
def test_the_electrostatic_edge_current_of_two_bands_follows_its_closed_form(chiral_p: bool, mu: float) -> None:
    model = library.chiral_p_square(mu=mu, basis="sz") if chiral_p else library.chiral_d_square(mu=mu)
    expected = closed_form(40, mu, 0.3, chiral_p)
    assert abs(expected) > 0.02
    assert response(model, 40, 0.3, "electrostatic", "charge")[0, 1] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(("chiral_p", "mu", "value"), [(True, -1.0, 0.23012608707), (False, -2.0, -0.33538604459)])
def test_kinetic_magnetization_has_its_reference_value_and_slope(chiral_p: bool, mu: float, value: float) -> None:
    """Rows of the table at T = 0, and −∂M_kin/∂μ equal to the closed form's limit of low temperature."""
    assert kinetic(300, mu, chiral_p) == pytest.approx(value, abs=1e-5)
    h = 1e-3
    slope = (kinetic(300, mu + h, chiral_p) - kinetic(300, mu - h, chiral_p)) / (2 * h)
    assert abs(slope) > 0.01
    assert closed_form(300, mu, 0.005, chiral_p) == pytest.approx(-slope, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("chiral_p", "mu", "value"), [(True, -1.0, 0.23012608707), (False, -2.0, -0.33538604459)])
def test_kinetic_magnetization_reaches_ten_digits(chiral_p: bool, mu: float, value: float) -> None:
    assert kinetic(1200, mu, chiral_p) == pytest.approx(value, abs=1e-10)


def hard_wall(model: TightBinding, sites: int, ky: float) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """H and ∂H/∂ky of a ribbon of ``sites`` cells along a1, at Cartesian ky (square lattice of 1 Å)."""
    n = model.n_orbitals
    H, D = (np.zeros((sites, n, sites, n), dtype=complex) for _ in range(2))
    for R, matrix in zip(model.hamiltonian.R, model.hamiltonian.matrices, strict=True):
        rows = np.arange(max(0, -R[0]), min(sites, sites - R[0]))
        hop = np.exp(1j * ky * R[1]) * matrix
        H[rows, :, rows + R[0], :] += hop
        D[rows, :, rows + R[0], :] += 1j * R[1] * hop
    return H.reshape(sites * n, -1), D.reshape(sites * n, -1)


def energy_current(model: TightBinding, sites: int, points: int, temperatures: tuple[float, ...]) -> Real:
    """Energy current along y in the right half of a ribbon, J = ½[½(D P H + H P D) + ½{P, ½{D, H}}]."""
    right = np.repeat(np.arange(sites) >= sites // 2, model.n_orbitals).astype(float)
    total = np.zeros(len(temperatures))
    for ky in (np.arange(points) + 0.5) * 2 * np.pi / points:
        H, D = hard_wall(model, sites, float(ky))
        energies, U = np.linalg.eigh(H)
        middle = (D * right) @ H
        even = 0.5 * (D @ H + H @ D)
        J = 0.25 * (middle + middle.conj().T) + 0.25 * (right[:, None] * even + even * right)
        diagonal = np.einsum("an,ab,bn->n", U.conj(), J, U, optimize=True).real
        total += [float(np.sum(diagonal / (np.exp(np.clip(energies / T, -600, 600)) + 1))) for T in temperatures]
    return total / points


def test_edge_modes_of_a_ribbon_carry_the_quantised_heat() -> None:
    """I_E(T) − I_E(T₀) = (κ_xy/T)(T² − T₀²)/2 at low temperature: magnitude and sign, without Berry curvatures."""
    model, warm, cold = library.chiral_d_square(), 0.05, 0.03
    current = energy_current(model, 32, 160, (warm, cold))
    expected = np.pi / 6 * 2 * (warm**2 - cold**2) / 2  # two quanta of π²k_B²/3h = π/6 for ħ = k_B = 1
    assert totals(model, 60, 0.01)("kappa") == pytest.approx(2.0, abs=1e-5)
    assert current[0] - current[1] == pytest.approx(expected, rel=3e-3)


def energy_kubo(model: TightBinding, divisions: int, kT: float) -> float:
    """Σ ∫ f Ω^E with Ω^E_n = −2 Im Σ_m [½(ε_n + ε_m)]² v^x_nm v^y_mn/ω²: the Kubo part of the heat current."""
    k = mesh(divisions, divisions, shift=0.5)
    states = BlochStates.solve(interpolator(model), k, np.ones(len(k)), Degeneracy(1e-9))
    mean = 0.5 * (states.energies[:, :, None] + states.energies[:, None, :])
    x, y = states.velocity[:, :, 0], states.velocity[:, :, 1]
    omega = -2 * np.einsum("knm,knm,kmn->kn", (mean * states.inverse_gap) ** 2, x, y).imag
    return float(np.sum(omega / (np.exp(states.energies / kT) + 1)) / len(k))


@pytest.mark.parametrize("model", [library.chiral_d_square, library.chern_insulator_chiral_d])
def test_the_thermal_hall_conductivity_is_kubo_plus_the_energy_magnetization_of_a_ribbon(
    model: Callable[[], TightBinding],
) -> None:
    """T κ_xy = −∫ f Ω^E + 2 M_E with M_E the energy current of half a ribbon, with the bulk excited."""
    kT = 0.25
    kappa = np.pi / 6 * kT * totals(model(), 80, kT)("kappa")
    magnetization = float(energy_current(model(), 32, 64, (kT,))[0])
    assert abs(2 * magnetization) > 5e-3
    assert kT * kappa == pytest.approx(-energy_kubo(model(), 80, kT) + 2 * magnetization, rel=1e-5)

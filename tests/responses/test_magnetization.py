"""Eqs. (11)-(13), (17): M^s, its K-form, filled bands, and the modern theory of orbital magnetization for s → e."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

import solenoidal as sol
from solenoidal.errors import ModelError, ResultError
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.facts import Nambu
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import haldane, kagome_antiferromagnet, kane_mele, random_model
from solenoidal.models.operator import Operator
from solenoidal.responses.magnetization import Magnetization, bogolon_magnetization, orbital_magnetization
from solenoidal.units import BOLTZMANN, CURRENT_PER_ELECTRONVOLT
from support.bogoliubov import partner_without_symmetry, without_symmetry
from support.direct import mesh, thermal
from support.parallel_transport import projectors, slope
from support.reference import XYZ, RealArray, Reference
from support.registry import CASES, SEPARATE, Case, curl, group_sums, points, states_at
from support.values import values as values_of

SPIN = Magnetization()
HALVES = (without_symmetry(), partner_without_symmetry())
Z = 2


def at(model: TightBinding, response: Magnetization, divisions: int, mu: float, kT: float) -> sol.Result:
    """Exact sums on an unreduced mesh."""
    return sol.solve(
        model,
        [response],
        sol.Numerics(
            mesh=(divisions, divisions, 1),
            energies=sol.FixedPoints((mu,), (kT / BOLTZMANN,)),
            symmetry=None,
            kramers=False,
            audit=False,
        ),
    )


def numbers(result: sol.Result, quantity: str = "magnetization") -> dict[str, RealArray]:
    """Outputs in printed units at the only point the run holds."""
    assert isinstance(result.grid, sol.FixedPoints)
    data = result.quantity(quantity, result.grid.mu, result.grid.temperature)
    return {str(name): data[name].values[0, 0] for name in data.data_vars}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_band_quantities_are_the_textbook_sums_of_equation_11_and_of_the_k_form(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    found = {name: group_sums(states.labels, curl(x)) for name, x in values_of(SPIN, states).items()}
    for q, k in enumerate(kc):
        b = reference.at(k)
        inside = (b.labels[:, None] == b.labels[None, :]).astype(float)
        A, J, s = b.connection, b.current, b.s
        d = (np.einsum("inm,amp->ianp", A, s) + np.einsum("anm,imp->ianp", s, A)) / 2 * inside
        turning = np.einsum("inm,jamn->nija", A, J).real / 2
        driven = np.einsum("ianm,jmn->nija", d, b.v * inside).real / 2
        between = np.einsum("inm,amp,jpn->nija", A, s, A).imag
        omega = 1j * (np.einsum("inm,jmp->ijnp", A, A) - np.einsum("jnm,imp->ijnp", A, A))
        berry = np.einsum("ijnm,amn->nija", omega * inside, s * inside).real
        conventional = np.zeros_like(berry)
        for n in range(b.n):
            for m in b.outside(n):
                conventional[n] -= 2 * np.einsum("i,ja->ija", b.v[:, n, m], J[:, :, m, n]).imag / b.omega(n, m) ** 2
        expected = {
            "circulation": turning - turning.swapaxes(1, 2),
            "moving_dipole": driven - driven.swapaxes(1, 2),
            "berry": berry,
            "mean_curvature": berry / 2 - (between - between.swapaxes(1, 2)) / 2,
            "current_curvature": (conventional - conventional.swapaxes(1, 2)) / 2,
        }
        for name, tensor in expected.items():
            assert np.abs(tensor).max() > 1e-5, name
            scale = max(1.0, float(np.abs(tensor).max()))
            np.testing.assert_allclose(found[name][q], b.group_sum(tensor), rtol=0, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("case", [c for c in CASES if c.degenerate], ids=str)
def test_no_basis_of_a_degenerate_group_is_preferred(case: Case) -> None:
    _, kf, _ = points(case, 4, 0.05)
    states = states_at(case.model(), kf)
    rng = np.random.default_rng(7)
    vectors = states.vectors.copy()
    for q in range(len(kf)):
        for n in range(0, case.bands, 2):
            raw = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
            vectors[q][:, n : n + 2] = vectors[q][:, n : n + 2] @ scipy.linalg.qr(raw)[0]
    before, after = values_of(SPIN, states), values_of(SPIN, replace(states, vectors=vectors, _cache={}))
    for name in before:
        scale = float(np.abs(before[name]).max())
        assert np.abs(after[name] - before[name]).max() > 1e-3 * scale, name
        first, second = group_sums(states.labels, before[name]), group_sums(states.labels, after[name])
        np.testing.assert_allclose(second, first, rtol=0, atol=1e-11 * max(1, scale), err_msg=name)


@pytest.mark.parametrize(
    ("bands", "seed", "degenerate", "joined"),
    [
        (2, 49, False, False),
        (3, 39, False, False),
        (4, 44, False, False),
        (4, 23, True, False),
        (2, 49, False, True),
        (3, 39, False, True),
        (4, 10, True, True),
    ],
)
def test_k_form_equals_equation_13_and_converges_faster(bands: int, seed: int, degenerate: bool, joined: bool) -> None:
    """Models whose bands keep apart, so that Eq. (13) converges on a mesh that can be afforded."""
    model = random_model(bands, 2, seed, degenerate=degenerate, nonlocal_matrices=joined)
    coarse, fine = (numbers(at(model, SPIN, n, 0.2, 0.3)) for n in (12, 72))
    exact = fine["magnetization"][Z]
    scale = np.abs(exact).max()
    assert scale > 1e-4
    np.testing.assert_allclose(fine["eq13"][Z], exact, rtol=0, atol=1e-6 * scale)
    parts = fine["local_circulation"] + fine["moving_dipole"] + fine["berry"]
    np.testing.assert_allclose(fine["eq13"], parts, rtol=0, atol=1e-12)
    errors = [np.abs(coarse[name][Z] - exact).max() for name in ("magnetization", "eq13")]
    assert errors[0] < 0.2 * errors[1]


def test_three_dimensional_k_form_equals_equation_13_in_every_component() -> None:
    model = random_model(2, 3, 9)
    temperature = 0.5 / BOLTZMANN
    points_ = sol.FixedPoints((0.1,), (temperature,))
    result = sol.solve(
        model, [SPIN], sol.Numerics(mesh=(24, 24, 24), energies=points_, symmetry=None, kramers=False, audit=False)
    )
    found = numbers(result)
    assert np.abs(found["magnetization"]).min(axis=1).max() > 1e-4
    scale = np.abs(found["magnetization"]).max()
    np.testing.assert_allclose(found["eq13"], found["magnetization"], rtol=0, atol=2e-3 * scale)


def modern_theory(model: TightBinding, divisions: int, mu: float) -> float:
    """−e ∫ Σ_n Θ(μ − ε_n) Im⟨∂_x u_n|(H + ε_n − 2μ) Q_n|∂_y u_n⟩ with projectors differentiated in k, for e = 1.

    Ceresoli, Thonhauser, Vanderbilt and Resta, Phys. Rev. B 74, 024408 (2006), for insulators and metals.
    """
    reference, total = Reference.of(model, "charge"), 0.0
    for k in mesh(divisions, divisions):
        bands = reference.at(k @ model.reciprocal)
        H = reference.hamiltonian(k @ model.reciprocal)
        for n in np.flatnonzero(bands.energies < mu):
            P, dP = projectors(reference, k @ model.reciprocal, int(n), int(n) + 1)
            middle = H + (bands.energies[n] - 2 * mu) * np.eye(bands.n)
            total -= float(np.trace(P @ dP[0] @ middle @ dP[1] @ P).imag)
    return total / divisions**2 / model.cell_measure


@pytest.mark.parametrize(("mass", "mu", "metal"), [(0.2, 0.1, False), (1.5, 0.0, False), (0.2, -1.4, True)])
def test_charge_magnetization_of_haldane_is_that_of_the_modern_theory(mass: float, mu: float, metal: bool) -> None:
    model = haldane(t2=0.15, phi=0.4 * np.pi, mass=mass)
    energies = states_at(model, mesh(24, 24)).energies
    assert (energies[:, 0].max() > mu) == metal
    assert energies[:, 1].min() > mu
    expected = modern_theory(model, 24, mu)
    assert abs(expected) > 1e-3
    by_identity = numbers(at(model, orbital_magnetization(charge=1.0), 24, mu, 0.0))
    by_operator = numbers(at(model, bogolon_magnetization(charge=1.0), 24, mu, 0.0))
    for found in (by_identity, by_operator):
        for name in ("magnetization", "eq13", "M0"):
            assert found[name][Z] / CURRENT_PER_ELECTRONVOLT == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("mass", "chern"), [(0.1, 1), (2.0, 0)])
def test_magnetization_of_a_gap_grows_by_a_chern_number_of_charge_per_planck(mass: float, chern: int) -> None:
    """∂M/∂μ = C e/h: e ∂M/∂μ is a whole number of e²/h, with the sign of the Hall conductivity."""
    model = haldane(t2=0.3, mass=mass)
    response = orbital_magnetization()
    slopes = numbers(at(model, response, 48, 0.0, 1e-3), "streda")
    hall = at(model, sol.AnomalousHallConductivity(), 48, 0.0, 0.0)  # type: ignore[arg-type]
    sigma = hall.anomalous_hall([0.0], [0.0]).anomalous_hall.values[0, 0]
    assert abs(slopes["magnetization"][Z]) == pytest.approx(chern, abs=1e-6)
    # J = E × σ_H: σ_H along z is σ_xy.
    assert slopes["magnetization"][Z] == pytest.approx(sigma[0, 1], abs=1e-9)
    around = [numbers(at(model, response, 48, mu, 0.0))["magnetization"][Z] for mu in (-0.05, 0.05)]
    per_volt = (around[1] - around[0]) / 0.1 / CURRENT_PER_ELECTRONVOLT * (-1) * 2 * np.pi
    assert per_volt == pytest.approx(slopes["magnetization"][Z], abs=1e-6)


def test_spin_streda_slope_of_an_insulator_is_the_berry_curvature_conductivity() -> None:
    """Eq. (17): e ∂M^s/∂μ = σ_H^s = −e ∫ Ω_n s_n, by Eq. (13) and by the K-form alike."""
    model, occupied = random_model(3, 2, 39), 1
    energies = states_at(model, mesh(24, 24)).energies
    mu = float(energies[:, occupied - 1].max() + energies[:, occupied].min()) / 2
    assert energies[:, occupied].min() - mu > 0.1
    slopes = numbers(at(model, SPIN, 72, mu, 1e-3), "streda")
    berry = berry_sum(model, 72, occupied)
    assert np.abs(berry).min() > 3e-4
    np.testing.assert_allclose(slopes["eq13"][Z], berry, rtol=1e-9)
    np.testing.assert_allclose(slopes["magnetization"][Z], berry, rtol=1e-4)


def test_touching_bands_in_two_dimensions_separate_the_k_form_from_equation_13() -> None:
    """Where bands touch, ∇ × d has δ functions: the two differ as the two routes of Eq. (15) do, and by as much."""
    model = kane_mele(lambda_so=0.06, lambda_r=0.05, lambda_v=0.1)
    fixed = sol.FixedPoints((0.0,), (1.0,))
    run = sol.solve(model, [SPIN, sol.SpinConductivity()], sol.Numerics(mesh=(120, 120, 1), energies=fixed))
    slopes = run.quantity("streda", [0.0], [1.0]).isel(mu=0, temperature=0)
    sigma = run.conductivity([0.0], [1.0]).isel(mu=0, temperature=0)
    difference = float(sigma.route_difference[0, 1, Z])
    assert abs(difference) > 0.1
    # J = E × σ_H: σ_H along z is σ_xy.
    assert float(slopes.eq13[Z, Z]) == pytest.approx(float(sigma.semiclassical_surface[0, 1, Z]), abs=1e-8)
    assert float(slopes.magnetization[Z, Z]) == pytest.approx(float(sigma.semiclassical_sea[0, 1, Z]), abs=1e-8)
    assert float(slopes.route_difference[Z, Z]) == pytest.approx(-difference, abs=1e-8)


def berry_sum(model: TightBinding, divisions: int, occupied: int) -> RealArray:
    """2π ∫ Σ_occupied Ω_n s_n along z, the charge being −1."""
    values = values_of(SPIN, states_at(model, mesh(divisions, divisions)))["berry"][:, :occupied, Z]
    return np.asarray(values.sum(axis=1).mean(axis=0) / model.cell_measure * 2 * np.pi)


def test_slopes_in_chemical_potential_and_temperature_are_those_of_the_magnetization() -> None:
    model, mu, kT = random_model(3, 2, 8), 0.1, 0.25
    run = at(model, SPIN, 16, mu, kT)

    def values(x: float, t: float) -> dict[str, RealArray]:
        return numbers(at(model, SPIN, 16, x, t))

    by_mu, by_t = numbers(run, "streda"), numbers(run, "entropy_magnetization")
    for name in by_mu:
        # Both in eV: printed in |e|/2π for the charge −1.
        expected = -2 * np.pi * slope(lambda x, n=name: values(mu + x, kT)[n], 5e-3)
        assert np.abs(expected).max() > 1e-4
        np.testing.assert_allclose(by_mu[name], expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    for name in by_t:
        expected = slope(lambda x, n=name: values(mu, kT + x)[n], 5e-3) * BOLTZMANN
        np.testing.assert_allclose(by_t[name], expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_superconductor_without_symmetry_has_the_tabulated_magnetization() -> None:
    run = at(without_symmetry(), bogolon_magnetization(charge=1.0), 240, 0.0, 0.3)
    found, filled = numbers(run), numbers(run, "symmetrised_magnetization")
    unit = CURRENT_PER_ELECTRONVOLT
    assert found["magnetization"][Z] / unit == pytest.approx(7.919472e-4, abs=5e-11)
    assert filled["infinite_temperature"][Z] / unit == pytest.approx(6.2047e-4, abs=1e-8)
    assert filled["symmetrised"][Z] == pytest.approx(found["magnetization"][Z] - filled["infinite_temperature"][Z])
    # Two bands: K = 0 and the circulation is everything.
    np.testing.assert_allclose(found["magnetization"], found["local_circulation"], rtol=1e-12)
    assert abs(found["berry"][Z]) > 0.01 * unit


def test_two_halves_of_the_nambu_basis_differ_by_the_filled_bands_and_share_the_symmetrised_value() -> None:
    first, second = (at(model, bogolon_magnetization(), 60, 0.0, 0.3) for model in HALVES)
    fill = [numbers(r, "symmetrised_magnetization") for r in (first, second)]
    a, b = numbers(first)["magnetization"][Z], numbers(second)["magnetization"][Z]
    assert abs(a - b) > 0.1 * abs(a)
    assert a - b == pytest.approx(2 * fill[0]["infinite_temperature"][Z], rel=1e-9)
    assert fill[0]["symmetrised"][Z] == pytest.approx(fill[1]["symmetrised"][Z], rel=1e-9)
    both = redundant(*HALVES)
    whole = at(both, bogolon_magnetization(), 60, 0.0, 0.3)
    assert numbers(whole)["magnetization"][Z] == pytest.approx(fill[0]["symmetrised"][Z], rel=1e-9)


def redundant(one: TightBinding, two: TightBinding) -> TightBinding:
    """Direct sum of two models on the same lattice vectors."""
    R = sorted({tuple(r) for m in (one, two) for r in m.hamiltonian.R.tolist()})
    matrices = np.zeros((len(R), 4, 4), dtype=complex)
    for block, m in enumerate((one, two)):
        span = slice(2 * block, 2 * block + 2)
        for r, x in zip(m.hamiltonian.R.tolist(), m.hamiltonian.matrices, strict=True):
            matrices[R.index(tuple(r)), span, span] = x
    charge = {"charge": Operator.constant(np.kron(np.eye(2), PAULI[3]), (), 1, "e")}
    zero = LatticeOperator.constant(np.zeros((3, 4, 4)))
    nambu = Nambu("symmetrised", 0.0, "mixed")
    return TightBinding(np.eye(3), 2, LatticeOperator(np.array(R), matrices), zero, charge, nambu=nambu)


def test_filled_bands_have_magnetization_by_equation_13_but_none_by_the_conventional_current() -> None:
    """S and M_inf of three bands do not vanish; M0 obeys Pauli's principle."""
    model = random_model(3, 2, 5)
    run = at(model, SPIN, 24, 30.0, 0.0)
    found = numbers(run)
    fill = numbers(run, "symmetrised_magnetization")
    scale = np.abs(found["local_circulation"]).max()
    assert np.abs(found["magnetization"]).max() > 0.1 * scale
    assert np.abs(numbers(run, "filled_curvature")["filled_curvature"][Z]).max() > 1e-3
    np.testing.assert_allclose(found["M0"], 0, atol=1e-9 * max(1, scale))
    # All f = 1: M = Σ (m1 + (ε − μ) K) = 2 M_inf − μ S.
    curvature = numbers(run, "filled_curvature")["filled_curvature"] / (-1 * 2 * np.pi)
    expected = 2 * fill["infinite_temperature"] - 30.0 * curvature
    np.testing.assert_allclose(found["magnetization"], expected, rtol=1e-9, atol=1e-9)


def test_energy_window_that_cuts_off_bands_is_refused_for_sums_over_all_bands() -> None:
    model, response, kT = without_symmetry(), bogolon_magnetization(), 0.05

    def run(top: float) -> sol.Result:
        grid = sol.EnergyGrid(-8, top, 0.001, 0.0)
        return sol.solve(
            model, [response], sol.Numerics(mesh=(12, 12, 1), energies=grid, symmetry=None, kramers=False, audit=False)
        )

    wide, narrow = run(8.0), run(1.5)
    exact = numbers(at(model, response, 12, 0.0, kT), "symmetrised_magnetization")
    found = wide.quantity("symmetrised_magnetization", [0.0], [kT / BOLTZMANN])
    assert abs(exact["infinite_temperature"][Z]) > 1e-7
    np.testing.assert_allclose(found.infinite_temperature[0, 0], exact["infinite_temperature"], rtol=1e-12)
    np.testing.assert_allclose(found.symmetrised[0, 0], exact["symmetrised"], rtol=1e-4)
    with pytest.raises(ResultError, match=r"symmetrised, infinite_temperature sum over every band, .* solve again"):
        narrow.quantity("symmetrised_magnetization", [0.0], [kT / BOLTZMANN])
    kept = [r.quantity("magnetization", [0.0], [kT / BOLTZMANN]).magnetization.values for r in (wide, narrow)]
    np.testing.assert_allclose(kept[0], kept[1], rtol=1e-9)


def test_declared_symmetry_reduces_the_mesh_without_changing_the_magnetization() -> None:
    for model, response, mu in (
        (kagome_antiferromagnet(J=1.0), SPIN, -1.0),
        (haldane(t2=0.2, mass=0.3), orbital_magnetization(), -1.2),
    ):
        fixed = sol.FixedPoints((mu,), (1500.0,))
        full, reduced = (
            sol.solve(
                model,
                [response],
                sol.Numerics(mesh=(12, 12, 1), energies=fixed, symmetry=s, kramers=False, audit=False),
            )
            for s in (None, "auto")  # type: ignore[arg-type]
        )
        assert reduced.attrs["symmetry_operations"] > 1
        expected = numbers(full)
        assert np.abs(expected["magnetization"]).max() > 1e-7
        for name, value in numbers(reduced).items():
            np.testing.assert_allclose(value, expected[name], rtol=0, atol=1e-9 * np.abs(value).max() + 1e-16)


def test_time_reversal_forbids_charge_magnetization_and_allows_that_of_spin() -> None:
    model = kane_mele(lambda_so=0.1, lambda_r=0.1, lambda_v=0.2)
    charge = numbers(at(model, orbital_magnetization(), 24, -1.0, 0.05))
    spin = numbers(at(model, SPIN, 24, -1.0, 0.05))
    assert abs(spin["magnetization"][Z, Z]) > 1e-3
    assert np.abs(charge["magnetization"]).max() < 1e-9 * CURRENT_PER_ELECTRONVOLT


def test_moment_per_cell_is_the_magnetization_times_the_cell_in_bohr_magnetons() -> None:
    model = haldane(t2=0.2, phi=1.0, mass=0.3)
    run = at(model, orbital_magnetization(), 16, 0.2, 0.0)
    amperes = numbers(run)["magnetization"][Z]
    moment = numbers(run, "moment_per_cell")["magnetization"][Z]
    assert abs(moment) > 1e-2
    assert moment == pytest.approx(amperes * model.cell_measure * 1e-20 / 9.2740100657e-24, rel=1e-8)


def test_missing_operator_is_named() -> None:
    model = TightBindingBuilder(np.eye(2), [[0.0, 0.0]]).set_hop(1.0, 0, 0, (1, 0)).build()
    with pytest.raises(ModelError, match="no operator 'spin'"):
        at(model, SPIN, 4, 0.0, 0.1)


@pytest.mark.parametrize("case", [SEPARATE[3]], ids=str)
def test_integral_is_the_sum_over_states_with_thermal_kernels(case: Case) -> None:
    model, mu, kT = case.model(), 0.1, 0.2
    states = states_at(model, mesh(10, 10))
    values = values_of(SPIN, states)
    f, g = (thermal(name, states.energies, mu, kT) for name in ("fermi", "grand_potential"))
    expected = np.einsum("kn,knja->ja", f, values["circulation"]) + np.einsum(
        "kn,knja->ja", g, values["mean_curvature"]
    )
    found = numbers(at(model, SPIN, 10, mu, kT))["magnetization"]
    np.testing.assert_allclose(found, expected / len(states.k) / model.cell_measure, rtol=1e-10)
    assert found.shape == (len(XYZ), 3)

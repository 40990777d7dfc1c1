"""The finite-q conductivity: its closed form against the Kubo formula at small q, and what Pauli's principle asks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from solenoidal.models.library import kane_mele
from solenoidal.responses.transport import SpinConductivity
from support.direct import fermi, mesh, of_states, sums
from support.parallel_transport import slope
from support.reference import XYZ, Bands, ComplexArray, RealArray, Reference
from support.registry import CASES, LOCAL, NONLOCAL, PAIRED, Case, points, states_at
from support.values import values as values_of

MU, KT = 0.1, 0.15
RESPONSE = SpinConductivity(charge=1.0)


def pair_factor(lower: Bands, upper: Bands, same: bool) -> RealArray:
    """(f_n − f_m)/(ε_n − ε_m) with n at k − q/2 and m at k + q/2, for pairs in different groups or in the same."""
    f, g = (fermi((b.energies - MU) / KT) for b in (lower, upper))
    wanted = (lower.labels[:, None] == lower.labels[None, :]) == same
    difference = lower.energies[:, None] - upper.energies[None, :]
    close = np.abs(difference) < 1e-9
    middle = fermi((lower.energies - MU) / KT)[:, None]
    slopes = -middle * (1 - middle) / KT
    factor = np.where(close, slopes, (f[:, None] - g[None, :]) / np.where(close, 1.0, difference))
    return np.where(wanted, factor, 0.0)


def kubo(reference: Reference, k: RealArray, q: RealArray, same: bool = False) -> RealArray:
    """Σ F_nm ⟨n, k−q/2|s|m, k+q/2⟩⟨m, k+q/2|v|n, k−q/2⟩, (l, a), cell-periodic functions and vertices at k.

    Orbitals joined by the position matrix r̄ are carried from k ± q/2 to k by e^{∓iq·r̄/2}.
    """
    lower, upper = reference.at(k - q / 2), reference.at(k + q / 2)
    carry = scipy.linalg.expm(-0.5j * np.einsum("i,iab->ab", q, reference.position(k)))
    s = lower.u.conj().T @ carry @ reference.spin(k) @ carry @ upper.u
    v = upper.u.conj().T @ carry.conj().T @ reference.gradient(k) @ carry.conj().T @ lower.u
    return np.asarray(np.einsum("nm,anm,lmn->la", pair_factor(lower, upper, same), s, v))


def by_differences(reference: Reference, k: RealArray, same: bool = False) -> RealArray:
    """i ∂/∂q_i of the Kubo sum at one k, (i, l, a)."""
    slopes = np.array([slope(lambda q, i=i: kubo(reference, k, q * np.eye(3)[i], same), 8e-3) for i in XYZ])
    np.testing.assert_allclose((1j * slopes).imag, 0, atol=1e-10)
    return np.asarray((1j * slopes).real)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_closed_form_is_the_slope_in_q_of_the_kubo_formula(case: Case) -> None:
    """At each k by itself, so that nothing can cancel in an integral; pairs of bands included."""
    reference, kf, kc = points(case, 4)
    model = case.model()
    for j, k in enumerate(kc):
        found = sums(model, RESPONSE, "conductivity", kf[j : j + 1], MU, KT)["finite_q"] * model.cell_measure
        expected = by_differences(reference, k)
        scale = np.abs(expected).max()
        assert scale > 1e-8
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * max(scale, 1e-2))


@pytest.mark.parametrize("case", [LOCAL[2], NONLOCAL[2], PAIRED[1]], ids=str)
def test_closed_form_integrates_to_the_slope_of_the_integrated_kubo_formula(case: Case) -> None:
    model = case.model()
    reference = Reference.of(model)
    k = mesh(6, 6, shift=0.3)
    found = sums(model, RESPONSE, "conductivity", k, MU, KT)["finite_q"] * model.cell_measure
    expected = np.mean([by_differences(reference, p) for p in k @ reference.reciprocal], axis=0)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_filled_set_of_bands_carries_no_finite_q_and_no_conventional_current(case: Case) -> None:
    model = case.model()
    states = states_at(model, points(case, 10, 0.02)[1])
    for k in range(len(states.k)):
        terms = values_of(RESPONSE, states)
        for name in ("finite_q", "conventional", "interband_spin"):
            assert np.abs(terms[name][k]).max() > 1e-6
            if name != "interband_spin":
                np.testing.assert_allclose(
                    terms[name][k].sum(axis=0), 0, atol=1e-10 * max(1, np.abs(terms[name][k]).max())
                )
    filled = of_states(model, RESPONSE, "conductivity", states, 50.0, 0.0 + 1e-3)
    # Filled bands are no vacuum to what leaves the space: the conventional response of all of them is tr(F s).
    inside = "conventional_inside" if case.nonlocal_matrices else "conventional"
    for output in ("finite_q", inside):
        np.testing.assert_allclose(filled[output], 0, atol=1e-10)


def filled_hall(case: Case, divisions: int) -> float:
    """Largest ∫Σ_n Ω_n s_n over all bands."""
    model = case.model()
    k = mesh(*(divisions,) * model.dimension)
    return float(np.abs(sums(model, RESPONSE, "conductivity", k, 50.0, 1e-3)["berry_spin"]).max())


def test_the_semiclassical_conductivity_of_a_filled_set_vanishes_for_two_bands_only() -> None:
    """Eq. (15) is not blocked inside a filled set of three or more bands; for two bands the sum is a derivative."""
    two, three = Case(2, 2, 4), Case(3, 2, 4)
    pointwise = np.abs(values_of(RESPONSE, states_at(two.model(), mesh(5, 5)))["berry_spin"].sum(axis=1)).max()
    assert pointwise > 1e-3
    assert filled_hall(two, 50) < 1e-12
    converged = filled_hall(three, 100)
    assert converged > 1e-4
    np.testing.assert_allclose(filled_hall(three, 80), converged, rtol=1e-6)


@pytest.mark.parametrize(
    ("case", "divisions"),
    [(LOCAL[0], 240), (LOCAL[2], 80), (LOCAL[3], 120), (NONLOCAL[2], 120), (PAIRED[1], 60)],
    ids=str,
)
def test_semiclassical_and_finite_q_share_the_part_symmetric_in_current_and_field(case: Case, divisions: int) -> None:
    model = case.model()
    k = mesh(*(divisions,) * model.dimension)
    outputs = sums(model, RESPONSE, "conductivity", k, MU, 0.25)
    parts = {name: (x + x.swapaxes(0, 1)) / 2 for name, x in outputs.items()}
    scale = np.abs(parts["finite_q"]).max()
    assert scale > 1e-4
    for name in ("semiclassical_surface", "semiclassical_sea"):
        np.testing.assert_allclose(parts[name], parts["finite_q"], rtol=0, atol=1e-7 * max(scale, 1e-2))
    if model.dimension > 1:
        hall = outputs["finite_q"] - outputs["semiclassical_surface"]
        assert np.abs(hall).max() > 1e-2 * scale


@pytest.mark.parametrize("case", [Case(2, 2, 4), NONLOCAL[1], PAIRED[1]], ids=str)
def test_einstein_relation_no_spin_flows_along_a_static_potential(case: Case) -> None:
    """Field and gradient of the chemical potential cancel: interband plus intraband response is zero for i = l.

    In a static potential the electrons are in equilibrium, E = ∂μ/e, and a longitudinal current would never stop.
    """
    model = case.model()
    reference = Reference.of(model)
    k = mesh(8, 8)
    field = sums(model, RESPONSE, "conductivity", k, MU, KT)["finite_q"] * model.cell_measure
    axes = [i for i in XYZ if np.abs(field[i, i]).max() > 1e-5]
    assert len(axes) >= 2
    for i in axes:
        potential = np.mean([longitudinal(reference, p, i) for p in k @ reference.reciprocal], axis=0)
        np.testing.assert_allclose(potential.imag, 0, atol=1e-9)
        np.testing.assert_allclose(potential.real, -field[i, i], rtol=0, atol=1e-4 * np.abs(field[i, i]).max())


def longitudinal(reference: Reference, k: RealArray, i: int) -> ComplexArray:
    """i ∂/∂q_i of the intraband Kubo sum with the field along i, at one k."""
    return np.asarray(1j * slope(lambda q: kubo(reference, k, q * np.eye(3)[i], True)[i], 8e-3))


def test_conserved_spin_makes_every_definition_equal() -> None:
    model = kane_mele(lambda_so=0.06, lambda_v=0.1)
    outputs = sums(model, SpinConductivity(charge=1.0, occupied_bands=2), "conductivity", mesh(18, 18), 0.0, 0.02)
    values = {name: float(x[0, 1, 2]) for name, x in outputs.items()}
    assert abs(values["conventional"]) > 0.05
    for name in ("semiclassical", "semiclassical_sea", "finite_q", "berry_spin"):
        np.testing.assert_allclose(values[name], values["conventional"], rtol=1e-10)
    for name in ("dipole", "torque_dipole", "route_difference"):
        assert abs(values[name]) < 1e-12

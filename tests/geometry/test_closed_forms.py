"""Eqs. (2), (3), (10), (11): the package's block arithmetic against textbook sums over states, and its identities."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.evaluate import band_values
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.space import Space
from support.parallel_transport import gradient
from support.reference import XYZ, Bands, RealArray
from support.registry import CASES, PAIRED, SEPARATE, Case, curl, group_sums, points, states_at
from support.separate.connection import conventional_current, interband_connection
from support.separate.curvature import (
    berry_curvature,
    curvature_times_operator,
    mixed_curvature,
    mixed_metric,
    quantum_metric,
)
from support.separate.multipoles import dipole, orbital_moment, torque, torque_dipole, velocity_times_dipole
from support.separate.transport import current_curvature, interband_spin_curvature

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def agree(found: list[RealArray], expected: list[RealArray], tolerance: float = 1e-10) -> None:
    """Equal group by group, after making sure there is something to compare."""
    scale = max(float(np.abs(x).max()) for x in expected)
    assert scale > 1e-7
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1e-2, scale))


def matrix_trace(bands: Bands, tensors: RealArray) -> RealArray:
    """Diagonals of matrices (…, n, n) summed over each group: (groups, …)."""
    return bands.group_sum(np.moveaxis(np.einsum("...nn->...n", tensors), -1, 0))


def blocks(bands: Bands) -> RealArray:
    """Mask (n, n) of pairs inside one group."""
    return (bands.labels[:, None] == bands.labels[None, :]).astype(float)


@every_case
def test_energies_and_matrix_elements_are_those_of_the_cell_periodic_hamiltonian(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    v, s, A = states.velocity, states.operator("spin"), interband_connection(states)
    for q, k in enumerate(kc):
        bands = reference.at(k)
        np.testing.assert_allclose(states.energies[q], bands.energies, atol=1e-12)
        np.testing.assert_array_equal(states.labels[q], bands.labels)
        for g in np.unique(bands.labels):
            # Gauge-invariant: Σ over two groups of x_nm y_mn.
            row = bands.labels == g
            for h in np.unique(bands.labels):
                column = bands.labels == h
                block = np.ix_(row, column)
                found = np.einsum("nim,nam->ia", v[q][row][:, :, column], s[q][row][:, :, column].conj())
                expected = [[np.sum(bands.v[i][block] * bands.s[a][block].conj()) for a in XYZ] for i in XYZ]
                np.testing.assert_allclose(found, expected, atol=1e-11)
                found = np.einsum("nim,nam->ia", A[q][row][:, :, column], s[q][row][:, :, column].conj())
                expected = [[np.sum(bands.connection[i][block] * bands.s[a][block].conj()) for a in XYZ] for i in XYZ]
                np.testing.assert_allclose(found, expected, atol=1e-10)


@every_case
def test_curvatures_metrics_and_dipoles_are_the_sums_of_equations_2_and_3(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    exact = [reference.at(k) for k in kc]
    spin = states.operator("spin")
    for found, expected in (
        (mixed_curvature(states, spin), [b.mixed_curvature(b.s) for b in exact]),
        (mixed_metric(states, spin), [b.mixed_metric(b.s) for b in exact]),
        (quantum_metric(states), [b.mixed_metric(b.v) for b in exact]),
        (dipole(states, "spin"), [b.dipole(b.s) for b in exact]),
    ):
        agree(group_sums(states.labels, found), [b.group_sum(x) for b, x in zip(exact, expected, strict=True)])


@every_case
def test_berry_curvature_is_its_textbook_sum(case: Case) -> None:
    """Its trace over a pair related by inversion × time reversal is zero, so the pairs' models only show that."""
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    found = group_sums(states.labels, curl(berry_curvature(states)[..., None])[..., 0])
    if case.degenerate:
        assert np.abs(berry_curvature(states)).max() > 1e-3
        np.testing.assert_allclose(found, 0, atol=1e-10)
    else:
        agree(found, [b.group_sum(b.mixed_curvature(b.v)) for b in (reference.at(k) for k in kc)])


@every_case
def test_transport_quantities_are_their_textbook_sums(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    exact = [reference.at(k) for k in kc]
    current = [b.current.reshape(9, b.n, b.n) for b in exact]
    conventional = [b.mixed_curvature(J).reshape(b.n, 3, 3, 3) for b, J in zip(exact, current, strict=True)]
    agree(
        group_sums(states.labels, current_curvature(states, "spin")),
        [b.group_sum(x) for b, x in zip(exact, conventional, strict=True)],
    )
    curved, between, moving = [], [], []
    for b in exact:
        A, inside = b.connection, blocks(b)
        omega = 1j * (np.einsum("lnm,imp->linp", A, A) - np.einsum("inm,lmp->linp", A, A)) * inside
        curved.append(matrix_trace(b, np.einsum("linp,apq->lianq", omega, b.s * inside).real))
        outer = np.einsum("lnm,amp,ipq->lianq", A, b.s, A).imag
        between.append(matrix_trace(b, -(outer - outer.swapaxes(0, 1)) / 2))
        d = (np.einsum("inm,amp->ianp", A, b.s) + np.einsum("anm,imp->ianp", b.s, A)) / 2
        moving.append(matrix_trace(b, np.einsum("lnm,iamp->lianp", b.v * inside, d * inside).real))
    agree(group_sums(states.labels, curl(curvature_times_operator(states, "spin"))), curved)
    agree(group_sums(states.labels, curl(interband_spin_curvature(states, "spin"))), between)
    agree(group_sums(states.labels, velocity_times_dipole(states, "spin")), moving)


@every_case
def test_berry_curvatures_of_all_bands_add_up_to_zero(case: Case) -> None:
    _, kf, _ = points(case, 20, 0.02)
    states = states_at(case.model(), kf)
    for curvature in (berry_curvature(states), mixed_curvature(states, states.operator("spin"))):
        scale = np.abs(curvature).max()
        assert scale > 1e-5
        np.testing.assert_allclose(curvature.sum(axis=1), 0, atol=1e-10 * max(1, scale))


@every_case
def test_curvature_of_the_torque_is_the_slope_of_the_spin(case: Case) -> None:
    """Ω^{iτ}_n = i[A_i, s]_nn + (K_i)_nn, the second where the spin does not commute with positions."""
    reference, kf, kc = points(case)
    model = case.model()
    states = states_at(model, kf)
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    whole = band_values([f.torque_curvature(i, s, (q,), space) for i in XYZ for q in XYZ], states)
    found = group_sums(states.labels, whole.reshape(*states.energies.shape, 3, 3))

    def expectation(k: RealArray) -> RealArray:
        bands = reference.at(k)
        return matrix_trace(bands, bands.s.real)

    slopes = [gradient(expectation, k).swapaxes(0, 1) for k in kc]
    agree(found, slopes, 1e-9)
    inside = group_sums(states.labels, mixed_curvature(states, torque(states, "spin")))
    if case.nonlocal_matrices:
        assert max(np.abs(a - b).max() for a, b in zip(inside, slopes, strict=True)) > 1e-2
    else:
        agree(inside, slopes, 1e-9)


@pytest.mark.parametrize("case", [case for case in CASES if case.nonlocal_matrices], ids=str)
def test_fields_of_the_space_are_their_textbook_sums(case: Case) -> None:
    """Everything that F and K add, from matrices written out at one k."""
    reference, kf, kc = points(case)
    model = case.model()
    states = states_at(model, kf)
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    vectors, shape = [(j, (q,)) for j in XYZ for q in XYZ], (*states.energies.shape, 3, 3)
    found = {
        "F": curl(band_values([f.space_curvature(j, space) for j in XYZ], states)[..., None])[..., 0],
        "F s": curl(band_values([f.space_berry_spin(j, s[q], space) for j, q in vectors], states).reshape(shape)),
        "F s in full": curl(
            band_values([f.space_conventional(j, s[q], space) for j, q in vectors], states).reshape(shape)
        ),
        "½ X": curl(band_values([f.space_interband(j, s, q, space) for j, q in vectors], states).reshape(shape)),
        "K": band_values([space.K_diagonal(i, s, q) for i, q in vectors], states).reshape(shape),
    }
    expected: dict[str, list[RealArray]] = {name: [] for name in found}
    for k in kc:
        b, (F, K) = reference.at(k), reference.fields(k)
        inside, A = blocks(b), b.connection
        full = np.einsum("linm,amn->lian", F, b.s).real
        AK = np.einsum("lnm,iamn->lian", A, K).real
        expected["F"].append(matrix_trace(b, F.real))
        expected["F s"].append(matrix_trace(b, np.einsum("linm,amp->lianp", F * inside, b.s).real))
        expected["F s in full"].append(b.group_sum(np.moveaxis(full, -1, 0)))
        expected["½ X"].append(b.group_sum(np.moveaxis(full - AK + AK.swapaxes(0, 1), -1, 0)) / 2)
        expected["K"].append(matrix_trace(b, K.real))
    for name, values in found.items():
        if name == "F" and case.degenerate:
            np.testing.assert_allclose(group_sums(states.labels, values), 0, atol=1e-10)
        else:
            agree(group_sums(states.labels, values), expected[name])


@every_case
def test_metric_of_the_torque_is_the_dipole_of_the_spin(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    exact = [reference.at(k) for k in kc]
    expected = [b.group_sum(b.mixed_metric(b.torque)) for b in exact]
    agree(group_sums(states.labels, dipole(states, "spin")), expected)
    agree(group_sums(states.labels, mixed_metric(states, torque(states, "spin"))), expected)


@every_case
def test_dipole_of_the_torque_is_transported_spin_less_conventional_current(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    exact = [reference.at(k) for k in kc]
    expected = [b.group_sum(b.dipole(b.torque)) for b in exact]
    agree(group_sums(states.labels, torque_dipole(states, "spin")), expected)
    # The same from the matrices themselves, −J + v s with products inside the groups.
    by_hand = [
        matrix_trace(b, (np.einsum("inm,amp->ianp", b.v * blocks(b), b.s * blocks(b)) - b.current).real) for b in exact
    ]
    agree(by_hand, expected)


@every_case
def test_conventional_current_is_the_hermitian_half_anticommutator(case: Case) -> None:
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    current = conventional_current(states, "spin")
    np.testing.assert_allclose(current, current.conj().transpose(0, 3, 2, 1), atol=1e-12)
    found = np.einsum("knpn->knp", current).real.reshape(*states.energies.shape, 3, 3)
    expected = [matrix_trace(b, b.current.real) for b in (reference.at(k) for k in kc)]
    agree(group_sums(states.labels, found), expected)


@pytest.mark.parametrize("case", SEPARATE, ids=str)
def test_orbital_moment_makes_the_torque_quadrupole_symmetric(case: Case) -> None:
    """q^{ilτ} of Eq. (10) is a moment of two positions, so it cannot change when i and l are exchanged."""
    reference, kf, kc = points(case)
    states = states_at(case.model(), kf)
    circulation, moving = orbital_moment(states, "spin")
    moment = curl(circulation + moving)
    for q, k in enumerate(kc):
        b = reference.at(k)
        J, d = b.current, b.dipole(b.s)
        for n in range(b.n):
            bare = np.einsum("ia,l->ila", d[n], b.v[:, n, n].real)
            for m in b.outside(n):
                bare -= np.einsum("l,ia->ila", b.v[:, n, m], J[:, :, m, n]).imag / b.omega(n, m)
            antisymmetric = (bare - bare.swapaxes(0, 1)) / 2
            assert np.abs(antisymmetric).max() > 1e-4
            # m^{lis} = ε_lij m_j
            full = bare + moment[q, n].swapaxes(0, 1)
            np.testing.assert_allclose(full, full.swapaxes(0, 1), atol=1e-11)


@pytest.mark.parametrize("case", PAIRED, ids=str)
def test_every_group_of_the_degenerate_models_is_a_pair(case: Case) -> None:
    _, kf, _ = points(case, 10)
    labels = states_at(case.model(), kf).labels
    np.testing.assert_array_equal(labels, np.tile(np.arange(case.bands) // 2, (len(kf), 1)))

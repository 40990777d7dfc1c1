"""Eqs. (2), (3), (8), (11), (16), (18) by definition: projectors, parallel transport, states in a weak field."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.bloch.states import BlochStates
from solenoidal.evaluate import band_values
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.space import Space
from support.parallel_transport import (
    field_geometry,
    gradient,
    groups,
    projector,
    projectors,
    slope,
    susceptibility,
)
from support.reference import XYZ, ComplexArray, RealArray, Reference
from support.registry import CASES, SEPARATE, Case, curl, group_sums, points, states_at
from support.separate.curvature import (
    berry_curvature,
    curvature_times_operator,
    mixed_curvature,
    mixed_metric,
    quantum_metric,
)
from support.separate.multipoles import dipole, orbital_moment, torque_dipole, velocity_times_dipole
from support.separate.transport import current_curvature, interband_spin_curvature, projector_curvature

every_case = pytest.mark.parametrize("case", CASES, ids=str)
separate_bands = pytest.mark.parametrize("case", SEPARATE, ids=str)


def trace(*factors: ComplexArray) -> complex:
    return complex(np.trace(np.linalg.multi_dot(factors)))


def close(found: RealArray, expected: RealArray, tolerance: float = 1e-9) -> None:
    scale = float(np.abs(expected).max())
    assert scale > 1e-7
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1e-2, scale))


def expand(tensor: object) -> RealArray:
    return np.array(tensor, dtype=float)


@every_case
def test_group_quantities_are_traces_of_projectors(case: Case) -> None:
    reference, kf, kc = points(case, 2)
    states = states_at(case.model(), kf)
    found = {
        "metric": quantum_metric(states),
        "dipole": dipole(states, "spin"),
        "curvature × spin": curl(curvature_times_operator(states, "spin")),
        "interband spin": curl(interband_spin_curvature(states, "spin")),
        "velocity × dipole": velocity_times_dipole(states, "spin"),
    }
    if not case.degenerate:
        found["curvature"] = curl(berry_curvature(states)[..., None])[..., 0]
    sums = {name: group_sums(states.labels, value) for name, value in found.items()}
    for q, k in enumerate(kc):
        dH, s = reference.gradient(k), reference.spin(k)
        expected: dict[str, list[object]] = {name: [] for name in sums}
        for start, stop in groups(reference.at(k)):
            P, dP = projectors(reference, k, start, stop)
            D = [(-1j * P @ d @ s_ @ P + 1j * P @ s_ @ d @ P) / 2 for d in dP for s_ in s]
            if not case.degenerate:
                expected["curvature"].append([[-2 * trace(P, a, b).imag for b in dP] for a in dP])
            expected["metric"].append([[trace(P, a, b).real for b in dP] for a in dP])
            expected["dipole"].append([[trace(P, a, x).imag for x in s] for a in dP])
            expected["curvature × spin"].append(
                [[[(1j * (trace(P, a, b, P, x) - trace(P, b, a, P, x))).real for x in s] for b in dP] for a in dP]
            )
            expected["interband spin"].append(
                [[[-(trace(P, a, x, b) - trace(P, b, x, a)).imag / 2 for x in s] for b in dP] for a in dP]
            )
            expected["velocity × dipole"].append(
                [[[trace(P, v, P, D[3 * i + a]).real for a in XYZ] for i in XYZ] for v in dH]
            )
        for name, values in expected.items():
            close(sums[name][q], expand(values))


@every_case
def test_geometry_of_a_field_is_that_of_states_solved_in_the_field(case: Case) -> None:
    """Ω^{iθ}, G^{iθ} for θ = s and θ = J: the Hamiltonian H + hθ is diagonalised at finite h."""
    reference, kf, kc = points(case, 1)
    states = states_at(case.model(), kf)
    v, k = reference.gradient(kc[0]), kc[0]
    current = np.array([(a @ x + x @ a) / 2 for a in v for x in reference.spin(k)])
    spans = groups(reference.at(k))
    by_spin = np.array([field_geometry(reference, k, reference.spin(k), *span) for span in spans])
    by_current = np.array([field_geometry(reference, k, current, *span) for span in spans])
    spin = states.operator("spin")
    close(group_sums(states.labels, mixed_metric(states, spin))[0], by_spin.real)
    close(group_sums(states.labels, mixed_curvature(states, spin))[0], -2 * by_spin.imag)
    conventional = current_curvature(states, "spin").reshape(*states.energies.shape, 3, 9)
    close(group_sums(states.labels, conventional)[0], -2 * by_current.imag)


@every_case
def test_projector_hall_term_is_the_trace_over_the_occupied_space(case: Case) -> None:
    reference, kf, kc = points(case, 2)
    states = states_at(case.model(), kf)
    for occupied in range(2 if case.degenerate else 1, case.bands, 2 if case.degenerate else 1):
        found = curl(projector_curvature(states, "spin", occupied)).sum(axis=1)
        for q, k in enumerate(kc):
            P, dP = projectors(reference, k, 0, occupied)
            expected = [[[-2 * trace(P, a, b, P, x).imag for x in reference.spin(k)] for b in dP] for a in dP]
            antisymmetric = expand(expected)
            antisymmetric = (antisymmetric - antisymmetric.swapaxes(0, 1)) / 2
            close(found[q], antisymmetric)


@separate_bands
def test_orbital_moment_is_that_of_the_projector_formula(case: Case) -> None:
    reference, kf, kc = points(case, 2)
    states = states_at(case.model(), kf)
    circulation, moving = orbital_moment(states, "spin")
    for q, k in enumerate(kc):
        v = reference.gradient(k)
        J = [[(a @ x + x @ a) / 2 for x in reference.spin(k)] for a in v]
        for n in range(case.bands):
            P, dP = projectors(reference, k, n, n + 1)
            turning = expand([[[trace(P, dP[i], J[j][a]).imag for a in XYZ] for j in XYZ] for i in XYZ])
            d = expand([[trace(P, dP[i], x).imag for x in reference.spin(k)] for i in XYZ])
            speed = np.array([trace(P, a).real for a in v])
            driven = np.einsum("ia,l->ila", d, speed)
            for found, tensor in ((circulation, turning), (moving, driven)):
                close(curl(found[q, n]), (tensor - tensor.swapaxes(0, 1)) / 2)


@separate_bands
def test_orbital_moment_of_the_charge_is_the_self_rotation_of_the_wave_packet(case: Case) -> None:
    """For s = 1 the moment is ½ Im ⟨∂u| × (ε − H) |∂u⟩ and there is no dipole to move."""
    reference, kf, kc = points(case, 2)
    model = case.model()
    states = states_at(model, kf)
    unit = np.zeros_like(states.orbital.operators["spin"])
    unit[:, :, 0, :] = np.eye(case.bands)
    orbital = type(states.orbital).pack(states.orbital.hamiltonian, states.orbital.velocity, {"charge": unit})
    charged = BlochStates(kf, states.weights, states.energies, states.vectors, orbital, states.degeneracy)
    circulation, moving = orbital_moment(charged, "charge")
    np.testing.assert_allclose(moving, 0, atol=1e-12)
    for q, k in enumerate(kc):
        H = reference.hamiltonian(k)
        for n, energy in enumerate(states.energies[q]):
            P, dP = projectors(reference, k, n, n + 1)
            rotation = expand([[trace(P, a, H - energy * np.eye(case.bands), b).imag for b in dP] for a in dP])
            close(curl(circulation[q, n])[..., 0], -(rotation - rotation.T) / 2)


@separate_bands
def test_equation_8_with_its_interband_dipole_gives_the_closed_form_of_equation_10(case: Case) -> None:
    """χ^{ilτ} by parallel transport equals Ω^{l,J} + Ω^{il} s − ∂_l d^{is} built from the package's quantities.

    Where the operator does not commute with positions, the torque inside the space is not the rate of change of all of
    it, and Eq. (8) has Re (A_i K_l)_nn besides.
    """
    reference, kf, kc = points(case, 2)
    model = case.model()
    states = states_at(model, kf)
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    legs = [(l, i, (q,)) for l in XYZ for i in XYZ for q in XYZ]
    shape = (*states.energies.shape, 3, 3, 3)
    whole = band_values([f.whole_conventional(l, i, s[q], space) for l, i, q in legs], states).reshape(shape)
    axial = band_values(
        [f.berry_spin(j, s[q,]) + f.space_berry_spin(j, s[q,], space) for j in XYZ for q in XYZ], states
    ).reshape(shape[:-1])
    conventional, curved = np.swapaxes(whole, 2, 3), curl(axial)
    inverse = np.linalg.inv(reference.reciprocal)

    def moments(k: RealArray) -> RealArray:
        return dipole(states_at(model, (k @ inverse)[None]), "spin")[0]

    for q, k in enumerate(kc):
        gradients = np.einsum("lnia->nila", gradient(moments, k))
        left = np.einsum("inm,lamn->nila", reference.at(k).connection, reference.fields(k)[1]).real
        assert (np.abs(left).max() > 1e-3) == case.nonlocal_matrices
        close(conventional[q] + curved[q] - gradients + left, susceptibility(reference, k))


def position_of_band(reference: Reference, k: RealArray, n: int, direction: int) -> ComplexArray:
    """Position operator between band n and all others, Σ_m |m⟩A_mn⟨n| + conjugate, in the orbital basis."""
    bands = reference.at(k)
    between = np.zeros((bands.n, bands.n), dtype=complex)
    A = bands.connection[direction]
    between[n], between[:, n] = A[n], A[:, n]
    return np.asarray(bands.u @ between @ bands.u.conj().T)


@pytest.mark.parametrize("case", [Case(2, 2, 3), Case(3, 1, 2), Case(3, 3, 7), Case(4, 2, 5)], ids=str)
def test_equation_18_follows_from_states_polarised_by_the_field(case: Case) -> None:
    """Band n is solved in H − e E·r at finite field: the slopes of its torque dipole and of its conventional current.

    ∂d̃^{iτ} = −(χ^{ilτ} − v^i Ω^{ls}) and ∂J^{is,0} = v^i Ω^{ls} − Ω^{il} s + ∂_l d^{is} − ∂d̃^{iτ}.
    """
    reference, kf, kc = points(case, 1, 0.2)
    k, n = kc[0], 1
    b, H, v = reference.at(k), reference.hamiltonian(k), reference.gradient(k)
    tau = [-1j * (x @ H - H @ x) for x in reference.spin(k)]
    J = [[(a @ x + x @ a) / 2 for x in reference.spin(k)] for a in v]

    def polarised(p: RealArray, direction: int, field: float) -> ComplexArray:
        driven = reference.hamiltonian(p) - field * position_of_band(reference, p, n, direction)
        return projector(driven, n, n + 1)

    def torque_moment(direction: int, field: float) -> RealArray:
        P = polarised(k, direction, field)
        dP = gradient(lambda p: polarised(p, direction, field), k, 8e-3)
        return expand([[trace(P, a, t).imag for t in tau] for a in dP])

    def current(direction: int, field: float) -> RealArray:
        P = polarised(k, direction, field)
        return expand([[trace(P, x).real for x in row] for row in J])

    moment_slope = np.array([slope(lambda e, j=j: torque_moment(j, e), 4e-3) for j in XYZ])
    current_slope = np.array([slope(lambda e, j=j: current(j, e), 4e-3) for j in XYZ])
    spin, velocity = b.s[:, n, n].real, b.v[:, n, n].real
    drag = np.einsum("i,la->lia", velocity, b.mixed_curvature(b.s)[n])
    bend = np.einsum("il,a->lia", b.mixed_curvature(b.v)[n], spin)
    d_gradient = gradient(lambda p: reference.at(p).dipole(reference.at(p).s)[n], k)
    close(moment_slope, drag - np.einsum("ila->lia", susceptibility(reference, k)[n]), 1e-8)
    close(current_slope, drag - bend + d_gradient - moment_slope, 1e-8)
    # The package's conventional and torque-dipole quantities are these slopes.
    states = states_at(case.model(), kf)
    close(current_curvature(states, "spin")[0, n], current_slope, 1e-8)
    found = torque_dipole(states, "spin")[0, n]
    close(found, torque_moment(0, 0.0), 1e-8)


@separate_bands
def test_curl_of_the_dipole_is_the_difference_of_the_two_spin_curvatures(case: Case) -> None:
    """∂_l d^i − ∂_i d^l = −Ω^{li} s − 2 Im (A^l s A^i) + X, s between the other bands: links all Fermi-sea terms."""
    reference, kf, kc = points(case, 2)
    model = case.model()
    states = states_at(model, kf)
    curved = curl(curvature_times_operator(states, "spin"))
    between = curl(interband_spin_curvature(states, "spin"))
    inverse = np.linalg.inv(reference.reciprocal)
    for q, k in enumerate(kc):
        slopes = gradient(lambda p: dipole(states_at(model, (p @ inverse)[None]), "spin")[0], k)
        turn = np.einsum("lnia->nlia", slopes)
        (F, K), here = reference.fields(k), reference.at(k)
        outside = F * (here.labels[:, None] != here.labels[None, :])
        X = np.einsum("linm,amn->nlia", outside, here.s).real
        left = np.einsum("lnm,iamn->nlia", here.connection, K).real
        X = X - left + left.swapaxes(1, 2)
        assert (np.abs(X).max() > 1e-3) == case.nonlocal_matrices
        close(turn - turn.swapaxes(1, 2), -curved[q] + 2 * between[q] + X)

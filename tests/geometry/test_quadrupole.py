"""Torque quadrupole: the closed form of Eq. (10) against the moment of two positions of Eq. (7)."""

from __future__ import annotations

import numpy as np
import pytest

from support.parallel_transport import gradient, groups, transported
from support.reference import XYZ, Bands, ComplexArray, RealArray, Reference
from support.registry import CASES, SEPARATE, Case, group_sums, points, states_at
from support.separate.magnetic import torque_quadrupole


def moment_of_two_positions(reference: Reference, k: RealArray) -> RealArray:
    """Re⟨Φ|½ (r − r_c)^i (r − r_c)^l τ|Φ⟩ of a wave packet narrow in k, (n, i, l, a).

    With r = i∂_k on a(k)|u(k)⟩, real a and the transported gauge, whatever multiplies a′a′ is τ_n = 0, terms a a′ are
    −½ of a gradient, and the rest is −⟨∂_i∂_l u|τ|u⟩:
    Re⟨r_i r_l τ⟩ = Re{−⟨∂_i∂_l u|τ|u⟩ + ½[∂_i⟨∂_l u|τ|u⟩ + ∂_l⟨∂_i u|τ|u⟩] − ½·½ ∂_i∂_l τ_n}.
    """
    here = reference.at(k)

    def states(p: RealArray) -> ComplexArray:
        return transported(reference, here, p).u

    def slopes(p: RealArray) -> ComplexArray:
        return gradient(states, p, 6e-3)

    def torque(p: RealArray) -> ComplexArray:
        H = reference.hamiltonian(p)
        return np.array([-1j * (s @ H - H @ s) for s in reference.spin(p)])

    def mixed(p: RealArray) -> ComplexArray:
        """⟨∂_l u_n|τ|u_n⟩, (l, a, n)."""
        return np.einsum("lxn,axy,yn->lan", slopes(p).conj(), torque(p), states(p))

    second = gradient(slopes, k, 6e-3)
    bent = -np.einsum("ilxn,axy,yn->nila", second.conj(), torque(k), here.u)
    moved = np.einsum("ilan->nila", gradient(mixed, k, 6e-3))
    return np.asarray(0.5 * (bent + 0.5 * (moved + moved.swapaxes(1, 2))).real)


@pytest.mark.parametrize("case", [Case(2, 2, 3), Case(3, 1, 2), Case(3, 2, 4), Case(3, 3, 7)], ids=str)
def test_closed_form_is_the_moment_of_two_positions(case: Case) -> None:
    reference, kf, kc = points(case, 1, 0.3)
    found = torque_quadrupole(states_at(case.model(), kf), "spin")[0]
    expected = moment_of_two_positions(reference, kc[0])
    scale = np.abs(expected).max()
    assert scale > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * max(1.0, scale))


def by_sums(b: Bands) -> RealArray:
    """−Im Σ v^l J^i/ω + d^i v^l + m^{li} of Eq. (10) with m of Eq. (11) written out, (n, i, l, a)."""
    A, J, d = b.connection, b.current, b.dipole(b.s)
    speed = np.einsum("lnn->nl", b.v).real
    turning = np.einsum("lnm,iamn->nila", A, J).real
    driven = np.einsum("nia,nl->nila", d, speed)
    # m^{li} = ½ (A^l J^i − A^i J^l) + ½ (d^l v^i − d^i v^l)
    moment = (turning - turning.swapaxes(1, 2)) / 2 + (driven.swapaxes(1, 2) - driven) / 2
    return np.asarray(-turning + driven + moment)


@pytest.mark.parametrize("case", SEPARATE, ids=str)
def test_closed_form_is_equation_10_with_the_orbital_moment_of_equation_11(case: Case) -> None:
    reference, kf, kc = points(case)
    found = torque_quadrupole(states_at(case.model(), kf), "spin")
    for q, k in enumerate(kc):
        expected = by_sums(reference.at(k))
        assert np.abs(expected).max() > 1e-4
        np.testing.assert_allclose(found[q], expected, rtol=0, atol=1e-10 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("case", [c for c in CASES if c.degenerate], ids=str)
def test_sum_over_a_pair_is_a_trace_of_matrices_inside_it(case: Case) -> None:
    """Products of v and d are matrix products inside the pair, so that no basis of it is preferred."""
    reference, kf, kc = points(case, 2)
    states = states_at(case.model(), kf)
    found = group_sums(states.labels, torque_quadrupole(states, "spin"))
    for q, k in enumerate(kc):
        b = reference.at(k)
        assert len(groups(b)) == case.bands // 2
        inside = b.labels[:, None] == b.labels[None, :]
        A, J, s = b.connection, b.current, b.s
        d = (np.einsum("inm,amp->ianp", A, s) + np.einsum("anm,imp->ianp", s, A)) / 2
        driven = np.einsum("lnm,iamn->nila", b.v * inside, d).real
        bare = driven - np.einsum("lnm,iamn->nila", A, J).real
        expected = b.group_sum((bare + bare.swapaxes(1, 2)) / 2)
        assert np.abs(expected).max() > 1e-4
        np.testing.assert_allclose(found[q], expected, rtol=0, atol=1e-10 * max(1, np.abs(expected).max()))
        assert expected.shape[1:] == (len(XYZ),) * 3

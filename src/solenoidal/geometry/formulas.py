"""Every band quantity of the theory, once: read each line beside its equation.

Symbols: ``v[i]`` velocity ⟨n|∂_iH|m⟩, ``A[i]`` interband Berry connection −i v_nm/ω_nm with ω_nm = ε_n − ε_m, both
zero or restricted inside a degenerate group as stated; ``s`` one matrix of an operator (``ONE`` for the identity).
Indices l, i, j are Cartesian. Each function gives one component X_n; products inside a group become traces over it, so
that only the sum over a group has a meaning. Source of the equation numbers: C. Xiao and Q. Niu, Conserved current of
nonconserved quantities; where another source stands, it is named.
"""

from __future__ import annotations

from collections.abc import Callable

from solenoidal.geometry.expressions import (
    Band,
    Matrix,
    OperatorSymbols,
    group_trace,
    im_pairs,
    re_diagonal,
    re_pairs,
    symbol,
)
from solenoidal.geometry.space import Space

VELOCITY = "\0velocity"
"""Name of the velocity among the inputs; no operator can have it."""

v = tuple(symbol(VELOCITY, i) for i in range(3))
A = tuple(-1j * v[i].over_gap() for i in range(3))

Tensor = Callable[[int, int], Band]


def anticommutator(X: Matrix, Y: Matrix) -> Matrix:
    """{X, Y} of Hermitian X and Y."""
    return X @ Y + (X @ Y).H


def axial(j: int, tensor: Tensor) -> Band:
    """½ ε_jab T^{ab}: an antisymmetric tensor as an axial vector."""
    a, b = _plane(j)
    return 0.5 * (tensor(a, b) - tensor(b, a))


def conventional_current(i: int, s: Matrix) -> Matrix:
    """J^{is,0} = ½{v^i, s}."""
    return 0.5 * anticommutator(v[i], s)


def torque(s: Matrix) -> Matrix:
    """τ = −i[s, H], τ_nm = i ω_nm s_nm between groups."""
    return 1j * s.over_gap(-1)


# Eq. (2): curvature and metric, in k space and between k and the field conjugate to an operator


def curvature(l: int, i: int) -> Matrix:
    """Ω^{li} = i[A^l, A^i], a matrix inside each group."""
    return 1j * (A[l] @ A[i] - A[i] @ A[l])


def berry_curvature(j: int) -> Band:
    """Ω_n of Eq. (2), Ω^{li}_n = −2 Im Σ_m v^l_nm v^i_mn/ω², as an axial vector, Å²."""
    return axial(j, lambda l, i: re_diagonal(curvature(l, i)))


def mixed_curvature(i: int, theta: Matrix) -> Band:
    """Ω^{iθ}_n = −2 Im Σ_m v^i_nm θ_mn/ω² of Eq. (2)."""
    return -2 * im_pairs(v[i].over_gap(2), theta)


def mixed_metric(i: int, theta: Matrix) -> Band:
    """G^{iθ}_n = Re Σ_m v^i_nm θ_mn/ω² of Eq. (2)."""
    return re_pairs(v[i].over_gap(2), theta)


def quantum_metric(i: int, l: int) -> Band:
    """G^{il}_n = Re Σ_m A^i_nm A^l_mn, Å²."""
    return re_pairs(A[i], A[l])


# Eqs. (3) and (10): multipoles of the operator and of its torque


def expectation(s: Matrix) -> Band:
    """s_n."""
    return re_diagonal(s)


def current(i: int, s: Matrix) -> Band:
    """⟨½{v^i, s}⟩_n."""
    return re_diagonal(conventional_current(i, s))


def dipole(i: int, s: Matrix) -> Band:
    """d^{is}_n = Re Σ_m A^i_nm s_mn of Eq. (3)."""
    return re_pairs(A[i], s)


def velocity_dipole(l: int, i: int, s: Matrix) -> Band:
    """v^l_n d^{is}_n as tr[½{v_D, d_D}]; with −∂f/∂ε it is ∫ f ∂_l d^{is} of Eq. (15) by parts."""
    return 0.5 * group_trace(v[l], anticommutator(A[i], s))


def torque_dipole(i: int, s: Matrix) -> Band:
    """d^{iτ}_n = −J^{is,0}_n + v^i_n s_n of Eq. (10)."""
    return group_trace(v[i], s) - current(i, s)


def current_dipole(l: int, i: int, s: Matrix) -> Band:
    """d^{lJ_i}_n = Re Σ_m A^l_nm J^{is,0}_mn, the dipole of the conventional current, third term of Eq. (4)."""
    return re_pairs(A[l], conventional_current(i, s))


def torque_quadrupole(l: int, i: int, s: Matrix) -> Band:
    """q^{ilτ}_n of Eq. (10): the part of v^l d^{is} − d^{lJ_i} that is symmetric in (l, i).

    The orbital moment in Eq. (10) removes what is antisymmetric.
    """
    return 0.5 * (_bare_quadrupole(l, i, s) + _bare_quadrupole(i, l, s))


def _bare_quadrupole(l: int, i: int, s: Matrix) -> Band:
    return velocity_dipole(l, i, s) - current_dipole(l, i, s)


# Eq. (15), its conventional part, and rival definitions


def berry_spin(j: int, s: Matrix) -> Band:
    """Ω_n s_n of Eqs. (13), (15), (16) as Re tr[Ω_D s_D], an axial vector."""
    return axial(j, lambda l, i: group_trace(curvature(l, i), s))


def interband_spin(j: int, s: Matrix) -> Band:
    """−Im (A^l s A^i)_nn as an axial vector: with ½ Ω s the Fermi-sea form of the Hall part of Eq. (15).

    ∂_l A_i − ∂_i A_l = i[A_l, A_i] and ∂_l s = i[A_l, s] turn the antisymmetric part of Eq. (15) into
    ∫ f {½ Ω^{li} s − Im (A^l s A^i)}, without derivatives in k or Fermi-surface terms; in a Wannier space neither
    holds, and ``space_interband`` is added. A^i s A^l is the adjoint of A^l s A^i, so that one order of (l, i) tells
    both.
    """
    l, i = _plane(j)
    return -im_pairs(A[l] @ s, A[i])


def conventional(l: int, i: int, s: Matrix) -> Band:
    """Ω^{l,J_i}_n = −2 Im Σ_m v^l_nm J^{is,0}_mn/ω²: the response of ½{v, s} to a field along l."""
    return mixed_curvature(l, conventional_current(i, s))


def finite_q(l: int, i: int, s: Matrix) -> Band:
    """Fermi-sea part of the response of the current that a slowly varying field defines, with one energy argument.

    −Σ_m Im({v_D^i, s}_nm v^l_mn)/ω² + Σ_m Re({A^i, s}_nm v^l_mn − s_nm {A^i, v^l}_mn)/ω. Source: expansion in q of the
    Kubo formula with the continuity equation of Shi, Zhang, Xiao and Niu, Phys. Rev. Lett. 96, 076604 (2006).
    """
    return (
        -im_pairs(anticommutator(v[i].inside, s).over_gap(2), v[l])
        + re_pairs(anticommutator(A[i], s).over_gap(), v[l])
        - re_pairs(s.over_gap(), anticommutator(A[i], v[l]))
    )


# Eqs. (11)-(13): magnetization of the conserved current


def circulation(j: int, s: Matrix) -> Band:
    """m1 = ½ Re Σ_m A_nm × J^{s,0}_mn, the first part of m^s_n of Eq. (11)."""
    return axial(j, lambda a, b: current_dipole(a, b, s))


def moving_dipole(j: int, s: Matrix) -> Band:
    """m2 = ½ d_n × v_n, the second part of m^s_n of Eq. (11)."""
    return axial(j, lambda a, b: velocity_dipole(b, a, s))


def orbital_moment(j: int, s: Matrix) -> Band:
    """m^s_n of Eq. (11)."""
    return circulation(j, s) + moving_dipole(j, s)


def mean_curvature(j: int, s: Matrix) -> Band:
    """K_n = ½(Ω s + Ω^s), Ω^s = −2 Im (A^x s A^y)_nn: since ∇×d = −Ω s + Ω^s, ∫ f m2 + g Ω s = ∫ g K.

    In a Wannier space half of ``space_berry_spin`` and ``space_interband`` come to it.
    """
    return 0.5 * berry_spin(j, s) + interband_spin(j, s)


def current_curvature(j: int, s: Matrix) -> Band:
    """½(Ω^{xJ_y} − Ω^{yJ_x}) and cyclic: Eq. (13) for the conventional current."""
    return axial(j, lambda l, i: conventional(l, i, s))


# Inside a Wannier space: what the equations above gain, since projected positions do not commute with one another or
# with the operator. Source: docs/theory/wannier_space.md.


def space_curvature(j: int, space: Space) -> Band:
    """(F_ab)_nn as an axial vector: with the transitions that leave the space Ω_n is i[A_a, A_b]_nn + (F_ab)_nn."""
    return re_diagonal(space.F(*_plane(j)))


def space_berry_spin(j: int, s: Matrix, space: Space) -> Band:
    """Re tr[F_D s_D]: what Ω s of Eqs. (13), (15), (16) gains."""
    return group_trace(space.F(*_plane(j)), s)


def space_conventional(j: int, s: Matrix, space: Space) -> Band:
    """Re (F_ab s)_nn: what Ω^{a,J_b} gains, since the velocity depends on a field through i[r_a, r_b]."""
    return re_pairs(space.F(*_plane(j)), s)


def whole_conventional(l: int, i: int, s: Matrix, space: Space) -> Band:
    """Ω^{l,J_i}_n with what the curvature of the space adds, Re (F_li s)_nn."""
    return conventional(l, i, s) + re_pairs(space.F(l, i), s)


def space_interband(j: int, operator: OperatorSymbols, q: tuple[int, ...], space: Space) -> Band:
    """½(Re (F_ab s)_nn + Re (A_b K_a − A_a K_b)_nn): what −Im (A^a s A^b)_nn gains.

    Then ∂_a d_b − ∂_b d_a = −Ω s + Ω^s + X holds again, and with it the Fermi-sea form of Eq. (15) and the K-form of
    Eq. (13).
    """
    a, b = _plane(j)
    derivatives = space.K_pairs(A[b], a, operator, q) - space.K_pairs(A[a], b, operator, q)
    return 0.5 * (space_conventional(j, operator[q], space) + derivatives)


def torque_curvature(i: int, operator: OperatorSymbols, q: tuple[int, ...], space: Space) -> Band:
    """Ω^{iτ}_n = ∂_i s_n of Eqs. (5), (6): i[A_i, s]_nn + (K_i)_nn."""
    return mixed_curvature(i, torque(operator[q])) + space.K_diagonal(i, operator, q)


def _plane(j: int) -> tuple[int, int]:
    return (j + 1) % 3, (j + 2) % 3

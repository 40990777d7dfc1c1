"""How well the laws of the theory hold on a given model, with and without what its space leaves out.

The paper derives its equations from two facts of the full Hilbert space: positions commute with one another, and with a
local operator. In a model read from Wannier90 neither holds between the projections; the fields F and K of
``bloch.space`` repair the laws (docs/theory/wannier_space.md). Each law here is an equation whose two sides are
computed in different ways: by finite differences, or as integrals that only agree over the whole zone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solenoidal.accuracy.law import Law, largest
from solenoidal.accuracy.zone_laws import integrated_laws
from solenoidal.arrays import BoolArray, RealArray
from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.evaluate import band_values, matrix_elements
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import Band, OperatorSymbols, operator_symbols, re_diagonal
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.symmetry.search import SymmetryGroup

STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
"""f' ≈ Σ_j c_j [f(x + jh) − f(x − jh)]/h, with an error of eighth order in h."""

STEP = 2e-4
"""h of the finite differences in k, 1/Å."""

ISOLATED = 60.0
"""Groups of bands are compared where they lie this many steps, times the largest velocity, from all others."""

DIFFERENCE_LIMIT = 1e-6
"""Allowed deviation from a finite difference, relative to its largest value."""

SMALL = 1e-3
"""Smallest scale of a slope, so that rounding is not compared with rounding."""

IDENTITY_LIMIT = 1e-10
"""Allowed deviation of what holds to rounding, relative to its scale."""


def check_laws(
    model: Model,
    operator: str = "spin",
    *,
    samples: int = 4,
    seed: int = 0,
    kramers: bool = False,
    group: SymmetryGroup | None = None,
) -> list[Law]:
    """The laws of ``operator`` on ``model``: slopes at ``samples`` random k points, and integrals over the zone.

    ``kramers`` says that bands come in pairs; ``group``, the symmetry of the model, tells which currents vanish by it.
    Integrals are taken where they converge on a coarse mesh: at a high temperature, which no law depends on. Continuum
    models have no closed zone, hence no integrals. Raises ``ModelError`` for an operator that the model lacks.
    """
    s, space = operator_symbols(model.require_operator(operator)), Space.of(model)
    source = interpolator(model)
    k = np.zeros((samples, 3))
    k[:, : model.dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, model.dimension))
    points = _Points(source, np.asarray(model.lattice), k, Degeneracy(kramers=kramers))
    of = model.require_operator(operator).unit
    unit = "Å" if of == "1" else f"Å {of}"
    found = [_slope_of_the_operator(points, s, space, unit)]
    curl = None
    if model.dimension > 1:
        curl = _curl_of_the_dipole(points, s, space, unit.replace("Å", "Å²"))
        found.append(curl)
    found.append(_filled_bands(points.states, s))
    if space.curved(s):
        found.append(_hermitian_derivative(points.states, s, space, unit))
    if isinstance(model, TightBinding):
        curled = curl is None or curl.holds
        found += integrated_laws(model, operator, seed=seed, kramers=kramers, group=group, curled=curled)
    return found


@dataclass(frozen=True)
class _Points:
    """Random k points (fractional), and the states around them."""

    source: Interpolator
    lattice: RealArray
    k: RealArray
    degeneracy: Degeneracy

    def at(self, k: RealArray) -> BlochStates:
        return BlochStates.solve(self.source, k, np.full(len(k), 1 / len(k)), self.degeneracy)

    @property
    def states(self) -> BlochStates:
        return self.at(self.k)

    @property
    def speed(self) -> float:
        """Largest velocity, eV Å."""
        return float(np.abs(band_values([re_diagonal(v) for v in f.v], self.states)).max())

    def slopes(self, quantities: Sequence[Band]) -> tuple[RealArray, BoolArray]:
        """∂ of the group sums of ``quantities``, (axis, nk, n, quantities), and which bands can be judged, (nk, n)."""
        centre = self.states
        wide = ISOLATED * STEP * self.speed
        apart = np.abs(centre.energies[:, :, None] - centre.energies[:, None, :]) > wide
        judged = np.all(apart | centre.same_group, axis=2)
        out = np.zeros((3, *centre.energies.shape, len(quantities)))
        for axis in range(3):
            shift = STEP * np.eye(3)[axis] @ self.lattice.T / (2 * np.pi)
            for (step, weight), sign in itertools.product(STENCIL, (1, -1)):
                there = self.at(self.k + sign * step * shift)
                judged &= np.all(there.labels == centre.labels, axis=1)[:, None]
                out[axis] += sign * weight / STEP * _sums(there, band_values(quantities, there))
        return out, judged


def _sums(states: BlochStates, values: RealArray) -> RealArray:
    """Sums over degenerate groups, given to each member."""
    return np.asarray(np.einsum("knm,kmp->knp", states.same_group.astype(np.float64), values))


def _legs(s: OperatorSymbols) -> list[tuple[int, ...]]:
    return list(itertools.product(range(3), repeat=len(s.law[0])))


def _compared(
    name: str,
    states: BlochStates,
    sides: tuple[RealArray, list[Band], list[Band]],
    judged: BoolArray,
    unit: str,
    size: float,
) -> Law:
    """Finite differences (nk, n, p) against formulas inside the space and what they gain; ``size`` is the
    scale of the differences."""
    slopes, inside, gained = sides
    inner = _sums(states, band_values(inside, states))
    outer = _sums(states, band_values(gained, states)) if any(band.terms for band in gained) else None
    if not judged.any():
        return Law(name, None, np.nan, np.inf, unit, "no band is isolated at the points tried; use more samples")
    without = largest((inner - slopes)[judged])
    whole = without if outer is None else largest((inner + outer - slopes)[judged])
    allowed = DIFFERENCE_LIMIT * max(size, SMALL)
    return Law(name, None if outer is None else without, whole, allowed, unit, f"slopes up to {size:.2g} {unit}")


def _slope_of_the_operator(points: _Points, s: OperatorSymbols, space: Space, unit: str) -> Law:
    """Ω^{iτ}_n = ∂_i s_n of Eqs. (5), (6)."""
    legs = _legs(s)
    slopes, judged = points.slopes([f.expectation(s[q]) for q in legs])
    pairs = [(i, q) for i in range(3) for q in legs]
    inside = [f.mixed_curvature(i, f.torque(s[q])) for i, q in pairs]
    gained = [space.K_diagonal(i, s, q) for i, q in pairs]
    sides = np.concatenate(list(slopes), axis=2), inside, gained
    size = largest(slopes[:, judged])
    return _compared("Ω^{iτ} = ∂_i s, by finite differences", points.states, sides, judged, unit, size)


def _curl_of_the_dipole(points: _Points, s: OperatorSymbols, space: Space, unit: str) -> Law:
    """∂_a d_b − ∂_b d_a = −Ω s + Ω^s + X: what lets (15) and (13) be written in two ways."""
    legs = _legs(s)
    slopes, judged = points.slopes([f.dipole(i, s[q]) for i in range(3) for q in legs])
    d = slopes.reshape(*slopes.shape[:3], 3, len(legs))
    planes = [((j + 1) % 3, (j + 2) % 3) for j in range(3)]
    curl = np.concatenate([d[a, :, :, b] - d[b, :, :, a] for a, b in planes], axis=2)
    pairs = [(j, q) for j in range(3) for q in legs]
    inside = [2 * f.interband_spin(j, s[q]) - f.berry_spin(j, s[q]) for j, q in pairs]
    gained = [2 * f.space_interband(j, s, q, space) - f.space_berry_spin(j, s[q], space) for j, q in pairs]
    name = "∂_a d_b − ∂_b d_a = −Ω s + Ω^s + X, by finite differences"
    return _compared(name, points.states, (curl, inside, gained), judged, unit, largest(d[:, judged]))


def _filled_bands(states: BlochStates, s: OperatorSymbols) -> Law:
    """All bands filled: the finite-q response is zero at each k, with any matrices."""
    asked = [f.finite_q(l, i, s[q]) for l in range(3) for i in range(3) for q in _legs(s)]
    values = band_values(asked, states)
    size = max(largest(values), IDENTITY_LIMIT)
    return Law("finite-q response of all bands filled = 0", None, largest(values.sum(axis=1)) / size, 1e-7, "relative")


def _hermitian_derivative(states: BlochStates, s: OperatorSymbols, space: Space, unit: str) -> Law:
    """K_i = D_i s − i[r̄_i, s] put together in full is Hermitian."""
    worst = size = 0.0
    for i, q in itertools.product(range(3), _legs(s)):
        r, S = matrix_elements(space.position(i), states), matrix_elements(s[q], states)
        K = matrix_elements(space.D(i, s, q), states) - 1j * (r @ S - S @ r)
        worst, size = max(worst, largest(K - K.conj().swapaxes(1, 2))), max(size, largest(K))
    allowed = IDENTITY_LIMIT * max(size, 1.0)
    return Law("K = D s − i[r̄, s] is Hermitian", None, worst, allowed, unit, f"elements up to {size:.2g} {unit}")

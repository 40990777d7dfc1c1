"""Fixed words and style of the HTML report: what each definition means, and what the numbers cannot tell."""

from __future__ import annotations

MEANING: dict[str, str] = {
    "semiclassical": "Conserved current of the wave-packet theory, Eqs. (14) and (15): Berry curvature times spin plus "
    "the derivative of the spin dipole.",
    "conventional": "Response of ½{v, s}. Not conserved where the Hamiltonian does not commute with the spin.",
    "torque_dipole": "What the spin torque adds to the conventional current: semiclassical minus conventional.",
    "finite_q": "Current that obeys the continuity equation in a field of slowly varying amplitude, taken to q = 0.",
    "projector": "Eq. (16) with the curvature traced over the whole occupied space; meaningful for an insulator.",
    "berry_spin": "First term of Eq. (15) by itself: Berry curvature times spin.",
    "dipole": "Second term of Eq. (15) by itself: derivative of the spin dipole, as a Fermi-surface integral.",
    "semiclassical_surface": "Eq. (15) by the Fermi-surface route.",
    "semiclassical_sea": "Eq. (15) by the Fermi-sea route, with the near-degeneracies of occupied bands cancelled.",
    "route_difference": "Surface minus sea route: an error of integration in three dimensions, a genuine contribution "
    "of band touchings in two.",
}

LIMITS: tuple[tuple[str, str], ...] = (
    (
        "Intrinsic response only",
        "Scattering enters neither as skew scattering nor as side jump. The numbers depend on the bands and on "
        "temperature through the occupation alone.",
    ),
    (
        "Symmetric and Hall parts stand on different ground",
        "Exchange the directions of current and field: the part of the tensor that keeps its sign is the same in the "
        "semiclassical and in the finite-q definition, because the longitudinal response fixes it. The part that "
        "changes sign, the spin Hall part, is not, and the two definitions may differ by any amount. Quote the "
        "definition together with the number.",
    ),
    (
        "What the semiclassical Hall part contains",
        "For an insulator the finite-q value is the full derivative of the spin density with respect to a magnetic "
        "field. The semiclassical value keeps the change of the phase-space measure and leaves out the change of the "
        "spin of each state. The two coincide when the spin is conserved.",
    ),
    (
        "Filled bands need not cancel",
        "In a model of three or more bands the semiclassical contributions of all bands together need not vanish; "
        "the finite-q response of completely filled bands vanishes exactly. Bands far below the Fermi energy that the "
        "model leaves out can therefore matter to the first and not to the second.",
    ),
    (
        "Insulators with several occupied bands",
        "Band by band, Eq. (16) is sensitive to arbitrarily weak couplings between occupied bands. The projector form "
        "and the finite-q response are not; prefer them there.",
    ),
    (
        "Degeneracies decide",
        "Bands that symmetry makes degenerate must be treated as one group. They are paired by construction where "
        "inversion times time reversal is a symmetry, otherwise grouped by the stated tolerance. The audit shows how "
        "much of each number comes from pairs of bands closer than a few meV, which a Wannier model seldom resolves.",
    ),
    (
        "Comparison with the literature",
        "Published values of a 'proper' or 'conserved' spin Hall conductivity that follow Shi et al. (2006) belong to "
        "the finite-q column; those from the intermediate-band expression of Liu, Cullen, Culcer and Ma to none here. "
        "Values from ½{v, s} belong to the conventional column, less what leaves the Wannier space where a program "
        "omits it.",
    ),
)

STYLE = """
:root { --ink: #1c1f24; --quiet: #666d78; --line: #d8dce2; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f6f8; color: var(--ink); font: 16px/1.55 Georgia, 'Times New Roman', serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 3rem 4rem; background: #fff; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0 .8rem; }
.quiet, figcaption, caption { color: var(--quiet); }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font: 14px/1.4 'Helvetica Neue', Arial, sans-serif; }
caption { text-align: left; white-space: nowrap; padding-bottom: .35rem; }
th, td { padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-left: .8rem; }
th.number { text-align: right; padding-left: .8rem; }
.scroll { overflow-x: auto; }
tr.chief td { color: var(--accent); font-weight: 600; }
figure { margin: 1.2rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { font-size: .92rem; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { background: #f5f6f8; padding: 1rem; overflow-x: auto; font-size: 13px; }
dt { font-weight: 700; margin-top: .8rem; }
dd { margin: .1rem 0 0; }
@media print { body { background: #fff; } main { padding: 0; } details > * { display: block; } }
"""

"""Topological insulators and semimetals with closed-form invariants.

Lattice constants are 1 Å and energies in eV. Models with spin carry ``"spin"`` = σ/2; the spinless Haldane model
carries ``"charge"`` = 1 and ``"sublattice"`` instead.
"""

from __future__ import annotations

import numpy as np

from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import spin_operator

TRIANGULAR = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
HONEYCOMB_SITES = ((0.0, 0.0), (1 / 3, 1 / 3))
NEAREST_CELLS = ((0, 0), (-1, 0), (0, -1))
"""Cells of the three B neighbours of the A site in the home cell."""
SECOND_CELLS = ((1, 0), (-1, 1), (0, -1))
"""Second neighbours reached from an A site by turning always to the same side."""


def haldane(*, t1: float = 1.0, t2: float, phi: float = np.pi / 2, mass: float = 0.0) -> TightBinding:
    """Haldane's honeycomb model of spinless electrons.

    First-neighbour hopping t1, second-neighbour hopping t2 e^{iφ} on A along a1, a2 − a1, −a2 and t2 e^{−iφ} on
    B, on-site energy ±mass; A at the origin and B at (a1 + a2)/3. |C| = 1 for |mass| < 3√3 |t2 sin φ|.
    Operators ``"charge"`` (identity) and ``"sublattice"`` (±1). Source: F. D. M. Haldane, Phys. Rev. Lett. 61,
    2015 (1988).
    """
    builder = TightBindingBuilder(TRIANGULAR, HONEYCOMB_SITES).set_onsite([mass, -mass])
    for R in NEAREST_CELLS:
        builder.set_hop(t1, 0, 1, R)
    for R in SECOND_CELLS:
        builder.set_hop(t2 * np.exp(1j * phi), 0, 0, R)
        builder.set_hop(t2 * np.exp(-1j * phi), 1, 1, R)
    builder.set_operator("charge", np.eye(2), legs=(), time_reversal=1, unit="e")
    builder.set_operator("sublattice", np.diag([1.0, -1.0]), legs=(), time_reversal=1)
    return builder.build(species=["A", "B"])


def kane_mele(*, t: float = 1.0, lambda_so: float, lambda_r: float = 0.0, lambda_v: float = 0.0) -> TightBinding:
    """Kane–Mele model of the quantum spin Hall effect on the honeycomb lattice.

    H = t Σ c†_i c_j + iλ_so Σ ν_ij c†_i σz c_j + iλ_R Σ c†_i (σ × d̂_ij)_z c_j + λ_v Σ ξ_i c†_i c_i, with ν =
    ±1 for the sense of the turn on the way to a second neighbour, d̂ the unit vector of the bond, ξ = ±1 on A
    and B. Source: C. L. Kane and E. J. Mele, Phys. Rev. Lett. 95, 146802 and 226801 (2005). Without λ_R the
    spin is conserved, the gap is |6√3 λ_so − 2λ_v| and the spin Hall conductivity in the gap of the λ_so phase
    is e/2π.
    """
    builder = TightBindingBuilder(TRIANGULAR, HONEYCOMB_SITES, spin=True).set_onsite([lambda_v, -lambda_v])
    bond = np.array(HONEYCOMB_SITES[1])
    for R in NEAREST_CELLS:
        d = (bond + np.array(R)) @ TRIANGULAR
        x, y = d / np.linalg.norm(d)
        builder.set_hop([t, 1j * lambda_r * y, -1j * lambda_r * x, 0], 0, 1, R)
    for R in SECOND_CELLS:
        builder.set_hop([0, 0, 0, 1j * lambda_so], 0, 0, R)
        builder.set_hop([0, 0, 0, -1j * lambda_so], 1, 1, R)
    return builder.build(species=["A", "B"])


def _dirac_square(velocity: float, mass: float, wilson: float) -> TightBinding:
    """H = v (sin kx σx + sin ky σy) + (mass + w (cos kx + cos ky)) σz on the square lattice."""
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]], spin=True).set_onsite([0, 0, 0, mass], 0)
    builder.set_hop([0, -0.5j * velocity, 0, wilson / 2], 0, 0, (1, 0))
    builder.set_hop([0, 0, -0.5j * velocity, wilson / 2], 0, 0, (0, 1))
    return builder.build(species=["X"])


def qwz(*, mass: float) -> TightBinding:
    """Qi–Wu–Zhang model of a Chern insulator, H = sin kx σx + sin ky σy + (mass + cos kx + cos ky) σz.

    |C| = 1 for 0 < |mass| < 2, with opposite signs for the two signs of mass, and 0 beyond. Source: X.-L. Qi,
    Y.-S. Wu and S.-C. Zhang, Phys. Rev. B 74, 085308 (2006).
    """
    return _dirac_square(1.0, mass, 1.0)


def massive_dirac(*, velocity: float = 1.0, mass: float, wilson: float = 1.0) -> TightBinding:
    """Massive Dirac fermion on the square lattice with a Wilson term that removes the doublers.

    H = v (sin kx σx + sin ky σy) + [mass + w (2 − cos kx − cos ky)] σz; the gap at Γ is 2|mass|, the other
    invariant momenta are raised by 2w and 4w. Source: K. G. Wilson, Phys. Rev. D 10, 2445 (1974).
    """
    return _dirac_square(velocity, mass + 2 * wilson, -wilson)


def massive_dirac_continuum(*, velocity: float = 1.0, mass: float, cutoff: float = 4.0) -> ContinuumModel:
    """Massive Dirac fermion in two dimensions, H = v (kx σx + ky σy) + mass σz, bands ±√(v²k² + mass²).

    ``velocity`` in eV Å, ``mass`` in eV, ``cutoff`` in 1/Å. Source: N. A. Sinitsyn et al., Phys. Rev. B 75,
    045315 (2007). The filled sea has no bottom: quantities of the Fermi surface are exact, those of the sea
    converge with the cutoff.
    """
    terms = {(1, 0, 0): velocity * PAULI[1], (0, 1, 0): velocity * PAULI[2], (0, 0, 0): mass * PAULI[3]}
    return ContinuumModel(PolynomialHamiltonian(terms), 2, cutoff, {"spin": spin_operator(PAULI[1:] / 2)})


def weyl(*, velocity: float = 1.0, chirality: int = 1, cutoff: float = 4.0) -> ContinuumModel:
    """Weyl fermion in three dimensions, H = chirality · v k·σ, bands ±v|k|.

    ``velocity`` in eV Å, ``cutoff`` in 1/Å, ``chirality`` ±1. Source: N. P. Armitage, E. J. Mele and A.
    Vishwanath, Rev. Mod. Phys. 90, 015001 (2018). As for ``massive_dirac_continuum`` the filled sea has no
    bottom.
    """
    if chirality not in (1, -1):
        raise ModelError(f"chirality is {chirality!r}; expected 1 or -1")
    axes = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    terms = {axis: chirality * velocity * sigma for axis, sigma in zip(axes, PAULI[1:], strict=True)}
    return ContinuumModel(PolynomialHamiltonian(terms), 3, cutoff, {"spin": spin_operator(PAULI[1:] / 2)})


def bhz(*, A: float = 1.0, B: float, D: float = 0.0, mass: float, inversion_breaking: float = 0.0) -> TightBinding:
    """Bernevig–Hughes–Zhang model of an inverted quantum well, regularised on the square lattice.

    H = −2D (2 − cos kx − cos ky) + [mass − 2B (2 − cos kx − cos ky)] τz + A (sin kx τx σz − sin ky τy) + Δ τy
    σy, with τz = ±1 on the electron-like and hole-like orbital, σ the Kramers pseudospin, ``"spin"`` = σ/2, and
    Δ = ``inversion_breaking`` the bulk inversion asymmetry. Topological for 0 < mass/B < 8, the gap closing at
    4. Source: B. A. Bernevig, T. L. Hughes and S.-C. Zhang, Science 314, 1757 (2006); M. König et al., J. Phys.
    Soc. Jpn. 77, 031007 (2008).
    """
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.0, 0.0]], spin=True)
    builder.set_onsite([-4 * D + mass - 4 * B, -4 * D - mass + 4 * B])
    for R in ((1, 0), (0, 1)):
        builder.set_hop(D + B, 0, 0, R).set_hop(D - B, 1, 1, R)
    # sin k X with X between the orbitals: X/2i at +R and −X/2i at −R; τy has −i in its upper right corner.
    for sign in (1, -1):
        builder.set_hop([0, 0, 0, -0.5j * A * sign], 0, 1, (sign, 0))
        builder.set_hop(0.5 * A * sign, 0, 1, (0, sign))
    builder.set_hop([0, 0, -1j * inversion_breaking, 0], 0, 1, (0, 0))
    return builder.build(species=["X", "X"])

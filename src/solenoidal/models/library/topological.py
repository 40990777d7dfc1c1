"""Topological insulators and semimetals with closed-form invariants.

Lattice constants are 1 Å and energies in eV. Models with spin carry ``"spin"`` = σ/2; the spinless Haldane model
carries ``"charge"`` = 1 and ``"sublattice"`` instead.
"""

from __future__ import annotations

import numpy as np

from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import TightBinding

TRIANGULAR = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
HONEYCOMB_SITES = ((0.0, 0.0), (1 / 3, 1 / 3))
NEAREST_CELLS = ((0, 0), (-1, 0), (0, -1))
"""Cells of the three B neighbours of the A site in the home cell."""
SECOND_CELLS = ((1, 0), (-1, 1), (0, -1))
"""Second neighbours reached from an A site by turning always to the same side."""


def haldane(*, t1: float = 1.0, t2: float, phi: float = np.pi / 2, mass: float = 0.0) -> TightBinding:
    """Haldane's honeycomb model of spinless electrons.

    First-neighbour hopping t1, second-neighbour hopping t2 e^{iφ} on A along a1, a2 − a1, −a2 and t2 e^{−iφ} on B,
    on-site energy ±mass; A at the origin and B at (a1 + a2)/3. |C| = 1 for |mass| < 3√3 |t2 sin φ|. Operators
    ``"charge"`` (identity) and ``"sublattice"`` (±1). Source: F. D. M. Haldane, Phys. Rev. Lett. 61, 2015 (1988).
    """
    builder = TightBindingBuilder(TRIANGULAR, HONEYCOMB_SITES).set_onsite([mass, -mass])
    for R in NEAREST_CELLS:
        builder.set_hop(t1, 0, 1, R)
    for R in SECOND_CELLS:
        builder.set_hop(t2 * np.exp(1j * phi), 0, 0, R)
        builder.set_hop(t2 * np.exp(-1j * phi), 1, 1, R)
    builder.set_operator("charge", np.eye(2)).set_operator("sublattice", np.diag([1.0, -1.0]))
    return builder.build(species=["A", "B"])


def kane_mele(*, t: float = 1.0, lambda_so: float, lambda_r: float = 0.0, lambda_v: float = 0.0) -> TightBinding:
    """Kane–Mele model of the quantum spin Hall effect on the honeycomb lattice.

    H = t Σ c†_i c_j + iλ_so Σ ν_ij c†_i σz c_j + iλ_R Σ c†_i (σ × d̂_ij)_z c_j + λ_v Σ ξ_i c†_i c_i, with ν = ±1 for
    the sense of the turn on the way to a second neighbour, d̂ the unit vector of the bond, ξ = ±1 on A and B. Source:
    C. L. Kane and E. J. Mele, Phys. Rev. Lett. 95, 146802 and 226801 (2005). Without λ_R the spin is conserved, the
    gap is |6√3 λ_so − 2λ_v| and the spin Hall conductivity in the gap of the λ_so phase is e/2π.
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

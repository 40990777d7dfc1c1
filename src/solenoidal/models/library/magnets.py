"""Antiferromagnets and altermagnets with collinear and non-collinear moments.

Lattice constants are 1 Å, energies in eV, angles in radians; ``"spin"`` = σ/2 in units of ħ.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ModelError
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import TightBinding

Vector3 = tuple[float, float, float]

TRIANGULAR = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
KAGOME_SITES = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
KAGOME_BONDS = ((0, 1, (0, 0), (-1, 0)), (1, 2, (0, 0), (1, -1)), (2, 0, (0, 0), (0, 1)))
"""Row and column site in the order A → B → C → A, with the cell of the column site in the up and down triangle."""
KAGOME_ANGLES = {-1: (330.0, 210.0, 90.0), 1: (210.0, 330.0, 90.0)}
"""In-plane angles of the moments on A, B, C in degrees, by vector chirality."""
CENTRED_BONDS = ((0, 0), (-1, 0), (0, -1), (-1, -1))
"""Cells of the four sites at the cell centre that surround the site at the origin."""


def kagome_antiferromagnet(
    *,
    t: float = 1.0,
    J: float,
    chirality: int = -1,
    canting: float = 0.0,
    rotation: float = 0.0,
    breathing: float = 0.0,
    spin_orbit: float = 0.0,
    rashba: float = 0.0,
) -> TightBinding:
    """Electrons on a kagome lattice coupled to moments at 120°.

    H = t Σ_<ij> c†_i c_j − J Σ_i n_i·σ + i λ Σ ν_ij c†_i σz c_j + i λ_R Σ c†_i (σ × d̂_ij)_z c_j, with n_i the
    unit moments: on A, B, C at 330°, 210°, 90° for ``chirality`` −1 (the order of Mn₃Sn) and 210°, 330°, 90°
    for +1, turned in the plane by ``rotation`` and out of it by ``canting``. ``breathing`` b makes the hoppings
    t(1 ± b) in up and down triangles; ``spin_orbit`` λ (ν = +1 along A → B → C) and ``rashba`` λ_R are absent
    by default. Source: J. Železný, Y. Zhang, C. Felser and B. Yan, Phys. Rev. Lett. 119, 187204 (2017); H.
    Chen, Q. Niu and A. H. MacDonald, Phys. Rev. Lett. 112, 017205 (2014). Without spin-orbit coupling the two
    chiralities are related by a rotation of all spins.
    """
    if chirality not in KAGOME_ANGLES:
        raise ModelError(f"chirality is {chirality!r}; expected -1 (Mn3Sn-like) or 1")
    phi = np.deg2rad(KAGOME_ANGLES[chirality]) + rotation
    flat = np.cos(canting)
    moments = np.stack([flat * np.cos(phi), flat * np.sin(phi), np.full(3, np.sin(canting))], axis=1)
    builder = TightBindingBuilder(TRIANGULAR, KAGOME_SITES, spin=True)
    for site, n in enumerate(moments):
        builder.set_onsite([0, *(-J * n)], site)
    for i, j, up, down in KAGOME_BONDS:
        for R, amplitude in ((up, t * (1 + breathing)), (down, t * (1 - breathing))):
            x, y = _bond(KAGOME_SITES[i], KAGOME_SITES[j], R, TRIANGULAR)
            builder.set_hop([amplitude, 1j * rashba * y, -1j * rashba * x, 1j * spin_orbit], i, j, R)
    return builder.build(species=["X"] * 3, moments=moments)


def altermagnet_d_wave(
    *,
    t: float = 1.0,
    t2: float,
    delta: float,
    J: float,
    moment: Vector3 = (0.0, 0.0, 1.0),
    rashba: float = 0.0,
) -> TightBinding:
    """Two-sublattice d-wave altermagnet on a square lattice, A at the origin and B at the cell centre.

    Hopping −t between the sublattices, −t2 (1 ± δ) along x and −t2 (1 ∓ δ) along y within A and B, exchange −J
    n·σ on A and +J n·σ on B, and Rashba coupling iλ_R (σ × d̂)_z between the sublattices. A fourfold rotation
    joined with a translation and a spin reversal relates A and B, so the spin splitting has the form cos kx −
    cos ky and the net moment is zero. Source: L. Šmejkal, J. Sinova and T. Jungwirth, Phys. Rev. X 12, 040501
    (2022); M. Roig et al., Phys. Rev. B 110, 144412 (2024). Without ``rashba`` the spin along the moment is
    conserved.
    """
    n = _unit(moment)
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], spin=True)
    builder.set_onsite([0, *(-J * n)], 0).set_onsite([0, *(J * n)], 1)
    _centred_hoppings(builder, -t, rashba)
    for site, sign in ((0, 1), (1, -1)):
        builder.set_hop(-t2 * (1 + sign * delta), site, site, (1, 0))
        builder.set_hop(-t2 * (1 - sign * delta), site, site, (0, 1))
    return builder.build(species=["A", "A"], moments=np.array([n, -n]))


def pt_antiferromagnet(
    *,
    t: float = 1.0,
    t_prime: float,
    spin_orbit: float,
    J: float,
    moment: Vector3 = (1.0, 0.0, 0.0),
) -> TightBinding:
    """Four-band antiferromagnet whose inversion × time reversal keeps every band twofold degenerate.

    H = −2t τx cos(kx/2) cos(ky/2) − t' (cos kx + cos ky) + λ τz (σy sin kx − σx sin ky) + J τz n·σ on two
    sublattices, A at the origin and B at the cell centre (orbital positions, not phases, supply the half
    angles). Source: L. Šmejkal, J. Železný, J. Sinova and T. Jungwirth, Phys. Rev. Lett. 118, 106402 (2017),
    for tetragonal CuMnAs.
    """
    n = _unit(moment)
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], spin=True)
    builder.set_onsite([0, *(J * n)], 0).set_onsite([0, *(-J * n)], 1)
    _centred_hoppings(builder, -t / 2, 0.0)
    for site, sign in ((0, 1), (1, -1)):
        builder.set_hop([-t_prime / 2, 0, -0.5j * sign * spin_orbit, 0], site, site, (1, 0))
        builder.set_hop([-t_prime / 2, 0.5j * sign * spin_orbit, 0, 0], site, site, (0, 1))
    return builder.build(species=["A", "A"], moments=np.array([n, -n]))


def _centred_hoppings(builder: TightBindingBuilder, amplitude: float, rashba: float) -> None:
    for R in CENTRED_BONDS:
        x, y = _bond((0.0, 0.0), (0.5, 0.5), R, np.eye(2))
        builder.set_hop([amplitude, 1j * rashba * y, -1j * rashba * x, 0], 0, 1, R)


def _bond(
    start: tuple[float, float], end: tuple[float, float], R: tuple[int, int], lattice: RealArray
) -> tuple[float, float]:
    """Unit vector from the row site in the home cell to the column site in the cell R."""
    d = (np.array(end) + np.array(R) - np.array(start)) @ lattice
    x, y = d / np.linalg.norm(d)
    return float(x), float(y)


def _unit(moment: Vector3) -> RealArray:
    vector = np.asarray(moment, dtype=np.float64)
    if vector.shape != (3,) or not np.linalg.norm(vector) > 0:
        raise ModelError(f"moment is {moment!r}; expected three components, not all zero")
    return np.asarray(vector / np.linalg.norm(vector))

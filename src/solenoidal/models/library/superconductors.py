"""Superconductors with chiral, orbital-dependent or conventional pairing, in a Nambu basis.

Lattice constants are 1 Å and energies in eV; the chemical potential is inside H, so evaluate at mu = 0. All carry
``"charge"`` = τz and the weight w of their basis in ``nambu_weight``; see ``solenoidal.models.bdg``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from solenoidal.arrays import ComplexArray
from solenoidal.errors import ModelError
from solenoidal.models.bdg import bdg
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library.topological import HONEYCOMB_SITES, NEAREST_CELLS, SECOND_CELLS, TRIANGULAR, haldane
from solenoidal.models.pairing import add_pairings, bond_pairing, onsite_pairing, pairing

SpinBasis = Literal["sz", "symmetrised"]
KAGOME_SITES = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
VALLEY = np.array([1 / 3, -1 / 3])
"""K in fractional coordinates of the honeycomb lattice; the other valley is −K."""


def chiral_d_square(
    *,
    t: float = 1.0,
    t_prime: float = 0.0,
    mu: float = -1.0,
    delta: float = 0.5,
    delta_xy: float = 0.5,
    basis: SpinBasis = "sz",
) -> TightBinding:
    """Chiral d wave on the square lattice, Δ(k) = δ (cos kx − cos ky) + i δ_xy sin kx sin ky.

    ξ(k) = −2t (cos kx + cos ky) − 4t' cos kx cos ky − μ. Two chiral modes: the lower band has Chern number −2 for
    these signs. Source: R. B. Laughlin, Phys. Rev. Lett. 80, 5188 (1998); T. Senthil, J. B. Marston and M. P. A.
    Fisher, Phys. Rev. B 60, 4245 (1999).
    """
    normal = _square(t, t_prime)
    return bdg(normal, _d_wave(normal, delta, delta_xy), mu=mu, basis=basis)


def chiral_d_triangular(
    *, t: float = 1.0, mu: float = -1.0, delta: float = 0.3, basis: SpinBasis = "sz"
) -> TightBinding:
    """Chiral d wave on the triangular lattice: Δ = δ e^{2iφ} on the six nearest bonds at angle φ.

    ξ(k) = −2t Σ cos k·R over three bonds − μ. Source: G. Baskaran, Phys. Rev. Lett. 91, 097003 (2003).
    """
    builder = TightBindingBuilder(TRIANGULAR, [[0.0, 0.0]])
    for R in ((1, 0), (0, 1), (-1, 1)):
        builder.set_hop(-t, 0, 0, R)
    normal = builder.build(species=["X"])
    return bdg(normal, bond_pairing(normal, delta, "d+id"), mu=mu, basis=basis)


def chiral_d_honeycomb(*, t: float = 1.0, mu: float = 0.8, delta: float = 0.3, basis: SpinBasis = "sz") -> TightBinding:
    """Chiral d wave between the sublattices of doped graphene: Δ = δ e^{2iφ} on the three nearest bonds.

    Hopping −t, C₃ axes through the atoms, A at the origin and B at (a1 + a2)/3. Source: A. M. Black-Schaffer and S.
    Doniach, Phys. Rev. B 75, 134512 (2007); R. Nandkishore, L. S. Levitov and A. V. Chubukov, Nature Phys. 8, 158
    (2012).
    """
    builder = TightBindingBuilder(TRIANGULAR, HONEYCOMB_SITES)
    for R in NEAREST_CELLS:
        builder.set_hop(-t, 0, 1, R)
    normal = builder.build(species=["C", "C"])
    return bdg(normal, bond_pairing(normal, delta, "d+id"), mu=mu, basis=basis)


def chiral_d_kagome(*, t: float = 1.0, mu: float = -1.5, delta: float = 0.3, basis: SpinBasis = "sz") -> TightBinding:
    """Chiral d wave on the kagome lattice: Δ = δ e^{2iφ} on all nearest bonds; hopping −t, side of a triangle ½ Å.

    Source: S.-L. Yu and J.-X. Li, Phys. Rev. B 85, 144402 (2012).
    """
    builder = TightBindingBuilder(TRIANGULAR, KAGOME_SITES)
    for i, j, back in ((0, 1, (-1, 0)), (0, 2, (0, -1)), (1, 2, (1, -1))):
        builder.set_hop(-t, i, j, (0, 0)).set_hop(-t, i, j, back)
    normal = builder.build(species=["X", "X", "X"])
    return bdg(normal, bond_pairing(normal, delta, "d+id"), mu=mu, basis=basis)


def chiral_p_square(
    *,
    t: float = 1.0,
    mu: float = -1.0,
    delta: float = 0.5,
    basis: Literal["spinless", "sz", "symmetrised"] = "spinless",
) -> TightBinding:
    """Chiral p wave on the square lattice, Δ(k) = δ (sin kx + i sin ky), ξ(k) = −2t (cos kx + cos ky) − μ.

    Spinless fermions (w = ½), or with basis "sz" a triplet of S_z = 0, d vector along z (w = 1). The lower band has
    Chern number +1 for −4t < μ < 0. Source: N. Read and D. Green, Phys. Rev. B 61, 10267 (2000).
    """
    normal = _square(t, 0.0)
    return bdg(normal, bond_pairing(normal, delta / 2, "p+ip"), mu=mu, basis=basis)


def spin_dependent_square(*, mu: float = -0.9, basis: SpinBasis = "sz") -> TightBinding:
    """One orbital on the square lattice whose hoppings differ for the two spins and have no symmetry at all.

    ξ↑(k) ≠ ξ↓(−k), so the magnetization of Eq. (20) does not vanish although the bands are 2×2; pairing s + extended s
    + d + id. Source: made for this package, to test what symmetry would hide.
    """
    up = _hops([[0.0]], {(1, 0): -1 + 0.15j, (0, 1): -0.8, (1, 1): -0.2 + 0.1j})
    down = _hops([[0.0]], {(1, 0): -1.1 - 0.05j, (0, 1): -0.9 + 0.1j})
    delta = add_pairings(onsite_pairing(up, 0.15 + 0.1j), bond_pairing(up, 0.06, "s"), _d_wave(up, 0.3, 0.4))
    return bdg(up, delta, mu=mu, basis=basis, normal_down=down)


def chern_insulator_s_wave(
    *, mass: float = -1.0, mu: float = 1.6, delta: float = 0.3, basis: SpinBasis = "sz"
) -> TightBinding:
    """Two equal Chern insulators (both spins) with s-wave pairing δ·1 in the two orbitals.

    Normal state h(k) = sin kx σx + sin ky σy + (mass + cos kx + cos ky) σz. Source: X.-L. Qi, T. L. Hughes and S.-C.
    Zhang, Phys. Rev. B 82, 184516 (2010).
    """
    normal = _chern_insulator(mass)
    return bdg(normal, onsite_pairing(normal, delta), mu=mu, basis=basis, normal_down="equal")


def chern_insulator_chiral_d(
    *, mass: float = -1.0, mu: float = 1.6, delta: float = 0.4, delta_xy: float = 0.3, basis: SpinBasis = "sz"
) -> TightBinding:
    """Two equal Chern insulators with chiral d-wave pairing [δ (cos kx − cos ky) + i δ_xy sin kx sin ky]·1.

    Normal state as ``chern_insulator_s_wave``. Source: pairing of T. Senthil, J. B. Marston and M. P. A. Fisher, Phys.
    Rev. B 60, 4245 (1999).
    """
    normal = _chern_insulator(mass)
    return bdg(normal, _d_wave(normal, delta, delta_xy, np.eye(2)), mu=mu, basis=basis, normal_down="equal")


def bhz_chiral_d(
    *,
    mass: float = -1.0,
    mu: float = 1.6,
    delta: float = 0.4,
    delta_xy: float = 0.3,
    orbital_s: complex = 0.0,
    orbital_d: complex = 0.0,
    orbital_xy: complex = 0.0,
    basis: SpinBasis = "sz",
) -> TightBinding:
    """Quantum spin Hall insulator with chiral d-wave pairing, the same in both orbitals or orbital-dependent.

    h↑ = sin kx σx + sin ky σy + (mass + cos kx + cos ky) σz and h↓(k) = h↑(−k)*; Δ = [δ (cos kx − cos ky) + i δ_xy sin
    kx sin ky]·1 + [orbital_s + orbital_d (cos kx − cos ky) + i orbital_xy sin kx sin ky] σz. The first part pairs
    within bands, the second between them. Source: normal state of B. A. Bernevig, T. L. Hughes and S.-C. Zhang,
    Science 314, 1757 (2006).
    """
    normal = _chern_insulator(mass)
    delta_k = add_pairings(
        _d_wave(normal, delta, delta_xy, np.eye(2)),
        onsite_pairing(normal, orbital_s * PAULI[3]),
        _d_wave(normal, orbital_d, orbital_xy, PAULI[3]),
    )
    return bdg(normal, delta_k, mu=mu, basis=basis, normal_down="time-reversed")


def bhz_orbital_s_wave(
    *, mass: float = -1.0, mu: float = 1.6, delta: float = 0.3, orbital_s: float = 0.2, basis: SpinBasis = "sz"
) -> TightBinding:
    """Quantum spin Hall insulator with real s-wave pairing δ·1 + orbital_s σz: time-reversal symmetric as a whole.

    Normal state as ``bhz_chiral_d``. It shows that Eq. (20) in one spin's Nambu basis is not a magnetization.
    Source: normal state of B. A. Bernevig, T. L. Hughes and S.-C. Zhang, Science 314, 1757 (2006).
    """
    normal = _chern_insulator(mass)
    delta_matrix = delta * PAULI[0] + orbital_s * PAULI[3]
    return bdg(normal, onsite_pairing(normal, delta_matrix), mu=mu, basis=basis, normal_down="time-reversed")


def haldane_s_wave(
    *,
    t1: float = 1.0,
    t2: float = 0.15,
    phi: float = np.pi / 2,
    mass: float = 0.2,
    mu: float = 0.5,
    delta: float = 0.3,
    basis: SpinBasis = "sz",
) -> TightBinding:
    """Haldane's honeycomb model for both spins alike, with proximity-induced s-wave pairing δ.

    Source: normal state of F. D. M. Haldane, Phys. Rev. Lett. 61, 2015 (1988).
    """
    normal = haldane(t1=t1, t2=t2, phi=phi, mass=mass)
    return bdg(normal, onsite_pairing(normal, delta), mu=mu, basis=basis, normal_down="equal")


def two_orbitals_without_symmetry(*, mu: float = 0.8, basis: SpinBasis = "sz") -> TightBinding:
    """Two orbitals on the square lattice with spin-dependent complex hoppings and mixed-orbital singlet pairing.

    Nothing in it vanishes by symmetry. Source: made for this package, as the reference of its numbers.
    """
    sx, sy, sz = PAULI[1:]
    i = 1j
    up = _hops(
        -0.7 * sz,
        {
            (1, 0): 0.8 * sx / 2j + 0.5 * sz + 0.1j * np.diag([1, 0.5]),
            (0, 1): 0.8 * sy / 2j + 0.5 * sz + np.array([[-0.3, 0.1j], [0.05, -0.2]]),
            (1, 1): [[0.1, 0.05], [0, 0.15]],
        },
    )
    down = _hops(
        -0.5 * sz,
        {
            (1, 0): 0.7 * sx / 2j + 0.45 * sz + 0.05j * np.array([[1, 0.2], [0, 0.5]]),
            (0, 1): 0.7 * sy / 2j + 0.45 * sz + np.array([[-0.2, 0.1], [0.1j, -0.1]]),
        },
    )
    delta = add_pairings(
        onsite_pairing(up, 0.15 * PAULI[0] + 0.25 * i * sz + 0.1 * sx),
        _d_wave(up, 0.3, 0.4, PAULI[0]),
        bond_pairing(up, 0.05, "s", orbitals=sz),
        _d_wave(up, 0.1, -0.2, sz),
        bond_pairing(up, 0.1 * i, "s", orbitals=sx),
    )
    return bdg(up, delta, mu=mu, basis=basis, normal_down=down)


def strontium_ruthenate_chiral_p(
    *,
    delta: float = 0.1,
    delta_xy: float = 0.05,
    spin_orbit: float = 0.2,
    scale: float = 1.0,
    basis: SpinBasis = "sz",
) -> TightBinding:
    """Three-orbital chiral p-wave state of the kind proposed for Sr2RuO4, d vector along z.

    Orbitals (yz↑, xz↑, xy↓) and their time-reversed partners, on one site of a square lattice of 1 Å, energies in units
    of ``scale`` eV: ε_xz = −2t cos kx − 2t⊥ cos ky − μ and ε_yz with kx, ky exchanged, ε_xy = −2t' (cos kx + cos ky) −
    4t'' cos kx cos ky − μ', mixing −4t''' sin kx sin ky of the first two, atomic spin-orbit coupling ``spin_orbit``
    L·S; (t, t⊥, t', t'', t''', μ, μ') = (1, 0.1, 0.8, 0.3, 0.01, 1, 1.1). Pairing δ sin kx of xz, iδ sin ky of yz and
    δ_xy (sin kx + i sin ky) of xy.

    Source: T. Scaffidi, J. C. Romers and S. H. Simon, Phys. Rev. B 89, 220510 (2014) for the dispersion; E. Taylor and
    C. Kallin, Phys. Rev. Lett. 108, 157001 (2012) for pairing by orbitals and its intrinsic Hall response.
    """
    t, t_side, t_xy, t_diagonal, t_mix, mu, mu_xy = (1.0, 0.1, 0.8, 0.3, 0.01, 1.0, 1.1)
    onsite = np.diag([-mu, -mu, -mu_xy]) + 0.5 * spin_orbit * np.array([[0, 1j, -1], [-1j, 0, 1j], [-1, -1j, 0]])
    mixing = np.zeros((3, 3))
    mixing[0, 1] = mixing[1, 0] = t_mix
    diagonal = np.diag([0.0, 0.0, -t_diagonal])
    normal = _hops(
        scale * onsite,
        {
            (1, 0): scale * np.diag([-t_side, -t, -t_xy]),
            (0, 1): scale * np.diag([-t, -t_side, -t_xy]),
            (1, 1): scale * (diagonal + mixing),
            (1, -1): scale * (diagonal - mixing),
        },
    )
    along_x, along_y = np.diag([0, delta, delta_xy]), 1j * np.diag([delta, 0, delta_xy])
    terms = {(1, 0): along_x / 2j, (-1, 0): -along_x / 2j, (0, 1): along_y / 2j, (0, -1): -along_y / 2j}
    return bdg(normal, pairing(normal, terms), mu=0.0, basis=basis, normal_down="time-reversed", parity="triplet")


def valley_polarised_honeycomb(
    *,
    t: float = 1.0,
    mass: float = 0.4,
    valley_splitting: float = 0.6,
    mu: float = -0.3,
    delta: float = 0.1,
    chirality: int = 1,
) -> TightBinding:
    """Spin- and valley-polarised metal on the honeycomb lattice with chiral p-wave pairing inside the occupied valley.

    Spinless electrons, on-site ±mass, nearest hopping −t, and second-neighbour hoppings that raise valley K by half of
    ``valley_splitting`` and lower −K by as much, alike on both sublattices. Partners are K + k and K − k, momentum 2K:
    k is counted from K, which is a gauge transformation of the hoppings. Δ = δ e^{±iφ} on second neighbours, equal on
    both sublattices, ± = ``chirality``. The normal state breaks time reversal and has an orbital magnetization, which
    is the limit δ → 0. Source: T. Han et al., Nature 643, 654 (2025) for superconductivity in such a metal; M.
    Geier, M. Davydova and L. Fu, arXiv:2409.13829, for its chiral pairing.
    """
    if chirality not in (1, -1):
        raise ModelError(f"chirality is {chirality!r}; expected 1 or -1")
    # 2 t_v Σ sin k·R over the three bonds is ±3√3 t_v at ±K.
    t_valley = valley_splitting / (6 * np.sqrt(3))
    builder = TightBindingBuilder(TRIANGULAR, HONEYCOMB_SITES).set_onsite([mass, -mass])
    sites = np.array(HONEYCOMB_SITES)
    for cell in NEAREST_CELLS:
        bond = np.array(cell) + sites[1] - sites[0]
        builder.set_hop(-t * np.exp(2j * np.pi * VALLEY @ bond), 0, 1, cell)
    for cell in SECOND_CELLS:
        value = -1j * t_valley * np.exp(2j * np.pi * VALLEY @ np.array(cell))
        builder.set_hop(value, 0, 0, cell).set_hop(value, 1, 1, cell)
    normal = builder.build(species=["A", "B"])
    form = "p+ip" if chirality == 1 else "p-ip"
    delta_k = bond_pairing(normal, delta / 2, form, shell=2, orbitals=np.eye(2))
    return bdg(normal, delta_k, mu=mu, basis="spinless")


def _square(t: float, t_prime: float) -> TightBinding:
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]])
    for R in ((1, 0), (0, 1)):
        builder.set_hop(-t, 0, 0, R)
    for R in ((1, 1), (1, -1)):
        builder.set_hop(-t_prime, 0, 0, R)
    return builder.build(species=["X"])


def _chern_insulator(mass: float) -> TightBinding:
    """sin kx σx + sin ky σy + (mass + cos kx + cos ky) σz, σ acting on two orbitals at one position."""
    return _hops(
        mass * PAULI[3],
        {(1, 0): PAULI[1] / 2j + PAULI[3] / 2, (0, 1): PAULI[2] / 2j + PAULI[3] / 2},
    )


def _hops(onsite: object, hoppings: dict[tuple[int, int], object]) -> TightBinding:
    """Square lattice with all orbitals at the origin; each hopping matrix T_R is completed by T_−R = T_R†."""
    home: ComplexArray = np.asarray(onsite, dtype=np.complex128)
    n = len(home)
    builder = TightBindingBuilder(np.eye(2), np.zeros((n, 2)))
    for a in range(n):
        builder.set_onsite(home[a, a], a)
        for b in range(a + 1, n):
            builder.set_hop(home[a, b], a, b, (0, 0))
    for R, given in hoppings.items():
        matrix: ComplexArray = np.asarray(given, dtype=np.complex128).reshape(n, n)
        for a in range(n):
            for b in range(n):
                builder.set_hop(matrix[a, b], a, b, R)
    return builder.build(species=["X"] * n)


def _d_wave(normal: TightBinding, delta: complex, delta_xy: complex, orbitals: object = None) -> LatticeOperator:
    """[δ (cos kx − cos ky) + i δ_xy sin kx sin ky] W on a square lattice, W over the orbitals."""
    weight = None if orbitals is None else np.asarray(orbitals)
    return add_pairings(
        bond_pairing(normal, delta / 2, "dx2-y2", orbitals=weight),
        bond_pairing(normal, -0.25j * delta_xy, "dxy", shell=2, orbitals=weight),
    )

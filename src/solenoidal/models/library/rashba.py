"""Spin-orbit coupled electron and hole gases: Rashba, Dresselhaus and cubic Rashba, on a lattice and in the continuum.

Every model carries ``"spin"`` in units of ħ. The sign convention of all Rashba terms without magnetisation is
H_R = α (k_y σ_x − k_x σ_y), that is α (σ × k)·ẑ; the magnetised models follow the opposite sign of their
source.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import spin_operator

Vector3 = tuple[float, float, float]

IDENTITY, SIGMA_X, SIGMA_Y, SIGMA_Z = PAULI
SPIN = spin_operator(PAULI[1:] / 2)


def _square(t: float, field: Vector3, linear_x: Vector3, linear_y: Vector3) -> TightBinding:
    """H = −2t (cos kx + cos ky) + field·σ + sin kx (linear_x·σ) + sin ky (linear_y·σ), lattice constant 1 Å."""
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]], spin=True).set_onsite([0, *field], 0)
    for R, linear in (((1, 0), linear_x), ((0, 1), linear_y)):
        # e^{ik} X + e^{−ik} X† with X = −t − (i/2) λ·σ gives −2t cos k + λ·σ sin k.
        builder.set_hop([-t, *(-0.5j * np.array(linear))], 0, 0, R)
    return builder.build(species=["X"])


def rashba_square(*, t: float = 1.0, alpha: float, mass: float = 0.0) -> TightBinding:
    """Rashba electrons on the square lattice with lattice constant 1 Å.

    H = −2t (cos kx + cos ky) + α (sin ky σx − sin kx σy) + mass σz/2, all in eV. Source: E. I. Rashba, Sov.
    Phys. Solid State 2, 1109 (1960); Yu. A. Bychkov and E. I. Rashba, J. Phys. C 17, 6039 (1984). The continuum
    limit at the band bottom has effective mass 1/(2t) and the same α. Use it to study the spin Hall effect of a
    two-dimensional gas.
    """
    return _square(t, (0, 0, mass / 2), (0, -alpha, 0), (alpha, 0, 0))


def rashba_dresselhaus(*, t: float = 1.0, alpha: float, beta: float, mass: float = 0.0) -> TightBinding:
    """Rashba and linear Dresselhaus coupling on the square lattice, lattice constant 1 Å.

    H = −2t (cos kx + cos ky) + α (sin ky σx − sin kx σy) + β (sin kx σx − sin ky σy) + mass σz/2. Source: J.
    Schliemann, J. C. Egues and D. Loss, Phys. Rev. Lett. 90, 146801 (2003); G. Dresselhaus, Phys. Rev. 100, 580
    (1955). At α = ±β and without mass the spin component σx ∓ σy is conserved.
    """
    return _square(t, (0, 0, mass / 2), (beta, -alpha, 0), (alpha, -beta, 0))


def magnetised_rashba(*, t: float = 1.0, alpha: float, magnetisation: Vector3) -> TightBinding:
    """Rashba magnet on the square lattice, lattice constant 1 Å.

    H = −2t (cos kx + cos ky) + α (sin kx σy − sin ky σx) + M·σ with M = ``magnetisation`` in eV. Source: A.
    Manchon et al., Rev. Mod. Phys. 91, 035004 (2019). Use it for time-reversal-odd, disorder-driven
    spin currents.
    """
    return _square(t, magnetisation, (0, alpha, 0), (-alpha, 0, 0))


def _winding(m: float, alpha: float, winding: int, field: Vector3) -> PolynomialHamiltonian:
    """k²/2m + α Im[(kx + i ky)^w] σx − α Re[(kx + i ky)^w] σy + field·σ."""
    terms: dict[tuple[int, int, int], ComplexArray] = {
        (0, 0, 0): np.einsum("p,pab->ab", np.asarray(field, dtype=np.float64), PAULI[1:]),
        (2, 0, 0): IDENTITY / (2 * m),
        (0, 2, 0): IDENTITY / (2 * m),
    }
    expansion = {1: {(1, 0): 1, (0, 1): 1j}, 3: {(3, 0): 1, (2, 1): 3j, (1, 2): -3, (0, 3): -1j}}[winding]
    for (px, py), coefficient in expansion.items():
        c = complex(coefficient)
        terms[(px, py, 0)] = alpha * (c.imag * SIGMA_X - c.real * SIGMA_Y)
    return PolynomialHamiltonian(terms)


def rashba_continuum(*, m: float = 1.0, alpha: float, mass: float = 0.0, cutoff: float = 4.0) -> ContinuumModel:
    """Rashba electron gas in two dimensions, H = k²/2m + α (ky σx − kx σy) + mass σz/2.

    ``m`` is the effective mass in 1/(eV Å²) (a free electron has 0.1312), α in eV Å, ``mass`` the exchange gap
    in eV, ``cutoff`` in 1/Å. Source: J. Sinova et al., Phys. Rev. Lett. 92, 126603 (2004). With both bands
    occupied the conventional spin Hall conductivity is e/8π and the conserved one −e/8π.
    """
    return ContinuumModel(_winding(m, alpha, 1, (0.0, 0.0, mass / 2)), 2, cutoff, {"spin": SPIN})


def magnetised_rashba_continuum(
    *, m: float = 1.0, alpha: float, magnetisation: Vector3, cutoff: float = 4.0
) -> ContinuumModel:
    """Rashba magnet in the continuum, H = k²/2m + α (kx σy − ky σx) + M·σ (opposite sign of α, as on the lattice).

    ``m`` in 1/(eV Å²), α in eV Å, M in eV, ``cutoff`` in 1/Å. Source: A. Manchon et al., Rev. Mod. Phys. 91,
    035004 (2019). With both bands occupied the Born transport problem has a closed solution.
    """
    return ContinuumModel(_winding(m, -alpha, 1, magnetisation), 2, cutoff, {"spin": SPIN})


def cubic_rashba_continuum(*, m: float = 1.0, alpha: float, mass: float = 0.0, cutoff: float = 3.0) -> ContinuumModel:
    """Two-dimensional heavy holes, H = k²/2m + (iα/2)(k₋³ σ₊ − k₊³ σ₋) + mass σz/2, k± = kx ± i ky, σ± = σx ± i σy.

    Energies are those of holes. The spin is that of j_z = ±3/2: ``"spin"`` = (0, 0, 3σz/2), whose in-plane
    components vanish inside the doublet. ``m`` in 1/(eV Å²), α in eV Å³, ``cutoff`` in 1/Å, to be kept below
    the turning point 1/(3mα) of the lower band. Source: J. Schliemann and D. Loss, Phys. Rev. B 71, 085308
    (2005); B. A. Bernevig and S.-C. Zhang, Phys. Rev. Lett. 95, 016801 (2005).
    """
    spin = np.stack([np.zeros((2, 2)), np.zeros((2, 2)), 1.5 * SIGMA_Z])
    return ContinuumModel(_winding(m, alpha, 3, (0.0, 0.0, mass / 2)), 2, cutoff, {"spin": spin_operator(spin)})


def k3_model(*, m: float = 1.0, alpha: float, mass: float = 0.0, cutoff: float = 3.0) -> ContinuumModel:
    """The Hamiltonian of ``cubic_rashba_continuum`` with a spin one half, ``"spin"`` = σ/2.

    H = k²/2m + α k³ (sin 3φ σx − cos 3φ σy) + mass σz/2. Source: J. Shi, P. Zhang, D. Xiao and Q. Niu, Phys.
    Rev. Lett. 96, 076604 (2006), where such a model tells proper from conventional spin currents.
    """
    return ContinuumModel(_winding(m, alpha, 3, (0.0, 0.0, mass / 2)), 2, cutoff, {"spin": SPIN})

"""Laws that every named model obeys, and the closed-form bands of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import solenoidal.models.library as library
from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI
from solenoidal.models.library.semiconductors import FREE_ELECTRON_MASS, spin_matrices

SX, SY, SZ = PAULI[1:]

MODELS: dict[str, Callable[[], Any]] = {
    "altermagnet_d_wave": lambda: library.altermagnet_d_wave(t2=0.2, delta=0.7, J=0.8, moment=(1, 2, 3), rashba=0.1),
    "bhz": lambda: library.bhz(B=0.8, D=0.2, mass=1.0, inversion_breaking=0.2),
    "cubic_rashba_continuum": lambda: library.cubic_rashba_continuum(alpha=0.05, mass=0.3),
    "haldane": lambda: library.haldane(t2=0.15, phi=0.9, mass=0.2),
    "k3_model": lambda: library.k3_model(alpha=0.05, mass=0.3),
    "kagome_antiferromagnet": lambda: library.kagome_antiferromagnet(
        J=1.7, chirality=1, canting=0.2, rotation=0.3, breathing=0.1, spin_orbit=0.2, rashba=0.1
    ),
    "kane_mele": lambda: library.kane_mele(lambda_so=0.06, lambda_r=0.05, lambda_v=0.1),
    "luttinger": lambda: library.luttinger(gamma1=6.98, gamma2=2.06, gamma3=2.93),
    "magnetised_rashba": lambda: library.magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4)),
    "magnetised_rashba_continuum": lambda: library.magnetised_rashba_continuum(
        alpha=0.6, magnetisation=(0.2, 0.1, 0.3)
    ),
    "massive_dirac": lambda: library.massive_dirac(mass=0.3),
    "massive_dirac_continuum": lambda: library.massive_dirac_continuum(velocity=1.2, mass=0.5),
    "pt_antiferromagnet": lambda: library.pt_antiferromagnet(t_prime=0.2, spin_orbit=0.6, J=0.5, moment=(1, 1, 0)),
    "qwz": lambda: library.qwz(mass=-1.0),
    "random_model": lambda: library.random_model(5, 3, 1),
    "rashba_continuum": lambda: library.rashba_continuum(alpha=0.5, mass=0.2),
    "rashba_dresselhaus": lambda: library.rashba_dresselhaus(alpha=0.5, beta=0.2, mass=0.1),
    "rashba_square": lambda: library.rashba_square(alpha=0.5, mass=0.5),
    "weyl": lambda: library.weyl(velocity=1.3, chirality=-1),
}
MAGNETIC = {name for name in MODELS if name not in {"bhz", "kane_mele", "luttinger", "weyl"}}
"""With the parameters above; a mass σz, moments, random or pseudospin matrices break time reversal."""


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def constant_operator(model: Any, operator: str) -> Any:
    return model.require_operator(operator).home


def cosines(k: Any) -> tuple[Any, Any, Any, Any]:
    """cos kx, cos ky, sin kx, sin ky on a square lattice."""
    x, y = 2 * np.pi * k[:, 0], 2 * np.pi * k[:, 1]
    return np.cos(x), np.cos(y), np.sin(x), np.sin(y)


def time_reversal(n: int) -> Any:
    """iσy on every orbital, or the spin-3/2 matrix whose action is the same rotation by π about y."""
    return np.kron(np.eye(n // 2), 1j * SY)


def test_every_public_model_is_under_test() -> None:
    """Superconductors are under test in ``test_bdg``."""
    nambu = {name for name in library.__all__ if getattr(library, name).__module__.endswith(".superconductors")}
    assert len(nambu) > 10
    assert set(MODELS) == set(library.__all__) - nambu


def test_every_operator_of_a_named_model_states_its_law_and_unit(name: str) -> None:
    for operator in MODELS[name]().operators.values():
        assert operator.stated
        assert operator.name == "spin" or operator.unit


def test_hamiltonians_and_operators_are_hermitian(name: str, hamiltonian: Any, random_k: Any) -> None:
    model = MODELS[name]()
    H = hamiltonian(model, random_k)
    assert np.max(np.abs(H)) > 0.1
    np.testing.assert_allclose(H, H.conj().swapaxes(1, 2), atol=1e-13)
    for operator in model.operators:
        matrix = constant_operator(model, operator)
        np.testing.assert_allclose(matrix, np.conj(np.swapaxes(matrix, -1, -2)), atol=1e-14)


def test_derivatives_match_differences(name: str, hamiltonian: Any, derivative: Any, random_k: Any) -> None:
    model = MODELS[name]()
    k = 0.8 * random_k
    dH = derivative(model, k)
    assert np.max(np.abs(dH)) > 0.1
    step = 1e-4 * np.linalg.inv(model.reciprocal)
    for axis in range(model.dimension):
        slope = (hamiltonian(model, k + step[axis]) - hamiltonian(model, k - step[axis])) / 2e-4
        np.testing.assert_allclose(dH[:, axis], slope, atol=2e-6 * np.max(np.abs(dH)))


def test_docstrings_name_the_source(name: str) -> None:
    documentation = getattr(library, name).__doc__
    assert documentation
    assert name == "random_model" or "Source:" in documentation


def test_spin_half_and_three_half_obey_the_angular_momentum_algebra() -> None:
    for j in (0.5, 1.0, 1.5):
        x, y, z = spin_matrices(j)
        np.testing.assert_allclose(x @ y - y @ x, 1j * z, atol=1e-15)
        np.testing.assert_allclose(x @ x + y @ y + z @ z, j * (j + 1) * np.eye(int(2 * j + 1)), atol=1e-14)
    np.testing.assert_allclose(spin_matrices(0.5), PAULI[1:] / 2, atol=1e-15)


# ---------------------------------------------------------------- time reversal and parity


def test_time_reversal_holds_exactly_where_it_should(name: str, hamiltonian: Any, random_k: Any) -> None:
    model = MODELS[name]()
    here, there = np.linalg.eigvalsh(hamiltonian(model, random_k)), np.linalg.eigvalsh(hamiltonian(model, -random_k))
    H, partner = hamiltonian(model, random_k), hamiltonian(model, -random_k)
    if name in MAGNETIC:
        if model.n_orbitals % 2 == 0:
            T = time_reversal(model.n_orbitals)
            assert np.max(np.abs(T @ H.conj() @ T.conj().T - partner)) > 1e-2
        return
    T = time_reversal(model.n_orbitals) if name != "luttinger" else np.fliplr(np.diag([1.0, -1.0, 1.0, -1.0]))
    np.testing.assert_allclose(T @ H.conj() @ T.conj().T, partner, atol=1e-13)
    np.testing.assert_allclose(here, there, atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        library.rashba_square(alpha=0.5),
        library.rashba_dresselhaus(alpha=0.5, beta=0.2),
        library.rashba_continuum(alpha=0.5),
        library.k3_model(alpha=0.05),
        library.kagome_antiferromagnet(J=0.0, spin_orbit=0.2, rashba=0.1),
        library.altermagnet_d_wave(t2=0.2, delta=0.7, J=0.0, rashba=0.1),
    ],
    ids=["rashba", "dresselhaus", "continuum", "k3", "kagome", "altermagnet"],
)
def test_without_magnetism_time_reversal_returns(model: Any, hamiltonian: Any, random_k: Any) -> None:
    T = time_reversal(model.n_orbitals)
    H, partner = hamiltonian(model, random_k), hamiltonian(model, -random_k)
    np.testing.assert_allclose(T @ H.conj() @ T.conj().T, partner, atol=1e-13)


def test_only_the_product_of_inversion_and_time_reversal_survives_in_the_antiferromagnet(
    hamiltonian: Any, random_k: Any
) -> None:
    model = library.pt_antiferromagnet(t_prime=0.2, spin_orbit=0.6, J=0.5, moment=(1, 2, 1))
    energies = np.linalg.eigvalsh(hamiltonian(model, random_k))
    np.testing.assert_allclose(energies[:, 0::2], energies[:, 1::2], atol=1e-13)
    assert np.min(energies[:, 2] - energies[:, 1]) > 0.05
    reversed_energies = np.linalg.eigvalsh(hamiltonian(model, -random_k))
    assert np.max(np.abs(energies - reversed_energies)) > 0.1
    moment = model.structure.moments
    np.testing.assert_allclose(moment[0], -moment[1])


def test_inversion_breaking_splits_the_pairs_of_the_quantum_well(hamiltonian: Any, random_k: Any) -> None:
    paired = np.linalg.eigvalsh(hamiltonian(library.bhz(B=0.8, mass=1.0), random_k))
    np.testing.assert_allclose(paired[:, 0], paired[:, 1], atol=1e-13)
    split = np.linalg.eigvalsh(hamiltonian(library.bhz(B=0.8, mass=1.0, inversion_breaking=0.2), random_k))
    assert np.min(split[:, 1] - split[:, 0]) > 1e-3


# ---------------------------------------------------------------- closed-form bands


def test_rashba_lattice_matrix_is_the_documented_one(hamiltonian: Any, random_k: Any) -> None:
    cx, cy, sx, sy = (c[:, None, None] for c in cosines(random_k))
    model = library.rashba_dresselhaus(t=0.9, alpha=0.5, beta=0.2, mass=0.3)
    expected = -1.8 * (cx + cy) * np.eye(2) + 0.5 * (sy * SX - sx * SY) + 0.2 * (sx * SX - sy * SY) + 0.3 * SZ / 2
    np.testing.assert_allclose(hamiltonian(model, random_k), expected, atol=1e-14)
    plain = library.rashba_square(t=0.9, alpha=0.5, mass=0.3)
    np.testing.assert_allclose(hamiltonian(plain, random_k), expected - 0.2 * (sx * SX - sy * SY), atol=1e-14)
    magnet = library.magnetised_rashba(t=0.9, alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    field = 0.3 * SX + 0.2 * SY + 0.4 * SZ
    np.testing.assert_allclose(
        hamiltonian(magnet, random_k), -1.8 * (cx + cy) * np.eye(2) + 0.5 * (sx * SY - sy * SX) + field, atol=1e-14
    )


def test_equal_rashba_and_dresselhaus_couplings_conserve_one_spin(hamiltonian: Any, random_k: Any) -> None:
    H = hamiltonian(library.rashba_dresselhaus(alpha=0.4, beta=0.4), random_k)
    kept, lost = SX - SY, SX + SY
    np.testing.assert_allclose(H @ kept, kept @ H, atol=1e-14)
    assert np.max(np.abs(H @ lost - lost @ H)) > 0.1


def test_the_lattice_becomes_the_continuum_at_small_momentum(hamiltonian: Any) -> None:
    k = 0.02 * np.random.default_rng(3).normal(size=(20, 3)) * [1, 1, 0]
    lattice = library.rashba_square(t=0.5, alpha=0.3, mass=0.1)
    continuum = library.rashba_continuum(m=1.0, alpha=0.3, mass=0.1, cutoff=np.pi)

    def worst(scale: float) -> float:
        difference = hamiltonian(lattice, scale * k) + 2 * np.eye(2) - hamiltonian(continuum, scale * k)
        return float(np.max(np.abs(difference)))

    # The first term left out is α k³/6.
    np.testing.assert_allclose(worst(0.1) / worst(0.05), 8, rtol=0.02)
    assert worst(0.1) < 1e-5


@pytest.mark.parametrize(
    ("winding", "model"), [(1, "rashba_continuum"), (3, "k3_model"), (3, "cubic_rashba_continuum")]
)
def test_continuum_gases_wind_once_or_three_times(winding: int, model: str) -> None:
    gas = getattr(library, model)(m=0.7, alpha=0.08, mass=0.0)
    k, angle = 1.1, np.linspace(0, 2 * np.pi, 13)
    H = gas.hamiltonian(np.stack([k * np.cos(angle), k * np.sin(angle), 0 * angle], axis=1))
    field = 0.08 * k**winding
    direction = np.stack([np.sin(winding * angle), -np.cos(winding * angle), 0 * angle], axis=1)
    np.testing.assert_allclose(np.einsum("kab,iba->ki", H, PAULI[1:]).real / 2, field * direction, atol=1e-14)
    np.testing.assert_allclose(np.trace(H, axis1=1, axis2=2).real / 2, k**2 / 1.4, atol=1e-14)


def test_heavy_holes_carry_spin_three_halves_along_z_alone() -> None:
    spin = library.cubic_rashba_continuum(alpha=0.1).require_operator("spin").home
    np.testing.assert_array_equal(spin[2], np.diag([1.5, -1.5]))
    assert not spin[:2].any()


def test_the_opposite_rashba_sign_of_the_magnet_is_kept_in_the_continuum() -> None:
    model = library.magnetised_rashba_continuum(m=1.0, alpha=0.6, magnetisation=(0.2, 0.1, 0.3))
    H = model.hamiltonian(np.array([[0.4, -0.7, 0.0]]))[0]
    expected = (0.16 + 0.49) / 2 * np.eye(2) + 0.6 * (0.4 * SY + 0.7 * SX) + 0.2 * SX + 0.1 * SY + 0.3 * SZ
    np.testing.assert_allclose(H, expected, atol=1e-14)


@pytest.mark.parametrize(("lambda_so", "lambda_v"), [(0.06, 0.1), (0.06, 0.4), (-0.06, 0.1)])
def test_kane_mele_gap_at_the_corner(lambda_so: float, lambda_v: float, hamiltonian: Any) -> None:
    model = library.kane_mele(lambda_so=lambda_so, lambda_v=lambda_v)
    corners = np.array([[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]])
    energies = np.linalg.eigvalsh(hamiltonian(model, corners))
    closed = sorted(s * (3 * np.sqrt(3) * abs(lambda_so) + r * lambda_v) for s in (-1, 1) for r in (-1, 1))
    np.testing.assert_allclose(energies, [closed, closed], atol=1e-13)


def test_rashba_coupling_closes_the_kane_mele_gap_at_its_published_strength(hamiltonian: Any) -> None:
    """λ_R = 2√3 λ_so without staggered potential (Phys. Rev. Lett. 95, 146802)."""
    corner = np.array([[1 / 3, 2 / 3, 0]])

    def gap(ratio: float) -> float:
        model = library.kane_mele(lambda_so=0.06, lambda_r=ratio * 2 * np.sqrt(3) * 0.06)
        energies = np.linalg.eigvalsh(hamiltonian(model, corner))[0]
        return float(energies[2] - energies[1])

    np.testing.assert_allclose([gap(0.0), gap(1.0)], [6 * np.sqrt(3) * 0.06, 0.0], atol=1e-13)
    assert 0.1 < gap(0.5) < gap(0.0)


def test_haldane_masses_at_the_two_corners(hamiltonian: Any) -> None:
    t2, phi, mass = 0.15, 0.9, 0.2
    corners = np.array([[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]])
    energies = np.linalg.eigvalsh(hamiltonian(library.haldane(t2=t2, phi=phi, mass=mass), corners))
    gaps = energies[:, 1] - energies[:, 0]
    expected = [2 * abs(mass + s * 3 * np.sqrt(3) * t2 * np.sin(phi)) for s in (-1, 1)]
    np.testing.assert_allclose(sorted(gaps), sorted(expected), atol=1e-13)
    np.testing.assert_allclose(energies.mean(axis=1), -3 * t2 * np.cos(phi), atol=1e-13)


def test_quantum_well_bands(hamiltonian: Any, random_k: Any) -> None:
    cx, cy, sx, sy = cosines(random_k)
    A, B, D, mass = 0.9, 0.8, 0.3, 1.1
    w = 2 - cx - cy
    root = np.sqrt((mass - 2 * B * w) ** 2 + A**2 * (sx**2 + sy**2))
    energies = np.linalg.eigvalsh(hamiltonian(library.bhz(A=A, B=B, D=D, mass=mass), random_k))
    np.testing.assert_allclose(energies[:, [0, 2]], (-2 * D * w)[:, None] + np.stack([-root, root], axis=1), atol=1e-13)


def test_quantum_well_matrix_with_broken_inversion(hamiltonian: Any, random_k: Any) -> None:
    cx, cy, sx, sy = (c[:, None, None] for c in cosines(random_k))
    w = 2 - cx - cy
    tau = PAULI
    expected = (
        -0.6 * w * np.eye(4)
        + (1.1 - 1.6 * w) * np.kron(tau[3], tau[0])
        + 0.9 * (sx * np.kron(tau[1], SZ) - sy * np.kron(tau[2], tau[0]))
        + 0.2 * np.kron(tau[2], SY)
    )
    model = library.bhz(A=0.9, B=0.8, D=0.3, mass=1.1, inversion_breaking=0.2)
    np.testing.assert_allclose(hamiltonian(model, random_k), expected, atol=1e-14)


def test_dirac_fermions_on_the_lattice_and_beyond(hamiltonian: Any, random_k: Any) -> None:
    cx, cy, sx, sy = (c[:, None, None] for c in cosines(random_k))
    np.testing.assert_allclose(
        hamiltonian(library.qwz(mass=-0.7), random_k), sx * SX + sy * SY + (-0.7 + cx + cy) * SZ, atol=1e-14
    )
    np.testing.assert_allclose(
        hamiltonian(library.massive_dirac(velocity=1.3, mass=0.2, wilson=0.6), random_k),
        1.3 * (sx * SX + sy * SY) + (0.2 + 0.6 * (2 - cx - cy)) * SZ,
        atol=1e-14,
    )
    k = np.random.default_rng(1).normal(size=(20, 3))
    flat = library.massive_dirac_continuum(velocity=1.2, mass=0.5)
    root = np.sqrt(1.44 * (k[:, 0] ** 2 + k[:, 1] ** 2) + 0.25)
    np.testing.assert_allclose(np.linalg.eigvalsh(flat.hamiltonian(k)), np.stack([-root, root], axis=1), atol=1e-13)
    solid = library.weyl(velocity=1.3, chirality=-1)
    H = solid.hamiltonian(k)
    np.testing.assert_allclose(H, -1.3 * np.einsum("ki,iab->kab", k, PAULI[1:]), atol=1e-14)


@pytest.mark.parametrize("gamma3", [None, 2.06])
def test_spherical_luttinger_bands_are_heavy_and_light_pairs(gamma3: float | None) -> None:
    model = library.luttinger(gamma1=6.98, gamma2=2.06, gamma3=gamma3)
    k = np.random.default_rng(4).uniform(-0.2, 0.2, (20, 3))
    square = np.sum(k**2, axis=1) / (2 * FREE_ELECTRON_MASS)
    energies = np.linalg.eigvalsh(model.hamiltonian(k))
    for band, factor in enumerate((6.98 - 4.12, 6.98 - 4.12, 6.98 + 4.12, 6.98 + 4.12)):
        np.testing.assert_allclose(energies[:, band], factor * square, atol=1e-13)


def test_warped_luttinger_bands_follow_the_cubic_closed_form() -> None:
    g1, g2, g3 = 6.98, 2.06, 2.93
    model = library.luttinger(gamma1=g1, gamma2=g2, gamma3=g3, m=0.5)
    k = np.random.default_rng(4).uniform(-0.2, 0.2, (20, 3))
    x, y, z = (k**2).T
    root = np.sqrt(4 * g2**2 * (x + y + z) ** 2 + 12 * (g3**2 - g2**2) * (x * y + y * z + z * x))
    energies = np.linalg.eigvalsh(model.hamiltonian(k))
    np.testing.assert_allclose(energies[:, 0], g1 * (x + y + z) - root, atol=1e-13)
    np.testing.assert_allclose(energies[:, 3], g1 * (x + y + z) + root, atol=1e-13)


def test_altermagnet_bands_split_with_d_wave_form_and_no_net_moment(hamiltonian: Any, random_k: Any) -> None:
    t, t2, delta, J = 1.0, 0.2, 0.7, 0.8
    model = library.altermagnet_d_wave(t=t, t2=t2, delta=delta, J=J)
    cx, cy, _, _ = cosines(random_k)
    hop = 4 * t * np.cos(np.pi * random_k[:, 0]) * np.cos(np.pi * random_k[:, 1])
    centre = -2 * t2 * (cx + cy)
    d_wave = -2 * t2 * delta * (cx - cy)
    closed = [centre + s * np.hypot(hop, d_wave - spin * J) for spin in (1, -1) for s in (-1, 1)]
    energies = np.linalg.eigvalsh(hamiltonian(model, random_k))
    np.testing.assert_allclose(energies, np.sort(np.stack(closed, axis=1), axis=1), atol=1e-13)
    diagonal = random_k.copy()
    diagonal[:, 1] = diagonal[:, 0]
    on_line = np.linalg.eigvalsh(hamiltonian(model, diagonal))
    np.testing.assert_allclose(on_line[:, 0], on_line[:, 1], atol=1e-13)
    assert np.max(energies[:, 1] - energies[:, 0]) > 0.1
    sz = constant_operator(model, "spin")[2]
    H = hamiltonian(model, random_k)
    np.testing.assert_allclose(H @ sz, sz @ H, atol=1e-14)


def test_antiferromagnet_bands(hamiltonian: Any, random_k: Any) -> None:
    t, tp, so, J = 1.0, 0.2, 0.6, 0.5
    n = np.array([1.0, 2.0, 1.0]) / np.sqrt(6)
    model = library.pt_antiferromagnet(t=t, t_prime=tp, spin_orbit=so, J=J, moment=(1, 2, 1))
    cx, cy, sx, sy = cosines(random_k)
    hop = -2 * t * np.cos(np.pi * random_k[:, 0]) * np.cos(np.pi * random_k[:, 1])
    field = np.stack([J * n[0] - so * sy, J * n[1] + so * sx, J * n[2] + 0 * sx], axis=1)
    root = np.sqrt(hop**2 + np.sum(field**2, axis=1))
    energies = np.linalg.eigvalsh(hamiltonian(model, random_k))
    centre = -tp * (cx + cy)
    np.testing.assert_allclose(energies[:, [0, 2]], np.stack([centre - root, centre + root], axis=1), atol=1e-13)


def test_free_kagome_bands_hold_a_flat_one(hamiltonian: Any, random_k: Any) -> None:
    energies = np.linalg.eigvalsh(hamiltonian(library.kagome_antiferromagnet(t=0.8, J=0.0), random_k))
    c = np.cos(np.pi * np.stack([random_k[:, 0], random_k[:, 1], random_k[:, 0] - random_k[:, 1]]))
    # Σcos² = 1 + 2Πcos for angles that add up, so the two dispersive bands are t [1 ± √(8Πcos + 1)].
    root = np.sqrt(np.maximum(8 * np.prod(c, axis=0) + 1, 0))
    expected = 0.8 * np.stack([np.full(len(root), -2.0), 1 - root, 1 + root], axis=1)
    np.testing.assert_allclose(energies[:, ::2], expected, atol=1e-12)
    np.testing.assert_allclose(energies[:, ::2], energies[:, 1::2], atol=1e-12)


def test_strong_exchange_leaves_a_spinless_kagome_lattice_with_half_the_hopping(
    hamiltonian: Any, random_k: Any
) -> None:
    free = np.linalg.eigvalsh(hamiltonian(library.kagome_antiferromagnet(J=0.0), random_k))[:, ::2]
    for J in (200.0, 400.0):
        bands = np.linalg.eigvalsh(hamiltonian(library.kagome_antiferromagnet(J=J), random_k))[:, :3] + J
        # t → −t/2 reverses the order of the bands; the correction falls as t²/J.
        error = np.max(np.abs(bands - np.sort(-free / 2, axis=1)))
        assert 0 < error < 5 / J


def test_without_spin_orbit_coupling_both_chiralities_have_the_same_bands(hamiltonian: Any, random_k: Any) -> None:
    def bands(chirality: int, **couplings: float) -> Any:
        model = library.kagome_antiferromagnet(J=1.7, chirality=chirality, **couplings)
        return np.linalg.eigvalsh(hamiltonian(model, random_k))

    np.testing.assert_allclose(bands(1), bands(-1), atol=1e-12)
    np.testing.assert_allclose(bands(1, rotation=0.7), bands(-1), atol=1e-12)
    assert np.max(np.abs(bands(1, rashba=0.2) - bands(-1, rashba=0.2))) > 1e-2
    assert np.max(np.abs(bands(1, canting=0.2) - bands(1))) > 1e-2


def test_kagome_moments_sum_to_zero_unless_canted() -> None:
    for chirality, canting in itertools.product((-1, 1), (0.0, 0.3)):
        model = library.kagome_antiferromagnet(J=1.0, chirality=chirality, canting=canting)
        moments = model.structure.moments
        np.testing.assert_allclose(np.linalg.norm(moments, axis=1), 1)
        np.testing.assert_allclose(moments.sum(axis=0), [0, 0, 3 * np.sin(canting)], atol=1e-12)
        turn = np.cross(moments[0], moments[1])[2] / np.cos(canting) ** 2
        np.testing.assert_allclose(turn, chirality * np.sin(2 * np.pi / 3), atol=1e-12)


def test_breathing_and_inversion_of_the_kagome_lattice(hamiltonian: Any, random_k: Any) -> None:
    def is_inversion_symmetric(model: Any) -> bool:
        # Every site is an inversion centre up to the cell it returns to: bands at ±k agree.
        here, there = (np.linalg.eigvalsh(hamiltonian(model, s * random_k)) for s in (1, -1))
        return bool(np.allclose(here, there, atol=1e-10))

    assert is_inversion_symmetric(library.kagome_antiferromagnet(J=1.7, spin_orbit=0.2, canting=0.3))
    assert not is_inversion_symmetric(library.kagome_antiferromagnet(J=1.7, spin_orbit=0.2, canting=0.3, breathing=0.4))


@pytest.mark.slow
def test_kagome_drude_spin_weight(hamiltonian: Any, derivative: Any) -> None:
    """∫(−f′) v_y v_y s_y of the 120° order at J = 1.7 t, μ = t, T = 0.05 t: −0.031934722."""
    model = library.kagome_antiferromagnet(J=1.7)
    side = np.arange(300) / 300
    spin = constant_operator(model, "spin")[1]
    total = 0.0
    for row in side:
        k = np.stack([np.full(300, row), side, np.zeros(300)], axis=1)
        energies, U = np.linalg.eigh(hamiltonian(model, k))
        velocity = np.einsum("kan,kab,kbn->kn", U.conj(), derivative(model, k)[:, 1], U).real
        s = np.einsum("kan,ab,kbn->kn", U.conj(), spin, U).real
        total += np.sum(velocity**2 * s / (4 * 0.05 * np.cosh((energies - 1.0) / 0.1) ** 2))
    np.testing.assert_allclose(total / 300**2 / model.cell_measure, -0.031934722, atol=2e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: library.kagome_antiferromagnet(J=1.0, chirality=2), "expected -1 .* or 1"),
        (lambda: library.weyl(chirality=0), "chirality is 0"),
        (lambda: library.altermagnet_d_wave(t2=0.1, delta=0.5, J=1.0, moment=(0, 0, 0)), "not all zero"),
        (lambda: library.random_model(1, 2, 0), "bands ≥ 2"),
        (lambda: library.random_model(4, 4, 0), "dimension 1, 2 or 3"),
        (lambda: library.random_model(2, 2, 0, degenerate=True), "even number from 4"),
        (lambda: library.random_model(5, 2, 0, degenerate=True), "even number from 4"),
    ],
)
def test_parameters_without_meaning_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        call()

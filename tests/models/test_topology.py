"""Topological invariants of the named models by the link method, and conserved spins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solenoidal.models.library import bhz, haldane, kane_mele, qwz


def chern_number(hamiltonian: Any, model: Any, occupied: int, select: Any = None, mesh: int = 16) -> float:
    """Sum of plaquette phases (T. Fukui, Y. Hatsugai and H. Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005)).

    ``select`` lists the orbitals of a conserved sector.
    """
    g = (np.arange(mesh) + 0.31) / mesh
    k = np.stack([*np.meshgrid(g, g, indexing="ij"), np.zeros((mesh, mesh))], axis=-1).reshape(-1, 3)
    H = hamiltonian(model, k)
    if select is not None:
        H = H[:, select][:, :, select]
    u = np.linalg.eigh(H)[1][:, :, :occupied].reshape(mesh, mesh, H.shape[-1], occupied)

    def link(axis: int) -> Any:
        neighbour = np.roll(u, -1, axis=axis)
        return np.linalg.det(u.conj().swapaxes(2, 3) @ neighbour)

    x, y = link(0), link(1)
    flux = np.angle(x * np.roll(y, -1, axis=0) * np.conj(np.roll(x, -1, axis=1)) * np.conj(y))
    return float(flux.sum() / (2 * np.pi))


@pytest.mark.parametrize(("mass", "phi"), [(0.2, np.pi / 2), (0.2, -np.pi / 2), (0.9, np.pi / 2), (-0.9, 0.8)])
def test_haldane_phases(mass: float, phi: float, hamiltonian: Any) -> None:
    t2 = 0.15
    inside = abs(mass) < 3 * np.sqrt(3) * t2 * abs(np.sin(phi))
    chern = chern_number(hamiltonian, haldane(t2=t2, phi=phi, mass=mass), 1)
    np.testing.assert_allclose(abs(chern), 1.0 if inside else 0.0, atol=1e-10)
    opposite = chern_number(hamiltonian, haldane(t2=t2, phi=-phi, mass=mass), 1)
    np.testing.assert_allclose(opposite, -chern, atol=1e-10)


def test_qwz_phases(hamiltonian: Any) -> None:
    values = [chern_number(hamiltonian, qwz(mass=m), 1) for m in (-2.5, -1.0, 1.0, 2.5)]
    np.testing.assert_allclose(np.abs(values), [0, 1, 1, 0], atol=1e-10)
    np.testing.assert_allclose(values[1], -values[2], atol=1e-10)


def test_kane_mele_spins_have_opposite_chern_numbers(hamiltonian: Any) -> None:
    model = kane_mele(lambda_so=0.06, lambda_v=0.1)
    up, down = (chern_number(hamiltonian, model, 1, select=sector) for sector in ([0, 2], [1, 3]))
    np.testing.assert_allclose(abs(up), 1, atol=1e-10)
    np.testing.assert_allclose(down, -up, atol=1e-10)
    trivial = kane_mele(lambda_so=0.06, lambda_v=0.5)
    np.testing.assert_allclose(chern_number(hamiltonian, trivial, 1, select=[0, 2]), 0, atol=1e-10)


def test_kane_mele_spin_is_conserved_only_without_rashba_coupling(hamiltonian: Any, random_k: Any) -> None:
    sz = kane_mele(lambda_so=0.06).require_operator("spin").matrices[0, 2]
    for lambda_r, conserved in ((0.0, True), (0.05, False)):
        H = hamiltonian(kane_mele(lambda_so=0.06, lambda_r=lambda_r, lambda_v=0.1), random_k)
        commutator = np.max(np.abs(H @ sz - sz @ H))
        assert (commutator < 1e-14) if conserved else (commutator > 1e-2)


def test_rashba_coupling_keeps_the_gap_and_so_the_phase(hamiltonian: Any) -> None:
    g = np.arange(48) / 48
    k = np.stack([*np.meshgrid(g, g), np.zeros((48, 48))], axis=-1).reshape(-1, 3)
    for lambda_r in np.linspace(0, 0.1, 6):
        energies = np.linalg.eigvalsh(hamiltonian(kane_mele(lambda_so=0.06, lambda_r=lambda_r, lambda_v=0.1), k))
        assert np.min(energies[:, 2] - energies[:, 1]) > 0.1


@pytest.mark.parametrize(("mass", "topological"), [(-0.5, False), (1.0, True), (5.0, True), (8.5, False)])
def test_quantum_well_invariant_from_parities(mass: float, topological: bool, hamiltonian: Any) -> None:
    """L. Fu and C. L. Kane, Phys. Rev. B 76, 045302 (2007): parity is +1 on E and −1 on H."""
    model = bhz(B=1.0, D=0.1, mass=mass)
    momenta = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0]])
    parity = np.diag([1.0, 1.0, -1.0, -1.0])
    H = hamiltonian(model, momenta)
    np.testing.assert_allclose(H @ parity, parity @ H, atol=1e-13)
    lowest = np.linalg.eigh(H)[1][:, :, 0]
    product = np.prod(np.einsum("ka,ab,kb->k", lowest.conj(), parity, lowest).real)
    np.testing.assert_allclose(product, -1 if topological else 1, atol=1e-12)
    up = chern_number(hamiltonian, model, 1, select=[0, 2])
    np.testing.assert_allclose(abs(up), 1 if topological else 0, atol=1e-10)

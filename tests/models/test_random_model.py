"""The random model: nothing vanishes by accident, and degenerate pairs are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solenoidal.models.builder import PAULI
from solenoidal.models.library import random_model

SIZES = [(2, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, 3)]
PAIRED = [(4, 1), (4, 2), (6, 2), (6, 3), (8, 3)]


@pytest.mark.parametrize(("bands", "dimension"), SIZES)
def test_it_has_no_symmetry(bands: int, dimension: int, hamiltonian: Any, random_k: Any) -> None:
    model = random_model(bands, dimension, 3)
    assert (model.n_orbitals, model.dimension) == (bands, dimension)
    energies = np.linalg.eigvalsh(hamiltonian(model, random_k))
    assert np.max(np.abs(energies - np.linalg.eigvalsh(hamiltonian(model, -random_k)))) > 0.05
    assert np.min(np.diff(energies, axis=1)) > 1e-4


@pytest.mark.parametrize(("bands", "dimension"), [*SIZES, *PAIRED])
def test_its_operator_is_local_to_sites_and_not_conserved(
    bands: int, dimension: int, hamiltonian: Any, random_k: Any
) -> None:
    model = random_model(bands, dimension, 3, degenerate=bands >= 4 and bands % 2 == 0)
    spin = model.require_operator("spin").matrices[0]
    centres = np.einsum("iaa->ai", model.position.matrices[0]).real
    for i in range(3):
        r = np.diag(centres[:, i])
        for s in spin:
            np.testing.assert_allclose(r @ s, s @ r, atol=1e-14)
    H = hamiltonian(model, random_k)
    for s in spin:
        assert np.max(np.abs(H @ s - s @ H)) > 0.1


@pytest.mark.parametrize(("bands", "dimension"), PAIRED)
def test_pairs_are_exactly_degenerate_and_nothing_more(
    bands: int, dimension: int, hamiltonian: Any, random_k: Any
) -> None:
    model = random_model(bands, dimension, 3, degenerate=True)
    H = hamiltonian(model, random_k)
    energies, U = np.linalg.eigh(H)
    np.testing.assert_allclose(energies[:, 0::2], energies[:, 1::2], atol=1e-12)
    assert np.min(energies[:, 2::2] - energies[:, 1:-1:2]) > 1e-3
    spin = model.require_operator("spin").matrices[0]
    block = np.einsum("kan,iab,kbm->kinm", U[:, :, :2].conj(), spin, U[:, :, :2])
    traceless = block - np.trace(block, axis1=2, axis2=3)[..., None, None] * np.eye(2) / 2
    assert np.min(np.linalg.norm(traceless, axis=(2, 3))) > 0.05
    T = np.kron(np.eye(bands // 2), 1j * PAULI[2])
    assert np.max(np.abs(T @ H.conj() @ T.conj().T - hamiltonian(model, -random_k))) > 0.1
    assert np.max(np.abs(energies - np.linalg.eigvalsh(hamiltonian(model, -random_k)))) > 0.05


def test_equal_seeds_give_equal_models_and_other_seeds_do_not() -> None:
    first, second, third = (random_model(4, 2, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.hamiltonian.matrices, second.hamiltonian.matrices)
    assert np.max(np.abs(first.hamiltonian.matrices - third.hamiltonian.matrices)) > 0.1
    assert first.provenance["seed"] == 7

"""The reconstructed stencil is complete, symmetric and in the order of Wannier90."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.checkpoint import read_checkpoint
from solenoidal.io.kmesh import KMesh, Stencil, berry_connection, pairing_error, reconstruct_stencil

LATTICES = {
    "cubic": np.eye(3) * 4.0,
    "fcc": np.array([[0, 2.0, 2.0], [2.0, 0, 2.0], [2.0, 2.0, 0]]),
    "bcc": np.array([[-1.5, 1.5, 1.5], [1.5, -1.5, 1.5], [1.5, 1.5, -1.5]]),
    "hexagonal": np.array([[2.5, 0, 0], [-1.25, 2.165063509461097, 0], [0, 0, 6.7]]),
    "triclinic": np.array([[3.0, 0.2, 0.1], [0.4, 3.3, -0.2], [0.2, -0.3, 2.8]]),
    "slab": np.array([[3.0, 0, 0], [-1.5, 2.6, 0], [0, 0, 20.0]]),
}


def uniform(lattice: np.ndarray, mesh: tuple[int, int, int]) -> KMesh:
    k = np.stack(np.meshgrid(*(np.arange(m) / m for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)
    return KMesh(Path("test.chk"), 2 * np.pi * np.linalg.inv(lattice).T, np.array(mesh), k)


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("mesh", [(4, 4, 4), (3, 4, 2), (6, 6, 1)])
def test_stencil_is_complete_and_links_each_neighbour_back(name: str, mesh: tuple[int, int, int]) -> None:
    kmesh = uniform(LATTICES[name], mesh)
    stencil = reconstruct_stencil(kmesh, search_shells=150)
    sums = np.einsum("b,kbi,kbj->kij", stencil.weights, stencil.vectors, stencil.vectors)
    np.testing.assert_allclose(sums, np.broadcast_to(np.eye(3), sums.shape), atol=1e-9)
    k = kmesh.kpoints
    reached = k[:, None, :] + stencil.steps / kmesh.mesh
    difference = reached - k[stencil.index]
    np.testing.assert_allclose(difference, np.rint(difference), atol=1e-12)
    for steps, back in zip(stencil.steps, stencil.steps[stencil.index], strict=True):
        for step, candidates in zip(steps, back, strict=True):
            assert np.all(candidates == -step, axis=1).sum() == 1


def test_number_of_neighbours_is_that_of_wannier90_for_cubic_lattices() -> None:
    counts = {name: len(reconstruct_stencil(uniform(LATTICES[name], (4, 4, 4))).weights) for name in LATTICES}
    assert (counts["cubic"], counts["fcc"], counts["bcc"]) == (6, 8, 12)
    assert counts["triclinic"] == 12


def test_order_is_the_one_of_the_overlaps_wannier90_wrote(data: Path) -> None:
    checkpoint = read_checkpoint(data / "Pt.chk.gz")
    reciprocal = 2 * np.pi * np.linalg.inv(checkpoint.lattice).T
    stencil = reconstruct_stencil(KMesh(checkpoint.path, reciprocal, checkpoint.mesh, checkpoint.kpoints))
    assert np.abs(checkpoint.overlaps).max() > 0.5
    assert pairing_error(stencil, checkpoint.overlaps) < 1e-10
    swapped = np.arange(8)
    swapped[[2, 5]] = [5, 2]
    wrong = Stencil(stencil.index[:, swapped], stencil.steps[:, swapped], stencil.vectors[:, swapped], stencil.weights)
    assert pairing_error(wrong, checkpoint.overlaps) > 0.1
    centres = np.diagonal(
        berry_connection(stencil, checkpoint.overlaps, checkpoint.centres).mean(axis=0), axis1=1, axis2=2
    )
    np.testing.assert_allclose(centres.T, checkpoint.centres, atol=1e-9)


def test_equal_cells_are_searched_last_found_first() -> None:
    ranks = uniform(LATTICES["cubic"], (2, 2, 2)).cell_ranks()
    assert ranks[5, 5, 5] == 0
    nearest = np.argwhere((ranks >= 1) & (ranks <= 6)) - 5
    order = nearest[np.argsort([ranks[tuple(c + 5)] for c in nearest])]
    np.testing.assert_array_equal(order, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1], [0, -1, 0], [-1, 0, 0]])


def test_stated_shells_replace_the_search() -> None:
    kmesh = uniform(LATTICES["cubic"], (4, 4, 4))
    second = reconstruct_stencil(kmesh, shell_list=[2])
    assert len(second.weights) == 12
    with pytest.raises(InputFileError, match=r"shell_list = \[9999\].*put the \.nnkp file"):
        reconstruct_stencil(kmesh, shell_list=[9999])


def test_printed_digits_of_k_points_are_made_exact() -> None:
    exact = uniform(LATTICES["cubic"], (6, 3, 7))
    rounded = KMesh(exact.path, exact.reciprocal, exact.mesh, np.round(exact.kpoints, 8))
    assert np.abs(rounded.kpoints - exact.kpoints).max() > 1e-9
    np.testing.assert_allclose(rounded.exact(), exact.kpoints, atol=1e-15)


def test_points_that_are_no_mesh_are_refused() -> None:
    kmesh = uniform(LATTICES["cubic"], (2, 2, 2))
    moved = kmesh.kpoints.copy()
    moved[3] += 0.01
    with pytest.raises(InputFileError, match="not a uniform 2x2x2 mesh"):
        KMesh(kmesh.path, kmesh.reciprocal, kmesh.mesh, moved).numbers()
    repeated = kmesh.kpoints.copy()
    repeated[3] = repeated[2] + 1
    with pytest.raises(InputFileError, match="repeat a point"):
        KMesh(kmesh.path, kmesh.reciprocal, kmesh.mesh, repeated).numbers()

"""Minimal images: complete, shortest, symmetric, and exact on the mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solenoidal.io.wigner_seitz import hermitian_part, minimal_images, to_lattice, wigner_seitz_vectors
from solenoidal.models.hamiltonian import LatticeOperator

LATTICE = np.array([[3.0, 0, 0], [2.1, 2.0, 0], [0.2, -0.9, 2.8]])
MESH = np.array([4, 3, 2])
CENTRES = np.array([[0.1, 0.2, 0.3], [1.2, 0.5, 0.9], [4.2, -3.5, 2.0]])


def mesh_points(mesh: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*(np.arange(m) / m for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)


def test_every_class_has_weight_one_for_every_pair() -> None:
    images = minimal_images(LATTICE, MESH, CENTRES)
    total = np.zeros((24, 3, 3))
    np.add.at(total, images.class_of(MESH), images.weights)
    np.testing.assert_allclose(total, 1.0, atol=1e-14)


def test_images_are_the_shortest_among_many() -> None:
    images = minimal_images(LATTICE, MESH, CENTRES)
    shifts = np.stack(np.meshgrid(*(np.arange(-6, 7),) * 3, indexing="ij"), axis=-1).reshape(-1, 3) * MESH
    for a, b, i in [(0, 1, 5), (0, 2, 11), (2, 1, 17), (1, 1, 3), (2, 0, 23)]:
        members = np.nonzero((images.class_of(MESH) == i) & (images.weights[:, a, b] > 0))[0]
        lengths = np.linalg.norm(images.R[members] @ LATTICE + CENTRES[b] - CENTRES[a], axis=1)
        cell = np.array(np.unravel_index(i, tuple(MESH)))
        every = np.linalg.norm((cell + shifts) @ LATTICE + CENTRES[b] - CENTRES[a], axis=1)
        np.testing.assert_allclose(lengths, every.min(), atol=1e-5)
        assert len(members) == np.sum(every < every.min() + 1e-5)


def test_boundary_vectors_share_their_weight() -> None:
    images = wigner_seitz_vectors(np.eye(3), np.array([2, 2, 2]), 1)
    weight = {tuple(r): w for r, w in zip(images.R.tolist(), images.weights[:, 0, 0], strict=True)}
    assert weight[0, 0, 0] == 1.0
    assert weight[1, 0, 0] == weight[-1, 0, 0] == 0.5
    assert weight[1, -1, 1] == 0.125
    assert len(weight) == 27


def test_direction_without_periodicity_keeps_the_home_cell() -> None:
    centres = np.array([[0, 0, 0.0], [0, 0, 9.0]])
    slab = np.diag([3.0, 3.0, 10.0])
    free = minimal_images(slab, np.array([2, 2, 1]), centres)
    bound = minimal_images(slab, np.array([2, 2, 1]), centres, periodic=(True, True, False))
    assert np.any(free.R[:, 2])
    assert not np.any(bound.R[:, 2])


@pytest.mark.parametrize("minimal", [True, False])
def test_interpolation_is_exact_on_the_mesh(minimal: bool, evaluate: Any) -> None:
    rng = np.random.default_rng(3)
    k = mesh_points(MESH)
    X = rng.normal(size=(24, 2, 3, 3)) + 1j * rng.normal(size=(24, 2, 3, 3))
    X = X + np.conj(X.swapaxes(-1, -2))
    images = minimal_images(LATTICE, MESH, CENTRES) if minimal else wigner_seitz_vectors(LATTICE, MESH, 3)
    operator = to_lattice(X, k, images)
    np.testing.assert_allclose(evaluate(operator, k), X, atol=1e-12)
    assert operator.hermiticity_error() < 1e-13


def test_hermitian_part_adds_missing_partners_and_reports_what_it_removes() -> None:
    matrix = np.array([[1.0, 2j], [0.5, 0.0]])
    operator = LatticeOperator(np.array([[0, 0, 0], [1, 0, 0]]), np.array([np.eye(2), matrix]))
    part, removed = hermitian_part(operator)
    assert removed == pytest.approx(2.0)
    assert part.hermiticity_error() == 0
    i = int(np.argmax(np.all(part.R == [1, 0, 0], axis=1)))
    np.testing.assert_array_equal(part.matrices[i], matrix / 2)

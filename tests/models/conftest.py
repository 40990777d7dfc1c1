"""Matrices of a model at given k, computed directly from its definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding

Model = TightBinding | ContinuumModel
Matrices = Callable[[Model, NDArray[np.float64]], NDArray[np.complex128]]


def hamiltonian_at(model: Model, k: NDArray[np.float64]) -> NDArray[np.complex128]:
    """H at fractional k (nk, 3), shape (nk, n, n)."""
    if isinstance(model, ContinuumModel):
        return model.evaluate(k)[0]
    phase = np.exp(2j * np.pi * k @ model.hamiltonian.R.T)
    return np.asarray(np.einsum("kr,rab->kab", phase, model.hamiltonian.matrices))


def derivative_at(model: Model, k: NDArray[np.float64]) -> NDArray[np.complex128]:
    """∂H/∂k_i at fractional k (nk, 3), shape (nk, 3, n, n); enough for velocities of separate bands."""
    if isinstance(model, ContinuumModel):
        return model.evaluate(k)[1]
    phase = np.exp(2j * np.pi * k @ model.hamiltonian.R.T)
    cartesian = model.hamiltonian.R @ model.lattice
    return np.asarray(np.einsum("kr,ri,rab->kiab", 1j * phase, cartesian, model.hamiltonian.matrices))


@pytest.fixture
def hamiltonian() -> Matrices:
    return hamiltonian_at


@pytest.fixture
def derivative() -> Matrices:
    return derivative_at


@pytest.fixture
def random_k() -> NDArray[np.float64]:
    """Forty fractional points without symmetry, k_z included."""
    return np.random.default_rng(11).uniform(-0.5, 0.5, (40, 3))

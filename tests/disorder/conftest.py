"""The models of the reference numbers."""

from __future__ import annotations

import pytest

from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import kagome_antiferromagnet, magnetised_rashba, magnetised_rashba_continuum


@pytest.fixture(scope="session")
def rashba_magnet() -> TightBinding:
    return magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))


@pytest.fixture(scope="session")
def rashba_gas() -> ContinuumModel:
    return magnetised_rashba_continuum(alpha=0.6, magnetisation=(0.2, 0.1, 0.3), cutoff=3.0)


@pytest.fixture(scope="session")
def kagome() -> TightBinding:
    return kagome_antiferromagnet(J=1.7)


@pytest.fixture(scope="session")
def spin_degenerate() -> TightBinding:
    return magnetised_rashba(alpha=0.0, magnetisation=(0.0, 0.0, 0.0))

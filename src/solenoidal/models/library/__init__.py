"""Named models of the literature, each with its source, and a random model for tests."""

from __future__ import annotations

from solenoidal.models.library.random_models import random_model
from solenoidal.models.library.rashba import (
    cubic_rashba_continuum,
    k3_model,
    magnetised_rashba,
    magnetised_rashba_continuum,
    rashba_continuum,
    rashba_dresselhaus,
    rashba_square,
)
from solenoidal.models.library.topological import haldane, kane_mele

__all__ = [
    "cubic_rashba_continuum",
    "haldane",
    "k3_model",
    "kane_mele",
    "magnetised_rashba",
    "magnetised_rashba_continuum",
    "random_model",
    "rashba_continuum",
    "rashba_dresselhaus",
    "rashba_square",
]

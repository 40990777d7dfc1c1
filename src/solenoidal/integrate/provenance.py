"""What every result says of its origin: versions, time and model."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from solenoidal.bloch.interpolation import Model
from solenoidal.models.continuum import ContinuumModel


def run_facts(model: Model) -> dict[str, Any]:
    """Version of the package and what it rests on, date, and the facts of ``model``, as text and numbers."""
    facts = model.facts
    cutoff = {"valid_range_eV": list(model.valid_range)} if isinstance(model, ContinuumModel) else {}
    return {
        **cutoff,
        "solenoidal_version": version("solenoidal"),
        "numpy_version": np.__version__,
        "python_version": platform.python_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {str(k): str(v) for k, v in facts.items()},
        "bands": model.n_orbitals,
    }

"""Settings shared by all tests: one BLAS thread (before numpy loads) and reproducible property tests."""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile("solenoidal", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("solenoidal")

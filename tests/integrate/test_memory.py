"""Workers that run out of memory: a clear error, finished blocks kept, the same numbers after resuming with more."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import WorkerError
from support.greedy import Greedy, limit_address_space
from support.runs import MODEL, OPTIONS, densities, equal

LATE = (0.75, 0.5, 0.0)
"""A point of the unshifted mesh whose block is neither the first nor the last."""
RUN = {**OPTIONS, "replicas": 1, "symmetry": None}


def reference() -> np.ndarray:
    return densities(sol.solve(MODEL, [sol.SpinConductivity()], sol.Numerics(**RUN)))


def limited(megabytes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=limit_address_space, initargs=(megabytes,)
    )


def test_a_process_out_of_memory_is_a_clear_error_and_finished_blocks_survive(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    greedy = [Greedy(LATE, 8000, touched=False)]
    with (
        limited(4000) as pool,
        pytest.raises(WorkerError, match=r"not enough memory for a block .*fewer threads or processes.*block_size"),
    ):
        sol.solve(MODEL, greedy, sol.Numerics(**RUN), executor=pool, checkpoint=path)
    seen: list[int] = []
    resumed = sol.solve(
        MODEL, greedy, sol.Numerics(**RUN), checkpoint=path, resume=True, progress=lambda state: seen.append(state.done)
    )
    assert 1 < seen[0] < seen[-1]
    equal(densities(resumed), reference())


@pytest.mark.slow
def test_a_cluster_worker_out_of_memory_is_a_clear_error_and_finished_blocks_survive(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "run.checkpoint"
    greedy = [Greedy(LATE, 1500, touched=True)]
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, memory_limit="1 GB", **options) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        pytest.raises(WorkerError, match=r"exceeded its memory limit.*fewer threads or processes.*block_size"),
    ):
        sol.solve(MODEL, greedy, sol.Numerics(**RUN), executor=client, checkpoint=path)
    seen: list[int] = []
    with (
        distributed.LocalCluster(n_workers=1, memory_limit="4 GB", **options) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        resumed = sol.solve(
            MODEL,
            greedy,
            sol.Numerics(**RUN),
            executor=client,
            checkpoint=path,
            resume=True,
            progress=lambda state: seen.append(state.done),
        )
    assert 1 < seen[0] < seen[-1]
    equal(densities(resumed), reference())

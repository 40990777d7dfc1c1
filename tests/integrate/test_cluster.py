"""A Dask cluster of real processes: the same numbers, whatever is killed, and runs that go on after an interruption."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.models.library import random_model

distributed = pytest.importorskip("distributed")

MODEL = random_model(3, 2, 5)
GRID = sol.EnergyGrid(-6, 6, 0.05, 0.0)
OPTIONS = {"mesh": (24, 24, 1), "energies": GRID, "block_size": 24, "replicas": 2, "seed": 3}
RESPONSES = [sol.SpinConductivity()]


class StopError(RuntimeError):
    """Raised to interrupt a run."""


@pytest.fixture
def client() -> Iterator[distributed.Client]:
    """Two worker processes of one thread each, restarted by their nannies when they die."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def densities(result: sol.Result) -> np.ndarray:
    spectrum = result.spectra["spin_conductivity"]
    return np.concatenate([spectrum.terms[name].ravel() for name in sorted(spectrum.terms)])


def equal(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal to rounding: another process may have compiled the transport pass with other fused operations."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def undisturbed() -> np.ndarray:
    values = densities(sol.solve(MODEL, RESPONSES, executor=SerialExecutor(), **OPTIONS))
    assert np.max(np.abs(values)) > 1e-3
    return values


def process_ids(client: distributed.Client) -> set[int]:
    return set(client.run(os.getpid).values())


def test_a_cluster_gives_the_same_numbers_and_a_stopped_run_resumes_on_it(
    client: distributed.Client, tmp_path: Path
) -> None:
    assert len(process_ids(client) - {os.getpid()}) == 2
    reference = undisturbed()
    equal(densities(sol.solve(MODEL, RESPONSES, executor=client, **OPTIONS)), reference)

    def stop(state: sol.Progress) -> None:
        if state.done == 17:
            raise StopError

    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        sol.solve(MODEL, RESPONSES, executor=client, checkpoint=path, progress=stop, **OPTIONS)
    seen: list[int] = []
    resumed = sol.solve(
        MODEL,
        RESPONSES,
        executor=client,
        checkpoint=path,
        resume=True,
        progress=lambda state: seen.append(state.done),
        **OPTIONS,
    )
    assert seen[0] == 18
    equal(densities(resumed), reference)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [1, 2])
def test_killed_workers_change_nothing(client: distributed.Client, killed: int) -> None:
    before = process_ids(client)

    def kill(state: sol.Progress) -> None:
        if state.done == 9:
            for process in sorted(before)[:killed]:
                os.kill(process, signal.SIGKILL)

    result = sol.solve(MODEL, RESPONSES, executor=client, progress=kill, **OPTIONS)
    client.wait_for_workers(2, timeout=60)
    assert len(before - process_ids(client)) == killed
    equal(densities(result), undisturbed())

"""A Dask cluster of real processes: the same numbers, whatever is killed, and runs that go on after an interruption."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.models.library import random_model
from support.runs import MODEL, OPTIONS, RESPONSES, StopError, densities, equal, stop_after, undisturbed

distributed = pytest.importorskip("distributed")


@pytest.fixture
def client() -> Iterator[distributed.Client]:
    """Two worker processes of one thread each, restarted by their nannies when they die."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_what_is_sent_to_a_cluster_holds_the_numbers_of_the_model_once() -> None:
    fourier = interpolator(random_model(6, 3, 1)).fourier
    sent = pickle.dumps(fourier, protocol=5)
    assert len(sent) < 1.1 * (fourier.coefficients.nbytes + fourier.R.nbytes) + 1000
    k = np.random.default_rng(0).random((5, 3))
    fourier.at(k)
    fourier.at(np.linspace([0, 0, 0], [0, 0, 1], 40))
    assert len(pickle.dumps(fourier, protocol=5)) == len(sent)
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received.at(k), fourier.at(k))


def process_ids(client: distributed.Client) -> set[int]:
    return set(client.run(os.getpid).values())


def test_a_cluster_gives_the_same_numbers_and_a_stopped_run_resumes_on_it(
    client: distributed.Client, tmp_path: Path
) -> None:
    assert len(process_ids(client) - {os.getpid()}) == 2
    reference = undisturbed()
    equal(densities(sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=client)), reference)

    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=client, checkpoint=path, progress=stop_after(17))
    seen: list[int] = []
    resumed = sol.solve(
        MODEL,
        RESPONSES,
        sol.Numerics(**OPTIONS),
        executor=client,
        checkpoint=path,
        resume=True,
        progress=lambda state: seen.append(state.done),
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

    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=client, progress=kill)
    client.wait_for_workers(2, timeout=60)
    assert len(before - process_ids(client)) == killed
    equal(densities(result), undisturbed())

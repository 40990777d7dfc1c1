"""``solenoidal run --cluster``: a real scheduler, one that does not answer, and no Dask at all."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from solenoidal.cli import cluster as cluster_module
from solenoidal.cli import run as run_module
from support.commands import NO_PICTURES, call, density

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture
def rashba(tmp_path: Path) -> Path:
    path = tmp_path / "rashba.toml"
    path.write_text(NO_PICTURES, encoding="utf-8")
    return path


def test_a_run_on_a_cluster_writes_the_same_numbers_and_logs_its_workers(
    rashba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("conductivity_pictures", "density_picture", "superconductor_pictures", "convergence_picture"):
        monkeypatch.setattr(run_module, name, lambda *_: [])
    alone = call("run", rashba, "--output", tmp_path / "alone")
    assert alone.exit_code == 0, alone.output
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=":0") as cluster:
        address, workers = cluster.scheduler_address, [nanny.worker_address for nanny in cluster.workers.values()]
        outcome = call("run", rashba, "--output", tmp_path / "cluster", "--cluster", address)
    assert outcome.exit_code == 0, outcome.output
    assert f"cluster: 2 threads at {address}" in outcome.stderr
    expected = density(tmp_path / "alone")
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(tmp_path / "cluster"), expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    log = (tmp_path / "cluster" / "run.log").read_text(encoding="utf-8")
    assert all(f"worker {worker} joined with 2 threads" in log for worker in workers)
    assert re.search(r"integrating: (\d+)/\1 blocks, .*1 worker", log)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://there"])
def test_a_scheduler_that_does_not_answer_is_one_line_and_exit_code_2(
    rashba: Path, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    outcome = call("run", rashba, "--output", tmp_path / "out", "--cluster", address)
    assert outcome.exit_code == 2
    assert f"error: --cluster {address}: no Dask scheduler answers" in outcome.stderr
    assert not (tmp_path / "out").exists()
    assert dask.config.get("scheduler", None) is None, "later work in this process would look for the cluster"


def test_without_dask_the_message_says_what_to_install(
    rashba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = call("run", rashba, "--output", tmp_path / "out", "--cluster", "tcp://127.0.0.1:9")
    assert outcome.exit_code == 2
    assert "pip install 'solenoidal[cluster]'" in outcome.stderr

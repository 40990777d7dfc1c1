"""``solenoidal run --cluster``: a real scheduler, one that does not answer, and no Dask at all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.cluster import connection as cluster_module
from solenoidal.workflow import job, outputs
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
        monkeypatch.setattr(outputs, name, lambda *_: [])
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


@pytest.mark.slow
def test_a_killed_scheduler_is_said_and_the_run_resumes_elsewhere(
    rashba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rashba.write_text(NO_PICTURES.replace("replicas = 2", "replicas = 2\nblock_size = 12"), encoding="utf-8")
    assert call("run", rashba, "--output", tmp_path / "alone").exit_code == 0
    address = tmp_path / "scheduler.json"
    started = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--dashboard-address", ":0"]
    scheduler = subprocess.Popen([*started, "--scheduler-file", str(address)], stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address)]
    worker = subprocess.Popen([*command, "--nthreads", "1", "--death-timeout", "20"], stderr=subprocess.DEVNULL)
    original = job.solve

    def killing(*arguments, **options):
        def progress(state: sol.Progress) -> None:
            options["progress"](state)
            if state.done == 9:
                scheduler.kill()

        return original(*arguments, **{**options, "progress": progress})

    monkeypatch.setattr(job, "solve", killing)
    try:
        until = time.monotonic() + 60
        while not address.exists() and time.monotonic() < until:
            time.sleep(0.1)
        where = json.loads(address.read_text(encoding="utf-8"))["address"]
        outcome = call("run", rashba, "--output", tmp_path / "out", "--cluster", where)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
    assert outcome.exit_code == 2
    assert "the scheduler was lost" in outcome.stderr
    monkeypatch.setattr(job, "solve", original)
    outcome = call("run", rashba, "--output", tmp_path / "out", "--resume")
    assert outcome.exit_code == 0, outcome.output
    expected = density(tmp_path / "alone")
    np.testing.assert_allclose(density(tmp_path / "out"), expected, rtol=0, atol=1e-12 * np.abs(expected).max())

"""``solenoidal run --cluster``: a real scheduler, one that does not answer, and no Dask at all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from typer.testing import Result as Outcome

from solenoidal.cli import cluster as cluster_module
from solenoidal.cli.app import app
from solenoidal.results.result import Result

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

RASHBA = """
[model]
library = "rashba_square"
parameters = { alpha = 0.5, mass = 0.2 }
[run]
mesh = [12, 12, 1]
replicas = 2
threads = 1
[energies]
fermi = -3.5
window = [-2.0, 2.0]
step = 0.02
[[response]]
kind = "spin_conductivity"
[output]
temperatures = [0]
plane = false
bands = false
"""


@pytest.fixture
def rashba(tmp_path: Path) -> Path:
    path = tmp_path / "rashba.toml"
    path.write_text(RASHBA, encoding="utf-8")
    return path


def call(*arguments: str | Path) -> Outcome:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def density(folder: Path) -> np.ndarray:
    return Result.load(folder / "result.nc").spectra["spin_conductivity"].terms["conventional"]


def test_a_run_on_a_cluster_writes_the_same_numbers(rashba: Path, tmp_path: Path) -> None:
    alone = call("run", rashba, "--output", tmp_path / "alone")
    assert alone.exit_code == 0, alone.output
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        outcome = call("run", rashba, "--output", tmp_path / "cluster", "--cluster", address)
    assert outcome.exit_code == 0, outcome.output
    assert f"cluster: 2 threads at {address}" in outcome.stderr
    assert np.max(np.abs(density(tmp_path / "alone"))) > 1e-3
    alone = density(tmp_path / "alone")
    np.testing.assert_allclose(density(tmp_path / "cluster"), alone, rtol=0, atol=1e-13 * np.abs(alone).max())


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

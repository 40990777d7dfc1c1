"""``solenoidal run`` as a process: interrupted, killed, out of disk space, and started twice in one folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cluster import connection as cluster_module
from solenoidal.integrate import checkpoint as checkpoint_module
from solenoidal.integrate.checkpoint import locked
from solenoidal.integrate.solve import Progress
from solenoidal.workflow import outputs
from support.commands import NO_PICTURES, call, density

SCRIPT = Path(sys.executable).with_name("solenoidal")
SMALL = NO_PICTURES.replace("replicas = 2", "replicas = 2\nblock_size = 12")
LONG = NO_PICTURES.replace("mesh = [12, 12, 1]", "mesh = [480, 480, 1]\nblock_size = 64")
"""7200 blocks, several seconds."""


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("conductivity_pictures", "density_picture", "superconductor_pictures", "convergence_picture"):
        monkeypatch.setattr(outputs, name, lambda *_: [])


def written(folder: Path, text: str) -> Path:
    path = folder / "rashba.toml"
    path.write_text(text, encoding="utf-8")
    return path


def started(path: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [str(part) for part in (SCRIPT, "run", path, "--output", out, *options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(condition, process: subprocess.Popen[str], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def integrating(out: Path) -> bool:
    log = out / "run.log"
    return (out / "run.checkpoint.lock").exists() and log.exists() and "model" in log.read_text(encoding="utf-8")


def same(one: Path, other: Path) -> None:
    expected = density(one)
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(other), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.slow
def test_control_c_keeps_the_finished_blocks_and_the_run_resumes(tmp_path: Path) -> None:
    path, out = written(tmp_path, LONG), tmp_path / "out"
    process = started(path, out)
    until(lambda: integrating(out), process)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert {file.name for file in out.iterdir()} == {"run.checkpoint", "run.log"}
    process = started(path, out, "--resume")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    process = started(path, tmp_path / "alone")
    process.communicate(timeout=240)
    same(tmp_path / "alone", out)


@pytest.mark.slow
def test_a_second_run_into_one_folder_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    path, out = written(tmp_path, LONG), tmp_path / "out"
    process = started(path, out)
    until(lambda: integrating(out), process)
    log = (out / "run.log").read_text(encoding="utf-8")
    for options in ((), ("--resume",), ("--overwrite",)):
        outcome = call("run", path, "--output", out, *options)
        assert outcome.exit_code == 2
        assert f"{out}: another run is writing there" in outcome.stderr
    assert process.poll() is None, "the first run must still be there"
    assert (out / "run.log").read_text(encoding="utf-8").startswith(log)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert not list(out.glob("*.lock"))
    assert "the run is complete" in (out / "run.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_waits_for_its_workers_keeps_others_out(tmp_path: Path) -> None:
    path, out = written(tmp_path, SMALL), tmp_path / "out"
    out.mkdir()
    with locked(out / "run.lock", "taken"):
        outcome = call("run", path, "--output", out, "--overwrite")
    assert outcome.exit_code == 2
    assert "another run is writing there" in outcome.stderr
    assert not out.exists() or not list(out.iterdir())
    # A lock left behind by a run that was killed is nobody's.
    out.mkdir(exist_ok=True)
    (out / "run.lock").touch()
    assert call("run", path, "--output", out).exit_code == 0
    assert not (out / "run.lock").exists()


def test_a_file_system_without_locks_is_said_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(checkpoint_module.fcntl, "flock", missing)
    with locked(tmp_path / "run.lock", "taken"):
        assert (tmp_path / "run.lock").exists()
    assert "this file system has no locks" in caplog.text


@pytest.mark.usefixtures("undrawn")
def test_a_full_disk_at_the_end_is_one_line_and_keeps_the_finished_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = written(tmp_path, SMALL), tmp_path / "out"
    assert call("run", path, "--output", tmp_path / "alone").exit_code == 0

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        outcome = call("run", path, "--output", out)
    assert outcome.exit_code == 2
    assert re.search(r"error: .*No space left on device \(\d+\.\d MB are needed\): .*result\.nc", outcome.stderr)
    assert {file.name for file in out.iterdir()} == {"run.checkpoint", "run.log"}
    assert call("run", path, "--output", out, "--resume").exit_code == 0
    same(tmp_path / "alone", out)


class Interrupted:
    """Receives a signal while it is destroyed, where Python drops the exception."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_python_drops_still_ends_a_run_on_a_cluster(number: signal.Signals) -> None:
    with cluster_module._signals_interrupt() as interruption:
        connection = cluster_module.Connection(interruption=interruption)
        with RunMonitor(connection, Estimate(None, None)) as monitor:
            state = Progress(1, 2, 1.0, 1.0)
            monitor.update(state)
            Interrupted(number)
            with pytest.raises(KeyboardInterrupt):
                monitor.update(state)

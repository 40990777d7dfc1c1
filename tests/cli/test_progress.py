"""What a run says while it goes on, and the log a user can send: on a fast run, and on workers that come and go."""

from __future__ import annotations

import logging
import platform
import re
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.cli import progress as progress_module
from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cluster.connection import Connection
from solenoidal.results.result import Result
from solenoidal.workflow import job, outputs, session
from solenoidal.workflow.runlog import run_log
from support.commands import NO_PICTURES, call, density
from support.runs import MODEL, OPTIONS, RESPONSES

ACCURATE = NO_PICTURES.replace("mesh = [12, 12, 1]\nreplicas = 2", "accuracy = 0.01\nreplicas = 4").replace(
    "[0, 300]", "[300]"
)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs without their figures, which take longer than everything else."""
    for name in ("conductivity_pictures", "density_picture", "superconductor_pictures", "convergence_picture"):
        monkeypatch.setattr(outputs, name, lambda *_: [])


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rashba.toml"
    path.write_text(text, encoding="utf-8")
    return path


def no_handlers_left() -> bool:
    handlers = logging.getLogger("solenoidal").handlers + logging.getLogger("distributed").handlers
    return not any(isinstance(handler, logging.FileHandler) for handler in handlers)


@pytest.mark.usefixtures("undrawn")
def test_the_log_holds_what_a_bug_report_needs(tmp_path: Path) -> None:
    outcome = call("run", written(tmp_path, ACCURATE), "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    log = (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    for package in ("solenoidal", "numpy", "scipy", "numba"):
        assert f"{package} {version(package)}" in log
    assert f"python {platform.python_version()}" in log
    assert platform.platform() in log
    assert "accuracy = 0.01" in log
    assert "model: 2 bands, 2 periodic directions" in log
    history = Result.load(tmp_path / "out" / "result.nc").attrs["convergence"]["history"]
    assert len(history) > 1
    for number, entry in enumerate(history, 1):
        reached = 100 * 0.01 * entry["error_over_tolerance"]
        assert re.search(rf"set {number} complete: \d+ blocks .* error {reached:.2g} % \(asked 1 %\)", log)
    assert "the run is complete" in log
    assert no_handlers_left()


@pytest.mark.usefixtures("undrawn")
def test_a_bug_leaves_its_traceback_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(session, "write_netcdf", broken)
    outcome = call("run", written(tmp_path, NO_PICTURES), "--output", tmp_path / "out")
    assert isinstance(outcome.exception, ZeroDivisionError)
    log = (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    assert "the run failed: ZeroDivisionError: a bug" in log
    assert "Traceback" in log
    assert "in broken" in log
    assert (tmp_path / "out" / "run.checkpoint").exists()
    assert no_handlers_left()


def test_warnings_reach_the_log_and_the_screen(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="strange"), run_log(tmp_path / "run.log", append=False):
        warnings.warn("strange", RuntimeWarning, stacklevel=1)
    assert "RuntimeWarning: strange" in (tmp_path / "run.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_without_a_terminal_there_is_a_line_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "LINE_SECONDS", 0.02)
    original = job.solve

    def slow(*arguments, **options):
        def progress(state: sol.Progress) -> None:
            options["progress"](state)
            time.sleep(0.05)

        return original(*arguments, **{**options, "progress": progress})

    monkeypatch.setattr(job, "solve", slow)
    text = NO_PICTURES.replace("replicas = 2", "replicas = 4\nblock_size = 36")
    outcome = call("run", written(tmp_path, text), "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    lines = [line for line in outcome.stderr.splitlines() if line.startswith("integrating: ")]
    assert len(lines) > 2
    assert all(re.search(r"integrating: \d+/16 blocks, .*remaining \d+:\d\d:\d\d$", line) for line in lines)
    assert any("error " in line for line in lines[-2:]), "the error is known once three meshes are complete"


class Visitors:
    """A client whose workers are those of a list, one entry for each look."""

    def __init__(self, *looks: dict[str, int]) -> None:
        self.looks = list(looks)

    def nthreads(self) -> dict[str, int]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def test_workers_that_come_and_go_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "WATCH_SECONDS", 0.01)
    client = Visitors({"tcp://a:1": 4}, {"tcp://a:1": 4, "tcp://b:2": 8}, {"tcp://b:2": 8}, {})
    with run_log(tmp_path / "run.log", append=False), RunMonitor(Connection(client), Estimate(None, None)):
        until = time.monotonic() + 5
        while client.looks != [{}] and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
    log = (tmp_path / "run.log").read_text(encoding="utf-8")
    said = [
        "worker tcp://a:1 joined with 4 threads",
        "worker tcp://b:2 joined with 8 threads",
        "worker tcp://a:1 left",
        "worker tcp://b:2 left",
        "no workers are left",
        "no block finished yet, 0 workers",
    ]
    places = [log.index(text) for text in said]
    assert places == sorted(places)


@pytest.mark.usefixtures("undrawn")
def test_a_stopped_run_with_a_stated_accuracy_is_resumed_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = job.converge

    def stopping(*arguments, **options):
        def progress(state: sol.Progress) -> None:
            options["progress"](state)
            if (state.stage, state.done) == (2, 3):
                raise KeyboardInterrupt

        return original(*arguments, **{**options, "progress": progress})

    path = written(tmp_path, ACCURATE)
    assert call("run", path, "--output", tmp_path / "whole").exit_code == 0
    monkeypatch.setattr(job, "converge", stopping)
    assert call("run", path, "--output", tmp_path / "out").exit_code == 130
    monkeypatch.setattr(job, "converge", original)
    path.write_text(ACCURATE.replace("0.01", "0.02"), encoding="utf-8")
    refused = call("run", path, "--output", tmp_path / "out", "--resume")
    assert refused.exit_code == 2
    assert "accuracy was Accuracy(" in refused.stderr
    path.write_text(ACCURATE, encoding="utf-8")
    outcome = call("run", path, "--output", tmp_path / "out", "--resume")
    assert outcome.exit_code == 0, outcome.output
    expected = density(tmp_path / "whole")
    np.testing.assert_allclose(density(tmp_path / "out"), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    log = (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    assert [text in log for text in ("interrupted", "belongs to another run", "the run is complete")] == [True] * 3


def test_the_estimate_is_the_relative_error_of_the_complete_meshes() -> None:
    accuracy = sol.Accuracy((-0.4,), (1500.0,), relative=0.5)
    estimate = Estimate(accuracy, 0.01)
    assert estimate.text == ""
    seen: list[str] = []

    def note(state: sol.Progress) -> None:
        estimate.update(state)
        seen.append(estimate.text)

    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**{**OPTIONS, "replicas": 4}), progress=note)
    assert seen[0] == ""
    expected = 0.5 * accuracy.shortfall(result)
    assert expected > 0
    assert seen[-1] == f"error {100 * expected:.2g} % (asked 1 %)"

"""Finished blocks survive: interruption, killed processes, damaged files, changed input, a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ConfigError, InputFileError, ModelError, WorkerError
from solenoidal.integrate.checkpoint import Checkpoint
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.responses.response import Term
from support.runs import (
    GRID,
    MODEL,
    OPTIONS,
    RESPONSES,
    StopError,
    densities,
    equal,
    stop_after,
    undisturbed,
)


@pytest.mark.parametrize("blocks", [1, 7, 40])
def test_a_resumed_run_ends_with_the_same_numbers(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        sol.solve(
            MODEL,
            RESPONSES,
            sol.Numerics(**OPTIONS),
            executor=SerialExecutor(),
            checkpoint=path,
            progress=stop_after(blocks),
        )
    seen: list[int] = []
    result = sol.solve(
        MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=True, progress=lambda p: seen.append(p.done)
    )
    assert seen[0] == blocks + 1
    equal(densities(result), undisturbed())


def test_processes_give_the_same_numbers_as_one_thread() -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        result = sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=pool)
    equal(densities(result), undisturbed())


def test_an_existing_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="resume from it"):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"mesh": (25, 24, 1)}, "mesh was"),
        ({"seed": 4}, "seed was"),
        ({"energies": sol.EnergyGrid(-6, 6, 0.1, 0.0)}, "energies was"),
        ({"block_size": 48}, "block size was"),
    ],
)
def test_resume_refuses_a_changed_input_and_names_the_change(tmp_path: Path, change: dict, named: str) -> None:
    path = tmp_path / "run.checkpoint"
    sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
    with pytest.raises(InputFileError, match=named):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**{**OPTIONS, **change}), checkpoint=path, resume=True)


def test_resume_refuses_a_changed_model(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
    shifted = sol.LatticeOperator(MODEL.hamiltonian.R, MODEL.hamiltonian.matrices * (1 + 1e-9))
    other = replace(MODEL, hamiltonian=shifted, operators=dict(MODEL.operators))
    with pytest.raises(InputFileError, match="model's numbers have changed"):
        sol.solve(other, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=True)


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign"])
def test_a_damaged_checkpoint_is_detected(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "run.checkpoint"
    sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
    blob = bytearray(path.read_bytes())
    if damage == "flip":
        blob[len(blob) // 2] ^= 1
    path.write_bytes(b"something else" if damage == "foreign" else bytes(blob[: -10 if damage == "cut" else None]))
    with pytest.raises(InputFileError, match=r"damaged|not a checkpoint"):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=True)


def test_resume_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no checkpoint to resume from"):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=tmp_path / "none", resume=True)


def test_two_runs_cannot_write_one_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    refused: list[str] = []

    def second(state) -> None:
        if not refused:
            with pytest.raises(ConfigError, match="another run is writing") as caught:
                sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path)
            refused.append(str(caught.value))

    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, progress=second)
    assert refused
    equal(densities(result), undisturbed())


@pytest.fixture
def at_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints without a pause between them."""
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0, *Checkpoint.__init__.__defaults__[1:]))


@pytest.mark.usefixtures("at_every_block")
def test_a_full_disk_leaves_the_last_checkpoint_and_the_run_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        sol.solve(
            MODEL,
            RESPONSES,
            sol.Numerics(**OPTIONS),
            executor=SerialExecutor(),
            checkpoint=path,
            progress=stop_after(5),
        )
    good = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=True)
    assert caplog.text.count("No space left") > 10
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []
    equal(densities(result), undisturbed())


@pytest.mark.usefixtures("at_every_block")
def test_a_device_that_is_full_for_a_while_costs_one_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.checkpoint"
    # What is written there fails for want of space; the link is removed like any unfinished file.
    path.with_name("run.checkpoint.part").symlink_to("/dev/full")
    with pytest.raises(StopError):
        sol.solve(
            MODEL,
            RESPONSES,
            sol.Numerics(**OPTIONS),
            executor=SerialExecutor(),
            checkpoint=path,
            progress=stop_after(5),
        )
    assert caplog.text.count("No space left on device") == 1
    equal(densities(sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=True)), undisturbed())


class NotFinite:
    """A response that fails at one k point."""

    name = "broken"
    operators = ()

    def terms(self, model: object) -> dict:
        return {"states": Term((), 1, values=self.states)}

    def states(self, states: BlochStates) -> np.ndarray:
        values = np.ones_like(states.energies)
        values[np.all(np.isclose(states.k, [0.25, 0.5, 0.0]), axis=1)] = np.nan
        return values

    def quantities(self, model: object) -> dict:
        return {}


def test_a_value_that_is_not_finite_names_response_term_and_k_point() -> None:
    with pytest.raises(ModelError, match=r"broken: term 'states' is not finite at k = \[0.25, 0.5, 0.0\]"):
        sol.solve(MODEL, [NotFinite()], sol.Numerics(mesh=(24, 24, 1), energies=GRID, symmetry=None))


class MortalPool(ProcessPoolExecutor):
    """A process pool one of whose workers is killed when a given block is handed out."""

    def __init__(self, fatal: int) -> None:
        super().__init__(2, mp_context=get_context("spawn"))
        self.fatal, self.count = fatal, 0

    def submit(self, fn, /, *args, **kwargs) -> Future:
        self.count += 1
        future = super().submit(fn, *args, **kwargs)
        if self.count == self.fatal:
            os.kill(next(iter(self._processes)), signal.SIGKILL)
        return future


def test_a_killed_worker_process_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    with (
        MortalPool(30) as pool,
        pytest.raises(WorkerError, match="worker process was killed"),
    ):
        sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=pool, checkpoint=path)
    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), checkpoint=path, resume=path.exists())
    equal(densities(result), undisturbed())


DRIVER = """
import sys, time, numpy as np, solenoidal as sol
from pathlib import Path
from solenoidal.integrate import checkpoint
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.models.library import random_model
checkpoint.Checkpoint.__init__.__defaults__ = (0.05, *checkpoint.Checkpoint.__init__.__defaults__[1:])
path = Path(sys.argv[1])
result = sol.solve(
    random_model(3, 2, 5), [sol.SpinConductivity()],
    sol.Numerics(
        mesh=(24, 24, 1), energies=sol.EnergyGrid(-6, 6, 0.05, 0.0), block_size=24, replicas=2, seed=3
    ),
    executor=SerialExecutor(), checkpoint=path, resume=path.exists(), progress=lambda p: time.sleep(0.1),
)
terms = result.spectra["spin_conductivity"].terms
np.save(sys.argv[2], np.concatenate([terms[name].ravel() for name in sorted(terms)]))
"""


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    path, out = tmp_path / "run.checkpoint", tmp_path / "out.npy"
    random = np.random.default_rng(0)
    kills = 0
    for _ in range(60):
        driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(path), str(out)])
        try:
            driver.wait(timeout=random.uniform(1.2, 4.0) if kills < 20 else 600)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            kills += 1
            continue
        assert driver.returncode == 0
        if kills >= 20:
            break
        path.unlink()
        out.unlink()
        time.sleep(0.01)
    assert kills >= 20
    equal(np.load(out), undisturbed())


ACCURACY = sol.Accuracy((-0.4,), (1500.0,), relative=0.001)
"""Not met by the first set of meshes."""


def converged(accuracy: sol.Accuracy = ACCURACY, *, seed: int = 0, **options) -> sol.Result:
    numerics = sol.Numerics(accuracy=accuracy, energies=GRID, symmetry=None, threads=1, seed=seed)
    return sol.converge(MODEL, RESPONSES, numerics, **options)


@pytest.mark.parametrize(("stage", "blocks"), [(1, 3), (2, 1), (2, 9)])
def test_a_stopped_run_with_a_stated_accuracy_resumes_inside_its_set(tmp_path: Path, stage: int, blocks: int) -> None:
    path = tmp_path / "run.checkpoint"
    reference = converged()
    assert len(reference.attrs["convergence"]["history"]) >= 2
    with pytest.raises(StopError):
        converged(checkpoint=path, progress=stop_after(blocks, stage))
    seen: list[tuple[int, int]] = []
    result = converged(checkpoint=path, resume=True, progress=lambda p: seen.append((p.stage, p.done)))
    assert seen[0] == (stage, blocks + 1)
    equal(densities(result), densities(reference))
    found, expected = result.attrs["convergence"]["history"], reference.attrs["convergence"]["history"]
    assert [entry["divisions"] for entry in found] == [entry["divisions"] for entry in expected]
    for one, other in zip(found, expected, strict=True):
        assert one["error_over_tolerance"] == pytest.approx(other["error_over_tolerance"], rel=1e-10)


def test_a_finished_run_with_a_stated_accuracy_resumes_without_computing(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    reference = converged(checkpoint=path)
    seen: list[int] = []
    result = converged(checkpoint=path, resume=True, progress=lambda state: seen.append(state.done))
    assert seen == []
    equal(densities(result), densities(reference))


def test_resume_refuses_another_accuracy_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    converged(checkpoint=path)
    with pytest.raises(InputFileError, match=r"accuracy was Accuracy\(.*relative=0.001.*now Accuracy\(.*relative=0.1"):
        converged(replace(ACCURACY, relative=0.1), checkpoint=path, resume=True)
    with pytest.raises(InputFileError, match="first seed was 0, now 1"):
        converged(checkpoint=path, resume=True, seed=1)
    with pytest.raises(ConfigError, match="resume from it"):
        converged(checkpoint=path)


def test_two_runs_with_a_stated_accuracy_cannot_write_one_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    refused: list[str] = []

    def second(state: sol.Progress) -> None:
        if not refused:
            with pytest.raises(ConfigError, match="another run is writing") as caught:
                converged(checkpoint=path, resume=path.exists())
            refused.append(str(caught.value))

    converged(checkpoint=path, progress=second)
    assert refused


def test_the_error_is_estimated_from_the_meshes_that_are_complete() -> None:
    estimates: dict[int, float] = {}

    def watch(state: sol.Progress) -> None:
        partial = state.partial()
        if partial is not None:
            estimates.setdefault(partial.replicas, replace(ACCURACY, relative=1.0).shortfall(partial))

    result = sol.solve(MODEL, RESPONSES, sol.Numerics(**{**OPTIONS, "replicas": 5}), progress=watch)
    assert sorted(estimates) == [3, 4, 5]
    assert estimates[5] == pytest.approx(replace(ACCURACY, relative=1.0).shortfall(result), rel=1e-12)
    assert 0 < estimates[5] < 1

"""Workers and drivers killed at random moments, and how much work a killed run loses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.integrate.checkpoint import INTERVAL
from support.runs import MODEL, OPTIONS, RESPONSES, densities, equal, undisturbed

KILLS = 24
DRIVER = """
import sys, time, numpy as np, solenoidal as sol
from pathlib import Path
from distributed import Client
from solenoidal.integrate import checkpoint
from support.runs import MODEL, OPTIONS, RESPONSES, densities
address, path, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
interval, pause = float(sys.argv[4]), float(sys.argv[5])
checkpoint.Checkpoint.__init__.__defaults__ = (interval, *checkpoint.Checkpoint.__init__.__defaults__[1:])

def progress(state):
    with open(out + ".txt", "a") as file:
        print(state.done, time.time(), file=file)
    time.sleep(pause)

client = Client(address) if address else None
numerics = sol.Numerics(**OPTIONS, threads=1 if client is None else None)
result = sol.solve(
    MODEL, RESPONSES, numerics, executor=client, checkpoint=path, resume=path.exists(), progress=progress
)
with open(out, "wb") as file:
    np.save(file, densities(result))
"""


def driver(address: str, path: Path, out: Path, interval: float, pause: float) -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{DRIVER}"
    arguments = [address, str(path), str(out), str(interval), str(pause)]
    return subprocess.Popen([sys.executable, "-c", code, *arguments])


def blocks(out: Path) -> list[tuple[int, float]]:
    """Blocks done and when, one entry for each block of every driver."""
    log = out.with_name(out.name + ".txt")
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [(int(done), float(when)) for done, when in (line.split() for line in lines)]


def next_block(out: Path, process: subprocess.Popen[bytes]) -> None:
    """Until one more block is finished, or the driver has ended."""
    before, until = len(blocks(out)), time.monotonic() + 120
    while len(blocks(out)) == before and process.poll() is None:
        assert time.monotonic() < until, "the run does not go on"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_workers_and_drivers_killed_at_random_change_nothing(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    path, out = tmp_path / "run.checkpoint", tmp_path / "out.npy"
    random = np.random.default_rng(1)
    killed = {"worker": 0, "driver": 0}
    with (
        # A local cluster gives up workers that were away for so long; the nannies bring them back.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        process = driver(cluster.scheduler_address, path, out, 0.3, 0.1)
        try:
            while True:
                next_block(out, process)
                time.sleep(random.uniform(0.0, 2.0))
                ended, enough = process.poll() is not None, sum(killed.values()) >= KILLS
                if ended:
                    assert process.returncode == 0
                    equal(np.load(out), undisturbed())
                    if enough:
                        break
                    path.unlink()
                elif enough:
                    continue
                elif random.random() < 0.5:
                    process.kill()
                    process.wait()
                    killed["driver"] += 1
                else:
                    # Only workers that have registered: Dask gives up one that dies before.
                    alive = list(client.run(os.getpid, on_error="ignore").values())
                    if alive:
                        os.kill(int(random.choice(alive)), signal.SIGKILL)
                        killed["worker"] += 1
                if process.poll() is not None:
                    process = driver(cluster.scheduler_address, path, out, 0.3, 0.1)
        finally:
            process.kill()
            process.wait()
    assert min(killed.values()) >= KILLS // 4, killed
    done = [number for number, _ in blocks(out)]
    assert any(1 < later <= earlier for earlier, later in pairwise(done)), "no driver lost a block it had finished"


@pytest.mark.slow
def test_a_killed_run_loses_less_than_thirty_seconds(tmp_path: Path) -> None:
    path, out = tmp_path / "run.checkpoint", tmp_path / "out.npy"
    process = driver("", path, out, INTERVAL, 1.0)
    try:
        until = time.monotonic() + 120
        while not blocks(out) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        # Just before the second write, when most is lost.
        time.sleep(2 * INTERVAL - 2)
    finally:
        process.kill()
        process.wait()
    end, finished = time.time(), dict(blocks(out))
    seen: list[int] = []
    resumed = sol.solve(
        MODEL,
        RESPONSES,
        sol.Numerics(**OPTIONS),
        checkpoint=path,
        resume=True,
        progress=lambda state: seen.append(state.done),
    )
    kept = seen[0] - 1
    assert 0 < kept < max(finished)
    assert end - finished[kept] < 30
    equal(densities(resumed), undisturbed())

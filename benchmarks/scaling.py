"""Scaling over worker processes of a local Dask cluster, and what one block costs the network and the driver.

    python scaling.py data/platinum_6x6x6.npz results/scaling.json [--mesh 24] [--rounds 2]

Full zone, one BLAS thread for each process, every definition and all 27 components, no audit. Runs with one and two
workers alternate, after one warm-up run on each cluster that compiles the kernels in every worker.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from distributed import Client, LocalCluster

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import Degeneracy
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.integrate.meshes import UniformMesh, blocks
from solenoidal.integrate.solve import CACHE_BYTES
from solenoidal.integrate.worker import BlockWorker, Task
from solenoidal.results.spectral import add_rows

MU = 17.8539
GRID = sol.EnergyGrid(MU - 2, MU + 2, 0.002, MU)
BLOCK = 512


def run(model: sol.TightBinding, mesh: int, executor: object) -> float:
    """Wall seconds of one run on the full zone."""
    start = time.perf_counter()
    sol.solve(
        model,
        [sol.SpinConductivity()],
        mesh=(mesh, mesh, mesh),
        energies=GRID,
        symmetry=None,
        kramers=True,
        audit=False,
        block_size=BLOCK,
        executor=executor,
    )
    return time.perf_counter() - start


def block_costs(model: sol.TightBinding, mesh: int) -> dict[str, float]:
    """Bytes sent and seconds spent for one block, and the driver's share of them."""
    chunk = max(8, min(BLOCK, CACHE_BYTES // (40 * 16 * model.n_orbitals**2)))
    responses = (sol.SpinConductivity(),)
    worker = BlockWorker(interpolator(model), responses, Degeneracy(1e-4, True), GRID, chunk, 0)
    tasks = [Task(0, block) for block in blocks(UniformMesh((mesh, mesh, mesh)).full(), BLOCK)][:10]
    worker(tasks[0])
    start = time.perf_counter()
    parts = [worker(task) for task in tasks]
    seconds = (time.perf_counter() - start) / len(tasks)
    sent = [pickle.dumps(part, protocol=5) for part in parts]
    columns = sum(3 ** len(t.legs) for r in responses for t in r.terms.values())
    total = np.zeros((GRID.rows, GRID.moments, columns))
    add_rows(total, parts[0].density)
    start = time.perf_counter()
    for part in parts:
        add_rows(total, part.density)
    adding = (time.perf_counter() - start) / len(parts)
    start = time.perf_counter()
    for blob in sent:
        pickle.loads(blob)
    loading = (time.perf_counter() - start) / len(sent)
    return {
        "bytes_worker": len(pickle.dumps(worker, protocol=5)),
        "bytes_task": float(np.mean([len(pickle.dumps(task, protocol=5)) for task in tasks])),
        "bytes_result": float(np.mean([len(blob) for blob in sent])),
        "bytes_sums": total.nbytes,
        "block_seconds": seconds,
        "unpickle_seconds": loading,
        "add_seconds": adding,
    }


def empty_task_seconds(client: Client, count: int = 1000) -> float:
    """Seconds for each task that does nothing, submitted and collected as blocks are."""
    start = time.perf_counter()
    for future in [client.submit(int, number, pure=False) for number in range(count)]:
        future.result()
    return (time.perf_counter() - start) / count


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--mesh", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    model = sol.load_model(options.model)
    run(model, 8, SerialExecutor())
    record: dict[str, object] = {"mesh": options.mesh, "block_size": BLOCK, **block_costs(model, options.mesh)}
    rows = []
    for _ in range(options.rounds):
        row = {"load_average": os.getloadavg()[0], "serial": run(model, options.mesh, SerialExecutor())}
        for workers in (1, 2):
            with (
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
                Client(cluster) as client,
            ):
                run(model, 16, client)
                row[f"workers_{workers}"] = run(model, options.mesh, client)
                row[f"empty_task_{workers}"] = empty_task_seconds(client)
        row["efficiency"] = row["workers_1"] / (2 * row["workers_2"])
        print(json.dumps(row), flush=True)
        rows.append(row)
    record["rounds"] = rows
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

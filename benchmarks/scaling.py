"""Scaling over worker processes of a local Dask cluster, and what one block costs the network and the driver.

    python scaling.py data/platinum_6x6x6.npz results/scaling.json [--mesh 24] [--rounds 2]

Full zone, one BLAS thread for each process, every definition and all 27 components, no audit. Runs with one and two
workers alternate, after one warm-up run on each cluster that compiles the kernels in every worker. Wall times depend on
what else the machine does; CPU times attribute the work: inside the tasks, in the workers around them, and in the
process of driver and scheduler.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
# As in the jobs of --slurm; without them Dask's workers spend 1.6 times the processor time on a block.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "268435456")
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", "33554432")

import numpy as np
from distributed import Client, LocalCluster

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import Degeneracy
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.integrate.executors import SerialExecutor, map_blocks
from solenoidal.integrate.meshes import UniformMesh, blocks
from solenoidal.integrate.solve import CACHE_BYTES
from solenoidal.integrate.worker import BlockSum, BlockWorker, Task
from solenoidal.sampling.energy_grid import add_rows
from solenoidal.symmetry.search import SymmetryGroup

MU = 17.8539
GRID = sol.EnergyGrid(MU - 2, MU + 2, 0.002, MU)
BLOCK = 512


@dataclass(frozen=True)
class Timed:
    """A block worker whose results carry the CPU and wall seconds of the task."""

    worker: BlockWorker

    def __call__(self, task: Task) -> tuple[BlockSum, float, float]:
        cpu, wall = time.thread_time(), time.perf_counter()
        part = self.worker(task)
        return part, time.thread_time() - cpu, time.perf_counter() - wall


def block_worker(model: sol.TightBinding) -> BlockWorker:
    """What ``solve`` makes of platinum without symmetry and audit."""
    chunk = max(8, min(BLOCK, CACHE_BYTES // (40 * 16 * model.n_orbitals**2)))
    responses = (sol.SpinConductivity(),)
    layout = ColumnLayout.build(model, responses, SymmetryGroup.identity())
    return BlockWorker(interpolator(model), responses, layout, Degeneracy(1e-4, True), GRID, chunk, 0)


def zero_sums() -> np.ndarray:
    """Running sums of one replica."""
    return np.zeros((GRID.rows, GRID.moments, sum(3 ** len(t.legs) for t in sol.SpinConductivity().terms.values())))


def run(model: sol.TightBinding, mesh: int, executor: object) -> dict[str, float]:
    """Wall seconds of one run on the full zone, and where its CPU seconds went."""
    timed = Timed(block_worker(model))
    tasks = [Task(0, block) for block in blocks(UniformMesh((mesh, mesh, mesh)).full(), BLOCK)]
    total = zero_sums()
    before = worker_cpu(executor)
    start, driver = time.perf_counter(), time.process_time()
    cpu = wall = 0.0
    for _, (part, task_cpu, task_wall) in map_blocks(executor, timed, tasks):
        add_rows(total, part.density)
        cpu, wall = cpu + task_cpu, wall + task_wall
    return {
        "wall": time.perf_counter() - start,
        "driver_cpu": time.process_time() - driver,
        "workers_cpu": worker_cpu(executor) - before,
        "tasks_cpu": cpu,
        "tasks_wall": wall,
        "blocks": len(tasks),
    }


def worker_cpu(executor: object) -> float:
    """CPU seconds the worker processes of a cluster have used so far."""
    return sum(executor.run(time.process_time).values()) if isinstance(executor, Client) else 0.0


def block_costs(model: sol.TightBinding, mesh: int) -> dict[str, float]:
    """Bytes sent and seconds spent for one block, and the driver's share of them."""
    worker = block_worker(model)
    tasks = [Task(0, block) for block in blocks(UniformMesh((mesh, mesh, mesh)).full(), BLOCK)][:10]
    worker(tasks[0])
    start = time.process_time()
    parts = [worker(task) for task in tasks]
    seconds = (time.process_time() - start) / len(tasks)
    sent = [pickle.dumps(part, protocol=5) for part in parts]
    total = zero_sums()
    add_rows(total, parts[0].density)
    start = time.process_time()
    for part in parts:
        add_rows(total, part.density)
    adding = (time.process_time() - start) / len(parts)
    start = time.process_time()
    for blob in sent:
        pickle.loads(blob)
    loading = (time.process_time() - start) / len(sent)
    return {
        "bytes_worker": len(pickle.dumps(worker, protocol=5)),
        "bytes_task": float(np.mean([len(pickle.dumps(task, protocol=5)) for task in tasks])),
        "bytes_result": float(np.mean([len(blob) for blob in sent])),
        "bytes_sums": total.nbytes,
        "block_cpu_seconds": seconds,
        "unpickle_seconds": loading,
        "add_seconds": adding,
    }


def empty_task_seconds(client: Client, count: int = 2000) -> dict[str, float]:
    """Seconds for each task that does nothing: wall, and CPU of the process of driver and scheduler."""
    start, cpu = time.perf_counter(), time.process_time()
    for _ in map_blocks(client, int, range(count)):
        pass
    return {"wall": (time.perf_counter() - start) / count, "driver_cpu": (time.process_time() - cpu) / count}


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
                run(model, 12, client)
                row[f"workers_{workers}"] = run(model, options.mesh, client)
                row[f"empty_task_{workers}"] = empty_task_seconds(client)
        row["efficiency"] = row["workers_1"]["wall"] / (2 * row["workers_2"]["wall"])
        print(json.dumps(row), flush=True)
        rows.append(row)
    record["rounds"] = rows
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

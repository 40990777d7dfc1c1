"""Where blocks are computed: in this thread, in threads or processes, or on a Dask cluster.

Anything with the interface of ``concurrent.futures`` serves. Executors that do not share memory with this process get
the worker once, not with every block: processes through a file, a Dask cluster as the result of a task.
"""

from __future__ import annotations

import math
import os
import pickle
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

from solenoidal.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

NTHREADS_INTERVAL = 5.0
"""Seconds after which a cluster is asked again how many threads it has: batch systems start workers one by one."""


REMEDY = (
    "Give each worker more memory, or run fewer at once (fewer threads or processes on each machine), and resume from "
    "the finished blocks; a smaller block_size needs less memory too, but starts anew"
)
"""What helps when a block does not fit. A checkpoint belongs to one block size, but to any threads and workers."""


class SerialExecutor(Executor):
    """Computes at submission, in the calling thread; for debugging and for comparisons."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run ``fn`` now and return its finished future."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def default_executor(threads: int | None) -> Iterator[Executor]:
    """Threads, one for each core unless told otherwise, each with a single BLAS thread of its own."""
    count = threads or os.cpu_count() or 1
    with threadpool_limits(1), ThreadPoolExecutor(count, thread_name_prefix="solenoidal") as pool:
        yield pool


def ordered_map(
    executor: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[tuple[T, R]]:
    """Results in the order of ``items`` with at most ``ahead`` submitted and unconsumed.

    Order makes sums independent of timing; the bound keeps memory independent of the number of items.
    """
    pending: deque[tuple[T, Future[R]]] = deque()
    source = iter(items)
    for item in source:
        pending.append((item, executor.submit(function, item)))
        if len(pending) >= ahead:
            break
    try:
        while pending:
            done, future = pending.popleft()
            result = future.result()
            for item in source:
                pending.append((item, executor.submit(function, item)))
                break
            yield done, result
    finally:
        for _, future in pending:
            future.cancel()


def map_blocks(pool: Any, worker: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Results of ``worker`` on ``tasks`` in their order, on an executor or a Dask client.

    Raises ``WorkerError`` when memory is not enough for a block or the processes that computed it were killed.
    """
    try:
        yield from _map_blocks(pool, worker, tasks)
    except MemoryError as error:
        raise WorkerError(f"not enough memory for a block of k points ({error or 'MemoryError'}). {REMEDY}") from error
    except BrokenProcessPool as error:
        raise WorkerError(
            f"a worker process was killed while it computed a block, most often because memory was exhausted. {REMEDY}"
        ) from error


def _map_blocks(pool: Any, worker: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
    ahead = 2 * (getattr(pool, "_max_workers", None) or 8)
    if hasattr(pool, "scatter"):
        yield from _on_dask(pool, worker, tasks)
    elif isinstance(pool, ProcessPoolExecutor):
        with tempfile.TemporaryDirectory(prefix="solenoidal-") as folder:
            path = Path(folder) / "worker.pickle"
            path.write_bytes(pickle.dumps(worker, protocol=5))
            yield from ordered_map(pool, _FromFile(str(path)), tasks, ahead)
    else:
        yield from ordered_map(pool, worker, tasks, ahead)


@dataclass(frozen=True)
class _FromFile:
    """A worker read once by each process."""

    path: str

    def __call__(self, task: Any) -> Any:
        with threadpool_limits(1):
            return _read_worker(self.path)(task)


@lru_cache(maxsize=1)
def _read_worker(path: str) -> Callable[[Any], Any]:
    worker: Callable[[Any], Any] = pickle.loads(Path(path).read_bytes())
    return worker


def _on_dask(client: Any, worker: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
    """The worker is sent to the cluster once; a bounded number of blocks is under way for each thread there.

    It is the result of a task rather than scattered data, so that the scheduler can make it again when every process
    that held it is gone. A block that kills worker after worker is given up.
    """
    with _large_graphs():
        shared = client.submit(pickle.loads, pickle.dumps(worker, protocol=5), pure=False)
    pending: deque[tuple[T, Any]] = deque()
    source = iter(tasks)
    asked, ahead = -math.inf, 0
    try:
        while True:
            if time.monotonic() - asked > NTHREADS_INTERVAL:
                asked, ahead = time.monotonic(), max(4, 3 * sum(client.nthreads().values()))
            for task in islice(source, max(0, ahead - len(pending))):
                pending.append((task, client.submit(_apply, shared, task, pure=False)))
            if not pending:
                return
            task, future = pending.popleft()
            result = future.result()
            yield task, result
    except Exception as error:
        # By name: this module serves executors of any kind and imports none of them.
        if type(error).__name__ != "KilledWorker":
            raise
        raise WorkerError(
            "several workers died one after the other while they computed the same block, most often because each "
            f"exceeded its memory limit (the workers' logs say so). {REMEDY}"
        ) from error
    finally:
        for _, future in pending:
            future.cancel()


def _large_graphs() -> Any:
    """Dask advises scattering for arguments above 10 MB; what it scatters it cannot restore."""
    from dask import config

    return config.set({"distributed.admin.large-graph-warning-threshold": "4 GB"})


def _apply(worker: Callable[[T], R], task: T) -> R:
    with threadpool_limits(1):
        return worker(task)

"""Where blocks are computed: in this thread, in threads, or in any executor of the concurrent.futures kind."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


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

"""What a run walks through: the blocks of one pass, or of several that build on one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.integrate.checkpoint import RunningSums
from solenoidal.integrate.executors import map_blocks
from solenoidal.integrate.worker import Task


@dataclass(frozen=True)
class Pass:
    """All blocks of a run computed by ``worker`` and taken into the sums by ``add``, one after the other.

    ``tasks`` (sums, number of the first block, executor) gives those that are left, when the pass begins. ``name`` says
    what goes on; ``costs`` are the times that the blocks are expected to take, in any unit common to all passes.
    """

    name: str
    worker: Callable[[Task], Any]
    tasks: Callable[[RunningSums, int, Executor], Iterable[Task]]
    add: Callable[[RunningSums, Task, Any], None]
    costs: RealArray

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.costs)


def walk(pool: Executor, passes: Sequence[Pass], sums: RunningSums) -> Iterator[tuple[Pass, Task, Any]]:
    """Results of the blocks that are not in ``sums`` yet, in order; whoever takes one adds it and counts it there."""
    begin = 0
    for one in passes:
        if sums.done < begin + one.blocks:
            for task, part in map_blocks(pool, one.worker, one.tasks(sums, sums.done - begin, pool)):
                yield one, task, part
        begin += one.blocks


def remaining(passes: Sequence[Pass], before: int, done: int, elapsed: float) -> float:
    """Seconds that the blocks after ``done`` will take when those after ``before`` have taken ``elapsed``."""
    costs = np.concatenate([one.costs for one in passes])
    return float(elapsed * costs[done:].sum() / costs[before:done].sum())


def name_of_pass(passes: Sequence[Pass], done: int) -> str:
    """Name of the pass that block number ``done`` belongs to, of the last one when all are done."""
    for one in passes:
        if done < one.blocks:
            return one.name
        done -= one.blocks
    return passes[-1].name

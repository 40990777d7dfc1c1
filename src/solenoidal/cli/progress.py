"""How far a run is: a bar on a terminal, otherwise a line now and then; both also know the workers and the error."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from solenoidal.cli.console import err
from solenoidal.cluster.connection import Connection
from solenoidal.errors import ResultError, WorkerError
from solenoidal.integrate.solve import Progress as RunProgress
from solenoidal.integrate.tolerance import Accuracy

LINE_SECONDS = 20.0
"""Seconds between two lines in the log, and on the error stream when it is not a terminal."""
WATCH_SECONDS = 2.0
"""Seconds between two looks at the workers of a cluster."""
KEEP_SECONDS = 30.0
"""Seconds between two attempts to replace lost jobs."""

logger = logging.getLogger(__name__)


@dataclass
class Estimate:
    """The relative error of the published conductivity, from the shifted meshes that are complete.

    ``accuracy`` names chemical potentials and temperatures, and the tolerance if one was ``asked`` for.
    """

    accuracy: Accuracy | None
    asked: float | None
    value: float = math.nan
    _key: tuple[int, int] = (0, 0)

    def update(self, state: RunProgress) -> None:
        """A new value whenever one more mesh is complete."""
        if self.accuracy is None:
            return
        partial = state.partial()
        if partial is None or (state.stage, partial.replicas) == self._key:
            return
        self._key = state.stage, partial.replicas
        try:
            self.value = replace(self.accuracy, relative=1.0, absolute=None).shortfall(partial)
        except ResultError as error:
            logger.debug("no error estimate: %s", error)
            self.accuracy = None

    @property
    def text(self) -> str:
        """For example "error 0.8 % (asked 1 %)", empty without an estimate."""
        if not math.isfinite(self.value):
            return ""
        asked = "" if self.asked is None else f" (asked {100 * self.asked:.3g} %)"
        return f"error {100 * self.value:.2g} %{asked}"


class RunMonitor:
    """Shows and logs blocks done, the error estimate, the remaining time, and workers joining and leaving.

    A thread of its own does so, because a run whose workers are gone completes no block that could report it.
    """

    def __init__(self, connection: Connection, estimate: Estimate) -> None:
        self.connection, self.estimate = connection, estimate
        self.state: RunProgress | None = None
        self._workers: Mapping[str, int] = {}
        self._alive = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=40),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[rest]}"),
        )
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("integrating", total=None, rest="…")

    def __enter__(self) -> Self:
        self._bar.start()
        self._look_at_workers()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=10)
        self._bar.stop()
        logger.info("%s", self.line())

    def update(self, state: RunProgress) -> None:
        """Called by the driver after each block."""
        self.connection.check()
        self.estimate.update(state)
        if state.done == state.total:
            what = f"{state.total} {state.unit} in {duration(state.elapsed)}"
            logger.info("set %d complete: %s. %s", state.stage, what, self.estimate.text)
        self.state, self._alive = state, True
        rest = ", ".join(part for part in (self.estimate.text, f"remaining {duration(state.remaining)}") if part)
        self._bar.update(self._task, description=self._name(), completed=state.done, total=state.total, rest=rest)

    def line(self) -> str:
        """The state in one line."""
        parts = ["no block finished yet"]
        if self.state is not None:
            state = self.state
            parts = [f"{self._name()}: {state.done}/{state.total} {state.unit}", self.estimate.text,
                     f"remaining {duration(state.remaining)}"]  # fmt: skip
        if self.connection.executor is not None:
            count = len(self._workers)
            parts.append(f"{count} worker{'' if count == 1 else 's'}")
        return ", ".join(part for part in parts if part)

    def _name(self) -> str:
        if self.state is None:
            return "integrating"
        return self.state.doing if self.estimate.asked is None else f"set {self.state.stage}"

    def _watch(self) -> None:
        line = keep = time.monotonic()
        while not self._over.wait(min(WATCH_SECONDS, LINE_SECONDS)):
            self._look_at_workers()
            now = time.monotonic()
            if now - keep > KEEP_SECONDS:
                keep = now
                self._keep_jobs()
            if now - line > LINE_SECONDS:
                line = now
                logger.info("%s", self.line())
                if not err.is_terminal:
                    err.print(self.line(), style="dim", markup=False)

    def _look_at_workers(self) -> None:
        """Log who came and went; a scheduler that does not answer is the driver's to report."""
        try:
            workers = self.connection.workers()
        except (OSError, RuntimeError, TimeoutError) as error:
            logger.debug("the workers could not be counted: %s", error)
            return
        for address in workers.keys() - self._workers.keys():
            logger.info("worker %s joined with %d threads", address, workers[address])
        for address in self._workers.keys() - workers.keys():
            logger.info("worker %s left", address)
        if self._workers and not workers:
            logger.warning("no workers are left; the run waits for new ones")
        self._workers = workers
        self._alive = self._alive or bool(workers)

    def _keep_jobs(self) -> None:
        # Workers that are connected now may be gone before the next look, and count for it.
        alive, self._alive = self._alive, bool(self._workers)
        try:
            self.connection.keep(alive=alive)
        except WorkerError as error:
            self._over.set()
            self.connection.give_up(error)
        except (OSError, RuntimeError) as error:
            logger.warning("lost jobs could not be replaced: %s", error)


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

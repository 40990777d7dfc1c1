"""The Dask cluster of a run: one that is there already (``--cluster``), or one of Slurm jobs (``--slurm``)."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from solenoidal.cluster.slurm import JobKeeper, describe, log_directory, read_slurm, slurm_cluster, wait_for_worker
from solenoidal.errors import ConfigError

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClusterOptions:
    """What the command line asks for: nothing, the ``address`` of a scheduler, or a file that describes ``slurm`` jobs,
    whose logs go to ``logs``."""

    address: str | None = None
    slurm: Path | None = None
    logs: Path = field(default_factory=Path)

    @property
    def given(self) -> bool:
        """Whether there is a cluster at all."""
        return self.address is not None or self.slurm is not None

    def check(self) -> None:
        """Raise ``ConfigError`` for options that contradict one another or a file that cannot be used."""
        if self.address is not None and self.slurm is not None:
            raise ConfigError("--cluster and --slurm exclude one another; write one of them")
        if self.slurm is not None:
            read_slurm(self.slurm)


@dataclass
class Interruption:
    """Whether a signal has asked the run to end, or an ``error`` outside the driver has ended it.

    Python drops what a signal raises inside a destructor, and Dask's futures have one, so the signal is remembered.
    """

    asked: bool = False
    error: Exception | None = None


@dataclass(frozen=True)
class Connection:
    """Where blocks are computed: ``executor`` for the driver, None for its default."""

    executor: Any = None
    jobs: JobKeeper | None = None
    interruption: Interruption = field(default_factory=Interruption)

    def check(self) -> None:
        """Raise the error that has ended the run, or ``KeyboardInterrupt`` if a signal was not heard."""
        if self.interruption.error is not None:
            raise self.interruption.error
        if self.interruption.asked:
            raise KeyboardInterrupt

    def workers(self) -> Mapping[str, int]:
        """Address and number of threads of each worker."""
        return {} if self.executor is None else dict(self.executor.nthreads())

    def keep(self, *, alive: bool) -> None:
        """Replace lost jobs; ``alive`` and the ``WorkerError`` of jobs that fail as for ``JobKeeper``."""
        if self.jobs is not None:
            self.jobs.keep(alive=alive)

    def give_up(self, error: Exception) -> None:
        """End the run with ``error``, also while the driver waits for blocks that nobody computes."""
        self.interruption.error = error
        self.executor.close()


@contextmanager
def connected(options: ClusterOptions, say: Callable[[str], None] = logger.info) -> Iterator[Connection]:
    """The cluster of ``options``; connections and jobs end with the context, also on Ctrl-C, SIGTERM and failure.

    ``say`` is told in lines what is asked for, what is waited for and what is there.
    Raises ``ConfigError`` when Dask is not installed, the scheduler does not answer, no job can be started, or the
    scheduler is lost during the run, and ``WorkerError`` when jobs fail one after the other.
    """
    if not options.given:
        yield Connection()
        return
    option = "--cluster" if options.slurm is None else "--slurm"
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
    except ImportError:
        raise ConfigError(f"{option} needs Dask: pip install 'solenoidal[cluster]'") from None
    with ExitStack() as stack:
        cluster: Any = None
        jobs: JobKeeper | None = None
        interruption = stack.enter_context(_signals_interrupt())
        if options.slurm is not None:
            say(describe(read_slurm(options.slurm)))
            cluster = stack.enter_context(slurm_cluster(options.slurm, options.logs))
            jobs = JobKeeper(cluster, options.slurm, log_directory(read_slurm(options.slurm), options.logs))
        where = options.address or cluster.scheduler_address
        try:
            # Not Dask's default client: writing result files must stay in this process.
            client = Client(cluster or where, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{option} {where}: no Dask scheduler answers there within {CONNECT_SECONDS} s ({error}); "
                "write the address it prints at its start, for example tcp://host:8786"
            ) from None
        stack.enter_context(client)
        if jobs is not None:
            say("waiting for the first job to start")
            wait_for_worker(client, jobs)
        threads = sum(client.nthreads().values())
        say(f"cluster: {threads} threads at {where}" + ("" if threads else "; waiting for workers"))
        try:
            yield Connection(client, jobs, interruption)
        except Exception as error:
            # Whatever the driver met when the connection was closed under it says less than why it was closed.
            if interruption.error is not None:
                raise interruption.error from None
            if not isinstance(error, FutureCancelledError | CommClosedError):
                raise
            raise ConfigError(
                f"{option} {where}: the scheduler was lost ({error}); start it again and add --resume to go on from "
                "the finished blocks"
            ) from None


@contextmanager
def _signals_interrupt() -> Iterator[Interruption]:
    """Ctrl-C, and SIGTERM, which batch systems and shells send, end the run in the same way, so that its jobs end too.

    dask-jobqueue gives SIGINT a handler of its own when it is imported, which ends the process as if all were well.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        interruption.asked = True
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with suppress(ImportError):
        import_module("dask_jobqueue")
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

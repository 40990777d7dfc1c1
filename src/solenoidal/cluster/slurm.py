"""Jobs of a Slurm batch system that compute blocks, for ``solenoidal run --slurm cluster.toml``.

The scheduler of the Dask cluster lives in this process; each job starts workers that connect to it.
"""

from __future__ import annotations

import difflib
import logging
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError, model_validator

from solenoidal.errors import ConfigError, WorkerError
from solenoidal.workflow.grammar import read_toml

COMMANDS = ("sbatch", "squeue", "scancel")
POLL_SECONDS = 2.0
LOG_LINES = 15
TARGET_DURATION = "50 ms"
"""Dask asks for as many workers as finish the blocks it knows of in this time. The driver hands out three for each
thread, whatever is left to do, so that the number of jobs grows threefold while there is work, and falls at its end."""
FAILURES = 3
"""Looks at the queue in a row that find ended jobs, and no sign of life between them, after which the run stops."""

logger = logging.getLogger(__name__)

ENVIRONMENT = (
    "export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1",
    "export MALLOC_TRIM_THRESHOLD_=268435456 MALLOC_MMAP_THRESHOLD_=33554432",
)
"""One BLAS thread for each worker thread, since the blocks fill the cores. Dask's workers give freed memory back to the
system at once and fetch it again for the next array, which costs a block of k points 1.6 times the processor time."""

Walltime = Annotated[str, StringConstraints(pattern=r"^(\d+-)?\d{1,3}:\d{2}(:\d{2})?$")]
Memory = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)? ?[kMGT]i?B$")]


class SlurmFile(BaseModel):
    """What a ``cluster.toml`` may contain; the file in the documentation has one line for each key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cores: PositiveInt = Field(examples=["cores = 32"])
    memory: Memory = Field(examples=['memory = "120 GB"'])
    walltime: Walltime = Field(examples=['walltime = "02:00:00"'])
    jobs: PositiveInt | None = Field(None, examples=["jobs = 4"])
    minimum_jobs: Annotated[int, Field(ge=0)] | None = Field(None, examples=["minimum_jobs = 1"])
    maximum_jobs: PositiveInt | None = Field(None, examples=["maximum_jobs = 16"])
    processes: PositiveInt | None = Field(None, examples=["processes = 32"])
    queue: str | None = Field(None, examples=['queue = "normal"'])
    account: str | None = Field(None, examples=['account = "my-project"'])
    interface: str | None = Field(None, examples=['interface = "ib0"'])
    job_extra: tuple[str, ...] = Field((), examples=['job_extra = ["--exclusive"]'])
    prologue: tuple[str, ...] = Field((), examples=['prologue = ["module load python"]'])
    python: str | None = Field(None, examples=['python = "/home/me/venv/bin/python"'])
    local_directory: str | None = Field(None, examples=['local_directory = "/tmp"'])
    log_directory: Path | None = Field(None, examples=['log_directory = "logs"'])

    @model_validator(mode="after")
    def _number_of_jobs(self) -> Self:
        bounds = (self.minimum_jobs, self.maximum_jobs)
        if (self.jobs is None) == (bounds == (None, None)):
            raise ValueError("write either jobs = 4, or minimum_jobs = 1 and maximum_jobs = 16")
        if self.jobs is None and (None in bounds or (self.minimum_jobs or 0) > (self.maximum_jobs or 0)):
            raise ValueError(
                f"minimum_jobs is {self.minimum_jobs}, maximum_jobs {self.maximum_jobs}; write both, the smaller first"
            )
        if self.processes is not None and self.cores % self.processes:
            raise ValueError(f"processes = {self.processes} does not divide cores = {self.cores}; write a divisor")
        return self

    def options(self, logs: Path) -> dict[str, Any]:
        """Arguments of ``dask_jobqueue.SLURMCluster``: a process of one thread for each core unless told otherwise."""
        given = {
            "queue": self.queue,
            "account": self.account,
            "interface": self.interface,
            "local_directory": self.local_directory,
        }
        return {
            "cores": self.cores,
            "memory": self.memory,
            "processes": self.processes or self.cores,
            "walltime": self.walltime,
            "job_extra_directives": list(self.job_extra),
            "job_script_prologue": [*ENVIRONMENT, *self.prologue],
            "python": shlex.quote(self.python or sys.executable),
            "log_directory": str(log_directory(self, logs)),
            "job_name": "solenoidal",
            "scheduler_options": {"dashboard_address": ":0"},
            **{name: value for name, value in given.items() if value is not None},
        }


def log_directory(settings: SlurmFile, logs: Path) -> Path:
    """Where the jobs write: the folder of the file, else ``logs``."""
    return settings.log_directory or logs


def read_slurm(path: Path) -> SlurmFile:
    """The validated ``cluster.toml`` at ``path``; raises ``ConfigError`` naming the file, the key and what to write."""
    content = read_toml(path, "file for --slurm")
    try:
        return SlurmFile.model_validate(content)
    except ValidationError as error:
        lines = dict.fromkeys(f"{path}: {_describe(problem)}" for problem in error.errors())
        raise ConfigError("\n".join(lines)) from None


def _describe(problem: Mapping[str, Any]) -> str:
    fields = SlurmFile.model_fields
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
        return f"unknown key '{key}'; " + (f"did you mean '{near[0]}'?" if near else f"valid are {', '.join(fields)}")
    example = (fields[key].examples or [""])[0]
    if problem["type"] == "missing":
        return f"'{key}' is missing; write for example {example}"
    return f"{key} is {problem['input']!r}; write for example {example}"


@contextmanager
def slurm_cluster(path: Path, logs: Path) -> Iterator[Any]:
    """A Dask cluster of jobs as ``path`` describes them; they are cancelled at the end, however it comes.

    Raises ``ConfigError`` for a file that cannot be used, without dask-jobqueue or Slurm's commands, or when Slurm
    refuses a job; the refusal is asked for before anything is submitted.
    """
    settings = read_slurm(path)
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ConfigError("--slurm needs dask-jobqueue: pip install 'solenoidal[cluster]'") from None
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        raise ConfigError(
            f"--slurm: {', '.join(missing)} not found; start the run on a machine from which jobs are submitted"
        )
    try:
        cluster = SLURMCluster(**settings.options(logs))
    except (ValueError, OSError, RuntimeError) as error:
        raise ConfigError(f"{path}: no cluster can be made of it: {error}") from error
    with cluster:
        _test_only(path, cluster.job_script())
        log_directory(settings, logs).mkdir(parents=True, exist_ok=True)
        if settings.jobs is None:
            bounds = {"minimum_jobs": settings.minimum_jobs, "maximum_jobs": settings.maximum_jobs}
            cluster.adapt(**bounds, target_duration=TARGET_DURATION)
        else:
            cluster.scale(jobs=settings.jobs)
        yield cluster


@dataclass
class JobKeeper:
    """Submits lost jobs again, until ``FAILURES`` looks in a row have found jobs that ended without any use.

    ``cluster`` is that of the jobs which ``path`` describes and whose logs are in ``logs``.
    """

    cluster: Any
    path: Path
    logs: Path
    failures: int = 0
    _useful: frozenset[str] = frozenset()

    def keep(self, *, alive: bool) -> None:
        """Submit again the jobs that are no longer in the queue, for example at the end of the walltime or cancelled.

        Dask itself misses the end of a job that has several workers, and of one whose workers never connected.
        ``alive`` says whether a worker was connected or a block was finished since the last look. Raises
        ``WorkerError`` with the end of the last job's log when jobs fail one after the other.
        """
        waiting = _queue()
        if alive:
            self.failures, self._useful = 0, frozenset(waiting or ())
        if waiting is None:
            return
        ended = {name: job.job_id for name, job in _submitted(self.cluster).items() if job.job_id not in waiting}
        # A job may stay in the queue for a while after its workers have gone.
        if not alive and not self._useful.issuperset(ended.values()):
            self.failures += 1
        if self.failures == FAILURES:
            raise WorkerError(
                f"--slurm: jobs ended {FAILURES} times in a row without a worker that connected or a block that was "
                f"finished, the last of them {', '.join(sorted(ended.values()))}; no more are submitted. The finished "
                f"blocks are kept: mend what the log says and add --resume. {_tail(self.logs)}"
            )
        self.cluster.sync(_forget, self.cluster, list(ended))
        jobs = read_slurm(self.path).jobs
        if jobs is not None:
            missing = jobs - len(self.cluster.workers)
            if missing > 0:
                logger.warning("%d of %d jobs ended; submitted again", missing, jobs)
            self.cluster.scale(jobs=jobs)
        elif ended:
            # The bounds that adapt to the remaining blocks see the gap and fill it.
            logger.warning("%d jobs ended", len(ended))


async def _forget(cluster: Any, names: list[str]) -> None:
    """Take jobs out of the cluster, in the thread of its event loop."""
    for name in names:
        cluster.worker_spec.pop(name, None)
        job = cluster.workers.pop(name, None)
        if job is not None:
            await job.close()


def wait_for_worker(client: Any, jobs: JobKeeper) -> None:
    """Until the first worker has connected; raises ``ConfigError`` when every job has ended before.

    Without a least number of jobs the first is submitted for the first block, so there is nothing to wait for.
    """
    if read_slurm(jobs.path).minimum_jobs == 0:
        return
    submitted = False
    while not client.nthreads():
        ids = job_ids(jobs.cluster)
        submitted = submitted or bool(ids)
        if submitted and not _in_queue(ids):
            # The queue is looked at before the workers: a worker may have connected in between.
            if client.nthreads():
                return
            raise ConfigError(f"--slurm: every job ended before a worker started. {_tail(jobs.logs)}")
        time.sleep(POLL_SECONDS)


def job_ids(cluster: Any) -> list[str]:
    """Identifiers of the jobs that have been submitted."""
    return sorted(job.job_id for job in _submitted(cluster).values())


def _submitted(cluster: Any) -> dict[str, Any]:
    jobs = dict(cluster.workers)
    return {name: job for name, job in jobs.items() if getattr(job, "job_id", None) is not None}


def _in_queue(ids: list[str]) -> bool:
    if not ids:
        return False
    waiting = _queue()
    # A controller that does not answer says nothing about the jobs.
    return waiting is None or bool(set(ids) & waiting)


def _queue() -> set[str] | None:
    """Identifiers of all jobs that are waiting, running or ending; None when the controller does not answer."""
    command = ["squeue", "--noheader", "--format=%i", "--states=PENDING,RUNNING,CONFIGURING,COMPLETING,SUSPENDED"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return None
    return set(done.stdout.split()) if done.returncode == 0 else None


def _test_only(path: Path, script: str) -> None:
    done = subprocess.run(
        ["sbatch", "--test-only"], input=script, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()).removeprefix("sbatch: ").removeprefix("error: ") or "no reason given"
        raise ConfigError(f"{path}: Slurm refuses such a job: {said}")


def _tail(logs: Path) -> str:
    files = sorted(logs.glob("solenoidal-*.err"), key=lambda file: file.stat().st_mtime)
    if not files:
        return f"They left no log in {logs}; see what squeue and sacct say"
    lines = files[-1].read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    if not lines:
        return f"Their logs in {logs} are empty; look at prologue and python in the file given to --slurm"
    return "\n".join([f"The end of {files[-1]}:", *lines])


def describe(settings: SlurmFile) -> str:
    """One line on what is asked for."""
    jobs = f"{settings.jobs}" if settings.jobs else f"{settings.minimum_jobs} to {settings.maximum_jobs}"
    return f"slurm: {jobs} jobs of {settings.cores} cores and {settings.memory}, {settings.walltime} each"

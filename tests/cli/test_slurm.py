"""``solenoidal run --slurm``: the description of the jobs, and a real Slurm of one node where it can be started."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from solenoidal.cli import progress as progress_module
from solenoidal.cli.progress import RunMonitor
from solenoidal.cluster import slurm as slurm_module
from solenoidal.cluster.slurm import JobKeeper, SlurmFile, read_slurm
from solenoidal.errors import ConfigError, WorkerError
from solenoidal.integrate.solve import Progress
from support.commands import NO_PICTURES, call, density
from support.slurm import PARTITION, queued, single_node, unavailable

EXAMPLE = Path(__file__).parents[2] / "examples" / "cluster.toml"
SCRIPT = Path(sys.executable).with_name("solenoidal")
GOOD = """
cores = 1
memory = "900 MB"
walltime = "00:10:00"
jobs = 2
queue = "{queue}"
python = "{python}"
"""


def test_the_example_is_valid_and_names_every_key() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert read_slurm(EXAMPLE).options(Path("logs"))["processes"] == 32
    named = set(re.findall(r"^(?:# )?(\w+) = ", text, flags=re.MULTILINE))
    assert named == set(SlurmFile.model_fields)
    # The keys that are commented out are valid as well, those that exclude one another apart.
    everything = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    content = {key: value for key, value in tomllib.loads(everything).items() if key != "jobs"}
    options = SlurmFile.model_validate(content).options(Path("logs"))
    assert options["interface"] == "ib0"
    assert options["job_extra_directives"][0] == "--exclusive"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cores", "core", r"unknown key 'core'; did you mean 'cores'\?"),
        ("cores = 1\n", "", r"'cores' is missing; write for example cores = 32"),
        ('"900 MB"', '"900"', r"memory is '900'; write for example memory = \"120 GB\""),
        ('"00:10:00"', '"ten"', r"walltime is 'ten'; write for example walltime"),
        ("jobs = 2", "", r"write either jobs = 4, or minimum_jobs"),
        ("jobs = 2", "minimum_jobs = 3\nmaximum_jobs = 2", r"minimum_jobs is 3, maximum_jobs 2; write both"),
        ("jobs = 2", "jobs = 2\nprocesses = 3", r"processes = 3 does not divide cores = 1"),
        ("cores = 1", "cores = ", r"is not valid TOML"),
    ],
)
def test_a_bad_description_is_one_readable_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    (tmp_path / "rashba.toml").write_text(NO_PICTURES, encoding="utf-8")
    outcome = call("run", tmp_path / "rashba.toml", "--output", tmp_path / "out", "--slurm", path)
    assert outcome.exit_code == 2
    assert re.search(rf"error: .*cluster\.toml: .*{message}|error: .*cluster\.toml: {message}", outcome.stderr)
    assert not (tmp_path / "out").exists()


def test_a_missing_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file for --slurm"):
        read_slurm(tmp_path / "none.toml")


def test_two_clusters_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rashba.toml").write_text(NO_PICTURES, encoding="utf-8")
    outcome = call("run", tmp_path / "rashba.toml", "--slurm", EXAMPLE, "--cluster", "tcp://127.0.0.1:9")
    assert outcome.exit_code == 2
    assert "--cluster and --slurm exclude one another" in outcome.stderr


@pytest.mark.parametrize(
    ("module", "message"), [("dask_jobqueue", "needs dask-jobqueue"), ("distributed", "needs Dask")]
)
def test_without_the_optional_packages_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "rashba.toml").write_text(NO_PICTURES, encoding="utf-8")
    outcome = call("run", tmp_path / "rashba.toml", "--output", tmp_path / "out", "--slurm", EXAMPLE)
    assert outcome.exit_code == 2
    assert f"--slurm {message}: pip install 'solenoidal[cluster]'" in outcome.stderr


def test_without_slurm_the_message_says_where_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr(slurm_module.shutil, "which", lambda name: None)
    (tmp_path / "rashba.toml").write_text(NO_PICTURES, encoding="utf-8")
    outcome = call("run", tmp_path / "rashba.toml", "--output", tmp_path / "out", "--slurm", EXAMPLE)
    assert outcome.exit_code == 2
    assert "sbatch, squeue, scancel not found; start the run on a machine from which jobs" in outcome.stderr


class Job:
    def __init__(self, number: str) -> None:
        self.job_id, self.closed = number, False

    async def close(self) -> None:
        self.closed = True


class FakeCluster:
    """The part of a Dask cluster that is told of lost jobs; the third one is being submitted."""

    def __init__(self) -> None:
        self.worker_spec: dict[str, None] = dict.fromkeys(("a", "b", "c"))
        self.workers = {"a": Job("11"), "b": Job("12")}
        self.scaled: list[int] = []

    def sync(self, function, *arguments) -> None:
        asyncio.run(function(*arguments))

    def scale(self, jobs: int) -> None:
        self.scaled.append(jobs)


@pytest.mark.parametrize(("code", "left"), [(0, {"b", "c"}), (1, {"a", "b", "c"})])
def test_a_job_that_left_the_queue_is_forgotten_unless_slurm_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, left: set[str]
) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(GOOD.replace("jobs = 2", "jobs = 3"), encoding="utf-8")
    answer = subprocess.CompletedProcess([], code, stdout="12\n99\n", stderr="")
    monkeypatch.setattr(slurm_module.subprocess, "run", lambda *_, **__: answer)
    cluster = FakeCluster()
    first = cluster.workers["a"]
    JobKeeper(cluster, path, tmp_path).keep(alive=False)
    assert set(cluster.worker_spec) == left
    assert first.closed == (code == 0)
    assert cluster.scaled == ([3] if code == 0 else [])


@pytest.mark.parametrize("adaptive", [False, True])
def test_jobs_that_fail_in_a_row_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adaptive: bool) -> None:
    path, queue = tmp_path / "cluster.toml", subprocess.CompletedProcess([], 0, stdout="", stderr="")
    bounds = "minimum_jobs = 1\nmaximum_jobs = 2" if adaptive else "jobs = 2"
    path.write_text(GOOD.replace("jobs = 2", bounds), encoding="utf-8")
    (tmp_path / "solenoidal-7.err").write_text("early line\nModuleNotFoundError: dask\n", encoding="utf-8")
    monkeypatch.setattr(slurm_module.subprocess, "run", lambda *_, **__: queue)
    keeper = JobKeeper(FakeCluster(), path, tmp_path)

    def look(number: str, *, alive: bool = False) -> None:
        keeper.cluster.workers = {number: Job(number)}
        keeper.keep(alive=alive)

    # A sign of life, such as a finished block, and jobs that wait start the count again or leave it alone.
    look("1")
    look("2")
    look("3", alive=True)
    look("4")
    look("5")
    queue.stdout = "6\n"
    look("6")
    queue.stdout = ""
    with pytest.raises(WorkerError, match=r"(?s)3 times in a row.* last of them 7; .*ModuleNotFoundError") as error:
        look("7")
    assert "add --resume" in str(error.value)
    assert keeper.cluster.scaled == ([] if adaptive else [2] * 6)


SBATCH = """#!/bin/sh
[ "$1" = --test-only ] && exit 0
cd {folder}
number=$(($(ls | grep -c '^pid-') + 1))
if [ $number -le 1 ]; then
    cp "$1" job.sh
    setsid sh job.sh > good.log 2>&1 &
    echo $! > pid-$number
else
    echo 0 > pid-$number
    echo "no such module on node $number" > {logs}/solenoidal-$number.err
fi
echo "Submitted batch job $number"
"""
SQUEUE = """#!/bin/sh
cd {folder}
for file in pid-*; do
    pid=$(cat $file) && [ "$pid" != 0 ] && kill -0 $pid 2> /dev/null && echo ${{file#pid-}}
done
exit 0
"""
SCANCEL = """#!/bin/sh
cd {folder}
pid=$(cat pid-$1) && [ "$pid" != 0 ] && kill -TERM -$pid 2> /dev/null
exit 0
"""


@pytest.fixture
def batch_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A batch system whose first job runs and whose others fail at once; the folder holds process groups as pid-N."""
    pytest.importorskip("dask_jobqueue")
    folder, logs = tmp_path / "system", tmp_path / "out" / "jobs"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (folder / name).write_text(text.format(folder=folder, logs=logs), encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield folder
    end_first_job(folder)


def end_first_job(folder: Path) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        os.killpg(int((folder / "pid-1").read_text(encoding="utf-8")), signal.SIGKILL)


def test_a_run_whose_jobs_fail_one_after_the_other_stops_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_system: Path
) -> None:
    """The first job is lost after some blocks, while the driver waits for the next ones; no other job starts."""
    path, out = tmp_path / "rashba.toml", tmp_path / "out"
    path.write_text(NO_PICTURES.replace("replicas = 2", "replicas = 2\nblock_size = 6"), encoding="utf-8")
    jobs = tmp_path / "cluster.toml"
    jobs.write_text(GOOD.format(queue="any", python=sys.executable).replace("jobs = 2", "jobs = 1"), encoding="utf-8")
    monkeypatch.setattr(progress_module, "KEEP_SECONDS", 0.5)
    monkeypatch.setattr(progress_module, "WATCH_SECONDS", 0.1)
    update = RunMonitor.update

    def watched(monitor: RunMonitor, state: Progress) -> None:
        update(monitor, state)
        if state.done == 5:
            end_first_job(batch_system)

    monkeypatch.setattr(RunMonitor, "update", watched)
    outcome = call("run", path, "--output", out, "--slurm", jobs)
    assert outcome.exit_code == 2, outcome.output
    assert "jobs ended 3 times in a row without a worker that connected" in outcome.stderr
    failed = len(list(batch_system.glob("pid-*"))) - 1
    assert failed == 3
    assert f"no such module on node {failed + 1}" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert {"run.checkpoint", "run.log"} <= {file.name for file in out.iterdir()}
    monkeypatch.setattr(RunMonitor, "update", update)
    for folder, options in ((out, ["--resume"]), (tmp_path / "alone", [])):
        assert call("run", path, "--output", folder, *options).exit_code == 0
    expected = density(tmp_path / "alone")
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(out), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A Slurm: the one that runs these tests, if any, else one of our own."""
    pytest.importorskip("dask_jobqueue")
    if "SLURM_CONF" in os.environ:
        yield dict(os.environ)
        return
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    with single_node() as found:
        yield found


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.toml"
    path.write_text(GOOD.format(queue=PARTITION, python=sys.executable), encoding="utf-8")
    return path


def started(folder: Path, text: str, environment: dict[str, str], *options: str | Path) -> subprocess.Popen[str]:
    (folder / "rashba.toml").write_text(text, encoding="utf-8")
    command = [str(part) for part in (SCRIPT, "run", folder / "rashba.toml", *options)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=240)[0]
    except subprocess.TimeoutExpired:
        # Its jobs would keep those of the next test waiting.
        process.kill()
        return process.communicate()[0] + "\nkilled after 240 s"


def no_jobs(environment: dict[str, str]) -> bool:
    until = time.monotonic() + 30
    while queued(environment) and time.monotonic() < until:
        time.sleep(0.5)
    return not queued(environment)


@pytest.mark.slow
def test_jobs_of_a_real_slurm_give_the_same_numbers_and_end(
    tmp_path: Path, environment: dict[str, str], jobs: Path
) -> None:
    alone, remote = tmp_path / "alone", tmp_path / "remote"
    text = NO_PICTURES.replace("mesh = [12, 12, 1]", "mesh = [36, 36, 1]\nblock_size = 36")
    assert ended(started(tmp_path, text, environment, "--output", alone))
    output = ended(started(tmp_path, text, environment, "--output", remote, "--slurm", jobs))
    assert "slurm: 2 jobs of 1 cores and 900 MB" in output
    assert "cluster: " in output
    expected = density(alone)
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(remote), expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    assert re.search(r"worker tcp://\S+ joined with 1 threads", (remote / "run.log").read_text(encoding="utf-8"))
    assert no_jobs(environment)


@pytest.mark.slow
def test_a_killed_run_with_a_stated_accuracy_resumes_on_slurm(
    tmp_path: Path, environment: dict[str, str], jobs: Path
) -> None:
    text = NO_PICTURES.replace("mesh = [12, 12, 1]\nreplicas = 2", "accuracy = 0.003\nreplicas = 8\nblock_size = 64")
    text = text.replace("[0, 300]", "[300]")
    alone, remote = tmp_path / "alone", tmp_path / "remote"
    assert ended(started(tmp_path, text, environment, "--output", alone))
    process = started(tmp_path, text, environment, "--output", remote, "--slurm", jobs)
    checkpoint = remote / "run.checkpoint"
    until = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert checkpoint.exists()
    assert not (remote / "result.nc").exists()
    output = ended(started(tmp_path, text, environment, "--output", remote, "--slurm", jobs, "--resume"))
    assert "result" in output
    expected = density(alone)
    np.testing.assert_allclose(density(remote), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_jobs(
    tmp_path: Path, environment: dict[str, str], jobs: Path, number: signal.Signals
) -> None:
    text = NO_PICTURES.replace("mesh = [12, 12, 1]", "mesh = [4000, 4000, 1]")
    process = started(tmp_path, text, environment, "--output", tmp_path / "out", "--slurm", jobs)
    log = tmp_path / "out" / "run.log"
    until = time.monotonic() + 90
    while time.monotonic() < until and not (log.exists() and "joined" in log.read_text(encoding="utf-8")):
        time.sleep(0.2)
    assert queued(environment)
    process.send_signal(number)
    assert "interrupted" in ended(process)
    assert process.returncode == 130
    assert no_jobs(environment)


@pytest.mark.slow
def test_cancelled_jobs_are_submitted_again(tmp_path: Path, environment: dict[str, str], jobs: Path) -> None:
    """A job of several workers is cancelled while it computes, and the next one before its workers have connected."""
    text = NO_PICTURES.replace("mesh = [12, 12, 1]", "mesh = [400, 400, 1]")
    alone, remote = tmp_path / "alone", tmp_path / "remote"
    assert ended(started(tmp_path, text, environment, "--output", alone))
    wanted = jobs.read_text(encoding="utf-8").replace("cores = 1", "cores = 2").replace("900 MB", "1800 MB")
    jobs.write_text(wanted.replace("jobs = 2", "jobs = 1"), encoding="utf-8")
    process = started(tmp_path, text, environment, "--output", remote, "--slurm", jobs)
    log = remote / "run.log"
    cancelled: list[str] = []
    until = time.monotonic() + 200
    try:
        while len(cancelled) < 2 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
            new = [line.split()[0] for line in queued(environment) if line.split()[0] not in cancelled]
            if new and (cancelled or (log.exists() and "joined" in log.read_text(encoding="utf-8"))):
                subprocess.run(["scancel", *new], env=environment, check=True)
                cancelled += new
        output = ended(process)
    finally:
        process.terminate()
    assert len(cancelled) == 2, output
    assert process.returncode == 0, output
    expected = density(alone)
    np.testing.assert_allclose(density(remote), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    said = log.read_text(encoding="utf-8")
    assert said.count("1 of 1 jobs ended; submitted again") == 2
    assert len(re.findall(r"worker tcp://\S+ joined", said)) >= 3
    assert no_jobs(environment)


@pytest.mark.slow
def test_what_slurm_refuses_and_jobs_that_cannot_start_are_said(
    tmp_path: Path, environment: dict[str, str], jobs: Path
) -> None:
    good = jobs.read_text(encoding="utf-8")
    jobs.write_text(good.replace(PARTITION, "nowhere"), encoding="utf-8")
    output = ended(started(tmp_path, NO_PICTURES, environment, "--output", tmp_path / "a", "--slurm", jobs))
    assert re.search(r"cluster\.toml: Slurm refuses such a job: .*partition.*nowhere", output)
    jobs.write_text(good.replace(sys.executable, "/no/such/python"), encoding="utf-8")
    output = ended(started(tmp_path, NO_PICTURES, environment, "--output", tmp_path / "b", "--slurm", jobs))
    assert "every job ended before a worker started" in output
    assert "/no/such/python" in output
    assert no_jobs(environment)


@pytest.mark.slow
@pytest.mark.parametrize("least", [0, 1])
def test_the_number_of_jobs_follows_the_work(
    tmp_path: Path, environment: dict[str, str], jobs: Path, least: int
) -> None:
    """From the least number, none or one, to the largest while there are blocks."""
    text = NO_PICTURES.replace("mesh = [12, 12, 1]", "mesh = [1000, 1000, 1]\nblock_size = 10000")
    alone, remote = tmp_path / "alone", tmp_path / "remote"
    assert ended(started(tmp_path, text, environment, "--output", alone))
    bounds = f"minimum_jobs = {least}\nmaximum_jobs = 2"
    jobs.write_text(jobs.read_text(encoding="utf-8").replace("jobs = 2", bounds), encoding="utf-8")
    process = started(tmp_path, text, environment, "--output", remote, "--slurm", jobs)
    output = ended(process)
    assert process.returncode == 0, output
    assert f"slurm: {least} to 2 jobs of 1 cores" in output
    expected = density(alone)
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(remote), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    events = re.findall(r"worker tcp://\S+ (joined|left)", (remote / "run.log").read_text(encoding="utf-8"))
    there = np.cumsum([1 if event == "joined" else -1 for event in events])
    assert there.max() == 2, output
    assert len(events) < 8, "jobs come and go without need"
    assert no_jobs(environment)

"""A Slurm of one node on this machine: its own configuration, key, ports and folder, ended with the context.

    python tests/support/slurm.py COMMAND ...

runs the command with ``SLURM_CONF`` set, so that ``sbatch``, ``squeue`` and ``scancel`` speak to this Slurm, and passes
on its exit code. Needs Debian's ``slurm-wlm`` and ``munge``; --install gets them with apt first. The daemons run as
root, which ``sbatch`` allows here because the node has no other users.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
PACKAGES = ("slurm-wlm", "munge")
START_SECONDS = 30
MEMORY_MB = 3000
PARTITION = "test"

# Control groups are off everywhere: inside a container they are rarely writable.
CONFIGURATION = """
ClusterName=solenoidal
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName={partition} Nodes={host} Default=YES MaxTime=60 State=UP OverSubscribe=NO
"""


class SlurmError(RuntimeError):
    """Slurm could not be started; the message says where it stopped."""


def unavailable() -> str:
    """Why Slurm cannot be started here, or an empty string."""
    missing = [name for name in COMMANDS if _which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found; install {' and '.join(PACKAGES)}"
    return "" if os.geteuid() == 0 else "the daemons of the test's Slurm run as root"


def _which(name: str) -> str | None:
    """The daemons are in /usr/sbin, which need not be in PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def single_node() -> Iterator[dict[str, str]]:
    """Environment in which the Slurm commands speak to a Slurm that lives as long as the context.

    Raises ``SlurmError`` when a daemon is missing or does not become ready, with the ends of their logs.
    """
    reason = unavailable()
    if reason:
        raise SlurmError(reason)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True)))
        configuration = _configure(folder)
        environment = {**os.environ, "SLURM_CONF": str(configuration)}
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        _daemon(stack, folder, environment, "munged", "--foreground", "--force", f"--key-file={key}",
                f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.txt",
                f"--seed-file={folder}/munged.seed")  # fmt: skip
        _wait(folder, "munged", lambda: (folder / "munge.socket").exists())
        _daemon(stack, folder, environment, "slurmctld", "-D", "-f", str(configuration))
        _daemon(stack, folder, environment, "slurmd", "-D", "-f", str(configuration))
        _wait(folder, "slurmd", lambda: _sinfo(environment) == "idle")
        try:
            yield environment
        finally:
            subprocess.run([_which("scancel"), "--user=root"], env=environment, check=False, timeout=30)
            _wait(folder, "slurmctld", lambda: not queued(environment))


def queued(environment: dict[str, str]) -> list[str]:
    """Jobs that are waiting, running or ending."""
    done = subprocess.run(
        [str(_which("squeue")), "--noheader"], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.split("\n")[:-1]


def _sinfo(environment: dict[str, str]) -> str:
    command = [str(_which("sinfo")), "--noheader", "--format=%T"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


def _configure(folder: Path) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    # Both ports are held open together, so that they differ.
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], two.getsockname()[1]
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], folder=folder, controller_port=ports[0], node_port=ports[1],
            cpus=os.cpu_count(), memory=MEMORY_MB, partition=PARTITION,
        ),
        encoding="utf-8",
    )  # fmt: skip
    return configuration


def _daemon(stack: ExitStack, folder: Path, environment: dict[str, str], name: str, *arguments: str) -> None:
    log = stack.enter_context((folder / f"{name}.log").open("wb"))
    process = subprocess.Popen([str(_which(name)), *arguments], env=environment, stdout=log, stderr=log)
    stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(folder: Path, name: str, ready: Callable[[], bool]) -> None:
    """Until ``ready()``; otherwise an error with the end of the daemons' logs."""
    until = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > until:
            logs = [
                f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(folder.glob("*.log"))
            ]
            raise SlurmError(f"{name} is not ready after {START_SECONDS} s\n" + "\n".join(logs))
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--install", action="store_true", help="get the Debian packages with apt if they are missing")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.install and any(_which(name) is None for name in COMMANDS):
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES], check=True)
    with single_node() as environment:
        return subprocess.run(options.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

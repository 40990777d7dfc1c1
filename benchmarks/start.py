"""How long the program takes to start: CPU time (user) of fresh processes, medians of seven.

    python start.py

The libraries at the end are what a computation loads when it begins, by themselves, for comparison.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 7
HELP = "from solenoidal.cli.app import app; app(['--help'], standalone_mode=False)"
PROGRAMS = {
    "python": "pass",
    "import solenoidal": "import solenoidal",
    "solenoidal --help": HELP,
    "solenoidal.solve": "from solenoidal import solve",
    "everything a run imports": "import solenoidal.cli.run",
    "import numpy": "import numpy",
    "import numba": "import numba",
    "import xarray": "import xarray",
}


def user_seconds(program: str) -> float:
    """User CPU seconds of one fresh process that runs ``program`` and is waited for."""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program!r} failed")
    return used.ru_utime


def main() -> None:
    for name, program in PROGRAMS.items():
        user_seconds(program)
        seconds = statistics.median(user_seconds(program) for _ in range(ROUNDS))
        print(f"{name:28s} {1e3 * seconds:6.0f} ms")


if __name__ == "__main__":
    main()

"""Run postw90's spin Hall conductivity with stated settings; value and CPU time as JSON.

    python run_postw90.py --files files --seed Pt --postw90 postw90.x --mesh 12 --adaptive 5 --threshold 100 --output out.json

``--files`` holds .win, .chk, .eig, .spn and .mmn (`wannierberri/chk_to_mmn.py` rebuilds a missing .mmn). The .win is
copied without its own berry, kubo, shc and fermi keywords, and those of the run are appended. The other files are
linked. CPU seconds are user + system of the whole process; the k loop alone is also timed, by a run of one k point.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

OWN_KEYWORDS = ("berry", "kubo_", "shc_", "fermi_energy", "use_ws_distance", "gyrotropic", "kpath", "kslice")
LINKED = (".chk", ".eig", ".spn", ".mmn")


class RunError(ValueError):
    """postw90 did not finish or wrote no conductivity."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=Path, required=True, help="directory of the Wannier90 files")
    parser.add_argument("--seed", default="Pt")
    parser.add_argument("--postw90", default="postw90.x", help="the program")
    parser.add_argument("--mesh", type=int, required=True, help="berry_kmesh per direction")
    parser.add_argument("--adaptive", type=int, default=1, help="berry_curv_adpt_kmesh; 1 means none")
    parser.add_argument("--threshold", type=float, default=100.0, help="berry_curv_adpt_kmesh_thresh, Å²")
    parser.add_argument("--smearing", type=float, help="fixed smearing (eV); without it postw90's adaptive smearing")
    parser.add_argument("--mu", type=float, default=17.8539, help="Fermi energy (eV)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write; must not exist")
    return parser.parse_args()


def keywords(arguments: argparse.Namespace, mesh: int) -> str:
    """Lines of the .win that this run adds: σ^z_xy at the Fermi energy."""
    smearing = ["kubo_adpt_smr = true"]
    if arguments.smearing is not None:
        smearing = ["kubo_adpt_smr = false", f"kubo_smr_fixed_en_width = {arguments.smearing}"]
    lines = [
        f"fermi_energy = {arguments.mu}",
        "berry = true",
        "berry_task = shc",
        f"berry_kmesh = {mesh} {mesh} {mesh}",
        "berry_curv_unit = ang2",
        f"berry_curv_adpt_kmesh = {arguments.adaptive}",
        f"berry_curv_adpt_kmesh_thresh = {arguments.threshold}",
        "shc_freq_scan = false",
        "shc_alpha = 1",
        "shc_beta = 2",
        "shc_gamma = 3",
        "use_ws_distance = true",
        *smearing,
    ]
    return "\n".join(lines) + "\n"


def run(arguments: argparse.Namespace, mesh: int) -> tuple[float, float, int]:
    """σ^z_xy in (ħ/e) S/cm, CPU seconds of the process, and refined k points."""
    text = (arguments.files / f"{arguments.seed}.win").read_text()
    kept = [line for line in text.splitlines() if not line.strip().lower().startswith(OWN_KEYWORDS)]
    with tempfile.TemporaryDirectory(prefix="postw90-") as name:
        directory = Path(name)
        for suffix in LINKED:
            (directory / f"{arguments.seed}{suffix}").symlink_to(
                (arguments.files / f"{arguments.seed}{suffix}").resolve()
            )
        (directory / f"{arguments.seed}.win").write_text("\n".join(kept) + "\n" + keywords(arguments, mesh))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([arguments.postw90, arguments.seed], cwd=directory, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = (directory / f"{arguments.seed}.wpout").read_text()
        result = directory / f"{arguments.seed}-shc-fermiscan.dat"
        if done.returncode or not result.exists():
            raise RunError(f"postw90 failed:\n{done.stdout}{done.stderr}{report[-2000:]}")
        value = float(result.read_text().split("\n")[1].split()[-1])
    refined = re.search(r"Points triggering refinement:\s+(\d+)", report)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return value, seconds, int(refined.group(1)) if refined else 0


def main() -> int:
    arguments = parse_arguments()
    if arguments.output.exists():
        sys.stderr.write(f"{arguments.output} exists; choose another name\n")
        return 2
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _, setup, _ = run(arguments, 1)
    value, seconds, refined = run(arguments, arguments.mesh)
    points = arguments.mesh**3 + refined * arguments.adaptive**3
    settings = {name: getattr(arguments, name) for name in ("mesh", "adaptive", "threshold", "smearing", "mu")}
    row = {
        **settings,
        "xyz": value,
        "k_points": points,
        "refined": refined,
        "cpu_seconds": seconds,
        "cpu_seconds_setup": setup,
        "cpu_ms_per_k": 1e3 * (seconds - setup) / points,
    }
    with arguments.output.open("x") as file:
        json.dump(row, file, indent=1)
        file.write("\n")
    sys.stdout.write(f"{arguments.mesh}^3: {value:.2f} (hbar/e) S/cm, {points} k points, {seconds:.1f} s CPU\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

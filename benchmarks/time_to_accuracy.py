"""CPU time to a stated accuracy of σ^z_xy of platinum, beside WannierBerri and postw90: measures, and writes the tables.

    python time_to_accuracy.py measure data/platinum_6x6x6.npz      # this package; tables of time_to_accuracy.md
    python time_to_accuracy.py reference data/platinum_6x6x6.npz    # the value errors are taken from (minutes)
    python time_to_accuracy.py collect results/peers                # runs of the other programs → JSON of this page
    python time_to_accuracy.py tables results/time_to_accuracy.json # the tables from the last measurement

Every number is a process of its own: user + system CPU seconds from start to end, one thread. The numbers of the other
programs are kept in time_to_accuracy_peers.json with their settings. What is compared is described in the page.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import solenoidal as sol

HERE = Path(__file__).parent
PAGE = HERE / "time_to_accuracy.md"
PEERS = HERE / "time_to_accuracy_peers.json"
RESULTS = HERE / "results" / "time_to_accuracy.json"
BEGIN, END = "<!-- tables: written by time_to_accuracy.py -->", "<!-- end of tables -->"

MU = 17.8539
TEMPERATURES = (0.0, 300.0)
GRID = sol.EnergyGrid(MU - 2, MU + 2, 0.002, MU)
MESHES = (18, 24, 30, 36, 42, 48, 54, 60, 72)
STATED = ((300.0, 0.01), (300.0, 0.003), (0.0, 0.01))
LEVELS = (0.01, 0.003, 0.001)

Row = dict[str, Any]


def component(result: sol.Result, temperature: float) -> tuple[float, float | None]:
    """σ^z_xy of the conventional current, (ħ/|e|) S/cm, and its standard error where there is one."""
    data = result.conductivity(MU, temperature).sel(current="x", field="y", spin="z")
    error = data["conventional_inside_error"].item() if "conventional_inside_error" in data else None
    return data["conventional_inside"].item(), error


def one(arguments: argparse.Namespace) -> Row:
    """One run in this process; CPU seconds count from the start of the process."""
    model = sol.load_model(arguments.model)
    ready = time.process_time()
    if arguments.task == "converge":
        wanted = sol.Accuracy(
            (MU,), (arguments.temperature,), relative=arguments.relative, outputs=("conventional_inside",)
        )
        result = sol.converge(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(accuracy=wanted, energies=GRID, threads=1, seed=arguments.seed),
        )
    else:
        mesh = (arguments.mesh,) * 3
        result = sol.solve(model, [sol.SpinConductivity()], sol.Numerics(mesh=mesh, energies=GRID, threads=1))
    values = {f"{T:g}": component(result, T) for T in TEMPERATURES}
    history = result.attrs.get("convergence", {}).get("history", [])
    return {
        "values": {T: value for T, (value, _) in values.items()},
        "errors": {T: error for T, (_, error) in values.items()},
        "cpu_seconds_ready": ready,
        "cpu_seconds_inside": time.process_time(),
        "k_points": sum(row["points"] for row in history) if history else int(result.attrs["k_points_evaluated"]),
        "sets": len(history),
        "state": result.attrs.get("convergence", {}).get("state"),
    }


def process(model: Path, *options: str) -> Row:
    """``one`` in a new process, with the CPU seconds of the whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "one", str(model), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout), "cpu_seconds": seconds}


def measure(arguments: argparse.Namespace) -> Row:
    """All runs of this package: meshes reduced by symmetry, and stated accuracies with several seeds.

    What is finished is kept in results/time_to_accuracy.json after every run.
    """
    process(arguments.model, "--task", "solve", "--mesh", "4")  # compiles, or loads what was compiled
    versions = {"solenoidal": version("solenoidal"), "numpy": np.__version__, "python": platform.python_version()}
    ours: Row = {"versions": versions, "repeat": arguments.repeat, "meshes": [], "stated": []}
    for mesh in MESHES:
        runs = [process(arguments.model, "--task", "solve", "--mesh", str(mesh)) for _ in range(arguments.repeat)]
        ours["meshes"].append({"mesh": mesh, **min(runs, key=lambda run: run["cpu_seconds"])})
        keep(ours)
    for seed, (temperature, relative) in itertools.product(range(0, 1000 * arguments.seeds, 1000), STATED):
        options = ["--temperature", str(temperature), "--relative", str(relative), "--seed", str(seed)]
        run = process(arguments.model, "--task", "converge", *options)
        ours["stated"].append({"temperature": temperature, "relative": relative, "seed": seed, **run})
        keep(ours)
        sys.stdout.write(f"converge {temperature:g} K {relative}: {run['cpu_seconds']:.1f} s\n")
    return ours


def keep(ours: Row) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(ours, indent=1) + "\n")


def reference(arguments: argparse.Namespace) -> Row:
    """Mean over eight shifted full meshes of 40³ points, each symmetrised, and its standard error."""
    model = sol.load_model(arguments.model)
    settings: Row = {"mesh": 40, "replicas": 8, "seed": 3}
    result = sol.solve(
        model,
        [sol.SpinConductivity()],
        sol.Numerics(mesh=(40, 40, 40), energies=GRID, replicas=8, seed=3, threads=1, audit=False),
    )
    values = {f"{T:g}": component(result, T) for T in TEMPERATURES}
    return {**{T: {"value": value, "error": error} for T, (value, error) in values.items()}, "settings": settings}


def first_lasting(rows: Iterable[Row], value: str, target: float, level: float) -> Row | None:
    """The first row from which on every later one is within ``level`` of ``target``."""
    found = None
    for row in rows:
        inside = abs(row[value] / target - 1) < level
        found = (found or row) if inside else None
    return found


def wannierberri_best(runs: list[Row], temperature: float, target: float, level: float) -> Row | None:
    """Cheapest mesh and iteration of the scan from which on the error of that refinement stays below ``level``."""
    candidates = []
    for run in runs:
        if run["temperature"] == temperature and not run["no_symmetry"] and not run.get("window"):
            row = first_lasting(run["iterations_done"], "xyz", target, level)
            if row is not None:
                candidates.append({**run, **row})
    return min(candidates, key=lambda row: row["cpu_seconds"], default=None)


def percent(value: float, target: float) -> str:
    return f"{100 * (value / target - 1):+.2f} %"


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def stated_summary(ours: Row, temperature: float, relative: float, target: float) -> Row:
    """Median CPU time and largest true error over the seeds."""
    runs = [run for run in ours["stated"] if run["temperature"] == temperature and run["relative"] == relative]
    errors = [abs(run["values"][f"{temperature:g}"] / target - 1) for run in runs]
    seconds = sorted(run["cpu_seconds"] for run in runs)
    inside = sorted(run["cpu_seconds"] - run["cpu_seconds_ready"] for run in runs)
    return {
        "seconds": float(np.median(seconds)),
        "range": (seconds[0], seconds[-1]),
        "inside": float(np.median(inside)),
        "worst": max(errors),
        "seeds": len(runs),
        "points": float(np.median([run["k_points"] for run in runs])),
        "unfinished": sum(run["state"] != "CONVERGED" for run in runs),
    }


def mesh_rows(ours: Row, temperature: float) -> list[Row]:
    return [{**row, "xyz": row["values"][f"{temperature:g}"]} for row in ours["meshes"]]


def wannierberri_table(ours: Row, peers: Row, temperature: float, levels: tuple[float, ...]) -> list[str]:
    target = peers["reference"][f"{temperature:g}"]["value"]
    rows = []
    for level in levels:
        there = wannierberri_best(peers["wannierberri"], temperature, target, level)
        if there is None:
            continue
        name = f"{100 * level:g} %"
        seconds, net = there["cpu_seconds"], there["cpu_seconds"] - there["cpu_seconds_ready"]
        refined = f"{there['iteration']} refinement{'s' * (there['iteration'] != 1)}"
        setting = f"WannierBerri, {there['mesh']}³ (FFT {there['fft']}³), {refined}"
        rows.append([name, setting, f"{seconds:.1f}", f"{net:.1f}", percent(there["xyz"], target), "", ""])
        mesh = first_lasting(mesh_rows(ours, temperature), "xyz", target, level)
        if mesh is not None:
            own = mesh["cpu_seconds"] - mesh["cpu_seconds_ready"]
            setting = f"`solve`, {mesh['mesh']}³, {mesh['k_points']} irreducible points"
            ratios = [f"{seconds / mesh['cpu_seconds']:.1f}", f"{net / own:.1f}"]
            rows.append(
                [name, setting, f"{mesh['cpu_seconds']:.1f}", f"{own:.1f}", percent(mesh["xyz"], target), *ratios]
            )
        if (temperature, level) in STATED:
            summary = stated_summary(ours, temperature, level, target)
            rows.append(
                [name, *stated_cells(summary), f"{seconds / summary['seconds']:.1f}", f"{net / summary['inside']:.1f}"]
            )
    return table(["error", "run", "CPU s", "without set-up", "true error", "ratio", "without set-up"], rows)


def curve_table(ours: Row, peers: Row) -> list[str]:
    """A whole curve σ(μ) on the same unrefined mesh by both programs."""
    meshes = {row["mesh"]: row for row in ours["meshes"]}
    rows = []
    for run in sorted(peers["wannierberri"], key=lambda run: int(run["mesh"])):
        if run.get("window") and run["mesh"] in meshes:
            mesh = meshes[run["mesh"]]
            there, net = run["iterations_done"][0]["cpu_seconds"], mesh["cpu_seconds"] - mesh["cpu_seconds_ready"]
            cells = [f"{run['mesh']}³", f"{run['fermi_levels']}", f"{there:.1f}", f"{mesh['cpu_seconds']:.1f}"]
            ratios = [f"{there / mesh['cpu_seconds']:.1f}", f"{(there - run['cpu_seconds_ready']) / net:.1f}"]
            rows.append([*cells, *ratios])
    return table(["mesh", "levels", "WannierBerri, CPU s", "`solve`, CPU s", "ratio", "without set-up"], rows)


def stated_cells(summary: Row) -> list[str]:
    low, high = summary["range"]
    return [
        f"`converge`, {summary['points']:.0f} points, {summary['seeds']} seeds",
        f"{summary['seconds']:.1f} ({low:.1f}–{high:.1f})",
        f"{summary['inside']:.1f}",
        f"≤ {100 * summary['worst']:.2f} %",
    ]


def postw90_table(ours: Row, peers: Row) -> list[str]:
    target = peers["reference"]["0"]["value"]
    mesh = first_lasting(mesh_rows(ours, 0.0), "xyz", target, 0.01)
    summary = stated_summary(ours, 0.0, 0.01, target)
    rows = []
    if mesh is not None:
        setting = f"`solve`, {mesh['mesh']}³, {mesh['k_points']} irreducible points"
        rows.append([setting, "", f"{mesh['cpu_seconds']:.1f}", percent(mesh["xyz"], target), "", ""])
    name, seconds, _, worst = stated_cells(summary)
    rows.append([name, "", seconds, worst, "", ""])
    for row in postw90_needs(peers):
        cost = row["cpu_seconds"]
        ratio = f"{cost / mesh['cpu_seconds']:.0f}" if mesh is not None else ""
        rows.append(
            [
                row["setting"],
                f"{row['k_points']}",
                f"{cost:.0f}",
                row["error"],
                ratio,
                f"{cost / summary['seconds']:.0f}",
            ]
        )
    return table(["run", "k points", "CPU s", "true error", "over `solve`", "over `converge`"], rows)


def postw90_needs(peers: Row) -> list[Row]:
    """For each kind of smearing and refinement, the first mesh from which on the error stays below 1 %, and its cost."""
    milliseconds = peers["postw90_cpu_ms_per_k"]
    setup = float(np.median([run["cpu_seconds_setup"] for run in peers["postw90"]]))
    kinds: dict[tuple[Any, ...], list[Row]] = {}
    for row in peers["postw90_predictions"]:
        kinds.setdefault((row["smearing"] is None, row["adaptive"], row["threshold"]), []).append(row)
    found = []
    for (adaptive_smearing, adaptive, threshold), rows in kinds.items():
        target = peers["reference"]["0"]["value"]
        if not adaptive_smearing:
            target += peers["postw90_shift_of_limit"]["shift_of_limit"]
        ordered = sorted(rows, key=lambda row: float(row["mesh"]))
        first = first_lasting(ordered, "xyz", target, 0.01)
        last = first or ordered[-1]
        width = "adaptive smearing" if adaptive_smearing else f"smearing {rows[0]['smearing']} eV"
        refinement = "no refinement" if adaptive == 1 else f"refinement {adaptive}³ above {threshold:g} Å²"
        reached = "" if first else "more than "
        if first is not None and len(ordered) > 1 and first is ordered[-1]:
            reached = "at least "
        found.append(
            {
                "setting": f"postw90, {width}, {refinement}: {reached}{last['mesh']}³",
                "k_points": last["k_points"],
                "cpu_seconds": setup + 1e-3 * milliseconds * last["k_points"],
                "error": percent(last["xyz"], target),
            }
        )
    return sorted(found, key=lambda row: str(row["setting"]))


def checks_table(peers: Row) -> list[str]:
    """Runs of postw90 beside the prediction for the same settings."""
    rows = []
    for run in peers["postw90"]:
        plain = run["refined"] == 0
        rule = (1, 0.0) if plain else (run["adaptive"], run["threshold"])
        wanted = (run["mesh"], run["smearing"], *rule)
        for row in peers["postw90_predictions"]:
            if (row["mesh"], row["smearing"], row["adaptive"], row["threshold"]) == wanted:
                width = "adaptive" if run["smearing"] is None else f"{run['smearing']} eV"
                refinement = "none" if run["adaptive"] == 1 else f"{run['adaptive']}³ above {run['threshold']:g} Å²"
                cells = [f"{run['mesh']}³", width, refinement, f"{run['k_points']}", f"{row['k_points']}"]
                difference = percent(run["xyz"], row["xyz"])
                rows.append(
                    [*cells, f"{run['xyz']:.1f}", f"{row['xyz']:.1f}", difference, f"{run['cpu_ms_per_k']:.1f}"]
                )
    header = [
        "mesh",
        "smearing",
        "refinement",
        "k points",
        "predicted",
        "σ^z_xy",
        "predicted",
        "difference",
        "CPU ms per k",
    ]
    return table(header, rows)


def write_page(ours: Row, peers: Row) -> None:
    """Replace the tables of the page."""
    lines = [BEGIN, "", "### WannierBerri, 300 K", "", *wannierberri_table(ours, peers, 300.0, LEVELS)]
    lines += ["### WannierBerri, T = 0", "", *wannierberri_table(ours, peers, 0.0, (0.01,))]
    lines += ["### WannierBerri, the curve from −2 to +2 eV at 300 K", "", *curve_table(ours, peers)]
    lines += ["### postw90, T = 0, 1 %", "", *postw90_table(ours, peers)]
    lines += ["### Runs of postw90 beside their prediction", "", *checks_table(peers), END]
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    PAGE.write_text(head + "\n".join(lines) + rest.split(END)[1])


def collect(directory: Path) -> None:
    """Put the runs of the other programs in ``directory`` into the JSON beside this file; a kind of which there are none
    stays as it is."""
    peers = json.loads(PEERS.read_text()) if PEERS.exists() else {}
    found = {
        kind: [json.loads(path.read_text()) for path in sorted(directory.glob(f"{kind}_*.json"))]
        for kind in ("wannierberri", "postw90", "predict")
    }
    if found["wannierberri"]:
        peers["wannierberri"] = found["wannierberri"]
    if found["postw90"]:
        peers["postw90"] = found["postw90"]
        peers["postw90_cpu_ms_per_k"] = min(run["cpu_ms_per_k"] for run in found["postw90"])
    if found["predict"]:
        predictions = [row for rows in found["predict"] for row in rows]
        peers["postw90_predictions"] = [row for row in predictions if "shifts" not in row]
        peers["postw90_shift_of_limit"] = next(row for row in predictions if "shifts" in row)
    save(peers)


def save(peers: Row) -> None:
    PEERS.write_text(json.dumps(peers, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["measure", "reference", "collect", "tables", "one"])
    parser.add_argument(
        "model", type=Path, help="model file; directory of runs (collect); JSON of a measurement (tables)"
    )
    parser.add_argument("--repeat", type=int, default=1, help="processes for each mesh; the least time counts")
    parser.add_argument("--seeds", type=int, default=3, help="runs for each stated accuracy")
    parser.add_argument("--task", choices=["solve", "converge"])
    parser.add_argument("--mesh", type=int)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--relative", type=float)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    if arguments.action == "one":
        json.dump(one(arguments), sys.stdout)
    elif arguments.action == "collect":
        collect(arguments.model)
    elif arguments.action == "tables":
        write_page(json.loads(arguments.model.read_text()), json.loads(PEERS.read_text()))
    elif arguments.action == "reference":
        peers = json.loads(PEERS.read_text()) if PEERS.exists() else {}
        save({**peers, "reference": reference(arguments)})
    else:
        write_page(measure(arguments), json.loads(PEERS.read_text()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

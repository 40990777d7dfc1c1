"""Conventional spin Hall conductivity from WannierBerri, all 27 components, written as JSON.

    python run_shc.py --input model.npz --mesh 6 --mu 17.8539 --output out.json
    python run_shc.py --prefix files/Pt --mesh 6 --mu 17.8539 --output out.json

The second form lets WannierBerri read .chk, .eig, .mmn and .spn by itself, as `export_model.py` does.
Several meshes and chemical potentials may be given. Each mesh n means a Γ-centred n×n×n mesh over the full
zone, T = 0, no symmetry. Values are in (ħ/e) S/m with indices [current][field][spin].
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from export_model import native_system
from wb_model import (
    build_system,
    cpu_seconds,
    default_fft,
    environment,
    load_arrays,
    run_serial,
    spin_hall_calculators,
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", type=Path, help="model file (.npz)")
    source.add_argument("--prefix", type=Path, help="path and seedname of Wannier90 files")
    parser.add_argument("--mesh", type=int, nargs="+", required=True, help="k points per direction")
    parser.add_argument("--mu", type=float, nargs="+", required=True, help="chemical potentials (eV)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write; must not exist")
    parser.add_argument("--degeneracy-tol", type=float, default=1e-4, help="eV (default 1e-4)")
    parser.add_argument("--kramers", action="store_true", help="group bands in pairs (2j, 2j+1)")
    parser.add_argument("--fft", type=int, help="FFT size per direction; must divide every mesh")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    if arguments.output.exists():
        sys.stderr.write(f"{arguments.output} exists; choose another name\n")
        return 2
    if arguments.input is None:
        system = native_system(arguments.prefix)
    else:
        system = build_system(load_arrays(arguments.input))
    runs = []
    for mesh in arguments.mesh:
        calculators = spin_hall_calculators(
            arguments.mu, degeneracy_tol=arguments.degeneracy_tol, kramers=arguments.kramers
        )
        start = cpu_seconds()
        values = run_serial(system, calculators, mesh=mesh, fft=arguments.fft or default_fft(mesh))
        seconds = cpu_seconds() - start
        for i, mu in enumerate(arguments.mu):
            tensor = values[f"mu{i}"][0]
            runs.append({"mesh": mesh, "mu_eV": mu, "xyz": float(tensor[0, 1, 2]), "tensor": tensor.tolist()})
            sys.stdout.write(f"mesh {mesh}^3  mu {mu:.4f} eV  sigma_xyz {tensor[0, 1, 2]:.6f} (hbar/e) S/m\n")
        sys.stdout.write(f"mesh {mesh}^3  CPU time {seconds:.2f} s\n")
    report = {
        "model": (arguments.input or arguments.prefix).name,
        "quantity": "conventional spin Hall conductivity, spin_current_type='simple', T = 0, full zone",
        "unit": "(hbar/e) S/m",
        "indices": "tensor[current][field][spin]",
        "degeneracy_tol_eV": arguments.degeneracy_tol,
        "kramers_pairs": arguments.kramers,
        "environment": environment(),
        "runs": runs,
    }
    with arguments.output.open("x") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

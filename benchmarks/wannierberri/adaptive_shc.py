"""WannierBerri with adaptive refinement and symmetry: value and CPU time after every iteration, as JSON.

    python adaptive_shc.py --input arrays.npz --mesh 48 --fft 6 --iterations 20 --mu 17.8539 --temperature 300 --output out.json

Conventional spin Hall conductivity (``spin_current_type='simple'``) on the model file of `wb_model.py`. Point group from
the structure (spglib, with time reversal), ``use_irred_kpt`` and ``symmetrize`` on, Kramers pairs grouped, serial, one
BLAS thread. A temperature above zero is WannierBerri's Fermi-Dirac smoother over levels μ ± 8 k_B T; the refinement
criteria then see the smoothed values. Times are user + system CPU seconds of the process, from its start.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import constants
from threadpoolctl import threadpool_limits
from wannierberri import Grid, run
from wannierberri.calculators.static import SHC
from wannierberri.result import EnergyResult
from wannierberri.smoother import FermiDiracSmoother
from wb_model import build_system, cpu_seconds, environment, load_arrays

K_B = constants.k / constants.e
SMOOTHER_RANGE = 8  # k_B T on either side, WannierBerri's default


class RecordedResult(EnergyResult):
    """A result that notes its value and the CPU time whenever WannierBerri would write it to disk."""

    iterations: ClassVar[list[dict[str, Any]]] = []

    def savedata(self, name: str, prefix: str, suffix: str, i_iter: int) -> None:
        cpu = cpu_seconds()
        tensor = self.dataSmooth[len(self.Energies[0]) // 2]
        self.iterations.append({"iteration": i_iter, "cpu_seconds": cpu, "xyz": float(tensor[0, 1, 2]) / 100})


class RecordedSHC(SHC):
    """WannierBerri's calculator, counting the k points it is given."""

    k_points = 0

    def __call__(self, data_K: Any) -> EnergyResult:
        result = super().__call__(data_K)
        result.__class__ = RecordedResult
        type(self).k_points += int(data_K.nk)
        return result


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True, help="model file (.npz)")
    parser.add_argument("--mesh", type=int, required=True, help="k points per direction before refinement")
    parser.add_argument("--fft", type=int, required=True, help="FFT size; must divide the mesh")
    parser.add_argument("--iterations", type=int, default=0, help="adpt_num_iter")
    parser.add_argument("--refine", type=int, default=1, help="adpt_fac: points refined for each criterion")
    parser.add_argument("--mu", type=float, required=True, help="chemical potential (eV)")
    parser.add_argument("--temperature", type=float, default=300.0, help="K; 0 means one level without smoother")
    parser.add_argument("--window", type=float, default=0.0, help="eV on either side of μ, for a curve")
    parser.add_argument("--level-step", type=float, default=0.01, help="eV between Fermi levels")
    parser.add_argument("--no-symmetry", action="store_true", help="full zone, no symmetrisation")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write; must not exist")
    return parser.parse_args()


def calculator(arguments: argparse.Namespace) -> RecordedSHC:
    """Equidistant levels over the window with μ in the middle, at T > 0 some more on either side for the smoother."""
    levels, smoother = np.array([arguments.mu]), None
    half = int(np.ceil((arguments.window + SMOOTHER_RANGE * K_B * arguments.temperature) / arguments.level_step))
    if half > 0:
        levels = arguments.mu + arguments.level_step * np.arange(-half, half + 1)
    if arguments.temperature > 0:
        smoother = FermiDiracSmoother(levels, arguments.temperature)
    return RecordedSHC(
        Efermi=levels,
        smoother=smoother,
        kwargs_formula={"spin_current_type": "simple"},
        degen_thresh=1e-4,
        degen_Kramers=True,
        save_mode="",
    )


def main() -> int:
    arguments = parse_arguments()
    if arguments.output.exists():
        sys.stderr.write(f"{arguments.output} exists; choose another name\n")
        return 2
    if arguments.mesh % arguments.fft:
        sys.stderr.write(f"the FFT size {arguments.fft} does not divide the mesh {arguments.mesh}\n")
        return 2
    symmetry = not arguments.no_symmetry
    with threadpool_limits(limits=1):
        imported = cpu_seconds()
        system = build_system(load_arrays(arguments.input))
        if symmetry:
            system.set_structure([[0, 0, 0]], ["Pt"])
            system.set_pointgroup_from_structure()
        grid = Grid(system, NKdiv=arguments.mesh // arguments.fft, NKFFT=arguments.fft, use_symmetry=symmetry)
        shc = calculator(arguments)
        ready = cpu_seconds()
        run(
            system,
            grid=grid,
            calculators={"shc": shc},
            adpt_num_iter=arguments.iterations,
            adpt_fac=arguments.refine,
            use_irred_kpt=symmetry,
            symmetrize=symmetry,
            parallel=False,
            parameters_K={"fftlib": "fftw"},
            print_progress_step_time=1e9,
        )
        used = environment()
    report = {
        **{name: value for name, value in vars(arguments).items() if name not in ("input", "output")},
        "fermi_levels": len(shc.Efermi),
        "adpt_mesh": 2,
        "use_irred_kpt": symmetry,
        "symmetrize": symmetry,
        "point_group": int(system.pointgroup.size),
        "degen_Kramers": True,
        "k_points": shc.k_points,
        "cpu_seconds_import": imported,
        "cpu_seconds_ready": ready,
        "iterations_done": RecordedResult.iterations,
        "environment": used,
    }
    with arguments.output.open("x") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    last = RecordedResult.iterations[-1]
    sys.stdout.write(
        f"{arguments.mesh}^3 fft {arguments.fft}: {last['xyz']:.3f} (hbar/e) S/cm, {last['cpu_seconds']:.1f} s\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

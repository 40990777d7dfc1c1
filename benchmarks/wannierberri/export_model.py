"""Let WannierBerri read Wannier90 files by its own readers and write its matrices as a model file (.npz).

    python export_model.py --prefix files/Pt --output native.npz

Needed beside the prefix: .chk, .eig, .spn (unformatted) and .mmn, all uncompressed; `chk_to_mmn.py` rebuilds a
missing .mmn. WannierBerri's defaults are kept: position matrix i Σ_b w_b b M(k, b) exp(ib·r_column) with the centres
of the checkpoint, minimal images with a tolerance of 1e-5 Å. Its matrices are Hermitian up to ties between images;
the two halves are averaged here, and the largest change is printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from wannierberri import System_R, WannierData


def native_system(prefix: Path) -> System_R:
    """WannierBerri's own system with position and spin matrices."""
    data = WannierData.from_w90_files(str(prefix), files=["chk", "eig", "mmn", "spn"], readnnkp=False)
    return System_R.from_wannierdata(data, berry=True, spin=True, silent=True)


def model_arrays(system: System_R) -> tuple[dict[str, np.ndarray], float]:
    """Arrays of the model file, and the largest change made by averaging X(R) with X(-R)^dagger."""
    R = system.rvec.iRvec
    index = {tuple(x): i for i, x in enumerate(R.tolist())}
    minus = np.array([index[-x[0], -x[1], -x[2]] for x in R.tolist()])
    position = system.get_R_mat("AA").copy()
    orbital = np.arange(system.num_wann)
    position[index[0, 0, 0], orbital, orbital] += system.wannier_centers_cart
    change = 0.0
    arrays = {"lattice": system.real_lattice, "R": R}
    for name, X in (("H", system.get_R_mat("Ham")), ("r", position), ("s", system.get_R_mat("SS") / 2)):
        arrays[name] = (X + X[minus].swapaxes(1, 2).conj()) / 2
        change = max(change, float(np.abs(arrays[name] - X).max()))
    arrays["centres"] = np.diagonal(arrays["r"][index[0, 0, 0]], axis1=0, axis2=1).T.real.copy()
    return arrays, change


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, required=True, help="path and seedname of the Wannier90 files")
    parser.add_argument("--output", type=Path, required=True, help="model file (.npz) to write; must not exist")
    arguments = parser.parse_args()
    arrays, change = model_arrays(native_system(arguments.prefix))
    with arguments.output.open("xb") as file:
        np.savez(file, **arrays)
    sys.stdout.write(f"{arguments.output}: {len(arrays['R'])} lattice vectors, largest change {change:.1e}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

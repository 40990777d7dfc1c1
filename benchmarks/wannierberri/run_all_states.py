"""Conventional spin Hall conductivity with matrix elements over all states, by WannierBerri; JSON.

    python run_all_states.py --prefix files/Fe --mesh 24 --fft 8 --mu 12.7194 --output fe.json

``simple``, ``qiao`` and ``ryoo`` from ``.chk``, ``.eig``, ``.mmn`` and ``.spn`` (not gzipped). For ``ryoo`` the products of
``.sIu`` and ``.sHu`` are replaced by those of ``qiao``: both are then sums over the bands of ``.mmn``. Full zone, T = 0.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from wannierberri import Grid, run
from wannierberri.calculators.static import SHC
from wannierberri.system import System_R
from wannierberri.w90files import WannierData

FORMS = ("simple", "qiao", "ryoo")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, required=True, help="Wannier90 files without extension")
    parser.add_argument("--mesh", type=int, required=True, help="k points per direction")
    parser.add_argument("--fft", type=int, required=True, help="FFT size; must divide the mesh")
    parser.add_argument("--mu", type=float, required=True, help="chemical potential (eV)")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write; must not exist")
    arguments = parser.parse_args()
    if arguments.output.exists() or arguments.mesh % arguments.fft:
        sys.stderr.write("the output exists, or the FFT size does not divide the mesh\n")
        return 2
    with threadpool_limits(limits=1):
        files = WannierData.from_w90_files(str(arguments.prefix), files=["chk", "eig", "mmn", "spn"])
        system = System_R.from_wannierdata(wandata=files, spin=True, berry=True, SHCqiao=True)
        for target, source in (("SA", "SR"), ("SHA", "SHR")):
            system.set_R_mat(target, system.get_R_mat(source).copy())
        calculators = {
            form: SHC(Efermi=np.array([arguments.mu]), kwargs_formula={"spin_current_type": form}, save_mode="")
            for form in FORMS
        }
        grid = Grid(system, NKdiv=arguments.mesh // arguments.fft, NKFFT=arguments.fft, use_symmetry=False)
        found = run(
            system, grid=grid, calculators=calculators, use_irred_kpt=False, symmetrize=False, parallel=False
        ).results
    home = int(np.flatnonzero(~system.rvec.iRvec.any(axis=1))[0])
    report = {
        "mesh": arguments.mesh,
        "mu_eV": arguments.mu,
        "home_diagonal_angstrom": np.einsum("aai->ai", system.get_R_mat("AA")[home]).real.tolist(),
        "tensors": {form: found[form].data[0].tolist() for form in FORMS},
    }
    arguments.output.write_text(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

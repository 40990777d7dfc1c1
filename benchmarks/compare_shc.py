"""Conventional spin Hall conductivity of platinum beside WannierBerri's numbers on the same arrays.

    python compare_shc.py data/platinum_6x6x6.npz wannierberri.json

``wannierberri.json`` is written by ``wannierberri/run_shc.py``. Full zone, T = 0, the same degeneracy threshold, the
same operator ½{v, s}; prints the largest relative difference over the 27 components.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import solenoidal as sol

S_PER_M = 100.0


def main() -> int:
    model = sol.load_model(Path(sys.argv[1]))
    report = json.loads(Path(sys.argv[2]).read_text())
    worst = 0.0
    for run in report["runs"]:
        n, mu = run["mesh"], run["mu_eV"]
        result = sol.solve(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(
                mesh=(n, n, n),
                energies=sol.EnergyGrid(mu - 15, mu + 2, 0.01, mu),
                symmetry=None,
                kramers=False,
                degeneracy_tol=report["degeneracy_tol_eV"],
                audit=False,
            ),
        )
        ours = result.conductivity(mu, 0)["conventional_inside"].values[0, 0] * S_PER_M
        theirs = np.array(run["tensor"])
        difference = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
        worst = max(worst, difference)
        sys.stdout.write(
            f"{n}^3  mu {mu:.4f} eV  xyz: {ours[0, 1, 2]:.6f} here, {theirs[0, 1, 2]:.6f} there (hbar/e) S/m, "
            f"largest relative difference {difference:.1e}\n"
        )
    return 0 if worst < 1e-6 else 1


if __name__ == "__main__":
    raise SystemExit(main())

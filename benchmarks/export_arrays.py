"""Write a model as the plain arrays that the scripts in ``wannierberri/`` read.

python export_arrays.py model.npz arrays.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import solenoidal as sol


def on_common_vectors(operator: sol.LatticeOperator | sol.Operator, R: np.ndarray) -> np.ndarray:
    """Matrices of ``operator`` on all of ``R``, zero where it has none, legs last."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    out = np.zeros((len(R), *operator.leg_shape, operator.size, operator.size), dtype=complex)
    out[[index[tuple(r)] for r in operator.R.tolist()]] = operator.matrices
    return np.moveaxis(out, 1, -1) if operator.leg_shape else out


def main() -> int:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    model = sol.load_model(source)
    parts = {"H": model.hamiltonian, "r": model.position, "s": model.operators["spin"]}
    R = np.unique(np.concatenate([part.R for part in parts.values()]), axis=0)
    arrays = {name: on_common_vectors(part, R) for name, part in parts.items()}
    home = int(np.flatnonzero(~R.any(axis=1))[0])
    centres = np.einsum("aai->ai", arrays["r"][home]).real
    with target.open("xb") as file:
        np.savez(file, lattice=model.lattice, R=R, centres=centres, **arrays)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

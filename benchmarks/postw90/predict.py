"""What postw90's sum gives on any mesh, from a model of this project: tells which mesh postw90 needs for an accuracy.

    python predict.py ../data/platinum_6x6x6.npz --mesh 12 16 20 --smearing 0.05 --output predict.json
    python predict.py ../data/platinum_6x6x6.npz --mesh 12 16 --adaptive 3 5 --threshold 30 100 --output predict.json

The sum is the one of postw90: occupied n, empty m, −2 Im(J_nm v_mn)/(ω² + η²) at T = 0, with η fixed or
√2 |∂ε_n − ∂ε_m| Δk (at most 1 eV), no degenerate groups; a k point whose sum exceeds the threshold (Å²) is replaced by
the mean over its cell. J is ½{v, σ} of the model, where postw90 has Qiao's form from finite differences: the values
differ by about a per cent, the way they converge does not. Half of the mesh suffices, by time reversal.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import solenoidal as sol
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.units import CONDUCTANCE_PER_ANGSTROM

BLOCK = 256
WIDEST = 1.0  # kubo_adpt_smr_max, eV


@dataclass(frozen=True)
class Sum:
    """postw90's integrand of σ^z_xy at one Fermi energy: with ``smearing`` (eV), or adaptive for ``spacing`` Δk.

    ``whole_pairs`` leaves out the terms between the two bands of a Kramers pair, which a smearing of zero needs.
    """

    model: sol.TightBinding
    mu: float
    smearing: float | None
    whole_pairs: bool = False

    def at(self, k: RealArray, spacing: float) -> RealArray:
        """Berry-curvature-like sum (Å²) at every fractional ``k``; ``spacing`` in 1/Å."""
        out = np.empty(len(k))
        for start in range(0, len(k), BLOCK):
            part = k[start : start + BLOCK]
            out[start : start + BLOCK] = self._block(part, spacing)
        return out

    def _block(self, k: RealArray, spacing: float) -> RealArray:
        states = BlochStates.solve(interpolator(self.model), k, np.ones(len(k)), Degeneracy())
        velocity, sigma = states.velocity, 2 * states.operator("spin")[:, :, 2]
        product = velocity[:, :, 0] @ sigma
        current = (product + product.conj().swapaxes(1, 2)) / 2
        eta: RealArray | float
        if self.smearing is None:
            slope = np.einsum("knin->kni", velocity).real
            relative = np.linalg.norm(slope[:, :, None] - slope[:, None], axis=-1)
            eta = np.minimum(np.sqrt(2) * relative * spacing, WIDEST)
        else:
            eta = self.smearing
        occupied = states.energies < self.mu
        pairs = occupied[:, :, None] & ~occupied[:, None]
        if self.whole_pairs:
            even = np.arange(0, pairs.shape[1], 2)
            pairs[:, even, even + 1] = pairs[:, even + 1, even] = False
        gap = states.energies[:, :, None] - states.energies[:, None]
        weight = np.where(pairs, 1.0, 0.0) / np.where(pairs, gap**2 + eta**2, 1.0)
        total: RealArray = np.sum(weight * (current * velocity[:, :, 1].swapaxes(1, 2)).imag, axis=(1, 2))
        return -2 * total


def mesh_points(divisions: int) -> tuple[RealArray, RealArray]:
    """Points of the Γ-centred mesh up to k → −k, and their weights."""
    index = np.array(list(np.ndindex(divisions, divisions, divisions)))
    partner = np.ravel_multi_index(tuple(((-index) % divisions).T), (divisions,) * 3)
    own = np.arange(len(index))
    keep = own <= partner
    return index[keep] / divisions, np.where(partner == own, 1.0, 2.0)[keep] / divisions**3


def spacing(model: sol.TightBinding, divisions: int) -> float:
    """Δk of postw90: the longest side of a cell of the mesh, 1/Å."""
    reciprocal = 2 * np.pi * np.linalg.inv(model.lattice).T
    return float(np.linalg.norm(reciprocal, axis=1).max() / divisions)


def cell_means(rule: Sum, k: RealArray, divisions: int, adaptive: int) -> RealArray:
    """Mean of the sum over the ``adaptive``³ points of the cell around every ``k``."""
    offsets = (np.array(list(np.ndindex(adaptive, adaptive, adaptive))) - (adaptive - 1) / 2) / (adaptive * divisions)
    delta = spacing(rule.model, divisions)
    return np.array([rule.at(point + offsets, delta).mean() for point in k])


def rows(rule: Sum, divisions: int, adaptive: list[int], thresholds: list[float]) -> list[dict[str, float]]:
    """One row for the plain mesh and one for every refinement."""
    unit = CONDUCTANCE_PER_ANGSTROM / abs(np.linalg.det(rule.model.lattice)) / 2
    k, weights = mesh_points(divisions)
    plain = rule.at(k, spacing(rule.model, divisions))
    found = [
        {
            "mesh": divisions,
            "adaptive": 1,
            "threshold": 0.0,
            "k_points": divisions**3,
            "xyz": unit * float(weights @ plain),
        }
    ]
    for n in adaptive:
        refined = np.abs(plain) > min(thresholds)
        means = plain.copy()
        means[refined] = cell_means(rule, k[refined], divisions, n)
        for threshold in thresholds:
            above = np.abs(plain) > threshold
            points = round(divisions**3 * (1 + float(weights @ above) * n**3))
            value = unit * float(weights @ np.where(above, means, plain))
            found.append({"mesh": divisions, "adaptive": n, "threshold": threshold, "k_points": points, "xyz": value})
    return found


def shift_of_limit(rule: Sum, divisions: int, shifts: int) -> dict[str, float]:
    """What the smearing adds to the converged value, with its standard error, from randomly shifted meshes.

    Smeared and bare sums run over the same points, where their Fermi-surface errors cancel.
    """
    unit = CONDUCTANCE_PER_ANGSTROM / abs(np.linalg.det(rule.model.lattice)) / 2
    index = np.array(list(np.ndindex(divisions, divisions, divisions)))
    bare, smeared = replace(rule, smearing=0.0, whole_pairs=True), replace(rule, whole_pairs=True)
    values = []
    for offset in np.random.default_rng(0).random((shifts, 3)):
        k = (index + offset) / divisions
        values.append(unit * float((smeared.at(k, 0.0) - bare.at(k, 0.0)).mean()))
    error = float(np.std(values, ddof=1) / np.sqrt(shifts))
    return {"mesh": divisions, "shifts": shifts, "shift_of_limit": float(np.mean(values)), "error": error}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--mesh", type=int, nargs="+", required=True)
    parser.add_argument("--adaptive", type=int, nargs="*", default=[], help="berry_curv_adpt_kmesh")
    parser.add_argument("--threshold", type=float, nargs="*", default=[], help="Å²")
    parser.add_argument("--smearing", type=float, help="eV; without it postw90's adaptive smearing")
    parser.add_argument("--shifts", type=int, default=0, help="estimate what the smearing adds to the limit instead")
    parser.add_argument("--mu", type=float, default=17.8539)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rule = Sum(sol.load_model(arguments.model), arguments.mu, arguments.smearing)
    if arguments.shifts and arguments.smearing is None:
        sys.stderr.write("adaptive smearing belongs to a mesh; its limit is the value at T = 0 without smearing\n")
        return 2
    if arguments.shifts:
        found = [[shift_of_limit(rule, n, arguments.shifts)] for n in arguments.mesh]
    else:
        found = [rows(rule, n, arguments.adaptive, arguments.threshold) for n in arguments.mesh]
    report = [{**row, "smearing": arguments.smearing} for row in itertools.chain.from_iterable(found)]
    arguments.output.write_text(json.dumps(report, indent=1) + "\n")
    for row in report:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

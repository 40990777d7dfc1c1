"""Rebuild a Wannier90 overlap file (.mmn) from a checkpoint, for programs that read .mmn and not the checkpoint's M.

    python chk_to_mmn.py --checkpoint Pt.chk.gz --output Pt.mmn

The checkpoint holds M_W(k, b) = V(k)^dagger M(k, b) V(k+b) in the Wannier gauge, V (bands × Wannier functions)
having orthonormal columns. Written is M = V(k) M_W(k, b) V(k+b)^dagger: it gives back M_W exactly, and lacks what
lies outside the Wannier subspace. Quantities that need only V^dagger M V (the position matrix) are exact; those that
insert operators between the ab initio bands (Qiao's spin current) become their projection on the subspace.

The checkpoint does not list the b vectors. They are laid out as Wannier90 does (shells by length, then reciprocal
cells by length, equal ones last first, then k number); the relation M(k, b)^dagger = M(k+b, -b) is checked.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CELLS = 5
LENGTH_TOLERANCE = 1e-6
PAIRING_TOLERANCE = 1e-6


class CheckpointError(ValueError):
    """The checkpoint cannot be turned into an overlap file."""


@dataclass(frozen=True)
class Checkpoint:
    """`kpoints` (nk, 3), `reciprocal` (3, 3) rows, `gauge` (nk, bands, n), `overlaps` (nk, nb, n, n)."""

    kpoints: np.ndarray
    reciprocal: np.ndarray
    gauge: np.ndarray
    overlaps: np.ndarray


class Records:
    """Sequential records of a gfortran unformatted little-endian file, plain or gzipped."""

    def __init__(self, path: Path) -> None:
        self._data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        self._position = 0

    def read(self, kind: str) -> np.ndarray:
        size = int(np.frombuffer(self._data, "<i4", 1, self._position)[0])
        record = np.frombuffer(self._data[self._position + 4 : self._position + 4 + size], kind)
        self._position += size + 8
        return record


def read_checkpoint(path: Path) -> Checkpoint:
    records = Records(path)
    records.read("S1")
    n_bands = int(records.read("<i4")[0])
    if int(records.read("<i4")[0]) > 0:
        raise CheckpointError(f"{path}: excluded bands are not supported here")
    for _ in range(2):
        records.read("S1")
    reciprocal = records.read("<f8").reshape(3, 3).T
    n_k = int(records.read("<i4")[0])
    records.read("<i4")
    kpoints = records.read("<f8").reshape(n_k, 3)
    n_neighbours = int(records.read("<i4")[0])
    n = int(records.read("<i4")[0])
    records.read("S1")
    disentangled = bool(records.read("<i4")[0])
    if disentangled:
        records.read("<f8")
        window = records.read("<i4").reshape(n_k, n_bands).astype(bool)
        records.read("<i4")
        optimal = records.read("<c16").reshape(n_k, n, n_bands).transpose(0, 2, 1)
    rotation = records.read("<c16").reshape(n_k, n, n).transpose(0, 2, 1)
    overlaps = records.read("<c16").reshape(n_k, n_neighbours, n, n).transpose(0, 1, 3, 2)
    gauge = np.zeros((n_k, n_bands, n), dtype=complex)
    for k in range(n_k):
        if disentangled:
            inside = np.flatnonzero(window[k])
            gauge[k, inside] = optimal[k, : len(inside)] @ rotation[k]
        else:
            gauge[k] = rotation[k]
    return Checkpoint(kpoints, reciprocal, gauge, overlaps)


def neighbour_list(checkpoint: Checkpoint) -> tuple[np.ndarray, np.ndarray]:
    """Indices (nk, nb) of k + b and reciprocal cells (nk, nb, 3), in Wannier90's order."""
    n_k, n_neighbours = checkpoint.overlaps.shape[:2]
    cells = np.array(list(itertools.product(range(-CELLS, CELLS + 1), repeat=3)))
    length = np.linalg.norm(cells @ checkpoint.reciprocal, axis=1)
    cells = cells[np.lexsort((-np.arange(len(cells)), np.round(length, 6)))]
    cells = cells[: 4 * 27]  # neighbours of a mesh point lie in the nearest cells
    cartesian = checkpoint.kpoints @ checkpoint.reciprocal
    shifts = cells @ checkpoint.reciprocal
    index = np.empty((n_k, n_neighbours), dtype=int)
    cell = np.empty((n_k, n_neighbours, 3), dtype=int)
    for k in range(n_k):
        distance = np.linalg.norm(cartesian[None] + shifts[:, None] - cartesian[k], axis=2)
        distance[distance < LENGTH_TOLERANCE] = np.inf
        edge = np.sort(distance, axis=None)[n_neighbours - 1 : n_neighbours + 1]
        if edge[1] - edge[0] < LENGTH_TOLERANCE:
            raise CheckpointError(
                f"{n_neighbours} b vectors are not the nearest complete shells of this mesh; use the original .mmn"
            )
        where, j = np.nonzero(distance < edge[0] + LENGTH_TOLERANCE)
        order = np.lexsort((j, where, np.round(distance[where, j], 6)))
        index[k], cell[k] = j[order], cells[where[order]]
    return index, cell


def check_pairing(checkpoint: Checkpoint, index: np.ndarray, cell: np.ndarray) -> float:
    """Largest |M(k, b)^dagger - M(k+b, -b)|; of order one when the b vectors are in another order."""
    worst = 0.0
    for k, b in itertools.product(*map(range, index.shape)):
        j = index[k, b]
        back = np.flatnonzero((index[j] == k) & (cell[j] == -cell[k, b]).all(axis=1))[0]
        difference = checkpoint.overlaps[k, b].conj().T - checkpoint.overlaps[j, back]
        worst = max(worst, float(np.abs(difference).max()))
    if worst > PAIRING_TOLERANCE:
        raise CheckpointError(f"M(k,b)^dagger differs from M(k+b,-b) by {worst:.1e}: unknown order of the b vectors")
    return worst


def write_mmn(path: Path, checkpoint: Checkpoint, index: np.ndarray, cell: np.ndarray) -> None:
    n_k, n_bands = checkpoint.gauge.shape[:2]
    with path.open("x") as file:
        file.write(f"overlaps rebuilt from a checkpoint\n{n_bands} {n_k} {index.shape[1]}\n")
        for k, b in itertools.product(*map(range, index.shape)):
            j = index[k, b]
            M = checkpoint.gauge[k] @ checkpoint.overlaps[k, b] @ checkpoint.gauge[j].conj().T
            file.write(f"{k + 1} {j + 1} {' '.join(map(str, cell[k, b]))}\n")
            np.savetxt(file, M.T.reshape(-1, 1).view(float), fmt="%.14f")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help=".chk or .chk.gz")
    parser.add_argument("--output", type=Path, required=True, help=".mmn file to write; must not exist")
    arguments = parser.parse_args()
    checkpoint = read_checkpoint(arguments.checkpoint)
    index, cell = neighbour_list(checkpoint)
    worst = check_pairing(checkpoint, index, cell)
    write_mmn(arguments.output, checkpoint, index, cell)
    sys.stdout.write(f"{arguments.output}: {index.size} matrices, pairing error {worst:.1e}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Matrices on lattice vectors as Wannier90 prints them: ``_tb.dat``, ``_hr.dat`` and ``_wsvec.dat``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.fortran import parse_reals, read_lines, require_finite
from solenoidal.io.wigner_seitz import ImageWeights
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LatticeFile:
    """Content of ``_tb.dat`` or ``_hr.dat`` before Wigner-Seitz folding.

    ``R`` (nR, 3); ``degeneracy`` (nR,) equivalent vectors on the cell boundary; ``hamiltonian`` (nR, n, n) in eV;
    ``position`` (nR, 3, n, n) in Å and ``lattice`` (3, 3) rows in Å, both ``None`` in ``_hr.dat``.
    """

    path: Path
    header: str
    lattice: RealArray | None
    R: IntArray
    degeneracy: IntArray
    hamiltonian: ComplexArray
    position: ComplexArray | None

    @property
    def n_wannier(self) -> int:
        """Number of Wannier functions."""
        return int(self.hamiltonian.shape[-1])


@dataclass(frozen=True)
class Shifts:
    """Supercell shifts of ``_wsvec.dat``: entry e moves part of element (row, column) of vector ``source`` by
    ``shift``.

    ``source``, ``row``, ``column`` (ne,) from 0, ``shift`` (ne, 3), ``share`` (ne,) the fraction moved.
    """

    source: IntArray
    row: IntArray
    column: IntArray
    shift: IntArray
    share: RealArray


def _header_numbers(path: Path, lines: list[str], start: int) -> tuple[int, int]:
    """Numbers of Wannier functions and of lattice vectors, on two lines of their own."""
    if len(lines) < start + 2:
        raise InputFileError(path, f"truncated: ends at line {len(lines)}, inside its header")
    values = parse_reals(path, [lines[start], lines[start + 1]], "numbers of Wannier functions and lattice vectors")
    if np.any(values < 1) or np.any(values != np.rint(values)):
        raise InputFileError(
            path,
            f"found {lines[start].strip()} and {lines[start + 1].strip()}; expected positive whole numbers",
        )
    return int(values[0]), int(values[1])


def _body(path: Path, lines: list[str], expected: int, n: int, n_vectors: int) -> RealArray:
    tokens = " ".join(lines).split()
    if len(tokens) != expected:
        problem = "truncated" if len(tokens) < expected else "damaged"
        raise InputFileError(
            path,
            f"{problem}: holds {len(tokens)} numbers after its header; expected {expected} for {n} Wannier "
            f"functions and {n_vectors} vectors",
        )
    return require_finite(path, parse_reals(path, tokens, "matrix elements"), "matrix elements")


def _check_orbitals(path: Path, rows: RealArray, n: int) -> None:
    """Orbital numbers must run over all pairs, the first fastest."""
    expected = np.stack([np.tile(np.arange(1, n + 1), n), np.repeat(np.arange(1, n + 1), n)], axis=1)
    if np.any(rows != expected):
        raise InputFileError(
            path, "does not list all pairs of orbitals in order, the first index fastest; it is damaged"
        )


def _integers(path: Path, values: RealArray, what: str) -> IntArray:
    whole = np.rint(values)
    if np.any(whole != values):
        raise InputFileError(path, f"found {values[whole != values][0]} for {what}; expected whole numbers")
    return whole.astype(np.int64)


def _matrices(values: RealArray, n: int) -> ComplexArray:
    """Rows (n², 2·legs) of real and imaginary parts, the row index fastest, as (legs, n, n)."""
    table = np.ascontiguousarray(values).view(np.complex128)
    return np.ascontiguousarray(table.reshape(n, n, -1).transpose(2, 1, 0))


def read_tb(path: Path) -> LatticeFile:
    """Read ``_tb.dat``, plain or packed; raises ``InputFileError`` when truncated, damaged or not finite."""
    lines = read_lines(path, whole=True)
    n, n_vectors = _header_numbers(path, lines, 4)
    lattice = parse_reals(path, " ".join(lines[1:4]).split(), "lattice vectors")
    if lattice.shape != (9,):
        raise InputFileError(path, "lines 2 to 4 are not three lattice vectors; expected a _tb.dat file")
    sizes = (n_vectors, n_vectors * (3 + 4 * n * n), n_vectors * (3 + 8 * n * n))
    body = _body(path, lines[6:], sum(sizes), n, n_vectors)
    degeneracy, hopping, position = np.split(body, np.cumsum(sizes)[:-1])
    hopping, position = hopping.reshape(n_vectors, -1), position.reshape(n_vectors, -1)
    if np.any(hopping[:, :3] != position[:, :3]):
        raise InputFileError(
            path, "lists other lattice vectors for the position than for the Hamiltonian; it is damaged"
        )
    H = np.empty((n_vectors, n, n), dtype=np.complex128)
    r = np.empty((n_vectors, 3, n, n), dtype=np.complex128)
    for i in range(n_vectors):
        h_rows, r_rows = hopping[i, 3:].reshape(-1, 4), position[i, 3:].reshape(-1, 8)
        _check_orbitals(path, h_rows[:, :2], n)
        _check_orbitals(path, r_rows[:, :2], n)
        H[i], r[i] = _matrices(h_rows[:, 2:], n)[0], _matrices(r_rows[:, 2:], n)
    R = _vectors(path, hopping[:, :3])
    return LatticeFile(path, lines[0].strip(), lattice.reshape(3, 3), R, _degeneracies(path, degeneracy), H, r)


def read_hr(path: Path) -> LatticeFile:
    """Read ``_hr.dat``, plain or packed; raises ``InputFileError`` when truncated, damaged or not finite."""
    lines = read_lines(path, whole=True)
    n, n_vectors = _header_numbers(path, lines, 1)
    body = _body(path, lines[3:], n_vectors + 7 * n * n * n_vectors, n, n_vectors)
    table = body[n_vectors:].reshape(n_vectors, n * n, 7)
    if np.any(table[:, :, :3] != table[:, :1, :3]):
        raise InputFileError(path, "lattice vectors change inside a block; it is damaged")
    for block in table:
        _check_orbitals(path, block[:, 3:5], n)
    H = np.stack([_matrices(block[:, 5:], n)[0] for block in table])
    return LatticeFile(
        path,
        lines[0].strip(),
        None,
        _vectors(path, table[:, 0, :3]),
        _degeneracies(path, body[:n_vectors]),
        H,
        None,
    )


def _vectors(path: Path, values: RealArray) -> IntArray:
    R = _integers(path, values, "lattice vectors")
    if len(np.unique(R, axis=0)) != len(R):
        raise InputFileError(path, "lists a lattice vector twice; it is damaged")
    return R


def _degeneracies(path: Path, values: RealArray) -> IntArray:
    degeneracy = _integers(path, values, "degeneracies of the lattice vectors")
    if np.any(degeneracy < 1):
        raise InputFileError(
            path, f"found degeneracy {degeneracy.min()} of a lattice vector; expected positive numbers"
        )
    return degeneracy


def read_wsvec(path: Path, R: IntArray, n: int) -> Shifts:
    """Read ``_wsvec.dat`` for the vectors ``R`` (nR, 3) and ``n`` orbitals of the file it belongs to.

    Raises ``InputFileError`` when it is truncated or lists other vectors or orbitals.
    """
    values = _integers(path, parse_reals(path, " ".join(read_lines(path, whole=True)[1:]).split(), "shifts"), "shifts")
    number = {tuple(r): i for i, r in enumerate(R.tolist())}
    flat = values.tolist()
    keys: list[tuple[int, int, int, int]] = []
    shifts: list[list[int]] = []
    at = 0
    while at < len(flat):
        source = number.get(tuple(flat[at : at + 3]))
        if at + 6 > len(flat) or at + 6 + 3 * flat[at + 5] > len(flat):
            raise InputFileError(path, f"truncated: ends inside the entry of vector {flat[at : at + 3]}")
        row, column, count = flat[at + 3 : at + 6]
        if source is None or not (1 <= row <= n and 1 <= column <= n and count >= 1):
            raise InputFileError(
                path,
                f"has an entry for vector {flat[at : at + 3]}, orbitals {row} and {column}, that the matrix file with "
                f"{n} orbitals lacks; take both files from the same run",
            )
        for _ in range(count):
            keys.append((source, row - 1, column - 1, count))
        shifts += [flat[at + 6 + 3 * i : at + 9 + 3 * i] for i in range(count)]
        at += 6 + 3 * count
    table = np.array(keys, dtype=np.int64).reshape(-1, 4)
    entries = len(np.unique(table[:, :3], axis=0))
    if entries != len(R) * n * n:
        raise InputFileError(path, f"truncated: holds {entries} entries; expected {len(R) * n * n}")
    return Shifts(table[:, 0], table[:, 1], table[:, 2], np.array(shifts, dtype=np.int64), 1.0 / table[:, 3])


def apply_shifts(R: IntArray, degeneracy: IntArray, shifts: Shifts, matrices: ComplexArray) -> LatticeOperator:
    """X on the shifted vectors, each element divided by its degeneracy and its number of shifts.

    ``matrices`` (nR, *legs, n, n) on the vectors ``R`` of the file.
    """
    n = matrices.shape[-1]
    target, inverse = np.unique(R[shifts.source] + shifts.shift, axis=0, return_inverse=True)
    moved = np.moveaxis(matrices, (-2, -1), (1, 2))[shifts.source, shifts.row, shifts.column]
    share = (shifts.share / degeneracy[shifts.source]).reshape(-1, *(1,) * (moved.ndim - 1))
    result = np.zeros((len(target), n, n, *matrices.shape[1:-2]), dtype=np.complex128)
    np.add.at(result, (inverse.ravel(), shifts.row, shifts.column), moved * share)
    return LatticeOperator(target.astype(np.int64), np.moveaxis(result, (1, 2), (-2, -1)))


def apply_images(
    path: Path, R: IntArray, matrices: ComplexArray, images: ImageWeights, mesh: IntArray
) -> LatticeOperator:
    """X_ab on the vectors of ``images``, each taken from any vector of ``R`` equal to it modulo the supercell."""
    source = np.full(int(np.prod(mesh)), -1, dtype=np.int64)
    source[ImageWeights(R, np.empty(0)).class_of(mesh)] = np.arange(len(R))
    if np.any(source < 0):
        raise InputFileError(
            path,
            f"lacks vectors of the {'x'.join(map(str, mesh))} supercell that the .win file states; they are of "
            f"different runs",
        )
    legs = (1,) * (matrices.ndim - 3)
    weights = images.weights.reshape(len(images.R), *legs, *images.weights.shape[1:])
    return LatticeOperator(images.R, matrices[source[images.class_of(mesh)]] * weights)


def apply_degeneracy(R: IntArray, degeneracy: IntArray, matrices: ComplexArray) -> LatticeOperator:
    """X_R divided by the degeneracy of R, without minimal images."""
    return LatticeOperator(R, matrices / degeneracy.reshape(-1, *(1,) * (matrices.ndim - 1)))


def write_tb(model: TightBinding, prefix: str | Path) -> tuple[Path, Path]:
    """Write H(R) and r(R) of a model as ``prefix_tb.dat`` with its ``prefix_wsvec.dat``, in the format of Wannier90.

    The vectors already carry minimal images, so every degeneracy is one and every shift zero; numbers are printed to
    seventeen digits and read back exactly. Operators such as the spin have no place in the format: use
    ``save_model`` to keep them. Raises ``InputFileError`` when one of the two files exists; nothing is overwritten.
    """
    tb, wsvec = Path(f"{prefix}_tb.dat"), Path(f"{prefix}_wsvec.dat")
    for path in (tb, wsvec):
        if path.exists():
            raise InputFileError(path, "exists and is not overwritten; give another prefix or remove it")
    if model.operators:
        logger.warning("%s: the format holds no operators, left out: %s", tb.name, ", ".join(model.operators))
    R = np.unique(np.concatenate([model.hamiltonian.R, model.position.R]), axis=0)
    H, r = (_on_vectors(operator, R) for operator in (model.hamiltonian, model.position))
    n = model.n_orbitals
    lines = [
        "written by solenoidal",
        *(" ".join(f"{x:.17g}" for x in a) for a in model.lattice),
        f"{n}",
        f"{len(R)}",
    ]
    lines += [" ".join(["1"] * len(part)) for part in np.array_split(R, -(-len(R) // 15))]
    for matrices in (H[:, None], r):
        for vector, matrix in zip(R, matrices, strict=True):
            lines += ["", " ".join(f"{x:5d}" for x in vector)]
            lines += [_row(a, b, matrix[:, a, b]) for b in range(n) for a in range(n)]
    with tb.open("x", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    zeros = [
        f"{x:5d}{y:5d}{z:5d}{a:5d}{b:5d}\n    1\n    0    0    0"
        for x, y, z in R.tolist()
        for a in range(1, n + 1)
        for b in range(1, n + 1)
    ]
    with wsvec.open("x", encoding="utf-8") as stream:
        stream.write("\n".join(["## written by solenoidal, all shifts zero", *zeros]) + "\n")
    return tb, wsvec


def _row(a: int, b: int, values: ComplexArray) -> str:
    # One width, so that a line cut short is seen.
    return f"{a + 1:5d}{b + 1:5d}   " + " ".join(f"{x.real:24.17g} {x.imag:24.17g}" for x in values)


def _on_vectors(operator: LatticeOperator, R: IntArray) -> ComplexArray:
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    full = np.zeros((len(R), *operator.matrices.shape[1:]), dtype=np.complex128)
    full[[index[tuple(r)] for r in operator.R.tolist()]] = operator.matrices
    return full

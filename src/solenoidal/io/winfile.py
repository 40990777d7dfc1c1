"""The Wannier90 input file ``.win`` and the centres Wannier90 prints (``.wout``, ``_centres.xyz``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.fortran import parse_reals, read_lines, require_finite
from solenoidal.models.hamiltonian import Structure

# The value Wannier90 itself converts with (CODATA 2010), so that lattices agree to all digits.
BOHR = 0.52917721092

_CENTRE = re.compile(r"WF centre and spread\s+(\d+)\s+\(\s*([^,]+),\s*([^,]+),\s*([^)]+)\)")


@dataclass(frozen=True)
class WinFile:
    """What this program needs of a ``.win`` file; lengths in Å, energies in eV, ``None`` where the file is silent.

    ``lattice`` (3, 3) rows; ``positions`` (atoms, 3) fractional; ``kpoints`` (nk, 3) fractional.
    """

    path: Path
    keywords: dict[str, str] = field(repr=False)
    lattice: RealArray | None
    positions: RealArray | None
    species: tuple[str, ...]
    mesh: IntArray | None
    kpoints: RealArray | None

    def integer(self, name: str) -> int | None:
        """A whole-number keyword."""
        value = self.number(name)
        if value is not None and value != int(value):
            raise InputFileError(self.path, f"{name} = {self.keywords[name]!r}; expected a whole number")
        return None if value is None else int(value)

    def number(self, name: str) -> float | None:
        """A real keyword."""
        if name not in self.keywords:
            return None
        values = parse_reals(self.path, self.keywords[name].split(), name)
        if len(values) != 1:
            raise InputFileError(self.path, f"{name} = {self.keywords[name]!r}; expected one number")
        return float(values[0])

    def shells(self) -> list[int] | None:
        """The keyword ``shell_list``, counted from 1, with ranges such as ``1-3`` written out."""
        if "shell_list" not in self.keywords:
            return None
        shells: list[int] = []
        for part in re.split(r"[,\s]+", self.keywords["shell_list"].strip()):
            first, _, last = part.partition("-")
            if not first.isdigit() or (last and not last.isdigit()):
                raise InputFileError(
                    self.path, f"shell_list = {self.keywords['shell_list']!r}; expected numbers or ranges a-b"
                )
            shells += range(int(first), int(last or first) + 1)
        return shells

    def structure(self, lattice: RealArray) -> Structure | None:
        """The crystal, with the lattice of the model; ``None`` when the file lists no atoms."""
        if self.positions is None:
            return None
        return Structure(lattice=lattice, positions=self.positions, species=self.species)


def read_win(path: Path) -> WinFile:
    """Read a ``.win`` file (plain or packed); raises ``InputFileError`` naming the block or keyword that is wrong."""
    blocks, keywords = _split(path)
    lattice = _lattice(path, blocks.get("unit_cell_cart"))
    positions, species = _atoms(path, blocks, lattice)
    mesh = None
    if "mp_grid" in keywords:
        numbers = parse_reals(path, re.split(r"[,\s]+", keywords["mp_grid"].strip()), "mp_grid")
        if numbers.shape != (3,) or not np.all(np.isfinite(numbers) & (numbers >= 1) & (numbers == np.floor(numbers))):
            raise InputFileError(path, f"mp_grid = {keywords['mp_grid']!r}; expected three positive whole numbers")
        mesh = numbers.astype(np.int64)
    kpoints = None
    if "kpoints" in blocks:
        rows = [line.split()[:3] for line in blocks["kpoints"]]
        kpoints = _rows(path, rows, "block kpoints")
        if mesh is not None and len(kpoints) != int(np.prod(mesh)):
            raise InputFileError(
                path,
                f"block kpoints lists {len(kpoints)} points; expected {int(np.prod(mesh))} for mp_grid = "
                f"{keywords['mp_grid']}",
            )
    return WinFile(path, keywords, lattice, positions, species, mesh, kpoints)


def _split(path: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Blocks and keywords; comments start with ! or #, names do not depend on case."""
    blocks: dict[str, list[str]] = {}
    keywords: dict[str, str] = {}
    current: str | None = None
    for raw in read_lines(path):
        line = re.split(r"[!#]", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        words = line.split()
        if words[0].lower() == "begin" and len(words) == 2 and current is None:
            current = words[1].lower()
            blocks[current] = []
        elif words[0].lower() == "end" and current is not None:
            current = None
        elif current is not None:
            blocks[current].append(line)
        else:
            parts = re.split(r"\s*[=:]\s*|\s+", line, maxsplit=1)
            keywords[parts[0].lower()] = parts[1].strip() if len(parts) == 2 else ""
    if current is not None:
        raise InputFileError(path, f"block {current} is not closed; write 'end {current}' (the file may be truncated)")
    return blocks, keywords


def _rows(path: Path, rows: list[list[str]], what: str) -> RealArray:
    if any(len(row) != 3 for row in rows):
        raise InputFileError(path, f"{what} has a line that is not three numbers")
    return require_finite(path, parse_reals(path, [x for row in rows for x in row], what), what).reshape(-1, 3)


def _unit(path: Path, lines: list[str], block: str) -> tuple[float, list[str]]:
    """The factor to Å of an optional first line with the unit of length."""
    units = {"ang": 1.0, "angstrom": 1.0, "bohr": BOHR}
    if lines and len(lines[0].split()) == 1:
        name = lines[0].lower()
        if name not in units:
            raise InputFileError(path, f"block {block} begins with {lines[0]!r}; expected 'ang', 'bohr' or numbers")
        return units[name], lines[1:]
    return 1.0, lines


def _lattice(path: Path, lines: list[str] | None) -> RealArray | None:
    if lines is None:
        return None
    factor, rows = _unit(path, lines, "unit_cell_cart")
    lattice = _rows(path, [row.split() for row in rows], "block unit_cell_cart") * factor
    if lattice.shape != (3, 3):
        raise InputFileError(path, f"block unit_cell_cart has {len(lattice)} vectors; expected three")
    if abs(np.linalg.det(lattice)) < 1e-6:
        raise InputFileError(path, "block unit_cell_cart has vectors that lie in one plane")
    return lattice


def _atoms(
    path: Path, blocks: dict[str, list[str]], lattice: RealArray | None
) -> tuple[RealArray | None, tuple[str, ...]]:
    name = next((n for n in ("atoms_frac", "atoms_cart") if n in blocks), None)
    if name is None:
        return None, ()
    factor, lines = _unit(path, blocks[name], name) if name == "atoms_cart" else (1.0, blocks[name])
    words = [line.split() for line in lines]
    if any(len(row) < 4 for row in words):
        raise InputFileError(path, f"block {name} has a line that is not 'species x y z'")
    positions = _rows(path, [row[1:4] for row in words], f"block {name}")
    if name == "atoms_cart":
        if lattice is None:
            raise InputFileError(path, "block atoms_cart needs block unit_cell_cart")
        positions = factor * positions @ np.linalg.inv(lattice)
    return positions, tuple(row[0] for row in words)


def read_wout_centres(path: Path, n_wannier: int) -> RealArray:
    """Final Wannier centres (wann, 3) in Å as printed, to six decimals, in a ``.wout`` file.

    Raises ``InputFileError`` when the file has no final state or another number of Wannier functions.
    """
    lines = read_lines(path)
    starts = [i for i, line in enumerate(lines) if line.strip() == "Final State"]
    if not starts:
        raise InputFileError(path, "has no 'Final State'; the Wannierisation did not finish")
    found: list[tuple[str, ...]] = []
    for line in lines[starts[-1] + 1 :]:
        match = _CENTRE.search(line)
        if match is None:
            break
        found.append(match.groups()[1:])
    if len(found) != n_wannier:
        raise InputFileError(path, f"lists {len(found)} Wannier centres; expected {n_wannier}")
    centres = _rows(path, [[x.strip() for x in row] for row in found], "Wannier centres")
    in_bohr = any("length unit" in line.lower() and "bohr" in line.lower() for line in lines)
    return centres * BOHR if in_bohr else centres


def read_xyz_centres(path: Path, n_wannier: int) -> RealArray:
    """Wannier centres (wann, 3) in Å from the lines ``X x y z`` of a ``_centres.xyz`` file."""
    rows = [words[1:4] for words in map(str.split, read_lines(path)) if len(words) >= 4 and words[0] == "X"]
    if len(rows) != n_wannier:
        raise InputFileError(path, f"lists {len(rows)} Wannier centres (lines beginning with X); expected {n_wannier}")
    return _rows(path, rows, "Wannier centres")

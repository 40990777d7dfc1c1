"""Printed matrices beside a checkpoint: compared, and refused where they are of another run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.files import locate
from solenoidal.io.from_checkpoint import WannierData, from_checkpoint
from solenoidal.io.lattice_files import LatticeFile, read_tb
from solenoidal.io.second_file import _difference
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.io.wigner_seitz import minimal_images, to_lattice, wigner_seitz_vectors


def write_hr(path: Path, data: LatticeFile) -> None:
    """``_hr.dat`` with the six decimals Wannier90 prints."""
    n = data.n_wannier
    lines = [" written by a test", f"{n:12d}", f"{len(data.R):12d}", " ".join(map(str, data.degeneracy))]
    for R, H in zip(data.R, data.hamiltonian, strict=True):
        head = "".join(f"{x:5d}" for x in R)
        lines += [
            f"{head}{a + 1:5d}{b + 1:5d}{H[a, b].real:12.6f}{H[a, b].imag:12.6f}" for b in range(n) for a in range(n)
        ]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


FILES = (".chk", ".eig", ".win", "_tb.dat", "_wsvec.dat")


def changed(prefix: Path, change: Callable[[list[str], list[int]], None]) -> None:
    """Change the lines of the file; the numbers given are those of the elements of H."""
    path = prefix.with_name(prefix.name + "_tb.dat")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if i > 5 and len(line.split()) == 8)
    change(lines, [i for i in range(6, first) if len(lines[i].split()) == 4 and "." in lines[i]])
    path.write_text("".join(lines), encoding="utf-8")


def test_the_file_of_the_same_run_is_compared_and_said(unpack: Callable[..., Path]) -> None:
    assert read_wannier90(unpack(*FILES)).provenance["compared_with"] == "Pt_tb.dat"


def test_without_a_second_file_and_for_a_stated_source_nothing_is_compared(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*FILES)
    for source in ("chk", "tb"):
        assert read_wannier90(prefix, source=source).provenance["compared_with"] is None
    prefix.with_name("Pt_tb.dat").unlink()
    assert read_wannier90(prefix).provenance["compared_with"] is None


def test_another_energy_is_refused_with_both_remedies(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*FILES)

    def shift(lines: list[str], elements: list[int]) -> None:
        words = [np.array(lines[i].split()[2:], dtype=float) for i in elements]
        where = elements[int(np.argmax([abs(value[0]) for value in words]))]
        a, b, real, imaginary = lines[where].split()
        assert a == b
        lines[where] = f"{a} {b} {float(real) + 0.05:.8E} {imaginary}\n"

    changed(prefix, shift)
    with pytest.raises(
        InputFileError, match=r"_tb.dat.*differs .* by up to 0\.05 eV .*bands differ by .*'chk' or source = 'tb'"
    ):
        read_wannier90(prefix)
    first, second = (read_wannier90(prefix, source=source) for source in ("chk", "tb"))
    assert np.abs(first.hamiltonian.matrices).max() != np.abs(second.hamiltonian.matrices).max()


def test_other_functions_of_the_same_bands_are_refused(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*FILES)

    def negate(lines: list[str], elements: list[int]) -> None:
        """Function 1 with the other sign."""
        for i in elements:
            a, b, real, imaginary = lines[i].split()
            if (a == "1") != (b == "1"):
                lines[i] = f"{a} {b} {-float(real):.10E} {-float(imaginary):.10E}\n"

    changed(prefix, negate)
    with pytest.raises(InputFileError, match="bands agree, but these are other Wannier functions"):
        read_wannier90(prefix)


def test_another_cell_is_refused(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*FILES)

    def stretch(lines: list[str], elements: list[int]) -> None:
        lines[1] = " ".join(str(1.01 * float(word)) for word in lines[1].split()) + "\n"

    changed(prefix, stretch)
    with pytest.raises(InputFileError, match="unit cell differs from that of the checkpoint"):
        read_wannier90(prefix)


def test_both_printed_files_are_compared(unpack: Callable[..., Path]) -> None:
    """The second is one in which energies are shifted by a little more than six decimals can be off."""
    prefix = unpack(*FILES)
    write_hr(prefix.with_name("Pt_hr.dat"), read_tb(prefix.with_name("Pt_tb.dat")))
    assert read_wannier90(prefix).provenance["compared_with"] == "Pt_tb.dat, Pt_hr.dat"
    tb = read_tb(prefix.with_name("Pt_tb.dat"))
    tb.hamiltonian[~tb.R.any(axis=1)] += 2e-4 * np.eye(18)
    write_hr(prefix.with_name("Pt_hr.dat"), tb)
    with pytest.raises(InputFileError, match=r"Pt_hr\.dat.* by up to 0\.0002.*bands differ by up to 0\.0002"):
        read_wannier90(prefix)


def test_a_run_on_a_shifted_mesh_is_compared_at_its_own_points(tmp_path: Path, make_calculation: Any) -> None:
    lattice = np.diag([3.0, 3.3, 2.8])
    calculation = make_calculation(lattice, (3, 3, 3), np.array([[0.1, 0.2, 0.3], [1.9, 0.5, 0.9]]))
    data = read_data(calculation, tmp_path)
    shifted = np.array([1 / 6, 1 / 6, 1 / 6])
    k = shifted + np.stack(np.meshgrid(*[np.arange(3) / 3] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    phases = np.exp(2j * np.pi * k @ calculation.hamiltonian.R.T)
    H = np.tensordot(phases, calculation.hamiltonian.matrices, axes=1)
    images = minimal_images(lattice, np.array([3, 3, 3]), data.centres)
    cell = wigner_seitz_vectors(lattice, np.array([3, 3, 3]), 2)
    raw = to_lattice(H, k, cell)
    other = replace(data, hamiltonian=to_lattice(H, k, images), first_kpoint=shifted)
    printed = LatticeFile(
        tmp_path / "X_tb.dat", "", lattice, raw.R, np.ones(len(raw.R), dtype=np.int64), raw.matrices, None
    )
    assert _difference(printed, other) is None
    assert _difference(printed, replace(other, first_kpoint=None)) is not None


def read_data(calculation: Any, folder: Path) -> WannierData:
    files = locate(calculation.write(folder / "X"))
    return from_checkpoint(
        files, None, with_spn=False, periodic=(True, True, True), minimal_image=True, position="invariant"
    )

"""Printed matrices beside a checkpoint: compared, and refused where they are of another run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.wannier90 import read_wannier90

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

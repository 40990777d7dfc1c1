"""Lattice files: what is written reads back exactly, and _hr.dat carries the same Hamiltonian as _tb.dat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import InputFileError, ModelError
from solenoidal.io.lattice_files import LatticeFile, read_hr, read_tb, write_tb
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.hamiltonian import TightBinding


def write_hr(path: Path, data: LatticeFile) -> None:
    """``_hr.dat`` with the six decimals Wannier90 prints."""
    n = data.n_wannier
    lines = [" written by a test", f"{n:12d}", f"{len(data.R):12d}"]
    lines += ["".join(f"{d:5d}" for d in part) for part in np.array_split(data.degeneracy, -(-len(data.R) // 15))]
    for R, H in zip(data.R, data.hamiltonian, strict=True):
        head = "".join(f"{x:5d}" for x in R)
        lines += [
            f"{head}{a + 1:5d}{b + 1:5d}{H[a, b].real:12.6f}{H[a, b].imag:12.6f}" for b in range(n) for a in range(n)
        ]
    path.write_text("\n".join(lines) + "\n")


def test_written_model_reads_back_exactly(
    platinum: TightBinding, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tb, wsvec = write_tb(platinum, tmp_path / "out")
    assert any("left out: spin" in message for message in caplog.messages)
    assert tb.name == "out_tb.dat"
    assert wsvec.name == "out_wsvec.dat"
    again = read_wannier90(tmp_path / "out", spin="none")
    np.testing.assert_array_equal(again.lattice, platinum.lattice)
    np.testing.assert_array_equal(again.hamiltonian.R, platinum.hamiltonian.R)
    # Only the Hermitian average on reading may touch the last bit.
    np.testing.assert_allclose(again.hamiltonian.matrices, platinum.hamiltonian.matrices, rtol=0, atol=1e-14)
    np.testing.assert_allclose(again.position.matrices, platinum.position.matrices, rtol=0, atol=1e-15)
    plain = read_wannier90(tmp_path / "out", spin="none", minimal_image=False)
    np.testing.assert_array_equal(plain.hamiltonian.matrices, again.hamiltonian.matrices)


@pytest.mark.parametrize("existing", ["out_tb.dat", "out_wsvec.dat"])
def test_existing_file_is_not_overwritten(platinum: TightBinding, tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("precious")
    with pytest.raises(InputFileError, match="exists and is not overwritten"):
        write_tb(platinum, tmp_path / "out")
    assert (tmp_path / existing).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_position_on_other_vectors_than_the_hamiltonian_is_kept(platinum: TightBinding, tmp_path: Path) -> None:
    home = np.all(platinum.position.R == 0, axis=1)
    local = replace(platinum.position, R=platinum.position.R[home], matrices=platinum.position.matrices[home])
    write_tb(replace(platinum, position=local), tmp_path / "out")
    again = read_wannier90(tmp_path / "out", spin="none")
    elsewhere = np.any(again.position.R != 0, axis=1)
    assert np.abs(again.position.matrices[~elsewhere]).max() > 0.5
    assert not again.position.matrices[elsewhere].any()


def test_hr_file_gives_the_hamiltonian_of_the_tb_file(tmp_path: Path, data: Path, unpack: Callable[..., Path]) -> None:
    tb = read_tb(data / "Pt_tb.dat.gz")
    prefix = unpack("_wsvec.dat", ".win")
    write_hr(tmp_path / "Pt_hr.dat", tb)
    np.testing.assert_allclose(read_hr(tmp_path / "Pt_hr.dat").hamiltonian, tb.hamiltonian, atol=1e-6)
    with pytest.raises(InputFileError, match=r"_hr\.dat has no positions; put Pt\.wout or Pt_centres\.xyz beside it"):
        read_wannier90(prefix)
    (tmp_path / "Pt.wout").write_text((data / "Pt.centres.txt").read_text())
    model = read_wannier90(prefix, spin="interleaved")
    reference = read_wannier90(data / "Pt", source="tb", spin="none")
    np.testing.assert_allclose(model.hamiltonian.matrices, reference.hamiltonian.matrices, atol=2e-6)
    diagonal = np.diagonal(model.position.matrices[np.all(model.position.R == 0, axis=1)][0], axis1=1, axis2=2).real
    assert np.abs(diagonal).max() > 0.5
    centres = np.diagonal(reference.position.matrices[np.all(reference.position.R == 0, axis=1)][0], axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, centres.real, atol=1e-6)
    (tmp_path / "Pt.wout").unlink()
    rows = [f"X {x:.8f} {y:.8f} {z:.8f}" for x, y, z in diagonal.T]
    (tmp_path / "Pt_centres.xyz").write_text("\n".join(["19", " Wannier centres", *rows, "Pt 0.0 0.0 0.0", ""]))
    from_xyz = read_wannier90(prefix, spin="none")
    np.testing.assert_allclose(from_xyz.position.matrices, model.position.matrices, atol=1e-8)


def test_hr_file_without_lattice_asks_for_the_win_file(tmp_path: Path, data: Path) -> None:
    write_hr(tmp_path / "Pt_hr.dat", read_tb(data / "Pt_tb.dat.gz"))
    with pytest.raises(InputFileError, match=r"has no lattice vectors; put Pt\.win with block unit_cell_cart"):
        read_wannier90(tmp_path / "Pt")


def test_three_digit_exponents_without_a_letter_are_read(tmp_path: Path, unpack: Callable[..., Path]) -> None:
    prefix = unpack("_tb.dat")
    path = prefix.with_name("Pt_tb.dat")
    path.write_text(path.read_text().replace("0.24975536E-01", "0.24975536-101", 1))
    data = read_tb(path)
    assert data.hamiltonian[0, 1, 0].real == 0.24975536e-101


def test_model_from_lattice_files_has_no_spin_until_it_is_stated(data: Path) -> None:
    model = read_wannier90(data / "Pt", source="tb")
    with pytest.raises(ModelError, match="has no operator 'spin'"):
        model.require_operator("spin")

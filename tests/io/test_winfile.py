"""The .win file in the forms Wannier90 accepts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.winfile import BOHR, read_win, read_wout_centres

CELL = "begin unit_cell_cart\n{unit}1 0 0\n0 2.0d0 0\n0 0 4\nend unit_cell_cart\n"


def win(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.win"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("unit", "factor"), [("", 1.0), ("Ang\n", 1.0), ("Bohr\n", BOHR), ("BOHR\n", BOHR)])
def test_units_of_the_cell(tmp_path: Path, unit: str, factor: float) -> None:
    lattice = read_win(win(tmp_path, CELL.format(unit=unit))).lattice
    np.testing.assert_allclose(lattice, factor * np.diag([1, 2, 4]), rtol=1e-15)


@pytest.mark.parametrize(
    "atoms",
    [
        "begin atoms_frac\nFe 0.5 0.25 0.125\nO 0 0 0\nend atoms_frac\n",
        "Begin Atoms_Cart\nFe 0.5 0.5 0.5\nO 0 0 0\nEnd Atoms_Cart\n",
        f"begin atoms_cart\nbohr\nFe {0.5 / BOHR} {0.5 / BOHR} {0.5 / BOHR}\nO 0 0 0\nend atoms_cart\n",
    ],
)
def test_atoms_in_every_form_give_the_same_fractions(tmp_path: Path, atoms: str) -> None:
    file = read_win(win(tmp_path, atoms + CELL.format(unit="")))
    structure = file.structure(np.diag([1.0, 2, 4]))
    assert structure is not None
    assert structure.species == ("Fe", "O")
    np.testing.assert_allclose(structure.positions, [[0.5, 0.25, 0.125], [0, 0, 0]], atol=1e-15)


def test_keywords_in_every_form(tmp_path: Path) -> None:
    file = read_win(
        win(
            tmp_path,
            "! comment\nNUM_WANN = 8 # tail\nnum_bands : 12\nmp_grid 4,4 1\ndis_win_max=1.5d1\nshell_list=1-3,5\n",
        )
    )
    assert file.integer("num_wann") == 8
    assert file.integer("num_bands") == 12
    assert file.number("dis_win_max") == 15.0
    assert file.number("dis_win_min") is None
    assert file.shells() == [1, 2, 3, 5]
    assert file.mesh is not None
    assert file.mesh.tolist() == [4, 4, 1]
    assert file.structure(np.eye(3)) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("begin kpoints\n0 0 0\n", "block kpoints is not closed; write 'end kpoints'"),
        ("mp_grid = 4 4 2.5\n", "expected three positive whole numbers"),
        ("begin unit_cell_cart\n1 0 0\n0 1 0\n1 1 0\nend unit_cell_cart\n", "vectors that lie in one plane"),
        ("mp_grid = 4 4\n", "mp_grid = '4 4'; expected three positive whole numbers"),
        ("mp_grid = 2 1 1\nbegin kpoints\n0 0 0\nend kpoints\n", "lists 1 points; expected 2 for mp_grid"),
        ("begin unit_cell_cart\nfurlong\n1 0 0\n0 1 0\n0 0 1\nend unit_cell_cart\n", "begins with 'furlong'"),
        ("begin unit_cell_cart\n1 0 0\n0 1 0\nend unit_cell_cart\n", "has 2 vectors; expected three"),
        ("begin unit_cell_cart\n1 0 0\n0 1\n0 0 1\nend unit_cell_cart\n", "has a line that is not three numbers"),
        ("begin atoms_frac\nFe 0 0\nend atoms_frac\n", "has a line that is not 'species x y z'"),
        ("begin atoms_cart\nFe 0 0 0\nend atoms_cart\n", "needs block unit_cell_cart"),
        ("begin kpoints\n0 0 nan\nend kpoints\n", "block kpoints contains nan"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        read_win(win(tmp_path, text))


def test_keyword_values_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    file = read_win(win(tmp_path, "num_wann = many\nnum_bands = 4.5\nshell_list = a\n"))
    with pytest.raises(InputFileError, match="found 'many' while reading num_wann"):
        file.integer("num_wann")
    with pytest.raises(InputFileError, match=r"num_bands = '4\.5'; expected a whole number"):
        file.integer("num_bands")
    with pytest.raises(InputFileError, match="shell_list = 'a'; expected numbers or ranges"):
        file.shells()


def test_last_final_state_of_the_wout_counts(tmp_path: Path, data: Path) -> None:
    final = (data / "Pt.centres.txt").read_text()
    path = tmp_path / "x.wout"
    path.write_text(final.replace("0.632018", "9.000000") + final)
    assert read_wout_centres(path, 18)[1, 0] == 0.632018
    path.write_text("|  Length Unit               :  Bohr |\n" + final)
    assert read_wout_centres(path, 18)[1, 0] == pytest.approx(0.632018 * BOHR)
    with pytest.raises(InputFileError, match="lists 18 Wannier centres; expected 20"):
        read_wout_centres(path, 20)
    path.write_text(final.replace("Final State", "Cycle: 12"))
    with pytest.raises(InputFileError, match="has no 'Final State'"):
        read_wout_centres(path, 18)

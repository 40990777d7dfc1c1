"""Every file that is missing, truncated, damaged or of another run is refused with its name and what is wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ConfigError, InputFileError
from solenoidal.io.bandfiles import read_spn
from solenoidal.io.checkpoint import read_checkpoint
from solenoidal.io.wannier90 import read_wannier90

LATTICE = np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, -0.3, 2.8]])
CENTRES = np.repeat(np.array([[0.1, 0.2, 0.3], [1.2, 0.5, 0.9]]), 2, axis=0)
ALL = (".chk", ".eig", ".spn", ".win")


@pytest.fixture
def run(tmp_path: Path, make_calculation: Any) -> Path:
    """A complete small calculation, to be damaged."""
    prefix: Path = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=2).write(tmp_path / "X")
    read_wannier90(prefix)
    return prefix


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_prefix_that_matches_nothing_lists_the_files_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        InputFileError, match=r"looked for Nb\.chk\[\.gz\|\.bz2\], Nb\.chk\.fmt.*Nb_tb\.dat.*Nb_hr\.dat"
    ):
        read_wannier90(tmp_path / "Nb")


def test_extension_in_the_prefix_is_explained(data: Path) -> None:
    with pytest.raises(InputFileError, match="Give the path without extension"):
        read_wannier90(data / "Pt.win")


def test_missing_energies_are_not_replaced_by_another_source(unpack: Callable[..., Path]) -> None:
    with pytest.raises(InputFileError, match=r"no \.eig file was found; .*looked for Pt\.eig"):
        read_wannier90(unpack(".chk", ".spn", ".win", "_tb.dat", "_wsvec.dat"))


@pytest.mark.parametrize("suffix", [".chk", ".spn", ".eig"])
@pytest.mark.parametrize("fraction", [0.001, 0.4, 0.999])
def test_truncated_file_is_named(run: Path, suffix: str, fraction: float) -> None:
    path = run.with_suffix(suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputFileError, match=r"truncated|empty|expected|not a Fortran") as caught:
        read_wannier90(run, spin="spn")
    assert caught.value.path.endswith(suffix)


@pytest.mark.parametrize("suffix", [".chk", ".spn", "_tb.dat", "_wsvec.dat"])
def test_truncated_gzip_is_named(tmp_path: Path, data: Path, unpack: Callable[..., Path], suffix: str) -> None:
    prefix = unpack(".eig", ".win")
    for name in (".chk", ".spn", "_tb.dat", "_wsvec.dat"):
        content = (data / f"Pt{name}.gz").read_bytes()
        (tmp_path / f"Pt{name}.gz").write_bytes(content[: len(content) // 2] if name == suffix else content)
    source = "tb" if suffix.endswith(".dat") else "chk"
    with pytest.raises(InputFileError, match=r"truncated or damaged"):
        read_wannier90(prefix, source=source)


def test_truncation_names_the_record_and_the_missing_bytes(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*ALL)
    content = prefix.with_suffix(".chk").read_bytes()
    prefix.with_suffix(".chk").write_bytes(content[:-100])
    with pytest.raises(InputFileError, match=r"ends inside record 21 \(Wannier spreads\), \d+ bytes short"):
        read_wannier90(prefix)


def test_truncated_lattice_files_are_named(unpack: Callable[..., Path]) -> None:
    prefix = unpack("_tb.dat", "_wsvec.dat")
    tb, wsvec = (prefix.with_name(f"Pt{s}") for s in ("_tb.dat", "_wsvec.dat"))
    whole = wsvec.read_text()
    wsvec.write_text(whole[: len(whole) // 2])
    with pytest.raises(InputFileError, match=r"_wsvec.dat: truncated"):
        read_wannier90(prefix)
    wsvec.write_text(whole)
    tb.write_text("".join(tb.read_text().splitlines(keepends=True)[:-20]))
    with pytest.raises(InputFileError, match=r"_tb.dat: truncated: holds \d+ numbers after its header; expected"):
        read_wannier90(prefix)


def test_shifts_of_another_run_are_refused(unpack: Callable[..., Path]) -> None:
    prefix = unpack("_tb.dat", "_wsvec.dat")
    edit(prefix.with_name("Pt_wsvec.dat"), "   -3    1    1    1    1", "   -9    1    1    1    1")
    with pytest.raises(InputFileError, match="that the matrix file with 18 orbitals lacks"):
        read_wannier90(prefix)


def test_spin_file_with_another_band_count_is_refused(run: Path, writer: Any, make_calculation: Any) -> None:
    other = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=1)
    writer.spn(run.with_suffix(".spn"), other.pauli)
    with pytest.raises(InputFileError, match=r"X\.spn: holds 5 bands at 27 k points; the checkpoint has 6 bands at 27"):
        read_wannier90(run)


def test_spin_file_with_another_mesh_is_refused(run: Path, writer: Any, make_calculation: Any) -> None:
    other = make_calculation(LATTICE, (4, 3, 3), CENTRES, spectators=2)
    writer.spn(run.with_suffix(".spn"), other.pauli)
    with pytest.raises(InputFileError, match="holds 6 bands at 36 k points"):
        read_wannier90(run)


def test_energies_with_another_band_count_are_refused(run: Path, writer: Any, make_calculation: Any) -> None:
    other = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=1)
    writer.eig(run.with_suffix(".eig"), other.energies)
    with pytest.raises(InputFileError, match=r"X\.eig: holds 5 bands at 27 k points; the checkpoint has 6 bands"):
        read_wannier90(run)


def test_energies_of_another_run_of_the_same_size_are_refused(run: Path, writer: Any, make_calculation: Any) -> None:
    other = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=2, seed=5)
    writer.eig(run.with_suffix(".eig"), other.energies)
    with pytest.raises(InputFileError, match=r"outer window .* place differently; the files are of different runs"):
        read_wannier90(run)


def test_energies_that_break_the_frozen_window_are_refused(unpack: Callable[..., Path], data: Path) -> None:
    prefix = unpack(*ALL)
    rows = np.loadtxt(data / "Pt.eig")
    # The frozen window [0, 30] eV is moved, so that states the checkpoint mixes count as frozen.
    edit(prefix.with_suffix(".win"), "dis_froz_max = 30.0", "dis_froz_max = 45.0")
    assert (rows[:, 2] > 30).any()
    with pytest.raises(InputFileError, match=r"frozen window \[0, 45\] eV come back with an error"):
        read_wannier90(prefix)


def test_swapped_files_are_recognised(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*ALL)
    chk, spn = prefix.with_suffix(".chk"), prefix.with_suffix(".spn")
    a, b = chk.read_bytes(), spn.read_bytes()
    chk.write_bytes(b)
    spn.write_bytes(a)
    with pytest.raises(InputFileError, match=r"Pt\.chk: record 2 \(number of bands\) has 8 bytes; expected 4"):
        read_wannier90(prefix)
    chk.write_bytes(a)
    with pytest.raises(InputFileError, match=r"Pt\.spn: record 2 .* has 4 bytes; expected 8"):
        read_wannier90(prefix)


def test_text_given_for_a_checkpoint_is_recognised(unpack: Callable[..., Path]) -> None:
    prefix = unpack(*ALL)
    prefix.with_suffix(".chk").write_bytes(prefix.with_suffix(".win").read_bytes())
    with pytest.raises(InputFileError, match=r"Pt\.chk: found 3 values up to line 2 for number of bands; expected 1"):
        read_wannier90(prefix)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "MP_GRID 3 3 3",
            "MP_GRID 1 3 9",
            "mp_grid is 1x3x9, the k mesh in X.chk is 3x3x3; the checkpoint is of another",
        ),
        ("num_wann = 4", "num_wann = 6", "num_wann = 6, X.chk has 4 Wannier functions"),
        ("num_bands : 6", "num_bands : 8", "num_bands = 8, X.chk has 6 bands"),
        ("Ang\n", "bohr\n", "its unit cell differs from that in X.chk by up to 1.55 Å"),
    ],
)
def test_checkpoint_of_another_run_is_recognised_by_the_win_file(run: Path, old: str, new: str, message: str) -> None:
    edit(run.with_suffix(".win"), old, new)
    with pytest.raises(InputFileError, match=message):
        read_wannier90(run)


def test_k_points_in_another_order_are_refused(run: Path) -> None:
    text = run.with_suffix(".win").read_text().splitlines()
    first = text.index("begin kpoints") + 1
    text[first], text[first + 1] = text[first + 1], text[first]
    run.with_suffix(".win").write_text("\n".join(text))
    with pytest.raises(InputFileError, match=r"its k points are not those in X\.chk"):
        read_wannier90(run)


def test_wout_of_another_run_is_refused(unpack: Callable[..., Path], data: Path) -> None:
    prefix = unpack(*ALL)
    printed = (data / "Pt.centres.txt").read_text()
    prefix.with_suffix(".wout").write_text(printed)
    read_wannier90(prefix, spin="none")
    prefix.with_suffix(".wout").write_text(printed.replace("0.632018", "0.642018"))
    with pytest.raises(
        InputFileError, match=r"Pt\.wout: its final centres differ from those in Pt\.chk by up to 0\.01 Å"
    ):
        read_wannier90(prefix, spin="none")


def test_unfinished_wannierisation_is_refused(tmp_path: Path, make_calculation: Any) -> None:
    prefix = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=1).write(tmp_path / "X", stage="postdis")
    with pytest.raises(InputFileError, match="written at stage 'postdis'"):
        read_wannier90(prefix)


def test_gauge_that_is_not_unitary_is_refused(tmp_path: Path, make_calculation: Any) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    broken = replace(calculation, rotation=1.01 * calculation.rotation)
    with pytest.raises(InputFileError, match="gauge matrices are not unitary"):
        read_wannier90(broken.write(tmp_path / "X"))


def test_overlaps_in_another_order_are_refused(tmp_path: Path, make_calculation: Any) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    checkpoint = calculation.checkpoint
    order = np.roll(np.arange(checkpoint.overlaps.shape[1]), 1)
    shuffled = replace(checkpoint, overlaps=checkpoint.overlaps[:, order])
    with pytest.raises(InputFileError, match=r"not in the order of the b vectors|Wannier centres up to .* from those"):
        read_wannier90(replace(calculation, checkpoint=shuffled).write(tmp_path / "X"))


def test_overlaps_for_another_number_of_neighbours_ask_for_the_nnkp_file(tmp_path: Path, make_calculation: Any) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    fewer = replace(calculation.checkpoint, overlaps=calculation.checkpoint.overlaps[:, :6])
    with pytest.raises(InputFileError, match=r"overlaps for 6 b vectors; the lattice and mesh give 12; put the \.nnkp"):
        read_wannier90(replace(calculation, checkpoint=fewer).write(tmp_path / "X"))


def test_spin_that_is_not_hermitian_is_refused(run: Path, writer: Any) -> None:
    pauli = read_spn(run.with_suffix(".spn"), 27, 6).copy()
    pauli[3, 1, 2, 2] += 0.2j
    writer.spn(run.with_suffix(".spn"), pauli)
    with pytest.raises(InputFileError, match=r"X\.spn: is not Hermitian: a diagonal element at k point 4 .* 0\.2"):
        read_wannier90(run)


def test_hamiltonian_that_is_not_hermitian_is_refused(unpack: Callable[..., Path]) -> None:
    prefix = unpack("_tb.dat", "_wsvec.dat")
    edit(prefix.with_name("Pt_tb.dat"), "0.24975536E-01", "0.54975536E-01")
    with pytest.raises(InputFileError, match=r"_tb\.dat: the Hamiltonian is not Hermitian"):
        read_wannier90(prefix)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_values_that_are_not_finite_are_refused(run: Path, unpack: Callable[..., Path], value: str) -> None:
    lines = run.with_suffix(".eig").read_text().splitlines()
    lines[4] = f"    5    1  {value}"
    run.with_suffix(".eig").write_text("\n".join([*lines, ""]))
    with pytest.raises(InputFileError, match=r"X\.eig: band energies contains (nan|inf)"):
        read_wannier90(run)
    prefix = unpack("_tb.dat", "_wsvec.dat")
    edit(prefix.with_name("Pt_tb.dat"), "0.24975536E-01", value)
    with pytest.raises(InputFileError, match=r"_tb\.dat: matrix elements contains (nan|inf)"):
        read_wannier90(prefix)


@pytest.mark.parametrize("quantity", ["overlaps", "centres"])
def test_checkpoint_values_that_are_not_finite_are_refused(
    tmp_path: Path, make_calculation: Any, quantity: str
) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    values = getattr(calculation.checkpoint, quantity).copy()
    values[1, 2] = np.nan
    broken = replace(calculation, checkpoint=replace(calculation.checkpoint, **{quantity: values}))
    with pytest.raises(InputFileError, match=r"contains .*nan.*expected finite numbers"):
        read_wannier90(broken.write(tmp_path / "X"))


def test_overflown_fortran_fields_are_named(run: Path) -> None:
    lines = run.with_suffix(".eig").read_text().splitlines()
    lines[4] = "    5    1  **************"
    run.with_suffix(".eig").write_text("\n".join([*lines, ""]))
    with pytest.raises(InputFileError, match=r"found '\*+' while reading band energies; expected a number"):
        read_wannier90(run)


def test_energies_out_of_order_are_refused(run: Path) -> None:
    lines = run.with_suffix(".eig").read_text().splitlines()
    lines[2], lines[3] = lines[3], lines[2]
    run.with_suffix(".eig").write_text("\n".join([*lines, ""]))
    with pytest.raises(InputFileError, match="entry 3 is band 4 at k point 1; expected band 3 at k point 1"):
        read_wannier90(run)


def test_minimal_images_without_their_data_are_refused(unpack: Callable[..., Path]) -> None:
    prefix = unpack("_tb.dat")
    with pytest.raises(InputFileError, match=r"_wsvec\.dat, or mp_grid from Pt\.win; .*minimal_image=False"):
        read_wannier90(prefix)
    assert read_wannier90(prefix, minimal_image=False).n_orbitals == 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "mmn"}, "source = 'mmn'; expected one of auto, chk, tb, hr"),
        ({"dimension": 4}, "dimension = 4; expected 1, 2 or 3"),
        ({"spin": "alternating"}, "spin = 'alternating'; expected 'auto', 'none', 'spn', 'interleaved'"),
        ({"spin": ["up"] * 18}, "18 labels, 18 'up' and 0 'down'; expected 9 of each"),
        ({"source": "tb", "spin": "spn"}, "needs the checkpoint to rotate"),
    ],
)
def test_argument_with_an_unknown_value_is_refused(data: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_wannier90(data / "Pt", **arguments)


def test_demanded_spin_file_that_is_missing_is_named(unpack: Callable[..., Path]) -> None:
    with pytest.raises(InputFileError, match=r"no \.spn file; .*looked for Pt\.spn"):
        read_wannier90(unpack(".chk", ".eig"), spin="spn")


def test_file_that_is_not_gzip_inside_is_refused(run: Path) -> None:
    path = run.with_suffix(".eig")
    path.write_bytes(gzip.compress(path.read_bytes())[:40])
    with pytest.raises(InputFileError, match="packed file is truncated or damaged"):
        read_wannier90(run)


def test_checkpoint_reader_refuses_data_after_the_end(run: Path) -> None:
    path = run.with_suffix(".chk")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputFileError, match="holds data after its last expected record"):
        read_checkpoint(path)

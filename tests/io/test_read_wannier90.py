"""Reading a calculation gives back its energies, positions and spin, from whichever files it is read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ConfigError, InputFileError, ModelError
from solenoidal.io.bandfiles import read_eig, read_spn
from solenoidal.io.checkpoint import read_checkpoint
from solenoidal.io.kmesh import KMesh, reconstruct_stencil
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.io.winfile import read_wout_centres
from solenoidal.models.hamiltonian import TightBinding

LATTICE = np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, -0.3, 2.8]])
CENTRES = np.repeat(np.array([[0.1, 0.2, 0.3], [1.2, 0.5, 0.9]]), 2, axis=0)


def mesh_points(model: TightBinding) -> np.ndarray:
    mesh = model.first_principles_mesh
    return np.stack(np.meshgrid(*(np.arange(m) / m for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)


def test_frozen_energies_come_back_on_the_original_mesh(platinum: TightBinding, data: Path, evaluate: Any) -> None:
    k = mesh_points(platinum)
    energies = read_eig(data / "Pt.eig", len(k), 28)
    bands = np.linalg.eigvalsh(evaluate(platinum.hamiltonian, k))
    frozen = (energies > 0) & (energies < 30)
    assert frozen.sum(axis=1).min() >= 12
    for found, given, inside in zip(bands, energies, frozen, strict=True):
        assert np.abs(found[:, None] - given[inside]).min(axis=0).max() < 1e-6
    assert platinum.provenance["frozen_energy_error"] < 1e-6


def test_home_cell_positions_are_the_printed_wannier_centres(platinum: TightBinding, data: Path) -> None:
    home = np.all(platinum.position.R == 0, axis=1)
    centres = np.diagonal(platinum.position.matrices[home][0], axis1=-2, axis2=-1).real.T
    printed = read_wout_centres(data / "Pt.centres.txt", 18)
    assert np.abs(printed).max() > 0.5
    np.testing.assert_allclose(centres, printed, atol=6e-7)


def test_position_and_spin_are_hermitian_and_not_zero(platinum: TightBinding) -> None:
    for operator in (platinum.position, platinum.operators["spin"]):
        assert np.abs(operator.matrices).max() > 0.3
        assert operator.hermiticity_error() < 1e-12


def test_spin_on_the_mesh_is_the_rotated_pauli_file(platinum: TightBinding, data: Path, evaluate: Any) -> None:
    checkpoint = read_checkpoint(data / "Pt.chk.gz")
    pauli = read_spn(data / "Pt.spn.gz", 64, 28)
    k, V = 37, checkpoint.gauge[37]
    s = evaluate(platinum.operators["spin"], mesh_points(platinum)[k : k + 1])[0]
    np.testing.assert_allclose(s, [0.5 * V.conj().T @ x @ V for x in pauli[k]], atol=1e-12)
    spectrum = np.linalg.eigvalsh(s)
    assert spectrum.max() <= 0.5 + 1e-9
    assert spectrum.max() > 0.4


def test_checkpoint_and_printed_matrices_agree_to_the_printed_digits(platinum: TightBinding, data: Path) -> None:
    printed = read_wannier90(data / "Pt", source="tb", spin="none")
    np.testing.assert_array_equal(printed.hamiltonian.R, platinum.hamiltonian.R)
    # Eight significant digits are printed: 5e-7 eV in 30 eV, 5e-9 Å in 0.9 Å.
    np.testing.assert_allclose(printed.hamiltonian.matrices, platinum.hamiltonian.matrices, atol=6e-7)
    alike = read_wannier90(data / "Pt", position="wannier90", spin="none")
    np.testing.assert_allclose(printed.position.matrices, alike.position.matrices, atol=6e-9)


def test_the_invariant_position_differs_between_functions_and_not_in_the_centres(
    platinum: TightBinding, data: Path
) -> None:
    printed = read_wannier90(data / "Pt", position="wannier90", spin="none").position
    home = int(np.flatnonzero(~printed.R.any(axis=1))[0])
    difference = np.abs(platinum.position.matrices[home] - printed.matrices[home])
    assert difference.max() > 1e-3
    assert np.einsum("iaa->ia", difference).max() < 1e-7
    with pytest.raises(ConfigError, match="expected one of invariant, wannier90"):
        read_wannier90(data / "Pt", position="berry")


def test_minimal_images_from_centres_equal_those_wannier90_lists(data: Path, unpack: Callable[..., Path]) -> None:
    listed = read_wannier90(data / "Pt", source="tb", spin="none")
    computed = read_wannier90(unpack("_tb.dat", ".win"), spin="none")
    assert listed.provenance["minimal_image"] != computed.provenance["minimal_image"]
    np.testing.assert_array_equal(listed.hamiltonian.R, computed.hamiltonian.R)
    np.testing.assert_allclose(listed.hamiltonian.matrices, computed.hamiltonian.matrices, atol=1e-6)
    np.testing.assert_allclose(listed.position.matrices, computed.position.matrices, atol=1e-7)


def test_without_minimal_images_both_sources_agree_and_differ_from_the_default(
    platinum: TightBinding, data: Path
) -> None:
    chk = read_wannier90(data / "Pt", minimal_image=False, spin="none")
    tb = read_wannier90(data / "Pt", source="tb", minimal_image=False, spin="none")
    np.testing.assert_array_equal(chk.hamiltonian.R, tb.hamiltonian.R)
    np.testing.assert_allclose(chk.hamiltonian.matrices, tb.hamiltonian.matrices, atol=6e-7)
    assert np.abs(chk.hamiltonian.matrices - platinum.hamiltonian.matrices).max() > 1e-3


def test_gzipped_and_plain_files_give_the_same_model(platinum: TightBinding, unpack: Callable[..., Path]) -> None:
    plain = read_wannier90(unpack(".chk", ".eig", ".spn", ".win"))
    for name in ("hamiltonian", "position"):
        assert np.array_equal(getattr(plain, name).matrices, getattr(platinum, name).matrices)
    assert np.array_equal(plain.operators["spin"].matrices, platinum.operators["spin"].matrices)


def test_structure_comes_from_the_win_file(platinum: TightBinding) -> None:
    structure = platinum.structure
    assert structure is not None
    assert structure.species == ("Pt",)
    np.testing.assert_array_equal(structure.positions, [[0, 0, 0]])
    np.testing.assert_array_equal(structure.lattice, platinum.lattice)


@pytest.mark.parametrize("spectators", [0, 3])
def test_known_calculation_is_recovered_with_and_without_disentanglement(
    tmp_path: Path, make_calculation: Any, evaluate: Any, spectators: int
) -> None:
    calculation = make_calculation(LATTICE, (4, 3, 3), CENTRES, spectators=spectators, excluded=(1, 2))
    inside = calculation.checkpoint.window.sum(axis=1)
    assert (len(np.unique(inside)) > 1) == (spectators > 0)
    model = read_wannier90(calculation.write(tmp_path / "X"))
    k = np.random.default_rng(1).random((7, 3))
    np.testing.assert_allclose(evaluate(model.hamiltonian, k), evaluate(calculation.hamiltonian, k), atol=1e-12)
    spin = evaluate(model.operators["spin"], k)
    np.testing.assert_allclose(spin, np.broadcast_to(calculation.spin, spin.shape), atol=1e-13)
    position = evaluate(model.position, k)
    expected = np.zeros((3, 4, 4))
    expected[:, np.arange(4), np.arange(4)] = CENTRES.T
    np.testing.assert_allclose(position, np.broadcast_to(expected, position.shape), atol=1e-13)


def test_centres_far_from_the_home_cell_keep_their_branch(tmp_path: Path, make_calculation: Any) -> None:
    # b·r beyond π, where the principal branch of the logarithm gives another centre.
    far = CENTRES + 2 * LATTICE[0]
    model = read_wannier90(make_calculation(LATTICE, (3, 3, 3), far).write(tmp_path / "X"), spin="none")
    home = np.all(model.position.R == 0, axis=1)
    centres = np.diagonal(model.position.matrices[home][0], axis1=-2, axis2=-1).real.T
    np.testing.assert_allclose(centres, far, atol=1e-12)


def test_slab_reads_as_two_dimensional(tmp_path: Path, make_calculation: Any, evaluate: Any) -> None:
    slab = np.array([[3.0, 0, 0], [-1.5, 2.6, 0], [0, 0, 15.0]])
    calculation = make_calculation(slab, (4, 4, 1), CENTRES)
    model = read_wannier90(calculation.write(tmp_path / "X"), dimension=2)
    assert model.dimension == 2
    assert not model.hamiltonian.R[:, 2].any()
    k = np.random.default_rng(2).random((5, 3))
    np.testing.assert_allclose(evaluate(model.hamiltonian, k), evaluate(calculation.hamiltonian, k), atol=1e-12)


def test_dimension_that_the_mesh_contradicts_is_refused(data: Path) -> None:
    with pytest.raises(InputFileError, match="4x4x4 has several points along a direction"):
        read_wannier90(data / "Pt", dimension=2)


def test_big_endian_files_are_recognised(tmp_path: Path, make_calculation: Any, big_endian: Any) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    little = read_wannier90(calculation.write(tmp_path / "L"))
    big = read_wannier90(calculation.write(tmp_path / "B", big_endian))
    np.testing.assert_array_equal(big.hamiltonian.matrices, little.hamiltonian.matrices)
    np.testing.assert_array_equal(big.operators["spin"].matrices, little.operators["spin"].matrices)


def test_formatted_checkpoint_and_spin_equal_the_binary_ones(tmp_path: Path, data: Path, writer: Any) -> None:
    checkpoint = read_checkpoint(data / "Pt.chk.gz")
    # With V as U_opt and U = 1 the formatted file describes the same gauge.
    unit = np.broadcast_to(np.eye(18, dtype=complex), (64, 18, 18))
    writer.chk_fmt(tmp_path / "Pt.chk.fmt", checkpoint, checkpoint.gauge, unit)
    again = read_checkpoint(tmp_path / "Pt.chk.fmt")
    for name in ("lattice", "mesh", "kpoints", "window", "centres", "spreads"):
        np.testing.assert_array_equal(getattr(again, name), getattr(checkpoint, name))
    np.testing.assert_allclose(again.gauge, checkpoint.gauge, atol=1e-15)
    np.testing.assert_array_equal(again.overlaps, checkpoint.overlaps)
    pauli = read_spn(data / "Pt.spn.gz", 64, 28)
    for name in ("Pt.spn.fmt", "Pt.spn"):  # the second is what spn_formatted = .true. writes
        writer.spn_fmt(tmp_path / name, pauli)
        np.testing.assert_array_equal(read_spn(tmp_path / name, 64, 28), pauli)


def test_formatted_files_alone_make_the_same_model(tmp_path: Path, make_calculation: Any, writer: Any) -> None:
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES, spectators=2)
    binary = read_wannier90(calculation.write(tmp_path / "B"))
    writer.chk_fmt(tmp_path / "F.chk.fmt", calculation.checkpoint, calculation.subspace, calculation.rotation)
    writer.spn_fmt(tmp_path / "F.spn.fmt", calculation.pauli)
    writer.eig(tmp_path / "F.eig", calculation.energies)
    text = (tmp_path / "F.chk.fmt").read_bytes()
    (tmp_path / "F.chk.fmt").unlink()
    (tmp_path / "F.chk.fmt.gz").write_bytes(gzip.compress(text))
    formatted = read_wannier90(tmp_path / "F")
    assert formatted.structure is None
    np.testing.assert_allclose(formatted.hamiltonian.matrices, binary.hamiltonian.matrices, atol=1e-13)
    np.testing.assert_allclose(formatted.operators["spin"].matrices, binary.operators["spin"].matrices, atol=1e-14)


def test_model_without_spin_file_says_how_to_get_one(unpack: Callable[..., Path]) -> None:
    model = read_wannier90(unpack(".chk", ".eig", ".win"))
    assert "spin" not in model.operators
    with pytest.raises(ModelError, match=r"\.spn file or state the spinor ordering"):
        model.require_operator("spin")


def test_nnkp_file_and_reconstruction_give_the_same_positions(
    platinum: TightBinding, unpack: Callable[..., Path], data: Path
) -> None:
    checkpoint = read_checkpoint(data / "Pt.chk.gz")
    kmesh = KMesh(data, 2 * np.pi * np.linalg.inv(checkpoint.lattice).T, checkpoint.mesh, checkpoint.kpoints)
    stencil = reconstruct_stencil(kmesh)
    prefix = unpack(".chk", ".eig")
    lines = ["File written by a test", "begin nnkpts", "   8"]
    for k, (points, steps) in enumerate(zip(stencil.index, stencil.steps, strict=True)):
        cells = (kmesh.points()[k] + steps - kmesh.points()[points]) // kmesh.mesh
        lines += [f"{k + 1} {p + 1} {c[0]} {c[1]} {c[2]}" for p, c in zip(points, cells, strict=True)]
    prefix.with_suffix(".nnkp").write_text("\n".join([*lines, "end nnkpts", ""]))
    model = read_wannier90(prefix)
    assert "nnkp" in model.provenance["files"]
    np.testing.assert_allclose(model.position.matrices, platinum.position.matrices, atol=1e-14)

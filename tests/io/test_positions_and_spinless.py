"""Position matrices that no Wannier functions have are refused, and calculations without spin run to their end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ConfigError, InputFileError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import solve
from solenoidal.io.kmesh import KMesh, reconstruct_stencil
from solenoidal.io.lattice_files import write_tb
from solenoidal.io.model_file import load_model, save_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import random_model
from solenoidal.responses.charge import AnomalousHallConductivity, DensityOfStates
from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.workflow.input_file import ModelInput
from support.commands import call

LATTICE = np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, -0.3, 2.8]])
CENTRES = np.array([[0.1, 0.2, 0.3], [1.2, 0.5, 0.9]])
HOME, FAR, BACK = (0, 0, 0), (1, 0, 1), (-1, 0, -1)

RUN = """
[model]
wannier90 = "W"
[run]
mesh = [4, 4, 4]
symmetry = false
threads = 1
[energies]
fermi = 0.0
window = [-40.0, 40.0]
step = 0.1
[[response]]
kind = "density_of_states"
[output]
temperatures = [0]
plane = false
bands = false
"""


@pytest.fixture
def plain(tmp_path: Path, make_calculation: Any) -> TightBinding:
    """Two functions with hoppings to neighbouring cells, positions at their centres."""
    return read_wannier90(make_calculation(LATTICE, (3, 3, 3), CENTRES).write(tmp_path / "plain"), spin="none")


def with_elements(model: TightBinding, value: float, near: float = 0.0) -> TightBinding:
    """The model with y elements: ``value`` between two far functions, ``near`` between those of one cell."""
    position = LatticeOperator(model.position.R, model.position.matrices.copy())
    for R, row, column, element in ((FAR, 0, 1, value), (BACK, 1, 0, value), (HOME, 0, 1, near), (HOME, 1, 0, near)):
        position.matrices[np.all(position.R == R, axis=1), 1, row, column] = element
    return replace(model, position=position)


def one_sided(prefix: Path, value: float) -> None:
    """Replace one of the two elements of 0.0625 Å in the printed file."""
    path = prefix.with_name(f"{prefix.name}_tb.dat")
    text = path.read_text(encoding="utf-8")
    assert text.count(" 0.0625 ") == 2
    path.write_text(text.replace(" 0.0625 ", f" {value} ", 1), encoding="utf-8")


def read_back(model: TightBinding, prefix: Path) -> TightBinding:
    write_tb(model, prefix)
    return read_wannier90(prefix, spin="none")


def test_a_position_element_without_its_adjoint_is_refused_with_r_and_value(
    plain: TightBinding, tmp_path: Path
) -> None:
    write_tb(with_elements(plain, 0.0625), tmp_path / "bad")
    one_sided(tmp_path / "bad", 5.0625)
    with pytest.raises(InputFileError, match=r"not Hermitian: .* = 5 Å at <0 \d\|y\|-1 0 -1 \d> of .*is damaged"):
        read_wannier90(tmp_path / "bad", spin="none")


def test_a_hermiticity_error_of_a_coarse_mesh_is_said_and_not_refused(
    plain: TightBinding, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tb(with_elements(plain, 0.0625, near=1.0), tmp_path / "coarse")
    text = (tmp_path / "coarse_tb.dat").read_text(encoding="utf-8")
    for value, said in ((0.2, False), (0.8, True)):
        (tmp_path / "coarse_tb.dat").write_text(text, encoding="utf-8")
        one_sided(tmp_path / "coarse", value)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
            model = read_wannier90(tmp_path / "coarse", spin="none")
        assert ("the position matrix is not Hermitian" in caplog.text) == said
        assert model.position.hermiticity_error() < 1e-14


def test_a_pair_of_far_elements_larger_than_near_ones_is_refused_with_its_distance(
    plain: TightBinding, tmp_path: Path
) -> None:
    distance = np.linalg.norm(np.array(FAR) @ LATTICE + CENTRES[1] - CENTRES[0])
    with pytest.raises(
        InputFileError, match=rf"does not decay: it has <0 .* of 3 Å at {distance:.4g} Å, and up to 0 Å"
    ):
        read_back(with_elements(plain, 3.0), tmp_path / "bad")


def test_slow_decay_is_said_unless_near_elements_are_larger(
    plain: TightBinding, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for near, said in ((0.0, True), (0.5, False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
            read_back(with_elements(plain, 0.3, near), tmp_path / f"slow{said}")
        assert ("the position matrix does not decay" in caplog.text) == said


@pytest.fixture
def wide(tmp_path: Path, make_calculation: Any) -> Path:
    """A calculation without spin in which one function's overlaps have a phase near π about its centre."""
    calculation = make_calculation(LATTICE, (3, 3, 3), CENTRES)
    checkpoint = calculation.checkpoint
    reciprocal = 2 * np.pi * np.linalg.inv(LATTICE).T
    stencil = reconstruct_stencil(KMesh(Path("X"), reciprocal, checkpoint.mesh, checkpoint.kpoints))
    sign = np.sign(stencil.steps @ np.array([9, 3, 1]))
    overlaps = checkpoint.overlaps.copy()
    turned = 0.97 * np.pi * sign - stencil.vectors @ CENTRES[1]
    overlaps[:, :, 1, 1] = 0.05 * np.exp(1j * turned)
    prefix: Path = replace(calculation, checkpoint=replace(checkpoint, overlaps=overlaps)).write(tmp_path / "W")
    prefix.with_suffix(".spn").unlink()
    return prefix


@pytest.mark.parametrize("position", ["invariant", "wannier90"])
def test_wide_functions_without_spin_are_read_at_the_stated_centres(
    wide: Path, caplog: pytest.LogCaptureFixture, position: str
) -> None:
    with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
        model = read_wannier90(wide, position=position)
    assert "Wannier function 2 is wide" in caplog.text
    assert "antihermitian part of the finite difference removed" in caplog.text
    home = model.position.matrices[~model.position.R.any(axis=1)][0]
    np.testing.assert_allclose(np.diagonal(home, axis1=1, axis2=2).real.T, CENTRES, atol=1e-12)
    assert model.operators == {}


def test_a_wide_model_without_spin_gives_all_its_states(wide: Path) -> None:
    model = read_wannier90(wide)
    grid = EnergyGrid(-60.0, 60.0, 0.1, 0.0)
    responses = [DensityOfStates(), AnomalousHallConductivity()]
    result = solve(model, responses, Numerics(energies=grid, mesh=(4, 4, 4), symmetry=None, threads=1))
    np.testing.assert_allclose(result.carriers(59.0, 0.0)["carriers"].squeeze(), 2.0)
    hall = result.anomalous_hall(0.0, 0.0)["anomalous_hall"]
    assert float(np.abs(hall).max()) > 0
    assert np.isfinite(hall).all()


def test_a_run_without_a_spin_file_ends_with_its_report(wide: Path) -> None:
    path = wide.parent / "w.toml"
    path.write_text(RUN, encoding="utf-8")
    outcome = call("run", path, "--output", wide.parent / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "density of states" in outcome.stdout
    assert (wide.parent / "out" / "report.html").exists()


def test_a_model_file_that_says_no_report_is_read_as_one_without(plain: TightBinding, tmp_path: Path) -> None:
    old = replace(plain, provenance={**plain.provenance, "spin_report": None})
    assert "spin_report" not in load_model(save_model(old, tmp_path / "old.npz")).facts


def test_minimal_image_is_true_or_false_in_python_and_in_the_input_file(data: Path) -> None:
    with pytest.raises(ConfigError, match="minimal_image = 'no'; expected True or False"):
        read_wannier90(data / "Pt", minimal_image="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="minimal_image"):
        ModelInput.model_validate({"wannier90": "Pt", "minimal_image": "no"})


@pytest.mark.parametrize("suffix", ["_tb.dat", "_wsvec.dat", ".win", "_hr.dat", ".wout", ".nnkp"])
def test_text_files_need_no_final_line_end(
    suffix: str, unpack: Callable[..., Path], data: Path, tmp_path: Path, make_nnkp: Callable[[Path], str]
) -> None:
    prefix = unpack(".chk", ".eig", ".win", "_tb.dat", "_wsvec.dat")
    source = "hr" if suffix in ("_hr.dat", ".wout") else "chk" if suffix in (".win", ".nnkp") else "tb"
    prefix.with_suffix(".wout").write_text((data / "Pt.centres.txt").read_text())
    prefix.with_suffix(".nnkp").write_text(make_nnkp(prefix))
    prefix.with_name("Pt_hr.dat").write_text(_hr(prefix.with_name("Pt_tb.dat").read_text()))
    whole = read_wannier90(prefix, source=source, spin="none")
    path = prefix.with_name("Pt" + suffix)
    for ending in ("", "  ", "\n   "):
        path.write_text(path.read_text().rstrip() + ending)
        again = read_wannier90(prefix, source=source, spin="none")
        np.testing.assert_array_equal(again.hamiltonian.matrices, whole.hamiltonian.matrices)
        np.testing.assert_array_equal(again.position.matrices, whole.position.matrices)


@pytest.mark.parametrize("seed", range(4))
def test_a_written_model_without_final_line_end_is_read_and_one_cut_short_is_refused(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = random_model(2 + seed, 3, seed, nonlocal_matrices=True)
    path, _ = write_tb(model, tmp_path / "out")
    with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
        whole = read_wannier90(tmp_path / "out", spin="none")
        assert "decay" not in caplog.text
    text = path.read_text(encoding="utf-8").rstrip("\n")
    path.write_text(text, encoding="utf-8")
    again = read_wannier90(tmp_path / "out", spin="none")
    np.testing.assert_array_equal(again.position.matrices, whole.position.matrices)
    path.write_text(text[:-1], encoding="utf-8")
    with pytest.raises(InputFileError, match=r"shorter than the one before; .* end it with a new line"):
        read_wannier90(tmp_path / "out", spin="none")


def _hr(tb: str) -> str:
    """``_hr.dat`` from the text of ``_tb.dat``."""
    lines = tb.splitlines()
    n, vectors = int(lines[4]), int(lines[5])
    head = 6 + -(-vectors // 15)
    rows = [lines[0], *lines[4:head]]
    for v in range(vectors):
        start = head + v * (n * n + 2) + 1
        for line in lines[start + 1 : start + 1 + n * n]:
            a, b, real, imaginary = line.split()
            rows.append(f"{lines[start]}{a:>5}{b:>5}{float(real):12.6f}{float(imaginary):12.6f}")
    return "\n".join([*rows, ""])


@pytest.fixture
def make_nnkp() -> Callable[[Path], str]:
    """The block of neighbours of a run, from the ``.win`` file and its checkpoint."""
    from solenoidal.io.checkpoint import read_checkpoint

    def make(prefix: Path) -> str:
        found = read_checkpoint(prefix.with_suffix(".chk"))
        kmesh = KMesh(found.path, 2 * np.pi * np.linalg.inv(found.lattice).T, found.mesh, found.kpoints)
        stencil = reconstruct_stencil(kmesh)
        lines = ["begin nnkpts", str(stencil.steps.shape[1])]
        for k, (points, steps) in enumerate(zip(stencil.index, stencil.steps, strict=True)):
            cells = (kmesh.points()[k] + steps - kmesh.points()[points]) // kmesh.mesh
            lines += [f"{k + 1:6d}{p + 1:6d} {c[0]:6d}{c[1]:6d}{c[2]:6d}" for p, c in zip(points, cells, strict=True)]
        return "\n".join([*lines, "end nnkpts", ""])

    return make

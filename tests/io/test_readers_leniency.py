"""What readers accept though it is unusual, and implausible positions that they refuse."""

from __future__ import annotations

import bz2
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import ConfigError, InputFileError
from solenoidal.io import from_checkpoint
from solenoidal.io.checkpoint import WannierCheckpoint, read_checkpoint
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.workflow.build import build_model
from solenoidal.workflow.input_file import ModelInput


def equal(first: object, second: object) -> None:
    for name in ("hamiltonian", "position"):
        np.testing.assert_array_equal(getattr(first, name).matrices, getattr(second, name).matrices)


def test_files_packed_by_bzip2_are_read_like_any_other(unpack: Callable[..., Path]) -> None:
    prefix = unpack(".chk", ".eig", ".win")
    plain = read_wannier90(prefix)
    for suffix in (".chk", ".eig"):
        path = prefix.with_suffix(suffix)
        path.with_name(path.name + ".bz2").write_bytes(bz2.compress(path.read_bytes()))
        path.unlink()
    equal(read_wannier90(prefix), plain)


def test_a_bzip2_file_cut_short_is_named(unpack: Callable[..., Path]) -> None:
    prefix = unpack(".chk", ".eig", ".win")
    path = prefix.with_suffix(".eig")
    content = bz2.compress(path.read_bytes())
    path.with_name(path.name + ".bz2").write_bytes(content[: len(content) // 2])
    path.unlink()
    with pytest.raises(InputFileError, match="packed file is truncated or damaged"):
        read_wannier90(prefix)


def test_a_last_line_without_end_is_taken_if_it_is_as_long_as_the_others(
    unpack: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    prefix = unpack(".chk", ".eig", ".win")
    plain = read_wannier90(prefix)
    path = prefix.with_suffix(".eig")
    content = path.read_bytes()
    path.write_bytes(content.rstrip(b"\n"))
    with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
        equal(read_wannier90(prefix), plain)
    assert "its last line has no end" in caplog.text
    path.write_bytes(content.rstrip(b"\n")[:-1])
    with pytest.raises(InputFileError, match="no end and is shorter than the one before"):
        read_wannier90(prefix)


@pytest.mark.parametrize("place", ["home", "hopping"])
def test_a_position_of_a_thousand_angstrom_is_refused_with_its_element(unpack: Callable[..., Path], place: str) -> None:
    prefix = unpack("_tb.dat", "_wsvec.dat", ".win")
    path = prefix.with_name("Pt_tb.dat")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if i > 5 and len(line.split()) == 8)
    blocks = [i - 1 for i in range(first, len(lines)) if lines[i].split()[:2] == ["1", "1"]]
    where = next(i for i in blocks if (lines[i].split() == ["0", "0", "0"]) == (place == "home"))
    words = lines[where + 1].split()
    lines[where + 1] = f"    1    1  1000.0 {' '.join(words[3:])}\n"
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(InputFileError, match=r"<0 1\|x\|.* 1> of 1000 Å, beyond .* the file is damaged"):
        read_wannier90(prefix, source="tb")


class Wide:
    """A checkpoint in which the overlaps of one function with its neighbours lie near the branch cut."""

    @staticmethod
    def of(checkpoint: WannierCheckpoint, stencil: object, function: int, phase: float) -> WannierCheckpoint:
        from dataclasses import replace

        overlaps = checkpoint.overlaps.copy()
        guess = stencil.vectors @ checkpoint.centres[function]  # type: ignore[attr-defined]
        forward = stencil.steps @ np.array([9, 3, 1]) > 0  # type: ignore[attr-defined]
        turned = np.where(forward, phase, -phase)
        overlaps[:, :, function, function] = 0.01 * np.exp(1j * (turned - guess))
        return replace(checkpoint, overlaps=overlaps)


def stencil_of(prefix: Path) -> tuple[WannierCheckpoint, object]:
    from solenoidal.io.files import locate
    from solenoidal.io.kmesh import KMesh
    from solenoidal.io.winfile import read_win

    checkpoint = read_checkpoint(prefix.with_suffix(".chk"))
    reciprocal = 2 * np.pi * np.linalg.inv(checkpoint.lattice).T
    kmesh = KMesh(checkpoint.path, reciprocal, checkpoint.mesh, checkpoint.kpoints)
    win = read_win(prefix.with_suffix(".win"))
    return checkpoint, from_checkpoint._stencil(checkpoint, kmesh, locate(prefix), win)


@pytest.mark.parametrize("form", ["invariant", "wannier90"])
def test_a_function_whose_overlaps_have_no_sure_branch_is_read_with_a_warning(
    unpack: Callable[..., Path], caplog: pytest.LogCaptureFixture, form: str
) -> None:
    """Its centre is the stated one in both forms of the position matrix."""
    checkpoint, stencil = stencil_of(unpack(".chk", ".eig", ".win"))
    wide = Wide.of(checkpoint, stencil, 4, 0.97 * np.pi)
    with caplog.at_level(logging.WARNING, logger="solenoidal.io"):
        connection, notes = from_checkpoint._position(wide, stencil, form)  # type: ignore[arg-type]
    assert "Wannier function 5 is wide" in caplog.text
    assert notes["centre_difference"] > 1e-3
    home = np.diagonal(connection.mean(axis=0), axis1=-2, axis2=-1).real.T
    np.testing.assert_allclose(home, checkpoint.centres, atol=2e-8)


def test_centres_that_differ_for_another_reason_are_refused(unpack: Callable[..., Path]) -> None:
    checkpoint, stencil = stencil_of(unpack(".chk", ".eig", ".win"))
    shifted = Wide.of(checkpoint, stencil, 4, 0.3 * np.pi)
    with pytest.raises(InputFileError, match="the overlaps give Wannier centres up to"):
        from_checkpoint._position(shifted, stencil, "invariant")  # type: ignore[arg-type]


def test_the_keys_of_the_input_file_are_the_arguments_of_the_reader(data: Path) -> None:
    for key, value in {"minimal_image": False, "position": "wannier90"}.items():
        settings = ModelInput.model_validate({"wannier90": str(data / "Pt"), key: value})
        built, read = build_model(settings), read_wannier90(data / "Pt", **{key: value})
        equal(built, read)
        usual = read_wannier90(data / "Pt")
        assert not all(
            np.array_equal(getattr(built, name).matrices, getattr(usual, name).matrices)
            for name in ("hamiltonian", "position")
        )
    with pytest.raises(ValueError, match="position belong to wannier90 files"):
        ModelInput.model_validate({"library": "rashba_square", "position": "wannier90"})
    with pytest.raises(ConfigError, match="position = 'other'"):
        read_wannier90(data / "Pt", position="other")

"""A saved model comes back with every number equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import InputFileError, ModelError
from solenoidal.io.model_file import load_model, save_model
from solenoidal.models.hamiltonian import LatticeOperator, Structure, TightBinding
from solenoidal.models.operator import Operator


def test_platinum_with_spin_comes_back_exactly(platinum: TightBinding, tmp_path: Path) -> None:
    again = load_model(save_model(platinum, tmp_path / "pt.npz"))
    assert again.dimension == 3
    np.testing.assert_array_equal(again.lattice, platinum.lattice)
    for name in ("hamiltonian", "position"):
        np.testing.assert_array_equal(getattr(again, name).R, getattr(platinum, name).R)
        np.testing.assert_array_equal(getattr(again, name).matrices, getattr(platinum, name).matrices)
    assert set(again.operators) == {"spin"}
    np.testing.assert_array_equal(again.operators["spin"].matrices, platinum.operators["spin"].matrices)
    assert again.structure is not None
    assert platinum.structure is not None
    np.testing.assert_array_equal(again.structure.positions, platinum.structure.positions)
    assert again.structure.species == ("Pt",)
    assert again.structure.moments is None
    assert again.first_principles_mesh == (4, 4, 4)
    assert again.provenance["spin_report"]["time_reversal"] is True


def test_plane_model_with_moments_comes_back_exactly(tmp_path: Path) -> None:
    structure = Structure(np.eye(3), np.array([[0.1, 0.2, 0.0]]), ("Mn",), np.array([[0, 0, 4.5]]))
    model = TightBinding(
        lattice=np.eye(3),
        dimension=2,
        hamiltonian=LatticeOperator.constant(np.diag([1.0, 2.0])),
        position=LatticeOperator.constant(np.zeros((3, 2, 2))),
        operators={"valley": Operator.constant(np.diag([1.0, -1.0]), (), 1)},
        structure=structure,
    )
    again = load_model(save_model(model, tmp_path / "m.npz"))
    assert again.dimension == 2
    assert again.operators["valley"].legs == ()
    assert again.structure is not None
    np.testing.assert_array_equal(again.structure.moments, structure.moments)


def test_existing_file_is_not_overwritten(platinum: TightBinding, tmp_path: Path) -> None:
    (tmp_path / "pt.npz").write_bytes(b"precious")
    with pytest.raises(InputFileError, match="exists and is not overwritten"):
        save_model(platinum, tmp_path / "pt.npz")
    assert (tmp_path / "pt.npz").read_bytes() == b"precious"
    with pytest.raises(InputFileError, match=r"name a model file 'pt\.npz'"):
        save_model(platinum, tmp_path / "pt.h5")


def test_files_that_are_no_models_are_refused(platinum: TightBinding, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no such file"):
        load_model(tmp_path / "none.npz")
    path = save_model(platinum, tmp_path / "pt.npz")
    whole = path.read_bytes()
    for part in (b"", whole[:1000], whole[: len(whole) // 2]):
        (tmp_path / "cut.npz").write_bytes(part)
        with pytest.raises(InputFileError, match="not a readable model file"):
            load_model(tmp_path / "cut.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(InputFileError, match="not written by save_model"):
        load_model(tmp_path / "other.npz")


def test_provenance_that_cannot_be_kept_is_refused(platinum: TightBinding, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="provenance cannot be saved"):
        save_model(replace(platinum, provenance={"x": object()}), tmp_path / "pt.npz")
    assert not (tmp_path / "pt.npz").exists()

"""``symmetrise`` in section [model] of an input file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.workflow.build import build_model
from solenoidal.workflow.input_file import ModelInput, PairingInput, PairPart
from support.commands import RASHBA, call

PLATINUM = Path(__file__).parents[2] / "examples" / "platinum" / "data" / "Pt"
SQUARE = {"library": "rashba_square", "parameters": {"t": 1.0, "alpha": 0.5}}


def test_a_model_is_symmetrised_only_if_the_input_file_says_so() -> None:
    plain, symmetric = (build_model(ModelInput(**SQUARE, symmetrise=flag)) for flag in (False, True))
    assert "symmetrised" not in plain.provenance
    assert symmetric.provenance["symmetrised"]["operations"] == 16


def test_pairing_is_added_to_the_symmetrised_normal_state() -> None:
    pairing = PairingInput(basis="general", mu=-2.0, part=(PairPart(kind="onsite", amplitude=0.1),))
    with_flag, without = (build_model(ModelInput(**SQUARE, symmetrise=flag), pairing) for flag in (True, False))
    assert isinstance(with_flag, TightBinding)
    assert isinstance(without, TightBinding)
    np.testing.assert_allclose(with_flag.hamiltonian.matrices, without.hamiltonian.matrices, atol=1e-13)


def test_wannier_functions_without_the_symmetry_are_refused() -> None:
    with pytest.raises(SymmetryError, match="does not turn the orbitals into one another"):
        build_model(ModelInput(wannier90=PLATINUM, symmetrise=True))


def test_the_command_check_says_that_a_model_is_symmetrised(tmp_path: Path) -> None:
    path = tmp_path / "rashba.toml"
    assert RASHBA.count("[model]\n") == 1
    path.write_text(RASHBA.replace("[model]\n", "[model]\nsymmetrise = true\n"), encoding="utf-8")
    outcome = call("check", path)
    assert outcome.exit_code == 0, outcome.output
    assert "symmetrised: operations" in outcome.stdout


def test_a_continuum_model_cannot_be_symmetrised(tmp_path: Path) -> None:
    path = tmp_path / "continuum.toml"
    path.write_text(
        '[model]\nlibrary = "rashba_continuum"\nparameters = { alpha = 0.5, mass = 1.0 }\nsymmetrise = true\n'
        "[run]\nmesh = [8, 8, 1]\n[energies]\nfermi = 0.0\nwindow = [-1.0, 1.0]\n"
        '[[response]]\nkind = "spin_conductivity"\n[output]\ntemperatures = [300]\n',
        encoding="utf-8",
    )
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 2, outcome.output
    assert "a continuum model has no hoppings to symmetrise" in " ".join(outcome.output.split())

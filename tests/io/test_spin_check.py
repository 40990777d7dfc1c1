"""Spin operators that are wrong are found out and named; right ones pass."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.bandfiles import read_spn
from solenoidal.io.spin_check import (
    PAULI,
    examine_model,
    examine_spin,
    ordering_conflict,
    ordering_labels,
    spin_of_labels,
)
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

R = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])


def reversal_symmetric(seed: int, orbitals: int) -> LatticeOperator:
    """Random spin-orbit model, orbitals up and down alternating, with T = iσ_y K and no other symmetry."""
    rng = np.random.default_rng(seed)
    n = 2 * orbitals
    X = rng.normal(size=(len(R), n, n)) + 1j * rng.normal(size=(len(R), n, n))
    X = X + np.conj(X[::-1].swapaxes(-1, -2))
    theta = np.kron(np.eye(orbitals), 1j * PAULI[1])
    return LatticeOperator(R, 0.5 * (X + theta @ X.conj() @ theta.conj().T))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_right_ordering_is_odd_under_reversal_and_wrong_one_is_named(seed: int) -> None:
    H = reversal_symmetric(seed, 3)
    right = examine_spin(H, spin_of_labels(ordering_labels("interleaved", 6)))
    assert right.time_reversal
    assert right.kramers_splitting < 1e-9
    assert right.odd_residual < 1e-12
    assert right.problems == ()
    wrong = examine_spin(H, spin_of_labels(ordering_labels("blocked", 6)))
    # Spectrum and commutators cannot tell.
    assert wrong.highest == pytest.approx(0.5)
    assert wrong.commutator < 1e-14
    assert wrong.odd_residual > 0.03
    assert any("wrong ordering of spinors" in problem for problem in wrong.problems)
    conflict = ordering_conflict(H, np.eye(3), np.zeros((6, 3)), ordering_labels("blocked", 6))
    assert conflict is not None
    assert conflict.endswith("the ordering is 'interleaved'")
    assert ordering_conflict(H, np.eye(3), np.zeros((6, 3)), ordering_labels("interleaved", 6)) is None


def test_ordering_of_platinum_is_recognised(data: Path) -> None:
    assert "spin" in read_wannier90(data / "Pt", source="tb", spin="interleaved").operators
    labels = ["up", "down"] * 9
    assert "spin" in read_wannier90(data / "Pt", source="tb", spin=labels).operators
    for wrong in ("blocked", ["up"] * 9 + ["down"] * 9):
        with pytest.raises(InputFileError, match=r"the spinor ordering .* is wrong: .*the ordering is 'interleaved'"):
            read_wannier90(data / "Pt", source="tb", spin=wrong)
    kept = read_wannier90(data / "Pt", source="tb", spin="blocked", examine=False)
    assert "spin_report" not in kept.provenance


def test_magnet_with_wrong_ordering_is_recognised_by_its_centres() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(len(R), 4, 4)) + 1j * rng.normal(size=(len(R), 4, 4))
    H = LatticeOperator(R, X + np.conj(X[::-1].swapaxes(-1, -2)))
    centres = np.array([[0, 0, 0.0], [3.0, 0, 0.01], [1.5, 0, 0], [1.5, 0, 0.01]])  # the first pair across a cell
    lattice = 3 * np.eye(3)
    assert not examine_spin(H, spin_of_labels(ordering_labels("interleaved", 4))).time_reversal
    assert ordering_conflict(H, lattice, centres, ordering_labels("interleaved", 4)) is None
    conflict = ordering_conflict(H, lattice, centres, ordering_labels("blocked", 4))
    assert conflict == (
        "the stated ordering pairs Wannier functions up to 1.50 Å apart, 'interleaved' pairs them within 0.01 Å: "
        "the ordering is 'interleaved'"
    )


def test_labels_pair_the_first_up_with_the_first_down() -> None:
    s = spin_of_labels(["up", "up", "down", "down"]).matrices[0]
    np.testing.assert_array_equal(s, 0.5 * np.kron(PAULI, np.eye(2)))
    s = spin_of_labels(["up", "down", "up", "down"]).matrices[0]
    np.testing.assert_array_equal(s, [0.5 * np.kron(np.eye(2), x) for x in PAULI])
    s = spin_of_labels(["down", "up"]).matrices[0]
    np.testing.assert_array_equal(s[2], [[-0.5, 0], [0, 0.5]])


def test_platinum_passes_and_its_findings_are_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="solenoidal.io"):
        model = read_wannier90(data / "Pt")
    report = examine_model(model)
    assert report.problems == ()
    assert report.time_reversal
    assert report.odd_residual < 1e-5
    assert report.highest <= 0.5 + 1e-9
    assert report.commutator > 0.1
    assert report.reversed_commutator > 2 * report.commutator
    assert report.spread < 0.02
    assert model.provenance["spin_report"]["commutator"] == report.commutator
    assert any("commutators: max |[s_x, s_y] - i s_z| = 0.331" in message for message in caplog.messages)


def damaged(spin: LatticeOperator, kind: str) -> LatticeOperator:
    m = spin.matrices
    if kind == "pauli":
        m = 2 * m
    elif kind == "conjugate":
        index = [int(np.argmax(np.all(-r == spin.R, axis=1))) for r in spin.R]
        m = np.conj(m[index])
    elif kind == "swapped":
        m = m[:, [1, 0, 2]]
    elif kind == "zero":
        m = 0.01 * m
    elif kind == "bands":  # Wannier functions renumbered: the right operator of another file
        order = np.random.default_rng(0).permutation(m.shape[-1])
        m = m[..., order, :][..., order]
    return replace(spin, matrices=m)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("pauli", "expected within"),
        ("conjugate", "opposite sign"),
        ("swapped", "opposite sign"),
        ("zero", "almost zero"),
        ("bands", "not odd under it"),
    ],
)
def test_damaged_spin_is_named(platinum: TightBinding, kind: str, message: str) -> None:
    mesh = np.array(platinum.first_principles_mesh)
    report = examine_spin(platinum.hamiltonian, damaged(platinum.operators["spin"], kind), mesh)
    assert any(message in problem for problem in report.problems), report.problems
    assert any(line.startswith("PROBLEM") for line in report.lines())


def test_spin_file_of_another_run_is_refused_although_its_sizes_fit(
    tmp_path: Path, data: Path, writer: Any, unpack: Any
) -> None:
    prefix = unpack(".chk", ".eig", ".win")
    pauli = read_spn(data / "Pt.spn.gz", 64, 28)
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random((64, 1, 28)))
    other_run = np.conj(phases[..., None]) * pauli * phases[:, :, None, :]
    for wrong in (np.roll(pauli, 1, axis=0), other_run):
        writer.spn(tmp_path / "Pt.spn", wrong)
        with pytest.raises(InputFileError, match=r"Pt\.spn: s is spread over the lattice .*examine=False reads it"):
            read_wannier90(prefix)
    assert "spin" in read_wannier90(prefix, examine=False).operators


def test_magnet_is_not_held_to_time_reversal(tmp_path: Path, make_calculation: Any) -> None:
    lattice = np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, -0.3, 2.8]])
    centres = np.repeat(np.array([[0.1, 0.2, 0.3], [1.2, 0.5, 0.9]]), 2, axis=0)
    model = read_wannier90(make_calculation(lattice, (4, 3, 3), centres).write(tmp_path / "X"))
    report = examine_model(model)
    assert not report.time_reversal
    assert report.odd_residual > 0.03
    assert report.problems == ()

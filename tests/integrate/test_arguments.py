"""An argument that cannot be used is an error that says what was found and what to write, before any work is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import RefinedMesh, SymmetricMeshes
from solenoidal.integrate.worker import BlockWorker
from solenoidal.models.library import random_model

MODEL = random_model(3, 2, 1)
PAIRS = random_model(4, 2, 2, degenerate=True)
POINTS = sol.FixedPoints((0.0,), (300.0,))
TRIANGLES = sol.TetrahedronPoints((0.0,))
ACCURACY = sol.Accuracy((0.0,), (300.0,), relative=0.1)
REFINED = RefinedMesh(np.full((2, 2, 1), 2), 2)

NUMERICS: dict[str, tuple[dict[str, Any], str]] = {
    "a mesh of one number": ({"mesh": 12}, r"mesh is 12; write three positive integers, .*mesh=\(48, 48, 48\)"),
    "a mesh of two numbers": ({"mesh": (12, 12)}, r"mesh is \(12, 12\); write three positive integers"),
    "a mesh of floats": ({"mesh": (12.0, 12.0, 1.0)}, r"mesh is \(12.0, 12.0, 1.0\); write three"),
    "a mesh of booleans": ({"mesh": (True, True, True)}, r"mesh is \(True, True, True\); write three"),
    "a negative mesh": ({"mesh": (-4, 4, 1)}, r"mesh is \(-4, 4, 1\); write three positive"),
    "a mesh of zero": ({"mesh": (4, 0, 1)}, r"mesh is \(4, 0, 1\); write three positive"),
    "a mesh of text": ({"mesh": "441"}, "mesh is '441'; write three positive"),
    "neither mesh nor accuracy": ({"mesh": None}, "neither is given; write mesh="),
    "both mesh and accuracy": ({"accuracy": ACCURACY}, "both are given; write mesh="),
    "an accuracy of a number": ({"mesh": None, "accuracy": 0.01}, r"accuracy is 0.01; write Accuracy\(mu="),
    "energies as an array": (
        {"energies": np.linspace(-1, 1, 9)},
        r"energies is an array of shape \(9,\); write an Energ",
    ),
    "energies as a class": ({"energies": sol.EnergyGrid}, "energies is the class EnergyGrid; write an EnergyGrid"),
    "no energies": ({"energies": None}, "energies is None; write an EnergyGrid, FixedPoints or TetrahedronPoints"),
    "no replicas": ({"replicas": 0}, r"replicas is 0; write 1 \(no error bar\) or at least 2"),
    "half a replica": ({"replicas": 2.5}, r"replicas is 2.5; write 1 \(no error bar\)"),
    "replicas as text": ({"replicas": "4"}, "replicas is '4'; write 1"),
    "one refined mesh": (
        {"mesh": REFINED},
        "replicas is 1; a refined mesh and symmetric meshes come in sets; write rep",
    ),
    "one symmetric mesh": ({"mesh": SymmetricMeshes(4, 2), "replicas": 1}, "come in sets; write replicas=2 or more"),
    "an accuracy of two replicas": ({"mesh": None, "accuracy": ACCURACY, "replicas": 2}, "at least 3 shifted meshes"),
    "symmetry false": ({"symmetry": False}, 'symmetry is False; write "auto" .* None for the full zone'),
    "symmetry true": ({"symmetry": True}, 'symmetry is True; write "auto"'),
    "symmetry in words": ({"symmetry": "yes"}, "symmetry is 'yes'; write \"auto\""),
    "a search for symmetry": ({"symmetry": sol.find_symmetry(MODEL)}, "symmetry is .*; write .* or a SymmetryGroup"),
    "a tolerance that is no number": (
        {"degeneracy_tol": np.nan},
        "degeneracy_tol is nan; write a positive energy in eV",
    ),
    "a negative tolerance": ({"degeneracy_tol": -1e-4}, "degeneracy_tol is -0.0001; write a positive energy"),
    "no tolerance": ({"degeneracy_tol": 0.0}, "degeneracy_tol is 0.0; write a positive energy"),
    "an infinite tolerance": ({"degeneracy_tol": np.inf}, "degeneracy_tol is inf; write a positive"),
    "a tolerance as text": ({"degeneracy_tol": "small"}, "degeneracy_tol is 'small'; write a positive"),
    "kramers in words": ({"kramers": "yes"}, "kramers is 'yes'; write None"),
    "a negative seed": ({"seed": -1}, "seed is -1; write an integer that is not negative"),
    "a seed of a fraction": ({"seed": 0.5}, "seed is 0.5; write an integer"),
    "an audit of a number": ({"audit": 2}, "audit is 2; write True or False"),
    "no threads": ({"threads": 0}, "threads is 0; write a positive number of threads, or None"),
    "empty blocks": ({"block_size": 0}, "block_size is 0; write a positive number of k points, or None"),
    "no points at most": ({"maximum_points": 0}, "maximum_points is 0; write a positive number"),
    "triangles on a refined mesh": (
        {"mesh": REFINED, "replicas": 2, "energies": TRIANGLES},
        "a refined mesh cannot be integrated with TetrahedronPoints",
    ),
    "triangles to an accuracy": (
        {"mesh": None, "accuracy": ACCURACY, "energies": TRIANGLES},
        "a run with a stated accuracy cannot be integrated with TetrahedronPoints",
    ),
}


@pytest.mark.parametrize("mistake", NUMERICS)
def test_settings_that_cannot_be_used_are_refused_where_they_are_made(mistake: str) -> None:
    changes, message = NUMERICS[mistake]
    with pytest.raises(ConfigError, match=message):
        sol.Numerics(**{"mesh": (4, 4, 1), "energies": POINTS, **changes})


SOLVE: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": "platinum"}, "model is 'platinum'; write a TightBinding or ContinuumModel"),
    "a bare response": (
        {"responses": sol.SpinMoment()},
        r"the single response .*; write it in a list, .*\[SpinMoment\(\)\]",
    ),
    "a bare class": ({"responses": sol.SpinMoment}, "responses is the class SpinMoment; write a list"),
    "no list of responses": ({"responses": 3}, "responses is 3; write a list"),
    "responses as text": ({"responses": "spin"}, "responses is 'spin'; write a list"),
    "no response": ({"responses": []}, "no response was asked for; give at least one"),
    "a class of responses": (
        {"responses": [sol.SpinMoment]},
        r"has the class SpinMoment; write an instance .*SpinMoment\(\)",
    ),
    "what is no response": ({"responses": ["spin"]}, "responses has 'spin', which is no response; write"),
    "the same name twice": ({"responses": [sol.SpinMoment()] * 2}, "the same name twice: .*; pass name=... to tell"),
    "settings that are none": ({"numerics": (4, 4, 1)}, r"numerics is \(4, 4, 1\); write Numerics\(mesh="),
    "settings of converge": (
        {"numerics": sol.Numerics(accuracy=ACCURACY, energies=POINTS)},
        "numerics state an accuracy, which converge reaches; write mesh=",
    ),
    "a mesh of another dimension": (
        {"numerics": sol.Numerics(mesh=(4, 4, 4), energies=POINTS)},
        r"mesh is \(4, 4, 4\) for a model of dimension 2; write three divisions, 1 along",
    ),
    "meshes of another dimension": (
        {"numerics": sol.Numerics(mesh=SymmetricMeshes(4, 3), energies=POINTS, replicas=2)},
        "the mesh has dimension 3, the model 2",
    ),
    "pairs of an odd number of bands": (
        {"numerics": sol.Numerics(mesh=(4, 4, 1), energies=POINTS, kramers=True)},
        "kramers is True for a model with 3 bands, an odd number, which cannot be paired; write kramers=None or False",
    ),
    "a tolerance above the bandwidth": (
        {"numerics": sol.Numerics(mesh=(4, 4, 1), energies=POINTS, degeneracy_tol=100.0)},
        "degeneracy_tol is 100 eV, but all bands lie within .* eV and would be one degenerate group; write",
    ),
    "an executor that is none": ({"executor": 4}, "executor is 4; write an object with the interface of concurrent"),
    "a checkpoint that is no path": ({"checkpoint": 4}, "checkpoint is 4; write the path of a file"),
    "progress that cannot be called": ({"progress": True}, "progress is True; write a function of one argument"),
}


@pytest.mark.parametrize("mistake", SOLVE)
def test_arguments_that_cannot_be_used_are_refused_before_the_first_block(
    mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, message = SOLVE[mistake]
    monkeypatch.setattr(BlockWorker, "__call__", lambda *_: pytest.fail("a block was computed"))
    numerics = sol.Numerics(mesh=(4, 4, 1), energies=POINTS)
    arguments = {"model": MODEL, "responses": [sol.SpinMoment()], "numerics": numerics, **changes}
    with pytest.raises(ConfigError, match=message):
        sol.solve(**arguments)


def test_converge_asks_for_an_accuracy() -> None:
    with pytest.raises(
        ConfigError, match=r"numerics give a mesh, on which solve integrates; write accuracy=Accuracy\("
    ):
        sol.converge(MODEL, [sol.SpinMoment()], sol.Numerics(mesh=(4, 4, 1), energies=POINTS))


def test_divisions_are_three_integers_whatever_they_were_given_as() -> None:
    for mesh in ([4, 4, 1], np.array([4, 4, 1]), (np.int64(4), 4, 1)):
        assert sol.Numerics(mesh=mesh, energies=POINTS) == sol.Numerics(mesh=(4, 4, 1), energies=POINTS)  # type: ignore[arg-type]


def test_replicas_are_one_on_a_mesh_and_eight_for_an_accuracy_unless_stated() -> None:
    assert sol.Numerics(mesh=(4, 4, 1), energies=POINTS).replicas == 1
    assert sol.Numerics(accuracy=ACCURACY, energies=POINTS).replicas == 8
    assert sol.Numerics(accuracy=ACCURACY, energies=POINTS, replicas=3).replicas == 3


def test_flat_bands_at_one_energy_are_one_level_and_not_a_bandwidth_too_small() -> None:
    flat = replace(
        PAIRS, hamiltonian=PAIRS.hamiltonian.with_matrices(PAIRS.hamiltonian.R, 0 * PAIRS.hamiltonian.matrices)
    )
    numerics = sol.Numerics(mesh=(4, 4, 1), energies=POINTS, symmetry=None, kramers=False)
    carriers = sol.solve(flat, [sol.DensityOfStates()], numerics).carriers(0.0, 300.0)["carriers"]
    assert float(carriers.squeeze()) == pytest.approx(2.0)

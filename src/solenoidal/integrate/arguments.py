"""What ``solve`` and ``converge`` refuse before they compute: arguments that contradict each other or the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import RefinedMesh, SymmetricMeshes
from solenoidal.integrate.numerics import DEGENERACY_TOLERANCE, Numerics, shown
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.guards import require_reference
from solenoidal.responses.response import Response
from solenoidal.sampling.energy_grid import EnergyGrid

PROBES = 8
LEVEL = 1e-12
"""Bands closer than this share of the largest energy are one level, which every tolerance groups rightly."""


def check_arguments(
    model: Model,
    responses: Sequence[Response],
    numerics: Numerics,
    *,
    executor: object = None,
    checkpoint: object = None,
    progress: object = None,
) -> None:
    """Raise ``ConfigError`` naming the argument, what was found and what to write."""
    if not isinstance(model, TightBinding | ContinuumModel):
        raise ConfigError(
            f"model is {shown(model)}; write a TightBinding or ContinuumModel, for example read_wannier90(...)"
        )
    _check_list(responses)
    if not isinstance(numerics, Numerics):
        raise ConfigError(f"numerics is {shown(numerics)}; write Numerics(mesh=(48, 48, 48), energies=...)")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ConfigError(
            f"executor is {shown(executor)}; write an object with the interface of concurrent.futures, or None for "
            "threads"
        )
    if checkpoint is not None and not isinstance(checkpoint, str | Path):
        raise ConfigError(f"checkpoint is {shown(checkpoint)}; write the path of a file")
    if progress is not None and not callable(progress):
        raise ConfigError(f"progress is {shown(progress)}; write a function of one argument, the state of the run")
    if isinstance(numerics.energies, EnergyGrid):
        require_reference(model, numerics.energies.reference, "energies: reference")
    _check_mesh(model, numerics)
    _check_bands(model, numerics)


def _check_list(responses: Any) -> None:
    """Refuse what is no sequence of responses with different names; each is held to its contract later."""
    if _is_response(responses):
        raise ConfigError(
            f"responses is the single response {shown(responses)}; write it in a list, for example "
            f"[{type(responses).__name__}()]"
        )
    if isinstance(responses, str) or not isinstance(responses, Sequence):
        raise ConfigError(f"responses is {shown(responses)}; write a list, for example [SpinConductivity()]")
    if not responses:
        raise ConfigError("no response was asked for; give at least one, for example [SpinConductivity()]")
    for response in responses:
        if isinstance(response, type):
            raise ConfigError(f"responses has {shown(response)}; write an instance of it: {response.__name__}()")
        if not _is_response(response):
            raise ConfigError(
                f"responses has {shown(response)}, which is no response; write for example SpinConductivity()"
            )
    names = [getattr(response, "name", None) for response in responses]
    if len(set(map(repr, names))) != len(names):
        raise ConfigError(f"responses carry the same name twice: {names}; pass name=... to tell them apart")


def _is_response(value: Any) -> bool:
    return hasattr(value, "terms") and not isinstance(value, type)


def _check_mesh(model: Model, numerics: Numerics) -> None:
    mesh = numerics.mesh
    if isinstance(mesh, RefinedMesh | SymmetricMeshes):
        if mesh.dimension != model.dimension:
            raise ConfigError(f"the mesh has dimension {mesh.dimension}, the model {model.dimension}; make them equal")
    elif mesh is not None and any(n != 1 for n in mesh[model.dimension :]):
        raise ConfigError(
            f"mesh is {mesh} for a model of dimension {model.dimension}; write three divisions, 1 along directions "
            "that are not periodic"
        )


def _check_bands(model: Model, numerics: Numerics) -> None:
    """Refuse pairs of an odd number of bands, and a tolerance that puts every band into one group."""
    bands = model.n_orbitals
    if numerics.kramers and bands % 2:
        raise ConfigError(
            f"kramers is True for a model with {bands} bands, an odd number, which cannot be paired; write "
            "kramers=None or False"
        )
    if bands == 1:
        return
    k = np.zeros((PROBES, 3))
    k[1:, : model.dimension] = np.random.default_rng(0).random((PROBES - 1, model.dimension))
    energies = np.linalg.eigvalsh(interpolator(model, space=False).at(k).hamiltonian)
    width = float(energies.max() - energies.min())
    if LEVEL * np.abs(energies).max() < width <= numerics.degeneracy_tol:
        raise ConfigError(
            f"degeneracy_tol is {numerics.degeneracy_tol:g} eV, but all bands lie within {width:.3g} eV and would be "
            f"one degenerate group; write a tolerance far below the distance of bands, such as the default "
            f"{DEGENERACY_TOLERANCE:g} in a model of some eV"
        )

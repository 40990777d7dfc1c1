"""Paths and planes in k space for pictures: recommended paths from seekpath, planes through Γ."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import seekpath

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError
from solenoidal.models.hamiltonian import TightBinding

AXIS = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class KPath:
    """Points along straight lines: ``k`` (nk, 3) fractional, ``distance`` (nk,) in 1/Å, named ``ticks``."""

    k: RealArray
    distance: RealArray
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class KPlane:
    """Grid in the plane through Γ: fractional ``k`` (n·n, 3), Cartesian ``first`` and ``second`` (n, n) in 1/Å."""

    k: RealArray
    first: RealArray
    second: RealArray
    labels: tuple[str, str]


def recommended_path(model: TightBinding, points: int) -> KPath:
    """The path seekpath recommends for the crystal, or one along the edges of the cell when no crystal is known.

    About ``points`` points in all. Magnetic crystals get the path for which k and −k differ.
    """
    corners, lines = _recommended(model)
    vectors = {name: np.asarray(k) @ model.reciprocal for name, k in corners.items()}
    lengths = [float(np.linalg.norm(vectors[b] - vectors[a])) for a, b in lines]
    total = sum(lengths)
    k: list[RealArray] = []
    distance: list[RealArray] = []
    ticks: list[tuple[float, str]] = []
    start, last = 0.0, ""
    for (a, b), length in zip(lines, lengths, strict=True):
        t = np.linspace(0, 1, max(8, round(points * length / total)))
        k.append(np.outer(1 - t, corners[a]) + np.outer(t, corners[b]))
        distance.append(start + length * t)
        if ticks and last != a:
            ticks[-1] = (start, f"{_pretty(last)}|{_pretty(a)}")
        elif not ticks:
            ticks.append((0.0, _pretty(a)))
        start, last = start + length, b
        ticks.append((start, _pretty(b)))
    return KPath(np.concatenate(k), np.concatenate(distance), tuple(ticks))


def _recommended(model: TightBinding) -> tuple[dict[str, list[float]], list[tuple[str, str]]]:
    structure = model.structure
    if model.dimension == 3 and structure is not None:
        kinds = sorted(set(structure.species))
        cell = (structure.lattice, structure.positions, [kinds.index(s) + 1 for s in structure.species])
        with warnings.catch_warnings():
            # Supercells and edge cases of Bravais types only make the path one of several good ones.
            warnings.simplefilter("ignore")
            found = seekpath.get_path_orig_cell(cell, with_time_reversal=structure.moments is None)
        return dict(found["point_coords"]), [(a, b) for a, b in found["path"]]
    return _generic(model)


def _generic(model: TightBinding) -> tuple[dict[str, list[float]], list[tuple[str, str]]]:
    """Γ to the middle of an edge, a corner, and back; the corner K of a hexagonal cell."""
    if model.dimension == 1:
        return {"GAMMA": [0, 0, 0], "X": [0.5, 0, 0], "-X": [-0.5, 0, 0]}, [("-X", "GAMMA"), ("GAMMA", "X")]
    b = model.reciprocal
    cosine = b[0] @ b[1] / (np.linalg.norm(b[0]) * np.linalg.norm(b[1]))
    hexagonal = abs(abs(cosine) - 0.5) < 1e-6 and abs(np.linalg.norm(b[0]) - np.linalg.norm(b[1])) < 1e-6
    if hexagonal:
        corner = [1 / 3, 1 / 3, 0.0] if cosine > 0 else [2 / 3, 1 / 3, 0.0]
        edge, names = [0.5, 0.0, 0.0], ("M", "K")
    else:
        corner, edge, names = [0.5, 0.5, 0.0], [0.5, 0.0, 0.0], ("X", "M")
    corners = {"GAMMA": [0.0, 0.0, 0.0], names[0]: edge, names[1]: corner}
    lines = [("GAMMA", names[0]), (names[0], names[1]), (names[1], "GAMMA")]
    if model.dimension == 3:
        corners["R"] = [corner[0], corner[1], 0.5]
        lines += [("GAMMA", "R")]
    return corners, lines


def _pretty(name: str) -> str:
    plain = name.replace("GAMMA", "Γ").replace("SIGMA", "Σ").replace("DELTA", "Δ").replace("LAMBDA", "Λ")
    head, _, index = plain.partition("_")
    return f"${head}_{{{index}}}$" if index else plain


def plane_through_centre(model: TightBinding, axes: str, points: int) -> KPlane:
    """A square grid of ``points``² in the Cartesian plane ``axes`` ("xy", "yz", "zx", …) through Γ.

    It reaches as far as the longest component of a reciprocal vector. Raises ``ConfigError`` for a plane that leaves
    the periodic directions.
    """
    if len(axes) != 2 or axes[0] == axes[1] or any(letter not in AXIS for letter in axes):
        raise ConfigError(f"plane is {axes!r}; write two different letters of x, y and z, for example 'xy'")
    if model.dimension < 2:
        raise ConfigError(f"a map on a plane needs two periodic directions; this model has {model.dimension}")
    periodic = model.reciprocal[: model.dimension]
    reach = float(np.abs(periodic).max())
    line = np.linspace(-reach, reach, points)
    first, second = np.meshgrid(line, line, indexing="ij")
    cartesian = np.zeros((points, points, 3))
    cartesian[..., AXIS[axes[0]]], cartesian[..., AXIS[axes[1]]] = first, second
    fractional = cartesian.reshape(-1, 3) @ model.lattice.T / (2 * np.pi)
    outside = cartesian.reshape(-1, 3) - fractional[:, : model.dimension] @ periodic
    if np.abs(outside).max() > 1e-9 * reach:
        raise ConfigError(f"the plane {axes!r} leaves the periodic directions of this model; choose another")
    fractional[:, model.dimension :] = 0.0
    return KPlane(fractional, first, second, (f"$k_{axes[0]}$", f"$k_{axes[1]}$"))

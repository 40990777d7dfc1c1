"""A model in one compressed file (NumPy ``.npz``), every number exactly as it was in memory."""

from __future__ import annotations

import json
import logging
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.errors import InputFileError, ModelError
from solenoidal.models.all_states import PARTS, AllStates
from solenoidal.models.facts import Nambu
from solenoidal.models.hamiltonian import LatticeOperator, Structure, TightBinding
from solenoidal.models.operator import Operator, spin_operator

logger = logging.getLogger(__name__)

FORMAT = "solenoidal model"
VERSION = 4
"""Version 2 keeps the law of every operator, version 3 the facts of the model, version 4 its products over all states
of a run. Older files are read: in version 1
"spin" is known by its name, of other operators the law is not known; the facts stood in the provenance."""


def save_model(model: TightBinding, path: str | PathLike[str]) -> Path:
    """Write a model with its operators, positions and crystal structure to ``path``, which must end in ``.npz``.

    Units are those of ``TightBinding`` (eV, Å, ħ). Use it to keep a Wannier model with its spin operator, which
    ``_tb.dat`` cannot hold. Raises ``InputFileError`` when the file exists or has another ending, and ``ModelError``
    when the provenance holds values that JSON cannot.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise InputFileError(target, f"ends in {target.suffix!r}; name a model file '{target.stem}.npz'")
    arrays: dict[str, NDArray[Any]] = {"lattice": np.asarray(model.lattice)}
    named: dict[str, LatticeOperator | Operator] = {"hamiltonian": model.hamiltonian, "position": model.position}
    named |= {f"operator/{name}": operator for name, operator in model.operators.items()}
    if model.all_states is not None:
        named |= {f"all_states/{name}": getattr(model.all_states, name) for name in PARTS}
    for name, operator in named.items():
        arrays[f"{name}/R"] = operator.R
        arrays[f"{name}/matrices"] = operator.matrices
    structure = model.structure
    if structure is not None:
        arrays["structure/lattice"] = np.asarray(structure.lattice)
        arrays["structure/positions"] = np.asarray(structure.positions)
        if structure.moments is not None:
            arrays["structure/moments"] = np.asarray(structure.moments)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "dimension": model.dimension,
        "operators": {name: _law(operator) for name, operator in model.operators.items()},
        "species": None if structure is None else list(structure.species),
        "provenance": dict(model.provenance),
        "nambu": None if model.nambu is None else asdict(model.nambu),
        "spin_degeneracy": model.spin_degeneracy,
        "first_principles_mesh": model.first_principles_mesh,
        "all_states": _about_all_states(model.all_states),
    }
    try:
        text = json.dumps(header, ensure_ascii=False)
    except TypeError as error:
        raise ModelError(f"provenance cannot be saved ({error}); use text, numbers, lists and dictionaries") from error
    arrays["header"] = np.array(text)
    try:
        with target.open("xb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
    except FileExistsError as error:
        raise InputFileError(target, "exists and is not overwritten; give another name or remove it") from error
    return target


def load_model(path: str | PathLike[str]) -> TightBinding:
    """Read a model written by ``save_model``; raises ``InputFileError`` when it is missing, damaged or another kind."""
    source = Path(path)
    if not source.is_file():
        raise InputFileError(source, "no such file")
    try:
        with source.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        problem = f"is not a readable model file ({error}); it is truncated or of another kind"
        raise InputFileError(source, problem) from error
    header = _header(source, arrays)
    try:
        return TightBinding(
            lattice=arrays["lattice"],
            dimension=header["dimension"],
            hamiltonian=_operator(arrays, "hamiltonian"),
            position=_operator(arrays, "position"),
            operators=_operators(source, arrays, header),
            structure=_structure(arrays, header["species"]),
            all_states=_all_states(arrays, header.get("all_states")),
            **_facts(header),
        )
    except KeyError as error:
        raise InputFileError(source, f"lacks the entry {error}; it is damaged") from error


def _header(source: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    try:
        header = json.loads(str(arrays["header"]))
    except (KeyError, json.JSONDecodeError) as error:
        raise InputFileError(source, "has no header; it was not written by save_model") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputFileError(source, "has another header; it was not written by save_model")
    if header.get("version") not in range(1, VERSION + 1):
        raise InputFileError(
            source,
            f"has format version {header.get('version')}; this program reads versions 1 to {VERSION}, write it again",
        )
    return header


def _operator(arrays: Mapping[str, NDArray[Any]], name: str) -> LatticeOperator:
    return LatticeOperator(arrays[f"{name}/R"], arrays[f"{name}/matrices"])


def _about_all_states(found: AllStates | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "bands": found.bands,
        "commutation_error": found.commutation_error,
        "files": dict(found.files),
        "finite_difference": found.finite_difference,
    }


def _all_states(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any] | None) -> AllStates | None:
    if about is None:
        return None
    SR, SHR, SH = (_operator(arrays, f"all_states/{name}") for name in PARTS)
    return AllStates(
        SR, SHR, SH, about["bands"], about["commutation_error"], about["files"], about["finite_difference"]
    )


def _law(operator: Operator) -> dict[str, Any]:
    legs = None if operator.legs is None else list(operator.legs)
    return {"legs": legs, "time_reversal": operator.time_reversal, "unit": operator.unit}


def _operators(source: Path, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> dict[str, Operator]:
    if header["version"] == 1:
        return {name: _without_law(source, _operator(arrays, f"operator/{name}"), name) for name in header["operators"]}
    found = {}
    for name, law in header["operators"].items():
        part = _operator(arrays, f"operator/{name}")
        legs = None if law["legs"] is None else tuple(law["legs"])
        found[name] = Operator(part.R, part.matrices, legs, law["time_reversal"], law["unit"], name)
    return found


def _without_law(source: Path, part: LatticeOperator, name: str) -> Operator:
    """An operator of a file of version 1, which said nothing about how it turns."""
    if name == "spin" and part.leg_shape == (3,):
        return spin_operator(part)
    logger.warning(
        "%s: operator %r does not say how it turns, as the file is of version 1; runs that use it take the full zone. "
        "State its law and save the model again to use symmetry",
        source.name,
        name,
    )
    return Operator(part.R, part.matrices, None, None, "1", name)


def _facts(header: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance and facts, which files before version 3 hold together."""
    provenance = dict(header["provenance"])
    if provenance.get("spin_report", {}) is None:  # how files once said that no spin was examined
        del provenance["spin_report"]
    if header["version"] >= 3:
        nambu = header["nambu"]
        mesh, spins = header["first_principles_mesh"], header["spin_degeneracy"]
    else:
        mesh, spins, nambu = provenance.pop("mesh", None), 1, None
        if "nambu_weight" in provenance:
            del provenance["nambu_weight"]
            names = {
                "basis": "basis",
                "chemical_potential_eV": "chemical_potential",
                "pairing_parity": "pairing_parity",
            }
            nambu = {name: provenance.pop(key) for key, name in names.items()}
    return {
        "provenance": provenance,
        "nambu": None if nambu is None else Nambu(**nambu),
        "spin_degeneracy": spins,
        "first_principles_mesh": mesh,
    }


def _structure(arrays: Mapping[str, NDArray[Any]], species: list[str] | None) -> Structure | None:
    if species is None:
        return None
    return Structure(
        lattice=arrays["structure/lattice"],
        positions=arrays["structure/positions"],
        species=tuple(species),
        moments=arrays.get("structure/moments"),
    )

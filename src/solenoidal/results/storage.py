"""Results on disk: one NetCDF file with every spectral density, so that any μ and T can be asked of it later."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.errors import InputFileError, ResultError
from solenoidal.replacement import replacing
from solenoidal.responses.response import Fallback, Part, Quantity
from solenoidal.results.result import Result, Spectrum
from solenoidal.sampling.kinds import SAMPLINGS
from solenoidal.units import UNITS, Unit, find_unit

FORMAT = "solenoidal result 2"
READABLE = (FORMAT, "solenoidal result 1")
"""Files of format 1 hold the name of the unit alone."""

TENSORS = "solenoidal tensors"
"""Begin of the format of files that hold tensors instead of densities."""

HEADER = "solenoidal"
"""Attribute of a file that says, in JSON, what the file is and how it was made."""

HEADER_BYTES = 2**18
"""Room for what is not arrays."""


def save_result(result: Result, path: Path) -> Path:
    """Write ``result`` to ``path``; raises ``ResultError`` if the file exists, ``OSError`` as ``replacing`` does."""
    if path.exists():
        raise ResultError(f"{path} exists and is not overwritten; choose another name or remove it")
    data: dict[str, Any] = {}
    for response, spectrum in result.spectra.items():
        for kind, store, lead in (("terms", spectrum.terms, "replica"), ("audit", spectrum.audit, "gap")):
            for term, array in store.items():
                legs = tuple(f"leg{i}" for i in range(array.ndim - 3))
                data[f"{response}/{kind}/{term}".replace("/", "__")] = ((lead, "row", "moment", *legs), array)
    header = {
        "format": FORMAT,
        "digest": digest_of({name: array for name, (_, array) in data.items()}),
        "sampling": type(result.grid).__name__,
        "grid": asdict(result.grid),
        "dimension": result.dimension,
        "cell_measure": result.cell_measure,
        "band_edges": result.band_edges.tolist(),
        "audit_gaps": list(result.audit_gaps),
        "attrs": dict(result.attrs),
        "valid_range": list(result.valid_range),
        "nambu_weight": result.nambu_weight,
        "quantities": {
            response: {name: _stored(quantity, result.dimension) for name, quantity in spectrum.quantities.items()}
            for response, spectrum in result.spectra.items()
        },
    }
    encoding = {name: {"zlib": True, "complevel": 1} for name in data}
    content = xr.Dataset(data, attrs={HEADER: json.dumps(header)})
    with replacing(path) as partial:
        require_space(partial, sum(array.nbytes for _, array in data.values()))
        content.to_netcdf(partial, engine="h5netcdf", encoding=encoding)
    return path


def require_space(path: Path, size: int) -> None:
    """Raise ``OSError`` unless ``size`` bytes fit on the disk: the HDF5 library does not survive a full one."""
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size + HEADER_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(
                error.errno, f"{os.strerror(error.errno)} ({size / 1e6:.1f} MB are needed)", str(path)
            ) from None
    finally:
        path.unlink(missing_ok=True)


def load_result(path: Path) -> Result:
    """Read a file written by ``save_result``; raises ``InputFileError`` when it is missing or not such a file."""
    dataset, header = read_header(path)
    if str(header.get("format")).startswith(TENSORS):
        raise InputFileError(
            path,
            "holds tensors of `solenoidal disorder`, final at the mu and temperature of its input; read it with "
            "solenoidal.results.load_tensors, or xarray.open_dataset",
        )
    if header.get("format") not in READABLE:
        raise InputFileError(path, f"format is {header.get('format')!r}; this version reads {', '.join(READABLE)}")
    if digest_of({str(name): variable.values for name, variable in dataset.data_vars.items()}) != header["digest"]:
        raise InputFileError(path, "not a result of solenoidal, or damaged (its checksum does not fit)")
    spectra = {}
    for response, quantities in header["quantities"].items():
        stores: dict[str, dict[str, Any]] = {"terms": {}, "audit": {}}
        for kind, store in stores.items():
            prefix = f"{response}/{kind}/".replace("/", "__")
            for name, variable in dataset.data_vars.items():
                if str(name).startswith(prefix):
                    store[str(name).removeprefix(prefix)] = variable.values
        spectra[response] = Spectrum(
            stores["terms"],
            stores["audit"],
            {name: _quantity(q, header["dimension"]) for name, q in quantities.items()},
        )
    return Result(
        SAMPLINGS[header["sampling"]](**header["grid"]),
        header["dimension"],
        header["cell_measure"],
        np.array(header["band_edges"]),
        tuple(header["audit_gaps"]),
        spectra,
        header["attrs"],
        *_facts(header),
    )


def read_header(path: Path) -> tuple[xr.Dataset, dict[str, Any]]:
    """Content and header of a file of this package; raises ``InputFileError`` when it is missing or another."""
    if not path.exists():
        raise InputFileError(path, "no such file; give the .nc file a run has written")
    try:
        with xr.open_dataset(path, engine="h5netcdf", phony_dims="access") as dataset:
            return dataset.load(), dict(json.loads(dataset.attrs[HEADER]))
    except (OSError, KeyError, ValueError) as error:
        raise InputFileError(path, f"not a result of solenoidal, or damaged ({error})") from error


def _facts(header: Mapping[str, Any]) -> tuple[tuple[float, float], float | None]:
    """Range of validity and weight of the basis; early files of format 2 tell them as text."""
    attrs = header["attrs"]
    low, high = header.get("valid_range", attrs.get("valid_range_eV", (-np.inf, np.inf)))
    weight = header.get("nambu_weight", attrs.get("model", {}).get("nambu_weight"))
    return (float(low), float(high)), None if weight is None else float(weight)


def digest_of(arrays: Mapping[str, Any]) -> str:
    """Checksum over every array in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _stored(quantity: Quantity, dimension: int) -> dict[str, Any]:
    """What JSON can hold of ``quantity``: kernels by name, the unit as it is printed in this run."""
    shown = quantity.unit.of(dimension)
    return {
        "outputs": _stored_parts(quantity.outputs),
        "dims": quantity.dims,
        "unit": {"name": quantity.unit.name, "label": shown.label, "factor": shown.factor},
        "per_cell": quantity.per_cell,
        "filled_bands": dict(quantity.filled_bands),
        "components": quantity.components,
        "fallback": None if quantity.fallback is None else _stored_fallback(quantity.fallback),
    }


def _stored_parts(outputs: Mapping[str, Sequence[Part]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [{**vars(part), "kernel": part.kernel.name} for part in parts] for name, parts in outputs.items()}


def _stored_fallback(fallback: Fallback) -> dict[str, Any]:
    return {"deciding": fallback.deciding, "outputs": _stored_parts(fallback.outputs), "meaning": fallback.meaning}


def _parts(stored: Mapping[str, Any]) -> dict[str, tuple[Part, ...]]:
    return {name: tuple(Part(**part) for part in parts) for name, parts in stored.items()}


def _quantity(stored: dict[str, Any], dimension: int) -> Quantity:
    outputs, given = _parts(stored["outputs"]), stored.get("fallback")
    fallback = None if given is None else Fallback(given["deciding"], _parts(given["outputs"]), given["meaning"])
    unit = _unit(stored["unit"], dimension) if "unit" in stored else find_unit(stored["unit_kind"])
    return Quantity(
        outputs, stored["dims"], unit, stored["per_cell"], stored["filled_bands"], stored.get("components"), fallback
    )


def _unit(stored: dict[str, Any], dimension: int) -> Unit:
    """The package's unit of that name if it prints the same, and one known in this dimension only otherwise."""
    shown = (stored["label"], stored["factor"])
    known = UNITS.get(stored["name"])
    same = known is not None and getattr(known, ("one", "two", "three")[dimension - 1]) == shown
    return known if known is not None and same else Unit.only(stored["name"], dimension, *shown)

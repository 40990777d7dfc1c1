"""Labelled tensors on disk: final at their μ and T, in one NetCDF file that says what it is and how it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.errors import InputFileError, ResultError
from solenoidal.replacement import replacing
from solenoidal.results.result import flat_attributes
from solenoidal.results.storage import HEADER, TENSORS, digest_of, read_header, require_space

TENSORS_FORMAT = f"{TENSORS} 1"


def save_tensors(data: xr.Dataset, path: Path) -> Path:
    """Write ``data`` with its attributes, which may be nested, to ``path``; ``xarray.open_dataset`` reads it too.

    Raises ``ResultError`` if the file exists, ``OSError`` as ``replacing`` does.
    """
    if path.exists():
        raise ResultError(f"{path} exists and is not overwritten; choose another name or remove it")
    header = {"format": TENSORS_FORMAT, "digest": digest_of(_numbers(data)), "attrs": dict(data.attrs)}
    content = data.copy()
    content.attrs = {HEADER: json.dumps(header), **flat_attributes(data.attrs)}
    with replacing(path) as partial:
        require_space(partial, data.nbytes)
        content.to_netcdf(partial, engine="h5netcdf")
    return path


def load_tensors(path: str | Path) -> xr.Dataset:
    """Read a file written by ``save_tensors``; raises ``InputFileError`` when it is missing, damaged or another."""
    path = Path(path)
    content, header = read_header(path)
    if header.get("format") != TENSORS_FORMAT:
        raise InputFileError(
            path,
            f"format is {header.get('format')!r}, which holds no tensors of disorder; read the result of a run with "
            "Result.load",
        )
    if digest_of(_numbers(content)) != header["digest"]:
        raise InputFileError(path, "not a result of solenoidal, or damaged (its checksum does not fit)")
    content.attrs = header["attrs"]
    return content


def holds_tensors(path: Path) -> bool:
    """Whether the file at ``path`` was written by ``save_tensors``; raises ``InputFileError`` as ``load_tensors``."""
    return str(read_header(path)[1].get("format")).startswith(TENSORS)


def _numbers(data: xr.Dataset) -> dict[str, Any]:
    """Every array but the letters of the axes."""
    return {str(name): v.values for name, v in data.variables.items() if np.asarray(v.values).dtype.kind in "biuf"}

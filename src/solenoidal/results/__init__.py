"""Labelled numbers of a run: spectra, what kernels make of them, tables, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.results.bogolons import magnetization_table as magnetization_table
    from solenoidal.results.result import Result as Result
    from solenoidal.results.result import Spectrum as Spectrum
    from solenoidal.results.series import merge_temperatures as merge_temperatures
    from solenoidal.results.tables import Listing as Listing
    from solenoidal.results.tables import listings as listings
    from solenoidal.results.tensors import load_tensors as load_tensors
    from solenoidal.results.tensors import save_tensors as save_tensors
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.results.bogolons": ["magnetization_table"],
            "solenoidal.results.result": ["Result", "Spectrum"],
            "solenoidal.results.series": ["merge_temperatures"],
            "solenoidal.results.tables": ["Listing", "listings"],
            "solenoidal.results.tensors": ["load_tensors", "save_tensors"],
        },
    )

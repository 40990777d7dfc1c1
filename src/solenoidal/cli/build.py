"""From the sections of an input file to the library's objects: model, responses, energy grid."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from solenoidal.bloch.interpolation import Model
from solenoidal.config import InputFile, ModelInput, ResponseInput, SpinConductivityInput, read_input
from solenoidal.errors import ConfigError
from solenoidal.io.lattice_files import write_tb
from solenoidal.io.model_file import load_model, save_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models import library
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.charge import AnomalousHallConductivity, DensityOfStates, SpinMoment
from solenoidal.responses.response import Response
from solenoidal.responses.transport import SpinConductivity
from solenoidal.results.spectral import EnergyGrid

MODEL_SUFFIX = ".npz"

PLAIN_RESPONSES: Mapping[str, Callable[[], Response]] = {
    "anomalous_hall": AnomalousHallConductivity,
    "density_of_states": DensityOfStates,
    "spin_moment": SpinMoment,
}


def build_model(settings: ModelInput) -> Model:
    """The model of section [model]; raises the reader's errors, or ``ConfigError`` for a library model misnamed."""
    if settings.wannier90 is not None:
        return read_wannier90(
            settings.wannier90, source=settings.source, spin=settings.spin, dimension=settings.dimension
        )
    if settings.file is not None:
        return load_model(settings.file)
    return _library_model(str(settings.library), settings.parameters)


def read_model(path: Path) -> Model:
    """The model meant by a command-line argument: an input file, a model file, or a Wannier90 prefix."""
    if path.suffix == ".toml":
        return build_model(read_input(path).model)
    if path.suffix == MODEL_SUFFIX:
        return load_model(path)
    return read_wannier90(path)


def model_targets(output: Path) -> tuple[Path, ...]:
    """Files that ``write_model`` will write: one .npz, or _tb.dat and _wsvec.dat under a prefix."""
    if output.suffix == MODEL_SUFFIX:
        return (output,)
    return Path(f"{output}_tb.dat"), Path(f"{output}_wsvec.dat")


def write_model(model: Model, output: Path) -> tuple[Path, ...]:
    """Write ``model`` to one .npz file with everything, or as Wannier90's _tb.dat and _wsvec.dat under a prefix."""
    if not isinstance(model, TightBinding):
        raise ConfigError("only lattice models can be written; a continuum model has no hoppings")
    if output.suffix == MODEL_SUFFIX:
        return (save_model(model, output),)
    return write_tb(model, output)


def _library_model(name: str, parameters: Mapping[str, Any]) -> Model:
    if name not in library.__all__:
        raise ConfigError(f"[model] there is no library model {name!r}; valid are {', '.join(library.__all__)}")
    function = getattr(library, name)
    known = inspect.signature(function).parameters
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ConfigError(f"[model] {name} has no parameter {unknown[0]!r}; valid are {', '.join(known)}")
    missing = [key for key, p in known.items() if p.default is inspect.Parameter.empty and key not in parameters]
    if missing:
        raise ConfigError(f"[model] {name} needs {', '.join(missing)}; write parameters = {{ {missing[0]} = 1.0 }}")
    model = function(**parameters)
    if not isinstance(model, TightBinding | ContinuumModel):
        raise ConfigError(f"[model] {name} is not a model that can be integrated")
    return model


def build_responses(settings: InputFile) -> list[Response]:
    """The responses of all [[response]] entries."""
    return [_response(entry) for entry in settings.response]


def _response(entry: ResponseInput) -> Response:
    if isinstance(entry, SpinConductivityInput):
        return SpinConductivity(operator=entry.operator, charge=entry.charge, occupied_bands=entry.occupied_bands)
    return PLAIN_RESPONSES[entry.kind]()


def build_grid(settings: InputFile) -> EnergyGrid:
    """The energy grid of section [energies], with the Fermi energy on a bin edge."""
    energies = settings.energies
    return EnergyGrid(energies.minimum, energies.maximum, energies.step, energies.fermi)

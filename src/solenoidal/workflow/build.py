"""From the sections of an input file to the library's objects: model, responses, energy grid or points."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError, ModelError, ResponseError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.io.lattice_files import write_tb
from solenoidal.io.model_file import load_model, save_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models import library
from solenoidal.models.bdg import require_normal_state
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.replacement import named
from solenoidal.responses.charge import AnomalousHallConductivity, DensityOfStates, SpinMoment
from solenoidal.responses.guards import require_reference
from solenoidal.responses.magnetization import Magnetization, bogolon_magnetization, orbital_magnetization
from solenoidal.responses.response import Quantity, Response
from solenoidal.responses.superconductor import SpinQuantumHall, ThermalHall
from solenoidal.responses.transport import SpinConductivity
from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.sampling.kinds import Sampling
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.symmetrise import symmetrise
from solenoidal.workflow.grammar import nearest_question
from solenoidal.workflow.input_file import (
    InputFile,
    MagnetizationInput,
    ModelInput,
    PairingInput,
    ResponseInput,
    RunInput,
    SpinConductivityInput,
    read_input,
)
from solenoidal.workflow.pairing import build_superconductor

MODEL_SUFFIX = ".npz"

PLAIN_RESPONSES: Mapping[str, Callable[[], Response]] = {
    "anomalous_hall": lambda: AnomalousHallConductivity(),
    "density_of_states": lambda: DensityOfStates(),
    "spin_moment": lambda: SpinMoment(),
    "thermal_hall": lambda: ThermalHall(),
    "spin_quantum_hall": lambda: SpinQuantumHall(),
}


def build_model(settings: ModelInput, pairing: PairingInput | None = None) -> Model:
    """The model of section [model], symmetrised if asked for, made a superconductor if there is a section [pairing].

    Raises the readers' errors, ``ConfigError`` for a library model misnamed or pairing that does not fit, and
    ``SymmetryError`` for a model that cannot be symmetrised.
    """
    normal = _normal_state(settings)
    if settings.symmetrise:
        normal = symmetrise(normal)
    return normal if pairing is None else superconductor(normal, pairing)


def superconductor(normal: Model, pairing: PairingInput) -> TightBinding:
    """``normal`` with the pair potential of section [pairing]; raises ``ConfigError`` for pairing that does not fit."""
    if not isinstance(normal, TightBinding):
        raise ConfigError("[pairing] needs a lattice model; a continuum model has no bonds to pair on")
    try:
        require_normal_state(normal)
    except ModelError as error:
        raise ConfigError(f"[pairing] {error}; remove the section, or name a normal state") from None
    return build_superconductor(normal, pairing)


def is_superconductor(model: Model) -> bool:
    """Whether ``model`` is a Bogoliubov-de Gennes model."""
    return model.nambu is not None


def _normal_state(settings: ModelInput) -> Model:
    if settings.wannier90 is not None:
        return read_wannier90(
            settings.wannier90,
            source=settings.source,
            spin=settings.spin,
            dimension=settings.dimension,
            matrix_elements=settings.matrix_elements,
            minimal_image=settings.minimal_image,
            position=settings.position,
        )
    if settings.file is not None:
        return load_model(settings.file)
    return _library_model(str(settings.library), settings.parameters)


def read_model(path: Path) -> Model:
    """The model meant by a command-line argument: an input file, a model file, or a Wannier90 prefix."""
    if path.suffix == ".toml":
        settings = read_input(path)
        return build_model(settings.model, settings.pairing)
    if path.suffix == MODEL_SUFFIX:
        return load_model(path)
    return read_wannier90(path)


def model_targets(output: Path) -> tuple[Path, ...]:
    """Files that ``write_model`` will write: one .npz, or _tb.dat and _wsvec.dat under a prefix."""
    if output.suffix == MODEL_SUFFIX:
        return (output,)
    return Path(f"{output}_tb.dat"), Path(f"{output}_wsvec.dat")


def write_model(model: Model, output: Path) -> tuple[Path, ...]:
    """Write ``model`` to one .npz file with everything, or as Wannier90's _tb.dat and _wsvec.dat under a prefix.

    Files that were there are replaced once the new ones are complete. Raises ``OSError`` that names the output when it
    cannot be written.
    """
    if not isinstance(model, TightBinding):
        raise ConfigError("only lattice models can be written; a continuum model has no hoppings")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix=f"{output.name}.part", dir=output.parent) as folder:
            beside = Path(folder) / output.name
            done = (save_model(model, beside),) if output.suffix == MODEL_SUFFIX else write_tb(model, beside)
            return tuple(path.replace(output.parent / path.name) for path in done)
    except OSError as error:
        raise named(error, output) from None


def _library_model(name: str, parameters: Mapping[str, Any]) -> Model:
    if name not in library.__all__:
        raise ConfigError(
            f"[model] there is no library model {name!r}; valid are {', '.join(library.__all__)}"
            f"{nearest_question(name, library.__all__)}"
        )
    function = getattr(library, name)
    known = inspect.signature(function).parameters
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ConfigError(
            f"[model] {name} has no parameter {unknown[0]!r}; valid are {', '.join(known)}"
            f"{nearest_question(unknown[0], list(known))}"
        )
    missing = [key for key, p in known.items() if p.default is inspect.Parameter.empty and key not in parameters]
    if missing:
        raise ConfigError(f"[model] {name} needs {', '.join(missing)}; write parameters = {{ {missing[0]} = 1.0 }}")
    model = function(**parameters)
    if not isinstance(model, TightBinding | ContinuumModel):
        raise ConfigError(f"[model] {name} is not a model that can be integrated")
    return model


def build_responses(settings: InputFile, model: Model) -> list[Response]:
    """The responses of all [[response]] entries.

    Raises ``ConfigError`` for a response that the model does not have.
    """
    require_reference(model, settings.energies.fermi, "[energies] fermi")
    if is_superconductor(model) and any(settings.output.mu):
        raise ConfigError("[output] mu: the chemical potential of a superconductor is fixed in [pairing]; leave mu out")
    responses = [_response(entry, model) for entry in settings.response]
    names = [response.name for response in responses]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(
            f"[[response]] {twice[0]} is asked for twice; write each response once, or tell spin conductivities apart "
            'with name = "another_conductivity"'
        )
    _check_components(settings, responses, model)
    return responses


def _check_components(settings: InputFile, responses: Sequence[Response], model: Model) -> None:
    """Refuse components that are none, and such of [output] that no [[response]] computes."""
    computed: set[str] = set()
    for tensors in [_declared(response, model) for response in responses]:
        if "conductivity" in tensors:
            given = tensors["conductivity"].components
            if given is None:
                return
            computed.update(given)
    absent = [component for component in settings.output.components if component not in computed]
    if computed and absent and "components" in settings.output.model_fields_set:
        raise ConfigError(
            f"[output] components: {absent[0]!r} is not computed, since [[response]] asks for {sorted(computed)} only; "
            "write it there too, or leave it out here"
        )


def _declared(response: Response, model: Model) -> Mapping[str, Quantity]:
    """The tensors of ``response``; raises ``ConfigError`` where the model refuses it or its components are none."""
    try:
        response.terms(model)
        return response.quantities(model)
    except (ModelError, ResponseError) as error:
        text = str(error).removeprefix(f"{response.name}: ")
        raise ConfigError(f"[[response]] {response.name}: {text}") from None


def _response(entry: ResponseInput, model: Model) -> Response:
    if isinstance(entry, SpinConductivityInput):
        return SpinConductivity(
            entry.operator, entry.charge, entry.occupied_bands, entry.components, name=entry.name or ""
        )
    if isinstance(entry, MagnetizationInput):
        return _magnetization(entry, model)
    return PLAIN_RESPONSES[entry.kind]()


def _magnetization(entry: MagnetizationInput, model: Model) -> Response:
    normal = not is_superconductor(model)
    operator = entry.operator or ("spin" if normal else "charge")
    if operator == "charge":
        return orbital_magnetization(charge=entry.charge) if normal else bogolon_magnetization(charge=entry.charge)
    return Magnetization(operator, entry.charge, name=f"{operator}_magnetization")


def build_grid(settings: InputFile) -> EnergyGrid:
    """The energy grid of section [energies], with the Fermi energy on a bin edge."""
    energies = settings.energies
    return EnergyGrid(energies.minimum, energies.maximum, energies.step, energies.fermi)


def build_sampling(settings: InputFile, grid: EnergyGrid) -> EnergyGrid | TetrahedronPoints:
    """``grid``, or the points of the tetrahedron rule at the chemical potentials of [output].

    Raises ``ConfigError`` where that rule cannot serve: above zero temperature, without a mesh, or with a gap that
    follows temperature.
    """
    rule = settings.energies.tetrahedra
    if rule is None:
        return grid
    if any(settings.output.temperatures):
        raise ConfigError(
            "[energies] tetrahedra: the rule is for zero temperature; write temperatures = [0] in [output], or leave "
            "tetrahedra out"
        )
    if settings.run.mesh is None:
        raise ConfigError("[energies] tetrahedra: the rule needs a uniform mesh; write mesh = [48, 48, 48] in [run]")
    if settings.pairing is not None and settings.pairing.gap != "fixed":
        raise ConfigError('[energies] tetrahedra: the rule needs a gap that does not change; write gap = "fixed"')
    mu = tuple(grid.reference + offset for offset in settings.output.mu or (0.0,))
    return TetrahedronPoints(mu, rule, grid.reference)


def build_numerics(run: RunInput, energies: Sampling, accuracy: Accuracy | None = None) -> Numerics:
    """Section [run] as the library's settings; ``accuracy`` where the section states one.

    Raises ``ConfigError`` when it gives neither a mesh nor an accuracy.
    """
    if run.mesh is None and accuracy is None:
        raise ConfigError("[run] mesh is missing; write for example mesh = [48, 48, 48]")
    return Numerics(
        energies=energies,
        mesh=run.mesh,
        accuracy=accuracy,
        replicas=None if accuracy is not None and run.replicas == 1 else run.replicas,
        symmetry="auto" if run.symmetry else None,
        degeneracy_tol=run.degeneracy_tol,
        seed=run.seed,
        threads=run.threads,
        block_size=run.block_size,
    )

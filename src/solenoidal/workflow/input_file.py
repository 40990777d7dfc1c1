"""The TOML input file of ``solenoidal run``: what may be written there, and errors that say what to write.

Paths are relative to the input file. What only the user can decide (mesh, Fermi energy, energy window,
temperatures) has no default. A new key is a field of one of the models below; its first ``examples`` entry is
what the error message of a missing key tells the user to write.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FiniteFloat, PositiveFloat, PositiveInt, StrictBool, model_validator

from solenoidal.workflow.grammar import Component, Grammar, InputPath, Section, not_empty, read_source

MODEL_SOURCES = ("wannier90", "file", "library")


Parameter = bool | int | FiniteFloat | tuple[FiniteFloat, ...]
Temperature = Annotated[FiniteFloat, Field(ge=0)]


WANNIER90_KEYS = {"source", "spin", "dimension", "matrix_elements", "minimal_image", "position"}
"""Keys of [model] that say how Wannier90 files are read."""


class ModelInput(Section):
    """Where the model comes from: exactly one of ``wannier90``, ``file`` and ``library``.

    ``symmetrise`` averages it over the operations of its crystal.
    """

    wannier90: InputPath | None = Field(None, examples=['wannier90 = "data/Pt"'])
    source: Literal["auto", "chk", "tb", "hr"] = "auto"
    spin: str | tuple[Literal["up", "down"], ...] = "auto"
    dimension: Literal[1, 2, 3] = 3
    matrix_elements: Literal["auto", "all-states", "finite-difference", "wannier-space"] = "auto"
    file: InputPath | None = None
    library: str | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    symmetrise: bool = False
    minimal_image: StrictBool = True
    position: Literal["invariant", "wannier90"] = "invariant"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in MODEL_SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(
                f"found {found} of wannier90, file and library; write exactly one, "
                'for example wannier90 = "data/Pt" (path and prefix of the Wannier90 files)'
            )
        if self.parameters and self.library is None:
            raise ValueError('parameters belong to a library model; remove them or write library = "rashba"')
        foreign = self.model_fields_set & WANNIER90_KEYS
        if self.wannier90 is None and foreign:
            raise ValueError(f"{' and '.join(sorted(foreign))} belong to wannier90 files; remove them")
        return self


class PairPart(Section):
    """One entry of [[pairing.part]]: pairing on site, or on all bonds of one length with an angular form."""

    kind: Literal["onsite", "bond"] = Field(examples=['kind = "bond"'])
    amplitude: FiniteFloat | tuple[FiniteFloat, FiniteFloat] = Field(examples=["amplitude = 0.2"])
    form: str = "s"
    shell: PositiveInt = 1
    orbitals: tuple[FiniteFloat, ...] | tuple[tuple[FiniteFloat, ...], ...] | None = None
    spin: Literal["singlet"] | tuple[FiniteFloat, FiniteFloat, FiniteFloat] = "singlet"

    @property
    def value(self) -> complex:
        """The amplitude in eV; two numbers are its real and imaginary part."""
        return complex(*self.amplitude) if isinstance(self.amplitude, tuple) else complex(self.amplitude)

    @model_validator(mode="after")
    def _form_belongs_to_bonds(self) -> Self:
        foreign = self.model_fields_set & {"form", "shell"}
        if self.kind == "onsite" and foreign:
            raise ValueError(f'{" and ".join(sorted(foreign))} belong to kind = "bond"; remove them')
        return self


class PairingInput(Section):
    """A superconductor made of the normal state in [model]; energies are measured from ``mu`` from then on."""

    basis: Literal["sz", "symmetrised", "general", "spinless"] = Field(examples=['basis = "sz"'])
    mu: FiniteFloat = Field(examples=["mu = 1.6"])
    part: Annotated[tuple[PairPart, ...], AfterValidator(not_empty)] = Field(
        examples=['[[pairing.part]] with kind = "bond", amplitude = 0.2, form = "d+id"']
    )
    normal_down: Literal["equal", "time-reversed"] | None = None
    parity: Literal["singlet", "triplet", "mixed"] | None = None
    gap: Literal["fixed", "interpolation", "bcs"] = "fixed"
    critical_temperature: PositiveFloat | None = None
    zero_temperature_gap: PositiveFloat | None = None

    @model_validator(mode="after")
    def _scale_of_temperature(self) -> Self:
        given = [name for name in ("critical_temperature", "zero_temperature_gap") if getattr(self, name) is not None]
        if self.gap == "fixed" and given:
            raise ValueError(f'{" and ".join(given)} belong to a gap that follows temperature; write gap = "bcs"')
        if self.gap != "fixed" and len(given) != 1:
            found = "both are given" if given else "neither is given"
            raise ValueError(
                f'gap = "{self.gap}" needs critical_temperature (K) or zero_temperature_gap (eV, 1.764 k_BT_c), and '
                f"{found}; write critical_temperature = 20.0"
            )
        return self


class RunInput(Section):
    """Numerical settings: either a mesh, or the accuracy wanted of the conductivity; neither has a default.

    Of several spin conductivities the first is the one that has to be accurate.
    """

    mesh: tuple[PositiveInt, PositiveInt, PositiveInt] | None = Field(None, examples=["mesh = [48, 48, 48]"])
    accuracy: Annotated[PositiveFloat, Field(lt=1.0)] | None = Field(None, examples=["accuracy = 0.01"])
    replicas: PositiveInt = 1
    symmetry: bool = True
    degeneracy_tol: PositiveFloat = 1e-4
    threads: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    block_size: PositiveInt | None = None

    @model_validator(mode="after")
    def _mesh_or_accuracy(self) -> Self:
        if (self.mesh is None) == (self.accuracy is None):
            found = "both are given" if self.mesh else "neither is given"
            raise ValueError(
                f"the k points follow from mesh or from accuracy, and {found}; write mesh = [48, 48, 48], or "
                "accuracy = 0.01 for one per cent of the conductivity at mu and temperatures of [output]"
            )
        return self


class EnergiesInput(Section):
    """Energy grid in eV: the Fermi energy of the calculation and a window around it.

    With ``tetrahedra``, a rule of ``TetrahedronPoints``, the run holds the chemical potentials of [output] at zero
    temperature instead of a grid; the window then limits the figure of the bands only, and curves against the chemical
    potential are drawn through these values if there are three or more.
    """

    fermi: FiniteFloat = Field(examples=["fermi = 17.92"])
    window: tuple[FiniteFloat, FiniteFloat] = Field(examples=["window = [-4.0, 4.0]"])
    absolute: bool = False
    step: Annotated[PositiveFloat, Field(le=1.0)] = 0.01
    tetrahedra: Literal["linear", "blochl", "fitted"] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.window
        if low >= high:
            raise ValueError(f"window is [{low}, {high}]; write the lower energy first")
        if not self.minimum < self.fermi < self.maximum:
            raise ValueError(
                f"the Fermi energy {self.fermi} eV lies outside the window "
                f"[{self.minimum:g}, {self.maximum:g}] eV; energies in window are "
                + ("absolute" if self.absolute else "relative to fermi; write absolute = true to change that")
            )
        return self

    @property
    def minimum(self) -> float:
        """Lower end of the window, absolute (eV)."""
        return self.window[0] + (0.0 if self.absolute else self.fermi)

    @property
    def maximum(self) -> float:
        """Upper end of the window, absolute (eV)."""
        return self.window[1] + (0.0 if self.absolute else self.fermi)


def _plain_name(value: str) -> str:
    """``value``; raises ``ValueError`` unless it can be part of the name of a file and of a variable."""
    if not value.isidentifier():
        raise ValueError('expected letters, digits and underscores, for example name = "orbital_conductivity"')
    return value


class SpinConductivityInput(Section):
    """``kind = "spin_conductivity"``: σ and α of eqs. (14), (15) in every definition.

    Several stand side by side by their ``name``, "<operator>_conductivity" by default.
    """

    kind: Literal["spin_conductivity"]
    name: Annotated[str, AfterValidator(_plain_name)] | None = None
    operator: str = "spin"
    charge: FiniteFloat = -1.0
    occupied_bands: PositiveInt | None = None
    components: Annotated[tuple[str, ...], AfterValidator(not_empty)] | None = Field(
        None, examples=['components = ["xyz"]']
    )


class PlainResponseInput(Section):
    """The responses without settings of their own."""

    kind: Literal["anomalous_hall", "density_of_states", "spin_moment", "thermal_hall", "spin_quantum_hall"]


class MagnetizationInput(Section):
    """``kind = "magnetization"``: Eqs. (11)-(13); without an operator the spin, in a superconductor the charge."""

    kind: Literal["magnetization"]
    operator: str | None = None
    charge: FiniteFloat = -1.0


ResponseInput = Annotated[SpinConductivityInput | PlainResponseInput | MagnetizationInput, Field(discriminator="kind")]


class OutputInput(Section):
    """Where results go and what the figures and tables show."""

    temperatures: Annotated[tuple[Temperature, ...], AfterValidator(not_empty)] = Field(
        examples=["temperatures = [0, 300]"]
    )
    directory: InputPath | None = None
    mu: tuple[FiniteFloat, ...] = ()
    components: tuple[Component, ...] = ("xyz",)
    resistivity: PositiveFloat | None = None
    bands: bool = True
    plane: bool = True


class InputFile(Section):
    """The whole input file."""

    model: ModelInput
    pairing: PairingInput | None = None
    run: RunInput
    energies: EnergiesInput
    response: Annotated[tuple[ResponseInput, ...], AfterValidator(not_empty)] = Field(
        examples=['[[response]] with kind = "spin_conductivity"']
    )
    output: OutputInput


RUN_GRAMMAR = Grammar(
    InputFile,
    sections={
        "model": ModelInput,
        "pairing": PairingInput,
        "run": RunInput,
        "energies": EnergiesInput,
        "output": OutputInput,
    },
    tables={
        "response": {
            "spin_conductivity": SpinConductivityInput,
            "anomalous_hall": PlainResponseInput,
            "density_of_states": PlainResponseInput,
            "spin_moment": PlainResponseInput,
            "thermal_hall": PlainResponseInput,
            "spin_quantum_hall": PlainResponseInput,
            "magnetization": MagnetizationInput,
        },
        "pairing.part": PairPart,
    },
)


def parse_input(source: str, path: Path) -> InputFile:
    """The validated input file whose text is ``source``; paths in it are relative to the folder of ``path``.

    Raises ``ConfigError`` naming the file, the key, what was found and what to write: text that is not TOML, an
    unknown key (with the nearest valid one), a missing key or a value out of range.
    """
    return RUN_GRAMMAR.parse(source, path)


def read_input(path: str | Path) -> InputFile:
    """The validated input file at ``path``; raises ``ConfigError`` as ``parse_input`` does, and for a missing file."""
    path = Path(path)
    return parse_input(read_source(path), path)

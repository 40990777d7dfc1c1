"""The TOML input file of ``solenoidal disorder``, and the library's objects it asks for.

[model]        as in every input file: library = "kagome_antiferromagnet", parameters = { J = 1.7 }; or file; or
               wannier90
[shells]       mesh = [64, 64]; optional rule, order, degeneracy_tol, threads, and compare = [48, 48], a coarser mesh
               whose difference is the quadrature error
[[scatterer]]  kind = "site" or "cell"; strength, moment, concentration or density, on (sites)
[transport]    mu = [1.0] or mu_range = [first, last, number]; optional temperature, method, tau, mean_field, component,
               symmetry = false for tensors that are not averaged over symmetry, and tolerance, the violation of a
               symmetry by the scattering rates that counts as noise (0.05 for Wannier90 files)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.boltzmann import Method, RelaxationTime
from solenoidal.disorder.scatterers import Scatterer, impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.symmetry import TOLERANCE
from solenoidal.errors import ConfigError, SolenoidalError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.responses.guards import NOT_DRIVEN, require_electrons
from solenoidal.workflow.build import build_model
from solenoidal.workflow.grammar import Component, Grammar, Section, not_empty, read_source
from solenoidal.workflow.input_file import ModelInput, Temperature

WANNIER_TOLERANCE = 0.05
"""Interpolation between the points of a first-principles mesh breaks the crystal's symmetry by as much."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, int | float) else value


Divisions = Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]
Vector = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Energies = Annotated[tuple[FiniteFloat, ...], BeforeValidator(_listed), AfterValidator(not_empty)]
Temperatures = Annotated[tuple[Temperature, ...], BeforeValidator(_listed), AfterValidator(not_empty)]


class ShellsInput(Section):
    """The mesh on which energy shells are searched, and the rule that integrates over them."""

    mesh: Divisions = Field(examples=["mesh = [64, 64]"])
    rule: Literal["curved", "linear"] = "curved"
    order: PositiveInt = 3
    degeneracy_tol: Annotated[FiniteFloat, Field(ge=0)] | None = None
    threads: PositiveInt | None = None
    compare: Divisions | None = None


class SiteScattererInput(Section):
    """``kind = "site"``: independent impurities V + m·σ on every site, or on some."""

    kind: Literal["site"]
    strength: FiniteFloat = 0.0
    moment: Vector = (0.0, 0.0, 0.0)
    concentration: PositiveFloat = Field(examples=["concentration = 0.01"])
    on: tuple[NonNegativeInt, ...] | None = None


class CellScattererInput(Section):
    """``kind = "cell"``: one potential V + m·σ over the whole cell, or at points of a continuum."""

    kind: Literal["cell"]
    strength: FiniteFloat = 0.0
    moment: Vector = (0.0, 0.0, 0.0)
    concentration: PositiveFloat | None = None
    density: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if (self.concentration is None) == (self.density is None):
            found = "neither is given" if self.density is None else "both are given"
            raise ValueError(
                f"the number of impurities follows from concentration (per cell) or density (per Å^d), and {found}; "
                "write concentration = 0.01"
            )
        return self


ScattererInput = Annotated[SiteScattererInput | CellScattererInput, Field(discriminator="kind")]


class TransportInput(Section):
    """What to compute: chemical potentials (eV), temperatures (K), the method, and the tensor element to draw."""

    mu: Energies | None = Field(None, examples=["mu = [1.0]"])
    mu_range: tuple[FiniteFloat, FiniteFloat, PositiveInt] | None = None
    temperature: Temperatures = (0.0,)
    method: Literal["born", "gamma", "mrta", "tau"] = "born"
    tau: PositiveFloat | None = None
    mean_field: bool = False
    component: Component = "xyz"
    symmetry: bool = True
    tolerance: PositiveFloat | None = None

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Self:
        if (self.mu is None) == (self.mu_range is None):
            found = "neither is given" if self.mu is None else "both are given"
            raise ValueError(
                f"the chemical potentials follow from mu or from mu_range, in eV, and {found}; write mu = [1.0], or "
                "mu_range = [first, last, number]"
            )
        if (self.method == "tau") != (self.tau is not None):
            raise ValueError('method = "tau" and tau = 10.0 (fs) belong together; write both or neither')
        return self

    @property
    def distribution(self) -> Method:
        """How the distribution function is found."""
        if self.method == "tau":
            return RelaxationTime(float(self.tau or 0.0))
        return self.method

    @property
    def chemical_potentials(self) -> RealArray:
        """μ in eV."""
        if self.mu_range is not None:
            return np.linspace(*self.mu_range)
        return np.array(self.mu, dtype=np.float64)


class DisorderFile(Section):
    """The whole input file."""

    model: ModelInput
    shells: ShellsInput
    scatterer: tuple[ScattererInput, ...] = ()
    transport: TransportInput = Field(examples=["[transport] with mu = [1.0]"])


DISORDER_GRAMMAR = Grammar(
    DisorderFile,
    sections={"model": ModelInput, "shells": ShellsInput, "transport": TransportInput},
    tables={"scatterer": {"site": SiteScattererInput, "cell": CellScattererInput}},
)


@dataclass(frozen=True, eq=False)
class DisorderInput:
    """What an input file asks for: arguments of ``extrinsic_conductivity`` and the component to draw."""

    model: Model
    shells: EnergyShells
    scatterers: tuple[Scatterer, ...]
    mu: RealArray
    temperature: RealArray
    method: Method
    mean_field: bool
    component: str
    symmetry: bool = True
    tolerance: float = TOLERANCE
    compare: EnergyShells | None = None


def read_disorder_input(path: str | Path) -> DisorderInput:
    """Read and check the TOML file at ``path``, and build what it asks for; model files are relative to it.

    Raises ``ConfigError`` naming the file, the section and key, what was found and what to write.
    """
    path = Path(path)
    return parse_disorder_input(read_source(path), path)


def parse_disorder_input(source: str, path: Path) -> DisorderInput:
    """The same from ``source``, the text of the file at ``path``."""
    settings = DISORDER_GRAMMAR.parse(source, path)
    try:
        return build_disorder(settings)
    except SolenoidalError as error:
        raise ConfigError(f"{path}: {error}") from error


def build_disorder(settings: DisorderFile) -> DisorderInput:
    """Model, shells and scatterers of an input file.

    Raises the readers' errors, ``ConfigError`` for a library model misnamed, scatterers missing or a mesh that does not
    fit the model, ``ModelError`` for a superconductor, and ``ScattererError`` for scatterers that do not fit.
    """
    model, transport = build_model(settings.model), settings.transport
    require_electrons(model, "disorder", NOT_DRIVEN)
    scatterers = tuple(s for entry in settings.scatterer for s in _scatterers(model, entry))
    if not scatterers and transport.tau is None:
        raise ConfigError(
            f'[transport] method = "{transport.method}" needs scatterers; write [[scatterer]] with kind = "site", '
            'concentration = 0.01, strength = 1.0, or method = "tau"'
        )
    wannier = settings.model.wannier90 is not None and not settings.model.symmetrise
    noise = WANNIER_TOLERANCE if wannier else TOLERANCE
    coarse = settings.shells.compare
    return DisorderInput(
        model,
        _shells(model, settings.shells, settings.shells.mesh),
        scatterers,
        transport.chemical_potentials,
        np.array(transport.temperature),
        transport.distribution,
        transport.mean_field,
        transport.component,
        transport.symmetry,
        noise if transport.tolerance is None else transport.tolerance,
        None if coarse is None else _shells(model, settings.shells, coarse),
    )


def _shells(model: Model, settings: ShellsInput, mesh: tuple[int, ...]) -> EnergyShells:
    return EnergyShells(
        model,
        mesh=mesh,
        rule=settings.rule,
        order=settings.order,
        degeneracy_tol=settings.degeneracy_tol,
        threads=settings.threads,
    )


def _scatterers(model: Model, entry: SiteScattererInput | CellScattererInput) -> tuple[Scatterer, ...]:
    if isinstance(entry, CellScattererInput):
        cell = impurity(
            model,
            strength=entry.strength,
            moment=entry.moment,
            concentration=entry.concentration,
            density=entry.density,
            name="cell impurity",
        )
        return (cell,)
    if isinstance(model, ContinuumModel):
        raise ConfigError(
            '[[scatterer]] kind = "site" needs a lattice model; a continuum model has no sites, so write kind = "cell" '
            "and density = 0.001 (per Å^d)"
        )
    return site_impurities(
        model, concentration=entry.concentration, strength=entry.strength, moment=entry.moment, on=entry.on
    )

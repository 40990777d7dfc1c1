"""Input file of a disorder calculation: model, mesh, scatterers and what to compute, in TOML.

[model]      library = "kagome_antiferromagnet", parameters = {J = 1.7}; or file = "model.npz"; or wannier90 = "Fe"
[shells]     mesh = [64, 64]; optional rule, order, degeneracy_tol, threads, and compare = [48, 48], a coarser mesh
             whose difference is the quadrature error
[[scatterer]]  kind = "site" or "cell"; strength, moment, concentration or density, on (sites)
[transport]  mu = [1.0] or mu_range = [first, last, number]; optional temperature, method, tau, mean_field, component,
             symmetry = false for tensors that are not averaged over symmetry, and tolerance, the violation of a
             symmetry by the scattering rates that counts as noise (0.05 for Wannier90 files)
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.boltzmann import Method, RelaxationTime
from solenoidal.disorder.scatterers import Scatterer, impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.symmetry import TOLERANCE
from solenoidal.errors import ConfigError
from solenoidal.io.model_file import load_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models import library
from solenoidal.models.continuum import ContinuumModel

WANNIER_TOLERANCE = 0.05
"""Interpolation between the points of a first-principles mesh breaks the crystal's symmetry by as much."""

KEYS = {
    "model": ("library", "parameters", "file", "wannier90"),
    "shells": ("mesh", "rule", "order", "degeneracy_tol", "threads", "compare"),
    "scatterer": ("kind", "strength", "moment", "concentration", "density", "on"),
    "transport": ("mu", "mu_range", "temperature", "method", "tau", "mean_field", "component", "symmetry", "tolerance"),
}


@dataclass(frozen=True, eq=False)
class DisorderInput:
    """What an input file asks for: arguments of ``extrinsic_conductivity`` and the component to draw."""

    model: Model
    shells: EnergyShells
    scatterers: tuple[Scatterer, ...]
    mu: NDArray[np.float64]
    temperature: NDArray[np.float64]
    method: Method
    mean_field: bool
    component: str
    symmetry: bool = True
    tolerance: float = TOLERANCE
    compare: EnergyShells | None = None


def read_disorder_input(path: str | Path) -> DisorderInput:
    """Read and check the TOML file at ``path``; model files are relative to it.

    Raises ``ConfigError`` naming the file, the section and key, what was found and what to write.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such input file; write the path of a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    try:
        _check_keys(content)
        model = _model(content["model"], path.parent)
        shells = _shells(model, content["shells"])
        scatterers = tuple(s for entry in content.get("scatterer", []) for s in _scatterers(model, entry))
        asked = _transport(model, shells, scatterers, content["transport"])
        noise = WANNIER_TOLERANCE if "wannier90" in content["model"] else TOLERANCE
        asked = replace(asked, tolerance=float(content["transport"].get("tolerance", noise)))
        coarse = content["shells"].get("compare")
        if coarse is None:
            return asked
        return replace(asked, compare=_shells(model, {**content["shells"], "mesh": coarse}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _check_keys(content: Mapping[str, Any]) -> None:
    for section in content:
        if section not in KEYS:
            raise ConfigError(f"unknown section [{section}]; {_nearest(section, tuple(KEYS))}")
    for section in ("model", "shells", "transport"):
        if section not in content:
            raise ConfigError(f"section [{section}] is missing; it may hold {', '.join(KEYS[section])}")
    for section, found in content.items():
        for table in found if isinstance(found, list) else [found]:
            for key in table:
                if key not in KEYS[section]:
                    raise ConfigError(f"[{section}] unknown key '{key}'; {_nearest(key, KEYS[section])}")


def _nearest(found: str, valid: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(found, valid, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"valid are {', '.join(valid)}"


def _model(section: Mapping[str, Any], base: Path) -> Model:
    given = [name for name in ("library", "file", "wannier90") if name in section]
    if len(given) != 1:
        raise ConfigError('[model] needs exactly one of library, file, wannier90, for example library = "weyl"')
    if given[0] == "wannier90":
        return read_wannier90(base / section["wannier90"])
    if given[0] == "file":
        return load_model(base / section["file"])
    name = section["library"]
    if name not in library.__all__:
        raise ConfigError(f"[model] library = {name!r} is not known; {_nearest(name, tuple(library.__all__))}")
    model: Model = getattr(library, name)(**section.get("parameters", {}))
    return model


def _shells(model: Model, section: Mapping[str, Any]) -> EnergyShells:
    if "mesh" not in section:
        raise ConfigError("[shells] mesh is missing; write for example mesh = [64, 64]")
    return EnergyShells(
        model,
        mesh=tuple(section["mesh"]),
        rule=section.get("rule", "curved"),
        order=section.get("order", 3),
        degeneracy_tol=section.get("degeneracy_tol"),
        threads=section.get("threads"),
    )


def _scatterers(model: Model, entry: Mapping[str, Any]) -> tuple[Scatterer, ...]:
    kind = entry.get("kind")
    strength = float(entry.get("strength", 0.0))
    x, y, z = (float(m) for m in entry.get("moment", (0.0, 0.0, 0.0)))
    if kind == "cell":
        return (
            impurity(
                model,
                strength=strength,
                moment=(x, y, z),
                concentration=entry.get("concentration"),
                density=entry.get("density"),
                name="cell impurity",
            ),
        )
    if kind != "site":
        raise ConfigError(f"[[scatterer]] kind is {kind!r}; write 'site' or 'cell'")
    if isinstance(model, ContinuumModel) or "concentration" not in entry:
        raise ConfigError("[[scatterer]] kind = 'site' needs a lattice model and concentration = ... per cell")
    return site_impurities(
        model, concentration=entry["concentration"], strength=strength, moment=(x, y, z), on=entry.get("on")
    )


def _transport(
    model: Model, shells: EnergyShells, scatterers: tuple[Scatterer, ...], section: Mapping[str, Any]
) -> DisorderInput:
    if ("mu" in section) == ("mu_range" in section):
        raise ConfigError("[transport] needs mu = [...] or mu_range = [first, last, number], in eV, and not both")
    if "mu" in section:
        mu = np.atleast_1d(np.asarray(section["mu"], dtype=np.float64))
    else:
        first, last, number = section["mu_range"]
        mu = np.linspace(float(first), float(last), int(number))
    method = section.get("method", "born")
    if (method == "tau") != ("tau" in section):
        raise ConfigError("[transport] method = 'tau' and tau = ... (fs) belong together")
    component = section.get("component", "xyz")
    if len(component) != 3 or any(letter not in "xyz" for letter in component):
        raise ConfigError(f"[transport] component is {component!r}; write current, field and spin, such as 'yyy'")
    return DisorderInput(
        model,
        shells,
        scatterers,
        mu,
        np.atleast_1d(np.asarray(section.get("temperature", 0.0), dtype=np.float64)),
        RelaxationTime(float(section["tau"])) if method == "tau" else method,
        bool(section.get("mean_field", False)),
        component,
        bool(section.get("symmetry", True)),
    )

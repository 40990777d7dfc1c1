"""Labelled results: spectral densities of a run, and the kernels that turn them into tensors at any μ and T."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.responses.kernels import ALL
from solenoidal.responses.response import Part, Quantity, element
from solenoidal.results.fallback import Choice
from solenoidal.sampling.energy_grid import WINDOW_MARGIN, EnergyGrid
from solenoidal.sampling.kinds import Sampling
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.tensors import rearrange
from solenoidal.units import BOLTZMANN

if TYPE_CHECKING:
    import xarray as xr


DRIVES = {"conductivity": "per electric field", "nernst": "per temperature gradient"}


@dataclass(frozen=True)
class Spectrum:
    """Spectral densities of one response.

    ``terms`` name → (replicas, bins + 1, 2, *legs); ``audit`` name → (gaps, bins + 1, 2, *legs), the part that comes
    from pairs of bands closer than each gap; ``quantities`` the tensors built from them.
    """

    terms: Mapping[str, RealArray]
    audit: Mapping[str, RealArray]
    quantities: Mapping[str, Quantity]


@dataclass(frozen=True)
class Result:
    """Outcome of ``solve``: any tensor at any μ inside the window and any temperature, without another run.

    ``grid`` energy grid or points; ``dimension`` number of periodic directions; ``cell_measure`` Å^dimension;
    ``band_edges`` (2, bands) lowest and highest energy met of each band; ``audit_gaps`` (eV); ``spectra`` response
    name → ``Spectrum``; ``attrs`` provenance; ``valid_range`` the chemical potentials (eV) for which the model holds
    every state; ``nambu_weight`` that of a superconductor's basis, None for a normal state.
    """

    grid: Sampling
    dimension: int
    cell_measure: float
    band_edges: RealArray
    audit_gaps: tuple[float, ...]
    spectra: Mapping[str, Spectrum]
    attrs: Mapping[str, Any]
    valid_range: tuple[float, float] = (-np.inf, np.inf)
    nambu_weight: float | None = None

    @property
    def energy_grid(self) -> EnergyGrid:
        """The energy grid; raises ``ResultError`` for a run at chosen points, which has none."""
        if not isinstance(self.grid, EnergyGrid):
            raise ResultError("this run holds chosen points only; solve with an EnergyGrid for curves")
        return self.grid

    @property
    def reference(self) -> float:
        """Energy (eV) from which chemical potentials are shown: that of the sampling, or the first of its points."""
        if isinstance(self.grid, EnergyGrid):
            return self.grid.reference
        given = self.grid.reference if isinstance(self.grid, TetrahedronPoints) else None
        return self.grid.mu[0] if given is None else given

    @property
    def highest(self) -> float:
        """Highest band energy met (eV)."""
        return float(self.band_edges[1].max())

    def gap(self, filled_bands: int) -> tuple[float, float]:
        """Top of the lowest ``filled_bands`` bands and bottom of the others (eV), on the mesh; crossed in a metal."""
        low, high = self.band_edges
        bottom = float(low[filled_bands:].min()) if filled_bands < len(low) else np.inf
        return float(high[:filled_bands].max(initial=-np.inf)), bottom

    @property
    def replicas(self) -> int:
        """Number of independently shifted meshes."""
        return int(self.attrs["replicas"])

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names accepted by ``quantity``."""
        return tuple(name for spectrum in self.spectra.values() for name in spectrum.quantities)

    def quantity(self, name: str, mu: ArrayLike, temperature: ArrayLike, *, response: str | None = None) -> xr.Dataset:
        """Every labelled output of quantity ``name`` at ``mu`` (eV) and ``temperature`` (K), with standard errors.

        Variables have dims (mu, temperature, *tensor axes) and ``units``; ``<output>_error`` is the standard error of
        the mean over shifted meshes and is absent for a single mesh. An output that needs an insulator is NaN outside
        the gap, with the gap in its attribute ``defined_for``. Where a run was asked for some components only, axes
        hold the letters that occur in them, and an element in between that was not computed is NaN (see ``element``).
        ``response`` chooses between several responses offering the same quantity. Raises ``ResultError`` for an unknown
        name or a μ too near the window's ends.
        """
        quantity, mus, temperatures, values = self._values(name, mu, temperature, response)
        spectrum, _ = self._find(name, response)
        _, label = self._unit(quantity)
        dims = ("mu", "temperature", *quantity.dims)
        data: dict[str, Any] = {}
        for output, value in values.items():
            value = value[quantity.box]
            attrs = {"units": label, "long_name": output.replace("_", " ")}
            if quantity.components is not None:
                attrs["components"] = " ".join(quantity.components)
            if output in quantity.filled_bands:
                low, high = self.gap(quantity.filled_bands[output])
                attrs["defined_for"] = f"{quantity.filled_bands[output]} filled bands: {low:.6g} < mu < {high:.6g} eV"
            if quantity.fallback is not None and output in quantity.fallback.outputs:
                attrs["route"] = self._choice(spectrum, quantity, mus, temperatures).in_words
            data[output] = (dims, value.mean(axis=0), attrs)
            if self.replicas > 1:
                data[f"{output}_error"] = (dims, _error(value), {**attrs, "long_name": f"standard error of {output}"})
        return _dataset(data, _coordinates(mus, temperatures, quantity), self._flat_attrs())

    def estimates(
        self,
        name: str,
        outputs: Sequence[str],
        mu: ArrayLike,
        temperature: ArrayLike,
        *,
        response: str | None = None,
    ) -> tuple[RealArray, RealArray]:
        """``outputs`` of quantity ``name`` and their standard errors as arrays (output, mu, temperature, *axes).

        The numbers of ``quantity`` without labels, for loops that ask again and again; NaN in the same places. Raises
        ``ResultError`` for an unknown name or output, a μ too near the window's ends, or a single mesh, which has no
        error.
        """
        if self.replicas < 2:
            raise ResultError("this run has a single mesh and no standard errors; solve again with replicas=2 or more")
        quantity, _, _, values = self._values(name, mu, temperature, response, outputs)
        missing = [output for output in outputs if output not in values]
        if missing:
            raise ResultError(f"{name!r} has no output {missing[0]!r}; it has: {', '.join(quantity.outputs)}")
        stacked = np.stack([values[output] for output in outputs], axis=1)
        return stacked.mean(axis=0), _error(stacked)

    def element(
        self, name: str, component: str, mu: ArrayLike, temperature: ArrayLike, *, response: str | None = None
    ) -> xr.Dataset:
        """One tensor element of quantity ``name``, dims (mu, temperature): ``component`` names it, as in "xyz".

        Outputs and errors as in ``quantity``. Raises ``ResultError`` for an element that does not exist or that the run
        was not asked for.
        """
        _, quantity = self._find(name, response)
        if len(component) != len(quantity.dims) or not set(component) <= set("xyz"):
            example = "xyzxyz"[: len(quantity.dims)]
            raise ResultError(
                f"{name!r} has no element {component!r}; write one letter x, y or z for each of the axes "
                f"{', '.join(quantity.dims)}, such as {example!r}"
            )
        if not quantity.computed[element(component)]:
            raise ResultError(
                f"element {component!r} of {name!r} was not computed: the run was asked for components "
                f"{quantity.components}; add it there, or leave components out, and run again"
            )
        whole = self.quantity(name, mu, temperature, response=response)
        return whole.sel(dict(zip(quantity.dims, component, strict=True)))

    def conductivity(self, mu: ArrayLike, temperature: ArrayLike, *, response: str | None = None) -> xr.Dataset:
        """σ^{ils} of Eq. (14) in every definition; axes (mu, temperature, current, field, *legs of the operator)."""
        return self.quantity("conductivity", mu, temperature, response=response)

    def nernst(self, mu: ArrayLike, temperature: ArrayLike, *, response: str | None = None) -> xr.Dataset:
        """α^{ils} of Eq. (14) in every definition; axes (mu, temperature, current, field, *legs of the operator)."""
        return self.quantity("nernst", mu, temperature, response=response)

    def anomalous_hall(self, mu: ArrayLike, temperature: ArrayLike) -> xr.Dataset:
        """Anomalous Hall conductivity, axes (mu, temperature, current, field)."""
        return self.quantity("anomalous_hall", mu, temperature)

    def carriers(self, mu: ArrayLike, temperature: ArrayLike) -> xr.Dataset:
        """Number of electrons per cell below μ, counting every band of the model."""
        return self.quantity("carriers", mu, temperature)

    def density_of_states(self, mu: ArrayLike, temperature: ArrayLike) -> xr.Dataset:
        """Density of states −∂n/∂μ broadened by temperature, per cell; at T = 0 by the width of two bins."""
        return self.quantity("density_of_states", mu, temperature)

    def spin_moment(self, mu: ArrayLike, temperature: ArrayLike) -> xr.Dataset:
        """Expectation value of the operator per cell."""
        return self.quantity("spin_moment", mu, temperature)

    def spin_hall_angle(
        self, mu: ArrayLike, temperature: ArrayLike, *, resistivity: float, response: str | None = None
    ) -> xr.Dataset:
        """Spin Hall angle θ = 2 σ^{ils} ρ for a longitudinal ``resistivity`` ρ in μΩ cm, every definition.

        The factor 2 turns a spin current in units of ħ/|e| into one in units of ħ/2|e|, the usual ratio of spin to
        charge current. Raises ``ResultError`` unless the model is three-dimensional and the resistivity positive.
        """
        if self.dimension != 3:
            raise ResultError("the spin Hall angle from a resistivity in μΩ cm needs a three-dimensional model")
        if not resistivity > 0:
            raise ResultError(f"resistivity is {resistivity}; write the measured value in μΩ cm, for example 10.8")
        angles = self.conductivity(mu, temperature, response=response) * (2 * resistivity * 1e-6)
        for variable in angles.data_vars.values():
            variable.attrs["units"] = "1"
        angles.attrs["resistivity_microohm_cm"] = resistivity
        return angles

    def degeneracy_audit(
        self, mu: ArrayLike, temperature: ArrayLike, *, name: str = "conductivity", response: str | None = None
    ) -> xr.Dataset:
        """Part of every output that comes from pairs of bands closer than each gap, dims (gap, mu, temperature, …).

        Estimated on a sample of the k points: large values next to the result itself mean that it hangs on
        near-degeneracies the Wannier model may not resolve. Raises ``ResultError`` when the run made no audit.
        """
        if not self.audit_gaps:
            raise ResultError("this run made no degeneracy audit; solve again with audit=True")
        spectrum, quantity = self._find(name, response)
        mus, temperatures = self._checked(mu, temperature, quantity)
        factor, label = self._unit(quantity)
        dims = ("gap", "mu", "temperature", *quantity.dims)
        data = {
            output: (dims, values[quantity.box], {"units": label})
            for output, parts in quantity.outputs.items()
            for values in [_absent(factor * self._combine(parts, spectrum.audit, mus, temperatures), quantity)]
        }
        coords = _coordinates(mus, temperatures, quantity)
        coords["gap"] = ("gap", np.array(self.audit_gaps), {"units": "eV"})
        return _dataset(data, coords, self._flat_attrs())

    def replica_values(
        self, name: str, mu: ArrayLike, temperature: ArrayLike, *, response: str | None = None
    ) -> xr.Dataset:
        """The outputs of each shifted mesh by itself, dims (replica, mu, temperature, …), to judge convergence."""
        quantity, mus, temperatures, values = self._values(name, mu, temperature, response)
        dims = ("replica", "mu", "temperature", *quantity.dims)
        attrs = {"units": self._unit(quantity)[1]}
        data = {output: (dims, value[quantity.box], attrs) for output, value in values.items()}
        return _dataset(data, _coordinates(mus, temperatures, quantity))

    def save(self, path: str | Path) -> Path:
        """Write everything to a NetCDF file; raises ``ResultError`` if it exists."""
        from solenoidal.results.storage import save_result

        return save_result(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Result:
        """Read a file written by ``save``; raises ``InputFileError`` when it is not one."""
        from solenoidal.results.storage import load_result

        return load_result(Path(path))

    def _values(
        self, name: str, mu: ArrayLike, temperature: ArrayLike, response: str | None, only: Sequence[str] | None = None
    ) -> tuple[Quantity, RealArray, RealArray, dict[str, RealArray]]:
        """The quantity, μ and T as arrays, and its outputs (all, or ``only`` some) for each mesh, (replica, mu,
        temperature, *axes); NaN where an output is not defined."""
        spectrum, quantity = self._find(name, response)
        mus, temperatures = self._checked(mu, temperature, quantity)
        factor, _ = self._unit(quantity)
        values = {
            output: _absent(factor * self._combine(parts, spectrum.terms, mus, temperatures), quantity)
            for output, parts in quantity.outputs.items()
            if only is None or output in only
        }
        choice = self._choice(spectrum, quantity, mus, temperatures)
        for output, other in choice.replaced(values).items():
            values[output][:, choice.where] = _absent(factor * other, quantity)[:, choice.where]
        for output, filled in quantity.filled_bands.items():
            if output in values:
                low, high = self.gap(filled)
                values[output][:, (mus <= low) | (mus >= high)] = np.nan
        return quantity, mus, temperatures, values

    def _choice(self, spectrum: Spectrum, quantity: Quantity, mus: RealArray, temperatures: RealArray) -> Choice:
        return Choice.of(quantity, lambda parts: self._combine(parts, spectrum.terms, mus, temperatures))

    def _find(self, name: str, response: str | None) -> tuple[Spectrum, Quantity]:
        found = [
            (key, spectrum)
            for key, spectrum in self.spectra.items()
            if name in spectrum.quantities and response in (None, key)
        ]
        if not found:
            raise ResultError(
                f"the result has no quantity {name!r}{f' of response {response!r}' if response else ''}; "
                f"it has: {', '.join(self.quantities)}"
            )
        if len(found) > 1:
            raise ResultError(f"{name!r} is offered by {[k for k, _ in found]}; choose one with response=...")
        return found[0][1], found[0][1].quantities[name]

    def _checked(self, mu: ArrayLike, temperature: ArrayLike, quantity: Quantity) -> tuple[RealArray, RealArray]:
        mus = np.atleast_1d(np.asarray(mu, dtype=np.float64))
        temperatures = np.atleast_1d(np.asarray(temperature, dtype=np.float64))
        if np.any(temperatures < 0) or not np.isfinite(temperatures).all():
            raise ResultError(f"temperature is {temperatures.tolist()}; write kelvins, zero or positive")
        self.grid.check(mus, temperatures, self.highest)
        self._check_cutoff(mus, temperatures)
        whole = [name for name, parts in quantity.outputs.items() if any(part.kernel == ALL for part in parts)]
        if whole and self.highest >= self.grid.top:
            raise ResultError(
                f"{', '.join(whole)} sum over every band, but states up to {self.highest:.4f} eV lie above the energy "
                f"window, which ends at {self.grid.top:.4f} eV; solve again with a window that holds all bands, or "
                "with FixedPoints"
            )
        return mus, temperatures

    def _check_cutoff(self, mus: RealArray, temperatures: RealArray) -> None:
        """Raise ``ResultError`` where a continuum model's momentum box cuts states near a chemical potential off."""
        low, high = self.valid_range
        margin = WINDOW_MARGIN * BOLTZMANN * float(temperatures.max(initial=0.0))
        if np.any(mus - margin < low) or np.any(mus + margin > high):
            raise ResultError(
                f"mu spans [{mus.min():.4g}, {mus.max():.4g}] eV at up to {temperatures.max():g} K, but the momentum "
                f"box of the model holds all states only between {low:.4g} and {high:.4g} eV (less {WINDOW_MARGIN:g} "
                f"k_BT = {margin:.3g} eV); enlarge the cutoff of the model, or ask inside"
            )

    def _unit(self, quantity: Quantity) -> tuple[float, str]:
        shown = quantity.unit.of(self.dimension)
        return shown.factor / (1.0 if quantity.per_cell else self.cell_measure), shown.label

    def _combine(
        self, parts: Sequence[Part], terms: Mapping[str, RealArray], mus: RealArray, temperatures: RealArray
    ) -> RealArray:
        """Σ factor ∫ κ ρ for each leading entry of the densities: (lead, mu, temperature, *axes)."""
        total: RealArray | None = None
        for part in parts:
            density = terms[part.term]
            weights = self.grid.kernel_weights(part.kernel, mus, temperatures)
            lead, legs = density.shape[0], density.shape[3:]
            flat = weights.reshape(len(mus) * len(temperatures), -1)
            sums = flat @ density.reshape(lead, flat.shape[1], -1)
            integral = part.factor * sums.reshape(lead, len(mus), len(temperatures), *legs)
            integral = rearrange(part.subscripts, integral)
            total = integral if total is None else total + integral
        if total is None:
            raise ResultError("an output is declared without parts")
        return total

    def _flat_attrs(self) -> dict[str, Any]:
        """Provenance in the types NetCDF attributes can hold, without the input file."""
        return flat_attributes({name: value for name, value in self.attrs.items() if name != "input"})


def flat_attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """``attrs`` in the types that attributes of a file can hold."""
    return {
        str(name): value if isinstance(value, int | float | str) and not isinstance(value, bool) else str(value)
        for name, value in attrs.items()
    }


def _error(values: RealArray) -> RealArray:
    """Standard error of the mean over the meshes, the first axis."""
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)))


def _dataset(data: Mapping[str, Any], coords: Mapping[str, Any], attrs: Mapping[str, Any] | None = None) -> xr.Dataset:
    import xarray as xr  # here, since it takes a third of the program's start and a run needs it only at its end

    return xr.Dataset(data, coords=coords, attrs=attrs)


def _absent(values: RealArray, quantity: Quantity) -> RealArray:
    """``values`` (..., *axes) with NaN in the place of elements that were not computed."""
    values[..., ~quantity.computed] = np.nan
    return values


def _coordinates(mus: RealArray, temperatures: RealArray, quantity: Quantity) -> dict[str, Any]:
    coords: dict[str, Any] = {
        "mu": ("mu", mus, {"units": "eV", "long_name": "chemical potential"}),
        "temperature": ("temperature", temperatures, {"units": "K"}),
    }
    coords.update({dim: (dim, list(letters)) for dim, letters in zip(quantity.dims, quantity.letters, strict=True)})
    return coords

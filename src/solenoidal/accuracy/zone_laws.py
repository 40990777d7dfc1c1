"""Laws that hold for integrals over the whole zone: what is a derivative there adds up to zero."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.accuracy.law import Law, largest
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.evaluate import Plan, band_values, compile_plan, evaluate
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import Band, OperatorSymbols, group_trace, operator_symbols, re_diagonal
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.kernels import FERMI, GRAND_POTENTIAL, MINUS_FERMI_DERIVATIVE
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.symmetry.tensors import allowed_components
from solenoidal.units import BOLTZMANN, operator_unit

WORK = 2e8
"""Points of all meshes times the cube of the bands."""

MOST = {1: 4096, 2: 192**2, 3: 40**3}
"""Points of all meshes at most, by dimension."""

INTERLEAVED = {1: 4, 2: 3, 3: 2}
"""Meshes along each direction, shifted against one another, that together are one finer mesh."""

CONVERGED = 20.0
"""The temperature is such that a mesh of spacing h leaves e^{−CONVERGED} of an analytic integrand: π kT · 2π/(h v)."""

FILLING = 0.45
"""Share of the states below the chemical potential: half of them may end at a point where bands touch."""

EQUILIBRIUM_LIMIT = 1e-6
ERROR_BARS = 3.0
"""Allowed difference of two integrals, in error bars of their difference from mesh to mesh."""

SCATTERED = 256
"""Random k points at which the velocity and the filling are looked up."""

NEGLIGIBLE = 1e-9
"""Share of a scale that is rounding."""

APART = 1e-8
"""Bands farther apart than this (eV) are taken one by one: pairs split by noise have no common velocity."""


@dataclass(frozen=True)
class _Zone:
    """Interleaved meshes, thermodynamic state and what an integral is multiplied by."""

    model: TightBinding
    meshes: tuple[RealArray, ...]
    mu: float
    temperature: float
    degeneracy: Degeneracy

    @property
    def weight(self) -> float:
        return self.model.band_weight / self.model.cell_measure

    @property
    def title(self) -> str:
        return f"μ = {self.mu:.4g} eV, kT = {BOLTZMANN * self.temperature:.3g} eV"


def integrated_laws(
    model: TightBinding,
    operator: str,
    *,
    seed: int,
    kramers: bool,
    group: SymmetryGroup | None,
    curled: bool,
) -> list[Law]:
    """J^s = 0 in uniform equilibrium, both routes of the Hall part of Eq. (15), and both forms of Eq. (13).

    ``curled`` says that the curl of the dipole is what it should be at each k: then routes can differ only where bands
    touch.
    """
    zone = _zone(model, seed, kramers)
    s, space = operator_symbols(model.require_operator(operator)), Space.of(model)
    sums = _Sums(zone, s, space)
    found = [_equilibrium(sums, group)]
    if model.dimension > 1:
        found += _routes(sums, curled)
    return found


def _zone(model: TightBinding, seed: int, kramers: bool) -> _Zone:
    d, n = model.dimension, model.n_orbitals
    parts = INTERLEAVED[d]
    points = min(MOST[d], WORK / n**3) / parts**d
    lengths = np.linalg.norm(model.lattice[:d], axis=1)
    scale = (points * np.prod(lengths)) ** (1 / d)
    divisions = np.maximum(3, np.round(scale / lengths)).astype(int)
    layers = 2 * np.pi / np.linalg.norm(model.reciprocal[:d], axis=1)
    random = np.random.default_rng(seed)
    offset = random.uniform(size=d)
    meshes = []
    for part in itertools.product(range(parts), repeat=d):
        steps = [(np.arange(m) + (p + o) / parts) / m for m, p, o in zip(divisions, part, offset, strict=True)]
        grid = np.zeros((int(np.prod(divisions)), 3))
        grid[:, :d] = np.array(list(itertools.product(*steps)))
        meshes.append(grid)
    k = random.uniform(-0.5, 0.5, (SCATTERED, 3)) * (np.arange(3) < d)
    states = BlochStates.solve(interpolator(model), k, np.ones(len(k)), Degeneracy(APART))
    # The slowest decay of an integrand is along the direction where its mesh is coarsest and bands are steepest.
    speed = max(largest(band_values([re_diagonal(v) for v in f.v], states)), NEGLIGIBLE)
    temperature = CONVERGED * speed / (np.pi * float(np.min(divisions * parts * layers))) / BOLTZMANN
    mu = 0.0 if model.nambu is not None else float(np.quantile(states.energies, FILLING))
    return _Zone(model, tuple(meshes), mu, temperature, Degeneracy(kramers=kramers))


class _Sums:
    """Integrals of each mesh, (meshes, components): everything the laws below need, in one pass."""

    def __init__(self, zone: _Zone, s: OperatorSymbols, space: Space) -> None:
        self.zone, self.operator, self.space = zone, s, space
        self.legs = list(itertools.product(range(3), repeat=len(s.law[0])))
        vectors = [(i, q) for i in range(3) for q in self.legs]
        single = {
            "conventional": [f.current(i, s[q]) for i, q in vectors],
            "moved": [group_trace(f.v[i], s[q]) for i, q in vectors],
            "torque": [f.mixed_curvature(i, f.torque(s[q])) for i, q in vectors],
            "space torque": [space.K_diagonal(i, s, q) for i, q in vectors],
        }
        grouped = (
            {}
            if zone.model.dimension == 1
            else {
                "sea": [0.5 * f.berry_spin(j, s[q]) + f.interband_spin(j, s[q]) for j, q in vectors],
                "excess": [0.5 * f.berry_spin(j, s[q]) - f.interband_spin(j, s[q]) for j, q in vectors],
                "dipole": [-f.moving_dipole(j, s[q]) for j, q in vectors],
                "space sea": [
                    0.5 * f.space_berry_spin(j, s[q], space) + f.space_interband(j, s, q, space) for j, q in vectors
                ],
                "space excess": [
                    0.5 * f.space_berry_spin(j, s[q], space) - f.space_interband(j, s, q, space) for j, q in vectors
                ],
            }
        )
        self.plans = [(_planned(single), Degeneracy(APART)), (_planned(grouped), zone.degeneracy)]
        self.found = [self._integrate(k) for k in zone.meshes]

    def __getitem__(self, key: tuple[str, str]) -> RealArray:
        """∫ kernel × quantity on each mesh, (meshes, 3 × legs)."""
        return np.array([one[key] for one in self.found])

    def _integrate(self, k: RealArray) -> dict[tuple[str, str], RealArray]:
        zone = self.zone
        states = BlochStates.solve(interpolator(zone.model), k, np.full(len(k), 1 / len(k)), zone.degeneracy)
        out = {}
        for (plan, names), degeneracy in self.plans:
            if plan is None:
                continue
            chosen = replace(states, degeneracy=degeneracy, _cache={})
            values = evaluate(plan, chosen).reshape(*states.energies.shape, len(names), -1)
            for kernel in (FERMI, GRAND_POTENTIAL, MINUS_FERMI_DERIVATIVE):
                weights = zone.weight * kernel(chosen.occupation_energies, zone.mu, zone.temperature) / len(k)
                sums = np.einsum("kn,knap->ap", weights, values)
                out.update({(name, kernel.name): row for name, row in zip(names, sums, strict=True)})
                if "conventional" in names:
                    place = names.index("conventional")
                    out["magnitude", kernel.name] = np.einsum("kn,knp->p", np.abs(weights), np.abs(values[:, :, place]))
        return out


def _planned(quantities: dict[str, list[Band]]) -> tuple[Plan | None, list[str]]:
    bands = list(itertools.chain.from_iterable(quantities.values()))
    return (compile_plan(bands) if bands else None), list(quantities)


def _equilibrium(sums: _Sums, group: SymmetryGroup | None) -> Law:
    """J^s = ∫ (f v s + g Ω^{iτ}) = 0, relative to J^{s,0} = ∫ f ½{v, s} where symmetry lets that be."""
    zone = sums.zone
    inside = (sums["moved", "fermi"] + sums["torque", "grand_potential"]).mean(axis=0)
    whole = inside + sums["space torque", "grand_potential"].mean(axis=0)
    conventional, magnitude = (largest(sums[name, "fermi"].mean(axis=0)) for name in ("conventional", "magnitude"))
    legs, sign = sums.operator.law
    forbidden = (
        group is not None
        and "unknown" not in legs
        and sign != 0
        and not allowed_components(("polar", *legs), -sign, group).any()
    )
    unit = _current_unit(zone.model, sums.operator.name)
    if forbidden or conventional < EQUILIBRIUM_LIMIT * magnitude:
        reason = "by symmetry" if forbidden else "in this model"
        note = f"J^{{s,0}} vanishes {reason} (found {conventional:.2g} {unit}): compared with ∫ f |J^{{s,0}}|"
        size, of = magnitude, "∫ f |J^{s,0}|"
    else:
        note, size, of = f"J^{{s,0}} = {conventional:.3g} {unit}", conventional, "J^{s,0}"
    size = max(size, 1e-300)
    return Law(
        "J^s = ∫ (f v s + g Ω^{iτ}) = 0 in uniform equilibrium",
        largest(inside) / size if sums.space.curved(sums.operator) else None,
        largest(whole) / size,
        EQUILIBRIUM_LIMIT,
        of,
        f"{note}; {zone.title}",
    )


def _routes(sums: _Sums, curled: bool) -> list[Law]:
    """Surface route = sea route of Eq. (15), and Eq. (13) = its K-form, both antisymmetric parts.

    The difference is projected on what the space adds to it, the direction in which the law says most, or, where that
    is nothing, on the response itself.
    """
    model, s = sums.zone.model, sums.operator
    unit = model.require_operator(s.name).unit
    curved = sums.space.curved(s)
    found = []
    cases = [("Eq. (13) = its K-form for M^s", "magnetization", "grand_potential", "fermi", -1.0)]
    if model.nambu is None:
        name = "Hall part of Eq. (15): surface route = sea route"
        cases.insert(0, (name, "spin_conductivity", "fermi", "minus_fermi_derivative", 1.0))
    for name, quantity, sea, surface, sign in cases:
        printed = operator_unit(quantity, unit).of(model.dimension)
        inside = sums["excess", sea] + sign * sums["dipole", surface]
        gained = sums["space excess", sea]
        response = (sums["sea", sea] + sums["space sea", sea]).mean(axis=0)
        along = _direction(gained.mean(axis=0), response, sums["excess", sea].mean(axis=0))
        whole = (inside + gained) @ along * printed.factor
        error = float(whole.std(ddof=1) / np.sqrt(len(whole)))
        scale = max(largest(response), largest(sums["excess", sea]), 1e-300) * printed.factor
        allowed = max(ERROR_BARS * error, NEGLIGIBLE * scale)
        size = f"the response is {largest(response) * printed.factor:.3g}"
        note = f"± {error:.1g} from {len(whole)} shifted meshes, {size}; {sums.zone.title}"
        added = float(np.linalg.norm(gained.mean(axis=0))) * printed.factor
        if curved and added < allowed:
            note += f"; F and K add {added:.2g}, which these meshes cannot tell from nothing, unlike the curl at each k"
        violation = abs(float(whole.mean()))
        without = abs(float((inside @ along).mean())) * printed.factor if curved else None
        touching = curled and violation > allowed
        found.append(Law(name, without, violation, allowed, printed.label, note, touching))
    return found


def _direction(*tensors: RealArray) -> RealArray:
    """Unit tensor along the first of ``tensors`` that is not rounding of the largest."""
    largest_norm = max(float(np.linalg.norm(tensor)) for tensor in tensors)
    for tensor in tensors:
        norm = float(np.linalg.norm(tensor))
        if norm > NEGLIGIBLE * largest_norm:
            return tensor / norm
    return np.zeros_like(tensors[0])


def _current_unit(model: TightBinding, operator: str) -> str:
    unit = model.require_operator(operator).unit
    power = {1: "eV", 2: "eV/Å", 3: "eV/Å²"}[model.dimension]
    return power if unit == "ħ" else f"({unit}) {power}/ħ"

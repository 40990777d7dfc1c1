"""The energy shells of a run, solved one after the other; those that are finished survive an interruption.

A shell is the unit of work: chemical potentials and temperatures share shells, and every tensor is a sum over them. A
resumed run sums the same numbers, so that it ends with the same tensors to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.disorder.boltzmann import Method, ShellDiagnostics, Solver, solve_boltzmann
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.shells.shells import EnergyShells, NoFermiSurfaceError
from solenoidal.disorder.thermal import ShellResponse, diagnostics_of
from solenoidal.integrate.checkpoint import Checkpoint, Stored, fingerprint
from solenoidal.integrate.solve import Progress
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.symmetry.search import SymmetryGroup

TENSORS = ("conserved", "conventional", "charge")


@dataclass(frozen=True, eq=False)
class ShellProblem:
    """What is solved on every shell: the scatterers, how the distribution is found, and the flows it carries.

    ``operators`` legs of the operator, all in one: 3 for a vector, 1 for a scalar.
    """

    scatterers: Sequence[Scatterer]
    kernel: CollisionKernel | None
    response: ExtrinsicSpinConductivity
    method: Method
    mean_field: bool
    solver: Solver
    legs: int

    def solve(self, shells: EnergyShells, energy: float) -> tuple[ShellResponse | None, int]:
        """The response of the shell of ``energy`` (eV), None without a Fermi surface, and pockets left out."""
        try:
            shell = shells.at(energy)
        except NoFermiSurfaceError as empty:
            return None, empty.hidden_pockets
        solution = solve_boltzmann(
            shell, self.kernel, method=self.method, mean_field=self.mean_field, solver=self.solver
        )
        return ShellResponse.of(solution, self.response), shell.hidden_pockets


@dataclass
class SolvedShells:
    """Responses of shells and numbers of pockets left out, by mesh and energy (eV), in the order of the work."""

    legs: int
    responses: dict[tuple[int, float], ShellResponse | None] = field(default_factory=dict)
    hidden: dict[tuple[int, float], int] = field(default_factory=dict)

    def at(self, mesh: int) -> Callable[[float], ShellResponse | None]:
        """The responses on one mesh as a function of energy."""
        return lambda energy: self.responses[mesh, energy]

    def hidden_pockets(self, mesh: int) -> dict[float, int]:
        """Pockets left out on one mesh, by energy."""
        return {energy: count for (number, energy), count in self.hidden.items() if number == mesh}

    def count(self, mesh: int) -> int:
        """Shells of one mesh that hold any states."""
        return sum(response is not None for (number, _), response in self.responses.items() if number == mesh)

    def stored(self) -> Stored:
        """One row for each shell; tensors and diagnostics of empty shells are left out."""
        there = [response for response in self.responses.values() if response is not None]
        shells = np.array(
            [(*key, self.hidden[key], response is not None) for key, response in self.responses.items()]
        ).reshape(-1, 4)
        arrays = {"shells": shells}
        for name in TENSORS:
            shape = (3, 3) if name == "charge" else (3, 3, self.legs)
            arrays[name] = np.array([getattr(response, name) for response in there]).reshape(-1, *shape)
        rows = [astuple(response.diagnostics) for response in there]
        arrays["diagnostics"] = np.array(rows, dtype=np.float64).reshape(-1, len(fields(ShellDiagnostics)))
        return Stored(arrays, {"done": len(self.responses)})

    def restore(self, stored: Stored) -> None:
        """Take in what an earlier run has finished."""
        rows = zip(*(stored.arrays[name] for name in (*TENSORS, "diagnostics")), strict=True)
        for mesh, energy, hidden, there in stored.arrays["shells"].tolist():
            key = int(mesh), energy
            self.hidden[key], self.responses[key] = int(hidden), None
            if there:
                conserved, conventional, charge, diagnostics = next(rows)
                self.responses[key] = ShellResponse(conserved, conventional, charge, diagnostics_of(diagnostics))


def solve_shells(
    meshes: Sequence[EnergyShells],
    energies: Sequence[float],
    problem: ShellProblem,
    store: Checkpoint | None = None,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> SolvedShells:
    """Solve the shells of all ``energies`` (eV) on the first of the ``meshes``, then on the next.

    What is finished is offered to ``store``, also when the work is interrupted; ``progress`` is called after each
    shell. Raises ``ConfigError`` or ``InputFileError`` for a checkpoint that cannot be used, and what the solver does.
    """
    found = SolvedShells(problem.legs)
    earlier = None if store is None else store.begin(resume=resume)
    if earlier is not None:
        found.restore(earlier)
    costs = [float(np.prod(shells.divisions)) for shells in meshes for _ in energies]
    todo = [(mesh, energy) for mesh in range(len(meshes)) for energy in energies]
    done = [key in found.responses for key in todo]
    started, spent = time.perf_counter(), 0.0
    try:
        for number, (mesh, energy) in enumerate(todo):
            if done[number]:
                continue
            key = mesh, energy
            found.responses[key], found.hidden[key] = problem.solve(meshes[mesh], energy)
            done[number] = True
            spent += costs[number]
            if store is not None:
                store.offer(found)
            if progress is not None:
                elapsed = time.perf_counter() - started
                left = sum(cost for cost, over in zip(costs, done, strict=True) if not over)
                doing = "solving" if mesh == 0 else "comparing"
                progress(Progress(sum(done), len(todo), elapsed, elapsed * left / spent, doing=doing, unit="shells"))
    finally:
        if store is not None and spent:
            store.offer(found, final=True)
    return found


def checkpoint_of(
    path: Path,
    meshes: Sequence[EnergyShells],
    problem: ShellProblem,
    mu: RealArray,
    temperature: RealArray,
    group: SymmetryGroup,
) -> Checkpoint:
    """The checkpoint at ``path``, bound to everything that fixes the numbers."""
    settings: dict[str, Any] = {
        "mu": mu.tolist(),
        "temperature": temperature.tolist(),
        "mesh": [shells.divisions for shells in meshes],
        "rule": [(shells.rule, shells.order, shells.degeneracy_tol) for shells in meshes],
        "scatterers": [(s.name, s.concentration, s.density) for s in problem.scatterers],
        "method": problem.method,
        "mean field": problem.mean_field,
        "solver": problem.solver,
        "response": problem.response,
        "symmetry operations": group.size,
    }
    facts: Mapping[str, Any] = {
        **settings,
        "model": interpolator(meshes[0].model, space=False),
        "matrices": [(s.matrix, s.form_factors) for s in problem.scatterers],
        "groups of bands": [shells.starts.tolist() for shells in meshes],
        "group": (group.k_rotations, group.time_reversal),
    }
    return Checkpoint(path, fingerprint(dict(facts)), {name: repr(value) for name, value in settings.items()})

"""Gauge-invariant fingerprint of a model at k and at the image of k under a point operation.

Sorted energies, and traces of velocities and spins between smooth energy windows w_a(H) = exp[−(H −
c_a)²/2σ²]. They depend neither on the eigenvectors chosen nor, but smoothly, on splittings small against σ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.errors import SymmetryError

KINDS = {1: "scalar", 3: "axial"}
"""How an operator is expected to turn, by its number of components: one, as a scalar that time reversal keeps (charge
of a superconductor, sublattice polarisation); three, as an axial vector that it reverses (spin, orbital moment). An
operation under which an operator does something else is refused, which costs time and never correctness."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Where in the distribution of band energies the windows are centred."""

WIDTH_FRACTION = 0.1
"""Window width σ as a fraction of the energy range between the outermost windows."""

CHUNK_ELEMENTS = 400_000

Traces = dict[str, ComplexArray]


def generic_points(dimension: int, samples: int, seed: int) -> RealArray:
    """Random fractional k (samples, 3), which no point operation but the identity leaves fixed."""
    k = np.zeros((samples, 3))
    k[:, :dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, dimension))
    return k


def mesh_points(mesh: tuple[int, int, int], k_rotations: IntArray, samples: int, seed: int) -> RealArray:
    """Points of the unshifted ``mesh``, at most ``samples``: at random among those with the largest stars."""
    j = np.stack(np.unravel_index(np.arange(int(np.prod(mesh))), mesh), axis=1)
    chosen = np.random.default_rng(seed).permutation(len(j))[: 64 * samples]
    k = j[chosen] / np.array(mesh)
    images = np.rint(np.einsum("gab,kb->kga", k_rotations, k) * mesh).astype(np.int64) % np.array(mesh)
    numbers = np.sort(np.ravel_multi_index(tuple(np.moveaxis(images, 2, 0)), mesh), axis=1)
    star = np.count_nonzero(np.diff(numbers, axis=1), axis=1)
    order = np.argsort(star, kind="stable")[::-1]
    return np.asarray(k[order[:samples]])


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Reference points ``k`` (samples, 3), ``energies`` there (samples, n), and windows: ``centres``, ``width`` (eV).

    ``kinds`` maps what is compared to "velocity", "axial" or "scalar"; ``skipped`` are operators of other shapes.
    """

    interpolation: Interpolator
    k: RealArray
    energies: RealArray
    centres: RealArray
    width: float
    kinds: dict[str, str]
    skipped: tuple[str, ...]

    @staticmethod
    def build(model: Model, k: RealArray, *, velocity: bool) -> Fingerprint:
        """Energy windows that cover the bands at ``k``, for the spin and, if asked for, the ``velocity``."""
        interpolation = interpolator(model)
        matrices = interpolation.at(k)
        if not np.isfinite(matrices.hamiltonian).all():
            raise SymmetryError("the Hamiltonian is not finite at some k point; correct the model")
        energies = np.asarray(np.linalg.eigvalsh(matrices.hamiltonian), dtype=np.float64)
        centres = np.asarray(np.quantile(energies, QUANTILES), dtype=np.float64)
        span = float(centres[-1] - centres[0])
        width = WIDTH_FRACTION * span if span > 1e-9 else 1.0
        shapes = {name: matrices.operators[name].shape[2] for name in model.operators}
        kinds = {"velocity": "velocity"} if velocity else {}
        kinds |= {name: KINDS[legs] for name, legs in shapes.items() if legs in KINDS}
        skipped = tuple(name for name in model.operators if name not in kinds)
        return Fingerprint(interpolation, k, energies, centres, width, kinds, skipped)

    def pair_splitting(self) -> float:
        """Largest ε_{2j+1} − ε_{2j} at the reference points (eV); infinite for an odd number of bands."""
        if self.energies.shape[1] % 2:
            return float("inf")
        return float(np.max(self.energies[:, 1::2] - self.energies[:, ::2]))

    def violations(self, rotations: RealArray, k_rotations: IntArray, time_reversal: BoolArray) -> dict[str, RealArray]:
        """Largest violation of each quantity by each operation, in its natural scale: name → (g,)."""
        distinct, which = np.unique(k_rotations, axis=0, return_inverse=True)
        which = which.reshape(-1)
        worst: dict[str, RealArray] = {}
        for k in self.k:
            energies, images, norm = self._traces(np.concatenate([k[None], distinct @ k]))
            at = 1 + which
            found = {"energies": np.max(np.abs(energies[at] - energies[0]), axis=1) / self.width}
            for name, value in images.items():
                expected = transform(value[0], [self.kinds[x] for x in name.split("·")], rotations, time_reversal)
                difference = np.abs(value[at] - expected).reshape(len(rotations), -1)
                found[name] = np.max(difference, axis=1) / norm[name]
            for name, violation in found.items():
                worst[name] = np.maximum(worst.get(name, 0.0), violation)
        return worst

    def _traces(self, k: RealArray) -> tuple[RealArray, Traces, dict[str, float]]:
        """Energies (nk, n), traces at ``k`` by name (nk, a, 3[, b, 3]), and the natural scale of each
        trace."""
        n = self.energies.shape[1]
        step = max(1, CHUNK_ELEMENTS // n**2)
        parts = [self._traces_of_chunk(k[i : i + step]) for i in range(0, len(k), step)]
        energies = np.concatenate([part[0] for part in parts])
        traces = {name: np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]}
        states = float(np.mean(np.sum(self._windows(energies), axis=2)))
        square = {x: max(float(np.mean([part[2][x] for part in parts])), 1e-20) for x in self.kinds}
        norm = {name: states * float(np.sqrt(np.prod([square[x] for x in name.split("·")]))) for name in traces}
        return energies, traces, norm

    def _windows(self, energies: RealArray) -> RealArray:
        """w_a(ε_n), shape (nk, a, n)."""
        x = (energies[:, None, :] - self.centres[None, :, None]) / self.width
        return np.asarray(np.exp(-0.5 * x**2))

    def _traces_of_chunk(self, k: RealArray) -> tuple[RealArray, Traces, dict[str, float]]:
        matrices = self.interpolation.at(k)
        energies, V = eigh(matrices.hamiltonian)
        nk, n = energies.shape
        w = self._windows(energies)
        rotated: dict[str, ComplexArray] = {}
        for name, kind in self.kinds.items():
            X = matrices.velocity if name == "velocity" else matrices.operators[name]
            if kind == "scalar":
                X = np.pad(X, ((0, 0), (0, 0), (0, 2), (0, 0)))  # a scalar travels as the first of three components
            left = V.conj().transpose(0, 2, 1) @ X.reshape(len(X), n, 3 * n)
            rotated[name] = (left.reshape(nk, 3 * n, n) @ V).reshape(nk, n, 3, n)
        square = {name: float(np.mean(np.sum(np.abs(X) ** 2, axis=(2, 3)))) / 3 for name, X in rotated.items()}
        first = next(iter(self.kinds), "")
        traces: Traces = {}
        for name, X in rotated.items():
            traces[name] = np.einsum("kan,knin->kai", w, X)
            traces[f"{first}·{name}"] = _pair(w, rotated[first], X)
        return energies, traces, square


def _pair(w: RealArray, X: ComplexArray, Y: ComplexArray) -> ComplexArray:
    """Tr[w_a X_i w_b Y_j] = Σ_nm w_an X_i,nm w_bm Y_j,mn, shape (nk, a, i, b, j)."""
    product = X.transpose(0, 2, 1, 3)[:, :, None] * Y.transpose(0, 2, 3, 1)[:, None]
    windows = w.astype(np.complex128)[:, None, None]
    return np.asarray((windows @ product @ windows.swapaxes(-1, -2)).transpose(0, 3, 1, 4, 2))


def transform(value: ComplexArray, kinds: list[str], R: RealArray, antiunitary: BoolArray) -> ComplexArray:
    """The traces at gk that follow from those at k, ``value`` (a, 3[, b, 3]), if operation g is a symmetry; (g, …).

    v → ±R v and s → ±det(R) R s with − for antiunitary operations, whose traces are complex conjugated as well;
    scalars stay as they are.
    """
    flags = antiunitary.reshape(-1, *([1] * value.ndim))
    result = np.where(flags, value.conj(), value)
    sign = np.where(antiunitary, -1.0, 1.0)
    determinant = np.sign(np.linalg.det(R))
    for position, kind in enumerate(kinds):
        if kind == "scalar":
            continue
        D = R * (sign * determinant if kind == "axial" else sign)[:, None, None]
        axes = "gajbk"[: result.ndim] if position == 0 else "gakbj"
        result = np.einsum(f"gij,{axes}->{axes.replace('j', 'i')}", D, result, optimize=True)
    return result

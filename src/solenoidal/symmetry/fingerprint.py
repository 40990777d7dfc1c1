"""Gauge-invariant fingerprint of a model at k and at the image of k under a point operation.

Sorted energies, and traces of velocities and operators between smooth energy windows w_a(H) = exp[−(H −
c_a)²/2σ²]. They depend neither on the eigenvectors chosen nor, but smoothly, on splittings small against σ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.errors import SymmetryError
from solenoidal.models.operator import Law
from solenoidal.symmetry.laws import representation

VELOCITY = "\0velocity"
"""Key of the velocity, a name that no operator has."""

VELOCITY_LAW: Law = (("polar",), -1)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Where in the distribution of band energies the windows are centred."""

WIDTH_FRACTION = 0.1
"""Window width σ as a fraction of the energy range between the outermost windows."""

BROAD_QUANTILES, BROAD_WIDTH = (0.2, 0.5, 0.8), 0.25
"""The same of broad windows, which noise moves less; their width is a fraction of the energy range of all bands."""

CHUNK_ELEMENTS = 400_000

Factors = tuple[str, ...]
"""What stands under a trace: the velocity or an operator, alone or the two of a pair."""

Traces = dict[Factors, ComplexArray]


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
class EnergyWindows:
    """Gaussian windows exp[−(ε − c_a)²/2σ²] around the ``centres`` (a,), all of one ``width`` σ (eV)."""

    centres: RealArray
    width: float

    @staticmethod
    def fine(energies: RealArray) -> EnergyWindows:
        """Five narrow windows over the bands of ``energies``, which tell bands apart."""
        centres = np.asarray(np.quantile(energies, QUANTILES), dtype=np.float64)
        span = float(centres[-1] - centres[0])
        return EnergyWindows(centres, WIDTH_FRACTION * span if span > 1e-9 else 1.0)

    @staticmethod
    def broad(energies: RealArray) -> EnergyWindows:
        """Three broad windows over the bands of ``energies``."""
        centres = np.asarray(np.quantile(energies, BROAD_QUANTILES), dtype=np.float64)
        return EnergyWindows(centres, BROAD_WIDTH * (float(np.ptp(energies)) or 1.0))

    def weights(self, energies: RealArray) -> RealArray:
        """w_a(ε_n) of ``energies`` (nk, n), shape (nk, a, n)."""
        x = (energies[:, None, :] - self.centres[None, :, None]) / self.width
        return np.asarray(np.exp(-0.5 * x**2))


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Reference points ``k`` (samples, 3), ``energies`` there (samples, n), and the energy ``windows`` between them.

    ``laws`` says how each of the matrices that are compared turns, the velocity among them if it is.
    """

    interpolation: Interpolator
    k: RealArray
    energies: RealArray
    windows: EnergyWindows
    laws: Mapping[str, Law]

    @staticmethod
    def build(
        model: Model,
        k: RealArray,
        operators: Sequence[str],
        *,
        velocity: bool,
        windows: Callable[[RealArray], EnergyWindows] = EnergyWindows.fine,
    ) -> Fingerprint:
        """Energy windows that cover the bands at ``k``, for the named ``operators`` and, if asked for, the velocity."""
        interpolation = interpolator(model, space=False)
        matrices = interpolation.at(k)
        if not np.isfinite(matrices.hamiltonian).all():
            raise SymmetryError("the Hamiltonian is not finite at some k point; correct the model")
        energies = np.asarray(np.linalg.eigvalsh(matrices.hamiltonian), dtype=np.float64)
        laws: dict[str, Law] = {VELOCITY: VELOCITY_LAW} if velocity else {}
        laws |= {name: model.require_operator(name).law for name in operators}
        return Fingerprint(interpolation, k, energies, windows(energies), laws)

    def pair_splitting(self) -> float:
        """Largest ε_{2j+1} − ε_{2j} at the reference points (eV); infinite for an odd number of bands."""
        if self.energies.shape[1] % 2:
            return float("inf")
        return float(np.max(self.energies[:, 1::2] - self.energies[:, ::2]))

    def violations(
        self, rotations: RealArray, k_rotations: IntArray, time_reversal: BoolArray
    ) -> dict[Factors, RealArray]:
        """Largest violation of each trace, and of the energies under (), by each operation (g,), in natural scale."""
        distinct, which = np.unique(k_rotations, axis=0, return_inverse=True)
        at = 1 + which.reshape(-1)
        actions = {name: representation(*law, rotations, time_reversal) for name, law in self.laws.items()}
        worst: dict[Factors, RealArray] = {}
        for k in self.k:
            energies, images, norm = self.traces(np.concatenate([k[None], distinct @ k]))
            found: dict[Factors, RealArray] = {
                (): np.max(np.abs(energies[at] - energies[0]), axis=1) / self.windows.width
            }
            for factors, value in images.items():
                expected = transform(value[0], [actions[x] for x in factors], time_reversal)
                difference = np.abs(value[at] - expected).reshape(len(rotations), -1)
                found[factors] = np.max(difference, axis=1) / norm[factors]
            for factors, violation in found.items():
                worst[factors] = np.maximum(worst.get(factors, 0.0), violation)
        return worst

    def traces(self, k: RealArray) -> tuple[RealArray, Traces, dict[Factors, float]]:
        """Energies (nk, n), traces at ``k`` (nk, a, components[, b, components]), and the natural scale of each."""
        n = self.energies.shape[1]
        largest = max((3 ** len(legs) for legs, _ in self.laws.values()), default=1)
        step = max(1, CHUNK_ELEMENTS // (n**2 * -(-largest // 3)))
        parts = [self._traces_of_chunk(k[i : i + step]) for i in range(0, len(k), step)]
        energies = np.concatenate([part[0] for part in parts])
        traces = {x: np.concatenate([part[1][x] for part in parts]) for x in parts[0][1]}
        states = float(np.mean(np.sum(self.windows.weights(energies), axis=2)))
        square = {name: max(float(np.mean([part[2][name] for part in parts])), 1e-20) for name in self.laws}
        norm = {x: states * float(np.sqrt(np.prod([square[name] for name in x]))) for x in traces}
        return energies, traces, norm

    def _traces_of_chunk(self, k: RealArray) -> tuple[RealArray, Traces, dict[str, float]]:
        matrices = self.interpolation.at(k)
        energies, V = eigh(matrices.hamiltonian)
        nk, n = energies.shape
        w = self.windows.weights(energies)
        rotated: dict[str, ComplexArray] = {}
        for name in self.laws:
            X = matrices.velocity if name == VELOCITY else matrices.operators[name]
            legs = X.shape[2]
            left = V.conj().transpose(0, 2, 1) @ X.reshape(len(X), n, legs * n)
            rotated[name] = (left.reshape(nk, n * legs, n) @ V).reshape(nk, n, legs, n)
        square = {x: float(np.mean(np.sum(np.abs(X) ** 2, axis=(2, 3)))) / X.shape[2] for x, X in rotated.items()}
        first = next(iter(self.laws), "")
        traces: Traces = {}
        for name, X in rotated.items():
            traces[(name,)] = np.einsum("kan,knin->kai", w, X)
            traces[(first, name)] = _pair(w, rotated[first], X)
        return energies, traces, square


def _pair(w: RealArray, X: ComplexArray, Y: ComplexArray) -> ComplexArray:
    """Tr[w_a X_i w_b Y_j] = Σ_nm w_an X_i,nm w_bm Y_j,mn, shape (nk, a, i, b, j)."""
    product = X.transpose(0, 2, 1, 3)[:, :, None] * Y.transpose(0, 2, 3, 1)[:, None]
    windows = w.astype(np.complex128)[:, None, None]
    return np.asarray((windows @ product @ windows.swapaxes(-1, -2)).transpose(0, 3, 1, 4, 2))


def transform(value: ComplexArray, actions: Sequence[RealArray], antiunitary: BoolArray) -> ComplexArray:
    """The traces at gk that follow from those at k if operation g is a symmetry; (g, a, i[, b, j]).

    ``value`` (a, i[, b, j]); ``actions`` (g, i, i) turn the components of each factor, and antiunitary operations
    conjugate the trace as well.
    """
    result = np.where(antiunitary.reshape(-1, *([1] * value.ndim)), value.conj(), value)
    if len(actions) == 1:
        return np.asarray(np.einsum("gij,gaj->gai", actions[0], result, optimize=True))
    return np.asarray(np.einsum("gij,gajbl,gkl->gaibk", actions[0], result, actions[1], optimize=True))


def label(factors: Factors, where: str = "") -> str:
    """Name of a violation in reports."""
    names = ["velocity" if x == VELOCITY else f"operator {x}" if x in ("velocity", "energies") else x for x in factors]
    return ("·".join(names) or "energies") + where

"""What each cell of the zone adds to the published numbers: the measure by which meshes are refined.

The zone (fractional coordinates) is cut into equal cells. Cells that symmetry maps onto one another form a star, and
the sum over a star is kept for every shifted mesh: opposite cells see the shift from opposite sides, so what cancels
in the whole zone has already cancelled in the star.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.integrate.meshes import KBlock
from solenoidal.integrate.tally import PartSums
from solenoidal.responses.kernels import Kernel
from solenoidal.responses.response import Quantity, Response, published
from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.sampling.kinds import Sampling
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.symmetry.tensors import invariant_part, rearrange
from solenoidal.units import BOLTZMANN

INDEPENDENT = 1e-9
"""Singular value, relative to the largest, below which a component of a tensor is not independent."""


@dataclass(frozen=True, eq=False)
class Target:
    """Published numbers as a linear function of the terms at one k point.

    ``points`` pairs (μ, T); ``maps`` (kernels, columns, components) takes the terms of all
    responses, summed over bands with each kernel, to the independent components of every output, in the unit of the
    result; ``outputs`` the number of components of each output. Temperatures below ``coldest`` are evaluated there.
    """

    points: tuple[tuple[float, float], ...]
    kernels: tuple[Kernel, ...]
    maps: RealArray
    outputs: tuple[int, ...]
    coldest: float

    @staticmethod
    def build(
        model: Model,
        responses: Sequence[Response],
        group: SymmetryGroup,
        energies: Sampling,
        quantity: str,
        outputs: Sequence[str],
        points: Sequence[tuple[float, float]],
        *,
        response: str | None = None,
    ) -> Target:
        """The ``outputs`` of ``quantity`` projected onto the tensors ``group`` allows.

        On an ``EnergyGrid`` the lowest temperature is that whose kernels are as wide as a bin. Raises ``ConfigError``
        when no response offers the quantity, several do and none is named by ``response``, or it lacks an output.
        """
        offer, declared = offering(responses, quantity, response, model)
        missing = [output for output in outputs if output not in declared.outputs]
        if missing:
            raise ConfigError(f"{quantity!r} has no output {missing}; it has: {', '.join(declared.outputs)}")
        kernels = tuple(dict.fromkeys(part.kernel for output in outputs for part in declared.outputs[output]))
        layout = ColumnLayout.build(model, responses, group)
        slots = {slot.name: slot for slot in layout.of(offer.name)}
        scale = declared.unit.of(model.dimension).factor / (1.0 if declared.per_cell else model.cell_measure)
        maps = []
        for output in outputs:
            tensor = np.zeros((len(kernels), layout.width, 3 ** len(declared.dims)))
            for part in declared.outputs[output]:
                slot = slots[part.term]
                size = 3 ** len(slot.legs)
                unit_terms = np.eye(size).reshape(size, *(3,) * len(slot.legs))
                image = rearrange(part.subscripts, invariant_part(unit_terms, slot.legs, slot.time_reversal, group))
                image = image.reshape(size, -1)[slot.kept] * declared.computed.ravel()
                tensor[kernels.index(part.kernel), slot.columns] += scale * part.factor * image
            maps.append(_independent(tensor))
        coldest = energies.step / (2 * BOLTZMANN) if isinstance(energies, EnergyGrid) else 0.0
        sizes = tuple(m.shape[2] for m in maps)
        return Target(tuple(points), kernels, np.concatenate(maps, axis=2), sizes, coldest)

    @property
    def size(self) -> int:
        """Numbers for each k point."""
        return len(self.points) * int(self.maps.shape[2])

    def __call__(self, energies: RealArray, values: RealArray) -> RealArray:
        """Target numbers (nk, points · components) of states at ``energies`` (nk, n), ``values`` (nk, n, columns)."""
        kernels, columns, components = self.maps.shape
        out = np.empty((len(energies), len(self.points), components))
        for i, (mu, temperature) in enumerate(self.points):
            weights = np.stack(
                [kernel(energies, mu, max(temperature, self.coldest)) for kernel in self.kernels], axis=1
            )
            sums = np.matmul(weights, values).reshape(len(energies), kernels * columns)
            out[:, i] = sums @ self.maps.reshape(kernels * columns, components)
        return out.reshape(len(energies), -1)


@dataclass(frozen=True, eq=False)
class CellRule:
    """How a block is sorted into stars of cells: ``divisions`` cells along each direction, ``stars`` (cells,) the
    number of the star of each cell, ``target`` what is summed."""

    divisions: tuple[int, int, int]
    stars: IntArray
    target: Target

    def __call__(self, block: KBlock, energies: RealArray, values: RealArray) -> PartSums:
        """Weighted sums of the target over the points of the block in each star."""
        shape = np.array(self.divisions)
        cell = np.floor(block.k * shape).astype(np.int64) % shape
        star = self.stars[np.ravel_multi_index(tuple(cell.T), self.divisions)]
        rows, place = np.unique(star, return_inverse=True)
        sums = np.zeros((len(rows), self.target.size))
        np.add.at(sums, place, block.weights[:, None] * self.target(energies, values))
        return PartSums(rows, sums)


@dataclass
class CellTally:
    """Sums over the stars of cells by ``rule``; ``solve`` leaves them in ``sums`` (replicas, stars, targets)."""

    rule: CellRule
    sums: RealArray = field(default_factory=lambda: np.zeros((0, 0, 0)))

    def empty(self, replicas: int) -> RealArray:
        """Zeros of the shape of ``sums``."""
        return np.zeros((replicas, int(self.rule.stars.max()) + 1, self.rule.target.size))


def star_numbers(divisions: tuple[int, int, int], group: SymmetryGroup) -> IntArray:
    """Number of the star of each cell (cells,), from the operations that map every cell onto a cell.

    Those are the ones that permute and reverse the fractional axes. Other operations turn a cell into one of another
    shape, and are left out here.
    """
    images = [
        image
        for M, image in zip(*_images(divisions, group), strict=True)
        if np.all(np.abs(M).sum(axis=0) == 1) and _keeps(M, divisions)
    ]
    return np.unique(np.min(images, axis=0), return_inverse=True)[1].astype(np.int64)


def averaged_over_group(
    field: RealArray, divisions: tuple[int, int, int], stars: IntArray, group: SymmetryGroup
) -> RealArray:
    """``field`` (cells,) averaged over the cells that hold the images of each cell's centre, then over stars."""
    images = [image for M, image in zip(*_images(divisions, group), strict=True) if _keeps(M, divisions)]
    mean = np.mean([field[image] for image in images], axis=0)
    return np.asarray((np.bincount(stars, mean) / np.bincount(stars))[stars])


def _images(divisions: tuple[int, int, int], group: SymmetryGroup) -> tuple[IntArray, list[IntArray]]:
    """Distinct matrices of the group and the flat number of the cell in which the image of each centre lies."""
    shape = np.array(divisions)
    centre = (np.stack(np.unravel_index(np.arange(shape.prod()), divisions), axis=1) + 0.5) / shape
    matrices = np.unique(group.k_rotations, axis=0)
    images = []
    for M in matrices:
        image = np.floor((centre @ M.T) * shape + 1e-9).astype(np.int64) % shape
        images.append(np.ravel_multi_index(tuple(image.T), divisions))
    return matrices, images


def _keeps(M: IntArray, divisions: tuple[int, int, int]) -> bool:
    """Whether M mixes only directions with equal divisions."""
    N = np.array(divisions)
    return not np.any((M != 0) & (N[:, None] != N[None, :]))


def offering(responses: Sequence[Response], quantity: str, name: str | None, model: Model) -> tuple[Response, Quantity]:
    """The response that offers ``quantity``, the one called ``name`` if that is given."""
    declared = {response.name: (response, published(response, model)) for response in responses}
    found = {key: pair for key, pair in declared.items() if quantity in pair[1] and name in (None, key)}
    if not found:
        offered = [offer for _, quantities in declared.values() for offer in quantities]
        of = f" of response {name!r}" if name else ""
        raise ConfigError(f"no response offers the quantity {quantity!r}{of}; they offer: {', '.join(offered)}")
    if len(found) > 1:
        raise ConfigError(
            f"accuracy: {quantity!r} is offered by {', '.join(found)}; choose one, for example "
            f"Accuracy(..., response={next(iter(found))!r})"
        )
    ((response, quantities),) = found.values()
    return response, quantities[quantity]


def _independent(tensor: RealArray) -> RealArray:
    """``tensor`` (kernels, columns, components) in an orthonormal basis of the components that can be nonzero."""
    flat = tensor.reshape(-1, tensor.shape[2])
    _, size, basis = np.linalg.svd(flat, full_matrices=False)
    kept = basis[size > INDEPENDENT * max(float(size.max(initial=0.0)), np.finfo(float).tiny)]
    return np.asarray(tensor @ kept.T)

"""Unknowns of the Boltzmann equation: one for a band, g² for a group of g degenerate bands.

In a group the distribution is a Hermitian matrix λ̂ with ½{Γ̂, λ̂} − Π K(X) Π = v̂. In the eigenbasis of Γ̂ it splits into
orthonormal Hermitian O_j: |a⟩⟨a| with rate γ_a, and (|a⟩⟨b| + h.c.)/√2 and (i|a⟩⟨b| + h.c.)/√2 with rate (γ_a + γ_b)/2.
Each behaves as a point of its own, with source Tr O_j v̂ and observables Tr O_j θ̂, all with the weight of the group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.shells.shells import EnergyShell
from solenoidal.disorder.shells.states import StateBlock

ROOT_TWO = np.sqrt(2.0)


@dataclass(frozen=True, eq=False)
class PseudoBlock:
    """Unknowns of the groups of one size g: ``start`` the first, g² for each shell point, point after point.

    ``rotation`` (m, g, g) from the states of ``block`` to the eigenvectors of Γ̂; ``extended`` (m, D, g) those on the
    extended space; ``precession`` (m, g², g²) the matrix of i[δH, ·], present where a mean field acts.
    """

    block: StateBlock
    start: int
    rotation: ComplexArray
    extended: ComplexArray
    precession: RealArray | None

    @property
    def count(self) -> int:
        """Number of unknowns."""
        return len(self.block.index) * self.block.size**2


@dataclass(frozen=True, eq=False)
class PseudoPoints:
    """All unknowns of a shell.

    ``point`` (J,) shell point; ``weights`` (J,); ``rates`` (J,) in eV; ``source`` (J, 3) in eV Å; ``unit`` (J,) Tr O_j,
    the shell constant that no collision changes.
    """

    shell: EnergyShell
    blocks: tuple[PseudoBlock, ...]
    point: IntArray
    weights: RealArray
    rates: RealArray
    source: RealArray
    unit: RealArray

    def __len__(self) -> int:
        return len(self.weights)

    def project(self, observable: Callable[[StateBlock], ComplexArray]) -> RealArray:
        """Tr O_j θ̂ of an observable given on each block as (m, g, *legs, g); shape (J, *legs)."""
        parts = []
        for b in self.blocks:
            theta = observable(b.block)
            legs = theta.shape[2:-1]
            m, g = theta.shape[0], b.block.size
            flat = theta.reshape(m, g, -1, g)
            turned = np.einsum("mga,mgxh,mhb->mxab", b.rotation.conj(), flat, b.rotation, optimize=True)
            parts.append(_traces(turned).reshape(m * g * g, *legs))
        return np.concatenate(parts)

    def relax(self, x: RealArray) -> RealArray:
        """Local part of the collision operator undone, (Γ + i[δH, ·])⁻¹ x for x (J, columns)."""
        result = x / self.rates[:, None]
        for b in self.blocks:
            if b.precession is not None:
                part = slice(b.start, b.start + b.count)
                local = self._local(b)
                columns = x[part].reshape(len(local), b.block.size**2, -1)
                result[part] = np.linalg.solve(local, columns).reshape(b.count, -1)
        return result

    def local(self, x: RealArray) -> RealArray:
        """(Γ + i[δH, ·]) x for x (J, columns)."""
        result = x * self.rates[:, None]
        for b in self.blocks:
            if b.precession is not None:
                part = slice(b.start, b.start + b.count)
                local = self._local(b)
                columns = x[part].reshape(len(local), b.block.size**2, -1)
                result[part] = (local @ columns).reshape(b.count, -1)
        return result

    @property
    def precesses(self) -> bool:
        """Whether a mean field makes the collision operator non-symmetric."""
        return any(b.precession is not None for b in self.blocks)

    def _local(self, b: PseudoBlock) -> RealArray:
        if b.precession is None:
            raise RuntimeError("a block without mean field has no local matrix")
        size = b.block.size**2
        rates = self.rates[b.start : b.start + b.count].reshape(-1, size)
        return np.asarray(b.precession + rates[:, :, None] * np.eye(size))

    def coordinates(self, kernel: CollisionKernel) -> RealArray:
        """Tr B_i Φ O_j Φ†, (J, coordinates of the kernel)."""
        result = np.empty((len(self), kernel.rank_bound))
        for b in self.blocks:
            g = b.block.size
            rows = result[b.start : b.start + b.count].reshape(-1, g * g, kernel.rank_bound)
            for j, (left, right, factor) in enumerate(_operators(g)):
                rows[:, j] = kernel.outer_coordinates(factor * b.extended[:, :, left], b.extended[:, :, right])
        return result

    def density_matrix(self, amplitude: RealArray) -> ComplexArray:
        """X = Σ_j amplitude_j Φ O_j Φ† for amplitude (J, columns), shape (columns, D, D)."""
        total: ComplexArray | None = None
        for b in self.blocks:
            g, D = b.block.size, b.extended.shape[1]
            part = amplitude[b.start : b.start + b.count].reshape(-1, g * g, amplitude.shape[1])
            inner = np.einsum("jab,mjc->cmab", operator_matrices(g), part)
            left = np.einsum("mda,cmab->cmdb", b.extended, inner).transpose(0, 2, 1, 3).reshape(len(inner), D, -1)
            right = b.extended.conj().transpose(0, 2, 1).reshape(-1, D)
            here = left @ right
            total = here if total is None else total + here
        if total is None:
            raise RuntimeError("the shell has no states")
        return np.asarray(total)

    def expectation(self, matrices: ComplexArray) -> RealArray:
        """Tr O_j Φ† M Φ for M (columns, D, D), shape (J, columns)."""
        result = np.empty((len(self), len(matrices)))
        for b in self.blocks:
            for column, M in enumerate(matrices):
                projected = _sandwich(b.extended, M)
                result[b.start : b.start + b.count, column] = _traces(projected[:, None]).ravel()
        return result


def pseudo_points(shell: EnergyShell, kernel: CollisionKernel | None, *, mean_field: bool = False) -> PseudoPoints:
    """The unknowns of ``shell`` for the scatterers in ``kernel``; without scatterers all rates are zero."""
    extended = [
        block.vectors if kernel is None else kernel.extend(shell.fractional[block.index], block.vectors)
        for block in shell.blocks
    ]
    collisions, shift = None, None
    if kernel is not None:
        D = kernel.size
        G = np.zeros((D, D), dtype=np.complex128)
        for block, phi in zip(shell.blocks, extended, strict=True):
            scaled = (phi * shell.weights[block.index, None, None]).transpose(1, 0, 2).reshape(D, -1)
            G += scaled @ phi.conj().transpose(0, 2, 1).reshape(-1, D)
        collisions = kernel.apply(G)
        shift = kernel.mean_field() if mean_field else None
    blocks, rates, sources, units, points = [], [], [], [], []
    start = 0
    for block, phi in zip(shell.blocks, extended, strict=True):
        made, rate = _pseudo_block(block, phi, start, collisions, shift)
        g = block.size
        blocks.append(made)
        rates.append(rate.ravel())
        turned = np.einsum("mga,mgxh,mhb->mxab", made.rotation.conj(), block.velocity, made.rotation, optimize=True)
        sources.append(_traces(turned).reshape(-1, 3))
        units.append(np.tile(np.einsum("jaa->j", operator_matrices(g)).real, len(block.index)))
        points.append(np.repeat(block.index, g * g))
        start += made.count
    point = np.concatenate(points)
    return PseudoPoints(
        shell,
        tuple(blocks),
        point,
        shell.weights[point],
        np.concatenate(rates),
        np.concatenate(sources),
        np.concatenate(units),
    )


def _pseudo_block(
    block: StateBlock, phi: ComplexArray, start: int, collisions: ComplexArray | None, shift: ComplexArray | None
) -> tuple[PseudoBlock, RealArray]:
    m, g = block.energies.shape
    rotation = np.broadcast_to(np.eye(g, dtype=np.complex128), (m, g, g))
    gamma = np.zeros((m, g))
    if collisions is not None:
        rate_matrix = _sandwich(phi, collisions)
        if g == 1:
            gamma = rate_matrix[:, :, 0].real
        else:
            gamma, rotation = np.linalg.eigh(rate_matrix)
            phi = phi @ rotation
    rates = np.stack([0.5 * (gamma[:, a] + gamma[:, b]) for a, b, _ in _operators(g)], axis=1)
    precession = None
    if shift is not None and g > 1:
        h = _sandwich(phi, shift)
        basis = operator_matrices(g)
        # i[h, O_k] expanded in the O_j.
        commutator = 1j * (h[:, None] @ basis - basis @ h[:, None])
        precession = np.einsum("jab,mkba->mjk", basis, commutator).real
    return PseudoBlock(block, start, np.asarray(rotation), phi, precession), rates


def _sandwich(phi: ComplexArray, M: ComplexArray) -> ComplexArray:
    """Φ† M Φ for Φ (m, D, g), shape (m, g, g)."""
    m, D, g = phi.shape
    half = (M @ phi.transpose(1, 0, 2).reshape(D, m * g)).reshape(D, m, g).transpose(1, 0, 2)
    return np.asarray(phi.conj().transpose(0, 2, 1) @ half)


def _operators(g: int) -> list[tuple[int, int, complex]]:
    """The O_j as Hermitian parts of factor |a⟩⟨b|: diagonal units, then real and imaginary pairs a < b."""
    pairs = [(a, b) for a in range(g) for b in range(a + 1, g)]
    diagonal: list[tuple[int, int, complex]] = [(a, a, 1.0) for a in range(g)]
    return diagonal + [(a, b, ROOT_TWO) for a, b in pairs] + [(a, b, ROOT_TWO * 1j) for a, b in pairs]


def operator_matrices(g: int) -> ComplexArray:
    """The g² orthonormal Hermitian matrices O_j, (g², g, g)."""
    basis = np.zeros((g * g, g, g), dtype=np.complex128)
    for j, (a, b, factor) in enumerate(_operators(g)):
        basis[j, a, b] += factor / 2
        basis[j, b, a] += np.conj(factor) / 2
    return basis


def _traces(matrices: ComplexArray) -> RealArray:
    """Tr O_j M of Hermitian M (m, x, g, g), shape (m, g², x)."""
    g = matrices.shape[-1]
    if g == 1:
        return np.asarray(matrices[:, :, 0, 0].real[:, None, :])
    return np.asarray(np.einsum("jab,mxba->mjx", operator_matrices(g), matrices).real)

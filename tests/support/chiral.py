"""Threefold helices as in tellurium: a chiral crystal with spin-orbit coupling, in which equilibrium carries spin."""

from __future__ import annotations

import itertools

import numpy as np

from solenoidal.models.builder import PAULI
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator

REACH = 4.2
"""Longest bond, Å."""


def helices(seed: int = 1) -> TightBinding:
    """One orbital with spin at each of the three sites of a helix along z (6 bands), bonds t + iλ e·σ along e.

    Its spin and position matrices are random between orbitals and cells, and respect no symmetry.
    """
    a, c = 4.4, 5.9
    lattice = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    turn = 2 * np.pi * np.arange(3) / 3
    sites = np.stack([0.27 * a * np.cos(turn), 0.27 * a * np.sin(turn), c * np.arange(3) / 3], axis=1)
    R = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    bonds = (R @ lattice)[:, None, None] + sites[None, None] - sites[None, :, None]
    lengths = np.linalg.norm(bonds, axis=-1)
    joined = (lengths > 0) & (lengths < REACH)
    strength = np.where(joined, np.exp(2.8 - np.maximum(lengths, 1.0)), 0.0)
    direction = bonds / np.maximum(lengths, 1e-9)[..., None]
    hops = np.einsum("Rab,st->Rasbt", strength, np.eye(2))
    coupling = 0.3j * np.einsum("Rab,Rabi,ist->Rasbt", strength, direction, np.array([PAULI[i] for i in (1, 2, 3)]))
    matrices = (hops + coupling).reshape(len(R), 6, 6)
    home = len(R) // 2
    position = 0.1 * _hermitian(seed, len(R))
    position[home] += np.einsum("ai,ab->iab", np.repeat(sites, 2, axis=0), np.eye(6))
    spin = 0.05 * _hermitian(seed + 1, len(R))
    spin[home] += np.array([np.kron(np.eye(3), PAULI[i]) / 2 for i in (1, 2, 3)])
    return TightBinding(
        lattice,
        3,
        LatticeOperator(R, matrices),
        LatticeOperator(R, position),
        {"spin": Operator(R, spin, ("axial",), -1, "ħ")},
    )


def _hermitian(seed: int, cells: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(cells, 3, 6, 6)) + 1j * rng.normal(size=(cells, 3, 6, 6))
    return np.asarray((raw + raw[::-1].conj().swapaxes(-1, -2)) / 2)

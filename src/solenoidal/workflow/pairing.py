"""From section [pairing] of an input file to a superconductor made of the normal state in [model]."""

from __future__ import annotations

from typing import Literal

import numpy as np

from solenoidal.errors import ConfigError, ModelError
from solenoidal.models.bdg import bdg, split_spin
from solenoidal.models.gap import BCS_RATIO, gap
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.pairing import add_pairings, bond_pairing, onsite_pairing, spin_pairing
from solenoidal.units import BOLTZMANN
from solenoidal.workflow.input_file import PairingInput, PairPart

SpinOrder = Literal["orbital-major", "spin-major"]


def build_superconductor(normal: TightBinding, settings: PairingInput) -> TightBinding:
    """The Bogoliubov-de Gennes model of ``normal`` with the pair potential of [pairing], at its chemical potential.

    Amplitudes act between orbitals of one spin; basis "general" adds the spin structure. Raises ``ConfigError`` naming
    the entry of [[pairing.part]] that contradicts the model, or what ``bdg`` says of the whole.
    """
    orbitals, order = _orbitals(normal, settings)
    operators = []
    for number, part in enumerate(settings.part, start=1):
        try:
            operator = _part(orbitals, part)
            operators.append(operator if order is None else spin_pairing(operator, part.spin, order=order))
        except ModelError as error:
            raise ConfigError(f"[[pairing.part]] number {number}: {error}") from None
    try:
        return bdg(
            normal,
            add_pairings(*operators),
            mu=settings.mu,
            basis=settings.basis,
            normal_down=settings.normal_down,
            parity=settings.parity,
        )
    except ModelError as error:
        raise ConfigError(f"[pairing] {error}") from None


def pairing_at(settings: PairingInput, temperature: float) -> PairingInput:
    """``settings`` with the amplitudes of ``temperature`` (K): those written are Δ(0), all parts share a curve."""
    if settings.gap == "fixed":
        return settings
    critical = settings.critical_temperature
    if critical is None:
        critical = float(settings.zero_temperature_gap or 0.0) / (BCS_RATIO * BOLTZMANN)
    shape = gap(temperature, critical_temperature=critical, zero_temperature_gap=1.0, method=settings.gap)
    scaled = [float(shape) * part.value for part in settings.part]
    parts = tuple(
        part.model_copy(update={"amplitude": (value.real, value.imag)})
        for part, value in zip(settings.part, scaled, strict=True)
    )
    return settings.model_copy(update={"part": parts})


def _orbitals(normal: TightBinding, settings: PairingInput) -> tuple[TightBinding, SpinOrder | None]:
    """The orbitals of one spin that the amplitudes join, and the order of the spins where they must be put back."""
    if settings.basis != "general":
        if any(part.spin != "singlet" for part in settings.part):
            raise ConfigError('[pairing] a d vector belongs to basis = "general"; leave spin out')
        spinful = settings.basis in ("sz", "symmetrised") and "spin" in normal.operators
        return (split_spin(normal)[0] if spinful else normal), None
    order = _order(normal)
    n = normal.n_orbitals
    chosen = np.arange(0, n, 2) if order == "orbital-major" else np.arange(n // 2)

    def kept(operator: LatticeOperator) -> LatticeOperator:
        return LatticeOperator(operator.R, operator.matrices[..., chosen, :][..., chosen])

    return TightBinding(normal.lattice, normal.dimension, kept(normal.hamiltonian), kept(normal.position), {}), order


def _order(normal: TightBinding) -> SpinOrder:
    """Where the spins stand among the orbitals of a model with operator "spin"."""
    spin = normal.require_operator("spin")
    home = np.flatnonzero(~spin.R.any(axis=1))
    up = np.diagonal(spin.matrices[home[0], 2]).real > 0 if len(home) else np.zeros(normal.n_orbitals, dtype=bool)
    n = len(up)
    if n % 2 == 0 and up[::2].all() and not up[1::2].any():
        return "orbital-major"
    if n % 2 == 0 and up[: n // 2].all() and not up[n // 2 :].any():
        return "spin-major"
    raise ConfigError(
        '[pairing] basis = "general" needs orbitals in the order a↑ a↓ b↑ b↓ or a↑ b↑ a↓ b↓; S_z of this model shows '
        "neither, so build the pair potential in Python with solenoidal.models.pairing"
    )


def _part(orbitals: TightBinding, part: PairPart) -> LatticeOperator:
    weight = None if part.orbitals is None else np.array(part.orbitals)
    matrix = np.diag(weight) if weight is not None and weight.ndim == 1 else weight
    if part.kind == "onsite":
        return onsite_pairing(orbitals, part.value if matrix is None else part.value * matrix)
    return bond_pairing(orbitals, part.value, part.form, shell=part.shell, orbitals=matrix)

"""Which figures of a solution deserve a warning, with the limits of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from solenoidal.disorder.boltzmann import ShellDiagnostics
from solenoidal.disorder.problems import (
    ExtrinsicWarning,
    FallbackWarning,
    HiddenPocketWarning,
    PolarisedBlockWarning,
    QuadratureWarning,
    QuasiDegenerateWarning,
    SlowModeWarning,
)


@dataclass(frozen=True)
class Concern:
    """A figure of ``ShellDiagnostics``, the limit above which it is reported, and the text with its worst value."""

    figure: Callable[[ShellDiagnostics], float]
    limit: float
    kind: type[ExtrinsicWarning]
    text: str
    needs_rates: bool = True


CONCERNS = (
    Concern(
        lambda d: d.fallback,
        1e-3,
        FallbackWarning,
        "{:.2%} of the shell was followed by the linear rule only (van Hove points, touching sheets or pockets smaller "
        "than a mesh cell): refine the mesh and compare",
        needs_rates=False,
    ),
    Concern(
        lambda d: d.quasi_degenerate,
        1e-3,
        QuasiDegenerateWarning,
        "{:.1%} of the shell has another band within three scattering rates: coherence between bands, which the "
        "Boltzmann equation lacks, matters there; lower the concentration or the strength",
    ),
    Concern(
        lambda d: d.overlap,
        1e-3,
        QuadratureWarning,
        "the field seems to drive a conserved quantity (overlap {:.2g}): the mesh is too coarse, or the scatterers "
        "hardly damp some current",
    ),
    Concern(
        lambda d: 1 / d.slowest if d.slowest > 0 else 0.0,
        1e6,
        SlowModeWarning,
        "the slowest current relaxes {:.2g} times slower than states scatter, which magnifies quadrature errors by as "
        "much: compare two meshes",
    ),
    Concern(
        lambda d: d.polarised,
        1e-8,
        PolarisedBlockWarning,
        "the mean field of the impurities splits degenerate bands by up to {:.2g} scattering rates, which is left out: "
        "compare with mean_field=True",
    ),
)


def warn_about(found: Sequence[ShellDiagnostics], *, rates_known: bool) -> None:
    """One warning for each concern, with the worst case; without scatterers only those about the shell itself."""
    for concern in CONCERNS:
        worst = max((concern.figure(d) for d in found), default=0.0)
        if worst > concern.limit and (rates_known or not concern.needs_rates):
            warnings.warn(concern.text.format(worst), concern.kind, stacklevel=3)


def warn_about_pockets(hidden: Mapping[float, int]) -> None:
    """Report the energies (eV) at which parts of the shell were too small for the mesh."""
    energies = sorted(energy for energy, count in hidden.items() if count)
    if energies:
        shown = ", ".join(f"{e:.4g}" for e in energies[:6]) + (", …" if len(energies) > 6 else "")
        warnings.warn(
            f"at {len(energies)} energies ({shown} eV) pockets smaller than a mesh cell were left out: refine the "
            "mesh, or avoid band edges and Dirac points",
            HiddenPocketWarning,
            stacklevel=3,
        )

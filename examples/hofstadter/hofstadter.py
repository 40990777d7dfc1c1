"""A weak magnetic flux as referee: spin density of an insulator and energy of a Chern insulator, exactly in the field.

Left: ∂s/∂B of the Kane–Mele insulator against the Rashba coupling, beside every definition of the spin Hall
conductivity. Right: −∂Ω/∂B of the Haldane model against μ, beside the modern theory's magnetization. Run it with an
output folder:

    python hofstadter.py figures --flux 31
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import solenoidal as sol
from solenoidal.arrays import RealArray
from solenoidal.models.library import haldane, kane_mele
from solenoidal.realspace import flux_response
from solenoidal.responses.magnetization import Magnetization, orbital_magnetization

COLD = 20.0
WARM = 600.0
CHERN = haldane(t2=0.15, phi=0.4 * np.pi, mass=0.2)

log = logging.getLogger("hofstadter")


def definitions(couplings: Sequence[float], mesh: int, flux: int) -> dict[str, RealArray]:
    """σ_xy of s_z in |e|/2π at half filling for every Rashba coupling, and ∂s/∂B."""
    rows: dict[str, list[float]] = {}
    for coupling in couplings:
        model = kane_mele(lambda_so=0.15, lambda_r=float(coupling), lambda_v=0.2)
        exact = flux_response(model, flux=flux, mesh=(1, flux), mu=0.0, temperature=COLD)
        responses = [sol.SpinConductivity(occupied_bands=2), Magnetization()]
        fixed = sol.FixedPoints((0.0,), (COLD,))
        run = sol.solve(model, responses, sol.Numerics(mesh=(mesh, mesh, 1), energies=fixed, audit=False))
        sigma = run.conductivity([0.0], [COLD]).isel(mu=0, temperature=0).sel(current="x", field="y", spin="z")
        streda = run.quantity("streda", [0.0], [COLD]).isel(mu=0, temperature=0).sel(moment="z", spin="z")
        values = {
            r"$\partial s/\partial B$, exact": exact.density_slope.sel(spin="z"),
            "finite-$q$": sigma.finite_q,
            r"$-e\int\Omega_n s_n$, Eq. (16)": sigma.berry_spin,
            r"$e\,\partial M^s/\partial\mu$, K-form": streda.magnetization,
            "projector": sigma.projector,
            "conventional": sigma.conventional,
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in rows.items()}


def magnetization(levels: RealArray, mesh: int, flux: int) -> tuple[RealArray, RealArray]:
    """Modern theory on all ``levels`` and −∂Ω/∂B on every fourth, in A."""
    fixed = sol.FixedPoints(tuple(levels), (WARM,))
    run = sol.solve(CHERN, [orbital_magnetization()], sol.Numerics(mesh=(mesh, mesh, 1), energies=fixed, audit=False))
    bulk = run.quantity("magnetization", levels, [WARM]).magnetization.values[:, 0, 2]
    exact = [
        float(flux_response(CHERN, "charge", flux=flux, mesh=(2, flux), mu=mu, temperature=WARM).magnetization)
        for mu in levels[::4]
    ]
    return bulk, np.array(exact)


def figures(flux: int, mesh: int, couplings: int, levels: int) -> dict[str, Figure]:
    """The figure of the example by name."""
    x = np.linspace(1e-3, 0.25, couplings)
    curves = definitions(x, mesh, flux)
    names = list(curves)
    exact, finite_q = curves[names[0]], curves[names[1]]
    log.info("finite-q against the exact density slope: largest deviation %.2e", np.abs(finite_q / exact - 1).max())
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0), layout="constrained")
    left.plot(x, exact, "o", color="black", label=names[0])
    styles = ("-", "--", "-.", ":", "--")
    for name, colour, style in zip(
        names[1:], ("#7B3294", "#56B4E9", "#0072B2", "#E69F00", "#D55E00"), styles, strict=True
    ):
        left.plot(x, curves[name], style, color=colour, label=name)
    left.set_xlabel(r"Rashba coupling $\lambda_R$  [eV]")
    left.set_ylabel(r"$\sigma^z_{xy}$  [$|e|/2\pi$]")
    left.legend(frameon=False, fontsize=8)
    mu = np.linspace(-3.6, 3.6, levels)
    bulk, field = magnetization(mu, mesh, flux)
    scale = float(np.abs(bulk).max())
    log.info(
        "−∂Ω/∂B against the modern theory: largest deviation %.2e of the largest",
        np.abs(field - bulk[::4]).max() / scale,
    )
    right.plot(mu, 1e6 * bulk, color="#0072B2", label="modern theory, Eq. (13) for $s \\to e$")
    right.plot(mu[::4], 1e6 * field, "o", color="black", ms=4, label=r"$-\partial\Omega/\partial B$, exact")
    right.set_xlabel(r"$\mu$  [eV]")
    right.set_ylabel(r"$M_z$  [µA]")
    right.legend(frameon=False, fontsize=8)
    return {"hofstadter": figure}


def main() -> None:
    """Write the figure as a PNG file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for the figure")
    parser.add_argument("--flux", type=int, default=31, help="denominator of the flux per cell")
    parser.add_argument("--mesh", type=int, default=96, help="divisions of the zone along each side")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plt.switch_backend("agg")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures(options.flux, options.mesh, couplings=9, levels=97).items():
        path = options.output / f"{name}.png"
        figure.savefig(path, dpi=160)
        log.info("%s", path)


if __name__ == "__main__":
    main()

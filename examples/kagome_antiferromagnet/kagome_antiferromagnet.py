"""Spin current driven by a field through impurities in a non-collinear antiferromagnet, without spin-orbit coupling.

Reads the input file, writes the labelled result, figures and a symmetry report into an output folder:

    python kagome_antiferromagnet.py kagome.toml figures
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from solenoidal.disorder.boltzmann import solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.shell_map import shell_map
from solenoidal.disorder.symmetry_report import symmetry_report
from solenoidal.report.extrinsic_figures import against_mu_figure, fermi_surface_figure, relaxation_spectrum_figure
from solenoidal.workflow.disorder_input import DisorderInput, read_disorder_input

log = logging.getLogger("kagome_antiferromagnet")


def conductivity(asked: DisorderInput) -> xr.Dataset:
    """All tensors at every chemical potential and temperature of the input."""
    return extrinsic_conductivity(
        asked.shells,
        asked.scatterers,
        mu=asked.mu,
        temperature=asked.temperature,
        method=asked.method,
        mean_field=asked.mean_field,
        symmetry="auto" if asked.symmetry else None,
        tolerance=asked.tolerance,
        compare=asked.compare,
    )


def figures(asked: DisorderInput, data: xr.Dataset) -> dict[str, Figure]:
    """Curves against μ, the Fermi line of the middle μ with what it contributes, and the relaxation spectrum."""
    middle = float(asked.mu[len(asked.mu) // 2])
    kernel = CollisionKernel.build(asked.model, asked.scatterers)
    line = shell_map(solve_boltzmann(asked.shells.at(middle), kernel))
    drawn = {
        "fermi_line": fermi_surface_figure(line, component=asked.component),
        "relaxation": relaxation_spectrum_figure(line),
    }
    if len(asked.mu) > 1:
        t = float(asked.temperature[0])
        drawn["conductivity"] = against_mu_figure(data, component=asked.component, temperature=t)
        drawn["spin_hall_angle"] = against_mu_figure(data, component=asked.component, temperature=t, angle=True)
    return drawn


def report(asked: DisorderInput, data: xr.Dataset) -> str:
    """Symmetry of host and impurities, beside the numbers at the middle μ."""
    middle = len(asked.mu) // 2
    chosen = data.isel(mu=[middle], temperature=[0])
    return symmetry_report(chosen, asked.model, asked.scatterers, tolerance=asked.tolerance).text


def main() -> None:
    """Read the arguments and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("input", type=Path, help="TOML file")
    parser.add_argument("output", type=Path, help="folder to be created")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asked = read_disorder_input(arguments.input)
    arguments.output.mkdir(parents=True)
    data = conductivity(asked)
    data.to_netcdf(arguments.output / "result.nc", engine="h5netcdf")
    for name, figure in figures(asked, data).items():
        figure.savefig(arguments.output / f"{name}.png", dpi=200)
    text = report(asked, data)
    (arguments.output / "symmetry.txt").write_text(text + "\n", encoding="utf-8")
    log.info("%s\nwritten to %s", text, arguments.output)


if __name__ == "__main__":
    main()

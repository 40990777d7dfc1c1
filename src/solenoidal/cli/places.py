"""Where a command writes: one folder, the same names in it for every command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from solenoidal.results.plots import PRINT_DPI
from solenoidal.results.result import Result

FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Places:
    """Files of the output folder ``directory``; ``summary`` names the readable one."""

    directory: Path
    summary: str

    @property
    def result(self) -> Path:
        """The NetCDF file."""
        return self.directory / "result.nc"

    @property
    def report(self) -> Path:
        """The readable summary."""
        return self.directory / self.summary

    @property
    def input(self) -> Path:
        """The copy of the input file."""
        return self.directory / "input.toml"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.directory / "figures"

    @property
    def checkpoint(self) -> Path:
        """Finished blocks of a run that has not ended."""
        return self.directory / "run.checkpoint"

    @property
    def log(self) -> Path:
        """What happened, for a bug report; every start of the same run adds to it."""
        return self.directory / "run.log"

    @property
    def lock(self) -> Path:
        """Held while a run writes here."""
        return self.directory / "run.lock"

    @property
    def jobs(self) -> Path:
        """Folder of the logs of batch jobs."""
        return self.directory / "jobs"

    @property
    def all(self) -> tuple[Path, ...]:
        """Everything that must not exist before the command."""
        return self.result, self.report, self.input, self.figures


def write_netcdf(content: Result | xr.Dataset, path: Path) -> None:
    """Save under a temporary name first, so that an old file stays whole until the new one is complete."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    if isinstance(content, Result):
        content.save(partial)
    else:
        content.to_netcdf(partial, engine="h5netcdf")
    partial.replace(path)


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """``figure`` in every format of the project."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in FORMATS:
        figure.savefig(folder / f"{name}.{suffix}", dpi=PRINT_DPI)

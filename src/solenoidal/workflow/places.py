"""Where a command writes: one folder, the same names in it for every command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from solenoidal.replacement import replacing
from solenoidal.report.figures import PRINT_DPI
from solenoidal.results.result import Result
from solenoidal.results.storage import require_space
from solenoidal.results.tensors import save_tensors

FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Places:
    """Files of the output folder ``directory``; ``summary`` names the readable one, ``others`` further texts."""

    directory: Path
    summary: str
    others: tuple[str, ...] = ()

    @property
    def result(self) -> Path:
        """The NetCDF file."""
        return self.directory / "result.nc"

    @property
    def report(self) -> Path:
        """The readable summary."""
        return self.directory / self.summary

    @property
    def texts(self) -> tuple[Path, ...]:
        """Texts beside the summary."""
        return tuple(self.directory / name for name in self.others)

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
        return self.result, self.report, self.input, self.figures, *self.texts


def output_folder(input_path: Path, chosen: Path | None) -> Path:
    """The folder that was ``chosen``, else one named after the input file, beside it."""
    return chosen or input_path.parent / f"{input_path.stem}-output"


def write_netcdf(content: Result | xr.Dataset, path: Path) -> None:
    """Save ``content``; raises ``OSError`` as ``replacing`` does."""
    with replacing(path) as partial:
        if isinstance(content, Result):
            content.save(partial)
        else:
            require_space(partial, content.nbytes)
            content.to_netcdf(partial, engine="h5netcdf")


def write_tensors(data: xr.Dataset, path: Path) -> None:
    """Save ``data`` with where it comes from; raises ``OSError`` as ``replacing`` does."""
    with replacing(path) as partial:
        save_tensors(data, partial)


def write_figure(figure: Figure, path: Path) -> None:
    """Save ``figure`` in the format of the suffix; raises ``OSError`` as ``replacing`` does."""
    with replacing(path) as partial:
        figure.savefig(partial, dpi=PRINT_DPI)


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """``figure`` in every format of the project."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in FORMATS:
        write_figure(figure, folder / f"{name}.{suffix}")

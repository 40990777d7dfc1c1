"""What every run does around its numbers: it claims its folder, logs, keeps its input as it was, replaces outputs
only by complete ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from solenoidal.integrate.checkpoint import locked
from solenoidal.replacement import require_absent, write_text
from solenoidal.results.result import Result
from solenoidal.workflow.places import Places, save_figure, write_netcdf, write_tensors
from solenoidal.workflow.runlog import log_text, run_log, worth_keeping


@dataclass(frozen=True)
class Session:
    """A run that has its output folder to itself.

    ``places`` names the files of the folder, ``source`` is the text of the input file that was read, ``resume`` says
    whether the run goes on from finished parts.
    """

    places: Places
    source: str
    resume: bool

    @property
    def checkpoint(self) -> Path:
        """Where finished parts are kept until there is a result."""
        return self.places.checkpoint

    def keep(self, result: Result | xr.Dataset) -> None:
        """Write the result with the text of the input file in it; only then are the finished parts given up."""
        self.places.directory.mkdir(parents=True, exist_ok=True)
        if isinstance(result, Result):
            write_netcdf(replace(result, attrs={**result.attrs, "input": self.source}), self.places.result)
        else:
            write_tensors(result.assign_attrs(input=self.source), self.places.result)
        self.checkpoint.unlink(missing_ok=True)

    def publish(self, figures: Mapping[str, Figure], summary: str, texts: Sequence[str] = ()) -> None:
        """Write each figure as PNG and PDF, the readable summary, the other ``texts`` that the places name, and the
        input file as it was read."""
        self.places.figures.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            save_figure(figure, self.places.figures, name)
        write_text(summary, self.places.report)
        for path, text in zip(self.places.texts, texts, strict=True):
            write_text(text, path)
        write_text(self.source, self.places.input)


@contextmanager
def open_session(
    input_path: Path,
    source: str,
    places: Places,
    *,
    overwrite: bool,
    resume: bool,
    facts: Mapping[str, list[str]],
    cluster: bool = False,
) -> Iterator[Session]:
    """The output folder for one run of the input file at ``input_path``, whose text is ``source``.

    A log for bug reports stays in the folder; it starts with the input and with ``facts`` (title → lines). With
    ``cluster`` the warnings of Dask go there too. A run that fails before it has anything to keep leaves no folder
    behind. Raises ``OutputExistsError`` when there are outputs and ``overwrite`` is false, and ``ConfigError`` when
    another run is writing there.
    """
    require_absent(places.all, overwrite=overwrite)
    places.directory.mkdir(parents=True, exist_ok=True)
    refusal = f"{places.directory}: another run is writing there; wait for it or choose another --output"
    try:
        with locked(places.lock, refusal):
            try:
                # Another run may have ended in the meantime.
                require_absent(places.all, overwrite=overwrite)
                if overwrite and not resume:
                    places.checkpoint.unlink(missing_ok=True)
                with run_log(places.log, append=places.checkpoint.exists(), cluster=cluster):
                    for title, lines in {f"input {input_path}": source.splitlines(), **facts}.items():
                        log_text(title, lines)
                    yield Session(places, source, resume)
            except BaseException as error:
                _remove_bare_log(places, error)
                raise
    finally:
        with suppress(OSError):
            places.directory.rmdir()


def _remove_bare_log(places: Places, error: BaseException) -> None:
    """A log without finished parts, jobs or results says no more than the message of a plain ``error``."""
    if not worth_keeping(error) and set(places.directory.iterdir()) == {places.log, places.lock}:
        places.log.unlink()

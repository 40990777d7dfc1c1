"""A disorder run that is interrupted or killed goes on from its finished shells and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from solenoidal.disorder.boltzmann import RelaxationTime
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.problems import HiddenPocketWarning
from solenoidal.disorder.scatterers import site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.errors import ConfigError, InputFileError
from solenoidal.integrate.solve import Progress
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import kagome_antiferromagnet

MU = [0.9, 12.0, 1.1]
"""The second lies above all bands."""


def run(model: TightBinding, **options: Any) -> xr.Dataset:
    fine, coarse = (EnergyShells(model, mesh=(n, n), threads=1) for n in (16, 12))
    arguments: dict[str, Any] = {"mu": MU, "symmetry": "auto", "compare": coarse}
    species = site_impurities(model, concentration=0.01, strength=1.0)
    return extrinsic_conductivity(fine, species, **{**arguments, **options})


def same_bits(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert found.attrs == expected.attrs
    assert set(found.variables) == set(expected.variables)
    for name, variable in expected.variables.items():
        assert variable.values.tobytes() == found[name].values.tobytes(), name
    assert np.abs(expected.conserved.values[[0, 2]]).max(axis=(2, 3, 4)).min() > 0.1
    assert not expected.conserved.values[1].any()


class StoppedError(Exception):
    """Ends a run."""


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.ExtrinsicWarning")
def test_a_run_stopped_again_and_again_ends_with_the_same_bits(tmp_path: Path, kagome: TightBinding) -> None:
    whole, path, seen = run(kagome), tmp_path / "run.checkpoint", []
    for stop in (1, 2, 4, None):

        def progress(state: Progress, stop: int | None = stop) -> None:
            seen.append(state)
            if state.done == stop:
                raise StoppedError

        if stop is None:
            found = run(kagome, checkpoint=path, resume=True, progress=progress)
        else:
            with pytest.raises(StoppedError):
                run(kagome, checkpoint=path, resume=path.exists(), progress=progress)
    same_bits(found, whole)
    done = [state.done for state in seen]
    assert done == [1, 2, 3, 4, 5, 6], "every shell is solved once"
    assert [state.doing for state in seen[:: len(seen) - 1]] == ["solving", "comparing"]
    assert {state.unit for state in seen} == {"shells"}
    assert seen[-1].remaining == 0.0 < seen[3].remaining


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.ExtrinsicWarning")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mu": [0.9, 1.0]}, r"mu was \[0.9, 12.0, 1.1\], now \[0.9, 1.0\]"),
        ({"method": RelaxationTime(10.0)}, r"method was 'born', now RelaxationTime"),
        ({"symmetry": None}, "symmetry operations was"),
        ({"compare": None}, "mesh was"),
    ],
)
def test_the_finished_shells_of_another_input_are_refused(
    tmp_path: Path, kagome: TightBinding, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "run.checkpoint"
    run(kagome, checkpoint=path)
    with pytest.raises(ConfigError, match="exists: resume from it"):
        run(kagome, checkpoint=path)
    with pytest.raises(InputFileError, match=message):
        run(kagome, checkpoint=path, resume=True, **options)


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.ExtrinsicWarning")
def test_another_model_or_strength_is_refused(tmp_path: Path, kagome: TightBinding) -> None:
    path = tmp_path / "run.checkpoint"
    run(kagome, checkpoint=path)
    with pytest.raises(InputFileError, match="belongs to another run"):
        run(kagome_antiferromagnet(J=1.70001), checkpoint=path, resume=True)
    shells = EnergyShells(kagome, mesh=(16, 16), threads=1)
    weak, strong = (site_impurities(kagome, concentration=0.01, strength=v) for v in (1.0, 1.001))
    path.unlink()
    extrinsic_conductivity(shells, weak, mu=0.9, checkpoint=path)
    with pytest.raises(InputFileError, match="belongs to another run"):
        extrinsic_conductivity(shells, strong, mu=0.9, checkpoint=path, resume=True)


def test_pockets_left_out_before_an_interruption_are_still_reported(tmp_path: Path, kagome: TightBinding) -> None:
    path = tmp_path / "run.checkpoint"
    species = site_impurities(kagome, concentration=0.001, strength=1.0)

    def stop(_: Progress) -> None:
        raise StoppedError

    def started(**options: Any) -> xr.Dataset:
        shells = EnergyShells(kagome, mesh=(32, 32), threads=1)
        return extrinsic_conductivity(shells, species, mu=[1.75, 12.0], checkpoint=path, **options)

    with pytest.raises(StoppedError):
        started(progress=stop)
    with pytest.warns(HiddenPocketWarning, match=r"at 1 energies \(1.75 eV\)"):
        data = started(resume=True)
    assert data.attrs["hidden_pockets"] >= 2


INPUT = """
[model]
library = "kagome_antiferromagnet"
parameters = { J = 1.7 }
[shells]
mesh = [48, 48]
compare = [40, 40]
[[scatterer]]
kind = "site"
concentration = 0.01
strength = 1.0
[transport]
mu_range = [0.7, 1.3, 31]
component = "yyy"
"""

PROGRAM = """
import sys
from solenoidal.integrate import checkpoint
checkpoint.Checkpoint.__init__.__defaults__ = (0.2, *checkpoint.Checkpoint.__init__.__defaults__[1:])
from solenoidal.cli import main
main()
"""


def started(path: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    arguments = ["disorder", str(path), "--output", str(out), *options]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_a_killed_disorder_run_resumes_from_the_command_line_with_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "kagome.toml"
    path.write_text(INPUT, encoding="utf-8")
    process = started(path, tmp_path / "whole")
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    out = tmp_path / "out"
    for number in range(3):
        process = started(path, out, *(("--resume",) if number else ()))
        until = time.monotonic() + 120
        before = (out / "run.checkpoint").stat().st_size if number else 0
        while process.poll() is None and time.monotonic() < until:
            if (out / "run.checkpoint").exists() and (out / "run.checkpoint").stat().st_size > before:
                break
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()[0]
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process = started(path, out, "--resume")
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    assert not (out / "run.checkpoint").exists()
    with (
        xr.open_dataset(tmp_path / "whole" / "result.nc", engine="h5netcdf") as expected,
        xr.open_dataset(out / "result.nc", engine="h5netcdf") as found,
    ):
        assert np.abs(expected.conserved).max() > 1
        for name, variable in expected.data_vars.items():
            assert variable.values.tobytes() == found[name].values.tobytes(), name

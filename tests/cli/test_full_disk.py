"""A disk without room while a command writes: the file is named and what was there before stays whole."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from solenoidal.replacement import replacing
from support.commands import NO_PICTURES, call

DISORDER = Path(__file__).resolve().parents[2] / "examples" / "kagome_antiferromagnet" / "kagome.toml"
HDF5_ROOM = 2**18


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file can grow beyond ``size`` bytes; writing fails as it does on a disk that fills up, half-way through."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails_and_leaves(
    folder: Path, arguments: list[str | Path], size: int, target: Path, kept: tuple[str, ...] = ()
) -> None:
    """``arguments`` end with one line that names ``target``, whose earlier content stays, in a clean folder.

    The finished work that is ``kept`` is all that is new there.
    """
    before = contents(folder)
    with room(size):
        outcome = call(*arguments, "--overwrite")
    assert outcome.exit_code == 2, outcome.output
    lines = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "File too large" in lines[0]
    assert str(target) in lines[0]
    after = contents(folder)
    assert set(after) == {*before, *kept}
    name = str(target.relative_to(folder))
    if name in before:
        assert after[name] == before[name]
    assert call(*arguments, "--overwrite").exit_code == 0


@pytest.fixture
def rashba(tmp_path: Path) -> Path:
    path = tmp_path / "rashba.toml"
    path.write_text(NO_PICTURES.replace("[0, 300]", "[300]"), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["bands", "geometry"])
def test_pictures_with_their_data(tmp_path: Path, rashba: Path, command: str) -> None:
    folder = tmp_path / "out"
    arguments = [command, rashba, "--output", folder / "map", "--points", "24"]
    assert call(*arguments).exit_code == 0
    sizes = {suffix: (folder / f"map.{suffix}").stat().st_size for suffix in ("png", "pdf")}
    fails_and_leaves(folder, arguments, sizes["png"] // 2, folder / "map.png")
    assert max(sizes.values()) < HDF5_ROOM
    fails_and_leaves(folder, arguments, max(sizes.values()) + 2000, folder / "map.nc")


def test_results_of_disorder(tmp_path: Path) -> None:
    text = DISORDER.read_text(encoding="utf-8").replace("mesh = [64, 64]", "mesh = [16, 16]")
    path, folder = tmp_path / "kagome.toml", tmp_path / "out"
    path.write_text(text.replace("mu_range = [0.4, 1.4, 21]", "mu = [1.0]"), encoding="utf-8")
    arguments = ["disorder", path, "--output", folder]
    assert call(*arguments).exit_code == 0
    fails_and_leaves(folder, arguments, 20_000, folder / "result.nc", kept=("run.checkpoint",))
    report = folder / "symmetry.txt"
    report.write_text("earlier", encoding="utf-8")
    with replacing(report) as partial:
        assert partial.parent == folder
        partial.write_text("later", encoding="utf-8")
        assert report.read_text(encoding="utf-8") == "earlier"
    assert report.read_text(encoding="utf-8") == "later"


def test_reports_and_models(tmp_path: Path, rashba: Path) -> None:
    folder = tmp_path / "out"
    assert call("run", rashba, "--output", folder).exit_code == 0
    page, model = folder / "page.html", folder / "model.npz"
    report: list[str | Path] = ["report", folder / "result.nc", "--output", page, "-T", "300"]
    convert: list[str | Path] = ["convert", rashba, "--output", model]
    assert [call(*command).exit_code for command in (report, convert)] == [0, 0]
    fails_and_leaves(folder, report, page.stat().st_size // 2, page)
    fails_and_leaves(folder, convert, model.stat().st_size // 2, model)


def test_an_error_without_a_number_names_the_file_too(tmp_path: Path) -> None:
    target = tmp_path / "result.nc"
    target.write_bytes(b"good")

    def interrupted() -> None:
        with replacing(target) as partial:
            partial.write_bytes(b"bad")
            raise OSError("lost the disk")

    with pytest.raises(OSError, match=r"result\.nc: cannot be written: lost the disk"):
        interrupted()
    assert contents(tmp_path) == {"result.nc": b"good"}

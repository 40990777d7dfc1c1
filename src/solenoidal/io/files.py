"""Which files of a Wannier90 calculation exist beside a prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from solenoidal.errors import InputFileError

SUFFIXES = {
    "chk": (".chk", ".chk.fmt"),
    "eig": (".eig",),
    "spn": (".spn", ".spn.fmt"),
    "win": (".win",),
    "nnkp": (".nnkp",),
    "mmn": (".mmn",),
    "wout": (".wout",),
    "centres": ("_centres.xyz",),
    "tb": ("_tb.dat",),
    "hr": ("_hr.dat",),
    "wsvec": ("_wsvec.dat",),
}

PACKED = ("", ".gz", ".bz2")
"""Endings of plain and packed files."""


@dataclass(frozen=True)
class FileSet:
    """The files found for a prefix, by kind; the keys are those of ``SUFFIXES``."""

    prefix: Path
    found: dict[str, Path]

    def get(self, kind: str) -> Path | None:
        """The file of this kind, ``None`` when there is none."""
        return self.found.get(kind)

    def need(self, kind: str, purpose: str) -> Path:
        """The file of this kind; raises ``InputFileError`` naming the files looked for when there is none."""
        path = self.get(kind)
        if path is None:
            raise InputFileError(self.prefix, f"{purpose}; looked for {candidates(self.prefix, [kind])}")
        return path


def candidates(prefix: Path, kinds: Sequence[str]) -> str:
    """The names that would be accepted, as text."""
    return (
        ", ".join(f"{prefix.name}{suffix}[.gz|.bz2]" for kind in kinds for suffix in SUFFIXES[kind])
        + f" in {prefix.parent}"
    )


def locate(prefix: Path) -> FileSet:
    """Look for every kind of file, plain before packed and unformatted before formatted."""
    found = {}
    for kind, suffixes in SUFFIXES.items():
        names = [prefix.parent / f"{prefix.name}{suffix}{ending}" for suffix in suffixes for ending in PACKED]
        existing = [path for path in names if path.is_file()]
        if existing:
            found[kind] = existing[0]
    return FileSet(prefix, found)

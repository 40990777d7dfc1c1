"""Wannier models from the files of Wannier90: the one public function of this room's readers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path

import numpy as np

from solenoidal.errors import ConfigError, InputFileError
from solenoidal.io.files import FileSet, candidates, locate
from solenoidal.io.from_checkpoint import WannierData, from_checkpoint
from solenoidal.io.from_lattice import from_lattice
from solenoidal.io.second_file import compare_second
from solenoidal.io.spin_check import (
    SpinReport,
    examine_spin,
    ordering_conflict,
    ordering_labels,
    spin_of_labels,
)
from solenoidal.io.winfile import WinFile, read_win
from solenoidal.models.facts import checked_mesh
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import spin_operator

SOURCES = ("auto", "chk", "tb", "hr")
POSITIONS = ("invariant", "wannier90")
MATRIX_ELEMENTS = ("auto", "all-states", "finite-difference", "wannier-space")

logger = logging.getLogger(__name__)


def read_wannier90(
    prefix: str | PathLike[str],
    *,
    source: str = "auto",
    spin: str | Sequence[str] = "auto",
    dimension: int = 3,
    minimal_image: bool = True,
    position: str = "invariant",
    matrix_elements: str = "auto",
    examine: bool = True,
) -> TightBinding:
    """A tight-binding model with position and spin from the files of a Wannier90 calculation.

    From the checkpoint, with V = U_opt U (k-dependent, bands inside the outer window):
    H(R) = (1/N) Σ_k e^{−ik·R} V†EV, s(R) = (1/N) Σ_k e^{−ik·R} V†(σ/2)V, and r(R) from the overlaps, Wang et al.,
    PRB 74, 195118, eq. (44). Every element sits at its minimal image.

    Parameters
    ----------
    prefix
        Path without extension, such as ``"run/Pt"``. Files may be packed by gzip or bzip2.
    source
        ``"chk"``: ``.chk`` or ``.chk.fmt`` with ``.eig``, and ``.spn`` (binary or formatted) for the spin; ``"tb"``:
        ``_tb.dat``; ``"hr"``: ``_hr.dat`` with the lattice from ``.win`` and centres from ``.wout`` or
        ``_centres.xyz``; ``"auto"``: the first of these that exists. A ``_tb.dat`` or ``_hr.dat`` beside a checkpoint
        is then compared with it.
    spin
        ``"auto"``: from ``.spn`` where the checkpoint is used and the file exists, else none; ``"spn"``: from ``.spn``,
        an error without it; ``"none"``. Without ``.spn`` the order of the spinors among the Wannier functions must be
        stated: ``"interleaved"`` (up, down, up, down, …), ``"blocked"`` (all up, then all down) or one ``"up"`` or
        ``"down"`` for each Wannier function.
    dimension
        3, or 2 or 1 for a slab or wire whose last lattice vectors cross vacuum (one k point along them).
    minimal_image
        Put b closest to a modulo the supercell of the k mesh, as Wannier90 does by default (``use_ws_distance``);
        from ``_wsvec.dat`` where matrices are read from ``_tb.dat`` or ``_hr.dat``.
    position
        Form of r between different Wannier functions from the overlaps of a checkpoint: ``"invariant"``, which shifts
        with the origin as a position must (the overlaps carry the phases of the centres), or ``"wannier90"``, that of
        ``_tb.dat``. They differ at second order in the spacing of the k mesh. The home-cell diagonal of r, once, are
        the centres that the checkpoint states; where wide functions leave the logarithm of the overlaps without a sure
        branch, a warning says how far the centres of the overlaps are from them.
    matrix_elements
        What products of operators are taken over: ``"all-states"``, the bands of the run, from ``.chk``, ``.eig``,
        ``.spn`` and ``.mmn``; ``"wannier-space"``, the states of the model; ``"auto"``: the first where these files
        exist, else the second. ``"finite-difference"`` is ``"all-states"`` without the correction that makes them fit
        the position matrix, as other programs take them.
    examine
        Examine the spin operator and refuse one that contradicts the Hamiltonian.

    Returns
    -------
    TightBinding
        Operator ``"spin"`` in ħ when there is one; ``structure`` from ``.win`` when it exists; ``provenance`` holds the
        files, what was measured on reading and, where a spin was examined, the fields of ``SpinReport`` under
        ``"spin_report"``.

    Raises
    ------
    InputFileError
        A file is missing, truncated, damaged, not finite, not Hermitian, or of another calculation than the others.
    ConfigError
        An argument has a value that is not in the list above.
    """
    if source not in SOURCES:
        raise ConfigError(f"source = {source!r}; expected one of {', '.join(SOURCES)}")
    if position not in POSITIONS:
        raise ConfigError(f"position = {position!r}; expected one of {', '.join(POSITIONS)}")
    if matrix_elements not in MATRIX_ELEMENTS:
        raise ConfigError(f"matrix_elements = {matrix_elements!r}; expected one of {', '.join(MATRIX_ELEMENTS)}")
    if not isinstance(minimal_image, bool):
        raise ConfigError(f"minimal_image = {minimal_image!r}; expected True or False")
    if dimension not in (1, 2, 3):
        raise ConfigError(f"dimension = {dimension!r}; expected 1, 2 or 3")
    files = locate(Path(prefix))
    kind = _choose_source(files, source)
    win_path = files.get("win")
    win = None if win_path is None else read_win(win_path)
    if win is None:
        logger.warning(
            "%s.win not found: the model has no crystal structure, symmetry cannot be searched", files.prefix
        )
    with_spn = _wants_spn(files, kind, spin)
    elements = _settled_elements(files, kind, matrix_elements, with_spn=with_spn)
    periodic = (True, dimension >= 2, dimension >= 3)
    if kind == "chk":
        data = from_checkpoint(
            files,
            win,
            with_spn=with_spn,
            periodic=periodic,
            minimal_image=minimal_image,
            position=position,
            matrix_elements=elements,
        )
        second = compare_second(files, data) if source == "auto" else None
    else:
        second = None
        data = from_lattice(files, win, kind=kind, periodic=periodic, minimal_image=minimal_image)
    operator = data.spin if with_spn else _stated_spin(data, spin)
    report = None
    if operator is not None and examine:
        report = _examine(files, data, operator, spin if not with_spn else None)
    data.provenance["compared_with"] = second
    return _model(files, win, data, operator, report, spin=spin, dimension=dimension)


def _choose_source(files: FileSet, source: str) -> str:
    kinds = ["chk", "tb", "hr"] if source == "auto" else [source]
    for kind in kinds:
        if files.get(kind) is not None:
            return kind
    found = ", ".join(sorted(p.name for p in files.found.values())) or "none"
    raise InputFileError(
        files.prefix,
        f"no Wannier90 data found; looked for {candidates(files.prefix, kinds)}; files that match the prefix: {found}. "
        "Give the path without extension",
    )


def _wants_spn(files: FileSet, kind: str, spin: str | Sequence[str]) -> bool:
    """Whether the spin comes from the .spn file."""
    if spin == "spn":
        if kind != "chk":
            raise ConfigError(
                f"spin = 'spn' needs the checkpoint to rotate the .spn matrices; _{kind}.dat alone takes a stated "
                "ordering"
            )
        files.need("spn", "spin = 'spn' but there is no .spn file; write it with pw2wannier90 (write_spn = .true.)")
        return True
    if spin != "auto":
        return False
    if kind == "chk" and files.get("spn") is not None:
        return True
    logger.warning(
        "%s: no spin operator (%s); state the spinor ordering, spin='interleaved' or 'blocked', if one is wanted",
        files.prefix,
        "no .spn file" if kind == "chk" else f"_{kind}.dat holds none",
    )
    return False


def _settled_elements(files: FileSet, kind: str, wanted: str, *, with_spn: bool) -> str:
    """What products are taken over, "auto" replaced by what the files allow."""
    if wanted == "wannier-space":
        return wanted
    complete = kind == "chk" and with_spn
    if wanted == "auto":
        return "all-states" if complete and files.get("mmn") is not None else "wannier-space"
    if not complete:
        raise ConfigError(
            f"matrix_elements = {wanted!r} needs the checkpoint and spin matrices of the run (.chk, .eig, .spn and "
            f".mmn); the model is read from {'a checkpoint without its .spn' if kind == 'chk' else f'_{kind}.dat'}; "
            "write 'wannier-space'"
        )
    files.need(
        "mmn",
        f"matrix_elements = {wanted!r} needs the overlaps of the bands, but there is no .mmn file; copy it from the "
        "run, or write 'wannier-space'",
    )
    return wanted


def _stated_spin(data: WannierData, spin: str | Sequence[str]) -> LatticeOperator | None:
    if isinstance(spin, str) and spin in ("auto", "none"):
        return None
    return spin_of_labels(ordering_labels(spin, data.hamiltonian.size))


def _examine(
    files: FileSet, data: WannierData, operator: LatticeOperator, stated: str | Sequence[str] | None
) -> SpinReport:
    """The report, logged; raises ``InputFileError`` when the spin contradicts itself or the Hamiltonian."""
    report = examine_spin(data.hamiltonian, operator, data.mesh)
    for line in report.lines():
        logger.log(logging.WARNING if line.startswith("PROBLEM") else logging.INFO, "%s: %s", files.prefix.name, line)
    if stated is not None:
        labels = ordering_labels(stated, data.hamiltonian.size)
        conflict = ordering_conflict(data.hamiltonian, data.lattice, data.centres, labels, data.mesh)
        if conflict is not None:
            name = repr(stated) if isinstance(stated, str) else "given by labels"
            raise InputFileError(
                files.prefix, f"the spinor ordering {name} is wrong: {conflict}. examine=False keeps it"
            )
    if report.problems:
        culprit = files.get("spn") if stated is None else files.prefix
        raise InputFileError(
            culprit or files.prefix, f"{'; '.join(report.problems)}. examine=False reads it all the same"
        )
    return report


def _model(
    files: FileSet,
    win: WinFile | None,
    data: WannierData,
    operator: LatticeOperator | None,
    report: SpinReport | None,
    *,
    spin: str | Sequence[str],
    dimension: int,
) -> TightBinding:
    outside = np.any(data.hamiltonian.R[:, dimension:]) or np.any(data.position.R[:, dimension:])
    if outside:
        raise InputFileError(
            files.prefix,
            f"has hoppings along directions that dimension = {dimension} leaves without periodicity",
        )
    origin = "none" if operator is None else "spn" if data.spin is not None else f"stated: {spin}"
    return TightBinding(
        lattice=data.lattice,
        dimension=dimension,
        hamiltonian=data.hamiltonian,
        position=data.position,
        operators={} if operator is None else {"spin": spin_operator(operator)},
        structure=None if win is None else win.structure(data.lattice),
        provenance={
            **data.provenance,
            "prefix": str(files.prefix),
            "spin": origin,
            **({} if report is None else {"spin_report": asdict(report)}),
        },
        first_principles_mesh=None if data.mesh is None else checked_mesh(data.mesh),
        all_states=data.all_states,
    )

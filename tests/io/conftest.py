"""The platinum example, and small synthetic calculations written in the file formats of Wannier90."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from solenoidal.io.checkpoint import WannierCheckpoint
from solenoidal.io.kmesh import KMesh, reconstruct_stencil
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

DATA = Path(__file__).resolve().parents[2] / "examples" / "platinum" / "data"


def fortran(*payloads: bytes, order: str = "<") -> bytes:
    """Unformatted sequential records."""
    out = b""
    for payload in payloads:
        marker = np.array(len(payload), dtype=f"{order}i4").tobytes()
        out += marker + payload + marker
    return out


@dataclass(frozen=True)
class Writer:
    """Writes the files of a calculation, unformatted or formatted, from arrays in this package's layouts."""

    order: str = "<"

    def _i(self, *values: int) -> bytes:
        return np.array(values, dtype=f"{self.order}i4").tobytes()

    def _f(self, values: object) -> bytes:
        return np.asarray(values, dtype=f"{self.order}f8").tobytes()

    def _c(self, values: object) -> bytes:
        return np.asarray(values, dtype=f"{self.order}c16").tobytes()

    def chk(
        self, path: Path, c: WannierCheckpoint, subspace: np.ndarray | None, rotation: np.ndarray, stage: str
    ) -> None:
        """``.chk`` from a checkpoint whose gauge is given as U_opt (nk, bands, wann) and U (nk, wann, wann)."""
        n_k, n_b = c.overlaps.shape[:2]
        reciprocal = 2 * np.pi * np.linalg.inv(c.lattice).T
        records = [
            f"{c.header:<33}".encode(),
            self._i(c.n_bands),
            self._i(len(c.excluded)),
            self._i(*c.excluded),
            self._f(c.lattice.T),
            self._f(reciprocal.T),
            self._i(n_k),
            self._i(*c.mesh),
            self._f(c.kpoints),
            self._i(n_b),
            self._i(rotation.shape[-1]),
            f"{stage:<20}".encode(),
            self._i(int(subspace is not None)),
        ]
        if subspace is not None:
            records += [
                self._f([0.0]),
                self._i(*c.window.astype(int).ravel()),
                self._i(*c.window.sum(axis=1)),
                self._c(subspace.swapaxes(-1, -2)),
            ]
        records += [self._c(rotation.swapaxes(-1, -2)), self._c(c.overlaps.swapaxes(-1, -2))]
        records += [self._f(c.centres), self._f(c.spreads)]
        path.write_bytes(fortran(*records, order=self.order))

    def chk_fmt(self, path: Path, c: WannierCheckpoint, subspace: np.ndarray | None, rotation: np.ndarray) -> None:
        """``.chk.fmt``, one value or one complex number on each line as the conversion tool of Wannier90 prints it."""
        reciprocal = 2 * np.pi * np.linalg.inv(c.lattice).T
        lines = [c.header, str(c.n_bands), str(len(c.excluded)), *map(str, c.excluded)]
        lines += [_row(c.lattice.T.ravel()), _row(reciprocal.T.ravel())]
        lines += [str(len(c.kpoints)), " ".join(map(str, c.mesh)), *(_row(k) for k in c.kpoints)]
        lines += [str(c.overlaps.shape[1]), str(rotation.shape[-1]), "postwann", str(int(subspace is not None))]
        if subspace is not None:
            lines += [_row([0.0]), *(str(int(x)) for x in c.window.ravel()), *(str(x) for x in c.window.sum(axis=1))]
            lines += _complex_lines(subspace.swapaxes(-1, -2))
        lines += _complex_lines(rotation.swapaxes(-1, -2)) + _complex_lines(c.overlaps.swapaxes(-1, -2))
        lines += [_row(r) for r in c.centres] + [_row([s]) for s in c.spreads]
        path.write_text("\n".join(lines) + "\n")

    def spn(self, path: Path, pauli: np.ndarray) -> None:
        """Binary ``.spn`` from σ (nk, 3, bands, bands)."""
        header = f"{'Created by a test':<60}".encode()
        n_k, n = len(pauli), pauli.shape[-1]
        path.write_bytes(fortran(header, self._i(n, n_k), *(self._c(_packed(s)) for s in pauli), order=self.order))

    def spn_fmt(self, path: Path, pauli: np.ndarray) -> None:
        """Formatted ``.spn``: one complex number on each line."""
        lines = [" Created by a test", f" {pauli.shape[-1]} {len(pauli)}"]
        for s in pauli:
            lines += _complex_lines(_packed(s))
        path.write_text("\n".join(lines) + "\n")

    def eig(self, path: Path, energies: np.ndarray) -> None:
        lines = [f"{b + 1:5d}{k + 1:5d}{e:22.14f}" for k, row in enumerate(energies) for b, e in enumerate(row)]
        path.write_text("\n".join(lines) + "\n")


def _row(values: Sequence[float]) -> str:
    return " ".join(f"{x:25.17g}" for x in values)


def _complex_lines(values: np.ndarray) -> list[str]:
    return [f"{z.real!r} {z.imag!r}" for z in values.ravel().tolist()]


def _packed(s: np.ndarray) -> np.ndarray:
    """Upper triangle column by column, the three components fastest."""
    return np.array([s[:, m, n] for n in range(s.shape[-1]) for m in range(n + 1)])


@dataclass(frozen=True)
class Calculation:
    """A calculation whose answer is known: ``hamiltonian`` and ``spin`` are what the reader has to give back."""

    checkpoint: WannierCheckpoint
    subspace: np.ndarray | None
    rotation: np.ndarray
    energies: np.ndarray
    pauli: np.ndarray
    hamiltonian: LatticeOperator
    spin: np.ndarray
    win: str

    def write(self, prefix: Path, writer: Writer | None = None, stage: str = "postwann") -> Path:
        writer = writer or Writer()
        writer.chk(prefix.with_suffix(".chk"), self.checkpoint, self.subspace, self.rotation, stage)
        writer.eig(prefix.with_suffix(".eig"), self.energies)
        writer.spn(prefix.with_suffix(".spn"), self.pauli)
        prefix.with_suffix(".win").write_text(self.win)
        return prefix


def at(operator: LatticeOperator, k: np.ndarray) -> np.ndarray:
    return np.tensordot(np.exp(2j * np.pi * k @ operator.R.T), operator.matrices, axes=1)


def random_unitary(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]


def calculate(
    lattice: np.ndarray,
    mesh: tuple[int, int, int],
    centres: np.ndarray,
    *,
    spectators: int = 0,
    excluded: tuple[int, ...] = (),
    seed: int = 0,
) -> Calculation:
    """Spinor orbitals at ``centres`` (n, 3), up and down alternating, hopping to neighbouring cells, on a k ``mesh``.

    ``spectators`` further bands, decoupled, cross the outer window [-50, 50] eV, so that it holds another selection of
    bands at every k point.
    """
    rng = np.random.default_rng(seed)
    n = len(centres)
    reach = [range(-1, 2) if m > 2 else range(1) for m in mesh]
    R = np.array([[x, y, z] for x in reach[0] for y in reach[1] for z in reach[2]])
    half = 0.5 * (rng.normal(size=(len(R), n, n)) + 1j * rng.normal(size=(len(R), n, n)))
    H = LatticeOperator(R, half + np.conj(half[::-1].swapaxes(-1, -2)))  # R is ordered so that -R is its mirror image
    k = np.stack(np.meshgrid(*(np.arange(m) / m for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)
    energies, vectors = np.linalg.eigh(at(H, k))
    spin = 0.5 * np.kron(np.eye(n // 2), np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]))
    sigma = 2 * np.einsum("kam,iab,kbn->kimn", vectors.conj(), spin, vectors)
    extra = np.sort(rng.uniform(-90, 90, size=(len(k), spectators)), axis=1)
    order = np.argsort(np.concatenate([energies, extra], axis=1), axis=1)
    full = np.take_along_axis(np.concatenate([energies, extra], axis=1), order, axis=1)
    window = np.abs(full) < 50
    assert np.abs(energies).max() < 50
    pauli = np.zeros((len(k), 3, n + spectators, n + spectators), dtype=complex)
    gauge = np.zeros((len(k), n + spectators, n), dtype=complex)
    subspace = np.zeros_like(gauge)
    rotation = np.array([random_unitary(rng, n) for _ in k])
    for i, p in enumerate(order):
        band = np.where(p < n, p, n)
        rows = p < n
        padded = np.concatenate([vectors[i].conj().T, np.zeros((1, n))])
        gauge[i] = padded[band]
        pauli[i][np.ix_(range(3), rows, rows)] = sigma[i][:, p[rows]][:, :, p[rows]]
        subspace[i, : window[i].sum()] = (gauge[i] @ rotation[i].conj().T)[window[i]]
    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    kmesh = KMesh(Path("synthetic"), reciprocal, np.array(mesh), k)
    stencil = reconstruct_stencil(kmesh)
    phases = np.exp(-1j * stencil.vectors @ centres.T)
    overlaps = phases[..., None] * np.eye(n)
    checkpoint = WannierCheckpoint(
        Path("synthetic"),
        "written by a test",
        lattice,
        np.array(mesh),
        k,
        np.array(excluded, dtype=int),
        spectators > 0,
        window,
        gauge,
        overlaps,
        centres,
        np.ones(n),
    )
    cell = "\n".join(_row(a) for a in lattice)
    points = "\n".join(_row(x) for x in k)
    win = (
        f"num_wann = {n}\nnum_bands : {n + spectators}\nMP_GRID {mesh[0]} {mesh[1]} {mesh[2]}\n"
        f"dis_win_min = -50 ! outer window\ndis_win_max = 5.0d1\n"
        f"begin unit_cell_cart\nAng\n{cell}\nend unit_cell_cart\n"
        f"begin atoms_frac\nPt 0 0 0\nend atoms_frac\nbegin kpoints\n{points}\nend kpoints\n"
    )
    return Calculation(
        checkpoint, subspace if spectators else None, rotation if spectators else gauge, full, pauli, H, spin, win
    )


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def platinum() -> TightBinding:
    """The example read from its checkpoint."""
    return read_wannier90(DATA / "Pt")


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture(scope="session")
def make_calculation() -> Callable[..., Calculation]:
    return calculate


@pytest.fixture(scope="session")
def evaluate() -> Callable[[LatticeOperator, np.ndarray], np.ndarray]:
    return at


@pytest.fixture(scope="session")
def make_records() -> Callable[..., bytes]:
    return fortran


@pytest.fixture(scope="session")
def big_endian() -> Writer:
    return replace(Writer(), order=">")


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[..., Path]:
    """Copies files of the example to a temporary folder, decompressed; returns the prefix."""

    def copy(*suffixes: str) -> Path:
        for suffix in suffixes:
            plain, packed = DATA / f"Pt{suffix}", DATA / f"Pt{suffix}.gz"
            content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
            (tmp_path / f"Pt{suffix}").write_bytes(content)
        return tmp_path / "Pt"

    return copy

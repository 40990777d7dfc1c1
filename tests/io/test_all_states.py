"""Products of operators over all bands of a run are those of its states, in whatever order its files list them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ConfigError, InputFileError, ModelError
from solenoidal.io.checkpoint import WannierCheckpoint
from solenoidal.io.kmesh import KMesh, Stencil, reconstruct_stencil
from solenoidal.io.model_file import load_model, save_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.bdg import bdg
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.products import covariance_error, products_report, spin_products
from solenoidal.workflow.build import build_model
from solenoidal.workflow.input_file import ModelInput

LATTICE = np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, -0.3, 2.8]])
MESH = (3, 3, 3)
# Orbitals so close together that e^{-ib·r} is linear in r to 1e-4: the finite difference is then a derivative.
SITES = np.repeat(np.array([[0.100, 0.200, 0.300], [0.110, 0.196, 0.303], [0.094, 0.207, 0.295]]), 2, axis=0)
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
POINTS = np.random.default_rng(7).random((5, 3))


@dataclass(frozen=True)
class Run:
    """A run whose states are known: orbitals at ``SITES`` with ``hamiltonian`` and ``spin``, of which Wannier functions
    are the columns of ``isometry`` (6, n)."""

    hamiltonian: LatticeOperator
    spin: np.ndarray
    isometry: np.ndarray
    checkpoint: WannierCheckpoint
    energies: np.ndarray
    pauli: np.ndarray
    overlaps: np.ndarray
    kmesh: KMesh
    stencil: Stencil

    def expected(self, evaluate: Any, k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """P s r P, P s H r P and P s H P at ``k``."""
        W, position = self.isometry, np.array([np.diag(x) for x in SITES.T])
        sH = self.spin @ evaluate(self.hamiltonian, k)[:, None]
        adjoint = W.conj().T
        SR = adjoint @ (self.spin[None, None] @ position[None, :, None]) @ W
        return (
            np.broadcast_to(SR, (len(k), *SR.shape[1:])),
            adjoint @ (sH[:, None] @ position[:, None]) @ W,
            (adjoint @ sH @ W),
        )

    def write(self, prefix: Path, writer: Any, *, order: np.ndarray | None = None) -> Path:
        """All files; ``order`` (nb,) lists the neighbours in another order in ``.mmn``."""
        unit = np.broadcast_to(np.eye(self.isometry.shape[1]), (len(self.energies), *(self.isometry.shape[1],) * 2))
        partial = self.isometry.shape[1] < len(SITES)
        gauge = self.checkpoint.gauge
        writer.chk(
            prefix.with_suffix(".chk"),
            self.checkpoint,
            gauge if partial else None,
            unit if partial else gauge,
            "postwann",
        )
        writer.eig(prefix.with_suffix(".eig"), self.energies)
        writer.spn(prefix.with_suffix(".spn"), self.pauli)
        self.write_mmn(prefix.with_suffix(".mmn"), np.arange(self.overlaps.shape[1]) if order is None else order)
        return prefix

    def write_mmn(self, path: Path, order: np.ndarray) -> None:
        points = self.kmesh.points()
        lines = ["Created by a test", f"{len(SITES)} {len(points)} {len(order)}"]
        for k in range(len(points)):
            for b in order:
                at = self.stencil.index[k, b]
                cell = (points[k] + self.stencil.steps[k, b] - points[at]) // np.array(MESH)
                lines.append(f"{k + 1} {at + 1} {cell[0]} {cell[1]} {cell[2]}")
                lines += [f"{z.real:.17e} {z.imag:.17e}" for z in self.overlaps[k, b].T.ravel()]
        path.write_text("\n".join([*lines, ""]))


def make_run(n: int, seed: int = 3) -> Run:
    """``n`` Wannier functions out of six orbitals, random hopping to neighbouring cells."""
    rng = np.random.default_rng(seed)
    bands = len(SITES)

    def complex_normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    R = np.stack(np.meshgrid(*(np.arange(-1, 2),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    half = complex_normal(len(R), bands, bands)
    H = LatticeOperator(R, half + np.conj(half[::-1].swapaxes(-1, -2)))
    k = np.stack(np.meshgrid(*(np.arange(m) / m for m in MESH), indexing="ij"), axis=-1).reshape(-1, 3)
    at_k = np.tensordot(np.exp(2j * np.pi * k @ R.T), H.matrices, axes=1)
    energies, vectors = np.linalg.eigh(at_k)
    spin = 0.5 * np.kron(np.eye(bands // 2), PAULI)
    adjoint = np.conj(vectors.swapaxes(-1, -2))
    isometry = np.linalg.qr(complex_normal(bands, n))[0]
    gauge = adjoint @ isometry
    kmesh = KMesh(Path("synthetic"), 2 * np.pi * np.linalg.inv(LATTICE).T, np.array(MESH), k)
    stencil = reconstruct_stencil(kmesh)
    phases = np.exp(-1j * stencil.vectors @ SITES.T)
    overlaps = adjoint[:, None] @ (phases[..., None] * vectors[stencil.index])
    rotated = np.conj(gauge.swapaxes(-1, -2))[:, None] @ overlaps @ gauge[stencil.index]
    angle = np.angle(np.diagonal(rotated, axis1=-2, axis2=-1))
    centres = -np.einsum("b,kbi,kbn->ni", stencil.weights, stencil.vectors, angle) / len(k)
    checkpoint = WannierCheckpoint(
        Path("synthetic"), "written by a test", LATTICE, np.array(MESH), k, np.array([], dtype=int), n < bands,
        np.ones(energies.shape, dtype=bool), gauge, rotated, centres, np.ones(n),
    )  # fmt: skip
    pauli = 2 * adjoint[:, None] @ spin @ vectors[:, None]
    return Run(H, spin, isometry, checkpoint, energies, pauli, overlaps, kmesh, stencil)


@pytest.fixture(scope="module")
def partial() -> Run:
    return make_run(4)


def read(run: Run, folder: Path, writer: Any, **options: Any) -> TightBinding:
    return read_wannier90(run.write(folder / "X", writer), examine=False, **options)


@pytest.mark.parametrize("n", [4, 6])
def test_products_pass_through_the_states_outside_the_wannier_space(
    n: int, tmp_path: Path, writer: Any, evaluate: Any
) -> None:
    run = make_run(n)
    model = read(run, tmp_path, writer)
    found = spin_products(model, POINTS)
    SR, SHR, SH = run.expected(evaluate, POINTS)
    np.testing.assert_allclose(found.spin_hamiltonian, SH, atol=1e-12)
    assert np.abs(SR).max() > 0.1
    np.testing.assert_allclose(found.spin_position, SR, atol=1e-4 * np.abs(SR).max())
    np.testing.assert_allclose(found.spin_hamiltonian_position, SHR, atol=1e-4 * np.abs(SHR).max())
    # What leaves the space is a small part of it, and must be right by itself.
    W, position = run.isometry, np.array([np.diag(x) for x in SITES.T])
    Q = np.eye(len(W)) - W @ W.conj().T
    Y = W.conj().T @ (run.spin[None] @ (Q @ position[:, None])) @ W
    assert (np.abs(Y).max() > 1e-3) == (n < len(W))
    np.testing.assert_allclose(found.outside(), np.broadcast_to(Y, found.outside().shape), atol=2e-6)


def test_covariant_derivative_of_the_spin_is_what_leaves_the_space(partial: Run, tmp_path: Path, writer: Any) -> None:
    products = spin_products(read(partial, tmp_path, writer), POINTS)
    assert np.abs(products.covariant_derivative()).max() > 1e-3
    assert covariance_error(products) < 1e-3
    reversed_sign = replace(
        products, spin_position=2 * products.spin[:, None] @ products.position[:, :, None] - products.spin_position
    )
    assert covariance_error(reversed_sign) > 1.9


@pytest.mark.parametrize("n", [4, 6])
def test_conventional_current_is_hermitian_and_that_of_the_full_hilbert_space(
    n: int, tmp_path: Path, writer: Any, evaluate: Any
) -> None:
    run = make_run(n)
    products = spin_products(read(run, tmp_path, writer), POINTS)
    J = products.conventional_current()
    np.testing.assert_array_equal(J, np.conj(J.swapaxes(-1, -2)))
    H, A = products.hamiltonian[:, None], products.position
    inside = _symmetrised(products.hamiltonian_derivative - 1j * (A @ H - H @ A), products.spin)
    if n == 6:
        np.testing.assert_allclose(J, inside, atol=1e-10)
    else:
        assert np.abs(J - inside).max() > 1e-3 * np.abs(J).max()


def _symmetrised(velocity: np.ndarray, spin: np.ndarray) -> np.ndarray:
    product = velocity[:, :, None] @ spin[:, None]
    return 0.5 * (product + np.conj(product.swapaxes(-1, -2)))


def test_conventional_current_does_not_depend_on_the_zero_of_energy(partial: Run, tmp_path: Path, writer: Any) -> None:
    shifted = replace(partial, energies=partial.energies + 7.0)
    currents = []
    for name, run in (("a", partial), ("b", shifted)):
        (tmp_path / name).mkdir()
        currents.append(spin_products(read(run, tmp_path / name, writer), POINTS).conventional_current())
    np.testing.assert_allclose(currents[0], currents[1], atol=1e-12)


@pytest.mark.parametrize("position", ["invariant", "wannier90"])
def test_finite_difference_is_the_sum_as_it_stands(position: str, partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer, position=position, matrix_elements="finite-difference")
    assert model.matrix_elements == "finite-difference"
    k = 5
    found = spin_products(model, partial.kmesh.kpoints[k : k + 1]).spin_position[0]
    V, st = partial.checkpoint.gauge, partial.stencil
    centres = partial.checkpoint.centres if position == "invariant" else np.zeros((4, 3))
    literal = np.zeros_like(found)
    for j in range(3):
        s = 0.5 * partial.pauli[k, j]
        for b, weight in enumerate(st.weights):
            phase = np.exp(1j * centres @ st.vectors[k, b])
            term = V[k].conj().T @ s @ (partial.overlaps[k, b] @ V[st.index[k, b]] * phase - V[k])
            literal[:, j] += 1j * weight * st.vectors[k, b][:, None, None] * term
        literal[:, j] += V[k].conj().T @ s @ V[k] * centres.T[:, None, :]
    np.testing.assert_allclose(found, literal, atol=1e-12)


@pytest.mark.parametrize("position", ["invariant", "wannier90"])
def test_what_leaves_the_space_is_small_in_both_forms_of_the_position(
    position: str, partial: Run, tmp_path: Path, writer: Any
) -> None:
    fitted = spin_products(read(partial, tmp_path, writer, position=position), POINTS)
    W, r = partial.isometry, np.array([np.diag(x) for x in SITES.T])
    bound = np.linalg.norm((np.eye(6) - W @ W.conj().T) @ r @ W, 2, axis=(1, 2)).max() / 2
    assert np.linalg.norm(fitted.outside(), 2, axis=(-2, -1)).max() < 1.01 * bound


def test_order_of_neighbours_in_the_file_does_not_matter(partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer)
    partial.write_mmn(tmp_path / "X.mmn", np.random.default_rng(1).permutation(partial.overlaps.shape[1]))
    again = read_wannier90(tmp_path / "X", examine=False)
    assert model.all_states is not None
    assert again.all_states is not None
    np.testing.assert_array_equal(again.all_states.spin_position.matrices, model.all_states.spin_position.matrices)


def test_saved_and_pickled_models_keep_their_products(partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer)
    assert model.matrix_elements == model.facts["matrix_elements"] == "all-states"
    given = model.all_states
    assert given is not None
    assert given.bands == 6
    assert given.files["mmn"] == "X.mmn"
    for again in (load_model(save_model(model, tmp_path / "m.npz")), pickle.loads(pickle.dumps(model))):
        found = again.all_states
        for name in ("spin_position", "spin_hamiltonian_position", "spin_hamiltonian"):
            np.testing.assert_array_equal(getattr(found, name).matrices, getattr(given, name).matrices)
        assert (found.bands, found.commutation_error, dict(found.files)) == (
            given.bands, given.commutation_error, dict(given.files),
        )  # fmt: skip


def test_wannier_space_is_taken_where_it_is_wanted_or_files_are_missing(
    partial: Run, tmp_path: Path, writer: Any
) -> None:
    whole = read(partial, tmp_path, writer, matrix_elements="all-states")
    inside = read_wannier90(tmp_path / "X", matrix_elements="wannier-space", examine=False)
    np.testing.assert_array_equal(whole.hamiltonian.matrices, inside.hamiltonian.matrices)
    assert inside.all_states is None
    assert inside.facts["matrix_elements"] == "wannier-space"
    with pytest.raises(ModelError, match="holds no matrix elements over all states"):
        spin_products(inside, POINTS)
    with pytest.raises(ConfigError, match=r"needs the checkpoint and spin matrices"):
        read_wannier90(tmp_path / "X", spin="none", matrix_elements="all-states")
    with pytest.raises(ConfigError, match="expected one of auto, all-states, finite-difference, wannier-space"):
        read_wannier90(tmp_path / "X", matrix_elements="all")
    (tmp_path / "X.mmn").unlink()
    assert read_wannier90(tmp_path / "X", examine=False).matrix_elements == "wannier-space"
    with pytest.raises(InputFileError, match=r"there is no \.mmn file"):
        read_wannier90(tmp_path / "X", matrix_elements="all-states", examine=False)


def test_files_of_different_runs_are_refused(partial: Run, tmp_path: Path, writer: Any) -> None:
    rng = np.random.default_rng(0)
    other = np.linalg.qr(rng.normal(size=(27, 6, 6)) + 1j * rng.normal(size=(27, 6, 6)))[0]
    adjoint = np.conj(other.swapaxes(-1, -2))
    with pytest.raises(InputFileError, match=r"X\.mmn: rotated to the Wannier functions its overlaps differ"):
        read(
            replace(partial, overlaps=adjoint[:, None] @ partial.overlaps @ other[partial.stencil.index]),
            tmp_path,
            writer,
        )
    with pytest.raises(InputFileError, match=r"X\.spn: the spin does not commute with the overlaps of X\.mmn"):
        read(replace(partial, pauli=adjoint[:, None] @ partial.pauli @ other[:, None]), tmp_path, writer)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2].rsplit("\n", 1)[0] + "\n", "it is truncated or damaged"),
        (lambda text: text.replace("6 27", "5 27", 1), "holds 5 bands at 27 k points; the checkpoint has 6"),
        (lambda text: text.replace("e-01", "e-0x", 1), "expected a number"),
        (lambda text: text.replace("\n1 ", "\n2 ", 1), "does not list the neighbours of one k point after the other"),
        (lambda text: text.split("\n", 1)[0] + "\n", "no second line"),
    ],
)
def test_damaged_overlaps_are_named(damage: Any, message: str, partial: Run, tmp_path: Path, writer: Any) -> None:
    partial.write(tmp_path / "X", writer)
    path = tmp_path / "X.mmn"
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputFileError, match=message):
        read_wannier90(tmp_path / "X", examine=False)


def test_fortran_exponents_are_numbers(partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer)
    path = tmp_path / "X.mmn"
    path.write_text(path.read_text().replace("e-0", "D-0"))
    again = read_wannier90(tmp_path / "X", examine=False)
    assert model.all_states is not None
    assert again.all_states is not None
    np.testing.assert_array_equal(again.all_states.spin_position.matrices, model.all_states.spin_position.matrices)


def test_report_says_how_well_the_files_fit_one_another(partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer)
    report = products_report(model)
    assert report.bands == 6
    assert report.commutation < 1e-12
    assert max(report.on_mesh, report.between) < 1e-3
    assert report.inside == pytest.approx(report.outside, rel=1e-3)
    assert report.inside > 1e-3
    given = model.all_states
    assert given is not None
    turned = LatticeOperator(given.spin_position.R, 1j * given.spin_position.matrices)
    assert products_report(replace(model, all_states=replace(given, spin_position=turned))).on_mesh > 1
    assert len(report.lines()) == 3


def test_superconductor_goes_without_products_and_says_why(partial: Run, tmp_path: Path, writer: Any) -> None:
    model = read(partial, tmp_path, writer)
    paired = bdg(model, {(0, 0, 0): np.zeros((4, 4))}, mu=0.0, basis="general")
    assert paired.all_states is None
    assert "quasiparticles" in paired.provenance["left out"]


@pytest.mark.parametrize("elements", ["auto", "all-states", "finite-difference", "wannier-space"])
def test_input_files_say_what_products_are_taken_over(elements: str, tmp_path: Path, writer: Any) -> None:
    make_run(6).write(tmp_path / "X", writer)
    model = build_model(ModelInput(wannier90=tmp_path / "X", matrix_elements=elements))
    assert isinstance(model, TightBinding)
    assert model.matrix_elements == ("all-states" if elements == "auto" else elements)

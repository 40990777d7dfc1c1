"""Models of PythTB, TBmodels, sisl and Kwant keep their bands, velocities, curvature and spin."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ModelError
from solenoidal.io.adapters import from_kwant, from_pythtb, from_sisl, from_tbmodels
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import Operator
from support.separate.curvature import berry_curvature

LATTICE = np.array([[2.0, 0.0], [0.7, 1.6]])
SITES = np.array([[0.1, 0.2], [0.45, 0.75]])
HOPS = (
    (0.8 + 0.3j, 0, 1, (0, 0)),
    (0.5, 0, 1, (0, -1)),
    (0.3 - 0.2j, 1, 0, (1, 0)),
    (0.2 + 0.4j, 0, 0, (1, 0)),
    (-0.1 + 0.3j, 1, 1, (1, 1)),
)
ENERGIES = (0.4, -0.6)
POINTS = np.random.default_rng(3).uniform(-0.5, 0.5, (7, 3)) * [1, 1, 0]


def states(model: TightBinding, k: np.ndarray = POINTS) -> BlochStates:
    return BlochStates.solve(interpolator(model), k, np.ones(len(k)), Degeneracy())


def phases_with_positions(k: np.ndarray, lattice: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """H of the two-site model with Bloch phases between orbital positions, at Cartesian k (nk, 2)."""
    H = np.zeros((len(k), 2, 2), dtype=complex)
    for i, energy in enumerate(ENERGIES):
        H[:, i, i] += energy
    for amplitude, i, j, R in HOPS:
        phase = amplitude * np.exp(1j * k @ ((np.array(R) + sites[j] - sites[i]) @ lattice))
        H[:, i, j] += phase
        H[:, j, i] += phase.conj()
    return H


def curvature_by_differences(k: np.ndarray) -> np.ndarray:
    """Ω_z of the lower band from ∂H by differences; depends on the positions of the orbitals."""
    h = 1e-5
    H = phases_with_positions(k, LATTICE, SITES)
    d = [
        (phases_with_positions(k + h * e, LATTICE, SITES) - phases_with_positions(k - h * e, LATTICE, SITES)) / (2 * h)
        for e in np.eye(2)
    ]
    energy, u = np.linalg.eigh(H)
    x, y = (np.einsum("kan,kab,kbm->knm", u.conj(), m, u)[:, 0, 1] for m in d)
    return -2 * np.imag(x * y.conj()) / (energy[:, 1] - energy[:, 0]) ** 2


def cartesian(model: TightBinding) -> np.ndarray:
    return (POINTS @ model.reciprocal)[:, :2]


def check_two_sites(model: TightBinding) -> None:
    found = states(model)
    k = cartesian(model)
    np.testing.assert_allclose(found.energies, np.linalg.eigvalsh(phases_with_positions(k, LATTICE, SITES)), atol=1e-12)
    expected = curvature_by_differences(k)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(berry_curvature(found)[:, 0, 2], expected, rtol=1e-6, atol=1e-8)


def two_sites_of_pythtb():
    pythtb = pytest.importorskip("pythtb")
    model = pythtb.tb_model(2, 2, LATTICE.tolist(), SITES.tolist())
    model.set_onsite(list(ENERGIES))
    for amplitude, i, j, R in HOPS:
        model.set_hop(amplitude, i, j, list(R))
    return pythtb, model


def test_a_pythtb_model_keeps_bands_and_curvature() -> None:
    _, model = two_sites_of_pythtb()
    found = from_pythtb(model)
    check_two_sites(found)
    np.testing.assert_allclose(states(found).energies, model.solve_all(POINTS[:, :2]).T, atol=1e-12)


def test_the_flux_of_pythtb_through_a_plaquette_is_the_curvature() -> None:
    """Berry flux of a small cell: pythtb measures it on links, with the orbital positions in the phases."""
    pythtb, model = two_sites_of_pythtb()
    found = from_pythtb(model)
    side, corner = 2e-3, np.array([0.13, -0.21])
    array = pythtb.wf_array(model, [2, 2])
    for i in (0, 1):
        for j in (0, 1):
            array.solve_on_one_point((corner + side * np.array([i, j])).tolist(), [i, j])
    flux = array.berry_flux([0])
    middle = np.array([[*(corner + side / 2), 0.0]])
    area = side**2 * np.linalg.det(found.reciprocal[:2, :2])
    ours = berry_curvature(states(found, middle))[0, 0, 2] * area
    assert abs(ours) > 1e-7
    # PythTB's connection is A = i⟨u|∂u⟩ and its phase −Im ln Π⟨u|u'⟩, the convention of this package.
    assert flux == pytest.approx(ours, rel=2e-4)


def test_spin_of_a_pythtb_model_is_taken_over() -> None:
    pythtb = pytest.importorskip("pythtb")
    model = pythtb.tb_model(1, 2, LATTICE.tolist(), SITES.tolist(), per=[1], nspin=2)
    model.set_onsite([[0.1, 0.2, -0.3, 0.4], 0.2])
    model.set_hop([0.5, 0.1j, 0.3, 0.2], 0, 1, [0, 0])
    model.set_hop([0.4, 0.2, -0.3j, 0.1], 1, 0, [0, 1])
    found = from_pythtb(model)
    assert found.dimension == 1
    np.testing.assert_allclose(found.lattice[0, :2], LATTICE[1])
    np.testing.assert_allclose(np.einsum("iaa->ai", found.position.matrices[0])[::2, :2], SITES @ LATTICE)
    k = np.array([[0.17, 0.0, 0.0]])
    ours = states(found, k)
    energies, vectors = model.solve_one([0.17], eig_vectors=True)
    np.testing.assert_allclose(ours.energies[0], energies, atol=1e-12)
    z = 0.5 * (np.abs(vectors[:, :, 0]) ** 2 - np.abs(vectors[:, :, 1]) ** 2).sum(axis=1)
    y = np.imag(vectors[:, :, 0].conj() * vectors[:, :, 1]).sum(axis=1)
    spin = np.einsum("nin->ni", ours.operator("spin")[0]).real
    assert np.abs(z).min() > 1e-3
    assert np.abs(y).max() > 1e-2
    np.testing.assert_allclose(spin[:, 2], z, atol=1e-12)
    np.testing.assert_allclose(spin[:, 1], y, atol=1e-12)


def test_what_pythtb_cannot_supply_is_refused() -> None:
    pythtb, model = two_sites_of_pythtb()
    with pytest.raises(ModelError, match=r"expected a pythtb\.tb_model"):
        from_pythtb("graphene")
    with pytest.raises(ModelError, match="0 periodic directions"):
        from_pythtb(pythtb.tb_model(0, 2, LATTICE.tolist(), SITES.tolist()))
    model._assume_position_operator_diagonal = False
    with pytest.raises(ModelError, match="read_wannier90"):
        from_pythtb(model)
    model.ignore_position_operator_offdiagonal()
    assert from_pythtb(model).n_orbitals == 2


@pytest.mark.parametrize("sparse", [False, True])
def test_a_tbmodels_model_keeps_bands_and_curvature(sparse: bool) -> None:
    tbmodels = pytest.importorskip("tbmodels")
    model = tbmodels.Model(on_site=list(ENERGIES), dim=2, pos=SITES, uc=LATTICE, contains_cc=False, sparse=sparse)
    for amplitude, i, j, R in HOPS:
        model.add_hop(amplitude, i, j, R)
    sublattice = np.diag([1.0, -1.0])
    found = from_tbmodels(model, operators={"sublattice": Operator.constant(sublattice, (), 1)})
    check_two_sites(found)
    np.testing.assert_allclose(found.operators["sublattice"].matrices[0], sublattice)
    if not sparse:  # tbmodels' own sum over sparse matrices warns with NumPy 2
        np.testing.assert_allclose(states(found).energies, model.eigenval(POINTS[:, :2]), atol=1e-12)


def test_a_tbmodels_model_without_cell_is_refused() -> None:
    tbmodels = pytest.importorskip("tbmodels")
    with pytest.raises(ModelError, match="uc=lattice vectors"):
        from_tbmodels(tbmodels.Model(on_site=[1.0], dim=2, hop={(1, 0): [[1.0]]}, contains_cc=False))
    with pytest.raises(ModelError, match=r"expected a tbmodels\.Model"):
        from_tbmodels(3)


def sisl_geometry():
    sisl = pytest.importorskip("sisl")
    cell = np.eye(3) * 12
    cell[:2, :2] = LATTICE
    lattice = sisl.Lattice(cell, nsc=[3, 3, 1])
    xyz = np.zeros((2, 3))
    xyz[:, :2] = SITES @ LATTICE
    return sisl, sisl.Geometry(xyz, [sisl.Atom(5), sisl.Atom(7)], lattice=lattice)


def test_a_sisl_hamiltonian_keeps_bands_and_curvature() -> None:
    sisl, geometry = sisl_geometry()
    H = sisl.Hamiltonian(geometry, dtype=np.complex128)
    for i, energy in enumerate(ENERGIES):
        H[i, i] = energy
    for amplitude, i, j, R in HOPS:
        H[i, j, (*R, 0)] = amplitude
        H[j, i, (-R[0], -R[1], 0)] = np.conj(amplitude)
    found = from_sisl(H)
    assert found.dimension == 2
    assert found.structure is not None
    assert found.structure.species == ("B", "N")
    check_two_sites(found)
    d = np.array([m.toarray() for m in H.dHk(POINTS[0], gauge="atom")])
    ours = interpolator(found).at(POINTS[:1])
    phase = np.exp(2j * np.pi * SITES @ POINTS[0, :2])
    theirs = phase[:, None] * d * phase.conj()
    assert np.abs(theirs[:2, 0, 1]).min() > 1e-2
    np.testing.assert_allclose(ours.velocity[0].transpose(1, 0, 2), theirs, atol=1e-12)


@pytest.mark.parametrize("kind", ["polarized", "non-colinear", "spin-orbit"])
def test_spin_of_a_sisl_hamiltonian_is_taken_over(kind: str) -> None:
    sisl, geometry = sisl_geometry()
    H = sisl.Hamiltonian(geometry, spin=kind)
    rng = np.random.default_rng(8)
    for i, j, R in ((0, 0, (0, 0)), (0, 1, (0, 0)), (0, 1, (-1, 0)), (1, 1, (0, 1)), (1, 1, (0, 0))):
        H[i, j, (*R, 0)] = rng.normal(size=H.dim)
    H = 0.5 * (H + H.transpose(conjugate=True, spin=True))
    H.finalize()
    found = from_sisl(H)
    assert found.n_orbitals == 4
    ours = states(found)
    spin = np.einsum("knin->kni", ours.operator("spin")).real
    for k, energies, moment in zip(POINTS, ours.energies, spin, strict=True):
        if kind == "polarized":
            pairs = [(e, s) for s in (0, 1) for e in H.eigh(k, spin=s)]
            pairs.sort()
            theirs, z = (np.array(x) for x in zip(*pairs, strict=True))
            np.testing.assert_allclose(moment[:, 2], 0.5 - z, atol=1e-10)
        else:
            state = H.eigenstate(k)
            theirs = state.eig
            sigma = np.asarray(state.spin_moment())
            sigma = sigma.T if sigma.shape[0] == 3 else sigma
            assert np.abs(sigma).max() > 0.1
            np.testing.assert_allclose(moment, sigma / 2, atol=1e-9)
        np.testing.assert_allclose(energies, theirs, atol=1e-12)


def test_what_sisl_cannot_supply_is_refused() -> None:
    sisl, geometry = sisl_geometry()
    with pytest.raises(ModelError, match="overlap matrix"):
        from_sisl(sisl.Hamiltonian(geometry, orthogonal=False))
    with pytest.raises(ModelError, match="Nambu"):
        from_sisl(sisl.Hamiltonian(geometry, spin="nambu"))
    with pytest.raises(ModelError, match=r"expected a sisl\.Hamiltonian"):
        from_sisl(geometry)
    H = sisl.Hamiltonian(geometry, dtype=np.complex128)
    H[0, 1] = 1.0
    with pytest.raises(ModelError, match="not Hermitian"):
        from_sisl(H)


@pytest.mark.filterwarnings("ignore:MUMPS:RuntimeWarning")
def test_a_kwant_builder_keeps_bands_and_curvature() -> None:
    kwant = pytest.importorskip("kwant")
    lattice = kwant.lattice.general(LATTICE, SITES @ LATTICE, norbs=1)
    system = kwant.Builder(kwant.TranslationalSymmetry(*LATTICE))
    for family, energy in zip(lattice.sublattices, ENERGIES, strict=True):
        system[family(0, 0)] = energy
    for amplitude, i, j, R in HOPS[1:]:
        system[lattice.sublattices[i](0, 0), lattice.sublattices[j](*R)] = amplitude

    def bond(a, b, t):
        return t

    system[lattice.sublattices[0](0, 0), lattice.sublattices[1](0, 0)] = bond
    with pytest.raises(ModelError, match="needs t; write params"):
        from_kwant(system)
    found = from_kwant(system, params={"t": HOPS[0][0]})
    check_two_sites(found)
    wrapped = kwant.wraparound.wraparound(system)
    finite = wrapped.finalized()
    for k, energies in zip(POINTS, states(found).energies, strict=True):
        params = {"k_x": 2 * np.pi * k[0], "k_y": 2 * np.pi * k[1], "t": HOPS[0][0]}
        theirs = np.linalg.eigvalsh(finite.hamiltonian_submatrix(params=params))
        np.testing.assert_allclose(energies, theirs, atol=1e-12)
    with pytest.raises(ModelError, match="before wraparound"):
        from_kwant(wrapped)


@pytest.mark.filterwarnings("ignore:MUMPS:RuntimeWarning")
def test_a_kwant_ribbon_with_matrices_keeps_bands_positions_and_operators() -> None:
    kwant = pytest.importorskip("kwant")
    lattice = kwant.lattice.general(LATTICE, norbs=2)
    ribbon = kwant.Builder(kwant.TranslationalSymmetry(LATTICE[0]))
    field = np.array([[0.3, 0.1 - 0.2j], [0.1 + 0.2j, -0.3]])
    hop = np.array([[0.5, 0.2j], [0.4, 0.1 - 0.3j]])
    for row in range(3):
        ribbon[lattice(0, row)] = (row + 1) * field
        ribbon[lattice(0, row), lattice(1, row)] = hop
    for row in range(2):
        ribbon[lattice(0, row), lattice(-1, row + 1)] = hop.T
    spin_z = np.kron(np.eye(3), np.diag([0.5, -0.5]))
    found = from_kwant(ribbon, operators={"spin_z": Operator.constant(spin_z, None, None, "ħ")})
    assert found.dimension == 1
    centres = np.einsum("iaa->ai", found.position.matrices[0])[::2, :2]
    np.testing.assert_allclose(centres, np.outer(range(3), LATTICE[1]), atol=1e-12)
    finite = kwant.wraparound.wraparound(ribbon).finalized()
    ours = states(found, POINTS * [1, 0, 0])
    for k, energies in zip(POINTS, ours.energies, strict=True):
        theirs = np.linalg.eigvalsh(finite.hamiltonian_submatrix(params={"k_x": 2 * np.pi * k[0]}))
        np.testing.assert_allclose(energies, theirs, atol=1e-12)
    assert np.abs(np.einsum("knin->kn", ours.operator("spin_z"))).max() > 0.05


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tbmodels", None)
    with pytest.raises(ModelError, match=r"tbmodels is not installed.*pip install tbmodels"):
        from_tbmodels(None)

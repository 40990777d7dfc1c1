"""Models of other packages as ``TightBinding``: PythTB, TBmodels, sisl and Kwant.

All of them store ⟨0i|H|Rj⟩ and place orbitals at points, so the position matrix is diagonal. Which Bloch phase a
package prefers does not matter: hoppings are taken over, and the positions go into the position matrix. A package is
imported only when its function is called.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator, named_operators

Cell = tuple[int, ...]
Operators = Mapping[str, Operator]

MAXIMUM_DIMENSION = 3


def from_pythtb(model: Any, *, operators: Operators | None = None) -> TightBinding:
    """A ``pythtb.tb_model`` (PythTB 1.x): lattice in Å, energies in eV, orbital positions and spin.

    ⟨0i|H|Rj⟩ = hop(i, j, R) and its conjugate. A model with ``nspin=2`` gets the operator ``"spin"`` = σ/2 in ħ, states
    orbital-major with the spin fastest as in PythTB. Directions that are not periodic become the last lattice vectors.
    ``operators``: further named operators, local to the orbitals' positions.

    Raises ``ModelError`` for another object, a finite cluster, or a Wannier90 import of PythTB, whose position matrix
    between different orbitals PythTB has dropped: read those files with ``read_wannier90``.
    """
    package = _package("pythtb")
    if not hasattr(package, "tb_model") or not isinstance(model, package.tb_model):
        raise _wrong(model, "a pythtb.tb_model of PythTB 1.x")
    if not model._assume_position_operator_diagonal:
        raise ModelError(
            "the PythTB model was read from Wannier90 files without their position matrix, which the velocity needs; "
            "read the files with solenoidal.read_wannier90, or call model.ignore_position_operator_offdiagonal() to "
            "go on with the centres alone"
        )
    width, orbitals, extent = model._nspin, model._norb, model._dim_r
    onsite: ComplexArray = np.zeros((orbitals, width, orbitals, width), dtype=np.complex128)
    for i, value in enumerate(model._site_energies):
        onsite[i, :, i, :] = value
    bands = orbitals * width
    cells: dict[Cell, ComplexArray] = {(0,) * extent: onsite.reshape(bands, bands)}
    for hopping in model._hoppings if model._dim_k else ():
        amplitude, i, j, R = hopping
        block = np.zeros_like(onsite)
        block[i, :, j, :] = amplitude
        periodic = [int(R[axis]) if axis in model._per else 0 for axis in range(extent)]
        _add_with_conjugate(cells, tuple(periodic), block.reshape(bands, bands))
    return _assemble("PythTB", model._lat, model._per, model._orb, cells, width == 2, operators)


def from_tbmodels(model: Any, *, operators: Operators | None = None) -> TightBinding:
    """A ``tbmodels.Model``: unit cell in Å, energies in eV, orbital positions.

    H_R = hop(R) + hop(−R)†, of which TBmodels keeps one half. It knows no spin: give ``operators``, named matrices
    (n, n) or (3, n, n) local to the orbitals' positions, for example ``{"spin": ...}`` in units of ħ.

    Raises ``ModelError`` for another object, a model without unit cell, or one of more than three dimensions. Positions
    are those of the model, all at the origin where none were given; models read from Wannier90 files lack the position
    matrix between different orbitals, and ``read_wannier90`` serves them better.
    """
    if not isinstance(model, _package("tbmodels").Model):
        raise _wrong(model, "a tbmodels.Model")
    if model.uc is None:
        raise ModelError("the TBmodels model has no unit cell; build it with uc=lattice vectors in Å as rows")
    cells: dict[Cell, ComplexArray] = {(0,) * model.dim: np.zeros((model.size, model.size), dtype=np.complex128)}
    for R, half in model.hop.items():
        # Sparse models keep scipy matrices.
        block = np.asarray(half.toarray() if hasattr(half, "toarray") else half, dtype=np.complex128)
        _add_with_conjugate(cells, tuple(int(r) for r in R), block)
    return _assemble("TBmodels", model.uc, range(model.dim), model.pos, cells, False, operators)


def from_sisl(hamiltonian: Any, *, operators: Operators | None = None) -> TightBinding:
    """A ``sisl.Hamiltonian`` with an orthogonal basis: lattice in Å, energies in eV, atoms, and spin.

    H_R is the inverse Fourier sum of H(k) over the supercell of the couplings, which is exact for every kind of spin
    sisl stores. Polarised, non-collinear and spin-orbit Hamiltonians get ``"spin"`` = σ/2 in ħ, the spin running
    fastest. Periodic directions are those with couplings beyond the home cell (``nsc`` > 1); they become the first
    lattice vectors. Species are the atoms' symbols. ``operators`` as in ``from_pythtb``.

    Raises ``ModelError`` for another object, an overlap matrix (a non-orthogonal basis), a Nambu Hamiltonian, no
    periodic direction, or matrices that are not Hermitian.
    """
    if not isinstance(hamiltonian, _package("sisl").Hamiltonian):
        raise _wrong(hamiltonian, "a sisl.Hamiltonian")
    if not hamiltonian.orthogonal:
        raise ModelError(
            "the sisl Hamiltonian has an overlap matrix; this package needs an orthonormal basis, so orthogonalise it "
            "or use Wannier functions"
        )
    if hamiltonian.spin.is_nambu:
        raise ModelError("the sisl Hamiltonian is of Nambu kind; convert its normal part and pair it with bdg(...)")
    counts = [int(n) for n in hamiltonian.nsc]
    polarised = bool(hamiltonian.spin.is_polarized)
    cells: dict[Cell, ComplexArray] = {}
    points = list(itertools.product(*(range(n) for n in counts)))
    at_k = {q: _sisl_matrix(hamiltonian, [a / n for a, n in zip(q, counts, strict=True)], polarised) for q in points}
    for R in itertools.product(*(range(-(n // 2), n // 2 + 1) for n in counts)):
        phase = {q: np.exp(-2j * np.pi * np.dot(R, np.divide(q, counts))) for q in points}
        block = np.sum([phase[q] * at_k[q] for q in points], axis=0) / len(points)
        # Rounding of the Fourier sum must not turn into hoppings.
        block[np.abs(block) < 1e-14 * max(1.0, float(np.max(np.abs(at_k[points[0]]))))] = 0
        if np.any(block) or not any(R):
            cells[R] = block
    geometry = hamiltonian.geometry
    atoms = geometry.o2a(np.arange(geometry.no))
    rows = np.asarray(geometry.lattice.cell, dtype=np.float64)
    positions = np.asarray(geometry.fxyz, dtype=np.float64)[atoms]
    per = [axis for axis, n in enumerate(counts) if n > 1]
    species = [geometry.atoms[int(atom)].symbol for atom in atoms]
    spin = not hamiltonian.spin.is_unpolarized
    return _assemble("sisl", rows, per, positions, cells, spin, operators, species)


def from_kwant(
    builder: Any, *, params: Mapping[str, Any] | None = None, operators: Operators | None = None
) -> TightBinding:
    """A ``kwant.Builder`` with translational symmetry: lengths in Å, energies in eV, positions of the sites.

    Value of the hopping (a, b) = ⟨a|H|b⟩; every orbital of a site sits at the site. Functions are called with their
    sites and the ``params`` they name. Kwant knows no spin: ``operators`` are named matrices over the orbitals of the
    sites, which are ordered by family and tag.

    Raises ``ModelError`` for another object, a builder without translational symmetry (``wraparound`` removes it: give
    the builder it was applied to), a parameter that is missing, or values whose shapes disagree.
    """
    if not isinstance(builder, _package("kwant").Builder):
        raise _wrong(builder, "a kwant.Builder, not finalized")
    symmetry = builder.symmetry
    if not symmetry.num_directions:
        raise ModelError(
            "the Kwant builder has no translational symmetry; give one built with kwant.TranslationalSymmetry, before "
            "wraparound"
        )
    onsite = {
        site: np.atleast_2d(_kwant_value(value, (site,), params or {})) for site, value in builder.site_value_pairs()
    }
    sites = sorted(onsite)
    widths = [len(onsite[site]) for site in sites]
    start = dict(zip(sites, np.cumsum([0, *widths]).tolist(), strict=False))
    bands = sum(widths)
    home = (0,) * symmetry.num_directions
    cells: dict[Cell, ComplexArray] = {home: np.zeros((bands, bands), dtype=np.complex128)}
    for site in sites:
        span = slice(start[site], start[site] + len(onsite[site]))
        cells[home][span, span] = onsite[site]
    for (a, b), value in builder.hopping_value_pairs():
        block = np.zeros((bands, bands), dtype=np.complex128)
        row, column = symmetry.to_fd(a), symmetry.to_fd(b)
        amplitude = np.atleast_2d(_kwant_value(value, (a, b), params or {}))
        if amplitude.shape != (len(onsite[row]), len(onsite[column])):
            raise ModelError(f"hopping {a} to {b} has shape {amplitude.shape}, which does not fit the on-site terms")
        block[start[row] : start[row] + len(amplitude), start[column] : start[column] + amplitude.shape[1]] = amplitude
        R = np.array(symmetry.which(b), dtype=np.int64) - np.array(symmetry.which(a), dtype=np.int64)
        _add_with_conjugate(cells, tuple(R.tolist()), block)
    periods = _three_components(np.array(symmetry.periods, dtype=np.float64))
    others = np.linalg.svd(periods)[2][len(periods) :] * 2 * np.max(np.linalg.norm(periods, axis=1))
    lattice = np.vstack([periods, others])
    positions = _three_components(np.array([site.pos for site in sites], dtype=np.float64)) @ np.linalg.inv(lattice)
    full = {(*R, 0, 0, 0)[:3]: matrix for R, matrix in cells.items()}
    per = range(symmetry.num_directions)
    return _assemble("Kwant", lattice, per, np.repeat(positions, widths, axis=0), full, False, operators)


def _kwant_value(value: Any, sites: tuple[Any, ...], params: Mapping[str, Any]) -> ComplexArray:
    if callable(value):
        names = list(inspect.signature(value).parameters)[len(sites) :]
        missing = [name for name in names if name not in params]
        if missing:
            raise ModelError(f"the Kwant model needs {', '.join(missing)}; write params={{{missing[0]!r}: ...}}")
        value = value(*sites, *(params[name] for name in names))
    return np.asarray(value, dtype=np.complex128)


def _three_components(vectors: RealArray) -> RealArray:
    padded: RealArray = np.zeros((len(vectors), 3))
    padded[:, : vectors.shape[1]] = vectors
    return padded


def _sisl_matrix(hamiltonian: Any, k: Sequence[float], polarised: bool) -> ComplexArray:
    """H(k) with phases of lattice vectors; the two channels of a polarised Hamiltonian side by side."""
    if not polarised:
        found: ComplexArray = np.asarray(hamiltonian.Hk(k, gauge="lattice", format="array"), dtype=np.complex128)
        return found
    return np.asarray(
        sum(np.kron(hamiltonian.Hk(k, spin=s, gauge="lattice", format="array"), np.diag(np.eye(2)[s])) for s in (0, 1)),
        dtype=np.complex128,
    )


def _assemble(
    package: str,
    rows: ArrayLike,
    per: Sequence[int],
    positions: ArrayLike,
    cells: Mapping[Cell, ComplexArray],
    spin: bool,
    operators: Operators | None,
    species: Sequence[str] | None = None,
) -> TightBinding:
    """The model with its periodic directions first; the builder completes the lattice and makes the spin."""
    lattice, fractional = np.asarray(rows, dtype=np.float64), np.asarray(positions, dtype=np.float64)
    if not 1 <= len(per) <= len(lattice) <= MAXIMUM_DIMENSION:
        raise ModelError(
            f"the {package} model has {len(per)} periodic directions in {len(lattice)} dimensions; expected 1 to 3 of "
            "them in at most 3; clusters have no Brillouin zone"
        )
    order = [*per, *(axis for axis in range(len(lattice)) if axis not in per)]
    padded: RealArray = np.zeros((len(fractional), 3))
    padded[:, : len(order)] = fractional[:, order]
    builder = TightBindingBuilder(lattice[order], padded, spin=spin, dimension=len(per))
    for name, operator in named_operators(operators or {}).items():
        if not operator.local:
            raise ModelError(f"operator {name!r} reaches to other cells; give one that is local to the home cell")
        builder.set_operator(
            name, operator.home, legs=operator.legs, time_reversal=operator.time_reversal, unit=operator.unit
        )
    model = builder.build(species=species, provenance={"source": package})
    keys = sorted(cells)
    vectors = np.zeros((len(keys), 3), dtype=np.int64)
    vectors[:, : len(order)] = np.array(keys, dtype=np.int64)[:, order]
    return replace(model, hamiltonian=LatticeOperator(vectors, np.array([cells[key] for key in keys])))


def _add_with_conjugate(cells: dict[Cell, ComplexArray], R: Cell, block: ComplexArray) -> None:
    opposite = tuple(-r for r in R)
    cells[R] = cells.get(R, np.zeros_like(block)) + block
    cells[opposite] = cells.get(opposite, np.zeros_like(block)) + block.conj().T


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"{name} is not installed; write: pip install {name}") from error


def _wrong(found: Any, expected: str) -> ModelError:
    kind = f"{type(found).__module__}.{type(found).__qualname__}"
    return ModelError(f"the model is a {kind}; expected {expected}")

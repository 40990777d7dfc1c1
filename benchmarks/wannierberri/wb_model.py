"""Turn a model file into a WannierBerri system and run its spin Hall calculator on it.

The model file is an .npz archive with the arrays
    lattice  (3, 3)         rows are the lattice vectors, Å
    R        (nR, 3)        integer lattice vectors
    H        (nR, n, n)     <0a|H|Rb>, eV
    r        (nR, n, n, 3)  <0a|r|Rb>, Å, home-cell diagonal = Wannier centres
    s        (nR, n, n, 3)  <0a|s|Rb>, spin in units of ħ (Pauli matrix / 2)
    centres  (n, 3)         Wannier centres, Å
with the Wigner-Seitz weights and minimal-image shifts already applied: X(k) = Σ_R exp(ik·R) X_R.
"""

from __future__ import annotations

import platform
import resource
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info
from wannierberri import Grid, System_R, run
from wannierberri.calculators.static import SHC
from wannierberri.fourier.rvectors import Rvectors

CENTRE_TOLERANCE = 1e-6  # Å, between `centres` and the home-cell diagonal of `r`
HERMITICITY_TOLERANCE = 1e-9  # largest |X(R) - X(-R)^dagger|


class ModelFileError(ValueError):
    """The model file lacks an array, or an array contradicts another one."""


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the model file and refuse what WannierBerri would silently alter or count twice."""
    with np.load(path) as archive:
        missing = {"lattice", "R", "H", "r", "s", "centres"} - set(archive.files)
        if missing:
            raise ModelFileError(f"{path}: missing arrays {sorted(missing)}; found {sorted(archive.files)}")
        arrays = {name: archive[name] for name in ("lattice", "R", "H", "r", "s", "centres")}
    index = {tuple(int(x) for x in R): i for i, R in enumerate(arrays["R"])}
    if (0, 0, 0) not in index:
        raise ModelFileError(f"{path}: R lacks the home cell (0, 0, 0)")
    home = np.diagonal(arrays["r"][index[0, 0, 0]], axis1=0, axis2=1).T
    deviation = float(np.abs(home - arrays["centres"]).max())
    if deviation > CENTRE_TOLERANCE:
        raise ModelFileError(
            f"{path}: the home-cell diagonal of r differs from centres by {deviation:.2e} Å; r must contain the centres"
        )
    minus = np.array([index.get((-R[0], -R[1], -R[2]), -1) for R in arrays["R"].tolist()])
    if (minus < 0).any():
        raise ModelFileError(f"{path}: {int((minus < 0).sum())} lattice vectors R lack their partner -R")
    for name in ("H", "r", "s"):
        X = arrays[name]
        asymmetry = float(np.abs(X - X[minus].swapaxes(1, 2).conj()).max())
        if asymmetry > HERMITICITY_TOLERANCE:
            raise ModelFileError(
                f"{path}: {name} is not Hermitian, |{name}(R) - {name}(-R)^dagger| = {asymmetry:.2e}; "
                "WannierBerri takes the Hermitian part at every k, so average the two before writing the file"
            )
    return arrays


def build_system(arrays: dict[str, np.ndarray]) -> System_R:
    """WannierBerri's real-space system from the arrays, without its file readers.

    WannierBerri keeps the centres outside its position matrix `AA` (they enter the k-derivative as
    R + t_b - t_a), so the home-cell diagonal is subtracted here: the diagonal is counted once.
    Its spin matrix `SS` holds Pauli matrices.
    """
    system = System_R(name="model", silent=True)
    system.real_lattice = arrays["lattice"].astype(float)
    system.num_wann = arrays["H"].shape[1]
    system.set_wannier_centers(wannier_centers_cart=arrays["centres"].astype(float))
    system.rvec = Rvectors(
        lattice=system.real_lattice,
        iRvec=arrays["R"],
        shifts_left_red=system.wannier_centers_red,
    )
    position = arrays["r"].astype(complex)
    orbital = np.arange(system.num_wann)
    position[system.rvec.iR0, orbital, orbital, :] -= arrays["centres"]
    system.set_R_mat("Ham", arrays["H"].astype(complex))
    system.set_R_mat("AA", position)
    system.set_R_mat("SS", 2.0 * arrays["s"].astype(complex))
    system.do_at_end_of_init()
    return system


def spin_hall_calculators(
    mu: list[float], *, degeneracy_tol: float, kramers: bool = False, levels: np.ndarray | None = None
) -> dict[str, SHC]:
    """One calculator per chemical potential, or a single one for the equidistant `levels`.

    WannierBerri reads the step of a list of Fermi levels off the first two, so arbitrary levels need a calculator
    each; they share the Bloch states.
    """
    lists = [np.array([level]) for level in mu] if levels is None else [levels]
    return {
        f"mu{i}": SHC(
            Efermi=energies,
            kwargs_formula={"spin_current_type": "simple"},
            degen_thresh=degeneracy_tol,
            degen_Kramers=kramers,
            save_mode="",
        )
        for i, energies in enumerate(lists)
    }


def default_fft(mesh: int) -> int:
    """Largest divisor of the mesh not above 12: any divisor gives the same sum over k."""
    return max(d for d in range(1, min(mesh, 12) + 1) if mesh % d == 0)


def run_serial(
    system: System_R,
    calculators: dict[str, SHC],
    *,
    mesh: int,
    fft: int,
    fftlib: str = "fftw",
) -> dict[str, np.ndarray]:
    """Γ-centred full-zone run in this process; returns the arrays of the calculators, (levels, 3, 3, 3) each."""
    if mesh % fft:
        raise ModelFileError(f"the FFT size {fft} does not divide the mesh {mesh}: the mesh would be altered")
    grid = Grid(system, NKdiv=mesh // fft, NKFFT=fft, use_symmetry=False)
    result = run(
        system,
        grid=grid,
        calculators=calculators,
        use_irred_kpt=False,
        symmetrize=False,
        parallel=False,
        parameters_K={"fftlib": fftlib},
        print_progress_step_time=1e9,
    )
    return {name: value.data for name, value in result.results.items()}


def cpu_seconds() -> float:
    """User + system CPU time of this process, all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def environment() -> dict[str, Any]:
    """Versions and thread settings, to be stored beside every number."""
    versions = {}
    for package in ("wannierberri", "numpy", "scipy", "numba", "pyfftw"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "absent"
    blas = [f"{t['internal_api']} {t['version']}, {t['num_threads']} thread(s)" for t in threadpool_info()]
    return {"python": platform.python_version(), "packages": versions, "thread_pools": blas}

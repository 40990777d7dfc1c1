"""What is refused wherever it is asked for, in Python or in an input file, in the same words."""

from __future__ import annotations

from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError, ModelError

NOT_DRIVEN = (
    "an electric field does not drive the quasiparticles of a superconductor as it drives electrons; write kind = "
    '"spin_quantum_hall" (in Python SpinQuantumHall()), or take the normal state'
)
NOT_CONSERVED = (
    "the quasiparticles of a superconductor do not conserve charge; write "
    'kind = "thermal_hall" (in Python ThermalHall()), their quantised response'
)

NOT_ORBITAL = "the quasiparticles of a superconductor do not conserve charge; write bogolon_magnetization()"


def require_electrons(model: Model, response: str, refusal: str) -> None:
    """Raise ``ModelError`` with ``refusal`` if ``model`` is a superconductor, in which ``response`` has no meaning."""
    if model.nambu is not None:
        raise ModelError(f"{response}: {refusal}")


def require_conserved_spin(model: Model, response: str) -> None:
    """Raise ``ModelError`` unless ``model`` is a superconductor that conserves S_z."""
    if model.nambu is None or "spin_z" not in model.operators:
        raise ModelError(
            f'{response}: needs a superconductor that conserves S_z, basis = "sz" or "symmetrised" of its pairing'
        )


def require_reference(model: Model, reference: float, field: str) -> None:
    """Raise ``ConfigError`` if energies of a superconductor are to be measured from another zero than its own."""
    if model.nambu is not None and reference != 0:
        raise ConfigError(
            f"{field} is {reference:g}; the energies of a superconductor are measured from its chemical potential, so "
            f"write {field.split()[-1]} = 0"
        )

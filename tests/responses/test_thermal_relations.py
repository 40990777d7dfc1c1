"""Thermal kernels against their definitions, and the relations between conductivity and thermoelectric response."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import solenoidal as sol
from solenoidal.models.library import rashba_square
from solenoidal.responses.charge import AnomalousHallConductivity, DensityOfStates
from solenoidal.responses.kernels import KERNELS, THERMAL_KERNELS, Kernel
from solenoidal.responses.transport import SpinConductivity
from solenoidal.units import unit
from support.direct import BOLTZMANN, DirectSums, mesh, thermal
from support.parallel_transport import slope
from support.registry import SEPARATE, Case, states_at

ENERGY = np.linspace(-1.0, 1.2, 45)
MU, TEMPERATURE = 0.13, 900.0


@pytest.mark.parametrize("kernel", THERMAL_KERNELS, ids=repr)
def test_kernels_are_what_their_formulas_say(kernel: Kernel) -> None:
    expected = thermal(kernel.name, ENERGY, MU, BOLTZMANN * TEMPERATURE)
    found = kernel(ENERGY, MU, TEMPERATURE)
    assert np.abs(expected).max() > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize("kernel", THERMAL_KERNELS, ids=repr)
def test_kernels_stay_finite_and_reach_their_limits_far_from_the_chemical_potential(kernel: Kernel) -> None:
    far = np.array([-50.0, 50.0])
    low, high = kernel(far, 0.0, 1.0)
    assert high == 0.0
    if kernel.is_surface:
        assert low == 0.0
    else:
        assert low == {"fermi": 1.0, "heat": 1.0, "grand_potential": -50.0}[kernel.name]


def test_kernels_are_derivatives_of_the_grand_potential() -> None:
    """∂g/∂μ = −f, ∂g/∂T = −e, −∂f/∂ε and −∂e/∂ε: the thermodynamics behind every response."""
    g = "grand_potential"
    for found, expected in (
        (slope(lambda x: KERNELS[g](ENERGY, MU + x, TEMPERATURE), 5e-3), -KERNELS["fermi"](ENERGY, MU, TEMPERATURE)),
        (slope(lambda x: KERNELS[g](ENERGY, MU, TEMPERATURE + x), 5.0), -KERNELS["entropy"](ENERGY, MU, TEMPERATURE)),
        (
            slope(lambda x: KERNELS["fermi"](ENERGY + x, MU, TEMPERATURE), 5e-3),
            -KERNELS["minus_fermi_derivative"](ENERGY, MU, TEMPERATURE),
        ),
        (
            slope(lambda x: KERNELS["entropy"](ENERGY + x, MU, TEMPERATURE), 5e-3),
            -KERNELS["minus_entropy_derivative"](ENERGY, MU, TEMPERATURE),
        ),
        # Maxwell: ∂e/∂μ = ∂f/∂T.
        (
            slope(lambda x: KERNELS["entropy"](ENERGY, MU + x, TEMPERATURE), 5e-3),
            slope(lambda x: KERNELS["fermi"](ENERGY, MU, TEMPERATURE + x), 5.0),
        ),
    ):
        scale = np.abs(expected).max()
        assert scale > 1e-8
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize("energy", [-0.4, 0.0, 0.13, 0.5])
def test_mott_convolution_holds_for_the_kernels_exactly(energy: float) -> None:
    """e_n = ∫_{ε_n}^∞ dε (ε − μ)/T (−f′): a thermoelectric response is the convolution of the T = 0 conductivity."""

    def integrand(x: float) -> float:
        weight = float(KERNELS["minus_fermi_derivative"](np.array(x), MU, TEMPERATURE))
        return (x - MU) / TEMPERATURE * weight

    found = quad(integrand, energy, energy + 8, limit=500, epsabs=1e-14, points=[MU] if energy < MU else None)[0]
    expected = float(KERNELS["entropy"](np.array(energy), MU, TEMPERATURE))
    assert expected > 1e-7
    assert found == pytest.approx(expected, rel=1e-8)


CHARGE = -1.0
RESPONSES = (SpinConductivity(charge=CHARGE), AnomalousHallConductivity(charge=CHARGE))


@pytest.mark.parametrize("case", [Case(3, 2, 4), Case(4, 2, 5)], ids=str)
def test_thermoelectric_response_is_the_mott_convolution_of_the_conductivity(case: Case) -> None:
    """α(μ, T) = (1/e)∫dε (ε − μ)/T (−f′) σ₀(ε) with σ₀ at zero temperature, for every output of one run."""
    step, kT = 0.01, 0.2
    mu = middle_of_a_band(case)
    result = sol.solve(
        case.model(),
        RESPONSES,
        sol.Numerics(mesh=(48, 48, 1), energies=sol.EnergyGrid(mu - 4.2, mu + 4.2, step, mu), audit=False),
    )
    x = np.arange(-320, 321) * step / kT
    weight = np.array([KERNELS["minus_fermi_derivative"](kT * t, 0.0, kT / BOLTZMANN) * t * step for t in x])
    compared = 0
    for field, gradient in (("conductivity", "nernst"), ("anomalous_hall", "anomalous_nernst")):
        cold = result.quantity(field, mu + kT * x, [0.0])
        warm = result.quantity(gradient, [mu], [kT / BOLTZMANN])
        largest = max(float(np.abs(warm[output].values).max()) for output in warm.data_vars)
        for output in warm.data_vars:
            source = cold[field if field == "anomalous_hall" else output]
            expected = np.einsum("x,x...->...", weight * BOLTZMANN / CHARGE, source.values[:, 0])
            alpha = warm[output].values[0, 0]
            # Both carry their own units; the ratio of internal numbers is what the relation is about.
            expected *= factor(warm[output].attrs["units"], case.dimension) / factor(
                source.attrs["units"], case.dimension
            )
            compared += bool(np.abs(expected).max() > 0.1 * largest)
            np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-2 * largest, err_msg=str(output))
    assert compared >= 5


def middle_of_a_band(case: Case) -> float:
    """An energy that many states have."""
    energies = states_at(case.model(), mesh(*(9,) * case.dimension)).energies
    return float(np.median(energies[:, 0]))


def factor(label: str, dimension: int) -> float:
    """Internal number to the printed unit."""
    kinds = ("spin_conductivity", "spin_nernst", "conductivity", "nernst")
    return next(unit(kind, dimension).factor for kind in kinds if unit(kind, dimension).label == label)


def test_mott_formula_holds_at_low_temperature_with_an_error_of_second_order() -> None:
    """α → (π²/3)(k_B²T/e) ∂σ/∂μ; halving T leaves a quarter of the relative deviation."""
    model = rashba_square(alpha=0.5, mass=1.0)
    direct = DirectSums.of(model, SpinConductivity(charge=CHARGE), states_at(model, mesh(240, 240)))
    mu = -2.2
    deviations: dict[str, list[float]] = {"berry_spin": [], "conventional": [], "finite_q": []}
    for kT in (0.08, 0.04):
        alpha = direct.at("nernst", mu, kT, deviations)

        def hall(x: float, kT: float = kT) -> np.ndarray:
            outputs = direct.at("conductivity", mu + x, kT, deviations)
            return np.array([outputs[name][0, 1, 2] for name in deviations])

        for (name, values), rise in zip(deviations.items(), slope(hall, 0.005), strict=True):
            formula = np.pi**2 / 3 * BOLTZMANN * kT * float(rise) / CHARGE
            assert abs(formula) > 1e-9
            values.append(float(alpha[name][0, 1, 2]) / formula - 1)
    for name, (warm, cold) in deviations.items():
        assert 0 < abs(cold) < 0.002, name
        assert warm / cold == pytest.approx(4, rel=0.25), name


def test_compressibility_is_the_density_of_states() -> None:
    case = SEPARATE[4]
    model = case.model()
    direct = DirectSums.of(model, DensityOfStates(), states_at(model, mesh(16, 16)))
    mu = middle_of_a_band(SEPARATE[4])
    rise = slope(lambda x: direct.at("carriers", mu + x, 0.1)["carriers"], 0.005)
    found = float(direct.at("density_of_states", mu, 0.1)["density_of_states"])
    assert found > 0.1
    assert float(rise) == pytest.approx(found, rel=1e-9)

"""Errors and warnings of transport through disorder, each with its own name so that it can be caught or silenced."""

from __future__ import annotations

from solenoidal.errors import SolenoidalError


class ScattererError(SolenoidalError):
    """A scatterer contradicts the model or a physical law (shape, Hermiticity, missing density)."""


class UnscatteredStatesError(SolenoidalError):
    """Some states of the energy shell are not scattered at all: their current never decays."""


class NoSteadyStateError(SolenoidalError):
    """The field drives a conserved quantity: the current grows without bound."""


class ConvergenceError(SolenoidalError):
    """The iterative solution of the Boltzmann equation did not reach its tolerance."""


class ExtrinsicWarning(UserWarning):
    """Base class of the warnings below."""


class QuadratureWarning(ExtrinsicWarning):
    """The k mesh is so coarse that the field seems to drive a conserved quantity."""


class SlowModeWarning(ExtrinsicWarning):
    """A relaxation mode is so slow that the quadrature error divided by its rate may dominate."""


class FallbackWarning(ExtrinsicWarning):
    """Part of the energy shell could not be followed exactly: van Hove points or touching sheets."""


class HiddenPocketWarning(ExtrinsicWarning):
    """Parts of an energy shell lie inside single mesh cells and are left out."""


class QuasiDegenerateWarning(ExtrinsicWarning):
    """Bands lie closer than the scattering rate: coherence between them is outside the Boltzmann equation."""


class PolarisedBlockWarning(ExtrinsicWarning):
    """The mean field of the impurities splits degenerate bands as strongly as they are broadened."""

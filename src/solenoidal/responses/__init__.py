"""What can be asked of a model: the contract of a response, and one file for each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.responses.charge import AnomalousHallConductivity as AnomalousHallConductivity
    from solenoidal.responses.charge import DensityOfStates as DensityOfStates
    from solenoidal.responses.charge import SpinMoment as SpinMoment
    from solenoidal.responses.check import check_response as check_response
    from solenoidal.responses.density import LocalDensity as LocalDensity
    from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity as ExtrinsicSpinConductivity
    from solenoidal.responses.extrinsic import GroupStates as GroupStates
    from solenoidal.responses.kernels import Kernel as Kernel
    from solenoidal.responses.magnetization import Magnetization as Magnetization
    from solenoidal.responses.magnetization import bogolon_magnetization as bogolon_magnetization
    from solenoidal.responses.magnetization import orbital_magnetization as orbital_magnetization
    from solenoidal.responses.maps import BandGeometry as BandGeometry
    from solenoidal.responses.response import Part as Part
    from solenoidal.responses.response import Quantity as Quantity
    from solenoidal.responses.response import Response as Response
    from solenoidal.responses.response import Term as Term
    from solenoidal.responses.superconductor import SpinQuantumHall as SpinQuantumHall
    from solenoidal.responses.superconductor import ThermalHall as ThermalHall
    from solenoidal.responses.superconductor import superconductor_responses as superconductor_responses
    from solenoidal.responses.transport import SpinConductivity as SpinConductivity
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.responses.charge": ["AnomalousHallConductivity", "DensityOfStates", "SpinMoment"],
            "solenoidal.responses.check": ["check_response"],
            "solenoidal.responses.density": ["LocalDensity"],
            "solenoidal.responses.extrinsic": ["ExtrinsicSpinConductivity", "GroupStates"],
            "solenoidal.responses.kernels": ["Kernel"],
            "solenoidal.responses.magnetization": ["Magnetization", "bogolon_magnetization", "orbital_magnetization"],
            "solenoidal.responses.maps": ["BandGeometry"],
            "solenoidal.responses.response": ["Part", "Quantity", "Response", "Term"],
            "solenoidal.responses.superconductor": ["SpinQuantumHall", "ThermalHall", "superconductor_responses"],
            "solenoidal.responses.transport": ["SpinConductivity"],
        },
    )

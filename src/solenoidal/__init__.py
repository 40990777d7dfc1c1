"""solenoidal: conserved currents of nonconserved quantities, for models and for real materials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.accuracy.converge import Convergence as Convergence
    from solenoidal.accuracy.converge import converge as converge
    from solenoidal.integrate.numerics import Numerics as Numerics
    from solenoidal.integrate.sample import sample as sample
    from solenoidal.integrate.solve import solve as solve
    from solenoidal.integrate.tolerance import Accuracy as Accuracy
    from solenoidal.io.model_file import load_model as load_model
    from solenoidal.io.model_file import save_model as save_model
    from solenoidal.io.spin_check import examine_model as examine_model
    from solenoidal.io.wannier90 import read_wannier90 as read_wannier90
    from solenoidal.models.bdg import bdg as bdg
    from solenoidal.models.builder import TightBindingBuilder as TightBindingBuilder
    from solenoidal.models.continuum import ContinuumModel as ContinuumModel
    from solenoidal.models.gap import gap as gap
    from solenoidal.models.hamiltonian import Structure as Structure
    from solenoidal.models.hamiltonian import TightBinding as TightBinding
    from solenoidal.models.operator import LatticeOperator as LatticeOperator
    from solenoidal.models.operator import Operator as Operator
    from solenoidal.models.operator import spin_operator as spin_operator
    from solenoidal.models.pairing import PairingBuilder as PairingBuilder
    from solenoidal.models.pairing import bond_pairing as bond_pairing
    from solenoidal.models.pairing import onsite_pairing as onsite_pairing
    from solenoidal.responses.charge import AnomalousHallConductivity as AnomalousHallConductivity
    from solenoidal.responses.charge import DensityOfStates as DensityOfStates
    from solenoidal.responses.charge import SpinMoment as SpinMoment
    from solenoidal.responses.check import check_response as check_response
    from solenoidal.responses.magnetization import Magnetization as Magnetization
    from solenoidal.responses.magnetization import bogolon_magnetization as bogolon_magnetization
    from solenoidal.responses.magnetization import orbital_magnetization as orbital_magnetization
    from solenoidal.responses.maps import BandGeometry as BandGeometry
    from solenoidal.responses.superconductor import SpinQuantumHall as SpinQuantumHall
    from solenoidal.responses.superconductor import ThermalHall as ThermalHall
    from solenoidal.responses.superconductor import superconductor_responses as superconductor_responses
    from solenoidal.responses.transport import SpinConductivity as SpinConductivity
    from solenoidal.results.bogolons import magnetization_table as magnetization_table
    from solenoidal.results.result import Result as Result
    from solenoidal.sampling.energy_grid import EnergyGrid as EnergyGrid
    from solenoidal.sampling.points import FixedPoints as FixedPoints
    from solenoidal.sampling.tetrahedra import TetrahedronPoints as TetrahedronPoints
    from solenoidal.symmetry.group import SymmetryGroup as SymmetryGroup
    from solenoidal.symmetry.search import find_symmetry as find_symmetry
    from solenoidal.symmetry.symmetrise import symmetrise as symmetrise
    from solenoidal.version import __version__ as __version__
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.accuracy.converge": ["Convergence", "converge"],
            "solenoidal.integrate.tolerance": ["Accuracy"],
            "solenoidal.integrate.numerics": ["Numerics"],
            "solenoidal.integrate.sample": ["sample"],
            "solenoidal.integrate.solve": ["solve"],
            "solenoidal.io.model_file": ["load_model", "save_model"],
            "solenoidal.io.spin_check": ["examine_model"],
            "solenoidal.io.wannier90": ["read_wannier90"],
            "solenoidal.models.bdg": ["bdg"],
            "solenoidal.models.builder": ["TightBindingBuilder"],
            "solenoidal.models.continuum": ["ContinuumModel"],
            "solenoidal.models.gap": ["gap"],
            "solenoidal.models.hamiltonian": ["Structure", "TightBinding"],
            "solenoidal.models.operator": ["LatticeOperator", "Operator", "spin_operator"],
            "solenoidal.models.pairing": ["PairingBuilder", "bond_pairing", "onsite_pairing"],
            "solenoidal.responses.charge": ["AnomalousHallConductivity", "DensityOfStates", "SpinMoment"],
            "solenoidal.responses.check": ["check_response"],
            "solenoidal.responses.magnetization": ["Magnetization", "bogolon_magnetization", "orbital_magnetization"],
            "solenoidal.responses.maps": ["BandGeometry"],
            "solenoidal.responses.superconductor": ["SpinQuantumHall", "ThermalHall", "superconductor_responses"],
            "solenoidal.responses.transport": ["SpinConductivity"],
            "solenoidal.results.bogolons": ["magnetization_table"],
            "solenoidal.results.result": ["Result"],
            "solenoidal.sampling.energy_grid": ["EnergyGrid"],
            "solenoidal.sampling.points": ["FixedPoints"],
            "solenoidal.sampling.tetrahedra": ["TetrahedronPoints"],
            "solenoidal.symmetry.group": ["SymmetryGroup"],
            "solenoidal.symmetry.search": ["find_symmetry"],
            "solenoidal.symmetry.symmetrise": ["symmetrise"],
            "solenoidal.version": ["__version__"],
        },
    )

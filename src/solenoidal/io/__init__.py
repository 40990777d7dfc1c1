"""Files of models: Wannier90, lattice files, this package's own, and objects of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.io.adapters import from_kwant as from_kwant
    from solenoidal.io.adapters import from_pythtb as from_pythtb
    from solenoidal.io.adapters import from_sisl as from_sisl
    from solenoidal.io.adapters import from_tbmodels as from_tbmodels
    from solenoidal.io.lattice_files import write_tb as write_tb
    from solenoidal.io.model_file import load_model as load_model
    from solenoidal.io.model_file import save_model as save_model
    from solenoidal.io.spin_check import SpinReport as SpinReport
    from solenoidal.io.spin_check import examine_model as examine_model
    from solenoidal.io.wannier90 import read_wannier90 as read_wannier90
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.io.adapters": ["from_kwant", "from_pythtb", "from_sisl", "from_tbmodels"],
            "solenoidal.io.lattice_files": ["write_tb"],
            "solenoidal.io.model_file": ["load_model", "save_model"],
            "solenoidal.io.spin_check": ["SpinReport", "examine_model"],
            "solenoidal.io.wannier90": ["read_wannier90"],
        },
    )

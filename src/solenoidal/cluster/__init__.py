"""Other machines: a Dask cluster that is there already, or one of Slurm jobs that live as long as the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.cluster.connection import ClusterOptions as ClusterOptions
    from solenoidal.cluster.connection import Connection as Connection
    from solenoidal.cluster.connection import connected as connected
    from solenoidal.cluster.slurm import SlurmFile as SlurmFile
    from solenoidal.cluster.slurm import read_slurm as read_slurm
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.cluster.connection": ["ClusterOptions", "Connection", "connected"],
            "solenoidal.cluster.slurm": ["SlurmFile", "read_slurm"],
        },
    )

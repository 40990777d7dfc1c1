"""Other machines: a Dask cluster that is there already, or one of Slurm jobs that live as long as the run."""

from __future__ import annotations

from solenoidal.cluster.connection import ClusterOptions as ClusterOptions
from solenoidal.cluster.connection import Connection as Connection
from solenoidal.cluster.connection import connected as connected

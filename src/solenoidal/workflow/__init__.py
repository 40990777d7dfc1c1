"""From an input file to the objects of a run, and the places of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.workflow.build import build_grid as build_grid
    from solenoidal.workflow.build import build_model as build_model
    from solenoidal.workflow.build import build_numerics as build_numerics
    from solenoidal.workflow.build import build_responses as build_responses
    from solenoidal.workflow.build import build_sampling as build_sampling
    from solenoidal.workflow.build import is_superconductor as is_superconductor
    from solenoidal.workflow.build import read_model as read_model
    from solenoidal.workflow.build import write_model as write_model
    from solenoidal.workflow.disorder_input import DisorderInput as DisorderInput
    from solenoidal.workflow.disorder_input import read_disorder_input as read_disorder_input
    from solenoidal.workflow.disorder_run import compute_disorder as compute_disorder
    from solenoidal.workflow.input_file import InputFile as InputFile
    from solenoidal.workflow.input_file import read_input as read_input
    from solenoidal.workflow.job import Job as Job
    from solenoidal.workflow.job import compute as compute
    from solenoidal.workflow.job import prepare as prepare
    from solenoidal.workflow.places import Places as Places
    from solenoidal.workflow.places import write_figure as write_figure
    from solenoidal.workflow.places import write_netcdf as write_netcdf
    from solenoidal.workflow.runlog import run_log as run_log
    from solenoidal.workflow.series import compute_series as compute_series
    from solenoidal.workflow.series import follows_temperature as follows_temperature
    from solenoidal.workflow.session import Session as Session
    from solenoidal.workflow.session import open_session as open_session
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.workflow.build": [
                "build_grid",
                "build_model",
                "build_numerics",
                "build_responses",
                "build_sampling",
                "is_superconductor",
                "read_model",
                "write_model",
            ],
            "solenoidal.workflow.disorder_input": ["DisorderInput", "read_disorder_input"],
            "solenoidal.workflow.disorder_run": ["compute_disorder"],
            "solenoidal.workflow.input_file": ["InputFile", "read_input"],
            "solenoidal.workflow.job": ["Job", "compute", "prepare"],
            "solenoidal.workflow.places": ["Places", "write_figure", "write_netcdf"],
            "solenoidal.workflow.runlog": ["run_log"],
            "solenoidal.workflow.series": ["compute_series", "follows_temperature"],
            "solenoidal.workflow.session": ["Session", "open_session"],
        },
    )

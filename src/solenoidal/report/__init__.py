"""Figures and the page of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.report.curves import conductivity_pictures as conductivity_pictures
    from solenoidal.report.curves import convergence_picture as convergence_picture
    from solenoidal.report.curves import density_picture as density_picture
    from solenoidal.report.disorder_page import DisorderRequest as DisorderRequest
    from solenoidal.report.disorder_page import disorder_html as disorder_html
    from solenoidal.report.extrinsic_figures import against_mu_figure as against_mu_figure
    from solenoidal.report.extrinsic_figures import fermi_surface_figure as fermi_surface_figure
    from solenoidal.report.extrinsic_figures import relaxation_spectrum_figure as relaxation_spectrum_figure
    from solenoidal.report.figures import coloured_bands as coloured_bands
    from solenoidal.report.figures import convergence_figure as convergence_figure
    from solenoidal.report.figures import definitions_against_energy as definitions_against_energy
    from solenoidal.report.figures import density_of_states_figure as density_of_states_figure
    from solenoidal.report.figures import plane_maps as plane_maps
    from solenoidal.report.kspace import KPath as KPath
    from solenoidal.report.kspace import KPlane as KPlane
    from solenoidal.report.kspace import plane_through_centre as plane_through_centre
    from solenoidal.report.kspace import recommended_path as recommended_path
    from solenoidal.report.page import Picture as Picture
    from solenoidal.report.page import ReportRequest as ReportRequest
    from solenoidal.report.page import report_html as report_html
    from solenoidal.report.pictures import band_picture as band_picture
    from solenoidal.report.pictures import plane_picture as plane_picture
    from solenoidal.report.profile_figures import current_arrows as current_arrows
    from solenoidal.report.profile_figures import profile_panels as profile_panels
    from solenoidal.report.superconductor import superconductor_pictures as superconductor_pictures
    from solenoidal.report.superconductor_figures import bogolon_maps as bogolon_maps
    from solenoidal.report.superconductor_figures import dipole_arrows as dipole_arrows
    from solenoidal.report.superconductor_figures import magnetization_parts as magnetization_parts
    from solenoidal.report.superconductor_figures import phase_diagram as phase_diagram
    from solenoidal.report.superconductor_figures import quantised_hall as quantised_hall
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.report.curves": ["conductivity_pictures", "convergence_picture", "density_picture"],
            "solenoidal.report.disorder_page": ["DisorderRequest", "disorder_html"],
            "solenoidal.report.extrinsic_figures": [
                "against_mu_figure",
                "fermi_surface_figure",
                "relaxation_spectrum_figure",
            ],
            "solenoidal.report.figures": [
                "coloured_bands",
                "convergence_figure",
                "definitions_against_energy",
                "density_of_states_figure",
                "plane_maps",
            ],
            "solenoidal.report.kspace": ["KPath", "KPlane", "plane_through_centre", "recommended_path"],
            "solenoidal.report.page": ["Picture", "ReportRequest", "report_html"],
            "solenoidal.report.pictures": ["band_picture", "plane_picture"],
            "solenoidal.report.profile_figures": ["current_arrows", "profile_panels"],
            "solenoidal.report.superconductor": ["superconductor_pictures"],
            "solenoidal.report.superconductor_figures": [
                "bogolon_maps",
                "dipole_arrows",
                "magnetization_parts",
                "phase_diagram",
                "quantised_hall",
            ],
        },
    )

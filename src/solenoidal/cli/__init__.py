"""The command line: a thin shell around the library. Only this room prints."""

from __future__ import annotations

from solenoidal.cli.app import main as main

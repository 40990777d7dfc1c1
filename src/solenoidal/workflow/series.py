"""Runs of a superconductor whose pair potential follows temperature: one model and one run for each temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from solenoidal.errors import ConfigError
from solenoidal.integrate.solve import Progress, solve
from solenoidal.responses.response import Response
from solenoidal.results.result import Result
from solenoidal.results.series import merge_temperatures
from solenoidal.sampling.points import FixedPoints
from solenoidal.workflow.build import build_model, build_numerics, superconductor
from solenoidal.workflow.input_file import InputFile
from solenoidal.workflow.pairing import pairing_at


def follows_temperature(settings: InputFile) -> bool:
    """Whether [pairing] asks for a gap that depends on temperature."""
    return settings.pairing is not None and settings.pairing.gap != "fixed"


def compute_series(
    settings: InputFile,
    responses: Sequence[Response],
    *,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """One result with the kernel sums of every temperature of [output], each from the model with Δ(T).

    Raises ``ConfigError`` without [pairing] or a mesh.
    """
    run, pairing = settings.run, settings.pairing
    if pairing is None or run.mesh is None:
        raise ConfigError("[pairing] gap: a gap that follows temperature needs [pairing] and mesh in [run]")
    normal = build_model(settings.model)
    temperatures = tuple(dict.fromkeys(settings.output.temperatures))
    results = []
    for number, temperature in enumerate(temperatures):

        def advance(state: Progress, before: int = number) -> None:
            if progress is not None:
                total, left = state.total * len(temperatures), len(temperatures) - 1 - before
                each = state.elapsed + state.remaining
                done = state.done + before * state.total
                progress(replace(state, done=done, total=total, remaining=state.remaining + left * each))

        model = superconductor(normal, pairing_at(pairing, temperature))
        points = FixedPoints((0.0,), (temperature,))
        results.append(solve(model, responses, build_numerics(run, points), executor=executor, progress=advance))
    return merge_temperatures(results, pair_potential=f"follows temperature ({pairing.gap})")

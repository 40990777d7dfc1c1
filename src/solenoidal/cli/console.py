"""What the shell says and how it ends: the consoles, exit codes, and errors as one readable line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from threadpoolctl import threadpool_limits

from solenoidal.errors import OutputExistsError, SolenoidalError

OK, BAD_INPUT, OUTPUT_EXISTS, INTERRUPTED = 0, 2, 3, 130

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """One BLAS thread, because the driver fills the cores itself; errors a user can act on become lines and exit codes.

    A bug keeps its traceback.
    """
    try:
        with threadpool_limits(1):
            yield
    except OutputExistsError as error:
        _say(error)
        raise typer.Exit(OUTPUT_EXISTS) from None
    except (SolenoidalError, OSError, MemoryError) as error:
        _say(error)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        err.print("[yellow]interrupted[/]")
        raise typer.Exit(INTERRUPTED) from None


def _say(error: BaseException) -> None:
    for line in (str(error) or "not enough memory; lower threads or block_size").splitlines():
        err.print(f"[bold red]error:[/] {escape(line)}")


def whisper(line: str) -> None:
    """A line on the error stream that matters less than the others."""
    err.print(line, style="dim", markup=False)


def show_log(verbose: bool) -> None:
    """Send the library's log to the error stream: warnings always, everything with ``verbose``."""
    logger = logging.getLogger("solenoidal")
    level = logging.DEBUG if verbose else logging.WARNING
    logger.handlers = [RichHandler(level, console=err, show_time=False, show_path=False, markup=False)]
    logger.setLevel(level)
    logger.propagate = False

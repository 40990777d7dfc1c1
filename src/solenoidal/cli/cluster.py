"""Connection to a Dask cluster, for ``solenoidal run --cluster``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from solenoidal.cli.console import err
from solenoidal.errors import ConfigError

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """A client of the scheduler at ``address``, closed at the end; None, for the default executor, without an address.

    Raises ``ConfigError`` when Dask is not installed, the scheduler does not answer, or is lost during the run.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
    except ImportError:
        raise ConfigError("--cluster needs Dask: pip install 'solenoidal[cluster]'") from None
    try:
        # Not Dask's default client: writing result files must stay in this process.
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--cluster {address}: no Dask scheduler answers there within {CONNECT_SECONDS} s ({error}); "
            "write the address it prints at its start, for example tcp://host:8786"
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        err.print(
            f"cluster: {threads} threads at {address}" + ("" if threads else "; waiting for workers"), style="dim"
        )
        try:
            yield client
        except FutureCancelledError as error:
            raise ConfigError(
                f"--cluster {address}: the scheduler was lost ({error}); start it again and add --resume to go on from "
                "the finished blocks"
            ) from None

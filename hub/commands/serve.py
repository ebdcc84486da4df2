"""`tongban serve`: the hub, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from hub.app import create_app
from hub.observability import configure_logging
from hub.servers import serve_app
from hub.settings import load_settings

__all__ = ["serve"]


def serve(
    config: Annotated[Path | None, typer.Option(help="TOML file with settings", envvar="TONGBAN_CONFIG")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of the hub (over file and environment)")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="file (0600) with the passphrase of its keys")] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    workers: Annotated[int | None, typer.Option(help="reader processes beside the hub's own; 0: none")] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="explorer page, introspection, suggestions: never in public")
    ] = False,
) -> None:
    """Serve GraphQL, the ledger at its C2SP paths, tokens, health and metrics. See `tongban settings`.

    It never creates a log or a key: that is `tongban ledger init`.

    Example: tongban serve --data hub --passphrase-file hub.pass --workers 2
    """
    overrides = {"data": data, "passphrase_file": passphrase_file, "host": host, "port": port, "workers": workers}
    settings = load_settings(file=config, environment=os.environ, overrides=overrides)
    configure_logging(settings.log_level)
    app = create_app(settings, clock=lambda: int(time.time()), random=secrets.token_bytes, dev=dev)
    serve_app(app, host=settings.host, port=settings.port)

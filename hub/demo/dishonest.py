"""A hub that lies, for the demo and the tests: the real parts, but one license's status changes never reach its log.

    python -m hub.dishonest --data hub --passphrase-file hub.pass --port 8080 --hide 812

It answers the county that such an entry is sequenced, and never logs it. **No part of the product imports this module**
(tests/test_architecture.py), no command starts it, and no setting of the hub does what it does. It shows what becomes
of an operator who tries: the county deposits the entry with the auditors, and once `deposit_s` is over none of them
cosigns any further checkpoint.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hub.app import Hub
from hub.log.registry import LedgerRegistry
from hub.observability import configure_logging
from hub.servers import serve_app
from hub.settings import load_settings
from ledger.entries import StatusChange, parse_entry
from ledger.errors import TongbanError
from ledger.transparency.merkle import leaf_hash
from schema.context import Submission

__all__ = ["DishonestHub", "HidingRegistry", "serve"]


class HidingRegistry(LedgerRegistry):
    """A registry that drops every status entry about the seal at log index `hidden`, and says that it took it."""

    hidden = -1

    async def submit(self, entries: Sequence[bytes], *, wait: bool) -> Sequence[Submission]:
        """Submit all entries but the hidden ones."""
        hides = [self._hides(raw) for raw in entries]
        logged = [raw for raw, hidden in zip(entries, hides, strict=True) if not hidden]
        results = iter(await super().submit(logged, wait=wait) if logged else ())
        return [self._lie(raw) if hidden else next(results) for raw, hidden in zip(entries, hides, strict=True)]

    def _hides(self, raw: bytes) -> bool:
        try:
            entry = parse_entry(raw)
        except TongbanError:
            return False
        return isinstance(entry, StatusChange) and entry.of == self.hidden

    def _lie(self, raw: bytes) -> Submission:
        return Submission(index=self.size, leaf=leaf_hash(raw), state="sequenced")


class DishonestHub(Hub):
    """The hub, with a registry that hides the status changes of one seal."""

    registry_kind = HidingRegistry
    registry: HidingRegistry


def serve(
    hide: Annotated[int, typer.Option(help="log index of the seal whose status changes are hidden")],
    config: Annotated[Path | None, typer.Option(help="TOML file with settings")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of the hub")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="file (0600) with the passphrase of its keys")] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
) -> None:
    """Serve a hub that hides one license's status changes. For demonstrations and tests only."""
    overrides = {"data": data, "passphrase_file": passphrase_file, "host": host, "port": port}
    settings = load_settings(file=config, environment=os.environ, overrides=overrides)
    configure_logging(settings.log_level)
    hub = DishonestHub(settings, clock=lambda: int(time.time()), random=secrets.token_bytes, dev=False)
    hub.registry.hidden = hide
    serve_app(hub.app(), host=settings.host, port=settings.port)


if __name__ == "__main__":
    typer.run(serve)

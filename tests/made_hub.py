"""A whole hub over a folder that is put together, and is not started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hub.app import Hub
from hub.settings import Settings
from tests.hub_folder import HubFolder

__all__ = ["made_hub"]


@asynccontextmanager
async def made_hub(folder: HubFolder, **settings: Any) -> AsyncIterator[Hub]:
    """Make a hub with these settings beside its folder's; close what it has opened."""
    given = Settings(data=folder.data, passphrase_file=folder.data.parent / "hub.pass", **settings)
    hub = Hub(given, clock=lambda: folder.now, random=bytes, dev=False)
    try:
        yield hub
    finally:
        for close in (hub.vault.close, hub._guard.close, hub.refusals.close):
            close()
        await hub._http.aclose()

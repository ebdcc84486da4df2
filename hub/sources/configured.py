"""The sources that the settings name: a node or a legacy service a county, with its secret read from its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.keyfiles import read_passphrase
from hub.sources.gathering import COUNTY_CALLS
from hub.sources.legacy import LegacyService
from hub.sources.legacyfaces import LegacySource
from hub.sources.node import NodeSource
from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    from hub.auth import TokenIssuer
    from hub.settings import LegacySetting, Settings
    from hub.sources.port import RecordSource
    from schema.context import Clock

__all__ = ["connections_of", "legacy_service", "sources_of"]


def sources_of(
    settings: Settings,
    client: httpx2.AsyncClient,
    issuer: TokenIssuer,
    clock: Clock,
    outgoing: Callable[[], Mapping[str, str]] = dict,
) -> dict[str, RecordSource]:
    """Give the source of each county that has one of its own; outgoing: as for NodeSource. Raises as legacy_service."""
    nodes: dict[str, RecordSource] = {
        county: NodeSource(county=county, url=url, client=client, issuer=issuer, clock=clock, outgoing=outgoing)
        for county, url in settings.nodes.items()
    }
    return nodes | {
        county: LegacySource(service=legacy_service(each, client), clock=clock)
        for county, each in settings.legacy.items()
    }


def connections_of(settings: Settings) -> int:
    """Count the connections that all these sources can have at one time."""
    return (len(settings.nodes) + len(settings.legacy)) * COUNTY_CALLS


def legacy_service(setting: LegacySetting, client: httpx2.AsyncClient) -> LegacyService:
    """Give the client of a county's GB/T 36906 service. Raises Malformed bad_file, too_large (its token)."""
    try:
        token = read_passphrase(setting.token_file).decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed("bad_file", f"{setting.token_file.name} is no token: expected ASCII") from error
    return LegacyService(
        url=setting.url,
        paths={"search": setting.search, "metadata": setting.metadata, "verify": setting.verify},
        access_id=setting.access_id,
        access_token=token,
        client=client,
    )

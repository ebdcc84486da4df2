"""The log over HTTP, at the C2SP paths and beside them; prefix `/ledger`, which with the host is the origin.

    GET checkpoint                      note                                      max-age=1                anyone
    GET tile/<L>/<N>[.p/<W>]            hashes                                    immutable                anyone
    GET tile/entries/<N>[.p/<W>]        entry bundle                              private, immutable       members
    GET head[?size=]                    {"jws":"…","path":["<b64>",…]}            max-age=1 | immutable    anyone
    GET status/<N>[?size=]              64 bytes                                  the same                 anyone
    GET status.zlib[?size=]             zlib of the array, ceil(n / 4) bytes      the same                 anyone
    GET keys?from=<index>               [{"index":0,"entry":"…"},…]               max-age=1                anyone
    GET landmarks                       <YYYY-MM-DD> <size> <b64 root>            max-age=60               anyone
    GET refusals                        what auditors refused (hub/log/refusals.py)   max-age=1                anyone
    GET document/<hex SHA-256>          the file                                  immutable                anyone
    GET receipt/<index>                 fresh receipt, no disclosures             no-store                 members
    GET journal/consistency?from=&to=   b64 lines                                 private, immutable       members

Members show a token with the scope `ledger.entries`. `head`, `status` and `status.zlib` carry `Tlog-Size`. `size` is
one of the last 16 published sizes: 410 for an older one, 404 for one that never was. Nothing beyond the published
size is served, but for entry bundles: they go as far as the log is sequenced, with `no-store` beyond what is published,
because auditors replay a checkpoint before they cosign it. Tile paths follow c2sp.org/tlog-tiles, and what is not there
is a plain 404.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.responses import Response
from starlette.routing import Route

from hub.exchange import BareStatusError, answering
from hub.log.statuslists import StatusLists
from ledger.encoding import canonical_json, parse_decimal
from ledger.errors import Malformed, Refused, Unavailable
from ledger.landmarks import format_landmarks
from ledger.status import TILE_ENTRIES
from ledger.sync_files import format_head, format_keys
from ledger.transparency.proof import format_hashes
from ledger.transparency.tiles import ENTRIES, TilePath

if TYPE_CHECKING:
    from starlette.requests import Request

    from hub.journal.writer import JournalWriter
    from hub.log.refusals import Refusals
    from hub.log.registry import LedgerRegistry
    from ledger.status import StatusArray
    from ledger.transparency.snapshot import Snapshot
    from schema.access import Principal

__all__ = ["PrincipalOf", "asked_path", "check_member", "log_routes"]

PrincipalOf: TypeAlias = "Callable[[Request], Principal]"
"""Who sends a request. Raises Refused token_required for a token that is not good."""

KEPT_SIZES: Final = 16
_SCOPE: Final = "ledger.entries"
_SECOND: Final = {"Cache-Control": "max-age=1"}
_MINUTE: Final = {"Cache-Control": "max-age=60"}
_IMMUTABLE: Final = {"Cache-Control": "max-age=31536000, immutable"}
_PRIVATE: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
_NO_STORE: Final = {"Cache-Control": "no-store"}
_OCTETS: Final = "application/octet-stream"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"


def log_routes(
    registry: LedgerRegistry,
    journal: JournalWriter,
    *,
    principal_of: PrincipalOf,
    documents: Mapping[str, bytes] | None = None,
    refusals: Refusals | None = None,
) -> list[Route]:
    """Make all routes of the log. documents: files that the key state may name, served by their SHA-256.

    refusals: those that the hub has heard.
    """
    log = _LogEndpoints(registry, journal, principal_of, documents or {}, refusals)
    paths: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "checkpoint": log.checkpoint,
        "tile/{path:path}": log.tile,
        "head": log.head,
        "status/{number}": log.status,
        "status.zlib": log.status_list,
        "keys": log.keys,
        "landmarks": log.landmarks,
        "refusals": log.refusals,
        "document/{digest}": log.document,
        "receipt/{index}": log.receipt,
        "journal/consistency": log.consistency,
    }
    return [Route(f"/ledger/{path}", answering(endpoint), methods=["GET"]) for path, endpoint in paths.items()]


def asked_path(text: str) -> TilePath:
    """Read a tile path that is asked for. Raises BareStatusError 404: it is none."""
    try:
        return TilePath.parse(text)
    except Malformed as error:
        raise BareStatusError(404) from error


def check_member(principal: Principal) -> None:
    """Check that a member asks, with the scope for entries. Raises Refused token_required, members_only."""
    if principal.county is None:
        raise Refused("token_required", "a valid access token is required")
    if _SCOPE not in principal.scopes:
        raise Refused("members_only", f"the token's scopes do not hold {_SCOPE}")


class _LogEndpoints:
    """The handlers, one a path."""

    def __init__(
        self,
        registry: LedgerRegistry,
        journal: JournalWriter,
        principal_of: PrincipalOf,
        documents: Mapping[str, bytes],
        refusals: Refusals | None,
    ) -> None:
        self._refusals: Final = refusals
        self._registry: Final = registry
        self._journal: Final = journal
        self._principal_of: Final = principal_of
        self._status_lists: Final = StatusLists(self._status_bytes, kept=KEPT_SIZES)
        self._documents: Final = {sha256(data).hexdigest(): data for data in documents.values()}

    def _shown(self) -> Snapshot:
        shown = self._registry.snapshot
        if shown is None:
            raise Unavailable("no_log", "nothing is published yet")
        return shown

    async def checkpoint(self, _request: Request) -> Response:
        """Serve the newest published note with every cosignature known."""
        return Response(self._shown().note, 200, _SECOND, _TEXT)

    async def tile(self, request: Request) -> Response:
        """Serve a hash tile, or to members an entry bundle."""
        path = asked_path(f"tile/{request.path_params['path']}")
        if path.level == ENTRIES:
            return await self._bundle(path, request)
        if not path.is_within(self._shown().size):
            raise BareStatusError(404)
        data = await self._registry.file.read(lambda reads: reads.tile(path))
        return Response(data, 200, _IMMUTABLE, _OCTETS)

    async def _bundle(self, path: TilePath, request: Request) -> Response:
        """Serve entries, also those that wait for their quorum: an auditor replays them before it cosigns."""
        check_member(self._principal_of(request))
        if not path.is_within(self._registry.size):
            raise BareStatusError(404)
        shown = self._registry.snapshot
        published = shown is not None and path.is_within(shown.size)
        data = await self._registry.file.read(lambda reads: reads.tile(path))
        return Response(data, 200, _PRIVATE if published else _NO_STORE, _OCTETS)

    async def _size(self, request: Request) -> tuple[int, dict[str, str]]:
        """Choose the size to answer for: the newest, or the one asked for; and the headers that go with it."""
        newest = self._shown().size
        text = request.query_params.get("size")
        if text is None:
            return newest, {**_SECOND, "Tlog-Size": str(newest)}
        size = parse_decimal(text)
        recent = await self._registry.file.read(lambda reads: reads.is_recent(size, KEPT_SIZES))
        if recent is not True:
            raise BareStatusError(404 if recent is None else 410)
        return size, {**_IMMUTABLE, "Tlog-Size": text}

    async def head(self, request: Request) -> Response:
        """Serve the last leaf with its inclusion path."""
        size, headers = await self._size(request)
        found = await self._registry.file.read(lambda reads: reads.head(size))
        return Response(format_head(found.jws, found.path), 200, headers, _JSON)

    async def status(self, request: Request) -> Response:
        """Serve one status tile."""
        number = parse_decimal(request.path_params["number"])
        size, headers = await self._size(request)
        if number * TILE_ENTRIES >= size - 1:
            raise BareStatusError(404)
        statuses = await self._statuses(size)
        return Response(statuses.tile(number), 200, headers, _OCTETS)

    async def status_list(self, request: Request) -> Response:
        """Serve the whole status array, compressed."""
        size, headers = await self._size(request)
        return Response(await self._status_lists.compressed(size), 200, headers, _OCTETS)

    async def _status_bytes(self, size: int) -> bytes:
        return await self._registry.file.read(lambda reads: reads.statuses(size).to_bytes())

    async def _statuses(self, size: int) -> StatusArray:
        return await self._registry.file.read(lambda reads: reads.statuses(size))

    async def keys(self, request: Request) -> Response:
        """Serve member and rule entries."""
        start, size = parse_decimal(request.query_params.get("from", "0")), self._shown().size
        rows = await self._registry.file.read(lambda reads: reads.governance(start, size))
        return Response(format_keys(rows), 200, _SECOND, _JSON)

    async def landmarks(self, _request: Request) -> Response:
        """Serve the last published checkpoint of each day."""
        rows = await self._registry.file.read(lambda reads: reads.landmarks())
        return Response(format_landmarks(rows), 200, _MINUTE, _TEXT)

    async def refusals(self, _request: Request) -> Response:
        """Serve the newest refusals, newest first, at most 100."""
        found = [] if self._refusals is None else await asyncio.to_thread(self._refusals.recent, 100)
        return Response(canonical_json([each.to_json() for each in found]), 200, _SECOND, _JSON)

    async def document(self, request: Request) -> Response:
        """Serve a file that the key state names, by its hash."""
        data = self._documents.get(request.path_params["digest"])
        if data is None:
            raise BareStatusError(404)
        return Response(data, 200, _IMMUTABLE, _OCTETS)

    async def receipt(self, request: Request) -> Response:
        """Serve a fresh receipt of a seal."""
        check_member(self._principal_of(request))
        receipt = await self._registry.receipt(parse_decimal(request.path_params["index"]))
        return Response(receipt, 200, _NO_STORE, _JSON)

    async def consistency(self, request: Request) -> Response:
        """Serve the proof that the journal only grew."""
        check_member(self._principal_of(request))
        old, new = (parse_decimal(request.query_params.get(name, "")) for name in ("from", "to"))
        path = await self._journal.ask(lambda reader: reader.consistency(old, new))
        return Response(format_hashes(path), 200, _PRIVATE, _TEXT)

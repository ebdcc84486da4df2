"""The status list for wallets: `GET /ledger/statuslist`, an IETF Token Status List as JWT.

    GET /ledger/statuslist      Accept: application/statuslist+jwt
    200 application/statuslist+jwt      Cache-Control: max-age=60      406 for a client that takes no JWT
                                                                       501 for ?time=: no list of the past

A convenience: it carries the hub's word and no more, signed by the token key whose JWK set the hub publishes
(`/.well-known/jwks.json`). The log key signs checkpoints and heads only. Who need not trust the hub takes `status.zlib`
with `head` and `checkpoint`, as `tongban sync` does. The list is compressed once a size, signed once a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from hub.exchange import error_response
from hub.log.statuslists import StatusLists
from ledger.errors import TongbanError, Unavailable
from ledger.status_list import status_list_claims

if TYPE_CHECKING:
    from starlette.requests import Request

    from hub.auth import TokenIssuer
    from hub.log.registry import LedgerRegistry
    from ledger.transparency.snapshot import Snapshot

__all__ = ["StatusTokens"]

PATH: Final = "/ledger/statuslist"
_TYPE: Final = "application/statuslist+jwt"
_TAKEN: Final = frozenset({_TYPE, "application/*", "*/*"})
_HEADERS: Final = {"Cache-Control": "max-age=60", "Vary": "Accept"}
_KEPT: Final = 2


class StatusTokens:
    """Signs the newest published statuses as a token, in one event loop."""

    def __init__(self, registry: LedgerRegistry, issuer: TokenIssuer) -> None:
        self._registry: Final = registry
        self._issuer: Final = issuer
        self._lists: Final = StatusLists(self._read, kept=_KEPT)
        self._signed: tuple[tuple[int, int], bytes] | None = None

    def routes(self) -> list[Route]:
        """Give the one route."""
        return [Route(PATH, self.status_list, methods=["GET"])]

    async def status_list(self, request: Request) -> Response:
        """Serve the token."""
        if not _takes_jwt(request.headers.get("accept", "*/*")):
            return Response(status_code=406, headers=_HEADERS)
        if "time" in request.query_params:
            return Response(status_code=501, headers=_HEADERS)
        try:
            return Response(await self.token(), 200, _HEADERS, _TYPE)
        except TongbanError as error:
            return error_response(error)

    async def token(self) -> bytes:
        """Give the token of the newest checkpoint. Raises Unavailable no_log."""
        shown = self._registry.snapshot
        if shown is None:
            raise Unavailable("no_log", "nothing is published yet")
        of = (shown.size, shown.time)
        if self._signed is None or self._signed[0] != of:
            self._signed = of, await self._make(shown)
        return self._signed[1]

    async def _make(self, shown: Snapshot) -> bytes:
        compressed = await self._lists.compressed(shown.size)
        claims = status_list_claims(compressed, uri=f"{self._issuer.issuer}{PATH}", time=shown.time)
        return self._issuer.status_list(claims).encode("ascii")

    async def _read(self, size: int) -> bytes:
        return await self._registry.file.read(lambda reads: reads.statuses(size).to_bytes())


def _takes_jwt(accept: str) -> bool:
    return any(each.split(";")[0].strip().lower() in _TAKEN for each in accept.split(","))

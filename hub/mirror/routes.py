"""What a mirror needs beyond the C2SP paths, so that a hub can be restored from it; prefix `/ledger`.

    GET checkpoints/<N>                   publications N * 256 .. N * 256 + 255, by size          max-age=1    anyone
    GET journal/sealed/<N>[.p/<W>]        journal records, sealed (hub/journal/sealed.py)         no-store     members

    [{"size":812,"note":"<as first published>","cosignatures":["— 370214.example/witness …",…]},…]

The kept notes make the original receipts, byte for byte; the cosignatures are the newest of each cosigner. Of the
journal no more is given than the newest published head binds. `<N>` is written as in tile paths; what is not there is a
plain 404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from hub.exchange import BareStatusError, answering
from hub.log.routes import PrincipalOf, asked_path, check_member
from hub.mirror.pages import PublishedCheckpoint, format_page
from ledger.entries import parse_entry
from ledger.errors import NotVerified
from ledger.heads import Head
from ledger.transparency.tiles import TILE_WIDTH

if TYPE_CHECKING:
    from starlette.requests import Request

    from hub.journal.sealed import JournalSeal
    from hub.journal.writer import JournalWriter
    from hub.log.registry import LedgerRegistry

__all__ = ["mirror_routes"]

_SECOND: Final = {"Cache-Control": "max-age=1"}
_NO_STORE: Final = {"Cache-Control": "no-store"}


def mirror_routes(
    registry: LedgerRegistry, journal: JournalWriter, *, principal_of: PrincipalOf, seal: JournalSeal
) -> list[Route]:
    """Make both routes. seal: under the hub's key."""
    mirrored = _MirrorEndpoints(registry, journal, principal_of, seal)
    return [
        Route("/ledger/checkpoints/{path:path}", answering(mirrored.checkpoints), methods=["GET"]),
        Route("/ledger/journal/sealed/{path:path}", answering(mirrored.sealed), methods=["GET"]),
    ]


class _MirrorEndpoints:
    def __init__(
        self, registry: LedgerRegistry, journal: JournalWriter, principal_of: PrincipalOf, seal: JournalSeal
    ) -> None:
        self._registry: Final = registry
        self._journal: Final = journal
        self._principal_of: Final = principal_of
        self._seal: Final = seal

    async def checkpoints(self, request: Request) -> Response:
        path = asked_path(f"tile/0/{request.path_params['path']}")
        if path.width != TILE_WIDTH:
            raise BareStatusError(404)
        first = path.number * TILE_WIDTH
        rows = await self._registry.file.read(lambda reads: reads.publications(first, TILE_WIDTH))
        if not rows:
            raise BareStatusError(404)
        page = format_page([PublishedCheckpoint.of(*row) for row in rows])
        return Response(page, 200, _SECOND, "application/json")

    async def sealed(self, request: Request) -> Response:
        check_member(self._principal_of(request))
        path = asked_path(f"tile/0/{request.path_params['path']}")
        if not path.is_within(await self._bound()):
            raise BareStatusError(404)
        first = path.number * TILE_WIDTH
        records = await self._journal.read(first, path.width)
        return Response(self._seal.seal(path.number, records), 200, _NO_STORE, "application/octet-stream")

    async def _bound(self) -> int:
        """Count the journal records that the newest published head binds."""
        shown = self._registry.snapshot
        if shown is None:
            return 0
        head = parse_entry((await self._registry.file.read(lambda reads: reads.head(shown.size))).jws)
        if not isinstance(head, Head):
            raise NotVerified("corrupt_store", "the last published entry is no head")
        return head.journal_n

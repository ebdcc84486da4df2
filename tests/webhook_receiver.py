"""A partner system that takes deliveries: real HTTP on loopback, every signature checked, answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hub.events.delivery import Delivery, DeliveryLimits, Signing
from hub.events.hooks import Hook, HookStore
from hub.events.signing import check_delivery
from tests.casefile import CHENGYANG
from tests.entropy import signer_of
from tests.event_world import EventWorld
from tests.servers import serving
from tests.statements import NOW

__all__ = ["KID", "QUICK", "Receiver", "delivering"]

KID: Final = "k" * 43
QUICK: Final = DeliveryLimits(attempts=3, first_s=0, last_s=0, timeout_s=2, tick_s=0.05)
_SIGNER: Final = signer_of("hub token key")


@dataclass
class Receiver:
    """statuses: of the next answers, then 204. taken: ids of deliveries that were answered 2xx; seen: of all."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Receiver]:
        """Serve `/events` on loopback."""
        app = Starlette(routes=[Route("/events", self._take, methods=["GET", "POST"])])
        async with serving(app) as url:
            self.url = f"{url}/events"
            yield self

    async def _take(self, request: Request) -> Response:
        assert request.method == "POST"  # nobody follows the redirect
        body = await request.body()
        name = check_delivery(self.url, request.headers, body, now=NOW, key_of=lambda _: _SIGNER.public_key)
        self.seen.append(name)
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 302:
            return RedirectResponse(self.url, 302)
        if status == 0:
            await asyncio.sleep(30)
        if status < 300:
            self.taken.append(name)
            self.bodies.append(body)
        return Response(status_code=status)

    def hook(self, **members: Any) -> Hook:
        """Give a webhook of Chengyang that comes here, from the beginning on."""
        known = {"id": "h", "county": CHENGYANG, "url": self.url, "kinds": ("LAMP", "STEP"), "cursor": "A" * 43}
        return Hook(**{"made": NOW, **known, **members})


@asynccontextmanager
async def delivering(
    world: EventWorld, folder: Path, *hooks: Hook, store: HookStore | None = None, limits: DeliveryLimits = QUICK,
    private: bool = True,
) -> AsyncIterator[Delivery]:  # fmt: skip
    """Run deliveries of a world's events over a store in `folder`, with these webhooks added."""
    kept = store or HookStore(folder / "webhooks.sqlite")
    for hook in hooks:
        kept.add(hook, private=True)
    async with httpx2.AsyncClient(trust_env=False) as http:
        delivery = Delivery(
            kept, world.followers, Signing(kid=KID, sign=_SIGNER.sign), http=http, clock=lambda: NOW,
            chance=lambda: 0.0, private=private, limits=limits,
        )  # fmt: skip
        delivery.run()
        try:
            yield delivery
        finally:
            await delivery.stop()
            kept.close()

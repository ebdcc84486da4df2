"""Webhooks over HTTP, for the county that they belong to: Bearer token with scope webhook.manage.

    POST   /webhooks                    {"url":"https://counter.example/events","kinds":["LAMP","STEP"],"after":null}
                                        201 {"id":"…","url":"…","kinds":[…],"cursor":"…","made":1780304400,…}
    GET    /webhooks                    {"webhooks":[…]}
    DELETE /webhooks/<id>               204; 409 wrong_target: no such one of this county
    GET    /webhooks/<id>/dead          {"dead":[{"id":"<event>","since":1780304400,"fault":"http_500","again":false}]}
    POST   /webhooks/<id>/redeliver     202 {"redelivered":3}

after: cursor of the last event that the county has; null: those to come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.events.delivery import Delivery
from hub.events.following import Followers
from hub.events.hooks import Hook
from hub.exchange import answering, read_body
from ledger.closed import closed
from ledger.encoding import b64u_encode, parse_json
from ledger.errors import Malformed, Refused
from schema.access import Principal
from schema.context import Clock

__all__ = ["hook_routes"]

_SCOPE: Final = "webhook.manage"
_MAX_BODY: Final = 4096
_MEMBERS: Final = frozenset({"url", "kinds", "after"})
_NO_STORE: Final = {"Cache-Control": "no-store"}


def hook_routes(
    delivery: Delivery, events: Followers, *, principal_of: Callable[[Request], Principal], clock: Clock,
    random: Callable[[int], bytes],
) -> list[Route]:  # fmt: skip
    """Give the routes. random: `random(n)` gives n fresh random bytes."""
    store = delivery.store

    def county(request: Request) -> str:
        principal = principal_of(request)
        if principal.county is None:
            raise Refused("token_required", "an access token is required")
        if _SCOPE not in principal.scopes:
            raise Refused("forbidden", f"the scope {_SCOPE} is required")
        return principal.county

    async def add(request: Request) -> Response:
        owner = county(request)
        asked = _asked(await read_body(request, max_bytes=_MAX_BODY))
        after = asked["after"] if asked["after"] is not None else await events.newest()
        hook = Hook(
            id=b64u_encode(random(16)), county=owner, url=asked["url"], kinds=tuple(asked["kinds"]), cursor=after,
            made=clock(),
        )  # fmt: skip
        await asyncio.to_thread(store.add, hook, private=delivery.private)
        delivery.wake()
        return JSONResponse(hook.to_json(0), 201, _NO_STORE)

    async def listed(request: Request) -> Response:
        hooks = await asyncio.to_thread(store.hooks, county(request))
        dead = await asyncio.to_thread(store.count_dead, [hook.id for hook in hooks])
        return JSONResponse({"webhooks": [hook.to_json(dead[hook.id]) for hook in hooks]}, headers=_NO_STORE)

    async def remove(request: Request) -> Response:
        await asyncio.to_thread(store.remove, county(request), request.path_params["id"])
        delivery.wake()
        return Response(status_code=204, headers=_NO_STORE)

    async def dead(request: Request) -> Response:
        letters = await asyncio.to_thread(store.dead, county(request), request.path_params["id"])
        return JSONResponse({"dead": [letter.to_json() for letter in letters]}, headers=_NO_STORE)

    async def redeliver(request: Request) -> Response:
        count = await asyncio.to_thread(store.redeliver, county(request), request.path_params["id"])
        delivery.wake()
        return JSONResponse({"redelivered": count}, 202, _NO_STORE)

    return [
        Route("/webhooks", answering(add), methods=["POST"]),
        Route("/webhooks", answering(listed), methods=["GET"]),
        Route("/webhooks/{id}", answering(remove), methods=["DELETE"]),
        Route("/webhooks/{id}/dead", answering(dead), methods=["GET"]),
        Route("/webhooks/{id}/redeliver", answering(redeliver), methods=["POST"]),
    ]


def _asked(body: bytes) -> dict[str, Any]:
    """Read what a webhook is to be. Raises Malformed bad_request, bad_json."""
    asked: dict[str, Any] = closed(parse_json(body, max_bytes=_MAX_BODY), "webhook", _MEMBERS, code="bad_request")
    kinds, after = asked["kinds"], asked["after"]
    texts = isinstance(kinds, list) and all(isinstance(each, str) for each in kinds)
    if not isinstance(asked["url"], str) or not texts or not (after is None or isinstance(after, str)):
        raise Malformed("bad_request", "expected a url, a list of kinds, and a cursor or null")
    return asked

"""A county's right to read what only members may: access tokens for its client key, each kept until it nears its end.

    POST <hub>/oauth/token     client_assertion of the county (RFC 7523)   ->   {"access_token":"…","expires_in":600}

Whatever goes wrong here is Unavailable, also by the county's own key: an auditor must not accuse its log of that.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import httpx2

from hub.answers import exchange
from hub.assertion import ASSERTION_TYPE
from ledger.encoding import parse_json
from ledger.errors import TongbanError, Unavailable

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.logclient import Token
    from schema.context import Clock

__all__ = ["county_token"]

_SCOPE: Final = "ledger.entries"
_EARLY_S: Final = 60  # before its end a token is replaced
_MAX_TOKEN_BYTES: Final = 65_536


def county_token(node: CountyNode, client: httpx2.Client, clock: Clock) -> Token:
    """Get tokens for the county's client key, one at a time. They raise Unavailable not_ready: the hub gives none."""
    lock = threading.Lock()
    kept: list[tuple[str, int]] = []

    def token(refused: str | None) -> str:
        with lock:
            if not kept or kept[0][0] == refused or kept[0][1] <= clock():
                kept[:] = [_new_token(node, client, clock())]
            return kept[0][0]

    return token


def _new_token(node: CountyNode, client: httpx2.Client, now: int) -> tuple[str, int]:
    try:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": node.client_assertion(node.config.hub_url, now),
            "scope": _SCOPE,
        }
        answer = exchange(client, "POST", f"{node.config.hub_url}/oauth/token", max_bytes=_MAX_TOKEN_BYTES, data=form)
        body = parse_json(answer.body, max_bytes=_MAX_TOKEN_BYTES) if answer.status == 200 else None
    except httpx2.HTTPError as error:
        raise Unavailable("not_ready", "the hub gives no token") from error
    except TongbanError as error:
        raise Unavailable("not_ready", f"there is no token to be had: {error}") from error
    match body:
        case {"access_token": str(token), "expires_in": int(seconds)}:
            return token, now + max(seconds - _EARLY_S, 1)
        case _:
            raise Unavailable("not_ready", "the hub gives no token")

"""A log's entries as an auditor fetches them, also those that are not published yet.

    GET <log>/tile/entries/<N>[.p/<W>]              bundles           Bearer token with the scope ledger.entries
    GET <log>/journal/consistency?from=<n>&to=<n>   b64 lines         the same
    GET <log>/checkpoint                            note              anyone

    POST <hub>/oauth/token     for the county's client key (RFC 7523); asked again shortly before the token ends

Nothing that comes back is believed here; the audit is what checks it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx2

from hub.assertion import ASSERTION_TYPE
from ledger.encoding import parse_json
from ledger.errors import Malformed, Refused, Unavailable
from ledger.transparency.proof import parse_hashes
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TilePath, decode_bundle

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from schema.context import Clock

__all__ = ["EntrySource", "HttpEntries", "Token", "county_token", "given_token"]

_SCOPE: Final = "ledger.entries"
_TIMEOUT_S: Final = 5.0
_EARLY_S: Final = 60  # before its end a token is replaced
_MAX_BODY_BYTES: Final = TILE_WIDTH * (2 + 16_384)


class Token(Protocol):
    """Gives an access token."""

    def __call__(self, *, again: bool) -> str:
        """Give one; again: the last one was not good any more. Raises Unavailable not_ready."""
        ...


class EntrySource(Protocol):
    """Where an auditor gets what it has to replay. Raises Unavailable no_log where it is not to be had."""

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the entries start..stop-1, exact bytes."""
        ...

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        """Give the proof that the journal of `old` records only grew to `new`."""
        ...


class HttpEntries:
    """A log over HTTP. url: its prefix, without a final slash. Thread-safe."""

    def __init__(self, url: str, token: Token, client: httpx2.Client) -> None:
        self._url: Final = url.rstrip("/")
        self._token: Final = token
        self._client: Final = client

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the entries start..stop-1. Raises Unavailable no_log, not_ready."""
        found: list[bytes] = []
        for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)) if start < stop else ():
            first = number * TILE_WIDTH
            bundle = self._bundle(number, min(stop - first, TILE_WIDTH))
            found += bundle[max(start - first, 0) :]
        return found

    def _bundle(self, number: int, width: int) -> list[bytes]:
        path = TilePath(level=ENTRIES, number=number, width=width).format()
        try:
            entries = decode_bundle(self._get(path))
        except Malformed as error:
            raise Unavailable("no_log", "the log gave no bundle of entries") from error
        if len(entries) != width:
            raise Unavailable("no_log", "the log gave a bundle of another width")
        return entries

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        """Give the consistency proof of the journal. Raises Unavailable no_log, not_ready."""
        body = self._get(f"journal/consistency?from={old}&to={new}")
        try:
            return parse_hashes(body.split(b"\n")[:-1])
        except Malformed as error:
            raise Unavailable("no_log", "the log gave no proof of the journal") from error

    def checkpoint(self) -> bytes:
        """Give the published note. Raises Unavailable no_log."""
        return _good(*self._read("checkpoint", {}))

    def _get(self, path: str) -> bytes:
        status, body = self._read(path, {"Authorization": f"Bearer {self._token(again=False)}"})
        if status == 401:
            status, body = self._read(path, {"Authorization": f"Bearer {self._token(again=True)}"})
        return _good(status, body)

    def _read(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            return _bounded(self._client, "GET", f"{self._url}/{path}", headers=headers)
        except httpx2.HTTPError as error:
            raise Unavailable("no_log", "the log does not answer") from error


def _bounded(client: httpx2.Client, method: str, url: str, **options: Any) -> tuple[int, bytes]:
    """Send a request; give status and body. Raises Unavailable no_log: the body has no end."""
    body = bytearray()
    with client.stream(method, url, timeout=_TIMEOUT_S, **options) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                raise Unavailable("no_log", f"the answer has more than {_MAX_BODY_BYTES} bytes")
    return response.status_code, bytes(body)


def _good(status: int, body: bytes) -> bytes:
    if not 200 <= status < 300:
        raise Unavailable("no_log", f"the log answers {status} for what the checkpoint covers")
    return body


def given_token(token: str) -> Token:
    """Use one token for ever; what it does not open stays closed."""

    def same(*, again: bool) -> str:
        if again:
            raise Refused("token_required", "the log does not take the token")
        return token

    return same


def county_token(node: CountyNode, client: httpx2.Client, clock: Clock) -> Token:
    """Get tokens for the county's client key, one at a time, each kept until a minute before its end."""
    lock = threading.Lock()
    kept: list[tuple[str, int]] = []

    def token(*, again: bool) -> str:
        with lock:
            if again or not kept or kept[0][1] <= clock():
                kept[:] = [_new_token(node, client, clock())]
            return kept[0][0]

    return token


def _new_token(node: CountyNode, client: httpx2.Client, now: int) -> tuple[str, int]:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": node.client_assertion(node.config.hub_url, now),
        "scope": _SCOPE,
    }
    try:
        status, data = _bounded(client, "POST", f"{node.config.hub_url}/oauth/token", data=form)
        body = parse_json(data, max_bytes=65_536) if status == 200 else None
    except (httpx2.HTTPError, Malformed) as error:
        raise Unavailable("not_ready", "the hub gives no token") from error
    match body:
        case {"access_token": str(token), "expires_in": int(seconds)}:
            return token, now + max(seconds - _EARLY_S, 1)
        case _:
            raise Unavailable("not_ready", "the hub gives no token")

"""A log over HTTP, as everybody reaches it: bounded in bytes and time.

    GET  <log>/checkpoint, head?size=, status.zlib?size=, keys?from=, landmarks, tile/<L>/<N>[.p/<W>], …     anyone
    GET  <log>/tile/entries/<N>[.p/<W>], journal/…                        Bearer token with the scope ledger.entries
    POST <log>/entries?wait=receipt      {"index":812,"leaf":"…","state":"sequenced"|"witnessed","proof":"…"}

    no answer, 429, 5xx     asked again, then Unavailable not_ready
    401                     once more with another token, as tokens live for minutes
    404                     None: it is not there                       410     Conflict log_changed: it has moved on
    any other               the error that the answer states, else Unavailable no_log

Nothing that comes back is believed here; who asks checks it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import httpx2
import stamina

from hub.answers import Answer, exchange, stated_in
from hub.urls import log_url
from ledger.encoding import JsonValue, parse_json
from ledger.errors import Conflict, Malformed, TongbanError, Unavailable
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.merkle import HASH_BYTES, MAX_PATH
from ledger.transparency.note import MAX_NOTE_BYTES
from ledger.transparency.proof import parse_hashes
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TileFetcher, TilePath, decode_bundle, tile_numbers

__all__ = ["HttpLog", "Token"]

Token: TypeAlias = Callable[[str | None], str]
"""Gives an access token, another one than the given, which the log did not take. Raises Unavailable, Refused."""

_ATTEMPTS: Final = 4
_WAIT_S: Final = 30.0  # a submission waits for its quorum
_MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
_MAX_PROOF_BYTES: Final = MAX_PATH * 64
_MAX_RESULT_BYTES: Final = 2 * MAX_NOTE_BYTES
_JSON: Final = {"Content-Type": "application/json"}


class HttpLog:
    """The log at `url`, its URL prefix. Thread-safe.

    token: of a member, asked for where one is needed. seconds, total_bytes: most for all that is asked here together.
    attempts: 1 for one who comes again by himself. Raises Malformed bad_setting: it is no URL of a log.
    """

    def __init__(
        self,
        url: str,
        http: httpx2.Client,
        *,
        token: Token | None = None,
        seconds: float = math.inf,
        total_bytes: float = math.inf,
        attempts: int = _ATTEMPTS,
    ) -> None:
        self._url: Final = log_url(url, "URL of the log")
        self._http: Final = http
        self._token: Final = token
        self._end: Final = time.monotonic() + seconds
        self._bytes_left = total_bytes
        self._lock: Final = threading.Lock()
        self._attempts: Final = attempts

    @property
    def is_member(self) -> bool:
        """Tell whether there is a token to show."""
        return self._token is not None

    def get(self, path: str, max_bytes: int, *, member: bool = False) -> bytes | None:
        """Read what is at a path below the log; None if there is nothing. member: with the token.

        Raises Unavailable not_ready, no_log, deadline; Malformed too_large; Conflict log_changed; what the log states.
        """
        return self._judged(self._asked(path, max_bytes, member=member), path)

    def need(self, path: str, max_bytes: int) -> bytes:
        """Read a file that every log has. Raises as `get`, Unavailable no_log if it is not there."""
        found = self.get(path, max_bytes)
        if found is None:
            raise Unavailable("no_log", f"the log at {self._url} has no {path}: is this its URL prefix?")
        return found

    def at(self, path: str, size: int, max_bytes: int) -> bytes | None:
        """Read a file as of a size of the log. Raises as `get`, Conflict log_changed if `Tlog-Size` is another."""
        answer = self._asked(f"{path}?size={size}", max_bytes, member=False)
        if answer.status == 200 and answer.headers.get("tlog-size", str(size)) != str(size):
            raise Conflict("log_changed", f"the log gives {path} of another size than {size}: it has moved on")
        return self._judged(answer, path)

    def tile(self, path: TilePath, *, member: bool = False) -> bytes | None:
        """Read a tile or bundle; where a partial one was dropped, the full one, which is wider than was asked for."""
        most = _MAX_BUNDLE_BYTES if path.level == ENTRIES else TILE_WIDTH * HASH_BYTES
        found = self.get(path.format(), most, member=member)
        if found is None and path.width < TILE_WIDTH:
            return self.get(TilePath(level=path.level, number=path.number).format(), most, member=member)
        return found

    def tiles(self, size: int) -> TileFetcher:
        """Give the fetcher of hash tiles as wide as they are in a tree of `size`. Raises as `need`, `TilePath.of`."""

        def fetch(level: int, number: int) -> bytes:
            path = TilePath.of(level, number, size)
            found = self.tile(path)
            if found is None:
                raise Unavailable("no_log", f"the log at {self._url} has no {path.format()}: is this its URL prefix?")
            return found[: path.width * HASH_BYTES]

        return fetch

    def owed(self, path: str, max_bytes: int, *, member: bool = True, instead: str | None = None) -> bytes:
        """Read what a log owes its auditors; what is at `instead`, where it has nothing at the path.

        Raises Unavailable no_log: whatever it answers else is no finding yet.
        """
        try:
            answer = self._asked(path, max_bytes, member=member)
            if answer.status == 404 and instead is not None:
                answer = self._asked(instead, max_bytes, member=member)
        except (Malformed, Unavailable) as error:
            raise Unavailable("no_log", error.message) from error
        if answer.status != 200:
            raise Unavailable(
                "no_log", f"the log at {self._url} answers {answer.status} for what its checkpoint covers"
            )
        return answer.body

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Read the entries start..stop-1 with the token. Raises Unavailable no_log."""
        found: list[bytes] = []
        for number in tile_numbers(start, stop):
            first = number * TILE_WIDTH
            found += self._bundle(number, min(stop - first, TILE_WIDTH))[max(start - first, 0) :]
        return found

    def _bundle(self, number: int, width: int) -> list[bytes]:
        """Read a bundle; where a partial one was dropped, the beginning of the full one."""
        path, full = (TilePath(level=ENTRIES, number=number, width=each).format() for each in (width, TILE_WIDTH))
        try:
            entries = decode_bundle(self.owed(path, _MAX_BUNDLE_BYTES, instead=None if path == full else full))
        except Malformed as error:
            raise Unavailable("no_log", "the log gave no bundle of entries") from error
        if len(entries) not in {width, TILE_WIDTH}:
            raise Unavailable("no_log", "the log gave a bundle of another width")
        return entries[:width]

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        """Read the proof that the journal of `old` records only grew to `new`. Raises Unavailable no_log."""
        body = self.owed(f"journal/consistency?from={old}&to={new}", _MAX_PROOF_BYTES)
        try:
            return parse_hashes(body.split(b"\n")[:-1])
        except Malformed as error:
            raise Unavailable("no_log", "the log gave no proof of the journal") from error

    def submit(self, entry: bytes) -> dict[str, JsonValue]:
        """Submit a general JWS, once, and wait a while for its proof. Raises as `get`, Malformed bad_json."""
        path = "entries?wait=receipt"
        answer = self._sent("POST", path, _MAX_RESULT_BYTES, content=entry, headers=_JSON, read_s=_WAIT_S)
        if answer.status not in {200, 202}:
            raise self._error(answer, path)
        result = parse_json(answer.body, max_bytes=_MAX_RESULT_BYTES)
        if not isinstance(result, dict):
            raise Malformed("bad_json", "the log gave no object for the entry")
        return result

    def _asked(self, path: str, max_bytes: int, *, member: bool) -> Answer:
        """Ask until there is an answer that is one."""
        for attempt in stamina.retry_context(
            on=_is_passing, attempts=self._attempts, wait_initial=0.1, wait_max=2.0, wait_jitter=0.2
        ):
            with attempt:
                answer = self._read(path, max_bytes, member=member)
                if answer.status >= 500 or answer.status == 429:
                    raise Unavailable("not_ready", f"the log at {self._url} answers {answer.status} to {path}")
                return answer
        raise AssertionError  # pragma: no cover  # the loop returns or raises

    def _read(self, path: str, max_bytes: int, *, member: bool) -> Answer:
        if self._token is None or not member:
            return self._sent("GET", path, max_bytes)
        shown = self._token(None)
        answer = self._sent("GET", path, max_bytes, headers=_bearer(shown))
        if answer.status == 401:
            answer = self._sent("GET", path, max_bytes, headers=_bearer(self._token(shown)))
        return answer

    def _sent(self, method: str, path: str, max_bytes: int, **options: Any) -> Answer:
        url = f"{self._url}/{path}"
        try:
            answer = exchange(self._http, method, url, max_bytes=max_bytes, end=self._end, **options)
        except httpx2.HTTPError as error:
            raise Unavailable("not_ready", f"the log at {self._url} does not answer to {path}") from error
        with self._lock:
            self._bytes_left -= len(answer.body)
            if self._bytes_left < 0:
                raise Malformed("too_large", "the log's answers together have more bytes than a sync takes")
        return answer

    def _judged(self, answer: Answer, path: str) -> bytes | None:
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._error(answer, path)
        return answer.body

    def _error(self, answer: Answer, path: str) -> TongbanError:
        if answer.status == 410:
            return Conflict("log_changed", f"the log at {self._url} no longer keeps {path}: it has moved on")
        stated = stated_in(answer.body)
        return stated or Unavailable("no_log", f"the log at {self._url} answers {answer.status} to {path}")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _is_passing(error: Exception) -> bool:
    return isinstance(error, Unavailable) and error.code == "not_ready"

"""A log read over HTTP by a stranger: what anyone may fetch, within bytes and time, nothing of it believed.

    GET <url>/checkpoint, head?size=, status.zlib?size=, keys?from=, landmarks, tile/<L>/<N>[.p/<W>], statuslist

A request is made again when the connection fails or the log answers 429 or 5xx; any other answer is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2
import stamina

from ledger.encoding import parse_decimal
from ledger.errors import Malformed, Unavailable
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TilePath

__all__ = ["LogReader", "SizedAnswer"]

_ATTEMPTS: Final = 3
_READ_S: Final = 10.0
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedAnswer:
    """A body, and the size of the log that it is of: None if the server does not say (`Tlog-Size`)."""

    body: bytes
    size: int | None


class LogReader:
    """Reads of the log at `url`, its URL prefix. All of them together take `seconds` at most.

    Raises Malformed bad_setting for a URL that is not http or https.
    """

    def __init__(self, url: str, http: httpx2.Client, *, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Malformed("bad_setting", "expected the URL prefix of a log, like https://hub.example/ledger")
        self._url: Final = url.rstrip("/")
        self._http: Final = http
        self._end: Final = time.monotonic() + seconds

    def get(self, path: str, max_bytes: int, *, size: int | None = None) -> SizedAnswer | None:
        """Fetch one file; None: it is not, or no longer, there. size: ask for it at this size of the log.

        Raises Unavailable not_ready, no_log (an answer that is neither the file nor a fault of the server), deadline;
        Malformed too_large, bad_number (Tlog-Size).
        """
        params = None if size is None else {"size": str(size)}
        for attempt in stamina.retry_context(on=_is_passing, attempts=_ATTEMPTS, wait_initial=0.1, wait_max=2.0):
            with attempt:
                return self._fetch(path, params, max_bytes)
        raise Unavailable("not_ready", "the log does not answer")

    def _fetch(self, path: str, params: dict[str, str] | None, max_bytes: int) -> SizedAnswer | None:
        body = bytearray()
        try:
            with self._http.stream("GET", f"{self._url}/{path}", params=params, timeout=self._left()) as response:
                if response.status_code in _GONE:
                    return None
                if response.status_code != 200:
                    passing = response.status_code >= 500 or response.status_code == 429
                    code = "not_ready" if passing else "no_log"
                    raise Unavailable(code, f"the log answers {response.status_code} to {path}")
                for chunk in response.iter_bytes():
                    body += chunk
                    self._left()
                    if len(body) > max_bytes:
                        raise Malformed("too_large", f"the log's {path} has more than {max_bytes} bytes")
                stated = response.headers.get("tlog-size")
        except httpx2.HTTPError as error:
            raise Unavailable("not_ready", f"the log does not answer to {path}") from error
        return SizedAnswer(body=bytes(body), size=None if stated is None else parse_decimal(stated))

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise Unavailable("deadline", "the log took too long to answer")
        return min(left, _READ_S)

    def need(self, path: str, max_bytes: int) -> bytes:
        """Fetch a file that every log has. Raises as `get`, Unavailable no_log if it is not there."""
        answer = self.get(path, max_bytes)
        if answer is None:
            raise Unavailable("no_log", f"the log has no {path}: is this its URL prefix?")
        return answer.body

    def tiles(self, size: int) -> Callable[[int, int], bytes]:
        """Give the fetcher of hash tiles of a tree of `size`; a partial one may be served whole. Raises as `need`."""

        def fetch(level: int, number: int) -> bytes:
            width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH)
            if width <= 0:
                return b""
            most = TILE_WIDTH * HASH_BYTES
            answer = self.get(TilePath(level=level, number=number, width=width).format(), most)
            if answer is None:
                return self.need(TilePath(level=level, number=number).format(), most)[: width * HASH_BYTES]
            return answer.body

        return fetch


def _is_passing(error: Exception) -> bool:
    return isinstance(error, Unavailable) and error.code == "not_ready"

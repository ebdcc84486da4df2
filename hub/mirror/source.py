"""A log as a mirror reads it: bounded answers, a token where one is needed, several requests at once, tried again.

Nothing that comes back is believed here: `hub/mirror/mirror.py` checks it. A 404 is an answer (None); 410 says that the
log has moved on; a token that is refused is asked for once more, because tokens live for minutes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import httpx2
import stamina

from hub.answers import stated_error
from hub.mirror.folder import MAX_BUNDLE_BYTES
from ledger.encoding import parse_json
from ledger.errors import Conflict, Malformed, Refused, TongbanError, Unavailable
from ledger.transparency.tiles import TILE_WIDTH, TilePath

__all__ = ["LogSource", "in_parallel"]

A = TypeVar("A")
B = TypeVar("B")

PARALLEL: Final = 8  # requests
_TIMEOUT_S: Final = 15.0
_ATTEMPTS: Final = 4
_MAX_ERROR: Final = 65_536


class _BusyError(Exception):
    """The log asks to come again."""


class LogSource:
    """A log's URL prefix. token: gives an access token of a member, asked when one is needed; None: of nobody."""

    def __init__(
        self, url: str, *, token: Callable[[], str] | None = None, client: httpx2.Client | None = None
    ) -> None:
        limits = httpx2.Limits(max_connections=PARALLEL, max_keepalive_connections=PARALLEL)
        self._client: Final = client or httpx2.Client(trust_env=False, timeout=_TIMEOUT_S, limits=limits)
        self._url: Final = url.rstrip("/")
        self._token: Final = token
        self._shown: str | None = None
        self._lock: Final = threading.Lock()

    @property
    def is_member(self) -> bool:
        """Tell whether there is a token to show."""
        return self._token is not None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, *, max_bytes: int = MAX_BUNDLE_BYTES, member: bool = False) -> bytes | None:
        """Read what is at a path below the log; None if there is nothing.

        Raises Unavailable not_ready (no answer after a few attempts), Conflict log_changed (410: no longer kept),
        Refused (no right), Malformed too_large.
        """
        try:
            for attempt in stamina.retry_context(on=(httpx2.TransportError, _BusyError), attempts=_ATTEMPTS):
                with attempt:
                    return self._get(path, max_bytes, member=member)
        except (httpx2.HTTPError, _BusyError) as error:
            raise Unavailable("not_ready", f"the log does not answer for {path}") from error
        raise AssertionError  # pragma: no cover  # the loop returns or raises

    def tile(self, path: TilePath, *, member: bool = False) -> bytes | None:
        """Read a tile or bundle; where a partial one was dropped, the full one, which is wider than was asked for."""
        found = self.get(path.format(), member=member)
        if found is None and path.width < TILE_WIDTH:
            return self.get(TilePath(level=path.level, number=path.number).format(), member=member)
        return found

    def _get(self, path: str, max_bytes: int, *, member: bool) -> bytes | None:
        for last in (False, True):
            shown = self._authorization() if member else None
            status, body = self._ask(path, max_bytes, shown)
            if status != 401 or shown is None or last:
                break
            self._forget(shown)
        if status == 200:
            return body
        if status == 404:
            return None
        if status == 410:
            raise Conflict("log_changed", f"the log no longer keeps {path}: it has moved on")
        if status >= 500 or status == 429:
            raise _BusyError(status)
        raise _stated(body) or Refused("forbidden", f"the log answers {status} for {path}")

    def _ask(self, path: str, max_bytes: int, token: str | None) -> tuple[int, bytes]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = bytearray()
        with self._client.stream("GET", f"{self._url}/{path}", headers=headers) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    raise Malformed("too_large", f"{path} has more than {max_bytes} bytes")
        return response.status_code, bytes(body)

    def _authorization(self) -> str | None:
        with self._lock:
            if self._shown is None and self._token is not None:
                self._shown = self._token()
            return self._shown

    def _forget(self, shown: str) -> None:
        with self._lock:
            if self._shown == shown:
                self._shown = None


def _stated(body: bytes) -> TongbanError | None:
    try:
        answer = parse_json(body, max_bytes=_MAX_ERROR)
    except Malformed:
        return None
    return stated_error(answer.get("error")) if isinstance(answer, dict) else None


def in_parallel(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Apply a function in a few threads, results in the order of the items; few are ahead of the one who takes them."""
    pool = ThreadPoolExecutor(PARALLEL, "mirror")
    waiting: deque[Future[B]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * PARALLEL:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

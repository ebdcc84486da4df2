"""A log over HTTP as its clients reach it: bounded reads of its public paths, and the submission of one entry.

    GET  <log>/checkpoint, <log>/head?size=, <log>/keys?from=            (hub/logroutes.py)
    POST <log>/entries?wait=receipt      {"index":812,"leaf":"…","state":"sequenced"|"witnessed","proof":"…"}

Nothing that comes back is believed here; who asks checks it.
"""

from __future__ import annotations

from typing import Final

import httpx2

from hub.answers import stated_error
from ledger.encoding import JsonValue, parse_json
from ledger.errors import Malformed, Refused, TongbanError, Unavailable

__all__ = ["LogClient"]

_MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
_JSON: Final = {"Content-Type": "application/json"}


class LogClient:
    """One log. client: an HTTP client whose base URL, with `prefix` behind it, is the log's."""

    def __init__(self, client: httpx2.AsyncClient, prefix: str = "") -> None:
        self._client: Final = client
        self._prefix: Final = prefix

    async def get(self, path: str) -> bytes:
        """Read what is at a path. Raises Unavailable no_log, and what the log states."""
        return await self._ask("GET", path)

    async def submit(self, entry: bytes) -> dict[str, JsonValue]:
        """Submit a general JWS, wait a while for its proof. Raises Unavailable no_log, and what the log states."""
        answer = parse_json(
            await self._ask("POST", "entries?wait=receipt", content=entry, headers=_JSON), max_bytes=_MAX_ANSWER_BYTES
        )
        if not isinstance(answer, dict):
            raise Malformed("bad_json", "the log gave no object for the entry")
        return answer

    async def _ask(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        body = bytearray()
        try:
            async with self._client.stream(
                method, f"{self._prefix}/{path}", content=content, headers=headers
            ) as response:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise Unavailable("no_log", "the log's answer is too large")
        except httpx2.HTTPError as error:
            raise Unavailable("no_log", "the log does not answer") from error
        if not response.is_success:
            raise _stated(bytes(body), response.status_code)
        return bytes(body)


def _stated(body: bytes, status: int) -> TongbanError:
    try:
        answer = parse_json(body, max_bytes=65_536)
    except Malformed:
        answer = None
    error = stated_error(answer.get("error")) if isinstance(answer, dict) else None
    if error is not None:
        return error
    if status >= 500:
        return Unavailable("no_log", f"the log answers {status}")
    return Refused("forbidden", f"the log answers {status}")

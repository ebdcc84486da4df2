"""A partner system in a few lines: a token for its client key, and questions to the hub over HTTP.

What a counter system in another county does, and what the demo and the tests do in its place.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import orjson

from hub.answers import stated_error
from hub.assertion import ASSERTION_TYPE
from hub.county.node import CountyNode
from ledger.encoding import JsonValue, parse_json
from ledger.errors import Malformed, Refused, TongbanError, Unavailable
from ledger.identifiers import holder_key
from schema.roles import RoleKind

__all__ = ["Partner", "access_token", "ask"]

_TIMEOUT_S: Final = 15.0
_MAX_ERROR_BYTES: Final = 65_536
_DATA: Final = "data: "  # of a server-sent event


def ask(method: str, url: str, **options: Any) -> httpx2.Response:
    """Send one request and give its 2xx answer.

    Raises the error that the hub states, at any other status; Unavailable not_ready (no answer, 5xx), Refused
    forbidden, where it states none.
    """
    try:
        response = httpx2.request(method, url, timeout=_TIMEOUT_S, trust_env=False, **options)
    except httpx2.HTTPError as error:
        raise Unavailable("not_ready", f"the hub at {_place(url)} does not answer") from error
    if not response.is_success:
        raise _error_in(response, _place(url))
    return response


def _place(url: str) -> str:
    """Give a URL without its path, which may name a license."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _error_in(response: httpx2.Response, place: str) -> TongbanError:
    try:
        answer = parse_json(response.content, max_bytes=_MAX_ERROR_BYTES)
    except Malformed:
        answer = None
    if isinstance(answer, dict) and (error := stated_error(answer.get("error"))):
        return error
    if response.status_code >= 500:
        return Unavailable("not_ready", f"the hub at {place} answers {response.status_code}")
    if isinstance(answer, dict) and (error := _token_error(answer)):
        return error
    return Refused("forbidden", f"the hub at {place} answers {response.status_code}")


def _token_error(answer: Mapping[str, JsonValue]) -> TongbanError | None:
    """Read the token endpoint's form of an error (RFC 6749, 5.2); None if it is another."""
    error, description = answer.get("error"), answer.get("error_description")
    if not isinstance(error, str) or not isinstance(description, str):
        return None
    return stated_error({"code": "forbidden", "message": f"{error}: {description}"})


def access_token(
    node: CountyNode, scope: str | None, role: RoleKind = RoleKind.PARTNER_SYSTEM, holder: tuple[str, str] | None = None
) -> str:
    """Get an access token for the county's client key (RFC 7523, private_key_jwt), in a role for which it vouches.

    scope: scopes of the role, joined by single spaces; None: all of them. holder: (certificateHolderTypeCode,
    certificateHolderCode) of whom the county has authenticated, for the role HOLDER.
    """
    bound = None if holder is None else holder_key(node.keys.holder, *holder)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": node.client_assertion(node.config.hub_url, int(time.time()), (role,), bound),
        "role": role.value,
    }
    if scope is not None:
        form["scope"] = scope
    return str(ask("POST", f"{node.config.hub_url}/oauth/token", data=form).json()["access_token"])


@dataclass(frozen=True, slots=True)
class Partner:
    """A client with an access token. hub_url: without a path."""

    hub_url: str
    token: str

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/graphql-response+json"}

    def query(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run one GraphQL document and give the whole answer, `data` and `errors`."""
        body = {"query": document, "variables": dict(variables)}
        answer: dict[str, Any] = ask("POST", f"{self.hub_url}/graphql", json=body, headers=self._headers).json()
        return answer

    def follow(
        self, document: str, variables: Mapping[str, Any], *, after: str, seconds: float
    ) -> Generator[dict[str, Any]]:
        """Follow a subscription from a cursor on, by server-sent events, for so long: give each answer as it comes.

        Raises Unavailable not_ready: the time is over, the stream has ended, or the hub does not answer.
        """
        body = {"query": document, "variables": dict(variables)}
        headers = {**self._headers, "Accept": "text/event-stream", "Last-Event-ID": after}
        url, end = f"{self.hub_url}/graphql/stream", time.monotonic() + seconds
        try:
            with httpx2.stream("POST", url, json=body, headers=headers, timeout=_TIMEOUT_S, trust_env=False) as answer:
                for line in answer.iter_lines() if answer.is_success else ():
                    if time.monotonic() > end:  # a comment comes every few seconds
                        break
                    if line.startswith(_DATA) and len(line) > len(_DATA):
                        yield orjson.loads(line.removeprefix(_DATA))
        except httpx2.HTTPError as error:
            raise Unavailable("not_ready", f"the hub at {_place(url)} does not answer") from error
        raise Unavailable("not_ready", f"the stream of the hub at {_place(url)} has ended")

    def receipt(self, index: int) -> bytes:
        """Get a fresh receipt, without disclosures, of the seal at a log index."""
        return ask("GET", f"{self.hub_url}/ledger/receipt/{index}", headers=self._headers).content

    def deposit(self, faces: Sequence[str]) -> list[dict[str, Any]]:
        """Deposit 1..100 faces (SD-JWTs with their disclosures) in the hub's vault; one result each, in order."""
        answer = ask("POST", f"{self.hub_url}/vault/faces", json={"faces": [*faces]}, headers=self._headers).json()
        results: list[dict[str, Any]] = answer["results"]
        return results

    def erase(self, identifier: str) -> None:
        """Erase a face in the hub's vault. Raises Conflict wrong_target when there is none of this county."""
        ask("DELETE", f"{self.hub_url}/vault/faces/{identifier}", headers=self._headers)

"""A partner system in a few lines: a token for its client key, and questions to the hub over HTTP.

What a counter system in another county does, and what the demo and the tests do in its place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from hub.assertion import ASSERTION_TYPE
from hub.county.node import CountyNode
from ledger.errors import Refused, Unavailable

__all__ = ["Partner", "access_token", "ask"]

_TIMEOUT_S: Final = 15.0


def ask(method: str, url: str, **options: Any) -> httpx2.Response:
    """Send one request and give its 200 answer. Raises Unavailable not_ready, Refused forbidden (any other status)."""
    try:
        response = httpx2.request(method, url, timeout=_TIMEOUT_S, trust_env=False, **options)
    except httpx2.HTTPError as error:
        raise Unavailable("not_ready", "the hub does not answer") from error
    if response.status_code >= 500:
        raise Unavailable("not_ready", f"the hub answers {response.status_code}")
    if response.status_code != 200:
        raise Refused("forbidden", f"the hub answers {response.status_code}: {response.text[:200]}")
    return response


def access_token(node: CountyNode, scope: str) -> str:
    """Get an access token with `scope` for the county's client key (RFC 7523, private_key_jwt)."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": node.client_assertion(node.config.hub_url, int(time.time())),
        "scope": scope,
    }
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

    def receipt(self, index: int) -> bytes:
        """Get a fresh receipt, without disclosures, of the seal at a log index."""
        return ask("GET", f"{self.hub_url}/ledger/receipt/{index}", headers=self._headers).content

    def deposit(self, faces: Sequence[str]) -> list[dict[str, Any]]:
        """Deposit 1..100 faces (SD-JWTs with their disclosures) in the hub's vault; one result each, in order."""
        answer = ask("POST", f"{self.hub_url}/vault/faces", json={"faces": [*faces]}, headers=self._headers).json()
        results: list[dict[str, Any]] = answer["results"]
        return results

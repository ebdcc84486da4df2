"""A caller of the hub over HTTP, as systems of other counties call it; strict about what comes back.

What is no answer at all stays the error of the HTTP client; an answer that should not be is UnexpectedAnswerError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import httpx2

from hub.county.licenses import LicenseRecord
from ledger.transparency.tiles import encode_bundle
from tests.kill.account import Told

__all__ = ["Caller", "UnexpectedAnswerError"]

_TIMEOUT_S: Final = 30.0
_BUNDLE: Final = {"Content-Type": "application/octet-stream"}
_BY_IDENTIFIER: Final = """\
query ($id: LicenseIdentifier!, $cause: UseCause!) {
  license(certificateIdentifier: $id, useCause: $cause) { certificateIdentifier logIndex status }
}"""
_BY_HOLDER: Final = """\
query ($holder: HolderInput!, $cause: UseCause!) {
  licenses(holder: $holder, useCause: $cause, first: 20) { edges { node { certificateIdentifier status } } }
}"""


class UnexpectedAnswerError(Exception):
    """The hub answered, but not as it must."""


class Caller:
    """One client of one thread. token: an access token, for look-ups."""

    def __init__(self, url: str, token: str = "") -> None:
        self._client: Final = httpx2.Client(base_url=url, trust_env=False, timeout=_TIMEOUT_S)
        self._headers: Final = {"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def submit(self, entries: Sequence[bytes]) -> list[Told]:
        """Submit entries in one bundle and wait for their receipts; one answer each, in order."""
        answers = self._bundle("/ledger/entries?wait=receipt", entries)
        return [_told(answer) for answer in answers]

    def state(self, records: Sequence[bytes]) -> list[int]:
        """Submit journal records in one bundle; one position each, in order."""
        return [_expect(answer, "position", int) for answer in self._bundle("/journal/records", records)]

    def _bundle(self, path: str, payloads: Sequence[bytes]) -> list[dict[str, Any]]:
        response = self._client.post(path, content=encode_bundle(payloads), headers=_BUNDLE)
        if response.status_code not in {200, 202}:
            raise UnexpectedAnswerError(f"POST {path}: {response.status_code} {response.text[:300]}")
        answers: list[dict[str, Any]] = response.json()
        if len(answers) != len(payloads):
            raise UnexpectedAnswerError(f"POST {path}: {len(answers)} answers to {len(payloads)}")
        return answers

    def checkpoint(self) -> bytes:
        """Give the newest published checkpoint as it is served."""
        response = self._client.get("/ledger/checkpoint")
        if response.status_code != 200:
            raise UnexpectedAnswerError(f"GET /ledger/checkpoint: {response.status_code} {response.text[:300]}")
        return response.content

    def look_up(self, license_: LicenseRecord, cause: str, *, by_holder: bool) -> bool:
        """Look one license up, or all of its holder; tell whether an answer came (not: the graph is away)."""
        if not by_holder:
            return self._query(_BY_IDENTIFIER, {"id": license_.identifier, "cause": cause})
        holder = license_.holders[0]
        code = {"certificateHolderTypeCode": holder.type_code, "certificateHolderCode": holder.code}
        return self._query(_BY_HOLDER, {"holder": code, "cause": cause})

    def _query(self, document: str, variables: Mapping[str, Any]) -> bool:
        body = {"query": document, "variables": variables}
        response = self._client.post("/graphql", json=body, headers=self._headers)
        answer: dict[str, Any] = response.json()
        faults = {error.get("extensions", {}).get("code") for error in answer.get("errors", ())}
        if response.status_code == 200 and not faults:
            return True
        if faults and faults <= {"graph_unavailable", "deadline"}:
            return False
        raise UnexpectedAnswerError(f"POST /graphql: {response.status_code} {response.text[:300]}")


def _told(answer: Mapping[str, Any]) -> Told:
    evidence = answer.get("receipt", answer.get("proof"))
    return Told(index=_expect(answer, "index", int), evidence=None if evidence is None else evidence.encode())


def _expect(answer: Mapping[str, Any], name: str, kind: type[int]) -> int:
    value = answer.get(name)
    if not isinstance(value, kind):
        raise UnexpectedAnswerError(f"no {name} in {str(dict(answer))[:300]}")
    return value

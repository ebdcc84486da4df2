"""What the hub itself spends on an answer, the graph out of the way: shaped, beside graphql-core over the same rows.

`shaper`: 1,000 licenses in one answer, from the rows to the bytes. `request`: a whole warm look-up of four licenses, in
process, from the ASGI call to the answer's bytes: rings, headers, token, body, document, variables, guard, basis,
access record (its store left out), rows, JSON, figures for `/metrics`. Both sides run the same code but for the shaper,
and give the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware

from hub.auth import Authenticator, TokenIssuer
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.timings import SlowDocuments
from hub.middleware import Observed
from hub.observability import Metrics, configure_logging
from ledger.members import KeyState, ListedKey
from loadtests.bench.asking import Asking
from loadtests.bench.measuring import Effort, Gate, Reading, cpu_pairs
from loadtests.nineteen.signing import signer_of
from loadtests.operations import operation
from schema.assembly import build_schema
from schema.context import Context, Statement

__all__ = ["NAMES", "measure"]

NAMES: Final = ("shaper", "request")

_ROWS: Final = 1_000
_PAGE: Final = 100
_REQUESTS: Final = 500
_CLIENT: Final = "320583#3"
_URL: Final = "https://hub.example"
_SECRET: Final = b"s" * 32
_ASKED: Final = {
    "holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": "91370214MA3C000001"},
    "useCause": "bench",
}
_NODE: Final = (
    "certificateIdentifier status certificateIssuedDate certificateExpiringDate type { name } issuedBy { name }"
)
_MANY: Final = "query($holder: HolderInput!, $useCause: UseCause!, $basis: ReadBasis!) {{ {} }}".format(
    " ".join(
        f"p{number}: licenses(holder: $holder, useCause: $useCause, basis: $basis, first: {_PAGE})"
        f" {{ edges {{ node {{ {_NODE} }} }} pageInfo {{ hasNextPage }} }}"
        for number in range(_ROWS // _PAGE)
    )
)


class _Rows:
    """A graph that has the same licenses for every statement: as many as a page, at most `most`."""

    def __init__(self, most: int, tail: list[Any]) -> None:
        self._rows: Final = [
            [f"1.2.156.3005.2.{number:08d}", "VALID", "2026-05-01", "2031-05-01", *tail] for number in range(most)
        ]

    async def read(self, _statement: Statement) -> list[Any]:
        """Give the rows."""
        return self._rows


def measure(effort: Effort) -> list[Reading]:
    """Measure the figures `shaper` and `request`."""
    with asyncio.Runner() as runner:
        return [_shaper(effort, runner), _request(effort, runner)]


def _shaper(effort: Effort, runner: asyncio.Runner) -> Reading:
    rows = _Rows(_PAGE, [["营业执照"], ["市场监督管理局"]])
    ours, beside = (Asking(rows, secret=_SECRET, shaped=shaped) for shaped in (True, False))

    _same(*(runner.run(asking.body(_MANY, _ASKED)) for asking in (ours, beside)))

    def answers(asking: Asking) -> Callable[[], object]:
        return lambda: runner.run(_answered(asking))

    return Reading(
        name="shaper",
        title=f"an answer of {_ROWS:,} licenses, from rows to bytes, CPU time",
        unit="us a license",
        beside="completed by graphql-core from the same rows",
        pairs=cpu_pairs(answers(ours), answers(beside), _ROWS, effort),
        gate=Gate(of="ratio", sign="<=", bound=0.06),
    )


async def _answered(asking: Asking) -> None:
    """Answer, and keep nothing: to set its signal handler a Runner writes the result of its last task out as text."""
    await asking.body(_MANY, _ASKED)


def _request(effort: Effort, runner: asyncio.Runner) -> Reading:
    configure_logging("info")  # as the hub runs: its line for each request is left out before it is made
    count = effort.amount(_REQUESTS, least=50)
    ours, beside = (_Look(shaped=shaped) for shaped in (True, False))
    _same(runner.run(ours.once()), runner.run(beside.once()))

    def looks(look: _Look) -> Callable[[], object]:
        return lambda: runner.run(look.times(count))

    return Reading(
        name="request",
        title="a warm look-up in process, the graph's and the journal's time left out, CPU time",
        unit="us a request",
        beside="the same, the answer completed by graphql-core",
        pairs=cpu_pairs(looks(ours), looks(beside), count, effort),
        gate=None,
    )


def _same(ours: bytes, beside: bytes) -> None:
    if ours != beside or b'"errors"' in ours:
        raise ValueError(f"the two answers differ, or hold an error: {ours[:200]!r}")


class _Look:
    """A look-up sent again and again to the hub's own rings and gateway, by one partner with a token."""

    def __init__(self, *, shaped: bool) -> None:
        now = int(time.time())
        rows = _Rows(4, [["营业执照"], ["市场监督管理局", ["城阳区"]]])
        self._asking: Final = Asking(rows, secret=_SECRET, now=now)
        self._known: Final = _authenticator(now)
        metrics = Metrics()
        observer = SlowDocuments(metrics, slow_ms=1_000)
        endpoint = GraphQLEndpoint(build_schema(), rows, self._context, shaped=shaped, observer=observer)
        self._app: Final = Starlette(middleware=[Middleware(Observed, metrics=metrics, direct={"/graphql": endpoint})])
        document = {"query": operation("licenses"), "variables": self._asking.variables(_ASKED)}
        self._body: Final = orjson.dumps(document)
        token = self._known[0].access_token(_CLIENT, frozenset({"license.read"}), now)
        self._headers: Final = [
            (b"host", b"hub.example"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-length", str(len(self._body)).encode()),
        ]

    def _context(self, authorization: str | None, request_id: str) -> Context:
        principal = self._known[1].principal_of(authorization, self._asking.now)
        return self._asking.context(principal, request_id)

    async def once(self) -> bytes:
        """Send the request and give the answer's body."""
        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": self._headers,
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": self._body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        body: bytes = sent[1]["body"]
        return body

    async def times(self, count: int) -> None:
        """Send the request so many times, one after the other."""
        for _ in range(count):
            await self.once()


def _authenticator(now: int) -> tuple[TokenIssuer, Authenticator]:
    key = ListedKey(kid=_CLIENT, public_key=signer_of(_CLIENT).public_key, uses=("client",), valid_from=now, added=0)
    state = KeyState(
        origin="hub.example/ledger", genesis_leaf=bytes(32), k=1, keys={_CLIENT: key}, auditors={}, witnesses={}
    )
    issuer = TokenIssuer(signer_of("hub token"), issuer=_URL, random=lambda count: b"j" * count)
    return issuer, Authenticator(issuer, lambda: state)

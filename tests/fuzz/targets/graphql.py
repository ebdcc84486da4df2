"""The GraphQL endpoint as a target: a POST body in, one JSON answer out, whose words tell nothing of what is inside.

Nothing is answered by 500, no answer holds a traceback or text of the engine, and each error has a code. Two targets mutate
requests; the third one turns the mutated bytes into valid documents of the SDL, by hypothesis-graphql. `make interop`
gives 2,000 of schemathesis's cases to a live hub.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from hypothesis import HealthCheck, given, settings

from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import LIMITS
from ledger.errors import CODES
from schema.access import SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Context
from tests.document_files import DOCUMENTS
from tests.fuzz.campaign import Target
from tests.generated_documents import documents
from tests.graph_fakes import CannedGraph
from tests.ports import NOW, request_context
from tests.random_documents import random_document

__all__ = ["ask", "endpoint", "targets"]

INNER: Final = re.compile(
    rb"Traceback|File \\\"|DETACH DELETE n [^/]|ServiceUnavailable|com\.arcadedb|\.py[\":]|object at 0x"
)
WORDS: Final = (
    b"__typename", b"__schema", b"fragment A on License ", b"...A", b"... on Query", b"@skip(if: $v)", b"@include(if: true)",
    b"query", b"mutation", b"subscription", b'"variables":', b"$v: Int! = 1", b"first: 2147483648", b"null", b"1e400",
    b"\\u0000", b"\\ud800", b'"""', b"[[[[", b"}}}}", b"{{{{", b"#", b"'}) DETACH DELETE n //", b'"extensions":{"cost":true}',
    b'"documentId":"sha256:', b'"operationName":"A"',
)  # fmt: skip


def _context(_authorization: str | None, request_id: str) -> Context:
    caller = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset(SCOPES), expires=NOW + 600)
    return request_context(principal=caller, request_id=request_id)


@cache
def endpoint() -> GraphQLEndpoint:
    """Make the endpoint, for a caller with every scope, over a graph that finds nothing."""
    return GraphQLEndpoint(build_schema(), CannedGraph(), _context, limits=LIMITS)


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


async def _post(body: bytes) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"accept", b"application/graphql-response+json")],
    }  # fmt: skip
    await endpoint()(scope, receive, send)
    return sent[0]["status"], b"".join(part["body"] for part in sent[1:])


def ask(body: bytes) -> str:
    """Send a body and judge what answers it; gives the codes of its errors, or `answered`."""
    status, data = _runner().run(_post(body))
    answer = json.loads(data)
    assert status in {200, 400}, f"status {status}: {data[:300]!r}"
    assert INNER.search(data) is None, f"tells of the inside: {data[:300]!r}"
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert set(codes) <= CODES.keys(), f"unknown codes {codes}"
    assert "data" in answer or codes
    return ",".join(sorted(set(codes))) or "answered"


def _body(query: str, variables: Any = None) -> bytes:
    return json.dumps({"query": query, "variables": variables or {}}, ensure_ascii=False).encode()


def _files() -> list[bytes]:
    return [_body(one.text, asked.variables) for one in DOCUMENTS.values() for asked in one.asked[:1]]


def _random() -> list[bytes]:
    made = [random_document(endpoint().execution.tables.schema, seed) for seed in range(40)]
    return [_body(one.text, one.variables) for one in made]


@settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=documents())
def _generated(text: str) -> None:
    ask(_body(text))


def _choices() -> list[bytes]:
    return [random.Random(seed).randbytes(4096) for seed in range(4)]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="GraphQL request", seeds=_files, run=ask, words=WORDS)
    yield Target(name="GraphQL mix", seeds=_random, run=ask, words=WORDS, share=0.5)
    yield Target(name="GraphQL of the SDL", seeds=_choices, run=_generated.hypothesis.fuzz_one_input, share=0.05)

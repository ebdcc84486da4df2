"""GraphQL over HTTP against one endpoint in this process: callers by their token, a client, and the codes of an answer."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graphql.admission import Admission
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import LIMITS, Limits
from ledger.errors import Refused
from schema.access import ANONYMOUS
from schema.assembly import build_schema
from schema.context import Context, Graph
from tests.graph_fakes import CannedGraph
from tests.ports import CLERK, CONSENT, request_context

__all__ = ["JSON", "LICENSE", "MATTER", "NEW", "SCHEMA", "client", "code_of", "codes_of", "context_of"]

SCHEMA: Final = build_schema()
MATTER: Final = '{ matter(code: "1") { name } }'
LICENSE: Final = (
    f'{{ license(certificateIdentifier: "1", useCause: "x", basis: {{consent: "{CONSENT}"}}) {{ status }} }}'
)
NEW: Final = "application/graphql-response+json"
JSON: Final = "application/json"


def context_of(authorization: str | None, request_id: str) -> Context:
    """A clerk with the token `good`, nobody without one."""
    if authorization is None:
        return request_context(principal=ANONYMOUS, request_id=request_id)
    if authorization != "Bearer good":
        raise Refused("invalid_token", "the access token is not good")
    return request_context(principal=CLERK, request_id=request_id)


def client(
    graph: Graph | None = None, *, limits: Limits = LIMITS, dev: bool = False, admission: Admission | None = None
) -> httpx2.AsyncClient:
    """A client of an application that has the endpoint and nothing else."""
    endpoint = GraphQLEndpoint(
        SCHEMA, graph or CannedGraph(rows=[["名"]]), context_of, limits=limits, dev=dev, admission=admission
    )
    transport = httpx2.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]), raise_app_exceptions=True)
    return httpx2.AsyncClient(transport=transport, base_url="http://hub")


def codes_of(body: Any) -> list[str]:
    """Give the codes of a body's errors, in order."""
    return [str(error["extensions"]["code"]) for error in body.get("errors", ())]


def code_of(response: httpx2.Response) -> str:
    """Give the code of the one error."""
    (code,) = codes_of(json.loads(response.content))
    return code

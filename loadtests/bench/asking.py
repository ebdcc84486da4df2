"""Questions to a graph without a hub around it: the hub's own execution, over ports that cost next to nothing.

    asking = Asking(BoltGraph(driver), secret=HOLDER_SECRET)
    answer = await asking.ask(document, {"holder": {...}, "useCause": "..."})

What is left is what a look-up costs whatever its transport: document and plan (cached), statement, engine, shaping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.limits import LIMITS, Limits
from hub.graphql.masking import answer_body
from hub.ingest.data import read_table
from hub.jsonbytes import json_bytes
from ledger.consents import Purpose
from ledger.encoding import b64u_encode
from ledger.identifiers import holder_key
from ledger.status import Status
from ledger.workdays import read_calendar
from schema.access import SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Access, Basis, Context, Graph, Standing

__all__ = ["Asking"]


class _Ports:
    """A registry in which every seal is in force, a journal that keeps nothing, probes that never refuse.

    consents: id -> holder key, of those whom `Asking` asks after: each consents to everything.
    """

    def __init__(self, consents: Mapping[str, str]) -> None:
        self._consents: Final = consents

    async def statuses(self, indexes: Sequence[int]) -> Standing:
        """Give every seal as valid."""
        return Standing(size=max(indexes, default=0) + 1, time=0, statuses=tuple(Status.VALID for _ in indexes))

    async def record_access(self, _access: Access) -> int:
        """Take the record of a read."""
        return 0

    async def judge(self, *, consent: str | None, case: str | None, county: str, at: int) -> Basis:  # noqa: ARG002  # of the port
        """Take a consent for good."""
        name = consent or ""
        return Basis(
            name=f"consent/{name}", holder=self._consents[name], matter=None, fields=None, purpose=Purpose.HANDLING
        )

    def __getattr__(self, _name: str) -> Any:
        return _nothing


async def _nothing(*_: object, **__: object) -> None:
    return None


class Asking:
    """Runs documents for a caller with every scope. secret: the alliance's holder key. now: POSIX seconds.

    shaped: False lets graphql-core complete every answer.
    """

    def __init__(
        self, graph: Graph, *, secret: bytes, county: str = "320583", now: int = 0, limits: Limits = LIMITS,
        shaped: bool = True,
    ) -> None:  # fmt: skip
        self.now: Final = now
        self._execution: Final = Execution(build_schema(), graph, limits=limits, shaped=shaped)
        self._consents: Final[dict[str, str]] = {}
        ports: Any = _Ports(self._consents)
        self._context: Final = Context(
            principal=Principal(county=county, client=f"{county}#3", scopes=frozenset(SCOPES) - {"holder.read"}),
            registry=ports,
            journal=ports,
            faces=ports,
            events=ports,
            probes=ports,
            clock=lambda: now,
            verify=ports,
            holder_key=lambda type_code, code: holder_key(secret, type_code, code),
            calendar=read_calendar(read_table("calendar")),
            bases=ports,
            projection=ports,
        )

    async def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run one document and give its data, by the holder's consent. Raises ValueError for an answer with errors."""
        answer = await self._answer(document, variables)
        if answer.errors or answer.data is None:
            raise ValueError(f"the document was answered with {answer.errors[:1]}")
        return answer.data

    async def body(self, document: str, variables: Mapping[str, Any]) -> bytes:
        """Run one document the same way and give the answer's bytes, errors among them."""
        return json_bytes(answer_body(await self._answer(document, variables), "request"))

    async def _answer(self, document: str, variables: Mapping[str, Any]) -> Answer:
        request = GraphQLRequest(query=document, variables=self.variables(variables))
        return await self._execution.run(request, self._context)

    def variables(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Add the holder's consent to a document's variables."""
        return {**variables, **self._basis(variables.get("holder"))}

    def context(self, principal: Principal, request_id: str) -> Context:
        """Give a context of its own to another caller's request."""
        return replace(self._context, principal=principal, request_id=request_id, arguments={}, granted={}, withheld={})

    def _basis(self, holder: Mapping[str, str] | None) -> dict[str, Any]:
        """Let the holder whom a document names consent, under an id that follows from the holder."""
        if holder is None:
            return {}
        key = self._context.holder_key(holder["certificateHolderTypeCode"], holder["certificateHolderCode"])
        name = b64u_encode(sha256(key.encode()).digest()[:16])
        self._consents[name] = key
        return {"basis": {"consent": name}}

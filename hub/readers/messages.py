"""What the hub and a reader say to each other, as JSON values.

hub -> reader
ASK  begin      {"settings": …, "dev": false, "holder": "<b64u>", "policy": "<b64u>", "genesis": "<b64u>", "graph": …,
                 "shown": …}                                               -> null, when it can read
ASK  document   [7, "4f2c…", false, <principal>, <request>]                -> [200, {header: value}], body: the answer
                                                                           -> null: it changes something
                                                                           -> {"fault": [405, "bad_request", "…", {…}]}
TELL graph      ["bolt://127.0.0.1:24796", "root", "<password>", "hub", 1]      where the graph is, how often started
TELL shown      {"size": 812, "root": "<b64u>", …}                         the newest published checkpoint

reader -> hub; 7: the number of the document that it answers, by which the hub knows who asks
ASK  record     [7, {"use_cause": "…", …}]: an Access without its caller  -> its position, when it is durable
ASK  admit      [7, "<subject>"]        ASK  missed  7                     -> null
ASK  faces      [7, [[identifier, county, [field, …], useCause], …]]       -> [[values, source, asOf, code], …]
ASK  reach      "812.0"                                                    -> ["<bookmark>", …]
ASK  newest     null                                                       -> "<cursor of the newest event>"
ASK  leaving    null                                                       -> null: no more documents come
TELL figures    {"samples": [[family, kind, [[sample, [[label, value], …], 1.0], …]], …],
                 "documents": [{"document": "sha256:2cf2…", "count": 812, …}, …]}      every second

principal   [county, client, tokenId, [scope, …], expires, role, holder]
request     [query, documentId, operationName, {variable: value}, tellCost, readAfter]
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from hub.graphql.execution import GraphQLRequest
from ledger.encoding import b64u_decode, b64u_encode
from ledger.transparency.snapshot import Snapshot
from schema.access import Principal
from schema.context import Access, FaceAnswer, FaceRequest
from schema.readafter import ReadAfter
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.graph.engine import Engine
    from hub.settings import Settings

__all__ = [
    "access",
    "beginning",
    "face_answer",
    "face_request",
    "place_of",
    "principal",
    "request",
    "snapshot",
    "told_access",
    "told_face",
    "told_principal",
    "told_question",
    "told_request",
    "told_snapshot",
]


_CALLER: Final = frozenset({"county", "client", "token_id"})


def beginning(settings: Settings, *, dev: bool, holder: bytes, policy: bytes, genesis: bytes) -> dict[str, Any]:
    """Write what stays as it is for the life of a reader. holder: the secret that hashes holders."""
    return {
        "settings": settings.model_dump(mode="json"), "dev": dev, "holder": b64u_encode(holder),
        "policy": b64u_encode(policy), "genesis": b64u_encode(genesis),
    }  # fmt: skip


def told_principal(caller: Principal) -> list[Any]:
    """Write who asks."""
    role = None if caller.role is None else caller.role.value
    return [
        caller.county, caller.client, caller.token_id, sorted(caller.scopes), caller.expires, role, caller.holder,
    ]  # fmt: skip


def principal(told: list[Any]) -> Principal:
    """Read who asks."""
    county, client, token_id, scopes, expires, role, holder = told
    return Principal(
        county=county, client=client, token_id=token_id, scopes=frozenset(scopes), expires=expires,
        role=None if role is None else RoleKind(role), holder=holder,
    )  # fmt: skip


def told_request(asked: GraphQLRequest) -> list[Any]:
    """Write what is asked."""
    after = None if asked.read_after is None else asked.read_after.format()
    return [asked.query, asked.document_id, asked.operation_name, asked.variables, asked.tell_cost, after]


def request(told: list[Any]) -> GraphQLRequest:
    """Read what is asked."""
    query, document_id, operation_name, variables, tell_cost, after = told
    return GraphQLRequest(
        query=query, document_id=document_id, operation_name=operation_name, variables=variables, tell_cost=tell_cost,
        read_after=None if after is None else ReadAfter.parse(after),
    )  # fmt: skip


def told_snapshot(shown: Snapshot | None) -> dict[str, Any] | None:
    """Write the newest published checkpoint."""
    if shown is None:
        return None
    return {
        "size": shown.size, "root": b64u_encode(shown.root), "note": b64u_encode(shown.note),
        "quorumNote": b64u_encode(shown.quorum_note), "time": shown.time, "cosigners": shown.cosigners,
    }  # fmt: skip


def snapshot(told: dict[str, Any] | None) -> Snapshot | None:
    """Read the newest published checkpoint."""
    if told is None:
        return None
    return Snapshot(
        size=told["size"], root=b64u_decode(told["root"]), note=b64u_decode(told["note"]),
        quorum_note=b64u_decode(told["quorumNote"]), time=told["time"], cosigners=tuple(told["cosigners"]),
    )  # fmt: skip


def told_access(read: Access) -> dict[str, Any]:
    """Write what was read and why; who has read it, the hub knows."""
    return {each.name: getattr(read, each.name) for each in fields(read) if each.name not in _CALLER}


def access(told: dict[str, Any], caller: Principal) -> Access:
    """Read what a caller has read and why."""
    said: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Access(
        county=caller.county or "", client=caller.client or "", token_id=caller.token_id or "", **said
    )  # fmt: skip


def told_question(asked: FaceRequest) -> list[Any]:
    """Write which face is asked for; who asks, the hub knows."""
    return [asked.certificate_identifier, asked.county, asked.fields, asked.use_cause]


def face_request(told: list[Any], caller: Principal) -> FaceRequest:
    """Read which face is asked for."""
    identifier, county, fields, use_cause = told
    return FaceRequest(
        certificate_identifier=identifier, county=county, fields=tuple(fields), use_cause=use_cause, caller=caller
    )


def told_face(answer: FaceAnswer) -> list[Any]:
    """Write a face, or the reason why it is missing."""
    return [answer.values, answer.source, answer.as_of, answer.code]


def face_answer(told: list[Any]) -> FaceAnswer:
    """Read a face, or the reason why it is missing."""
    values, source, as_of, code = told
    return FaceAnswer(values=values, source=source, as_of=as_of, code=code)


def place_of(engine: Engine) -> list[Any]:
    """Write where the graph is."""
    user, password = engine.auth
    return [engine.uri, user, password, engine.database, engine.starts]

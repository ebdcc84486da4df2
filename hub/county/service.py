"""The record-source endpoint: the hub asks for faces, field by field, and gets those fields and nothing else.

    POST /records/faces      Authorization: Bearer <hub+jwt>, aud = this node's public URL, good for one call
    {"useCause":"…","caller":{"county":"130202","client":"130202#3"},
     "requests":[{"certificateIdentifier":"…","fields":["certificateHolderName","KZ_ADDRESS"]}]}

    {"faces":[{"certificateIdentifier":"…","values":{"certificateHolderName":["…"]},"code":null},
              {"certificateIdentifier":"…","values":null,"code":"absent"}],"asOf":1780304400}

An empty `fields` means the whole face. Every call is written to the node's own access log, on disk before the answer
leaves; so the county need not trust the hub's journal to know who read what.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from hub.auth import NODE_TOKEN_LIFETIME_S, NODE_TOKEN_TYP
from hub.county.licenses import is_face_name
from hub.exchange import error_response, read_body
from hub.tokens import Jwt, JwtRule, ReplayGuard, verify_jwt
from ledger.closed import COUNTY, KID, closed, list_of, text
from ledger.encoding import JsonValue, b64u_decode, canonical_json, parse_json
from ledger.errors import Malformed, NotVerified, Refused, TongbanError
from ledger.suites import PublicKey, load_public_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from hub.county.records import RecordStore
    from hub.database import Database
    from schema.context import Clock

__all__ = ["ACCESS_SCHEMA", "FaceQuery", "FaceService", "parse_jwks", "parse_query"]

ACCESS_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS access (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, county TEXT NOT NULL, client TEXT NOT NULL, use_cause TEXT NOT NULL,
  requests TEXT NOT NULL)"""

MAX_QUERY_BYTES: Final = 256 * 1024
MAX_LICENSES: Final = 256
_MAX_FIELDS: Final = 64
_MAX_USE_CAUSE: Final = 200
_MAX_IDENTIFIER: Final = 128
_ADD_ACCESS: Final = "INSERT INTO access (time, county, client, use_cause, requests) VALUES (?, ?, ?, ?, ?)"
_TOKEN_TEXTS: Final = frozenset({"iss", "sub", "jti"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuery:
    """One call of the hub. requests: (certificateIdentifier, names of fields; none: all), in order."""

    use_cause: str
    county: str
    client: str
    requests: tuple[tuple[str, tuple[str, ...]], ...]


def parse_query(body: bytes) -> FaceQuery:
    """Read the body of a call: 1..256 licenses, at most 64 fields each. Raises Malformed."""
    obj = closed(
        parse_json(body, max_bytes=MAX_QUERY_BYTES),
        "face query",
        frozenset({"useCause", "caller", "requests"}),
        code="bad_request",
    )
    caller = closed(obj["caller"], "caller", frozenset({"county", "client"}), code="bad_request")
    use_cause = obj["useCause"]
    if not isinstance(use_cause, str) or not 1 <= len(use_cause) <= _MAX_USE_CAUSE:
        raise Malformed("bad_request", f"useCause has not 1..{_MAX_USE_CAUSE} characters")
    requests = list_of(obj, "requests", maximum=MAX_LICENSES, code="bad_request")
    if not requests:
        raise Malformed("bad_request", "no license is asked for")
    return FaceQuery(
        use_cause=use_cause,
        county=text(caller, "county", COUNTY, code="bad_request"),
        client=text(caller, "client", KID, code="bad_request"),
        requests=tuple(_parse_request(row) for row in requests),
    )


def _parse_request(row: JsonValue) -> tuple[str, tuple[str, ...]]:
    obj = closed(row, "face request", frozenset({"certificateIdentifier", "fields"}), code="bad_request")
    identifier = obj["certificateIdentifier"]
    fields = list_of(obj, "fields", maximum=_MAX_FIELDS, code="bad_request")
    names = tuple(name for name in fields if isinstance(name, str) and is_face_name(name))
    if not isinstance(identifier, str) or len(identifier) > _MAX_IDENTIFIER or len(names) != len(fields):
        raise Malformed("bad_request", "expected a certificateIdentifier and names of face fields")
    return identifier, names


def parse_jwks(data: bytes) -> dict[str, PublicKey]:
    """Read the hub's pinned JWK set: Ed25519 keys by kid. Raises Malformed."""
    obj = closed(parse_json(data, max_bytes=16_384), "JWK set", frozenset({"keys"}), code="bad_file")
    keys: dict[str, PublicKey] = {}
    for row in list_of(obj, "keys", maximum=16, code="bad_file"):
        jwk = closed(row, "JWK", frozenset({"kty", "crv", "x", "kid", "alg", "use"}), code="bad_file")
        if (jwk["kty"], jwk["crv"], jwk["alg"], jwk["use"]) != ("OKP", "Ed25519", "Ed25519", "sig"):
            raise Malformed("bad_file", "a key of the JWK set is no Ed25519 signature key")
        keys[str(jwk["kid"])] = load_public_key("Ed25519", b64u_decode(str(jwk["x"]), size=32))
    return keys


class FaceService:
    """Answers the hub. hub_keys: pinned, by kid. url: this node's public URL, the audience of every call."""

    def __init__(
        self, records: RecordStore, accesses: Database, *, hub_keys: Mapping[str, PublicKey], url: str,
        guard: ReplayGuard, clock: Clock,
    ) -> None:  # fmt: skip
        self._records = records
        self._accesses = accesses
        self._hub_keys = hub_keys
        self._guard = guard
        self._clock = clock
        self._rule = JwtRule(
            typ=frozenset({NODE_TOKEN_TYP}),
            audience=url,
            lifetime_s=NODE_TOKEN_LIFETIME_S,
            texts=_TOKEN_TEXTS,
        )

    def routes(self) -> list[Route]:
        """Give the endpoint's route."""
        return [Route("/records/faces", self.faces, methods=["POST"])]

    async def faces(self, request: Request) -> Response:
        """Answer one call. Who it is comes first; the body of a stranger is not read."""
        try:
            await asyncio.to_thread(self._authenticate, request.headers.get("authorization"))
            query = parse_query(await read_body(request, max_bytes=MAX_QUERY_BYTES))
            answer = await asyncio.to_thread(self._answer, query)
        except TongbanError as error:
            return error_response(error)
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})

    def _authenticate(self, authorization: str | None) -> None:
        now = self._clock()
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("token_required", "a token of the hub for this node is required")
        try:
            jwt = self._verified(token, now)
            self._guard.admit("hub", jwt.texts["jti"], until=jwt.exp, now=now)
        except NotVerified as error:
            _log.info("token_refused", code=error.code, reason=error.message)
            raise Refused("invalid_token", "the token is not one of the hub for this node, or no longer") from error

    def _verified(self, token: str, now: int) -> Jwt:
        jwt = verify_jwt(token, self._rule, self._hub_key, now)
        if jwt.texts["sub"] != "hub":
            raise NotVerified("bad_token", "another subject was expected")
        return jwt

    def _hub_key(self, kid: str) -> PublicKey:
        key = self._hub_keys.get(kid)
        if key is None:
            raise NotVerified("unknown_kid", "token was signed by another key than the hub's")
        return key

    def _answer(self, query: FaceQuery) -> bytes:
        now = self._clock()
        asked = canonical_json([[identifier, list(fields)] for identifier, fields in query.requests]).decode()
        with self._accesses.transaction() as connection:
            connection.execute(_ADD_ACCESS, (now, query.county, query.client, query.use_cause, asked))
        faces = [self._face(identifier, fields) for identifier, fields in query.requests]
        _log.info("faces_read", county=query.county, client=query.client, licenses=len(faces))
        return canonical_json({"faces": faces, "asOf": now})

    def _face(self, identifier: str, fields: tuple[str, ...]) -> dict[str, JsonValue]:
        face = self._records.face(identifier)
        if face is None:
            return {"certificateIdentifier": identifier, "values": None, "code": "absent"}
        values = {name: value for name, value in face.values().items() if not fields or name in fields}
        return {"certificateIdentifier": identifier, "values": values, "code": None}

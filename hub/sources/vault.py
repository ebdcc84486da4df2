"""The vault: faces that counties deposited at the hub, encrypted as they are at home (hub/envelope.py).

    POST   /vault/faces                    Bearer token with scope vault.deposit
    {"faces":["<SD-JWT with its disclosures>",…]}      1..100 of them, 4 MiB
    {"results":[{"certificateIdentifier":"…"},{"error":{"code":"wrong_target","message":"…"}},…]}
    DELETE /vault/faces/<certificateIdentifier>        204; 409 wrong_target: no such face of this county

What is deposited is the attestation itself. It is taken only when its seal stands in the ledger, was sealed by the
county that deposits it, and every disclosure belongs to it; so the vault cannot hold a face that no county sealed.
Erasing deletes the data key.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.county.records import Face
from hub.database import Database
from hub.envelope import Envelope, FaceCipher
from hub.exchange import error_response, read_body
from ledger.attestation import SdJwt, check
from ledger.closed import closed, list_of
from ledger.encoding import JsonValue, parse_json
from ledger.entries import parse_seal
from ledger.errors import Conflict, Malformed, Refused, TongbanError
from ledger.identifiers import LicenseIdentifier
from schema.context import FaceAnswer, FaceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from schema.access import Principal
    from schema.context import Clock

__all__ = ["VAULT_SCHEMA", "VaultEndpoint", "VaultSource", "VaultStore"]

MAX_DEPOSIT_BYTES: Final = 4 << 20
MAX_DEPOSITS: Final = 100
SCOPE: Final = "vault.deposit"
VAULT_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS face (
  identifier TEXT PRIMARY KEY, county TEXT NOT NULL, wrapped BLOB NOT NULL, body BLOB NOT NULL,
  deposited_at INTEGER NOT NULL)"""
_PUT: Final = "INSERT OR REPLACE INTO face VALUES (?, ?, ?, ?, ?)"
_OPEN: Final = "SELECT wrapped, body, deposited_at FROM face WHERE identifier = ? AND county = ?"
_ERASE: Final = "DELETE FROM face WHERE identifier = ? AND county = ?"


class VaultStore:
    """Deposited faces in one SQLite file. is_logged: whether the ledger holds an entry with this leaf hash."""

    def __init__(self, path: Path, cipher: FaceCipher, is_logged: Callable[[bytes], bool]) -> None:
        self._database = Database(path, VAULT_SCHEMA, summed=True)
        self._cipher = cipher
        self._is_logged = is_logged

    def deposit(self, county: str, sd_jwt: str, now: int) -> str:
        """Take a face in for the county that sealed it, in place of an earlier deposit; gives its identifier.

        Raises Malformed, NotVerified bad_disclosure, Refused forbidden (sealed by another county), not_issuer (the
        identifier was issued in another one), Conflict wrong_target (the seal is not logged).
        """
        return self._put(county, sd_jwt, now, erased=False)

    def deposit_again(self, county: str, sd_jwt: str, now: int) -> str:
        """Take a face in that was taken in before: one that was erased meanwhile stays so.

        Raises as `deposit`; Conflict wrong_target also for a face that is not there any more.
        """
        return self._put(county, sd_jwt, now, erased=True)

    def _put(self, county: str, sd_jwt: str, now: int, *, erased: bool) -> str:
        """Write a face. erased: where none is there it was erased, and nothing is written."""
        identifier = self._sealed_by(county, sd_jwt)
        envelope = self._cipher.encrypt(identifier, sd_jwt.encode("ascii"))
        with self._database.transaction() as connection:
            if erased and connection.execute(_OPEN, (identifier, county)).fetchone() is None:
                raise Conflict("wrong_target", "the face was erased since it was taken in")
            connection.execute(_PUT, (identifier, county, envelope.wrapped, envelope.body, now))
        return identifier

    def _sealed_by(self, county: str, sd_jwt: str) -> str:
        whole = SdJwt.parse(sd_jwt)
        seal = parse_seal(whole.jwt.encode("ascii"))
        claims = check(whole, seal.jws.payload)
        if seal.iss != county:
            raise Refused("forbidden", "a county deposits only what it sealed itself")
        if not self._is_logged(seal.leaf):  # what the log holds has a valid signature by its county
            raise Conflict("wrong_target", "the seal is not in the ledger")
        identifier = claims.get("certificateIdentifier")
        if not isinstance(identifier, str):
            raise Malformed("bad_identifier", "the certificateIdentifier is not disclosed")
        parsed = LicenseIdentifier.parse(identifier)
        if parsed.division != county:
            raise Refused("not_issuer", "the issuing authority is one of another division")
        return str(parsed)

    def face(self, county: str, identifier: str) -> tuple[Face, int] | None:
        """Open a face that this county deposited, and say when it did; None if there is none.

        Raises NotVerified corrupt_store.
        """
        with self._database.reading() as connection:
            row = connection.execute(_OPEN, (identifier, county)).fetchone()
        if row is None:
            return None
        face = Face(self._cipher.decrypt(identifier, Envelope(wrapped=row[0], body=row[1])).decode("ascii"))
        return face, int(row[2])

    def erase(self, county: str, identifier: str) -> None:
        """Delete a face of this county, in the write-ahead log too.

        Raises Conflict wrong_target: none, or another county's (the same answer); Unavailable store_stopped.
        """
        with self._database.transaction() as connection:
            erased = connection.execute(_ERASE, (identifier, county)).rowcount
        self._database.empty_wal()
        if not erased:
            raise Conflict("wrong_target", "there is no such face of this county")

    def close(self) -> None:
        """Close the store."""
        self._database.close()


class VaultSource:
    """The vault as record source of all counties."""

    licenses_per_call: ClassVar[int] = 256

    def __init__(self, store: VaultStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def faces(self, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        """Open faces, each as of its deposit; answers in order, `absent` where there is none.

        What the county has erased or sealed anew since then, the vault does not know: it claims no more than it has.
        Raises Unavailable, NotVerified.
        """
        return await asyncio.to_thread(lambda: [self._face(request) for request in requests])

    def _face(self, request: FaceRequest) -> FaceAnswer:
        found, now = self._store.face(request.county, request.certificate_identifier), self._clock()
        if found is None:
            return FaceAnswer(values=None, source="vault", as_of=now, code="absent")
        (face, deposited), wanted = found, request.fields
        values = {name: value for name, value in face.values().items() if not wanted or name in wanted}
        return FaceAnswer(values=values, source="vault", as_of=min(deposited, now))


class VaultEndpoint:
    """Deposit and erasure over HTTP. principal_of: (Authorization header, now) -> who asks (hub/auth.py)."""

    def __init__(self, store: VaultStore, principal_of: Callable[[str | None, int], Principal], clock: Clock) -> None:
        self._store = store
        self._principal_of = principal_of
        self._clock = clock

    def routes(self) -> list[Route]:
        """Give the two routes."""
        return [
            Route("/vault/faces", self.deposit, methods=["POST"]),
            Route("/vault/faces/{identifier}", self.erase, methods=["DELETE"]),
        ]

    async def deposit(self, request: Request) -> Response:
        """Take faces in, one result each, in order."""
        try:
            county = self._depositor(request)
            faces = _deposits(await read_body(request, max_bytes=MAX_DEPOSIT_BYTES))
            results = await asyncio.to_thread(lambda: [self._deposit(county, face) for face in faces])
        except TongbanError as error:
            return error_response(error)
        return JSONResponse({"results": results}, headers={"Cache-Control": "no-store"})

    async def erase(self, request: Request) -> Response:
        """Erase one face."""
        try:
            county = self._depositor(request)
            await asyncio.to_thread(self._store.erase, county, request.path_params["identifier"])
        except TongbanError as error:
            return error_response(error)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    def _depositor(self, request: Request) -> str:
        principal = self._principal_of(request.headers.get("authorization"), self._clock())
        if principal.county is None:
            raise Refused("token_required", "an access token is required")
        if SCOPE not in principal.scopes:
            raise Refused("forbidden", f"the scope {SCOPE} is required")
        return principal.county

    def _deposit(self, county: str, face: JsonValue) -> dict[str, JsonValue]:
        try:
            return {"certificateIdentifier": self._store.deposit(county, _sd_jwt(face), self._clock())}
        except TongbanError as error:
            return {"error": {"code": error.code, "message": error.message}}


def _sd_jwt(face: JsonValue) -> str:
    if not isinstance(face, str) or not face.isascii():
        raise Malformed("bad_disclosure_form", "a face is the text of an SD-JWT")
    return face


def _deposits(body: bytes) -> list[JsonValue]:
    obj = closed(parse_json(body, max_bytes=MAX_DEPOSIT_BYTES), "deposit", frozenset({"faces"}), code="bad_request")
    return list_of(obj, "faces", maximum=MAX_DEPOSITS, code="bad_request")

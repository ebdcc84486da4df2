"""The record-source endpoint: the hub alone is answered, once a token, with the fields it asked for and no others."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.auth import TokenIssuer
from hub.county import CountyNode
from hub.county.service import ACCESS_SCHEMA, FaceService, parse_jwks, parse_query
from hub.database import Database
from hub.tokens import ReplayGuard, sign_jwt
from ledger.encoding import canonical_json
from ledger.errors import Malformed
from tests.alliance import HUB_URL, NOW, Alliance, identifier_of, license_of
from tests.entropy import seeded, signer_of
from tests.ports import FakeClock

URL: Final = "https://370214.example"
ONE, TWO = str(identifier_of(1)), str(identifier_of(2))
TOKEN_KEY: Final = signer_of("hub token")
ISSUER: Final = TokenIssuer(TOKEN_KEY, issuer=HUB_URL, random=seeded("service jti"))


@pytest.fixture
async def client(node: CountyNode, alliance: Alliance, clock: FakeClock) -> AsyncIterator[httpx2.AsyncClient]:
    node.seal(license_of(1), NOW)
    accesses = Database(node.data / "access.sqlite", ACCESS_SCHEMA)
    keys, guard = parse_jwks(alliance.issuer.jwks()), ReplayGuard(node.data / "tokens.sqlite")
    service = FaceService(node.records, accesses, hub_keys=keys, url=URL, guard=guard, clock=clock)
    transport = httpx2.ASGITransport(app=Starlette(routes=service.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as opened:
        yield opened
    accesses.close()
    guard.close()


def _query(*requests: tuple[str, list[str]], **changes: Any) -> dict[str, Any]:
    rows = [{"certificateIdentifier": identifier, "fields": fields} for identifier, fields in requests]
    caller = {"county": "130202", "client": "130202#3"}
    return {"useCause": "办理食品经营许可", "caller": caller, "requests": rows} | changes


async def _ask(client: httpx2.AsyncClient, query: object, token: str | None = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {ISSUER.node_token(URL, NOW) if token is None else token}"}
    return await client.post("/records/faces", content=canonical_json(query), headers=headers)


async def test_only_the_fields_asked_for_leave_the_county(client: httpx2.AsyncClient) -> None:
    answer = await _ask(client, _query((ONE, ["certificateHolderName", "KZ_ADDRESS"]), (TWO, ["certificateName"])))
    assert answer.status_code == 200
    assert answer.json() == {
        "faces": [
            {
                "certificateIdentifier": ONE,
                "values": {"certificateHolderName": ["示例食品店"], "KZ_ADDRESS": "示例路1号"},
                "code": None,
            },
            {"certificateIdentifier": TWO, "values": None, "code": "absent"},
        ],
        "asOf": NOW,
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_no_fields_means_the_whole_face(client: httpx2.AsyncClient) -> None:
    (face,) = (await _ask(client, _query((ONE, [])))).json()["faces"]
    assert face["values"] == license_of(1).claims()


async def test_an_erased_face_is_absent_like_one_that_never_was(client: httpx2.AsyncClient, node: CountyNode) -> None:
    node.erase(ONE)
    faces = (await _ask(client, _query((ONE, []), (TWO, [])))).json()["faces"]
    assert [(face["values"], face["code"]) for face in faces] == [(None, "absent")] * 2


async def test_a_field_that_the_license_lacks_is_left_out(client: httpx2.AsyncClient) -> None:
    (face,) = (await _ask(client, _query((ONE, ["KZ_NOTHING", "associatedZzeCertID"])))).json()["faces"]
    assert (face["values"], face["code"]) == ({}, None)


async def test_every_call_is_written_down_before_it_is_answered(client: httpx2.AsyncClient, node: CountyNode) -> None:
    await _ask(client, _query((ONE, ["certificateName"])))
    with sqlite3.connect(node.data / "access.sqlite") as connection:
        rows = connection.execute("SELECT time, county, client, use_cause, requests FROM access").fetchall()
    connection.close()
    assert rows == [(NOW, "130202", "130202#3", "办理食品经营许可", f'[["{ONE}",["certificateName"]]]')]


def _claims(**changes: Any) -> dict[str, Any]:
    claims = {"iss": HUB_URL, "aud": URL, "sub": "hub", "jti": "j", "iat": NOW, "exp": NOW + 60}
    return claims | changes


def _forged(signer: Any = TOKEN_KEY, typ: str = "hub+jwt", **changes: Any) -> str:
    return sign_jwt({"typ": typ, "kid": ISSUER.kid}, _claims(**changes), signer)


TOKENS: Final[dict[str, Callable[[], str]]] = {
    "none": lambda: "",
    "of another node": lambda: ISSUER.node_token("https://130202.example", NOW),
    "expired": lambda: ISSUER.node_token(URL, NOW - 60),
    "an access token": lambda: ISSUER.access_token("370214#3", frozenset({"license.read"}), NOW),
    "an access token's typ": lambda: _forged(typ="at+jwt"),
    "signed by a county": lambda: _forged(signer_of("370214 client")),
    "another subject": lambda: _forged(sub="370214#3"),
    "lives longer than a minute": lambda: _forged(exp=NOW + 61),
    "issued in the future": lambda: _forged(iat=NOW + 31, exp=NOW + 60),
    "with a scope": lambda: _forged(scope="all"),
}


@pytest.mark.parametrize("case", TOKENS)
async def test_who_is_not_the_hub_is_refused(client: httpx2.AsyncClient, node: CountyNode, case: str) -> None:
    answer = await _ask(client, _query((ONE, [])), TOKENS[case]())
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        401, "token_required" if case == "none" else "invalid_token",
    )  # fmt: skip
    known = 'Bearer realm="tongban"'
    assert answer.headers["www-authenticate"] == (known if case == "none" else f'{known}, error="invalid_token"')
    with sqlite3.connect(node.data / "access.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM access").fetchone() == (0,)
    connection.close()


async def test_a_token_is_good_for_one_call(client: httpx2.AsyncClient) -> None:
    token = ISSUER.node_token(URL, NOW)
    assert (await _ask(client, _query((ONE, [])), token)).status_code == 200
    assert (await _ask(client, _query((ONE, [])), token)).status_code == 401


async def test_a_stranger_is_refused_before_the_body_is_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/records/faces", content=b"x" * 1_000_000)
    assert answer.status_code == 401


BAD_QUERIES: Final[dict[str, Any]] = {
    "a list": [],
    "no useCause": {name: value for name, value in _query((ONE, [])).items() if name != "useCause"},
    "an empty useCause": _query((ONE, []), useCause=""),
    "a long useCause": _query((ONE, []), useCause="x" * 201),
    "another member": _query((ONE, []), more=1),
    "no license": _query(),
    "too many licenses": _query(*[(ONE, [])] * 257),
    "too many fields": _query((ONE, ["KZ_A"] * 65)),
    "a field that is no face field": _query((ONE, ["_sd"])),
    "a field that is no text": _query((ONE, [1])),  # type: ignore[list-item]  # on purpose
    "an identifier that is no text": _query((1, [])),  # type: ignore[arg-type]  # on purpose
    "a long identifier": _query(("1" * 129, [])),
    "a caller that is no county": _query((ONE, []), caller={"county": "x", "client": "130202#3"}),
    "a caller without client": _query((ONE, []), caller={"county": "130202"}),
}


@pytest.mark.parametrize("case", BAD_QUERIES)
async def test_a_query_of_another_form_is_malformed(client: httpx2.AsyncClient, case: str) -> None:
    answer = await _ask(client, BAD_QUERIES[case])
    assert answer.status_code == 400


async def test_a_query_that_is_too_large_is_not_read(client: httpx2.AsyncClient) -> None:
    answer = await _ask(client, _query((ONE, []), useCause="x" * 300_000))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", [b"", b"{", b'{"useCause":"a","useCause":"b"}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_strict_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_query(body)


@pytest.mark.parametrize(
    "change",
    [{"kty": "EC"}, {"crv": "X25519"}, {"alg": "EdDSA"}, {"use": "enc"}, {"x": "AAAA"}, {"d": "secret"}],
)
def test_a_pinned_key_of_another_kind_is_refused(change: dict[str, str]) -> None:
    document = httpx2.Response(200, content=ISSUER.jwks()).json()
    document["keys"][0] |= change
    with pytest.raises(Malformed):
        parse_jwks(canonical_json(document))

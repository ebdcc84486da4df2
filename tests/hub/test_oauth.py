"""The token endpoint: RFC 7523 assertions in, RFC 6749 errors or RFC 9068 tokens out."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.assertion import ASSERTION_TYPE, client_assertion
from hub.auth import Authenticator, TokenIssuer
from hub.oauth import TokenEndpoint
from hub.tokens import ReplayGuard, sign_jwt
from ledger.encoding import b64u_decode, parse_json
from ledger.identifiers import holder_key
from ledger.members import KeyState, ListedKey
from schema.roles import ROLES, RoleKind
from tests.entropy import seeded, signer_of
from tests.ports import FakeClock

NOW: Final = 1_780_304_400
URL: Final = "https://hub.example"
CLIENT: Final = "370214#3"
SIGNER: Final = signer_of("client")
OTHER: Final = signer_of("client of another county")


def _state() -> KeyState:
    rows = [
        ListedKey(kid=kid, public_key=signer.public_key, uses=(use,), valid_from=NOW - 60, added=0, revoked=revoked)
        for kid, signer, use, revoked in (
            (CLIENT, SIGNER, "client", None),
            ("370214#2", signer_of("seal"), "seal", None),
            ("370214#9", signer_of("old client"), "client", 5),
            ("130202#3", OTHER, "client", None),
        )
    ]
    keys = {row.kid: row for row in rows}
    return KeyState(origin="hub.example/ledger", genesis_leaf=bytes(32), k=1, keys=keys, auditors={}, witnesses={})


HOLDER: Final = holder_key(bytes(32), "111", "370214195501080017")

ISSUER: Final = TokenIssuer(signer_of("hub token"), issuer=URL, random=seeded("jti"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def client(clock: FakeClock, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of the endpoint alone."""
    guard = ReplayGuard(tmp_path / "tokens.sqlite")
    endpoint = TokenEndpoint(ISSUER, _state, guard, clock)
    transport = httpx2.ASGITransport(app=Starlette(routes=endpoint.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as opened:
        yield opened
    guard.close()


def _assertion(
    kid: str = CLIENT, signer: Any = SIGNER, *, audience: str = URL, jti: str = "j-1", now: int = NOW,
    roles: tuple[RoleKind, ...] = (), holder: str | None = None,
) -> str:  # fmt: skip
    return client_assertion(kid, signer, audience=audience, jti=jti, now=now, roles=roles, holder=holder)


def _form(**changes: Any) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "scope": "license.read",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _assertion(),
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


async def test_a_good_assertion_gets_a_token_that_the_hub_accepts(client: httpx2.AsyncClient) -> None:
    form = _form(scope="license.read vault.deposit")
    answer = await client.post("/oauth/token", data=form)
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 600)
    assert body["scope"] == "license.read vault.deposit"
    assert answer.headers["cache-control"] == "no-store"
    principal = Authenticator(ISSUER, _state).principal_of(f"Bearer {body['access_token']}", NOW)
    assert (principal.county, principal.client) == ("370214", CLIENT)
    assert principal.scopes == {"license.read", "vault.deposit"}


@pytest.mark.parametrize("role", RoleKind)
async def test_a_token_of_a_role_has_its_scopes_and_says_the_role(client: httpx2.AsyncClient, role: RoleKind) -> None:
    """With no scope named it has all of the role's; the first of them can be asked for alone."""
    holder = HOLDER if role is RoleKind.HOLDER else None
    vouched = (role,) if role is RoleKind.AUDITOR else (RoleKind.AUDITOR, role)
    for asked in (None, min(ROLES[role])):
        scopes = ROLES[role] if asked is None else frozenset({asked})
        assertion = _assertion(roles=vouched, jti=str(asked), holder=holder)
        form = _form(role=role.value, scope=asked, client_assertion=assertion)
        body = (await client.post("/oauth/token", data=form)).json()
        assert body["scope"] == " ".join(sorted(scopes))
        principal = Authenticator(ISSUER, _state).principal_of(f"Bearer {body['access_token']}", NOW)
        assert (principal.role, principal.scopes, principal.client) == (role, scopes, CLIENT)
        assert principal.holder == holder


async def test_a_token_is_of_the_holder_for_whom_the_county_signed(client: httpx2.AsyncClient) -> None:
    """The form names nobody: who is handed an assertion cannot ask about another person with it."""
    form = _form(role="HOLDER", scope=None, client_assertion=_assertion(roles=(RoleKind.HOLDER,), holder=HOLDER))
    other = {"certificateHolderTypeCode": "111", "certificateHolderCode": "370214195501080025"}
    token = (await client.post("/oauth/token", data=form | other)).json()["access_token"]
    claims = parse_json(b64u_decode(token.split(".")[1]), max_bytes=8192)
    assert isinstance(claims, dict)
    assert (claims["sub"], claims["client_id"]) == (HOLDER, CLIENT)
    assert (claims["roles"], claims["scope"]) == (["HOLDER"], "holder.read")


def _differing(**changes: Any) -> str:
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "j-1", **changes}
    return sign_jwt({"kid": CLIENT}, claims, SIGNER)


REFUSED: Final[dict[str, tuple[dict[str, Any], int, str]]] = {
    "no assertion": ({"client_assertion": None}, 401, "invalid_client"),
    "no assertion type": ({"client_assertion_type": None}, 401, "invalid_client"),
    "SAML": ({"client_assertion_type": ASSERTION_TYPE.replace("jwt", "saml2")}, 401, "invalid_client"),
    "signed by another county": ({"client_assertion": _assertion(signer=OTHER)}, 401, "invalid_client"),
    "seal key of the same county": (
        {"client_assertion": _assertion("370214#2", signer_of("seal"))}, 401, "invalid_client"
    ),
    "revoked key": ({"client_assertion": _assertion("370214#9", signer_of("old client"))}, 401, "invalid_client"),
    "iss of another county": ({"client_assertion": _differing(iss="130202#3")}, 401, "invalid_client"),
    "sub of another county": ({"client_assertion": _differing(sub="130202#3")}, 401, "invalid_client"),
    "client_id of another county": ({"client_id": "130202#3"}, 401, "invalid_client"),
    "the endpoint as audience": (
        {"client_assertion": _assertion(audience=f"{URL}/oauth/token")},
        401,
        "invalid_client",
    ),
    "another audience": ({"client_assertion": _assertion(audience="https://other.example")}, 401, "invalid_client"),
    "expired": ({"client_assertion": _assertion(now=NOW - 300)}, 401, "invalid_client"),
    "unknown scope": ({"scope": "license.read admin"}, 400, "invalid_scope"),
    "empty scope": ({"scope": ""}, 400, "invalid_scope"),
    "scope of another role": ({"scope": "license.read journal.read"}, 400, "invalid_scope"),
    "a role's scope beyond the role": (
        {"role": "INTAKE_CLERK", "scope": "license.face", "client_assertion": _assertion(roles=(RoleKind.INTAKE_CLERK,))},
        400, "invalid_scope",
    ),
    "unknown role": ({"role": "ADMIN"}, 400, "invalid_request"),
    "role in small letters": ({"role": "handler"}, 400, "invalid_request"),
    "role that nobody vouches for": ({"role": "SUPERVISOR"}, 400, "unauthorized_client"),
    "role other than the one vouched for": (
        {"role": "SUPERVISOR", "client_assertion": _assertion(roles=(RoleKind.HANDLER,))}, 400, "unauthorized_client",
    ),
    "a machine's role where a clerk is vouched for": (
        {"client_assertion": _assertion(roles=(RoleKind.INTAKE_CLERK,))}, 400, "unauthorized_client",
    ),
    "roles that are no list": ({"client_assertion": _differing(roles="HANDLER")}, 401, "invalid_client"),
    "a holder's token without a holder": (
        {"role": "HOLDER", "scope": None, "client_assertion": _assertion(roles=(RoleKind.HOLDER,))},
        400, "invalid_request",
    ),
    "two holders": (
        {"role": "HOLDER", "client_assertion": _differing(roles=["HOLDER"], holders=[HOLDER, HOLDER[::-1]])},
        400, "invalid_request",
    ),
    "a holder in the clear": (
        {"role": "HOLDER", "client_assertion": _differing(roles=["HOLDER"], holders=["370214195501080017"])},
        400, "invalid_request",
    ),
    "a holder in another role": (
        {"role": "HANDLER", "client_assertion": _assertion(roles=(RoleKind.HANDLER,), holder=HOLDER)},
        400, "invalid_request",
    ),
    "a holder that is no list": ({"client_assertion": _differing(holders=HOLDER)}, 401, "invalid_client"),
    "two blanks between scopes": ({"scope": "license.read  license.face"}, 400, "invalid_scope"),
    "password grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "no grant": ({"grant_type": None}, 400, "invalid_request"),
    "a secret beside the assertion": ({"client_secret": "x"}, 400, "invalid_request"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_a_request_is_refused_with_the_error_of_rfc_6749(client: httpx2.AsyncClient, case: str) -> None:
    changes, status, error = REFUSED[case]
    answer = await client.post("/oauth/token", data=_form(**changes))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_an_assertion_is_good_once(client: httpx2.AsyncClient, clock: FakeClock) -> None:
    assert (await client.post("/oauth/token", data=_form())).status_code == 200
    clock.advance(299)
    assert (await client.post("/oauth/token", data=_form())).json()["error"] == "invalid_client"
    fresh = _form(client_assertion=_assertion(jti="j-2"))
    assert (await client.post("/oauth/token", data=fresh)).status_code == 200


async def test_a_forged_assertion_does_not_burn_the_jti_of_a_good_one(client: httpx2.AsyncClient) -> None:
    forged = _form(client_assertion=_assertion(signer=OTHER))
    assert (await client.post("/oauth/token", data=forged)).status_code == 401
    assert (await client.post("/oauth/token", data=_form())).status_code == 200


async def test_a_parameter_that_stands_twice_is_refused(client: httpx2.AsyncClient) -> None:
    body = "grant_type=client_credentials&grant_type=client_credentials"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/oauth/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_basic_credentials_beside_the_assertion_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/oauth/token", data=_form(), auth=("370214", "secret"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("application/x-www-form-urlencoded", b"\xff\xfe", 400),
        ("application/x-www-form-urlencoded", b"a=%ff%fe", 400),
        ("application/x-www-form-urlencoded", b"a", 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 16_384, 413),
    ],
    ids=["JSON", "no ASCII", "no UTF-8", "no pair", "too large"],
)
async def test_a_body_that_is_no_form_is_refused(
    client: httpx2.AsyncClient, content_type: str, body: bytes, status: int
) -> None:
    answer = await client.post("/oauth/token", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_the_token_endpoint_takes_posts_only(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/oauth/token")).status_code == 405


async def test_a_full_guard_asks_to_come_back(clock: FakeClock, tmp_path: Path) -> None:
    guard = ReplayGuard(tmp_path / "tokens.sqlite", capacity=0)
    endpoint = TokenEndpoint(ISSUER, _state, guard, clock)
    transport = httpx2.ASGITransport(app=Starlette(routes=endpoint.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as opened:
        answer = await opened.post("/oauth/token", data=_form())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "1"
    guard.close()


async def test_a_store_that_fails_lets_nobody_in_and_asks_to_come_back(
    client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "tokens.sqlite")) as other:
        other.execute("DROP TABLE seen")
    answer = await client.post("/oauth/token", data=_form())
    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "temporarily_unavailable", "error_description": "the database cannot be used now"},
    )


async def test_the_metadata_and_the_jwk_set_are_public(client: httpx2.AsyncClient) -> None:
    metadata = (await client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    jwks = await client.get(metadata["jwks_uri"])
    assert jwks.content == ISSUER.jwks()
    assert jwks.headers["content-type"] == "application/jwk-set+json"

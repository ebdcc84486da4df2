"""`POST /oauth/token`: an access token for a client that proves itself with a signed assertion.

RFC 7523 (`private_key_jwt`) under a `client` key that the client's county published in the ledger; client_id = kid of
that key. Errors are those of RFC 6749, 5.2. There is no password, no refresh token and no other grant.

    POST /oauth/token      application/x-www-form-urlencoded
    grant_type=client_credentials[&role=HANDLER][&scope=license.read]
    &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer
    &client_assertion=<{"alg","kid"[,"typ"]} . {"iss","sub","aud","iat","exp","jti"[,"roles":[…]][,"holders":[…]]}>

    {"access_token":"…","token_type":"Bearer","expires_in":600,"scope":"license.read"}

A token is of one role, PARTNER_SYSTEM if none is named, and has the role's scopes, or those of them that `scope` asks
for. Any other role must stand in the assertion's `roles`: the county that signs it vouches for its staff, and a system
that is handed an assertion cannot make more of it (`unauthorized_client`). A token of the role HOLDER is bound to the
one holder whom the county has authenticated: their keyed hash stands in the assertion's `holders`, and no code is sent.

In the assertion iss = sub = kid, exp - iat <= 5 minutes, aud is the hub's public URL, its issuer identifier, and no
other: an endpoint's URL may be one that another server named (draft-ietf-oauth-rfc7523bis).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import structlog
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.assertion import ASSERTION_LIFETIME_S, ASSERTION_TYPE
from hub.auth import TokenIssuer, client_key
from hub.exchange import closing, media_type, read_body
from hub.tokens import Jwt, JwtRule, ReplayGuard, verify_jwt
from ledger.errors import Malformed, NotVerified, Unavailable
from schema.access import SCOPES
from schema.roles import ROLES, RoleKind, role_named

if TYPE_CHECKING:
    from starlette.requests import Request

    from ledger.members import KeyState
    from schema.context import Clock

__all__ = ["TokenEndpoint"]

_ASSERTION_TYP: Final[frozenset[str | None]] = frozenset({None, "JWT", "client-authentication+jwt"})
_ASSERTION_TEXTS: Final = frozenset({"iss", "sub", "jti"})
_ASSERTION_LISTS: Final = frozenset({"roles", "holders"})
_HOLDER_KEY: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # canonical base64url of 32 bytes
_MAX_FORM_BYTES: Final = 16_384
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_log = structlog.get_logger(__name__)


class _OAuthError(Exception):
    """An error of RFC 6749, 5.2: its token, a sentence for the developer, the HTTP status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error: Final = error
        self.description: Final = description
        self.status: Final = status


class TokenEndpoint:
    """`POST /oauth/token`, and the JWK set of the key that signs tokens.

    key_state: gives the newest key state of the ledger. guard: remembers assertions until they expire.
    """

    def __init__(
        self, issuer: TokenIssuer, key_state: Callable[[], KeyState], guard: ReplayGuard, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._key_state = key_state
        self._guard = guard
        self._clock = clock
        self._rule = JwtRule(
            typ=_ASSERTION_TYP,
            audience=issuer.issuer,
            lifetime_s=ASSERTION_LIFETIME_S,
            texts=_ASSERTION_TEXTS,
            lists=_ASSERTION_LISTS,
        )

    def routes(self) -> list[Route]:
        """Give the routes: the token endpoint, the JWK set, and the metadata of RFC 8414."""
        return [
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/.well-known/jwks.json", self.jwks, methods=["GET"]),
            Route("/.well-known/oauth-authorization-server", self.metadata, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        """Answer a token request; always `no-store`."""
        try:
            form = _form(request, await read_body(request, max_bytes=_MAX_FORM_BYTES))
            answer = await asyncio.to_thread(self._grant, form)
        except _OAuthError as error:
            return _refusal(error)
        except Malformed as error:
            return _refusal(_OAuthError("invalid_request", error.message, error.http_status))
        except Unavailable as error:
            return _refusal(_OAuthError("temporarily_unavailable", error.message, 503))
        return JSONResponse(answer, headers=_NO_STORE)

    async def jwks(self, _request: Request) -> Response:
        """Answer with the JWK set."""
        headers = {"Cache-Control": "max-age=300"}
        return Response(self._issuer.jwks(), media_type="application/jwk-set+json", headers=headers)

    async def metadata(self, _request: Request) -> Response:
        """Answer with the authorization server's metadata (RFC 8414)."""
        issuer = self._issuer.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/oauth/token",
                "jwks_uri": f"{issuer}/.well-known/jwks.json",
                "scopes_supported": sorted(SCOPES),
                "response_types_supported": [],
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["Ed25519", "ES256"],
            },
            headers={"Cache-Control": "max-age=300"},
        )

    def _grant(self, form: dict[str, str]) -> dict[str, object]:
        if "grant_type" not in form:
            raise _OAuthError("invalid_request", "expected a grant_type")
        if form["grant_type"] != "client_credentials":
            raise _OAuthError("unsupported_grant_type", "expected grant_type client_credentials")
        now, role = self._clock(), _role(form)
        jwt = self._authenticated(form, now)
        if role.value not in jwt.lists.get("roles", (RoleKind.PARTNER_SYSTEM.value,)):
            raise _OAuthError("unauthorized_client", f"the assertion does not vouch for the role {role.value}")
        holder, scopes = _holder(jwt, role), _scopes(form.get("scope"), role)
        return {
            "access_token": self._issuer.access_token(jwt.kid, scopes, now, role=role, holder=holder),
            "token_type": "Bearer",
            "expires_in": self._issuer.lifetime_s,
            "scope": " ".join(sorted(scopes)),
        }

    def _authenticated(self, form: dict[str, str], now: int) -> Jwt:
        """Check the assertion. The guard comes last, so that a stranger cannot burn or flood anyone's jti."""
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise _OAuthError("invalid_client", "expected a client_assertion of type jwt-bearer", 401)
        try:
            state = self._key_state()
            jwt = verify_jwt(form["client_assertion"], self._rule, lambda kid: client_key(state, kid, now), now)
            _check_client(jwt, form)
            self._guard.admit(jwt.kid, jwt.texts["jti"], until=jwt.exp, now=now)
        except NotVerified as error:
            _log.info("client_refused", code=error.code, reason=error.message)
            raise _OAuthError("invalid_client", "the client assertion is not accepted", 401) from error
        return jwt


def _refusal(error: _OAuthError) -> Response:
    headers = {**_NO_STORE, **closing(error.status)}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="tongban"'
    if error.status == 503:
        headers["Retry-After"] = "1"
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status, headers)


def _form(request: Request, body: bytes) -> dict[str, str]:
    """Parse the form; a repeated parameter and a second way to authenticate are refused (RFC 6749, 2.3 and 3.2)."""
    if media_type(request) != "application/x-www-form-urlencoded":
        raise _OAuthError("invalid_request", "expected application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise _OAuthError("invalid_request", "form is not well-formed") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _OAuthError("invalid_request", "a parameter stands twice")
    if "client_secret" in form or "authorization" in request.headers:
        raise _OAuthError("invalid_request", "expected a client assertion and no other credentials")
    return form


def _check_client(jwt: Jwt, form: dict[str, str]) -> None:
    if {jwt.texts["iss"], jwt.texts["sub"], form.get("client_id", jwt.kid)} != {jwt.kid}:
        raise NotVerified("bad_token", "iss, sub, client_id and kid differ")


def _role(form: dict[str, str]) -> RoleKind:
    role = role_named(form.get("role", RoleKind.PARTNER_SYSTEM.value))
    if role is None:
        raise _OAuthError("invalid_request", f"role: expected one of {', '.join(each.value for each in RoleKind)}")
    return role


def _holder(jwt: Jwt, role: RoleKind) -> str | None:
    """Give the holder key that a token of the role HOLDER is bound to; None for any other role."""
    named = jwt.lists.get("holders", ())
    if len(named) != (role is RoleKind.HOLDER) or not all(_HOLDER_KEY.fullmatch(each) for each in named):
        raise _OAuthError("invalid_request", "one holder key in `holders` goes with the role HOLDER, and only so")
    return named[0] if named else None


def _scopes(text: str | None, role: RoleKind) -> frozenset[str]:
    """Read the scopes that are asked for; None: all of the role (RFC 6749, 3.3)."""
    scopes = ROLES[role] if text is None else frozenset(text.split(" "))
    if not scopes <= ROLES[role]:
        raise _OAuthError("invalid_scope", f"expected scopes of the role {role.value}, separated by single spaces")
    return scopes

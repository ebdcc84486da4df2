"""Tokens of the hub and the principal behind one: access tokens for clients, calling tokens for county nodes.

    access token   {"alg":"Ed25519","typ":"at+jwt","kid":"<RFC 7638 thumbprint>"}                  RFC 9068
                   {"iss","aud","sub","client_id","county","roles","scope","jti","iat","exp"}
    node token     {"alg":"Ed25519","typ":"hub+jwt","kid":"<the same>"}
                   {"iss","aud":"<the node's public URL>","sub":"hub","jti","iat","exp"}           one call, one minute
    status list    {"alg":"Ed25519","typ":"statuslist+jwt","kid":"<the same>"}          for wallets: ledger.status_list

`roles` holds one role of `schema.roles`. `sub` is the client (RFC 9068, 2.2), and for HOLDER the holder's keyed hash.

All are signed by the hub's token key. `typ` and `aud` keep them apart: a node cannot use what it was shown as an
access token. `hub/oauth.py` gives access tokens out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from hub.lru import CacheCount, Lru
from hub.tokens import Jwt, JwtRule, public_jwk, sign_jwt, verify_jwt
from ledger.encoding import MAX_INTEGER, b64u_encode, canonical_json
from ledger.errors import NotVerified, Refused, TongbanError
from ledger.status_list import STATUS_LIST_TYP
from schema.access import ANONYMOUS, Principal
from schema.roles import ROLES, RoleKind, role_named

if TYPE_CHECKING:
    from ledger.encoding import JsonValue
    from ledger.members import KeyState
    from ledger.signers import Signer
    from ledger.suites import PublicKey

__all__ = ["NODE_TOKEN_LIFETIME_S", "NODE_TOKEN_TYP", "Authenticator", "TokenIssuer", "client_key", "thumbprint"]

NODE_TOKEN_LIFETIME_S: Final = 60
NODE_TOKEN_TYP: Final = "hub+jwt"  # noqa: S105  # a type, no secret
_ACCESS_TOKEN_TYP: Final = "at+jwt"  # noqa: S105  # the same
_ACCESS_TEXTS: Final = frozenset({"iss", "sub", "client_id", "county", "scope", "jti"})
_ACCESS_LISTS: Final = frozenset({"roles"})
_HOLDER: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CACHE_ENTRIES: Final = 4096

_log = structlog.get_logger(__name__)


def thumbprint(key: PublicKey) -> str:
    """Give the JWK thumbprint of a key, base64url (RFC 7638): the kid of the hub's token key."""
    members = dict(sorted(public_jwk(key).items()))
    return b64u_encode(hashlib.sha256(canonical_json(members)).digest())


def client_key(state: KeyState, kid: str, now: int) -> PublicKey:
    """Give the key of a client by the newest key state. Raises NotVerified unknown_kid, key_not_active, key_use."""
    key = state.key_for(kid, index=MAX_INTEGER, use="client")
    if state.listed_key(kid).valid_from > now:
        raise NotVerified("key_not_active", "the client's key is not valid yet")
    return key


class TokenIssuer:
    """Writes the hub's own tokens with its token key: access tokens, and those it shows to county nodes.

    issuer: the hub's public URL, also the audience of access tokens. random: `random(n)` gives n fresh random bytes.
    """

    def __init__(self, signer: Signer, *, issuer: str, random: Callable[[int], bytes], lifetime_s: int = 600) -> None:
        self.issuer: Final = issuer
        self.lifetime_s: Final = lifetime_s
        self.public_key: Final = signer.public_key
        self.kid: Final = thumbprint(signer.public_key)
        self._signer = signer
        self._random = random

    def access_token(
        self, client: str, scopes: frozenset[str], now: int, *, role: RoleKind = RoleKind.PARTNER_SYSTEM,
        holder: str | None = None,
    ) -> str:  # fmt: skip
        """Issue an access token for the client of this kid, in a role. holder: the key of the one it is bound to."""
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": holder or client,
            "client_id": client,
            "county": client.partition("#")[0],
            "roles": [role.value],
            "scope": " ".join(sorted(scopes)),
            "jti": self._jti(),
            "iat": now,
            "exp": now + self.lifetime_s,
        }
        return sign_jwt({"typ": _ACCESS_TOKEN_TYP, "kid": self.kid}, claims, self._signer)

    def node_token(self, audience: str, now: int) -> str:
        """Issue a token for one call to the county node at `audience`, its public URL; good once, for a minute."""
        exp = now + NODE_TOKEN_LIFETIME_S
        claims = {"iss": self.issuer, "aud": audience, "sub": "hub", "jti": self._jti(), "iat": now, "exp": exp}
        return sign_jwt({"typ": NODE_TOKEN_TYP, "kid": self.kid}, claims, self._signer)

    def status_list(self, claims: Mapping[str, JsonValue]) -> str:
        """Sign the payload of a Token Status List; its `typ` keeps it from passing for an access token."""
        return sign_jwt({"typ": STATUS_LIST_TYP, "kid": self.kid}, claims, self._signer)

    def delivery_signature(self, base: bytes) -> bytes:
        """Sign the base of an HTTP message signature (RFC 9421); it begins with a quote, as no token does."""
        return self._signer.sign(base)

    def jwks(self) -> bytes:
        """Write the token key as JWK set (RFC 7517): the file that counties pin, with a final newline."""
        key = {**public_jwk(self.public_key), "kid": self.kid, "alg": self.public_key.alg, "use": "sig"}
        return canonical_json({"keys": [key]}) + b"\n"

    def _jti(self) -> str:
        return b64u_encode(self._random(16))


class Authenticator:
    """Turns an Authorization header into a Principal; a token's signature is checked once, then remembered by hash.

    A token ends with its `exp`, and at once when its client's key is no longer active in the newest key state. cache:
    how often a token was remembered.
    """

    def __init__(self, issuer: TokenIssuer, key_state: Callable[[], KeyState]) -> None:
        self._issuer = issuer
        self._key_state = key_state
        self.cache: Final = CacheCount()
        self._known: Lru[bytes, Principal] = Lru(_CACHE_ENTRIES)
        self._rule = JwtRule(
            typ=frozenset({_ACCESS_TOKEN_TYP}),
            audience=issuer.issuer,
            lifetime_s=issuer.lifetime_s,
            texts=_ACCESS_TEXTS,
            lists=_ACCESS_LISTS,
        )

    def principal_of(self, authorization: str | None, now: int) -> Principal:
        """Give who asks: ANONYMOUS without a header, else the client of the Bearer token.

        Raises Refused token_required (a header without a Bearer token), invalid_token (one that is not good now).
        """
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("token_required", "expected a Bearer token")
        try:
            principal = self._remembered(token, now)
            client_key(self._key_state(), principal.client or "", now)
        except TongbanError as error:
            _log.info("token_refused", code=error.code, reason=error.message)
            raise Refused("invalid_token", "the access token is not good, or no longer: get a new one") from error
        return principal

    def _remembered(self, token: str, now: int) -> Principal:
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        principal = self._known.get(digest)
        if principal is None:
            self.cache.misses += 1
            principal = self._verified(token, now)
            self._known.put(digest, principal)
        else:
            self.cache.hits += 1
        if principal.expires <= now:
            raise NotVerified("bad_token", "token has expired")
        return principal

    def _verified(self, token: str, now: int) -> Principal:
        jwt = verify_jwt(token, self._rule, self._own_key, now)
        claims = jwt.texts
        role, scopes = _role_in(jwt), frozenset(claims["scope"].split(" "))
        if claims["iss"] != self._issuer.issuer:
            raise NotVerified("bad_token", "another issuer was expected")
        if not scopes <= ROLES[role]:
            raise NotVerified("bad_token", "a scope is not one of the role")
        return Principal(
            county=claims["county"],
            client=claims["client_id"],
            token_id=claims["jti"],
            scopes=scopes,
            expires=jwt.exp,
            role=role,
            holder=_holder_in(claims, role),
        )

    def _own_key(self, kid: str) -> PublicKey:
        if kid != self._issuer.kid:
            raise NotVerified("unknown_kid", "token was signed by another key")
        return self._issuer.public_key


def _role_in(jwt: Jwt) -> RoleKind:
    names = jwt.lists.get("roles", ())
    role = role_named(names[0]) if len(names) == 1 else None
    if role is None:
        raise NotVerified("bad_token", "expected one role")
    return role


def _holder_in(claims: Mapping[str, str], role: RoleKind) -> str | None:
    """Give the holder that a token is bound to: exactly those of the role HOLDER are to one."""
    subject = claims["sub"]
    if role is not RoleKind.HOLDER:
        if subject != claims["client_id"]:
            raise NotVerified("bad_token", "another subject was expected")
        return None
    if _HOLDER.fullmatch(subject) is None:
        raise NotVerified("bad_token", "the subject is no holder")
    return subject

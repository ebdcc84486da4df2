"""The principal behind a token: what the hub issued, now, to a key that is still good; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from joserfc.jwk import OKPKey

from hub.auth import Authenticator, TokenIssuer, thumbprint
from hub.lru import CacheCount
from hub.tokens import public_jwk, sign_jwt
from ledger.encoding import canonical_json, parse_json
from ledger.errors import Refused
from ledger.members import KeyState, ListedKey
from schema.access import ANONYMOUS, Principal
from schema.roles import RoleKind
from tests.entropy import seeded, signer_of

NOW: Final = 1_780_304_400
URL: Final = "https://hub.example"
CLIENT: Final = "370214#3"
SCOPES: Final = frozenset({"license.read", "license.face"})
HOLDER: Final = "h" * 43
TOKEN_KEY: Final = signer_of("hub token")


def _listed(kid: str, use: str, label: str, **changes: Any) -> ListedKey:
    key = signer_of(label).public_key
    row = ListedKey(kid=kid, public_key=key, uses=(use,), valid_from=NOW - 60, added=0)
    return replace(row, **changes)


def _state(**changes: Any) -> KeyState:
    keys = {
        CLIENT: _listed(CLIENT, "client", "client", **changes),
        "370214#2": _listed("370214#2", "seal", "seal"),
    }
    return KeyState(origin="hub.example/ledger", genesis_leaf=bytes(32), k=1, keys=keys, auditors={}, witnesses={})


def _issuer(url: str = URL) -> TokenIssuer:
    return TokenIssuer(TOKEN_KEY, issuer=url, random=seeded("jti"))


class World:
    """An authenticator over a key state that can be changed."""

    def __init__(self) -> None:
        self.state = _state()
        self.issuer = _issuer()
        self.authenticator = Authenticator(self.issuer, lambda: self.state)

    def token(self, now: int = NOW) -> str:
        return self.issuer.access_token(CLIENT, SCOPES, now)

    def principal(self, token: str, now: int = NOW) -> Principal:
        return self.authenticator.principal_of(f"Bearer {token}", now)


def _claims(**changes: Any) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": URL, "aud": URL, "sub": CLIENT, "client_id": CLIENT, "county": "370214", "roles": ["PARTNER_SYSTEM"],
        "scope": "license.read", "jti": "j", "iat": NOW, "exp": NOW + 600,
    }  # fmt: skip
    return claims | changes


def _forged(header: dict[str, Any] | None = None, signer: Any = TOKEN_KEY, **changes: Any) -> str:
    full = {"typ": "at+jwt", "kid": thumbprint(TOKEN_KEY.public_key), **(header or {})}
    return f"Bearer {sign_jwt(full, _claims(**changes), signer)}"


HEADERS: Final[dict[str, Callable[[], str]]] = {
    "empty": lambda: "",
    "no scheme": lambda: World().token(),
    "another scheme": lambda: f"Basic {World().token()}",
    "scheme alone": lambda: "Bearer",
    "two tokens": lambda: f"Bearer {World().token()} {World().token()}",
    "two tokens in a list": lambda: f"Bearer {World().token()}, Bearer {World().token()}",
    "signed by a client's key": lambda: _forged(signer=signer_of("client")),
    "signed by a client's key that it names": lambda: _forged({"kid": CLIENT}, signer_of("client")),
    "a node token of the hub": lambda: f"Bearer {_issuer().node_token(URL, NOW)}",
    "an assertion's typ": lambda: _forged({"typ": "JWT"}),
    "another issuer": lambda: _forged(iss="https://other.example"),
    "another audience": lambda: _forged(aud="https://other.example"),
    "sub is not the client": lambda: _forged(sub="130202#3"),
    "lives longer than ours do": lambda: _forged(exp=NOW + 601),
    "county missing": lambda: _forged(county=None),
    "issued in an hour": lambda: _forged(iat=NOW + 3600, exp=NOW + 3700),
    "no role": lambda: _forged(roles=[]),
    "role as text": lambda: _forged(roles="PARTNER_SYSTEM"),
    "two roles": lambda: _forged(roles=["PARTNER_SYSTEM", "HANDLER"]),
    "one role twice": lambda: _forged(roles=["PARTNER_SYSTEM", "PARTNER_SYSTEM"]),
    "a role that is none": lambda: _forged(roles=["ADMIN"]),
    "a scope beyond the role": lambda: _forged(scope="license.read journal.read"),
    "a holder in a machine's role": lambda: _forged(sub=HOLDER),
    "a holder's token without a holder": lambda: _forged(roles=["HOLDER"], scope="holder.read"),
    "client that is no client": lambda: _forged(sub="370214#2", client_id="370214#2"),
    "client that is not listed": lambda: _forged(sub="999999#1", client_id="999999#1", county="999999"),
}


WITHOUT: Final = {"empty", "no scheme", "another scheme", "scheme alone"}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_is_no_good_token_is_refused(case: str) -> None:
    """A token that was sent and is not good reads otherwise than none (RFC 6750, section 3.1)."""
    with pytest.raises(Refused) as caught:
        World().authenticator.principal_of(HEADERS[case](), NOW)
    assert caught.value.code == ("token_required" if case in WITHOUT else "invalid_token")


def test_nobody_is_anonymous() -> None:
    assert World().authenticator.principal_of(None, NOW) is ANONYMOUS


def test_a_token_gives_its_client_county_and_scopes() -> None:
    world = World()
    principal = world.principal(world.token())
    assert principal == Principal(
        county="370214",
        client=CLIENT,
        token_id=principal.token_id,
        scopes=SCOPES,
        expires=NOW + 600,
        role=RoleKind.PARTNER_SYSTEM,
    )
    assert len(principal.token_id or "") == 22


def test_a_token_of_a_holder_gives_the_holder_and_the_client_that_vouches() -> None:
    world = World()
    scopes = frozenset({"holder.read"})
    token = world.issuer.access_token(CLIENT, scopes, NOW, role=RoleKind.HOLDER, holder=HOLDER)
    principal = world.principal(token)
    assert (principal.role, principal.holder, principal.scopes) == (RoleKind.HOLDER, HOLDER, scopes)
    assert (principal.client, principal.county) == (CLIENT, "370214")


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_token_ends_at_its_second(seen_before: bool) -> None:
    world = World()
    token = world.token()
    if seen_before:
        assert world.principal(token, NOW + 599).client == CLIENT
    with pytest.raises(Refused, match=r"^invalid_token: the access token is not good, or no longer: get a new one$"):
        world.principal(token, NOW + 600)


@pytest.mark.parametrize("change", [{"revoked": 7}, {"void_from": 3}, {"valid_from": NOW + 1}, {"uses": ("seal",)}])
def test_a_token_ends_with_its_clients_key(change: dict[str, Any]) -> None:
    world = World()
    token = world.token()
    assert world.principal(token).client == CLIENT
    world.state = _state(**change)
    with pytest.raises(Refused) as caught:
        world.principal(token)
    assert caught.value.code == "invalid_token"


def test_a_remembered_token_gives_nothing_to_one_that_differs_in_a_character() -> None:
    world = World()
    token = world.token()
    world.principal(token)
    with pytest.raises(Refused):
        world.principal(token + "A")
    world.principal(token)
    assert world.authenticator.cache == CacheCount(hits=1, misses=2)


def test_the_jwk_set_is_canonical_and_names_the_key_by_its_thumbprint() -> None:
    document = parse_json(_issuer().jwks().rstrip(b"\n"), max_bytes=4096)
    (key,) = document["keys"]  # type: ignore[index,call-overload]
    assert key["kid"] == thumbprint(TOKEN_KEY.public_key)  # type: ignore[index,call-overload]
    assert canonical_json(document) + b"\n" == _issuer().jwks()


def test_the_thumbprint_is_that_of_rfc_8037() -> None:

    assert thumbprint(TOKEN_KEY.public_key) == OKPKey.import_key(public_jwk(TOKEN_KEY.public_key)).thumbprint()

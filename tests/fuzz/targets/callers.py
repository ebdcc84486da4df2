"""Targets of who asks for whom: the file that names a holder, and the claims by which a county vouches for its callers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from hub.assertion import ASSERTION_TYPE, client_assertion
from hub.commands.holder import parse_holder
from hub.oauth import TokenEndpoint, TokenIssuer, _OAuthError
from hub.tokens import sign_jwt
from ledger.encoding import b64u_decode, parse_json
from ledger.entries import MEMBER_TYP, MemberChange, parse_entry
from ledger.errors import Malformed
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.identifiers import holder_key
from ledger.jws import sign_general
from ledger.members import KeyState
from schema.roles import ROLES, RoleKind
from tests.entropy import seeded, signer_of
from tests.fuzz.campaign import Target
from tests.fuzz.mutation import WORDS
from tests.statements import NOW

__all__ = ["targets"]

_URL: Final = "https://hub.example"
_COUNTY: Final = "370214"
_CLIENT: Final = f"{_COUNTY}#3"
_SECRET: Final = bytes(32)
_HOLDER: Final = holder_key(_SECRET, "111", "370214195501080017")
_WORDS: Final = (*WORDS, b'"roles":', b'"holders":', *(f'"{role.value}"'.encode() for role in RoleKind))


def _holder_files() -> list[bytes]:
    names = [("111", "370214195501080017"), ("001", "92370214MA3C00000X"), ("999", "无编码的样例")]
    return [
        json.dumps({"certificateHolderTypeCode": kind, "certificateHolderCode": code}, ensure_ascii=False).encode()
        for kind, code in names
    ]


def _holder_file(data: bytes) -> None:
    """Whatever is taken can be hashed, or is refused by its code."""
    kind, code = parse_holder(data)
    assert len(holder_key(_SECRET, kind, code)) == 43


@cache
def _state() -> KeyState:
    """Give a key state in which one county has a govern key and a client key."""
    keys = tuple(
        KeyAddition(kid=kid, public_key=signer_of(kid).public_key, uses=(use,), valid_from=NOW)
        for kid, use in ((f"{_COUNTY}#1", "govern"), (_CLIENT, "client"))
    )
    payload = member_payload(iat=NOW, origin="hub.example/ledger", k=1, members=[MemberRow(county=_COUNTY, keys=keys)])
    entry = parse_entry(sign_general(MEMBER_TYP, payload, [(f"{_COUNTY}#1", signer_of(f"{_COUNTY}#1"))]))
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


class _Guard:
    """Lets every assertion pass: what is mutated is used but once."""

    def admit(self, client: str, jti: str, *, until: int, now: int) -> None:
        """Take it."""


@cache
def _endpoint() -> TokenEndpoint:
    issuer = TokenIssuer(signer_of("hub token"), issuer=_URL, random=seeded("jti"))
    guard: Any = _Guard()
    return TokenEndpoint(issuer, _state, guard, lambda: NOW)


def _assertions() -> list[bytes]:
    named = [((), None), ((RoleKind.HANDLER, RoleKind.SUPERVISOR), None), ((RoleKind.HOLDER,), _HOLDER)]
    return [
        client_assertion(
            _CLIENT, signer_of(_CLIENT), audience=_URL, jti=f"j-{number}", now=NOW, roles=roles, holder=holder
        ).encode()
        for number, (roles, holder) in enumerate(named)
    ]


def _payload(token: str) -> Any:
    return parse_json(b64u_decode(token.split(".")[1]), max_bytes=8192)


def _claims() -> list[bytes]:
    return [b64u_decode(each.decode().split(".")[1]) for each in _assertions()]


def _signed_anew(data: bytes) -> None:
    """Claims under a good signature: each token that comes of them is no more than they vouch for."""
    claims = parse_json(data, max_bytes=4096)
    if not isinstance(claims, dict):
        raise Malformed("bad_json", "expected an object of claims")
    _asked(sign_jwt({"kid": _CLIENT}, claims, signer_of(_CLIENT)), claims)


def _assertion(data: bytes) -> None:
    """A whole assertion: what is accepted bears the signature that the client made, over claims as it wrote them."""
    token = data.decode("utf-8", "replace")
    if _asked(token, None):
        assert _payload(token) in [_payload(each.decode()) for each in _assertions()]


def _asked(token: str, claims: Any) -> bool:
    """Ask for a token of each role by an assertion; tell whether there was one."""
    given = False
    for role in (RoleKind.HOLDER, RoleKind.HANDLER, RoleKind.PARTNER_SYSTEM):
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
        try:
            answer = _endpoint()._grant({**form, "role": role.value})
        except _OAuthError:
            continue
        given, vouched = True, claims or _payload(token)
        told = _payload(str(answer["access_token"]))
        assert set(str(answer["scope"]).split()) == ROLES[role]
        assert told["roles"] == [role.value]
        assert role.value in vouched.get("roles", [RoleKind.PARTNER_SYSTEM.value])
        assert told["sub"] == (vouched["holders"][0] if role is RoleKind.HOLDER else _CLIENT)
        assert ("holders" in vouched) == (role is RoleKind.HOLDER)
    return given


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="holder file", seeds=_holder_files, run=_holder_file)
    yield Target(name="client assertion", seeds=_assertions, run=_assertion, words=_WORDS, share=0.5)
    yield Target(name="assertion signed anew", seeds=_claims, run=_signed_anew, words=_WORDS, share=0.5)

"""The assertion by which a client proves itself at the token endpoint (RFC 7523): the client's half of hub/oauth.py.

{"alg","kid"} . {"iss":"370214#3","sub":"370214#3","aud":"https://hub.example","iat":…,"exp":…,"jti":"…"
                [,"roles":["HANDLER"]][,"holders":["<holder key>"]]}

`roles` are those that the county vouches for: whoever sends this assertion may ask for a token of one of them, and of
no other. Without it, a PARTNER_SYSTEM is vouched for. `holders` goes with the role HOLDER: the keyed hash of the one
person or firm whom the county has authenticated. The code itself is not sent, and nobody who is handed an assertion can
name another.
"""

from __future__ import annotations

from typing import Final

from hub.tokens import sign_jwt
from ledger.signers import Signer
from schema.roles import RoleKind

__all__ = ["ASSERTION_LIFETIME_S", "ASSERTION_TYPE", "client_assertion"]

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME_S: Final = 300


def client_assertion(
    kid: str,
    signer: Signer,
    *,
    audience: str,
    jti: str,
    now: int,
    roles: tuple[RoleKind, ...] = (),
    holder: str | None = None,
) -> str:
    """Write the assertion that a client sends.

    audience: the hub's public URL. roles: those vouched for. holder: holder key of who was authenticated.
    """
    exp = now + ASSERTION_LIFETIME_S
    claims: dict[str, object] = {"iss": kid, "sub": kid, "aud": audience, "iat": now, "exp": exp, "jti": jti}
    if roles:
        claims["roles"] = [role.value for role in roles]
    if holder is not None:
        claims["holders"] = [holder]
    return sign_jwt({"kid": kid}, claims, signer)

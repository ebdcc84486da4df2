"""The `cnf` member of a seal: the holder's public key as a JWK.

    {"jwk":{"kty":"OKP","crv":"Ed25519","x":"<b64u>"}}                   RFC 7800, 3.2; RFC 8037, 2
    {"jwk":{"kty":"EC","crv":"P-256","x":"<b64u>","y":"<b64u>"}}         RFC 7518, 6.2.1

Closed sets: a JWK with `alg`, `kid`, `use` or a private member is refused. Holders have wallets, and wallets have no
SM2: no curve name is registered for it, so such a key is confirmed to nobody.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ledger.closed import closed
from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import Malformed
from ledger.suites import COORDINATE_BYTES, PublicKey, load_public_key

__all__ = ["confirmation_of", "confirmed_key"]

_KINDS: Final = MappingProxyType({"Ed25519": ("OKP", "Ed25519"), "ES256": ("EC", "P-256")})
_ALGS: Final = MappingProxyType({kind: alg for alg, kind in _KINDS.items()})
_CONFIRMATION: Final = frozenset({"jwk"})
_COMMON: Final = frozenset({"kty", "crv", "x"})


def confirmation_of(key: PublicKey) -> dict[str, JsonValue]:
    """Write the holder's key as the value of `cnf`. Raises Malformed unknown_alg (SM2)."""
    if key.alg not in _KINDS:
        raise Malformed("unknown_alg", f"a holder's key is one of {', '.join(_KINDS)}")
    kty, crv = _KINDS[key.alg]
    jwk: dict[str, JsonValue] = {"kty": kty, "crv": crv, "x": b64u_encode(key.x)}
    if key.y is not None:
        jwk["y"] = b64u_encode(key.y)
    return {"jwk": jwk}


def confirmed_key(cnf: JsonValue) -> PublicKey:
    """Read the holder's key from the value of `cnf`.

    Raises Malformed bad_payload, unknown_member, unknown_alg, bad_base64, weak_key.
    """
    jwk = closed(closed(cnf, "cnf", _CONFIRMATION)["jwk"], "jwk", _COMMON, frozenset({"y"}))
    alg = _ALGS.get((jwk["kty"], jwk["crv"])) if isinstance(jwk["kty"], str) and isinstance(jwk["crv"], str) else None
    if alg is None:
        raise Malformed("unknown_alg", f"a holder's key is one of {', '.join(_ALGS.values())}")
    y = _coordinate(jwk["y"]) if "y" in jwk else None
    return load_public_key(alg, _coordinate(jwk["x"]), y)


def _coordinate(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise Malformed("bad_payload", "a coordinate of a JWK is no text")
    return b64u_decode(value, size=COORDINATE_BYTES)

"""Disclosures of SD-JWT (RFC 9901, 4.2) in the flat profile: one claim each, hidden behind its digest.

    disclosure  b64u(UTF-8 of the JSON array [salt, name, value])
    digest      b64u(SHA-256(ASCII of the disclosure))        stands in `_sd` of the signed payload
    decoy       b64u(SHA-256(32 random bytes))                a digest that has no disclosure

The digest is over the text as it came: white space and escapes inside are the issuer's choice. A claim has no parts
that are disclosed by themselves: a value that holds a member `_sd` or `...` at any depth is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.encoding import JsonValue, b64u_decode, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed

__all__ = ["MAX_DISCLOSURES", "MAX_DISCLOSURE_CHARS", "NEVER_DISCLOSED", "Disclosure", "decoy"]

MAX_DISCLOSURES: Final = 64
MAX_DISCLOSURE_CHARS: Final = 8192
_SALT_BYTES: Final = 16
_DECOY_BYTES: Final = 32

# What a verifier reads from the signed payload. A disclosure of such a name could stand in where the payload leaves the
# member out: an `exp` of the holder's choice (RFC 9901, 7.1 and 9.7).
NEVER_DISCLOSED: Final = frozenset(
    {"_sd", "_sd_alg", "...", "iss", "vct", "iat", "nbf", "exp", "cnf", "sub", "aud", "jti", "status"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One claim and the text that discloses it; `value` is any JSON value."""

    text: str
    salt: str
    name: str
    value: JsonValue

    @property
    def digest(self) -> str:
        """The digest that has to stand in `_sd`: 43 characters."""
        return _digest(self.text.encode("ascii"))

    @classmethod
    def parse(cls, text: str) -> Disclosure:
        """Read the text of one disclosure, at most 8,192 characters.

        Raises Malformed too_large, bad_base64, bad_encoding, bad_json, duplicate_member, bad_number,
        bad_disclosure_form (no [salt, name, value], a reserved name, parts disclosed by themselves).
        """
        if len(text) > MAX_DISCLOSURE_CHARS:
            raise Malformed("too_large", f"a disclosure has more than {MAX_DISCLOSURE_CHARS} characters")
        array = parse_json(b64u_decode(text), max_bytes=MAX_DISCLOSURE_CHARS)
        if not isinstance(array, list) or len(array) != 3:
            raise Malformed("bad_disclosure_form", "a disclosure is no array of salt, name and value")
        salt, name, value = array
        if not isinstance(salt, str) or not isinstance(name, str):
            raise Malformed("bad_disclosure_form", "salt and name of a disclosure are texts")
        if name in NEVER_DISCLOSED:
            raise Malformed("bad_disclosure_form", f"{name} is never a disclosure")
        if _has_parts(value):
            raise Malformed("bad_disclosure_form", "a value with disclosures of its own is not of this profile")
        return cls(text=text, salt=salt, name=name, value=value)

    @classmethod
    def make(cls, name: str, value: JsonValue, random: Callable[[int], bytes]) -> Disclosure:
        """Hide one claim behind 16 fresh bytes of `random`. Raises as `parse`: what that refuses is not made."""
        salt = b64u_encode(random(_SALT_BYTES))
        try:
            array = canonical_json([salt, name, value])
        except ValueError as error:  # NaN, Infinity, a lone surrogate
            raise Malformed("bad_json", "claim is no JSON value") from error
        text = b64u_encode(array)
        if _is_plain(value) and name not in NEVER_DISCLOSED and len(text) <= MAX_DISCLOSURE_CHARS:
            return cls(text=text, salt=salt, name=name, value=value)  # what parse would give, without reading it back
        return cls.parse(text)


def decoy(random: Callable[[int], bytes]) -> str:
    """Give a digest that no disclosure has, so that the number of claims does not show."""
    return _digest(random(_DECOY_BYTES))


def _digest(data: bytes) -> str:
    return b64u_encode(sha256(data).digest())


def _is_plain(value: JsonValue) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, list) and {str}.issuperset(map(type, value)))


def _has_parts(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return "_sd" in value or "..." in value or any(map(_has_parts, value.values()))
    return isinstance(value, list) and any(map(_has_parts, value))

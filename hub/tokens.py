"""JSON Web Tokens, read strictly, and the guard against replay.

A token is accepted in one form only: three parts of canonical base64url, a header of exactly `alg`, `kid` and (where a
kind asks for it) `typ`, no member twice anywhere, integer times, one audience. Before the signature has been checked
by joserfc nothing of it is believed but `kid`, which chooses among keys that we hold; `alg` must be that key's own. So
`none`, a swapped algorithm, an embedded key (`jwk`, `jku`, `x5c`) and an unknown critical header have no way in.

    {"alg":"Ed25519","kid":"370214#3"}
    {"iss":"370214#3","sub":"370214#3","aud":"https://hub.example","iat":1780300800,"exp":1780301100,"jti":"…"}
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from hub.database import Database
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed, NotVerified, TongbanError, Unavailable
from ledger.signers import Signer
from ledger.suites import PublicKey

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LEEWAY_S", "MAX_TOKEN_BYTES", "Jwt", "JwtRule", "ReplayGuard", "public_jwk", "sign_jwt", "verify_jwt"]

MAX_TOKEN_BYTES: Final = 8192
LEEWAY_S: Final = 30
_MAX_JTI: Final = 128
_MAX_LIST: Final = 8
_ALGORITHMS: Final = ("Ed25519", "ES256")
_SEEN_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS seen (
  client TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (client, jti)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_until ON seen (until)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtRule:
    """What one kind of token must be.

    typ: the allowed values of the header; None among them: it may be missing. audience: the only one.
    lifetime_s: longest exp - iat. texts: the claims that it holds beside aud, iat and exp, each a text. lists: those
    that may be there, too, each a list of 1..8 texts, none twice. `nbf` may be there, nothing else.
    """

    typ: frozenset[str | None]
    audience: str
    lifetime_s: int
    texts: frozenset[str]
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """A verified token: the kid that signed it, its end in POSIX seconds, its claims: texts, lists of texts."""

    kid: str
    exp: int
    texts: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]


def sign_jwt(header: Mapping[str, object], claims: Mapping[str, object], signer: Signer) -> str:
    """Sign claims as a compact JWS; `alg` is the signer's and comes first in the header."""
    full = {"alg": signer.public_key.alg, **header}
    signing_input = f"{b64u_encode(canonical_json(full))}.{b64u_encode(canonical_json(claims))}"
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode('ascii')))}"


def verify_jwt(token: str, rule: JwtRule, key_of: Callable[[str], PublicKey], now: int) -> Jwt:
    """Check a token whole and give its claims.

    key_of: the key of a `kid`, or an error of the tree when there is none. Raises NotVerified bad_token for every
    fault; the message names the fault and no value.
    """
    try:
        header, claims = _parts(token)
        kid, alg = _check_header(header, rule)
        _check_signature(token, alg, key_of(kid))
        texts = _check_claims(claims, rule)
        lists = {name: _list(claims[name]) for name in sorted(rule.lists & claims.keys())}
        exp = _check_times(claims, rule.lifetime_s, now)
    except TongbanError as error:
        raise NotVerified("bad_token", error.message) from error
    return Jwt(kid=kid, exp=exp, texts=texts, lists=lists)


def _parts(token: str) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    if len(token) > MAX_TOKEN_BYTES:
        raise Malformed("too_large", f"token has more than {MAX_TOKEN_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise Malformed("bad_encoding", "expected three parts")
    header, claims = (parse_json(b64u_decode(part), max_bytes=MAX_TOKEN_BYTES) for part in parts[:2])
    b64u_decode(parts[2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Malformed("bad_json", "expected two JSON objects")
    return header, claims


def _check_header(header: dict[str, JsonValue], rule: JwtRule) -> tuple[str, str]:
    if header.keys() - {"typ"} != {"alg", "kid"}:
        raise Malformed("bad_header", "expected the header members alg, kid and typ")
    typ, kid, alg = header.get("typ"), header["kid"], header["alg"]
    if not isinstance(typ, str) and (typ is not None or "typ" in header):
        raise Malformed("bad_header", "typ is no text")
    if typ not in rule.typ:
        raise Malformed("bad_header", "another typ was expected")
    if not isinstance(kid, str) or not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise Malformed("unknown_alg", f"alg is none of {', '.join(_ALGORITHMS)}")
    return kid, alg


def _check_signature(token: str, alg: str, key: PublicKey) -> None:
    if key.alg != alg:
        raise NotVerified("bad_signature", "alg is not the key's")
    try:
        jws.deserialize_compact(token, _jose_key(key), algorithms=[alg])
    except (JoseError, ValueError) as error:
        raise NotVerified("bad_signature", "signature does not verify") from error


def _check_claims(claims: dict[str, JsonValue], rule: JwtRule) -> dict[str, str]:
    expected = rule.texts | {"aud", "iat", "exp"}
    if not expected <= claims.keys() <= expected | rule.lists | {"nbf"}:
        raise NotVerified("bad_token", "a claim is missing, or one is not known")
    aud = claims["aud"]
    audience = aud[0] if isinstance(aud, list) and len(aud) == 1 else aud
    if audience != rule.audience:
        raise NotVerified("bad_token", "another audience was expected")
    texts = {name: value for name in rule.texts if isinstance(value := claims[name], str)}
    if len(texts) != len(rule.texts):
        raise NotVerified("bad_token", "a claim is no text")
    if not 1 <= len(texts["jti"]) <= _MAX_JTI:
        raise NotVerified("bad_token", f"jti has not 1..{_MAX_JTI} characters")
    return texts


def _list(value: JsonValue) -> tuple[str, ...]:
    found = tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_LIST or len(set(found)) != len(value):
        raise NotVerified("bad_token", f"a claim is no list of 1..{_MAX_LIST} texts, none twice")
    return found


def _check_times(claims: dict[str, JsonValue], lifetime_s: int, now: int) -> int:
    iat, exp, nbf = (_time(time) for time in (claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])))
    if exp <= now:
        raise NotVerified("bad_token", "token has expired")
    if max(iat, nbf) > now + LEEWAY_S:
        raise NotVerified("bad_token", "token is not valid yet")
    if not 0 < exp - iat <= lifetime_s:
        raise NotVerified("bad_token", f"lifetime is not within {lifetime_s} s")
    return exp


def _time(value: JsonValue) -> int:
    if type(value) is not int:
        raise NotVerified("bad_token", "a time is no integer")
    return value


def public_jwk(key: PublicKey) -> dict[str, str | list[str]]:
    """Write a public key as JWK (RFC 7517, 8037), without kid."""
    if key.y is None:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(key.x)}
    return {"kty": "EC", "crv": "P-256", "x": b64u_encode(key.x), "y": b64u_encode(key.y)}


@lru_cache(maxsize=1024)
def _jose_key(key: PublicKey) -> OKPKey | ECKey:
    return OKPKey.import_key(public_jwk(key)) if key.y is None else ECKey.import_key(public_jwk(key))


class ReplayGuard:
    """Remembers every (client, jti) until its token has expired, in a SQLite file; at most `capacity` of them.

    Not synced a commit: what was seen outlives the process; a power cut can lose the last moments, and the tokens live
    for minutes. Thread-safe; one process a file. Raises Unavailable store_stopped, NotVerified corrupt_store.
    """

    def __init__(self, path: Path, *, capacity: int = 100_000) -> None:
        self._database: Final = Database(path, _SEEN_SCHEMA, durable=False)
        self._capacity: Final = capacity
        self._lock: Final = threading.Lock()
        with self._database.reading() as connection:
            self._count: int = connection.execute("SELECT count(*) FROM seen").fetchone()[0]

    def admit(self, client: str, jti: str, *, until: int, now: int) -> None:
        """Let a token pass once.

        Raises NotVerified bad_token (seen before), Unavailable pushback (full), store_stopped.
        """
        with self._lock:  # the count changes with the commit
            with self._database.transaction() as connection:
                count = self._count - connection.execute("DELETE FROM seen WHERE until <= ?", (now,)).rowcount
                if count >= self._capacity:
                    raise Unavailable("pushback", "too many tokens at once")
                row = (client, jti, until)
                added = connection.execute("INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount
            self._count = count + added
        if not added:
            raise NotVerified("bad_token", "token was used before")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

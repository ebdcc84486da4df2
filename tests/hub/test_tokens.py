"""Tokens read strictly: every bypass that the JOSE world knows is refused, by name."""

from __future__ import annotations

import base64
import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from joserfc import jwt as jose_jwt
from joserfc.jwk import ECKey, OKPKey

from hub.tokens import MAX_TOKEN_BYTES, JwtRule, ReplayGuard, public_jwk, sign_jwt, verify_jwt
from ledger.encoding import b64u_encode
from ledger.errors import NotVerified, Unavailable
from ledger.suites import PublicKey
from tests.entropy import signer_of

NOW: Final = 1_780_304_400
AUD: Final = "https://hub.example"
KID: Final = "370214#3"
SIGNER: Final = signer_of("client")
OTHER: Final = signer_of("another county's client")
EC: Final = signer_of("client on P-256", "ES256")
HEADER: Final[dict[str, Any]] = {"kid": KID, "typ": "JWT"}
CLAIMS: Final[dict[str, Any]] = {
    "iss": KID, "sub": KID, "aud": AUD, "iat": NOW, "exp": NOW + 300, "jti": "j-1",
}  # fmt: skip
RULE: Final = JwtRule(
    typ=frozenset({None, "JWT"}), audience=AUD, lifetime_s=300, texts=frozenset({"iss", "sub", "jti"})
)


def _key_of(kid: str) -> PublicKey:
    keys = {KID: SIGNER.public_key, "370214#9": EC.public_key, "130202#3": OTHER.public_key}
    if kid not in keys:
        raise NotVerified("unknown_kid", "kid is not listed")
    return keys[kid]


def _part(text: str) -> str:
    return b64u_encode(text.encode())


def _raw(header: str, claims: str, signer: Any = SIGNER) -> str:
    """Sign JSON texts as they stand, whatever they hold."""
    signing_input = f"{_part(header)}.{_part(claims)}"
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode()))}"


def _token(header: dict[str, Any] | None = None, signer: Any = SIGNER, **claims: Any) -> str:
    full = {**HEADER, **(header or {})}
    body = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    return sign_jwt({name: value for name, value in full.items() if value is not ...}, body, signer)


def _swapped_part(place: int, text: str) -> str:
    parts = _token().split(".")
    parts[place] = text
    return ".".join(parts)


_JSON = json.dumps(CLAIMS)
_NONE = '{"alg":"none","kid":"370214#3"}'
_HEAD = '{"alg":"Ed25519","kid":"370214#3"'
BYPASSES: Final[dict[str, Callable[[], str]]] = {
    "alg none with empty signature": lambda: ".".join((_part(_NONE), _part(_JSON), "")),
    "alg none with a good signature": lambda: _raw(_NONE, _JSON),
    "alg None in capitals": lambda: _raw('{"alg":"None","kid":"370214#3"}', _JSON),
    "alg swapped to the other suite": lambda: _raw('{"alg":"ES256","kid":"370214#3"}', _JSON),
    "alg EdDSA, the older name": lambda: _raw('{"alg":"EdDSA","kid":"370214#3"}', _JSON),
    "alg HS256 over the public key": lambda: _raw('{"alg":"HS256","kid":"370214#3"}', _JSON),
    "alg is no text": lambda: _raw('{"alg":["Ed25519"],"kid":"370214#3"}', _JSON),
    "alg twice": lambda: _raw('{"alg":"Ed25519","alg":"none","kid":"370214#3"}', _JSON),
    "alg missing": lambda: _raw('{"kid":"370214#3"}', _JSON),
    "kid missing": lambda: _token({"kid": ...}),
    "kid unknown": lambda: _token({"kid": "370214#4"}),
    "kid of another county's key": lambda: _token({"kid": "130202#3"}),
    "kid as path": lambda: _token({"kid": "../../dev/null"}),
    "kid as SQL": lambda: _token({"kid": "370214#3' OR '1'='1"}),
    "kid is no text": lambda: _raw('{"alg":"Ed25519","kid":3}', _JSON),
    "own key embedded as jwk": lambda: _token({"jwk": public_jwk(OTHER.public_key)}, OTHER),
    "own key by jku": lambda: _token({"jku": "https://evil.example/jwks.json"}, OTHER),
    "own certificate as x5c": lambda: _token({"x5c": ["MIIB"]}, OTHER),
    "unknown critical header": lambda: _token({"crit": ["exp"], "exp": NOW}),
    "unencoded payload (b64 false)": lambda: _token({"b64": False}),
    "typ of another kind of token": lambda: _token({"typ": "at+jwt"}),
    "typ null": lambda: _raw(f'{_HEAD},"typ":null}}', _JSON),
    "typ is a list": lambda: _raw(f'{_HEAD},"typ":["JWT"]}}', _JSON),
    "aud is a list in a list": lambda: _token(aud=[[AUD]]),
    "aud is an object": lambda: _token(aud={AUD: 1}),
    "signed by another county": lambda: _token(signer=OTHER),
    "signature of another token": lambda: _swapped_part(2, _token(jti="j-2").split(".")[2]),
    "claims of another token": lambda: _swapped_part(1, _token(jti="j-2").split(".")[1]),
    "header of another token": lambda: _swapped_part(0, _token({"typ": ...}).split(".")[0]),
    "signature cut short": lambda: _token()[:-4],
    "signature with another last bits": lambda: _token()[:-1] + ("A" if _token()[-1] != "A" else "B"),
    "signature missing": lambda: _swapped_part(2, ""),
    "four parts": lambda: _token() + ".x",
    "two parts": lambda: ".".join(_token().split(".")[:2]),
    "white space in front": lambda: " " + _token(),
    "padding": lambda: _token() + "=",
    "five megabytes": lambda: "a" * 5_000_000,
    "one byte too long": lambda: "a" * (MAX_TOKEN_BYTES + 1),
    "aud of another hub": lambda: _token(aud="https://other.example"),
    "aud of two": lambda: _token(aud=[AUD, "https://other.example"]),
    "aud empty": lambda: _token(aud=[]),
    "aud null": lambda: _token(aud=None),
    "aud longer than ours": lambda: _token(aud=AUD + "/x"),
    "expired": lambda: _token(iat=NOW - 300, exp=NOW),
    "exp missing": lambda: _token(exp=...),
    "exp as text": lambda: _token(exp=str(NOW + 300)),
    "exp as float": lambda: _token(exp=NOW + 300.0),
    "exp true": lambda: _token(exp=True),
    "exp before iat": lambda: _token(iat=NOW + 20, exp=NOW + 10),
    "lives too long": lambda: _token(exp=NOW + 301),
    "iat in the future": lambda: _token(iat=NOW + 31, exp=NOW + 300),
    "iat missing": lambda: _token(iat=...),
    "not valid yet": lambda: _token(nbf=NOW + 31),
    "nbf as text": lambda: _token(nbf="0"),
    "exp twice": lambda: _raw(f'{_HEAD},"typ":"JWT"}}', _JSON[:-1] + f',"exp":{NOW + 300}}}'),
    "sub twice": lambda: _raw(f'{_HEAD},"typ":"JWT"}}', _JSON[:-1] + ',"sub":"130202#3"}'),
    "jti missing": lambda: _token(jti=...),
    "jti empty": lambda: _token(jti=""),
    "jti too long": lambda: _token(jti="j" * 129),
    "jti is a number": lambda: _token(jti=7),
    "a claim that nobody reads": lambda: _token(scope="license.read"),
    "claims are a list": lambda: _raw(f"{_HEAD}}}", "[]"),
    "claims are no JSON": lambda: _raw(f"{_HEAD}}}", "{"),
    "NaN as time": lambda: _raw(f"{_HEAD}}}", _JSON.replace(str(NOW + 300), "NaN")),
    "claims nested deep": lambda: _raw(f"{_HEAD}}}", "[" * 1000),
    "nothing at all": lambda: "",
    "lone surrogate": lambda: "\ud800.a.b",
}


@pytest.mark.parametrize("case", BYPASSES)
def test_a_bypass_is_refused(case: str) -> None:
    with pytest.raises(NotVerified) as caught:
        verify_jwt(BYPASSES[case](), RULE, _key_of, NOW)
    assert caught.value.code == "bad_token"


@pytest.mark.parametrize(
    "token",
    [
        _token(),
        _token({"typ": ...}),
        _token(aud=[AUD]),
        _token(nbf=NOW + 30),
        _token(iat=NOW + 30, exp=NOW + 330),
        _token({"kid": "370214#9"}, EC),
    ],
    ids=["plain", "without typ", "audience as a list of one", "nbf within the leeway", "iat within it", "ES256"],
)
def test_a_good_token_gives_its_claims(token: str) -> None:
    jwt = verify_jwt(token, RULE, _key_of, NOW)
    assert jwt.texts == {"iss": KID, "sub": KID, "jti": "j-1"}


def test_a_malleated_es256_signature_gives_the_same_claims_and_the_same_jti() -> None:
    """ES256 has two signatures for one message; replay is caught by `jti`, not by the bytes of the token."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, claims, _ = _token({"kid": "370214#9"}, EC).split(".")
    raw = EC.sign(f"{head}.{claims}".encode())
    twin = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    jwt = verify_jwt(f"{head}.{claims}.{b64u_encode(twin)}", RULE, _key_of, NOW)
    assert (jwt.kid, jwt.texts["jti"], jwt.exp) == ("370214#9", "j-1", NOW + 300)


@pytest.mark.parametrize(
    ("alg", "key"), [("Ed25519", OKPKey.generate_key("Ed25519")), ("ES256", ECKey.generate_key("P-256"))]
)
def test_a_token_of_another_library_is_read(alg: str, key: OKPKey | ECKey) -> None:
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    coordinates = [_coordinate(public[name]) for name in ("x", "y") if name in public]
    token = jose_jwt.encode({"alg": alg, "kid": KID}, CLAIMS, key, algorithms=[alg])
    jwt = verify_jwt(token, RULE, lambda _kid: PublicKey(alg, *coordinates), NOW)
    assert jwt.kid == KID


def _coordinate(text: str) -> bytes:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=")).to_bytes(32)


@pytest.mark.parametrize("signer", [SIGNER, EC], ids=["Ed25519", "ES256"])
def test_our_token_is_read_by_another_library(signer: Any) -> None:
    jwk = public_jwk(signer.public_key)
    key = OKPKey.import_key(jwk) if jwk["kty"] == "OKP" else ECKey.import_key(jwk)
    decoded = jose_jwt.decode(_token(signer=signer), key, algorithms=[signer.public_key.alg])
    assert decoded.claims == CLAIMS


def _guard(folder: Path, capacity: int = 100_000) -> ReplayGuard:
    return ReplayGuard(folder / "tokens.sqlite", capacity=capacity)


def test_a_token_passes_once(tmp_path: Path) -> None:
    with closing(_guard(tmp_path)) as guard:
        guard.admit("370214#3", "a", until=NOW + 300, now=NOW)
        guard.admit("130202#3", "a", until=NOW + 300, now=NOW)
        with pytest.raises(NotVerified) as caught:
            guard.admit("370214#3", "a", until=NOW + 300, now=NOW + 299)
    assert caught.value.code == "bad_token"


def test_the_guard_forgets_what_has_expired_and_never_grows_over_its_bound(tmp_path: Path) -> None:
    with closing(_guard(tmp_path, capacity=2)) as guard:
        guard.admit("c", "a", until=NOW + 10, now=NOW)
        guard.admit("c", "b", until=NOW + 300, now=NOW)
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                guard.admit("c", "d", until=NOW + 300, now=NOW + 9)
            assert caught.value.code == "pushback"
        guard.admit("c", "d", until=NOW + 300, now=NOW + 10)


def test_the_guard_remembers_over_a_restart(tmp_path: Path) -> None:
    with closing(_guard(tmp_path)) as guard:
        guard.admit("c", "a", until=NOW + 300, now=NOW)
    with closing(_guard(tmp_path)) as guard, pytest.raises(NotVerified, match="used before"):
        guard.admit("c", "a", until=NOW + 300, now=NOW)


def test_the_guards_files_are_its_owners_alone(tmp_path: Path) -> None:
    with closing(_guard(tmp_path)) as guard:
        guard.admit("c", "a", until=NOW + 300, now=NOW)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("tokens.sqlite", "tokens.sqlite-shm", "tokens.sqlite-wal"), 0o600)


def test_a_guard_whose_file_cannot_be_used_lets_nothing_pass(tmp_path: Path) -> None:
    with closing(_guard(tmp_path)) as guard:
        with closing(sqlite3.connect(tmp_path / "tokens.sqlite")) as other:
            other.execute("DROP TABLE seen")
        with pytest.raises(Unavailable, match="store_stopped"):
            guard.admit("c", "a", until=NOW + 300, now=NOW)

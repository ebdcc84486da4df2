"""Refusals: their form to the letter, and who must have signed one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import TongbanError
from ledger.jws import compact_jws
from ledger.refusal import REFUSAL_TYP, Refusal, parse_refusal, sign_refusal, verify_refusal
from tests.audits import GENESIS_STATE
from tests.entropy import signer_of
from tests.small_log import COUNTIES, ORIGIN, T0

COUNTY: Final = COUNTIES["370214"]
REFUSAL: Final = Refusal(origin=ORIGIN, size=812, root=bytes(range(32)), code="bad_head", iat=T0, index=811)
HIDDEN: Final = replace(REFUSAL, code="deposit_left_out", index=1, leaf=bytes(32))


def signed(payload: dict[str, JsonValue], *, kid: str = "370214#1", typ: str = REFUSAL_TYP) -> bytes:
    return compact_jws({"alg": "Ed25519", "typ": typ, "kid": kid}, payload, COUNTY)


@pytest.mark.parametrize("refusal", [REFUSAL, HIDDEN, replace(REFUSAL, index=None)])
def test_a_refusal_is_read_as_it_was_signed(refusal: Refusal) -> None:
    raw = sign_refusal(refusal, kid="370214#1", signer=COUNTY)
    assert verify_refusal(raw, GENESIS_STATE) == ("370214", refusal)


def test_its_bytes_are_these() -> None:
    header, payload, _ = sign_refusal(HIDDEN, kid="370214#1", signer=COUNTY).split(b".")
    assert b64u_decode(header.decode()) == b'{"alg":"Ed25519","typ":"lic-refusal+jwt","kid":"370214#1"}'
    zero, root = b64u_encode(bytes(32)), b64u_encode(REFUSAL.root)
    assert b64u_decode(payload.decode()).decode() == (
        f'{{"origin":"{ORIGIN}","size":812,"root":"{root}","code":"deposit_left_out","index":1,'
        f'"leaf":"{zero}","iat":{T0}}}'
    )


PAYLOAD: Final = REFUSAL.payload()
MALFORMED: Final[dict[str, dict[str, JsonValue]]] = {
    "a member too many": {**PAYLOAD, "why": "because"},
    "a member too few": {name: value for name, value in PAYLOAD.items() if name != "root"},
    "leaf with another code": {**PAYLOAD, "leaf": b64u_encode(bytes(32))},
    "hidden deposit without leaf": {**PAYLOAD, "code": "deposit_left_out"},
    "code with a space": {**PAYLOAD, "code": "bad head"},
    "code that is no text": {**PAYLOAD, "code": 5},
    "root of 31 bytes": {**PAYLOAD, "root": b64u_encode(bytes(31))},
    "negative index": {**PAYLOAD, "index": -1},
    "size as text": {**PAYLOAD, "size": "812"},
    "origin with a line break": {**PAYLOAD, "origin": "hub.example/ledger\nx"},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_any_other_form_is_malformed(name: str) -> None:
    with pytest.raises(TongbanError) as caught:
        parse_refusal(signed(MALFORMED[name]))
    assert caught.value.http_status == 400
    assert json.dumps(MALFORMED[name])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (signed(PAYLOAD, typ="lic-head+jwt"), "unknown_typ"),
        (signed(PAYLOAD, kid="370214#9"), "unknown_kid"),
        (signed(PAYLOAD, kid="320583#1"), "bad_signature"),
        (signed({**PAYLOAD, "origin": "other.example/ledger"}), "bad_signature"),
        (signed(PAYLOAD)[:-4] + b"AAAA", "bad_signature"),
    ],
)
def test_only_an_active_govern_key_of_this_log_refuses(raw: bytes, code: str) -> None:
    with pytest.raises(TongbanError, match=code):
        verify_refusal(raw, GENESIS_STATE)


def test_a_stranger_refuses_nothing() -> None:
    raw = sign_refusal(REFUSAL, kid="370214#1", signer=signer_of("stranger"))
    with pytest.raises(TongbanError, match="bad_signature"):
        verify_refusal(raw, GENESIS_STATE)

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import b64u_encode, canonical_json
from ledger.errors import Malformed
from ledger.jws import (
    MAX_ENTRY_BYTES,
    compact_jws,
    join_general,
    parse_compact,
    parse_jws,
    payload_part,
    sign_general,
    sign_protected,
)
from ledger.suites import P256_ORDER, verify
from ledger.transparency.merkle import leaf_hash
from tests.entropy import signer_of

ED25519, ES256 = signer_of("one"), signer_of("two", "ES256")
HEADER: Final = {"alg": "Ed25519", "typ": "test+jwt", "kid": "370214#4"}
COMPACT: Final = compact_jws(HEADER, {"n": 1}, ED25519)
PAYLOAD: Final = payload_part({"n": 1})
GENERAL: Final = sign_general("test+jwt", PAYLOAD, [("370214#1", ES256), ("320583#2", ED25519)])


def general(**changes: Any) -> bytes:
    return canonical_json({**json.loads(GENERAL), **changes})


def code_of(raw: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        parse_jws(raw)
    return caught.value.code


def test_a_compact_jws_is_read_as_it_was_written() -> None:
    jws = parse_compact(COMPACT, "test+jwt")
    (signature,) = jws.signatures
    assert (jws.raw, jws.typ, jws.payload, jws.general) == (COMPACT, "test+jwt", {"n": 1}, False)
    assert (signature.kid, signature.alg, signature.message) == ("370214#4", "Ed25519", COMPACT.rpartition(b".")[0])
    verify(ED25519.public_key, signature.message, signature.signature)


def test_leaf_and_statement_are_the_hashes_of_the_specification() -> None:
    jws = parse_jws(COMPACT)
    assert jws.leaf == leaf_hash(COMPACT)
    assert jws.statement == sha256(b"test+jwt\n" + COMPACT.split(b".")[1]).digest()


def test_one_statement_has_one_hash_in_every_form() -> None:
    again = compact_jws({**HEADER, "kid": "370214#5"}, {"n": 1}, signer_of("three"))
    forms = [parse_jws(raw) for raw in (COMPACT, again, GENERAL)]
    assert len({jws.statement for jws in forms}) == 1
    assert len({jws.leaf for jws in forms}) == 3


def test_a_general_jws_is_sorted_by_kid() -> None:
    jws = parse_jws(GENERAL)
    assert [signature.kid for signature in jws.signatures] == ["320583#2", "370214#1"]
    for signature, signer in zip(jws.signatures, (ED25519, ES256), strict=True):
        verify(signer.public_key, signature.message, signature.signature)
    assert jws.general


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "too_large"),
        (b"a" * (MAX_ENTRY_BYTES + 1), "too_large"),
        (b"..", "bad_json"),
        (b"a.b", "bad_encoding"),
        (COMPACT + b".", "bad_encoding"),
        (COMPACT + b"\n", "bad_base64"),
        (" é..".encode(), "bad_encoding"),
        (COMPACT[:-1], "bad_base64"),
        (COMPACT[:-4], "bad_base64"),
        (b"A" * 1100 + b"." + COMPACT.partition(b".")[2], "bad_header"),
    ],
)
def test_what_is_no_compact_jws_is_refused(raw: bytes, code: str) -> None:
    assert code_of(raw) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "Ed25519", "typ": "t"}, "bad_header"),
        ({**HEADER, "crit": ["b64"], "b64": False}, "bad_header"),
        ({**HEADER, "alg": "none"}, "unknown_alg"),
        ({**HEADER, "alg": 1}, "unknown_alg"),
        ({**HEADER, "typ": None}, "bad_header"),
        ({**HEADER, "kid": ["370214#4"]}, "bad_header"),
        ({**HEADER, "kid": "k" * 600}, "bad_header"),
        (["alg", "typ", "kid"], "bad_header"),
    ],
)
def test_a_header_is_exactly_alg_typ_kid(header: Any, code: str) -> None:
    part = b64u_encode(canonical_json(header)).encode()
    assert code_of(part + b"." + COMPACT.partition(b".")[2]) == code


@pytest.mark.parametrize("payload", [b"[]", b"1", b'"text"', b"null"])
def test_a_payload_is_a_json_object(payload: bytes) -> None:
    header, _, signature = COMPACT.split(b".")
    assert code_of(header + b"." + b64u_encode(payload).encode() + b"." + signature) == "bad_payload"


def test_an_es256_signature_with_high_s_is_refused() -> None:
    raw = compact_jws({**HEADER, "alg": "ES256"}, {"n": 1}, ES256)
    signature = parse_jws(raw).signatures[0].signature
    high = signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert code_of(raw.rpartition(b".")[0] + b"." + b64u_encode(high).encode()) == "es256_high_s"


def test_another_typ_or_form_than_expected_is_refused() -> None:
    for raw, typ in ((COMPACT, "other+jwt"), (GENERAL, "test+jwt")):
        with pytest.raises(Malformed, match="unknown_typ"):
            parse_compact(raw, typ)


ROWS: Final = json.loads(GENERAL)["signatures"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (GENERAL + b"\n", "bad_encoding"),
        (GENERAL.replace(b":[", b": ["), "bad_encoding"),
        (canonical_json({"signatures": ROWS, "payload": PAYLOAD}), "bad_encoding"),
        (general(header={}), "unknown_member"),
        (general(signatures=[]), "bad_encoding"),
        (general(signatures={}), "bad_encoding"),
        (general(signatures=ROWS * 33), "bad_encoding"),
        (general(signatures=ROWS[::-1]), "bad_header"),
        (general(signatures=[ROWS[0], ROWS[0]]), "bad_header"),
        (general(signatures=[{**ROWS[0], "header": {}}]), "unknown_member"),
        (general(signatures=[{**ROWS[0], "signature": 1}]), "bad_encoding"),
        (general(signatures=["x"]), "bad_payload"),
        (general(payload=1), "bad_encoding"),
        (general(payload="="), "bad_base64"),
        (b"{}", "bad_payload"),
        (b"{", "bad_json"),
    ],
)
def test_a_general_jws_has_one_form(raw: bytes, code: str) -> None:
    assert code_of(raw) == code


def test_signatures_for_different_types_do_not_join() -> None:
    one = sign_protected("a+jwt", PAYLOAD, "320583#1", ED25519)
    other = sign_protected("b+jwt", PAYLOAD, "370214#1", ED25519)
    with pytest.raises(Malformed, match="bad_header"):
        join_general(PAYLOAD, [one, other])


def test_one_member_signs_once() -> None:
    with pytest.raises(Malformed, match="bad_header"):
        sign_general("test+jwt", PAYLOAD, [("370214#1", ED25519), ("370214#2", ES256)])


def test_at_most_64_members_sign() -> None:
    kids = [f"{county:06}#1" for county in range(65)]
    with pytest.raises(Malformed, match="bad_encoding"):
        sign_general("test+jwt", PAYLOAD, [(kid, ED25519) for kid in kids])
    assert len(parse_jws(sign_general("test+jwt", PAYLOAD, [(kid, ED25519) for kid in kids[:64]])).signatures) == 64


@given(st.binary(min_size=1, max_size=400) | st.from_regex(rb"[A-Za-z0-9_-]{0,9}\.[A-Za-z0-9_-]{0,40}\.[A-Z]{86}"))
@settings(max_examples=200)
def test_any_bytes_are_read_to_the_letter_or_refused(raw: bytes) -> None:
    try:
        read = parse_jws(raw).raw
    except Malformed:
        return
    assert read == raw

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

from ledger.attestation import SdJwt, issue, present
from ledger.confirmation import confirmation_of
from ledger.disclosures import Disclosure
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed, NotVerified
from ledger.holder_binding import MAX_AGE_S, bind_holder, check_holder
from ledger.jws import compact_jws
from ledger.signers import SoftwareSigner
from ledger.suites import P256_ORDER
from tests.entropy import seeded, signer_of
from tests.vector_files import read_vectors

NOW: Final = 1780301000
AUD: Final = "https://counter.example"
NONCE: Final = "n-0S6_WzA2Mj"


def attestation(holder: SoftwareSigner) -> str:
    return issue(
        {"certificateHolderName": "示例食品店", "certificateTypeName": "营业执照"},
        kid="370214#1",
        vct="urn:tongban:license:11100000MB0143028R001",
        iss="370214",
        iat=NOW - 1000,
        cnf=holder.public_key,
        signer=signer_of("county", "ES256"),
        random=seeded("seal"),
    )


def bound(holder: SoftwareSigner, **terms: Any) -> str:
    presentation = present(attestation(holder), ["certificateTypeName"])
    wanted: dict[str, Any] = {"aud": AUD, "nonce": NONCE, "iat": NOW, "signer": holder} | terms
    return bind_holder(presentation, **wanted)


def payload_of(jwt: str) -> dict[str, Any]:
    value = parse_json(b64u_decode(jwt.split(".")[1]), max_bytes=16384)
    assert isinstance(value, dict)
    return value


def checked(text: str, **terms: Any) -> None:
    sd_jwt = SdJwt.parse(text)
    wanted: dict[str, Any] = {"aud": AUD, "nonce": NONCE, "now": NOW} | terms
    check_holder(sd_jwt, payload_of(sd_jwt.jwt), **wanted)


def refused(text: str, **terms: Any) -> str:
    with pytest.raises(NotVerified) as caught:
        checked(text, **terms)
    assert caught.value.code == "holder_binding"
    return caught.value.message


def malformed(text: str) -> str:
    with pytest.raises(Malformed) as caught:
        checked(text)
    return caught.value.code


def rebound(header: dict[str, Any], changes: dict[str, JsonValue], drop: str = "") -> str:
    """Sign another header or payload with the holder's right key."""
    holder = signer_of("holder")
    unbound, _, key_binding = bound(holder).rpartition("~")
    payload = {name: value for name, value in (payload_of(key_binding) | changes).items() if name != drop}
    return f"{unbound}~{compact_jws(header, payload, holder).decode()}"


def test_the_presentation_of_the_rfc_is_bound_to_its_holder() -> None:
    """RFC 9901, 5.2: its disclosures are not all of our profile; its key binding is."""
    rfc = read_vectors("rfc9901.json")
    row = rfc["presentation"]
    texts = [rfc["disclosures"][name]["text"] for name in row["shown"]]
    disclosures = tuple(Disclosure(text=text, salt="", name="", value=None) for text in texts)
    sd_jwt = SdJwt(jwt=rfc["jwt"], disclosures=disclosures, key_binding=row["key_binding"])
    terms = {"aud": row["aud"], "nonce": row["nonce"], "now": row["iat"]}
    check_holder(sd_jwt, row["claims"], **terms)
    with pytest.raises(NotVerified):
        check_holder(SdJwt(jwt=rfc["jwt"], disclosures=(), key_binding=row["key_binding"]), row["claims"], **terms)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_the_holder_is_known_again(alg: str) -> None:
    text = bound(signer_of("holder", alg))
    assert text.startswith(present(attestation(signer_of("holder", alg)), ["certificateTypeName"]))
    checked(text)
    assert str(SdJwt.parse(text)) == text


def test_the_independent_reader_agrees() -> None:
    """Oracle: the sd-jwt package, which reads ES256 key binding only."""
    text = bound(signer_of("holder", "ES256"))
    key = JWK.from_json(json.dumps(confirmation_of(signer_of("county", "ES256").public_key)["jwk"]))
    claims = SDJWTVerifier(text, lambda _iss, _header: key, AUD, NONCE).get_verified_payload()
    assert claims["certificateTypeName"] == "营业执照"


def test_a_presentation_without_binding_is_refused_when_it_is_asked_for() -> None:
    refused(present(attestation(signer_of("holder")), []))


def test_binding_without_a_confirmed_key_is_refused() -> None:
    sd_jwt = SdJwt.parse(bound(signer_of("holder")))
    with pytest.raises(NotVerified) as caught:
        check_holder(sd_jwt, {"iss": "370214"}, aud=AUD, nonce=NONCE, now=NOW)
    assert caught.value.code == "holder_binding"


def test_another_holder_cannot_bind() -> None:
    thief = bound(signer_of("holder"), signer=signer_of("thief"))
    assert refused(thief) == "the holder's signature does not verify"


@pytest.mark.parametrize("terms", [{"aud": "https://other.example"}, {"nonce": "another"}, {"aud": ""}])
def test_a_presentation_for_another_verifier_or_nonce_is_refused(terms: dict[str, str]) -> None:
    refused(bound(signer_of("holder")), **terms)


@pytest.mark.parametrize("shift", [-MAX_AGE_S, 0, MAX_AGE_S])
def test_a_binding_of_the_last_five_minutes_is_taken(shift: int) -> None:
    checked(bound(signer_of("holder")), now=NOW + shift)


@pytest.mark.parametrize("shift", [-MAX_AGE_S - 1, MAX_AGE_S + 1])
def test_an_old_or_future_binding_is_refused(shift: int) -> None:
    refused(bound(signer_of("holder")), now=NOW + shift)


def test_no_disclosure_can_be_added_or_removed_after_binding() -> None:
    holder = signer_of("holder")
    text = bound(holder)
    jwt, disclosure, key_binding = text.split("~")
    hidden = present(attestation(holder), ["certificateHolderName"]).split("~")[1]
    assert refused(f"{jwt}~{key_binding}") == "the holder bound another choice of claims"
    assert refused(f"{jwt}~{disclosure}~{hidden}~{key_binding}") == "the holder bound another choice of claims"


def test_a_bound_presentation_is_not_bound_again_and_loses_its_binding_when_cut() -> None:
    holder = signer_of("holder")
    text = bound(holder)
    with pytest.raises(Malformed) as caught:
        bind_holder(text, aud=AUD, nonce=NONCE, iat=NOW, signer=holder)
    assert caught.value.code == "bad_disclosure_form"
    assert SdJwt.parse(present(text, ["certificateTypeName"])).key_binding is None


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "kb+jwt"},
        {"alg": "ES256", "typ": "kb+jwt"},
        {"alg": "Ed25519", "typ": "dc+sd-jwt"},
        {"alg": "Ed25519"},
    ],
)
def test_another_header_is_refused(header: dict[str, str]) -> None:
    assert malformed(rebound(header, {})) == "bad_header"


def test_a_header_that_brings_its_own_key_is_refused() -> None:
    header = {"alg": "Ed25519", "typ": "kb+jwt", "jwk": {"kty": "OKP"}}
    assert malformed(rebound(header, {})) == "unknown_member"


@pytest.mark.parametrize(
    ("changes", "drop", "code"),
    [
        ({"exp": 1}, "", "unknown_member"),
        ({}, "iat", "bad_payload"),
        ({"iat": float(NOW)}, "", "bad_number"),
        ({"iat": True}, "", "bad_number"),
    ],
)
def test_another_payload_is_refused(changes: dict[str, JsonValue], drop: str, code: str) -> None:
    assert malformed(rebound({"alg": "Ed25519", "typ": "kb+jwt"}, changes, drop)) == code


def test_a_list_of_audiences_is_refused() -> None:
    refused(rebound({"alg": "Ed25519", "typ": "kb+jwt"}, {"aud": [AUD]}))


@pytest.mark.parametrize("signature", [b"", b"\x00" * 63, b"\x00" * 65])
def test_a_signature_of_another_size_is_refused(signature: bytes) -> None:
    unbound, _, key_binding = bound(signer_of("holder")).rpartition("~")
    header, payload, _ = key_binding.split(".")
    text = f"{unbound}~{header}.{payload}.{b64u_encode(signature)}"
    with pytest.raises(Malformed):
        checked(text)


def test_a_malleated_binding_is_another_text_for_the_same_statement() -> None:
    """High s is refused in log entries only; a key binding is used once and stored nowhere."""
    unbound, _, key_binding = bound(signer_of("holder", "ES256")).rpartition("~")
    head, _, signature = key_binding.rpartition(".")
    raw = b64u_decode(signature)
    high = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    checked(f"{unbound}~{head}.{b64u_encode(high)}")


def test_an_oversized_payload_is_refused() -> None:
    holder = signer_of("holder")
    payload: dict[str, JsonValue] = {"iat": NOW, "aud": AUD, "nonce": "n" * 5000, "sd_hash": ""}
    signed = compact_jws({"alg": "Ed25519", "typ": "kb+jwt"}, payload, holder).decode()
    assert malformed(attestation(holder) + signed) == "too_large"
    assert len(canonical_json(payload)) > 4096

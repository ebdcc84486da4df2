from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from ledger.attestation import MAX_PRESENTATION_BYTES, SdJwt, check, issue, present
from ledger.confirmation import confirmation_of
from ledger.disclosures import Disclosure
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, parse_json
from ledger.entries import Seal, parse_entry
from ledger.errors import Malformed, NotVerified
from ledger.suites import verify
from tests.entropy import seeded, signer_of, vector_signer
from tests.json_values import claims

VCT: Final = "urn:tongban:license:11100000MB0143028R001"
LICENSE: Final[dict[str, JsonValue]] = {
    "certificateIdentifier": "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z",
    "certificateHolderName": "示例食品店",
    "certificateTypeName": "营业执照",
}


def seal(values: dict[str, JsonValue], label: str = "seal", **options: Any) -> str:
    signer = options.pop("signer", signer_of("county"))
    terms: dict[str, Any] = {"kid": "370214#1", "vct": VCT, "iss": "370214", "iat": 1780300860} | options
    return issue(values, **terms, signer=signer, random=seeded(label))


def payload_of(text: str) -> dict[str, Any]:
    value = parse_json(b64u_decode(text.split(".")[1]), max_bytes=16384)
    assert isinstance(value, dict)
    return value


def shown(text: str) -> dict[str, JsonValue]:
    return check(SdJwt.parse(text), payload_of(text))


def refused(text: str, payload: dict[str, Any] | None = None) -> str:
    with pytest.raises(NotVerified) as caught:
        check(SdJwt.parse(text), payload_of(text) if payload is None else payload)
    assert caught.value.code == "bad_disclosure"
    return caught.value.message


def malformed(text: str) -> str:
    with pytest.raises(Malformed) as caught:
        SdJwt.parse(text)
    return caught.value.code


def test_the_seal_of_the_complete_small_log_is_made_byte_for_byte() -> None:
    """Entry E1 of the reference log: salts, decoy, order of digests, payload, header, signature."""
    salts = iter(range(3))

    def random(size: int) -> bytes:
        if size == 32:
            return b"tongban test decoy 0"
        return sha256(f"tongban test salt {next(salts)}".encode()).digest()[:16]

    signer = vector_signer("county 370214#1")
    text = issue(
        LICENSE,
        kid="370214#1",
        vct=VCT,
        iss="370214",
        iat=1780300860,
        exp=1811836860,
        signer=signer,
        random=random,
    )
    jwt, *disclosures = text.split("~")
    assert len(jwt) == 574
    leaf = sha256(b"\x00" + jwt.encode()).hexdigest()
    assert leaf == "52de56dc02cf123fbd1990d8f3ad07a4b6e7d812649b1bed8448331c408a5030"
    assert disclosures[0].startswith("WyJjMEcwLWstMEhoRWpweERsSVh5dGtnIiwiY2VydGlmaWNhdGVJZGVudGlmaWVyIiwi")
    assert disclosures[2:] == [
        "WyI1a3pua013TjhuMGN4aUZuMVgxcjZnIiwiY2VydGlmaWNhdGVUeXBlTmFtZSIsIuiQpeS4muaJp-eFpyJd",
        "",
    ]
    assert payload_of(text)["_sd"] == [
        "0nSo_Er0PE8mVJ0ZJ0xHJNr-Imlerq16vVRPtY6O-Oc",
        "6Gu1xUSOrNxo7uvYEjkxi3ku0YdB_LKr05Vs0BBXFs4",
        "KEboRxYNGcVaJmu79TImvbEhI104C5NRKBC1M0eUzDY",
        "PUGxJYPDQCYGDIB2MLSmEPa6juE8WHzTOyaxL66d9o8",
    ]


def test_payload_members_stand_in_the_order_of_the_profile() -> None:
    holder = signer_of("holder").public_key
    text = seal(LICENSE, nbf=1780300870, exp=1780300871, cnf=holder)
    assert list(payload_of(text)) == ["iss", "vct", "iat", "nbf", "exp", "_sd_alg", "_sd", "cnf"]
    assert list(payload_of(seal(LICENSE))) == ["iss", "vct", "iat", "_sd_alg", "_sd"]
    assert payload_of(text)["cnf"] == confirmation_of(holder)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_what_is_issued_is_a_seal_entry_whose_signature_holds(alg: str) -> None:
    signer = signer_of("county", alg)
    text = seal(LICENSE, signer=signer, exp=1811836860, cnf=signer_of("holder", "ES256").public_key)
    entry = parse_entry(text.split("~")[0].encode())
    assert isinstance(entry, Seal)
    [signature] = entry.signatures
    assert (signature.kid, signature.alg) == ("370214#1", alg)
    verify(signer.public_key, signature.message, signature.signature)


@settings(max_examples=40)
@given(values=claims, data=st.data())
def test_the_holder_shows_the_claims_of_choice_and_no_others(values: dict[str, JsonValue], data: st.DataObject) -> None:
    text = seal(values)
    names = data.draw(st.sets(st.sampled_from(sorted(values))))
    presentation = present(text, names)
    given_terms = {"iss": "370214", "vct": VCT, "iat": 1780300860}
    assert shown(presentation) == given_terms | {name: values[name] for name in values if name in names}
    assert presentation.count("~") == len(names) + 1
    assert presentation.split("~")[0] == text.split("~")[0]


@settings(max_examples=40)
@given(values=claims)
def test_text_and_value_are_two_forms_of_one_attestation(values: dict[str, JsonValue]) -> None:
    text = seal(values)
    assert str(SdJwt.parse(text)) == text
    assert SdJwt.parse(text).unbound == text


@settings(max_examples=30)
@given(values=claims)
def test_the_independent_reader_agrees(values: dict[str, JsonValue]) -> None:
    """Oracle: the sd-jwt package verifies our presentation and reads the same claims."""
    signer = signer_of("county", "ES256")
    presentation = present(seal(values, signer=signer), list(values)[::2])
    key = JWK.from_json(json.dumps(confirmation_of(signer.public_key)["jwk"]))
    assert SDJWTVerifier(presentation, lambda _iss, _header: key).get_verified_payload() == shown(presentation)


@settings(max_examples=30)
@given(values=claims)
def test_attestations_of_the_independent_issuer_are_read(values: dict[str, JsonValue]) -> None:
    """Oracle: what the sd-jwt package issues; with decoys where no object is, since it puts some into each object."""
    key = JWK.generate(kty="EC", crv="P-256")
    user = {"iss": "https://issuer.example"} | {SDObj(name): value for name, value in values.items()}
    decoys = "{" not in json.dumps(list(values.values()))
    text = SDJWTIssuer(user, key, add_decoy_claims=decoys).sd_jwt_issuance
    assert shown(text) == {"iss": "https://issuer.example"} | values


def test_decoys_inside_a_value_are_not_of_this_profile() -> None:
    key = JWK.generate(kty="EC", crv="P-256")
    text = SDJWTIssuer({SDObj("address"): {"city": "青岛"}}, key, add_decoy_claims=True).sd_jwt_issuance
    assert malformed(text) == "bad_disclosure_form"


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 63, 64])
def test_decoys_fill_the_digests_to_a_multiple_of_four(count: int) -> None:
    text = seal({f"KZ_{number}": number for number in range(count)})
    digests = payload_of(text)["_sd"]
    assert len(digests) == -(-count // 4) * 4
    assert digests == sorted(set(digests))


@pytest.mark.parametrize(
    ("values", "options", "code"),
    [
        ({}, {}, "bad_payload"),
        ({f"KZ_{number}": 1 for number in range(65)}, {}, "bad_payload"),
        (LICENSE, {"iss": "320583"}, "bad_payload"),
        (LICENSE, {"exp": 1780300860}, "bad_payload"),
        (LICENSE, {"nbf": 1780300900, "exp": 1780300900}, "bad_payload"),
        ({"exp": 1}, {}, "bad_disclosure_form"),
        ({"_sd": []}, {}, "bad_disclosure_form"),
        ({f"KZ_{number}": "x" * 6000 for number in range(9)}, {}, "too_large"),
    ],
)
def test_what_breaks_the_profile_is_not_issued(
    values: dict[str, JsonValue], options: dict[str, Any], code: str
) -> None:
    with pytest.raises(Malformed) as caught:
        seal(values, **options)
    assert caught.value.code == code


def test_a_claim_that_the_attestation_lacks_cannot_be_presented() -> None:
    with pytest.raises(Malformed) as caught:
        present(seal(LICENSE), ["certificateTypeName", "certificateNumber"])
    assert caught.value.code == "bad_disclosure_form"
    assert caught.value.message == (
        "the attestation has no claim certificateNumber; it has "
        "certificateHolderName, certificateIdentifier, certificateTypeName"
    )


def test_a_disclosure_of_another_attestation_is_refused() -> None:
    ours, other = seal(LICENSE), seal(LICENSE, "another seal")
    jwt = ours.split("~")[0]
    refused("~".join([jwt, *other.split("~")[1:]]))


def test_a_disclosure_given_twice_is_refused() -> None:
    jwt, first, *_ = seal(LICENSE).split("~")
    refused(f"{jwt}~{first}~{first}~")


@settings(max_examples=40)
@given(place=st.integers(0, 10_000), char=st.sampled_from("Aa0_-"))
def test_a_changed_disclosure_is_refused(place: int, char: str) -> None:
    jwt, *disclosures = seal(LICENSE).split("~")
    whole = "~".join(disclosures)
    place %= len(whole)
    if whole[place] in {char, "~"}:
        return
    with pytest.raises((Malformed, NotVerified)):
        shown(f"{jwt}~{whole[:place]}{char}{whole[place + 1 :]}")


def test_the_name_of_a_hidden_claim_cannot_be_given_another_value() -> None:
    """The holder hides a claim and makes up a disclosure for its name: it has no digest."""
    made_up = Disclosure.make("certificateHolderName", "另一家店", seeded("made up"))
    refused(present(seal(LICENSE), ["certificateTypeName"]) + made_up.text + "~")


def test_two_digests_for_one_name_are_refused() -> None:
    """A dishonest county could sign two values for one name and let the holder choose."""
    one, two = (Disclosure.make("KZ_grade", grade, seeded(grade)) for grade in ("A", "B"))
    payload: dict[str, JsonValue] = {"_sd_alg": "sha-256", "_sd": [one.digest, two.digest]}
    assert check(SdJwt(jwt="a.b.c", disclosures=(one,)), payload) == {"KZ_grade": "A"}
    refused(f"a.b.c~{one.text}~{two.text}~", payload)


@pytest.mark.parametrize("name", ["exp", "nbf", "iss", "vct", "cnf", "status", "_sd"])
def test_a_signed_disclosure_cannot_stand_in_for_a_payload_member(name: str) -> None:
    """Even when the county signed its digest: `exp` that comes and goes as the holder likes."""
    text = b64u_encode(json.dumps(["salt", name, 1]).encode())
    assert malformed(f"a.b.c~{text}~") == "bad_disclosure_form"


def test_a_claim_that_shadows_a_payload_member_is_refused() -> None:
    grade = Disclosure.make("KZ_grade", "A", seeded("grade"))
    refused(f"a.b.c~{grade.text}~", {"_sd_alg": "sha-256", "_sd": [grade.digest], "KZ_grade": "B"})


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"_sd": []},
        {"_sd_alg": "sha-512", "_sd": []},
        {"_sd_alg": "sha-256"},
        {"_sd_alg": "sha-256", "_sd": "x"},
        {"_sd_alg": "sha-256", "_sd": [1]},
        {"_sd_alg": "sha-256", "_sd": ["x", "x"]},
    ],
)
def test_a_payload_without_sound_digests_is_refused(payload: dict[str, Any]) -> None:
    refused("a.b.c~", payload)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_disclosure_form"),
        ("a.b.c", "bad_disclosure_form"),
        ("~", "bad_disclosure_form"),
        ("a.b~", "bad_disclosure_form"),
        ("a.b.c.d~", "bad_disclosure_form"),
        ("a.b.c\n~", "bad_disclosure_form"),
        ("a.b.c~~", "bad_json"),
        (" a.b.c~", "bad_disclosure_form"),
        ("a.b.c~W10", "bad_disclosure_form"),
        ("a.b.c~x.y.z.w", "bad_disclosure_form"),
        ("a.b.c~x.y.z\n", "bad_disclosure_form"),
        ("a.b.c~" + "W10~" * 65, "too_large"),
        ("a.b.c~" + "~" * MAX_PRESENTATION_BYTES, "too_large"),
    ],
)
def test_a_text_of_another_form_is_refused(text: str, code: str) -> None:
    assert malformed(text) == code


@settings(max_examples=200)
@given(text=st.text(alphabet="ab.~W1 \n=", max_size=30))
def test_any_text_is_read_to_the_letter_or_refused(text: str) -> None:
    try:
        assert str(SdJwt.parse(text)) == text
    except Malformed:
        return

"""SM2 in the log: member entries, seals, status entries and receipts of a county whose keys are SM2."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.attestation import issue
from ledger.encoding import b64u_decode, b64u_encode, canonical_json
from ledger.entries import MEMBER_TYP, MemberChange, build_status, parse_entry
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.jws import compact_jws, sign_general
from ledger.members import KeyState, verify_signatures
from ledger.signers import Signer
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome, StepState
from ledger.verifier import verify
from tests.entropy import seeded, signer_of
from tests.logbook import Cosigner, LogBook
from tests.small_log import CLAIMS, ORIGIN, SHOWN, T0, VCT

COUNTY: Final = "330603"
GOVERN, SEAL, LOG, WITNESS = (
    signer_of("sm2 govern", "SM2"), signer_of("sm2 seal", "SM2"), signer_of("log"), signer_of("witness"),
)  # fmt: skip
COSIGNER: Final = Cosigner(f"{COUNTY}.example/auditor", WITNESS)
VKEY: Final = VerifierKey.of(COSIGNER.name, COSIGNATURE_ED25519, WITNESS).vkey()
POLICY: Final = Policy.parse(
    f"log {VerifierKey.of(ORIGIN, NOTE_ED25519, LOG).vkey()} https://{ORIGIN}\nwitness a {VKEY}\nquorum a\n".encode()
)


def _member() -> MemberRow:
    keys = (
        KeyAddition(kid=f"{COUNTY}#1", public_key=GOVERN.public_key, uses=("govern",), valid_from=T0),
        KeyAddition(kid=f"{COUNTY}#2", public_key=SEAL.public_key, uses=("seal",), valid_from=T0),
    )
    return MemberRow(county=COUNTY, keys=keys, cosigners={"auditor": VKEY})


PAYLOAD: Final = member_payload(iat=T0, origin=ORIGIN, k=1, members=[_member()])
GENESIS: Final = sign_general(MEMBER_TYP, PAYLOAD, [(f"{COUNTY}#1", GOVERN)])


def _sealed(signer: Signer = SEAL) -> str:
    return issue(CLAIMS, kid=f"{COUNTY}#2", vct=VCT, iss=COUNTY, iat=T0 + 60, signer=signer, random=seeded("salts"))


SD_JWT: Final = _sealed()
ENTRY: Final = SD_JWT.partition("~")[0].encode()


def _receipt(sd_jwt: str = SD_JWT, *, revoked: bool = False) -> bytes:
    book = LogBook(GENESIS, LOG)
    index = book.add(sd_jwt.partition("~")[0].encode())
    if revoked:
        leaf = leaf_hash(book.entries[index])
        book.add(
            build_status(
                of=index, leaf=leaf, to=Status.REVOKED, reason="04", iat=T0 + 70, kid=f"{COUNTY}#2", signer=SEAL
            )
        )
    book.close()
    return book.receipt(index, sd_jwt, book.checkpoint([(COSIGNER, T0 + 120)]), names=SHOWN)


def _state() -> KeyState:
    genesis = parse_entry(GENESIS)
    assert isinstance(genesis, MemberChange)
    return KeyState.genesis(genesis)


def test_genesis_is_signed_and_lists_its_keys_with_both_coordinates() -> None:
    (row,) = json.loads(b64u_decode(json.loads(GENESIS)["payload"]))["members"]
    for key, signer in zip(row["keys"], (GOVERN, SEAL), strict=True):
        assert (key["alg"], b64u_decode(key["x"]), b64u_decode(key["y"])) == (
            "SM2", signer.public_key.x, signer.public_key.y,
        )  # fmt: skip
    state = _state()
    assert state.key_for(f"{COUNTY}#2", index=1, use="seal") == SEAL.public_key
    line = next(line for line in state.text().decode().splitlines() if line.startswith(f"key {COUNTY}#2"))
    x, y = (b64u_encode(number or b"") for number in (SEAL.public_key.x, SEAL.public_key.y))
    assert line == f"key {COUNTY}#2 SM2 {x} {y} seal {T0} 0 - -"


def test_a_receipt_of_an_sm2_seal_is_valid_and_its_revocation_counts() -> None:
    verdict = verify(_receipt(), policy=POLICY, genesis=GENESIS, now=T0 + 150, max_age=60)
    assert verdict.outcome is Outcome.VALID
    assert {name: verdict.claims[name] for name in SHOWN} == {name: CLAIMS[name] for name in SHOWN}
    assert verify(_receipt(revoked=True), policy=POLICY, genesis=GENESIS, now=T0 + 150, max_age=60).outcome is (
        Outcome.REVOKED
    )


@pytest.mark.parametrize("label", ["another", "sm2 govern"])
def test_a_seal_by_another_sm2_key_is_forged_at_step_8(label: str) -> None:
    forged = _receipt(_sealed(signer_of(label, "SM2")))
    verdict = verify(forged, policy=POLICY, genesis=GENESIS, now=T0 + 150, max_age=60)
    assert (verdict.outcome, verdict.code) == (Outcome.FORGED, "bad_signature")
    assert [step.number for step in verdict.steps if step.state is StepState.FAILED] == [8]


def _with_header(**changes: Any) -> bytes:
    header = {"alg": "SM2", "typ": "dc+sd-jwt", "kid": f"{COUNTY}#2"} | changes
    _, payload, signature = ENTRY.split(b".")
    return b".".join((b64u_encode(canonical_json(header)).encode(), payload, signature))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (_with_header(alg="Ed25519"), "bad_signature"),
        (_with_header(kid=f"{COUNTY}#1"), "key_use"),
        (_with_header(kid=f"{COUNTY}#3"), "unknown_kid"),
        (_with_header(alg="sm2"), "unknown_alg"),
        (_with_header(alg="SM2", crit=[]), "bad_header"),
        (_with_header(id="ALICE123@YAHOO.COM"), "bad_header"),
        (_with_header(e=b64u_encode(bytes(32))), "bad_header"),
        (ENTRY[:-1], "bad_base64"),
        (ENTRY + b"AA", "bad_base64"),
        (ENTRY.rpartition(b".")[0] + b"." + b64u_encode(bytes(64)).encode(), "bad_signature"),
    ],
)
def test_an_entry_that_is_not_quite_signed_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises((Malformed, NotVerified)) as caught:
        verify_signatures(parse_entry(raw), _state(), 1)
    assert caught.value.code == code


def test_an_sm2_signature_is_none_of_es256() -> None:
    """Of half of all SM2 signatures s is above half the order, so that the form is refused before the key is."""
    with pytest.raises((Malformed, NotVerified)) as caught:
        verify_signatures(parse_entry(_with_header(alg="ES256")), _state(), 1)
    assert caught.value.code in {"bad_signature", "es256_high_s"}


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 8 * len(ENTRY) - 1))
def test_no_changed_bit_of_an_entry_is_accepted(place: int) -> None:
    changed = bytearray(ENTRY)
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(TongbanError) as caught:
        verify_signatures(parse_entry(bytes(changed)), _state(), 1)
    assert isinstance(caught.value, Malformed | NotVerified)


def test_a_statement_signed_again_is_another_leaf_of_the_same_statement() -> None:
    """GmSSL draws a new nonce each time; the log takes a statement once, whatever its signature."""
    header = {"alg": "SM2", "typ": "dc+sd-jwt", "kid": f"{COUNTY}#2"}
    payload = parse_entry(ENTRY).jws.payload
    again = parse_entry(compact_jws(header, payload, SEAL))
    verify_signatures(again, _state(), 1)
    assert again.statement == parse_entry(ENTRY).statement
    assert again.leaf != leaf_hash(ENTRY)

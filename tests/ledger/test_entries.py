from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import b64u_encode
from ledger.entries import (
    MEMBER_TYP,
    REASONS,
    RULE_TYP,
    SEAL_TYP,
    STATUS_TYP,
    Head,
    MemberChange,
    RuleChange,
    Seal,
    StatusChange,
    build_status,
    parse_entry,
    parse_seal,
)
from ledger.errors import Malformed, NotVerified
from ledger.governance import MemberRow, member_payload, rule_payload
from ledger.heads import EMPTY_JOURNAL_ROOT, HEAD_TYP, build_head, verify_head
from ledger.jws import compact_jws, payload_part, sign_general
from ledger.status import Status
from tests.small_log import COUNTIES, GENESIS, LOG, ORIGIN, SEALED, T0, VCT, small_log

KEY: Final = COUNTIES["370214"]
LEAF: Final = bytes(range(32))
ENTRIES: Final = small_log()[0].entries
DIGESTS: Final = sorted(b64u_encode(bytes([number]) * 32) for number in range(4))
SEAL: Final[dict[str, Any]] = {"iss": "370214", "vct": VCT, "iat": T0, "_sd_alg": "sha-256", "_sd": DIGESTS}
STATUS: Final[dict[str, Any]] = {
    "iss": "370214", "of": 1, "leaf": b64u_encode(LEAF), "to": 1, "reason": "04", "iat": T0,
}  # fmt: skip
HEAD: Final[dict[str, Any]] = {
    "n": 2, "root": b64u_encode(LEAF), "keys": b64u_encode(LEAF), "journal": {"n": 0, "root": b64u_encode(LEAF)},
}  # fmt: skip


def signed(typ: str, payload: dict[str, Any], kid: str = "370214#1") -> bytes:
    return compact_jws({"alg": "Ed25519", "typ": typ, "kid": kid}, payload, KEY)


def code_of(raw: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        parse_entry(raw)
    return caught.value.code


def without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def test_the_five_types_are_told_by_typ_and_form() -> None:
    rule = sign_general(RULE_TYP, rule_payload(iat=T0, prev=LEAF, rules={"deposit_s": 60}), [("370214#1", KEY)])
    entries = [parse_entry(raw) for raw in (*ENTRIES[:4], rule)]
    assert [type(entry) for entry in entries] == [MemberChange, Seal, Head, StatusChange, RuleChange]
    assert [entry.typ for entry in entries] == [MEMBER_TYP, SEAL_TYP, HEAD_TYP, STATUS_TYP, RULE_TYP]


def test_a_seal_is_read_with_its_defaults() -> None:
    seal = parse_seal(signed(SEAL_TYP, SEAL))
    assert (seal.iss, seal.vct, seal.iat, seal.not_before, seal.expires) == ("370214", VCT, T0, T0, None)
    assert (seal.digests, seal.holder_key) == (tuple(DIGESTS), None)


def test_a_seal_is_read_with_all_its_members() -> None:
    cnf = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(KEY.public_key.x)}}
    seal = parse_seal(signed(SEAL_TYP, {**SEAL, "nbf": T0 + 5, "exp": T0 + 6, "cnf": cnf}))
    assert (seal.not_before, seal.expires, seal.holder_key) == (T0 + 5, T0 + 6, KEY.public_key)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": "37021"}, "bad_payload"),
        ({"iss": "3702140"}, "bad_payload"),
        ({"iss": "３70214"}, "bad_payload"),
        ({"iss": "320583"}, "bad_header"),
        ({"vct": "urn:tongban:license:1"}, "bad_payload"),
        ({"iat": -1}, "bad_number"),
        ({"iat": True}, "bad_number"),
        ({"nbf": "1"}, "bad_number"),
        ({"exp": T0}, "bad_number"),
        ({"nbf": T0 + 9, "exp": T0 + 9}, "bad_number"),
        ({"_sd_alg": "sha-512"}, "bad_payload"),
        ({"_sd": []}, "bad_payload"),
        ({"_sd": DIGESTS[:3]}, "bad_payload"),
        ({"_sd": DIGESTS * 17}, "bad_payload"),
        ({"_sd": [*DIGESTS[:3], DIGESTS[3][:-1] + "B"]}, "bad_payload"),
        ({"_sd": [*DIGESTS[:3], 1]}, "bad_payload"),
        ({"_sd": {}}, "bad_payload"),
        ({"sub": "x"}, "unknown_member"),
        ({"cnf": {}}, "bad_payload"),
    ],
)
def test_a_seal_outside_the_profile_is_refused(change: dict[str, Any], code: str) -> None:
    assert code_of(signed(SEAL_TYP, {**SEAL, **change})) == code


@pytest.mark.parametrize(
    ("typ", "payload"), [(SEAL_TYP, SEAL), (STATUS_TYP, STATUS), (HEAD_TYP, HEAD)], ids=["seal", "status", "head"]
)
def test_every_member_is_needed_and_no_other_taken(typ: str, payload: dict[str, Any]) -> None:
    parse_entry(signed(typ, payload))
    assert {code_of(signed(typ, without(payload, name))) for name in payload} == {"bad_payload"}
    assert code_of(signed(typ, {**payload, "extra": 1})) == "unknown_member"


@pytest.mark.parametrize("kid", ["370214", "370214#0", "370214#01", "370214#1234567", "37021#1", "370214#1 "])
def test_a_kid_is_county_and_number(kid: str) -> None:
    assert code_of(signed(SEAL_TYP, SEAL, kid)) == "bad_header"


@pytest.mark.parametrize(
    ("typ", "raw"),
    [
        ("dc+sd-jwt", lambda typ: sign_general(typ, payload_part(SEAL), [("370214#1", KEY)])),
        ("lic-member+jwt", lambda typ: signed(typ, {})),
        ("lic-other+jwt", lambda typ: signed(typ, SEAL)),
    ],
)
def test_a_type_has_one_form(typ: str, raw: Any) -> None:
    assert code_of(raw(typ)) == "unknown_typ"


def test_a_seal_is_asked_for_and_nothing_else_taken() -> None:
    assert parse_seal(SEALED.partition("~")[0].encode()).iss == "370214"
    with pytest.raises(Malformed, match="unknown_typ"):
        parse_seal(GENESIS)


def status(**changes: Any) -> bytes:
    given = {"of": 1, "leaf": LEAF, "to": Status.REVOKED, "reason": "04", "iat": T0, "kid": "370214#1", **changes}
    return build_status(signer=KEY, **given)


@pytest.mark.parametrize(("to", "reason"), [(to, reason) for to in Status for reason in sorted(REASONS[to])])
def test_a_status_entry_is_read_as_it_was_built(to: Status, reason: str) -> None:
    by = 9 if to is Status.SUPERSEDED else None
    entry = parse_entry(status(to=to, reason=reason, by=by))
    assert isinstance(entry, StatusChange)
    assert (entry.iss, entry.of, entry.target, entry.to, entry.by, entry.reason, entry.iat) == (
        "370214", 1, LEAF, to, by, reason, T0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": 4}, "bad_number"),
        ({"to": -1}, "bad_number"),
        ({"to": 1.0}, "bad_number"),
        ({"of": -1}, "bad_number"),
        ({"of": 2**53}, "bad_number"),
        ({"reason": "01"}, "bad_payload"),
        ({"reason": "4"}, "bad_payload"),
        ({"reason": 4}, "bad_payload"),
        ({"to": 3, "reason": "01"}, "bad_payload"),
        ({"by": 9}, "bad_payload"),
        ({"leaf": "AA"}, "bad_base64"),
        ({"leaf": 1}, "bad_payload"),
        ({"iss": "320583"}, "bad_header"),
    ],
)
def test_a_status_entry_of_another_form_is_refused(change: dict[str, Any], code: str) -> None:
    assert code_of(signed(STATUS_TYP, {**STATUS, **change})) == code


def test_a_status_entry_that_would_be_refused_is_not_built() -> None:
    with pytest.raises(Malformed, match="bad_payload"):
        status(to=Status.SUSPENDED, reason="04")


def head(**changes: Any) -> bytes:
    given = {"n": 2, "root": LEAF, "keys": LEAF[::-1], "journal_n": 7, "journal_root": EMPTY_JOURNAL_ROOT}
    return build_head(**{**given, "origin": ORIGIN, "signer": LOG, **changes})


def test_a_head_is_read_as_it_was_built() -> None:
    found = verify_head(head(), origin=ORIGIN, key=LOG.public_key, size=3)
    assert (found.n, found.root, found.keys) == (2, LEAF, LEAF[::-1])
    assert (found.journal_n, found.journal_root) == (7, EMPTY_JOURNAL_ROOT)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"origin": "other.example/ledger"}, "bad_head"),
        ({"size": 4}, "bad_head"),
        ({"size": 2}, "bad_head"),
        ({"key": KEY.public_key}, "bad_signature"),
    ],
)
def test_a_head_of_another_log_or_size_is_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(NotVerified, match=code):
        verify_head(head(), **{"origin": ORIGIN, "key": LOG.public_key, "size": 3, **given})


@pytest.mark.parametrize("change", [{"n": 0}, {"n": "2"}, {"journal": {"n": -1, "root": b64u_encode(LEAF)}}])
def test_a_head_counts_from_one(change: dict[str, Any]) -> None:
    assert code_of(signed(HEAD_TYP, {**HEAD, **change})) == "bad_number"


@given(place=st.integers(0, 600), value=st.integers(0, 255), which=st.integers(0, 4))
@settings(max_examples=300)
def test_a_damaged_entry_is_refused_or_another_statement(place: int, value: int, which: int) -> None:
    raw = ENTRIES[which]
    place %= len(raw)
    damaged = raw[:place] + bytes([value]) + raw[place + 1 :]
    try:
        entry = parse_entry(damaged)
    except Malformed:
        return
    assert entry.raw == damaged
    assert (entry.leaf == parse_entry(raw).leaf) == (damaged == raw)


def test_a_payload_of_members_without_origin_or_prev_is_no_entry() -> None:
    payload = member_payload(iat=T0, k=1, members=[MemberRow(county="370214")])
    assert code_of(sign_general(MEMBER_TYP, payload, [("370214#1", KEY)])) == "bad_payload"

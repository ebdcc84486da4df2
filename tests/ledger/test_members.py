"""Genesis, k of n, rotation, compromise: which key is good for which log index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from ledger.encoding import b64u_encode
from ledger.entries import MEMBER_TYP, RULE_TYP, MemberChange, RuleChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.governance import RULES, KeyAddition, KeyRevocation, MemberRow, member_payload, rule_payload
from ledger.jws import payload_part, sign_general
from ledger.members import KeyState, verify_signatures
from ledger.signers import SoftwareSigner
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey
from tests.entropy import signer_of
from tests.small_log import ORIGIN, T0, issue_at, revocation, small_log

GOVERN: Final = {county: signer_of(f"{county}#1") for county in ("120118", "320583", "370214")}
SEAL: Final = {county: signer_of(f"{county}#2", "ES256") for county in GOVERN}


def key(kid: str, signer: SoftwareSigner, *uses: str, valid_from: int = T0) -> KeyAddition:
    return KeyAddition(kid=kid, public_key=signer.public_key, uses=uses, valid_from=valid_from)


def vkey(name: str, kind: int = COSIGNATURE_ED25519) -> str:
    return VerifierKey.of(name, kind, signer_of(name)).vkey()


def founders() -> list[MemberRow]:
    return [
        MemberRow(
            county=county,
            keys=(key(f"{county}#1", GOVERN[county], "govern"), key(f"{county}#2", SEAL[county], "seal")),
            cosigners={"witness": vkey(f"{county}.example/witness")},
        )
        for county in GOVERN
    ]


def change(payload: str, signers: Sequence[str] = tuple(GOVERN), typ: str = MEMBER_TYP, **keys: SoftwareSigner) -> Any:
    """Read the entry that the counties signed, each with its #1 unless `keys` says otherwise."""
    signed = [(f"{county}#1", keys.get(f"c{county}", GOVERN[county])) for county in signers]
    return parse_entry(sign_general(typ, payload, signed))


def genesis(
    members: Sequence[MemberRow] | None = None, k: int = 2, signers: Sequence[str] = tuple(GOVERN)
) -> MemberChange:
    rows = founders() if members is None else members
    entry: MemberChange = change(member_payload(iat=T0, origin=ORIGIN, k=k, members=rows), signers)
    return entry


STATE: Final = KeyState.genesis(genesis())


def member(
    state: KeyState, *rows: MemberRow, k: int = 2, signers: Sequence[str] = ("320583", "370214")
) -> MemberChange:
    entry: MemberChange = change(member_payload(iat=T0, k=k, members=rows, prev=state.digest()), signers)
    return entry


def rule(state: KeyState, **terms: Any) -> RuleChange:
    entry: RuleChange = change(rule_payload(iat=T0, prev=state.digest(), **terms), ("320583", "370214"), RULE_TYP)
    return entry


def refusal(kind: type[TongbanError], call: Any, *args: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*args)
    return caught.value.code


def test_genesis_lists_keys_witnesses_and_rules() -> None:
    lines = STATE.text().decode().splitlines()
    assert lines[:4] == [
        "tongban-keys/v1", f"origin {ORIGIN}", f"genesis {b64u_encode(STATE.genesis_leaf)}", "k 2",
    ]  # fmt: skip
    assert lines[4:] == sorted(lines[4:])
    assert sum(line.startswith("key ") for line in lines) == 6
    assert sum(line.startswith("witness ") for line in lines) == 3
    assert [line for line in lines if line.startswith("rule ")] == [f"rule {name} {RULES[name]}" for name in RULES]
    assert STATE.counties == ("120118", "320583", "370214")


def test_an_es256_key_line_has_both_coordinates() -> None:
    public = SEAL["370214"].public_key
    x, y = b64u_encode(public.x), b64u_encode(public.y or b"")
    assert f"key 370214#2 ES256 {x} {y} seal {T0} 0 - -\n".encode() in STATE.text()


@pytest.mark.parametrize(
    ("members", "k", "signers", "kind", "code"),
    [
        (None, 2, ("320583", "370214"), NotVerified, "not_enough_signers"),
        (founders()[:2], 2, ("120118", "320583", "370214"), NotVerified, "unknown_kid"),
        (None, 4, tuple(GOVERN), Conflict, "wrong_target"),
        ([MemberRow(county="370214")], 1, ("370214",), Conflict, "wrong_target"),
        ([MemberRow(county="370214", keys=(key("370214#1", GOVERN["370214"], "seal"),))], 1, ("370214",), Conflict,
         "wrong_target"),
        ([founders()[2], MemberRow(county="120118", keys=(key("120118#1", GOVERN["120118"], "seal"),))], 1,
         ("120118", "370214"), NotVerified, "key_use"),
        ([founders()[0], MemberRow(county="370214", keys=founders()[2].keys, cosigners={"auditor": None})], 2,
         ("120118", "370214"), Malformed, "bad_payload"),
        ([MemberRow(county="370214", keys=founders()[2].keys, revoke=(KeyRevocation(kid="370214#2"),))], 1,
         ("370214",), Malformed, "bad_payload"),
    ],
    ids=["one silent", "stranger signs", "k too great", "no keys", "no govern key", "govern missing", "removal", "revocation"],
)  # fmt: skip
def test_a_genesis_that_is_none_is_refused(
    members: list[MemberRow] | None, k: int, signers: tuple[str, ...], kind: type[TongbanError], code: str
) -> None:
    assert refusal(kind, KeyState.genesis, genesis(members, k, signers)) == code


def test_a_genesis_signed_by_another_key_is_refused() -> None:
    payload = member_payload(iat=T0, origin=ORIGIN, k=2, members=founders())
    forged = change(payload, c370214=signer_of("stranger"))
    assert refusal(NotVerified, KeyState.genesis, forged) == "bad_signature"


def test_a_later_change_is_no_genesis() -> None:
    assert refusal(Malformed, KeyState.genesis, member(STATE)) == "bad_payload"


def test_one_public_key_under_two_kids_is_refused() -> None:
    same = [*founders()[:2], MemberRow(county="370214", keys=(key("370214#1", GOVERN["120118"], "govern"),))]
    assert refusal(Conflict, KeyState.genesis, genesis(same)) == "kid_used"


def test_one_cosigner_key_for_two_counties_is_refused() -> None:
    state = STATE.witnesses["120118"]
    assert (
        refusal(Conflict, STATE.apply, member(STATE, MemberRow(county="370214", cosigners={"auditor": state})), 5)
        == "kid_used"
    )


def test_k_members_sign_a_change() -> None:
    entry = member(STATE, MemberRow(county="370214", cosigners={"witness": None}))
    verify_signatures(entry, STATE, 5)
    after = STATE.apply(entry, 5)
    assert set(after.witnesses) == {"120118", "320583"}


def test_fewer_than_k_members_change_nothing() -> None:
    entry = member(STATE, MemberRow(county="370214", cosigners={"witness": None}), signers=("370214",))
    assert refusal(NotVerified, verify_signatures, entry, STATE, 5) == "not_enough_signers"


@pytest.mark.parametrize(("k", "code"), [(0, "bad_number"), (64, None), (65, "bad_number")])
def test_no_more_members_must_sign_than_one_entry_has_room_for(k: int, code: str | None) -> None:
    """Of 65 members who must all sign, none could ever change anything again."""
    payload = member_payload(iat=T0, k=k, members=[], prev=STATE.digest())
    raw = sign_general(MEMBER_TYP, payload, [("370214#1", GOVERN["370214"])])
    if code is None:
        assert parse_entry(raw).signatures
    else:
        assert refusal(Malformed, parse_entry, raw) == code


def test_members_sign_changes_with_govern_keys_only() -> None:
    payload = member_payload(iat=T0, k=2, members=[], prev=STATE.digest())
    entry = parse_entry(sign_general(MEMBER_TYP, payload, [(f"{county}#2", SEAL[county]) for county in SEAL]))
    assert refusal(NotVerified, verify_signatures, entry, STATE, 5) == "key_use"


def test_a_change_fits_one_state_only() -> None:
    entry = member(STATE, MemberRow(county="370214", cosigners={"witness": None}))
    after = STATE.apply(entry, 5)
    assert refusal(Conflict, after.apply, entry, 6) == "stale_prev"


@pytest.mark.parametrize(
    ("kid", "signer"), [("370214#2", signer_of("new")), ("370214#3", SEAL["120118"])], ids=["kid", "public key"]
)
def test_what_was_ever_listed_is_not_listed_again(kid: str, signer: SoftwareSigner) -> None:
    revoked = STATE.apply(member(STATE, MemberRow(county="120118", revoke=(KeyRevocation(kid="120118#2"),))), 5)
    entry = member(revoked, MemberRow(county="370214", keys=(key(kid, signer, "seal"),)))
    assert refusal(Conflict, revoked.apply, entry, 6) == "kid_used"


def rotated() -> KeyState:
    """At index 10 the county replaces #2 by #3."""
    row = MemberRow(
        county="370214", keys=(key("370214#3", signer_of("new"), "seal"),), revoke=(KeyRevocation(kid="370214#2"),)
    )
    return STATE.apply(member(STATE, row), 10)


@pytest.mark.parametrize(
    ("kid", "index", "good"),
    [("370214#2", 1, True), ("370214#2", 9, True), ("370214#2", 10, False), ("370214#2", 11, False),
     ("370214#3", 9, False), ("370214#3", 10, False), ("370214#3", 11, True)],
)  # fmt: skip
def test_the_newest_state_answers_for_every_index(kid: str, index: int, good: bool) -> None:
    state = rotated()
    if good:
        assert state.key_for(kid, index=index, use="seal") == state.keys[kid].public_key
        return
    with pytest.raises(NotVerified, match="key_not_active"):
        state.key_for(kid, index=index, use="seal")


def test_genesis_keys_are_good_for_the_genesis_itself() -> None:
    assert STATE.key_for("370214#1", index=0, use="govern") == GOVERN["370214"].public_key


@pytest.mark.parametrize(
    ("kid", "use", "code"),
    [("370214#9", "seal", "unknown_kid"), ("370214#1", "seal", "key_use"), ("370214#2", "client", "key_use")],
)
def test_a_key_does_nothing_that_it_is_not_listed_for(kid: str, use: str, code: str) -> None:
    with pytest.raises(NotVerified, match=code):
        STATE.key_for(kid, index=5, use=use)


def compromised(void_from: int, state: KeyState = STATE, index: int = 10) -> KeyState:
    row = MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#2", void_from=void_from),))
    return state.apply(member(state, row), index)


def test_seals_before_a_compromise_stand_and_later_ones_fall() -> None:
    state = compromised(4)
    assert state.key_for("370214#2", index=3, use="seal") == SEAL["370214"].public_key
    with pytest.raises(NotVerified, match="void from index 4"):
        state.key_for("370214#2", index=4, use="seal")
    assert [state.listed_key("370214#2").is_void(index) for index in (3, 4, 9)] == [False, True, True]


def test_a_compromise_found_after_the_revocation_is_entered_still() -> None:
    plain = rotated()
    assert plain.text().count(b" seal 1780300800 0 10 -\n") == 1
    later = compromised(4, plain, 20)
    assert (later.keys["370214#2"].revoked, later.keys["370214#2"].void_from) == (10, 4)
    assert compromised(2, later, 30).keys["370214#2"].void_from == 2


@pytest.mark.parametrize("revocation", [KeyRevocation(kid="370214#9"), KeyRevocation(kid="370214#2", void_from=11)])
def test_a_key_that_is_not_there_or_void_in_the_future_is_not_revoked(revocation: KeyRevocation) -> None:
    entry = member(STATE, MemberRow(county="370214", revoke=(revocation,)))
    assert refusal(Conflict, STATE.apply, entry, 10) == "wrong_target"


@pytest.mark.parametrize("void_from", [None, 5, 4])
def test_a_revoked_key_is_not_revoked_later_or_again(void_from: int | None) -> None:
    state = compromised(4)
    entry = member(state, MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#2", void_from=void_from),)))
    assert refusal(Conflict, state.apply, entry, 20) == "wrong_target"


def test_a_member_that_leaves_counts_no_more() -> None:
    row = MemberRow(county="120118", revoke=(KeyRevocation(kid="120118#1"), KeyRevocation(kid="120118#2")))
    state = STATE.apply(member(STATE, row), 10)
    assert state.counties == ("320583", "370214")
    assert refusal(Conflict, state.apply, member(state, k=3), 11) == "wrong_target"


def test_no_change_leaves_fewer_members_than_must_sign() -> None:
    rows = [MemberRow(county=county, revoke=(KeyRevocation(kid=f"{county}#1"),)) for county in ("120118", "320583")]
    assert refusal(Conflict, STATE.apply, member(STATE, *rows), 10) == "wrong_target"


def test_rules_documents_and_supervisors_enter_the_text() -> None:
    entry = rule(STATE, rules={"deposit_s": 60}, documents={"policy": bytes(32)}, supervisors={"370214": ["370200"]})
    verify_signatures(entry, STATE, 5)
    state = STATE.apply(entry, 5)
    lines = set(state.text().decode().splitlines()) - set(STATE.text().decode().splitlines())
    assert lines == {"rule deposit_s 60", f"document policy {'A' * 43}", "supervisor 370214 370200"}
    assert (state.rule("deposit_s"), state.rule("iat_back_s")) == (60, 86_400)
    assert [state.may_change(county, "370214") for county in ("370214", "370200", "320583")] == [True, True, False]


def test_a_list_of_supervisors_replaces_the_list_before() -> None:
    first = STATE.apply(rule(STATE, supervisors={"370214": ["370200", "370000"], "320583": ["320500"]}), 5)
    second = first.apply(rule(first, supervisors={"370214": []}), 6)
    assert dict(second.supervisors) == {"320583": ("320500",)}


def test_a_seal_by_a_key_of_another_suite_than_listed_is_refused() -> None:
    book, _ = small_log()
    state = book.state
    entry = parse_entry(issue_at(T0 + 60).partition("~")[0].encode())
    other = replace(state, keys={**state.keys, "370214#1": replace(STATE.keys["370214#2"], kid="370214#1")})
    assert refusal(NotVerified, verify_signatures, entry, other, 1) == "bad_signature"
    verify_signatures(parse_entry(revocation(book)), state, 3)


def test_a_head_is_signed_by_no_member() -> None:
    book, _ = small_log()
    assert refusal(NotVerified, verify_signatures, parse_entry(book.entries[2]), book.state, 2) == "bad_head"


BAD_ROWS: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("county", {"county": "37021"}, "bad_payload"),
    ("foreign kid", {"county": "320583", "keys": [founders()[2].keys[0].to_json()]}, "bad_payload"),
    ("unsorted keys", {"county": "370214", "keys": [row.to_json() for row in founders()[2].keys[::-1]]}, "bad_payload"),
    ("no use", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "uses": []}]}, "bad_payload"),
    ("unsorted uses", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "uses": ["seal", "govern"]}]},
     "bad_payload"),
    ("unknown use", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "uses": ["all"]}]}, "bad_payload"),
    ("number as use", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "uses": ["seal", 1]}]}, "bad_payload"),
    ("unknown suite", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "alg": "SM9"}]}, "unknown_alg"),
    ("suite as number", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "alg": 1}]}, "unknown_alg"),
    ("small order", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "x": "A" * 43}]}, "weak_key"),
    ("y too much", {"county": "370214", "keys": [{**founders()[2].keys[0].to_json(), "y": "A" * 43}]}, "weak_key"),
    ("revoke of another", {"county": "320583", "revoke": [{"kid": "370214#1"}]}, "bad_payload"),
    ("negative index", {"county": "370214", "revoke": [{"kid": "370214#1", "void_from": -1}]}, "bad_number"),
    ("note key as witness", {"county": "370214", "witness": vkey("x", NOTE_ED25519)}, "bad_vkey"),
    ("vkey as number", {"county": "370214", "witness": 1}, "bad_payload"),
    ("unknown member", {"county": "370214", "name": "城阳区"}, "unknown_member"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "code"), [(row, code) for _, row, code in BAD_ROWS], ids=[name for name, _, _ in BAD_ROWS]
)
def test_a_row_of_another_form_is_refused(row: dict[str, Any], code: str) -> None:
    payload = payload_part({"v": 1, "iat": T0, "prev": "A" * 43, "k": 1, "members": [row]})
    assert refusal(Malformed, change, payload) == code


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({}, "bad_payload"),
        ({"max_s": 1}, "unknown_member"),
        ({"deposit_s": 0}, "bad_number"),
        ({"deposit_s": 1.5}, "bad_number"),
        ({"documents": {}}, "bad_payload"),
        ({"documents": {"notes": "A" * 43}}, "bad_payload"),
        ({"documents": {"policy": "AA"}}, "bad_base64"),
        ({"documents": {"policy": 1}}, "bad_payload"),
        ({"supervisors": {"370214": "370200"}}, "bad_payload"),
        ({"supervisors": {"370214": ["x"]}}, "bad_payload"),
        ({"supervisors": {"370214": [370200]}}, "bad_payload"),
        ({"supervisors": {"370214": ["370200", "370000"]}}, "bad_payload"),
        ({"supervisors": {"3702": ["370200"]}}, "bad_payload"),
    ],
)
def test_a_rule_of_another_form_is_refused(terms: dict[str, Any], code: str) -> None:
    payload = payload_part({"v": 1, "iat": T0, "prev": "A" * 43, "set": terms})
    with pytest.raises(Malformed) as caught:
        change(payload, typ=RULE_TYP)
    assert caught.value.code == code


@pytest.mark.parametrize("version", [0, 2, "1", True])
def test_another_version_is_refused(version: Any) -> None:
    for typ, rest in ((MEMBER_TYP, {"k": 1, "members": []}), (RULE_TYP, {"set": {"deposit_s": 1}})):
        payload = payload_part({"v": version, "iat": T0, "prev": "A" * 43, **rest})
        with pytest.raises(Malformed, match="bad_number"):
            change(payload, typ=typ)

"""The 14 steps over bypass cases, damaged receipts and random bytes: a verdict for everything, VALID for one thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger.verifier as verifier_module
from ledger.attestation import issue
from ledger.encoding import canonical_json
from ledger.entries import MEMBER_TYP, RULE_TYP
from ledger.errors import Malformed, NotVerified
from ledger.governance import KeyAddition, MemberRow, member_payload, rule_payload
from ledger.holder_binding import bind_holder
from ledger.jws import sign_general
from ledger.sync import Synced, check_sync
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from ledger.verdict import STEPS, Outcome, StepState, Verdict
from ledger.verifier import HolderChallenge, Verifier, verify
from tests.cases.case import later_receipt, receipt
from tests.cases.generate import FOLDER, all_cases
from tests.cases.presentations import CHALLENGE
from tests.cases.seals import member_entry, receipt_of
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.small_log import (
    AUDITORS,
    CLAIMS,
    COUNTIES,
    GENESIS,
    LOG,
    POLICY,
    SEALED,
    SHOWN,
    T0,
    VCT,
    small_log,
    vector_random,
)

CASES: Final = sorted(path.parent for path in FOLDER.glob("*/receipt.lic-receipt"))
NOW: Final = T0 + 150
VERIFIER: Final = Verifier(Policy.parse(POLICY), GENESIS)


def verdict_of(data: bytes, *, now: int = NOW, max_age: int = 60, **given: Any) -> Verdict:
    return VERIFIER.verify(data, now=now, max_age=max_age, **given)


def check_shape(verdict: Verdict) -> None:
    """A verdict tells all 14 steps in order, and nothing that was not proven."""
    states = [step.state for step in verdict.steps]
    assert [step.number for step in verdict.steps] == list(range(1, 15))
    assert tuple(step.name for step in verdict.steps) == STEPS
    assert (verdict.outcome is Outcome.VALID) == (states == [StepState.PASSED] * 14)
    if StepState.NOT_REACHED in states:
        stop = states.index(StepState.FAILED)
        assert states[:stop] == [StepState.PASSED] * stop
        assert states[stop + 1 :] == [StepState.NOT_REACHED] * (13 - stop)
        assert verdict.claims == {}
    canonical_json(verdict.to_json())


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_a_bypass_is_stopped_at_its_step(folder: Path) -> None:
    case = json.loads((folder / "case.json").read_text("utf-8"))
    policy = folder / "policy"
    verdict = verify(
        (folder / "receipt.lic-receipt").read_bytes(),
        policy=Policy.parse(policy.read_bytes() if policy.exists() else POLICY),
        genesis=GENESIS,
        now=case["now"],
        max_age=case["max_age"],
        known_keys=[(row["index"], row["entry"].encode()) for row in case.get("known_keys", [])],
        holder=HolderChallenge(**case["holder"]) if "holder" in case else None,
    )
    check_shape(verdict)
    assert verdict.failed is not None
    assert (verdict.outcome, verdict.failed.number, verdict.code) == (case["outcome"], case["step"], case["code"])


def test_the_generator_writes_the_cases_again() -> None:
    written = {f"{case.name}_fail/{name}": data for case in all_cases() for name, data in case.files().items()}
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.glob("*_fail/*")}
    assert written == found


def test_code_docstring_and_readme_list_the_same_steps() -> None:
    """Number, name and checks stand in one wording everywhere."""
    readme = (Path(verifier_module.__file__).parent / "README.md").read_text("utf-8").replace("`", "")
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line[:2] == "| " and line[2].isdigit()]
    text = " ".join(str(verifier_module.__doc__).replace("`", "").split())
    assert [name for _, name, *_ in rows] == list(STEPS)
    assert [" ".join(row[:3]) for row in rows if " ".join(row[:3]) not in text] == []


def test_there_are_more_than_sixty_cases() -> None:
    assert len(CASES) == 160


def test_a_valid_receipt_passes_every_step_and_shows_the_claims() -> None:
    verdict = verdict_of(receipt)
    check_shape(verdict)
    assert (verdict.outcome, verdict.code, verdict.clerk, verdict.index) == (Outcome.VALID, "valid", "有效", 1)
    assert (verdict.time, verdict.age, verdict.notes) == (T0 + 120, 30, ())
    assert verdict.claims == {
        "iss": "370214",
        "vct": VCT,
        "iat": T0 + 60,
        "exp": T0 + 31_536_060,
        **{name: CLAIMS[name] for name in SHOWN},
    }


def rich_receipt() -> tuple[bytes, HolderChallenge]:
    """A receipt with a key change and a bound holder: every part of the format is there."""
    holder, signer = signer_of("holder"), signer_of("370214#2", "ES256")
    book = LogBook(GENESIS, LOG)
    key = KeyAddition(kid="370214#2", public_key=signer.public_key, uses=("seal",), valid_from=T0)
    book.add(member_entry(book, MemberRow(county="370214", keys=(key,))))
    sealed = issue(CLAIMS, kid="370214#2", vct=VCT, iss="370214", iat=T0 + 60, cnf=holder.public_key, signer=signer,
                   random=vector_random())  # fmt: skip
    bound = bind_holder(sealed, iat=NOW, signer=holder, **CHALLENGE)
    jwt, _, shown = bound.partition("~")
    return receipt_of(jwt.encode(), book, shown=shown), HolderChallenge(**CHALLENGE)


RICH, CHALLENGED = rich_receipt()


def test_a_receipt_with_rotated_key_and_bound_holder_is_valid() -> None:
    verdict = verdict_of(RICH, holder=CHALLENGED)
    assert (verdict.outcome, verdict.index) == (Outcome.VALID, 2)
    assert verdict.claims["certificateHolderName"] == "示例食品店"


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
@pytest.mark.parametrize(("data", "holder"), [(receipt, None), (RICH, CHALLENGED)], ids=["plain", "rich"])
def test_no_receipt_with_a_flipped_byte_is_valid(data: bytes, holder: HolderChallenge | None, mask: int) -> None:
    """Every byte of the receipt, one at a time."""
    damaged = bytearray(data)
    for place in range(len(data)):
        damaged[place] ^= mask
        verdict = verdict_of(bytes(damaged), holder=holder)
        assert verdict.outcome is not Outcome.VALID, f"byte {place}"
        damaged[place] ^= mask


@given(place=st.integers(0, len(RICH) - 1), value=st.integers(0, 255))
@settings(max_examples=400)
def test_no_receipt_with_another_byte_is_valid(place: int, value: int) -> None:
    damaged = RICH[:place] + bytes([value]) + RICH[place + 1 :]
    verdict = verdict_of(damaged, holder=CHALLENGED)
    check_shape(verdict)
    assert (verdict.outcome is Outcome.VALID) == (damaged == RICH)


@given(start=st.integers(0, len(receipt)), length=st.integers(0, 80), put=st.binary(max_size=40))
@settings(max_examples=300)
def test_no_receipt_with_a_part_replaced_is_valid(start: int, length: int, put: bytes) -> None:
    damaged = receipt[:start] + put + receipt[start + length :]
    verdict = verdict_of(damaged)
    check_shape(verdict)
    assert (verdict.outcome is Outcome.VALID) == (damaged == receipt)


def test_no_truncated_receipt_is_valid() -> None:
    for size in range(len(receipt)):
        verdict = verdict_of(receipt[:size])
        assert (verdict.outcome, verdict.code) == (Outcome.FORGED, "malformed"), size


@given(st.binary(max_size=3000))
@settings(max_examples=300)
def test_random_bytes_are_malformed(data: bytes) -> None:
    verdict = verdict_of(data)
    check_shape(verdict)
    assert (verdict.outcome, verdict.code, verdict.time, verdict.index) == (Outcome.FORGED, "malformed", None, None)


JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES: Final = (
    ("v",), ("sd_jwt",), ("proof",), ("head",), ("head", "jws"), ("head", "path"), ("status",), ("status", "tile"),
    ("status", "path"), ("keys",), ("keys", 0), ("keys", 0, "index"), ("keys", 0, "entry"),
)  # fmt: skip


@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
@settings(max_examples=300)
def test_any_json_in_any_place_gives_a_verdict(place: tuple[Any, ...], value: Any) -> None:
    document = json.loads(RICH)
    target = document
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = value
    check_shape(verdict_of(json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode(), holder=CHALLENGED))


@pytest.mark.parametrize(
    "data",
    [
        b"{" * 200_000,
        b'{"v":' * 100_000,
        b'"' * 524_289,
        receipt[:-1] + b" " * 524_288 + b"}",
        b'{"v":' + b"9" * 500_000 + b"}",
        receipt.replace(b'"path":[', b'"path":[' + b'"",' * 100_000, 1),
    ],
    ids=["braces", "nested", "quotes", "spaces", "digits", "hashes"],
)
def test_what_is_made_to_exhaust_is_malformed(data: bytes) -> None:
    assert (verdict_of(data).outcome, verdict_of(data).code) == (Outcome.FORGED, "malformed")


@pytest.mark.parametrize("now", [-(2**63), 0, 2**63, 10**30])
def test_any_time_gives_a_verdict(now: int) -> None:
    verdict = verdict_of(receipt, now=now)
    check_shape(verdict)
    expected = Outcome.UNWITNESSED if now < T0 else Outcome.EXPIRED
    assert verdict.outcome is expected


def test_a_genesis_with_a_wrong_signature_is_refused() -> None:
    with pytest.raises(NotVerified, match="bad_signature"):
        Verifier(Policy.parse(POLICY), GENESIS.replace(b"kznBg3ksx2", b"kznBg3ksx3"))


def founded(origin: str, iat: int) -> tuple[bytes, bytes]:
    """The same counties found another log; its policy and a receipt from it."""
    book = LogBook(GENESIS, LOG)
    rows = [
        MemberRow(county=kid.partition("#")[0], keys=(KeyAddition(kid=kid, public_key=key.public_key, uses=key.uses,
                                                                  valid_from=T0),))
        for kid, key in book.state.keys.items()
    ]  # fmt: skip
    signers = [(f"{county}#1", signer) for county, signer in COUNTIES.items()]
    genesis = sign_general(MEMBER_TYP, member_payload(iat=iat, origin=origin, k=2, members=rows), signers)
    log = VerifierKey.of(origin, NOTE_ED25519, LOG).vkey()
    policy = f"log {log}\n".encode() + POLICY.partition(b"\n")[2]
    return policy, receipt_of(SEALED.partition("~")[0].encode(), LogBook(genesis, LOG))


def test_a_log_with_another_origin_than_the_genesis_is_forged() -> None:
    policy, data = founded("other.example/ledger", T0)
    verdict = verify(data, policy=Policy.parse(policy), genesis=GENESIS, now=NOW, max_age=60)
    assert verdict.failed is not None
    assert (verdict.outcome, verdict.failed.number, verdict.code) == (Outcome.FORGED, 7, "bad_head")


def test_a_log_with_another_genesis_leaves_the_verifier_behind() -> None:
    policy, data = founded("hub.example/ledger", T0 + 1)
    verdict = verify(data, policy=Policy.parse(policy), genesis=GENESIS, now=NOW, max_age=60)
    assert (verdict.outcome, verdict.code) == (Outcome.STALE, "keys_behind")


def test_a_time_beyond_the_calendar_is_told_as_a_number() -> None:
    sealed = issue(CLAIMS, kid="370214#1", vct=VCT, iss="370214", iat=T0, nbf=2**53 - 1, signer=COUNTIES["370214"],
                   random=vector_random())  # fmt: skip
    verdict = verdict_of(receipt_of(sealed.partition("~")[0].encode()))
    assert (verdict.outcome, verdict.code) == (Outcome.EXPIRED, "not_yet_valid")
    assert verdict.message == "valid only from POSIX time 9007199254740991"


@pytest.mark.parametrize("genesis", [b"", b"{}", SEALED.partition("~")[0].encode()])
def test_there_is_no_verifier_without_a_genesis(genesis: bytes) -> None:
    with pytest.raises(Malformed):
        Verifier(Policy.parse(POLICY), genesis)


def test_what_verified_once_is_not_verified_again() -> None:
    verifier = Verifier(Policy.parse(POLICY), GENESIS)
    first = verifier.verify(receipt, now=NOW, max_age=60)
    assert verifier.verify(receipt, now=NOW, max_age=60) == first
    caches = (verifier.anchor._checkpoint, verifier.anchor._head, verifier.anchor._chain, verifier.anchor._quorum)
    assert [cache.cache_info().misses for cache in caches] == [1, 1, 1, 1]


def test_a_checkpoint_that_is_kept_counts_only_from_its_time_on() -> None:
    verifier = Verifier(Policy.parse(POLICY), GENESIS)
    at = {now: verifier.verify(receipt, now=now, max_age=60) for now in (NOW, T0 - 180, T0 - 179, NOW)}
    assert [verdict.outcome for verdict in at.values()] == [Outcome.VALID, Outcome.UNWITNESSED, Outcome.VALID]
    assert at[T0 - 179].time == T0 + 120


def rule_entry(book: LogBook, policy: bytes) -> bytes:
    payload = rule_payload(iat=T0 + 30, prev=book.state.digest(), documents={"policy": policy})
    return sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])


def test_a_policy_that_the_members_replaced_is_said_beside_the_verdict() -> None:
    book = LogBook(GENESIS, LOG)
    book.add(rule_entry(book, bytes(32)))
    data = receipt_of(SEALED.partition("~")[0].encode(), book)
    mine = Verifier(Policy.parse(POLICY), GENESIS, policy_digest=b"\x01" * 32)
    named = Verifier(Policy.parse(POLICY), GENESIS, policy_digest=bytes(32))
    assert mine.verify(data, now=NOW, max_age=60).notes == ("policy_not_current",)
    assert (named.verify(data, now=NOW, max_age=60).notes, verdict_of(data).notes) == ((), ())


def test_a_policy_with_disjoint_quorums_is_said_beside_the_verdict() -> None:
    loose = Verifier(Policy.parse(POLICY.replace(b"q all", b"q any")), GENESIS)
    verdict = loose.verify(receipt, now=NOW, max_age=60)
    assert (verdict.outcome, verdict.notes) == (Outcome.VALID, ("disjoint_quorums",))


def synced(now: int = T0 + 3700) -> Synced:
    book, note = small_log()
    statuses = book.covered.to_bytes()
    return check_sync(VERIFIER.anchor, note, book.entries[-1], book.path(4), statuses, now=now)


def test_a_newer_sync_decides_on_status_and_freshness() -> None:
    verdict = verdict_of(receipt, now=T0 + 3700, synced=synced())
    assert (verdict.outcome, verdict.time, verdict.age) == (Outcome.REVOKED, T0 + 3660, 40)


def test_an_older_sync_decides_nothing() -> None:
    old = Synced(size=1, time=T0 + 3650, statuses=synced().statuses)
    assert (verdict_of(receipt, synced=old).outcome, verdict_of(receipt, synced=old).time) == (Outcome.VALID, T0 + 120)


def test_a_sync_of_the_same_size_gives_the_later_time() -> None:
    verdict = verdict_of(later_receipt, now=T0 + 3700, synced=Synced(size=4, time=T0, statuses=synced().statuses))
    assert (verdict.outcome, verdict.time) == (Outcome.REVOKED, T0 + 3660)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("head", "bad_signature"),
        ("statuses", "bad_status_proof"),
        ("short", "bad_status_proof"),
        ("quorum", "no_quorum"),
    ],
)
def test_a_damaged_sync_is_refused(part: str, code: str) -> None:
    book, note = small_log()
    head, statuses = book.entries[-1], book.covered.to_bytes()
    if part == "head":
        head = head[:-1] + b"Q"
    if part == "quorum":
        note = book.checkpoint([(AUDITORS["320583"], T0 + 3660)])
    statuses = {"statuses": bytes(1), "short": b""}.get(part, statuses)
    with pytest.raises(NotVerified, match=code):
        check_sync(VERIFIER.anchor, note, head, book.path(4), statuses, now=T0 + 3700)

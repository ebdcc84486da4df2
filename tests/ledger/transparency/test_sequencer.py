"""The writer: order, dedup, heads, rules, and what happens when a write fails half-way."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from ledger.encoding import b64u_encode
from ledger.entries import MEMBER_TYP, RULE_TYP, build_status, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload, rule_payload
from ledger.heads import Head
from ledger.jws import sign_general
from ledger.signers import SoftwareSigner
from ledger.status import Status
from ledger.suites import P256_ORDER, low_s_from_der
from ledger.transparency.candidate import Placed, examine
from ledger.transparency.merkle import leaf_hash, root_of
from ledger.transparency.sequencer import Cosigned, Sequencer, landmark_day
from ledger.transparency.store import Store
from tests.entropy import signer_of
from tests.sequenced import EMPTY_JOURNAL, SequencedLog, seals, status_entry
from tests.small_log import COUNTIES, GENESIS, LOG, T0, issue_at
from tests.stores import FaultyStore, MemoryStore, Moment, sqlite_store

MOMENTS: list[Moment] = ["not done", "done, but an error came back"]


@pytest.fixture
def log() -> SequencedLog:
    return SequencedLog(MemoryStore())


def outcome(result: Placed | TongbanError) -> int | str:
    return result.index if isinstance(result, Placed) else result.code


def test_a_new_log_holds_its_genesis_and_a_head(log: SequencedLog) -> None:
    assert (log.sequencer.size, log.sequencer.published) == (2, 0)
    assert log.sequencer.entry(0) == GENESIS
    head = parse_entry(log.sequencer.entry(1))
    assert isinstance(head, Head)
    assert (head.n, head.keys) == (1, log.keys.digest())
    assert log.check() == 2


def test_a_log_does_not_begin_with_anything_else() -> None:
    """The store stays empty."""
    store = MemoryStore()
    for entry, error in ((seals(1)[0], Malformed), (b"x", Malformed)):
        with pytest.raises(error):
            Sequencer.create(store, entry, signer=LOG)
    with pytest.raises(Unavailable, match="no_log"):
        Sequencer.open(store, LOG)


def test_a_batch_gets_its_indexes_in_order_and_a_head_behind(log: SequencedLog) -> None:
    batch = log.sequence(seals(3))
    assert [outcome(result) for result in batch.results] == [2, 3, 4]
    assert batch.pending.size == 6
    assert batch.pending.checkpoint.root == root_of([leaf_hash(log.sequencer.entry(i)) for i in range(6)])
    head = parse_entry(log.sequencer.entry(5))
    assert isinstance(head, Head)
    assert (head.n, head.root) == (5, log.sequencer.statuses().root())


@pytest.mark.parametrize("sizes", [(1,) * 8, (256, 256), (1000,), (253, 1, 255, 2, 600)])
def test_batches_of_any_size_make_a_log_that_holds(log: SequencedLog, sizes: tuple[int, ...]) -> None:
    start = 0
    for size in sizes:
        batch = log.sequence(seals(size, start=start))
        assert [type(result) for result in batch.results] == [Placed] * size
        start += size
    assert log.check() == 2 + sum(sizes) + len(sizes)
    assert SequencedLog(log.store, create=False).sequencer.current() == batch.pending


def test_the_same_bytes_have_one_index(log: SequencedLog) -> None:
    """In another batch, in the same batch, after a restart; and nothing is written for them."""
    raw, other = seals(2)
    assert [outcome(each) for each in log.sequence([raw, raw, other, raw]).results] == [2, 2, 3, 2]
    size = log.sequencer.size
    again = SequencedLog(log.store, create=False)
    batch = again.sequence([other, raw])
    assert batch.results == [
        Placed(index=3, leaf=leaf_hash(other), known=True),
        Placed(index=2, leaf=leaf_hash(raw), known=True),
    ]
    assert again.sequencer.size == size


def test_a_statement_has_one_index_whatever_its_signature() -> None:
    """ES256 has many signatures of one statement; each is valid, none gives a second index."""
    log = SequencedLog(MemoryStore())
    key = signer_of("es256", "ES256")
    added = KeyAddition(kid="370214#2", public_key=key.public_key, uses=("seal",), valid_from=T0)
    payload = member_payload(
        iat=T0 + 9, k=2, members=[MemberRow(county="370214", keys=(added,))], prev=log.keys.digest()
    )
    log.sequence([sign_general(MEMBER_TYP, payload, [(f"{name}#1", signer) for name, signer in COUNTIES.items()])])
    raw = seals(1)[0]
    signing_input = (
        b64u_encode(b'{"alg":"ES256","typ":"dc+sd-jwt","kid":"370214#2"}').encode() + b"." + raw.split(b".")[1]
    )
    first, second = (
        _signed(signing_input, key.sign(signing_input)),
        _signed(signing_input, _otherwise(key, signing_input)),
    )
    assert first != second
    (index,) = (outcome(each) for each in log.sequence([first]).results)
    assert log.sequence([second]).results == [Placed(index=int(index), leaf=leaf_hash(first), known=True)]
    malleated = _signed(signing_input, _high_s(key.sign(signing_input)))
    assert [outcome(each) for each in log.sequence([malleated]).results] == ["es256_high_s"]


def _otherwise(key: SoftwareSigner, message: bytes) -> bytes:
    """Sign with a fresh nonce instead of the one of RFC 6979."""
    return low_s_from_der(key._private_key.sign(message, ec.ECDSA(SHA256())))  # type: ignore[call-arg,arg-type]


def _signed(signing_input: bytes, signature: bytes) -> bytes:
    return signing_input + b"." + b64u_encode(signature).encode()


def _high_s(signature: bytes) -> bytes:
    return signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_faults_spoil_no_neighbour(log: SequencedLog) -> None:
    first, second = seals(2)
    forged = first[:-8] + b"AAAAAAA" + first[-1:]
    old, future = issue_at(T0 - 90_000).partition("~")[0].encode(), issue_at(T0 + 10_000).partition("~")[0].encode()
    batch = log.sequence([b"", first, b"x" * 20_000, forged, old, second, future, b"{}"])
    assert [outcome(each) for each in batch.results] == [
        "too_large", 2, "too_large", "bad_signature", "iat_too_old", 3, "iat_in_future", "bad_payload",
    ]  # fmt: skip
    assert log.check() == 5


def test_what_is_admitted_at_the_edge_is_no_news_to_an_auditor_whose_clock_lags(log: SequencedLog) -> None:
    edge, beyond = (issue_at(log.now + ahead).partition("~")[0].encode() for ahead in (240, 241))
    batch = log.sequence([edge, beyond])
    assert [outcome(each) for each in batch.results] == [2, "iat_in_future"]


def test_a_batch_without_a_good_entry_writes_nothing(log: SequencedLog) -> None:
    before = log.sequencer.current()
    assert log.sequence([b"x"]).pending == before
    assert log.sequence([]).pending == before


def test_a_grown_journal_alone_makes_a_head(log: SequencedLog) -> None:
    """The root of the journal is bound even when no entry comes."""
    assert log.sequence([], journal=(3, bytes(32))).pending.size == 3
    head = parse_entry(log.sequencer.entry(2))
    assert isinstance(head, Head)
    assert (head.n, head.journal_n, head.journal_root) == (2, 3, bytes(32))
    assert log.sequence([], journal=(3, bytes(32))).pending.size == 3
    assert log.check() == 3


@pytest.mark.parametrize("journal", [(2, bytes(32)), (3, bytes(31) + b"x")])
def test_a_journal_that_shrank_or_changed_stops_the_log(log: SequencedLog, journal: tuple[int, bytes]) -> None:
    log.sequence([], journal=(3, bytes(32)))
    with pytest.raises(NotVerified, match="corrupt_store"):
        log.sequence(seals(1), journal=journal)
    with pytest.raises(Unavailable, match="store_stopped"):
        log.sequence(seals(1), journal=(4, bytes(32)))


def test_status_entries_take_effect_at_once(log: SequencedLog) -> None:
    """Within a batch each sees what the one before it did."""
    log.sequence(seals(3))
    suspend = status_entry(log, 2, Status.SUSPENDED, reason="02")
    reinstate = status_entry(log, 2, Status.VALID, reason="01")
    revoke = status_entry(log, 3, Status.REVOKED, reason="04")
    again = status_entry(log, 3, Status.REVOKED, reason="04", iat=T0 + 901)
    late = status_entry(log, 3, Status.VALID, reason="01")
    superseded = status_entry(log, 4, Status.SUPERSEDED, reason="01", by=2)
    batch = log.sequence([suspend, reinstate, revoke, again, late, superseded, reinstate])
    assert [outcome(each) for each in batch.results] == [6, 7, 8, "final_status", "final_status", 9, 7]
    assert [log.sequencer.status_of(index) for index in (2, 3, 4)] == [
        Status.VALID, Status.REVOKED, Status.SUPERSEDED,
    ]  # fmt: skip
    assert log.check() == 11


def test_a_seal_and_its_revocation_fit_into_one_batch(log: SequencedLog) -> None:
    raw = seals(1)[0]
    revoke = build_status(
        of=2,
        leaf=leaf_hash(raw),
        to=Status.REVOKED,
        reason="04",
        iat=T0 + 90,
        kid="370214#1",
        signer=COUNTIES["370214"],
    )
    assert [outcome(each) for each in log.sequence([raw, revoke]).results] == [2, 3]
    assert log.check() == 5


def test_only_the_issuer_changes_a_status(log: SequencedLog) -> None:
    raw = seals(1)[0]
    log.sequence([raw])
    foreign = build_status(
        of=2,
        leaf=leaf_hash(raw),
        to=Status.REVOKED,
        reason="04",
        iat=T0 + 90,
        kid="320583#1",
        signer=COUNTIES["320583"],
    )
    assert [outcome(each) for each in log.sequence([foreign]).results] == ["not_issuer"]


def test_a_submitted_head_is_refused(log: SequencedLog) -> None:
    """Known ones are answered like every known entry, others belong to the log alone."""
    other = SequencedLog(MemoryStore())
    other.sequence(seals(2))
    assert [outcome(each) for each in log.sequence([other.sequencer.entry(4)]).results] == ["not_issuer"]
    assert [outcome(each) for each in log.sequence([log.sequencer.entry(1)]).results] == [1]


def change(log: SequencedLog, row: MemberRow, *, iat: int = T0 + 100) -> bytes:
    payload = member_payload(iat=iat, k=1, members=[row], prev=log.keys.digest())
    return sign_general(MEMBER_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])


def test_keys_change_for_the_entries_behind(log: SequencedLog) -> None:
    """A candidate that was examined under the old keys is examined again."""
    new = signer_of("new key")
    added = KeyAddition(kid="370214#2", public_key=new.public_key, uses=("seal",), valid_from=T0)
    entry = change(log, MemberRow(county="370214", keys=(added,), revoke=(KeyRevocation(kid="370214#1"),)))
    raw = seals(1)[0]
    payload = b64u_encode(b'{"alg":"Ed25519","typ":"dc+sd-jwt","kid":"370214#2"}').encode() + b"." + raw.split(b".")[1]
    by_new = _signed(payload, new.sign(payload))
    batch = log.sequence([by_new, entry, raw, by_new])
    assert [outcome(each) for each in batch.results] == ["unknown_kid", 2, "key_not_active", 3]
    assert batch.keys.listed_key("370214#1").revoked == 2
    assert log.check() == 5


def test_a_compromised_key_takes_its_later_seals_with_it(log: SequencedLog) -> None:
    """Those before `void_from` stand; one in the same batch falls."""
    log.sequence(seals(3))
    in_batch = seals(1, start=9)[0]
    entry = change(log, MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#1", void_from=3),)))
    assert [outcome(each) for each in log.sequence([in_batch, entry]).results] == [6, 7]
    found = {index: log.sequencer.status_of(index) for index in (2, 3, 4, 6)}
    assert found == {2: Status.VALID, 3: Status.REVOKED, 4: Status.REVOKED, 6: Status.REVOKED}
    assert log.check() == 9


def test_rules_hold_from_the_next_head_on(log: SequencedLog) -> None:
    payload = rule_payload(iat=T0 + 100, prev=log.keys.digest(), rules={"iat_back_s": 10})
    rule = sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])
    first, second = seals(2)
    assert [outcome(each) for each in log.sequence([rule, first]).results] == [2, 3]
    assert [outcome(each) for each in log.sequence([second]).results] == ["iat_too_old"]
    assert log.check() == 5


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else sqlite_store(tmp_path / "log.sqlite")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_creation_that_fails_is_repeated_or_found(store: Store, moment: Moment) -> None:
    with pytest.raises(Unavailable, match="store_stopped"):
        Sequencer.create(FaultyStore(store, "create", moment), GENESIS, signer=LOG)
    if moment == "not done":
        assert SequencedLog(store).check() == 2
    else:
        with pytest.raises(Conflict, match="already_exists"):
            Sequencer.create(store, GENESIS, signer=LOG)
        assert SequencedLog(store, create=False).check() == 2


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", ["commit", "publish"])
def test_a_write_that_fails_stops_the_log_and_loses_nothing(store: Store, step: str, moment: Moment) -> None:
    """Acknowledged entries stay; the unknown one is found or taken when it comes again; receipts stay the same."""
    log = SequencedLog(store)
    known, unknown = seals(2)
    log.sequence([known])
    log.publish()
    receipt = log.reads.evidence(2)[0]
    faulty = SequencedLog(FaultyStore(store, step, moment), create=False)
    with pytest.raises(Unavailable, match="store_stopped"):
        _both(faulty, unknown)
    with pytest.raises(Unavailable, match="store_stopped"):
        faulty.sequence(seals(1, start=5))
    with pytest.raises(Unavailable, match="store_stopped"):
        faulty.publish()
    log = SequencedLog(store, create=False)
    log.check()
    batch = log.sequence([known, unknown])
    assert [outcome(each) for each in batch.results] == [2, 4]
    assert log.sequencer.size == 6
    log.publish()
    assert log.reads.evidence(2)[0] == receipt
    assert log.check() == 6


def _both(log: SequencedLog, raw: bytes) -> None:
    log.sequence([raw])
    log.publish()


def test_killed_between_the_two_transactions_the_same_size_is_published(store: Store) -> None:
    log = SequencedLog(store)
    log.sequence(seals(2))
    waiting = log.sequencer.pending()
    log = SequencedLog(store, create=False)
    assert log.sequencer.pending() == waiting
    log.publish()
    assert (log.sequencer.pending(), log.sequencer.published) == (None, 5)
    assert log.check() == 5


def test_a_second_writer_stops_at_the_note(store: Store) -> None:
    """The compare-and-swap: the slower of two writers writes nothing and never again."""
    log, other = SequencedLog(store), SequencedLog(store, create=False)
    first, second = seals(2)
    log.sequence([first])
    with pytest.raises(Conflict, match="store_moved"):
        other.sequence([second])
    with pytest.raises(Unavailable, match="store_stopped"):
        other.sequence([second])
    assert log.check() == 4


def test_sequencing_runs_ahead_of_publication(log: SequencedLog) -> None:
    """An older size is published while newer ones wait; one that was never signed is refused."""
    first, second = seals(2)
    size = log.sequence([first]).pending.size
    log.sequence([second])
    log.sequencer.publish(Cosigned(size=size, quorum=[], cosignatures=[], time=T0))
    assert (log.sequencer.published, log.sequencer.size) == (4, 6)
    with pytest.raises(Conflict, match="wrong_target"):
        log.sequencer.publish(Cosigned(size=5, quorum=[], cosignatures=[], time=T0))
    log.publish()
    assert log.sequencer.published == 6
    assert log.check() == 6


def test_examined_in_a_thread_or_not_the_result_is_the_same(log: SequencedLog) -> None:
    """A candidate of an older, equal key state is as good as a fresh one."""
    raw = seals(1)[0]
    candidate = examine(raw, SequencedLog(MemoryStore()).keys, 2)
    batch = log.sequencer.sequence([candidate], now=log.now, journal=EMPTY_JOURNAL)
    assert [outcome(each) for each in batch.results] == [2]


@pytest.mark.parametrize(
    ("time", "day"), [(T0, "2026-06-01"), (1_780_329_599, "2026-06-01"), (1_780_329_600, "2026-06-02")]
)
def test_days_of_landmarks_are_those_of_utc_8(time: int, day: str) -> None:
    assert landmark_day(time) == day

"""What an auditor refuses: every way in which a log may not hold, each with its code and index; and the deposit rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import pytest

from ledger.admission import ANY_TIME, Window
from ledger.deposits import Deposit, DepositLeftOutError
from ledger.encoding import b64u_encode
from ledger.entries import MEMBER_TYP, RULE_TYP, build_status
from ledger.errors import NotVerified, TongbanError
from ledger.governance import KeyRevocation, MemberRow, member_payload, rule_payload
from ledger.heads import build_head
from ledger.jws import sign_general
from ledger.matterlist import ListChange, MatterChange
from ledger.status import Status
from ledger.transparency.audit import Audit, Audited
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.spans import InOrder, one_by_one
from tests.audits import GENESIS_STATE, LOG_KEY, BookSource, MemoryAuditStore, claimed_of
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.small_log import COUNTIES, GENESIS, LOG, ORIGIN, T0, issue_at

NOW: Final = T0 + 3600
WINDOW: Final = Window(now=NOW, since=NOW - 600)


class World:
    """A book that was audited up to its first head, and goes on from there. 1, 2: seals. 3: the head."""

    def __init__(self) -> None:
        self.store = MemoryAuditStore()
        self.book = LogBook(GENESIS, LOG)
        self.source = BookSource(self.book)
        self.audit = Audit.open(self.store.reader, None, genesis=GENESIS_STATE, log_key=LOG_KEY)
        for raw in seals(2):
            self.book.add(raw)
        self.book.close()
        self.advance()

    def check(
        self,
        raws: Sequence[bytes] | None = None,
        claimed: Checkpoint | None = None,
        in_order: InOrder = one_by_one,
    ) -> Audited:
        """Check what is new in the book, or what is given, against the checkpoint that the log would sign."""
        return self.audit.check(
            self.book.entries[self.audit.size :] if raws is None else raws,
            claimed=claimed or claimed_of(self.book),
            window=WINDOW,
            prove=self.source.journal_growth,
            in_order=in_order,
        )

    def advance(self) -> Audited:
        """Check, store, and stand there."""
        audited = self.check()
        self.store.keep(audited.batch)
        self.audit.advance(audited)
        return audited

    def refused(self, raws: Sequence[bytes] | None = None) -> tuple[str, int | None]:
        """Check that it is refused, and say how; nothing is changed by it."""
        before = self.audit.size
        with pytest.raises(TongbanError) as caught:
            self.check(raws)
        assert self.audit.size == before
        return caught.value.code, caught.value.index

    def revocation(self, of: int = 1, *, to: Status = Status.REVOKED, iat: int = NOW, kid: str = "370214#1") -> bytes:
        leaf, signer = leaf_hash(self.book.entries[of]), COUNTIES[kid[:6]]
        reason = "02" if to is Status.SUSPENDED else "04"
        return build_status(of=of, leaf=leaf, to=to, reason=reason, iat=iat, kid=kid, signer=signer)

    def journal_head(self, n: int, root: bytes) -> bytes:
        """Write the head that would come next, binding another journal."""
        return build_head(
            n=self.book.size, root=self.book.statuses.root(), keys=self.book.state.digest(), journal_n=n,
            journal_root=root, origin=ORIGIN, signer=LOG,
        )  # fmt: skip


@pytest.fixture
def log() -> World:
    return World()


def under_a_revoked_key(log: World) -> None:
    row = MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#1", void_from=None),))
    payload = member_payload(iat=NOW, k=1, members=[row], prev=log.book.state.digest())
    signers = [(f"{county}#1", signer) for county, signer in COUNTIES.items()]
    log.book.add(sign_general(MEMBER_TYP, payload, signers))
    log.book.add(issue_at(NOW).partition("~")[0].encode())
    log.book.close()


def serialised_again(raw: bytes) -> bytes:
    """Sign the same statement once more, under a header of another order: other bytes, another leaf."""
    header = b64u_encode(b'{"kid":"370214#1","typ":"dc+sd-jwt","alg":"Ed25519"}').encode()
    message = header + b"." + raw.split(b".")[1]
    return message + b"." + b64u_encode(COUNTIES["370214"].sign(message)).encode()


def off_the_list(log: World) -> None:
    """A matter that is not on the list is removed from it, by all members."""

    def signed(change: ListChange) -> bytes:
        documents = {"matters": bytes(32)} if change.begin else {}
        payload = rule_payload(iat=NOW, prev=log.book.state.digest(), documents=documents, matters=change)
        return sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])

    log.book.add(signed(ListChange(begin=("001001001000",))))
    absent = MatterChange(act="remove", code="001001002000", since="2026-07-01")
    log.book.append(signed(ListChange(changes=(absent,))))
    log.book.close()


def in_the_log(*entries: Callable[[World], bytes]) -> Callable[[World], None]:
    """Let the log take entries unread, and bind them with an honest head."""

    def lie(log: World) -> None:
        for entry in entries:
            log.book.append(entry(log))
        log.book.close()

    return lie


def twice(log: World) -> None:
    log.book.add(log.revocation())
    log.book.append(log.revocation(to=Status.SUSPENDED))
    log.book.close()


def grown_journal(log: World) -> None:
    log.source.journal = [b"one", b"two"]
    log.book.close(log.journal_head(1, leaf_hash(b"one")))
    log.advance()


def fallen_journal(log: World) -> None:
    grown_journal(log)
    log.book.close()


def rewritten_journal(log: World) -> None:
    grown_journal(log)
    log.book.close(log.journal_head(2, sha256(b"rewritten").digest()))


def other_journal(log: World) -> None:
    grown_journal(log)
    log.book.close(log.journal_head(1, leaf_hash(b"another")))


REFUSED: Final[dict[str, tuple[Callable[[World], object], str, int | None]]] = {
    "head of fewer entries": (lambda log: log.book.close(log.book.head(n=5)), "bad_head", 4),
    "head of another status root": (lambda log: log.book.close(log.book.head(root=bytes(32))), "bad_head", 4),
    "head of other keys": (lambda log: log.book.close(log.book.head(keys=bytes(32))), "bad_head", 4),
    "head by a county": (
        lambda log: log.book.close(
            build_head(
                n=4,
                root=log.book.statuses.root(),
                keys=log.book.state.digest(),
                journal_n=0,
                journal_root=sha256(b"").digest(),
                origin=ORIGIN,
                signer=COUNTIES["370214"],
            )
        ),
        "bad_signature",
        4,
    ),
    "no head": (lambda log: log.book.add(seals(1, start=5)[0]), "bad_head", 4),
    "journal that fell": (fallen_journal, "bad_head", 5),
    "journal of the same count": (other_journal, "bad_head", 5),
    "journal rewritten": (rewritten_journal, "bad_consistency", 5),
    "no entry at all": (in_the_log(lambda _: b"not an entry"), "bad_encoding", 4),
    "changed signature": (in_the_log(lambda _: seals(1, start=5)[0][:-4] + b"AAAA"), "bad_signature", 4),
    "another county's key": (
        in_the_log(lambda log: log.revocation(kid="320583#1")),
        "not_issuer",
        4,
    ),
    "revoked key": (under_a_revoked_key, "key_not_active", 5),
    "removal of a matter that is not on the list": (off_the_list, "not_listed", 5),
    "change of a final status": (twice, "final_status", 5),
    "status of no seal": (in_the_log(lambda log: log.revocation(3)), "wrong_target", 4),
    "the same entry twice": (in_the_log(lambda log: log.book.entries[1]), "duplicate_statement", 4),
    "the same statement, serialised again": (
        in_the_log(lambda log: serialised_again(log.book.entries[1])),
        "duplicate_statement",
        4,
    ),
    "twice in one batch": (in_the_log(*[lambda _: seals(1, start=9)[0]] * 2), "duplicate_statement", 5),
    "dated too early": (
        in_the_log(lambda _: issue_at(NOW - 86_400 - 601, exp=NOW + 9).partition("~")[0].encode()),
        "iat_too_old",
        4,
    ),
    "status dated in the future": (in_the_log(lambda log: log.revocation(iat=NOW + 301)), "iat_in_future", 4),
    "seal dated in the future": (
        in_the_log(lambda _: issue_at(NOW + 301).partition("~")[0].encode()),
        "iat_in_future",
        4,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_auditor_refuses(log: World, name: str) -> None:
    lie, code, index = REFUSED[name]
    lie(log)
    assert log.refused() == (code, index)


def test_entries_that_are_not_those_of_the_signed_tree_are_refused(log: World) -> None:
    """One left out, one changed, two exchanged: whatever they are, they are not what the log has signed."""
    for raw in seals(3, start=5):
        log.book.add(raw)
    log.book.close()
    new = log.book.entries[4:]
    for raws in (new[:1] + new[2:], [new[1], new[0], *new[2:]], [serialised_again(new[0]), *new[1:]]):
        assert log.refused(raws) == ("bad_inclusion", None)
    assert log.check(new).replay.size == 8


def test_a_log_of_another_genesis_is_refused() -> None:
    """Entry 0 is what the verifiers have pinned, and no other."""
    other = LogBook(GENESIS, LOG)
    other.entries[0] = GENESIS.replace(b"}", b" }", 1)
    audit = Audit.open(MemoryAuditStore().reader, None, genesis=GENESIS_STATE, log_key=LOG_KEY)
    other.close()
    with pytest.raises(NotVerified, match="bad_inclusion: entry 0") as caught:
        audit.check(other.entries, claimed=claimed_of(other), window=ANY_TIME, prove=BookSource(other).journal_growth)
    assert caught.value.index == 0


def test_old_entries_have_no_window_but_their_key_has(log: World) -> None:
    """Below what was cosigned before, dates are not judged again by a later clock."""
    log.book.add(log.revocation(iat=T0 - 1))
    log.book.close()
    raws, claimed = log.book.entries[4:], claimed_of(log.book)
    with pytest.raises(TongbanError, match="iat_too_old"):
        log.audit.check(raws, claimed=claimed, window=ANY_TIME, prove=log.source.journal_growth)


@pytest.mark.parametrize("with_head", [False, True])
def test_rules_are_those_of_the_last_head(log: World, *, with_head: bool) -> None:
    """A seal right behind a rule entry is judged by the rules before it; only the next head puts them in force."""
    payload = rule_payload(iat=NOW, prev=log.book.state.digest(), rules={"iat_ahead_s": 3_000})
    log.book.add(sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()]))
    if with_head:
        log.book.close()
    log.book.append(issue_at(NOW + 2_000).partition("~")[0].encode())
    log.book.close()
    if with_head:
        assert log.advance().replay.size == 8
    else:
        assert log.refused() == ("iat_in_future", 5)


def all_at_once(function: Callable[[Any], Any], items: Iterable[Any], /) -> Iterator[Any]:
    """Read every span before the first is judged: as far ahead as any pool could be."""
    return iter([function(item) for item in list(items)])


@pytest.mark.parametrize("in_order", [one_by_one, all_at_once])
def test_entries_read_ahead_are_judged_by_the_keys_and_rules_at_their_index(log: World, in_order: InOrder) -> None:
    """A rule entry and a rotation in the first span change what holds in the second."""
    payload = rule_payload(iat=NOW, prev=log.book.state.digest(), rules={"iat_ahead_s": 9_000})
    log.book.add(sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()]))
    log.book.close()
    for number in range(300):
        log.book.append(issue_at(NOW + 1_000 + number).partition("~")[0].encode())
    log.book.close()
    assert log.check(in_order=in_order).replay.size == 307
    under_a_revoked_key(log)
    with pytest.raises(NotVerified, match="key_not_active") as caught:
        log.check(in_order=in_order)
    assert caught.value.index == 308


def test_it_starts_again_from_its_store_with_the_state_of_a_full_replay(log: World) -> None:
    log.book.add(log.revocation(2))
    log.book.add(seals(1, start=700)[0])
    log.book.close()
    log.advance()
    opened = Audit.open(log.store.reader, log.store.state(), genesis=GENESIS_STATE, log_key=LOG_KEY)
    again = Audit.open(MemoryAuditStore().reader, None, genesis=GENESIS_STATE, log_key=LOG_KEY)
    again.advance(
        again.check(log.book.entries, claimed=claimed_of(log.book), window=ANY_TIME, prove=log.source.journal_growth)
    )
    for audit in (opened, again):
        assert audit.size == log.audit.size == 7
        assert audit.replay.keys.text() == log.audit.replay.keys.text()
        assert audit.replay.journal == log.audit.replay.journal
        assert audit.replay.effects.statuses.to_bytes() == log.audit.replay.effects.statuses.to_bytes()
    log.book.add(log.revocation(1))
    log.book.close()
    raws, claimed = log.book.entries[7:], claimed_of(log.book)
    kept = [
        each.check(raws, claimed=claimed, window=WINDOW, prove=log.source.journal_growth).batch
        for each in (log.audit, opened)
    ]
    assert kept[0] == kept[1]


def test_a_store_of_another_log_is_not_gone_on_with(log: World) -> None:
    state = log.store.state()
    assert state is not None
    with pytest.raises(NotVerified, match="another log"):
        Audit.open(log.store.reader, replace(state, genesis_leaf=bytes(32)), genesis=GENESIS_STATE, log_key=LOG_KEY)


def test_a_hidden_deposit_is_named_once_its_time_is_over(log: World) -> None:
    deposit = Deposit(raw=log.revocation(), deposited_at=NOW)
    log.book.close()
    audited = log.check()
    assert audited.check_deposits([deposit], NOW + 300) == ()
    with pytest.raises(DepositLeftOutError, match="deposit_left_out") as caught:
        audited.check_deposits([deposit], NOW + 301)
    assert (caught.value.leaf, caught.value.index) == (leaf_hash(deposit.raw), 1)


def test_of_several_hidden_deposits_the_oldest_is_named(log: World) -> None:
    first, second = (Deposit(raw=log.revocation(of), deposited_at=NOW + of) for of in (1, 2))
    log.book.close()
    with pytest.raises(DepositLeftOutError) as caught:
        log.check().check_deposits([second, first], NOW + 9_000)
    assert caught.value.leaf == leaf_hash(first.raw)


def test_a_deposit_that_is_logged_is_settled_also_as_other_bytes(log: World) -> None:
    """What counts is the statement: the log may have taken it under another signature."""
    deposit = Deposit(raw=log.revocation(), deposited_at=NOW)
    header = b64u_encode(b'{"typ":"lic-status+jwt","alg":"Ed25519","kid":"370214#1"}').encode()
    message = header + b"." + deposit.raw.split(b".")[1]
    log.book.add(message + b"." + b64u_encode(COUNTIES["370214"].sign(message)).encode())
    log.book.close()
    assert log.check().check_deposits([deposit], NOW) == (leaf_hash(deposit.raw),)
    log.advance()
    log.book.close()
    assert log.check().check_deposits([deposit], NOW + 9_000) == (leaf_hash(deposit.raw),)


@pytest.mark.parametrize("to", [Status.SUSPENDED, Status.REVOKED])
def test_a_deposit_that_says_nothing_new_is_settled_at_once(log: World, to: Status) -> None:
    """At its deadline the county may have changed the status back, and the old entry be too old for any log."""
    deposit = Deposit(raw=log.revocation(to=Status.SUSPENDED), deposited_at=NOW)
    log.book.add(log.revocation(to=to, iat=NOW - 1))
    log.book.close()
    assert log.check().check_deposits([deposit], NOW) == (leaf_hash(deposit.raw),)


@pytest.mark.parametrize("void_from", [None, 1])
def test_a_deposit_by_a_key_that_has_ended_does_not_block(log: World, void_from: int | None) -> None:
    deposit = Deposit(raw=log.revocation(to=Status.SUSPENDED), deposited_at=NOW)
    row = MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#1", void_from=void_from),))
    payload = member_payload(iat=NOW, k=1, members=[row], prev=log.book.state.digest())
    signers = [(f"{county}#1", signer) for county, signer in COUNTIES.items()]
    log.book.add(sign_general(MEMBER_TYP, payload, signers))
    log.book.close()
    audited = log.check()
    assert audited.check_deposits([deposit], NOW + 301) == (leaf_hash(deposit.raw),)
    if void_from is None:
        assert audited.check_deposits([deposit], NOW + 300) == ()


def test_a_deposit_does_not_lapse_with_its_date(log: World) -> None:
    """A hub that hides a revocation for longer than a day has hidden it for longer than a day."""
    deposit = Deposit(raw=log.revocation(), deposited_at=NOW)
    log.book.close()
    with pytest.raises(DepositLeftOutError):
        log.check().check_deposits([deposit], NOW + 10 * 86_400)


def test_the_log_key_is_the_pinned_one(log: World) -> None:
    """Heads by another key do not hold, whatever note they come with."""
    audit = Audit.open(
        MemoryAuditStore().reader,
        None,
        genesis=GENESIS_STATE,
        log_key=replace(LOG_KEY, public_key=signer_of("another log").public_key.x),
    )
    with pytest.raises(NotVerified, match="bad_signature"):
        audit.check(log.book.entries, claimed=claimed_of(log.book), window=ANY_TIME, prove=log.source.journal_growth)

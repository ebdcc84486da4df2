"""The whole check of a log: also when entries are read ahead of the keys they are judged by."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from ledger.encoding import b64u_encode
from ledger.entries import MEMBER_TYP, build_status, parse_entry
from ledger.errors import NotVerified
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload
from ledger.heads import build_head
from ledger.jws import sign_general
from ledger.signers import Signer
from ledger.status import Status
from ledger.transparency.candidate import BatchView
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.fsck import Replayed, replay_log
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.spans import InOrder, one_by_one
from tests.entropy import signer_of
from tests.sequenced import EMPTY_JOURNAL, LOG_KEY, SequencedLog, seals, status_entry
from tests.small_log import COUNTIES, LOG, ORIGIN, T0, issue_at
from tests.stores import MemoryStore, sqlite_store

A = TypeVar("A")
B = TypeVar("B")


def all_at_once(function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]:
    """Take every item before the first result is used: as far ahead as any pool could be."""
    return iter([function(item) for item in list(items)])


AHEAD: list[InOrder] = [one_by_one, all_at_once]


def replay(log: SequencedLog, in_order: InOrder = one_by_one) -> Replayed:
    return replay_log(log.store.reader, log.store.state(), LOG_KEY, in_order=in_order)


def change(log: SequencedLog, row: MemberRow) -> bytes:
    payload = member_payload(iat=T0 + 100, k=1, members=[row], prev=log.keys.digest())
    return sign_general(MEMBER_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])


def sealed_by(signer: Signer, kid: str, raw: bytes) -> bytes:
    """Seal again under another key."""
    header = b64u_encode(f'{{"alg":"Ed25519","typ":"dc+sd-jwt","kid":"{kid}"}}'.encode()).encode()
    message = header + b"." + raw.split(b".")[1]
    return message + b"." + b64u_encode(signer.sign(message)).encode()


@pytest.fixture
def rotated() -> SequencedLog:
    """Give a log of some spans in which a key is added, used, and the old one falls from index 100 on."""
    log = SequencedLog(MemoryStore())
    new = signer_of("new key")
    added = KeyAddition(kid="370214#2", public_key=new.public_key, uses=("seal",), valid_from=T0)
    log.sequence(seals(290))
    log.sequence([change(log, MemberRow(county="370214", keys=(added,)))])
    log.sequence([sealed_by(new, "370214#2", raw) for raw in seals(300, start=300)])
    log.sequence([change(log, MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#1", void_from=100),)))])
    log.sequence([sealed_by(new, "370214#2", raw) for raw in seals(5, start=700)])
    log.publish()
    return log


@pytest.mark.parametrize("in_order", AHEAD)
def test_entries_are_judged_by_the_keys_at_their_index(rotated: SequencedLog, in_order: InOrder) -> None:
    """However far ahead they were read: by a key that comes later, or one that has fallen since."""
    replayed = replay(rotated, in_order)
    assert replayed.checkpoint.size == rotated.sequencer.size == 604
    assert replayed.keys == rotated.keys
    assert replayed.issuers[2] == "370214"
    assert [index for index, issuer in enumerate(replayed.issuers) if issuer is None] == [
        0,
        1,
        292,
        293,
        294,
        595,
        596,
        597,
        603,
    ]


def test_what_the_heads_bind_of_the_journal_is_told() -> None:
    log = SequencedLog(MemoryStore())
    log.sequence(seals(2), journal=(3, b"3" * 32))
    log.sequence([], journal=(5, b"5" * 32))
    journal = replay(log).journal
    assert (list(journal), journal[5]) == ([0, 3, 5], b"5" * 32)


@pytest.mark.parametrize("journal", [(2, b"2" * 32), (3, b"x" * 32)])
def test_a_journal_that_shrinks_or_changes_between_heads_is_found(journal: tuple[int, bytes]) -> None:
    """The sequencer writes no such head, unless it is made to believe another one before it."""
    log = SequencedLog(MemoryStore())
    log.sequence(seals(2), journal=(3, b"3" * 32))
    log.sequencer._head = parse_entry(head_like(log, log.sequencer.size - 1, journal))  # type: ignore[assignment]
    log.sequence(seals(1, start=9), journal=journal)
    with pytest.raises(NotVerified, match="binds another journal") as caught:
        replay(log)
    assert caught.value.index == log.sequencer.size - 1


def head_like(log: SequencedLog, n: int, journal: tuple[int, bytes]) -> bytes:
    statuses = log.sequencer.statuses()
    return build_head(
        n=n, root=statuses.root(), keys=log.keys.digest(), journal_n=journal[0], journal_root=journal[1],
        origin=ORIGIN, signer=LOG,
    )  # fmt: skip


def test_progress_is_told_span_by_span(rotated: SequencedLog) -> None:
    told: list[int] = []
    replay_log(rotated.store.reader, rotated.store.state(), LOG_KEY, on_entries=told.append)
    assert told == [256, 256, 92]


@pytest.mark.parametrize(
    ("level", "number", "at", "index"), [(0, 0, 40, 1), (0, 1, 0, 256), (0, 2, 64, 514), (1, 0, 33, 256)]
)
def test_a_changed_tile_names_the_first_entry_under_the_hash(
    rotated: SequencedLog, level: int, number: int, at: int, index: int
) -> None:
    store = rotated.store
    assert isinstance(store, MemoryStore)
    tile = bytearray(store.tile_of[level, number])
    tile[at] ^= 1
    store.tile_of[level, number] = bytes(tile)
    with pytest.raises(NotVerified, match=f"entry {index}: tile {number} of level {level}") as caught:
        replay(rotated)
    assert caught.value.index == index


@pytest.mark.parametrize("in_order", AHEAD)
def test_the_first_of_two_faults_is_named(rotated: SequencedLog, in_order: InOrder) -> None:
    """Even when the later one is of a kind that is found sooner."""
    store = rotated.store
    assert isinstance(store, MemoryStore)
    store.entry[400] = b"x"
    tile = bytearray(store.tile_of[0, 1])
    tile[32 * 40] ^= 1
    store.tile_of[0, 1] = bytes(tile)
    store.leaf[leaf_hash(store.entry[599])] = 3
    with pytest.raises(NotVerified, match="entry 296: tile 1 of level 0"):
        replay(rotated, in_order)
    store.tile_of[0, 1] = bytes(tile[: 32 * 40] + bytes([tile[32 * 40] ^ 1]) + tile[32 * 40 + 1 :])
    with pytest.raises(NotVerified, match="entry 400: bad_encoding"):
        replay(rotated, in_order)


def test_a_missing_tile_names_the_first_entry_under_it(rotated: SequencedLog) -> None:
    assert isinstance(rotated.store, MemoryStore)
    del rotated.store.tile_of[0, 1]
    with pytest.raises(NotVerified, match="entry 256: tile 1 of level 0, which begins there, cannot be read"):
        replay(rotated)


def test_a_change_that_no_entry_made_is_found(tmp_path: Path) -> None:
    log = SequencedLog(sqlite_store(tmp_path / "log.sqlite"))
    log.sequence(seals(3))
    log.sequence([status_entry(log, 2, Status.REVOKED, reason="04")])
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection:
        connection.execute("UPDATE change SET was = 2")
        connection.commit()
    with pytest.raises(NotVerified, match="recorded changes"):
        replay(log)


def admit(log: SequencedLog, *raws: bytes) -> None:
    """Write entries with all that follows from them, as a hub would that checks nothing."""
    sequencer = log.sequencer
    view = BatchView(log.store, sequencer._effects, (), sequencer.size)
    for raw in raws:
        view.add(parse_entry(raw))
    sequencer._commit(view, EMPTY_JOURNAL)


def status_by(county: str, log: SequencedLog, of: int) -> bytes:
    leaf = leaf_hash(log.sequencer.entry(of))
    kid, signer = f"{county}#1", COUNTIES[county]
    return build_status(of=of, leaf=leaf, to=Status.REVOKED, reason="04", iat=T0 + 900, kid=kid, signer=signer)


DISHONEST: list[tuple[str, Callable[[SequencedLog], list[bytes]], int]] = [
    ("not_issuer", lambda log: [status_by("320583", log, 2)], 6),
    ("wrong_target", lambda log: [status_by("370214", log, 1)], 6),
    ("final_status", lambda log: [status_by("370214", log, 2), status_entry(log, 2, Status.SUSPENDED, reason="02")], 7),
    ("unknown_kid", lambda log: [sealed_by(signer_of("x"), "370214#9", seals(1, start=9)[0])], 6),
    ("bad_signature", lambda log: [sealed_by(signer_of("x"), "370214#1", seals(1, start=9)[0])], 6),
    ("iat_too_old", lambda log: [issue_at(T0 - 1).partition("~")[0].encode()], 6),
]


@pytest.mark.parametrize(("code", "entries", "index"), DISHONEST, ids=[each[0] for each in DISHONEST])
def test_what_no_hub_may_admit_is_found(code: str, entries: Callable[[SequencedLog], list[bytes]], index: int) -> None:
    """Every hash, head and signature of the log is right; the entry itself is not."""
    log = SequencedLog(MemoryStore())
    log.sequence(seals(3))
    admit(log, *entries(log))
    with pytest.raises(NotVerified, match=f"entry {index}: {code}") as caught:
        replay(log)
    assert caught.value.index == index


def test_a_head_that_binds_a_status_nobody_changed_is_found() -> None:
    log = SequencedLog(MemoryStore())
    log.sequence(seals(3))
    log.sequencer._effects.statuses.set(2, Status.REVOKED)
    log.sequence(seals(1, start=9))
    with pytest.raises(NotVerified, match="entry 7: bad_head: head binds another key state or other statuses"):
        replay(log)


@pytest.mark.parametrize(
    ("size", "root", "message"),
    [(5, None, "of another log or size"), (None, b"x" * 32, "has another root than the entries")],
)
def test_a_signed_note_over_another_tree_is_found(size: int | None, root: bytes | None, message: str) -> None:
    log = SequencedLog(MemoryStore())
    log.sequence(seals(3))
    own = log.sequencer.current().checkpoint
    other = Checkpoint(origin=ORIGIN, size=size or own.size, root=root or own.root)
    assert isinstance(log.store, MemoryStore)
    log.store.head = replace(log.store.state(), note=sign_checkpoint(other, ORIGIN, LOG))
    with pytest.raises(NotVerified, match=message):
        replay(log)

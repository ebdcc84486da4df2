"""What witness and auditor keep of refused requests: a fork is never pushed out by what anyone may send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Final, Protocol

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.offers import MAX_PROVEN, MAX_UNPROVEN, OFFER_SCHEMA, keep_offer, read_offers
from hub.county.witness import Witness, WitnessStore
from hub.database import Database
from ledger.deposits import Deposit
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import SAME_SIZE, ForkEvidence, Offer, find_forks
from ledger.transparency.merkle import Frontier, consistency_path, leaf_hash, root_of
from ledger.transparency.note import MAX_NOTE_BYTES, NoteSignature, keyring
from ledger.transparency.witness import AddCheckpoint, Decision
from tests.audits import LOG_KEY, BookSource, add_checkpoint, auditor_of, claimed_of
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.sequenced import seals
from tests.small_log import GENESIS, LOG, ORIGIN, T0, revocation

LOGS: Final = keyring([LOG_KEY])
OLD: Final = 2_000
SIZE: Final = OLD + 2
"""Entries of the log: a genesis, so many seals, a head. Each old size below it has a checkpoint."""


def roots(leaves: Sequence[bytes]) -> list[bytes]:
    """Give the root at every size from 0 on."""
    grown = accumulate(leaves, lambda frontier, leaf: frontier.append([leaf]).frontier, initial=Frontier())
    return [frontier.root() for frontier in grown]


@pytest.fixture(scope="module")
def book() -> LogBook:
    book = LogBook(GENESIS, LOG)
    for raw in seals(OLD):
        book.append(raw)
    book.close()
    assert book.size == SIZE
    return book


FORK: Final = [leaf_hash(b"fork %d" % number) for number in range(SIZE + 10)]


def signed(size: int, root: bytes) -> bytes:
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), ORIGIN, LOG)


def request(old: int, size: int, root: bytes, path: Sequence[bytes] = ()) -> AddCheckpoint:
    return AddCheckpoint.of(old, tuple(path), signed(size, root))


def growth(old: int, size: int, leaves: Sequence[bytes]) -> list[bytes]:
    return consistency_path(old, size, lambda level, i: root_of(leaves[i << level : (i + 1) << level]))


class Asked(Protocol):
    """A witness or an auditor."""

    def add_checkpoint(self, body: bytes) -> Decision: ...


class Keeping(Protocol):
    """Its store."""

    def offers(self) -> Sequence[Offer]: ...


Cosigner = tuple[Asked, Keeping]


@pytest.fixture(params=["witness", "auditor"])
def cosigner(request: pytest.FixtureRequest, book: LogBook, tmp_path: Path) -> Iterator[Cosigner]:
    """Give one that has cosigned the log."""
    whole = AddCheckpoint.of(0, (), signed(SIZE, claimed_of(book).root)).format()
    if request.param == "witness":
        with closing(WitnessStore(tmp_path / "witness.sqlite")) as store:
            witness = witness_over(store)
            assert witness.add_checkpoint(whole).status == 200
            yield witness, store
        return
    auditor = auditor_of(tmp_path / "auditor.sqlite", BookSource(book), lambda: T0 + 3600)
    auditor._catch_up(claimed_of(book))
    assert auditor.add_checkpoint(whole).status == 200
    yield auditor, auditor.store
    auditor.stop()
    assert isinstance(auditor.store, SqliteAuditStore)
    auditor.store.close()


def witness_over(store: WitnessStore) -> Witness:
    return Witness(store, logs=LOGS, name="w.example/witness", signer=signer_of("w"), clock=lambda: T0)


def proofs(store: Keeping) -> list[ForkEvidence]:
    found = find_forks(store.offers(), [], LOGS)
    assert all(each.prove(LOGS) for each in found)
    return found


def test_a_fork_is_proven_after_two_thousand_innocent_checkpoints(cosigner: Cosigner, book: LogBook) -> None:
    """One came before them, of the same size; one after, that grows the other tree with its own proof."""
    asked, store = cosigner
    assert asked.add_checkpoint(request(3, SIZE, root_of(FORK[:SIZE])).format()).status == 409
    own = roots(book.leaves())
    for size in range(1, OLD + 1):
        assert asked.add_checkpoint(request(size % 3, size, own[size]).format()).status in {400, 409}
    assert [each.request.checkpoint.size for each in store.offers() if each.fork] == [SIZE]
    grown = request(SIZE, SIZE + 9, root_of(FORK[: SIZE + 9]), growth(SIZE, SIZE + 9, FORK))
    assert asked.add_checkpoint(grown.format()).status == 422
    assert [Checkpoint.parse(each.b.partition(b"\n\n")[0] + b"\n").size for each in proofs(store)] == [SIZE, SIZE + 9]
    assert len(store.offers()) == 2 + (MAX_UNPROVEN if isinstance(store, WitnessStore) else 0)


def test_what_others_put_under_a_note_is_not_kept(cosigner: Cosigner) -> None:
    """With it the proof would be more than is read, and what is kept some hundred times as much."""
    asked, store = cosigner
    for leaves in (FORK[:SIZE], FORK[:SIZE][::-1]):
        bare = request(3, SIZE, root_of(leaves))
        line = NoteSignature(name='"' * (MAX_NOTE_BYTES - 600), key_id=b"junk", blob=bytes(64))
        note = replace(bare.note, signatures=(line, *bare.note.signatures))
        assert asked.add_checkpoint(replace(bare, note=note).format()).status == 409
        assert store.offers()[-1].request == bare
    assert [ForkEvidence.parse(each.format()).check(LOGS) for each in proofs(store)] == [SAME_SIZE, SAME_SIZE]


@pytest.mark.parametrize("size", [7, 1024, 1999])
def test_an_auditor_proves_a_fork_of_any_old_size(book: LogBook, tmp_path: Path, size: int) -> None:
    """By the path in its own mirror; what the log has really published at that size is not kept at all."""
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        auditor = auditor_of(store, BookSource(book), lambda: T0 + 3600)
        auditor._catch_up(claimed_of(book))
        assert auditor.add_checkpoint(request(0, SIZE, claimed_of(book).root).format()).status == 200
        for old, root in ((0, roots(book.leaves())[size]), (size, root_of(FORK[:size]))):
            assert auditor.add_checkpoint(request(old, size, root).format()).status == 409
        (evidence,) = proofs(store)
        assert evidence.a == signed(size, root_of(FORK[:size]))


def test_a_fork_that_was_shown_ahead_is_proven_once_the_mirror_is_beyond_it(tmp_path: Path) -> None:
    """What the log itself had asked for too early goes then."""
    book = book_of(2)
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        auditor = auditor_of(store, BookSource(book), lambda: T0 + 3600)
        assert add_checkpoint(auditor, book, 0).status == 200
        for raw in seals(5, start=9):
            book.add(raw)
        book.close()
        assert add_checkpoint(auditor, book, 0).status == 409
        assert auditor.add_checkpoint(request(0, 7, root_of(FORK[:7])).format()).status == 409
        assert [(each.request.checkpoint.size, each.fork) for each in store.offers()] == [(10, None), (7, None)]
        assert add_checkpoint(auditor, book, 4).status == 200
        assert [evidence.a for evidence in proofs(store)] == [signed(7, root_of(FORK[:7]))]
        assert len(store.offers()) == 1


def test_two_trees_that_were_both_refused_prove_a_fork(tmp_path: Path) -> None:
    """The entries of the first hold and are mirrored, though a deposit is left out; then the log shows another tree."""
    clock, source = FakeClock(T0 + 3600), BookSource(book_of(2))
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        auditor = auditor_of(store, source, clock)
        assert add_checkpoint(auditor, source.book, 0).status == 200
        store.deposit(Deposit(raw=revocation(source.book, iat=T0 + 3600), deposited_at=clock()))
        clock.advance(301)
        for start in (9, 10):
            source.book = book_of(2)
            source.book.add(seals(1, start=start)[0])
            source.book.close()
            assert add_checkpoint(auditor, source.book, 4).status == 422
        (evidence,) = proofs(store)
        assert evidence.check(LOGS) == SAME_SIZE


def book_of(count: int) -> LogBook:
    """Give a log of so many seals under a head."""
    book = LogBook(GENESIS, LOG)
    for raw in seals(count):
        book.add(raw)
    book.close()
    return book


TREE: Final = [leaf_hash(b"entry %d" % number) for number in range(40)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "offers.sqlite", OFFER_SCHEMA, summed=True)) as opened:
        yield opened


@pytest.fixture
def keep(database: Database) -> Callable[..., None]:
    def keep(asked: AddCheckpoint, held: bytes | None = None) -> None:
        with database.transaction() as connection:
            keep_offer(connection, Offer(request=asked, held=held))

    return keep


def kept(database: Database) -> list[tuple[int, int]]:
    """Give size of each row, and whether it is proven."""
    with database.reading() as connection:
        return connection.execute("SELECT size, proven FROM offer ORDER BY id").fetchall()


def test_a_wrong_proof_that_is_sent_first_does_not_keep_the_right_one_out(
    database: Database, keep: Callable[..., None]
) -> None:
    held, root = signed(5, root_of(TREE[:5])), root_of(FORK[:9])
    keep(request(5, 9, root), held)
    assert kept(database) == [(9, 0)]
    keep(request(5, 9, root, growth(5, 9, FORK)), held)
    keep(request(5, 9, root, [bytes(32)]), held)
    assert kept(database) == [(9, 1)]
    with database.reading() as connection:
        assert len(find_forks(read_offers(connection), [], LOGS)) == 1


def test_two_of_one_size_prove_each_other(database: Database, keep: Callable[..., None]) -> None:
    for leaves in (TREE, FORK):
        keep(request(0, 4, root_of(leaves[:4])), signed(30, root_of(TREE[:30])))
    keep(request(0, 6, root_of(TREE[:6])), signed(30, root_of(TREE[:30])))
    assert kept(database) == [(4, 1), (4, 1), (6, 0)]


def test_what_proves_nothing_yet_is_a_ring_of_each_log(database: Database, keep: Callable[..., None]) -> None:
    other = sign_checkpoint(Checkpoint(origin="x.example", size=9, root=bytes(32)), "x.example", LOG)
    keep(AddCheckpoint.of(0, (), other))
    keep(request(0, 5, root_of(FORK[:5])), signed(5, root_of(TREE[:5])))
    for size in range(100, 100 + MAX_UNPROVEN + 3):
        keep(request(0, size, bytes(32)))
    sizes = [size for size, _ in kept(database)]
    assert sizes == [9, 5, *range(103, 103 + MAX_UNPROVEN)]


def test_the_first_proofs_of_a_log_are_kept_for_good(database: Database, keep: Callable[..., None]) -> None:
    """More than a thousand come only from who holds the log's key."""
    held = signed(5, root_of(TREE[:5]))
    with database.transaction() as connection:
        for number in range(MAX_PROVEN + 2):
            keep_offer(connection, Offer(request=request(5, 5, sha256(b"%d" % number).digest()), held=held))
        assert connection.execute("SELECT count(*), max(id) FROM offer").fetchone() == (MAX_PROVEN, MAX_PROVEN)
    keep(request(5, 40, bytes(32)), held)
    assert kept(database)[-1] == (40, 0)


def test_what_is_cosigned_settles_what_is_kept_of_its_size(tmp_path: Path) -> None:
    """The log's own growth, asked for from an old size, goes; another tree of that size is proven."""
    with closing(WitnessStore(tmp_path / "witness.sqlite")) as store:
        witness = witness_over(store)
        asked = [
            (request(0, 3, root_of(TREE[:3])), 200),
            (request(0, 9, root_of(TREE[:9])), 409),
            (request(0, 20, root_of(FORK[:20])), 409),
            (request(3, 9, root_of(TREE[:9]), growth(3, 9, TREE)), 200),
        ]
        assert [witness.add_checkpoint(each.format()).status for each, _ in asked] == [status for _, status in asked]
        assert [(each.request.checkpoint.size, each.fork) for each in store.offers()] == [(20, None)]
        last = request(9, 20, root_of(TREE[:20]), growth(9, 20, TREE))
        assert witness.add_checkpoint(last.format()).status == 200
        assert len(proofs(store)) == len(store.offers()) == 1

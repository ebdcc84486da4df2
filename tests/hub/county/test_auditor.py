"""The auditor: what it cosigns and refuses, that it said nothing before it was stored, and how it catches up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditcheck import check_auditor
from hub.county.auditing import SUMMED, SqliteAuditStore
from hub.county.auditor import Auditor
from ledger.deposits import Deposit
from ledger.errors import NotVerified, Unavailable
from ledger.transparency.checkpoint import (
    Checkpoint,
    cosign,
    sign_checkpoint,
    verify_checkpoint,
    with_cosignatures,
)
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, Note, VerifierKey, keyring
from ledger.transparency.policy import Policy
from ledger.transparency.store import Appended
from ledger.transparency.witness import AddCheckpoint, Decision, Latest, monitoring_path
from tests.audits import GENESIS_STATE, LOG_KEY, BookSource, add_checkpoint, auditor_of, claimed_of, refusal_in
from tests.disk_faults import change_behind
from tests.entropy import signer_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.sequenced import seals
from tests.small_log import AUDITORS, GENESIS, LOG, ORIGIN, POLICY, T0, issue_at, revocation

NOW: Final = T0 + 3600
KEY: Final = VerifierKey.of(AUDITORS["370214"].name, COSIGNATURE_ED25519, AUDITORS["370214"].signer)
PATH: Final = monitoring_path(ORIGIN)


@dataclass
class World:
    """A book with two seals and a head, an auditor that has cosigned it, and its store's file."""

    path: Path
    book: LogBook
    source: BookSource
    clock: FakeClock
    auditor: Auditor

    def ask(self, old: int) -> Decision:
        return add_checkpoint(self.auditor, self.book, old)

    def grow(self, *entries: bytes) -> int:
        """Add a batch with its head; give the size before."""
        old = self.book.size
        for raw in entries:
            self.book.add(raw)
        self.book.close()
        return old

    def restart(self) -> None:
        """End the auditor and start one over the same file."""
        self.close()
        self.auditor = auditor_of(self.path, self.source, self.clock)

    def close(self) -> None:
        store = self.auditor.store
        assert isinstance(store, SqliteAuditStore)
        self.auditor.stop()
        store.close()

    def caught_up(self, ask: Callable[[], Decision], *statuses: int) -> Decision:
        """Ask until the auditor answers (with one of the statuses); each time it does not, let it catch up."""
        for _ in range(100):
            with suppress(Unavailable):
                decision = ask()
                if decision.status in (statuses or {decision.status}):
                    return decision
            thread = self.auditor._catching_up
            assert thread is not None
            thread.join()
        raise AssertionError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    book, clock = LogBook(GENESIS, LOG), FakeClock(NOW)
    source, path = BookSource(book), tmp_path / "auditor.sqlite"
    world = World(path, book, source, clock, auditor_of(path, source, clock))
    world.grow(*seals(2))
    assert world.ask(0).status == 200
    yield world
    world.close()


def test_what_holds_is_cosigned_as_a_witness_would(world: World) -> None:
    old = world.grow(revocation(world.book, iat=NOW))
    decision = world.ask(old)
    note = world.auditor.checkpoint(PATH)
    assert note is not None
    log, ours = Note.parse(note).signatures
    assert (decision.status, decision.body, log.name) == (200, ours.line(), ORIGIN)
    signed = verify_checkpoint(Note.parse(note), keyring([LOG_KEY, KEY]))
    assert (signed.checkpoint, signed.cosignatures) == (claimed_of(world.book), {KEY: NOW})
    assert world.auditor.checkpoint("0" * 64 + "/checkpoint") is None


def test_the_same_checkpoint_again_is_a_heartbeat_that_fetches_nothing(world: World) -> None:
    world.source.down = True
    world.clock.advance(60)
    with pytest.raises(Unavailable, match="no_log"):
        world.ask(world.grow(seals(1, start=9)[0]))
    del world.book.entries[4:]
    world.source.down = False
    world.source.asked.clear()
    assert world.ask(4).status == 200
    assert [stop - start for start, stop in world.source.asked] == [0]


def test_the_checks_of_a_witness_come_first(world: World) -> None:
    """Nothing is fetched for what no witness would cosign."""
    world.source.asked.clear()
    stranger = sign_checkpoint(claimed_of(world.book), ORIGIN, signer_of("stranger"))
    other = sign_checkpoint(Checkpoint(origin="x.example", size=9, root=bytes(32)), "x.example", LOG)
    fork = sign_checkpoint(Checkpoint(origin=ORIGIN, size=4, root=bytes(32)), ORIGIN, LOG)
    for note, old, status in ((stranger, 4, 403), (other, 0, 404), (fork, 4, 422), (fork, 3, 409)):
        decision = world.auditor.add_checkpoint(AddCheckpoint.of(old, (), note).format())
        assert (decision.status, decision.content_type == "application/jose") == (status, False)
    assert world.auditor.add_checkpoint(b"x" * 300_000).status == 413
    assert world.source.asked == []


def test_a_refusal_is_signed_kept_and_said_again(world: World) -> None:
    old = world.book.size
    world.book.append(b"not an entry")
    world.book.close()
    refusal = refusal_in(decision := world.ask(old))
    assert (refusal.code, refusal.index, refusal.size, refusal.root) == ("bad_encoding", 4, 6, world.book.root())
    world.clock.advance(30)
    assert world.ask(old).body == decision.body
    (kept,) = world.auditor.store.refusals(9)
    assert (kept.refusal, kept.jws) == (refusal, decision.body)
    latest = world.auditor.store.latest()
    assert latest is not None
    assert latest.size == 4


def test_entries_that_are_not_to_be_had_are_no_reason_to_refuse(world: World) -> None:
    old = world.grow(seals(1, start=9)[0])
    world.source.down = True
    with pytest.raises(Unavailable, match="no_log"):
        world.ask(old)
    world.source.down = False
    assert world.ask(old).status == 200
    assert list(world.auditor.store.refusals(9)) == []


def test_wrong_entries_are_refused_and_the_right_ones_taken_later(world: World) -> None:
    """What the log serves is not what it signed: the signed tree itself may still be good."""
    old = world.grow(*seals(2, start=9))
    world.source.served = lambda entries: entries[:4] + entries[5:] + entries[4:5]
    assert refusal_in(world.ask(old)).code == "bad_inclusion"
    world.source.served = list
    assert world.ask(old).status == 200


def hidden(world: World) -> Deposit:
    """Deposit a revocation, which the log then leaves out."""
    deposit = Deposit(raw=revocation(world.book, iat=NOW), deposited_at=NOW)
    world.auditor.store.deposit(deposit)
    return deposit


def test_a_hidden_revocation_costs_the_cosignature_after_five_minutes(world: World) -> None:
    """Heartbeats and growth alike; a log that takes the entry at last is cosigned again."""
    deposit = hidden(world)
    world.clock.advance(300)
    assert world.ask(4).status == 200
    world.clock.advance(1)
    refusal = refusal_in(world.ask(4))
    assert (refusal.code, refusal.index, refusal.leaf) == ("deposit_left_out", 1, leaf_hash(deposit.raw))
    old = world.grow(seals(1, start=9)[0])
    assert refusal_in(world.ask(old)).leaf == leaf_hash(deposit.raw)
    world.grow(deposit.raw)
    assert world.ask(old).status == 200
    assert list(world.auditor.store.deposits()) == []


def test_what_was_replayed_before_a_refusal_is_not_replayed_again(world: World) -> None:
    hidden(world)
    world.clock.advance(301)
    old = world.grow(*seals(3, start=9))
    assert refusal_in(world.ask(old)).code == "deposit_left_out"
    world.source.asked.clear()
    assert refusal_in(world.ask(old)).code == "deposit_left_out"
    assert world.source.asked == [(8, 8)]


@pytest.mark.parametrize("stored", [False, True])
def test_a_crash_between_store_and_answer_loses_nothing(world: World, *, stored: bool) -> None:
    """Either the checkpoint is there with its entries, and the log is told so, or neither is."""
    old = world.grow(*seals(3, start=9))
    world.close()
    store = SqliteAuditStore(world.path)
    crashing = auditor_of(Crashing(store, stored=stored), world.source, world.clock)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        add_checkpoint(crashing, world.book, old)
    store.close()
    world.auditor = auditor_of(world.path, world.source, world.clock)
    again = world.ask(old)
    if stored:
        assert (again.status, again.body) == (409, b"8\n")
        assert world.ask(8).status == 200
    else:
        assert again.status == 200
    assert world.auditor.replay.size == 8


class Crashing:
    """A store whose process ends in `keep`: before it is done, or after."""

    def __init__(self, inner: SqliteAuditStore, *, stored: bool) -> None:
        self._inner = inner
        self._stored = stored

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: tuple[bytes, ...] = ()) -> None:
        if self._stored:
            self._inner.keep(batch, latest, settled)
        raise KeyboardInterrupt


def test_after_a_restart_it_goes_on_where_it_was(world: World) -> None:
    world.restart()
    assert world.ask(world.grow(revocation(world.book, iat=NOW))).status == 200
    assert world.source.asked[-1] == (4, 6)


def batches(book: LogBook, count: int, *, start: int = 100) -> None:
    """Let a book grow by so many batches of 99 seals, quickly: entries are read by nobody here."""
    for number in range(count):
        for raw in seals(99, start=start + 99 * number):
            book.append(raw)
        book.close()


@pytest.fixture
def far(world: World) -> World:
    """Give a log that is far ahead of its auditor."""
    batches(world.book, 9)
    return world


def test_one_that_is_far_behind_catches_up_and_then_cosigns(far: World) -> None:
    with pytest.raises(Unavailable, match="replayed 4 of 904"):
        far.ask(4)
    assert far.caught_up(lambda: far.ask(4)).status == 200
    assert far.auditor.replay.size == far.book.size
    far.restart()
    assert far.ask(far.book.size).status == 200


def test_a_fault_far_ahead_is_refused_all_the_same(far: World) -> None:
    wrong = far.book.size
    far.book.append(b"not an entry")
    far.book.close()
    refusal = refusal_in(far.caught_up(lambda: far.ask(4)))
    assert (refusal.code, refusal.index, refusal.size) == ("bad_encoding", wrong, far.book.size)


def test_what_led_to_another_tree_is_forgotten_and_fetched_anew(far: World) -> None:
    """What was cosigned stays, with the entries below it."""
    other = issue_at(T0 + 62, exp=T0 + 99_999).partition("~")[0].encode()
    far.source.served = lambda entries: [*entries[:5], other, *entries[6:]]
    refusal = refusal_in(far.caught_up(lambda: far.ask(4)))
    assert refusal.code == "bad_inclusion"
    assert far.auditor.replay.size == 4
    far.source.served = list  # the auditor says the same again, and looks once more
    far.source.asked.clear()
    assert far.caught_up(lambda: far.ask(4), 200).status == 200
    assert min(start for start, _ in far.source.asked) == 4
    assert check_auditor(far.path, Policy.parse(POLICY), GENESIS_STATE) == far.book.size


def test_a_forgotten_mirror_is_fetched_anew_without_judging_old_dates(world: World) -> None:
    """What lies below the checkpoint that was cosigned last has no window any more."""
    world.clock.advance(30 * 86_400)
    assert world.ask(4).status == 200
    world.close()
    store = SqliteAuditStore(world.path)
    store.forget()
    store.close()
    world.auditor = auditor_of(world.path, world.source, world.clock)
    with pytest.raises(Unavailable, match="replayed 0 of 4"):
        world.ask(4)
    assert world.caught_up(lambda: world.ask(4)).status == 200


def test_its_file_can_be_checked_and_a_flipped_byte_is_found(world: World, tmp_path: Path) -> None:
    """Entries, what follows from them, what was cosigned, refused and deposited: byte by byte of a row of each."""
    hidden(world)
    world.clock.advance(301)
    refusal_in(world.ask(world.grow(revocation(world.book, of=2, iat=NOW))))
    fork = sign_checkpoint(Checkpoint(origin=ORIGIN, size=4, root=bytes(32)), ORIGIN, LOG)
    world.auditor.add_checkpoint(AddCheckpoint.of(4, (), fork).format())
    policy = Policy.parse(POLICY)
    assert check_auditor(world.path, policy, GENESIS_STATE) == 6
    with closing(sqlite3.connect(world.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
    for table, column in cells_of(tmp_path / "copy"):
        damaged = tmp_path / "damaged"
        damaged.write_bytes((tmp_path / "copy").read_bytes())
        with closing(sqlite3.connect(damaged)) as connection:
            (value,) = connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()  # noqa: S608  # our names
        for wrong in near(value):
            change = f"UPDATE {table} SET {column} = ? WHERE {column} IS ?"  # noqa: S608  # the same
            change_behind(damaged, change, wrong, value)
            with pytest.raises(NotVerified, match="corrupt_store"):
                check_auditor(damaged, policy, GENESIS_STATE)
            damaged.write_bytes((tmp_path / "copy").read_bytes())
        assert check_auditor(damaged, policy, GENESIS_STATE) == 6


def cells_of(path: Path) -> list[tuple[str, str]]:
    """Name a column of each table of the mirror, and all of the others."""
    mirror = {"entry": "d", "leaf": "h", "statement": "h", "tile": "h", "status": "t", "head": "body", "meta": "value"}
    columns = "SELECT name FROM pragma_table_info(?) WHERE name <> 'id'"
    with closing(sqlite3.connect(path)) as connection:
        beside = {table: connection.execute(columns, (table,)).fetchall() for table in (*sorted(SUMMED), "row_sum")}
    return [*mirror.items(), *((table, column) for table, found in beside.items() for (column,) in found)]


def near(value: bytes | str | int | None) -> list[object]:
    """Give what a stored value may become."""
    match value:
        case bytes():
            places = {0, len(value) // 2, len(value) - 1} if value else ()
            return [value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in places] or [b"x"]
        case str():
            return [chr(ord(value[0]) ^ 1) + value[1:]]
        case int():
            return [value ^ 1, value + (1 << 32)]
        case None:
            return [b""]


@pytest.mark.parametrize(
    "change", ["size = 3", "root = zeroblob(32)", "time = time + 86400", "note = replace(note, x'0a340a', x'0a350a')"]
)
def test_it_does_not_go_on_from_a_changed_checkpoint(world: World, change: str) -> None:
    """What it would cosign next must have grown from what it has signed; another time would be signed, too."""
    world.close()
    change_behind(world.path, f"UPDATE latest SET {change}")  # noqa: S608  # literals above
    with pytest.raises(NotVerified, match="corrupt_store"):
        auditor_of(world.path, world.source, world.clock)
    change_behind(world.path, "DELETE FROM latest")
    world.auditor = auditor_of(world.path, world.source, world.clock)


def test_it_does_not_go_on_from_a_checkpoint_that_the_log_has_not_signed(world: World) -> None:
    world.close()
    stranger = signer_of("stranger")
    note = Note.parse(sign_checkpoint(claimed_of(world.book), ORIGIN, stranger))
    cosigned = with_cosignatures(note, [cosign(note.text, KEY.name, AUDITORS["370214"].signer, NOW)]).format()
    change_behind(world.path, "UPDATE latest SET note = ?", cosigned)
    with pytest.raises(NotVerified, match="the log has not signed"):
        auditor_of(world.path, world.source, world.clock)
    change_behind(world.path, "DELETE FROM latest")
    world.auditor = auditor_of(world.path, world.source, world.clock)


def test_a_log_that_missed_an_answer_is_no_evidence_of_a_fork(world: World) -> None:
    """It asks from an old size for what was cosigned meanwhile, or for more: nothing of it is left in the end."""
    assert world.ask(0).status == 409
    world.grow(*seals(1, start=9))
    assert world.ask(0).status == 409
    assert world.ask(4).status == 200
    assert list(world.auditor.store.offers()) == []

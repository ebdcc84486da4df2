"""A store made again from entries alone: the same rows as the sequencer wrote, or no store at all."""

from __future__ import annotations

from typing import Final

import pytest

from ledger.entries import MEMBER_TYP
from ledger.errors import Conflict, Malformed, NotVerified
from ledger.governance import KeyRevocation, MemberRow, member_payload
from ledger.jws import sign_general
from ledger.status import Status
from ledger.transparency.note import Note
from ledger.transparency.rebuild import rebuild_log
from tests.sequenced import SequencedLog, seals, status_entry
from tests.small_log import COUNTIES, T0
from tests.stores import MemoryStore

MEMBERS: Final = ("entry", "leaf", "statement", "tile_of", "status", "change")


def worked(*batches: int) -> SequencedLog:
    """Make a log of batches of seals, the third seal revoked after each."""
    log, start = SequencedLog(MemoryStore(), now=T0 + 10_000), 0
    for count in batches:
        log.sequence(seals(count, start=start))
        start += count
    log.sequence([status_entry(log, 2, Status.SUSPENDED, reason="06")])
    log.sequence([status_entry(log, 2, Status.REVOKED, reason="04", iat=T0 + 1000)])
    return log


def entries(log: SequencedLog) -> list[bytes]:
    store = log.store
    assert isinstance(store, MemoryStore)
    return list(store.entry)


def rows(store: MemoryStore) -> dict[str, object]:
    return {name: getattr(store, name) for name in MEMBERS}


@pytest.mark.parametrize("run", [1, 7, 256, 10_000])
def test_every_row_is_made_again_however_the_entries_come(run: int) -> None:
    log = worked(20, 300, 1)
    raws, note, again = entries(log), log.store.state().note, MemoryStore()
    point = rebuild_log(again, (raws[start : start + run] for start in range(0, len(raws), run)), note)
    assert (point.size, again.state().size, again.state().note, again.state().published) == (330, 330, note, 0)
    assert isinstance(log.store, MemoryStore)
    assert rows(again) == rows(log.store)
    assert again.state().genesis_leaf == log.store.state().genesis_leaf


def test_a_large_log_is_written_in_transactions_that_end_behind_a_head() -> None:
    class Counted(MemoryStore):
        commits = 0

        def commit(self, batch: object) -> None:
            self.commits += 1
            super().commit(batch)  # type: ignore[arg-type]

    log, again = worked(*[256] * 17), Counted()
    rebuild_log(again, [entries(log)], log.store.state().note)
    assert again.commits == 1
    assert rows(again) == rows(log.store)  # type: ignore[arg-type]
    SequencedLog(again, create=False, now=T0 + 10_000).sequence(seals(1, start=9000))


@pytest.mark.parametrize("batches", [(20,), (256,) * 17], ids=["not yet written", "written before"])
def test_what_falls_with_a_compromised_key_falls_again(batches: tuple[int, ...]) -> None:
    log, again = worked(*batches), MemoryStore()
    row = MemberRow(county="370214", revoke=(KeyRevocation(kid="370214#1", void_from=5),))
    payload = member_payload(iat=T0 + 2000, k=1, members=[row], prev=log.keys.digest())
    change = sign_general(MEMBER_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])
    log.sequence([change])
    rebuild_log(again, [entries(log)], log.store.state().note)
    assert rows(again) == rows(log.store)  # type: ignore[arg-type]
    assert len(again.change) == 2 + sum(batches) - 3


def test_other_entries_than_the_notes_are_refused() -> None:
    """One too few, one too many, one in another's place, the two last ones swapped."""
    log = worked(20)
    raws, note = entries(log), log.store.state().note
    for wrong in (raws[:-1], raws[:-2], [*raws, raws[-1]], [*raws[:5], raws[6], *raws[6:]], [*raws[:5], *raws[6:]]):
        with pytest.raises((NotVerified, AssertionError)):
            rebuild_log(MemoryStore(), [wrong], note)
    swapped = [*raws[:4], raws[5], raws[4], *raws[6:]]
    with pytest.raises(NotVerified, match="do not give the root"):
        rebuild_log(MemoryStore(), [swapped], note)


def test_a_log_begins_with_its_genesis_and_a_store_is_empty() -> None:
    log = worked(3)
    raws, note = entries(log), log.store.state().note
    with pytest.raises(Malformed, match="entry 0 is no genesis"):
        rebuild_log(MemoryStore(), [raws[2:]], note)
    with pytest.raises(Conflict, match="already_exists"):
        rebuild_log(log.store, [raws], note)
    with pytest.raises(Malformed):
        rebuild_log(MemoryStore(), [raws], Note.parse(note).text)


def test_a_store_that_is_being_rebuilt_is_no_log_to_start_on() -> None:
    """The text in the note's place is signed by nobody."""
    log = worked(*[256] * 17)
    raws, again = entries(log), MemoryStore()
    with pytest.raises(NotVerified, match="there are 4371 entries"):
        rebuild_log(again, [raws[:-4]], log.store.state().note)
    assert again.state().note == b"being rebuilt: 4114 entries"
    with pytest.raises(NotVerified, match="corrupt_store"):
        SequencedLog(again, create=False)

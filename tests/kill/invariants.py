"""The four invariants, after every kill, by one function.

    I1  everything acknowledged is there
    I2  nothing is there twice, and nothing that nobody sent
    I3  the ledger is contiguous, the journal replays, every signature valid, grown from the last published checkpoint that anyone saw
    I4  the graph is the projection of ledger and journal: equal to their replay into an empty engine

Source: the fault table of this project; the whole-log check is `ledger.transparency.fsck`. A write without an answer
may be there or not; its repetition gives the index that it has, and from then on always the same receipt.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Final

import pytest

from hub.journal.records import LicenseRecord, parse_record
from hub.journal.replay import Bound, replay_journal
from hub.partner import ask
from ledger.entries import Head, Seal, parse_entry
from ledger.errors import Refused
from ledger.receipt import parse_receipt
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.fsck import Replayed, replay_log
from ledger.transparency.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_consistency, verify_inclusion
from ledger.transparency.note import Note
from ledger.transparency.proof import TlogProof
from ledger.transparency.witness import monitoring_path
from ledger.verdict import Outcome
from schema.context import Access
from tests.kill.account import Account, Told
from tests.kill.caller import Caller
from tests.kill.replay import dump_when_projected, replayed, unlike
from tests.kill.stored import Stored, stored_in
from tests.kill.world import World, wait_until

__all__ = ["check"]

_BUNDLE: Final = 250
_PAST_REPEATED: Final = 20
_MAX_AGE_S: Final = 86_400
_LOGGED: Final = frozenset({Outcome.VALID, Outcome.SUSPENDED, Outcome.REVOKED})


def check(world: World, account: Account, seed: int, *, graph: bool = True) -> None:
    """Check all four invariants after a round; then its account is complete, and belongs to the world's past.

    Everything that was killed runs again. graph: False leaves I4 out, where the kill cannot have touched the graph; the
    last check of a world never does.
    """
    assert account.faults == []
    counts = account.tally()
    data, copies = world.alliance.data("hub"), world.alliance.folder / "copies"
    with stored_in(data, copies) as stored:
        _check_acknowledged(stored, world.past, account)
        _check_log(world, stored, account)
        counts.update(_found(stored, account))
        _collect_outbox(world, account)
        _repeat(world, account, stored, Random(seed))
        _go_on(world, account)
    with stored_in(data, copies) as stored:
        _check_acknowledged(stored, world.past, account)
        _check_nothing_twice(stored, world.past, account)
        _check_spent(world)
        if graph:
            _check_graph(world, stored)
    world.conclude(account, counts)


def _check_graph(world: World, stored: Stored) -> None:
    """I4: wait until the graph has all that is published, and compare it with the replay."""
    dump = dump_when_projected(world.graph, ledger=stored.published, journal=len(stored.records))
    with stored_in(world.alliance.data("hub"), world.alliance.folder / "copies") as later:
        # A heartbeat may have added a head meanwhile, so the replay goes as far as the graph has come.
        at = {name: dump.nodes[f"Cursor:{name}"]["at"] for name in ("ledger", "journal")}
        assert at["ledger"] <= later.published
        assert at["journal"] <= len(later.records)
        replay = replayed(world.replay, later.entries[: at["ledger"]], later.records[: at["journal"]])
    differences = unlike(dump, replay)
    assert differences == [], "\n".join(differences)


def _check_acknowledged(stored: Stored, *accounts: Account) -> None:
    """I1: entries and records stand where the answer said, and every answered look-up left its access record."""
    accesses = Counter(each.use_cause for each in stored.accesses)
    for account in accounts:
        for raw, told in account.entries.items():
            assert told is None or stored.entries[told.index : told.index + 1] == [raw], told
        for raw, position in account.records.items():
            assert position is None or stored.records[position : position + 1] == [raw], position
        for cause, answered in account.looks.items():
            assert accesses[cause] in ({1} if answered else {0, 1}), cause


def _found(stored: Stored, account: Account) -> Counter[str]:
    """Count the writes without an answer that took place all the same."""
    entries = sum(told is None and raw in stored.index_of for raw, told in account.entries.items())
    records = sum(position is None and raw in stored.records for raw, position in account.records.items())
    return Counter({"entries stored without an answer": entries, "journal records stored without an answer": records})


def _check_nothing_twice(stored: Stored, *accounts: Account) -> None:
    """I2: each entry and record once; all that is there was sent by someone, or is a head of the hub's own."""
    assert len(stored.index_of) == stored.size
    sent = {raw for account in accounts for raw in account.entries}
    strangers = [raw for raw in stored.entries[1:] if raw not in sent]
    assert [raw for raw in strangers if not isinstance(parse_entry(raw), Head)] == []
    records = [each for each in map(parse_record, stored.records) if not isinstance(each, Access)]
    assert len({each.raw for each in records}) == len(records)
    assert {each.raw for each in records} <= {raw for account in accounts for raw in account.records}
    licenses = [each for each in records if isinstance(each, LicenseRecord)]
    assert len({each.identifier for each in licenses}) == len(licenses)
    causes = [each.use_cause for each in stored.accesses]
    assert len(set(causes)) == len(causes)
    assert set(causes) <= {cause for account in accounts for cause in account.looks}


def _check_spent(world: World) -> None:
    """I2, of assertions: one that bought a token before the kill buys no second one."""
    with pytest.raises(Refused):
        ask("POST", f"{world.url}/oauth/token", data=world.spent)


def _check_log(world: World, stored: Stored, account: Account) -> None:
    """I3: the whole log, entry by entry; the journal in every head; all that was ever shown, and by the witnesses."""
    (log,) = world.node.policy.logs
    replayed = replay_log(stored.ledger.reader, stored.ledger.state(), log.key)
    assert len(replayed.issuers) == stored.size
    _check_journal(stored, replayed)
    _check_journal_in_heads(stored)
    for seen in account.notes:
        _check_shown(world, stored, seen)
    sizes = [_checkpoint(note).size for note in [*world.past.notes[-1:], *account.notes]]
    assert sizes == sorted(sizes)
    with Caller(world.url) as caller:
        now = caller.checkpoint()
    _check_grown(stored, account.notes[-1:], now)
    _check_witnesses(world, [*account.notes, now])


def _checkpoint(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)


def _check_shown(world: World, stored: Stored, note: bytes) -> None:
    """See that a served checkpoint is signed, has its quorum, and is one of this very log."""
    anchor = world.node.verifier.anchor
    shown = anchor.checkpoint(note).checkpoint
    anchor.quorum_time(note, int(time.time()))
    assert shown.root == stored.reads.root(shown.size), shown.size


def _check_grown(stored: Stored, last_seen: Sequence[bytes], now: bytes) -> None:
    """Prove that the log as it is served now is that of the last checkpoint seen before the kill, grown."""
    new = _checkpoint(now)
    for old in map(_checkpoint, last_seen):
        assert old.size <= new.size
        if new.size <= stored.size:  # else it has been published since the copy was made
            path = stored.reads.consistency(old.size, new.size)
            verify_consistency(old.size, new.size, old.root, new.root, path)


def _check_journal_in_heads(stored: Stored) -> None:
    """See that every head binds the journal as it was then: a prefix of what it is now, never a shorter one again."""
    heads = [each for each in map(parse_entry, _heads(stored)) if isinstance(each, Head)]
    assert all(one.journal_n <= other.journal_n for one, other in pairwise(heads))
    roots, frontier = {0: EMPTY_ROOT}, Frontier()
    wanted = {head.journal_n for head in heads}
    assert max(wanted) <= len(stored.records)
    for count, raw in enumerate(stored.records, 1):
        frontier = frontier.append([leaf_hash(raw)]).frontier
        if count in wanted:
            roots[count] = frontier.root()
    assert [head.journal_root for head in heads] == [roots[head.journal_n] for head in heads]


def _check_journal(stored: Stored, log: Replayed) -> None:
    """Replay the journal as `tongban ledger fsck` does: every case goes its way once more, step by step."""

    def issuers_of(leaves: Sequence[bytes]) -> dict[bytes, str | None]:
        return {leaf: log.issuers[index] for leaf, index in stored.ledger.reader.find(leaves, ())[0].items()}

    bound = Bound(roots=log.journal, keys=log.keys, issuers_of=issuers_of)
    assert replay_journal(stored.journal, bound).n == len(stored.records)


def _heads(stored: Stored) -> Iterator[bytes]:
    """Give the entries that may be heads: their protected header names no county."""
    header = stored.entries[-1].partition(b".")[0]  # the last leaf is a head, and all heads have one header
    return (raw for raw in stored.entries if raw.startswith(header))


def _check_witnesses(world: World, notes: Sequence[bytes]) -> None:
    """See that no witness has forgotten a size that it cosigned: one that does could be led into a fork."""
    held: dict[str, int] = {}
    for note in notes:
        signed = world.node.verifier.anchor.checkpoint(note)
        for key in signed.cosignatures:
            held[key.name] = max(held.get(key.name, 0), signed.checkpoint.size)
    (log,) = world.node.policy.logs
    for county in world.alliance.counties:
        url = f"{world.alliance.url(county)}/witness/{monitoring_path(log.key.name)}"
        latest = _checkpoint(ask("GET", url).content)
        (name,) = (each.key.name for each in world.node.policy.witnesses if each.key.name.startswith(county))
        assert latest.size >= held.get(name, 0), county


def _collect_outbox(world: World, account: Account) -> None:
    """Wait until the outbox is empty; what it sent, and the evidence that it got, goes into the account."""
    node = world.node

    def empty() -> bool:
        status = node.status(int(time.time()))
        assert status.failed == {}
        return status.pending == 0 and status.witnessed == status.stated

    wait_until(empty, "the outbox is empty")
    for leaf, identifier in account.outbox.items():
        (item,) = (each for each in node.outbox.of(identifier) if each.leaf == leaf)
        assert (item.state, item.log_index is None) == ("done", False)
        account.entries[item.entry] = Told(index=item.log_index or 0, evidence=item.evidence)
        if item.journal is not None:
            account.records[item.journal] = None
            world.logged.append(identifier)


def _repeat(world: World, account: Account, stored: Stored, chance: Random) -> None:
    """Send everything of the round again, and some of the past: the same index, the same receipt, to the byte.

    What had no answer gets one now, and is sent a third time.
    """
    past = dict(chance.sample(list(world.past.entries.items()), min(len(world.past.entries), _PAST_REPEATED)))
    unknown = [raw for raw, told in account.entries.items() if told is None or told.evidence is None]
    with Caller(world.url) as caller:
        told = _sent_again(caller, {**past, **account.entries}, stored)
        again = _sent_again(caller, {raw: told[raw] for raw in unknown}, stored)
        assert again == {raw: told[raw] for raw in unknown}
        account.entries.update((raw, told[raw]) for raw in account.entries)
        for raw in account.entries:
            _check_evidence(world, raw, told[raw])
        for records in _parts(list(account.records)):
            _compare_positions(account.records, records, caller.state(records))


def _go_on(world: World, account: Account) -> None:
    """Let every case go one step further, from where the repetition left it; what is never sent waits for a round."""
    work = world.casework
    work.drop([*world.past.records, *account.records])
    with Caller(world.url) as caller:
        for case in work.open:
            (account.records[case[0]],) = caller.state([case[0]])
    work.drop(account.records)


def _sent_again(caller: Caller, entries: Mapping[bytes, Told | None], stored: Stored) -> dict[bytes, Told]:
    told: dict[bytes, Told] = {}
    for part in _parts(list(entries)):
        for raw, answer in zip(part, caller.submit(part), strict=True):
            first = entries[raw]
            assert answer.evidence is not None, f"entry {answer.index} is not witnessed"
            assert stored.index_of.get(raw, answer.index) == answer.index
            if first is not None:
                assert answer.index == first.index
                assert first.evidence in {None, answer.evidence}, _difference(first, answer)
            told[raw] = answer
    return told


def _difference(first: Told, answer: Told) -> str:
    """Say of an entry that has two answers which checkpoints they stand under, and where they part."""
    one, other = first.evidence or b"", answer.evidence or b""
    notes = [re.findall(rb"(?:\\n|\n)(\d+)(?:\\n|\n)", each)[:1] for each in (one, other)]
    at = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return f"entry {answer.index} under the checkpoints {notes}: {one[at - 40 : at + 80]!r} became {other[at - 40 : at + 80]!r}"


def _compare_positions(records: dict[bytes, int | None], sent: Sequence[bytes], positions: Sequence[int]) -> None:
    for raw, position in zip(sent, positions, strict=True):
        assert records[raw] in {None, position}
        records[raw] = position


def _parts(raws: list[bytes]) -> Iterator[list[bytes]]:
    return (raws[start : start + _BUNDLE] for start in range(0, len(raws), _BUNDLE))


def _check_evidence(world: World, raw: bytes, told: Told) -> None:
    """See that the evidence of an entry holds offline: the receipt of a seal, the proof of any other entry."""
    evidence, now, verifier = told.evidence or b"", int(time.time()), world.node.verifier
    if isinstance(parse_entry(raw), Seal):
        receipt = parse_receipt(evidence)
        assert (receipt.entry, receipt.proof.index) == (raw, told.index)
        verdict = verifier.verify(evidence, now=now, max_age=_MAX_AGE_S)
        assert verdict.outcome in _LOGGED, verdict
        return
    proof = TlogProof.parse(evidence)
    shown = verifier.anchor.checkpoint(proof.checkpoint).checkpoint
    verifier.anchor.quorum_time(proof.checkpoint, now)
    verify_inclusion(leaf_hash(raw), proof.index, shown.size, proof.path, shown.root)
    assert proof.index == told.index

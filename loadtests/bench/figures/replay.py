"""How many entries an auditor replays in a second of one core, and stores: seals by Ed25519, in batches of 256.

Ours: for every checkpoint of a log, as a hub publishes it, `MirroredLog.check_next` and `keep`: every signature under
the key state at its index, leaves, root, statements, the status head, and the auditor's own database, durable. What
the network costs is not in it. Beside it: one bare Ed25519 verification by OpenSSL an entry.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from hub.county.auditing import SqliteAuditStore
from hub.county.mirroring import MirroredLog
from hub.database import open_writer
from hub.governance.founding import log_key, open_hub_keys
from hub.keyfiles import read_passphrase
from ledger.entries import MemberChange, parse_entry
from ledger.heads import EMPTY_JOURNAL_ROOT
from ledger.members import KeyState
from ledger.transparency.candidate import examine
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import Note
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.sqlite import SqliteStore
from loadtests.bench.measuring import Effort, Gate, Pair, Reading, cpu_seconds_of
from loadtests.bench.shelf import COUNTY, Shelf, bare_verifications, sealed_licenses

__all__ = ["measure"]

BATCH: Final = 256
_BATCHES: Final = 16


@dataclass(frozen=True, slots=True)
class _Log:
    """A whole log in memory: the entry source of a mirror. Its journal is empty."""

    raws: Sequence[bytes]
    checkpoints: Sequence[Checkpoint]

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the entries start..stop-1."""
        return self.raws[start:stop]

    def journal_growth(self, _old: int, _new: int) -> Sequence[bytes]:
        """Give the empty proof: nothing grows."""
        return ()


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figure `replay`."""
    shelf, now = Shelf.found(folder / "alliance"), int(time.time())
    batches = effort.amount(_BATCHES, least=4)
    with shelf.alliance.node(COUNTY) as node:
        seals = [each.entry for each in sealed_licenses(node, batches * BATCH, now=now)]
        bare = bare_verifications(node.keys.seal.public_key, seals)
    log, names = _sequenced(shelf, seals, now), count()
    pairs = []
    for _ in range(effort.rounds):
        ours = _replay_s(shelf, log, folder / f"auditor-{next(names)}.sqlite", now)
        pairs.append(Pair(len(log.raws) / ours, len(seals) / cpu_seconds_of(bare)))
    return [
        Reading(
            name="replay",
            title=f"an auditor's replay, batches of {BATCH}, stored",
            unit="entries/s",
            beside="bare Ed25519 verifications (OpenSSL)",
            pairs=tuple(pairs),
            gate=Gate(of="ours", sign=">=", bound=4_000),
            note="of one core's CPU time, on both sides",
        )
    ]


def _sequenced(shelf: Shelf, seals: Sequence[bytes], now: int) -> _Log:
    data = shelf.alliance.data("hub")
    signer = open_hub_keys(data, read_passphrase(shelf.alliance.passphrase_file("hub"))).log
    with closing(open_writer(data / "ledger.sqlite")) as writer:
        store = SqliteStore(writer)
        sequencer, checkpoints = Sequencer.open(store, signer), []
        for start in range(0, len(seals), BATCH):
            candidates = [examine(raw, sequencer.keys, sequencer.size) for raw in seals[start : start + BATCH]]
            pending = sequencer.sequence(candidates, now=now, journal=(0, EMPTY_JOURNAL_ROOT)).pending
            checkpoints.append(Checkpoint.parse(Note.parse(pending.note).text))
        return _Log(store.reader.entries(0, sequencer.size), checkpoints)


def _replay_s(shelf: Shelf, log: _Log, path: Path, now: int) -> float:
    data, genesis = shelf.alliance.data("hub"), parse_entry(log.raws[0])
    if not isinstance(genesis, MemberChange):
        raise TypeError("entry 0 is no genesis")
    signer = open_hub_keys(data, read_passphrase(shelf.alliance.passphrase_file("hub"))).log
    key = log_key(log.checkpoints[0].origin, signer)
    with closing(SqliteAuditStore(path)) as store:
        mirror = MirroredLog(store, log, genesis=KeyState.genesis(genesis), log_key=key, clock=lambda: now)
        start = time.thread_time()
        for checkpoint in log.checkpoints:
            mirror.keep(mirror.check_next(checkpoint))
        return time.thread_time() - start

"""A founded alliance whose ledger this process grows by itself: real files, real keys, no servers.

For the figures that need receipts or a county's folder, and no network.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.commands.ingest import sample_normaliser
from hub.county.node import CountyNode
from hub.county.sealing import SealedLicense, Sealer
from hub.database import open_reader, open_writer
from hub.demo.alliance import SAMPLE, Alliance
from hub.governance.founding import open_hub_keys
from hub.ingest.generate import FeedPlan
from hub.keyfiles import read_passphrase
from ledger.entries import parse_seal
from ledger.heads import EMPTY_JOURNAL_ROOT
from ledger.jws import EntrySignature
from ledger.suites import PublicKey
from ledger.transparency.candidate import Placed, examine
from ledger.transparency.checkpoint import cosign
from ledger.transparency.note import Note
from ledger.transparency.sequencer import Cosigned, Sequencer
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, SqliteStore
from loadtests.population import records_of

__all__ = ["COUNTY", "Receipts", "Shelf", "bare_checks", "bare_verifications", "sealed_licenses"]

COUNTY = "370214"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Receipts without disclosures under one checkpoint, in the order of their licenses, and what verifies them."""

    receipts: Sequence[bytes]
    policy: bytes
    genesis: bytes
    now: int


def sealed_licenses(node: CountyNode, count: int, *, now: int, seed: int = 1) -> list[SealedLicense]:
    """Seal sample licenses with a county's keys, without storing them."""
    sealer = Sealer(keys=node.keys, random=secrets.token_bytes)
    normaliser = sample_normaliser(node.county, now)
    plan = FeedPlan(county=node.county, count=count, as_of=normaliser.today, seed=seed)
    records = records_of(plan, normaliser)
    return [sealer.seal(record, record.claims(), now) for record in records]


def bare_verifications(public: PublicKey, seals: Sequence[bytes]) -> Callable[[], None]:
    """Prepare the check of nothing but the issuer's signatures (OpenSSL), key and messages loaded already."""
    return bare_checks(public, [each for raw in seals for each in parse_seal(raw).signatures])


def bare_checks(public: PublicKey, signatures: Sequence[EntrySignature]) -> Callable[[], None]:
    """Prepare the check of nothing but signatures (OpenSSL), key and messages loaded already."""
    key = Ed25519PublicKey.from_public_bytes(public.x)
    signed = [(each.signature, each.message) for each in signatures]

    def check() -> None:
        for signature, message in signed:
            key.verify(signature, message)

    return check


@dataclass(frozen=True, slots=True)
class Shelf:
    """A founded alliance in a folder of its own."""

    alliance: Alliance

    @classmethod
    def found(cls, folder: Path) -> Shelf:
        """Found the sample alliance: five counties of three provinces."""
        return cls(Alliance.found(folder, SAMPLE))

    def publish(self, entries: Sequence[bytes], now: int) -> Receipts:
        """Append entries in one batch, have every county cosign, publish, and make each entry's receipt."""
        data = self.alliance.data("hub")
        log = open_hub_keys(data, read_passphrase(self.alliance.passphrase_file("hub"))).log
        with closing(open_writer(data / "ledger.sqlite")) as writer:
            sequencer = Sequencer.open(SqliteStore(writer), log)
            candidates = [examine(raw, sequencer.keys, sequencer.size) for raw in entries]
            batch = sequencer.sequence(candidates, now=now, journal=(0, EMPTY_JOURNAL_ROOT))
            note = sequencer.publish(self._cosigned(batch.pending.note, batch.pending.size, now))
            indexes = [placed.index for placed in batch.results if isinstance(placed, Placed)]
            size = batch.pending.size
        with _reads(data / "ledger.sqlite") as reads:
            receipts = [reads.receipt(index, size=size, note=note) for index in indexes]
        policy, genesis = ((data / name).read_bytes() for name in ("policy", "genesis"))
        return Receipts(receipts=receipts, policy=policy, genesis=genesis, now=now)

    def _cosigned(self, note: bytes, size: int, now: int) -> Cosigned:
        parsed, lines = Note.parse(note), []
        for county in self.alliance.counties:
            with self.alliance.node(county) as node:
                line = cosign(parsed.text, node.witness_name, node.keys.witness, now)
                lines.append((line, now))
        return Cosigned(size=size, quorum=[line for line, _ in lines], cosignatures=lines, time=now)


@contextmanager
def _reads(path: Path) -> Iterator[LogReads]:
    with closing(open_reader(path)) as connection:
        reader = SqliteReader(connection)
        yield LogReads(lambda: reader)

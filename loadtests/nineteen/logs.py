"""A hub's folder filled with made-up entries and records: founded by nineteen counties, signed, sequenced, published.

Both stores are the hub's own, written as a hub writes them. The journal's root stands in every status head, so that
`tongban ledger check` takes the folder for what it is. Signing is spread over the cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from hub.database import open_writer
from hub.governance.founding import found_ledger, make_hub_keys, open_hub_keys
from hub.journal.records import parse_record
from hub.journal.store import JournalRow, JournalStore, row_of
from hub.workers import workers
from ledger.entries import MEMBER_TYP, build_status, parse_entry
from ledger.governance import KeyAddition, MemberRow, member_payload
from ledger.jws import sign_protected
from ledger.status import Status
from ledger.transparency.candidate import Candidate, Placed
from ledger.transparency.checkpoint import cosign
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, Note, VerifierKey
from ledger.transparency.sequencer import Cosigned, Sequencer
from ledger.transparency.sqlite import SqliteStore
from loadtests.nineteen.cases import access_of, walked_span
from loadtests.nineteen.plan import HOLDER_SECRET, START, World
from loadtests.nineteen.signing import GOVERN, JOURNAL, SEAL, Sealed, Span, offerings_of, sealed_span, signer_of

if TYPE_CHECKING:
    from pathlib import Path

    from hub.commands.progress import Bars

__all__ = ["Made", "make_logs"]

_SEALS: Final = 250  # a batch, before the changes of status and the head
_REVOKED: Final = 2  # of each batch, in the next one
_PUBLISHED_EVERY: Final = 4
_CASES: Final = 500  # a span: their steps stand mixed, in order of time
_RECORDS: Final = 1000  # a commit
_PASSPHRASE: Final = b"of made-up counties"
_WITNESSES: Final = ("370214", "320583")  # of 19: two quorum lines a checkpoint are enough for receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How much was made, in how many seconds, with how many processes that sign."""

    entries: int
    records: int
    seconds: float
    processes: int


def make_logs(data: Path, world: World, *, processes: int, bars: Bars) -> Made:
    """Make a hub's folder of this world: ledger and journal, all published."""
    start = time.perf_counter()
    _found(data, world)
    log = open_hub_keys(data, _PASSPHRASE).log
    with (
        closing(open_writer(data / "ledger.sqlite")) as entries,
        closing(open_writer(data / "journal.sqlite")) as records,
        workers(processes) as in_order,
    ):
        maker = _Maker(Sequencer.open(SqliteStore(entries), log), JournalStore(records), world, bars)
        maker.state(raw for county in world.counties for raw in offerings_of(county))
        spans = (_span(world, first, world.licenses, _SEALS) for first in range(0, world.licenses, _SEALS))
        for number, sealed in enumerate(in_order(sealed_span, spans)):
            maker.seal(sealed, published=number % _PUBLISHED_EVERY == 0)
        walks = (_span(world, first, world.cases, _CASES) for first in range(0, world.cases, _CASES))
        for number, steps in enumerate(in_order(walked_span, walks)):
            maker.state(raw for _, raw in steps)
            maker.bars.reach("cases", min((number + 1) * _CASES, world.cases), world.cases)
        maker.state(access_of(world, number) for number in range(world.accesses))
        entries_made, records_made = maker.finish()
    seconds = time.perf_counter() - start
    return Made(entries=entries_made, records=records_made, seconds=seconds, processes=processes)


def _span(world: World, first: int, end: int, most: int) -> Span:
    return Span(world=world, first=first, count=min(most, end - first))


class _Maker:
    """The one writer of both stores."""

    def __init__(self, sequencer: Sequencer, journal: JournalStore, world: World, bars: Bars) -> None:
        self._sequencer: Final = sequencer
        self._journal: Final = journal
        self._world: Final = world
        self._made = 0
        self._last: list[tuple[int, Sealed]] = []
        self.bars: Final = bars

    def seal(self, sealed: Sequence[Sealed], *, published: bool) -> None:
        """Sequence a batch of seals, some changes of status of the batch before, and state the licenses."""
        keys = self._sequencer.keys
        candidates = [*(each.candidate for each in sealed), *map(_candidate, self._revocations())]
        batch = self._sequence([replace(each, state=keys) for each in candidates])
        self._last = [
            (placed.index, each) for placed, each in zip(batch, sealed, strict=False) if isinstance(placed, Placed)
        ]
        self._append([each.row for each in sealed])
        self._made += len(sealed)
        self.bars.reach("licenses", self._made, self._world.licenses)
        if published:
            self._publish()

    def _sequence(self, candidates: Sequence[Candidate]) -> Sequence[object]:
        head = self._journal.head
        return self._sequencer.sequence(candidates, now=START, journal=(head.n, head.root)).results

    def _revocations(self) -> Iterator[bytes]:
        for index, sealed in self._last[:_REVOKED]:
            kid = sealed.candidate.entry.signatures[0].kid if sealed.candidate.entry else ""
            yield build_status(
                of=index, leaf=sealed.candidate.leaf, to=Status.REVOKED, reason="04", iat=START, kid=kid,
                signer=signer_of(kid),
            )  # fmt: skip

    def state(self, raws: Iterable[bytes]) -> None:
        """Append records of any kind, a thousand a commit."""
        waiting = iter(raws)
        while group := list(islice(waiting, _RECORDS)):
            self._append([row_of(parse_record(raw)) for raw in group])

    def _append(self, rows: Sequence[JournalRow]) -> None:
        for result in self._journal.append(rows):
            if not isinstance(result, int):
                raise result

    def finish(self) -> tuple[int, int]:
        """Bind the journal as it stands now, and publish; give the counts of entries and records."""
        self._sequence([])
        self._publish()
        return self._sequencer.size, self._journal.head.n

    def _publish(self) -> None:
        text = Note.parse(self._sequencer.current().note).text
        lines = [cosign(text, _witness(name).name, signer_of(f"witness {name}"), START) for name in _WITNESSES]
        cosignatures = [(line, START) for line in lines]
        size = self._sequencer.size
        self._sequencer.publish(Cosigned(size=size, quorum=lines, cosignatures=cosignatures, time=START))


def _candidate(raw: bytes) -> Candidate:
    return Candidate(raw=raw, leaf=leaf_hash(raw), state=None, entry=parse_entry(raw))  # type: ignore[arg-type]


def _found(data: Path, world: World) -> None:
    log = make_hub_keys(
        data, origin="hub.example/ledger", passphrase=_PASSPHRASE, holder=HOLDER_SECRET, random=os.urandom
    )
    members = [
        MemberRow(county=county, keys=_keys(county), cosigners={"witness": _witness(county).vkey()})
        for county in world.counties
    ]
    payload = member_payload(iat=START, origin=log.name, k=1, members=members)
    signatures = {
        county: sign_protected(MEMBER_TYP, payload, f"{county}#{GOVERN}", signer_of(f"{county}#{GOVERN}"))
        for county in world.counties
    }
    lines = [f"log {log.vkey()}", *(f"witness w{name} {_witness(name).vkey()}" for name in _WITNESSES)]
    policy = "\n".join([*lines, f"group g all {' '.join(f'w{name}' for name in _WITNESSES)}", "quorum g", ""]).encode(
        "ascii"
    )
    found_ledger(data, payload=payload, signatures=signatures, policy=policy, passphrase=_PASSPHRASE)


def _keys(county: str) -> tuple[KeyAddition, ...]:
    uses = {GOVERN: "govern", SEAL: "seal", JOURNAL: "journal"}
    return tuple(
        KeyAddition(
            kid=f"{county}#{number}", public_key=signer_of(f"{county}#{number}").public_key, uses=(use,),
            valid_from=START,
        )
        for number, use in uses.items()
    )  # fmt: skip


def _witness(name: str) -> VerifierKey:
    return VerifierKey.of(f"{name}.example/witness", COSIGNATURE_ED25519, signer_of(f"witness {name}"))

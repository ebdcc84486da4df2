"""From entries and records to rows: what the projection will write, as plain values. No I/O.

Rows hold JSON values only; keys are text or whole numbers and never null (ArcadeDB makes a node without key when it is
given a null). Instants are fixed-width RFC 3339 UTC, so that text order is time order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from hub.graph.matters import MatterRow, matter_rows
from hub.graph.offerings import OfferingRow, offering_row
from hub.journal.casesteps import CaseStepRecord
from hub.journal.offerings import OfferingRecord
from hub.journal.records import LicenseRecord, parse_record
from hub.journal.standing import Standing
from ledger.encoding import b64u_encode
from ledger.entries import Entry, MemberChange, RuleChange, Seal, StatusChange, is_seal, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.status import Status
from schema.context import Access

__all__ = [
    "JournalFacts",
    "LedgerFacts",
    "LicenseRow",
    "admitted",
    "fallen",
    "instant",
    "journal_facts",
    "ledger_facts",
    "sealed",
]

LicenseRow: TypeAlias = dict[str, Any]

_LAST_SECOND: Final = 253402300799  # 9999-12-31T23:59:59Z
_KEY_COMPROMISED: Final = "99"  # the exchange's codes have none of its own for it: other


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """Rows of consecutive ledger entries.

    Seals give none: a license is written when its county states it. changes: {"of", "status", "reason", "index"}, one a
    seal (its last change), by seal. governors: kids of new `govern` keys, in order of the log; ended: kids of revoked
    keys. matters: changes of the list. voids: kid of a compromised key -> the index from which its seals fall; the
    first of the entries says so.
    count: entries that these rows are of.
    """

    count: int
    changes: list[dict[str, Any]] = field(default_factory=list)
    governors: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    matters: list[MatterRow] = field(default_factory=list)
    voids: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """Rows of consecutive journal records, each with its `position`, in order.

    steps: (position, record) of case steps, whose rows depend on what the graph holds of their cases. standing:
    (position, record) of standing statements, which `hub.graph.statements` writes. accesses: (position, record) of
    access records, which give counts only.
    """

    licenses: list[LicenseRow] = field(default_factory=list)
    offerings: list[OfferingRow] = field(default_factory=list)
    steps: list[tuple[int, CaseStepRecord]] = field(default_factory=list)
    accesses: list[tuple[int, Access]] = field(default_factory=list)
    standing: list[tuple[int, Standing]] = field(default_factory=list)


def instant(seconds: int) -> str:
    """Format POSIX seconds as `2026-05-01T03:00:00.000Z`."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def ledger_facts(start: int, entries: Sequence[bytes]) -> LedgerFacts:
    """Read the entries from index `start` on, up to the next by which seals fall: those must have their rows before.

    Raises NotVerified corrupt_store: a published entry always reads.
    """
    others = [(index, _entry(index, raw)) for index, raw in enumerate(entries, start) if not _is_seal(index, raw)]
    stop = next((index for index, entry in others if index > start and _voids(entry)), start + len(entries))
    taken = [(index, entry) for index, entry in others if index < stop]
    changes = {
        entry.of: {"of": entry.of, "status": entry.to.name, "reason": entry.reason, "index": index}
        for index, entry in taken
        if isinstance(entry, StatusChange)
    }
    members = [row for _, entry in taken if isinstance(entry, MemberChange) for row in entry.members]
    return LedgerFacts(
        count=stop - start,
        changes=[changes[of] for of in sorted(changes)],
        governors=[key.kid for row in members for key in row.keys if "govern" in key.uses],
        ended=[key.kid for row in members for key in row.revoke],
        matters=matter_rows((index, entry) for index, entry in taken if isinstance(entry, RuleChange)),
        voids=next((_voids(entry) for index, entry in taken if index == start), {}),
    )


def _is_seal(index: int, raw: bytes) -> bool:
    try:
        return is_seal(raw)
    except TongbanError as error:
        raise _unread(index) from error


def _entry(index: int, raw: bytes) -> Entry:
    try:
        return parse_entry(raw)
    except TongbanError as error:
        raise _unread(index) from error


def _unread(index: int) -> NotVerified:
    return NotVerified("corrupt_store", "a published entry does not read", index=index)


def _voids(entry: Entry) -> dict[str, int]:
    if not isinstance(entry, MemberChange):
        return {}
    ended = [key for row in entry.members for key in row.revoke]
    return {key.kid: key.void_from for key in ended if key.void_from is not None}


def fallen(start: int, entries: Sequence[bytes], facts: LedgerFacts, by: int) -> list[dict[str, Any]]:
    """Give the changes of the seals among the entries from `start` on that fall by the entry at index `by`.

    Raises NotVerified corrupt_store.
    """
    seals = [
        (index, entry) for index, raw in enumerate(entries, start) if isinstance(entry := _entry(index, raw), Seal)
    ]
    return [
        {"of": index, "status": Status.REVOKED.name, "reason": _KEY_COMPROMISED, "index": by}
        for index, seal in seals
        if index >= facts.voids.get(seal.signatures[0].kid, by)
    ]


def journal_facts(start: int, records: Sequence[bytes]) -> JournalFacts:
    """Read the journal records from position `start` on. Raises NotVerified corrupt_store."""
    facts = JournalFacts()
    for position, raw in enumerate(records, start):
        try:
            record = parse_record(raw)
        except TongbanError as error:
            raise NotVerified("corrupt_store", f"the journal record at {position} does not read") from error
        if isinstance(record, LicenseRecord):
            facts.licenses.append(_license(position, record))
        elif isinstance(record, OfferingRecord):
            facts.offerings.append(offering_row(position, record, instant(record.iat)))
        elif isinstance(record, CaseStepRecord):
            facts.steps.append((position, record))
        elif isinstance(record, Access):
            facts.accesses.append((position, record))
        else:
            facts.standing.append((position, record))
    return facts


def _license(position: int, record: LicenseRecord) -> LicenseRow:
    return {
        "position": position,
        "leaf": b64u_encode(record.leaf),
        "identifier": record.identifier,
        "type": record.type_code,
        "issuer": record.issuer,
        "holders": sorted(record.holders),
        "issued": record.issued,
        "effective": record.effective,
        "expires": record.expires,
        "replaces": record.replaces,
    }


def admitted(
    rows: Sequence[LicenseRow], *, identifiers: Mapping[str, str | None], leaves: Mapping[str, str]
) -> tuple[list[LicenseRow], int | None]:
    """Choose the rows to write, by leaf, and say where to stop: the position of the first seal that is not there yet.

    identifiers: leaf -> identifier that its license has in the graph, for every sealed leaf. leaves: identifier -> leaf
    of the license that has it. The first record of a leaf, and of an identifier, stands; a later one changes nothing,
    so that a replay in whatever batches ends the same.
    """
    of_leaf = {leaf: identifier for leaf, identifier in identifiers.items() if identifier is not None}
    of_identifier = dict(leaves)
    chosen: dict[str, LicenseRow] = {}
    for row in rows:
        leaf, identifier = row["leaf"], row["identifier"]
        if leaf not in identifiers:
            return _by_leaf(chosen), row["position"]
        if of_leaf.setdefault(leaf, identifier) == identifier and of_identifier.setdefault(identifier, leaf) == leaf:
            chosen.setdefault(leaf, row)
    return _by_leaf(chosen), None


def sealed(rows: Sequence[LicenseRow], seals: Mapping[str, tuple[int, bytes]]) -> list[LicenseRow]:
    """Complete rows by what their seals say: `index`, `at`, `by`. seals: leaf -> log index and entry, of every row.

    Raises NotVerified corrupt_store.
    """
    return [row | _seal(*seals[row["leaf"]]) for row in rows]


def _seal(index: int, raw: bytes) -> LicenseRow:
    seal = _entry(index, raw)
    if not isinstance(seal, Seal):
        raise _unread(index)
    return {"index": index, "at": instant(seal.iat), "by": seal.iss}


def _by_leaf(rows: Mapping[str, LicenseRow]) -> list[LicenseRow]:
    return [rows[leaf] for leaf in sorted(rows)]

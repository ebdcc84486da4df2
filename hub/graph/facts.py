"""From entries and records to rows: what the projection will write, as plain values. No I/O.

Rows hold JSON values only; keys are text or whole numbers and never null (ArcadeDB makes a node without key when it is
given a null). Instants are fixed-width RFC 3339 UTC, so that text order is time order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from hub.journal.records import LicenseRecord, parse_record
from ledger.encoding import b64u_encode
from ledger.entries import MemberChange, Seal, StatusChange, parse_entry
from ledger.errors import NotVerified, TongbanError

__all__ = ["LedgerFacts", "LicenseRow", "admitted", "instant", "ledger_facts", "license_rows"]

LicenseRow: TypeAlias = dict[str, Any]

_LAST_SECOND: Final = 253402300799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """Rows of consecutive ledger entries.

    seals: {"index", "leaf", "at", "by"}, by index. changes: {"of", "status", "reason", "index"}, one a seal (its last
    change), by seal. members: counties that a member entry gives keys, by code.
    """

    seals: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    members: list[str] = field(default_factory=list)


def instant(seconds: int) -> str:
    """Format POSIX seconds as `2026-05-01T03:00:00.000Z`."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def ledger_facts(start: int, entries: Sequence[bytes]) -> LedgerFacts:
    """Read the entries from index `start` on. Raises NotVerified corrupt_store: a published entry always reads."""
    seals: list[dict[str, Any]] = []
    changes: dict[int, dict[str, Any]] = {}
    members: set[str] = set()
    for index, raw in enumerate(entries, start):
        try:
            entry = parse_entry(raw)
        except TongbanError as error:
            raise NotVerified("corrupt_store", "a published entry does not read", index=index) from error
        if isinstance(entry, Seal):
            leaf = b64u_encode(entry.leaf)
            seals.append({"index": index, "leaf": leaf, "at": instant(entry.iat), "by": entry.iss})
        elif isinstance(entry, StatusChange):
            changes[entry.of] = {"of": entry.of, "status": entry.to.name, "reason": entry.reason, "index": index}
        elif isinstance(entry, MemberChange):
            members |= {row.county for row in entry.members if row.keys}
    return LedgerFacts(seals=seals, changes=[changes[of] for of in sorted(changes)], members=sorted(members))


def license_rows(start: int, records: Sequence[bytes]) -> list[LicenseRow]:
    """Read the journal records from position `start` on; accesses give no row. Raises NotVerified corrupt_store."""
    rows: list[LicenseRow] = []
    for position, raw in enumerate(records, start):
        try:
            record = parse_record(raw)
        except TongbanError as error:
            raise NotVerified("corrupt_store", f"the journal record at {position} does not read") from error
        if isinstance(record, LicenseRecord):
            rows.append(_license(position, record))
    return rows


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

    identifiers: leaf -> identifier that its license has, for every leaf in the graph. leaves: identifier -> leaf of the
    license that has it. The first record of a leaf, and of an identifier, stands; a later one changes nothing, so that
    a replay in whatever batches ends the same.
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


def _by_leaf(rows: Mapping[str, LicenseRow]) -> list[LicenseRow]:
    return [rows[leaf] for leaf in sorted(rows)]

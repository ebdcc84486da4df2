"""The list of matters, as its members govern it: the table that it begins with, drafts of changes, what they do.

    tongban ledger matters propose --add 000113031000=新事项:多地联办 --from 2026-12-01 ...

The table is the file `matters.csv` that this installation ships. The first draft begins the list with its codes and
binds its SHA-256; from then on every hub serves the file under it, and one that has another table is not ready.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from hub.governance.drafts import Draft, fitting
from hub.ingest.data import read_table, table_bytes
from ledger.entries import RULE_TYP
from ledger.errors import Conflict, Malformed
from ledger.governance import rule_payload
from ledger.matterlist import Decision, ListChange, MatterChange

if TYPE_CHECKING:
    from ledger.members import KeyState

__all__ = ["ListedRow", "MatterTable", "described_matters", "draft_matters", "listed_on"]

_DOCUMENT: Final = "matters"


@dataclass(frozen=True, slots=True)
class MatterTable:
    """The table as it is shipped. data: the bytes of the file."""

    data: bytes

    @classmethod
    def shipped(cls) -> MatterTable:
        """Give the table of this installation."""
        return cls(table_bytes(_DOCUMENT))

    @property
    def digest(self) -> bytes:
        """Its SHA-256."""
        return hashlib.sha256(self.data).digest()

    def fault(self, state: KeyState) -> str | None:
        """Say why this is not the table with which the list of a key state begins, or None."""
        named = state.documents.get(_DOCUMENT)
        if named is None or named == self.digest:
            return None
        return f"the table of matters is not the one that the key state names, SHA-256 {named.hex()}"


def draft_matters(state: KeyState, table: MatterTable, changes: Sequence[MatterChange], *, iat: int) -> Draft:
    """Draft changes of the list for a key state; the first draft of all begins the list with the table.

    Raises Malformed bad_setting (nothing to change, a matter twice), bad_payload, too_large, Conflict wrong_target: the
    table here is not the one that the list began with.
    """
    if not changes:
        raise Malformed("bad_setting", "nothing to change: name matters to add, change or remove")
    if len({change.code for change in changes}) != len(changes):
        raise Malformed("bad_setting", "a matter is named twice: a draft decides once about each")
    if fault := table.fault(state):
        raise Conflict("wrong_target", fault)
    begun = bool(state.matters.decisions)
    codes = () if begun else tuple(sorted(row["code"] for row in read_table(_DOCUMENT)))
    whole = ListChange(begin=codes, changes=tuple(sorted(changes, key=lambda change: change.code)))
    documents = {} if begun else {_DOCUMENT: table.digest}
    return fitting(RULE_TYP, rule_payload(iat=iat, prev=state.digest(), documents=documents, matters=whole), state.k)


def described_matters(before: KeyState, change: ListChange) -> Iterator[str]:
    """Say what a change does to the list, a sentence a line."""
    names = {row["code"]: row["name"] for row in read_table(_DOCUMENT)}
    if change.begin:
        yield f"the list of matters begins with the {len(change.begin)} of the table"
    for each in change.changes:
        decided = before.matters.of(each.code)
        was = (decided[-1].name if decided else None) or names.get(each.code, "not in the table")
        if each.act == "remove":
            yield f"matter {each.code} ({was}) leaves the list on {each.since}; counties' offerings of it end then"
        elif each.act == "add":
            yield f"matter {each.code} comes to the list on {each.since}: {each.name} ({each.mode})"
        else:
            yield f"matter {each.code} ({was}) becomes on {each.since}: {each.name} ({each.mode})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRow:
    """A matter on the list on some day. since, until: days, None where nothing is decided; until is not on it."""

    code: str
    name: str
    mode: str
    since: str | None
    until: str | None


def listed_on(state: KeyState, day: date) -> list[ListedRow]:
    """Give the list of a day, by code; the table's where the ledger says nothing else."""
    table = {row["code"]: row for row in read_table(_DOCUMENT)}
    decided = state.matters.on(day)
    if not state.matters.decisions:
        decided = tuple(Decision(code=code, since=None, listed=True) for code in sorted(table))
    return [_row(each, table.get(each.code, {"name": "-", "mode": "-"}), state) for each in decided]


def _row(decision: Decision, known: dict[str, str], state: KeyState) -> ListedRow:
    later = (each.since for each in state.matters.of(decision.code) if (each.since or "") > (decision.since or ""))
    return ListedRow(
        code=decision.code,
        name=decision.name or known["name"],
        mode=decision.mode or known["mode"],
        since=decision.since,
        until=next(later, None),
    )

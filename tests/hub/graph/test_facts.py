"""Rows of entries and records: exact values, no graph."""

from __future__ import annotations

import pytest

from hub.graph.facts import LedgerFacts, admitted, instant, journal_facts, ledger_facts, sealed
from hub.journal.records import format_access
from ledger.encoding import b64u_encode
from ledger.errors import NotVerified
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from schema.context import Access
from tests.statements import ISSUER, TYPE_CODE, County, MemoryLog, genesis

ACCESS = Access(
    county="130207",
    client="130207#3",
    token_id="t",
    use_cause="taken in",
    root_field="licenses",
    holder=None,
    licenses=(),
    fields=("status",),
    time=1780304400,
)


def test_instants_are_fixed_width() -> None:
    assert [instant(0), instant(1780304400), instant(2**53)] == [
        "1970-01-01T00:00:00.000Z",
        "2026-06-01T09:00:00.000Z",
        "9999-12-31T23:59:59.000Z",
    ]


def test_entries_become_changes_and_governors() -> None:
    ledger = MemoryLog([genesis("370214", "130207")])
    county = County("370214", ledger, MemoryLog())
    index = county.seal(1)
    county.change(index, Status.SUSPENDED, "02")
    county.change(index, Status.VALID, "01")
    assert ledger_facts(0, ledger.entries) == LedgerFacts(
        changes=[{"of": 1, "status": "VALID", "reason": "01", "index": 3}],
        governors=["130207#1", "370214#1"],
        count=4,
    )


def test_indexes_count_from_the_start_of_the_batch() -> None:
    ledger = MemoryLog([genesis("370214")])
    county = County("370214", ledger, MemoryLog())
    county.change(county.seal(1), Status.SUSPENDED, "02")
    assert [row["index"] for row in ledger_facts(41, ledger.entries[1:]).changes] == [42]


def test_accesses_give_no_row() -> None:
    ledger, journal = MemoryLog([genesis("370214")]), MemoryLog([format_access(ACCESS)])
    county = County("370214", ledger, journal)
    county.state(county.seal(7), 7, holders=["b", "a"])
    assert journal_facts(10, journal.entries).licenses == [
        {
            "position": 11,
            "leaf": b64u_encode(leaf_hash(ledger.entries[1])),
            "identifier": county.identifier(7),
            "type": TYPE_CODE,
            "issuer": ISSUER,
            "holders": sorted(map(county.holder, "ab")),
            "issued": "2026-05-01",
            "effective": None,
            "expires": "2031-04-30",
            "replaces": None,
        }
    ]


def test_a_license_says_what_its_seal_says() -> None:
    ledger = MemoryLog([genesis("370214")])
    index = County("370214", ledger, MemoryLog()).seal(7)
    rows = [{"leaf": "a", "identifier": "A"}]
    assert sealed(rows, {"a": (index, ledger.entries[index]), "b": (0, b"")}) == [
        {"leaf": "a", "identifier": "A", "index": 1, "at": "2026-06-01T09:00:00.000Z", "by": "370214"}
    ]
    with pytest.raises(NotVerified, match=r"^corrupt_store: a published entry does not read$"):
        sealed(rows, {"a": (0, ledger.entries[0])})


def test_a_record_that_does_not_read_is_a_corrupt_store() -> None:
    with pytest.raises(NotVerified, match=r"^corrupt_store: .* at 5 "):
        journal_facts(5, [b"{}"])


def _row(position: int, leaf: str, identifier: str) -> dict[str, object]:
    return {"position": position, "leaf": leaf, "identifier": identifier}


def test_rows_stop_at_the_first_seal_that_is_not_there() -> None:
    rows = [_row(3, "b", "B"), _row(5, "a", "A"), _row(6, "missing", "C"), _row(7, "a", "D")]
    assert admitted(rows, identifiers={"a": None, "b": None}, leaves={}) == ([rows[1], rows[0]], 6)


def test_the_first_record_of_a_seal_and_of_an_identifier_stands() -> None:
    rows = [_row(0, "a", "A"), _row(1, "a", "B"), _row(2, "b", "A"), _row(3, "c", "Z"), _row(4, "d", "D")]
    identifiers = {"a": None, "b": None, "c": None, "d": "D"}
    assert admitted(rows, identifiers=identifiers, leaves={"Z": "other", "D": "d"}) == ([rows[0], rows[4]], None)

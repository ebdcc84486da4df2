"""The access table: who may see what, row by row. A change here is a change of rights, and must be one on purpose."""

from __future__ import annotations

import pytest

from schema.access import ANONYMOUS, RULES, SCOPES, TYPES, AccessRule, rule_of_type


def test_the_rules() -> None:
    read = frozenset({"license.read", "license.read.own", "holder.read"})
    case, beyond = frozenset({"case.read", "case.supervise", "holder.read"}), frozenset({"license.read"})
    records = frozenset({"journal.read", "holder.read"})
    assert {
        "public": AccessRule(),
        "license.read": AccessRule(
            scopes=read, use_cause=True, row="own_county", row_unless="license.read", basis=beyond
        ),
        "license.checklist": AccessRule(scopes=read, use_cause=True, basis=beyond),
        "license.face": AccessRule(scopes=frozenset({"license.face", "holder.read"}), use_cause=True),
        "license.log": AccessRule(scopes=read, use_cause=True),
        "license.access_records": AccessRule(scopes=records, use_cause=True),
        "consent.read": AccessRule(scopes=read, row="consent_party"),
        "case.event": AccessRule(scopes=frozenset({"case.follow"}), use_cause=True),
        "case.feed": AccessRule(scopes=frozenset({"case.follow"})),
        "case.read": AccessRule(scopes=case, use_cause=True, row="case_party"),
        "case.steps": AccessRule(scopes=case, use_cause=True),
        "case.own": AccessRule(scopes=frozenset({"holder.read"}), use_cause=True, row="case_party"),
        "case.supervise": AccessRule(scopes=frozenset({"case.supervise"}), use_cause=True),
        "objection.read": AccessRule(
            scopes=frozenset({"objection.read", "holder.read"}), use_cause=True, row="objection_party"
        ),
        "schema.read": AccessRule(scopes=frozenset(SCOPES) - {"holder.read"}),
        "statistics.read": AccessRule(scopes=frozenset({"statistics.read"})),
    } == RULES


def test_types_of_a_persons_records_have_a_rule_and_others_are_public() -> None:
    assert {name: rule_of_type(name) for name in ("License", "Face", "AccessRecords", "Matter")} == {
        "License": "license.read",
        "Face": "license.face",
        "AccessRecords": "license.access_records",
        "Matter": "public",
    }
    assert "Matter" not in TYPES


def test_nobody_has_no_scope_and_no_county() -> None:
    assert (ANONYMOUS.county, ANONYMOUS.scopes) == (None, frozenset())


@pytest.mark.parametrize(
    ("rule", "scopes", "row"),
    [
        ("license.read", {"license.read"}, None),
        ("license.read", {"license.read", "license.read.own"}, None),
        ("license.read", {"license.read.own"}, "own_county"),
        ("license.read", {"holder.read"}, "own_holder"),
        ("license.read", {"case.read", "holder.read"}, "own_holder"),
        ("case.read", {"case.read"}, "case_party"),
        ("case.read", {"license.read", "holder.read"}, "own_holder"),
        ("case.read", {"case.read", "holder.read"}, "case_party"),
        ("case.own", {"holder.read"}, "own_holder"),
        ("license.face", {"holder.read"}, None),
    ],
)
def test_rows_follow_from_the_scope_by_which_the_right_comes(rule: str, scopes: set[str], row: str | None) -> None:
    assert RULES[rule].row_for(frozenset(scopes)) == row

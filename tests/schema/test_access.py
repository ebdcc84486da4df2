"""The access table: who may see what, row by row. A change here is a change of rights, and must be one on purpose."""

from __future__ import annotations

from schema.access import ANONYMOUS, RULES, TYPES, AccessRule, rule_of_type


def test_the_rules() -> None:
    read = frozenset({"license.read", "license.read.own"})
    assert {
        "public": AccessRule(),
        "license.read": AccessRule(scopes=read, use_cause=True, row="own_county", row_unless="license.read"),
        "license.checklist": AccessRule(scopes=read, use_cause=True),
        "license.face": AccessRule(scopes=frozenset({"license.face"}), use_cause=True),
        "license.log": AccessRule(scopes=read, use_cause=True),
        "license.access_records": AccessRule(scopes=frozenset({"journal.read"}), use_cause=True),
        "case.read": AccessRule(scopes=frozenset({"case.read"}), use_cause=True, row="case_party"),
        "case.steps": AccessRule(scopes=frozenset({"case.read"}), use_cause=True),
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

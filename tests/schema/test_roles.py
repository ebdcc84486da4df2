"""Roles: one table, the same words in tokens, journal and API; each scope of a role, each role of the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from hub.journal.casesteps import Role
from schema.access import HOLDER_SCOPE, SCOPES
from schema.cases import CaseRole
from schema.roles import ROLES, RoleKind, role_named

_ROOT: Final = Path(__file__).parents[2]


def test_every_role_has_a_row_and_every_scope_a_role() -> None:
    assert set(ROLES) == set(RoleKind)
    assert frozenset().union(*ROLES.values()) == set(SCOPES)


def test_a_holder_has_one_scope_and_nobody_else_has_it() -> None:
    """A right over own records only never joins one over others' in the same token."""
    assert [role for role, scopes in ROLES.items() if HOLDER_SCOPE in scopes] == [RoleKind.HOLDER]
    assert ROLES[RoleKind.HOLDER] == {HOLDER_SCOPE}


def test_no_county_role_but_a_machines_deposits_and_only_readers_of_faces_look_all_licenses_up() -> None:
    assert [role for role, scopes in ROLES.items() if "vault.deposit" in scopes] == [RoleKind.PARTNER_SYSTEM]
    assert [role for role, scopes in ROLES.items() if "license.face" in scopes and "license.read" not in scopes] == []


def test_steps_of_a_case_name_the_same_roles() -> None:
    names = {role.value for role in RoleKind}
    assert {role.value for role in Role} <= names
    assert {role.value for role in CaseRole} == {role.value for role in Role}


def test_a_role_is_read_by_its_one_name() -> None:
    assert [role_named(role.value) for role in RoleKind] == list(RoleKind)
    assert [role_named(name) for name in ("", "handler", "HANDLER ", "ROLES", "name")] == [None] * 5


def _rows(path: str, marker: str) -> list[list[str]]:
    text = (_ROOT / path).read_text("utf-8").split(f"<!-- {marker} -->")[1].split(f"<!-- /{marker} -->")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", line) for line in lines]


def test_the_readme_lists_roles_and_scopes_as_they_are() -> None:
    roles = [[role.value, *sorted(scopes)] for role, scopes in ROLES.items()]
    assert _rows("README.md", "roles") == roles
    assert [row[0] for row in _rows("README.md", "scopes")] == list(SCOPES)

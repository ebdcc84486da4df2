"""What follows from a root field's shape is made once for each set of scopes, and never found under another one's key."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import parse

from hub.graph.compiler import compile_root
from hub.graph.selection import Selected, select
from hub.graph.shapes import RootShape, root_shape
from hub.graph.tables import FieldEntry, build_tables
from schema.assembly import build_schema
from tests.random_documents import random_document

TABLES: Final = build_tables(build_schema())
ALL: Final = frozenset({"license.read", "license.face"})
ARGUMENTS: Final = '(certificateIdentifier: "1", useCause: "x")'
PLAIN: Final = f"{{ license{ARGUMENTS} {{ status face {{ __typename }} }} }}"


def roots(text: str, scopes: frozenset[str], conditions: dict[str, bool]) -> list[tuple[Selected, FieldEntry]]:
    definitions: Any = parse(text).definitions
    fragments = {one.name.value: one for one in definitions[1:]}
    found = select(TABLES, definitions[0], fragments, conditions, scopes).roots
    return [(root, root.entry) for root in found if root.entry is not None and not root.refused]


def shape(text: str, scopes: frozenset[str] = ALL, **conditions: bool) -> RootShape:
    root, entry = roots(text, scopes, conditions)[0]
    return root_shape(TABLES, root, entry, scopes)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("{ license", "query Other { license", 1),
        PLAIN.replace('"1"', '"2"'),
        PLAIN.replace(ARGUMENTS, "(certificateIdentifier: $i, useCause: $u)"),
        PLAIN.replace("status", "...F") + " fragment F on License { status }",
        PLAIN.replace("status", "\n# a comment\nstatus @skip(if: $no), status"),
    ],
)
def test_documents_of_one_shape_share_it(text: str) -> None:
    assert shape(text, no=False) is shape(PLAIN)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        (PLAIN, ALL | {"license.read.own"}),
        (PLAIN, frozenset({"license.read.own", "license.face"})),
        (PLAIN, frozenset({"license.read"})),
        (PLAIN.replace("status", "state: status"), ALL),
        (PLAIN.replace("status", "logIndex"), ALL),
        (PLAIN.replace("status", "status logIndex"), ALL),
        (PLAIN.replace("status", "status @skip(if: $no)"), ALL),
        (PLAIN.replace("license(", "one: license("), ALL),
        (PLAIN.replace("__typename", "... on Face { certificateName }"), ALL),
    ],
)
def test_whatever_else_differs_is_another_shape(text: str, scopes: frozenset[str]) -> None:
    assert shape(text, scopes, no=True) is not shape(PLAIN)


@pytest.mark.parametrize("seed", range(40))
def test_a_shape_found_again_is_what_would_be_made(seed: int) -> None:
    """All shapes of all documents are kept in one place, so a wrong key would give a wrong statement here."""
    text = random_document(TABLES.schema, seed).text
    for scopes in (ALL, frozenset({"license.read.own"}), frozenset[str]()):
        for root, entry in roots(text, scopes, {}):
            made = compile_root(TABLES, root, entry, scopes)
            for _ in range(2):
                found = root_shape(TABLES, root, entry, scopes).compiled
                assert (found.text, found.parameters, found.lists) == (made.text, made.parameters, made.lists)

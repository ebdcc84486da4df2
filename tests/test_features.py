"""The README's table of features is true: each command, each field and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema

from tests.command_tree import commands
from tests.named_tests import is_test

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text("utf-8")
SDL: Final = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
ROOTS: Final = (SDL.query_type, SDL.mutation_type, SDL.subscription_type)

SYSTEMS: Final = (
    "一张清单", "清单动态调整", "异地受理", "一次性告知", "一网通办", "一窗受理", "红黄蓝", "统一电子证照库", "容缺", "帮办代办",
    "专网数据导入", "超期预警", "全程留痕", "好差评", "热线", "对标立标",
)  # fmt: skip
"""What the alliance's daily work needs, by the terms of the field."""


def features() -> list[tuple[str, list[str], list[str]]]:
    """Give each row: what it is, how it is used, which tests show it."""
    _, begin, rest = README.partition("<!-- features -->\n")
    text, end, _ = rest.partition("<!-- /features -->")
    assert begin
    assert end
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    return [(what, re.findall(r"`([^`]+)`", how), re.findall(r"`([^`]+)`", test)) for what, how, test in rows]


def is_field(name: str) -> bool:
    """Tell whether a root field, or `type.field`, is in the schema."""
    type_name, dot, field = name.rpartition(".")
    if not dot:
        return any(root is not None and field in root.fields for root in ROOTS)
    named = SDL.type_map.get(type_name)
    return isinstance(named, GraphQLObjectType | GraphQLInterfaceType) and field in named.fields


@pytest.mark.parametrize(("what", "uses", "tests"), features())
def test_a_feature_can_be_used_as_said_and_its_tests_are_there(what: str, uses: list[str], tests: list[str]) -> None:
    """A row names what it is in both languages, at least one command or field, and at least one test."""
    known = commands()
    assert re.search(r"[一-鿿]", what)
    assert uses
    assert tests
    for use in uses:
        assert use.removeprefix("tongban ") in known if use.startswith("tongban ") else is_field(use), use
    assert [test for test in tests if not is_test(test)] == []


def test_every_system_has_a_row() -> None:
    told = " ".join(what for what, _, _ in features())
    assert [term for term in SYSTEMS if term not in told] == []


def test_no_feature_stands_twice() -> None:
    names = [what for what, _, _ in features()]
    assert len(set(names)) == len(names)

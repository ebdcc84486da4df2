"""Limits are counted on the expanded tree, before validation."""

from __future__ import annotations

import pytest
from graphql import parse

from hub.graphql.limits import LIMITS, Limits, check_document
from ledger.errors import Malformed


def refusal(document: str, limits: Limits = LIMITS) -> str:
    """Give code and message of the limit that a document passes, or '' if it passes none."""
    try:
        check_document(parse(document), limits)
    except Malformed as error:
        return str(error)
    return ""


def nested(depth: int) -> str:
    """A document of `depth` nested fields."""
    return "{ " + "a { " * (depth - 1) + "a" + " }" * depth


def fields(count: int, text: str = "f{0}") -> str:
    return " ".join(text.format(number) for number in range(count))


@pytest.mark.parametrize(
    ("kept", "passed", "message"),
    [
        (nested(12), nested(13), "depth: at most 12"),
        (f"{{ {fields(10)} }}", f"{{ {fields(11)} }}", "root fields: at most 10"),
        (f"{{ r {{ {fields(15, 'a{0}: x')} }} }}", f"{{ r {{ {fields(16, 'a{0}: x')} }} }}", "aliases: at most 15"),
        (f"{{ {'a' * 128}: x }}", f"{{ {'a' * 129}: x }}", "characters of an alias: at most 128"),
        (f"{{ r {'@a ' * 50} }}", f"{{ r {'@a ' * 51} }}", "directives: at most 50"),
        (f"{{ r {{ {fields(999)} }} }}", f"{{ r {{ {fields(1000)} }} }}", "fields: at most 1000"),
    ],
)
def test_the_last_allowed_and_the_first_refused(kept: str, passed: str, message: str) -> None:
    assert refusal(kept) == ""
    assert refusal(passed) == f"limit_exceeded: {message}"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (f"{{ r {{ ...A ...A }} }} fragment A on T {{ {fields(8, 'a{0}: x')} }}", "aliases: at most 15"),
        ("{ ...A } fragment A on Q { " + "a { " * 12 + "a" + " }" * 13, "depth: at most 12"),
        (f"{{ ...A ...A }} fragment A on Q {{ {fields(6)} }}", "root fields: at most 10"),
        (f"{{ ...A ...A }} fragment A on Q {{ r {'@a ' * 26} }}", "directives: at most 50"),
        ("{ ... @a { ... @a { " + "r @a " * 49 + "} } }", "root fields: at most 10"),
    ],
)
def test_fragments_count_where_they_are_spread(document: str, message: str) -> None:
    """CVE-2026-47707 is the opposite mistake."""
    assert refusal(document) == f"limit_exceeded: {message}"


def test_a_fragment_bomb_ends_at_the_limit() -> None:
    """Each of 30 fragments spreads the next one twice: 2^30 fields, refused after 1,000."""
    bomb = " ".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    assert refusal(f"{{ r {{ ...F0 }} }} {bomb} fragment F30 on T {{ x }}") == "limit_exceeded: fields: at most 1000"


def test_a_cycle_of_fragments_is_left_to_validation() -> None:
    assert refusal("{ r { ...A } } fragment A on T { x ...B } fragment B on T { y ...A }") == ""


def test_every_operation_of_a_document_is_checked() -> None:
    assert refusal(f"query A {{ x }} query B {nested(13)}") == "limit_exceeded: depth: at most 12"

"""Documents read in one pass, beside graphql-core's own reading: what is accepted must be its tree, and valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from graphql import (
    GraphQLError,
    Location,
    NameNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)

from hub.graphql.lexer import Unusual
from hub.graphql.limits import LIMITS, check_document
from hub.graphql.onepass import read_document
from hub.graphql.vocabulary import Vocabulary
from ledger.errors import Malformed
from schema.assembly import build_schema
from schema.inspection import core_schema

__all__ = ["SCHEMA", "check_reading", "judged", "read"]

SCHEMA: Final = core_schema(build_schema())
_VOCABULARY: Final = Vocabulary(SCHEMA)
_RULES: Final = (*specified_rules, NoSchemaIntrospectionCustomRule)


def read(text: str) -> Any:
    """Give the tree of the one-pass reader, None for what it leaves to graphql-core."""
    try:
        return read_document(text, _VOCABULARY, LIMITS)
    except Unusual:
        return None


def judged(text: str) -> Any:
    """Give graphql-core's tree of a document, None for one that is refused: by it, or by a limit."""
    try:
        tree = parse(text, max_tokens=LIMITS.tokens)
        check_document(tree, LIMITS)
    except (GraphQLError, Malformed):
        return None
    return None if validate(SCHEMA, tree, _RULES, max_errors=1) else tree


def check_reading(text: str) -> bool:
    """Check that a document, if it is accepted, is valid and has graphql-core's tree; tell whether it is accepted."""
    tree = read(text)
    if tree is None:
        return False
    expected = judged(text)
    assert expected is not None
    _check_same(tree, expected, "document")
    return True


def _check_same(found: Any, expected: Any, where: str) -> None:
    """Compare two trees in all attributes and places but the places of names."""
    assert type(found) is type(expected), where
    if isinstance(found, Node):
        names = vars(expected).keys() - {"token_count"}
        assert vars(found).keys() == names, where
        for name in names - ({"loc"} if isinstance(found, NameNode) else set()):
            _check_same(getattr(found, name), getattr(expected, name), f"{where}.{name}")
    elif isinstance(found, Location):
        assert (found.start, found.end, found.source.body) == (expected.start, expected.end, expected.source.body), (
            where
        )
    elif isinstance(found, Sequence) and not isinstance(found, str):
        assert len(found) == len(expected), where
        for number, pair in enumerate(zip(found, expected, strict=True)):
            _check_same(*pair, f"{where}[{number}]")
    else:
        assert found == expected, where

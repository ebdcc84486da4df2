"""Errors without hints: a name of the schema stands in a message only if the sender wrote it.

    Argument 'Query.matter(code:)' of type 'CatalogueCode!' is required     ->  Argument '…' of type '…' is required
    Cannot query field 'mater' on type 'Query'.                             ->  Cannot query field 'mater' on type '…'.

graphql-core words its errors for who may know the schema: missing arguments, their types, fields of an input. Who
guesses names could read the rest of the schema off them, without introspection and suggestions. In development nothing
is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from graphql import GraphQLSchema, is_introspection_type, is_specified_scalar_type

__all__ = ["Hints"]

_QUOTED: Final = re.compile(r"'([^']*)'")
_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_HIDDEN: Final = "…"


class Hints:
    """Takes the names of one schema out of messages."""

    def __init__(self, schema: GraphQLSchema) -> None:
        names = [
            name
            for name, one in schema.type_map.items()
            if not is_introspection_type(one) and not is_specified_scalar_type(one)
        ]
        self._types: Final = _any_of(names)

    def hidden(self, message: str, text: str) -> str:
        """Give a message in which every quoted name, and every name of a type, stands in the sender's own text.

        text: the document as it was sent; empty where it came by its identifier.
        """
        written = frozenset(_NAME.findall(text))
        message = _QUOTED.sub(lambda found: found[0] if written.issuperset(_NAME.findall(found[1])) else f"'{_HIDDEN}'",
                              message)  # fmt: skip
        return self._types.sub(lambda found: found[0] if found[0] in written else _HIDDEN, message)


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(sorted(names, key=len, reverse=True)) + r")\b")

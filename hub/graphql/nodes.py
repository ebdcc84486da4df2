"""The leaves of graphql-core's tree, made from tokens: names, types, variables, plain values.

What grows out of them, and whether it fits the schema, is `onepass.py`.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListTypeNode,
    Location,
    NamedTypeNode,
    NameNode,
    Node,
    NonNullTypeNode,
    NullValueNode,
    Source,
    StringValueNode,
    TypeNode,
    ValueNode,
    VariableNode,
)

from hub.graphql.lexer import Unusual, string_value, tokens_of

__all__ = ["TokenReader", "made", "name_node"]

_NESTING: Final = 32  # levels of selections, lists and objects; the limit of depth is below it
_Made = TypeVar("_Made", bound=Node)


def made(kind: type[_Made], **parts: Any) -> _Made:
    """Make a node of all its attributes, those that are None included."""
    # Frozen dataclasses write each attribute through object.__setattr__: half of the time of a document.
    node = object.__new__(kind)
    node.__dict__.update(parts)
    return node


def name_node(name: str) -> NameNode:
    """Make a name; it carries no location."""
    return made(NameNode, value=name, loc=None)


class TokenReader:
    """Reads the tokens of one text from left to right; `at` is the number of the next one. All raise Unusual."""

    def __init__(self, text: str, most: int) -> None:
        tokens = tokens_of(text, most)
        self.tokens, self.begins, self.ends = tokens.texts, tokens.begins, tokens.ends
        self.at = 0
        self.source: Final = Source(text)
        self.nesting = 0

    def expect(self, token: str) -> None:
        """Read one certain token."""
        if self.tokens[self.at] != token:
            raise Unusual
        self.at += 1

    def name(self) -> str:
        """Read a name; a keyword is one, too."""
        here = self.tokens[self.at]
        if not here.isidentifier():
            raise Unusual
        self.at += 1
        return here

    def place(self, first: int) -> Location:
        """Give the location from a token to the one read last."""
        found = object.__new__(Location)
        found.start = self.begins[first]
        found.end = self.ends[self.at - 1]
        found.source = self.source
        return found

    def enter(self) -> None:
        """Go one level down: recursion has a bound of its own."""
        self.nesting += 1
        if self.nesting > _NESTING:
            raise Unusual

    def named(self) -> NamedTypeNode:
        """Read the name of a type."""
        first = self.at
        name = name_node(self.name())
        return made(NamedTypeNode, name=name, loc=self.place(first))

    def type_reference(self) -> TypeNode:
        """Read a type: a name, a list, either with `!`."""
        first = self.at
        if self.tokens[first] == "[":
            self.enter()
            self.at += 1
            inner = self.type_reference()
            self.expect("]")
            self.nesting -= 1
            given: TypeNode = made(ListTypeNode, type=inner, loc=self.place(first))
        else:
            given = self.named()
        if self.tokens[self.at] == "!":
            self.at += 1
            return made(NonNullTypeNode, type=given, loc=self.place(first))
        return given

    def variable(self) -> VariableNode:
        """Read `$name`."""
        first = self.at
        self.expect("$")
        name = name_node(self.name())
        return made(VariableNode, name=name, loc=self.place(first))

    def leaf(self) -> ValueNode:
        """Read a value without brackets, braces and variables."""
        here = self.tokens[self.at]
        if not here:
            raise Unusual
        self.at += 1
        place = self.place(self.at - 1)
        if here[0] == '"':
            return made(StringValueNode, value=string_value(here), block=here.startswith('"""'), loc=place)
        if here[-1].isdigit() and not here.isidentifier():
            kind = IntValueNode if here.lstrip("-").isdigit() else FloatValueNode
            return made(kind, value=here, loc=place)
        if here in {"true", "false"}:
            return made(BooleanValueNode, value=here == "true", loc=place)
        if not here.isidentifier():
            raise Unusual
        return made(NullValueNode, loc=place) if here == "null" else made(EnumValueNode, value=here, loc=place)

"""A cold document in one pass: lexed, parsed and checked against the schema together.

    text -> tokens -> graphql-core's own tree, checked as it grows -> limits, fragments, variables -> DocumentNode

What it accepts is a part of what graphql-core accepts: one query, fields and arguments that the schema has, values of
the right type, `@skip` and `@include`, fragments without cycles, response names that are asked for alike. All else is
left to graphql-core by raising Unusual: what is wrong, so that all errors are worded in one place; and what is rare
(mutations, subscriptions, introspection, several operations, directives elsewhere). The tree is the one that
graphql-core's parser makes, so nothing behind this depends on who read the document; only names carry no location,
because no error of an accepted document points at a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeVar

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    TypeNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.utilities import type_from_ast
from graphql.utilities.validate_input_value import validate_input_literal

from hub.graphql.accordance import Usages, check_usages
from hub.graphql.lexer import Unusual
from hub.graphql.limits import Limits, check_document
from hub.graphql.nodes import TokenReader, made, name_node
from hub.graphql.vocabulary import FieldWord, InputWord, Vocabulary
from ledger.errors import Malformed

__all__ = ["read_document"]

_FOLLOWING: Final = frozenset({":", "(", "@", "{"})
"""What may follow the name of a field and belongs to it."""

_Member = TypeVar("_Member", ArgumentNode, ObjectFieldNode)


def read_document(text: str, vocabulary: Vocabulary, limits: Limits) -> DocumentNode:
    """Read a document in one pass. Raises Unusual for what graphql-core must judge."""
    reader = _Reader(text, vocabulary, limits.tokens)
    document = reader.document()
    try:
        check_document(document, limits)  # first: what comes after it walks the expanded tree, too
    except Malformed as error:
        raise Unusual from error
    check_usages(document, reader.usages, vocabulary)
    return document


class _Reader(TokenReader):
    """Reads one document, and checks it as it goes; recursion follows its selections and values."""

    def __init__(self, text: str, vocabulary: Vocabulary, most: int) -> None:
        super().__init__(text, most)
        self.vocabulary = vocabulary
        self.usages = Usages()

    def document(self) -> DocumentNode:
        definitions = []
        while self.tokens[self.at]:
            definitions.append(self.fragment() if self.tokens[self.at] == "fragment" else self.operation())
        if not definitions:
            raise Unusual
        document = made(DocumentNode, definitions=tuple(definitions), loc=self.place(0))
        # As graphql-core's parser does: from the start of the text to its end.
        document.loc.start, document.loc.end = 0, len(self.source.body)  # type: ignore[union-attr]  # just made
        return document

    def operation(self) -> OperationDefinitionNode:
        first = self.at
        name = definitions = None
        if self.tokens[first] != "{":
            self.expect("query")
            if self.tokens[self.at] not in {"{", "("}:
                name = name_node(self.name())
            if self.tokens[self.at] == "(":
                definitions = self.definitions()
        self.usages.operation()
        selections = self.selections(self.vocabulary.query)
        return made(
            OperationDefinitionNode,
            operation=OperationType.QUERY,
            description=None,
            name=name,
            variable_definitions=definitions,
            directives=None,
            selection_set=selections,
            loc=self.place(first),
        )

    def fragment(self) -> FragmentDefinitionNode:
        first = self.at
        self.at += 1
        name = self.name()
        if name == "on" or self.tokens[self.at] != "on":
            raise Unusual
        condition = self.condition()
        self.usages.fragment(name, condition.name.value)
        selections = self.selections(condition.name.value)
        return made(
            FragmentDefinitionNode,
            description=None,
            name=name_node(name),
            variable_definitions=(),
            type_condition=condition,
            directives=None,
            selection_set=selections,
            loc=self.place(first),
        )

    def condition(self) -> NamedTypeNode:
        """Read `on Type`."""
        self.at += 1
        condition = self.named()
        if condition.name.value not in self.vocabulary.fields:
            raise Unusual
        return condition

    def definitions(self) -> tuple[VariableDefinitionNode, ...]:
        self.at += 1
        found = [self.definition()]
        while self.tokens[self.at] != ")":
            found.append(self.definition())
        self.at += 1
        return tuple(found)

    def definition(self) -> VariableDefinitionNode:
        first = self.at
        variable = self.variable()
        self.expect(":")
        given = self.type_reference()
        text = "".join(self.tokens[first + 3 : self.at])
        if text.strip("[]!") not in self.vocabulary.inputs:
            raise Unusual
        default = None
        if self.tokens[self.at] == "=":
            self.at += 1
            default = self.constant(given)
        self.usages.define(variable.name.value, text, default)
        return made(
            VariableDefinitionNode,
            description=None,
            variable=variable,
            type=given,
            default_value=default,
            directives=None,
            loc=self.place(first),
        )

    def constant(self, given: TypeNode) -> ValueNode:
        """Read a variable's default; one in brackets or braces is rare."""
        named: Any = type_from_ast(self.vocabulary.schema, given)
        value = self.leaf()
        validate_input_literal(value, named, _refuse)
        return value

    def selections(self, parent: str) -> SelectionSetNode:
        first = self.at
        self.expect("{")
        self.enter()
        words = self.vocabulary.fields[parent]
        found: list[SelectionNode] = []
        responses: set[str] = set()
        while (here := self.tokens[self.at]) != "}":
            word = words.get(here)
            if word is not None and word.bare is not None and self.tokens[self.at + 1] not in _FOLLOWING:
                found.append(self.bare(word.bare, here, responses))
            else:
                found.append(self.spread(parent) if here == "..." else self.field(words, responses))
        if not found:
            raise Unusual
        self.at += 1
        self.nesting -= 1
        return made(SelectionSetNode, selections=tuple(found), loc=self.place(first))

    def bare(self, parts: Mapping[str, Any], name: str, responses: set[str]) -> FieldNode:
        """Read a field of which there is nothing but its name: most of a document."""
        self.at += 1
        if name in responses:
            self.usages.crossed = True
        responses.add(name)
        node = object.__new__(FieldNode)
        node.__dict__.update(parts, loc=self.place(self.at - 1))
        return node

    def field(self, words: dict[str, FieldWord], responses: set[str]) -> FieldNode:
        first = self.at
        alias, name = None, self.name()
        response = name
        if self.tokens[self.at] == ":":
            self.at += 1
            alias, name = name_node(name), self.name()
        if response in responses:
            self.usages.crossed = True
        responses.add(response)
        word = words.get(name)
        if word is None:
            raise Unusual
        arguments = self.arguments(word)
        directives = self.directives()
        if (self.tokens[self.at] == "{") is (word.below is None):
            raise Unusual
        below = None if word.below is None else self.selections(word.below)
        return made(
            FieldNode,
            alias=alias,
            name=word.name,
            arguments=arguments,
            directives=directives,
            selection_set=below,
            loc=self.place(first),
        )

    def arguments(self, word: FieldWord) -> tuple[ArgumentNode, ...] | None:
        if self.tokens[self.at] != "(":
            if word.required:
                raise Unusual
            return None
        self.at += 1
        found: dict[str, ArgumentNode] = {}
        while self.tokens[self.at] != ")":
            self.member(ArgumentNode, word.arguments, found)
        self.at += 1
        if not found or not word.required <= found.keys():
            raise Unusual
        return tuple(found.values())

    def member(self, kind: type[_Member], words: Any, found: dict[str, _Member]) -> None:
        """Read `name: value`, of an argument or of an input object's member."""
        first = self.at
        name = self.name()
        word = words.get(name)
        if word is None or name in found:
            raise Unusual
        self.expect(":")
        value = self.value(word)
        if kind is ArgumentNode and not isinstance(value, VariableNode):
            validate_input_literal(value, word.type, _refuse)
        found[name] = made(kind, name=word.name, value=value, loc=self.place(first))

    def value(self, word: InputWord) -> ValueNode:
        here = self.tokens[self.at]
        if here == "$":
            variable = self.variable()
            self.usages.use(variable.name.value, word)
            return variable
        if here == "{":
            return self.object(word)
        return self.list(word) if here == "[" else self.leaf()

    def object(self, word: InputWord) -> ObjectValueNode:
        if word.members is None:
            raise Unusual
        first = self.at
        self.at += 1
        self.enter()
        found: dict[str, ObjectFieldNode] = {}
        while self.tokens[self.at] != "}":
            self.member(ObjectFieldNode, self.vocabulary.members[word.members], found)
        self.at += 1
        self.nesting -= 1
        return made(ObjectValueNode, fields=tuple(found.values()), loc=self.place(first))

    def list(self, word: InputWord) -> ListValueNode:
        if word.item is None:
            raise Unusual
        first = self.at
        self.at += 1
        self.enter()
        found = []
        while self.tokens[self.at] != "]":
            found.append(self.value(word.item))
        self.at += 1
        self.nesting -= 1
        return made(ListValueNode, values=tuple(found), loc=self.place(first))

    def directives(self) -> tuple[DirectiveNode, ...] | None:
        if self.tokens[self.at] != "@":
            return None
        found: dict[str, DirectiveNode] = {}
        while self.tokens[self.at] == "@":
            first = self.at
            self.at += 1
            name = self.name()
            if name not in {"skip", "include"} or name in found:
                raise Unusual
            arguments = self.arguments(self.vocabulary.condition)
            found[name] = made(DirectiveNode, name=name_node(name), arguments=arguments, loc=self.place(first))
        return tuple(found.values())

    def spread(self, parent: str) -> SelectionNode:
        """Read a fragment in its place: `...Name`, `... on Type {`, `... {`."""
        first = self.at
        self.at += 1
        self.usages.crossed = True
        here, condition = self.tokens[self.at], None
        if here == "on":
            condition = self.condition()
            if not self.vocabulary.overlap(parent, condition.name.value):
                raise Unusual
        elif here.isidentifier():
            self.at += 1
            self.usages.spread(here, parent)
            name, directives = name_node(here), self.directives()
            return made(FragmentSpreadNode, name=name, arguments=None, directives=directives, loc=self.place(first))
        directives = self.directives()
        below = self.selections(condition.name.value if condition else parent)
        return made(
            InlineFragmentNode,
            type_condition=condition,
            directives=directives,
            selection_set=below,
            loc=self.place(first),
        )


def _refuse(_error: GraphQLError, _path: list[str | int]) -> NoReturn:
    raise Unusual

"""What a document says in one place must accord with what it says in another: variables, fragments, response names.

Noted while a document is read, checked when all of it is known. As everywhere in the one-pass reader, what is not
plainly in order is left to graphql-core by raising Unusual.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

from hub.graphql.lexer import Unusual
from hub.graphql.vocabulary import InputWord, Vocabulary

__all__ = ["Usages", "check_usages"]

_OPERATION: Final = ""  # no fragment has this name

_Sets: TypeAlias = list[tuple[SelectionSetNode, str]]
"""Selection sets that are merged into one object's, each with the type that it is written for."""


@dataclass(slots=True)
class Usages:
    """What a document defines and uses so far. crossed: two selections may be about one response name."""

    crossed: bool = False
    variables: dict[str, tuple[str, ValueNode | None]] = field(default_factory=dict)
    used: list[tuple[str, InputWord]] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)
    spreads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    owner: str = _OPERATION

    def operation(self) -> None:
        """Note that the operation begins; there is only one."""
        if _OPERATION in self.spreads:
            raise Unusual
        self.owner = _OPERATION
        self.spreads[_OPERATION] = []

    def fragment(self, name: str, condition: str) -> None:
        """Note that a fragment begins."""
        if name in self.conditions:
            raise Unusual
        self.owner = name
        self.conditions[name] = condition
        self.spreads[name] = []

    def spread(self, name: str, parent: str) -> None:
        """Note a fragment's spread inside of a type."""
        self.spreads[self.owner].append((name, parent))

    def define(self, name: str, text: str, default: ValueNode | None) -> None:
        """Note a variable's definition."""
        if name in self.variables:
            raise Unusual
        self.variables[name] = text, default

    def use(self, name: str, word: InputWord) -> None:
        """Note a variable in its place."""
        self.used.append((name, word))


def check_usages(document: DocumentNode, usages: Usages, vocabulary: Vocabulary) -> None:
    """Check what can only be checked when the whole document is known. Raises Unusual."""
    _check_fragments(usages, vocabulary)
    if {name for name, _ in usages.used} != usages.variables.keys():
        raise Unusual
    for name, word in usages.used:
        _check_variable(*usages.variables[name], word)
    if usages.crossed:
        _Merging(document, vocabulary).check()


def _check_fragments(usages: Usages, vocabulary: Vocabulary) -> None:
    """Check that there is an operation, and that it reaches every fragment, where that can apply, without cycles."""
    if _OPERATION not in usages.spreads:
        raise Unusual
    done: set[str] = set()
    _follow(_OPERATION, usages, vocabulary, done, ())
    if len(done) != len(usages.spreads):
        raise Unusual


def _follow(name: str, usages: Usages, vocabulary: Vocabulary, done: set[str], inside: tuple[str, ...]) -> None:
    if name in done:
        return
    for other, parent in usages.spreads[name]:
        condition = usages.conditions.get(other)
        if condition is None or other in inside or other == name or not vocabulary.overlap(parent, condition):
            raise Unusual
        _follow(other, usages, vocabulary, done, (*inside, name))
    done.add(name)


def _check_variable(text: str, default: ValueNode | None, word: InputWord) -> None:
    """Check that a variable of a type may stand in a place (GraphQL 5.8.5)."""
    strict = text.endswith("!")
    if word.of_one and not strict:
        raise Unusual
    if word.text == text or (strict and word.text == text[:-1]):
        return
    present = word.default or (default is not None and not isinstance(default, NullValueNode))
    if not present or word.text != text + "!":
        raise Unusual


class _Merging:
    """Checks that selections of one response name ask for the same, taken as if every fragment applied."""

    def __init__(self, document: DocumentNode, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self.fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }

    def check(self) -> None:
        for operation in self.operations:
            self.merge([(operation.selection_set, self.vocabulary.query)])

    def merge(self, sets: _Sets) -> None:
        found: dict[str, list[tuple[FieldNode, str]]] = {}
        for selection_set, parent in sets:
            self.collect(selection_set, parent, found)
        for fields in found.values():
            node, parent = fields[0]
            word = self.vocabulary.fields[parent][node.name.value]
            for other, its_parent in fields[1:]:
                same = self.vocabulary.fields[its_parent].get(node.name.value)
                if other.name is not node.name and other.name.value != node.name.value:
                    raise Unusual
                if same is None or same.text != word.text or _arguments(other) != _arguments(node):
                    raise Unusual
            if word.below is not None:
                self.merge([(one.selection_set, word.below) for one, _ in fields if one.selection_set])

    def collect(
        self, selection_set: SelectionSetNode, parent: str, found: dict[str, list[tuple[FieldNode, str]]]
    ) -> None:
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                found.setdefault((node.alias or node.name).value, []).append((node, parent))
                continue
            inner: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            condition = inner.type_condition
            self.collect(inner.selection_set, condition.name.value if condition else parent, found)


def _arguments(node: FieldNode) -> Iterable[str]:
    """Give a field's arguments as they are written."""
    return [one.loc.source.body[one.loc.start : one.loc.end] for one in node.arguments or () if one.loc]

"""The one table of limits on what may be asked, and the checks that come before any work.

What is counted on the expanded tree is counted with every fragment spread in place, as often as it is spread: a limit
that counts the document's text alone is bypassed by a fragment (CVE-2026-47707). The walk stops at the first limit
that is passed, so that a fragment bomb costs no more than a limit's worth of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, OperationDefinitionNode

from ledger.errors import Malformed

__all__ = ["LIMITS", "Limits", "check_document", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit of the GraphQL endpoint. Sizes in bytes or pieces, times in seconds.

    depth counts fields, not fragments; fields, aliases and directives are counted on the expanded tree of an
    operation, fragments included. alias_chars bounds one alias: an answer repeats it for every row, and caches keep
    it. cost is the sum of the fields' costs, a list times the rows that it may have. seconds bounds a query,
    mutation_seconds a mutation (which may wait for witnesses), body_seconds the arrival of the body. documents and
    refused_documents are the caches' entries, plans those of one document; a document of more than cached_chars is
    never cached. batch_length: most documents in one request; each is held to all other limits, and counted as one.
    """

    body_bytes: int = 1024 * 1024
    query_string_bytes: int = 16 * 1024
    body_seconds: float = 10.0
    seconds: float = 5.0
    mutation_seconds: float = 15.0
    json_depth: int = 12
    tokens: int = 1_000
    depth: int = 12
    fields: int = 1_000
    aliases: int = 15
    alias_chars: int = 128
    directives: int = 50
    root_fields: int = 10
    cost: int = 25_000
    errors: int = 20
    documents: int = 1_000
    refused_documents: int = 200
    cached_chars: int = 16 * 1024
    plans: int = 16
    batch_length: int = 1


LIMITS: Final = Limits()


def over(what: str, limit: int, got: int | None = None) -> Malformed:
    """Make the error for a passed limit."""
    return Malformed("limit_exceeded", f"{what}: at most {limit}" + ("" if got is None else f", got {got}"))


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Check every operation of a parsed document, before it is validated.

    Raises Malformed limit_exceeded for depth, fields, aliases and their length, directives or root fields.
    """
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            count = _Count(limits=limits, fragments=fragments)
            count.directives(operation)
            count.walk(operation, 0, ())


@dataclass(slots=True, kw_only=True)
class _Count:
    limits: Limits
    fragments: Mapping[str, FragmentDefinitionNode]
    fields: int = 0
    aliases: int = 0
    used_directives: int = 0
    roots: int = 0

    def directives(self, node: Any) -> None:
        if node.directives:
            self.used_directives += len(node.directives)
            if self.used_directives > self.limits.directives:
                raise over("directives", self.limits.directives)

    def walk(self, node: Any, depth: int, spread: tuple[str, ...]) -> None:
        """Count a selection set. spread: the fragments that this place is inside of; a cycle is left to validation."""
        for selection in node.selection_set.selections:
            self.directives(selection)
            # Fragments count as fields do: a tree of empty spreads is work, too.
            self.fields += 1
            if self.fields > self.limits.fields:
                raise over("fields", self.limits.fields)
            if isinstance(selection, FieldNode):
                self.field(selection, depth + 1, spread)
            elif isinstance(selection, FragmentSpreadNode):
                self.spread(selection.name.value, depth, spread)
            else:
                self.walk(selection, depth, spread)

    def field(self, node: FieldNode, depth: int, spread: tuple[str, ...]) -> None:
        if node.alias is not None:
            self.alias(node.alias.value)
        if depth == 1:
            self.roots += 1
            if self.roots > self.limits.root_fields:
                raise over("root fields", self.limits.root_fields)
        if depth > self.limits.depth:
            raise over("depth", self.limits.depth)
        if node.selection_set is not None:
            self.walk(node, depth, spread)

    def alias(self, name: str) -> None:
        self.aliases += 1
        if self.aliases > self.limits.aliases:
            raise over("aliases", self.limits.aliases)
        if len(name) > self.limits.alias_chars:
            raise over("characters of an alias", self.limits.alias_chars)

    def spread(self, name: str, depth: int, spread: tuple[str, ...]) -> None:
        fragment = self.fragments.get(name)
        if fragment is not None and name not in spread:
            self.directives(fragment)
            self.walk(fragment, depth, (*spread, name))

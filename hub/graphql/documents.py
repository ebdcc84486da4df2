"""Documents: parsed, checked against the limits, validated and planned, each once; kept in bounded caches.

    text -> one-pass reader -> Document                                    (LRU by text)
         -> what it leaves: graphql-core's parser, tree limits, validation -> Document, or refused (a smaller LRU)
    Document + operation + conditions + scopes -> Plan                     (LRU; the scope set is part of the key)

graphql-core takes milliseconds for a document and the one-pass reader a tenth of one, so what it leaves can be counted
against its sender (`admit`), and a document that is refused once is refused from memory (a long one by its digest).
Suggestions ("Did you mean") and introspection are off unless the hub runs for development: both tell what a schema
holds to whoever guesses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues

from hub.graph.plan import Plan, make_plan
from hub.graph.selection import condition_variables
from hub.graph.tables import Tables
from hub.graphql.lexer import Unusual
from hub.graphql.limits import Limits, check_document, over
from hub.graphql.onepass import read_document
from hub.graphql.variables import VariableReader
from hub.graphql.vocabulary import Vocabulary
from hub.lru import CacheCount, Lru
from ledger.errors import Malformed

__all__ = ["Document", "DocumentRefused", "Documents", "Fault", "wording"]

_MAX_MESSAGE: Final = 500  # characters; graphql-core repeats names of any length, one of them in many errors
_UNTOLD: Final = "not valid, and what is wrong with it is too long to be told"
_TOO_MANY_TOKENS: Final = "Document contains more than"
_SUGGESTION: Final = re.compile(r"\s*Did you mean [^?]*\?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One reason why a document was refused: its code, a text without suggestions, and (line, column) pairs."""

    code: str
    message: str
    locations: tuple[tuple[int, int], ...] = ()


class DocumentRefused(Exception):
    """A document that cannot be run, with all its faults; at least one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].code)
        self.faults: Final = tuple(faults)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Document:
    """A valid document. conditions: the variables that decide a `@skip` or `@include`. plans: those made so far.

    plans: (operation name, values of the conditions, scopes) -> plan. It lives and dies with its document, so that no
    plan can be found under another one's key. readers: of the variables of those operations that were asked, by name.
    """

    tree: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    plans: Lru[tuple[Any, ...], Plan]
    readers: dict[str, VariableReader] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Give the operation to run. Raises Malformed bad_request when the name names none, or is missing for many."""
        if name is not None:
            found = self.operations.get(name)
            if found is None:
                raise Malformed("bad_request", "operationName names no operation of the document")
            return found
        if len(self.operations) != 1:
            raise Malformed("bad_request", "the document has several operations: expected an operationName")
        return next(iter(self.operations.values()))


class Documents:
    """All documents of one schema. Used from the event loop alone.

    ways: how many documents went which way since start: `cached`, `onepass`, `graphql_core`, `refused`. caches: what
    the caches `document` and `plan` gave; trusted documents are in none, but their plans are.
    """

    def __init__(self, tables: Tables, limits: Limits, *, dev: bool = False) -> None:
        self._tables = tables
        self._limits = limits
        self._dev = dev
        self._vocabulary = Vocabulary(tables.schema)
        self.ways: Final = dict.fromkeys(("cached", "onepass", "graphql_core", "refused"), 0)
        self._texts = CacheCount()
        self._plans = CacheCount()
        self.caches: Final[Mapping[str, CacheCount]] = {"document": self._texts, "plan": self._plans}
        self._rules = (*specified_rules, *(() if dev else (NoSchemaIntrospectionCustomRule,)))
        self._known: Lru[str, Document] = Lru(limits.documents)
        self._refused: Lru[str | bytes, DocumentRefused] = Lru(limits.refused_documents)

    def load(self, text: str, *, admit: Callable[[], None] | None = None) -> Document:
        """Give the document of a text. Raises DocumentRefused with codes bad_document and limit_exceeded.

        admit: called before graphql-core judges a new document, which costs milliseconds. What it raises leaves here,
        and nothing is remembered.
        """
        known = self._known.get(text)
        if known is not None:
            self.ways["cached"] += 1
            self._texts.hits += 1
            return known
        self._texts.misses += 1
        short = len(text) <= self._limits.cached_chars
        key = text if short else hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        refused = self._refused.get(key)
        if refused is not None:
            self.ways["refused"] += 1
            raise DocumentRefused(refused.faults)
        document = self._one_pass(text) or self._judged(text, key, admit)
        if short:
            self._known.put(text, document)
        return document

    def plan(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        scopes: frozenset[str] | None,
    ) -> Plan:
        """Give the plan of one operation for callers with these scopes; None: callers without a token."""
        given = variables.coerced
        values = tuple([given.get(name) for name in document.conditions]) if document.conditions else ()
        key = (operation.name.value if operation.name else None, values, scopes)
        plan = document.plans.get(key)
        if plan is not None:
            self._plans.hits += 1
        else:
            self._plans.misses += 1
            conditions = dict(zip(document.conditions, values, strict=True))
            plan = make_plan(self._tables, operation, document.fragments, conditions, scopes)
            document.plans.put(key, plan)
        return plan

    def _one_pass(self, text: str) -> Document | None:
        try:
            tree = read_document(text, self._vocabulary, self._limits)
        except Unusual:
            return None
        self.ways["onepass"] += 1
        return self._document(tree, text)

    def _judged(self, text: str, key: str | bytes, admit: Callable[[], None] | None) -> Document:
        if admit is not None:
            admit()
        try:
            document = self._validated(text)
        except DocumentRefused as error:
            self.ways["refused"] += 1
            self._refused.put(key, DocumentRefused(error.faults))
            raise
        self.ways["graphql_core"] += 1
        return document

    def _validated(self, text: str) -> Document:
        tree = self._parsed(text)
        try:
            check_document(tree, self._limits)
        except Malformed as error:
            raise DocumentRefused([_limit_fault(error)]) from error
        errors = validate(
            self._tables.schema, tree, self._rules, max_errors=self._limits.errors, hide_suggestions=not self._dev
        )
        if errors:
            raise DocumentRefused([_fault(error, dev=self._dev) for error in errors])
        return self._document(tree, text)

    def _parsed(self, text: str) -> DocumentNode:
        try:
            return parse(text, max_tokens=self._limits.tokens)
        except GraphQLError as error:
            if _TOO_MANY_TOKENS in error.message:
                raise DocumentRefused([_limit_fault(over("tokens", self._limits.tokens))]) from error
            raise DocumentRefused([_fault(error, dev=self._dev)]) from error

    def _document(self, tree: DocumentNode, text: str) -> Document:
        operations = [one for one in tree.definitions if isinstance(one, OperationDefinitionNode)]
        fragments = [one for one in tree.definitions if isinstance(one, FragmentDefinitionNode)]
        return Document(
            tree=tree,
            operations={one.name.value if one.name else "": one for one in operations},
            fragments={one.name.value: one for one in fragments},
            conditions=condition_variables([*operations, *fragments]) if "@" in text else (),
            plans=Lru(self._limits.plans),
        )


def _limit_fault(error: Malformed) -> Fault:
    return Fault(code=error.code, message=error.message)


def _fault(error: GraphQLError, *, dev: bool) -> Fault:
    code = (error.extensions or {}).get("code", "bad_document")
    locations = tuple((one.line, one.column) for one in error.locations or ())
    return Fault(code=code, message=wording(error.message, dev=dev), locations=locations)


def wording(message: str, *, dev: bool = False) -> str:
    """Give graphql-core's words as they may leave: short, and without "Did you mean ...?", which tells names.

    dev: with it. A message that is too long is not cut: a part of a name would be known no more as one of the schema.
    """
    if len(message) > _MAX_MESSAGE:
        return _UNTOLD
    return message if dev else _SUGGESTION.sub("", message)

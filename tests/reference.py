"""The slow reference of the schema: a plain resolver for every stored field, one query a field.

It shares the declarations with the compiler and nothing else: no projection, no shapes, no plan. Each resolver knows
its node by label and key, asks the graph for one value or for the keys of the nodes at the other end, and leaves the
rest to graphql-core. Row rules are applied here in Python, after reading: what the compiler must cut from the
statement, the reference throws away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import strawberry
from graphql import ExecutionResult, GraphQLField, execute_sync, parse

from hub.graph.constraints import KEYS
from hub.graph.driver import BoltDriver
from ledger.errors import Refused
from schema.access import RULES
from schema.binding import bound_values, key_of
from schema.connections import bound_label, decode_cursor, encode_cursor, page_size
from schema.context import Context
from schema.inspection import core_schema, declaration_of, walk
from schema.mapping import (
    Attribute,
    Computed,
    EdgeProperty,
    Expression,
    Gather,
    KeyStart,
    PageStart,
    Property,
    Relation,
    Structure,
)

__all__ = ["Reference"]

_CONTEXT: Final = ("caller_county", "today", "now")


@dataclass(frozen=True, slots=True)
class Node:
    """A node by label and key, and the relationship that led to it: (relation, the node it came from)."""

    label: str
    key: Any
    edge: tuple[Relation, Node] | None = None


class Reference:
    """Answers documents field by field. own_county: the caller sees the licenses of this county only.

    caller_county: whose cases the caller sees.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        driver: BoltDriver,
        *,
        own_county: str | None = None,
        caller_county: str | None = None,
    ) -> None:
        self.schema = core_schema(schema)
        self.driver = driver
        self.own_county = own_county
        self.caller_county = caller_county
        self._basis_holder: str | None = None  # of the root field at hand: they are answered one after the other
        self._executor = schema.execution_context_class
        for walked in walk(schema):
            walked.field.resolve = self._resolver(walked.field)

    async def answer(
        self, document: str, context: Context, variables: Mapping[str, Any] | None = None
    ) -> ExecutionResult:
        """Run one document."""
        self._loop = asyncio.get_running_loop()
        return await asyncio.to_thread(self._execute, document, context, dict(variables or {}))

    def _execute(self, document: str, context: Context, variables: dict[str, Any]) -> ExecutionResult:
        # In a thread, with resolvers that wait: so graphql-core has nothing to cancel when a sibling fails.
        return execute_sync(
            self.schema,
            parse(document),
            root_value={},
            context_value=context,
            variable_values=variables,
            executor_class=self._executor,
        )

    def _resolver(self, field: GraphQLField) -> Any:
        declaration = declaration_of(field)
        assert declaration is not None
        place, original = declaration.place, field.resolve
        if isinstance(place, Attribute):
            return original

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(look_up(source, info, **arguments), self._loop).result()

        async def look_up(source: Any, info: Any, **arguments: Any) -> Any:
            if isinstance(place, (KeyStart, PageStart)):
                scopes = RULES[declaration.access].scopes
                if scopes and scopes.isdisjoint(info.context.principal.scopes):
                    raise Refused("forbidden", "the scopes do not allow it")
                info.context.arguments[info.path.key] = arguments
                self._basis_holder = await self._based(place, arguments, info)
                return await self._root(place, arguments, info.context)
            if isinstance(place, Structure):
                return source[info.field_name]
            if isinstance(place, Computed):
                needs = {name: await self._property(source, name) for name in place.needs} if source else {}
                for gather in place.gathers:
                    needs[gather.name] = await self._gathered(gather, source, info)
                result = original(needs or source, info, **arguments)
                return await result if hasattr(result, "__await__") else result
            return await self._stored(place, source, arguments, info)

        return resolve

    async def _based(self, start: Any, arguments: Mapping[str, Any], info: Any) -> str | None:
        """Give the holder of the basis that a root field names, the rule written out once more."""
        context = info.context
        if "basis" not in info.parent_type.fields[info.field_name].args:
            await self._of_case(arguments, info)
            return None
        given = arguments.get("basis")
        if given is None:
            if self.own_county is None:
                raise Refused("basis_required", "none is named")
            return None
        basis = context.bases.kept.get(given.get("consent") or given.get("case"))
        holder = key_of(start, arguments, context) if start.label == "Holder" else None
        holder = bound_values(start, arguments, context).get("holder_key", holder)
        if basis is None or holder not in {None, basis.holder}:
            raise Refused("no_basis", "it is none of this holder")
        if given.get("consent") is not None and basis.matter not in {None, arguments.get("matter")}:
            raise Refused("not_consented", "it is for another matter")
        context.granted[info.path.key] = basis
        return str(basis.holder)

    async def _of_case(self, arguments: Mapping[str, Any], info: Any) -> None:
        found = info.context.bases.kept.get(arguments.get("caseNumber"))
        if found is not None:
            info.context.granted[info.path.key] = found

    async def _stored(self, place: Any, node: Node, arguments: Mapping[str, Any], info: Any) -> Any:
        if isinstance(place, Property):
            return await self._property(node, place.name)
        if isinstance(place, EdgeProperty):
            return await self._edge_property(node, place.name)
        if isinstance(place, Relation):
            found = await self._related(place, node)
            limit = min(arguments.get("first") or place.page, place.page)
            return found[:limit] if place.many else next(iter(found), None)
        return await self._expression(place, node, info)

    async def _gathered(self, gather: Gather, node: Node, info: Any) -> list[dict[str, Any]]:
        place = gather.place
        found = (await self._related(place, node))[: place.page] if isinstance(place, Relation) else None
        rows = []
        for one in found if found is not None else await self._expression(place, node, info):  # type: ignore[arg-type]
            row = {name: await self._property(one, name) for name in gather.properties}
            row |= {name: await self._edge_property(one, name) for name in gather.edge}
            rows.append(row | {below.name: await self._gathered(below, one, info) for below in gather.gathers})
        return rows

    async def _value(self, text: str, **parameters: Any) -> Any:
        rows = await self.driver.rows(text, parameters)  # type: ignore[arg-type]  # built from declarations, in a test
        return rows[0][0] if rows else None

    async def _property(self, node: Node, name: str) -> Any:
        return await self._value(f"MATCH (n:{node.label} {{{KEYS[node.label]}: $key}}) RETURN n.{name}", key=node.key)

    async def _edge_property(self, node: Node, name: str) -> Any:
        if node.edge is None:
            return None
        relation, source = node.edge
        pattern = _pattern(relation, source.label, "r")
        return await self._value(f"MATCH {pattern} RETURN r.{name}", source=source.key, target=node.key)

    async def _related(self, relation: Relation, node: Node) -> list[Node]:
        """Give the nodes at the other end that the caller may see, in the relation's order."""
        key = KEYS[relation.target]
        arrow = f"-[:{relation.type}]->" if relation.direction == "out" else f"<-[:{relation.type}]-"
        rows = await self.driver.rows(
            f"MATCH (n:{node.label} {{{KEYS[node.label]}: $key}}){arrow}(m:{relation.target}) "  # type: ignore[arg-type]
            f"RETURN m.{key} ORDER BY m.{relation.order or key}",
            {"key": node.key},
        )
        found = [Node(relation.target, row[0], (relation, node)) for row in rows]
        return [one for one in found if await self._visible(one)]

    async def _visible(self, node: Node) -> bool:
        if node.label == "Case":
            counties = [await self._property(node, name) for name in ("takenInBy", "handledBy", "pickedUpAt")]
            return self.caller_county in counties
        if node.label == "Consent":
            return self.caller_county in [await self._property(node, name) for name in ("county", "statedBy")]
        if node.label == "License" and self._basis_holder is not None:
            text = "MATCH (n:License {logIndex: $key})-[:HELD_BY]->(h:Holder {key: $holder}) RETURN h.key"
            if await self._value(text, key=node.key, holder=self._basis_holder) is None:
                return False
        if node.label == "Objection":
            return self.caller_county in [await self._property(node, name) for name in ("raisedBy", "answeredBy")]
        if node.label != "License" or self.own_county is None:
            return True
        return bool(await self._property(node, "sealedBy") == self.own_county)

    async def _expression(self, place: Expression, node: Node, info: Any) -> Any:
        path = info.path
        while path.prev is not None:
            path = path.prev
        given = {**info.context.arguments.get(path.key, {}), **_context_values(info.context)}
        parameters = {name: given.get(name) for name in place.parameters}
        start = f"MATCH (n:{node.label} {{{KEYS[node.label]}: $key}})"
        if place.target is None:
            return await self._value(f"{start} RETURN {place.cypher.replace('{n}', 'n')}", key=node.key, **parameters)
        key = KEYS[place.target]
        pattern = place.cypher.replace("{n}", "n").replace("{t}", "t")
        rows = await self.driver.rows(
            f"{start} MATCH {pattern} WITH t ORDER BY t.{place.order or key} RETURN t.{key}",  # type: ignore[arg-type]
            {"key": node.key, **parameters},
        )
        found = [Node(place.target, row[0]) for row in rows]
        visible = [one for one in found if await self._visible(one)]
        return visible[: place.page] if place.many else next(iter(visible), None)

    async def _root(self, start: KeyStart | PageStart, arguments: Mapping[str, Any], context: Context) -> Any:
        if isinstance(start, PageStart):
            return await self._page(await self._all(start, arguments), start.label, start.key, arguments)
        nodes = await self._started(start, arguments, context)
        if start.via is None:
            return nodes[0] if nodes and await self._visible(nodes[0]) else None
        nodes = [one for node in nodes for one in await self._related(start.via, node)]
        nodes = [one for one in nodes if await self._holds(start, one, arguments, context)]
        if not start.page:
            return nodes[: start.via.page] if start.via.many else next(iter(nodes), None)
        label = start.via.target
        if start.label == "Holder":
            label = bound_label(label, context.principal.county or "", key_of(start, arguments, context))
        return await self._page(nodes, label, start.via.order or "", arguments)

    async def _started(self, start: KeyStart, arguments: Mapping[str, Any], context: Context) -> list[Node]:
        key = KEYS[start.label]
        rows = await self.driver.rows(
            f"MATCH (n:{start.label} {{{start.key}: $key}}) RETURN n.{key} ORDER BY n.{key}",  # type: ignore[arg-type]
            {"key": key_of(start, arguments, context)},
        )
        nodes = [Node(start.label, row[0]) for row in rows]
        return nodes if start.via else [one for one in nodes if await self._holds(start, one, arguments, context)]

    async def _holds(self, start: KeyStart, node: Node, arguments: Mapping[str, Any], context: Context) -> bool:
        if start.where is None:
            return True
        given = {**arguments, **bound_values(start, arguments, context), **_context_values(context)}
        parameters = {name: given.get(name) for name in start.where.parameters}
        text = f"MATCH (n:{node.label} {{{KEYS[node.label]}: $key}}) RETURN {start.where.cypher.replace('{n}', 'n')}"
        return bool(await self._value(text, key=node.key, **parameters))

    async def _all(self, start: PageStart, arguments: Mapping[str, Any]) -> list[Node]:
        rows = await self.driver.rows(f"MATCH (n:{start.label}) RETURN n.{start.key} ORDER BY n.{start.key}")  # type: ignore[arg-type]
        nodes = [Node(start.label, row[0]) for row in rows]
        for argument, name in start.filters:
            wanted = arguments.get(argument)
            if wanted is not None:
                wanted = getattr(wanted, "value", wanted)
                nodes = [one for one in nodes if await self._property(one, name) == wanted]
        return nodes

    async def _page(self, nodes: list[Node], label: str, order: str, arguments: Mapping[str, Any]) -> Any:
        """Cut one page out of all nodes."""
        first, after = page_size(arguments["first"]), arguments.get("after")
        keys = [await self._property(node, order) for node in nodes]
        if after is not None:
            last = decode_cursor(label, after)
            nodes, keys = [n for n, k in zip(nodes, keys, strict=True) if k > last], [k for k in keys if k > last]
        cursors = [encode_cursor(label, key) for key in keys[:first]]
        return {
            "edges": [{"cursor": c, "node": n} for c, n in zip(cursors, nodes[:first], strict=True)],
            "pageInfo": {
                "hasNextPage": len(nodes) > first,
                "hasPreviousPage": after is not None,
                "startCursor": cursors[0] if cursors else None,
                "endCursor": cursors[-1] if cursors else None,
            },
        }


def _pattern(relation: Relation, source: str, edge: str) -> str:
    left = f"(n:{source} {{{KEYS[source]}: $source}})"
    right = f"(m:{relation.target} {{{KEYS[relation.target]}: $target}})"
    body = f"-[{edge}:{relation.type}]-"
    return f"{left}{body}>{right}" if relation.direction == "out" else f"{left}<{body}{right}"


def _context_values(context: Context) -> dict[str, Any]:
    now = datetime.fromtimestamp(context.clock(), UTC)
    china = (now + timedelta(hours=8)).strftime("%Y-%m-%d")
    instant = now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return dict(zip(_CONTEXT, (context.principal.county, china, instant), strict=True))

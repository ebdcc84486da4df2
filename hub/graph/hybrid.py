"""Documents with computed fields: the stored part is shaped, and graphql-core runs what is left.

    { license(...) { id status face { source } } }

    stored     {"license": {"id": "1.2.156...", "status": "VALID", "face": None}}   by the shaper
    computed   { license(...) { face { source } } }                                 by graphql-core, over the same rows
    answer     the computed values laid over the stored ones, in the document's order

What is left keeps its nodes, arguments and response names, so paths and locations of errors are the document's. A null
that a computed field's error carries upwards ends somewhere in the computed part, and stands in the answer there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import FieldNode, OperationDefinitionNode, SelectionNode, SelectionSetNode

from hub.graph.rows import Connection, Edges, Nested, Node, Source
from hub.graph.selection import Selected
from schema.mapping import Computed

__all__ = ["computed_operation", "computed_shape", "laid_over"]


def computed_operation(operation: OperationDefinitionNode, roots: Iterable[Selected]) -> OperationDefinitionNode | None:
    """Give the operation with nothing in it but its computed fields, and the way to them; None if it has none."""
    selections = tuple(node for root in roots for node in _computed_nodes(root))
    if not selections:
        return None
    return OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        selection_set=SelectionSetNode(selections=selections),
        loc=operation.loc,
    )


def _computed_nodes(one: Selected) -> list[SelectionNode]:
    if one.refused or not one.computed:
        return []
    if one.entry is None or isinstance(one.entry.declaration.place, Computed):
        return list(one.nodes)
    selections = tuple(node for child in one.children for node in _computed_nodes(child))
    if not selections:
        return []
    first = one.nodes[0]
    return [
        FieldNode(
            alias=first.alias,
            name=first.name,
            arguments=first.arguments,
            selection_set=SelectionSetNode(selections=selections),
            loc=first.loc,
        )
    ]


def computed_shape(shape: Node | Connection) -> Node | Connection | None:
    """Give the part of a shape that computed fields read; None if there is none."""
    if isinstance(shape, Node):
        return _computed_node(shape)
    members = []
    for response, wrapper in shape.members:
        if isinstance(wrapper, Edges):
            nodes = ((name, _computed_node(node)) for name, node in wrapper.members if isinstance(node, Node))
            edges = Edges(tuple((name, node) for name, node in nodes if node is not None))
            if edges.members:
                members.append((response, edges))
    return Connection(tuple(members), None) if members else None


def _computed_node(node: Node) -> Node | None:
    members: list[tuple[str, Any]] = []
    for response, cell in node.members:
        if isinstance(cell, Source):
            members.append((response, cell))
        elif isinstance(cell, Nested) and (inner := _computed_node(cell.node)) is not None:
            members.append((response, Nested(cell.place, inner, many=cell.many, nullable=cell.nullable)))
    return Node(tuple(members), node.abstract) if members else None


def laid_over(stored: Any, computed: Any) -> Any:
    """Lay computed values over the stored ones of the same rows, in place; give what stands there now."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for response, value in computed.items():
            stored[response] = laid_over(stored[response], value)
        return stored
    if isinstance(stored, list) and isinstance(computed, list):
        return [laid_over(one, other) for one, other in zip(stored, computed, strict=True)]
    return computed

"""Resolvers over ready values: put on every field of the schema once, at boot.

A stored field reads its response name from the row; Strawberry's own resolver does not know the alias. A computed
field gets the properties that it needs as its source, and does not run where the caller was refused. Rows are dicts,
which Strawberry refuses at abstract places, so the row says its own type there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLAbstractType, GraphQLObjectType, is_abstract_type

from hub.graph.rows import TYPE_KEY
from hub.graph.selection import PathKey
from hub.graph.tables import FieldEntry, Tables
from schema.mapping import Attribute, Computed, Start, Structure

__all__ = ["Roots", "install_resolvers"]

_MARK: Final = "tongban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The root value of one execution: ready values of the stored root fields, and where the caller was refused.

    A value may be an error: graphql-core raises it in the field's place.
    """

    values: Mapping[str, Any]
    refused: frozenset[PathKey]


def install_resolvers(tables: Tables) -> None:
    """Put the resolvers on the schema's fields; a second call changes nothing."""
    for entry in tables.entries.values():
        if _MARK not in entry.field.extensions:
            entry.field.extensions[_MARK] = True
            entry.field.resolve = _resolver(entry)
    for named in tables.schema.type_map.values():
        if _MARK in named.extensions:
            continue
        if is_abstract_type(named):
            named.extensions[_MARK] = True
            named.resolve_type = _type_resolver(named)
        elif isinstance(named, GraphQLObjectType) and named.is_type_of is not None:
            named.extensions[_MARK] = True
            named.is_type_of = _type_check(named.is_type_of)


def _resolver(entry: FieldEntry) -> Callable[..., Any]:
    place = entry.declaration.place
    original: Any = entry.field.resolve
    if entry.field.subscribe is not None:
        return _event
    if isinstance(place, Start):
        return _stored_root
    if isinstance(place, Structure):
        return _structure(original)
    if isinstance(place, Computed):
        return _computed(original)
    if isinstance(place, Attribute):
        return original if not entry.rule.scopes and not entry.rule.use_cause else _guarded(original)
    return _stored


def _event(event: Any, _info: Any, **_arguments: Any) -> Any:
    return event


def _stored_root(roots: Roots, info: Any, **_arguments: Any) -> Any:
    return roots.values.get(info.path.key)


def _stored(row: Mapping[str, Any], info: Any, **_arguments: Any) -> Any:
    return row[info.path.key]


def _structure(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        return source[info.path.key] if type(source) is dict else original(source, info, **arguments)

    return resolve


def _computed(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        if _is_refused(info):
            return None
        return original(source[info.path.key] if type(source) is dict else source, info, **arguments)

    return resolve


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        return None if _is_refused(info) else original(source, info, **arguments)

    return resolve


def _is_refused(info: Any) -> bool:
    root = info.root_value
    refused = root.refused if isinstance(root, Roots) else ()  # an event is under the rule of its subscription
    if not refused:
        return False
    names: list[tuple[str, str]] = []
    path = info.path
    while path is not None:
        if path.typename is not None:
            names.append((path.typename, path.key))
        path = path.prev
    return tuple(reversed(names)) in refused


def _type_resolver(named: GraphQLAbstractType) -> Callable[..., Any]:
    original: Any = named.resolve_type

    def resolve(value: Any, info: Any, abstract: Any) -> Any:
        return value[TYPE_KEY] if type(value) is dict else original(value, info, abstract)

    return resolve


def _type_check(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, info: type(value) is dict or original(value, info)

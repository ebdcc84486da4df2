"""Where every field lives: place, access rule and cost, declared as data beside the field.

    @strawberry.type
    class License:
        certificate_identifier: str = stored(Property("certificateIdentifier"), access="license.read")
        issued_by: Authority = stored(Relation(type="ISSUED_BY", direction="out", target="Authority", nullable=False),
                                      access="public", cost=2)

        @computed(needs=("certificateIdentifier",), access="license.face", cost=20)
        async def face(self, info: Info) -> Face: ...

The hub compiles the declarations below one root field into one Cypher statement (`hub/graph/`). Nothing here knows
Bolt. Names are the graph's names, `[A-Za-z_]+`; the compiler checks them at boot. Stored values are JSON values, so
that no conversion stands between row and answer: instants are fixed-width RFC 3339 UTC text, enums their GraphQL name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import strawberry

from schema.costs import cost_directives

__all__ = [
    "METADATA_KEY",
    "Attribute",
    "Computed",
    "Declaration",
    "EdgeProperty",
    "EntityStart",
    "Expression",
    "Gather",
    "KeyStart",
    "PageStart",
    "Place",
    "Property",
    "Relation",
    "Start",
    "Structure",
    "attribute",
    "computed",
    "followed",
    "needed",
    "root",
    "stored",
    "structure",
]

METADATA_KEY: Final = "tongban"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the node at hand, by its name in the graph."""

    name: str


@dataclass(frozen=True, slots=True)
class EdgeProperty:
    """A property of the relationship that led to the node at hand."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relationship from the node at hand to nodes of one label.

    many: a list, ordered by `order` (a property of the target) and never longer than `page`.
    nullable: for one node only: it may be absent.
    """

    type: str
    direction: Literal["out", "in"]
    target: str
    many: bool = False
    nullable: bool = True
    order: str | None = None
    page: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A complete, literal Cypher expression over the node at hand, written `{n}` in `cypher`.

    parameters: names of the root field's arguments and of the context values that it reads as `$name`.
    target: when the expression is a pattern that ends in nodes of another type, it holds `{t}` for the target node, and
    `many`, `order` and `page` mean what they mean for a Relation.
    """

    cypher: str
    parameters: tuple[str, ...] = ()
    target: str | None = None
    many: bool = False
    order: str | None = None
    page: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Nodes beyond the node at hand that a computed field needs: they join the one statement, under their row rules.

    The resolver reads them with `needed` by `name`, as a list of dicts: the `properties` of each node, the `edge`
    properties of the relationship that led to it, and what is gathered beyond it. place: to many; its `page` bounds the
    list, and is no page of the API. optional: a caller without a scope of the target's rule has None in the list's
    place; otherwise the field itself must ask for one.
    """

    name: str
    place: Relation | Expression
    properties: tuple[str, ...] = ()
    edge: tuple[str, ...] = ()
    gathers: tuple[Gather, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A field with a resolver. `needs`: properties of the node that join the projection, read with `needed`.

    gathers: nodes beyond it that do, too.
    """

    needs: tuple[str, ...] = ()
    gathers: tuple[Gather, ...] = ()

    def all_gathers(self) -> Iterator[Gather]:
        """Give every gather, and what is gathered beyond it."""
        waiting = list(self.gathers)
        while waiting:
            yield (gather := waiting.pop())
            waiting.extend(gather.gathers)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a value that a resolver gave (a verdict, a face): read from that value, never from the graph."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A wrapper of a connection (`edges`, `node`, `pageInfo`, `cursor`): shapes the answer, not the statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStart:
    """A root field starts from the one node `(:label {key: $key})`.

    argument: the GraphQL argument whose text is the key, or several whose texts `separator` joins.
    bind: the name of a row of `schema.binding.BINDINGS` that makes the key from the argument's value and the context
    (`holder_key`); None when the argument is the key. `schema.binding.key_of` does all three.
    via: the relationship from that node to the rows of the answer; None when the node itself is the answer.
    where: a condition on the rows (`{n}` in `cypher`), by which one of several nodes with that key is chosen.
    binds: (argument or several, name of a row of BINDINGS), whose value is a parameter of the statement by the
    binding's name; of several arguments it takes a tuple of values.
    page: the rows are a Relay connection in keyset pages over `via.order`, with the arguments `first` and `after`.
    """

    label: str
    key: str
    argument: str | tuple[str, ...]
    separator: str = ""
    bind: str | None = None
    via: Relation | None = None
    page: bool = False
    where: Expression | None = None
    binds: tuple[tuple[str | tuple[str, ...], str], ...] = ()

    def bound_arguments(self) -> tuple[str, ...]:
        """Give the names of the arguments that `binds` reads, in its order."""
        names = ((one,) if isinstance(one, str) else one for one, _ in self.binds)
        return tuple(name for each in names for name in each)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStart:
    """A root field pages through a small catalogue label by keyset over its unique key.

    Allowed for the labels of the catalogue only: License, Holder, Case and Step are never paged as a whole.
    filters: argument name -> property, each an equality that applies when the argument is given.
    where: a condition on the rows (`{n}` in `cypher`).
    """

    label: str
    key: str
    filters: tuple[tuple[str, str], ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class EntityStart:
    """A root field gives nodes of several types, each named by type and key in a list of representations.

    entities: type, which is its label, too -> the key: field and unique property. One statement a type, for all keys.
    """

    entities: Mapping[str, str]

    def start_of(self, type_name: str) -> KeyStart:
        """Give where one node of a type starts."""
        return KeyStart(label=type_name, key=self.entities[type_name], argument="representations")


Place: TypeAlias = Property | EdgeProperty | Relation | Expression | Computed | Attribute | Structure
Start: TypeAlias = KeyStart | PageStart | EntityStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What one field says of itself: place (or start, for a root field), access rule by name, cost.

    personal: a root field that reads a person's records: GET is refused, `useCause` is required, the answer is
    `no-store` and leaves an access record. post_only: GET is refused, because the arguments would stand in a URL.
    """

    place: Place | Start
    access: str
    cost: int = 1
    personal: bool = field(default=False)
    post_only: bool = field(default=False)


def stored(
    place: Property | EdgeProperty | Relation | Expression, *, access: str, cost: int = 1, **options: Any
) -> Any:
    """Declare a stored field: no resolver; the compiler fetches it."""
    declaration = Declaration(place=place, access=access, cost=cost)
    rows = place.page if isinstance(place, Relation | Expression) and place.many else None
    directives = cost_directives(cost, rows=rows)
    return strawberry.field(metadata={METADATA_KEY: declaration}, directives=directives, **options)


def structure(*, access: str = "public", **options: Any) -> Any:
    """Declare a wrapper field of a connection."""
    return strawberry.field(metadata={METADATA_KEY: Declaration(place=Structure(), access=access, cost=0)}, **options)


def attribute(*, access: str, cost: int = 0, **options: Any) -> Any:
    """Declare a field of a value that a resolver gave; its cost lies with the field that gave the value."""
    return strawberry.field(
        metadata={METADATA_KEY: Declaration(place=Attribute(), access=access, cost=cost)}, **options
    )


def _documented(
    declaration: Declaration, directives: list[object], options: dict[str, Any]
) -> Callable[[Callable[..., Any]], Any]:
    """Make a field of a function; the function's docstring is its description."""

    def declare(function: Callable[..., Any]) -> Any:
        return strawberry.field(
            resolver=function,
            metadata={METADATA_KEY: declaration},
            description=" ".join((function.__doc__ or "").split()) or None,
            directives=directives,
            **options,
        )

    return declare


def computed(
    *,
    needs: tuple[str, ...] = (),
    gathers: tuple[Gather, ...] = (),
    access: str,
    cost: int = 1,
    post_only: bool = False,
    **options: Any,
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a computed field over its resolver, whose docstring is the field's description."""
    place = Computed(needs=needs, gathers=gathers)
    declaration = Declaration(place=place, access=access, cost=cost, post_only=post_only)
    return _documented(declaration, cost_directives(cost), options)


def followed(*, access: str, cost: int = 1, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Declare a subscription over its resolver, an async generator of values; its docstring is the description.

    It is personal: it needs a `useCause`, and leaves an access record when it begins.
    """
    declaration = Declaration(place=Computed(), access=access, cost=cost, personal=True)

    def declare(function: Callable[..., Any]) -> Any:
        return strawberry.subscription(
            resolver=function,
            metadata={METADATA_KEY: declaration},
            description=" ".join((function.__doc__ or "").split()) or None,
            directives=cost_directives(cost),
            **options,
        )

    return declare


def needed(source: Any, name: str) -> Any:
    """Give what a computed field needs: its resolver's source is a mapping of properties and gathers by their names."""
    return source[name]


def root(
    start: Start, *, access: str, cost: int = 1, personal: bool = False, post_only: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a root field that reads the graph; used as a decorator over a function that only names the arguments.

    The function is never run: its signature is the field's arguments and type, its docstring the description; its
    body raises NotImplementedError.
    """
    declaration = Declaration(place=start, access=access, cost=cost, personal=personal, post_only=personal or post_only)
    paged = isinstance(start, PageStart) or (isinstance(start, KeyStart) and start.page)
    return _documented(declaration, cost_directives(cost, paged=paged), options)

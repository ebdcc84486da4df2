"""The schema walked into tables: what a schema can get wrong stops the boot, with the field's name."""

from typing import Any

import pytest
import strawberry

from hub.graph.tables import build_tables
from schema.access import RULES
from schema.assembly import build_schema
from schema.inspection import SchemaFault
from schema.mapping import Computed, Expression, Gather, KeyStart, Property, Relation, attribute, computed, root, stored

_MATTERS = Relation(type="IMPLEMENTS", direction="out", target="Matter", many=True, order="code")


def faulty(
    place: Any, *, access: str = "public", personal: bool = False, start: KeyStart | None = None
) -> strawberry.Schema:
    """A schema of one root and one field `Thing.field` at `place`."""

    @strawberry.type
    class Thing:
        code: str = stored(Property("code"), access="public")
        field: str | None = stored(place, access=access)

    @strawberry.type
    class Query:
        @root(start or KeyStart(label="Matter", key="code", argument="code"), access="public", personal=personal)
        def thing(self, code: str, use_cause: str | None = None) -> Thing | None:
            """One thing."""
            raise NotImplementedError

    return strawberry.Schema(query=Query)


def fault_of(schema: strawberry.Schema) -> str:
    """Give the text of the fault that stops the boot."""
    with pytest.raises(SchemaFault) as caught:
        build_tables(schema)
    return str(caught.value)


def test_the_products_schema_has_no_fault() -> None:
    tables = build_tables(build_schema())
    assert tables.entry("License", "status").coordinate == "License.status"
    assert tables.row_rules == {
        "Case": (RULES["case.read"],),
        "License": (RULES["license.read"],),
        "Objection": (RULES["objection.read"],),
    }


@pytest.mark.parametrize("name", ["a b", "a\n", "n1", "", "x`y", "n.x", "名"])
def test_a_property_is_letters_and_underscores(name: str) -> None:
    assert fault_of(faulty(Property(name))) == f"Thing.field: {name!r} is no name of letters and underscores"


@pytest.mark.parametrize(
    "start",
    [
        KeyStart(label="Mat ter", key="code", argument="code"),
        KeyStart(label="Matter", key="code)", argument="code"),
        KeyStart(
            label="Matter", key="code", argument="code", via=Relation(type="A|B", direction="in", target="Matter")
        ),
        KeyStart(
            label="Matter", key="code", argument="code", where=Expression(cypher="{n}.a = $b1", parameters=("b1",))
        ),
        KeyStart(label="Matter", key="code", argument="code", binds=(("code", "holder key"),)),
    ],
)
def test_so_are_the_names_of_a_start(start: KeyStart) -> None:
    assert "is no name of letters and underscores" in fault_of(faulty(Property("x"), start=start))


@pytest.mark.parametrize("clause", ["SET {n}.x = 1", "head([(x)-[:A]->({n}) | 1]) DELETE", "CALL db.labels()"])
def test_an_expression_does_not_write(clause: str) -> None:
    assert (
        fault_of(faulty(Expression(cypher="{n}.x " + clause))) == "Thing.field: the expression holds a writing clause"
    )


def _gathering(cypher: str, **members: Any) -> Any:
    place = Expression(cypher=cypher, **({"target": "Matter", "many": True, "order": "code"} | members))
    return Computed(gathers=(Gather(name="outer", place=_MATTERS, gathers=(Gather(name="inner", place=place),)),))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (_gathering("({n})--({t}) SET {n}.x = 1"), "the expression holds a writing clause"),
        (_gathering("({n})--({t} {code: $other})"), "the expression reads ['other'], declared are []"),
        (_gathering("({n})--({t} {code: $other})", parameters=("other",)), "which Query.thing does not have"),
        (_gathering("({n})--({t})", target="License"), "License below Query.thing, which is not personal"),
        (Computed(gathers=(Gather(name="x1", place=_MATTERS),)), "'x1' is no name of letters and underscores"),
    ],
)
def test_what_a_resolver_gathers_is_held_to_the_same(place: Any, text: str) -> None:
    """However deep: it joins the statement as a stored field does."""
    assert text in fault_of(faulty(place))


def test_an_expression_reads_what_it_declares() -> None:
    text = fault_of(faulty(Expression(cypher="{n}.x = $code", parameters=())))
    assert text == "Thing.field: the expression reads ['code'], declared are []"


def test_so_does_the_condition_of_a_start() -> None:
    for condition, text in (
        (Expression(cypher="{n}.x = $code"), "Query.thing: the expression reads ['code'], declared are []"),
        (
            Expression(cypher="{n}.x = $other", parameters=("other",)),
            "Query.thing reads $other, which Query.thing does not have",
        ),
        (
            Expression(cypher="{n}.x = $useCause SET {n}.x = 1", parameters=("useCause",)),
            "Query.thing: the expression holds a writing clause",
        ),
    ):
        start = KeyStart(label="Matter", key="code", argument="code", where=condition)
        assert fault_of(faulty(Property("x"), start=start)) == text


def test_an_argument_that_is_bound_is_no_parameter_itself() -> None:
    """One name has one value: `code` is an argument, and cannot be a binding's name, too."""
    start = KeyStart(label="Matter", key="code", argument="code", binds=(("useCause", "code"),))
    text = fault_of(faulty(Expression(cypher="{n}.x = $code", parameters=("code",)), start=start))
    assert text == "Thing.field reads $code, which can be no parameter of Query.thing"


def test_an_expression_reads_what_its_root_has() -> None:
    text = fault_of(faulty(Expression(cypher="{n}.x = $holder", parameters=("holder",))))
    assert text == "Thing.field reads $holder, which Query.thing does not have"


def test_an_expression_stands_over_its_node() -> None:
    assert "must hold {n}" in fault_of(faulty(Expression(cypher="timestamp()")))


def test_a_list_has_an_order() -> None:
    start = KeyStart(
        label="Matter", key="code", argument="code", via=Relation(type="A", direction="in", target="Matter", many=True)
    )
    assert fault_of(faulty(Property("x"), start=start)) == "Query.thing: a list needs an order"


def test_a_persons_records_stand_below_a_personal_root() -> None:
    start = KeyStart(label="License", key="certificateIdentifier", argument="code")
    assert fault_of(faulty(Property("x"), start=start)) == "Query.thing: a root field that reads License is personal"


def test_a_rule_has_a_row() -> None:
    assert fault_of(faulty(Property("x"), access="nobody")) == "Thing.field names the rule 'nobody', which has no row"


def test_a_row_rule_has_a_predicate_for_its_label() -> None:
    text = fault_of(faulty(Property("x"), access="license.read"))
    assert text == "Thing.field: no predicate for the row rule 'own_county or own_holder' of Matter"


def test_a_field_declares_something() -> None:
    @strawberry.type
    class Query:
        plain: str = "x"

    assert fault_of(strawberry.Schema(query=Query)) == "Query.plain declares neither a place nor a start"


def test_a_stored_field_below_a_resolver_is_refused() -> None:
    """No statement would fetch it."""

    @strawberry.type
    class Value:
        given: str = attribute(access="public")
        lost: str = stored(Property("lost"), access="public")

    @strawberry.type
    class Query:
        @computed(access="public")
        def value(self) -> Value:
            """A value."""
            raise NotImplementedError

    assert fault_of(strawberry.Schema(query=Query)) == "Value.lost is stored, but Query.value gives it from a resolver"

"""`_entities` and `_service`: what a router may ask, in how many statements, and what it must not learn."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import GraphQLUnionType

from hub.graph.tables import build_tables
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.limits import Limits
from hub.graphql.masking import field_error
from ledger.errors import Unavailable
from schema.access import ANONYMOUS, SCOPES, Principal, rule_of_type
from schema.assembly import build_schema
from schema.context import Statement
from schema.entities import ENTITIES, MAX_REPRESENTATIONS, REFERENCES
from schema.subgraph import subgraph_text
from tests.graph_fakes import CannedGraph
from tests.ports import request_context

SCHEMA: Final = build_schema()
EXECUTION: Final = Execution(SCHEMA, CannedGraph())
NAMES: Final = """query Entities($r: [_Any!]!) {
  _entities(representations: $r) { ... on Matter { name } ... on Authority { n: name } }
}"""
REACH: Final = """query Reach($r: [_Any!]!) {
  _entities(representations: $r) { ... on Jurisdiction { contains { contains { contains { name } } } } }
}"""


def representation(type_name: str, key: object) -> dict[str, object]:
    """Name one node."""
    return {"__typename": type_name, "code": key}


def rows(statement: Statement) -> list[list[Any]]:
    """Have every key but that of the absent one."""
    asked = [(one["i0"], one["k0"]) for one in reversed(statement.parameters["ks"])]
    return [[number, [] if key == "absent" else [[f"name of {key}"]]] for number, key in asked]


async def run(graph: CannedGraph, *representations: object, text: str = NAMES, limits: Limits | None = None) -> Answer:
    """Ask for the names of these nodes, without a token."""
    execution = Execution(SCHEMA, graph, **({"limits": limits} if limits else {}))
    request = GraphQLRequest(query=text, variables={"r": list(representations)})
    return await execution.run(request, request_context(principal=ANONYMOUS))


async def test_one_statement_a_type_and_the_order_of_the_representations() -> None:
    graph = CannedGraph(answer=rows)
    asked = [("Matter", "2"), ("Authority", "a"), ("Matter", "1"), ("Matter", "absent"), ("Matter", "2")]
    answer = await run(graph, *(representation(*one) for one in asked))
    assert answer.data == {
        "_entities": [
            {"name": "name of 2"},
            {"n": "name of a"},
            {"name": "name of 1"},
            None,
            {"name": "name of 2"},
        ]
    }
    assert [(one.text.splitlines()[2].strip(), one.parameters) for one in graph.asked] == [
        (
            "MATCH (a0:Matter {code: k.k0})",
            {"ks": [{"i0": 0, "k0": "2"}, {"i0": 1, "k0": "1"}, {"i0": 2, "k0": "absent"}]},
        ),
        ("MATCH (a0:Authority {code: k.k0})", {"ks": [{"i0": 0, "k0": "a"}]}),
    ]


async def test_nothing_named_is_nothing_asked() -> None:
    graph = CannedGraph(answer=rows)
    assert (await run(graph)).data == {"_entities": []}
    assert graph.asked == []


async def test_the_graph_that_is_away_is_one_error() -> None:
    answer = await run(CannedGraph(down=Unavailable("graph_unavailable", "away")), representation("Matter", "1"))
    (error,) = [field_error(one, "request-1") for one in answer.errors]
    assert (answer.data, error["path"], error["extensions"]["code"]) == (None, ["_entities"], "graph_unavailable")


async def test_a_null_for_the_representations_is_an_error_of_the_field() -> None:
    """It passes as a variable with a default, and only graphql-core says that it must not stand there."""
    text = "query($r: [_Any!] = []) { _entities(representations: $r) { ... on Matter { name } } }"
    request = GraphQLRequest(query=text, variables={"r": None})
    answer = await EXECUTION.run(request, request_context(principal=ANONYMOUS))
    (error,) = [field_error(one, "request-1") for one in answer.errors]
    assert (answer.data, error["path"], error["extensions"]["code"]) == (None, ["_entities"], "bad_variables")


STRANGE: Final[list[object]] = [
    "Matter",
    None,
    {},
    {"__typename": "Matter"},
    {"__typename": ["Matter"], "code": "1"},
    {"__typename": "Problem", "code": "1"},
    {"__typename": "ListedMatter", "code": "1"},
    {"code": "1"},
    representation("Matter", ""),
    representation("Matter", "1" * 65),
    representation("Matter", "1\n"),
    representation("Matter", "1' OR 1=1"),
    representation("Matter", 1),
    representation("Matter", None),
    representation("Matter", {"in": ["1"]}),
    {**representation("Matter", "1"), "name": "食品经营许可"},
    *({"__typename": name, key: "1.2.156.3005.2"} for name, key in REFERENCES.items()),
    {"__typename": "Holder", "key": "holder-one"},
]


@pytest.mark.parametrize("strange", STRANGE, ids=str)
async def test_what_names_no_node_of_the_catalogue_is_refused_unread(strange: object) -> None:
    """A person's record has no entity: whatever names one is refused like a type that does not exist."""
    graph = CannedGraph(answer=rows)
    with pytest.raises(DocumentRefused) as caught:
        await run(graph, representation("Matter", "1"), strange)
    assert [fault.code for fault in caught.value.faults] == ["bad_variables"]
    assert "OR" not in caught.value.faults[0].message
    assert graph.asked == []


def test_entities_are_public_types_and_all_members_of_the_union() -> None:
    """So nothing below one is a person's record: the tables refuse that below a root field without a useCause."""
    union = build_tables(SCHEMA).schema.type_map["_Entity"]
    assert isinstance(union, GraphQLUnionType)
    assert {member.name for member in union.types} == set(ENTITIES)
    assert {rule_of_type(name) for name in ENTITIES} == {"public"}
    assert "public" not in {rule_of_type(name) for name in REFERENCES}


async def test_a_license_below_an_entity_is_no_field() -> None:
    with pytest.raises(DocumentRefused) as caught:
        await run(CannedGraph(), text="{ _entities(representations: []) { ... on License { status } } }")
    assert [fault.code for fault in caught.value.faults] == ["bad_document"]


async def test_representations_have_a_bound() -> None:
    graph = CannedGraph(answer=rows)
    most = [representation("Matter", str(number)) for number in range(MAX_REPRESENTATIONS)]
    answer = await run(graph, *most)
    assert answer.data is not None
    assert answer.data["_entities"][999] == {"name": "name of 999"}
    answer = await run(graph, *most, representation("Matter", "one-more"))
    (error,) = [field_error(one, "request-1") for one in answer.errors]
    assert (answer.data, error["extensions"]["code"], len(graph.asked)) == (None, "limit_exceeded", 1)


@pytest.mark.parametrize(
    ("text", "each", "cost"),
    [
        (NAMES, [], 1),
        (NAMES, [representation("Matter", "1")], 1 + 1 + 1),
        (NAMES, [representation("Matter", "1"), representation("Authority", "1")], 1 + 2 * (1 + 1)),
        (NAMES, [representation("Matter", "1")] * 3, 1 + 3 * 2),  # counted though it is read once
        (NAMES, [representation("LicenseType", "1")], 1 + 1),  # nothing of it is selected
        (REACH, [representation("Jurisdiction", "1")], 1 + 1 + (2 + 50 * (2 + 50 * (2 + 50 * 1)))),
    ],
)
async def test_the_cost_is_counted_for_every_representation(text: str, each: list[object], cost: int) -> None:
    with pytest.raises(DocumentRefused) as caught:
        await run(CannedGraph(answer=rows), *each, text=text, limits=Limits(cost=cost - 1))
    assert caught.value.faults[0].message == f"cost: at most {cost - 1}, got {cost}"


async def test_the_sdl_is_for_members() -> None:
    """It tells every name that introspection hides, so it needs a token, and not a holder's."""
    request = GraphQLRequest(query="{ _service { sdl } }")
    for scopes in ({"license.read.own"}, {"vault.deposit"}):
        member = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset(scopes))
        answer = await EXECUTION.run(request, request_context(principal=member))
        assert answer.data == {"_service": {"sdl": subgraph_text(SCHEMA)}}
    holder = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset({"holder.read"}), holder="h")
    for caller, code in ((ANONYMOUS, "token_required"), (holder, "forbidden")):
        answer = await EXECUTION.run(request, request_context(principal=caller))
        assert answer.data == {"_service": None}
        assert [field_error(one, "r")["extensions"]["code"] for one in answer.errors] == [code]
    assert "holder.read" in SCOPES

"""A request from document to values: what is fetched, recorded, refused and computed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Answer, Execution, GraphQLRequest, NotByGet
from hub.graphql.limits import Limits
from hub.graphql.masking import field_error
from ledger.errors import Unavailable
from schema.access import ANONYMOUS, Principal
from schema.assembly import build_schema
from schema.connections import bound_label, encode_cursor
from schema.context import Access, Context
from tests.graph_fakes import CannedGraph, SlowGraph
from tests.ports import CONSENTS, NOW, FakeFaceSources, FakeJournal, request_context
from tests.toy_schema import toy_schema

SCHEMA: Final = build_schema()
ID: Final = "1.2.156.3005.2.T.I.00001.001.A"
X: Final = CONSENTS["key of 001 X"]
BASIS: Final = f'basis: {{consent: "{X}"}}'
LICENSE: Final = f'license(certificateIdentifier: "{ID}", useCause: "a counter", {BASIS})'
HOLDER: Final = 'holder: {certificateHolderTypeCode: "001", certificateHolderCode: "X"}'
READER: Final = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset({"license.read"}))


async def run(
    graph: Any, text: str, context: Context | None = None, *, by_get: bool = False, **variables: Any
) -> Answer:
    """Run one document against the product's schema."""
    execution = Execution(SCHEMA, graph)
    return await execution.run(
        GraphQLRequest(query=text, variables=variables), context or request_context(), by_get=by_get
    )


def codes(answer: Answer) -> list[tuple[Any, str]]:
    """Give path and code of every error."""
    found = [field_error(error, "request-1") for error in answer.errors]
    return [(error.get("path"), error["extensions"]["code"]) for error in found]


async def refused(text: str, **variables: Any) -> list[str]:
    """Give the codes for which a document is refused; nothing may have been read."""
    graph = CannedGraph()
    with pytest.raises(DocumentRefused) as caught:
        await run(graph, text, **variables)
    assert graph.asked == []
    return [fault.code for fault in caught.value.faults]


async def test_one_statement_a_root_field() -> None:
    graph = CannedGraph(rows=[["食品经营许可"]])
    answer = await run(graph, '{ a: matter(code: "1") { name } b: matter(code: "2") { n: name } __typename }')
    assert answer.data == {"a": {"name": "食品经营许可"}, "b": {"n": "食品经营许可"}, "__typename": "Query"}
    assert [one.parameters for one in graph.asked] == [{"k0": "1"}, {"k0": "2"}]
    assert graph.asked[0].text == graph.asked[1].text


async def test_members_stand_in_the_order_of_the_document() -> None:
    answer = await run(CannedGraph(rows=[["1", "名"]]), '{ matter(code: "1") { n: name __typename c: code } }')
    assert answer.data is not None
    assert list(answer.data["matter"].items()) == [("n", "名"), ("__typename", "Matter"), ("c", "1")]


async def test_what_is_absent_is_null() -> None:
    answer = await run(CannedGraph(rows=[]), '{ matter(code: "1") { name } }')
    assert (answer.data, answer.errors) == ({"matter": None}, [])


async def test_arguments_become_parameters() -> None:
    graph = CannedGraph()
    after = encode_cursor(bound_label("License", "370214", "key of 001 X"), "1.2.3")
    await run(
        graph, f'{{ licenses({HOLDER}, {BASIS}, useCause: "x", first: 7, after: "{after}") {{ edges {{ cursor }} }} }}'
    )
    (statement,) = graph.asked
    assert statement.parameters == {
        "k0": "key of 001 X", "f0": 8, "c0": "1.2.3", "basis_holder": "key of 001 X",
    }  # fmt: skip


async def test_a_personal_read_is_recorded() -> None:
    """Who, why, which holder, which licenses, which fields; nested licenses included."""
    journal = FakeJournal()
    rows = [["id-1", "VALID", ["id-0", "REVOKED"]], ["id-2", "VALID", None]]
    text = f'{{ licenses({HOLDER}, {BASIS}, useCause: "a counter") {{ edges {{ node {{ status replaces {{ s: status }} }} }} }} }}'
    answer = await run(CannedGraph(rows=rows), text, request_context(journal=journal))
    assert answer.personal
    assert journal.records == [
        Access(
            county="370214",
            client="370214#3",
            token_id="token-1",
            use_cause="a counter",
            basis=f"consent/{X}",
            root_field="licenses",
            holder="key of 001 X",
            licenses=("id-1", "id-0", "id-2"),
            fields=("License.replaces", "License.status"),
            time=NOW,
        )
    ]


async def test_the_row_that_only_tells_of_more_is_not_recorded() -> None:
    journal = FakeJournal()
    text = f'{{ licenses({HOLDER}, {BASIS}, useCause: "x", first: 1) {{ pageInfo {{ hasNextPage }} }} }}'
    answer = await run(CannedGraph(rows=[["id-1"], ["id-2"]]), text, request_context(journal=journal))
    assert answer.data == {"licenses": {"pageInfo": {"hasNextPage": True}}}
    assert [record.licenses for record in journal.records] == [("id-1",)]


async def test_a_read_that_found_nothing_is_recorded_too() -> None:
    journal = FakeJournal()
    await run(CannedGraph(), f"{{ {LICENSE} {{ status }} }}", request_context(journal=journal))
    assert [(record.licenses, record.holder) for record in journal.records] == [((), "key of 001 X")]


async def test_a_public_read_is_not_recorded() -> None:
    journal = FakeJournal()
    answer = await run(CannedGraph(), '{ matter(code: "1") { name } }', request_context(journal=journal))
    assert (journal.records, answer.personal) == ([], False)


async def test_an_answer_that_cannot_be_recorded_does_not_leave() -> None:
    journal = FakeJournal(down=Unavailable("store_stopped", "the journal takes nothing"))
    answer = await run(
        CannedGraph(rows=[["id-1", "VALID"]]), f"{{ {LICENSE} {{ status }} }}", request_context(journal=journal)
    )
    assert answer.data == {"license": None}
    assert codes(answer) == [(["license"], "store_stopped")]


@pytest.mark.parametrize(
    ("principal", "code"),
    [(ANONYMOUS, "token_required"), (Principal(county="370214", scopes=frozenset({"vault.deposit"})), "forbidden")],
)
async def test_who_may_not_ask_gets_null_and_one_error_before_any_read(principal: Principal, code: str) -> None:
    graph, journal = CannedGraph(), FakeJournal()
    context = request_context(principal=principal, journal=journal)
    answer = await run(graph, f"{{ {LICENSE} {{ status issuedBy {{ name }} }} }}", context)
    assert answer.data == {"license": None}
    assert codes(answer) == [(["license"], code)]
    assert (graph.asked, journal.records) == ([], [])


async def test_a_refused_field_is_null_and_its_resolver_does_not_run() -> None:
    faces = FakeFaceSources()
    graph = CannedGraph(rows=[[ID, "VALID"]])
    context = request_context(principal=READER, faces=faces)
    answer = await run(graph, f"{{ {LICENSE} {{ status face {{ __typename }} }} }}", context)
    assert answer.data == {"license": {"status": "VALID", "face": None}}
    assert codes(answer) == [(["license", "face"], "forbidden")]
    assert faces.calls == []


async def test_a_refused_field_of_a_list_gives_one_error() -> None:
    """It says nothing of how many rows there are: the same error stands over an empty page."""
    text = f'{{ licenses({HOLDER}, {BASIS}, useCause: "x") {{ edges {{ node {{ face {{ __typename }} }} }} }} }}'
    for rows in ([], [["a"], ["b"]]):
        answer = await run(CannedGraph(rows=rows), text, request_context(principal=READER))
        assert codes(answer) == [(["licenses", "edges"], "forbidden")]


async def test_faces_of_an_answer_are_asked_in_one_call() -> None:
    faces = FakeFaceSources(kept={"id-1": {"certificateName": "营业执照"}})
    rows = [["id-1", "370214"], ["id-2", "220103"]]
    face = "face { ... on Face { certificateName } ... on FaceUnavailable { code county } }"
    text = f'{{ licenses({HOLDER}, {BASIS}, useCause: "x") {{ edges {{ node {{ {face} }} }} }} }}'
    answer = await run(CannedGraph(rows=rows), text, request_context(faces=faces))
    assert answer.data == {
        "licenses": {
            "edges": [
                {"node": {"face": {"certificateName": "营业执照"}}},
                {"node": {"face": {"code": "absent", "county": "220103"}}},
            ]
        }
    }
    (call,) = faces.calls
    assert [(one.certificate_identifier, one.county, one.fields, one.use_cause) for one in call] == [
        ("id-1", "370214", ("certificateName",), "x"),
        ("id-2", "220103", ("certificateName",), "x"),
    ]


async def test_a_graph_that_is_down_gives_its_code_to_its_root_field_alone() -> None:
    graph = CannedGraph(down=Unavailable("graph_unavailable", "the graph does not answer"))
    answer = await run(graph, '{ matter(code: "1") { name } checkpoint { size } }')
    assert answer.data == {"matter": None, "checkpoint": None}
    assert codes(answer) == [(["matter"], "graph_unavailable")]


async def test_a_value_that_breaks_its_type_is_masked() -> None:
    answer = await run(CannedGraph(rows=[[None]]), '{ matter(code: "1") { name } }')
    assert answer.data == {"matter": None}
    assert codes(answer) == [(["matter", "name"], "internal")]


@pytest.mark.parametrize("first", [0, 101, -1, 2**31 - 1])
async def test_a_page_has_1_to_100_rows(first: int) -> None:
    graph = CannedGraph()
    answer = await run(graph, f"{{ m: licenseTypes(first: {first}) {{ edges {{ cursor }} }} }}")
    assert codes(answer) == [(["m"], "limit_exceeded")]
    assert graph.asked == []


@pytest.mark.parametrize("cursor", ["AAAA", encode_cursor("Matter", "1"), "TWF0dGVyOg", "x" * 300])
async def test_a_forged_or_foreign_cursor_is_refused(cursor: str) -> None:
    graph = CannedGraph()
    answer = await run(graph, f'{{ licenseTypes(after: "{cursor}") {{ edges {{ cursor }} }} }}')
    assert codes(answer) == [(["licenseTypes"], "bad_cursor")]
    assert graph.asked == []


@pytest.mark.parametrize(
    "bound",
    [("370214", "key of 001 Y"), ("220103", "key of 001 X"), ("370214",), ("key of 001 X", "370214")],
    ids=["another holder", "another county", "no holder", "the other way round"],
)
async def test_a_cursor_of_one_holders_list_is_none_of_anothers(bound: tuple[str, ...]) -> None:
    graph = CannedGraph()
    for cursor in (encode_cursor(bound_label("License", *bound), "1.2.3"), encode_cursor("License", "1.2.3")):
        answer = await run(
            graph, f'{{ licenses({HOLDER}, {BASIS}, useCause: "x", after: "{cursor}") {{ edges {{ cursor }} }} }}'
        )
        assert codes(answer) == [(["licenses"], "bad_cursor")]
    assert graph.asked == []


async def test_a_null_cause_is_no_cause() -> None:
    text = 'query($c: UseCause!) { license(certificateIdentifier: "1", useCause: $c) { status } }'
    for cause in ("", "\n", "x" * 201):
        assert await refused(text, c=cause) == ["use_cause"]
    assert await refused(text, c=None) == ["bad_variables"]


@pytest.mark.parametrize(
    ("body", "last"), [("contains { code }", 96), ("contains { contains { code } }", 1), ("code name", 100)]
)
async def test_cost_counts_the_rows_that_a_list_may_have(body: str, last: int) -> None:
    """50 jurisdictions may stand right below one: 1 + n * (2 + 50) and 1 + n * (2 + 50 * (2 + 50)), at most 5,000."""
    graph = CannedGraph()
    execution = Execution(SCHEMA, graph, limits=Limits(cost=5_000))
    text = f"query($n: Int!) {{ jurisdictions(first: $n) {{ edges {{ node {{ {body} }} }} }} }}"
    kept = await execution.run(GraphQLRequest(query=text, variables={"n": last}), request_context())
    assert kept.data == {"jurisdictions": {"edges": []}}
    if last < 100:
        with pytest.raises(DocumentRefused, match="limit_exceeded"):
            await execution.run(GraphQLRequest(query=text, variables={"n": last + 1}), request_context())
    assert len(graph.asked) == 1


async def test_bad_variables_are_told_without_suggestions() -> None:
    text = "query($l: JurisdictionLevel) { jurisdictions(level: $l) { edges { cursor } } }"
    with pytest.raises(DocumentRefused) as caught:
        await run(CannedGraph(), text, l="COUNTRY")
    assert [fault.code for fault in caught.value.faults] == ["bad_variables"]
    assert "Did you mean" not in caught.value.faults[0].message


async def test_an_enum_is_stored_by_its_name() -> None:
    graph = CannedGraph()
    await run(graph, "{ jurisdictions(level: COUNTY) { edges { cursor } } }")
    assert graph.asked[0].parameters == {"f0": 21, "c0": "", "level": "COUNTY"}


async def test_by_get_only_public_queries_come() -> None:
    graph = CannedGraph()
    for text in (f"{{ {LICENSE} {{ status }} }}", 'mutation { submitEntries(entries: ["a"]) { __typename } }'):
        with pytest.raises(NotByGet):
            await run(graph, text, by_get=True)
    assert graph.asked == []
    assert (await run(graph, '{ matter(code: "1") { name } }', by_get=True)).data == {"matter": None}


async def test_a_request_ends_at_its_deadline() -> None:
    execution = Execution(SCHEMA, SlowGraph(), limits=Limits(seconds=0.01))
    with pytest.raises(Unavailable, match="deadline"):
        await execution.run(GraphQLRequest(query='{ matter(code: "1") { name } }'), request_context())


async def test_a_mutation_runs_its_resolver() -> None:
    answer = await run(
        CannedGraph(), 'mutation { submitEntries(entries: ["a", "b"]) { ... on Submitted { index state } } }'
    )
    assert answer.data == {"submitEntries": [{"index": 0, "state": "SEQUENCED"}, {"index": 1, "state": "SEQUENCED"}]}


async def toy(body: str, rows: list[Any], *, scopes: frozenset[str], root: str = "checklist") -> Answer:
    """Run a selection below a root of the toy schema."""
    start = 'matter: "m", county: "c"' if root == "checklist" else 'code: "x"'
    text = f'{{ {root}({start}, holder: "h", useCause: "x") {body} }}'
    context = request_context(principal=Principal(county="370214", scopes=scopes))
    return await Execution(toy_schema(), CannedGraph(rows=rows)).run(GraphQLRequest(query=text), context)


async def test_a_computed_field_gets_its_needs_under_any_alias() -> None:
    """A response name that equals a property's name does not reach the resolver."""
    body = "{ items { held { certificateIdentifier: status a: label sealedBy: label(upper: true) } } }"
    rows = [[[[[["id-1", "VALID", "37x"]]]]]]
    answer = await toy(body, rows, scopes=frozenset({"license.read"}))
    held = {"certificateIdentifier": "VALID", "a": "id-1/37x", "sealedBy": "ID-1/37X"}
    assert answer.data == {"checklist": {"items": [{"held": [held]}]}}


async def test_a_union_is_told_by_the_row() -> None:
    answer = await toy("{ __typename ... on Checklist { code } }", [["o1"]], scopes=frozenset(), root="result")
    assert answer.data == {"result": {"__typename": "Checklist", "code": "o1"}}


async def test_a_refused_field_that_cannot_be_null_nulls_its_parent() -> None:
    answer = await toy(
        "{ code items { code best { strict } } }", [["o1", [["m1"]]]], scopes=frozenset({"license.read"})
    )
    assert answer.data == {"checklist": {"code": "o1", "items": [{"code": "m1", "best": None}]}}
    assert codes(answer) == [(["checklist", "items"], "forbidden")]


async def test_a_refusal_that_reaches_the_top_leaves_no_data() -> None:
    """`held` is a list that cannot be null, in items that cannot, in a root that can."""
    answer = await toy("{ code items { held { strict } } }", [], scopes=frozenset({"license.read"}))
    assert answer.data == {"checklist": None}
    whole = await toy("{ ... on Checklist { items { held { strict } } } }", [], scopes=frozenset(), root="result")
    assert whole.data is None

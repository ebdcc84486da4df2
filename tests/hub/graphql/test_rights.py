"""The rights matrix, made from the declarations: every field, for every kind of caller, 0 wrong grants.

    anonymous, another county's system, the issuing county's system, one with every scope, one whose token is expired

Each field is tried below a root field that carries a useCause. What a rule refuses is null with one code and not in
the statement; what a row rule cuts looks like what is absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graph.tables import FieldEntry, build_tables
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.masking import field_error
from ledger.errors import NotVerified
from schema.access import ANONYMOUS, RULES, SCOPES, TYPES, Principal
from schema.assembly import build_schema
from schema.context import Context
from schema.mapping import Attribute
from tests.graph_fakes import CannedGraph
from tests.graph_world import LICENSES
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import CONSENT, CONSENTS, FakeJournal, request_context

SCHEMA: Final = build_schema()
TABLES: Final = build_tables(SCHEMA)
MINE, THEIRS = LICENSES[0]["certificateIdentifier"], LICENSES[2]["certificateIdentifier"]


def _caller(county: str, *scopes: str) -> Principal:
    return Principal(county=county, client=f"{county}#3", token_id="t", scopes=frozenset(scopes))


CALLERS: Final[dict[str, Principal]] = {
    "anonymous": ANONYMOUS,
    "without scopes": _caller("370214"),
    "depositor": _caller("370214", "vault.deposit", "ledger.entries"),
    "other county": _caller("220103", "license.read.own"),
    "issuing county": _caller("370214", "license.read.own", "journal.read"),
    "every scope": _caller("220103", *SCOPES),
}


def _allowed(entry: FieldEntry, caller: Principal) -> bool:
    """Say by the table alone whether a caller may see a field below a root that has a useCause."""
    rule = RULES[entry.declaration.access]
    return not rule.scopes or (caller.county is not None and not rule.scopes.isdisjoint(caller.scopes))


def _below(entry: FieldEntry) -> str:
    """Give the smallest selection below a field."""
    named = get_named_type(entry.field.type)
    return "" if is_leaf_type(named) else " { __typename }"


def _license_fields() -> Iterator[FieldEntry]:
    for entry in TABLES.of_type("License"):
        if not isinstance(entry.declaration.place, Attribute):
            yield entry


PUBLIC: Final = (
    "Matter", "Offering", "Material", "LicenseType", "Jurisdiction", "Authority",
    "ListedMatter", "MatterComparison", "Difference", "CountyDifference", "Benchmark", "CountyBenchmark",
)  # fmt: skip
FIELDS: Final = [entry.name for entry in _license_fields()]


async def _ask(field: str, caller: Principal, graph: Any, identifier: str = MINE) -> Answer:
    entry = TABLES.entry("License", field)
    basis = f', basis: {{consent: "{CONSENT}"}}' if "license.read" in caller.scopes else ""
    text = f'{{ license(certificateIdentifier: "{identifier}", useCause: "x"{basis}) {{ {field}{_below(entry)} }} }}'
    context = request_context(principal=caller, journal=FakeJournal())
    return await Execution(SCHEMA, graph, limits=UNHURRIED).run(GraphQLRequest(query=text), context)


def _codes(answer: Answer) -> set[str]:
    return {field_error(error, "r")["extensions"]["code"] for error in answer.errors}


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_of_a_license_is_granted_by_its_rule_alone(field: str, who: str) -> None:
    """A refused field is in no statement; without the root's own rule there is no statement at all."""
    caller, graph = CALLERS[who], CannedGraph()
    root = TABLES.entry("Query", "license")
    answer = await _ask(field, caller, graph)
    if not _allowed(root, caller):
        assert _codes(answer) == {"token_required" if caller.county is None else "forbidden"}
        assert graph.asked == []
        return
    (statement,) = graph.asked
    granted = _allowed(TABLES.entry("License", field), caller)
    cut = "license.read" not in caller.scopes or (granted and field in {"cases", "objections"})
    assert ("caller_county" in statement.parameters) == cut
    assert _codes(answer) == (set() if granted else {"forbidden"})


@pytest.mark.parametrize(
    "field", [name for name in FIELDS if is_leaf_type(get_named_type(TABLES.entry("License", name).field.type))]
)
@pytest.mark.parametrize("who", ["other county", "issuing county", "every scope"])
async def test_a_row_is_granted_by_the_row_rule_alone(world: Engine, field: str, who: str) -> None:
    """On the engines: own licenses only, or all of them; what is cut has the body of what is absent."""
    caller = CALLERS[who]
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        seen = {identifier: await _ask(field, caller, graph, identifier) for identifier in (MINE, THEIRS, "1.2.156.0")}
    for identifier, county in ((MINE, "370214"), (THEIRS, "220103")):
        shown = seen[identifier].data != {"license": None}
        assert shown == ("license.read" in caller.scopes or county == caller.county)
        if not shown:
            assert (seen[identifier].data, seen[identifier].errors) == (
                seen["1.2.156.0"].data,
                seen["1.2.156.0"].errors,
            )


CHECKLIST: Final = (
    '{{ checklist(matter: "000101002000", county: "370214", useCause: "x", basis: {{consent: "'
    + CONSENTS["key of 001 X"]
    + '"}}, holder: {{certificateHolderTypeCode: "001", certificateHolderCode: "X"}}) {{ {field} }} }}'
)
BELOW: Final = {
    "Checklist": "{}",
    "ChecklistFindings": "findings {{ {} }}",
    "ChecklistItem": "findings {{ items {{ {} }} }}",
    "ChecklistLicense": "findings {{ items {{ license {{ {} }} unusable {{ {} }} }} }}",
    "ChecklistObjection": "findings {{ items {{ objections {{ {} }} }} }}",
    "ChecklistType": "findings {{ items {{ licenseTypes {{ {} }} }} }}",
}
"""Every type of a checklist -> where it stands."""

CHECKLIST_FIELDS: Final = [(name, entry.name) for name in BELOW for entry in TABLES.of_type(name)]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(("type_name", "field"), CHECKLIST_FIELDS)
async def test_a_field_of_a_checklist_is_for_who_may_look_licenses_up(type_name: str, field: str, who: str) -> None:
    """Whoever may not, has nothing read for him; whoever sees own licenses only, has no other one read."""
    caller, graph, journal = CALLERS[who], CannedGraph(), FakeJournal()
    one = f"{field}{_below(TABLES.entry(type_name, field))}"
    text = CHECKLIST.format(field=BELOW[type_name].format(one, one))
    context = request_context(principal=caller, journal=journal)
    answer = await Execution(SCHEMA, graph, limits=UNHURRIED).run(GraphQLRequest(query=text), context)
    assert answer.data == {"checklist": None}
    assert answer.personal
    if not _allowed(TABLES.entry("Query", "checklist"), caller):
        assert _codes(answer) == {"token_required" if caller.county is None else "forbidden"}
        assert (graph.asked, journal.records) == ([], [])
        return
    (statement,) = graph.asked
    assert _codes(answer) == set()
    assert len(journal.records) == 1
    assert (":License)" in statement.text) == (type_name != "Checklist" or field == "findings")
    objections = "objection.read" in caller.scopes
    assert (":Objection {" in statement.text) == (":License)" in statement.text and objections)
    guarded = ":License)" in statement.text and ("license.read" not in caller.scopes or objections)
    assert ("caller_county" in statement.parameters) == guarded


def test_every_type_under_the_rule_of_the_checklist_is_tried() -> None:
    assert sorted(BELOW) == sorted(name for name, rule in TYPES.items() if rule == "license.checklist")


@pytest.mark.parametrize("type_name", PUBLIC)
def test_the_catalogue_is_for_everyone(type_name: str) -> None:
    assert all(_allowed(entry, ANONYMOUS) for entry in TABLES.of_type(type_name))


def test_nothing_of_a_license_is_for_everyone() -> None:
    """Nor of any other type over its node."""
    for type_name in ("License", "LicenseReceipt", "Checklist", "ChecklistItem", "Face", "AccessRecord"):
        assert isinstance(TABLES.schema.type_map[type_name], GraphQLObjectType)
        assert not any(_allowed(entry, ANONYMOUS) for entry in TABLES.of_type(type_name))


def test_every_rule_that_refuses_is_tried_here() -> None:
    """A new rule needs a caller in the matrix who has it and one who has not."""
    for name, rule in RULES.items():
        if rule.scopes:
            holders = [who for who, caller in CALLERS.items() if not rule.scopes.isdisjoint(caller.scopes)]
            assert 0 < len(holders) < len(CALLERS), name


async def test_an_expired_token_gets_nothing_not_even_what_is_public() -> None:
    """The request ends before its document is read."""

    def expired(_authorization: str | None, _request_id: str) -> Context:
        raise NotVerified("bad_token", "the access token is expired")

    graph = CannedGraph()
    application = Starlette(routes=[Route("/graphql", GraphQLEndpoint(SCHEMA, graph, expired))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url="http://hub") as http:
        for query in ('{ matter(code: "1") { name } }', "{ nothing }"):
            response = await http.post("/graphql", json={"query": query}, headers={"Authorization": "Bearer x"})
            assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (401, "bad_token")
    assert graph.asked == []

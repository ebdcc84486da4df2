"""The hub in a province's supergraph: composed by `@apollo/composition`, asked what Apollo's planner would ask."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from hub.graphql.execution import Execution, GraphQLRequest
from schema.access import ANONYMOUS
from schema.assembly import build_schema
from tests.graph_fakes import CannedGraph
from tests.interop.subgraphs import SUPERGRAPH, WINDOWS, ask_node, hub, install, subgraph
from tests.ports import request_context

pytestmark = [pytest.mark.timeout(1800), pytest.mark.npm]

OWN: Final = subgraph("windows", WINDOWS.read_text("utf-8"))
OPEN_WINDOWS: Final = """{
  openWindows(weekday: 1) {
    address jurisdiction { name level within { name } } matters { name promisedDays freeAppointments }
  }
}"""
COPY: Final = """{
  license(certificateIdentifier: "1.2.156", useCause: "a counter") { status copyWindow { jurisdiction { level } } }
}"""
ENTITIES: Final = "query($representations:[_Any!]!){_entities(representations:$representations){...on %s}}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Apollo's library once."""
    return install(tmp_path_factory.mktemp("node"))


def test_the_example_is_what_composes(program: Path) -> None:
    """Without a hint; `python -m tests.interop.subgraphs` writes it anew."""
    answer = ask_node(program, [hub(), OWN])
    assert answer["hints"] == []
    assert answer["supergraph"] == SUPERGRAPH.read_text("utf-8")


async def test_the_hub_answers_what_the_router_asks(program: Path) -> None:
    """Names of the windows' places and matters, by key; a license by its own field, under its own rule."""
    plans = ask_node(program, [hub(), OWN], [OPEN_WINDOWS, COPY])["plans"]
    asked = [[fetch["operation"] for fetch in plan if fetch["subgraph"] == "tongban"] for plan in plans]
    license_asked = (
        '{license(certificateIdentifier:"1.2.156" useCause:"a counter"){__typename certificateIdentifier status}}'
    )
    assert asked == [
        [ENTITIES % "Jurisdiction{level within{name}}", ENTITIES % "Matter{name promisedDays}"],
        [license_asked, ENTITIES % "Jurisdiction{level}"],
    ]
    graph = CannedGraph(rows=[[1, [["COUNTY", ["长春市"]]]], [0, [["COUNTY", ["青岛市"]]]], [2, []]])
    named = [{"__typename": "Jurisdiction", "code": code} for code in ("370214", "220103", "000000")]
    answer = await Execution(build_schema(), graph).run(
        GraphQLRequest(query=asked[0][0], variables={"representations": named}), request_context(principal=ANONYMOUS)
    )
    assert answer.data == {
        "_entities": [
            {"level": "COUNTY", "within": {"name": "青岛市"}},
            {"level": "COUNTY", "within": {"name": "长春市"}},
            None,
        ]
    }
    assert len(graph.asked) == 1


@pytest.mark.parametrize("reference", ["License", "Case", "Consent", "Objection"])
def test_another_subgraph_cannot_hand_out_a_persons_record(program: Path, reference: str) -> None:
    """What it hands out could not be read by its key, so nothing is left to compose."""
    keys = {"License": "certificateIdentifier: LicenseIdentifier", "Case": "caseNumber: CaseNumber"}
    key = keys.get(reference, "id: StatementId")
    text = f"""
      extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
      type Query {{ newest: {reference} }}
      type {reference} @key(fields: "{key.partition(":")[0]}") {{ {key}! }}
      scalar {key.partition(": ")[2]}
    """
    assert ask_node(program, [hub(), subgraph("other", text)]) == {"errors": ["SATISFIABILITY_ERROR"]}

"""Checklist and comparison on both engines: exact answers, one statement, and who may see whose licenses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from ledger.errors import Unavailable
from ledger.status import Status
from schema.access import ANONYMOUS, Principal
from schema.assembly import build_schema
from tests.compiled_documents import VARIABLES
from tests.graph_fakes import CannedGraph
from tests.graph_world import LICENSES
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import CLERK, CONSENTS, FakeJournal, FakeRegistry, request_context

DOCUMENTS: Final = Path(__file__).parents[2] / "documents"
VERSION: Final = "000101002000@370214@20260101"
FIRST, SECOND, THIRD = (one["certificateIdentifier"] for one in LICENSES[:3])
OWN: Final = Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset({"license.read.own"}))


async def _ask(
    world: Engine, name: str, *, statements: int = 1, holder: str = "holder-one", **members: Any
) -> Answer:  # fmt: skip
    """Run a document of `tests/documents` with its values, and count what it asked of the graph."""
    text = (DOCUMENTS / f"{name}.graphql").read_text("utf-8")
    context = request_context(**({"principal": CLERK, "holder_key": lambda _type, _code: holder} | members))
    named = {"basis": {"consent": CONSENTS[holder]}} if name == "checklist" else {}
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        answer = await Execution(build_schema(), graph, limits=UNHURRIED).run(
            GraphQLRequest(query=text, variables=VARIABLES[name] | named), context
        )
        assert graph.statements == statements
    return answer


def _findings(answer: Answer) -> Any:
    assert answer.errors == []
    assert answer.data is not None
    return answer.data["checklist"]["findings"]


def _states(answer: Answer) -> list[tuple[str, str]]:
    return [(item["name"], item["state"]) for item in _findings(answer)["items"]]


def _item(place: int, name: str, state: str, *types: tuple[str, str | None], **members: Any) -> dict[str, Any]:
    known = {
        "license": None,
        "unusable": [],
        "objections": [],
        "toleratedUntil": None,
        "provisional": False,
        "need": True,
    }
    told = [{"name": each, "definerName": definer} for each, definer in types]
    return {"code": f"{VERSION}.{place:02d}", "name": name, "state": state, "licenseTypes": told} | known | members


async def test_a_checklist_says_what_is_held_what_is_not_and_what_may_follow(world: Engine) -> None:
    """The ledger has the last word: the graph still shows license 3 as VALID."""
    journal = FakeJournal()
    registry = FakeRegistry(changed={2: Status.REVOKED, 3: Status.SUSPENDED})
    answer = await _ask(world, "checklist", journal=journal, registry=registry)
    assert answer.errors == []
    assert answer.personal
    assert answer.data == {
        "checklist": {
            "code": VERSION,
            "matter": {"name": "食品经营许可"},
            "county": {"name": "城阳区"},
            "findings": {
                "on": "2026-06-01",
                "asOf": "2026-06-01T08:59:00.000Z",
                "checkpointSize": 100,
                "complete": False,
                "held": 1,
                "toBring": 2,
                "items": [
                    _item(
                        1, "营业执照", "HELD", ("营业执照", "市场监管总局"),
                        license={
                            "certificateIdentifier": FIRST, "sealedBy": "370214",
                            "issuedBy": "城阳区市场监督管理局", "certificateExpiringDate": "2031-04-30",
                        },
                    ),
                    _item(2, "平面图", "MISSING", need=False),
                    _item(
                        3, "场所证明", "TOLERATED", ("不动产权证书", None), toleratedUntil="2026-06-08",
                        unusable=[{"certificateIdentifier": THIRD, "sealedBy": "220103", "reason": "SUSPENDED"}],
                    ),
                    _item(
                        4, "原许可证", "UNUSABLE", ("食品经营许可证", None),
                        unusable=[{"certificateIdentifier": SECOND, "sealedBy": "370214", "reason": "REVOKED"}],
                    ),
                ],
            },
        }
    }  # fmt: skip
    (access,) = journal.records
    assert (access.root_field, access.holder, access.licenses) == ("checklist", "holder-one", (FIRST, SECOND, THIRD))
    assert access.use_cause == "taken in at a counter in Kunshan"


async def test_licenses_of_other_counties_are_missing_for_who_may_read_own_ones_only(world: Engine) -> None:
    journal = FakeJournal()
    answer = await _ask(world, "checklist", principal=OWN, journal=journal)
    assert _states(answer) == [
        ("营业执照", "HELD"),
        ("平面图", "MISSING"),
        ("场所证明", "TOLERATED"),
        ("原许可证", "HELD"),
    ]
    assert _findings(answer)["items"][2]["unusable"] == []
    assert journal.records[0].licenses == (FIRST, SECOND)


async def test_another_holder_has_other_licenses(world: Engine) -> None:
    answer = await _ask(world, "checklist", holder="holder-two")
    assert _states(answer) == [
        ("营业执照", "MISSING"),
        ("平面图", "MISSING"),
        ("场所证明", "TOLERATED"),
        ("原许可证", "HELD"),
    ]


async def test_a_holder_without_licenses_gets_the_whole_list(world: Engine) -> None:
    journal = FakeJournal()
    answer = await _ask(world, "checklist", holder="nobody", journal=journal)
    assert (_findings(answer)["held"], _findings(answer)["toBring"]) == (0, 3)
    assert journal.records[0].licenses == ()


@pytest.mark.parametrize(
    ("members", "code", "statements"),
    [
        ({"principal": ANONYMOUS}, "token_required", 0),
        ({"principal": Principal(county="370214", scopes=frozenset({"ledger.entries"}))}, "forbidden", 0),
        ({"journal": FakeJournal(down=Unavailable("store_stopped", "stopped"))}, "store_stopped", 1),
        ({"registry": FakeRegistry(down=Unavailable("no_log", "nothing is published"))}, "no_log", 1),
    ],
)
async def test_without_right_record_or_ledger_there_is_no_checklist(
    world: Engine, members: dict[str, Any], code: str, statements: int
) -> None:
    answer = await _ask(world, "checklist", statements=statements, **members)
    assert answer.data == {"checklist": None}
    assert [field_error(error, "r")["extensions"]["code"] for error in answer.errors] == [code]


@pytest.mark.parametrize(("count", "codes"), [(499, []), (500, ["limit_exceeded"])])
async def test_a_holder_with_more_licenses_than_are_judged_gets_no_guess(count: int, codes: list[str]) -> None:
    """The access record names all that were read, also then."""
    licenses = [
        [f"1.2.{number:03d}", "T", number, "370214", "2026-05-01", None, None, None, []] for number in range(count)
    ]
    journal = FakeJournal()
    text = (
        '{ checklist(matter: "1", county: "2", useCause: "x", basis: {consent: "' + CONSENTS["key of 001 X"] + '"},'
        ' holder: {certificateHolderTypeCode: "001", certificateHolderCode: "X"}) { findings { held } } }'
    )
    context = request_context(principal=CLERK, journal=journal)
    answer = await Execution(build_schema(), CannedGraph(rows=[[[], licenses]])).run(
        GraphQLRequest(query=text), context
    )
    assert [field_error(error, "r")["extensions"]["code"] for error in answer.errors] == codes
    assert answer.data == {"checklist": None if codes else {"findings": {"held": 0}}}
    assert len(journal.records[0].licenses) == count


async def test_a_comparison_needs_no_token(world: Engine) -> None:
    answer = await _ask(world, "comparison", statements=2, principal=ANONYMOUS)
    assert answer.errors == []
    assert not answer.personal
    shared = {"promisedDays": 10, "mode": "全程网办"}
    assert answer.data == {
        "comparison": {
            "name": "食品经营许可",
            "difference": {
                "on": "2026-06-01",
                "differing": ["FEE", "VISITS", "MATERIALS"],
                "usualMaterials": ["营业执照"],
                "counties": [
                    {
                        "county": "220103", **shared, "fee": 20, "visits": 1, "materials": 1,
                        "differs": ["FEE", "VISITS"], "more": [], "less": [],
                    },
                    {
                        "county": "370214", **shared, "fee": 0, "visits": 0, "materials": 4,
                        "differs": ["MATERIALS"], "more": ["原许可证", "场所证明", "平面图"], "less": [],
                    },
                ],
            },
            "benchmark": {
                "dayUnit": "working",
                "bestDays": 10,
                "bestDaysCounties": ["220103", "370214"],
                "bestMaterials": 1,
                "bestMaterialsCounties": ["220103"],
                "counties": [
                    {"county": "220103", "daysBehind": 0, "materialsBehind": 0, "savableMaterials": []},
                    {
                        "county": "370214", "daysBehind": 0, "materialsBehind": 2,
                        "savableMaterials": ["原许可证", "场所证明"],
                    },
                ],
            },
        },
        "offerings": {
            "edges": [
                {
                    "node": {
                        "code": "000101002000@220103@20260101", "planEffectiveDate": "2026-01-01",
                        "supersededOn": "2027-01-01", "flow": [],
                    }
                },
                {
                    "node": {
                        "code": VERSION, "planEffectiveDate": "2026-01-01", "supersededOn": None,
                        "flow": ["申请", "受理"],
                    }
                },
            ]
        },
    }  # fmt: skip


_ON: Final = """\
query On($day: Date) {
  offering(matter: "000101002000", county: "370214", on: $day) { code }
  ended: offering(matter: "000707003000", county: "370214", on: $day) { code }
  offerings(matter: "000101002000", on: $day) { edges { node { fee } } }
  comparison(matter: "000101002000", on: $day) { difference { on counties { offering } } }
}
"""


@pytest.mark.parametrize(
    ("day", "own", "ended", "fees"),
    [
        ("2024-12-31", None, None, []),
        ("2025-01-01", "20250101", None, [5]),
        ("2025-12-31", "20250101", None, [5]),
        ("2026-01-01", "20260101", "20260101", [20, 0]),
        (None, "20260101", "20260101", [20, 0]),
        ("2026-12-31", "20260101", "20260101", [20, 0]),
        ("2027-01-01", "20260101", None, [10, 0]),
    ],
)
async def test_each_day_has_its_versions(
    world: Engine, day: str | None, own: str | None, ended: str | None, fees: list[int | None]
) -> None:
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        request = GraphQLRequest(query=_ON, variables={"day": day})
        answer = await Execution(build_schema(), BoltGraph(driver), limits=UNHURRIED).run(
            request, request_context(principal=ANONYMOUS)
        )
    assert answer.errors == []
    data: Any = answer.data
    assert data["offering"] == (own and {"code": f"000101002000@370214@{own}"})
    assert data["ended"] == (ended and {"code": f"000707003000@370214@{ended}"})
    assert [edge["node"]["fee"] for edge in data["offerings"]["edges"]] == fees
    assert data["comparison"]["difference"]["on"] == (day or "2026-06-01")
    assert len(data["comparison"]["difference"]["counties"]) == len(fees)

"""Standing statements in the graph, on both engines: exact nodes, the same whatever the batches, and from a replay."""

from __future__ import annotations

import random

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.projection import Position, Projector
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number, whole_case
from tests.deskwork import Appeal, Dispute, follow_up, made_id
from tests.graphs import empty
from tests.small_catalogue import small_tables
from tests.statements import NOW, TYPE_CODE, County, MemoryLog, genesis


def _logs() -> tuple[MemoryLog, MemoryLog]:
    return MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()


async def test_an_appeal_has_exactly_this_node_below_its_case(driver: BoltDriver) -> None:
    ledger, journal = _logs()
    appeal = Appeal()
    journal.entries += [CaseFile().apply(), appeal.received(), appeal.passed(at=NOW + 60), appeal.answered(at=NOW + 90)]
    await Projector(driver, ledger, journal).catch_up()
    graph, code = await dump_graph(driver), made_id("appeal")
    assert graph.nodes[f"HotlineAppeal:{code}"] == {
        "answeredAt": "2026-06-01T09:01:30.000Z",
        "id": code,
        "kind": "COMPLAINT",
        "order": f"2026-06-01T09:00:00.000Z {code}",
        "outcome": "RESOLVED",
        "passedAt": "2026-06-01T09:01:00.000Z",
        "passedTo": CHENGYANG,
        "receivedAt": "2026-06-01T09:00:00.000Z",
        "receivedBy": FENGNAN,
    }
    assert (f"Case:{case_number()}", "HAS_APPEAL", f"HotlineAppeal:{code}", {}) in graph.relationships


async def test_objections_stand_beside_their_license_which_is_in_doubt_till_the_last_is_decided(
    driver: BoltDriver,
) -> None:
    ledger, journal = _logs()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    first, second = Dispute(county.identifier(1), "one"), Dispute(county.identifier(1), "two")
    journal.entries += [CaseFile().apply(), first.raised(caseNumber=case_number()), second.raised(), Dispute().raised()]
    await Projector(driver, ledger, journal).catch_up()
    graph, code = await dump_graph(driver), made_id("one")
    assert graph.nodes[f"Objection:{code}"] == {
        "answeredBy": CHENGYANG,
        "caseNumber": case_number(),
        "certificateIdentifier": county.identifier(1),
        "id": code,
        "kind": "FACE_DIFFERS",
        "open": True,
        "order": f"2026-06-01T09:00:00.000Z {code}",
        "raisedAt": "2026-06-01T09:00:00.000Z",
        "raisedBy": FENGNAN,
    }
    missing = graph.nodes[f"Objection:{made_id('objection')}"]
    assert (missing["certificateTypeCode"], missing["holderKey"]) == (TYPE_CODE, County.holder("1"))
    links = {end for start, kind, end, _ in graph.relationships if kind == "DISPUTED_BY"}
    assert links == {f"Objection:{code}", f"Objection:{made_id('two')}"}
    assert graph.nodes["License:1"]["disputed"]

    journal.entries.append(first.decided("DISMISSED", at=NOW + 60))
    await Projector(driver, ledger, journal).catch_up()
    graph = await dump_graph(driver)
    ended = {"outcome": "DISMISSED", "decidedBy": CHENGYANG, "decidedAt": "2026-06-01T09:01:00.000Z", "open": False}
    assert ended.items() <= graph.nodes[f"Objection:{code}"].items()
    assert graph.nodes["License:1"]["disputed"]

    journal.entries.append(second.decided("WITHDRAWN", by=FENGNAN, at=NOW + 60))
    await Projector(driver, ledger, journal).catch_up()
    assert (await dump_graph(driver)).nodes["License:1"]["disputed"] is False


async def test_an_open_objection_hangs_on_the_county_that_must_answer_until_it_is_decided(driver: BoltDriver) -> None:
    """Also where the catalogue lists that county only later."""
    ledger, journal = _logs()
    first, second = Dispute(name="one"), Dispute(name="two")
    journal.entries += [first.raised(), second.raised()]
    await Projector(driver, ledger, journal).catch_up()
    open_at: list[set[str]] = []
    for more in ([], [first.decided("WITHDRAWN", by=FENGNAN)], [second.decided(), Dispute().raised()]):
        journal.entries += more
        await load_catalogue(driver, small_tables(), "1")
        await Projector(driver, ledger, journal).catch_up()
        links = (await dump_graph(driver)).relationships
        open_at.append(
            {start for start, kind, end, _ in links if (kind, end) == ("OPEN_AT", f"Jurisdiction:{CHENGYANG}")}
        )
    names = {name: f"Objection:{made_id(name)}" for name in ("one", "two", "objection")}
    assert open_at == [{names["one"], names["two"]}, {names["two"]}, {names["objection"]}]


@pytest.mark.parametrize("seed", range(2))
async def test_the_graph_of_statements_does_not_depend_on_the_batches(driver: BoltDriver, seed: int) -> None:
    """Statements of several cases among their steps, batches of every size: one graph, and a replay gives it, too."""
    rng = random.Random(seed)
    ledger, journal = _logs()
    county = County(CHENGYANG, ledger, journal)
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    waiting = [_events(serial, county.identifier(1 + serial % 2)) for serial in range(1, 5)]
    while any(waiting):
        journal.entries.append(rng.choice([each for each in waiting if each]).pop(0))
    while (await Projector(driver, ledger, journal, batch=rng.randint(1, 9)).catch_up()).journal < len(journal.entries):
        pass
    grown = await dump_graph(driver)
    await empty(driver)
    assert await Projector(driver, ledger, journal).catch_up() == Position(ledger=3, journal=len(journal.entries))
    assert await dump_graph(driver) == grown
    appeals = [node for name, node in grown.nodes.items() if name.startswith("HotlineAppeal")]
    assert [appeal.get("outcome") for appeal in appeals] == ["EXPLAINED"] * 4
    assert [grown.nodes[f"License:{index}"]["disputed"] for index in (1, 2)] == [True, True]
    assert grown.nodes[f"FollowUp:{case_number(1)}"] == {
        "code": case_number(1), "county": CHENGYANG, "doneAt": "2026-06-21T09:00:00.000Z", "outcome": "RECTIFIED",
    }  # fmt: skip
    assert (f"Case:{case_number(1)}", "FOLLOWED_UP_BY", f"FollowUp:{case_number(1)}", {}) in grown.relationships


def _events(serial: int, license_: str) -> list[bytes]:
    """A case with an appeal and a follow-up; three objections beside it, one of them open at the end."""
    case = whole_case(serial, rating=5)
    appeal = Appeal(case=case.number, name=f"appeal {serial}")
    disputes = [Dispute(each, f"{serial} {name}") for name, each in (("a", license_), ("b", license_), ("c", None))]
    return [
        case.raws[0],
        appeal.received(by=KUANCHENG),
        *(dispute.raised() for dispute in disputes),
        appeal.passed(by=KUANCHENG),
        *case.raws[1:],
        disputes[0].decided(),
        appeal.answered(outcome="EXPLAINED"),
        follow_up(case.number, at=NOW + 20 * DAY),
        disputes[2].decided("WITHDRAWN", by=FENGNAN),
    ]

"""Cases in the graph, on both engines: exact nodes and links, the same whatever the batches, and from a replay."""

from __future__ import annotations

import random

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import GraphDump, dump_graph
from hub.graph.projection import Position, Projector
from ledger.encoding import b64u_encode
from ledger.errors import NotVerified
from ledger.transparency.merkle import leaf_hash
from tests.casefile import (
    APPLICANT,
    CHENGYANG,
    DAY,
    FENGNAN,
    KUANCHENG,
    MATTER,
    CaseFile,
    case_number,
    offered,
    whole_case,
)
from tests.graphs import empty
from tests.small_catalogue import small_tables
from tests.statements import NOW, County, MemoryLog, genesis


def _logs() -> tuple[MemoryLog, MemoryLog, County]:
    ledger, journal = MemoryLog(), MemoryLog()
    ledger.entries.append(genesis(CHENGYANG, FENGNAN))
    return ledger, journal, County(CHENGYANG, ledger, journal)


def _of_cases(graph: GraphDump) -> list[tuple[str, str, str]]:
    return [(start, kind, end) for start, kind, end, _ in graph.relationships if start.startswith(("Case", "Step"))]


async def test_a_case_has_exactly_these_nodes_and_links(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    case = CaseFile()
    case.apply(licenses=[county.identifier(1)], tolerated=[{"material": "M03", "days": 5}])
    case.add("PRE_REVIEW", FENGNAN, at=NOW + DAY, outcome="PASSED")
    journal.entries += [offered(), *case.raws]
    await load_catalogue(driver, small_tables(), "1")
    await Projector(driver, ledger, journal).catch_up()

    graph, number = await dump_graph(driver), case.number
    found = {name: node for name, node in graph.nodes.items() if name.startswith(("Case", "Clock", "Step"))}
    assert found == {
        f"Case:{number}": {
            "appliedAt": "2026-06-01T09:00:00.000Z",
            "caseNumber": number,
            "handledBy": CHENGYANG,
            "head": b64u_encode(leaf_hash(case.raws[1])),
            "holderKey": APPLICANT,
            "itemsUnderWay": 2,
            "matterCode": MATTER,
            "missing": ["M03"],
            "mode": "PROXY_INTAKE",
            "offeringCode": case.offering,
            "pickedUpAt": KUANCHENG,
            "stage": "HANDED_OVER",
            "stepCount": 2,
            "steppedAt": "2026-06-02T09:00:00.000Z",
            "takenInBy": FENGNAN,
        },
        f"Clock:{number}#INTAKE": {
            "code": f"{number}#INTAKE",
            "county": FENGNAN,
            "ended": False,
            "name": "INTAKE",
            "openIn": FENGNAN,
            "order": 0,
            "promisedDays": 2,
            "spans": ["2026-06-01T09:00:00.000Z"],
            "urgency": f"2026-06-02{number}.INTAKE",
        },
        f"Clock:{number}#M03": {
            "code": f"{number}#M03",
            "county": FENGNAN,
            "ended": False,
            "name": "M03",
            "openIn": FENGNAN,
            "order": 1,
            "promisedDays": 5,
            "spans": ["2026-06-01T09:00:00.000Z"],
            "urgency": f"2026-06-05{number}.M03",
        },
        f"Step:{number}#001": {
            "code": f"{number}#001",
            "county": FENGNAN,
            "kind": "APPLICATION",
            "leafHash": b64u_encode(leaf_hash(case.raws[0])),
            "licenses": [county.identifier(1)],
            "role": "INTAKE_CLERK",
            "sequence": 1,
            "supplied": [],
            "takenAt": "2026-06-01T09:00:00.000Z",
            "window": "A03",
        },
        f"Step:{number}#002": {
            "code": f"{number}#002",
            "county": FENGNAN,
            "kind": "PRE_REVIEW",
            "leafHash": b64u_encode(leaf_hash(case.raws[1])),
            "licenses": [],
            "outcome": "PASSED",
            "role": "INTAKE_CLERK",
            "items": 2,
            "sequence": 2,
            "supplied": [],
            "takenAt": "2026-06-02T09:00:00.000Z",
            "window": "A03",
        },
    }
    assert _of_cases(graph) == [
        (f"Case:{number}", "APPLIED_BY", f"Holder:{APPLICANT}"),
        (f"Case:{number}", "FOR", f"Matter:{MATTER}"),
        (f"Case:{number}", "FOR", f"Offering:{case.offering}"),
        (f"Case:{number}", "HANDLED_BY", f"Jurisdiction:{CHENGYANG}"),
        (f"Case:{number}", "HAS_STEP", f"Step:{number}#001"),
        (f"Case:{number}", "HAS_STEP", f"Step:{number}#002"),
        (f"Case:{number}", "NEXT", f"Step:{number}#001"),
        (f"Case:{number}", "TIMED_BY", f"Clock:{number}#INTAKE"),
        (f"Case:{number}", "TIMED_BY", f"Clock:{number}#M03"),
        (f"Case:{number}", "USES", "License:1"),
        (f"Step:{number}#001", "NEXT", f"Step:{number}#002"),
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_the_graph_of_cases_does_not_depend_on_the_batches(driver: BoltDriver, seed: int) -> None:
    """Steps of several cases among licenses, batches of every size: one graph, and a replay gives it, too."""
    rng = random.Random(seed)
    ledger, journal, county = _logs()
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    files = [whole_case(n, used=(county.identifier(1),), produced=(county.identifier(2),)) for n in range(3)]
    journal.entries.append(offered())
    waiting = [list(file.raws) for file in files]
    while any(waiting):
        steps = rng.choice([each for each in waiting if each])
        journal.entries.append(steps.pop(0))
    await load_catalogue(driver, small_tables(), "1")
    while (await Projector(driver, ledger, journal, batch=rng.randint(1, 9)).catch_up()).journal < len(journal.entries):
        pass
    grown = await dump_graph(driver)
    await empty(driver)
    await load_catalogue(driver, small_tables(), "1")
    assert await Projector(driver, ledger, journal).catch_up() == Position(ledger=3, journal=len(journal.entries))
    assert await dump_graph(driver) == grown
    assert {kind for start, kind, _ in _of_cases(grown)} == {
        "APPLIED_BY", "FOR", "HANDLED_BY", "HAS_STEP", "NEXT", "PRODUCED", "TIMED_BY", "USES",
    }  # fmt: skip
    assert [grown.nodes[f"Case:{file.number}"]["stage"] for file in files] == ["EVALUATED"] * 3


async def test_a_matter_or_county_that_is_listed_later_is_linked_then(driver: BoltDriver) -> None:
    ledger, journal, _ = _logs()
    case = CaseFile(intake=CHENGYANG, mode="ONLINE", pick_up=CHENGYANG)
    case.apply()
    journal.entries += case.raws
    await Projector(driver, ledger, journal).catch_up()
    before = _of_cases(await dump_graph(driver))
    await load_catalogue(driver, small_tables(), "1")
    added = [
        (f"Case:{case.number}", "FOR", f"Matter:{MATTER}"),
        (f"Case:{case.number}", "HANDLED_BY", f"Jurisdiction:{CHENGYANG}"),
        (f"Case:{case.number}", "PICKED_UP_AT", f"Jurisdiction:{CHENGYANG}"),
        (f"Case:{case.number}", "TAKEN_IN_BY", f"Jurisdiction:{CHENGYANG}"),
    ]
    assert _of_cases(await dump_graph(driver)) == sorted([*before, *added])


async def test_an_illegal_step_in_the_journal_stops_the_projection(driver: BoltDriver) -> None:
    """The journal would not have taken it: somebody has written into the file."""
    ledger, journal, _ = _logs()
    case = CaseFile(number=case_number(7))
    case.apply()
    case.add("PICK_UP", KUANCHENG)
    journal.entries += case.raws
    with pytest.raises(NotVerified, match=r"^corrupt_store: a step in the journal is not legal"):
        await Projector(driver, ledger, journal).catch_up()
    assert [name for name in (await dump_graph(driver)).nodes if name.startswith("Case")] == []

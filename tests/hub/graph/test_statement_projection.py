"""Standing statements in the graph, on both engines: exact nodes, the same whatever the batches, and from a replay."""

from __future__ import annotations

import random

import pytest

from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.projection import Position, Projector
from tests.casefile import CHENGYANG, FENGNAN, KUANCHENG, CaseFile, case_number
from tests.deskwork import Appeal, made_id
from tests.graphs import empty
from tests.statements import NOW, MemoryLog, genesis


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
        "code": code,
        "kind": "COMPLAINT",
        "outcome": "RESOLVED",
        "passedAt": "2026-06-01T09:01:00.000Z",
        "passedTo": CHENGYANG,
        "receivedAt": "2026-06-01T09:00:00.000Z",
        "receivedBy": FENGNAN,
    }
    assert (f"Case:{case_number()}", "HAS_APPEAL", f"HotlineAppeal:{code}", {}) in graph.relationships


@pytest.mark.parametrize("seed", range(2))
async def test_the_graph_of_statements_does_not_depend_on_the_batches(driver: BoltDriver, seed: int) -> None:
    """Statements of several cases among their steps, batches of every size: one graph, and a replay gives it, too."""
    rng = random.Random(seed)
    ledger, journal = _logs()
    waiting = [_events(serial) for serial in range(1, 5)]
    while any(waiting):
        journal.entries.append(rng.choice([each for each in waiting if each]).pop(0))
    while (await Projector(driver, ledger, journal, batch=rng.randint(1, 4)).catch_up()).journal < len(journal.entries):
        pass
    grown = await dump_graph(driver)
    await empty(driver)
    assert await Projector(driver, ledger, journal).catch_up() == Position(ledger=1, journal=len(journal.entries))
    assert await dump_graph(driver) == grown
    appeals = [node for name, node in grown.nodes.items() if name.startswith("HotlineAppeal")]
    assert [appeal.get("outcome") for appeal in appeals] == ["EXPLAINED"] * 4


def _events(serial: int) -> list[bytes]:
    case = CaseFile(number=case_number(serial))
    appeal = Appeal(case=case.number, name=f"appeal {serial}")
    return [
        case.apply(),
        appeal.received(by=KUANCHENG),
        case.add("PRE_REVIEW", FENGNAN, outcome="PASSED"),
        appeal.passed(by=KUANCHENG),
        appeal.answered(outcome="EXPLAINED"),
    ]

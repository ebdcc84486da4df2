"""Lanes: what goes together, what is shared and what is not, and what one reader's trouble does to the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.graph.lanes import LaneLimits, Lanes
from ledger.errors import Unavailable
from schema.context import Statement
from tests.lane_graphs import DividingGraph, division


def held(**limits: Any) -> tuple[DividingGraph, Lanes]:
    """Give lanes over a graph whose statements wait to be let go."""
    graph = DividingGraph(held=True)
    return graph, Lanes(graph, limits=LaneLimits(**limits))


async def reading(lanes: Lanes, *statements: Statement) -> list[asyncio.Task[Any]]:
    """Start one reader a statement, and let all of them ask."""
    tasks = [asyncio.create_task(lanes.read(one)) for one in statements]
    await settle()
    return tasks


async def settle() -> None:
    """Let everything run that can: nothing here waits for a clock."""
    for _ in range(20):
        await asyncio.sleep(0)


async def drain(graph: DividingGraph) -> None:
    """Let every statement go, and those that follow it."""
    while graph.let_go():
        await settle()


async def test_equal_look_ups_are_one_key_of_one_statement() -> None:
    graph = DividingGraph()
    lanes = Lanes(graph)
    assert await asyncio.gather(*(lanes.read(division(5)) for _ in range(32))) == [[2]] * 32
    assert (graph.asked, lanes.shared, lanes.depth) == ([[5]], 31, 0)


async def test_what_comes_meanwhile_goes_next_in_one_statement_with_each_key_once() -> None:
    graph, lanes = held()
    tasks = await reading(lanes, division(1))
    tasks += await reading(lanes, division(2), division(5), division(2), division(1))
    assert graph.asked == [[1]]
    await drain(graph)
    assert [task.result() for task in tasks] == [[10], [5], [2], [5], [10]]
    assert graph.asked == [[1], [2, 5, 1]]


async def test_an_answer_on_its_way_is_not_given_to_who_asks_later() -> None:
    """It may be older than what that reader has just written."""
    graph, lanes = held()
    tasks = await reading(lanes, division(1))
    tasks += await reading(lanes, division(1))
    await drain(graph)
    assert (graph.asked, lanes.shared) == ([[1], [1]], 0)


async def test_a_look_up_alone_goes_at_once_as_the_single_form() -> None:
    graph = DividingGraph()
    assert await Lanes(graph).read(division(5)) == [2]
    assert [one.text for one in graph.statements] == ["RETURN [10 / $v] AS r"]


async def test_another_text_and_another_bound_are_other_lanes() -> None:
    """The text has the access predicate in it."""
    graph, lanes = held()
    tasks = await reading(lanes, division(1), division(1, note="// other\n"), division(1, p0=5), division(1, p0=6))
    assert graph.asked == [[1], [1], [1], [1]]
    await drain(graph)
    assert [task.result() for task in tasks] == [[10]] * 4


async def test_bounds_stand_beside_the_keys() -> None:
    graph, lanes = held()
    await reading(lanes, division(1, p0=5))
    tasks = await reading(lanes, division(2, p0=5), division(5, p0=5))
    await drain(graph)
    together = graph.statements[1]
    assert together.parameters == {"ks": [{"i0": 0, "v": 2}, {"i0": 1, "v": 5}], "p0": 5}
    assert [task.result() for task in tasks] == [[5], [2]]


async def test_values_that_python_takes_for_equal_are_different_keys() -> None:
    graph, lanes = held()
    await reading(lanes, division(5))
    await reading(lanes, *map(division, (1, True, 1.0, True)))
    await drain(graph)
    assert [(type(value), value) for value in graph.asked[1]] == [(int, 1), (bool, True), (float, 1.0)]


async def test_a_statement_has_a_bounded_number_of_keys() -> None:
    graph, lanes = held(keys=3)
    await reading(lanes, division(1))
    tasks = await reading(lanes, *(division(value) for value in range(1, 8)))
    await drain(graph)
    assert graph.asked == [[1], [1, 2, 3], [4, 5, 6], [7]]
    assert [task.result() for task in tasks] == [[10 // value] for value in range(1, 8)]


async def test_a_lane_has_a_bounded_number_of_statements_under_way() -> None:
    graph, lanes = held(in_flight=2)
    for value in (1, 2, 5, 10):
        await reading(lanes, division(value))
    assert graph.asked == [[1], [2]]
    await drain(graph)
    assert graph.asked == [[1], [2], [5, 10]]


async def test_a_long_value_goes_alone_and_a_message_is_bounded() -> None:
    """A message that is too long for the engine is never answered."""
    graph, lanes = held()
    await reading(lanes, division(1))
    tasks = await reading(lanes, division("x" * 16_385), *(division("y" * 16_000 + str(one)) for one in range(20)))
    assert graph.asked == [[1], ["x" * 16_385]]
    graph.let_go()
    await settle()
    assert len(graph.asked[2]) == 16
    await lanes.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_full_lanes_push_back_and_take_more_when_there_is_room() -> None:
    graph, lanes = held(queue=2)
    tasks = await reading(lanes, division(1), division(2))
    with pytest.raises(Unavailable, match=r"^pushback: ") as full:
        await lanes.read(division(5))
    assert (full.value.retry_after, lanes.depth) == (1, 2)
    tasks[0].cancel()
    tasks += await reading(lanes, division(5))
    await drain(graph)
    assert [task.result() for task in tasks[1:]] == [[5], [2]]


async def test_a_poisoned_key_fails_alone() -> None:
    graph, lanes = held()
    await reading(lanes, division(5))
    tasks = await reading(lanes, *(division(value) for value in (1, 0, 2, 0)))
    await drain(graph)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert (outcomes[0], outcomes[2]) == ([10], [5])
    assert graph.asked == [[5], [1, 0, 2], [1], [0], [2]]
    first, second = outcomes[1], outcomes[3]
    assert isinstance(first, Unavailable)
    assert isinstance(second, Unavailable)
    assert first is not second
    assert (first.code, second.code) == ("graph_unavailable", "graph_unavailable")


async def test_statements_that_fail_get_smaller_and_grow_again() -> None:
    graph, lanes = held(keys=8)
    await reading(lanes, division(5))
    first = await reading(lanes, *(division(value) for value in (0, 1, 2, 3)))
    graph.let_go()
    await settle()
    later = await reading(lanes, *(division(value) for value in range(11, 25)))
    await drain(graph)
    assert [len(values) for values in graph.asked] == [1, 4, 1, 1, 1, 1, 2, 4, 8]
    await asyncio.gather(*first, *later, return_exceptions=True)


async def test_an_engine_that_is_away_is_told_to_each_reader_and_not_asked_key_by_key() -> None:
    graph, lanes = held()
    await reading(lanes, division(5))
    tasks = await reading(lanes, *(division(value) for value in range(1, 33)))
    graph.away = True
    await drain(graph)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {getattr(outcome, "code", None) for outcome in outcomes} == {"graph_unavailable"}
    assert len(set(map(id, outcomes))) == 32
    assert len(graph.asked) == 2
    graph.away = graph.held = False
    assert await lanes.read(division(5)) == [2]


async def test_a_reader_who_leaves_is_skipped_and_cuts_nothing() -> None:
    graph, lanes = held()
    tasks = await reading(lanes, division(1))
    tasks += await reading(lanes, division(2), division(5), division(5))
    tasks[0].cancel()
    tasks[1].cancel()
    tasks[2].cancel()
    await drain(graph)
    assert (graph.asked, graph.cut, tasks[3].result()) == ([[1], [5]], 0, [2])
    assert [task.cancelled() for task in tasks] == [True, True, True, False]


async def test_each_reader_has_a_deadline_of_its_own() -> None:
    graph, lanes = held(wait_s=0.01)
    tasks = await reading(lanes, division(1), division(2))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["deadline", "deadline"]
    assert (graph.cut, lanes.depth) == (0, 0)
    graph.held = False
    await drain(graph)
    assert await lanes.read(division(5)) == [2]


async def test_readers_of_lanes_that_close_are_told() -> None:
    graph, lanes = held()
    tasks = await reading(lanes, division(1))
    tasks += await reading(lanes, division(2))
    await lanes.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["graph_unavailable", "graph_unavailable"]
    assert graph.cut == 1


async def test_a_statement_without_a_form_for_many_goes_alone() -> None:
    graph = DividingGraph()
    alone = Statement(text="RETURN [10 / $v] AS r", parameters={"v": 5})
    assert await asyncio.gather(*(Lanes(graph).read(alone) for _ in range(3))) == [[2]] * 3
    assert graph.asked == [[5], [5], [5]]


async def test_the_keys_of_each_statement_are_told() -> None:
    graph, told = DividingGraph(held=True), list[int]()
    lanes = Lanes(graph, on_statement=told.append)
    await reading(lanes, division(1))
    await reading(lanes, division(2), division(5), division(2))
    await drain(graph)
    assert told == [1, 2]

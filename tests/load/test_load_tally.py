"""The load test's tally and gates: sums, percentiles, recovery, memory, and what is missed is named."""

from __future__ import annotations

import orjson
import pytest

from loadtests.load.gates import Memory, judged
from loadtests.load.shapes import SHAPES
from loadtests.load.tally import Answer, Tally, percentile

FAULTS = {"wrong": "500: m", "partial": "200: late"}


def tally(**stages: list[list[tuple[Answer, float]]]) -> Tally:
    """Make a tally: of each stage, the answers of each second."""
    made = Tally()
    for stage, seconds in stages.items():
        for second, found in enumerate(seconds):
            for answer, wait in found:
                made.count(stage, second + 0.5, "licenses", answer, wait, FAULTS.get(answer, ""))
    return made


@pytest.mark.parametrize(
    ("waits", "part", "expected"),
    [
        ({}, 0.5, None),
        ({7: 1}, 0.99, 7),
        ({1: 50, 2: 49, 9: 1}, 0.5, 1),
        ({1: 50, 2: 49, 9: 1}, 0.99, 2),
        ({1: 1, 2: 1}, 1.0, 2),
    ],
)
def test_a_percentile_is_a_wait_that_was_seen(waits: dict[int, int], part: float, expected: int | None) -> None:
    assert percentile(waits, part) == expected


def test_a_stage_is_summed_and_survives_its_file() -> None:
    made = tally(soak=[[("good", 3.4), ("away", 1.0), ("partial", 2.0)], [("good", 4.6), ("wrong", 9.0)]])
    for each in (made, Tally.read(orjson.loads(orjson.dumps(made.document())))):
        row = each.stage("soak")
        assert (row.seconds, row.good, row.away, row.partial, row.wrong) == (2, 2, 1, 1, 1)
        assert (row.p50, row.p99, row.goodput) == (3, 5, 1.0)
        assert dict(each.faults) == {"licenses: 500: m": 1, "licenses: 200: late": 1}


def test_recovery_is_the_first_window_that_is_quick_and_whole() -> None:
    slow, quick, away = [("good", 900.0)], [("good", 10.0)], [("good", 10.0), ("away", 1.0)]
    made = tally(again=[slow, away, *[quick] * 5])
    assert made.seconds_to("again", 50) == 2.0
    assert made.seconds_to("again", 5) is None
    assert tally(again=[quick] * 4).seconds_to("again", 50) is None


def test_what_an_overload_misses_is_named() -> None:
    quick: list[tuple[Answer, float]] = [("good", 10.0)] * 10
    made = tally(
        calm=[quick] * 5, full=[quick] * 5, overload=[[*quick[:7], ("away", 1.0), ("wrong", 1.0)]] * 5, again=[]
    )
    gates = judged("overload", SHAPES["overload"](8, 40, 1.0), made, Memory([]))
    assert {gate.name: gate.met for gate in gates} == {
        "wrong answers": False, "good answers": True, "goodput": False, "seconds to p99 <= 100 ms": False,
    }  # fmt: skip
    assert next(gate.value for gate in gates if gate.name == "goodput") == 0.7


def test_nobody_is_turned_away_from_a_ramp() -> None:
    stages = SHAPES["ramp"](1, 4, 1.0)
    made = tally(**{stages[0].name: [[("good", 10.0), ("away", 1.0)]]})
    assert {gate.name for gate in judged("ramp", stages, made, Memory([])) if not gate.met} == {"turned away"}


@pytest.mark.parametrize(("shape", "missed"), [("soak", {"partial answers"}), ("overload", set[str]())])
def test_a_part_may_be_missing_under_overload_and_in_no_soak(shape: str, missed: set[str]) -> None:
    stages = SHAPES[shape](1, 4, 1.0)
    made = tally(**{stage.name: [[("good", 10.0), ("partial", 1.0)]] for stage in stages})
    gates = {gate.name: gate.met for gate in judged(shape, stages, made, Memory([]))}
    assert gates["wrong answers"]
    assert {name for name in gates if "partial" in name and not gates[name]} == missed


def test_memory_grows_from_a_third_of_the_time_on() -> None:
    readings = [(float(second), size) for second, size in enumerate([10, 50, 100, 101, 102, 104])]
    assert Memory(readings).growth() == 1.04
    assert Memory(readings[:5]).growth() is None


def test_a_run_without_answers_is_no_success() -> None:
    gates = judged("soak", SHAPES["soak"](1, 4, 1.0), Tally(), Memory([]))
    assert [gate.name for gate in gates if not gate.met] == ["good answers"]

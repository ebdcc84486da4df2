"""The nodes that the figures of a look-up stand on answer as nodes do."""

from __future__ import annotations

from pathlib import Path

from loadtests.counties import COUNTIES, county_nodes, look_up_seconds


async def test_every_county_that_is_served_answers_and_another_is_missing(tmp_path: Path) -> None:
    assert len(COUNTIES) == 19
    with county_nodes(COUNTIES[:3]) as urls:
        everyone = urls | {COUNTIES[3]: "http://127.0.0.1:1"}
        seconds, missing = await look_up_seconds(everyone, tmp_path, budget_ms=20_000)
    assert (seconds > 0, missing) == (True, {COUNTIES[3]})

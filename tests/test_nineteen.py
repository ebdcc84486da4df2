"""The made-up counties of `loadtests.nineteen`: the same for the same seed, every state, a folder that every check takes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

from hub.commands.progress import progress_bars
from hub.database import open_reader
from hub.graph.dump import dump_graph
from hub.ingest.data import read_table
from hub.journal.records import parse_statement
from hub.journal.store import JournalReader
from hub.upkeep.fsck import check_stores, pinned_in
from hub.workers import workers
from ledger.cases import CaseMode, CaseStage
from ledger.casework import Case, take
from ledger.identifiers import LicenseIdentifier
from ledger.workdays import read_calendar
from loadtests.nineteen.cases import access_of, walked_span
from loadtests.nineteen.logs import make_logs
from loadtests.nineteen.plan import World
from loadtests.nineteen.projecting import Took, projected
from loadtests.nineteen.signing import Span, offerings_of, sealed_span
from tests.slow_statistics import slow_counts

WORLD = World(licenses=4000)


def test_a_part_is_the_same_whenever_it_is_made() -> None:
    span = Span(world=WORLD, first=30, count=6)
    assert [each.row.raw for each in sealed_span(span)] == [each.row.raw for each in sealed_span(span)]
    assert walked_span(span) == walked_span(span)
    assert access_of(WORLD, 7) == access_of(WORLD, 7)
    other = Span(world=World(licenses=4000, seed=2), first=30, count=6)
    assert {each.row.states for each in sealed_span(span)}.isdisjoint(each.row.states for each in sealed_span(other))


def test_licenses_are_of_holders_over_several_counties() -> None:
    made = [WORLD.license(n) for n in range(1000)]
    assert len({each.identifier for each in made}) == 1000
    assert len({each.holder for each in made}) == 200
    assert {each.county for each in made} == set(WORLD.counties)
    assert {len({each.county for each in made[n : n + 5]}) for n in range(0, 1000, 5)} == {3}
    assert all(LicenseIdentifier.parse(each.identifier).division == each.county for each in made)


def test_thirty_offerings_a_county() -> None:
    assert [len(offerings_of(county)) for county in WORLD.counties[:2]] == [30, 30]


def test_cases_stand_in_every_state_and_mode() -> None:
    cases: dict[str, Case] = {}
    for _, raw in walked_span(Span(world=WORLD, first=0, count=400)):
        step = parse_statement(raw).step  # type: ignore[union-attr]  # a walk has steps alone
        cases[step.number] = take(cases.get(step.number), step)
    stages = Counter(case.stage for case in cases.values())
    assert len(cases) == 400
    rare = {CaseStage.CORRECTING_APPLIED, CaseStage.CORRECTING_RECEIVED, CaseStage.CORRECTING_ACCEPTED}
    assert stages.keys() | rare | {CaseStage.IN_SPECIAL_PROCEDURE} == set(CaseStage)
    assert {case.mode for case in cases.values()} == set(CaseMode)


async def test_a_made_folder_is_checked_whole_and_projected_with_exact_counts(tmp_path: Path) -> None:
    world, data = World(licenses=60), tmp_path / "hub"
    with progress_bars(shown=False) as bars:
        made = make_logs(data, world, processes=1, bars=bars)
        with workers(1) as in_order:
            report = check_stores(data, pinned_in(data), in_order=in_order)
        assert report.size == made.entries
        took: list[Took] = []
        async with projected(data, bars, memory_mb=512, done=took.append) as driver:
            nodes = (await dump_graph(driver)).nodes
    assert (took[0].position.ledger, took[0].position.journal) == (made.entries, made.records)
    kinds = Counter(name.partition(":")[0] for name in nodes)
    assert (kinds["License"], kinds["Holder"], kinds["Case"], kinds["Offering"]) == (60, 12, 6, 570)
    counted = {name.partition(":")[2]: node for name, node in nodes.items() if name.startswith("PeriodCount:")}
    slow = slow_counts(_records(data), read_calendar(read_table("calendar")))
    assert {code: {name: node[name] for name in slow.get(code, {})} for code, node in counted.items()} == slow


def _records(data: Path) -> list[bytes]:
    with closing(open_reader(data / "journal.sqlite")) as connection:
        return JournalReader(connection).records(0, 1_000_000)

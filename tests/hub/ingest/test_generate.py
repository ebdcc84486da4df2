"""Generated feeds: the same plan gives the same bytes, and every row is one that a county could send."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.county import LicenseRecord
from hub.ingest.data import read_table
from hub.ingest.feeds import RawRow
from hub.ingest.generate import COLUMNS, FeedPlan, _firm, _person, feed_lines, feed_rows
from hub.ingest.normalise import Normaliser
from ledger.identifiers import LicenseIdentifier, ResidentId, Uscc

AS_OF: Final = date(2026, 6, 1)
PLAN: Final = FeedPlan(county="370214", count=500, as_of=AS_OF)
COUNTIES: Final = [row["code"] for row in read_table("roster")]
TYPES: Final = {row["code"]: row["name"] for row in read_table("license_types")}


def digest(plan: FeedPlan) -> str:
    """Hash the CSV feed of a plan."""
    return hashlib.sha256("".join(feed_lines(plan)).encode()).hexdigest()


def test_the_same_plan_gives_the_same_bytes_in_every_version() -> None:
    """A changed digest means that every sample feed changes: the demo, the benchmarks, the population of the load."""
    assert digest(PLAN) == digest(PLAN) == "63fa19b418dd1cd4d35dabcfa0685a097e76f9eb5b7d3c196741bc9008d5cce3"


@pytest.mark.parametrize(
    "other",
    [
        FeedPlan(county="370783", count=500, as_of=AS_OF),
        FeedPlan(county="370214", count=500, as_of=AS_OF, seed=2),
        FeedPlan(county="370214", count=500, as_of=AS_OF + timedelta(days=1)),
    ],
)
def test_another_county_seed_or_day_gives_other_licenses(other: FeedPlan) -> None:
    ours, theirs = ({row["ZZBS"] for row in feed_rows(plan)} for plan in (PLAN, other))
    assert len(ours) == len(theirs) == 500
    assert len(ours & theirs) < 25


@pytest.mark.parametrize("count", [0, 1, 2, 3, 499])
def test_a_shorter_feed_is_the_beginning_of_a_longer_one(count: int) -> None:
    rows = list(feed_rows(FeedPlan(county="370214", count=count, as_of=AS_OF)))
    assert rows == list(feed_rows(PLAN))[:count]


def test_both_forms_hold_the_same_rows() -> None:
    rows = list(feed_rows(PLAN))
    header, *lines = feed_lines(PLAN)
    assert header == ",".join(COLUMNS) + "\n"
    assert [line.removesuffix("\n").split(",") for line in lines] == [list(row.values()) for row in rows]
    assert [json.loads(line) for line in feed_lines(PLAN, form="ndjson")] == rows


@pytest.mark.parametrize("county", COUNTIES)
def test_every_row_is_accepted_by_the_normaliser(county: str) -> None:
    normaliser = Normaliser(county=county, types=TYPES, today=AS_OF)
    rows = list(feed_rows(FeedPlan(county=county, count=300, as_of=AS_OF)))
    found = [normaliser.record(RawRow(number, row)) for number, row in enumerate(rows)]
    assert [each for each in found if not isinstance(each, LicenseRecord)] == []
    assert len({each.identifier for each in found if isinstance(each, LicenseRecord)}) == 300


def test_every_code_passes_its_own_strict_parser() -> None:
    parsers = {"111": lambda code: ResidentId.parse(code, AS_OF), "001": Uscc.parse}
    for row in feed_rows(PLAN):
        parsed = LicenseIdentifier.parse(row["ZZBS"])
        assert (str(parsed), parsed.type_code, parsed.issuer) == (row["ZZBS"], row["ZZLXDM"], row["ZZBFJGDM"])
        assert str(parsers[row["CZZTDMLXDM"]](row["CZZTDM"])) == row["CZZTDM"]
        assert TYPES[row["ZZLXDM"]] == row["ZZMC"]


@settings(max_examples=30)
@given(st.dates(date(2020, 1, 1), date(2099, 12, 31)), st.integers(0, 999))
def test_every_license_is_in_force_for_30_days_more(as_of: date, seed: int) -> None:
    for row in feed_rows(FeedPlan(county="370214", count=60, as_of=as_of, seed=seed)):
        issued, ends = row["ZZBFRQ"], row["ZZYXQJZRQ"]
        assert issued == row["ZZYXQQSRQ"] < f"{as_of:%Y%m%d}"
        assert not ends or ends >= f"{as_of + timedelta(days=30):%Y%m%d}"


def test_a_holder_has_two_to_five_licenses() -> None:
    *licenses, _ = Counter(row["CZZTDM"] for row in feed_rows(PLAN)).values()  # the last one's list is cut
    assert sorted(set(licenses)) == [2, 3, 4, 5]


def test_no_code_is_given_to_two_holders_in_a_long_feed() -> None:
    """Among the first 120,000 holders, which are 390,000 licenses."""
    chance = Random(1)
    persons = {_person("370214", number, chance).code for number in range(1, 120_000, 2)}
    firms = {_firm("370214", number, chance).code for number in range(2, 120_001, 2)}
    assert (len(persons), len(firms)) == (60_000, 60_000)


def test_a_long_feed_is_made_row_by_row() -> None:
    """5,000 rows of a plan for a hundred million are made without holding them."""
    lines = feed_lines(FeedPlan(county="370214", count=100_000_000, as_of=AS_OF), form="ndjson")
    next(lines)
    tracemalloc.start()
    size = sum(len(next(lines)) for _ in range(5_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 1_500_000
    assert peak < 1_000_000

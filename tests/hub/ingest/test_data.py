"""The data files: codes that hold, links that lead somewhere, a calendar that agrees with another one."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import chinese_calendar
import pytest

from hub.ingest.data import TABLES, catalogue_digest, read_table
from ledger.divisions import Division, DivisionTable
from ledger.identifiers import Uscc
from ledger.matters import MatterCode

COLUMNS = {
    "calendar": "date,kind",
    "divisions": "code,name,level,valid_from,valid_to,successor",
    "license_types": "code,name,definer_code,definer_name,holder_category,validity_years,provisional",
    "material_differences": "matter_code,county,name,change,kind,need,tolerance_days,satisfied_by",
    "materials": "matter_code,order,code,name,kind,need,tolerance_days,satisfied_by",
    "matters": "number,code,name,mode,type,statutory_days,day_unit,promised_days,produces",
    "offerings": "code,matter_code,county,statutory_days,promised_days,mode,visits,on_site_reason,fee,fee_standard,flow",
    "roster": "code,member_since,confirmed,authority_code,authority_name",
}
CONFIDENCES = {"S", "T", "Mh", "Mm", "Ml", "sample"}
MODES = {"全程网办", "异地代收代办", "多地联办", "授权办理"}
KNOWN_TYPES = {
    "营业执照": "11100000MB0143028R001",
    "居民身份证": "11100000000013127D001",
    "不动产权证书": "11100000MB03271699001",
    "不动产登记证明": "11100000MB03271699022",
    "建筑施工特种作业人员操作资格证书": "11100000000013338W032",
    "安管人员考核合格证书": "11100000000013338W011",
}
WORKDAYS = [  # accepted on, working days, last day
    ("2026-01-01", 1, "2026-01-04"),
    ("2026-02-13", 3, "2026-02-25"),
    ("2026-04-30", 1, "2026-05-06"),
    ("2026-06-18", 10, "2026-07-03"),
    ("2026-09-24", 20, "2026-10-29"),
    ("2026-09-30", 5, "2026-10-13"),
]


def codes(table: str) -> list[str]:
    """Give the codes of a table, in file order."""
    return [row["code"] for row in read_table(table)]


def listed(text: str) -> list[str]:
    """Split a list of codes."""
    return text.split(";") if text else []


def day_of(text: str) -> date | None:
    """Read a date that may be left open."""
    return date.fromisoformat(text) if text else None


def divisions() -> DivisionTable:
    """Read the divisions into the table that checks them."""
    return DivisionTable(
        Division(
            code=row["code"],
            name=row["name"],
            level=row["level"],  # type: ignore[arg-type]  # the table refuses another word
            valid_from=day_of(row["valid_from"]),
            valid_to=day_of(row["valid_to"]),
            successor=row["successor"] or None,
        )
        for row in read_table("divisions")
    )


def is_working_day(day: date, kinds: dict[str, str]) -> bool:
    """Say what the calendar file makes of a day."""
    return kinds.get(day.isoformat(), "off" if day.weekday() >= 5 else "work") == "work"


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_the_columns_and_says_where_it_comes_from(name: str) -> None:
    rows = read_table(name)
    assert {tuple(row) for row in rows} == {(*COLUMNS[name].split(","), "source", "confidence")}
    assert [row for row in rows if not row["source"] or row["confidence"] not in CONFIDENCES] == []
    assert [row for row in rows if any(value != value.strip() for value in row.values())] == []


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(KeyError, match="no data table"):
        read_table("../roster")


def test_the_digest_covers_every_table() -> None:
    """The graph compares this digest at start: 64 hex digits, the same in every process."""
    assert len(bytes.fromhex(catalogue_digest())) == 32
    assert catalogue_digest() == catalogue_digest()


def test_roster_has_19_counties_of_8_provinces_and_one_confirmed_member() -> None:
    roster = read_table("roster")
    assert len(set(codes("roster"))) == len(roster) == 19
    assert {row["code"][:2] for row in roster} == {"11", "12", "13", "32", "33", "36", "37", "42"}
    assert [row["code"] for row in roster if row["confirmed"] != "false"] == ["370214"]
    assert [row["code"] for row in roster if row["confirmed"] == "true"] == ["370214"]
    assert [row["code"] for row in roster if row["confidence"] != "sample"] == ["370214"]


def test_every_authority_has_a_valid_code_of_its_own_county() -> None:
    authorities = {row["code"]: Uscc.parse(row["authority_code"]) for row in read_table("roster")}
    assert {county: str(code.division) for county, code in authorities.items()} == {each: each for each in authorities}
    assert len({str(code) for code in authorities.values()}) == 19


@pytest.mark.parametrize("county", codes("roster"))
def test_every_county_is_in_force_and_has_its_city_and_province(county: str) -> None:
    table, today = divisions(), date(2026, 11, 22)
    assert table.at(county, today).level == "county"
    assert [(each.code, each.level) for each in table.parents(county)] == [
        (f"{county[:4]}00", "city"),
        (f"{county[:2]}0000", "province"),
    ]


def test_no_division_code_stands_twice() -> None:
    assert [code for code, count in Counter(codes("divisions")).items() if count > 1] == []


@pytest.mark.parametrize(("old", "new"), [("120223", "120118"), ("320982", "320904")])
def test_old_division_codes_lead_to_those_of_now(old: str, new: str) -> None:
    table = divisions()
    assert table.resolve(old).code == new
    assert table.at(old, date(2014, 12, 31)).successor == new
    assert table.at(new, date(2015, 1, 1)).code == new


def test_license_types_are_at_least_40_with_valid_definers() -> None:
    types = read_table("license_types")
    assert len(types) >= 40
    assert len(set(codes("license_types"))) == len(types)
    assert len({row["name"] for row in types}) == len(types)
    for row in types:
        assert row["code"][:18] == str(Uscc.parse(row["definer_code"]))
        assert row["code"][18:].isdecimal()
        assert len(row["code"]) == 21
        assert row["validity_years"] == "" or int(row["validity_years"]) > 0


def test_codes_that_were_found_are_kept_and_all_others_are_marked_provisional() -> None:
    types = {row["name"]: row for row in read_table("license_types")}
    assert {name: types[name]["code"] for name in KNOWN_TYPES} == KNOWN_TYPES
    assert {name for name, row in types.items() if row["provisional"] == "false"} == KNOWN_TYPES.keys()
    assert {row["code"][18] for row in types.values() if row["provisional"] == "true"} == {"9"}


def test_one_definer_has_one_name() -> None:
    names: dict[str, set[str]] = {}
    for row in read_table("license_types"):
        names.setdefault(row["definer_code"], set()).add(row["definer_name"])
    assert {code: found for code, found in names.items() if len(found) > 1} == {}


def test_matters_are_the_30_of_the_sample_list() -> None:
    matters = read_table("matters")
    assert [int(row["number"]) for row in matters] == list(range(1, 31))
    assert len(set(codes("matters"))) == 30
    for row in matters:
        assert str(MatterCode.parse(row["code"])) == row["code"]
        assert len(row["code"]) == 12
        assert row["code"][2:4] == row["type"]
        assert row["mode"] in MODES
        assert row["day_unit"] in {"working", "calendar"}
        assert 0 <= int(row["promised_days"]) <= int(row["statutory_days"])
    by_number = {int(row["number"]): row for row in matters}
    expected = {5: ("食品经营许可新办", "01", "10", "5"), 13: ("不动产抵押登记", "07", "30", "1")}
    columns = ("name", "type", "statutory_days", "promised_days")
    assert {number: tuple(by_number[number][name] for name in columns) for number in expected} == expected
    assert by_number[23]["day_unit"] == "calendar"


def test_every_license_type_that_a_matter_produces_or_a_material_names_exists() -> None:
    known = set(codes("license_types"))
    produced = {code for row in read_table("matters") for code in listed(row["produces"])}
    asked = {code for row in read_table("materials") for code in listed(row["satisfied_by"])}
    assert produced - known == set()
    assert asked - known == set()
    assert [row["code"] for row in read_table("matters") if not row["produces"]] == []


def test_materials_stand_in_order_under_their_matter() -> None:
    """Each matter has its own, numbered from 1, and at least one that a license satisfies: no resubmission."""
    by_matter: dict[str, list[dict[str, str]]] = {}
    for row in read_table("materials"):
        by_matter.setdefault(row["matter_code"], []).append(row)
    assert list(by_matter) == codes("matters")
    for matter, rows in by_matter.items():
        assert [row["code"] for row in rows] == [f"{matter}M{number + 1:02d}" for number in range(len(rows))]
        assert [int(row["order"]) for row in rows] == list(range(1, len(rows) + 1))
        assert {row["need"] for row in rows} <= {"true", "false"}
        assert [row["code"] for row in rows if row["satisfied_by"]] != []


def test_what_a_county_asks_differently_is_its_own_or_dropped() -> None:
    """Each change names a matter and a county of the sample; what is dropped is a material of the matter."""
    names = {(row["matter_code"], row["name"]) for row in read_table("materials")}
    changes = read_table("material_differences")
    assert len({(row["matter_code"], row["county"], row["name"]) for row in changes}) == len(changes) == 126
    for row in changes:
        assert row["matter_code"] in codes("matters")
        assert row["county"] in codes("roster")
        if row["change"] == "drop":
            assert (row["matter_code"], row["name"]) in names
        else:
            assert (row["change"], row["need"] in {"true", "false"}) == ("own", True)


def test_every_county_offers_every_matter_once() -> None:
    offerings = read_table("offerings")
    expected = {f"{matter}@{county}" for matter in codes("matters") for county in codes("roster")}
    assert len(offerings) == len(expected) == 19 * 30
    assert set(codes("offerings")) == expected
    assert {row["code"] for row in offerings} == {f"{row['matter_code']}@{row['county']}" for row in offerings}


def test_offerings_keep_to_the_law_and_differ_between_counties() -> None:
    matters = {row["code"]: row for row in read_table("matters")}
    promises: dict[str, set[str]] = {}
    modes: dict[str, set[str]] = {}
    for row in read_table("offerings"):
        statutory = int(matters[row["matter_code"]]["statutory_days"])
        assert int(row["statutory_days"]) == statutory
        assert 0 <= int(row["promised_days"]) <= statutory
        assert int(row["visits"]) >= 0
        assert int(row["fee"]) >= 0
        assert row["mode"] in MODES
        assert (row["fee"] != "0") == bool(row["fee_standard"])
        assert (row["visits"] != "0") == bool(row["on_site_reason"])
        promises.setdefault(row["matter_code"], set()).add(row["promised_days"])
        modes.setdefault(row["matter_code"], set()).add(row["mode"])
    assert sum(len(days) > 1 for days in promises.values()) >= 20
    assert sum(len(each) > 1 for each in modes.values()) >= 20
    assert {matter for matter, row in matters.items() if row["mode"] not in modes[matter]} == set()


@pytest.mark.parametrize("year", [2025, 2026])
def test_calendar_agrees_with_another_one_day_by_day(year: int) -> None:
    kinds = {row["date"]: row["kind"] for row in read_table("calendar")}
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    ours = [day for day in days if is_working_day(day, kinds)]
    assert ours == [day for day in days if chinese_calendar.is_workday(day)]
    assert len(ours) == 248


def test_calendar_names_only_exceptions_and_each_once() -> None:
    rows = read_table("calendar")
    dates = [row["date"] for row in rows]
    assert dates == sorted(set(dates))
    kinds = {year: {row["kind"] for row in rows if row["date"].startswith(year)} for year in ("2025", "2026", "2027")}
    assert kinds == {"2025": {"off", "work"}, "2026": {"off", "work"}, "2027": {"statutory"}}
    assert {row["date"][:4] for row in rows} == set(kinds)
    assert [
        row["date"] for row in rows if row["kind"] == "work" and date.fromisoformat(row["date"]).weekday() < 5
    ] == []


@pytest.mark.parametrize(("accepted", "count", "last"), WORKDAYS)
def test_time_limits_end_where_the_standard_says(accepted: str, count: int, last: str) -> None:
    """The day of acceptance is not counted; the limit ends with the n-th working day after it."""
    kinds = {row["date"]: row["kind"] for row in read_table("calendar")}
    day = date.fromisoformat(accepted)
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, kinds)
    assert day.isoformat() == last

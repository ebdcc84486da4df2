from __future__ import annotations

from datetime import date
from typing import Any, Final

import pytest

from hub.ingest.data import read_table
from ledger.divisions import Division, DivisionTable
from ledger.errors import Malformed

CHANGE: Final = date(2015, 1, 1)
ROWS: Final = (
    Division(code="120000", name="天津市", level="province"),
    Division(code="120100", name="市辖区", level="city"),
    Division(code="120118", name="静海区", level="county", valid_from=CHANGE),
    Division(code="120223", name="静海县", level="county", valid_to=date(2014, 12, 31), successor="120118"),
    Division(code="320000", name="江苏省", level="province"),
    Division(code="320900", name="盐城市", level="city"),
    Division(code="320904", name="大丰区", level="county", valid_from=CHANGE),
    Division(code="320982", name="大丰市", level="county", valid_to=date(2014, 12, 31), successor="320904"),
)
TABLE: Final = DivisionTable(ROWS)


def county(code: str, **parts: Any) -> Division:
    return Division(**({"code": code, "name": code, "level": "county"} | parts))


def refused(code: str, kind: Any, *arguments: Any, **parts: Any) -> None:
    with pytest.raises(Malformed) as caught:
        kind(*arguments, **parts)
    assert caught.value.code == code


@pytest.mark.parametrize(("old", "new", "name"), [("120223", "120118", "静海区"), ("320982", "320904", "大丰区")])
def test_an_old_code_is_resolved_to_the_one_of_now(old: str, new: str, name: str) -> None:
    assert TABLE.resolve(old).code == new
    assert TABLE.resolve(old).name == name
    assert TABLE.resolve(new) == TABLE.resolve(old)


def test_a_code_means_what_it_meant_on_that_day() -> None:
    assert TABLE.at("120223", date(2014, 12, 31)).name == "静海县"
    assert TABLE.at("120118", CHANGE).name == "静海区"
    refused("bad_identifier", TABLE.at, "120223", CHANGE)
    refused("bad_identifier", TABLE.at, "120118", date(2014, 12, 31))


def test_parents_are_city_and_province_nearest_first() -> None:
    assert [row.name for row in TABLE.parents("320982")] == ["盐城市", "江苏省"]
    assert [row.name for row in TABLE.parents("320900")] == ["江苏省"]
    assert TABLE.parents("320000") == ()


def test_the_old_county_of_a_city_without_a_row_keeps_its_province() -> None:
    """静海县 stood under 1202 (县), a city code that the table does not list."""
    assert [row.name for row in TABLE.parents("120223")] == ["天津市"]


@pytest.mark.parametrize("code", ["", "999999", "12011", "120118 "])
def test_an_unknown_code_is_refused(code: str) -> None:
    refused("bad_identifier", TABLE.at, code, CHANGE)
    refused("bad_identifier", TABLE.resolve, code)
    refused("bad_identifier", TABLE.parents, code)


def test_a_renamed_code_has_a_row_for_each_time() -> None:
    table = DivisionTable(
        [
            county("330603", name="柯桥区", valid_from=date(2013, 10, 18)),
            county("330603", name="绍兴县", valid_to=date(2013, 10, 17)),
        ]
    )
    assert table.at("330603", date(2013, 10, 17)).name == "绍兴县"
    assert table.at("330603", date(2013, 10, 18)).name == "柯桥区"
    assert table.resolve("330603").name == "柯桥区"


@pytest.mark.parametrize(
    "rows",
    [
        [county("330603"), county("330603", name="other")],
        [county("330603", valid_to=CHANGE), county("330603", valid_from=CHANGE)],
        [county("330603", valid_to=CHANGE, successor="330604")],
        [county("330603", valid_to=CHANGE, successor="330603")],
        [
            county("330603", valid_to=CHANGE, successor="330604"),
            county("330604", valid_to=CHANGE, successor="330603"),
        ],
    ],
    ids=["same row twice", "a day in two rows", "successor unknown", "own successor", "circle"],
)
def test_rows_that_contradict_each_other_are_refused(rows: list[Division]) -> None:
    refused("bad_row", DivisionTable, rows)


@pytest.mark.parametrize("code", ["", "37021", "3702140", "37021A", "070214", "３70214"])
def test_a_division_code_has_six_digits(code: str) -> None:
    refused("bad_identifier", county, code)


@pytest.mark.parametrize(
    "parts",
    [
        {"level": "city"},
        {"level": "province"},
        {"valid_from": CHANGE, "valid_to": date(2014, 12, 31)},
        {"successor": "370215"},
    ],
)
def test_a_division_whose_parts_contradict_each_other_is_refused(parts: dict[str, Any]) -> None:
    refused("bad_row", county, "370214", **parts)


def test_the_sample_data_form_a_table() -> None:
    """The vendored rows keep the two changes of 2015."""

    def day(text: str) -> date | None:
        return date.fromisoformat(text) if text else None

    table = DivisionTable(
        Division(
            code=row["code"],
            name=row["name"],
            level=row["level"],  # type: ignore[arg-type]  # checked against the code
            valid_from=day(row["valid_from"]),
            valid_to=day(row["valid_to"]),
            successor=row["successor"] or None,
        )
        for row in read_table("divisions")
    )
    assert table.resolve("120223").code == "120118"
    assert table.resolve("320982").code == "320904"
    assert [row.code for row in table.parents("370214")] == ["370200", "370000"]

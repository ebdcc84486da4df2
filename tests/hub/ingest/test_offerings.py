"""Offerings from files: CSV and JSON give the same, what is wrong is rejected whole, the samples are all right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hub.ingest.data import read_table
from hub.ingest.normalise import Reject
from hub.ingest.offerings import (
    COLUMNS,
    OfferingRow,
    check_claims,
    checked,
    listed_codes,
    read_offerings,
    sample_offerings,
    write_rejects,
)
from ledger.errors import Malformed
from tests.offerings import LISTED, offering

DAY: Final = "2026-07-01"


def csv_of(*rows: Mapping[str, str]) -> str:
    """Write rows of cells as CSV text."""
    lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)]
    return "\n".join(lines) + "\n"


def cells(claims: Mapping[str, Any]) -> list[dict[str, str]]:
    """Write an offering as cells, one row a material."""

    def cell(value: Any) -> str:
        if isinstance(value, list):
            return ";".join(value)
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value)

    own = {name: cell(value) for name, value in claims.items() if name != "materials"}
    return [
        own
        | {
            "materialName": each["name"],
            "materialKind": each["kind"],
            "materialNeed": cell(each["need"]),
            "toleranceDays": cell(each["toleranceDays"]),
            "certificateTypeCodes": cell(each["certificateTypeCodes"]),
        }
        for each in claims["materials"]
    ]


def written(folder: Path, name: str, text: str) -> Path:
    """Write a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_give_the_same_offerings(tmp_path: Path) -> None:
    two = [offering(), offering(planEffectiveDate="2026-08-01", feeStandard="苏价费〔2026〕1号")]
    lines = [row for claims in two for row in cells(claims)]
    table = read_offerings(written(tmp_path, "a.csv", csv_of(*lines)))
    listing = read_offerings(written(tmp_path, "a.json", json.dumps(two, ensure_ascii=False)))
    assert table == [OfferingRow(line=2, claims=two[0]), OfferingRow(line=5, claims=two[1])]
    assert listing == [OfferingRow(line=1, claims=two[0]), OfferingRow(line=2, claims=two[1])]
    (single,) = read_offerings(written(tmp_path, "b.json", json.dumps(dict(reversed(two[0].items())))))
    assert single == listing[0]
    assert [checked(row, LISTED) for row in table] == table


def test_an_offering_without_materials_is_one_line(tmp_path: Path) -> None:
    bare = cells(offering())[0] | dict.fromkeys(("materialName", "materialKind", "materialNeed"), "")
    (row,) = read_offerings(written(tmp_path, "a.csv", csv_of(bare | {"certificateTypeCodes": ""})))
    assert isinstance(row, OfferingRow)
    assert row.claims == offering(materials=[])


@pytest.mark.parametrize(
    ("change", "lines", "reason"),
    [
        ({"fee": "free"}, (0, 1, 2), "fee: expected a number"),
        ({"toleranceDays": "-5"}, (1,), "toleranceDays: expected a number"),
        ({"materialNeed": "yes"}, (2,), "materialNeed: expected true or false"),
        ({"fee": "7"}, (1,), "the lines of one offering say different things in its own columns"),
    ],
)
def test_one_bad_material_rejects_the_offering_and_no_other(
    tmp_path: Path, change: dict[str, str], lines: tuple[int, ...], reason: str
) -> None:
    table = [row | change if number in lines else row for number, row in enumerate(cells(offering()))]
    other = cells(offering(planEffectiveDate="2026-08-01"))
    rows = read_offerings(written(tmp_path, "a.csv", csv_of(*table, *other)))
    assert rows[0] == Reject(2, "bad_row", reason)
    assert rows[1] == OfferingRow(line=5, claims=offering(planEffectiveDate="2026-08-01"))


def test_a_line_of_another_length_rejects_its_offering(tmp_path: Path) -> None:
    text = csv_of(*cells(offering())[:1]).rstrip("\n") + ",more\n"
    assert read_offerings(written(tmp_path, "a.csv", text)) == [
        Reject(2, "bad_row", f"expected {len(COLUMNS)} fields on every line")
    ]


def test_what_is_no_offering_is_a_reject_of_its_place(tmp_path: Path) -> None:
    rows = read_offerings(written(tmp_path, "a.json", json.dumps([1, {"matter": "x"}, offering()])))
    assert [row.code if isinstance(row, Reject) else row.line for row in rows] == ["bad_payload", "bad_payload", 3]
    unlisted = OfferingRow(line=7, claims=offering(matter="000117002000"))
    assert checked(unlisted, LISTED) == Reject(
        7, "not_listed", "the catalogue lists no matter 000117002000 on 2026-07-01"
    )
    faulty = checked(OfferingRow(line=8, claims=offering(visits=0)), LISTED)
    assert isinstance(faulty, Reject)
    assert (faulty.line, faulty.code) == (8, "bad_payload")
    assert checked(faulty, LISTED) is faulty


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"", "bad_file"),
        ("a.csv", b"matter,fee\n", "bad_file"),
        ("a.csv", b'matter,"fee\n', "bad_file"),
        ("a.csv", b"\xff", "bad_encoding"),
        ("a.json", b"{", "bad_json"),
        ("a.json", b'{"matter":1,"matter":2}', "duplicate_member"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Malformed) as caught:
        read_offerings(tmp_path / name)
    assert caught.value.code == code


def test_the_reject_report_says_line_code_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [Reject(2, "bad_row", "fee: expected a number")])
    assert path.read_text("utf-8") == "line,code,reason\n2,bad_row,fee: expected a number\n"
    write_rejects(path, [])
    assert not path.exists()


@pytest.mark.parametrize("county", [row["code"] for row in read_table("roster")])
def test_every_sample_offering_is_one_that_the_hub_takes(county: str) -> None:
    samples = sample_offerings(county, DAY)
    assert [claims["matter"] for claims in samples] == [row["code"] for row in read_table("matters")] or len(
        samples
    ) == 30
    for claims in samples:
        check_claims(claims, listed_codes())


def test_sample_counties_ask_for_different_materials() -> None:
    counties = [row["code"] for row in read_table("roster")]
    asked: dict[Any, set[tuple[Any, ...]]] = {}
    for county in counties:
        for claims in sample_offerings(county, DAY):
            names: Any = claims["materials"]
            asked.setdefault(claims["matter"], set()).add(tuple(each["name"] for each in names))
    assert (len(asked), sum(len(lists) > 1 for lists in asked.values())) == (30, 19)
    assert len(asked["000101005000"]) == 4

"""`tongban county offering`: publish, import, list, and the sample; exit codes, JSON, the reject report."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.offerings import offering

MATTER: Final = "000101005000"
TYPES: Final = ("11100000000013127D001", "11100000MB0143028R001")
LATER: Final = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011  # far enough from today anywhere
CODE: Final = f"{MATTER}@370214@{LATER.replace('-', '')}"


def claims(**members: Any) -> dict[str, Any]:
    """Give an offering of a matter and license types that the shipped catalogue lists."""
    materials = [
        {"name": "营业执照", "kind": "电子", "need": True, "toleranceDays": None, "certificateTypeCodes": [TYPES[1]]},
        {"name": "居民身份证", "kind": "电子", "need": True, "toleranceDays": 5, "certificateTypeCodes": [TYPES[0]]},
    ]
    known = {"matter": MATTER, "planEffectiveDate": LATER, "materials": materials, "produces": [TYPES[1]]}
    return offering(**(known | members))


@pytest.fixture
def folder(tmp_path: Path) -> CountyFolder:
    return CountyFolder.make(tmp_path)


def written(folder: CountyFolder, *offerings: dict[str, Any]) -> Path:
    """Write offerings as JSON beside the folder."""
    path = folder.data.with_name("offerings.json")
    path.write_text(json.dumps(offerings[0] if len(offerings) == 1 else offerings, ensure_ascii=False), "utf-8")
    return path


def test_an_offering_is_published_once_and_listed(folder: CountyFolder) -> None:
    path = written(folder, claims())
    for said in ("published", "was published before"):
        result = tongban("county", "offering", "publish", path, *folder.options)
        assert (result.code, result.out, result.err) == (0, f"{CODE} {said}\n", "")
    told = tongban("county", "offering", "publish", path, "--json", *folder.options)
    assert json.loads(told.out) == {"code": CODE, "fresh": False}
    assert tongban("county", "offering", "list", *folder.options).out == f"{CODE} {LATER} waiting\n"
    listed = tongban("county", "offering", "list", "--json", *folder.options)
    assert json.loads(listed.out) == {"code": CODE, "effective": LATER, "state": "waiting", "refusal": None}


@pytest.mark.parametrize(
    ("members", "exit_code", "code"),
    [
        ({"visits": 0}, 2, "bad_payload"),
        ({"planEffectiveDate": "2020-01-01"}, 2, "bad_payload"),
        ({"matter": "000117001000"}, 5, "not_listed"),
        ({"produces": ["11100000MB0143028R999"]}, 5, "not_listed"),
        ({"more": 1}, 2, "bad_payload"),
    ],
)
def test_a_faulty_offering_is_refused_with_its_code(
    folder: CountyFolder, members: dict[str, Any], exit_code: int, code: str
) -> None:
    result = tongban("county", "offering", "publish", written(folder, claims(**members)), *folder.options)
    assert (result.code, result.out, result.err.split(":")[:2]) == (exit_code, "", ["tongban", f" {code}"])
    assert tongban("county", "offering", "list", *folder.options).out == ""


def test_another_content_of_a_published_version_is_a_conflict(folder: CountyFolder) -> None:
    tongban("county", "offering", "publish", written(folder, claims()), *folder.options)
    result = tongban("county", "offering", "publish", written(folder, claims(fee=9)), *folder.options)
    assert (result.code, result.err.split(":")[1]) == (5, " duplicate_identifier")


def test_several_offerings_are_imported_and_not_published_one_by_one(folder: CountyFolder) -> None:
    result = tongban("county", "offering", "publish", written(folder, claims(), claims()), *folder.options)
    assert (result.code, result.err.split(":")[1]) == (2, " bad_file")


def test_an_import_takes_the_good_ones_and_reports_the_others(folder: CountyFolder) -> None:
    second = (date.fromisoformat(LATER) + timedelta(days=9)).isoformat()
    path = written(folder, claims(), claims(visits=0), claims(planEffectiveDate=second), claims(matter="000117001000"))
    told = tongban("county", "offering", "import", path, "--json", *folder.options)
    expected = {"offerings": 4, "published": 2, "already": 0, "rejects": {"bad_payload": 1, "not_listed": 1}}
    assert (told.code, json.loads(told.out)) == (0, expected)
    rejects = path.with_name("offerings.json.rejects.csv")
    lines = rejects.read_text("utf-8").splitlines()
    assert [line.split(",")[:2] for line in lines] == [["line", "code"], ["2", "bad_payload"], ["4", "not_listed"]]
    again = tongban("county", "offering", "import", path, *folder.options)
    assert again.out == (
        f"4 offerings: 0 published, 2 already, 2 rejected\nrejects (bad_payload 1, not_listed 1): {rejects}\n"
    )
    assert tongban("county", "offering", "import", written(folder, claims()), *folder.options).code == 0
    assert not rejects.exists()


def test_the_sample_of_a_county_can_be_imported(folder: CountyFolder, tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    made = ("county", "offering", "sample", "--county", "370214", "--output", path, "--day", LATER)
    assert tongban(*made).out == f"wrote 30 offerings to {path}\n"
    assert tongban(*made).code == 5
    told = tongban("county", "offering", "import", path, "--json", *folder.options)
    assert json.loads(told.out) == {"offerings": 30, "published": 30, "already": 0, "rejects": {}}
    assert tongban("county", "offering", "sample", "--county", "999999", "--output", tmp_path / "b.json").code == 2
    assert tongban("county", "offering", "sample", "--county", "370214", "--output", tmp_path / "b.csv").code == 2

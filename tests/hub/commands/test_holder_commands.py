"""`tongban county holder`: a copy of all that is kept of a holder, and erasure, refused while a case is open."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import parse, validate

from hub.holderdesk import _APPLIED, _CASES, _COUNTIES, _GRANTED, _MISSING, _READS, _WHOLE
from hub.keyfiles import write_private
from schema.assembly import build_schema
from schema.inspection import core_schema
from tests.alliance import NOW, identifier_of, license_of
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.token_hub import TokenHub, token_hub

CODE: Final = "92370214MA3C00000X"
AT_HUB: Final = "2 licenses, 2 cases, 2 consents, 2 reads"
ONE, TWO = str(identifier_of(1)), str(identifier_of(2))


class Desk:
    """A county's folder with two licenses of one holder, and the hub that it asks."""

    def __init__(self, folder: CountyFolder, hub: TokenHub, place: Path) -> None:
        self.folder, self.hub, self.place = folder, hub, place
        self.stages: dict[str, dict[str, str]] = {}  # role -> case number -> stage
        self.applied = {"8" * 43: "CLOSED", "9" * 43: "DELIVERED"}  # cases that name no license
        self.consents = {"A" * 22: False, "B" * 21 + "A": False}  # id -> in force
        self.reads: dict[str, Any] | None = None
        hub.answer = self._answer

    def _answer(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        role = self.hub.asked[-1][0]
        if "query Counties" in document:
            return {"jurisdictions": _page([{"code": "370214"}, {"code": "320583"}], first=variables["after"] is None)}
        if "query Missing" in document:
            rows = [{"id": "missing", "certificateIdentifier": None}, {"id": "face", "certificateIdentifier": ONE}]
            nodes = [{"node": row | {"answeredBy": variables["county"]}} for row in rows]
            return {"objections": {"edges": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}}
        first = variables["after"] is None
        if "query Reads" in document:
            records = [{"useCause": "新办", "licenses": [ONE]} if first else {"useCause": "查无", "licenses": []}]
            page = {"records": records, "hasNextPage": first, "endCursor": "more"}
            return {"accessRecords": {"records": self.reads or page}}
        if "query Applied" in document:
            rows = [{"caseNumber": number, "stage": stage} for number, stage in self.applied.items()]
            return {"cases": _page(rows, first=first)}
        if "query Granted" in document:
            return {"consents": _page([{"id": name, "inForce": on} for name, on in self.consents.items()], first=first)}
        cases = [{"caseNumber": number, "stage": stage} for number, stage in self.stages.get(role, {}).items()]
        name = ONE if first else TWO
        node = {"certificateIdentifier": name, "cases": cases}
        page = {"hasNextPage": name == ONE, "endCursor": "next"}
        return {"licenses": {"edges": [{"node": node}], "pageInfo": page}}

    def run(self, *arguments: object) -> Result:
        holder = ("--holder-file", self.place / "holder.json")
        return tongban("county", "holder", *arguments, *holder, *self.folder.options)


def _page(rows: list[dict[str, Any]], *, first: bool) -> dict[str, Any]:
    """Give the first of two rows, or the second."""
    shown = {"edges": [{"node": rows[0 if first else 1]}]}
    return {**shown, "pageInfo": {"hasNextPage": first, "endCursor": "next"}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    holder = {"certificateHolderTypeCode": "001", "certificateHolderCode": CODE}
    write_private(tmp_path / "holder.json", json.dumps(holder).encode())
    with token_hub() as hub:
        folder = CountyFolder.make(tmp_path, hub_url=hub.url)
        with folder.opened() as node:
            node.seal_many([license_of(1), license_of(2)], NOW)
        yield Desk(folder, hub, tmp_path)


def test_a_copy_holds_what_the_hub_and_the_county_keep(desk: Desk) -> None:
    """It is the holder who asks the hub, page by page to the end; the file is for nobody else's eyes."""
    result = desk.run("export", "--output", desk.place / "copy.json")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"wrote {desk.place / 'copy.json'}: {AT_HUB} at the hub, 2 licenses kept here\n"
    copy = json.loads((desk.place / "copy.json").read_text())
    assert stat.S_IMODE((desk.place / "copy.json").stat().st_mode) == 0o600
    assert copy["holder"]["certificateHolderCode"] == CODE
    assert [each["certificateIdentifier"] for each in copy["licenses"]] == [ONE, TWO]
    missing = [(each["id"], each["answeredBy"]) for each in copy["missing"]]
    assert missing == [("missing", "370214"), ("missing", "320583")]
    assert [(each["useCause"], each["licenses"]) for each in copy["reads"]] == [("新办", [ONE]), ("查无", [])]
    assert [each["caseNumber"] for each in copy["cases"]] == ["8" * 43, "9" * 43]
    assert [each["id"] for each in copy["consents"]] == ["A" * 22, "B" * 21 + "A"]
    assert [each["certificateIdentifier"] for each in copy["kept_here"]] == [ONE, TWO]
    assert copy["kept_here"][0]["face"] == license_of(1).claims()
    assert {role for role, _ in desk.hub.asked} == {"HOLDER"}
    assert (len(desk.hub.forms), CODE in str(desk.hub.forms)) == (1, False)


def test_a_copy_that_lacks_reads_is_not_made(desk: Desk) -> None:
    desk.reads = {"code": "forbidden", "message": "…"}
    result = desk.run("export", "--output", desk.place / "copy.json")
    assert (result.code, "forbidden" in result.err, (desk.place / "copy.json").exists()) == (3, True, False)


def test_erasure_takes_faces_here_and_in_the_vault_and_says_what_is_kept(desk: Desk) -> None:
    desk.hub.vault = {ONE}
    result = desk.run("erase", "--json", "--yes")
    assert (result.code, result.err) == (0, "")
    row = json.loads(result.out)
    assert (row["licenses"], row["erased"], row["vault"], row["found"]) == (2, [ONE, TWO], [ONE], [])
    assert row["searched"]["texts"] > 60
    assert len(row["kept"]) == 4
    assert row["consents"] == [{"id": "A" * 22, "inForce": False}, {"id": "B" * 21 + "A", "inForce": False}]
    assert desk.hub.vault == set()
    again = json.loads(desk.run("erase", "--json", "--yes").out)
    assert (again["licenses"], again["erased"], again["vault"]) == (2, [], [])
    copy = desk.run("export", "--output", desk.place / "after.json")
    assert copy.code == 0
    kept = json.loads((desk.place / "after.json").read_text())["kept_here"]
    assert [each["face"] for each in kept] == [None, None]


def test_erasure_is_told_to_a_person_line_by_line(desk: Desk) -> None:
    lines = desk.run("erase", "--yes").out.splitlines()
    assert lines[0] == "2 licenses: 2 faces erased, 0 in the vault"
    assert lines[1].endswith(" texts: none found")
    assert [line.partition(":")[0] for line in lines[2:]] == ["kept"] * 4


def test_erasure_names_the_consents_that_are_still_in_force(desk: Desk) -> None:
    desk.consents["A" * 22] = True
    lines = desk.run("erase", "--yes").out.splitlines()
    assert lines[1] == f"consents that are still in force, and end by county consent revoke: {'A' * 22}"


def test_nothing_is_erased_while_a_case_without_a_license_is_open(desk: Desk) -> None:
    desk.applied["9" * 43] = "APPLIED"
    result = desk.run("erase", "--yes")
    assert (result.code, result.err) == (5, f"tongban: case_open: these cases are not over: {'9' * 43}\n")
    with desk.folder.opened() as node:
        assert node.records.face(ONE) is not None


@pytest.mark.parametrize("role", ["HOLDER", "PARTNER_SYSTEM"])
def test_nothing_is_erased_while_a_case_is_open(desk: Desk, role: str) -> None:
    """Whether holder or county see it; what is open is named, what is over is not."""
    desk.stages = {role: {"1" * 43: "ACCEPTED", "2" * 43: "CLOSED", "3" * 43: "DELIVERED", "4" * 43: "EVALUATED"}}
    desk.hub.vault = {ONE}
    result = desk.run("erase", "--yes")
    assert (result.code, result.out) == (5, "")
    assert result.err == f"tongban: case_open: these cases are not over: {'1' * 43}\n"
    assert desk.hub.vault == {ONE}
    with desk.folder.opened() as node:
        assert node.records.face(ONE) is not None


def test_a_copy_left_in_the_folder_is_found(desk: Desk) -> None:
    """A file of somebody's making, say: the erasure is not called done."""
    (desk.folder.data / "notes.txt").write_text(f"called back {CODE}")
    result = desk.run("erase", "--yes")
    assert result.code == 3
    assert "in notes.txt" in result.out
    assert "store_stopped" in result.err


def test_erasure_asks_first(desk: Desk) -> None:
    result = desk.run("erase")
    assert result.code == 0  # no terminal: a script is not asked


@pytest.mark.parametrize("document", [_WHOLE, _CASES, _COUNTIES, _MISSING, _READS, _APPLIED, _GRANTED])
def test_what_is_asked_of_the_hub_can_be_asked(document: str) -> None:
    assert validate(core_schema(build_schema()), parse(document)) == []

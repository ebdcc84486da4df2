"""`tongban county assistance`, `supervise` and `escalation`: stated to a journal that judges them; what each prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from hub.journal.assistance import AssistanceKind, HelpService, NoteSubject
from hub.journal.casesteps import Role
from tests.casefile import CHENGYANG, FENGNAN, CaseFile, case_number, offered
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.desk_hub import DeskHub
from tests.served_hub import served

NUMBER: Final = case_number()
GIVEN: Final = {
    "number": 1, "kind": "ASSIGNED", "county": CHENGYANG, "window": "A03", "role": "INTAKE_CLERK",
    "statedAt": "2026-06-01T09:00:00.000Z", "service": "CONSULTATION", "staff": "Q-1042", "toWindow": None,
    "toRole": None, "appointedAt": None, "subject": None, "digest": None,
}  # fmt: skip
CLOCK: Final = {
    "caseNumber": NUMBER, "matterCode": "000101002000", "name": "HANDLING", "lamp": "RED", "left": -2,
    "due": "2026-06-08", "supervisedBy": FENGNAN, "supervisedAt": "2026-06-10T09:00:00.000Z",
}  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> DeskHub:
    return DeskHub(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(hub: DeskHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of Chengyang, whose hub is served and has one case of it."""
    case = CaseFile(mode="ONLINE", intake=CHENGYANG, pick_up=CHENGYANG)
    case.apply()
    with served(hub) as url:
        hub.take(offered("ONLINE"), *case.raws)
        yield CountyFolder.make(tmp_path, hub_url=url)


def run(folder: CountyFolder, *words: object) -> Result:
    return tongban("county", *words, *folder.options)


def help_shown(hub: DeskHub, *given: dict[str, Any]) -> None:
    hub.shown = {"data": {"case": {"assistance": list(given)}}}


def test_help_is_numbered_after_what_the_hub_shows(hub: DeskHub, folder: CountyFolder, tmp_path: Path) -> None:
    help_shown(hub)
    words = ("assistance", "assign", NUMBER, "--window", "A03", "--staff", "Q-1042")
    assert run(folder, *words) == Result(0, f"{NUMBER}: help 1, ASSIGNED, stands in the journal at 2\n", "")
    assert (hub.token["scope"], hub.asked["variables"]) == (["case.read"], {"number": NUMBER, "cause": "next help"})
    assert run(folder, *words[:-1], "Q-1043").code == 5  # the hub still shows none: another was first
    help_shown(hub, GIVEN)
    words = ("assistance", "transfer", NUMBER, "--window", "A03", "--to-window", "B01", "--to-role", "HANDLER")
    told = run(folder, *words, "--json")
    assert (told.code, json.loads(told.out)) == (0, {"caseNumber": NUMBER, "number": 2, "position": 3})
    help_shown(hub, GIVEN, {**GIVEN, "number": 2})
    words = ("assistance", "appoint", NUMBER, "--window", "B01", "--at", "2099-06-02T09:00:00+08:00")
    assert run(folder, *words).out == f"{NUMBER}: help 3, VIDEO_APPOINTMENT, stands in the journal at 4\n"
    help_shown(hub, *({**GIVEN, "number": number} for number in (1, 2, 3)))
    note = tmp_path / "note.txt"
    note.write_bytes("已回访".encode())
    words = ("assistance", "note", NUMBER, "--window", "B01", "--subject", "CALLED_BACK", "--file", note)
    assert run(folder, *words).out == f"{NUMBER}: help 4, NOTED, stands in the journal at 5\n"
    assigned, moved, called, noted = hub.records
    assert (assigned.service, assigned.staff, assigned.role) == (
        HelpService.ASSISTED_HANDLING,
        "Q-1042",
        Role.INTAKE_CLERK,
    )
    assert (moved.to_window, moved.to_role) == ("B01", Role.HANDLER)
    assert (called.kind, called.appointed_at) == (AssistanceKind.VIDEO_APPOINTMENT, 4_084_045_200)
    assert (noted.subject, noted.digest) == (NoteSubject.CALLED_BACK, sha256("已回访".encode()).digest())


def test_help_is_listed_a_line_each(hub: DeskHub, folder: CountyFolder) -> None:
    moved = {**GIVEN, "number": 2, "kind": "TRANSFERRED", "toWindow": "B01", "toRole": "HANDLER"}
    called = {**GIVEN, "number": 3, "kind": "VIDEO_APPOINTMENT", "appointedAt": "2026-06-02T01:00:00.000Z"}
    noted = {**GIVEN, "number": 4, "kind": "NOTED", "subject": "OTHER", "digest": "d"}
    help_shown(hub, GIVEN, moved, called, noted)
    words = ("assistance", "list", NUMBER, "--cause", "办件查询")
    before = f"2026-06-01T09:00:00.000Z {CHENGYANG} A03"
    assert run(folder, *words).out.splitlines() == [
        f"  1 {before} ASSIGNED Q-1042 for CONSULTATION",
        f"  2 {before} TRANSFERRED to B01 as HANDLER",
        f"  3 {before} VIDEO_APPOINTMENT at 2026-06-02T01:00:00.000Z",
        f"  4 {before} NOTED OTHER d",
    ]
    assert json.loads(run(folder, *words, "--json").out) == [GIVEN, moved, called, noted]
    hub.shown = {"data": {"case": None}}
    assert run(folder, *words).code == 4


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("supervise", NUMBER, "INTAKE", "--window", "d"), 2, "bad_payload"),
        (("supervise", NUMBER, "N07", "--window", "D01"), 5, "wrong_target: N07 is no open clock; open: INTAKE"),
        (("supervise", case_number(7), "INTAKE", "--window", "D01"), 4, "not_party"),
        (("assistance", "list", NUMBER[:-1], "--cause", "x"), 2, "bad_identifier"),
        (("assistance", "appoint", NUMBER, "--window", "B01", "--at", "tomorrow"), 2, "bad_number"),
        (("assistance", "assign", NUMBER, "--window", "B01", "--staff", "张三"), 2, "bad_payload"),
        (("assistance", "assign", case_number(7), "--window", "B01", "--staff", "Q1"), 4, "not_party"),
    ],
)
def test_what_may_not_be_stated_is_refused(
    hub: DeskHub, folder: CountyFolder, words: tuple[str, ...], code: int, told: str
) -> None:
    help_shown(hub)
    found = run(folder, *words)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"tongban: {told}")
    assert hub.records == []


def test_a_clock_is_urged_on_once(hub: DeskHub, folder: CountyFolder) -> None:
    words = ("supervise", NUMBER, "INTAKE", "--window", "D01")
    assert run(folder, *words) == Result(0, f"{NUMBER}: INTAKE is urged on, stands in the journal at 2\n", "")
    again = run(folder, *words[:-1], "D02", "--json")
    assert (again.code, again.err) == (5, "tongban: duplicate_identifier: it is stated already, by another record\n")


def test_the_escalation_list_is_the_supervisors_page_by_page(hub: DeskHub, folder: CountyFolder) -> None:
    stopped = {**CLOCK, "lamp": "YELLOW", "left": 1, "due": None, "supervisedBy": None, "supervisedAt": None}
    page = {"clocks": [CLOCK, stopped], "next": "2026-06-09x"}
    hub.shown = {"data": {"escalation": {"page": page}}}
    words = ("escalation", "--cause", "督办")
    assert run(folder, *words).out.splitlines() == [
        f"RED    2026-06-08 {NUMBER} HANDLING: -2 working days left, urged on by {FENGNAN}",
        f"YELLOW stopped {NUMBER} HANDLING: 1 working days left",
        "more: --after 2026-06-09x",
    ]
    assert (hub.token["scope"], hub.token["role"]) == (["case.supervise"], ["SUPERVISOR"])
    assert hub.asked["variables"] == {"county": CHENGYANG, "cause": "督办", "on": None, "after": None}
    told = run(folder, *words, "--on", "2026-06-08", "--after", "2026-06-09x", "--json")
    assert json.loads(told.out) == page
    assert hub.asked["variables"] == {"county": CHENGYANG, "cause": "督办", "on": "2026-06-08", "after": "2026-06-09x"}
    hub.shown = {"data": {"escalation": None}}
    assert run(folder, *words).out == "0 shown\n"

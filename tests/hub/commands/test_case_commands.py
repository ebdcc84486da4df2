"""`tongban county case`: steps stated to a journal that judges them, a case shown, and every refusal's exit code."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.journal.casesteps import CaseStepRecord, parse_case_step
from hub.journal.offerings import OfferingRecord
from hub.journal.records import parse_statement
from hub.journal.store import JournalStore, row_of
from hub.keyfiles import write_private
from ledger.cases import CaseMode
from ledger.casework import Case, Tolerated, take
from ledger.clocks import Limits
from ledger.encoding import b64u_encode
from ledger.errors import TongbanError
from ledger.identifiers import holder_key
from ledger.transparency.tiles import decode_bundle
from tests.casefile import CHENGYANG, FENGNAN, MATTER, case_number, offered
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.served_hub import served

NUMBER: Final = case_number()
OFFERING: Final = f"{MATTER}@{CHENGYANG}@20260501"
READING: Final = {"days": 5, "used": 4, "left": 1, "due": "2026-06-12", "lamp": "YELLOW", "provisional": True}
STOPPED: Final = {**READING, "due": None, "provisional": False}
SHOWN: Final = {
    "caseNumber": NUMBER, "matterCode": MATTER, "offeringCode": OFFERING, "missing": ["M03"], "mode": "PROXY_INTAKE", "stage": "ACCEPTED", "takenInBy": FENGNAN,
    "handledBy": CHENGYANG, "pickedUpAt": FENGNAN, "appliedAt": "2026-06-01T09:00:00.000Z",
    "steppedAt": "2026-06-02T09:00:00.000Z", "stepCount": 1, "head": "A" * 43,
    "steps": [
        {"sequence": 1, "kind": "APPLICATION", "outcome": None, "county": FENGNAN, "window": "A03",
         "takenAt": "2026-06-01T09:00:00.000Z"},
        {"sequence": 2, "kind": "PRE_REVIEW", "outcome": "PASSED", "county": FENGNAN, "window": "A03",
         "takenAt": "2026-06-02T09:00:00.000Z"},
    ],
    "nextSteps": [{"kind": "CONCLUSION", "outcome": "GRANTED", "counties": [CHENGYANG, FENGNAN]}],
    "clocks": [
        {"name": "HANDLING", "county": CHENGYANG, "lamp": "YELLOW", "ended": False, "promised": READING,
         "statutory": STOPPED, "supervisedBy": FENGNAN},
        {"name": "INTAKE", "county": FENGNAN, "lamp": "BLUE", "ended": True, "promised": None, "statutory": None,
         "supervisedBy": None},
    ],
}  # fmt: skip


@dataclass
class CaseHub:
    """A hub's token endpoint, GraphQL and journal, a real one at `path`.

    shown, answers: what GraphQL and the journal answer instead.
    """

    path: Path
    shown: Any = None
    answers: Any = None
    records: list[CaseStepRecord] = field(default_factory=list)
    offering: Any = None

    def app(self) -> Starlette:
        """Give the application."""
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._store = JournalStore.create(self._connection)
        stated = offered("ONLINE", at=int(time.time()) - DAY)
        self.offering = parse_statement(stated)
        assert self._store.append([row_of(self.offering)]) == [0]
        paths = {"/oauth/token": self._token, "/graphql": self._graphql, "/journal/records": self._records}
        return Starlette(routes=[Route(path, place, methods=["POST"]) for path, place in paths.items()])

    def close(self) -> None:
        """Close the journal."""
        self._connection.close()

    async def _token(self, request: Request) -> Response:
        assert b"scope=case.read" in await request.body()
        return JSONResponse({"access_token": "t"})

    async def _graphql(self, request: Request) -> Response:
        if self.shown is not None:
            return JSONResponse(self.shown)
        variables = (await request.json())["variables"]
        assert isinstance(self.offering, OfferingRecord)
        claims = self.offering.claims
        if "matter" in variables:
            known = {"code": self.offering.code, "mode": claims["mode"]}
            return JSONResponse({"data": {"offering": known if variables["matter"] == MATTER else None}})
        case = self._case(variables["number"])
        limits = {name: claims[name] for name in ("statutoryDays", "promisedDays", "dayUnit")}
        found = None if case is None else {"stepCount": case.steps, "head": b64u_encode(case.head), "offering": limits}
        return JSONResponse({"data": {"case": found}})

    def _case(self, number: str) -> Case | None:
        case: Case | None = None
        for record in self.records:
            if record.step.number == number:
                case = take(case, record.step)
        return case

    async def _records(self, request: Request) -> Response:
        if self.answers is not None:
            return JSONResponse(self.answers)
        (record,) = map(parse_case_step, decode_bundle(await request.body()))
        (result,) = self._store.append([row_of(record)])
        if isinstance(result, TongbanError):
            return JSONResponse([{"error": {"code": result.code, "message": result.message}}])
        self.records.append(record)
        return JSONResponse([{"position": result}])


@pytest.fixture
def hub(tmp_path: Path) -> CaseHub:
    return CaseHub(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(hub: CaseHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of Chengyang, whose hub is served."""
    with served(hub) as url:
        made = CountyFolder.make(tmp_path, hub_url=url)
        write_private(applicant(made), b'{"certificateHolderTypeCode":"999","certificateHolderCode":"1"}')
        yield made


APPLY: Final = ("APPLICATION", NUMBER, "--pick-up", CHENGYANG, "--promised", 2)
DAY: Final = 86_400


def applicant(folder: CountyFolder) -> Path:
    """Name the file that says who applies."""
    return folder.data.with_name("applicant.json")


def apply(folder: CountyFolder, *words: object) -> Result:
    """Open the case."""
    return state(folder, *APPLY, "--holder-file", applicant(folder), *words)


def state(folder: CountyFolder, *words: object) -> Result:
    return tongban("county", "case", "step", *words, "--window", "A03", *folder.options)


def test_steps_are_signed_stated_and_told(hub: CaseHub, folder: CountyFolder) -> None:
    opened = apply(folder, "--role", "INTAKE_CLERK", "--tolerate", "M03:5")
    assert opened == Result(0, f"{NUMBER}: step 1, APPLICATION, stands in the journal at 1\n", "")
    passed = state(folder, "PRE_REVIEW", NUMBER, "--outcome", "PASSED", "--statutory", 5, "--items", 3, "--json")
    assert (passed.code, json.loads(passed.out)) == (0, {"caseNumber": NUMBER, "sequence": 2, "position": 2})
    assert state(folder, "ACCEPTANCE", NUMBER, "--outcome", "ACCEPTED").code == 0
    assert hub.records[2].step.limits == Limits(20, 5)
    assert state(folder, "HANDLING", NUMBER, "--begin", "N01:10:3", "--begin", "N02::4").code == 0
    assert state(folder, "HANDLING", NUMBER, "--end", "N01", "--end", "N02").code == 0
    assert state(folder, "SUPPLEMENT", NUMBER, "--supply", "M03").code == 0
    first, handled = hub.records[0], hub.records[3].step
    opening = first.step.opening
    assert opening is not None
    assert (opening.mode, opening.offering, opening.tolerated) == (
        CaseMode.ONLINE, hub.offering.code, (Tolerated("M03", 5),),
    )  # fmt: skip
    with folder.opened() as node:
        assert opening.holder == holder_key(node.keys.holder, "999", "1")
    assert hub.records[5].step.supplied == ("M03",)
    assert (first.iss, first.role.value, first.window, first.matter) == (CHENGYANG, "INTAKE_CLERK", "A03", MATTER)
    assert [(each.code, each.limits.statutory, each.limits.promised) for each in handled.begins] == [
        ("N01", 10, 3), ("N02", None, 4),
    ]  # fmt: skip


def test_a_refusal_says_what_is_legal_and_leaves_with_its_class(hub: CaseHub, folder: CountyFolder) -> None:
    apply(folder)
    again = state(folder, *APPLY[:-1], 3, "--holder-file", applicant(folder))
    assert (again.code, again.err.split(":")[1]) == (5, " already_exists")
    early = state(folder, "PICK_UP", NUMBER)
    assert (early.code, early.out) == (5, "")
    assert early.err == (
        "tongban: illegal_step: PICK_UP is not next; the case is APPLIED after step 1; legal: CORRECTION_NOTICE by "
        f"{CHENGYANG}, PRE_REVIEW PASSED by {CHENGYANG}, PRE_REVIEW RETURNED by {CHENGYANG}\n"
    )
    absent = state(folder, "PICK_UP", case_number(7))
    assert absent == Result(4, "", "tongban: not_party: the county is no party of a case with this number\n")
    assert len(hub.records) == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("APPLY", NUMBER), "bad_setting: STEP is one of APPLICATION, PRE_REVIEW, "),
        (("PICK_UP", NUMBER[:-1]), "bad_identifier: "),
        (
            ("PICK_UP", NUMBER, "--rating", "1", "--promised", "2"),
            "bad_setting: PICK_UP has no --statutory and --promised, --rating",
        ),
        (("HANDLING", NUMBER, "--begin", "7:3"), "bad_setting: --begin is NODE:STATUTORY:PROMISED"),
        (("APPLICATION", NUMBER, "--pick-up", CHENGYANG, "--tolerate", "M3:5"), "bad_setting: --tolerate is"),
        (("APPLICATION", NUMBER, "--pick-up", CHENGYANG), "bad_payload: holder does not match"),
        (("SUPPLEMENT", NUMBER, "--tolerate", "M03:5"), "bad_setting: SUPPLEMENT has no --tolerate"),
    ],
)
def test_what_cannot_be_a_step_is_not_sent(
    hub: CaseHub, folder: CountyFolder, words: tuple[str, ...], text: str
) -> None:
    result = state(folder, *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"tongban: {text}")
    assert hub.records == []


def test_a_case_is_shown_with_its_steps_clocks_and_what_is_next(hub: CaseHub, folder: CountyFolder) -> None:
    hub.shown = {"data": {"case": SHOWN}}
    show = ("county", "case", "show", NUMBER, "--cause", "办件查询", *folder.options)
    assert tongban(*show).out.splitlines() == [
        f"{NUMBER} ACCEPTED (PROXY_INTAKE), offering {OFFERING}",
        f"taken in by {FENGNAN}, handled by {CHENGYANG}, picked up at {FENGNAN}",
        f"  1 2026-06-01T09:00:00.000Z {FENGNAN} A03 APPLICATION",
        f"  2 2026-06-02T09:00:00.000Z {FENGNAN} A03 PRE_REVIEW PASSED",
        (
            f"YELLOW HANDLING of {CHENGYANG}: promised 1 of 5 working days left (due 2026-06-12, provisional), "
            f"statutory 1 of 5 working days left (stopped), urged on by {FENGNAN}"
        ),
        f"BLUE   INTAKE of {FENGNAN}: ended",
        "still to follow: M03",
        f"next: CONCLUSION GRANTED by {CHENGYANG} or {FENGNAN}",
    ]
    assert json.loads(tongban(*show, "--json").out) == SHOWN


@pytest.mark.parametrize(
    ("shown", "code", "text"),
    [
        ({"data": {"case": None}}, 4, "not_party: the county is no party of a case with this number"),
        ({"data": None, "errors": [{"message": "no", "extensions": {"code": "forbidden"}}]}, 4, "forbidden: no"),
        ({"errors": [7]}, 3, "not_ready: "),
        ({"errors": {"x": 1}}, 3, "not_ready: "),
    ],
)
def test_a_case_that_is_not_shown_leaves_with_its_class(
    hub: CaseHub, folder: CountyFolder, shown: Any, code: int, text: str
) -> None:
    hub.shown = shown
    result = tongban("county", "case", "show", NUMBER, "--cause", "x", *folder.options)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"tongban: {text}")


@pytest.mark.parametrize("case", [{"stepCount": "1", "head": "x"}, {"stepCount": 1, "head": None}])
def test_a_hub_that_says_no_place_for_the_next_step_gets_no_step(
    hub: CaseHub, folder: CountyFolder, case: dict[str, Any]
) -> None:
    hub.shown = {"data": {"case": case}}
    result = state(folder, "PICK_UP", NUMBER)
    assert (result.code, result.err) == (3, "tongban: not_ready: the hub's answer does not read\n")
    assert hub.records == []


@pytest.mark.parametrize("answers", [{}, [], [7], [{"position": "7"}], [{"position": 1}, {"position": 2}]])
def test_an_answer_of_the_journal_that_does_not_read_is_no_success(
    hub: CaseHub, folder: CountyFolder, answers: Any
) -> None:
    hub.answers = answers
    result = apply(folder)
    assert (result.code, result.err) == (3, "tongban: not_ready: the hub's answer does not read\n")


def test_a_matter_that_the_handling_county_does_not_offer_opens_no_case(hub: CaseHub, folder: CountyFolder) -> None:
    number = case_number(matter="000117002000")
    refused = state(folder, "APPLICATION", number, "--pick-up", CHENGYANG, "--promised", 2)
    assert (refused.code, refused.err.split(":")[1]) == (5, " not_offered")
    assert hub.records == []

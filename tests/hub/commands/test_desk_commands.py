"""`tongban county objection`, `hotline` and `follow-up`: stated to a journal that judges them, each refusal's exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ledger.identifiers import holder_key
from tests.casefile import CHENGYANG, FENGNAN, CaseFile, case_number, offered
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.desk_hub import DeskHub
from tests.deskwork import Appeal, Dispute, made_id
from tests.served_hub import served
from tests.statements import TYPE_CODE, County, MemoryLog

NUMBER: Final = case_number()
SHOWN: Final = {
    "id": made_id("objection"), "kind": "FACE_DIFFERS", "raisedBy": FENGNAN, "raisedAt": "2026-06-01T09:00:00.000Z",
    "answeredBy": CHENGYANG, "certificateIdentifier": "1.2.156", "certificateTypeCode": None, "holderKey": None,
    "caseNumber": NUMBER, "open": True, "outcome": None, "decidedBy": None, "decidedAt": None, "due": "2026-06-08",
    "daysLeft": 1, "lamp": "YELLOW", "provisional": False,
}  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> DeskHub:
    return DeskHub(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(hub: DeskHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of Chengyang, whose hub is served."""
    with served(hub) as url:
        yield CountyFolder.make(tmp_path, hub_url=url)


def run(folder: CountyFolder, *words: object) -> Result:
    return tongban("county", *words, *folder.options)


def license_of(hub: DeskHub) -> str:
    """Let Chengyang have stated a license."""
    ledger, journal = MemoryLog(), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    hub.take(*journal.entries)
    return county.identifier(1)


def test_an_objection_is_raised_and_withdrawn_and_decided_once(hub: DeskHub, folder: CountyFolder) -> None:
    license_ = license_of(hub)
    raised = run(folder, "objection", "raise", "FACE_DIFFERS", "--license", license_, "--json")
    told = json.loads(raised.out)
    assert (raised.code, told["answeredBy"], told["position"]) == (0, CHENGYANG, 1)
    assert (hub.records[0].license, hub.records[0].kind.value) == (license_, "FACE_DIFFERS")
    ended = run(folder, "objection", "decide", told["id"], "WITHDRAWN")
    assert ended == Result(0, f"{told['id']}: WITHDRAWN, stands in the journal at 2\n", "")
    again = run(folder, "objection", "decide", told["id"], "UPHELD")
    assert (again.code, again.err) == (5, "tongban: duplicate_identifier: it is stated already, by another record\n")


def test_a_missing_license_is_named_by_type_and_the_keyed_hash_of_its_holder(
    hub: DeskHub, folder: CountyFolder, tmp_path: Path
) -> None:
    holder = tmp_path / "holder.json"
    holder.write_text(json.dumps({"certificateHolderTypeCode": "001", "certificateHolderCode": "91370214MA3C000001"}))
    holder.chmod(0o600)
    words = ("--type", TYPE_CODE, "--holder-file", holder, "--county", FENGNAN)
    raised = run(folder, "objection", "raise", "LICENSE_MISSING", *words)
    assert raised.code == 0
    assert raised.out.endswith(f": LICENSE_MISSING, to be decided by {FENGNAN}, stands in the journal at 0\n")
    (record,) = hub.records
    assert (record.type_code, record.answered_by) == (TYPE_CODE, FENGNAN)
    with folder.opened() as node:
        assert record.holder == holder_key(node.keys.holder, "001", "91370214MA3C000001")


def test_an_objection_of_others_is_refused_by_its_class(hub: DeskHub, folder: CountyFolder) -> None:
    foreign = Dispute(name="x")
    hub.take(foreign.raised(answeredBy=FENGNAN))
    for identifier, code, text in (
        (made_id("x"), 4, "not_party: UPHELD is another county's to state"),
        (made_id("y"), 5, "wrong_target: it follows a statement that the journal does not have"),
    ):
        result = run(folder, "objection", "decide", identifier, "UPHELD")
        assert result == Result(code, "", f"tongban: {text}\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("objection", "raise", "WRONG"), "bad_setting: KIND is one of FACE_DIFFERS, STATUS_WRONG, LICENSE_MISSING"),
        (("objection", "raise", "STATUS_WRONG"), "bad_setting: STATUS_WRONG takes --license, and no --type"),
        (("objection", "raise", "LICENSE_MISSING", "--license", "x"), "bad_setting: LICENSE_MISSING takes --type"),
        (("objection", "raise", "FACE_DIFFERS", "--license", "x"), "bad_identifier: "),
        (("objection", "decide", "x", "UPHELD"), "bad_payload: id does not match"),
        (("objection", "decide", made_id("x"), "OPEN"), "bad_payload: outcome is none of UPHELD, DISMISSED, WITHDRAWN"),
        (("hotline", "receive", NUMBER, "--kind", "WISH"), "bad_payload: kind is none of"),
        (("hotline", "pass", made_id("x"), NUMBER, "--to", "37"), "bad_payload: to does not match"),
        (("hotline", "answer", "x", NUMBER, "--outcome", "RESOLVED"), "bad_payload: id does not match"),
        (("follow-up", NUMBER[:-1], "EXPLAINED"), "bad_identifier: "),
        (("follow-up", NUMBER, "DONE"), "bad_payload: outcome is none of RECTIFIED, EXPLAINED"),
    ],
)
def test_what_breaks_its_form_is_not_sent(
    hub: DeskHub, folder: CountyFolder, words: tuple[object, ...], text: str
) -> None:
    result = run(folder, *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"tongban: {text}")
    assert hub.records == []


def test_an_appeal_is_received_passed_on_and_answered(hub: DeskHub, folder: CountyFolder) -> None:
    hub.take(offered(), CaseFile().apply())
    received = run(folder, "hotline", "receive", NUMBER, "--kind", "HELP", "--json")
    told = json.loads(received.out)
    assert (received.code, told["caseNumber"], told["position"]) == (0, NUMBER, 2)
    passed = run(folder, "hotline", "pass", told["id"], NUMBER, "--to", CHENGYANG)
    assert passed == Result(0, f"{told['id']}: PASSED, stands in the journal at 3\n", "")
    answered = run(folder, "hotline", "answer", told["id"], NUMBER, "--outcome", "EXPLAINED")
    assert answered == Result(0, f"{told['id']}: ANSWERED, stands in the journal at 4\n", "")
    foreign = Appeal(name="x")
    assert hub.take(foreign.received(), foreign.passed(to=FENGNAN)) == [5, 6]
    refused = run(folder, "hotline", "answer", made_id("x"), NUMBER, "--outcome", "RESOLVED")
    assert (refused.code, refused.err) == (4, "tongban: not_party: ANSWERED is another county's to state\n")


def test_a_case_is_followed_up_after_its_evaluation(hub: DeskHub, folder: CountyFolder) -> None:
    case = CaseFile(mode="ONLINE", intake=CHENGYANG, pick_up=CHENGYANG)
    case.apply()
    hub.take(offered("ONLINE"), *case.raws)
    early = run(folder, "follow-up", NUMBER, "RECTIFIED")
    assert early == Result(
        5, "", "tongban: illegal_step: a follow-up comes after the evaluation; the case is APPLIED\n"
    )
    hub.take(case.add("PRE_REVIEW", CHENGYANG, outcome="RETURNED"), case.add("EVALUATION", CHENGYANG, rating=5))
    done = run(folder, "follow-up", NUMBER, "RECTIFIED", "--json")
    assert (done.code, json.loads(done.out)) == (0, {"caseNumber": NUMBER, "outcome": "RECTIFIED", "position": 4})
    assert run(folder, "follow-up", case_number(7), "EXPLAINED").code == 4


def test_an_objection_is_shown_to_its_counties(hub: DeskHub, folder: CountyFolder) -> None:
    show = ("objection", "show", made_id("objection"), "--cause", "异议核实")
    hub.shown = {"data": {"objection": SHOWN}}
    assert run(folder, *show).out.splitlines() == [
        f"{made_id('objection')} FACE_DIFFERS: 1.2.156, in case {NUMBER}",
        f"raised by {FENGNAN} at 2026-06-01T09:00:00.000Z, to be decided by {CHENGYANG}",
        "YELLOW: 1 working days left (due 2026-06-08)",
    ]
    assert json.loads(run(folder, *show, "--json").out) == SHOWN
    missing = {"certificateIdentifier": None, "certificateTypeCode": TYPE_CODE, "holderKey": "h", "caseNumber": None}
    ended = {"open": False, "outcome": "UPHELD", "decidedBy": CHENGYANG, "decidedAt": "2026-06-09T09:00:00.000Z"}
    hub.shown = {"data": {"objection": {**SHOWN, **missing, **ended, "daysLeft": -1, "lamp": "RED"}}}
    first, *_, last = run(folder, *show).out.splitlines()
    assert first == f"{made_id('objection')} FACE_DIFFERS: a license of type {TYPE_CODE} of holder h"
    assert last == (f"RED: UPHELD by {CHENGYANG} at 2026-06-09T09:00:00.000Z, -1 working days left (due 2026-06-08)")
    hub.shown = {"data": {"objection": None}}
    absent = run(folder, *show)
    assert absent == Result(4, "", "tongban: not_party: the county is no party of an objection with this id\n")


def test_the_open_objections_of_a_county_are_listed(hub: DeskHub, folder: CountyFolder) -> None:
    hub.shown = {"data": {"objections": {"edges": [{"node": SHOWN}]}}}
    listed = ("objection", "list", "--cause", "异议核实")
    assert run(folder, *listed).out.splitlines() == [
        f"YELLOW 2026-06-08 {made_id('objection')} FACE_DIFFERS by {FENGNAN}: 1.2.156, in case {NUMBER}",
        "1 open",
    ]
    assert hub.asked["variables"] == {"county": CHENGYANG, "cause": "异议核实"}
    assert (hub.token["scope"], hub.token["role"]) == (["objection.read"], ["PARTNER_SYSTEM"])
    assert json.loads(run(folder, *listed, "--county", FENGNAN, "--json").out) == [SHOWN]
    assert hub.asked["variables"]["county"] == FENGNAN
    hub.shown = {"data": {"objections": None}}
    assert run(folder, *listed).out == "0 open\n"

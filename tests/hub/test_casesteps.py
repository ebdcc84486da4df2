"""Case steps as records: read strictly, byte by byte; no free text; whatever breaks its form is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hub.journal.casesteps import CASE_STEP_TYP, OWN_MEMBERS, build_case_step, parse_case_step
from hub.journal.records import parse_license_record, parse_record, parse_statement
from ledger.cases import CaseMode, StepKind
from ledger.casework import NodeStart, Tolerated
from ledger.clocks import Limits
from ledger.encoding import JsonValue, b64u_encode
from ledger.errors import Malformed
from ledger.jws import compact_jws
from tests.alliance import identifier_of
from tests.casefile import APPLICANT, CHENGYANG, FENGNAN, KUANCHENG, MATTER, CaseFile, case_number
from tests.entropy import signer_of
from tests.statements import NOW, TYPE_CODE, County, MemoryLog

HEADER = {"alg": "Ed25519", "typ": CASE_STEP_TYP, "kid": f"{FENGNAN}#4"}


def signed(payload: dict[str, JsonValue], **header: str) -> bytes:
    """Sign whatever the payload is."""
    return compact_jws({**HEADER, **header}, payload, signer_of(f"{FENGNAN}#4"))


def application(**changed: JsonValue) -> dict[str, JsonValue]:
    """The payload of a sound application, with some members changed."""
    case = CaseFile()
    case.apply(licenses=[str(identifier_of(1))], tolerated=[{"material": "M03", "days": 5}])
    return {**parse_case_step(case.raws[0]).jws.payload, **changed}


def test_an_application_is_read_back() -> None:
    raw = signed(application())
    found = parse_case_step(raw)
    assert (found.iss, found.iat, found.window, found.role.value, found.matter) == (
        FENGNAN, NOW, "A03", "INTAKE_CLERK", MATTER,
    )  # fmt: skip
    assert found.licenses == (str(identifier_of(1)),)
    assert found.step.opening is not None
    assert (found.step.opening.mode, found.step.opening.handled_by, found.step.opening.picked_up_at) == (
        CaseMode.PROXY_INTAKE, CHENGYANG, KUANCHENG,
    )  # fmt: skip
    assert (found.step.number, found.step.sequence, found.step.prev) == (case_number(), 1, None)
    assert found.step.limits == Limits(None, 2)
    assert (found.step.opening.offering, found.step.opening.holder, found.step.opening.tolerated) == (
        f"{MATTER}@{CHENGYANG}@20260501", APPLICANT, (Tolerated("M03", 5),),
    )  # fmt: skip
    assert (found.raw, parse_record(raw), parse_statement(raw)) == (raw, found, found)


def test_the_journals_kinds_of_record_are_told_apart() -> None:
    ledger, journal = MemoryLog(), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    (raw,) = journal.entries
    assert parse_statement(raw) == parse_license_record(raw)
    assert parse_license_record(raw).type_code == TYPE_CODE
    for read, other in ((parse_case_step, raw), (parse_license_record, signed(application()))):
        with pytest.raises(Malformed, match=r"^unknown_typ: "):
            read(other)


def test_every_kind_of_step_has_its_own_members() -> None:
    case = CaseFile()
    case.apply()
    made = {kind: parse_case_step(case.draft(kind.value, FENGNAN, outcome=_outcome(kind))) for kind in _LATER}
    assert {kind: record.step.kind for kind, record in made.items()} == {kind: kind for kind in _LATER}
    assert made[StepKind.HAND_OVER_RECEIPT].step.items == 2
    assert made[StepKind.SUPPLEMENT].step.supplied == ("M03",)
    assert made[StepKind.EXPRESS].tracking_number == "SF1234567890"
    assert made[StepKind.EVALUATION].step.rating == 1
    nodes = [{"node": "N07", "statutory": 10, "promised": 3}]
    handling = parse_case_step(case.draft("HANDLING", CHENGYANG, begins=nodes, ends=["N06"])).step
    assert (handling.begins, handling.ends) == ((NodeStart("N07", Limits(10, 3)),), ("N06",))


_LATER = tuple(kind for kind in OWN_MEMBERS if kind is not StepKind.APPLICATION)


def _outcome(kind: StepKind) -> str | None:
    return {"PRE_REVIEW": "PASSED", "ACCEPTANCE": "ACCEPTED", "CONCLUSION": "GRANTED"}.get(kind.value)


LIMITS: JsonValue = {"statutory": 5, "promised": 2}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "license"}, "bad_payload"),
        ({"iss": CHENGYANG}, "bad_header"),
        ({"iat": -1}, "bad_number"),
        ({"iat": True}, "bad_number"),
        ({"caseNumber": case_number()[:-1]}, "bad_identifier"),
        ({"caseNumber": case_number(day="20260631")}, "bad_identifier"),
        ({"caseNumber": 7}, "bad_payload"),
        ({"sequence": 0}, "bad_number"),
        ({"sequence": 101}, "bad_number"),
        ({"sequence": 2}, "bad_payload"),
        ({"prev": b64u_encode(bytes(32))}, "bad_payload"),
        ({"prev": "x"}, "bad_payload"),
        ({"step": "APPLY"}, "bad_payload"),
        ({"step": None}, "bad_payload"),
        ({"step": "PICK_UP"}, "unknown_member"),
        ({"outcome": "PASSED"}, "bad_payload"),
        ({"outcome": "passed"}, "bad_payload"),
        ({"window": "三号窗口"}, "bad_payload"),
        ({"window": ""}, "bad_payload"),
        ({"role": "王"}, "bad_payload"),
        ({"mode": "全程网办"}, "bad_payload"),
        ({"matter": "000117001001"}, "bad_payload"),
        ({"matter": None}, "bad_payload"),
        ({"handledBy": KUANCHENG}, "bad_payload"),
        ({"pickedUpAt": "2201"}, "bad_payload"),
        ({"limits": {"statutory": None, "promised": None}}, "bad_payload"),
        ({"limits": {"statutory": 5}}, "bad_payload"),
        ({"limits": {"statutory": 5, "promised": 3651}}, "bad_number"),
        ({"limits": {"statutory": 5, "promised": 2, "note": "x"}}, "unknown_member"),
        ({"offering": f"{MATTER}@{CHENGYANG}"}, "bad_payload"),
        ({"offering": f"{MATTER}@{KUANCHENG}@20260501"}, "bad_payload"),
        ({"offering": f"000117001001@{CHENGYANG}@20260501"}, "bad_payload"),
        ({"holder": "x"}, "bad_payload"),
        ({"holder": None}, "bad_payload"),
        ({"tolerated": None}, "bad_payload"),
        ({"tolerated": [{"material": "M03"}]}, "bad_payload"),
        ({"tolerated": [{"material": "营业执照", "days": 5}]}, "bad_payload"),
        ({"tolerated": [{"material": "M03", "days": 0}]}, "bad_number"),
        ({"tolerated": [{"material": "M03", "days": 61}]}, "bad_number"),
        ({"tolerated": [{"material": "M03", "days": 5}, {"material": "M03", "days": 4}]}, "bad_payload"),
        ({"licenses": ["1.2.156"]}, "bad_identifier"),
        ({"licenses": [7]}, "bad_payload"),
        ({"licenses": [str(identifier_of(1))] * 2}, "bad_payload"),
        ({"licenses": [str(identifier_of(n)) for n in range(65)]}, "bad_payload"),
        ({"opinion": "同意"}, "unknown_member"),
    ],
)
def test_a_step_that_breaks_its_form_is_malformed(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_case_step(signed(application(**changed)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("step", "own", "code"),
    [
        ("HANDLING", {"begins": [{"node": "07", "statutory": None, "promised": 3}]}, "bad_payload"),
        ("HANDLING", {"begins": [{"node": "N07", "statutory": None, "promised": 3}] * 2}, "bad_payload"),
        ("HANDLING", {"begins": [{"node": "N07", "promised": 3}]}, "bad_payload"),
        ("HANDLING", {"ends": ["N07", "N07"]}, "bad_payload"),
        ("HANDLING", {"ends": ["张三"]}, "bad_payload"),
        ("PRODUCTION", {"licenses": [str(identifier_of(1))], "limits": LIMITS}, "bad_payload"),
        ("SUPPLEMENT", {"supplied": []}, "bad_payload"),
        ("SUPPLEMENT", {"supplied": ["N03"]}, "bad_payload"),
        ("SUPPLEMENT", {"supplied": ["M03", "M03"]}, "bad_payload"),
        ("PICK_UP", {"prev": "x"}, "bad_base64"),
        ("PICK_UP", {"prev": None}, "bad_payload"),
        ("EXPRESS", {"trackingNumber": "SF 123"}, "bad_payload"),
        ("EVALUATION", {"rating": 6}, "bad_number"),
        ("HAND_OVER_RECEIPT", {"items": -1}, "bad_number"),
    ],
)
def test_a_member_of_a_later_step_that_breaks_its_form_is_malformed(step: str, own: dict[str, Any], code: str) -> None:
    """PRODUCTION: the license is another county's."""
    case = CaseFile()
    case.apply()
    with pytest.raises(Malformed) as caught:
        case.draft(step, FENGNAN, **own)
    assert caught.value.code == code


def test_members_stand_in_one_order_and_the_kid_is_the_countys() -> None:
    payload = application()
    with pytest.raises(Malformed, match=r"^bad_payload: members of a case step APPLICATION stand in another order"):
        parse_case_step(signed(dict(sorted(payload.items()))))
    with pytest.raises(Malformed, match=r"^bad_header: "):
        parse_case_step(signed(payload, kid="whoever"))


def test_a_step_of_no_kind_or_with_other_members_is_not_built() -> None:
    for claims in ({"step": "APPLY"}, {"step": "PICK_UP"}, {}):
        with pytest.raises(Malformed, match=r"^bad_payload: a case step states exactly the members of its kind"):
            build_case_step(claims, iat=NOW, kid=f"{FENGNAN}#4", signer=signer_of(f"{FENGNAN}#4"))

"""Objections and follow-ups as records: read strictly, byte by byte; no free text; whatever breaks the form is refused."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hub.journal.followups import FOLLOW_UP_TYP, FollowUpOutcome, build_follow_up, follow_up_of, parse_follow_up
from hub.journal.objections import (
    OBJECTION_TYP,
    ObjectionEvent,
    ObjectionKind,
    ObjectionOutcome,
    build_objection,
    objection_of,
    parse_objection,
)
from hub.journal.records import parse_record
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.jws import compact_jws, parse_jws
from tests.casefile import CHENGYANG, FENGNAN, case_number
from tests.deskwork import Dispute, follow_up, made_id
from tests.entropy import signer_of
from tests.statements import NOW, TYPE_CODE, County, MemoryLog

LICENSE: Final = County(CHENGYANG, MemoryLog(), MemoryLog()).identifier(1)


def signed(payload: dict[str, JsonValue], *, typ: str, kid: str) -> bytes:
    """Sign whatever the payload is."""
    return compact_jws({"alg": "Ed25519", "typ": typ, "kid": kid}, payload, signer_of(f"{FENGNAN}#4"))


def raised(dispute: Dispute, **changed: JsonValue) -> bytes:
    """A sound objection, with some members changed."""
    payload = {**parse_objection(dispute.raised()).jws.payload, **changed}
    return signed(payload, typ=OBJECTION_TYP, kid=f"{FENGNAN}#4")


def test_an_objection_and_its_end_are_read_back() -> None:
    name = f"objection/{made_id('objection')}"
    found = parse_objection(Dispute(LICENSE).raised(caseNumber=case_number()))
    assert (found.iss, found.iat, found.event, found.kind) == (
        FENGNAN, NOW, ObjectionEvent.RAISED, ObjectionKind.FACE_DIFFERS,
    )  # fmt: skip
    assert (found.license, found.type_code, found.holder) == (LICENSE, None, None)
    assert (found.answered_by, found.case, found.states, found.follows) == (CHENGYANG, case_number(), name, LICENSE)
    missing = parse_objection(Dispute().raised())
    assert (missing.license, missing.type_code, missing.holder) == (None, TYPE_CODE, County.holder("1"))
    assert (missing.follows, missing.case) == (None, None)
    ended = parse_objection(Dispute().decided("DISMISSED"))
    assert (ended.outcome, ended.states, ended.follows, ended.case) == (
        ObjectionOutcome.DISMISSED, f"{name}/decided", name, None,
    )  # fmt: skip
    assert parse_record(found.raw) == objection_of(parse_jws(found.raw)) == found


def test_a_follow_up_is_read_back() -> None:
    found = parse_follow_up(follow_up())
    assert (found.iss, found.iat, found.outcome) == (CHENGYANG, NOW, FollowUpOutcome.RECTIFIED)
    assert (found.states, found.follows, found.case) == (f"followup/{case_number()}", None, case_number())
    assert parse_record(found.raw) == follow_up_of(parse_jws(found.raw)) == found


@pytest.mark.parametrize(
    ("dispute", "changed", "code"),
    [
        (Dispute(LICENSE), {"type": "hotline"}, "bad_payload"),
        (Dispute(LICENSE), {"iss": CHENGYANG}, "bad_header"),
        (Dispute(LICENSE), {"iat": -1}, "bad_number"),
        (Dispute(LICENSE), {"id": None}, "bad_payload"),
        (Dispute(LICENSE), {"id": "A" * 21 + "-"}, "bad_payload"),
        (Dispute(LICENSE), {"event": "REOPENED"}, "bad_payload"),
        (Dispute(LICENSE), {"event": "DECIDED"}, "bad_payload"),
        (Dispute(LICENSE), {"kind": "异议"}, "bad_payload"),
        (Dispute(LICENSE), {"kind": "LICENSE_MISSING"}, "bad_payload"),
        (Dispute(LICENSE), {"holder": County.holder("1")}, "bad_payload"),
        (Dispute(LICENSE), {"certificateIdentifier": LICENSE[:-1]}, "bad_identifier"),
        (Dispute(LICENSE), {"certificateIdentifier": 7}, "bad_payload"),
        (Dispute(LICENSE), {"answeredBy": "3702"}, "bad_payload"),
        (Dispute(LICENSE), {"answeredBy": None}, "bad_payload"),
        (Dispute(LICENSE), {"caseNumber": "1"}, "bad_identifier"),
        (Dispute(LICENSE), {"reason": "姓名不符"}, "unknown_member"),
        (Dispute(), {"kind": "STATUS_WRONG"}, "bad_payload"),
        (Dispute(), {"certificateTypeCode": None}, "bad_payload"),
        (Dispute(), {"certificateTypeCode": TYPE_CODE[:-1]}, "bad_payload"),
        (Dispute(), {"holder": "张三"}, "bad_payload"),
        (Dispute(), {"holder": None}, "bad_payload"),
        (Dispute(), {"certificateIdentifier": LICENSE}, "bad_payload"),
    ],
)
def test_an_objection_that_breaks_its_form_is_malformed(dispute: Dispute, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_objection(raised(dispute, **changed))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "case"}, "bad_payload"),
        ({"iss": CHENGYANG}, "bad_header"),
        ({"iat": "now"}, "bad_number"),
        ({"caseNumber": case_number()[1:]}, "bad_identifier"),
        ({"outcome": "满意"}, "bad_payload"),
        ({"outcome": None}, "bad_payload"),
        ({"note": "x"}, "unknown_member"),
    ],
)
def test_a_follow_up_that_breaks_its_form_is_malformed(changed: dict[str, Any], code: str) -> None:
    payload = {**parse_follow_up(follow_up(by=FENGNAN)).jws.payload, **changed}
    with pytest.raises(Malformed) as caught:
        parse_follow_up(signed(payload, typ=FOLLOW_UP_TYP, kid=f"{FENGNAN}#4"))
    assert caught.value.code == code


def test_kinds_are_told_apart_and_members_stand_in_one_order() -> None:
    with pytest.raises(Malformed, match=r"^unknown_typ: "):
        parse_objection(follow_up())
    with pytest.raises(Malformed, match=r"^unknown_typ: "):
        parse_follow_up(Dispute().raised())
    payload = dict(sorted(parse_objection(Dispute().raised()).jws.payload.items()))
    with pytest.raises(Malformed, match=r"^bad_payload: members of a RAISED objection stand in another order"):
        parse_objection(signed(payload, typ=OBJECTION_TYP, kid=f"{FENGNAN}#4"))


def test_what_does_not_read_is_not_built() -> None:
    for build in (build_objection, build_follow_up):
        with pytest.raises(Malformed):
            build({"outcome": "UPHELD"}, iat=NOW, kid=f"{FENGNAN}#4", signer=signer_of(f"{FENGNAN}#4"))

"""Hotline events as records: read strictly, byte by byte; no free text; whatever breaks the form is refused."""

from __future__ import annotations

import pytest

from hub.journal.hotline import (
    HOTLINE_TYP,
    AppealKind,
    AppealOutcome,
    HotlineEvent,
    build_hotline,
    hotline_of,
    parse_hotline,
)
from hub.journal.records import parse_record
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.jws import compact_jws, parse_jws
from tests.casefile import CHENGYANG, FENGNAN, case_number
from tests.deskwork import Appeal, made_id
from tests.entropy import signer_of
from tests.statements import NOW


def signed(payload: dict[str, JsonValue], **header: str) -> bytes:
    """Sign whatever the payload is."""
    stated = {"alg": "Ed25519", "typ": HOTLINE_TYP, "kid": f"{FENGNAN}#4", **header}
    return compact_jws(stated, payload, signer_of(f"{FENGNAN}#4"))


def received(**changed: JsonValue) -> dict[str, JsonValue]:
    """The payload of a sound appeal, with some members changed."""
    return {**parse_hotline(Appeal().received()).jws.payload, **changed}


def test_each_event_is_read_back_with_the_name_that_it_takes_and_the_one_that_it_follows() -> None:
    appeal, name = Appeal(), f"hotline/{made_id('appeal')}"
    first, second, third = map(parse_hotline, (appeal.received(), appeal.passed(), appeal.answered()))
    assert (first.iss, first.iat, first.case, first.event) == (FENGNAN, NOW, case_number(), HotlineEvent.RECEIVED)
    assert [(each.kind, each.to, each.outcome) for each in (first, second, third)] == [
        (AppealKind.COMPLAINT, None, None), (None, CHENGYANG, None), (None, None, AppealOutcome.RESOLVED),
    ]  # fmt: skip
    assert [(each.states, each.follows) for each in (first, second, third)] == [
        (name, None), (f"{name}/passed", name), (f"{name}/answered", f"{name}/passed"),
    ]  # fmt: skip
    assert first.raw == signed(received())
    assert parse_record(first.raw) == hotline_of(parse_jws(first.raw)) == first


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "case"}, "bad_payload"),
        ({"iss": CHENGYANG}, "bad_header"),
        ({"iat": 1.5}, "bad_number"),
        ({"id": "short"}, "bad_payload"),
        ({"id": "A" * 21 + "B"}, "bad_payload"),
        ({"caseNumber": case_number()[:-1]}, "bad_identifier"),
        ({"caseNumber": None}, "bad_payload"),
        ({"event": "CLOSED"}, "bad_payload"),
        ({"event": ["RECEIVED"]}, "bad_payload"),
        ({"event": "PASSED"}, "bad_payload"),
        ({"kind": "投诉"}, "bad_payload"),
        ({"text": "张三"}, "unknown_member"),
    ],
)
def test_an_event_that_breaks_its_form_is_malformed(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_hotline(signed(received(**changed)))
    assert caught.value.code == code


def test_kid_order_and_typ_are_exact() -> None:
    with pytest.raises(Malformed, match=r"^bad_header: "):
        parse_hotline(signed(received(), kid="whoever"))
    with pytest.raises(Malformed, match=r"^bad_payload: members of a hotline RECEIVED stand in another order"):
        parse_hotline(signed(dict(sorted(received().items()))))
    with pytest.raises(Malformed, match=r"^unknown_typ: "):
        parse_hotline(signed(received(), typ="case-step+jwt"))


def test_what_does_not_read_is_not_built() -> None:
    for claims in ({}, {"id": made_id("x"), "caseNumber": case_number(), "event": "PASSED", "to": "3702"}):
        with pytest.raises(Malformed, match=r"^bad_payload: "):
            build_hotline(claims, iat=NOW, kid=f"{FENGNAN}#4", signer=signer_of(f"{FENGNAN}#4"))

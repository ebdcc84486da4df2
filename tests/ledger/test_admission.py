"""The order of the checks, the time window, and the rules of status entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from ledger.admission import CLOCK_MARGIN_S, Known, Target, Window, check_entry
from ledger.entries import MEMBER_TYP, RULE_TYP, Entry, build_status, parse_entry
from ledger.errors import Conflict, NotVerified, Refused, TongbanError
from ledger.governance import MemberRow, member_payload, rule_payload
from ledger.jws import sign_general
from ledger.members import KeyState
from ledger.status import Status
from tests.small_log import COUNTIES, T0, issue_at, sealed_log

BOOK, _ = sealed_log()
STATE: Final = BOOK.state
SEAL: Final = parse_entry(BOOK.entries[1])
NOW: Final = T0 + 3600


@dataclass
class View:
    """A log by its answers: the sealed log, with the statuses that a test sets."""

    statuses: dict[int, Status] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    size: int = 2

    def index_of_statement(self, statement: bytes, /) -> int | None:
        self.asked.append("statement")
        return 1 if statement == SEAL.statement else None

    def seal_at(self, index: int, /) -> Target | None:
        self.asked.append(f"seal {index}")
        if index not in {1, 7}:
            return None
        status = self.statuses.get(index, Status.VALID)
        return Target(leaf=SEAL.leaf if index == 1 else bytes(32), iss="370214", status=status)


def check(entry: Entry, *, now: int | None = NOW, margin: int = 0, **given: Any) -> Known | None:
    window = Window(now=now, margin=margin)
    return check_entry(entry, **{"state": STATE, "view": View(), "index": 8, "window": window, **given})


def code_of(kind: type[TongbanError], entry: Entry, **given: Any) -> str:
    with pytest.raises(kind) as caught:
        check(entry, **given)
    return caught.value.code


def status(county: str = "370214", **changes: Any) -> Entry:
    given = {"of": 1, "leaf": SEAL.leaf, "to": Status.REVOKED, "reason": "04", "iat": NOW, **changes}
    return parse_entry(build_status(kid=f"{county}#1", signer=COUNTIES[county], **given))


def seal(iat: int, county: str = "370214") -> Entry:
    return parse_entry(issue_at(iat, county=county).partition("~")[0].encode())


def general(typ: str, payload: str) -> Entry:
    return parse_entry(sign_general(typ, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()]))


def test_a_known_statement_is_answered_however_old_it_is() -> None:
    assert check(SEAL, now=T0 + 10**9) == Known(index=1)


def test_a_forged_entry_learns_nothing_of_the_log() -> None:
    forged = parse_entry(SEAL.raw.rpartition(b".")[0] + b"." + b"A" * 86)
    view = View()
    assert code_of(NotVerified, forged, view=view) == "bad_signature"
    assert view.asked == []


def test_signatures_that_were_checked_before_are_not_checked_again() -> None:
    forged = parse_entry(issue_at(NOW).partition("~")[0].rpartition(".")[0].encode() + b"." + b"A" * 86)
    assert check(forged, verified=True) is None


@pytest.mark.parametrize("iat", [NOW - 3600, NOW, NOW + 300])
def test_within_the_window_an_entry_may_enter(iat: int) -> None:
    assert check(seal(iat), now=NOW) is None


def test_what_waited_a_day_may_enter_still() -> None:
    assert check(seal(T0 + 10), now=T0 + 10 + 86_400) is None


@pytest.mark.parametrize(
    ("iat", "now", "code"),
    [
        (NOW + 301, NOW, "iat_in_future"),
        (T0 + 10, T0 + 10 + 86_401, "iat_too_old"),
        (T0 - 1, T0, "iat_too_old"),
        (T0 - 1, None, "iat_too_old"),
    ],
    ids=["ahead", "waited", "before the key", "before the key, replayed"],
)
def test_outside_the_window_it_may_not(iat: int, now: int | None, code: str) -> None:
    assert code_of(Conflict, seal(iat), now=now) == code


@pytest.mark.parametrize("iat", [T0, T0 + 3 * 10**7])
def test_a_later_replay_has_no_window(iat: int) -> None:
    assert check(seal(iat), now=None) is None


def rules(**seconds: int) -> KeyState:
    entry = general(RULE_TYP, rule_payload(iat=T0, prev=STATE.digest(), rules=seconds))
    return STATE.apply(entry, 5)  # type: ignore[arg-type]


def test_the_window_is_that_of_the_last_head() -> None:
    narrow = rules(iat_back_s=10, iat_ahead_s=1)
    assert check(seal(NOW - 10), rules=narrow) is None
    assert code_of(Conflict, seal(NOW - 11), rules=narrow) == "iat_too_old"
    assert code_of(Conflict, seal(NOW + 2), rules=narrow) == "iat_in_future"
    assert check(seal(NOW - 11), state=narrow, rules=STATE) is None


def test_the_log_admits_a_minute_less_than_its_auditors() -> None:
    """An auditor's clock may lag by the margin, and still no checkpoint waits for it."""
    assert check(seal(NOW + 240), margin=CLOCK_MARGIN_S) is None
    assert check(seal(NOW + 240), now=NOW - CLOCK_MARGIN_S) is None
    with pytest.raises(Conflict) as caught:
        check(seal(NOW + 241), margin=CLOCK_MARGIN_S)
    assert str(caught.value) == "iat_in_future: iat is 241 s ahead of the clock here, at most 240 s are taken"


@pytest.mark.parametrize(("ahead", "taken"), [(1, 0), (59, 0), (60, 0), (61, 1), (300, 240)])
def test_a_rule_below_the_margin_still_admits_what_is_dated_now(ahead: int, taken: int) -> None:
    given: dict[str, Any] = {"rules": rules(iat_ahead_s=ahead), "margin": CLOCK_MARGIN_S}
    assert check(seal(NOW + taken), **given) is None
    assert code_of(Conflict, seal(NOW + taken + 1), **given) == "iat_in_future"


def test_a_head_is_never_submitted() -> None:
    assert code_of(Refused, parse_entry(BOOK.entries[2])) == "not_issuer"


CHANGES: Final = {
    (Status.VALID, Status.VALID): "same_status",
    (Status.VALID, Status.REVOKED): None,
    (Status.VALID, Status.SUSPENDED): None,
    (Status.VALID, Status.SUPERSEDED): None,
    (Status.SUSPENDED, Status.VALID): None,
    (Status.SUSPENDED, Status.REVOKED): None,
    (Status.SUSPENDED, Status.SUSPENDED): "same_status",
    (Status.SUSPENDED, Status.SUPERSEDED): None,
} | {(final, to): "final_status" for final in (Status.REVOKED, Status.SUPERSEDED) for to in Status}
REASONS: Final = {Status.VALID: "01", Status.REVOKED: "07", Status.SUSPENDED: "06", Status.SUPERSEDED: "01"}


@pytest.mark.parametrize(("was", "to"), sorted(CHANGES))
def test_a_status_changes_only_as_the_table_allows(was: Status, to: Status) -> None:
    entry = status(to=to, reason=REASONS[to], by=7 if to is Status.SUPERSEDED else None)
    view, expected = View(statuses={1: was}), CHANGES[was, to]
    if expected is None:
        assert check(entry, view=view) is None
    else:
        assert code_of(Conflict, entry, view=view) == expected


@pytest.mark.parametrize(
    "changes",
    [{"of": 0}, {"of": 8}, {"of": 7}, {"leaf": bytes(32)},
     {"to": Status.SUPERSEDED, "reason": "01", "by": 1}, {"to": Status.SUPERSEDED, "reason": "01", "by": 2}],
    ids=["genesis", "itself", "another leaf", "wrong leaf", "by itself", "by no seal"],
)  # fmt: skip
def test_a_status_entry_names_a_seal_below_it(changes: dict[str, Any]) -> None:
    assert code_of(Conflict, status(**changes)) == "wrong_target"


def test_another_county_changes_no_status_unless_it_supervises() -> None:
    entry = status("320583")
    assert code_of(Refused, entry) == "not_issuer"
    payload = rule_payload(iat=T0, prev=STATE.digest(), supervisors={"370214": ["320583"]})
    supervised = STATE.apply(general(RULE_TYP, payload), 5)  # type: ignore[arg-type]
    assert check(entry, state=supervised) is None


def test_a_member_entry_fits_the_present_state() -> None:
    row = MemberRow(county="370214", cosigners={"auditor": None})
    fitting = general(MEMBER_TYP, member_payload(iat=NOW, k=2, members=[row], prev=STATE.digest()))
    stale = general(MEMBER_TYP, member_payload(iat=NOW, k=2, members=[row], prev=bytes(32)))
    assert check(fitting) is None
    assert code_of(Conflict, stale) == "stale_prev"


def test_too_few_members_are_told_so_before_anything_else() -> None:
    payload = rule_payload(iat=T0 - 10**6, prev=bytes(32), rules={"deposit_s": 1})
    alone = parse_entry(sign_general(RULE_TYP, payload, [("370214#1", COUNTIES["370214"])]))
    assert code_of(NotVerified, alone) == "not_enough_signers"

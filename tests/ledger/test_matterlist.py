"""The alliance's list of matters: exact on every day, changed by k of n members only, never in the past."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import b64u_encode
from ledger.entries import RULE_TYP, RuleChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.governance import rule_payload
from ledger.jws import payload_part, sign_general
from ledger.matterlist import ACTS, ListChange, MatterChange, MatterList
from ledger.members import KeyState, verify_signatures
from tests.logbook import LogBook
from tests.small_log import COUNTIES, GENESIS, LOG, T0

FOOD, SETUP, CHANGE, NEW = "000101005000", "001001001000", "001001002000", "000113031000"
BEGIN: Final = ListChange(begin=(FOOD, SETUP, CHANGE))
STATE: Final = LogBook(GENESIS, LOG).state
DAY: Final = date(2026, 6, 2)
"""The first day that an entry of T0, 2026-06-01 in China, may touch."""


def add(code: str, since: str = "2026-07-01", name: str = "新事项", mode: str = "多地联办") -> MatterChange:
    return MatterChange(act="add", code=code, since=since, mode=mode, name=name)


def change(code: str, since: str = "2026-07-01", name: str = "新名称", mode: str = "全程网办") -> MatterChange:
    return MatterChange(act="change", code=code, since=since, mode=mode, name=name)


def remove(code: str, since: str = "2026-07-01") -> MatterChange:
    return MatterChange(act="remove", code=code, since=since)


def after(*steps: ListChange | MatterChange, earliest: date = DAY) -> MatterList:
    found = MatterList()
    for index, step in enumerate(steps, start=1):
        whole = step if isinstance(step, ListChange) else ListChange(changes=(step,))
        found = found.apply(whole, earliest=earliest, index=index)
    return found


def listed(matters: MatterList, day: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(each.code, each.since, each.mode, each.name) for each in matters.on(date.fromisoformat(day))]


def test_before_it_begins_the_ledger_has_no_list() -> None:
    assert MatterList().on(date(2026, 7, 1)) == ()


def test_every_day_has_its_list() -> None:
    matters = after(BEGIN, ListChange(changes=(add(NEW), change(FOOD), remove(SETUP))), remove(NEW, "2026-08-01"))
    begun = [(FOOD, None, None, None), (SETUP, None, None, None), (CHANGE, None, None, None)]
    changed = [(FOOD, "2026-07-01", "全程网办", "新名称"), (CHANGE, None, None, None)]
    added = [(NEW, "2026-07-01", "多地联办", "新事项")]
    assert listed(matters, "1900-01-01") == begun
    assert listed(matters, "2026-06-30") == begun
    assert listed(matters, "2026-07-01") == [changed[0], *added, changed[1]]
    assert listed(matters, "2026-07-31") == [changed[0], *added, changed[1]]
    assert listed(matters, "2026-08-01") == listed(matters, "9999-12-31") == changed
    assert [(each.since, each.listed, each.type) for each in matters.of(SETUP)] == [
        (None, True, "10"), ("2026-07-01", False, "10"),
    ]  # fmt: skip


def test_a_matter_that_was_removed_comes_back() -> None:
    matters = after(BEGIN, remove(SETUP), add(SETUP, "2026-09-01"))
    days = ("2026-06-30", "2026-07-01", "2026-08-31", "2026-09-01")
    assert [SETUP in {each.code for each in matters.on(date.fromisoformat(day))} for day in days] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((remove(SETUP),), "not_listed"),
        ((BEGIN, BEGIN), "wrong_target"),
        ((BEGIN, add(SETUP)), "already_listed"),
        ((BEGIN, remove(NEW)), "not_listed"),
        ((BEGIN, change(NEW)), "not_listed"),
        ((BEGIN, remove(SETUP), remove(SETUP, "2026-08-01")), "not_listed"),
        ((BEGIN, remove(SETUP), change(SETUP, "2026-08-01")), "not_listed"),
        ((BEGIN, add(NEW), add(NEW, "2026-08-01")), "already_listed"),
        ((BEGIN, remove(SETUP, "2026-06-01")), "past_day"),
        ((BEGIN, add(NEW, "1900-01-01")), "past_day"),
        ((BEGIN, change(SETUP), remove(SETUP)), "wrong_target"),
        ((BEGIN, remove(SETUP), add(SETUP)), "wrong_target"),
        ((BEGIN, change(SETUP, "2026-08-01"), change(SETUP)), "wrong_target"),
        ((ListChange(begin=(SETUP,), changes=(add(SETUP),)),), "already_listed"),
    ],
)
def test_what_does_not_fit_the_list_is_refused(steps: tuple[Any, ...], code: str) -> None:
    with pytest.raises(Conflict) as caught:
        after(*steps)
    assert (caught.value.code, caught.value.index) == (code, len(steps))


def entry_of(state: KeyState, matters: ListChange | Any, *, iat: int = T0, signers: int = 2) -> RuleChange:
    """Sign a rule entry with its `matters` as they come."""
    written = matters.to_json() if isinstance(matters, ListChange) else matters
    terms: dict[str, Any] = {"documents": {"matters": b64u_encode(bytes(32))}, "matters": written}
    payload = payload_part({"v": 1, "iat": iat, "prev": b64u_encode(state.digest()), "set": terms})
    keys = [(f"{county}#1", signer) for county, signer in COUNTIES.items()][:signers]
    entry = parse_entry(sign_general(RULE_TYP, payload, keys))
    assert isinstance(entry, RuleChange)
    return entry


def refusal(kind: type[TongbanError], call: Any, *args: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*args)
    return caught.value.code


def test_decisions_stand_in_the_key_state_text() -> None:
    begun = STATE.apply(entry_of(STATE, BEGIN), 5)
    state = begun.apply(entry_of(begun, ListChange(changes=(change(FOOD), remove(SETUP)))), 6)
    assert set(state.text().decode().splitlines()) - set(STATE.text().decode().splitlines()) == {
        f"document matters {'A' * 43}", f"matter {FOOD} - - -", f"matter {FOOD} 2026-07-01 全程网办 新名称",
        f"matter {SETUP} - - -", f"matter {SETUP} 2026-07-01 - -", f"matter {CHANGE} - - -",
    }  # fmt: skip
    assert STATE.matters == MatterList()


def test_fewer_than_k_members_change_no_list() -> None:
    assert refusal(NotVerified, verify_signatures, entry_of(STATE, BEGIN, signers=1), STATE, 5) == "not_enough_signers"


@pytest.mark.parametrize(("back", "first"), [(0, "2026-06-01"), (86_400, "2026-06-02"), (604_800, "2026-06-08")])
def test_no_day_changes_that_may_be_over_when_the_log_takes_the_entry(back: int, first: str) -> None:
    """T0 is 16:00 in China: the rule `iat_back_s` says how late the log still takes it."""
    ruled = KeyState(**{name: getattr(STATE, name) for name in STATE.__slots__} | {"rules": {"iat_back_s": back}})
    begun = ruled.apply(entry_of(ruled, BEGIN), 5)
    before = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    assert (
        begun.apply(entry_of(begun, ListChange(changes=(remove(SETUP, first),))), 6).matters.of(SETUP)[1].since == first
    )
    early = entry_of(begun, ListChange(changes=(remove(SETUP, before),)))
    assert refusal(Conflict, begun.apply, early, 6) == "past_day"


ROW: Final = {"act": "add", "code": NEW, "from": "2026-07-01", "mode": "多地联办", "name": "新事项"}


@pytest.mark.parametrize(
    ("matters", "code"),
    [
        ({}, "bad_payload"),
        ([], "bad_payload"),
        ({"begin": []}, "bad_payload"),
        ({"changes": []}, "bad_payload"),
        ({"begin": [SETUP, FOOD]}, "bad_payload"),
        ({"begin": [FOOD, FOOD]}, "bad_payload"),
        ({"begin": ["00010100500"]}, "bad_payload"),
        ({"begin": [1]}, "bad_payload"),
        ({"begin": [f"{number:012d}" for number in range(257)]}, "bad_payload"),
        ({"codes": [FOOD]}, "unknown_member"),
        ({"changes": [ROW, ROW]}, "bad_payload"),
        ({"changes": [{**ROW, "code": f"{number:012d}"} for number in range(65)]}, "bad_payload"),
        ({"changes": [{**ROW, "act": "keep"}]}, "bad_payload"),
        ({"changes": [{**ROW, "act": "remove"}]}, "unknown_member"),
        ({"changes": [{"act": "add", "code": NEW, "from": "2026-07-01"}]}, "bad_payload"),
        ({"changes": [{**ROW, "code": "00011303100X"}]}, "bad_payload"),
        ({"changes": [{**ROW, "from": "2026-02-29"}]}, "bad_payload"),
        ({"changes": [{**ROW, "from": "0000-01-01"}]}, "bad_payload"),
        ({"changes": [{**ROW, "from": "20260701"}]}, "bad_payload"),
        ({"changes": [{**ROW, "from": 20260701}]}, "bad_payload"),
        ({"changes": [{**ROW, "mode": "网办"}]}, "bad_payload"),
        ({"changes": [{**ROW, "name": ""}]}, "bad_payload"),
        ({"changes": [{**ROW, "name": "新 事项"}]}, "bad_payload"),
        ({"changes": [{**ROW, "name": "\u202e项事新"}]}, "bad_payload"),
        ({"changes": [{**ROW, "name": "新" * 101}]}, "bad_payload"),
        ({"changes": [{**ROW, "source": "sample"}]}, "unknown_member"),
    ],
)
def test_another_form_is_refused(matters: Any, code: str) -> None:
    assert refusal(Malformed, entry_of, STATE, matters) == code


def test_the_list_begins_with_a_table_that_is_bound() -> None:
    payload = rule_payload(iat=T0, prev=STATE.digest(), matters=BEGIN)
    assert refusal(Malformed, parse_entry, sign_general(RULE_TYP, payload, [("370214#1", COUNTIES["370214"])])) == (
        "bad_payload"
    )


CODES: Final = ("000000000001", "000000000002", "000000000003")
DAYS: Final = st.dates(date(2026, 5, 30), date(2026, 6, 12))
CHANGES: Final = st.builds(
    lambda act, code, day, name: (act, code, day.isoformat(), name),
    st.sampled_from(ACTS), st.sampled_from(CODES), DAYS, st.sampled_from(("甲", "乙")),
)  # fmt: skip


def slow_list(taken: list[tuple[str, str, str, str]], day: str) -> dict[str, str | None]:
    """Go through all that was ever taken, day by day, up to a day."""
    found: dict[str, str | None] = {CODES[0]: None}
    for act, code, _, name in sorted((each for each in taken if each[2] <= day), key=lambda each: each[2]):
        if act == "remove":
            found.pop(code)
        else:
            found[code] = name
    return found


@given(wishes=st.lists(CHANGES, max_size=12))
def test_the_list_is_that_of_a_slow_reference_on_every_day(wishes: list[tuple[str, str, str, str]]) -> None:
    """What is refused changes nothing; what is taken changes no day before its own."""
    matters, taken = after(ListChange(begin=CODES[:1])), list[tuple[str, str, str, str]]()
    for wish in wishes:
        act, code, since, name = wish
        told = {} if act == "remove" else {"mode": "全程网办", "name": name}
        whole = ListChange(changes=(MatterChange(act=act, code=code, since=since, **told),))
        of_code = [each for each in taken if each[1] == code]
        last = max(of_code, key=lambda each: each[2], default=("add" if code == CODES[0] else "remove", code, "", ""))
        fits = (last[0] == "remove") == (act == "add") and since >= DAY.isoformat() and since > last[2]
        try:
            matters = matters.apply(whole, earliest=DAY, index=1)
        except Conflict:
            assert not fits
        else:
            assert fits
            taken.append(wish)
    for number in range(20):
        day = date(2026, 5, 28) + timedelta(days=number)
        assert {each.code: each.name for each in matters.on(day)} == slow_list(taken, day.isoformat())

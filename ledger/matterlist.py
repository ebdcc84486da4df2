"""The alliance's list of matters (通办事项清单), changed by rule entries that k of n members sign. Pure.

The first entry that speaks of matters begins the list: it names the codes of the table that the members start from, and
binds that table's SHA-256 (`documents`, name `matters`). Every later day is decided by changes:

    "set":{"documents":{"matters":"<b64u SHA-256 of matters.csv>"},
           "matters":{"begin":["000101005000","001001001000"],
                      "changes":[{"act":"add","code":"000113031000","from":"2026-07-01","mode":"全程网办","name":"…"},
                                 {"act":"remove","code":"001001001000","from":"2026-07-01"}]}}

What was decided stands in the key state text, a line a decision; `-` is what the table says, or nothing at a removal:

    matter <code> <from or -> <mode or -> <name or ->

    000101005000 - - -                      on the list from the beginning, as the table has it
    000101005000 2026-07-01 全程网办 …      from that day on with this mode and name
    000101005000 2027-01-01 - -             from that day on not on the list

A change never touches a day that has passed: its first day is not before the last day on which the log takes the entry
(`iat` and the rule `iat_back_s`, in China). So every day has its list for good as soon as it has begun. The type of a
matter is digits 3 and 4 of its code (GB/T 39046-2020, Annex A).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.closed import closed, list_of, text
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed

__all__ = ["ACTS", "MAX_CHANGES", "MODES", "Decision", "ListChange", "MatterChange", "MatterList", "parse_list"]

ACTS: Final = ("add", "change", "remove")
MODES: Final = ("全程网办", "异地代收代办", "多地联办", "授权办理")
MAX_CHANGES: Final = 64
_MAX_BEGIN: Final = 256
_CODE: Final = re.compile(r"[0-9]{12}")
_ACT: Final = re.compile("|".join(ACTS))
_MODE: Final = re.compile("|".join(MODES))
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# No spaces, no controls and no marks that turn the direction of writing: a name shows what was signed.
_NAME: Final = re.compile(r"[^\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff]{1,100}")
_LIST: Final[frozenset[str]] = frozenset()
_LIST_OPTIONS: Final = frozenset({"begin", "changes"})
_REMOVAL: Final = frozenset({"act", "code", "from"})
_LISTING: Final = frozenset({*_REMOVAL, "mode", "name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterChange:
    """One change. act: of ACTS. since: first day (on the wire `from`). mode, name: None exactly at a removal."""

    act: str
    code: str
    since: str
    mode: str | None = None
    name: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the members, sorted as every list of ours is written."""
        row: dict[str, JsonValue] = {"act": self.act, "code": self.code, "from": self.since}
        return row if self.act == "remove" else row | {"mode": self.mode, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """What one rule entry does to the list. begin: the table's codes, ascending; empty if it was begun before.

    changes: by code ascending, each code once.
    """

    begin: tuple[str, ...] = ()
    changes: tuple[MatterChange, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """Return the members, absent ones left out."""
        row: dict[str, JsonValue] = {}
        if self.begin:
            row["begin"] = list(self.begin)
        if self.changes:
            row["changes"] = [change.to_json() for change in self.changes]
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What holds for a matter from a day on, until the next decision about it.

    since: None is from the beginning. listed: False is a removal. mode, name: None there, and where the table decides.
    """

    code: str
    since: str | None
    listed: bool
    mode: str | None = None
    name: str | None = None

    @property
    def type(self) -> str:
        """The matter's type, two digits."""
        return self.code[2:4]

    def line(self) -> str:
        """Return its line of the key state text, without the newline."""
        return " ".join(["matter", self.code, *(each or "-" for each in (self.since, self.mode, self.name))])


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterList:
    """The list on every day. decisions: by code, then in the order of their days; empty while it has not begun."""

    decisions: tuple[Decision, ...] = ()

    def apply(self, change: ListChange, *, earliest: date, index: int) -> MatterList:
        """Return the list after the change of the entry at `index`; earliest: the first day that it may touch.

        Raises Conflict wrong_target (begun before; or no later than what is decided about the matter already),
        not_listed (not begun, or a matter to change or remove that is not on the list), already_listed (a matter to
        add), past_day.
        """
        if change.begin and self.decisions:
            raise Conflict("wrong_target", "the list of matters was begun before", index=index)
        if not change.begin and not self.decisions:
            raise Conflict("not_listed", "the list of matters has not begun", index=index)
        decisions = [*self.decisions, *(Decision(code=code, since=None, listed=True) for code in change.begin)]
        newest = {each.code: each for each in decisions}
        made = [_decided(each, newest.get(each.code), earliest.isoformat(), index) for each in change.changes]
        return MatterList(decisions=tuple(sorted([*decisions, *made], key=lambda each: (each.code, each.since or ""))))

    def on(self, day: date) -> tuple[Decision, ...]:
        """Give what holds on a day for each matter that is on the list then, by code."""
        known = [each for each in self.decisions if each.since is None or each.since <= day.isoformat()]
        return tuple(each for each in {each.code: each for each in known}.values() if each.listed)

    def of(self, code: str) -> tuple[Decision, ...]:
        """Give what was ever decided about a matter, in the order of the days."""
        return tuple(each for each in self.decisions if each.code == code)


def _decided(change: MatterChange, newest: Decision | None, earliest: str, index: int) -> Decision:
    listed = newest is not None and newest.listed
    if listed and change.act == "add":
        raise Conflict("already_listed", f"matter {change.code} is on the list already", index=index)
    if not listed and change.act != "add":
        raise Conflict("not_listed", f"matter {change.code} is not on the list", index=index)
    if change.since < earliest:
        raise Conflict("past_day", f"matter {change.code}: {change.since} is before {earliest}", index=index)
    if newest is not None and newest.since is not None and change.since <= newest.since:
        message = f"matter {change.code}: what was decided for {newest.since} comes no earlier than {change.since}"
        raise Conflict("wrong_target", message, index=index)
    kept = change.act != "remove"
    return Decision(code=change.code, since=change.since, listed=kept, mode=change.mode, name=change.name)


def parse_list(value: JsonValue) -> ListChange:
    """Read `matters` of a rule entry: 1..256 codes to begin with, or 1..64 changes, or both.

    Raises Malformed bad_payload, unknown_member.
    """
    obj = closed(value, "matters", _LIST, _LIST_OPTIONS)
    begin = _codes(list_of(obj, "begin", maximum=_MAX_BEGIN)) if "begin" in obj else ()
    rows = list_of(obj, "changes", maximum=MAX_CHANGES) if "changes" in obj else []
    changes = tuple(_parse_change(row) for row in rows)
    _check_ascending([change.code for change in changes])
    if not obj or [] in obj.values():
        raise Malformed("bad_payload", "matters begins the list or changes it")
    return ListChange(begin=begin, changes=changes)


def _codes(values: Sequence[JsonValue]) -> tuple[str, ...]:
    codes = tuple(value for value in values if isinstance(value, str) and _CODE.fullmatch(value))
    if len(codes) != len(values):
        raise Malformed("bad_payload", "a matter's code has 12 digits")
    _check_ascending(codes)
    return codes


def _check_ascending(codes: Sequence[str]) -> None:
    if list(codes) != sorted(set(codes)):
        raise Malformed("bad_payload", "codes of matters are not sorted, or one stands twice")


def _parse_change(value: JsonValue) -> MatterChange:
    removal = isinstance(value, Mapping) and value.get("act") == "remove"
    obj = closed(value, "change of a matter", _REMOVAL if removal else _LISTING)
    return MatterChange(
        act=text(obj, "act", _ACT),
        code=text(obj, "code", _CODE),
        since=_day(text(obj, "from", _DAY)),
        mode=None if removal else text(obj, "mode", _MODE),
        name=None if removal else text(obj, "name", _NAME),
    )


def _day(written: str) -> str:
    try:
        date.fromisoformat(written)
    except ValueError as error:
        raise Malformed("bad_payload", "from is no day of the calendar") from error
    return written

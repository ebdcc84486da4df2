"""Administrative divisions (GB/T 2260): six digits, province 2, city 2, county 2, each valid for a time.

    370214  370200  370000        a county, its city, its province

Codes change: a license keeps the code of its day, and `resolve` says which code stands for that place now. The rows
are data of the caller; nothing here knows a division by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from ledger.errors import Malformed

__all__ = ["Division", "DivisionTable", "Level"]

Level: TypeAlias = Literal["province", "city", "county"]

_CODE: Final = re.compile(r"[1-9][0-9]{5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """One code with its name and level, valid from `valid_from` to `valid_to`, both included; None = open.

    successor: the code that took over, for a code that ended. Raises Malformed bad_identifier, bad_row.
    """

    code: str
    name: str
    level: Level
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise Malformed("bad_identifier", "a division code has 6 digits and does not begin with 0")
        if self.level != _level(self.code):
            raise Malformed("bad_row", f"{self.code} is no code of a {self.level}")
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise Malformed("bad_row", f"{self.code} ends before it begins")
        if self.successor is not None and self.valid_to is None:
            raise Malformed("bad_row", f"{self.code} has a successor but no end")

    def valid_on(self, day: date) -> bool:
        """Say whether the code was in force on that day."""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)


def _level(code: str) -> Level:
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "county"


class DivisionTable:
    """A closed set of divisions by code. Raises Malformed bad_row on rows that contradict each other.

    A code may have several rows (it was renamed), whose times do not overlap. A successor is a code of the table, and
    following successors comes to an end.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Division]) -> None:
        by_code: dict[str, list[Division]] = {}
        for row in rows:
            by_code.setdefault(row.code, []).append(row)
        self._rows: Final[Mapping[str, tuple[Division, ...]]] = MappingProxyType(
            {code: tuple(sorted(same, key=lambda row: row.valid_from or date.min)) for code, same in by_code.items()}
        )
        for same in self._rows.values():
            _check_times(same)
        for code in self._rows:
            self.resolve(code)

    def at(self, code: str, day: date) -> Division:
        """Give the division that `code` meant on that day. Raises Malformed bad_identifier if it meant none."""
        for row in self._rows.get(code, ()):
            if row.valid_on(day):
                return row
        raise Malformed("bad_identifier", f"no such division code on {day}")

    def resolve(self, old_code: str) -> Division:
        """Follow successors from a code, old or not, to the division that stands for it now.

        Raises Malformed bad_identifier (unknown code), bad_row (successors that lead nowhere or in a circle).
        """
        row = self._latest(old_code, "bad_identifier")
        seen = {row.code}
        while row.successor is not None:
            row = self._latest(row.successor, "bad_row")
            if row.code in seen:
                raise Malformed("bad_row", f"the successors of {row.code} lead in a circle")
            seen.add(row.code)
        return row

    def parents(self, code: str) -> tuple[Division, ...]:
        """Give the latest rows of the city and the province above a code, nearest first; of those the table has.

        A province has none. Raises Malformed bad_identifier on an unknown code.
        """
        self._latest(code, "bad_identifier")
        above = (f"{code[:4]}00", f"{code[:2]}0000")
        return tuple(self._rows[parent][-1] for parent in above if parent != code and parent in self._rows)

    def _latest(self, code: str, fault: str) -> Division:
        if code not in self._rows:
            raise Malformed(fault, "no such division code in the table")
        return self._rows[code][-1]


def _check_times(same: tuple[Division, ...]) -> None:
    for earlier, later in pairwise(same):
        if earlier.valid_to is None or later.valid_from is None or earlier.valid_to >= later.valid_from:
            raise Malformed("bad_row", f"{later.code} has two rows for one day")

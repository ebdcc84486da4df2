"""Codes of matters (政务服务事项) and of cases: digits and, inside the longer ones, the implementing body's USCC.

    12  catalogue code     province 2 (00 = national), type 2, department 2, main item 3, sub item 3 (000 = none)
    31  task code          USCC of the implementing body 18, exercise level 1, catalogue code 12
    33  handling item      task code 31, sequence 2
    43  case number        task code 31, date of intake yyyyMMdd 8, serial of the day 4

Source: GB/T 39554.1-2020 as production data writes it (GB/T 39046-2020 prints shorter forms).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.errors import Malformed
from ledger.identifiers import Uscc, fault_of

__all__ = ["CASE_NUMBER_CHARS", "CATALOGUE_CODE", "CaseNumber", "MatterCode"]

CASE_NUMBER_CHARS: Final = 43
_TASK_CHARS: Final = 31
CATALOGUE_CODE: Final = re.compile(r"[0-9]{12}")
"""A matter's basic code in the catalogue."""

_ITEM: Final = re.compile(r"[0-9]{2}")
_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterCode:
    """A catalogue code, and who implements it, where the code says so.

    catalogue: 12 digits. implementer and level (1 national .. 7 graded) stand in codes of 31 and 33 characters, item (2
    digits) in those of 33. Raises Malformed bad_identifier.
    """

    catalogue: str
    implementer: Uscc | None = None
    level: int | None = None
    item: str | None = None

    def __post_init__(self) -> None:
        if not CATALOGUE_CODE.fullmatch(self.catalogue):
            raise Malformed("bad_identifier", "a catalogue code has 12 digits")
        if (self.implementer is None) != (self.level is None):
            raise Malformed("bad_identifier", "implementing body and exercise level stand together")
        if self.level is not None and not 1 <= self.level <= 7:
            raise Malformed("bad_identifier", "an exercise level is 1..7")
        if self.item is not None and (self.implementer is None or not _ITEM.fullmatch(self.item)):
            raise Malformed("bad_identifier", "a handling item is 2 digits after a task code")

    def __str__(self) -> str:
        task = "" if self.implementer is None else f"{self.implementer}{self.level}"
        return f"{task}{self.catalogue}{self.item or ''}"

    @classmethod
    def parse(cls, text: str) -> MatterCode:
        """Read a code of 12, 31 or 33 characters. Raises Malformed bad_identifier."""
        if len(text) == 12:
            return cls(catalogue=text)
        if len(text) not in {31, 33}:
            raise Malformed("bad_identifier", "a matter code has 12, 31 or 33 characters")
        if text[18] not in "1234567":
            raise Malformed("bad_identifier", "an exercise level is 1..7")
        implementer = Uscc.parse(text[:18])
        return cls(catalogue=text[19:31], implementer=implementer, level=int(text[18]), item=text[31:] or None)

    @classmethod
    def foreign(cls, text: str) -> tuple[str, str | None]:
        """Keep a code that others wrote, with the reason why it would not be written here, or None."""
        return text, fault_of(cls.parse, text)

    @property
    def province(self) -> str:
        """The first two digits of GB/T 2260, or 00 for a national matter."""
        return self.catalogue[:2]

    @property
    def type(self) -> str:
        """The matter's type, 2 digits: GB/T 39046-2020, Annex A."""
        return self.catalogue[2:4]

    @property
    def department(self) -> str:
        """The department, 2 digits."""
        return self.catalogue[4:6]

    @property
    def main_item(self) -> str:
        """The main item, 3 digits."""
        return self.catalogue[6:9]

    @property
    def sub_item(self) -> str | None:
        """The sub item, 3 digits; None if the code ends in 000."""
        return None if self.catalogue.endswith("000") else self.catalogue[9:]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNumber:
    """A case number (办件编号): the task, the day it was taken in, the day's serial 0..9999.

    Raises Malformed bad_identifier.
    """

    task: MatterCode
    day: date
    serial: int

    def __post_init__(self) -> None:
        if self.task.implementer is None or self.task.item is not None:
            raise Malformed("bad_identifier", "a case number begins with a task code of 31 characters")
        if not 0 <= self.serial <= 9999:
            raise Malformed("bad_identifier", "a day's serial is 0..9999")

    def __str__(self) -> str:
        day = self.day
        return f"{self.task}{day.year:04d}{day.month:02d}{day.day:02d}{self.serial:04d}"

    @classmethod
    def parse(cls, text: str) -> CaseNumber:
        """Read 43 characters with a real date. Raises Malformed bad_identifier."""
        match = _DAY.fullmatch(text[_TASK_CHARS:]) if len(text) == CASE_NUMBER_CHARS else None
        if match is None:
            raise Malformed("bad_identifier", "a case number has 43 characters and ends in date and serial")
        year, month, day, serial = map(int, match.groups())
        try:
            taken_in = date(year, month, day)
        except ValueError as error:
            raise Malformed("bad_identifier", "the date in the case number does not exist") from error
        return cls(task=MatterCode.parse(text[:_TASK_CHARS]), day=taken_in, serial=serial)

    @classmethod
    def foreign(cls, text: str) -> tuple[str, str | None]:
        """Keep a number that others wrote, with the reason why it would not be written here, or None."""
        return text, fault_of(cls.parse, text)

"""What the journal stated before a record: the offerings and licenses that a case step is judged by.

    license   name -> position        `000117001000@370214@20260601` of an offering, `1.2.156…` of a license

Read from the records, through the index that `hub.journal.store` keeps and `hub.journal.replay` checks: an index row
that names another record, or one behind the step, is as good as none.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from typing import Final

from hub.journal.offerings import OfferingRecord
from hub.journal.records import LicenseRecord, Statement, parse_statement
from ledger.offered import OfferingTerms

__all__ = ["Precedents"]

MAX_TERMS: Final = 4096
_STATED: Final = "SELECT r.d FROM license l JOIN record r ON r.i = l.i WHERE l.identifier = ? AND l.i < ?"
_VERSION: Final = (
    "SELECT identifier FROM license WHERE identifier > ? AND identifier <= ? AND i < ? ORDER BY identifier DESC LIMIT 1"
)


class Precedents:
    """Statements of one journal, by what they state. `before`: only those at lower positions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection
        self._terms: Final[OrderedDict[str, OfferingTerms]] = OrderedDict()

    def version(self, service: str, day: str, *, before: int) -> OfferingTerms | None:
        """Give the newest version of `<matter>@<county>` that begins on a day (`yyyymmdd`) or before, if there is one.

        Raises NotVerified and Malformed only where the file was written by somebody else.
        """
        row = self._connection.execute(_VERSION, (f"{service}@", f"{service}@{day}", before)).fetchone()
        return None if row is None else self._terms_of(row[0], before)

    def _terms_of(self, code: str, before: int) -> OfferingTerms | None:
        if code not in self._terms:
            record = self._stated(code, before)
            if not isinstance(record, OfferingRecord):
                return None
            self._terms[code] = record.terms
            if len(self._terms) > MAX_TERMS:
                self._terms.popitem(last=False)
        return self._terms[code]

    def license(self, identifier: str, *, before: int) -> LicenseRecord | None:
        """Give the license of an identifier, if one is stated."""
        record = self._stated(identifier, before)
        return record if isinstance(record, LicenseRecord) else None

    def is_stated(self, name: str, *, before: int) -> bool:
        """Tell whether something of this name is stated."""
        return self._connection.execute(_STATED, (name, before)).fetchone() is not None

    def _stated(self, name: str, before: int) -> Statement | None:
        row = self._connection.execute(_STATED, (name, before)).fetchone()
        if row is None:
            return None
        record = parse_statement(row[0])
        return record if getattr(record, "states", None) == name else None

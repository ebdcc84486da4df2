"""What a reader must see: the token that a write is answered with, and a later query brings back.

    812.0       the ledger's first 812 entries                 of a submission of entries
    0.96        the journal's first 96 records                 of a submission of records

Two counts with a point between them, each 0 to 9999999999999999 in decimal digits without leading zeros. It belongs to
one hub's logs and says nothing beyond what its write was answered with. Whoever has written to both logs sends the
greater count of each in one token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from ledger.errors import Malformed

__all__ = ["ReadAfter"]

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAfter:
    """Counts of ledger entries and journal records that the graph must hold before it is read."""

    ledger: int = 0
    journal: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token. Raises Malformed bad_read_after."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise Malformed("bad_read_after", "readAfter: expected the token of a write, such as 812.0")
        return cls(ledger=int(found[1]), journal=int(found[2]))

    def format(self) -> str:
        """Write the token."""
        return f"{self.ledger}.{self.journal}"

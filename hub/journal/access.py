"""Access records: who read which licenses, with which token and why; durable before the answer leaves.

The port `schema.context.Journal` over the running journal. Equal accesses are two records; a license is found by its
certificateIdentifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.journal.records import parse_access
from hub.journal.store import row_of
from schema.context import Access, AccessEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.writer import JournalWriter

__all__ = ["AccessJournal"]


class AccessJournal:
    """Writes and finds access records."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer: Final = writer

    async def record_access(self, access: Access) -> int:
        """Append one access record, durable when this returns. Gives its position.

        Raises Unavailable pushback or store_stopped: then the answer must not leave.
        """
        (position,) = await self._writer.append([row_of(access)])
        if isinstance(position, int):
            return position
        raise position

    async def accesses(self, certificate_identifier: str, *, first: int, after: int = -1) -> Sequence[AccessEntry]:
        """Give the access records of one license, oldest first, positions above `after`, at most `first`."""
        rows = await self._writer.ask(lambda reader: reader.accesses(certificate_identifier, first=first, after=after))
        return [AccessEntry(position=position, access=parse_access(raw)) for position, raw in rows]

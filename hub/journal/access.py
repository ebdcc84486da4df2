"""Access records: who read which licenses, with which token and why; durable before the answer leaves.

The port `schema.context.Journal` over the running journal. Equal accesses are two records; a license is found by its
certificateIdentifier, a case by its number, a holder by the keyed hash.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from hub.journal.records import parse_access
from hub.journal.store import asked_after, row_of
from schema.context import Access, AccessEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.journal.store import JournalReader
    from hub.journal.writer import JournalWriter

__all__ = ["AccessJournal", "AccessReads", "Asked"]

T = TypeVar("T")

_CASE: Final = re.compile(r"[0-9A-Z]{43}")


class Asked(Protocol):
    """A journal that can be read: the writer's own, or its file in another process."""

    async def ask(self, question: Callable[[JournalReader], T]) -> T:
        """Run a read in a reading thread, over what the last commit holds. Raises NotVerified corrupt_store."""
        ...


class AccessReads:
    """Finds access records."""

    def __init__(self, journal: Asked) -> None:
        self._journal: Final = journal

    async def accesses(self, certificate_identifier: str, *, first: int, after: int = -1) -> Sequence[AccessEntry]:
        """Give the access records of one license, oldest first, positions above `after`, at most `first`."""
        names = (certificate_identifier,)
        rows = await self._journal.ask(lambda reader: reader.accesses(names, first=first, after=after))
        return _entries(rows, names)

    async def accesses_of(
        self, holder: str, *, county: str | None, first: int, after: int = -1
    ) -> Sequence[AccessEntry]:  # fmt: skip
        """Give the access records of a holder's licenses, oldest first; of those that `county` sealed only.

        county None: of all of them, of the cases that the holder applied for, and those that found none. Each entry
        names the licenses and cases that it is given for.
        """

        def found(reader: JournalReader) -> Sequence[AccessEntry]:
            names = reader.holdings(holder, county)
            asked = [*names, asked_after(holder)] if county is None else names
            return _entries(reader.accesses(asked, first=first, after=after), names)

        return await self._journal.ask(found)


class AccessJournal(AccessReads):
    """Writes and finds access records."""

    def __init__(self, writer: JournalWriter) -> None:
        super().__init__(writer)
        self._writer: Final = writer

    async def record_access(self, access: Access) -> int:
        """Append one access record, durable when this returns. Gives its position.

        Raises Unavailable pushback or store_stopped: then the answer must not leave.
        """
        (position,) = await self._writer.append([row_of(access)])
        if isinstance(position, int):
            return position
        raise position


def _entries(rows: Sequence[tuple[int, bytes]], names: Sequence[str]) -> list[AccessEntry]:
    """Read access records, each with those of its licenses and cases that were asked after."""
    asked = frozenset(names)
    return [_entry(position, parse_access(raw), asked) for position, raw in rows]


def _entry(position: int, access: Access, asked: frozenset[str]) -> AccessEntry:
    given = [each for each in access.licenses if each in asked]
    cases = tuple(each for each in given if _CASE.fullmatch(each))
    licenses = tuple(each for each in given if not _CASE.fullmatch(each))
    return AccessEntry(position=position, access=access, licenses=licenses, cases=cases)

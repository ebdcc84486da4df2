"""What counties state in the journal: each record judged, the good ones appended together.

Order of the checks: form -> kid known, active, use `journal` -> signature -> iat. Then of a license: the issuing
authority is one of that county -> the leaf is a sequenced seal of the same county; one whose seal is not in the ledger
yet is Conflict wrong_target, and the county sends it again later. Of an offering: the matter is on the list on its
first day, the license types are known. A case step needs neither seal nor authority: its counties must be members, the
licenses that it names in force (`hub.journal.ledgerchecks`), and whether it may come now is judged by the journal's
writer, in the transaction that appends it: first, so that nobody learns of a license by a step that may not come.

The log sees digests, so any member can seal any identifier. The first statement of a license stands for good: without
the check of the authority a member could take another county's identifiers before that county states them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from hub.journal.ledgerchecks import LedgerChecks, Statuses
from hub.journal.objections import ObjectionRecord
from hub.journal.offerings import OfferingRecord
from hub.journal.records import LicenseRecord, Statement, parse_statement
from hub.journal.store import row_of
from ledger.encoding import MAX_INTEGER
from ledger.errors import Conflict, NotVerified, Refused, TongbanError
from ledger.identifiers import Uscc
from ledger.matterlist import MatterList
from ledger.suites import verify
from ledger.workdays import WorkingCalendar

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from hub.journal.writer import JournalWriter
    from ledger.members import KeyState
    from schema.context import Clock

__all__ = ["Listed", "RecordIntake", "Seals", "check_offering", "check_record"]


Checked: TypeAlias = Statement | TongbanError


class Seals(Statuses, Protocol):
    """What the intake asks of the ledger."""

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        """Give the issuing county of each leaf hash that is a sequenced seal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the alliance lists: codes of license types, of matters in the catalogue, and what the ledger says of those.

    decided: empty as long as the ledger has no list of its own; then the catalogue's matters are on it every day.
    """

    matters: frozenset[str]
    types: frozenset[str]
    decided: MatterList = field(default_factory=MatterList)

    def has(self, matter: str, day: date) -> bool:
        """Tell whether a matter is on the list on a day."""
        if not self.decided.decisions:
            return matter in self.matters
        return any(each.code == matter for each in self.decided.on(day))


def check_offering(matter: str, type_codes: frozenset[str], listed: Listed, day: date) -> None:
    """Check what an offering names that is in force from a day on: the matter is on the list then, the types are known.

    Raises Conflict not_listed.
    """
    if not listed.has(matter, day):
        raise Conflict("not_listed", f"the catalogue lists no matter {matter} on {day}")
    if unknown := sorted(type_codes - listed.types):
        raise Conflict("not_listed", f"the catalogue lists no license type {unknown[0]}")


def check_record(raw: bytes, keys: KeyState, listed: Listed, now: int) -> Statement:
    """Check form, key, signature, time and subject of a county's record. Pure; may run in any thread.

    Raises Malformed, NotVerified unknown_kid, key_not_active, key_use, bad_signature, Conflict iat_in_future,
    not_listed, Refused not_issuer.
    """
    record = parse_statement(raw)
    (signature,) = record.jws.signatures
    key = keys.key_for(signature.kid, index=MAX_INTEGER, use="journal")
    if key.alg != signature.alg:
        raise NotVerified("bad_signature", f"key {signature.kid} is of suite {key.alg}, the header says another")
    verify(key, signature.message, signature.signature)
    if record.iat > now + keys.rule("iat_ahead_s"):
        raise Conflict("iat_in_future", "iat is ahead of the clock")
    if isinstance(record, OfferingRecord):
        known = replace(listed, decided=keys.matters)
        check_offering(record.matter, record.type_codes, known, date.fromisoformat(record.effective))
    if isinstance(record, ObjectionRecord) and record.type_code not in {None, *listed.types}:
        raise Conflict("not_listed", f"the catalogue lists no license type {record.type_code}")
    # The issuer is the identifier's own: parse_license_record compares them.
    if isinstance(record, LicenseRecord) and Uscc(record.issuer).division != record.iss:
        raise Refused("not_issuer", "the issuing authority is one of another division")
    return record


class RecordIntake:
    """Takes batches of county records. listed: what offerings may name. pool: threads for the signatures.

    calendar: the working days by which a lamp is red; without one, all days but weekends.
    """

    def __init__(
        self,
        writer: JournalWriter,
        seals: Seals,
        *,
        listed: Listed,
        pool: Executor,
        clock: Clock,
        calendar: WorkingCalendar = WorkingCalendar(),  # noqa: B008  # frozen
    ) -> None:
        self._writer: Final = writer
        self._seals: Final = seals
        self._listed: Final = listed
        self._pool: Final = pool
        self._clock: Final = clock
        self._checks: Final = LedgerChecks(writer, seals, clock=clock, calendar=calendar)

    async def submit(self, raws: Sequence[bytes]) -> list[int | TongbanError]:
        """Judge and append 1..1,000 records; one position or error each, in order.

        Raises Unavailable pushback, store_stopped for all of them.
        """
        checked = await asyncio.get_running_loop().run_in_executor(self._pool, self._checked, raws)
        leaves = [each.leaf for each in checked if isinstance(each, LicenseRecord)]
        issuers = await self._seals.sealed_by(leaves) if leaves else {}
        results = [_against_ledger(each, issuers) for each in checked]
        good = [each for each in results if not isinstance(each, TongbanError)]
        against = await self._checks.refusals(good)
        oldest = self._clock() - self._seals.keys.rule("iat_back_s")
        rows = [row_of(each, oldest=oldest, against=against.get(each.jws.leaf)) for each in good]
        placed = iter(await self._writer.append(rows) if rows else ())
        return [each if isinstance(each, TongbanError) else next(placed) for each in results]

    def _checked(self, raws: Sequence[bytes]) -> list[Checked]:
        keys, now = self._seals.keys, self._clock()
        results: list[Checked] = []
        for raw in raws:
            try:
                results.append(check_record(raw, keys, self._listed, now))
            except TongbanError as error:
                results.append(error)
        return results


def _against_ledger(checked: Checked, issuers: Mapping[bytes, str]) -> Checked:
    if not isinstance(checked, LicenseRecord):
        return checked
    issuer = issuers.get(checked.leaf)
    if issuer is None:
        return Conflict("wrong_target", "the ledger holds no seal with this leaf hash yet")
    if issuer != checked.iss:
        return Refused("not_issuer", "the seal with this leaf hash is another county's")
    return checked

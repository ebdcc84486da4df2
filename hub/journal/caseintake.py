"""What the hub asks about cases before the journal judges a record: members, licenses in force, lamps, as of now.

    counties of an APPLICATION      members by the newest key state                      Conflict not_member
    licenses that a step names      stated, sealed, published, VALID under the newest    Conflict wrong_target,
                                    published checkpoint, in force on the step's day     not_valid
    the clock of a supervision      red by the hub's clock and calendar                  Conflict not_red

Asked once, when a record comes in: statuses, members and calendar change, so a replay does not ask again. One that
stands in the journal already is not asked: whatever became of its licenses since, it gets its position. Which
checkpoint a step was judged by is not in the step: the county signs before the hub judges. The status heads around its
position bound it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hub.journal.casesteps import CaseStepRecord
from hub.journal.records import LicenseRecord, Statement
from hub.journal.supervision import SupervisionRecord
from ledger.clocks import Lamp, read_clock
from ledger.errors import Conflict, Refused, TongbanError
from ledger.status import Status
from ledger.workdays import china_day

if TYPE_CHECKING:
    from hub.journal.writer import JournalWriter
    from ledger.casework import Case
    from ledger.members import KeyState
    from ledger.workdays import WorkingCalendar
    from schema.context import Clock

__all__ = ["CaseChecks", "Statuses"]


class Statuses(Protocol):
    """What the checks ask of the ledger."""

    @property
    def keys(self) -> KeyState:
        """The newest key state."""
        ...

    async def statuses_of(self, leaves: Sequence[bytes]) -> Mapping[bytes, Status]:
        """Give the status of each leaf hash that is a published seal, under the newest published checkpoint."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What journal and ledger say of a group of records. placed: leaf hashes of those that stand already.

    licenses: those named by steps, with the statuses of their seals. cases: those that are supervised, by number.
    """

    placed: frozenset[bytes]
    licenses: Mapping[str, LicenseRecord]
    statuses: Mapping[bytes, Status]
    cases: Mapping[str, Case]


class CaseChecks:
    """Judges records by the ledger and the hub's clock. One for a hub. calendar: the working days."""

    def __init__(self, writer: JournalWriter, ledger: Statuses, *, clock: Clock, calendar: WorkingCalendar) -> None:
        self._writer: Final = writer
        self._ledger: Final = ledger
        self._clock: Final = clock
        self._calendar: Final = calendar

    async def refusals(self, records: Sequence[Statement]) -> dict[bytes, TongbanError]:
        """Say which of the records of one group cannot be taken, by leaf hash, and why.

        Raises NotVerified corrupt_store.
        """
        steps = [each for each in records if isinstance(each, CaseStepRecord)]
        steps = [each for each in steps if each.licenses or each.step.opening is not None]
        urged = [each for each in records if isinstance(each, SupervisionRecord)]
        if not steps and not urged:
            return {}
        beside = {each.identifier: each for each in records if isinstance(each, LicenseRecord)}
        known = await self._known(steps, urged, beside)
        found: dict[bytes, TongbanError | None] = {each.jws.leaf: self._of_step(each, known) for each in steps}
        found |= {each.jws.leaf: self._of_supervision(each, known) for each in urged}
        return {leaf: error for leaf, error in found.items() if error is not None and leaf not in known.placed}

    async def _known(
        self,
        steps: Sequence[CaseStepRecord],
        urged: Sequence[SupervisionRecord],
        beside: Mapping[str, LicenseRecord],
    ) -> _Known:
        leaves = [*(each.jws.leaf for each in steps), *(each.jws.leaf for each in urged)]
        named = sorted({each for step in steps for each in step.licenses})
        numbers = sorted({each.case for each in urged})
        placed, stated, cases = await self._writer.ask(
            lambda reader: (reader.placed(leaves), reader.licenses(named), reader.cases(numbers))
        )
        licenses = {**beside, **stated}  # the first statement of a license stands
        seals = [each.leaf for name, each in licenses.items() if name in named]
        statuses = await self._ledger.statuses_of(seals) if seals else {}
        return _Known(placed=placed, licenses=licenses, statuses=statuses, cases=cases)

    def _of_step(self, record: CaseStepRecord, known: _Known) -> Conflict | None:
        opening, members = record.step.opening, self._ledger.keys.counties
        counties = () if opening is None else (opening.handled_by, opening.picked_up_at)
        if absent := [county for county in counties if county not in members]:
            return Conflict("not_member", f"{absent[0]} is no member of the alliance")
        day = china_day(record.iat).isoformat()
        found = (_license_refusal(known.licenses.get(each), known.statuses, day) for each in record.licenses)
        return next((refusal for refusal in found if refusal is not None), None)

    def _of_supervision(self, record: SupervisionRecord, known: _Known) -> TongbanError | None:
        case = known.cases.get(record.case)
        if case is None or record.iss not in case.counties:
            return Refused("not_party", "the county is no party of a case with this number")
        clock = next((each for each in case.clocks if each.code == record.clock and not each.ended), None)
        if clock is None:
            return None  # the journal says so, with the clocks that are open
        found = read_clock(clock, self._clock(), self._calendar)
        if found.lamp is not Lamp.RED:
            return Conflict("not_red", f"{record.clock} is {found.lamp.value}: {found.left} working days are left")
        return None


def _license_refusal(license_: LicenseRecord | None, statuses: Mapping[bytes, Status], day: str) -> Conflict | None:
    if license_ is None:
        return Conflict("wrong_target", "a license is named that the journal does not have")
    status = statuses.get(license_.leaf)
    if status is None:
        return Conflict("wrong_target", f"the seal of {license_.identifier} is not published yet: state the step again")
    if status is not Status.VALID:
        return Conflict("not_valid", f"{license_.identifier} is {status.name}")
    if license_.expires is not None and license_.expires < day:
        return Conflict("not_valid", f"{license_.identifier} has expired on {license_.expires}")
    if license_.effective is not None and license_.effective > day:
        return Conflict("not_valid", f"{license_.identifier} is in force from {license_.effective} on")
    return None

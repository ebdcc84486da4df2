"""What ledger and clock say of a record as of now: members, licenses in force, lamps.

    counties of an APPLICATION      members by the newest key state                      Conflict not_member
    licenses that a step names      sealed, published, VALID under the newest            Conflict wrong_target,
                                    published checkpoint, in force on the step's day     not_valid
    the license of a signed grant   the same: a key that a revoked seal confirms         Conflict wrong_target,
                                    speaks for nobody                                    not_valid
    the clock of a supervision      red by the hub's clock and calendar                  Conflict not_red

Asked once, when a record comes in: statuses, members and calendar change, so a replay does not ask again. What is said
here is told only of a record that the journal's writer would take, after party, order, applicant, holder and signature
were judged (`JournalRow.against`): else a step of no case, or a grant that nobody signed, would ask for the status of
anybody's license. Whoever opens a case is no party of it yet, and is told which license is not in force, not why.
A withdrawal is not asked for any status: a consent ends more easily than it begins.

Which checkpoint a step was judged by is not in the step: the county signs before the hub judges. The status heads
around its position bound it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hub.journal.casebook import NO_LICENSE
from hub.journal.casesteps import CaseStepRecord
from hub.journal.consents import ConsentRecord
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

__all__ = ["LedgerChecks", "Statuses"]


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
    """What journal and ledger say of a group of records.

    licenses: those named by steps and grants, with the statuses of their seals. cases: those that are supervised, by
    number.
    """

    licenses: Mapping[str, LicenseRecord]
    statuses: Mapping[bytes, Status]
    cases: Mapping[str, Case]

    def unfit(self, identifier: str, day: str) -> Conflict | None:
        """Say why a license is not in force on a day, yyyy-mm-dd, or cannot be judged."""
        license_ = self.licenses.get(identifier)
        if license_ is None:
            return Conflict("wrong_target", NO_LICENSE)
        status = self.statuses.get(license_.leaf)
        if status is None:
            return Conflict("wrong_target", f"the seal of {identifier} is not published yet: state it again")
        if status is not Status.VALID:
            return Conflict("not_valid", f"{identifier} is {status.name}")
        if license_.expires is not None and license_.expires < day:
            return Conflict("not_valid", f"{identifier} has expired on {license_.expires}")
        if license_.effective is not None and license_.effective > day:
            return Conflict("not_valid", f"{identifier} is in force from {license_.effective} on")
        return None


class LedgerChecks:
    """Judges records by the ledger and the hub's clock. One for a hub. calendar: the working days."""

    def __init__(self, writer: JournalWriter, ledger: Statuses, *, clock: Clock, calendar: WorkingCalendar) -> None:
        self._writer: Final = writer
        self._ledger: Final = ledger
        self._clock: Final = clock
        self._calendar: Final = calendar

    async def refusals(self, records: Sequence[Statement]) -> dict[bytes, TongbanError]:
        """Say what speaks against the records of one group, by leaf hash. Raises NotVerified corrupt_store."""
        steps = [each for each in records if isinstance(each, CaseStepRecord)]
        steps = [each for each in steps if each.licenses or each.step.opening is not None]
        grants = {each.jws.leaf: (each, each.license) for each in records if isinstance(each, ConsentRecord)}
        urged = [each for each in records if isinstance(each, SupervisionRecord)]
        named = {name for step in steps for name in step.licenses} | {name for _, name in grants.values() if name}
        if not steps and not named and not urged:
            return {}
        known = await self._known(sorted(named), urged, records)
        found: dict[bytes, TongbanError | None] = {each.jws.leaf: self._of_step(each, known) for each in steps}
        found |= {
            leaf: known.unfit(name, china_day(each.iat).isoformat())
            for leaf, (each, name) in grants.items()
            if name is not None
        }
        found |= {each.jws.leaf: self._of_supervision(each, known) for each in urged}
        return {leaf: error for leaf, error in found.items() if error is not None}

    async def _known(
        self, named: Sequence[str], urged: Sequence[SupervisionRecord], records: Sequence[Statement]
    ) -> _Known:
        beside = {each.identifier: each for each in records if isinstance(each, LicenseRecord)}
        numbers = sorted({each.case for each in urged})
        stated, cases = await self._writer.ask(lambda reader: (reader.licenses(named), reader.cases(numbers)))
        licenses = {**beside, **stated}  # the first statement of a license stands
        seals = [licenses[name].leaf for name in named if name in licenses]
        statuses = await self._ledger.statuses_of(seals) if seals else {}
        return _Known(licenses=licenses, statuses=statuses, cases=cases)

    def _of_step(self, record: CaseStepRecord, known: _Known) -> Conflict | None:
        opening, members = record.step.opening, self._ledger.keys.counties
        counties = () if opening is None else (opening.handled_by, opening.picked_up_at)
        if absent := [county for county in counties if county not in members]:
            return Conflict("not_member", f"{absent[0]} is no member of the alliance")
        day = china_day(record.iat).isoformat()
        for identifier in record.licenses:
            refusal = known.unfit(identifier, day)
            if refusal is not None and refusal.code == "not_valid" and opening is not None:
                return Conflict("not_valid", f"{identifier} is not in force")
            if refusal is not None:
                return refusal
        return None

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

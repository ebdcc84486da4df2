"""What the hub asks of a case step before the journal judges it: members, and licenses in force, as of now.

    counties of an APPLICATION      members by the newest key state                      Conflict not_member
    licenses that a step names      stated, sealed, published, VALID under the newest    Conflict wrong_target, not_valid
                                    published checkpoint, in force on the step's day

Asked once, when a step comes in: statuses and members change, so a replay does not ask again. A step that stands in the
journal already is not asked: whatever became of its licenses since, it gets its position. Which checkpoint a step was
judged by is not in the step: the county signs before the hub judges. The status heads around its position bound it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ledger.errors import Conflict, TongbanError
from ledger.status import Status
from ledger.workdays import china_day

if TYPE_CHECKING:
    from hub.journal.casesteps import CaseStepRecord
    from hub.journal.records import LicenseRecord
    from hub.journal.writer import JournalWriter
    from ledger.members import KeyState

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
    """What the journal and the ledger say of a group of steps. placed: leaf hashes of steps that stand already."""

    placed: frozenset[bytes]
    licenses: Mapping[str, LicenseRecord]
    statuses: Mapping[bytes, Status]


class CaseChecks:
    """Judges steps by the ledger. One for a hub."""

    def __init__(self, writer: JournalWriter, ledger: Statuses) -> None:
        self._writer: Final = writer
        self._ledger: Final = ledger

    async def refusals(
        self, steps: Sequence[CaseStepRecord], beside: Sequence[LicenseRecord]
    ) -> dict[bytes, TongbanError]:
        """Say which steps cannot be taken, by leaf hash, and why. beside: licenses stated in the same group.

        Raises NotVerified corrupt_store.
        """
        asked = [step for step in steps if step.licenses or step.step.opening is not None]
        if not asked:
            return {}
        known = await self._known(asked, {each.identifier: each for each in beside})
        found = {step.jws.leaf: self._refusal(step, known) for step in asked if step.jws.leaf not in known.placed}
        return {leaf: refusal for leaf, refusal in found.items() if refusal is not None}

    async def _known(self, steps: Sequence[CaseStepRecord], beside: Mapping[str, LicenseRecord]) -> _Known:
        leaves = [step.jws.leaf for step in steps]
        named = sorted({each for step in steps for each in step.licenses})
        placed, stated = await self._writer.ask(lambda reader: (reader.placed(leaves), reader.licenses(named)))
        licenses = {**beside, **stated}  # the first statement of a license stands
        seals = [each.leaf for name, each in licenses.items() if name in named]
        statuses = await self._ledger.statuses_of(seals) if seals else {}
        return _Known(placed=placed, licenses=licenses, statuses=statuses)

    def _refusal(self, record: CaseStepRecord, known: _Known) -> Conflict | None:
        opening, members = record.step.opening, self._ledger.keys.counties
        counties = () if opening is None else (opening.handled_by, opening.picked_up_at)
        if absent := [county for county in counties if county not in members]:
            return Conflict("not_member", f"{absent[0]} is no member of the alliance")
        day = china_day(record.iat).isoformat()
        found = (_license_refusal(known.licenses.get(each), known.statuses, day) for each in record.licenses)
        return next((refusal for refusal in found if refusal is not None), None)


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

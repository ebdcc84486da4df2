"""By what right a person's licenses are read, judged over the journal: consents, and open cases.

The port `schema.context.Bases`. A consent is asked for by two names at once, `consent/<id>` and `consent/<id>/revoked`:
one look-up in an index, of what the last commit holds. What a consent says never changes, so its parsed form is kept;
whether it was taken back is read each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hub.journal.casesteps import parse_case_step
from hub.journal.consents import CONSENT_TYP, ConsentRecord, consent_of
from ledger.cases import CaseStage
from ledger.casework import Case, take
from ledger.consents import covers
from ledger.errors import Refused
from ledger.jws import parse_compact
from schema.consents import NO_BASIS
from schema.context import Basis

if TYPE_CHECKING:
    from hub.journal.writer import JournalWriter

__all__ = ["JournalBases"]

_KEPT: Final = 4096
_OVER: Final = frozenset({CaseStage.DELIVERED, CaseStage.CLOSED, CaseStage.EVALUATED})


class JournalBases:
    """Judges consents and cases by what the journal holds now."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer: Final = writer

    async def judge(self, *, consent: str | None, case: str | None, county: str, at: int) -> Basis:
        """Judge a consent by its id, or a case by its number, for a county at a time (POSIX seconds).

        Raises Refused no_basis (none that is the county's), basis_ended (expired, taken back, or closed); Unavailable
        store_stopped, NotVerified corrupt_store.
        """
        if consent is not None:
            return await self._consent(consent, county, at)
        if case is not None:
            return await self._case(case, county)
        raise Refused("no_basis", NO_BASIS)

    async def _consent(self, consent_id: str, county: str, at: int) -> Basis:
        name, ended = f"consent/{consent_id}", f"consent/{consent_id}/revoked"
        found = await self._writer.ask(lambda reader: reader.stated((name, ended)))
        record = _read(found[name]) if name in found else None
        if record is None or record.consent.county != county:
            raise Refused("no_basis", NO_BASIS)
        if ended in found or not covers(record.consent, county=county, matter=None, fields=(), at=at):
            raise Refused("basis_ended", "the consent has expired, or was taken back")
        consent = record.consent
        return Basis(name=name, holder=record.holder, matter=consent.matter, fields=consent.fields)

    async def _case(self, number: str, county: str) -> Basis:
        raws = await self._writer.ask(lambda reader: reader.steps(number))
        records = [parse_case_step(raw) for raw in raws]
        case: Case | None = None
        for record in records:
            case = take(case, record.step)
        if case is None or county not in case.counties:
            raise Refused("no_basis", NO_BASIS)
        if case.stage in _OVER:
            raise Refused("basis_ended", "the case is over")
        return Basis(name=f"case/{number}", holder=case.holder, matter=records[0].matter, fields=None)


@lru_cache(maxsize=_KEPT)
def _read(raw: bytes) -> ConsentRecord:
    return consent_of(parse_compact(raw, CONSENT_TYP))

"""By what right a person's licenses are read, judged over the journal: consents, and open cases.

The port `schema.context.Bases`. A consent is asked for by two names, `consent/<id>` and `consent/<id>/revoked`: two
look-ups in one index, of what the last commit holds. What a consent says never changes, so its parsed form is kept;
whether it was taken back is read each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hub.journal.consents import CONSENT_TYP, ConsentRecord, consent_of
from ledger.cases import CaseStage
from ledger.consents import covers
from ledger.errors import Refused
from ledger.jws import parse_compact
from ledger.matters import CaseNumber
from schema.consents import NO_BASIS
from schema.context import Basis

if TYPE_CHECKING:
    from hub.journal.access import Asked

__all__ = ["JournalBases"]

_KEPT: Final = 4096
_OVER: Final = frozenset({CaseStage.DELIVERED, CaseStage.CLOSED, CaseStage.EVALUATED})


class JournalBases:
    """Judges consents and cases by what the journal holds now."""

    def __init__(self, journal: Asked) -> None:
        self._journal: Final = journal

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
        name = f"consent/{consent_id}"
        raw, ended = await self._journal.ask(lambda reader: (reader.stated(name), reader.stated(f"{name}/revoked")))
        record = None if raw is None else _read(raw)
        if record is None or record.consent.county != county:
            raise Refused("no_basis", NO_BASIS)
        consent = record.consent
        if ended is not None or not covers(consent, county=county, matter=consent.matter, fields=(), at=at):
            raise Refused("basis_ended", "the consent has expired, or was taken back")
        return Basis(
            name=name, holder=record.holder, matter=consent.matter, fields=consent.fields, purpose=consent.purpose
        )

    async def _case(self, number: str, county: str) -> Basis:
        case = (await self._journal.ask(lambda reader: reader.cases((number,)))).get(number)
        if case is None or county not in case.counties:
            raise Refused("no_basis", NO_BASIS)
        if case.stage in _OVER:
            raise Refused("basis_ended", "the case is over")
        return Basis(
            name=f"case/{number}", holder=case.holder, matter=CaseNumber.parse(number).task.catalogue, fields=None,
            purpose=None,
        )  # fmt: skip


@lru_cache(maxsize=_KEPT)
def _read(raw: bytes) -> ConsentRecord:
    return consent_of(parse_compact(raw, CONSENT_TYP))

"""By what right a person's licenses are read, judged over the journal: consents, and open cases.

The port `schema.context.Bases`. A consent is asked for by two names, `consent/<id>` and `consent/<id>/revoked`: two
look-ups in one index, of what the last commit holds. What was found is good until a statement is committed, by whatever
county; most commits hold access records alone. A reading is judged twice, and so costs one way to a reading thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hub.journal.consents import CONSENT_TYP, consent_of
from hub.lru import Lru
from ledger.cases import CaseStage
from ledger.consents import covers
from ledger.errors import Refused
from ledger.jws import parse_compact
from ledger.matters import CaseNumber
from schema.consents import NO_BASIS
from schema.context import Basis

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.journal.access import Asked
    from hub.journal.store import JournalReader
    from ledger.casework import Case
    from ledger.consents import Consent

__all__ = ["JournalBases"]

T = TypeVar("T")

_KEPT: Final = 4096
_OVER: Final = frozenset({CaseStage.DELIVERED, CaseStage.CLOSED, CaseStage.EVALUATED})


class JournalBases:
    """Judges consents and cases by what the journal holds now. Used from the event loop alone.

    stated: grows whenever a statement was committed (`JournalWriter.stated`), and nobody else writes the journal; None:
    somebody else may, and the journal is asked each time.
    """

    def __init__(self, journal: Asked, *, stated: Callable[[], int] | None = None) -> None:
        self._journal: Final = journal
        self._stated: Final = stated
        self._consents: Final[Lru[str, _Found[_Given | None]]] = Lru(_KEPT)
        self._cases: Final[Lru[str, _Found[Case | None]]] = Lru(_KEPT)

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
        given = await self._found(self._consents, name, _consent_in)
        if given is None or given.consent.county != county:
            raise Refused("no_basis", NO_BASIS)
        consent = given.consent
        if given.ended or not covers(consent, county=county, matter=consent.matter, fields=(), at=at):
            raise Refused("basis_ended", "the consent has expired, or was taken back")
        return given.basis

    async def _case(self, number: str, county: str) -> Basis:
        case = await self._found(self._cases, number, _case_in)
        if case is None or county not in case.counties:
            raise Refused("no_basis", NO_BASIS)
        if case.stage in _OVER:
            raise Refused("basis_ended", "the case is over")
        return Basis(
            name=f"case/{number}", holder=case.holder, matter=CaseNumber.parse(number).task.catalogue, fields=None,
            purpose=None,
        )  # fmt: skip

    async def _found(self, kept: Lru[str, _Found[T]], name: str, question: Callable[[JournalReader, str], T]) -> T:
        # Taken before it is asked: a statement that is committed meanwhile makes what is found good for once only.
        stated = None if self._stated is None else self._stated()
        known = kept.get(name)
        if known is not None and known.stated == stated:
            return known.value
        value = await self._journal.ask(lambda reader: question(reader, name))
        if stated is not None:
            kept.put(name, _Found(stated, value))
        return value


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    """What the journal held after so many statements."""

    stated: int
    value: T


@dataclass(frozen=True, slots=True)
class _Given:
    """A consent in the journal. ended: it was taken back. basis: what it gives while it is in force."""

    consent: Consent
    ended: bool
    basis: Basis


def _consent_in(reader: JournalReader, name: str) -> _Given | None:
    raw, ended = reader.stated(name), reader.stated(f"{name}/revoked")
    if raw is None:
        return None
    record = consent_of(parse_compact(raw, CONSENT_TYP))
    consent = record.consent
    basis = Basis(
        name=name, holder=record.holder, matter=consent.matter, fields=consent.fields, purpose=consent.purpose
    )
    return _Given(consent, ended is not None, basis)


def _case_in(reader: JournalReader, number: str) -> Case | None:
    return reader.cases((number,)).get(number)

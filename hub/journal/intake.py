"""What counties state in the journal: each record judged, the good ones appended together.

Order of the checks: form -> kid known, active, use `journal` -> signature -> iat -> the issuing authority is one of
that county -> the leaf is a sequenced seal of the same county. A record whose seal is not in the ledger yet is Conflict
wrong_target: the county sends it again later. A case step needs no seal and no issuing authority; whether it may come
now is judged by the journal's writer, in the transaction that appends it.

The log sees digests, so any member can seal any identifier. The first statement of a license stands for good: without
the check of the authority a member could take another county's identifiers before that county states them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from hub.journal.casesteps import CaseStepRecord
from hub.journal.records import LicenseRecord, parse_statement
from hub.journal.store import row_of
from ledger.encoding import MAX_INTEGER
from ledger.errors import Conflict, NotVerified, Refused, TongbanError
from ledger.identifiers import Uscc
from ledger.suites import verify

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from hub.journal.writer import JournalWriter
    from ledger.members import KeyState
    from schema.context import Clock

__all__ = ["RecordIntake", "Seals", "check_record"]


Checked: TypeAlias = LicenseRecord | CaseStepRecord | TongbanError


class Seals(Protocol):
    """What the intake asks of the ledger."""

    @property
    def keys(self) -> KeyState:
        """The newest key state."""
        ...

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        """Give the issuing county of each leaf hash that is a sequenced seal."""
        ...


def check_record(raw: bytes, keys: KeyState, now: int) -> LicenseRecord | CaseStepRecord:
    """Check form, key, signature, time and issuing authority of a county's record. Pure; may run in any thread.

    Raises Malformed, NotVerified unknown_kid, key_not_active, key_use, bad_signature, Conflict iat_in_future,
    Refused not_issuer.
    """
    record = parse_statement(raw)
    (signature,) = record.jws.signatures
    key = keys.key_for(signature.kid, index=MAX_INTEGER, use="journal")
    if key.alg != signature.alg:
        raise NotVerified("bad_signature", f"key {signature.kid} is of suite {key.alg}, the header says another")
    verify(key, signature.message, signature.signature)
    if record.iat > now + keys.rule("iat_ahead_s"):
        raise Conflict("iat_in_future", "iat is ahead of the clock")
    # The issuer is the identifier's own: parse_license_record compares them.
    if isinstance(record, LicenseRecord) and Uscc(record.issuer).division != record.iss:
        raise Refused("not_issuer", "the issuing authority is one of another division")
    return record


class RecordIntake:
    """Takes batches of county records. pool: threads for the signatures."""

    def __init__(self, writer: JournalWriter, seals: Seals, *, pool: Executor, clock: Clock) -> None:
        self._writer: Final = writer
        self._seals: Final = seals
        self._pool: Final = pool
        self._clock: Final = clock

    async def submit(self, raws: Sequence[bytes]) -> list[int | TongbanError]:
        """Judge and append 1..1,000 records; one position or error each, in order.

        Raises Unavailable pushback, store_stopped for all of them.
        """
        checked = await asyncio.get_running_loop().run_in_executor(self._pool, self._checked, raws)
        leaves = [each.leaf for each in checked if isinstance(each, LicenseRecord)]
        issuers = await self._seals.sealed_by(leaves) if leaves else {}
        results = [_against_ledger(each, issuers) for each in checked]
        oldest = self._clock() - self._seals.keys.rule("iat_back_s")
        rows = [row_of(each, oldest=oldest) for each in results if not isinstance(each, TongbanError)]
        placed = iter(await self._writer.append(rows) if rows else ())
        return [each if isinstance(each, TongbanError) else next(placed) for each in results]

    def _checked(self, raws: Sequence[bytes]) -> list[Checked]:
        keys, now = self._seals.keys, self._clock()
        results: list[Checked] = []
        for raw in raws:
            try:
                results.append(check_record(raw, keys, now))
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

"""Targets of the journal's statements: read strictly, and judged in a moment whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.journal.consents import ConsentRecord
from hub.journal.records import parse_license_record, parse_statement
from tests.casefile import whole_case
from tests.casehelp import assistance, supervision
from tests.consents import LICENSE_RECORD, consent, consent_id, recorded, revoked, signed, withdrawn
from tests.deskwork import Appeal, Dispute, follow_up
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same
from tests.statements import County, MemoryLog

__all__ = ["targets"]

_LICENSE: Final = parse_license_record(LICENSE_RECORD)


def _statement(data: bytes) -> None:
    same(parse_statement(data).raw, data)


def _appeals() -> tuple[bytes, ...]:
    appeal = Appeal()
    return appeal.received(), appeal.passed(), appeal.answered()


def _objections() -> tuple[bytes, ...]:
    license_ = County("370214", MemoryLog(), MemoryLog()).identifier(1)
    return Dispute(license_).raised(), Dispute().raised(), Dispute().decided("WITHDRAWN")


def _consents() -> tuple[bytes, ...]:
    name = consent_id(1)
    return recorded(consent()), signed(consent(2)), revoked(name), revoked(name, withdrawal=withdrawn(name))


def _judged(data: bytes) -> None:
    """Whatever a consent holds, its holder's signature is judged by the license's record, or it is refused."""
    record = parse_statement(data)
    same(record.raw, data)
    if isinstance(record, ConsentRecord):
        record.after(_LICENSE)


def _help() -> tuple[bytes, ...]:
    kinds = ("ASSIGNED", "TRANSFERRED", "VIDEO_APPOINTMENT", "NOTED")
    return (*(assistance(kind) for kind in kinds), supervision())


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="case step", seeds=lambda: whole_case().raws, run=_statement)
    yield Target(name="hotline", seeds=_appeals, run=_statement)
    yield Target(name="objection", seeds=_objections, run=_statement)
    yield Target(name="follow-up", seeds=lambda: [follow_up()], run=_statement)
    yield Target(name="consent", seeds=_consents, run=_judged)
    yield Target(name="case help", seeds=_help, run=_statement)

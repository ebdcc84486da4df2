"""Targets of the journal's statements: read strictly, and judged in a moment whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator

from hub.journal.records import parse_statement
from tests.casefile import whole_case
from tests.casehelp import assistance, supervision
from tests.deskwork import Appeal, Dispute, follow_up
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same
from tests.statements import County, MemoryLog

__all__ = ["targets"]


def _statement(data: bytes) -> None:
    same(parse_statement(data).raw, data)


def _appeals() -> tuple[bytes, ...]:
    appeal = Appeal()
    return appeal.received(), appeal.passed(), appeal.answered()


def _objections() -> tuple[bytes, ...]:
    license_ = County("370214", MemoryLog(), MemoryLog()).identifier(1)
    return Dispute(license_).raised(), Dispute().raised(), Dispute().decided("WITHDRAWN")


def _help() -> tuple[bytes, ...]:
    kinds = ("ASSIGNED", "TRANSFERRED", "VIDEO_APPOINTMENT", "NOTED")
    return (*(assistance(kind) for kind in kinds), supervision())


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="case step", seeds=lambda: whole_case().raws, run=_statement)
    yield Target(name="hotline", seeds=_appeals, run=_statement)
    yield Target(name="objection", seeds=_objections, run=_statement)
    yield Target(name="follow-up", seeds=lambda: [follow_up()], run=_statement)
    yield Target(name="case help", seeds=_help, run=_statement)

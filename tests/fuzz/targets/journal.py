"""Targets of the journal's statements: read strictly, and judged in a moment whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator

from hub.journal.records import parse_statement
from tests.casefile import whole_case
from tests.deskwork import Appeal
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same

__all__ = ["targets"]


def _statement(data: bytes) -> None:
    same(parse_statement(data).raw, data)


def _appeals() -> tuple[bytes, ...]:
    appeal = Appeal()
    return appeal.received(), appeal.passed(), appeal.answered()


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="case step", seeds=lambda: whole_case().raws, run=_statement)
    yield Target(name="hotline", seeds=_appeals, run=_statement)

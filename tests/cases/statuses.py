"""Receipts in which every proof holds, and the license is not valid all the same."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.attestation import issue
from ledger.entries import build_status
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.verdict import Outcome
from tests.cases.case import Case, later_receipt, receipt
from tests.cases.seals import receipt_of
from tests.logbook import LogBook
from tests.small_log import CLAIMS, COUNTIES, GENESIS, LOG, SEALED, T0, VCT, issue_at, vector_random

__all__ = ["cases"]

SEAL = SEALED.partition("~")[0].encode()


def cases() -> Iterator[Case]:
    """Make the cases of steps 12 to 14."""
    yield Case(name="revoked", why="The issuer revoked it.", receipt=later_receipt, now=T0 + 3700, step=12,
               code="revoked", outcome=Outcome.REVOKED)  # fmt: skip
    yield Case(name="revoked_and_stale", why="Two findings: the graver one is said.", receipt=later_receipt,
               now=T0 + 9000, step=12, code="revoked", outcome=Outcome.REVOKED)  # fmt: skip
    yield Case(name="suspended", why="The issuer suspended it.", receipt=_with(Status.SUSPENDED, "02"), step=12,
               code="suspended", outcome=Outcome.SUSPENDED)  # fmt: skip
    yield Case(name="superseded", why="A renewed license took its place.", receipt=_with(Status.SUPERSEDED, "01", by=2),
               step=12, code="superseded", outcome=Outcome.SUPERSEDED)  # fmt: skip
    yield Case(name="stale", why="One second older than is asked for.", receipt=receipt, now=T0 + 181, step=14,
               code="stale", outcome=Outcome.STALE)  # fmt: skip
    short = issue_at(T0 + 60, exp=T0 + 140)
    data = receipt_of(short.partition("~")[0].encode())
    yield Case(name="expired", why="Its end came before now.", receipt=data, step=13, code="expired",
               outcome=Outcome.EXPIRED)  # fmt: skip
    yield Case(name="expired_this_second", why="exp itself is outside.", receipt=data, now=T0 + 140, step=13,
               code="expired", outcome=Outcome.EXPIRED)  # fmt: skip
    later = issue(CLAIMS, kid="370214#1", vct=VCT, iss="370214", iat=T0 + 60, nbf=T0 + 451,
                  signer=COUNTIES["370214"], random=vector_random()).partition("~")[0]  # fmt: skip
    yield Case(name="not_yet_valid", why="Its time begins more than 300 s from now.", receipt=receipt_of(later.encode()),
               step=13, code="not_yet_valid", outcome=Outcome.EXPIRED)  # fmt: skip


def _with(to: Status, reason: str, by: int | None = None) -> bytes:
    book = LogBook(GENESIS, LOG)
    renewed = issue_at(T0 + 70).partition("~")[0].encode()
    change = build_status(of=1, leaf=leaf_hash(SEAL), to=to, reason=reason, iat=T0 + 90, by=by, kid="370214#1",
                          signer=COUNTIES["370214"])  # fmt: skip
    return receipt_of(SEAL, book, after=[renewed, change])

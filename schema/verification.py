"""Verification of a receipt: one verdict with every step, and one word for the clerk.

    verify(receipt: "...", maxAge: 86400) {
      ... on Verdict { outcome clerkText code message steps { number name state } } ... on Problem { code } }

Bad input is a verdict, never an error. A receipt is checked under the hub's own policy and genesis, as whoever holds
those does offline (`tongban verify --sync`): the status that counts is that of the hub's newest witnessed checkpoint,
where it is newer than the receipt. A QR code leaves out what its verifier has synced; so the verdict on a code rests on
the hub's copy of the log.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Annotated, Final, TypeAlias

import strawberry
from strawberry.scalars import JSON

from ledger.encoding import b64_decode
from ledger.errors import Malformed, TongbanError
from ledger.qr import QR_PREFIX
from ledger.receipt import MAX_RECEIPT_BYTES
from ledger.verdict import Verdict as LedgerVerdict
from schema.context import Context
from schema.mapping import attribute
from schema.problems import Problem, problem_of
from schema.scalars import DateTime, LogNumber, instant

__all__ = [
    "DAY",
    "ClerkWord",
    "MaxAge",
    "ReceiptText",
    "StepState",
    "Verdict",
    "VerdictOutcome",
    "VerdictStep",
    "VerifyResult",
    "verify_receipt",
]

DAY: Final = 86_400
ReceiptText: TypeAlias = Annotated[
    str,
    strawberry.argument(
        description="The receipt file: its JSON text, or base64 of it; at most 512 KiB. Or a QR code's text: LIC1:…"
    ),
]
MaxAge: TypeAlias = Annotated[
    int, strawberry.argument(description="How old the proof may be before the verdict is STALE, seconds.")
]


_MAX_TEXT: Final = 4 * (MAX_RECEIPT_BYTES // 3 + 1)  # characters of base64 that the largest receipt has
_MAX_AGE: Final = 10 * 366 * 86_400


@strawberry.enum(description="What the checks of a receipt came to.")
class VerdictOutcome(Enum):
    """Each value is its GraphQL name."""

    VALID = strawberry.enum_value("VALID", description="Sealed, logged, witnessed, in force and fresh.")
    REVOKED = strawberry.enum_value("REVOKED", description="Withdrawn by its issuer.")
    SUSPENDED = strawberry.enum_value("SUSPENDED", description="Withheld for a time.")
    SUPERSEDED = strawberry.enum_value("SUPERSEDED", description="Replaced by a newer license.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="Past its last day, or not yet valid.")
    STALE = strawberry.enum_value("STALE", description="True when made, but too old to rely on: get a fresh one.")
    UNWITNESSED = strawberry.enum_value("UNWITNESSED", description="Not cosigned by a quorum of member counties.")
    FORGED = strawberry.enum_value("FORGED", description="A signature or proof does not hold, or it is no receipt.")


@strawberry.enum(description="The answer in one word, for the clerk at the counter.")
class ClerkWord(Enum):
    """Each value is the Chinese word that the clerk reads."""

    VALID_WORD = strawberry.enum_value("有效", description="有效: rely on it.")
    INVALID_WORD = strawberry.enum_value("失效", description="失效: no longer, or not now, in force.")
    DOUBTFUL_WORD = strawberry.enum_value("存疑", description="存疑: do not rely on it before the reason is settled.")
    NOT_FOUND_WORD = strawberry.enum_value("查无", description="查无: there is no such license (look-ups only).")


@strawberry.enum(description="What became of one step.")
class StepState(Enum):
    """Each value is its GraphQL name."""

    PASSED = strawberry.enum_value("PASSED", description="It holds.")
    FAILED = strawberry.enum_value("FAILED", description="It does not hold.")
    NOT_REACHED = strawberry.enum_value("NOT_REACHED", description="An earlier step failed.")


@strawberry.type(description="One of the fourteen numbered steps of the verification.")
class VerdictStep:
    """The steps stand in ledger/README.md with their numbers."""

    number: int = attribute(access="public", description="1 to 14.")
    name: str = attribute(access="public", description="Name of the step, e.g. quorum.")
    state: StepState = attribute(access="public", description="What became of it.")
    detail: str = attribute(access="public", description="What was found; empty if not reached.")


@strawberry.type(description="The result of verifying a receipt.")
class Verdict:
    """Outcome, reason and every step."""

    outcome: VerdictOutcome = attribute(access="public", description="What it came to.")
    clerk: ClerkWord = attribute(access="public", description="The same in one word for the counter.")
    clerk_text: str = attribute(access="public", description="That word in Chinese: 有效, 失效 or 存疑.")
    code: str = attribute(access="public", description="Stable code of the reason.")
    message: str = attribute(access="public", description="The reason in one sentence.")
    time: DateTime | None = attribute(access="public", description="As of when: the quorum's time; null if unknown.")
    age: int | None = attribute(access="public", description="Seconds since then, at least 0; null if unknown.")
    index: LogNumber | None = attribute(access="public", description="Log index of the seal, as the receipt says it.")
    steps: list[VerdictStep] = attribute(access="public", description="Every step, in order.")
    claims: JSON = attribute(access="public", description="What the seal says and the holder shows, once proved.")
    notes: list[str] = attribute(access="public", description="Codes of what to know beside the verdict.")


VerifyResult: TypeAlias = Annotated[
    Verdict | Problem, strawberry.union("VerifyResult", description="A verdict, or why none could be reached.")
]


def _receipt_bytes(text: str) -> bytes:
    """Read JSON and a code's text as they are, anything else as base64; what is neither goes on: it is FORGED."""
    if not text.startswith(("{", QR_PREFIX)):
        try:
            return b64_decode(text)
        except Malformed:
            pass
    return text.encode(errors="replace")


def _verdict(verdict: LedgerVerdict) -> Verdict:
    return Verdict(
        outcome=VerdictOutcome(verdict.outcome.value),
        clerk=ClerkWord(verdict.clerk),
        clerk_text=verdict.clerk,
        code=verdict.code,
        message=verdict.message,
        time=None if verdict.time is None else instant(verdict.time),
        age=None if verdict.age is None else max(verdict.age, 0),
        index=None if verdict.index is None else LogNumber(verdict.index),
        steps=[
            VerdictStep(number=step.number, name=step.name, state=StepState[step.state.name], detail=step.detail)
            for step in verdict.steps
        ],
        claims=JSON(dict(verdict.claims)),
        notes=list(verdict.notes),
    )


async def verify_receipt(context: Context, receipt: str, max_age: int) -> Verdict | Problem:
    """Verify a receipt's text (JSON or base64) or a QR code's; max_age in seconds, 0 to ten years."""
    try:
        if len(receipt) > _MAX_TEXT:
            raise Malformed("too_large", f"receipt: expected at most {_MAX_TEXT} characters, got {len(receipt)}")
        if not 0 <= max_age <= _MAX_AGE:
            raise Malformed("bad_number", f"maxAge: expected 0 to {_MAX_AGE} seconds, got {max_age}")
        return _verdict(await asyncio.to_thread(context.verify, _receipt_bytes(receipt), max_age))
    except TongbanError as error:
        return problem_of(error)

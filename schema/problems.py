"""Expected failures as typed results: one union member with the error tree's code, for every operation.

    ... on Problem { code kind message }

The kind is the class of `ledger.errors`: what the caller can do. Everything unexpected is no Problem: it is masked.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import strawberry

from ledger.errors import CODES, Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable
from schema.mapping import attribute

__all__ = ["Problem", "ProblemKind", "problem", "problem_of"]


@strawberry.enum(description="What the caller can do about a problem.")
class ProblemKind(Enum):
    """One value for each class of the error tree."""

    MALFORMED = strawberry.enum_value("MALFORMED", description="Reject: the input is not what its format allows.")
    NOT_VERIFIED = strawberry.enum_value("NOT_VERIFIED", description="Distrust: a signature or proof does not hold.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="Read again: valid, but not against the present state.")
    REFUSED = strawberry.enum_value("REFUSED", description="Ask for the right: the caller may not do or see this.")
    UNAVAILABLE = strawberry.enum_value("UNAVAILABLE", description="Retry later: a needed part does not answer now.")


_KINDS: Final[dict[type[TongbanError], ProblemKind]] = {
    Malformed: ProblemKind.MALFORMED,
    NotVerified: ProblemKind.NOT_VERIFIED,
    Conflict: ProblemKind.CONFLICT,
    Refused: ProblemKind.REFUSED,
    Unavailable: ProblemKind.UNAVAILABLE,
}


@strawberry.type(description="An expected failure, with a code that never changes its meaning.")
class Problem:
    """A result that is none, with the reason."""

    code: str = attribute(access="public", description="Stable code, e.g. bad_signature.")
    kind: ProblemKind = attribute(access="public", description="What the caller can do.")
    message: str = attribute(access="public", description="One sentence for a person.")


def problem(code: str, message: str) -> Problem:
    """Give the Problem of a code of the error tree. Raises KeyError for another code."""
    return Problem(code=code, kind=_KINDS[CODES[code]], message=message)


def problem_of(error: TongbanError) -> Problem:
    """Give an expected failure as a result."""
    return problem(error.code, error.message)

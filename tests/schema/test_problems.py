"""Every code of the error tree has a Problem that says what the caller can do."""

from __future__ import annotations

import pytest

from ledger.errors import CODES, Conflict
from schema.problems import ProblemKind, problem, problem_of

KINDS = {
    "Malformed": ProblemKind.MALFORMED,
    "NotVerified": ProblemKind.NOT_VERIFIED,
    "Conflict": ProblemKind.CONFLICT,
    "Refused": ProblemKind.REFUSED,
    "Unavailable": ProblemKind.UNAVAILABLE,
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_keeps_its_class(code: str) -> None:
    made = problem(code, "a sentence")
    assert (made.code, made.kind, made.message) == (code, KINDS[CODES[code].__name__], "a sentence")


def test_an_error_keeps_code_and_message() -> None:
    made = problem_of(Conflict("same_status", "it has this status already"))
    assert (made.code, made.kind, made.message) == (
        "same_status",
        ProblemKind.CONFLICT,
        "it has this status already",
    )


def test_a_code_that_the_tree_does_not_have_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        problem("made_up", "a sentence")

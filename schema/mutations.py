"""Mutations: entries for the ledger. An entry carries its own signatures; no token is asked.

    mutation($entries: [String!]!) { submitEntries(entries: $entries, wait: true) {
      ... on Submitted { index state receipt { text } } ... on Problem { code message } } }

One result for each entry, in order. The same entry again gives the same index: sending it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from ledger.encoding import b64u_encode
from ledger.errors import Malformed, TongbanError
from schema.context import Context, Submission
from schema.mapping import attribute, computed
from schema.problems import Problem, problem, problem_of
from schema.readafter import ReadAfter
from schema.scalars import Digest, LogNumber
from schema.transparency import InclusionProof, Receipt, inclusion_proof

__all__ = ["MAX_ENTRIES", "Mutation", "SubmissionState", "SubmitResult", "Submitted"]

MAX_ENTRIES: Final = 1000


@strawberry.enum(description="How far a submitted entry has come.")
class SubmissionState(Enum):
    """Each value is the registry's own word."""

    SEQUENCED = strawberry.enum_value("sequenced", description="Durable, and its index is final.")
    WITNESSED = strawberry.enum_value("witnessed", description="In a checkpoint that a quorum of counties cosigned.")


@strawberry.type(description="An entry that the ledger took.")
class Submitted:
    """Its place; with `wait`, also what proves it."""

    index: LogNumber = attribute(access="public", description="Index in the ledger, from 0.")
    leaf: Digest = attribute(access="public", description="Its RFC 6962 leaf hash.")
    state: SubmissionState = attribute(access="public", description="How far it has come.")
    receipt: Receipt | None = attribute(access="public", description="With wait: the receipt of a seal.")
    proof: InclusionProof | None = attribute(access="public", description="With wait: the proof of another entry.")


SubmitResult: TypeAlias = Annotated[
    Submitted | Problem, strawberry.union("SubmitResult", description="What became of one submitted entry.")
]
Entries: TypeAlias = Annotated[
    list[str],
    strawberry.argument(description="1 to 1,000 entries: compact JWS or general JWS JSON."),
]
Wait: TypeAlias = Annotated[
    bool, strawberry.argument(description="Wait up to 10 s until a quorum of counties has witnessed the entries.")
]


def _encoded(entry: str) -> bytes | None:
    """Give the entry's bytes, or None when the text holds a lone surrogate and so has none."""
    try:
        return entry.encode()
    except UnicodeEncodeError:
        return None


def _result(submission: Submission) -> Submitted | Problem:
    if submission.index is None or submission.leaf is None or submission.state is None:
        return problem(submission.code or "store_stopped", submission.message or "the ledger did not take the entry")
    index = LogNumber(submission.index)
    return Submitted(
        index=index,
        leaf=Digest(b64u_encode(submission.leaf)),
        state=SubmissionState(submission.state),
        receipt=None if submission.receipt is None else Receipt(log_index=index, text=submission.receipt.decode()),
        proof=None if submission.proof is None else inclusion_proof(submission.proof),
    )


async def _submit(context: Context, entries: Sequence[bytes], *, wait: bool) -> list[Submitted | Problem]:
    if not entries:
        return []
    try:
        submissions = await context.registry.submit(entries, wait=wait)
    except TongbanError as error:
        return [problem_of(error)] * len(entries)
    taken = [submission.index + 1 for submission in submissions if submission.index is not None]
    if taken:
        before = 0 if context.written is None else context.written.ledger
        context.written = ReadAfter(ledger=max(before, *taken))
    return [_result(submission) for submission in submissions]


@strawberry.type(description="What can be changed.")
class Mutation:
    """The ledger is the only thing that callers change; everything else follows from it."""

    @computed(access="public", cost=10)
    async def submit_entries(
        self,
        info: Info[Context, Any],
        entries: Entries,
        wait: Wait = False,  # noqa: FBT002  # a GraphQL argument has a name
    ) -> list[SubmitResult]:
        """Submit signed entries to the ledger: one result each, in order; an entry sent again gives the same index."""
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise Malformed("limit_exceeded", f"entries: expected 1 to {MAX_ENTRIES}, got {len(entries)}")
        encoded = [_encoded(entry) for entry in entries]
        results = iter(await _submit(info.context, [entry for entry in encoded if entry is not None], wait=wait))
        unreadable = problem("bad_encoding", "expected Unicode text without lone surrogates")
        return [unreadable if entry is None else next(results) for entry in encoded]

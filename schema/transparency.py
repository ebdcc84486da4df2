"""The ledger for people: the newest checkpoint, receipts, inclusion proofs. Machines read the C2SP paths instead.

Source: c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof; receipts are this project's `.lic-receipt`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from ledger.encoding import b64u_encode
from ledger.errors import TongbanError
from ledger.transparency.proof import TlogProof
from schema.context import Context, Published
from schema.mapping import attribute
from schema.problems import Problem, problem_of
from schema.scalars import DateTime, Digest, LogNumber, instant

__all__ = [
    "Checkpoint",
    "InclusionProof",
    "Receipt",
    "ReceiptResult",
    "checkpoint_of",
    "inclusion_proof",
    "receipt_at",
]


@strawberry.type(description="A published checkpoint of the ledger, cosigned by a quorum of member counties.")
class Checkpoint:
    """What is said here stands in the note, signed; check that, not this."""

    origin: str = attribute(access="public", description="Name of the log.")
    size: LogNumber = attribute(access="public", description="How many entries the log holds.")
    root: Digest = attribute(access="public", description="Root of the Merkle tree over them (RFC 6962).")
    time: DateTime = attribute(access="public", description="The quorum's time: the witnesses saw the log by then.")
    cosigners: list[str] = attribute(access="public", description="Names of the witnesses that cosigned it.")
    note: str = attribute(access="public", description="The signed note itself, as served at /ledger/checkpoint.")


def checkpoint_of(published: Published) -> Checkpoint:
    """Give the newest checkpoint; its origin is the note's first line."""
    note = published.note.decode()
    return Checkpoint(
        origin=note.partition("\n")[0],
        size=LogNumber(published.size),
        root=Digest(b64u_encode(published.root)),
        time=instant(published.time),
        cosigners=list(published.cosigners),
        note=note,
    )


@strawberry.type(description="A receipt: proves offline who sealed a license, that it is logged, and its status.")
class Receipt:
    """The file `.lic-receipt`, without disclosures: the holder adds those that a matter needs."""

    log_index: LogNumber = attribute(access="public", description="Index of the seal in the ledger.")
    text: str = attribute(access="public", description="The receipt file, canonical JSON; save it byte for byte.")


ReceiptResult: TypeAlias = Annotated[
    Receipt | Problem, strawberry.union("ReceiptResult", description="A fresh receipt, or why there is none now.")
]


async def receipt_at(context: Context, index: int) -> Receipt | Problem:
    """Make a fresh receipt of the seal at `index`."""
    try:
        data = await context.registry.receipt(index)
    except TongbanError as error:
        return problem_of(error)
    return Receipt(log_index=LogNumber(index), text=data.decode())


@strawberry.type(description="Where an entry stands in the log, proved by a Merkle path (c2sp.org/tlog-proof).")
class InclusionProof:
    """The parts of a proof file, and the file."""

    index: LogNumber = attribute(access="public", description="Index of the entry, from 0.")
    path: list[Digest] = attribute(access="public", description="Sibling hashes, leaf to root.")
    checkpoint: str = attribute(access="public", description="The signed note whose root the path leads to.")
    text: str = attribute(access="public", description="The proof file.")


def inclusion_proof(text: str) -> InclusionProof:
    """Give the parts of a proof file. Raises Malformed too_large, bad_proof_form, bad_note."""
    proof = TlogProof.parse(text.encode())
    return InclusionProof(
        index=LogNumber(proof.index),
        path=[Digest(b64u_encode(node)) for node in proof.path],
        checkpoint=proof.checkpoint.decode(),
        text=text,
    )

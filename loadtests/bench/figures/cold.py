"""First offline check of a receipt whose checkpoint the verifier has never seen, beside the bare signatures in it.

A fresh `Verifier` a receipt, made beforehand from policy and genesis, as an installed tool has it. What is timed is the
first receipt that it is shown: the log's signature, five cosignatures, the status head's and the issuer's, three paths,
two disclosures. Beside it: those eight Ed25519 verifications alone, with keys that are loaded already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.attestation import present
from ledger.entries import parse_seal
from ledger.receipt import with_presentation
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.bench.shelf import COUNTY, Shelf, sealed_licenses

__all__ = ["measure"]

_RECEIPTS: Final = 100
_SIGNATURES: Final = 8  # log, five cosigners, head, issuer
_SHOWN: Final = ("certificateTypeName", "certificateHolderName")
_REPEATS: Final = 5


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figure `receipt-cold`."""
    shelf, now = Shelf.found(folder), int(time.time())
    with shelf.alliance.node(COUNTY) as node:
        (sealed,) = sealed_licenses(node, 1, now=now)
        key = Ed25519PublicKey.from_public_bytes(node.keys.seal.public_key.x)
    published = shelf.publish([sealed.entry], now)
    file = with_presentation(published.receipts[0], present(sealed.sd_jwt, _SHOWN))
    policy, count = Policy.parse(published.policy), effort.amount(_RECEIPTS, least=20)

    def verifiers() -> list[Verifier]:
        return [Verifier(policy, published.genesis) for _ in range(count)]

    def check(fresh: list[Verifier]) -> None:
        for verifier in fresh:
            outcome = verifier.verify(file, now=now, max_age=60).outcome
            if outcome is not Outcome.VALID:
                raise ValueError(f"a good receipt is {outcome.name}")

    (signature,) = parse_seal(sealed.entry).signatures

    def bare(_: list[Verifier]) -> None:
        for _number in range(count * _SIGNATURES):
            key.verify(signature.signature, signature.message)

    pairs = [Pair(_least(check, verifiers, count), _least(bare, verifiers, count)) for _ in range(effort.rounds)]
    return [
        Reading(
            name="receipt-cold",
            title="offline receipt check, checkpoint never seen, 5 cosignatures, 2 claims shown",
            unit="us a receipt",
            beside=f"its {_SIGNATURES} bare Ed25519 verifications",
            pairs=tuple(pairs),
            gate=Gate(of="ours", sign="<=", bound=3_000),
        )
    ]


def _least(work: Callable[[list[Verifier]], None], fresh: Callable[[], list[Verifier]], count: int) -> float:
    """Give the quickest of a few runs in microseconds of CPU time a receipt; what is `fresh` is made outside of it."""
    seconds = []
    for _ in range(_REPEATS):
        verifiers = fresh()
        start = time.thread_time()
        work(verifiers)
        seconds.append(time.thread_time() - start)
    return min(seconds) / count * 1e6

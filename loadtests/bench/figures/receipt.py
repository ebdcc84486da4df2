"""Offline check of a receipt whose checkpoint is known, beside one bare Ed25519 verification.

Ours: `Verifier.verify` over receipts of different licenses under one checkpoint with five cosignatures, two of their
claims shown, every verdict VALID. Beside it: the issuer's signature of the same seals, verified with keys that are
loaded already. The second reading shows every claim of the license (for information, without a gate).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ledger.attestation import present
from ledger.receipt import with_presentation
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from loadtests.bench.measuring import Effort, Gate, Reading, cpu_pairs
from loadtests.bench.shelf import COUNTY, Receipts, Shelf, bare_verifications, sealed_licenses

__all__ = ["measure"]

_RECEIPTS: Final = 200
_SHOWN: Final = ("certificateTypeName", "certificateHolderName")  # as the holder does in the demo
_MAX_AGE_S: Final = 86_400


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figures `receipt` and `receipt-all-claims`."""
    shelf, count = Shelf.found(folder), effort.amount(_RECEIPTS, least=100)
    now = int(time.time())
    with shelf.alliance.node(COUNTY) as node:
        sealed = sealed_licenses(node, count, now=now)
        bare = bare_verifications(node.keys.seal.public_key, [each.entry for each in sealed])
    published = shelf.publish([each.entry for each in sealed], now)
    few = [present(each.sd_jwt, _SHOWN) for each in sealed]
    readings = [
        ("receipt", "2 claims shown", few, Gate(of="ratio", sign="<=", bound=2)),
        ("receipt-all-claims", "every claim shown", [each.sd_jwt for each in sealed], None),
    ]
    return [
        Reading(
            name=name,
            title=f"offline receipt check, checkpoint cached, {shown}",
            unit="us a receipt",
            beside="one bare Ed25519 verification",
            pairs=cpu_pairs(_receipt_check(published, presentations), bare, count, effort),
            gate=gate,
        )
        for name, shown, presentations, gate in readings
    ]


def _receipt_check(published: Receipts, presentations: Sequence[str]) -> Callable[[], None]:
    verifier = Verifier(Policy.parse(published.policy), published.genesis)
    pairs = zip(published.receipts, presentations, strict=True)
    files = [with_presentation(receipt, sd_jwt) for receipt, sd_jwt in pairs]

    def check() -> None:
        for file in files:
            verdict = verifier.verify(file, now=published.now, max_age=_MAX_AGE_S)
            if verdict.outcome is not Outcome.VALID:
                raise ValueError(f"a good receipt is {verdict.outcome.name}: {verdict.message}")

    return check

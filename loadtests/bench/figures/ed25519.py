"""One Ed25519 verification as the ledger does it, beside the same by OpenSSL with a key that is loaded already.

Messages as long as the signing input of a seal. Ours is the suite's whole check: the bounds that libraries leave open,
then libsodium.
"""

from __future__ import annotations

import random
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.suites import load_public_key, verify
from loadtests.bench.measuring import Effort, Reading, cpu_pairs

__all__ = ["measure"]

_MESSAGES: Final = 1_000
_MESSAGE_BYTES: Final = 700


def measure(effort: Effort) -> list[Reading]:
    """Measure the figure `ed25519`."""
    chance = random.Random(1)
    key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    messages = [chance.randbytes(_MESSAGE_BYTES) for _ in range(effort.amount(_MESSAGES, least=200))]
    signed = [(message, key.sign(message)) for message in messages]
    native, own = key.public_key(), load_public_key("Ed25519", key.public_key().public_bytes_raw())

    def ours() -> None:
        for message, signature in signed:
            verify(own, message, signature)

    def beside() -> None:
        for message, signature in signed:
            native.verify(signature, message)

    return [
        Reading(
            name="ed25519",
            title="one Ed25519 verification, as the ledger does it",
            unit="us",
            beside="the same by OpenSSL",
            pairs=cpu_pairs(ours, beside, len(signed), effort),
            gate=None,
        )
    ]

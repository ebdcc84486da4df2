"""SM2 on one core: verification and signing, beside `openssl speed sm2` of this machine.

Ours: `ledger.suites.verify` over different messages signed with one issuer's key, its table made; Z is cached, e is
computed from each message. Beside it: the rate that OpenSSL prints, which is over one digest and one key. Both sides
count CPU time of one thread, a second at a time in turn, and each side's quickest second of a round counts. The second
reading is `SoftwareSigner.sign`, which is GmSSL's; the third keys that are seen for the first time, without a table.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

from ledger.signers import SoftwareSigner
from ledger.sm2_curve import TABLE_AFTER
from ledger.suites import PublicKey, verify
from loadtests.bench.measuring import Effort, Gate, Pair, Reading

__all__ = ["measure"]

_MESSAGES: Final = 400
_MESSAGE_BYTES: Final = 300
_REPEATS: Final = 3
_RATES: Final = re.compile(r"^ *256 bits SM2 .*s +([0-9.]+) +([0-9.]+)$", re.MULTILINE)


def measure(effort: Effort) -> list[Reading]:
    """Measure the figures `sm2-verify`, `sm2-sign` and `sm2-verify-first`."""
    chance = random.Random(2)
    messages = [chance.randbytes(_MESSAGE_BYTES) for _ in range(effort.amount(_MESSAGES, least=TABLE_AFTER))]
    signer = SoftwareSigner.generate("SM2", chance.randbytes)
    signed = [(message, signer.sign(message)) for message in messages]
    firsts = [_first_signature(message, chance) for message in messages[:TABLE_AFTER]]
    works = (
        (lambda: _verify_all(signer.public_key, signed), len(signed)),
        (lambda: _sign_all(signer, messages), len(messages)),
        (lambda: _verify_each(firsts), len(firsts)),
    )
    _verify_all(signer.public_key, signed)  # the table of the issuer's key is made before the first round
    rounds = [_round(works, effort.amount(_REPEATS)) for _ in range(effort.rounds)]
    return [
        Reading(
            name=name,
            title=title,
            unit="a second",
            beside=f"`openssl speed sm2`, {beside}",
            pairs=tuple(each[place] for each in rounds),
            gate=gate,
        )
        for place, (name, title, beside, gate) in enumerate(_FIGURES)
    ]


_FIGURES: Final = (
    ("sm2-verify", "SM2 verification, key known", "verify", Gate(of="ratio", sign=">=", bound=0.9)),
    ("sm2-sign", "SM2 signing", "sign", None),
    ("sm2-verify-first", "SM2 verification, key seen for the first time", "verify", None),
)


def _round(works: Sequence[tuple[Callable[[], None], int]], repeats: int) -> tuple[Pair, ...]:
    runs = [(_openssl_rates(), [_rate(work, count) for work, count in works]) for _ in range(repeats)]
    sign, verified = (max(rates) for rates in zip(*(theirs for theirs, _ in runs), strict=True))
    ours = [max(rates) for rates in zip(*(ours for _, ours in runs), strict=True)]
    return tuple(Pair(*pair) for pair in zip(ours, (verified, sign, verified), strict=True))


def _rate(work: Callable[[], None], count: int) -> float:
    """Give items a second of this thread's CPU time, over at least one second of it."""
    start, done = time.thread_time(), 0
    while (passed := time.thread_time() - start) < 1:
        work()
        done += count
    return done / passed


def _openssl_rates() -> tuple[float, float]:
    """Give (sign/s, verify/s), over a second each of CPU time, as OpenSSL counts by default."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise FileNotFoundError("the figure sm2 stands beside `openssl speed`: there is no openssl here")
    text = subprocess.run([openssl, "speed", "-seconds", "1", "sm2"], capture_output=True, text=True, check=True).stdout
    found = _RATES.search(text)
    if found is None:
        raise ValueError("`openssl speed sm2` printed no rates: is SM2 left out of it?")
    return float(found[1]), float(found[2])


def _first_signature(message: bytes, chance: random.Random) -> tuple[PublicKey, bytes, bytes]:
    signer = SoftwareSigner.generate("SM2", chance.randbytes)
    return signer.public_key, message, signer.sign(message)


def _verify_all(key: PublicKey, signed: Sequence[tuple[bytes, bytes]]) -> None:
    for message, signature in signed:
        verify(key, message, signature)


def _verify_each(signed: Sequence[tuple[PublicKey, bytes, bytes]]) -> None:
    """Verify one signature a key; there are more keys than tables are kept, so that none gets its table."""
    for key, message, signature in signed:
        verify(key, message, signature)


def _sign_all(signer: SoftwareSigner, messages: Sequence[bytes]) -> None:
    for message in messages:
        signer.sign(message)

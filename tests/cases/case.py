"""A bypass case: a receipt that some verifier would take for good, and what ours has to say about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.encoding import canonical_json
from ledger.verdict import Outcome
from tests.small_log import AUDITORS, POLICY, SEALED, SHOWN, T0, sealed_log, small_log

__all__ = ["Case", "edited", "later_receipt", "receipt", "reseal"]

Edit = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Why it is dangerous, the receipt, and the expected outcome, code and failing step.

    now, max_age, policy, known_keys, holder: what the verifier is given, where it is not the usual.
    """

    name: str
    why: str
    receipt: bytes
    step: int
    code: str
    outcome: Outcome = Outcome.FORGED
    now: int = T0 + 150
    max_age: int = 60
    policy: bytes = POLICY
    holder: Mapping[str, str] = field(default_factory=dict)
    known_keys: Sequence[tuple[int, bytes]] = ()

    def files(self) -> dict[str, bytes]:
        """Make the files of the case's folder; the policy only where it is not that of the small log."""
        expected: dict[str, Any] = {"why": self.why, "outcome": self.outcome, "step": self.step, "code": self.code}
        expected |= {"now": self.now, "max_age": self.max_age}
        expected |= {"holder": dict(self.holder)} if self.holder else {}
        if self.known_keys:
            expected["known_keys"] = [{"index": index, "entry": entry.decode()} for index, entry in self.known_keys]
        text = json.dumps(expected, ensure_ascii=False, indent=1) + "\n"
        policy = {} if self.policy == POLICY else {"policy": self.policy}
        return {"case.json": text.encode(), "receipt.lic-receipt": self.receipt, **policy}


def _early() -> bytes:
    book, note = sealed_log()
    return book.receipt(1, SEALED, note, names=SHOWN)


def _late() -> bytes:
    book, note = small_log()
    return book.receipt(1, SEALED, note, names=SHOWN)


receipt: Final = _early()  # VALID at T0 + 150
later_receipt: Final = _late()  # REVOKED at T0 + 3700


def edited(edit: Edit, of: bytes = receipt) -> bytes:
    """Change the members of a receipt in place and write it canonically again."""
    document = json.loads(of)
    edit(document)
    return canonical_json(document)


def reseal(document: dict[str, Any], change: Callable[[bytes], bytes]) -> None:
    """Change the checkpoint inside a receipt's proof."""
    head, _, checkpoint = document["proof"].encode().partition(b"\n\n")
    document["proof"] = (head + b"\n\n" + change(checkpoint)).decode()


TIMES: Final = {county: (AUDITORS[county], T0 + 120 + number) for number, county in enumerate(sorted(AUDITORS))}
"""The cosigners of the early checkpoint, each with its time."""

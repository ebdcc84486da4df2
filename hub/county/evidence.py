"""Evidence: what a county believes the hub by. Checked offline, with the county's own copies of policy and genesis.

A seal is logged when its receipt verifies and is of this very entry; a status entry when its tlog-proof leads to a
checkpoint with a quorum of cosignatures. The hub's word alone counts for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.encoding import MAX_INTEGER, JsonValue
from ledger.errors import Malformed, NotVerified
from ledger.receipt import parse_receipt
from ledger.transparency.merkle import verify_inclusion
from ledger.transparency.proof import TlogProof
from ledger.verdict import Outcome
from ledger.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.county.outbox import Item

__all__ = ["Evidence", "EvidenceCheck", "check_receipt"]

Evidence = tuple[int, bytes]
"""Log index, and the bytes that prove it: a receipt file or a tlog-proof."""

_LOGGED: Final = frozenset({Outcome.VALID, Outcome.REVOKED, Outcome.SUSPENDED, Outcome.SUPERSEDED, Outcome.EXPIRED})


def check_receipt(verifier: Verifier, receipt: bytes, now: int) -> None:
    """Check that a receipt proves its seal to be logged, whatever its age and the license's status.

    Raises NotVerified no_quorum (UNWITNESSED under the verifier's policy), bad_inclusion (anything else).
    """
    verdict = verifier.verify(receipt, now=now, max_age=MAX_INTEGER)
    if verdict.outcome not in _LOGGED:
        code = "no_quorum" if verdict.outcome is Outcome.UNWITNESSED else "bad_inclusion"
        raise NotVerified(code, f"the receipt is {verdict.outcome}: {verdict.message}")


class EvidenceCheck:
    """Checks receipts and proofs against one policy and one pinned genesis; keeps what verified, so it is cheap."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def check(self, item: Item, answer: Mapping[str, JsonValue], now: int) -> Evidence | None:
        """Check the hub's answer for an item; None: it is sequenced only, without evidence yet.

        Raises NotVerified, Malformed when there is evidence and it does not hold.
        """
        name = "receipt" if item.kind == "seal" else "proof"
        text = answer.get(name)
        if text is None:
            return None
        if not isinstance(text, str):
            raise Malformed("bad_receipt", f"{name} is no text")
        data = text.encode("utf-8", "surrogatepass")
        return (self._receipt if item.kind == "seal" else self._proof)(item, data, now), data

    def _receipt(self, item: Item, data: bytes, now: int) -> int:
        receipt = parse_receipt(data)
        if receipt.entry != item.entry:
            raise NotVerified("bad_inclusion", "the receipt is of another seal")
        check_receipt(self._verifier, data, now)
        return receipt.proof.index

    def _proof(self, item: Item, data: bytes, now: int) -> int:
        proof = TlogProof.parse(data)
        anchor = self._verifier.anchor
        checkpoint = anchor.checkpoint(proof.checkpoint).checkpoint
        anchor.quorum_time(proof.checkpoint, now)
        verify_inclusion(item.leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
        return proof.index

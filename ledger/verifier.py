"""The offline verifier: one receipt in, one verdict out; no network, no clock, no exception for any input.

     #  step          checks                                                                         failure
     1  parse         size, canonical JSON, members, base64, forms of proof and note                 FORGED malformed
     2  entry         the text before the first `~` is a seal; leaf from its bytes                   FORGED
     3  log           origin is a log of the policy and signed; no known cosigner's line fails       FORGED
     4  quorum        enough witnesses of the policy cosigned; gives the time T                      UNWITNESSED
     5  inclusion     the leaf stands at `index` under the root                                      FORGED
     6  head          the last leaf is a head by the log key; it covers `index`                      FORGED
     7  keys          chain of key entries from the genesis to the state that the head binds         FORGED, STALE
     8  issuer        kid active at index for `seal`, signature; iat <= T + 300                      FORGED
     9  disclosures   each shown claim has its digest in the seal (RFC 9901)                         FORGED
    10  holder        key binding, only if the caller requires it                                    FORGED
    11  status proof  the status tile leads to the head's status root                                FORGED
    12  status        the two bits of `index`, from the newer of receipt and sync                    REVOKED, ...
    13  validity      nbf - 300 <= now < exp                                                         EXPIRED
    14  freshness     now - T <= max_age                                                             STALE

Steps 1-11 stop at the first failure. Steps 12-14 are all evaluated; the first of REVOKED, SUPERSEDED, SUSPENDED,
EXPIRED, STALE wins; none of them is VALID. There is no verdict without a policy, a pinned genesis and a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from ledger.anchor import TrustAnchor
from ledger.entries import Head
from ledger.errors import NotVerified
from ledger.examination import AHEAD_S, Examination, Finding, HolderChallenge
from ledger.receipt import Receipt, parse_receipt
from ledger.status import verify_status_proof
from ledger.sync import Synced
from ledger.transparency.merkle import verify_inclusion
from ledger.transparency.policy import Policy
from ledger.verdict import Verdict, utc

__all__ = ["AHEAD_S", "HolderChallenge", "Verifier", "verify"]

_NOTHING: Final[Mapping[int, bytes]] = {}


class Verifier:
    """Verifies receipts under one policy and one pinned genesis; keeps what verified, so that the next is cheap.

    With the checkpoint at hand a check costs little more than the issuer's signature. Safe to share between threads.
    policy_digest: SHA-256 of the policy file, for the note policy_not_current.
    Raises Malformed, NotVerified, Conflict if `genesis` is no valid genesis entry.
    """

    def __init__(self, policy: Policy, genesis: bytes, *, policy_digest: bytes | None = None) -> None:
        self.anchor: Final = TrustAnchor(policy, genesis, policy_digest=policy_digest)

    @classmethod
    def of_files(cls, policy: bytes, genesis: bytes) -> Verifier:
        """Give the verifier of two pinned files. Raises Malformed, NotVerified, Conflict."""
        return cls(Policy.parse(policy), genesis, policy_digest=sha256(policy).digest())

    def verify(
        self,
        receipt: bytes,
        *,
        now: int,
        max_age: int,
        known_keys: Sequence[tuple[int, bytes]] = (),
        synced: Synced | None = None,
        holder: HolderChallenge | None = None,
    ) -> Verdict:
        """Return the verdict on a receipt; the 14 steps of this module.

        now: POSIX seconds. max_age: greatest age of the checkpoint in seconds. known_keys: (index, entry) of member and
        rule entries that the verifier has. synced: newer statuses (`ledger.sync`). holder: set to require key binding.
        """
        known = dict(known_keys) if known_keys else _NOTHING
        return _ReceiptExamination(
            self.anchor, receipt, now=now, max_age=max_age, known=known, synced=synced, holder=holder
        ).run()


def verify(
    receipt: bytes,
    *,
    policy: Policy,
    genesis: bytes,
    now: int,
    max_age: int,
    known_keys: Sequence[tuple[int, bytes]] = (),
    synced: Synced | None = None,
    holder: HolderChallenge | None = None,
) -> Verdict:
    """Return the verdict on one receipt. Arguments as for Verifier, which is the choice for more than one receipt."""
    verifier = Verifier(policy, genesis)
    return verifier.verify(receipt, now=now, max_age=max_age, known_keys=known_keys, synced=synced, holder=holder)


class _ReceiptExamination(Examination):
    """A receipt: every proof comes with it, under one checkpoint."""

    receipt: Receipt
    head: Head

    def __init__(
        self,
        anchor: TrustAnchor,
        data: bytes,
        *,
        now: int,
        max_age: int,
        known: Mapping[int, bytes],
        synced: Synced | None,
        holder: HolderChallenge | None,
    ) -> None:
        super().__init__(anchor, now=now, max_age=max_age, holder=holder)
        self.data, self.known, self.synced = data, known, synced

    def check_parse(self) -> str:  # 1
        self.receipt = parse_receipt(self.data)
        self.index, self.presentation = self.receipt.proof.index, self.receipt.sd_jwt
        return f"{len(self.data)} bytes"

    def check_log(self) -> str:  # 3
        checkpoint = self.anchor.checkpoint(self.receipt.proof.checkpoint).checkpoint
        if self.synced is not None:
            self.synced.check_root(checkpoint.size, checkpoint.root)
        return f"checkpoint of {checkpoint.origin}, size {checkpoint.size}"

    def check_quorum(self) -> str:  # 4
        self.time = self.anchor.quorum_time(self.receipt.proof.checkpoint, self.now)
        return f"witnessed at {utc(self.time)}"

    def check_inclusion(self) -> str:  # 5
        proof = self.receipt.proof
        checkpoint = self.anchor.checkpoint(proof.checkpoint).checkpoint
        verify_inclusion(self.seal.leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
        return f"entry {proof.index}"

    def check_head(self) -> str:  # 6
        self.head = self.anchor.head(self.receipt.proof.checkpoint, self.receipt.head, self.receipt.head_path)
        if self.index >= self.head.n:
            raise NotVerified("bad_head", f"the head covers {self.head.n} entries and not this one")
        return f"covers {self.head.n} entries"

    def check_keys(self) -> str:  # 7
        origin = self.anchor.checkpoint(self.receipt.proof.checkpoint).checkpoint.origin
        self.keys = self.anchor.bound_keys(self.head, origin, self.receipt.keys, self.known)
        return "key state follows from the pinned genesis"

    def check_status_proof(self) -> str:  # 11
        receipt = self.receipt
        self.status = verify_status_proof(self.index, self.head.n, receipt.tile, receipt.status_path, self.head.root)
        return "status tile leads to the head's root"

    def judge_status(self) -> Finding | None:  # 12
        if self.synced is not None and self.synced.size >= self.head.n:
            self.status = self.synced.status_of(self.index)
            self.time = self.synced.time_after(self.head.n, self.time)
        return super().judge_status()

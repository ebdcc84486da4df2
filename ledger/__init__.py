"""What is true: identifiers, seals, attestations, the transparency log, status, receipts and the verifier.

    from ledger import Outcome, Policy, Verifier

    verifier = Verifier(Policy.parse(policy_file), genesis_file)
    verdict = verifier.verify(receipt_file, now=1_780_300_950, max_age=3600)

    verdict.outcome                                # Outcome.VALID
    verdict.clerk                                  # 有效
    verdict.claims["certificateTypeName"]          # 营业执照
    [str(step.state) for step in verdict.steps]    # fourteen times "passed"

Any bytes give a verdict; there is none without a policy, a pinned genesis and a time. Nothing here reads a clock,
a network, an environment or a file: time, randomness and storage are arguments. Formats: README.md beside this file.
"""

from __future__ import annotations

from ledger.batch import BatchSettings, verify_many
from ledger.entries import Entry, Head, MemberChange, RuleChange, Seal, StatusChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable
from ledger.members import KeyState
from ledger.qr_verifier import FieldVerifier
from ledger.receipt import Receipt, format_receipt, parse_receipt, with_presentation
from ledger.status import Status, StatusArray
from ledger.sync import Synced, SyncedLog, check_sync
from ledger.sync_files import SyncFiles
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome, Step, StepState, Verdict
from ledger.verifier import HolderChallenge, Verifier, verify

__all__ = [
    "BatchSettings",
    "Conflict",
    "Entry",
    "FieldVerifier",
    "Head",
    "HolderChallenge",
    "KeyState",
    "Malformed",
    "MemberChange",
    "NotVerified",
    "Outcome",
    "Policy",
    "Receipt",
    "Refused",
    "RuleChange",
    "Seal",
    "Status",
    "StatusArray",
    "StatusChange",
    "Step",
    "StepState",
    "SyncFiles",
    "Synced",
    "SyncedLog",
    "TongbanError",
    "Unavailable",
    "Verdict",
    "Verifier",
    "check_sync",
    "format_receipt",
    "parse_entry",
    "parse_receipt",
    "verify",
    "verify_many",
    "with_presentation",
]

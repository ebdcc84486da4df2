"""Which policy is in force: the file in a folder, compared with the one that the ledger's key state names.

A rule entry by k of n members names a policy by its SHA-256 (`tongban ledger rule propose --policy`). The file itself
is handed out by people, to the hub, the nodes and every verifier; nobody takes one up by itself. Until the key state
names one, the file from the founding is in force.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hub.folderfiles import replace_file
from ledger.errors import Conflict
from ledger.transparency.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.members import KeyState

__all__ = ["install_policy", "policy_fault"]


def policy_fault(policy: bytes, state: KeyState) -> str | None:
    """Say why a policy file is not the one in force, or None. state: the newest that is known."""
    named = state.documents.get("policy")
    if named is None or named == hashlib.sha256(policy).digest():
        return None
    return f"the policy file is not the one that the key state names, SHA-256 {named.hex()}"


def install_policy(data: Path, policy: bytes, state: KeyState) -> None:
    """Put a policy file in the place of the folder's. Raises Malformed bad_policy, Conflict wrong_target."""
    Policy.parse(policy)
    if state.documents.get("policy") is None:
        raise Conflict("wrong_target", "the key state names no policy: a rule entry does that first")
    if fault := policy_fault(policy, state):
        raise Conflict("wrong_target", fault)
    replace_file(data / "policy", policy)

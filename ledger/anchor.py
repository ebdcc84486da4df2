"""Trust anchor: what a verifier was given (policy, genesis), and the checks of a log that rest on it alone.

Many receipts come with one checkpoint. What verified once is kept by its bytes in bounded caches: checkpoints with
their signatures and cosignatures, heads, chains of key entries. What failed is never kept. Safe to share between
threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ledger.entries import Head, MemberChange, parse_entry
from ledger.errors import Malformed, NotVerified
from ledger.heads import verify_head
from ledger.members import KeyState, follow_chain
from ledger.suites import load_public_key
from ledger.transparency.checkpoint import SignedCheckpoint, verify_checkpoint
from ledger.transparency.merkle import verify_inclusion
from ledger.transparency.note import Note
from ledger.transparency.policy import AHEAD_S, Policy

__all__ = ["BoundKeys", "KeyEntries", "TrustAnchor"]

_KEPT: Final = 64  # checkpoints, heads, chains

KeyEntries = tuple[tuple[int, bytes], ...]
"""(log index, entry) of member and rule entries after the genesis, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundKeys:
    """A key state with its hash, as a head binds it."""

    state: KeyState
    digest: bytes


class TrustAnchor:
    """A policy and a pinned genesis.

    policy_digest: SHA-256 of the policy file, to compare with the one that the key state names; None if unknown.
    Raises Malformed, NotVerified, Conflict if `genesis` is no valid genesis entry.
    """

    def __init__(self, policy: Policy, genesis: bytes, *, policy_digest: bytes | None = None) -> None:
        self.policy: Final = policy
        self.genesis: Final = _genesis(genesis)
        self._policy_digest: Final = policy_digest
        self._checkpoint = lru_cache(maxsize=_KEPT)(self._check_checkpoint)
        self._quorum = lru_cache(maxsize=_KEPT)(self._check_quorum)
        self._head = lru_cache(maxsize=_KEPT)(self._check_head)
        self._chain = lru_cache(maxsize=_KEPT)(self._check_chain)

    def checkpoint(self, note: bytes) -> SignedCheckpoint:
        """Check a checkpoint: its origin is a log of the policy and signed it, no known cosigner's line fails.

        Raises Malformed bad_note, bad_checkpoint, NotVerified bad_signature.
        """
        return self._checkpoint(note)

    def _check_checkpoint(self, note: bytes) -> SignedCheckpoint:
        return verify_checkpoint(Note.parse(note), self.policy.keys)

    def quorum_time(self, note: bytes, now: int) -> int:
        """Return the quorum time T of a checkpoint, POSIX seconds. Raises as checkpoint, NotVerified no_quorum."""
        times = self._checkpoint(note).cosignatures.values()
        # From the newest cosignature - 300 s on all of them count, and T stays the same: one place in the cache.
        return self._quorum(note, min(now, max(times, default=0) - AHEAD_S))

    def _check_quorum(self, note: bytes, now: int) -> int:
        return self.policy.quorum_time(self._checkpoint(note).cosignatures, now)

    def head(self, note: bytes, raw: bytes, path: tuple[bytes, ...]) -> Head:
        """Check a status head: signed by the log of the checkpoint, its last leaf.

        path: inclusion of the head at size - 1, from the sibling up. Raises Malformed (form of the head), NotVerified
        bad_head, bad_signature, bad_inclusion.
        """
        return self._head(note, raw, path)

    def _check_head(self, note: bytes, raw: bytes, path: tuple[bytes, ...]) -> Head:
        signed = self._checkpoint(note)
        checkpoint, key = signed.checkpoint, load_public_key("Ed25519", signed.log.public_key)
        head = verify_head(raw, origin=checkpoint.origin, key=key, size=checkpoint.size)
        verify_inclusion(head.leaf, checkpoint.size - 1, checkpoint.size, path, checkpoint.root)
        return head

    def bound_keys(self, head: Head, origin: str, brought: KeyEntries, known: Mapping[int, bytes]) -> BoundKeys:
        """Follow the keys from the pinned genesis to the state that a verified head binds.

        brought: entries that came with the receipt, all of them below the head. known: entries by index that the
        verifier has; those at or above the head's index are left out.
        Raises Malformed, NotVerified, Conflict (an entry does not verify), NotVerified bad_head (log or entry is not of
        this head), bad_consistency (known and brought differ), keys_behind (the head binds another state).
        """
        if origin != self.genesis.origin:
            raise NotVerified("bad_head", f"the pinned genesis is of the log {self.genesis.origin}")
        entries = {index: raw for index, raw in known.items() if index < head.n}
        for index, raw in brought:
            if index >= head.n:
                raise NotVerified("bad_head", "a key entry is not below the head", index=index)
            if entries.setdefault(index, raw) != raw:
                raise NotVerified("bad_consistency", "a key entry is not the one known at its index", index=index)
        keys = self._chain(tuple(sorted(entries.items())))
        if keys.digest != head.keys:
            raise NotVerified("keys_behind", "the head binds another key state: key entries are missing")
        return keys

    def _check_chain(self, entries: KeyEntries) -> BoundKeys:
        state = follow_chain(self.genesis, entries)
        return BoundKeys(state=state, digest=state.digest())

    def policy_named(self, state: KeyState) -> str | None:
        """Give SHA-256 (hex) of the policy file that a key state names, if it is another than ours; None: it is not.

        None also if nobody said which file ours is.
        """
        named = state.documents.get("policy")
        return None if named is None or self._policy_digest in {None, named} else named.hex()

    def notes(self, keys: BoundKeys) -> tuple[str, ...]:
        """Say what to know beside a verdict: policy_not_current, disjoint_quorums."""
        stale = self.policy_named(keys.state) is not None
        found = {"policy_not_current": stale, "disjoint_quorums": self.policy.shared == 0}
        return tuple(name for name, holds in found.items() if holds)


def _genesis(raw: bytes) -> KeyState:
    entry = parse_entry(raw)
    if not isinstance(entry, MemberChange):
        raise Malformed("unknown_typ", "genesis is no member entry")
    return KeyState.genesis(entry)

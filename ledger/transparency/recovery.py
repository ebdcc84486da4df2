"""What the writer holds in memory, loaded from a store and checked before anything is built on it.

Checked are: the note's signature and origin, the right edge of the tree hashed again, the root against the note, the
last entry as the head of this size, and what that head binds: the key state replayed from the genesis, the statuses.
The whole log, entry by entry, is the business of `ledger.transparency.fsck`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ledger.entries import MemberChange, RuleChange, Seal, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.heads import Head, verify_head
from ledger.members import KeyState, verify_signatures
from ledger.status import Status, StatusArray
from ledger.suites import PublicKey
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.edge import TileEdge
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import Note, VerifierKey, keyring
from ledger.transparency.store import Reader, StoreState

__all__ = ["Standing", "load_keys", "load_newest_iat", "load_standing", "load_statuses", "load_tree"]

_PAGE: Final = 1000  # entries read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A log as it stands after its last commit. checkpoint: of the signed note. head: its last entry."""

    checkpoint: Checkpoint
    head: Head
    edge: TileEdge
    keys: KeyState
    statuses: StatusArray


def load_standing(reader: Reader, state: StoreState, log_key: VerifierKey) -> Standing:
    """Load and check. Raises NotVerified corrupt_store, with the index at fault where one is known."""
    with _as_corrupt():
        checkpoint = verify_checkpoint(Note.parse(state.note), keyring([log_key])).checkpoint
        if (checkpoint.origin, checkpoint.size) != (state.origin, state.size):
            raise NotVerified("corrupt_store", "the note is of another log or size than the store says")
        if state.published > state.size:
            raise NotVerified("corrupt_store", "more entries are published than there are")
    return load_tree(reader, checkpoint, state.genesis_leaf, log_key)


def load_tree(reader: Reader, checkpoint: Checkpoint, genesis_leaf: bytes, log_key: VerifierKey) -> Standing:
    """Load the entries below `checkpoint` and what follows from them, whoever signed it. Raises as load_standing."""
    with _as_corrupt():
        return _load(reader, checkpoint, genesis_leaf, log_key)


@contextmanager
def _as_corrupt() -> Iterator[None]:
    try:
        yield
    except TongbanError as error:
        if isinstance(error, NotVerified) and error.code == "corrupt_store":
            raise
        raise NotVerified("corrupt_store", f"the stored log does not hold: {error}", index=error.index) from error
    except (AttributeError, TypeError, ValueError) as error:  # SQLite keeps values of any type in any column
        raise NotVerified("corrupt_store", f"the stored log holds a value of another type: {error}") from error


def _load(reader: Reader, checkpoint: Checkpoint, genesis_leaf: bytes, log_key: VerifierKey) -> Standing:
    size, key = checkpoint.size, PublicKey("Ed25519", log_key.public_key)
    edge = TileEdge.load(size, reader.tile, lambda start, stop: list(map(leaf_hash, reader.entries(start, stop))))
    if edge.root() != checkpoint.root:
        raise NotVerified("corrupt_store", "the tree has another root than the signed note", index=size - 1)
    (raw,) = reader.entries(size - 1, size)
    head = verify_head(raw, origin=checkpoint.origin, key=key, size=size)
    keys = load_keys(reader, genesis_leaf)
    statuses = load_statuses(reader, head.n)
    if keys.digest() != head.keys or statuses.root() != head.root:
        raise NotVerified("corrupt_store", "keys or statuses are not those of the last head", index=head.n)
    return Standing(checkpoint=checkpoint, head=head, edge=edge, keys=keys, statuses=statuses)


def load_keys(reader: Reader, genesis_leaf: bytes) -> KeyState:
    """Replay the member and rule entries, every signature checked. Raises TongbanError as the entry's checks do."""
    state: KeyState | None = None
    for index, raw in reader.governance(0):
        entry = parse_entry(raw)
        if not isinstance(entry, MemberChange | RuleChange):
            raise NotVerified("corrupt_store", "an entry in general form is neither member nor rule", index=index)
        if state is None:
            if not isinstance(entry, MemberChange) or index or entry.leaf != genesis_leaf:
                raise NotVerified("corrupt_store", "the log does not begin with its genesis", index=index)
            state = KeyState.genesis(entry)
            continue
        verify_signatures(entry, state, index)
        state = state.apply(entry, index)
    if state is None:
        raise NotVerified("corrupt_store", "the log has no genesis", index=0)
    return state


def load_newest_iat(reader: Reader, start: int, stop: int) -> int:
    """Give the latest time of a seal among the entries start..stop-1, 0 if there is none.

    Raises NotVerified corrupt_store.
    """
    with _as_corrupt():
        pages = (reader.entries(first, min(first + _PAGE, stop)) for first in range(start, stop, _PAGE))
        seals = (entry for page in pages for entry in map(parse_entry, page) if isinstance(entry, Seal))
        return max((seal.iat for seal in seals), default=0)


def load_statuses(reader: Reader, n: int) -> StatusArray:
    """Load the statuses of the entries 0..n-1 as of the head at index n, and compute their root.

    Changes made by later entries are undone, newest first. Raises NotVerified corrupt_store.
    """
    tiles, changes = reader.statuses(n)
    array = bytearray(b"".join(tiles)[: -(-n // 4)])
    if n % 4:
        array[-1] &= (1 << 2 * (n % 4)) - 1  # entries after n may have a status by now
    statuses = StatusArray.from_bytes(bytes(array), n)
    for change in changes:
        if change.target < n:
            statuses.set(change.target, Status(change.was))
    statuses.root()  # now, so that readers in many threads find nothing left to compute
    return statuses

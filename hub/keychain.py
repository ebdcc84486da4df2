"""The chain of member and rule entries from the pinned genesis on: read from a log, kept in a folder, never shortened.

    keys.json   [{"index":0,"entry":"…"},…]     genesis, member and rule entries, as a sync folder has them, too

The log's word counts for nothing: every entry is checked from the pinned genesis on, and the state that they give is
the one that a witnessed status head binds, so none is left out. What a folder keeps was checked so when it was written.
A folder that a county, a hub or a sync has made serves: it holds `genesis`, `policy` and, from the first change on,
`keys.json`.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.folderfiles import locked_folder, read_file, replace_file
from ledger.anchor import KeyEntries
from ledger.entries import MemberChange, parse_entry
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.jws import MAX_ENTRY_BYTES
from ledger.members import KeyState, follow_chain
from ledger.sync_files import SYNC_FILES, format_keys, parse_head, parse_keys
from ledger.transparency.note import MAX_NOTE_BYTES

if TYPE_CHECKING:
    from hub.logclient import HttpLog
    from ledger.anchor import TrustAnchor

__all__ = ["FolderChain", "KeyChain", "fetch_chain", "parse_key_entries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChain:
    """A checked chain. entries: (log index, entry) after the genesis, ascending. state: what all of them add up to.

    size: the log indexes below it hold no other change. time: when a quorum said so, POSIX seconds; None: read from a
    folder, which may be behind.
    """

    genesis: bytes
    entries: KeyEntries
    state: KeyState
    size: int
    time: int | None = None

    @classmethod
    def follow(cls, genesis: bytes, entries: KeyEntries) -> KeyChain:
        """Check entries from the genesis on. Raises Malformed, NotVerified, Conflict as ledger.members.follow_chain."""
        first = parse_entry(genesis)
        if not isinstance(first, MemberChange):
            raise Malformed("unknown_typ", "genesis is no member entry")
        state = follow_chain(KeyState.genesis(first), entries)
        size = entries[-1][0] + 1 if entries else 1
        return cls(genesis=genesis, entries=entries, state=state, size=size)

    def text(self) -> bytes:
        """Write keys.json."""
        return format_keys([(0, self.genesis), *self.entries])


def parse_key_entries(data: bytes, genesis: bytes) -> KeyEntries:
    """Read keys.json or a part of it, as the log serves it; the genesis, where it comes first, must be this one.

    Raises Malformed, NotVerified bad_consistency.
    """
    rows = [] if data == b"[]" else parse_keys(data)
    if rows and rows[0][0] == 0 and rows.pop(0)[1] != genesis:
        raise NotVerified("bad_consistency", "the keys do not begin with the pinned genesis")
    return tuple(rows)


def fetch_chain(log: HttpLog, anchor: TrustAnchor, known: KeyChain, now: int) -> KeyChain:
    """Ask a log for the changes after those known, and check the whole against its newest witnessed head.

    Raises as `HttpLog.need`; NotVerified no_quorum, bad_signature, keys_behind (the log left an entry out),
    bad_consistency (it does not hold what is known here, or is older), Malformed, Conflict.
    """
    note = log.need("checkpoint", MAX_NOTE_BYTES)
    signed = anchor.checkpoint(note)
    time = anchor.quorum_time(note, now)
    jws, path = parse_head(log.need(f"head?size={signed.checkpoint.size}", SYNC_FILES["head.json"]))
    head = anchor.head(note, jws, path)
    if head.n < known.size:
        raise NotVerified("bad_consistency", f"the log shows {head.n} entries, {known.size} are known here")
    brought = parse_key_entries(log.need(f"keys?from={known.size}", SYNC_FILES["keys.json"]), known.genesis)
    entries = (*known.entries, *(each for each in brought if each[0] < head.n))
    bound = anchor.bound_keys(head, signed.checkpoint.origin, (), dict(entries))
    return KeyChain(genesis=known.genesis, entries=entries, state=bound.state, size=head.n, time=time)


class FolderChain:
    """The chain that a folder keeps, checked again when another process has replaced the file. Thread-safe."""

    def __init__(self, data: Path) -> None:
        self._data: Final = data
        self._lock: Final = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._chain: KeyChain | None = None

    def chain(self) -> KeyChain:
        """Give the chain as the folder has it. Raises Unavailable not_ready (no genesis), Malformed, NotVerified."""
        seen = _identity(self._data / "keys.json")
        with self._lock:
            if self._chain is None or seen != self._seen:
                self._chain, self._seen = self._read(), seen
            return self._chain

    def founded(self) -> KeyChain | None:
        """Give the chain, or None while the folder has no genesis yet."""
        return self.chain() if self._chain is not None or (self._data / "genesis").exists() else None

    def _read(self) -> KeyChain:
        genesis = read_file(self._data / "genesis", MAX_ENTRY_BYTES)
        if genesis is None:
            raise Unavailable("not_ready", "the file genesis is not in the data folder yet")
        rows = read_file(self._data / "keys.json", SYNC_FILES["keys.json"])
        return KeyChain.follow(genesis, () if rows is None else parse_key_entries(rows, genesis))

    def keep(self, chain: KeyChain) -> bool:
        """Put a chain into the folder if it is longer than the one there, on disk when this returns; tell whether.

        Raises NotVerified bad_consistency: it is another chain than the folder's.
        """
        with locked_folder(self._data):  # of two processes the one that knows less must not write last
            held = self.chain().entries
            if chain.entries[: len(held)] != held:
                raise NotVerified("bad_consistency", "the chain of keys is not the one known here, grown")
            if len(chain.entries) == len(held):
                return False
            replace_file(self._data / "keys.json", chain.text())
            return True


def _identity(path: Path) -> tuple[int, ...]:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return ()
